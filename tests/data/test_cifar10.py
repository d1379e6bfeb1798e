"""CIFAR-10, tested on small files in the very format of the official ones."""

import hashlib
import io
import os
import pickle
import tarfile
import urllib.error
import urllib.request
from dataclasses import replace
from email.message import Message

import numpy as np
import pytest
import torch

from capsedu.data import available, load, official
from capsedu.data import cifar10 as module
from capsedu.data.cifar10 import CIFAR10
from capsedu.errors import CapseduError

PER_FILE = 3


def pictures(seed, n=PER_FILE):
    """Images ``[n, 3, 32, 32]`` and their classes ``[n]``."""
    random = np.random.RandomState(seed)
    return random.randint(0, 256, (n, 3, 32, 32)).astype(np.uint8), random.randint(0, 10, n)


def binary(seed):
    images, labels = pictures(seed)
    return np.column_stack([labels.astype(np.uint8), images.reshape(len(images), -1)]).tobytes()


CONTENT = {file: binary(seed) for seed, file in enumerate(CIFAR10.files)}


def archive():
    """The six files as the official archive holds them, and two that nobody needs."""
    made = io.BytesIO()
    extra = {"../outside.txt": b"no", "cifar-10-batches-bin/readme.html": b"<p>"}
    inside = {f"cifar-10-batches-bin/{file}": content for file, content in CONTENT.items()}
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        for name, content in (extra | inside).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return made.getvalue()


ARCHIVE = archive()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root in which the small files are the official CIFAR-10."""
    small = replace(
        CIFAR10,
        files={
            file: (len(content), hashlib.sha256(content).hexdigest())
            for file, content in CONTENT.items()
        },
        mirrors=("https://first.invalid/", "https://second.invalid/"),
        packed={module.ARCHIVE: hashlib.md5(ARCHIVE).hexdigest()},
    )
    monkeypatch.setattr(module, "CIFAR10", small)
    monkeypatch.setattr(official, "_failures", {})
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CAPSEDU_OFFLINE", "1")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def install(root, files=CONTENT):
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return folder


def answer(monkeypatch, give):
    """Let ``give(url)`` stand for the network; the addresses that were asked are returned."""
    asked = []

    def urlopen(url, timeout):
        asked.append(url)
        found = io.BytesIO(give(url))
        found.headers = Message()
        return found

    monkeypatch.delenv("CAPSEDU_OFFLINE")
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def test_the_official_files_hold_ten_thousand_images_each():
    assert [size for size, _ in CIFAR10.files.values()] == [30_730_000] * 6
    assert CIFAR10.packed == {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}


def test_both_halves_are_read_pixel_by_pixel(root):
    assert not available("cifar-10")
    folder = install(root)
    assert available("cifar-10")
    train, test = load("cifar-10"), load("cifar-10", train=False)
    assert train.images.shape == (15, 3, 32, 32) and test.images.shape == (3, 3, 32, 32)
    expected = [pictures(seed) for seed in range(6)]
    assert np.array_equal(train.images, np.concatenate([images for images, _ in expected[:5]]))
    assert np.array_equal(train.targets, np.concatenate([labels for _, labels in expected[:5]]))
    assert np.array_equal(test.images, expected[5][0])
    assert test.targets.tolist() == expected[5][1].tolist()
    assert train.classes[0] == "airplane" and train.classes[9] == "truck"
    assert sorted(os.listdir(folder)) == sorted(CONTENT)


@pytest.mark.parametrize("change", [-3, -3073, 1])
def test_a_file_of_another_length_is_named(root, change):
    content = CONTENT["data_batch_4.bin"]
    path = install(root) / "data_batch_4.bin"
    path.write_bytes(content[:change] if change < 0 else content + b"\0")
    assert not available("cifar-10")
    with pytest.raises(CapseduError) as caught:
        load("cifar-10")
    message = str(caught.value)
    assert f"{path} is damaged: it has {len(content) + change:,} bytes" in message
    assert "delete it" in message and "\n" not in message
    assert len(load("cifar-10", train=False)) == 3  # the other half is none the worse


def test_a_file_with_one_changed_byte_is_named(root):
    path = install(root) / "test_batch.bin"
    changed = bytearray(CONTENT["test_batch.bin"])
    changed[77] ^= 1
    path.write_bytes(changed)
    with pytest.raises(CapseduError, match=f"{path} is damaged: its SHA-256"):
        load("cifar-10", train=False)


def test_the_archive_is_downloaded_and_only_its_six_files_are_kept(root, monkeypatch):
    asked = answer(monkeypatch, lambda url: ARCHIVE)
    assert len(load("cifar-10")) == 15 and len(load("cifar-10", train=False)) == 3
    assert asked == ["https://first.invalid/cifar-10-binary.tar.gz"]
    assert os.listdir(root) == ["cifar-10-batches-bin"]
    assert sorted(os.listdir(root / "cifar-10-batches-bin")) == sorted(CONTENT)
    assert not (root.parent / "outside.txt").exists() and not (root / "outside.txt").exists()


def test_the_next_mirror_is_tried_where_another_file_comes(root, monkeypatch):
    asked = answer(monkeypatch, lambda url: ARCHIVE if "second" in url else ARCHIVE[:-9])
    assert len(load("cifar-10")) == 15
    assert [url.split(".")[0] for url in asked] == ["https://first", "https://second"]


def test_a_dead_network_leaves_nothing_and_says_so_in_one_line(root, monkeypatch):
    def dead(url):
        raise urllib.error.URLError("no route to host")

    answer(monkeypatch, dead)
    with pytest.raises(CapseduError) as caught:
        load("cifar-10")
    message = str(caught.value)
    assert "data_batch_1.bin of cifar-10 is not in" in message and "no route to host" in message
    assert "CAPSEDU_DATA" in message and "\n" not in message
    assert os.listdir(root / "cifar-10-batches-bin") == []


class Trap:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickled_files_are_pointed_out_and_never_opened(root):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps(Trap(root / "sprung")))
    assert not available("cifar-10")
    with pytest.raises(CapseduError, match=r"pickled files in .*cifar-10-batches-py are not read"):
        load("cifar-10")
    assert not (root / "sprung").exists()


def install_subset(root, batches=(1, 2), held_out=True):
    folder = root / "cifar10"
    folder.mkdir()
    names = [f"train_batch_{k}.npz" for k in batches] + ["heldout_batch.npz"] * held_out
    for seed, name in enumerate(names):
        images, labels = pictures(seed)
        channels_last = images.transpose(0, 2, 3, 1)
        np.savez(folder / name, images=channels_last, labels=labels.astype(np.uint8))
    return folder


def test_the_subset_has_a_name_of_its_own(root):
    assert not available("cifar-10-subset")
    install_subset(root)
    assert available("cifar-10-subset") and not available("cifar-10")
    train, test = load("cifar-10-subset"), load("cifar-10-subset", train=False)
    assert train.name == test.name == "cifar-10-subset" and train.classes == CIFAR10.classes
    expected = [pictures(seed) for seed in range(3)]
    assert np.array_equal(train.images, np.concatenate([images for images, _ in expected[:2]]))
    assert np.array_equal(test.images, expected[2][0])
    assert test.targets.tolist() == expected[2][1].tolist()
    with pytest.raises(CapseduError, match=r"cifar-10-subset can be loaded; .* not the official"):
        load("cifar-10")


def test_what_the_subset_lacks_is_named(root):
    for train, wanted in [(True, r"train_batch_\*.npz"), (False, "heldout_batch.npz")]:
        with pytest.raises(CapseduError, match=f"needs {wanted} in .*not the official test set"):
            load("cifar-10-subset", train)
    folder = install_subset(root, held_out=False)
    assert not available("cifar-10-subset") and len(load("cifar-10-subset")) == 6
    path = folder / "train_batch_1.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CapseduError, match=f"{path} cannot be read as an npz file"):
        load("cifar-10-subset")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 28, 28, 3), np.uint8), [0, 1], r"got \[28, 28, 3\] and labels up to 1"),
        (np.zeros((2, 32, 32, 3), np.uint8), [0, 10], r"got \[32, 32, 3\] and labels up to 10"),
        (np.zeros((2, 32, 32), np.uint8), [0, 1], r"got \[32, 32, 1\] and labels up to 1"),
    ],
)
def test_other_images_are_refused(root, images, labels, message):
    np.savez(install_subset(root) / "heldout_batch.npz", images=images, labels=np.array(labels))
    with pytest.raises(CapseduError, match=message):
        load("cifar-10-subset", train=False)


real = pytest.mark.skipif("CAPSEDU_DATA" not in os.environ, reason="needs CAPSEDU_DATA")


@real
def test_the_real_subset_is_part_of_the_official_training_images():
    if not available("cifar-10-subset"):
        pytest.skip("cifar-10-subset is not in CAPSEDU_DATA")
    train, test = load("cifar-10-subset"), load("cifar-10-subset", train=False)
    assert train.image_shape == (3, 32, 32) and len(train) % 10_000 == 0 and len(test) == 10_000
    assert torch.bincount(test.targets).min() > 900
