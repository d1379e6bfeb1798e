"""What every data source gives (an image set) and every network takes (a batch)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from capsedu.errors import require_count


class Batch(NamedTuple):
    """Images with everything that is known about them.

    Attributes:
        images: float32 ``[b, c, h, w]`` in [0, 1].
        targets: class indices, int64 ``[b]``, or multi-hot, float32 ``[b, classes]``.
        pose: how each image was made or moved, by name, one row per image (``"azimuth"``,
            ``"shift"``, ``"angle"``, ...). Empty if nothing is known and it was not moved.
        layers: for two overlapping digits, each of them alone, ``[b, 2, c, h, w]``.
        layer_targets: the class of each layer, int64 ``[b, 2]``.
        moved: each image once more, after the transform ``pose["told"]``, ``[b, c, h, w]``.
    """

    images: Tensor
    targets: Tensor
    pose: dict[str, Tensor] = {}  # noqa: RUF012 (read, never written to)
    layers: Tensor | None = None
    layer_targets: Tensor | None = None
    moved: Tensor | None = None


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, all of one size, in memory or mapped from the disk.

    Attributes:
        name: the name it was loaded by.
        images: uint8 ``[n, c, h, w]``.
        targets: class indices, int64 ``[n]``.
        classes: the name of each class.
        pose: what is known of each picture's making, by name, ``[n, ...]``: for smallNORB
            and the toys ``"instance"``, ``"elevation"``, ``"azimuth"`` and ``"lighting"``.

    Raises:
        ValueError, TypeError: if a shape, dtype or class index does not fit.
    """

    name: str
    images: Tensor
    targets: Tensor
    classes: tuple[str, ...]
    pose: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.targets.dtype != torch.int64:
            raise TypeError(
                "images must be uint8 and targets int64, "
                f"got {self.images.dtype} and {self.targets.dtype}"
            )
        if self.images.dim() != 4 or self.targets.shape != self.images.shape[:1]:
            raise ValueError(
                "images must have shape [n, c, h, w] and targets [n], "
                f"got {list(self.images.shape)} and {list(self.targets.shape)}"
            )
        for name, values in self.pose.items():
            if len(values) != len(self):
                raise ValueError(
                    f"pose {name!r} must have one row for each of {len(self)} images, "
                    f"got {len(values)}"
                )
        if len(self) and not 0 <= self.targets.min() <= self.targets.max() < len(self.classes):
            raise ValueError(
                f"targets must be class indices from 0 to {len(self.classes) - 1}, "
                f"got {int(self.targets.min())} to {int(self.targets.max())}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return tuple(self.images.shape[1:])

    def subset(self, n: int, seed: int = 0) -> "ImageSet":
        """A random choice of ``n`` images that keeps the proportions of the classes.

        The same ``n`` and ``seed`` choose the same images, and a larger ``n`` chooses
        these and more.

        Raises:
            ValueError: if there are fewer than ``n`` images.
        """
        require_count("n", n)
        if n > len(self):
            raise ValueError(f"n must be at most {len(self)}, the size of {self.name!r}, got {n}")
        return self.take(stratified_order(self.targets, seed)[:n])

    def take(self, indices: Tensor) -> "ImageSet":
        """The images at ``indices`` (int64 ``[m]``), in that order."""
        indices = indices.to(self.images.device)
        return self._map(lambda values: values[indices])

    def where(self, mask: Tensor) -> "ImageSet":
        """The images for which ``mask`` (truth values ``[n]``) holds, in their order.

        Raises:
            ValueError: if there is not one truth value for each image.
        """
        if mask.dtype != torch.bool or mask.shape != self.targets.shape:
            raise ValueError(
                f"mask must hold a truth value for each of {len(self)} images, "
                f"got {mask.dtype} {list(mask.shape)}"
            )
        return self.take(mask.nonzero().squeeze(1))

    def to(self, device: torch.device | str) -> "ImageSet":
        """The same set in the memory of ``device``, where its batches are then made."""
        return self._map(lambda values: values.to(device))

    def _map(self, change: Callable[[Tensor], Tensor]) -> "ImageSet":
        pose = {name: change(values) for name, values in self.pose.items()}
        return ImageSet(self.name, change(self.images), change(self.targets), self.classes, pose)


def stratified_order(targets: Tensor, seed: int) -> Tensor:
    """A random order in which every beginning holds the classes in their proportions.

    Image number ``r`` of the ``m`` images of a class gets a random place within the
    ``r``-th of ``m`` equal parts of the whole, so that each class is spread evenly.

    Args:
        targets: class indices ``[n]``.
        seed: chooses the order.

    Returns:
        A permutation of ``0 .. n-1``, int64 ``[n]``, on the CPU.
    """
    # RandomState, because numpy promises that its numbers never change: the split of a
    # data set must be the same for every reader, whatever version they have.
    random = np.random.RandomState(seed)
    labels = targets.cpu().numpy()
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + random.rand(len(members))) / len(members)
    return torch.from_numpy(np.argsort(place, kind="stable"))
