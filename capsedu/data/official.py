"""Official files, verified, downloaded where they are missing; MNIST and Fashion-MNIST of them."""

import gzip
import hashlib
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import torch
from rich.progress import Progress
from torchvision.datasets import MNIST, FashionMNIST
from torchvision.datasets.mnist import read_image_file, read_label_file

from capsedu.data.images import ImageSet
from capsedu.data.keeping import keep, unwritable
from capsedu.errors import CapseduError

TIMEOUT_SECONDS = 10
RETRY_AFTER_SECONDS = 300  # a dead network is not tried again sooner
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Official:
    """The files of a data set.

    Attributes:
        folder: where the files lie, below the data root.
        files: for each file its size in bytes and its SHA-256, unpacked.
        mirrors: addresses to try in turn.
        packed: MD5 of what the mirrors offer: each file, packed, or one archive of all.
        classes: the name of each class.
    """

    folder: str
    files: dict[str, tuple[int, str]]
    mirrors: tuple[str, ...]
    packed: dict[str, str]
    classes: tuple[str, ...]


def _official(dataset: type[MNIST], classes: tuple[str, ...], checksums: list[str]) -> Official:
    names = [name.removesuffix(".gz") for name, _ in dataset.resources]
    sizes = [47_040_016, 60_008, 7_840_016, 10_008]
    return Official(
        folder=f"{dataset.__name__}/raw",
        files=dict(zip(names, zip(sizes, checksums, strict=True), strict=True)),
        mirrors=tuple(dataset.mirrors),
        packed={name.removesuffix(".gz"): md5 for name, md5 in dataset.resources},
        classes=classes,
    )


# The checksums are of the unpacked files, in torchvision's order: training images and
# labels, test images and labels.
OFFICIAL = {
    "mnist": _official(
        MNIST,
        tuple(str(digit) for digit in range(10)),
        [
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ],
    ),
    "fashion-mnist": _official(
        FashionMNIST,
        tuple(FashionMNIST.classes),
        [
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ],
    ),
}

_failures: dict[str, tuple[float, str]] = {}  # by file: when its download failed, and why


def is_present(name: str, root: Path) -> bool:
    """Whether all files of ``name`` lie below ``root`` in full length."""
    return all_there(OFFICIAL[name], root)


def all_there(official: Official, root: Path) -> bool:
    """Whether all files of a set lie below ``root`` in full length."""
    paths = {root / official.folder / file: size for file, (size, _) in official.files.items()}
    return all(path.is_file() and path.stat().st_size == size for path, size in paths.items())


def load_official(name: str, root: Path, train: bool) -> ImageSet:
    """Read one half of an official set, downloading what is missing.

    Args:
        name: a key of :data:`OFFICIAL`.
        root: the data root. Nothing is written there if the files are present.
        train: the training or the test half.

    Returns:
        Images uint8 ``[n, 1, 28, 28]`` with their targets.

    Raises:
        CapseduError: if a file is damaged, or missing and not to be had.
    """
    official = OFFICIAL[name]
    folder = root / official.folder
    half = "train" if train else "t10k"
    needed = [file for file in official.files if file.startswith(half)]
    if not all((folder / file).is_file() for file in needed):
        for file in official.files:
            if not (folder / file).is_file():
                _download(name, file, folder)
    for file in needed:
        read_verified(folder / file, *official.files[file])
    images, labels = (str(folder / file) for file in needed)
    return ImageSet(
        name,
        read_image_file(images).unsqueeze(1),
        read_label_file(labels).to(torch.int64),
        official.classes,
    )


def read_verified(path: Path, size: int, sha256: str) -> bytes:
    """The content of an official file.

    Raises:
        CapseduError: if it cannot be read, or is not the official one.
    """
    advice = "delete it, so that it is downloaded again, or put an intact copy there"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CapseduError(f"cannot read {path} ({error.strerror or error})") from error
    if len(content) != size:
        raise CapseduError(
            f"{path} is damaged: it has {len(content):,} bytes instead of {size:,}; {advice}"
        )
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CapseduError(
            f"{path} is damaged: its SHA-256 is not that of the official file; {advice}"
        )
    return content


def _download(name: str, file: str, folder: Path) -> None:
    """Fetch one file from the first mirror that delivers it intact."""
    official = OFFICIAL[name]

    def fetch(mirror: str) -> bytes:
        content = gzip.decompress(fetched(f"{mirror}{file}.gz", official.packed[file]))
        if hashlib.sha256(content).hexdigest() != official.files[file][1]:
            raise ValueError("what came is not the official file")
        return content

    content = from_first_mirror(name, file, folder, official.mirrors, fetch)
    keep(folder / file, lambda part: part.write_bytes(content))


def from_first_mirror(
    name: str, file: str, folder: Path, mirrors: tuple[str, ...], fetch: Callable[[str], bytes]
) -> bytes:
    """What the first mirror gives that delivers; a dead network is not tried again at once.

    Args:
        name: of the data set, for messages.
        file: which file of it is missing, for messages.
        folder: where it is to be kept.
        mirrors: addresses to try in turn.
        fetch: downloads from one of them and verifies what came.

    Raises:
        CapseduError: if no mirror delivers, downloading is forbidden, or the folder cannot be
            written to.
    """
    place = f"{file} of {name} is not in {folder}"
    if os.environ.get("CAPSEDU_OFFLINE") == "1":
        raise CapseduError(
            f"{place} and CAPSEDU_OFFLINE=1 forbids downloading it; put it there, "
            "or set CAPSEDU_DATA to the folder that holds it"
        )
    when, why = _failures.get(str(folder / file), (-RETRY_AFTER_SECONDS, ""))
    if time.monotonic() - when < RETRY_AFTER_SECONDS:
        raise CapseduError(why)
    _require_writable(folder)
    reasons = []
    for mirror in mirrors:
        try:
            return fetch(mirror)
        except (OSError, HTTPException, EOFError, ValueError) as error:
            reasons.append(f"{mirror}: {getattr(error, 'reason', None) or error}")
    why = (
        f"{place} and could not be downloaded ({'; '.join(reasons)}); connect to the network "
        "and try again, or set CAPSEDU_DATA to the folder that holds it"
    )
    _failures[str(folder / file)] = (time.monotonic(), why)
    raise CapseduError(why)


def fetched(url: str, md5: str) -> bytes:
    """What lies at an address; ValueError if it is not the file with this MD5."""
    content = bytearray()
    with (
        urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer,
        Progress(transient=True) as progress,
    ):
        length = int(answer.headers.get("Content-Length") or 0)
        task = progress.add_task(f"downloading {url.rsplit('/', 1)[1]}", total=length or None)
        while chunk := answer.read(CHUNK_BYTES):
            content += chunk
            progress.update(task, advance=len(chunk))
    if length and len(content) < length:
        raise ValueError(f"the download broke off after {len(content):,} of {length:,} bytes")
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise ValueError("what came is not the official file")
    return bytes(content)


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise unwritable(folder, error) from error
