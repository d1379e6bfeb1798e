from pathlib import Path

import numpy as np
import pytest
import torch

from capsedu.data import available, data_root, first_available, load
from capsedu.data import sources as module
from capsedu.errors import CapseduError


def test_digits_are_the_1797_of_scikit_learn_in_two_halves():
    train, test = load("digits"), load("digits", train=False)
    assert train.images.shape == (1437, 1, 28, 28) and test.images.shape == (360, 1, 28, 28)
    both = torch.cat([train.images, test.images])
    assert both[..., :4, :].max() == both[..., :4].max() == 0  # the black border, as in MNIST
    both = both[..., 4:24, 4:24]
    assert both.min() == 0 and both.max() == 255
    assert len(both.flatten(1).unique(dim=0)) == 1797  # no image is in both halves
    assert abs(both.float().mean() / 255 - 4.884 / 16) < 0.01  # the mean of the 8x8 images
    assert torch.bincount(test.targets).tolist() == pytest.approx([36] * 10, abs=1)
    assert train.classes == tuple("0123456789") and available("digits")


def test_digits_look_like_their_8x8_originals():
    from sklearn.datasets import load_digits

    test = load("digits", train=False)
    digits = test.images[..., 4:24, 4:24].float()
    small = torch.nn.functional.adaptive_avg_pool2d(digits, 8).flatten(1) * 16 / 255
    originals = torch.from_numpy(load_digits().data).float()
    nearest = torch.cdist(small, originals).argmin(dim=1)
    assert len(nearest.unique()) == 360
    assert torch.equal(torch.from_numpy(load_digits().target)[nearest].long(), test.targets)


def test_digits_are_always_cut_in_the_same_way():
    first, again = load("digits", train=False), load("digits", train=False)
    assert torch.equal(first.images, again.images)
    assert first.targets[:12].tolist() == [3, 7, 6, 4, 0, 2, 1, 9, 8, 5, 0, 8]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnits", "unknown data set 'mnits'; did you mean 'mnist'"),
        ("", "unknown data set ''"),
        ("folder:", "unknown data set 'folder:'; did you mean 'folder:PATH'"),
        ("digits:", "unknown data set 'digits:'"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name, message):
    for call in (load, available, first_available):
        with pytest.raises(CapseduError, match=message):
            call(name)


def test_a_name_must_be_a_string():
    with pytest.raises(TypeError, match="name must be a string, got int"):
        load(7)
    with pytest.raises(ValueError, match="at least one name"):
        first_available()


def test_the_data_root_is_the_chosen_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path / "missing"))
    with pytest.raises(CapseduError, match="CAPSEDU_DATA must name an existing folder"):
        data_root()


def test_the_data_root_is_the_checkout_or_the_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("CAPSEDU_DATA", raising=False)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "capsedu" / "data" / "sources.py"))
    assert data_root() == Path.home() / ".cache" / "capsedu"
    (tmp_path / "pyproject.toml").touch()
    assert data_root() == tmp_path / "data"


def test_available_looks_for_the_files(tmp_path):
    assert not available(f"npz:{tmp_path}/a.npz") and not available(f"folder:{tmp_path}/a")
    np.savez(tmp_path / "a.npz", images=np.zeros(1))
    assert available(f"npz:{tmp_path}/a.npz") and available(f"folder:{tmp_path}")
