"""Toys on grounds that are not empty."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from capsedu.data.transforms import Transform
from capsedu.errors import require_count


@dataclass(frozen=True)
class Cluttered(Transform):
    """A rendered toy on random clouds instead of its even ground, then another transform.

    A pixel is ground if it is as grey as the image's corner, to within ``tolerance``: so are the
    few of toy and shadow that happen to be that grey. Clouds are noise in several sizes, each
    stretched over the image, with random shares that sum to 1. Both images of a stereo pair get
    the same clouds, as if they hung far behind.

    Pose: ``"clouds_3"`` and so on, the noise ``[b, 1, n, n]`` in [0, 1] for each of ``cells``;
    ``"shares"`` ``[b, len(cells)]``; and that of ``then``.

    Args:
        then: what happens to the cluttered image.
        cells: of each noise, along a side: from large clouds to single pixels of a 48x48 image.
        tolerance: how much a pixel of the ground may differ from the corner.

    Raises:
        ValueError, TypeError: if ``cells`` is empty or holds no counts.
    """

    then: Transform
    cells: tuple[int, ...] = (3, 12, 48)
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        if not self.cells:
            raise ValueError("cells must hold at least one number, got none")
        for k, n in enumerate(self.cells):
            require_count(f"cells[{k}]", n)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        b = len(images)
        pose = {f"clouds_{n}": _random((b, 1, n, n), generator) for n in self.cells}
        shares = _random((b, len(self.cells)), generator)
        pose["shares"] = shares / shares.sum(dim=1, keepdim=True)
        return {k: v.to(images.device) for k, v in pose.items()} | self.then.sample(
            images, targets, generator
        )

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        ground = (images - images[..., :1, :1]).abs() <= self.tolerance
        clouds = sum(
            pose["shares"][:, k].view(-1, 1, 1, 1) * _stretched(pose[f"clouds_{n}"], images)
            for k, n in enumerate(self.cells)
        )
        return self.then.apply(torch.where(ground, clouds, images), pose)


def _stretched(noise: Tensor, images: Tensor) -> Tensor:
    return F.interpolate(noise, images.shape[2:], mode="bilinear", align_corners=False)


def _random(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)
