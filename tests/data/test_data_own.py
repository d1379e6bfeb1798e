import numpy as np
import pytest
import torch
from PIL import Image

from capsedu.data import load
from capsedu.errors import CapseduError


def paint(folder, classes=("cat", "dog"), count=5, size=(6, 4), mode="L"):
    """Write ``count`` images per class, each of one grey value of its own."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            value = 100 * label + number
            colour = value if mode == "L" else (value, 0, 255)
            Image.new(mode, size, colour).save(folder / name / f"{number}.png")
    return folder


def values(image_set):
    return image_set.images[:, 0, 0, 0].tolist()


def test_a_folder_is_cut_into_the_same_halves_each_time(tmp_path):
    name = f"folder:{paint(tmp_path)}"
    train, test = load(name), load(name, train=False)
    assert train.images.shape == (8, 1, 4, 6) and test.images.shape == (2, 1, 4, 6)
    assert sorted(values(train) + values(test)) == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert [value // 100 for value in values(train)] == train.targets.tolist()
    assert sorted(test.targets.tolist()) == [0, 1]
    assert torch.equal(load(name, train=False).images, test.images)
    assert train.classes == ("cat", "dog") and train.name == name


def test_the_folders_train_and_test_are_the_halves(tmp_path):
    paint(tmp_path / "train", count=3)
    paint(tmp_path / "test", count=1)
    name = f"folder:{tmp_path}"
    assert values(load(name)) == [0, 1, 2, 100, 101, 102]
    assert values(load(name, train=False)) == [0, 100]
    assert load(name).name == name


def test_the_halves_must_have_the_same_classes(tmp_path):
    paint(tmp_path / "train")
    paint(tmp_path / "test", classes=("cat", "cow"))
    with pytest.raises(CapseduError, match=r"same classes, got \['cat', 'dog'\] and"):
        load(f"folder:{tmp_path}")


def test_coloured_images_have_three_channels_and_grey_ones_join_them(tmp_path):
    paint(tmp_path, mode="RGB")
    Image.new("L", (6, 4), 7).save(tmp_path / "cat" / "grey.png")
    name = f"folder:{tmp_path}"
    images = torch.cat([load(name).images, load(name, train=False).images])
    assert images.shape == (11, 3, 4, 6)
    colours = images[:, :, 0, 0].tolist()
    assert [7, 7, 7] in colours and [103, 0, 255] in colours


def test_the_first_image_of_another_size_is_named(tmp_path):
    paint(tmp_path)
    Image.new("L", (6, 5)).save(tmp_path / "cat" / "9.png")
    with pytest.raises(CapseduError, match=r"cat/9\.png has 6x5 pixels, .*cat/0\.png has 6x4"):
        load(f"folder:{tmp_path}")


@pytest.mark.parametrize("keep", [0, 20, 50])
def test_a_broken_image_is_named(tmp_path, keep):
    paint(tmp_path)
    path = tmp_path / "dog" / "2.png"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CapseduError, match=r"dog/2\.png cannot be read as an image"):
        load(f"folder:{tmp_path}")


def test_a_folder_without_classes_or_images_is_refused(tmp_path):
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(CapseduError, match="one folder of images for each class"):
            load(f"folder:{folder}")
    paint(tmp_path, classes=("cat",), count=1)
    with pytest.raises(CapseduError, match="at least 2 images"):
        load(f"folder:{tmp_path}")


def write_npz(path, images=None, labels=None, **more):
    images = np.arange(10 * 12, dtype=np.uint8).reshape(10, 3, 4) if images is None else images
    labels = np.arange(10) % 2 if labels is None else labels
    np.savez_compressed(path / "own.npz", images=images, labels=labels, **more)
    return f"npz:{path}/own.npz"


def test_an_npz_file_is_cut_into_the_same_halves_each_time(tmp_path):
    name = write_npz(tmp_path)
    train, test = load(name), load(name, train=False)
    assert train.images.shape == (8, 1, 3, 4) and test.images.shape == (2, 1, 3, 4)
    assert sorted(values(train) + values(test)) == list(range(0, 120, 12))
    assert [value // 12 % 2 for value in values(train)] == train.targets.tolist()
    assert train.classes == ("0", "1") and train.targets.dtype == torch.int64


def test_the_channels_of_an_npz_file_come_last(tmp_path):
    images = np.zeros((10, 3, 4, 3), dtype=np.uint8)
    images[..., 2] = 9
    train = load(write_npz(tmp_path, images, np.zeros(10, dtype=np.uint8)))
    assert train.images.shape == (8, 3, 3, 4)
    assert train.images[:, 2].unique().tolist() == [9] and train.images[:, :2].max() == 0


BAD = [
    (dict(images=np.zeros((10, 3, 4))), "images in .* must be uint8, got float64"),
    (dict(images=np.zeros((10, 3), np.uint8)), r"shape \[n, h, w\] .* got \[10, 3\]"),
    (dict(images=np.zeros((10, 3, 4, 2), np.uint8)), r"got \[10, 3, 4, 2\]"),
    (dict(images=np.zeros((0, 3, 4), np.uint8), labels=np.zeros(0, int)), r"got \[0, 3, 4, 1\]"),
    (dict(labels=np.zeros(10)), "labels in .* must be whole numbers, got float64"),
    (dict(labels=np.zeros(9, int)), r"must have shape \[10\], one per image, got \[9\]"),
    (dict(labels=np.full(10, -1)), "must be 0 or more, got -1"),
    (dict(labels=np.array([{}] * 10)), "cannot be read as an npz file of plain arrays"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_a_bad_array_is_named(tmp_path, arrays, message):
    with pytest.raises(CapseduError, match=message):
        load(write_npz(tmp_path, **arrays))


def test_a_missing_array_or_file_is_named(tmp_path):
    np.savez(tmp_path / "own.npz", images=np.zeros((2, 3, 4), np.uint8), classes=np.zeros(2))
    with pytest.raises(CapseduError, match=r"labels missing, found \['classes', 'images'\]"):
        load(f"npz:{tmp_path}/own.npz")
    with pytest.raises(CapseduError, match=r"there is no file .*other"):
        load(f"npz:{tmp_path}/other.npz")


@pytest.mark.parametrize("keep", [0, 30, 300])
def test_a_damaged_npz_file_is_refused(tmp_path, keep):
    write_npz(tmp_path)
    path = tmp_path / "own.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CapseduError, match=r"own\.npz cannot be read as an npz file"):
        load(f"npz:{path}")


def test_a_changed_byte_in_an_npz_file_is_noticed(tmp_path):
    write_npz(tmp_path)
    path = tmp_path / "own.npz"
    content = bytearray(path.read_bytes())
    content[120] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CapseduError, match=r"own\.npz cannot be read as an npz file"):
        load(f"npz:{path}")


def test_a_single_array_or_a_pickle_is_no_npz_file(tmp_path):
    path = tmp_path / "own.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(CapseduError, match="cannot be read as an npz file"):
        load(f"npz:{path}")
    path.write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(CapseduError, match="cannot be read as an npz file"):
        load(f"npz:{path}")
