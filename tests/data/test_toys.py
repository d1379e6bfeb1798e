import os
from itertools import product

import pytest
import torch

from capsedu.data import available, load, sources
from capsedu.data import toys as module
from capsedu.data.toys.models import BUILDERS, toy
from capsedu.data.toys.render import LIGHTS, lamp_seen, render, trace
from capsedu.data.toys.solids import Box, Cone, Toy, Wheel
from capsedu.errors import CapseduError

EVERY = list(product(BUILDERS, range(10)))


def points(n, reach=1.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(3, n, generator=generator) - 1) * reach


def ball(radius=0.5):
    return Toy([Cone((0, 0, 0), (0, 0, 0), radius, radius)])


def test_the_distance_to_a_ball_a_box_and_a_wheel_is_exact():
    at = points(200)
    assert torch.allclose(ball().distance(at), at.norm(dim=0) - 1, atol=0.05)
    box = Toy([Box((0, 0, 0), (0.5, 0.4, 0.3), 0.0)])
    outside = torch.tensor([[2.0, 0, 0], [0, 0, 2.0], [2.0, 2.0, 0]]).T / box.scale
    expected = torch.tensor([1.5, 1.7, (1.5**2 + 1.6**2) ** 0.5]) / box.scale
    assert torch.allclose(box.distance(outside), expected, atol=1e-4)
    for flat, direction in [(False, [0, 2.0, 0]), (True, [0, 0, 2.0])]:
        wheel = Toy([Wheel((0, 0, 0), 0.5, 0.1, 0.0, flat)])
        along = torch.tensor([direction, [2.0, 0, 0]]).T / wheel.scale
        expected = torch.tensor([1.9, 1.5]) / wheel.scale
        assert torch.allclose(wheel.distance(along), expected, atol=1e-4)


@pytest.mark.parametrize(("kind", "instance"), EVERY)
def test_every_toy_is_a_solid_that_the_tracer_can_trust(kind, instance):
    solid = toy(kind, instance)
    here, step = points(500), 0.05 * points(500, 1.0, seed=1)
    distance = solid.distance(here)
    change = (solid.distance(here + step) - distance).abs() / step.norm(dim=0)
    assert change.max() < 1.25  # 1 for an exact distance
    assert torch.allclose(distance, solid.distance(here * torch.tensor([[1.0], [-1], [1]])))
    assert distance[here.norm(dim=0) > 1.1].min() > 0  # it fits the unit sphere,
    rim = points(40_000, 1.0)
    rim = rim[:, rim.norm(dim=0) < 1.02]
    inside = rim[:, solid.distance(rim) < 0]
    assert inside.norm(dim=0).max() > 0.75  # and fills it
    assert abs(inside[2].min() - solid.floor) < 0.2  # and stands on the ground


def test_fifty_toys_are_all_different():
    at = points(300, 0.8)
    distances = torch.stack([toy(kind, instance).distance(at) for kind, instance in EVERY])
    apart = torch.cdist(distances, distances) + torch.eye(50) * 9
    assert apart.min() > 0.3


def test_rays_end_on_the_ball_or_on_the_ground():
    solid = ball()
    start = torch.tensor([[5.0, 0, 0], [5.0, 0, 3.0], [0.3, 0, 5.0]]).T
    ray = torch.tensor([[-1.0, 0, -1e-4], [0, 0, -1.0], [0, 0, -1.0]]).T
    end, hit = trace(solid, start, ray)
    assert hit.tolist() == [True, False, True]
    assert torch.allclose(end[:, 0], torch.tensor([1.0, 0, 0]), atol=0.05)
    assert torch.allclose(end[:, 1], torch.tensor([5.0, 0, solid.floor]), atol=1e-5)
    assert torch.allclose(end[:, [2]].norm(dim=0), torch.ones(1), atol=0.05)


def test_a_ball_casts_its_shadow_away_from_the_lamp():
    solid = ball()
    to_lamp = torch.tensor([[0.6], [0.0], [0.8]])
    ground = torch.tensor([[-0.5, 0, -1.0], [2.0, 0, -1.0], [0.0, 2.0, -1.0]]).T
    seen = lamp_seen(solid, ground, to_lamp, torch.ones(3, dtype=torch.bool))
    assert seen[0] < 0.1 and seen[1] == 1 and seen[2] == 1


def test_a_ball_looks_the_same_from_every_azimuth_and_has_its_size():
    views = torch.stack([render(ball(), 50, azimuth, (0,)) for azimuth in (0, 70, 200)]).int()
    assert (views[0] - views[1]).abs().float().mean() < 1
    assert (views[0] - views[2]).abs().float().mean() < 1
    # At distance 5, a ball of radius 1 is seen up to tan(asin(1/5)) = 0.204 from the middle.
    start = torch.tensor([[5.0], [0], [0]]).expand(3, 2)
    for angle, expected in [(0.19, True), (0.2105, False)]:
        ray = torch.tensor([[-1.0, angle, -1e-4]]).T.expand(3, 2)
        assert trace(ball(), start, ray / ray[:, :1].norm())[1].tolist() == [expected] * 2


def test_pictures_show_view_light_and_stereo():
    horse = toy("animal", 0)
    first = render(horse, 40, 20, (0, 3), size=24).float()
    assert first.shape == (2, 2, 24, 24)

    def apart(one, other):
        return (one - other).abs().mean()

    assert torch.equal(first, render(horse, 40, 20, (0, 3), size=24).float())
    assert apart(first[0], first[1]) > 5  # lights
    assert 1 < apart(first[:, 0], first[:, 1]) < apart(first[0], first[1])  # eyes
    for elevation, azimuth in [(70, 20), (40, 200)]:
        assert apart(first, render(horse, elevation, azimuth, (0, 3), size=24).float()) > 5


def test_the_right_camera_is_on_the_right():
    # Something near the cameras is seen further to the left by the right one.
    near = Toy(
        [Cone((0.9, 0, 0), (0.9, 0, 0), 0.1, 0.1), Cone((-0.9, 0, 0), (-0.9, 0, 0), 0.1, 0.1)]
    )
    left, right = render(near, 60, 0, (2,))[0].float()
    middle = torch.arange(48).float()

    def place(picture):
        ink = (picture[30:] - picture[-1, 0]).abs()  # the nearer ball is in the lower part
        return (ink.sum(dim=0) * middle).sum() / ink.sum()

    assert place(right) < place(left) - 0.5


def test_the_pictures_stay_as_they_are():
    # Means over quarters, so that rounding on another machine makes no difference. If a toy
    # or the renderer is changed on purpose, write down the new ones.
    found = {kind: quarters(kind) for kind in REFERENCE}
    for kind, expected in REFERENCE.items():
        assert found[kind] == pytest.approx(expected, abs=1.0), found


def quarters(kind):
    picture = render(toy(kind, 2), 45, 40, (0,))[:, :1].float()
    means = torch.nn.functional.avg_pool2d(picture, 24).flatten()
    return [round(float(mean), 1) for mean in means]


REFERENCE = {
    "animal": [184.3, 182.4, 177.8, 166.5],
    "human": [183.2, 179.1, 186.7, 174.2],
    "airplane": [188.6, 171.5, 172.5, 178.7],
    "truck": [176.6, 145.4, 148.3, 151.5],
    "car": [190.0, 164.1, 166.4, 171.6],
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty folder of the project's own, and only one small view of two toys of each class."""
    monkeypatch.delenv("CAPSEDU_DATA", raising=False)
    monkeypatch.setattr(sources, "_own_root", lambda: tmp_path)
    monkeypatch.setitem(module.VIEWS, "toys-small", module.Views((0, 4), (6,), (1, 3)))
    monkeypatch.setattr(module, "INSTANCES", {True: (4,), False: (0,)})
    return tmp_path


def test_toys_are_rendered_once_and_kept(root, monkeypatch):
    assert available("toys") and available("toys-small")
    train, test = load("toys-small"), load("toys-small", train=False)
    assert train.images.shape == (20, 2, 48, 48) and train.images.dtype == torch.uint8
    assert train.classes == ("animal", "human", "airplane", "truck", "car")
    assert torch.bincount(train.targets).tolist() == [4] * 5
    assert list(train.pose) == ["instance", "elevation", "azimuth", "lighting"]
    assert train.pose["instance"].unique().tolist() == [4]
    assert test.pose["instance"].unique().tolist() == [0]
    assert not torch.equal(train.images, test.images)
    for row in (0, 7, 18):  # each picture is the one that its pose describes
        pose = {name: int(values[row]) for name, values in train.pose.items()}
        solid = toy(train.classes[train.targets[row]], pose["instance"])
        view = render(solid, 30 + 5 * pose["elevation"], 10 * pose["azimuth"], (pose["lighting"],))
        assert torch.equal(view[0], train.images[row])

    def rendered_again(*args):
        raise AssertionError("the pictures are kept")

    files = sorted(os.listdir(root / "toys"))
    assert len(files) == 2 and all(module.recipe() in file for file in files)
    monkeypatch.setattr(module, "render_all", rendered_again)
    assert torch.equal(load("toys-small").images, train.images)
    monkeypatch.setattr(module, "recipe", lambda: "another")
    with pytest.raises(AssertionError, match="kept"):
        load("toys-small")
    assert sorted(os.listdir(root / "toys")) == files


def test_damaged_pictures_are_rendered_anew(root, monkeypatch):
    made = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 2, 48, 48)
    monkeypatch.setattr(module, "render_all", lambda *args: made)
    assert torch.equal(load("toys-small").images, made)
    (path,) = (root / "toys").iterdir()
    intact = path.read_bytes()
    middle = len(intact) // 2
    flipped = intact[:middle] + bytes([intact[middle] ^ 1]) + intact[middle + 1 :]
    for damaged in (intact[:-9], b"", b"not an npz file", flipped):
        path.write_bytes(damaged)
        assert torch.equal(load("toys-small").images, made)
        assert path.stat().st_size == len(intact)


def test_an_unwritable_root_is_said_before_rendering(root, monkeypatch):
    monkeypatch.setattr(module, "render_all", lambda *args: pytest.fail("rendered for nothing"))
    (root / "toys").write_text("a file where a folder should be")
    with pytest.raises(CapseduError, match=r"cannot write to .*toys .*set CAPSEDU_DATA"):
        load("toys-small")


def test_a_shared_folder_is_not_written_to_unless_it_asks_for_it(root, monkeypatch):
    shared = root / "shared"
    shared.mkdir()
    monkeypatch.setenv("CAPSEDU_DATA", str(shared))
    load("toys-small")
    assert not list(shared.iterdir()) and (root / "toys").is_dir()
    (shared / "toys").mkdir()
    assert sources.rendered_root() == shared
    (shared / "toys").rmdir()
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != root)
    assert sources.rendered_root() == shared  # the project's own cannot be written to


def test_the_views_are_those_of_smallnorb():
    views = module.VIEWS["toys"]
    assert views.elevations == tuple(range(9)) and views.azimuths == tuple(range(0, 36, 2))
    assert views.lightings == tuple(range(6)) and len(LIGHTS) == 6
    both = module.INSTANCES[True] + module.INSTANCES[False]
    assert sorted(both) == list(range(10))
    assert all(len(table) == 10 for _, table in BUILDERS.values())


def test_a_mistyped_name_is_helped():
    with pytest.raises(CapseduError, match="did you mean 'toys-small'"):
        load("toys-smal")
