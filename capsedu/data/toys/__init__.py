"""Rendered toys: a stand-in for smallNORB that needs no download.

Five classes of ten toys each, seen by two cameras from 9 elevations and 18 azimuths in 6
lights, with smallNORB's numbering and its division into toys for training and others for
testing. They are rendered once and kept below the data root.
"""

import hashlib
import zipfile
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from capsedu.data.images import ImageSet
from capsedu.data.keeping import keep
from capsedu.data.smallnorb import CLASSES, POSE
from capsedu.data.toys import models, render, solids

FOLDER = "toys"  # below the data root
SIDE = 48
INSTANCES = {True: (4, 6, 7, 8, 9), False: (0, 1, 2, 3, 5)}  # for training or not


class Views(NamedTuple):
    """From where and in which lights toys are seen, in smallNORB's numbers."""

    elevations: tuple[int, ...]
    azimuths: tuple[int, ...]
    lightings: tuple[int, ...]


VIEWS = {
    "toys": Views(*(tuple(POSE[name]) for name in ("elevation", "azimuth", "lighting"))),
    "toys-small": Views((0, 4, 8), (0, 12, 24), (0, 3)),
}


def load_toys(name: str, root: Path, train: bool) -> ImageSet:
    """One half of the toys, from the data root or, the first time, freshly rendered.

    Args:
        name: ``"toys"``, every view (24,300 pairs in each half), or ``"toys-small"``, three
            elevations, three azimuths and two lights (450 pairs in each half).
        root: the data root.
        train: the toys for training (4, 6, 7, 8 and 9) or those for testing
            (0, 1, 2, 3 and 5).

    Returns:
        Stereo pairs (left, right), uint8 ``[n, 2, 48, 48]``, with the pose of smallNORB:
        ``"instance"``, ``"elevation"``, ``"azimuth"`` and ``"lighting"``, int64 ``[n]``.

    Raises:
        CapseduError: if the pictures must be rendered but cannot be kept.
    """
    views, path = VIEWS[name], _cache(name, root, train)
    table = torch.tensor(list(product(range(len(CLASSES)), INSTANCES[train], *views)))
    images = _kept(path, len(table))
    if images is None:
        keep(path, lambda part: _render_into(part, views, INSTANCES[train]))
        images = _kept(path, len(table))
    targets, *poses = table.T.contiguous()
    return ImageSet(name, images, targets, CLASSES, dict(zip(POSE, poses, strict=True)))


def is_rendered(name: str, root: Path) -> bool:
    """Whether both halves lie below ``root``, so that nothing has to be rendered first."""
    return all(_cache(name, root, train).is_file() for train in (True, False))


def render_all(views: Views, instances: tuple[int, ...]) -> Tensor:
    """Every view of the given toys of every class, uint8 ``[n, 2, 48, 48]``.

    The lighting changes fastest, then azimuth, elevation, instance and class.
    """
    todo = list(product(CLASSES, instances))
    pictures = [
        render.render(toy, 30 + 5 * elevation, 10 * azimuth, views.lightings, SIDE)
        for kind, instance in track(todo, "rendering toys, once", transient=True)
        for toy in [models.toy(kind, instance)]
        for elevation, azimuth in product(views.elevations, views.azimuths)
    ]
    return torch.cat(pictures)


def recipe() -> str:
    """A checksum of the code that makes the pictures: other code, other pictures."""
    code = b"".join(Path(module.__file__).read_bytes() for module in (solids, models, render))
    return hashlib.sha256(code.replace(b"\r\n", b"\n")).hexdigest()[:12]


def _cache(name: str, root: Path, train: bool) -> Path:
    half = "training" if train else "testing"
    return root / FOLDER / f"{name}-{half}-{SIDE}x{SIDE}-{recipe()}.npz"


def _render_into(path: Path, views: Views, instances: tuple[int, ...]) -> None:
    # Opened first: minutes of rendering should not end in a folder that cannot be written to.
    with path.open("wb") as file:
        np.savez(file, images=render_all(views, instances).numpy())


def _kept(path: Path, n: int) -> Tensor | None:
    """The pictures in a file; none if it is missing or not intact, as its own sum tells."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images = torch.from_numpy(arrays["images"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return images if images.shape == (n, 2, SIDE, SIDE) and images.dtype == torch.uint8 else None
