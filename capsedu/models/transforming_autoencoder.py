"""Transforming auto-encoders: Hinton, Krizhevsky & Wang (2011)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from capsedu.errors import require_count
from capsedu.models.checks import require_images


class Seen(NamedTuple):
    """What capsules say about a batch of images."""

    poses: Tensor
    """Where each capsule's thing is, ``[b, i, 2]`` or ``[b, i, 3, 3]``."""
    presences: Tensor
    """The probabilities that it is there, ``[b, i]``."""


def shift_poses(poses: Tensor, told: Tensor) -> Tensor:
    r"""Where the things are after a shift that everything shares.

    .. math:: (y_i, x_i) \mapsto (y_i + \Delta y,\; x_i + \Delta x)

    Args:
        poses: ``[b, i, 2]``, (y, x) in pixels from wherever the capsule counts.
        told: the shift (dy, dx) in pixels, ``[b, 2]``.

    Returns:
        Poses of the same shape.

    Source: Hinton, Krizhevsky & Wang (2011), section 2 and figure 1.
    """
    return poses + told.unsqueeze(1)


def transform_poses(poses: Tensor, told: Tensor) -> Tensor:
    r"""Where the things are after an affine map that everything shares.

    .. math:: A_i \mapsto T A_i

    Args:
        poses: ``[b, i, 3, 3]``, from the frame of the capsule's thing to the frame of the image.
        told: the map :math:`T`, ``[b, 3, 3]``.

    Returns:
        Poses of the same shape.

    Source: Hinton, Krizhevsky & Wang (2011), section 2.1.
    """
    return told.unsqueeze(1) @ poses


@dataclass(frozen=True)
class PoseKind:
    """What the numbers of a pose mean.

    Attributes:
        shape: of one pose.
        rest: the pose that changes nothing, as a flat tuple; an untrained capsule is near it.
        act: called as ``act(poses, told)``; the poses after a told transform.
    """

    shape: tuple[int, ...]
    rest: tuple[float, ...]
    act: Callable[[Tensor, Tensor], Tensor]


SHIFT = PoseKind((2,), (0.0, 0.0), shift_poses)
AFFINE = PoseKind((3, 3), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), transform_poses)


class TransformingAutoencoder(nn.Module):
    """Capsules that say where a thing is, are told how it moves, and draw it there.

    Each capsule has *recognition units*, which see the whole image and make from it a pose and a
    presence, the probability that the capsule's thing is in the image; and *generation units*,
    which see nothing but the pose after the told transform. What they contribute to the drawing is
    multiplied by the presence. Units and pixels are logistic. Nobody tells a capsule what its thing
    is, nor from where to count.

    709,474 parameters for 1x28x28 images and 30 capsules that shift; 1,590,034 for 25 capsules
    with affine poses and 40 units of each sort.

    Args:
        image_shape: ``(c, h, w)``.
        capsules: how many (30 in the paper; 25 with affine poses).
        recognition: recognition units of each capsule (10; 40).
        generation: generation units of each capsule (20; 40).
        pose: :data:`SHIFT` or :data:`AFFINE`.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Hinton, Krizhevsky & Wang (2011), sections 2 and 2.1. The paper does not say how the
    weights begin. Here an affine pose begins near the identity: a told matrix is seen from the
    first step on, as it would not be if it were multiplied by nearly nothing.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        capsules: int = 30,
        recognition: int = 10,
        generation: int = 20,
        pose: PoseKind = SHIFT,
    ) -> None:
        super().__init__()
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise ValueError(
                f"image_shape must be (channels, height, width), got {tuple(image_shape)}"
            )
        for name, count in (
            ("capsules", capsules),
            ("recognition", recognition),
            ("generation", generation),
        ):
            require_count(name, count)
        self.image_shape = tuple(image_shape)
        self.pose = pose
        pixels, numbers = prod(image_shape), prod(pose.shape)
        self.recognition = nn.Linear(pixels, capsules * recognition)
        self.instantiation = CapsulewiseLinear(capsules, recognition, numbers + 1)
        self.generation = CapsulewiseLinear(capsules, numbers, generation)
        self.contribution = nn.Linear(capsules * generation, pixels)
        with torch.no_grad():
            self.instantiation.bias[:, :-1] += torch.tensor(pose.rest)

    def look(self, images: Tensor) -> Seen:
        """The capsules' poses and presences for ``images`` ``[b, c, h, w]``."""
        require_images(images, self.image_shape)
        units = self.recognition(images.flatten(1)).sigmoid()
        numbers = self.instantiation(units.unflatten(1, (self.instantiation.capsules, -1)))
        return Seen(numbers[..., :-1].unflatten(2, self.pose.shape), numbers[..., -1].sigmoid())

    def draw(self, poses: Tensor, presences: Tensor) -> Tensor:
        """Images ``[b, c, h, w]`` of things at ``poses`` that are there with ``presences``."""
        units = self.generation(poses.flatten(2)).sigmoid() * presences.unsqueeze(2)
        return self.contribution(units.flatten(1)).sigmoid().unflatten(1, self.image_shape)

    def forward(self, images: Tensor, told: Tensor) -> Tensor:
        """What ``images`` look like after a transform.

        Args:
            images: ``[b, c, h, w]`` in [0, 1].
            told: the transform, ``[b, 2]`` or ``[b, 3, 3]``, for :attr:`pose` to act by.

        Returns:
            Images in (0, 1), of the same shape.

        Raises:
            ValueError, TypeError: if a shape does not fit.
        """
        seen = self.look(images)
        wanted = (len(images), *self.pose.shape)
        if told.shape != wanted:
            raise ValueError(f"told must have shape {list(wanted)}, got {list(told.shape)}")
        return self.draw(self.pose.act(seen.poses, told.to(seen.poses)), seen.presences)


class CapsulewiseLinear(nn.Module):
    """A linear layer for each capsule by itself: ``[b, i, n]`` to ``[b, i, m]``.

    Args:
        capsules: how many.
        inputs: n, of each capsule.
        outputs: m, of each capsule.
    """

    def __init__(self, capsules: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.capsules = capsules
        reach = inputs**-0.5  # as in torch.nn.Linear
        self.weight = nn.Parameter(torch.empty(capsules, inputs, outputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(capsules, outputs).uniform_(-reach, reach))

    def forward(self, values: Tensor) -> Tensor:
        return torch.einsum("bin,inm->bim", values, self.weight) + self.bias
