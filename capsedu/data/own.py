"""One's own images: a folder with one subfolder per class, or an npz file."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from rich.progress import track
from torchvision.datasets import ImageFolder

from capsedu.data.images import ImageSet, stratified_order
from capsedu.errors import CapseduError

TEST_PART = 0.2
GREY_MODES = ("1", "L")


def split(whole: ImageSet, train: bool, test_images: int) -> ImageSet:
    """The training or the test half of a set, always cut in the same way.

    Args:
        whole: all images.
        train: which half.
        test_images: how many images the test half holds; classes keep their proportions.
    """
    order = stratified_order(whole.targets, seed=0)
    return whole.take(order[test_images:] if train else order[:test_images])


def load_folder(path: Path, train: bool) -> ImageSet:
    """Images in one subfolder per class, as torchvision's ``ImageFolder`` reads them.

    Where the folder holds the two folders ``train`` and ``test``, these are the halves;
    otherwise a fifth of the images is the test half.

    Returns:
        Images uint8 ``[n, 1, h, w]`` if all are grey, else ``[n, 3, h, w]``.

    Raises:
        CapseduError: if there are no images, one is broken, or their sizes differ.
    """
    halves = {half: path / half for half in ("train", "test")}
    if not all(half.is_dir() for half in halves.values()):
        whole = _read_folder(path)
        return split(whole, train, _test_images(whole))
    classes = {half: _listed(folder).classes for half, folder in halves.items()}
    if classes["train"] != classes["test"]:
        raise CapseduError(
            f"the folders train and test in {path} must hold the same classes, "
            f"got {classes['train']} and {classes['test']}"
        )
    return _read_folder(halves["train" if train else "test"], f"folder:{path}")


def load_npz(path: Path, train: bool) -> ImageSet:
    """An npz file with ``images``, uint8 ``[n, h, w]`` or ``[n, h, w, c]``, and ``labels``.

    The labels are whole numbers from 0 on, ``[n]``. A fifth of the images is the test half.

    Returns:
        Images uint8 ``[n, c, h, w]`` with their targets; the classes are named by number.

    Raises:
        CapseduError: if the file is missing or damaged, or an array does not fit.
    """
    whole = read_npz(path)
    return split(whole, train, _test_images(whole))


def read_npz(path: Path) -> ImageSet:
    """The whole of an npz file; takes and raises what :func:`load_npz` does."""
    images, labels = _read_npz(path)
    if images.dtype != np.uint8:
        raise CapseduError(f"images in {path} must be uint8, got {images.dtype}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise CapseduError(
            f"images in {path} must have shape [n, h, w] or [n, h, w, c] with 1 or 3 channels, "
            f"got {list(images.shape)}"
        )
    if labels.dtype.kind not in "iu":
        raise CapseduError(f"labels in {path} must be whole numbers, got {labels.dtype}")
    if labels.shape != images.shape[:1]:
        raise CapseduError(
            f"labels in {path} must have shape [{len(images)}], one per image, "
            f"got {list(labels.shape)}"
        )
    if labels.min() < 0:
        raise CapseduError(f"labels in {path} must be 0 or more, got {labels.min()}")
    return ImageSet(
        f"npz:{path}",
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(labels.astype(np.int64)),
        tuple(str(label) for label in range(int(labels.max()) + 1)),
    )


def _test_images(whole: ImageSet) -> int:
    if len(whole) < 2:
        raise CapseduError(f"{whole.name} must hold at least 2 images to be split, got 1")
    return max(1, round(TEST_PART * len(whole)))


def _listed(folder: Path) -> ImageFolder:
    try:
        return ImageFolder(str(folder))
    except OSError as error:
        raise CapseduError(
            f"{folder} must hold one folder of images for each class ({error})"
        ) from error


def _read_folder(folder: Path, name: str | None = None) -> ImageSet:
    listed = _listed(folder)
    paths = [path for path, _ in listed.samples]
    # Opening reads only the header: size and mode are known before anything is decoded.
    headers = [_opened(path) for path in paths]
    width, height = headers[0][0]
    for path, (size, _) in zip(paths, headers, strict=True):
        if size != (width, height):
            raise CapseduError(
                f"all images in {folder} must have one size: {path} has "
                f"{size[0]}x{size[1]} pixels, {paths[0]} has {width}x{height}"
            )
    mode = "L" if all(mode in GREY_MODES for _, mode in headers) else "RGB"
    images = np.empty((len(paths), height, width, len(mode)), dtype=np.uint8)
    for row, path in track(
        enumerate(paths),
        "reading images",
        total=len(paths),
        transient=True,
        disable=len(paths) < 1000,
    ):
        images[row] = decoded(path, mode).reshape(images.shape[1:])
    return ImageSet(
        name or f"folder:{folder}",
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.tensor(listed.targets, dtype=torch.int64),
        tuple(listed.classes),
    )


def _opened(path: str) -> tuple[tuple[int, int], str]:
    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise CapseduError(f"{path} cannot be read as an image; repair or remove it") from error


def decoded(path: str, mode: str) -> np.ndarray:
    """The pixels of an image file, in one of Pillow's modes.

    Raises:
        CapseduError: if it is missing or broken.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except (OSError, SyntaxError, ValueError) as error:
        raise CapseduError(f"{path} cannot be read as an image; repair or remove it") from error


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise CapseduError(f"there is no file {path}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("images", "labels") if key not in arrays]
            if missing:
                raise CapseduError(
                    f"{path} must hold the arrays images and labels; {' and '.join(missing)} "
                    f"missing, found {sorted(arrays)}"
                )
            return arrays["images"], arrays["labels"]
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CapseduError(
            f"{path} cannot be read as an npz file of plain arrays ({error})"
        ) from error
