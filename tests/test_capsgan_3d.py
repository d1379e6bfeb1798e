"""CapsGAN on toys: every experiment steps, and its record tells about viewpoints."""

import struct
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from capsedu import runs
from capsedu.checkpoints import checkpoint_path, pretrained
from capsedu.data import LeftEye, load
from capsedu.data import toys as toys_module
from capsedu.data.smallnorb import TESTING, TRAINING
from capsedu.data.toys import is_rendered
from capsedu.errors import CapseduError
from capsedu.experiments import EXPERIMENTS, experiment
from capsedu.experiments.adversarial import judge_of
from capsedu.experiments.capsgan_3d import CAPSGAN_3D, em_discriminator, only, seen_toys
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.digit_classifier import DigitClassifier
from capsedu.recording import record_run
from capsedu.records import read_record

pytestmark = pytest.mark.filterwarnings("ignore:FID needs more")
NAMES = [chosen.name for chosen in CAPSGAN_3D]


@pytest.fixture
def judge(monkeypatch):
    """A classifier of the right kind, whatever is committed."""
    torch.manual_seed(1)
    classifier = DigitClassifier((1, 48, 48), 5, 32).eval()
    for module in ("adversarial", "toy_views"):
        monkeypatch.setattr(f"capsedu.experiments.{module}.pretrained", lambda _: classifier)
    return classifier


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_builds_at_64_pixels_and_judges(name):
    chosen = EXPERIMENTS[name]
    gan = chosen.build(chosen.profile("smoke"), (1, 64, 64), 5)
    made = gan.generator(gan.noise(3))
    assert made.shape == (3, 1, 64, 64)
    judgement = gan.discriminator(made)
    capsules = name.startswith("capsgan")
    assert judgement.scores.shape == (3, 2 if capsules else 1)
    assert judgement.features.shape == (3, gan.discriminator.feature_count)


def test_the_full_profile_is_the_papers_network():
    full = EXPERIMENTS["capsgan-3d"].profile("full")
    with torch.device("meta"):
        gan = EXPERIMENTS["capsgan-3d"].build(full, (1, 64, 64), 5)
        assert parameter_count(gan.discriminator) == 314_852
        assert parameter_count(gan.generator) == 12_654_337
    assert full.steps == 11_250 and full.batch_size == 64


def test_the_matched_dcgan_has_as_many_parameters():
    small = EXPERIMENTS["capsgan-3d"].profile("full")
    with torch.device("meta"):
        capsules = parameter_count(em_discriminator(small, (1, 64, 64)))
        gan = EXPERIMENTS["dcgan-3d-matched"].build(small, (1, 64, 64), 5)
        assert parameter_count(gan.discriminator) == pytest.approx(capsules, rel=0.05)


def test_a_category_is_trained_on_and_measured_against_its_own_toys():
    size = EXPERIMENTS["capsgan-3d-cars"].profile("quick")
    for purpose, half in {"train": True, "test": True, "new": False}.items():
        images = EXPERIMENTS["capsgan-3d-cars"].images(size, purpose)
        assert images.targets.unique().tolist() == [4]
        toys = load("toys-small", half).pose["instance"].unique().tolist()
        assert images.pose["instance"].unique().tolist() == toys
    planes = EXPERIMENTS["dcgan-3d-clip-planes"].images(size, "train")
    assert planes.targets.unique().tolist() == [2] and len(planes) == 90
    assert seen_toys(load("toys-small", False)).images.equal(load("toys-small", True).images)


def test_a_category_that_a_set_does_not_have_is_named():
    with pytest.raises(CapseduError, match="'digits' has no class 'car'; it has 0, 1"):
        only("car")(load("digits"))


def test_a_judge_of_single_pictures_is_not_asked_about_pairs():
    assert judge_of(EXPERIMENTS["capsgan-3d"]).name == "toy-classifier"
    assert judge_of(replace(EXPERIMENTS["report-dcgan"], data="toys")) is None
    assert judge_of(EXPERIMENTS["report-dcgan"]).name == "digit-classifier"


@pytest.mark.parametrize("name", ["capsgan-3d", "dcgan-3d-clip-cars"])
def test_a_record_tells_from_where_toys_are_seen(name, own_project, judge):
    chosen = EXPERIMENTS[name]
    run = runs.train(chosen, "smoke", root=own_project / "runs", progress=False)
    record_run(run, own_project / "records", keep_weights=True)
    record = read_record(name, "smoke")
    assert record.image_shape == [1, 64, 64]
    assert record.figures.keys() >= {"fid", "kid", "precision", "recall", "modes"}
    for share in ("class", "azimuth", "elevation", "lighting"):
        shares = [value for _, value in record.curves[f"{share}_share"]]
        assert sum(shares) == pytest.approx(1)
    assert [place for place, _ in record.curves["azimuth_share"]] == [0, 120, 240]
    near = [[y for _, y in record.curves[f"nearest_to_{who}"]] for who in ("new", "made")]
    assert all(len(ys) == 11 and ys == sorted(ys) for ys in near)
    counts = {who: record.curves[f"{who}_azimuth_error"] for who in ("trained", "pixels")}
    assert counts["pixels"][-1][0] == 64 * 64
    assert counts["trained"][-1][0] == run.network.discriminator.feature_count
    # The whole GAN ships, since it is the discriminator that is asked about poses.
    shipped = pretrained(chosen, "smoke")
    images = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(
        shipped.discriminator(images).features, run.network.eval().discriminator(images).features
    )


def test_without_its_judge_a_run_says_how_to_make_it(own_project):
    with pytest.raises(CapseduError, match="capsedu record toy-classifier --profile small"):
        runs.train(EXPERIMENTS["dcgan-3d"], "smoke", root=own_project / "runs", progress=False)


@pytest.fixture
def smallnorb(tmp_path, monkeypatch):
    """A data root with a few pairs in the format of the official files: two toys of a class."""
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path))
    monkeypatch.setenv("CAPSEDU_OFFLINE", "1")
    folder = tmp_path / "smallnorb"
    folder.mkdir()
    random = np.random.RandomState(0)
    for half, toys in {TRAINING: (4, 6), TESTING: (0, 1)}.items():
        table = np.array([*product(range(5), toys, (0, 4), (0, 12), (1,))], np.int32)
        parts = {
            "dat": random.randint(0, 256, (len(table), 2, 96, 96)).astype(np.uint8),
            "cat": table[:, 0].copy(),
            "info": table[:, 1:].copy(),
        }
        for part, array in parts.items():
            magic = 0x1E3D4C55 if part == "dat" else 0x1E3D4C54
            sizes = array.shape + (1,) * (3 - array.ndim)
            header = struct.pack(f"<II{len(sizes)}I", magic, array.ndim, *sizes)
            (folder / f"{half}-{part}.mat").write_bytes(header + array.tobytes())
    return tmp_path


def test_it_trains_on_smallnorbs_own_files(smallnorb):
    chosen = experiment("capsgan-3d", "smallnorb")
    run = runs.train(chosen, "smoke", root=smallnorb / "runs", progress=False)
    assert chosen.images(chosen.profile("smoke"), "test").name == "smallnorb"
    assert run.history[-1]["step"] == 3 and "fid" not in run.history[-1]
    curves = chosen.curves(run.network, chosen, chosen.profile("smoke"))
    assert "class_share" not in curves and len(curves["nearest_to_made"]) == 11


def test_a_compiled_run_compiles_the_capsules_and_leaves_dcgan_alone(tmp_path, judge, monkeypatch):
    compiled = []
    monkeypatch.setattr(
        "capsedu.models.matrix_capsnet.compile_where_possible",
        lambda *layers: compiled.extend(layers),
    )
    for name, count in {"capsgan-3d": 2, "dcgan-3d": 2}.items():
        chosen = EXPERIMENTS[name]
        size = replace(chosen.profile("smoke"), compiled=True, steps=1, milestones=())
        run = runs.train(
            replace(chosen, profiles={"smoke": size}), "smoke", root=tmp_path, progress=False
        )
        assert len(compiled) == count
        if name == "capsgan-3d":
            assert compiled == list(run.network.discriminator.capsules.convolutional_capsules)


def test_the_capsules_learn_faster_than_their_generator():
    for name, rates in {"capsgan-3d": (3e-3, 2e-4), "dcgan-3d": (2e-4, 2e-4)}.items():
        chosen = EXPERIMENTS[name]
        gan = chosen.build(chosen.profile("smoke"), (1, 64, 64), 5)
        judging, making = chosen.learner(gan, 1).configure_optimizers()
        assert (judging.defaults["lr"], making.defaults["lr"]) == rates
        asked = {p for group in judging.param_groups for p in group["params"]}
        assert asked == set(gan.discriminator.parameters())


def test_the_toy_classifier_is_small_and_has_one_size():
    chosen = EXPERIMENTS["toy-classifier"]
    for size in chosen.profiles.values():
        assert parameter_count(chosen.build(size, (1, 48, 48), 5)) == 112_461
    assert chosen.train_transform == LeftEye(48)


def test_the_committed_judge_knows_new_toys_and_no_feature_of_it_is_dead():
    chosen, record = EXPERIMENTS["toy-classifier"], read_record("toy-classifier", "small")
    assert record.figures["test_error"] < 0.05
    assert checkpoint_path(chosen, "small").stat().st_size < 300_000
    network, toys = pretrained(chosen, "small"), load("toys-small", train=False)
    images = LeftEye(48).apply(toys.images.float() / 255, {})
    with torch.no_grad():
        features = network.features(images)
        wrong = network.scores(features).argmax(dim=1) != toys.targets
    assert wrong.float().mean() < 0.1
    assert features.std(dim=0).min() > 0.3


def test_rendered_toys_are_found_only_if_both_halves_are_there(tmp_path):
    assert not is_rendered("toys-small", tmp_path)
    (tmp_path / "toys").mkdir()
    for train in (True, False):
        assert not is_rendered("toys-small", tmp_path)
        toys_module._cache("toys-small", tmp_path, train).touch()
    assert is_rendered("toys-small", tmp_path) and not is_rendered("toys", tmp_path)
