import pytest

from capsedu.errors import CapseduError
from capsedu.experiments import EXPERIMENTS, experiment
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
        measured = {f"{test}_error" for test in chosen.test_transforms}
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
