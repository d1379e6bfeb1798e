"""CelebA, tested on a few pictures of the official size under the official names."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from capsedu.data import Framed, available, load
from capsedu.data import celeba as module
from capsedu.errors import CapseduError

NUMBERS = {True: range(1, 6), False: range(9, 12)}  # 6, 7 and 8 are for validation


def face(number):
    """A picture [218, 178, 3] with clouds of its own."""
    clouds = np.random.RandomState(number).randint(0, 256, (7, 6, 3)).astype(np.uint8)
    return Image.fromarray(clouds).resize((178, 218), Image.Resampling.BICUBIC)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NUMBERS", NUMBERS)
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path))
    (tmp_path / "toys").mkdir()  # so that what is made of data is kept here
    return tmp_path


def install(root, numbers=range(1, 12)):
    folder = root / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    for number in numbers:
        face(number).save(folder / f"{number:06}.jpg", quality=95)
    return folder


def test_the_official_halves_are_disjoint_and_of_the_published_size():
    halves = module.NUMBERS
    assert len(halves[True]) == 162_770 and len(halves[False]) == 19_962
    assert halves[False][-1] == 202_599
    assert not set(halves[True]) & set(halves[False])


@pytest.mark.parametrize("train", [True, False])
def test_the_middle_of_each_picture_is_reduced(root, train):
    assert not available("celeba")
    install(root)
    assert available("celeba")
    images = load("celeba", train)
    assert images.images.shape == (len(NUMBERS[train]), 3, 64, 64)
    assert images.classes == ("face",) and images.targets.unique().tolist() == [0]
    whole = torch.stack([torch.from_numpy(np.array(face(k))) for k in NUMBERS[train]])
    framed = Framed(64).apply(whole.permute(0, 3, 1, 2).float() / 255, {})
    # Each picture is itself and no other; a JPEG is not exact.
    assert (images.images / 255 - framed).abs().mean() < 0.01


def test_the_reduced_pictures_are_kept_and_mapped(root):
    folder = install(root)
    first = load("celeba").images.clone()
    for path in folder.iterdir():
        path.unlink()
    again = load("celeba")
    assert torch.equal(again.images, first)
    again.images[0] = 0  # a private map: what is kept stays as it is
    assert torch.equal(load("celeba").images, first)
    assert not available("celeba")  # the test half was never reduced
    assert os.listdir(root / "celeba-64") == ["training.npy"]


def test_a_broken_copy_is_made_anew(root):
    install(root)
    first = load("celeba").images.clone()
    path = root / "celeba-64" / "training.npy"
    path.write_bytes(path.read_bytes()[:-5])
    assert torch.equal(load("celeba").images, first)


def test_missing_pictures_are_counted_and_the_place_is_named(root):
    with pytest.raises(CapseduError) as caught:
        load("celeba")
    message = str(caught.value)
    assert str(root / "celeba" / "img_align_celeba") in message and "folder:PATH" in message
    assert "5 of 5 pictures" in message and "000001.jpg" in message and "\n" not in message
    install(root, [1, 2, 4, 5])
    with pytest.raises(CapseduError, match=r"1 of 5 pictures .* the first of them 000003.jpg"):
        load("celeba")
    assert not (root / "celeba-64").exists()


def test_a_broken_picture_is_named_and_nothing_is_kept(root):
    path = install(root) / "000010.jpg"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(CapseduError, match=f"{path} cannot be read as an image"):
        load("celeba", train=False)
    assert os.listdir(root / "celeba-64") == []
