"""Viewpoints are read off features that hold them, and not off those that do not."""

from itertools import product

import pytest
import torch
from torch import nn

from capsedu.data import ImageSet, LeftEye
from capsedu.data.smallnorb import CLASSES, POSE
from capsedu.errors import CapseduError
from capsedu.evaluation.poses import (
    Described,
    azimuth_distance,
    described,
    features_of,
    nearest_described,
    read_viewpoints,
    reading_errors,
    view_shares,
    viewpoints,
)
from capsedu.models.dcgan import DcganDiscriminator


def toys(instances=(0, 1, 2), kinds=(0, 4)):
    """Every view of a few toys, as black pixels."""
    table = torch.tensor([*product(kinds, instances, (0, 4, 8), POSE["azimuth"], POSE["lighting"])])
    targets, *poses = table.T.contiguous()
    images = torch.zeros(len(table), 2, 8, 8, dtype=torch.uint8)
    return ImageSet("toys", images, targets, CLASSES, dict(zip(POSE, poses, strict=True)))


def telling(images, noise=0.0):
    """Features that hold the viewpoint: each class turned by a matrix of its own."""
    true = torch.cat([*viewpoints(images.pose).values()], dim=1)
    features = torch.zeros(len(images), 9)
    for kind in range(5):
        mixing = torch.randn(9, 9, generator=torch.Generator().manual_seed(kind))
        features[images.targets == kind] = true[images.targets == kind] @ mixing
    random = torch.Generator().manual_seed(len(images))
    features = features + noise * torch.randn(features.shape, generator=random)
    return Described(features, images.targets, images.pose)


def test_what_is_held_linearly_is_read_class_by_class():
    seen, new = toys((4, 6, 7)), toys((0, 1))
    errors = reading_errors(read_viewpoints(telling(seen), telling(new)), new.pose)
    assert errors["azimuth_error"] < 0.5 and errors["elevation_error"] < 0.2
    assert errors["lighting_right"] == 1 and errors["azimuth_r2"] > 0.999


def test_from_noise_nothing_is_read():
    seen, new = toys((4, 6, 7)), toys((0, 1))
    blind = [telling(x)._replace(features=torch.randn(len(x), 30)) for x in (seen, new)]
    errors = reading_errors(read_viewpoints(*blind), new.pose)
    assert 75 < errors["azimuth_error"] < 105
    assert abs(errors["azimuth_r2"]) < 0.1 and abs(errors["elevation_r2"]) < 0.1
    assert 0.1 < errors["lighting_right"] < 0.25


def test_a_toy_that_is_known_by_heart_does_not_help_with_new_ones():
    """Features that tell the toy and the view together: right for other views of the same toy."""
    seen, new = toys((4, 6, 7)), toys((0, 1))
    tables = [torch.randn(10, 5, 9, generator=torch.Generator().manual_seed(3))]

    def secret(images):
        true = torch.cat([*viewpoints(images.pose).values()], dim=1)
        rows = tables[0][images.pose["instance"], images.targets]
        return Described(true * rows, images.targets, images.pose)

    errors = reading_errors(read_viewpoints(secret(seen), secret(new)), new.pose)
    assert errors["azimuth_error"] > 20


def test_fewer_components_tell_less():
    seen, new = toys((4, 6, 7)), toys((0, 1))
    pair = telling(seen, 0.1), telling(new, 0.1)
    found = [reading_errors(read_viewpoints(*pair, k), new.pose) for k in (1, 9, None)]
    assert found[0]["azimuth_error"] > found[1]["azimuth_error"] + 10
    assert found[1] == pytest.approx(found[2], rel=1e-3)


@pytest.mark.parametrize(
    ("read", "degrees", "apart"),
    [
        ([1.0, 0.0], 0.0, 0.0),
        ([1.0, 0.0], 350.0, 10.0),
        ([0.0, -2.0], 270.0, 0.0),
        ([0.0, 0.1], 270.0, 180.0),
        ([-1.0, 0.0], 170.0, 10.0),
    ],
)
def test_angles_go_round(read, degrees, apart):
    found = azimuth_distance(torch.tensor([read]), torch.tensor([degrees]))
    assert found.item() == pytest.approx(apart, abs=1e-3)


def test_errors_are_computed_by_hand():
    numbers = {"azimuth": [0, 18], "elevation": [0, 8], "lighting": [1, 5]}
    pose = {name: torch.tensor(values) for name, values in numbers.items()}
    true = viewpoints(pose)
    assert true["elevation"].flatten().tolist() == [30, 70]
    torch.testing.assert_close(true["azimuth"], torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    read = {
        "azimuth": torch.tensor([[1.0, 1.0], [-1.0, 0.0]]),  # 45 degrees off, and right
        "elevation": torch.tensor([[40.0], [70.0]]),
        "lighting": torch.eye(6)[[1, 4]],
    }
    errors = reading_errors(read, pose)
    expected = {"azimuth_error": 22.5, "elevation_error": 5, "lighting_right": 0.5}
    expected |= {"azimuth_r2": 1 - 1 / 2, "elevation_r2": 1 - 100 / 800}
    assert errors == pytest.approx(expected, abs=1e-4)


def test_features_are_those_the_scores_are_made_from():
    torch.manual_seed(0)
    discriminator = DcganDiscriminator((1, 8, 8), width=2).train()
    images = toys((0, 1)).take(torch.arange(7))
    found = described(features_of(discriminator), images, LeftEye(8), batch_size=3)
    assert discriminator.training
    with torch.no_grad():
        expected = discriminator.eval()(-torch.ones(7, 1, 8, 8)).features
    torch.testing.assert_close(found.features, expected)
    assert found.pose["azimuth"].equal(images.pose["azimuth"])


def test_the_nearest_features_are_found():
    features = torch.randn(40, 3)
    order = torch.randperm(40)[:9]
    distances, indices = nearest_described(features[order] + 1e-4, features, batch_size=4)
    assert indices.equal(order) and distances.max() < 1e-3


def test_shares_are_of_all_views_that_there_are():
    images = toys((0,))
    chosen = (images.pose["azimuth"] == 6).nonzero()[:, 0]
    shares = view_shares(images, chosen)
    assert shares["azimuth"][3] == (60.0, 1.0) and len(shares["azimuth"]) == 18
    assert [value for value, _ in shares["elevation"]] == [30, 50, 70]
    assert [share for _, share in shares["lighting"]] == pytest.approx([1 / 6] * 6)


def test_what_does_not_fit_is_named():
    seen, new = telling(toys((4, 6))), telling(toys((0,)))
    with pytest.raises(ValueError, match=r"new\.features must have shape \[n, 9\]"):
        read_viewpoints(seen, new._replace(features=torch.zeros(len(new.targets), 4)))
    alone = telling(toys((4,)))
    with pytest.raises(CapseduError, match="class 0 at least 2 toys"):
        read_viewpoints(alone, new)
    digits = ImageSet("digits", torch.zeros(2, 1, 8, 8).byte(), torch.zeros(2).long(), ("0",))
    with pytest.raises(CapseduError, match="'digits' does not know the instance"):
        described(nn.Identity(), digits, LeftEye(8))
