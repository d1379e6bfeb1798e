"""How primary capsules are cut and weights begin, as it should be and otherwise."""

from collections.abc import Sequence

import torch
from torch import Tensor


def cut(features: Tensor, dim: int = 8) -> Tensor:
    """As it should be: ``[b, c, h, w]`` to ``[b, i, dim]``, one place per capsule."""
    return features.unflatten(1, (dim, -1)).flatten(2).transpose(1, 2)


def across_positions(features: Tensor, dim: int = 8) -> Tensor:
    """Numbers that lie side by side in memory: neighbouring places of one channel."""
    return features.flatten(1).unflatten(1, (-1, dim))


def small_weights(shape: Sequence[int]) -> Tensor:
    """As it should be: an untrained capsule is unsure."""
    return 0.01 * torch.randn(shape)


def large_weights(shape: Sequence[int]) -> Tensor:
    """A normal distribution as it comes."""
    return torch.randn(shape)
