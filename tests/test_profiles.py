from dataclasses import replace

import pytest

from capsedu.errors import CapseduError
from capsedu.experiments import EXPERIMENTS, experiment
from capsedu.layers.matrix_capsules import VECTOR
from capsedu.profiles import PROFILES, resolve_profile


def test_auto_follows_the_environment(monkeypatch):
    monkeypatch.setenv("CAPSEDU_PROFILE", "smoke")
    assert resolve_profile("auto") == "smoke"
    assert resolve_profile("full") == "full"


def test_an_unknown_profile_is_named_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("CAPSEDU_PROFILE", "smok")
    with pytest.raises(CapseduError, match="'smok'; did you mean 'smoke'"):
        resolve_profile()


def test_every_experiment_has_known_profiles_and_figures_it_measures():
    for name, chosen in EXPERIMENTS.items():
        assert name == chosen.name
        assert set(chosen.profiles) <= set(PROFILES)
        measured = {f"{test}_{x}" for test in chosen.test_transforms for x in ("error", "bound")}
        assert set(chosen.published) <= measured


def test_networks_that_are_compared_have_the_same_size():
    from capsedu.models.cnn_baseline import parameter_count

    for name, shape in (("mnist", 28), ("affine", 40), ("multimnist", 36)):
        for profile in ("small", "full"):
            sizes = [
                parameter_count(e.build(e.profile(profile), (1, shape, shape), 10))
                for e in (experiment(f"capsnet-{name}"), experiment(f"cnn-{name}"))
            ]
            assert sizes[1] == pytest.approx(sizes[0], rel=0.01), (name, profile)


def test_other_data_gives_an_experiment_of_its_own_without_the_papers_figures():
    other = experiment("capsnet-mnist", "npz:/some/where.npz")
    assert other.name == "capsnet-mnist-on-npz-some-where-npz"
    assert other.data == "npz:/some/where.npz"
    assert not other.published
    assert experiment("capsnet-mnist", "mnist") is EXPERIMENTS["capsnet-mnist"]


def test_the_papers_own_images_keep_its_figures():
    stand_in = EXPERIMENTS["matrix-capsnet"]
    assert (stand_in.data, stand_in.published_data) == ("toys", "smallnorb")
    own = experiment("matrix-capsnet", "smallnorb")
    assert own.published == stand_in.published
    assert all(size.data == "" for size in own.profiles.values())  # really on smallnorb
    assert experiment("matrix-capsnet", "toys-small").published == {}


@pytest.mark.parametrize("by", ["azimuth", "elevation"])
def test_novel_viewpoints_are_kept_from_training(by):
    chosen = EXPERIMENTS[f"matrix-capsnet-{by}"]
    size = replace(chosen.profile("smoke"), train_images=None, test_images=None)
    views = {
        purpose: set(chosen.images(size, purpose).pose[by].tolist())
        for purpose in ("train", "familiar", "novel")
    }
    assert views["train"] == views["familiar"]
    assert views["train"].isdisjoint(views["novel"]) and views["novel"]


def test_networks_are_compiled_only_where_they_can_be():
    for chosen in EXPERIMENTS.values():
        for size in (s for s in chosen.profiles.values() if s.compiled):
            shape = (2, 32, 32)
            assert hasattr(chosen.build(size, shape, 5), "compile_routing"), chosen.name


def test_every_row_of_the_papers_table_differs_from_the_first_in_what_it_says():
    shape, classes = (2, 32, 32), 5
    rows = {
        name: chosen.build(chosen.profile("smoke"), shape, classes)
        for name, chosen in EXPERIMENTS.items()
        if name.startswith("matrix-capsnet")
    }
    for n in (1, 2, 5):
        network = rows[f"matrix-capsnet-{n}-iteration{'s' if n > 1 else ''}"]
        layers = (*network.convolutional_capsules, network.class_capsules)
        assert [layer.iterations for layer in layers] == [n] * 3
    for name, network in rows.items():
        assert (network.class_capsules.pose == VECTOR) == ("vector" in name)
        assert network.class_capsules.coordinate_addition != ("no-coordinates" in name)
        losses = {"margin": "margin", "cross-entropy": "cross_entropy"}
        suffix = name.removeprefix("matrix-capsnet-")
        assert EXPERIMENTS[name].objective.name == losses.get(suffix, "spread")
