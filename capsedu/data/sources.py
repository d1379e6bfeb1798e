"""Image sets by name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F

from capsedu.data.celeba import KEPT as CELEBA_KEPT
from capsedu.data.celeba import celeba_is_present, load_celeba
from capsedu.data.cifar10 import (
    cifar10_is_present,
    load_cifar10,
    load_cifar10_subset,
    subset_is_present,
)
from capsedu.data.images import ImageSet
from capsedu.data.official import OFFICIAL, is_present, load_official
from capsedu.data.own import load_folder, load_npz, split
from capsedu.data.smallnorb import is_present as smallnorb_is_present
from capsedu.data.smallnorb import load_smallnorb
from capsedu.data.toys import FOLDER as TOYS_FOLDER
from capsedu.data.toys import VIEWS as TOYS
from capsedu.data.toys import load_toys
from capsedu.errors import CapseduError, require_known

DIGITS_SIZE, DIGITS_MARGIN = 20, 4  # as in MNIST: a 20x20 digit in the middle of 28x28
DIGITS_TEST_IMAGES = 360


def load(name: str, train: bool = True) -> ImageSet:
    """An image set by name: from the disk, the network, or freshly rendered.

    Args:
        name: ``digits``, ``mnist``, ``fashion-mnist``, ``cifar-10``, ``cifar-10-subset``,
            ``celeba``, ``smallnorb``, ``toys``, ``toys-small``, ``folder:PATH`` or ``npz:PATH``.
        train: the training or the test half.

    Returns:
        The image set, on the CPU.

    Raises:
        CapseduError: if the name is unknown, or the data is missing or damaged.
    """
    return _source(name).load(train)


def available(name: str) -> bool:
    """Whether ``load(name)`` finds its files without the network; it does not verify them.

    Raises:
        CapseduError: if the name is unknown.
    """
    return _source(name).is_there()


def first_available(*names: str, train: bool = True) -> ImageSet:
    """The first of ``names`` that can be loaded, downloads included.

    Raises:
        CapseduError: if none can; the message says why for each.
    """
    if not names:
        raise ValueError("names must hold at least one name, got none")
    reasons = []
    for name in names:
        try:
            return load(name, train)
        except CapseduError as error:
            reasons.append(f"{name}: {error}")
    raise CapseduError(f"none of {', '.join(names)} can be loaded. {'. '.join(reasons)}")


def data_root() -> Path:
    """The folder that holds the data sets.

    It is ``$CAPSEDU_DATA`` if that is set, else the folder ``data`` of the checkout that
    the package runs from, else ``~/.cache/capsedu``.

    Raises:
        CapseduError: if ``$CAPSEDU_DATA`` is no folder.
    """
    chosen = os.environ.get("CAPSEDU_DATA")
    if chosen:
        root = Path(chosen).expanduser()
        if not root.is_dir():
            raise CapseduError(f"CAPSEDU_DATA must name an existing folder, got {chosen}")
        return root
    return _own_root()


def rendered_root() -> Path:
    """The folder that holds what the project makes of data: rendered toys, reduced faces.

    It is the project's own, since ``$CAPSEDU_DATA`` may be shared by many and need not be
    written to for what can be made anew; but the data root where that has a folder for them
    already, or where the project's own cannot be written to.

    Raises:
        CapseduError: if ``$CAPSEDU_DATA`` is no folder.
    """
    root, own = data_root(), _own_root()
    existing = next(folder for folder in (own, *own.parents) if folder.exists())
    has_some = any((root / name).is_dir() for name in (TOYS_FOLDER, CELEBA_KEPT))
    if has_some or not os.access(existing, os.W_OK):
        return root
    return own


def _own_root() -> Path:
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    return Path.home() / ".cache" / "capsedu"


def _digits(train: bool) -> ImageSet:
    """scikit-learn's 1,797 handwritten digits, 8x8 in 17 levels, made 28x28 in 256."""
    from sklearn.datasets import load_digits  # two seconds, which only this set needs

    bunch = load_digits()
    small = torch.from_numpy(bunch.images).float().unsqueeze(1) / 16
    size = (DIGITS_SIZE, DIGITS_SIZE)
    large = F.interpolate(small, size, mode="bicubic", align_corners=False).clamp(0, 1)
    large = F.pad(large, [DIGITS_MARGIN] * 4)
    whole = ImageSet(
        "digits",
        (large * 255).round().to(torch.uint8),
        torch.from_numpy(bunch.target).to(torch.int64),
        tuple(str(digit) for digit in range(10)),
    )
    return split(whole, train, DIGITS_TEST_IMAGES)


class _Source(NamedTuple):
    load: Callable[[bool], ImageSet]
    is_there: Callable[[], bool]


def _by_name() -> dict[str, _Source]:
    """Every set that has a name of its own."""
    return {
        "digits": _Source(_digits, lambda: True),
        **{
            name: _Source(
                lambda train, name=name: load_official(name, data_root(), train),
                lambda name=name: is_present(name, data_root()),
            )
            for name in OFFICIAL
        },
        "cifar-10": _Source(
            lambda train: load_cifar10(data_root(), train),
            lambda: cifar10_is_present(data_root()),
        ),
        "cifar-10-subset": _Source(
            lambda train: load_cifar10_subset(data_root(), train),
            lambda: subset_is_present(data_root()),
        ),
        "celeba": _Source(
            lambda train: load_celeba(data_root(), rendered_root(), train),
            lambda: celeba_is_present(data_root(), rendered_root()),
        ),
        "smallnorb": _Source(
            lambda train: load_smallnorb(data_root(), train),
            lambda: smallnorb_is_present(data_root()),
        ),
        **{
            name: _Source(
                lambda train, name=name: load_toys(name, rendered_root(), train), lambda: True
            )
            for name in TOYS
        },
    }


_SOURCES = _by_name()


def _source(name: str) -> _Source:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {type(name).__name__}")
    kind, _, rest = name.partition(":")
    path = Path(rest).expanduser()
    if kind == "folder" and rest:
        return _Source(lambda train: load_folder(path, train), path.is_dir)
    if kind == "npz" and rest:
        return _Source(lambda train: load_npz(path, train), path.is_file)
    require_known("data set", name, [*_SOURCES, "folder:PATH", "npz:PATH"])
    return _SOURCES[name]
