"""Capsule layers: from a grid of features to capsules, and from capsules to capsules."""

import torch
from torch import Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.functional import squash
from capsedu.routing.voteless import child_votes, route_children


class PrimaryCapsules(nn.Module):
    """The first capsules: one convolution whose channels are grouped into poses.

    At each place of the grid there is one capsule of each type, and its pose is made of
    ``dim`` channels *at that place*. The convolution orders its output channels as
    (component, type), so that its output is the tensor of capsules already, with the
    children innermost, and nothing has to be copied.

    Args:
        in_channels: channels of the input.
        types: how many types of capsule.
        dim: components of a pose.
        kernel_size: of the convolution.
        stride: of the convolution.

    Shapes:
        input ``[b, in_channels, h, w]``; output ``[b, i, e]`` with
        ``i = types * h' * w'`` (in this order) and ``e = dim``, each pose squashed.

    Source: Sabour, Frosst & Hinton (2017), section 4.
    """

    def __init__(
        self,
        in_channels: int,
        types: int = 32,
        dim: int = 8,
        kernel_size: int = 9,
        stride: int = 2,
    ) -> None:
        super().__init__()
        self.types = types
        self.dim = dim
        self.convolution = nn.Conv2d(in_channels, dim * types, kernel_size, stride)

    def forward(self, features: Tensor) -> Tensor:
        require_dims("features", features, "b channels h w")
        components = self.convolution(features).unflatten(1, (self.dim, -1))
        # Poses have float32 at least, under autocast too: their lengths are probabilities.
        precise = torch.promote_types(components.dtype, torch.float32)
        return squash(components.flatten(2).transpose(1, 2).to(precise))


class DenseCapsules(nn.Module):
    """Capsules that are fully connected to their children by dynamic routing.

    Args:
        children: number of child capsules.
        child_dim: components of a child's pose.
        parents: number of parent capsules.
        parent_dim: components of a parent's pose.
        iterations: of dynamic routing.
        weight_std: standard deviation of the initial weights. Much larger and the squash
            saturates before anything has been learnt.

    Shapes:
        input ``[b, i, e]``; output ``[b, j, d]``; :attr:`weight` ``[j, e, i, d]``.

    Source: Sabour, Frosst & Hinton (2017), sections 2 and 4.
    """

    def __init__(
        self,
        children: int,
        child_dim: int,
        parents: int,
        parent_dim: int,
        iterations: int = 3,
        weight_std: float = 0.01,
    ) -> None:
        super().__init__()
        require_count("iterations", iterations)
        self.iterations = iterations
        self.weight = nn.Parameter(
            weight_std * torch.randn(parents, child_dim, children, parent_dim)
        )

    def forward(self, children: Tensor) -> Tensor:
        return route_children(children, self.weight, self.iterations)

    def votes(self, children: Tensor) -> Tensor:
        """What each child predicts for each parent, ``[b, i, j, d]``."""
        return child_votes(children, self.weight)
