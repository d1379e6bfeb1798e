"""Pairs: an image, the same image moved once more, and the move between the two.

A transforming auto-encoder is shown the first image, is told the move, and should draw the second.
Both images are made from the original one, so that no ink which the first has lost at its border
is missing in the second.

Affine moves are matrices ``[b, 3, 3]`` on points (x, y, 1), x to the right and y downwards from the
middle of the image, **in half widths of the image**: so that all nine numbers are about as large.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from capsedu.data.geometry import affine_images, affine_matrix, shift_images
from capsedu.data.images import Batch
from capsedu.data.transforms import AffineDigits, Shift, Transform
from capsedu.errors import require_count, require_dims


class Pairs(Transform):
    """Draw the pose of the first image and the move to the second, then make both."""

    def moved(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        """The second images, of the same shape as :meth:`apply`'s first ones."""
        raise NotImplementedError

    def __call__(self, images: Tensor, targets: Tensor, generator: Generator) -> Batch:
        require_dims("images", images, "b c h w")
        pose = self.sample(images, targets, generator)
        first, second = self.apply(images, pose), self.moved(images, pose)
        return Batch(first, targets, pose, moved=second)


@dataclass(frozen=True)
class ShiftedPairs(Pairs):
    """Both images are shifted, each by up to ``pixels`` in each direction.

    Pose: ``"shift"`` of the first image and ``"told"``, the shift from the first to the second,
    both (dy, dx) in whole pixels, int64 ``[b, 2]``. A told shift is so at most twice ``pixels``,
    and small ones are more likely.

    Source: Hinton, Krizhevsky & Wang (2011), section 2: by -2 to 2 pixels.
    """

    pixels: int = 2

    def __post_init__(self) -> None:
        require_count("pixels", self.pixels, least=0)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        shift = Shift(self.pixels)
        first, second = (shift.sample(images, targets, generator)["shift"] for _ in range(2))
        return {"shift": first, "told": second - first}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return shift_images(images, pose["shift"])

    def moved(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return shift_images(images, pose["shift"] + pose["told"])


@dataclass(frozen=True)
class FarPairs(ShiftedPairs):
    """From one edge of the range of :class:`ShiftedPairs` to beyond the other: unseen shifts.

    The first image is ``pixels`` off the middle, along both axes; the second between
    ``pixels`` + 1 and ``reach`` on the other side. No shift as long as these, and no place of the
    second image, occurs among :class:`ShiftedPairs`. MNIST's digits fill 20x20 pixels about their
    centre of mass, so that up to a ``reach`` of 4 they lose hardly any ink.
    """

    reach: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("reach", self.reach, least=self.pixels + 1)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        shape, device = (len(images), 2), generator.device
        side = 2 * torch.randint(2, shape, generator=generator, device=device) - 1
        beyond = (self.pixels + 1, self.reach + 1)
        beyond = torch.randint(*beyond, shape, generator=generator, device=device)
        first = -side * self.pixels
        told = side * (self.pixels + beyond)
        return {"shift": first.to(images.device), "told": told.to(images.device)}


MOVES = AffineDigits(28, degrees=20.0, shear=0.2, scale=(0.8, 1.2), shift=2.0)


@dataclass(frozen=True)
class AffinePairs(Pairs):
    """Both images are turned, sheared, scaled and shifted, each at random.

    Pose: ``"matrix"``, from the original to the first image, and ``"told"``, from the first to the
    second, float ``[b, 3, 3]`` in half widths.

    Attributes:
        moves: what each of the two is drawn from; the paper does not tell its ranges.

    Source: Hinton, Krizhevsky & Wang (2011), section 2.1: a "full 2-D affine transformation".
    """

    moves: AffineDigits = MOVES

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        first, second = (self._draw(images, targets, generator) for _ in range(2))
        return {"matrix": first, "told": second @ torch.linalg.inv(first)}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return self._drawn(images, pose["matrix"])

    def moved(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return self._drawn(images, pose["told"] @ pose["matrix"])

    def _draw(self, images: Tensor, targets: Tensor, generator: Generator) -> Tensor:
        pose = self.moves.sample(images, targets, generator)
        return in_half_widths(affine_matrix(**pose), self.moves.size)

    def _drawn(self, images: Tensor, matrix: Tensor) -> Tensor:
        size = self.moves.size
        return affine_images(images, in_pixels(matrix, size), size).clamp(0, 1)


@dataclass(frozen=True)
class TurnedPairs(AffinePairs):
    """The first image as in :class:`AffinePairs`, the second turned further than any of those.

    Attributes:
        degrees: least and most degrees by which the second is turned, either way. Two images of
            :class:`AffinePairs` are turned by at most 40 against each other, and rarely by that.
    """

    degrees: tuple[float, float] = (45.0, 60.0)

    def __post_init__(self) -> None:
        if not 0 <= self.degrees[0] <= self.degrees[1]:
            raise ValueError(f"degrees must be (least, most), from 0 on, got {self.degrees}")

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        first = self._draw(images, targets, generator)
        n, device = len(images), generator.device
        least, most = self.degrees
        angle = least + (most - least) * torch.rand(n, generator=generator, device=device)
        side = 2 * torch.randint(2, (n,), generator=generator, device=device) - 1
        return {"matrix": first, "told": rotation((side * angle).to(first))}


def rotation(degrees: Tensor) -> Tensor:
    """Rotations about the middle, counter-clockwise on the screen: ``[b]`` to ``[b, 3, 3]``."""
    one, pair = torch.ones_like(degrees), torch.ones(len(degrees), 2).to(degrees)
    return in_half_widths(affine_matrix(degrees, 0 * one, pair, 0 * pair), size=1)


def in_half_widths(matrix: Tensor, size: int) -> Tensor:
    """A matrix in pixels, as :func:`~capsedu.data.geometry.affine_matrix` gives it, made square.

    Args:
        matrix: ``[b, 2, 3]``.
        size: width of the image in pixels.

    Returns:
        ``[b, 3, 3]`` with the shift in half widths, and (0, 0, 1) as the last row.
    """
    scale = matrix.new_tensor([1, 1, 2 / size])
    last = matrix.new_tensor([0, 0, 1]).expand(len(matrix), 1, 3)
    return torch.cat([matrix * scale, last], dim=1)


def in_pixels(matrix: Tensor, size: int) -> Tensor:
    """The inverse of :func:`in_half_widths`: ``[b, 3, 3]`` to ``[b, 2, 3]``."""
    return matrix[:, :2] * matrix.new_tensor([1, 1, size / 2])
