"""CIFAR-10: the official binary files, verified; or the part of it that comes as npz files.

The version that most libraries download is pickled, and to unpickle a file is to run the code
in it. The binary version holds the same images: each is one byte for its class and 3,072 for its
pixels, the red ones first, row by row.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images";
https://www.cs.toronto.edu/~kriz/cifar.html, which states the archive's MD5.
"""

import io
import tarfile
from pathlib import Path

import torch

from capsedu.data.images import ImageSet
from capsedu.data.keeping import keep
from capsedu.data.official import (
    Official,
    all_there,
    fetched,
    from_first_mirror,
    read_verified,
)
from capsedu.data.own import read_npz
from capsedu.errors import CapseduError

SIDE = 32
FILE_BYTES = 10_000 * (1 + 3 * SIDE * SIDE)
ARCHIVE = "cifar-10-binary.tar.gz"
PICKLED = "cifar-10-batches-py"  # torchvision's folder
TRAINING = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST = ("test_batch.bin",)

# The SHA-256 sums are those that the Ruby library torchvision checks.
CIFAR10 = Official(
    folder="cifar-10-batches-bin",
    files={
        file: (FILE_BYTES, checksum)
        for file, checksum in zip(
            TRAINING + TEST,
            [
                "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
                "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
                "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
                "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
                "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
                "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
            ],
            strict=True,
        )
    },
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://storage.googleapis.com/mirror.tensorflow.org/www.cs.toronto.edu/~kriz/",
    ),
    packed={ARCHIVE: "c32a1d4ab5d03f1284b67883e8d87530"},
    classes=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
)

SUBSET = "cifar10"  # the folder of the npz files, below the data root
HELD_OUT = "heldout_batch.npz"
NOT_OFFICIAL = (
    "its test images are held-out training images and not the official test set, so that an error "
    "on them is not the papers' test error"
)


def cifar10_is_present(root: Path) -> bool:
    """Whether the six binary files lie below ``root`` in full length."""
    return all_there(CIFAR10, root)


def load_cifar10(root: Path, train: bool) -> ImageSet:
    """One half of CIFAR-10, downloading the archive of 170 MB if a file is missing.

    Args:
        root: the data root. Nothing is written there if the files are present.
        train: the training half (50,000) or the official test half (10,000).

    Returns:
        Images uint8 ``[n, 3, 32, 32]`` with their targets.

    Raises:
        CapseduError: if a file is damaged, or missing and not to be had.
    """
    folder = root / CIFAR10.folder
    needed = TRAINING if train else TEST
    if not all((folder / file).is_file() for file in needed):
        try:
            _download(folder)
        except CapseduError as error:
            raise CapseduError(f"{error}{_what_is_there(root)}") from error
    content = b"".join(read_verified(folder / file, *CIFAR10.files[file]) for file in needed)
    rows = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    rows = rows.view(-1, 1 + 3 * SIDE * SIDE)
    images = rows[:, 1:].reshape(-1, 3, SIDE, SIDE)
    return ImageSet("cifar-10", images, rows[:, 0].to(torch.int64), CIFAR10.classes)


def subset_is_present(root: Path) -> bool:
    """Whether both halves of the subset lie below ``root``."""
    return bool(_subset_files(root, train=True)) and bool(_subset_files(root, train=False))


def load_cifar10_subset(root: Path, train: bool) -> ImageSet:
    """Part of CIFAR-10's training images, from npz files. **Not the official division.**

    The folder ``cifar10`` holds ``train_batch_1.npz``, ``train_batch_2.npz`` and so on, and
    ``heldout_batch.npz``. Each has ``images``, uint8 ``[n, 32, 32, 3]``, and ``labels``, whole
    numbers from 0 to 9, ``[n]``. The held-out images are other *training* images of CIFAR-10:
    an error on them is not the papers' test error.

    Args:
        root: the data root.
        train: the images of the training batches, or the held-out ones.

    Returns:
        Images uint8 ``[n, 3, 32, 32]`` with their targets.

    Raises:
        CapseduError: if a file is missing or damaged, or an array does not fit.
    """
    files = _subset_files(root, train)
    if not files:
        wanted = "train_batch_*.npz" if train else HELD_OUT
        raise CapseduError(
            f"cifar-10-subset needs {wanted} in {root / SUBSET}, with arrays images "
            f"[n, {SIDE}, {SIDE}, 3] and labels [n]; put part of CIFAR-10's training images there, "
            f"or use cifar-10 (in the subset, {NOT_OFFICIAL})"
        )
    parts = [_require_cifar(path, read_npz(path)) for path in files]
    return ImageSet(
        "cifar-10-subset",
        torch.cat([part.images for part in parts]),
        torch.cat([part.targets for part in parts]),
        CIFAR10.classes,
    )


def _subset_files(root: Path, train: bool) -> list[Path]:
    return sorted((root / SUBSET).glob("train_batch_*.npz" if train else HELD_OUT))


def _require_cifar(path: Path, images: ImageSet) -> ImageSet:
    if images.image_shape != (3, SIDE, SIDE) or len(images.classes) > len(CIFAR10.classes):
        c, h, w = images.image_shape
        raise CapseduError(
            f"{path} must hold images [n, {SIDE}, {SIDE}, 3] and labels from 0 to 9, got "
            f"[{h}, {w}, {c}] and labels up to {len(images.classes) - 1}"
        )
    return images


def _what_is_there(root: Path) -> str:
    """What else of CIFAR-10 lies below ``root``, as further sentences for a message."""
    there = ""
    if (root / PICKLED).is_dir():
        there += (
            f". The pickled files in {root / PICKLED} are not read, since that could run foreign "
            f"code; unpack {ARCHIVE} from {CIFAR10.mirrors[0]} beside them"
        )
    if subset_is_present(root):
        there += f". cifar-10-subset can be loaded; {NOT_OFFICIAL}"
    return there


def _download(folder: Path) -> None:
    """Fetch the archive and keep the files that are missing."""
    missing = [file for file in CIFAR10.files if not (folder / file).is_file()]

    def fetch(mirror: str) -> bytes:
        return fetched(f"{mirror}{ARCHIVE}", CIFAR10.packed[ARCHIVE])

    archive = from_first_mirror("cifar-10", missing[0], folder, CIFAR10.mirrors, fetch)
    # One file after the other by its name: nothing else in an archive is of any concern.
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for file in missing:
            content = packed.extractfile(f"{CIFAR10.folder}/{file}").read()
            keep(folder / file, lambda part, content=content: part.write_bytes(content))
