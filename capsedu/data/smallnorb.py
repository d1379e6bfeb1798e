"""smallNORB: 48,600 stereo pairs of toys, with the viewpoint and the light of each.

Fifty toys of five classes stand on a turntable under two cameras. Half of the toys of each
class are for training and the other half for testing, so a network must recognise a toy
that it has never seen.

Source: LeCun, Huang & Bottou 2004, "Learning methods for generic object recognition with
invariance to pose and lighting"; https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/.
"""

import gzip
import hashlib
import math
import os
import struct
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from rich.progress import Progress

from capsedu.data.images import ImageSet
from capsedu.data.keeping import keep
from capsedu.data.official import CHUNK_BYTES, RETRY_AFTER_SECONDS, TIMEOUT_SECONDS
from capsedu.errors import CapseduError

CLASSES = ("animal", "human", "airplane", "truck", "car")
FOLDER = "smallnorb"  # below the data root
SIDE = 96  # pixels of the stored images

# The columns of the info files with the values that each can have. Elevation counts steps
# of 5 degrees from 30 on, azimuth counts tens of degrees.
POSE = {
    "instance": range(10),
    "elevation": range(9),
    "azimuth": range(0, 36, 2),
    "lighting": range(6),
}

TRAINING = "smallnorb-5x46789x9x18x6x2x96x96-training"
TESTING = "smallnorb-5x01235x9x18x6x2x96x96-testing"
MIRROR = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
# Size in bytes and SHA-256 of each file as it is offered, packed with gzip; the sums are
# those by which TensorFlow Datasets has verified its downloads since 2019.
PACKED = {
    f"{TRAINING}-dat.mat": (
        131_896_188,
        "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    ),
    f"{TRAINING}-cat.mat": (
        348,
        "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    ),
    f"{TRAINING}-info.mat": (
        71_052,
        "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    ),
    f"{TESTING}-dat.mat": (
        130_799_817,
        "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    ),
    f"{TESTING}-cat.mat": (
        347,
        "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    ),
    f"{TESTING}-info.mat": (
        10_428,
        "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
    ),
}

# The two of the format's element types that smallNORB uses, by their magic number.
BYTES, INTEGERS = 0x1E3D4C55, 0x1E3D4C54
DTYPES = {BYTES: np.dtype("u1"), INTEGERS: np.dtype("<i4")}

ADVICE = "delete it, so that it is downloaded again, or put an intact copy there"

_failures: dict[str, tuple[float, str]] = {}  # by file: when its download failed, and why


def is_present(root: Path) -> bool:
    """Whether all six files lie below ``root``, packed or not."""
    return all(_lying(root / FOLDER / file) is not None for file in PACKED)


def load_smallnorb(root: Path, train: bool) -> ImageSet:
    """One half of smallNORB, downloading the files that are missing.

    The images are mapped from the disk rather than read, so that several processes share
    them and a subset costs only itself. If the file lies there packed, all of it is
    unpacked into memory (448 MB).

    Args:
        root: the data root. Nothing is written there if the files are present.
        train: the training half (instances 4, 6, 7, 8 and 9) or the test half
            (0, 1, 2, 3 and 5).

    Returns:
        Stereo pairs (left, right), uint8 ``[n, 2, 96, 96]``, with the pose
        ``"instance"`` 0 to 9, ``"elevation"`` 0 to 8 (30 to 70 degrees above the ground),
        ``"azimuth"`` 0, 2, ... 34 (tens of degrees) and ``"lighting"`` 0 to 5, int64
        ``[n]`` each.

    Raises:
        CapseduError: if a file is damaged, or missing and not to be had.
    """
    folder = root / FOLDER
    half = TRAINING if train else TESTING
    dat, cat, info = (_found(folder / f"{half}-{part}.mat") for part in ("dat", "cat", "info"))
    images, categories, poses = read_matrix(dat), read_matrix(cat), read_matrix(info)
    n = len(images)
    _require(dat, images, np.uint8, (n, 2, SIDE, SIDE))
    _require(cat, categories, np.int32, (n,))
    _require(info, poses, np.int32, (n, len(POSE)))
    _require_values(cat, "class", categories, range(len(CLASSES)))
    for column, (name, values) in zip(poses.T, POSE.items(), strict=True):
        _require_values(info, name, column, values)
    return ImageSet(
        "smallnorb",
        torch.from_numpy(images),
        torch.from_numpy(categories.astype(np.int64)),
        CLASSES,
        {name: torch.from_numpy(poses[:, k].astype(np.int64)) for k, name in enumerate(POSE)},
    )


def read_matrix(path: Path) -> np.ndarray:
    """A file in NORB's binary matrix format, packed with gzip if its name ends in ``.gz``.

    The file begins with little-endian 32-bit integers: the magic number that says the
    element type, the number of dimensions, and their sizes, of which there are at least
    three (a vector of 5 is written as 5, 1, 1). The elements follow, last index fastest.

    Args:
        path: the file. Its elements are bytes or 32-bit integers.

    Returns:
        The matrix, uint8 or int32. Of an unpacked file it is a private map: what is
        written to the array does not reach the disk.

    Raises:
        CapseduError: if the file cannot be read, or is of another kind or length.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as file:
                return _unpacked(path, file)
        with path.open("rb") as file:
            return _mapped(path, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise CapseduError(f"cannot read {path} ({reason}); {ADVICE}") from error


def _mapped(path: Path, file: BinaryIO) -> np.ndarray:
    dtype, shape = _header(path, file)
    offset = file.tell()
    _require_bytes(path, path.stat().st_size - offset, dtype, shape)
    return np.asarray(np.memmap(path, dtype, "c", offset, shape))


def _unpacked(path: Path, file: BinaryIO) -> np.ndarray:
    dtype, shape = _header(path, file)
    content = bytearray()
    while chunk := file.read(CHUNK_BYTES):  # up to the end, where gzip checks its own sum
        content += chunk
    _require_bytes(path, len(content), dtype, shape)
    return np.frombuffer(content, dtype).reshape(shape)


def _header(path: Path, file: BinaryIO) -> tuple[np.dtype, tuple[int, ...]]:
    """Element type and shape; the file is left where the elements begin."""
    start = file.read(8)
    magic, ndim = struct.unpack("<II", start) if len(start) == 8 else (None, 0)
    if magic not in DTYPES:
        raise CapseduError(
            f"{path} is not in smallNORB's format: it must begin with 0x{BYTES:08X} (bytes) or "
            f"0x{INTEGERS:08X} (integers), little-endian, got the bytes "
            f"{start[:4].hex(' ') or '(none)'}; {ADVICE}"
        )
    sizes = file.read(4 * max(3, min(ndim, 32)))
    if not 1 <= ndim <= 32 or len(sizes) < 4 * max(3, ndim):
        raise CapseduError(f"{path} is damaged: its header breaks off; {ADVICE}")
    return DTYPES[magic], struct.unpack(f"<{len(sizes) // 4}I", sizes)[:ndim]


def _require_bytes(path: Path, size: int, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    wanted = dtype.itemsize * math.prod(shape)
    if size != wanted:
        raise CapseduError(
            f"{path} is damaged: it has {size:,} bytes behind its header instead of the "
            f"{wanted:,} of {list(shape)}; {ADVICE}"
        )


def _require(path: Path, matrix: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    if matrix.dtype != dtype or matrix.shape != shape:
        raise CapseduError(
            f"{path} must hold {np.dtype(dtype)} {list(shape)}, "
            f"got {matrix.dtype} {list(matrix.shape)}; {ADVICE}"
        )


def _require_values(path: Path, what: str, column: np.ndarray, values: range) -> None:
    bad = column[~np.isin(column, values)]
    if len(bad):
        known = ", ".join(map(str, values))
        raise CapseduError(
            f"{path} is damaged: every {what} must be one of {known}, got {bad[0]}; {ADVICE}"
        )


def _lying(path: Path) -> Path | None:
    """The file as it lies there: unpacked if possible, else packed, else not at all."""
    packed = path.with_name(f"{path.name}.gz")
    return next((place for place in (path, packed) if place.is_file()), None)


def _found(path: Path) -> Path:
    lying = _lying(path)
    if lying is None:
        _download(path)
    return lying or path


def _download(path: Path) -> None:
    """Fetch one packed file and keep it unpacked, so that it can be mapped."""
    place = f"{path.name} of smallnorb is not in {path.parent}"
    advice = f"put the six files from {MIRROR} there, packed or not"
    if os.environ.get("CAPSEDU_OFFLINE") == "1":
        raise CapseduError(
            f"{place} and CAPSEDU_OFFLINE=1 forbids downloading it; {advice}, "
            "or set CAPSEDU_DATA to the folder above"
        )
    when, why = _failures.get(str(path), (-RETRY_AFTER_SECONDS, ""))
    if time.monotonic() - when < RETRY_AFTER_SECONDS:
        raise CapseduError(why)
    try:
        keep(path, _write_download(path.name))
    except _NotDelivered as error:
        why = f"{place} and could not be downloaded ({MIRROR}: {error}); {advice}"
        _failures[str(path)] = (time.monotonic(), why)
        raise CapseduError(why) from error


def _write_download(file: str) -> Callable[[Path], None]:
    def write(part: Path) -> None:
        with part.open("wb") as target:
            target.writelines(_fetched(file))

    return write


class _NotDelivered(Exception):
    """The network's fault, not the disk's."""


def _fetched(file: str) -> Iterator[bytes]:
    """The unpacked content, piece by piece; the last piece comes only if all was intact."""
    size, sha256 = PACKED[file]
    digest, unpack = hashlib.sha256(), zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    received = 0
    try:
        with (
            urllib.request.urlopen(f"{MIRROR}{file}.gz", timeout=TIMEOUT_SECONDS) as answer,
            Progress(transient=True) as progress,
        ):
            task = progress.add_task(f"downloading {file}", total=size)
            while chunk := answer.read(CHUNK_BYTES):
                received += len(chunk)
                digest.update(chunk)
                progress.update(task, advance=len(chunk))
                yield unpack.decompress(chunk)
    except (OSError, HTTPException, zlib.error) as error:
        raise _NotDelivered(getattr(error, "reason", None) or error) from error
    if received < size:
        raise _NotDelivered(f"the download broke off after {received:,} of {size:,} bytes")
    if digest.hexdigest() != sha256:
        raise _NotDelivered("what came is not the official file")
    yield unpack.flush()
