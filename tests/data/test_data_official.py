"""Official files, tested on small ones that are declared official for the test."""

import gzip
import hashlib
import io
import os
import struct
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest
import torch

from capsedu.data import available, first_available, load
from capsedu.data import official as module
from capsedu.data.official import Official
from capsedu.errors import CapseduError


def idx(array):
    header = struct.pack(f">BBBB{array.dim()}I", 0, 0, 8, array.dim(), *array.shape)
    return header + bytes(array.flatten().tolist())


CONTENT = {
    "train-images-idx3-ubyte": idx(torch.arange(6 * 4, dtype=torch.uint8).reshape(6, 2, 2)),
    "train-labels-idx1-ubyte": idx(torch.arange(6, dtype=torch.uint8)),
    "t10k-images-idx3-ubyte": idx(torch.arange(3 * 4, dtype=torch.uint8).reshape(3, 2, 2)),
    "t10k-labels-idx1-ubyte": idx(torch.tensor([9, 8, 7], dtype=torch.uint8)),
}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root in which the small files are the official MNIST."""
    small = Official(
        folder="MNIST/raw",
        files={name: (len(content), sha256(content)) for name, content in CONTENT.items()},
        mirrors=("https://first.invalid/", "https://second.invalid/"),
        packed={name: hashlib.md5(packed).hexdigest() for name, packed in PACKED.items()},
        classes=tuple("0123456789"),
    )
    monkeypatch.setitem(module.OFFICIAL, "mnist", small)
    monkeypatch.setattr(module, "_failures", {})
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path))
    monkeypatch.delenv("CAPSEDU_OFFLINE", raising=False)
    return tmp_path


class Network:
    """Answers in place of urlopen, and counts the calls."""

    def __init__(self, monkeypatch, answer):
        self.urls = []
        self.answer = answer
        monkeypatch.setattr(urllib.request, "urlopen", self.open)

    def open(self, url, timeout):
        assert timeout <= 30
        self.urls.append(url)
        return self.answer(url)


class Answer(io.BytesIO):
    def __init__(self, content, length=None):
        super().__init__(content)
        self.headers = Message()
        self.headers["Content-Length"] = str(len(content) if length is None else length)


def packed(url):
    return PACKED[url.rsplit("/", 1)[1].removesuffix(".gz")]


def deliver(url):
    return Answer(packed(url))


def dead(url):
    raise urllib.error.URLError("no route to host")


def install(root, files=CONTENT):
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_present_files_are_read_without_the_network_and_without_writing(root, monkeypatch):
    network = Network(monkeypatch, dead)
    folder = install(root)

    def no_writing(*args, **kwargs):
        raise AssertionError("reading must not write")

    monkeypatch.setattr(Path, "mkdir", no_writing)
    monkeypatch.setattr(module.tempfile, "TemporaryFile", no_writing)
    train, test = load("mnist"), load("mnist", train=False)
    assert train.images.shape == (6, 1, 2, 2) and test.images.shape == (3, 1, 2, 2)
    assert train.images.flatten().tolist() == list(range(24))
    assert train.targets.tolist() == [0, 1, 2, 3, 4, 5] and test.targets.tolist() == [9, 8, 7]
    assert network.urls == [] and sorted(os.listdir(folder)) == sorted(CONTENT)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_a_truncated_file_is_named(root, name):
    folder = install(root)
    (folder / name).write_bytes(CONTENT[name][:-3])
    size = len(CONTENT[name])
    with pytest.raises(CapseduError) as caught:
        load("mnist")
    message = str(caught.value)
    assert str(folder / name) in message and "delete it" in message and "\n" not in message
    assert f"{size - 3} bytes instead of {size}" in message
    assert len(load("mnist", train=False)) == 3


def test_a_file_with_one_changed_byte_is_named(root):
    folder = install(root)
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(CapseduError, match=f"{path} is damaged: its SHA-256"):
        load("mnist", train=False)


def test_missing_files_are_downloaded_unpacked_and_kept(root, monkeypatch):
    network = Network(monkeypatch, deliver)
    assert not available("mnist")
    assert load("mnist").targets.tolist() == [0, 1, 2, 3, 4, 5]
    assert available("mnist")
    assert sorted(os.listdir(root / "MNIST" / "raw")) == sorted(CONTENT)
    assert len(network.urls) == 4
    load("mnist"), load("mnist", train=False)
    assert len(network.urls) == 4


def cut_off(url):
    return Answer(packed(url)[:-5], length=len(packed(url)))


def cut_off_without_length(url):
    return Answer(packed(url)[:-5], length=0)


def another_file(url):
    return Answer(gzip.compress(b"something else"))


def error_page(url):
    raise urllib.error.HTTPError(url, 403, "Forbidden", Message(), None)


def stalls(url):
    raise TimeoutError("timed out")


BROKEN = [cut_off, cut_off_without_length, another_file, error_page, stalls, dead]


@pytest.mark.parametrize("broken", BROKEN)
def test_the_next_mirror_is_tried(root, monkeypatch, broken):
    network = Network(monkeypatch, lambda url: (broken if "first" in url else deliver)(url))
    assert len(load("mnist")) == 6
    assert [url.split(".")[0] for url in network.urls] == ["https://first", "https://second"] * 4
    assert sorted(os.listdir(root / "MNIST" / "raw")) == sorted(CONTENT)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_failed_download_leaves_nothing_and_says_so_in_one_line(root, monkeypatch, broken):
    Network(monkeypatch, broken)
    with pytest.raises(CapseduError) as caught:
        load("mnist")
    message = str(caught.value)
    assert "could not be downloaded" in message and "CAPSEDU_DATA" in message
    assert "first.invalid" in message and "second.invalid" in message and "\n" not in message
    assert os.listdir(root / "MNIST" / "raw") == []


def test_an_interrupted_download_leaves_nothing_and_goes_on(root, monkeypatch):
    def interrupted(url):
        if "t10k" in url:
            raise KeyboardInterrupt
        return deliver(url)

    Network(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("mnist")
    kept = [name for name in CONTENT if name.startswith("train")]
    assert sorted(os.listdir(root / "MNIST" / "raw")) == sorted(kept)
    network = Network(monkeypatch, deliver)
    assert len(load("mnist", train=False)) == 3
    assert len(network.urls) == 2


def test_a_dead_network_is_tried_once(root, monkeypatch):
    network = Network(monkeypatch, dead)
    messages = []
    for train in (True, False, True):
        with pytest.raises(CapseduError) as caught:
            load("mnist", train)
        messages.append(str(caught.value))
    assert len(network.urls) == 2 and len(set(messages)) == 1
    monkeypatch.setattr(module, "RETRY_AFTER_SECONDS", 0)
    Network(monkeypatch, deliver)
    assert len(load("mnist")) == 6


def test_offline_does_not_try(root, monkeypatch):
    network = Network(monkeypatch, deliver)
    monkeypatch.setenv("CAPSEDU_OFFLINE", "1")
    with pytest.raises(CapseduError, match="CAPSEDU_OFFLINE=1 forbids"):
        load("mnist")
    assert network.urls == [] and os.listdir(root) == []
    install(root)
    assert len(load("mnist")) == 6


def test_an_unwritable_root_is_said_before_anything_is_downloaded(root, monkeypatch):
    network = Network(monkeypatch, deliver)
    (root / "MNIST").write_text("a file where a folder should be")
    with pytest.raises(CapseduError, match=r"cannot write to .*raw .*set CAPSEDU_DATA"):
        load("mnist")
    assert network.urls == []


def test_a_full_disk_leaves_no_part_of_a_file(root, monkeypatch):
    Network(monkeypatch, deliver)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(CapseduError, match=r"cannot write to .*No space left on device"):
        load("mnist")
    assert os.listdir(root / "MNIST" / "raw") == []


def test_the_digits_stand_in_where_mnist_is_not_to_be_had(root, monkeypatch):
    Network(monkeypatch, dead)
    assert first_available("mnist", "digits").name == "digits"
    with pytest.raises(CapseduError, match=r"mnist: .*no route to host.*npz:none: .*no file"):
        first_available("mnist", "npz:none")
    install(root)
    assert first_available("mnist", "digits").name == "mnist"


real = pytest.mark.skipif("CAPSEDU_DATA" not in os.environ, reason="needs CAPSEDU_DATA")


@real
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_files_are_the_official_ones(name):
    if not available(name):
        pytest.skip(f"{name} is not in CAPSEDU_DATA")
    train, test = load(name), load(name, train=False)
    assert train.images.shape == (60000, 1, 28, 28) and test.images.shape == (10000, 1, 28, 28)
    assert train.classes == test.classes and len(train.classes) == 10
    first = {"mnist": [5, 0, 4, 1, 9], "fashion-mnist": [9, 0, 0, 3, 0]}[name]
    assert train.targets[:5].tolist() == first
    if name == "mnist":  # every digit fits a 20x20 box
        ink = (train.images > 0).any(dim=1)
        for rows in (ink.any(dim=2), ink.any(dim=1)):
            last = 28 - rows.flip(1).int().argmax(1)
            assert (last - rows.int().argmax(1)).max() <= 20
