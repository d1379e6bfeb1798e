"""smallNORB, tested on small files in the very format of the official ones."""

import gzip
import hashlib
import io
import os
import struct
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch

from capsedu.data import BatchStream, CentreCrop, RandomCrop, available, first_available, load
from capsedu.data import smallnorb as module
from capsedu.data.smallnorb import PACKED, read_matrix
from capsedu.errors import CapseduError


def matrix(array):
    """An array as the official files hold it."""
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[str(array.dtype)]
    sizes = array.shape + (1,) * (3 - array.ndim)
    return struct.pack(f"<II{len(sizes)}I", magic, array.ndim, *sizes) + array.tobytes()


def half(instances, seed):
    """The contents of a half with two images of each of five classes, by part."""
    random = np.random.RandomState(seed)
    n = 2 * 5
    info = [
        random.choice(instances, n),
        random.randint(0, 9, n),
        2 * random.randint(0, 18, n),
        random.randint(0, 6, n),
    ]
    return {
        "dat": random.randint(0, 256, (n, 2, 96, 96)).astype(np.uint8),
        "cat": np.tile(np.arange(5), 2).astype(np.int32),
        "info": np.stack(info, axis=1).astype(np.int32),
    }


TRAIN, TEST = half([4, 6, 7, 8, 9], seed=0), half([0, 1, 2, 3, 5], seed=1)
CONTENT = {
    f"{name}-{part}.mat": matrix(array)
    for name, parts in [(module.TRAINING, TRAIN), (module.TESTING, TEST)]
    for part, array in parts.items()
}
TRAINING_PARTS = {part: f"{module.TRAINING}-{part}.mat" for part in ("dat", "cat", "info")}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root without smallNORB, in an environment that never reaches the network."""
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path))
    monkeypatch.setenv("CAPSEDU_OFFLINE", "1")
    monkeypatch.setattr(module, "_failures", {})
    return tmp_path


def install(root, content=CONTENT, packed=False):
    folder = root / "smallnorb"
    folder.mkdir(exist_ok=True)
    for name, data in content.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
    return folder


def test_the_magic_numbers_are_the_documented_bytes():
    assert CONTENT[TRAINING_PARTS["dat"]][:4] == bytes([0x55, 0x4C, 0x3D, 0x1E])
    assert CONTENT[TRAINING_PARTS["cat"]][:4] == bytes([0x54, 0x4C, 0x3D, 0x1E])


def test_the_official_class_file_is_in_this_format():
    # Its MD5 is published by several libraries; the classes follow each other in turn.
    classes = np.tile(np.arange(5), 24300 // 5).astype(np.int32)
    md5 = hashlib.md5(matrix(classes)).hexdigest()
    assert md5 == "fd5120d3f770ad57ebe620eb61a0b633"


@pytest.mark.parametrize("packed", [False, True])
def test_both_halves_are_read_with_their_pose(root, packed):
    assert not available("smallnorb")
    folder = install(root, packed=packed)
    assert available("smallnorb")
    for train, parts in [(True, TRAIN), (False, TEST)]:
        images = load("smallnorb", train)
        assert images.classes == ("animal", "human", "airplane", "truck", "car")
        assert images.images.dtype == torch.uint8 and images.image_shape == (2, 96, 96)
        assert np.array_equal(images.images.numpy(), parts["dat"])
        assert np.array_equal(images.targets.numpy(), parts["cat"])
        assert list(images.pose) == ["instance", "elevation", "azimuth", "lighting"]
        for column, values in zip(parts["info"].T, images.pose.values(), strict=True):
            assert values.dtype == torch.int64 and np.array_equal(values.numpy(), column)
    assert len(os.listdir(folder)) == 6  # reading writes nothing


def test_unpacked_images_are_mapped_and_protected(root):
    folder = install(root)
    images = load("smallnorb")
    images.images[0] = 7
    path = folder / TRAINING_PARTS["dat"]
    assert path.read_bytes() == CONTENT[path.name]
    base = read_matrix(path)
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert base is not None


def test_the_unpacked_file_is_preferred(root):
    folder = install(root)
    for name in CONTENT:
        (folder / f"{name}.gz").write_bytes(b"not read")
    assert len(load("smallnorb")) == 10


@pytest.mark.parametrize(
    "shape", [(5,), (4, 3), (2, 3, 4), (2, 1, 3, 4)], ids=lambda shape: f"{len(shape)}d"
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_matrix_of_any_rank_is_read(tmp_path, shape, suffix):
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape) - 3
    path = tmp_path / f"a.mat{suffix}"
    path.write_bytes(gzip.compress(matrix(array)) if suffix else matrix(array))
    assert np.array_equal(read_matrix(path), array)


def broken(root, part, data, packed=False):
    """Load the training half with one file replaced; the message of the error."""
    install(root, packed=packed)
    name = TRAINING_PARTS[part]
    path = root / "smallnorb" / (f"{name}.gz" if packed else name)
    path.write_bytes(data)
    with pytest.raises(CapseduError) as caught:
        load("smallnorb")
    message = str(caught.value)
    assert str(path) in message and "put an intact copy there" in message and "\n" not in message
    assert len(load("smallnorb", train=False)) == 10  # the other half is none the worse
    return message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("part", ["dat", "cat", "info"])
@pytest.mark.parametrize("change", [-3, 4])
def test_a_file_of_another_length_is_refused(root, part, packed, change):
    data = CONTENT[TRAINING_PARTS[part]]
    data = data[:change] if change < 0 else data + bytes(change)
    message = broken(root, part, gzip.compress(data) if packed else data, packed)
    wanted = {"dat": 10 * 2 * 96 * 96, "cat": 40, "info": 160}[part]
    assert (
        f"it has {wanted + change:,} bytes behind its header instead of the {wanted:,}" in message
    )


@pytest.mark.parametrize("kept", [-5, 40, 5])
def test_a_broken_off_gzip_file_is_refused(root, kept):
    data = gzip.compress(CONTENT[TRAINING_PARTS["info"]])[:kept]
    assert "cannot read" in broken(root, "info", data, packed=True)


def test_a_changed_byte_in_a_gzip_file_is_noticed(root):
    data = bytearray(gzip.compress(CONTENT[TRAINING_PARTS["dat"]], compresslevel=0))
    data[len(data) // 2] ^= 1
    assert "CRC check failed" in broken(root, "dat", data, packed=True)


def test_a_packed_file_without_its_ending_is_no_matrix(root):
    message = broken(root, "dat", gzip.compress(CONTENT[TRAINING_PARTS["dat"]]))
    assert "must begin with 0x1E3D4C55" in message and "1f 8b 08 00" in message


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\x55\x4c",
        struct.pack("<II", 0x1E3D4C51, 1),  # NORB's code for floats
        struct.pack(">II", 0x1E3D4C55, 4),  # the right number, written the other way round
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_wrong_magic_number_is_refused(root, start, packed):
    data = start + CONTENT[TRAINING_PARTS["dat"]][8:] if len(start) == 8 else start
    message = broken(root, "dat", gzip.compress(data) if packed else data, packed)
    assert "is not in smallNORB's format" in message


@pytest.mark.parametrize(
    "start",
    [
        struct.pack("<II", 0x1E3D4C55, 0),
        struct.pack("<IIII", 0x1E3D4C55, 4, 10, 2),
        struct.pack("<II", 0x1E3D4C55, 4_000_000_000),
    ],
)
def test_a_broken_header_is_refused(root, start):
    assert "its header breaks off" in broken(root, "dat", start)


@pytest.mark.parametrize(
    ("part", "array", "found"),
    [
        ("dat", TRAIN["dat"][:, :1], "uint8 [10, 2, 96, 96], got uint8 [10, 1, 96, 96]"),
        ("dat", TRAIN["info"], "uint8 [10, 2, 96, 96], got int32 [10, 4]"),
        ("cat", TRAIN["cat"][:9], "int32 [10], got int32 [9]"),
        ("cat", TRAIN["cat"].astype(np.uint8), "int32 [10], got uint8 [10]"),
        ("info", TRAIN["info"][:, :3].copy(), "int32 [10, 4], got int32 [10, 3]"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(root, part, array, found):
    assert found in broken(root, part, matrix(array))


@pytest.mark.parametrize(
    ("column", "value", "known"),
    [(0, 10, "instance"), (1, -1, "elevation"), (2, 3, "azimuth"), (2, 36, "azimuth")],
)
def test_an_impossible_pose_is_refused(root, column, value, known):
    info = TRAIN["info"].copy()
    info[4, column] = value
    assert f"every {known} must be one of 0, " in broken(root, "info", matrix(info))


def test_an_impossible_class_is_refused(root):
    message = broken(root, "cat", matrix(TRAIN["cat"] + 1))
    assert "every class must be one of 0, 1, 2, 3, 4, got 5" in message


def test_missing_files_are_asked_for(root):
    with pytest.raises(CapseduError) as caught:
        load("smallnorb")
    message = str(caught.value)
    assert TRAINING_PARTS["dat"] in message and str(root / "smallnorb") in message
    assert module.MIRROR in message and "packed or not" in message and "\n" not in message
    assert os.listdir(root) == []
    assert first_available("smallnorb", "digits").name == "digits"


class Answer(io.BytesIO):
    pass


@pytest.fixture
def network(root, monkeypatch):
    """A network in which the small files are the official ones, and its list of visits."""
    monkeypatch.delenv("CAPSEDU_OFFLINE")
    packed = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}
    sums = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in packed.items()}
    monkeypatch.setattr(module, "PACKED", sums)
    visits = []

    def urlopen(url, timeout):
        assert timeout <= 30
        visits.append(url)
        return answers.get(url, Answer)(packed[url.rsplit("/", 1)[1].removesuffix(".gz")])

    answers = {}
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return visits, answers


def test_missing_files_are_downloaded_unpacked_and_kept(root, network):
    visits, _ = network
    assert np.array_equal(load("smallnorb").images.numpy(), TRAIN["dat"])
    assert len(visits) == 3 and all(url.startswith(module.MIRROR) for url in visits)
    folder = root / "smallnorb"
    assert sorted(os.listdir(folder)) == sorted(TRAINING_PARTS.values())
    assert all((folder / name).read_bytes() == CONTENT[name] for name in os.listdir(folder))
    load("smallnorb"), load("smallnorb", train=False), load("smallnorb", train=False)
    assert len(visits) == 6 and available("smallnorb")


def cut_off(data):
    return Answer(data[:-5])


def another_file(data):
    return Answer(gzip.compress(b"something else" * 10_000, compresslevel=0))


def error_page(data):
    return Answer(b"<html>" + bytes(len(data)))


def dead(data):
    raise urllib.error.URLError("no route to host")


@pytest.mark.parametrize("answer", [cut_off, another_file, error_page, dead])
@pytest.mark.parametrize("part", ["dat", "info"])
def test_a_failed_download_leaves_nothing_and_is_not_repeated(root, network, answer, part):
    visits, answers = network
    answers[f"{module.MIRROR}{TRAINING_PARTS[part]}.gz"] = answer
    messages = set()
    for _ in range(2):
        with pytest.raises(CapseduError) as caught:
            load("smallnorb")
        messages.add(str(caught.value))
    message = messages.pop()
    assert not messages and len(visits) == len(set(visits)) and "\n" not in message
    assert "could not be downloaded" in message and "put the six files" in message
    left = os.listdir(root / "smallnorb")
    assert TRAINING_PARTS[part] not in left and not [name for name in left if "part" in name]


def test_a_full_disk_is_said(root, network, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CapseduError, match=r"cannot write to .*No space left on device"):
        load("smallnorb")
    assert os.listdir(root / "smallnorb") == []


def test_the_checksums_are_of_six_files():
    assert sorted(PACKED) == sorted(CONTENT)
    assert len({sha256 for _, sha256 in PACKED.values()}) == 6
    assert all(len(bytes.fromhex(sha256)) == 32 for _, sha256 in PACKED.values())


def test_batches_carry_the_pose_of_the_set_and_that_of_the_crop(root):
    install(root)
    images = load("smallnorb")
    batch = BatchStream(images, 4, RandomCrop(), seed=1).batch(0)
    assert batch.images.shape == (4, 2, 32, 32)
    assert {"instance", "azimuth", "corner", "contrast"} <= set(batch.pose)
    # Each row's pose is that of the image it shows: found again by its targets and pose.
    table = torch.stack([images.targets, *images.pose.values()], dim=1).tolist()
    names = list(images.pose)
    for row in range(4):
        key = [int(batch.targets[row]), *(int(batch.pose[name][row]) for name in names)]
        source = images.take(torch.tensor([table.index(key)]))
        pose = {name: values[row : row + 1] for name, values in batch.pose.items()}
        again = RandomCrop().apply(source.images.float() / 255, pose)
        assert torch.equal(again[0], batch.images[row])


def test_a_subset_keeps_image_and_pose_together(root):
    install(root)
    images = load("smallnorb")
    order = torch.tensor([7, 2])
    part = images.take(order).to("cpu")
    assert torch.equal(part.images, images.images[order])
    for name, values in images.pose.items():
        assert torch.equal(part.pose[name], values[order])
    assert all(len(values) == 5 for values in images.subset(5).pose.values())
    centre = BatchStream(images, 10, CentreCrop(), shuffle=False).batch(0)
    assert torch.equal(centre.pose["azimuth"], images.pose["azimuth"])
    assert centre.images.shape == (10, 2, 32, 32)


real = pytest.mark.skipif("CAPSEDU_DATA" not in os.environ, reason="needs CAPSEDU_DATA")


@real
def test_the_real_files_hold_every_view_of_every_toy():
    if not available("smallnorb"):
        pytest.skip("smallnorb is not in CAPSEDU_DATA")
    for train, instances in [(True, [4, 6, 7, 8, 9]), (False, [0, 1, 2, 3, 5])]:
        images = load("smallnorb", train)
        assert images.images.shape == (24300, 2, 96, 96)
        assert images.pose["instance"].unique().tolist() == instances
        views = torch.stack([images.targets, *images.pose.values()], dim=1)
        assert len(views.unique(dim=0)) == 24300
