"""Matrix capsules: a pose, an activation beside it, and EM routing between grids.

A pose of ``d`` components is stored column by column. So a 4x4 pose is 16 numbers, of which
the first four are its first column; and votes for all parents are one product of matrices,
without moving a number.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.routing.em import FINAL_LAMBDA, at_least_float32, em_routing
from capsedu.routing.em_convolution import em_convolution, windows_on


class PoseShape(NamedTuple):
    """A pose is a matrix of ``rows`` x ``columns``; a vector is a matrix of one row."""

    rows: int
    columns: int

    @property
    def dim(self) -> int:
        """How many numbers a pose has."""
        return self.rows * self.columns

    @property
    def position(self) -> slice:
        """The two components that coordinates are added to: the first two of a matrix's
        right-hand column, where a 4x4 matrix of homogeneous coordinates keeps its
        translation; the first two of a vector."""
        start = self.dim - self.rows if self.rows > 1 else 0
        return slice(start, start + 2)


MATRIX = PoseShape(4, 4)
"""The paper's pose. Transformed by 4x4 matrices: 16 weights for a pair of capsules."""

VECTOR = PoseShape(1, 16)
"""As many numbers without structure. Transformed by 16x16 matrices: 256 weights."""


BIAS_UNIT = 50.0
"""Layers learn their activation bias in units of so many nats.

A cost comes to hundreds of nats, and Adam moves every number by about the learning rate, so a
bias in nats would stay where it is. (The authors' code has a factor of 5,000.)
"""


FEW = 100_000
"""Numbers in an image's votes below which routing them takes less time than calling the layer."""


class MatrixCapsules(NamedTuple):
    """A grid of capsules."""

    poses: Tensor
    """``[b, i, d, h, w]``."""
    activations: Tensor
    """``[b, i, h, w]``, in [0, 1]."""


def transform(poses: Tensor, weight: Tensor) -> Tensor:
    r"""Votes :math:`V_{ij} = M_i W_{ij}`.

    Args:
        poses: :math:`M_i`, stored column by column, ``[i, d, m]`` for any number m of images
            and places.
        weight: :math:`W_{ij}`, column by column as well, ``[i, j, columns, columns]``.

    Returns:
        Votes ``[i, j, d, m]``.

    Source: Hinton, Sabour & Frosst (2018), section 2.
    """
    children, parents, columns, _ = weight.shape
    by_column = poses.reshape(children, columns, -1)
    return (weight.flatten(1, 2) @ by_column).view(children, parents, *poses.shape[1:])


class PrimaryMatrixCapsules(nn.Module):
    """The first capsules: at each place, two learnt linear transforms of the features there.

    Args:
        in_channels: channels of the features.
        types: how many types of capsule.
        pose: the shape of a pose.

    Shapes:
        input ``[b, in_channels, h, w]``; output :class:`MatrixCapsules` on the same grid.

    Source: Hinton, Sabour & Frosst (2018), section 4.
    """

    def __init__(self, in_channels: int, types: int = 32, pose: PoseShape = MATRIX) -> None:
        super().__init__()
        require_count("types", types)
        self.poses = nn.Conv2d(in_channels, types * pose.dim, kernel_size=1)
        self.activations = nn.Conv2d(in_channels, types, kernel_size=1)
        self.types = types

    def forward(self, features: Tensor) -> MatrixCapsules:
        require_dims("features", features, "b channels h w")
        poses = self.poses(features).unflatten(1, (self.types, -1))
        return MatrixCapsules(
            at_least_float32(poses), at_least_float32(self.activations(features)).sigmoid()
        )


class ConvolutionalCapsules(nn.Module):
    """Capsules that see a window of their children's grid; every place has the same weights.

    Args:
        in_types: types of child.
        types: types of parent.
        kernel_size: rows and columns of the window.
        stride: how far apart two windows are.
        iterations: of EM routing.
        pose: the shape of a pose.
        final_lambda: of the inverse temperature.
        cost: what a parent may cost at the beginning and still be active, in nats.

    Shapes:
        input :class:`MatrixCapsules` with ``in_types``, output with ``types``, on the grid of
        a convolution without padding; :attr:`weight` ``[i, k, j, columns, columns]``.

    Source: Hinton, Sabour & Frosst (2018), sections 2 to 4.
    """

    routing = staticmethod(em_convolution)
    """What divides the children; the book's gallery of mistakes puts others in its place."""

    def __init__(
        self,
        in_types: int,
        types: int,
        kernel_size: int = 3,
        stride: int = 1,
        iterations: int = 3,
        pose: PoseShape = MATRIX,
        final_lambda: float = FINAL_LAMBDA,
        cost: float = 0.0,
    ) -> None:
        super().__init__()
        require_count("kernel_size", kernel_size)
        require_count("stride", stride)
        require_count("iterations", iterations)
        self.kernel_size = kernel_size
        self.stride = stride
        self.iterations = iterations
        self.pose = pose
        self.final_lambda = final_lambda
        self.weight = _new_transforms((in_types, kernel_size**2, types), pose)
        self.description_bias = nn.Parameter(torch.zeros(types))
        self.activation_bias = nn.Parameter(torch.full([types], cost / BIAS_UNIT))

    def forward(self, children: MatrixCapsules) -> MatrixCapsules:
        _require_children(children, self.weight.shape[0], self.pose)
        poses, activations = children
        batch, _, _, height, width = poses.shape
        windows = windows_on(height, width, self.kernel_size, self.stride, poses.device)
        with torch.autocast(poses.device.type, enabled=False):
            seen = windows.of(at_least_float32(poses)).permute(1, 3, 2, 0, 4)  # [i, k, d, b, p]
            votes = transform(seen.flatten(3).flatten(0, 1), self.weight.flatten(0, 1))
            votes = votes.unflatten(3, (batch, -1)).unflatten(0, self.weight.shape[:2])
            found = self.routing(
                votes.movedim(2, 0),  # [j, i, k, d, b, p]
                windows.of(activations).permute(1, 2, 0, 3),
                self.description_bias,
                BIAS_UNIT * self.activation_bias,
                windows,
                self.iterations,
                self.final_lambda,
            )
        grid = self.parent_grid(height, width)
        poses, activations = (x.unflatten(-1, grid) for x in found)
        return MatrixCapsules(poses.permute(2, 0, 1, 3, 4), activations.transpose(0, 1))

    def parent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the parents' grid, for a grid of ``height`` x ``width`` children."""
        rows, columns = ((n - self.kernel_size) // self.stride + 1 for n in (height, width))
        return rows, columns

    def votes_of_an_image(self, height: int, width: int) -> int:
        """How many numbers the votes of one image are, for the same grid."""
        pairs = self.weight.shape[:3].numel()
        return pairs * self.pose.dim * math.prod(self.parent_grid(height, width))


def image_by_image(layer: ConvolutionalCapsules, children: MatrixCapsules) -> MatrixCapsules:
    """What ``layer`` makes of ``children``; on a CPU, of one image after the other.

    The routing goes over all votes a dozen times. Those of one image are at most some megabytes
    and stay in the processor's cache meanwhile; those of a batch do not. And a compiled layer
    meets just one shape then, however many images there are. With :data:`FEW` votes, or on a
    GPU, all images go together.
    """
    poses, activations = children
    if poses.device.type != "cpu" or layer.votes_of_an_image(*poses.shape[-2:]) < FEW:
        return layer(children)
    parents = [
        layer(MatrixCapsules(*image))
        for image in zip(poses.split(1), activations.split(1), strict=True)
    ]
    return MatrixCapsules(*(torch.cat(images) for images in zip(*parents, strict=True)))


class ClassMatrixCapsules(nn.Module):
    """One capsule per class that sees the whole grid; every place has the same weights.

    So that they still know where a child is, the child's place is added to its vote
    ("coordinate addition"): row and column of its cell's centre, from 0 to 1 over the grid.

    Args:
        in_types: types of child.
        classes: number of classes.
        iterations: of EM routing.
        pose: the shape of a pose.
        coordinate_addition: whether places are added to votes.
        final_lambda: of the inverse temperature.
        cost: what a class may cost at the beginning and still be active, in nats.

    Shapes:
        input :class:`MatrixCapsules`; output class poses ``[b, classes, d]`` and
        activations ``[b, classes]``; :attr:`weight` ``[i, j, columns, columns]``.

    Source: Hinton, Sabour & Frosst (2018), section 4.1.
    """

    routing = staticmethod(em_routing)
    """As in :class:`ConvolutionalCapsules`."""

    def __init__(
        self,
        in_types: int,
        classes: int,
        iterations: int = 3,
        pose: PoseShape = MATRIX,
        coordinate_addition: bool = True,
        final_lambda: float = FINAL_LAMBDA,
        cost: float = 0.0,
    ) -> None:
        super().__init__()
        require_count("classes", classes)
        require_count("iterations", iterations)
        self.iterations = iterations
        self.pose = pose
        self.coordinate_addition = coordinate_addition
        self.final_lambda = final_lambda
        self.weight = _new_transforms((in_types, classes), pose)
        self.description_bias = nn.Parameter(torch.zeros(classes))
        self.activation_bias = nn.Parameter(torch.full([classes], cost / BIAS_UNIT))

    def forward(self, children: MatrixCapsules) -> tuple[Tensor, Tensor]:
        with torch.autocast(children.poses.device.type, enabled=False):
            return self.routing(
                self.votes(children),
                children.activations.flatten(1),
                self.description_bias,
                BIAS_UNIT * self.activation_bias,
                self.iterations,
                final_lambda=self.final_lambda,
            )

    def votes(self, children: MatrixCapsules) -> Tensor:
        """``[b, i, j, d]``, with one child per type and cell, in the order of the grid."""
        _require_children(children, self.weight.shape[0], self.pose)
        batch, _, _, height, width = children.poses.shape
        poses = at_least_float32(children.poses).permute(1, 2, 0, 3, 4)  # [i, d, b, h, w]
        votes = transform(poses.flatten(2), self.weight).unflatten(3, (batch, -1))
        votes = votes.permute(3, 0, 4, 1, 2)  # [b, i, h * w, j, d]
        if self.coordinate_addition:
            offsets = votes.new_zeros(height * width, 1, self.pose.dim)
            offsets[:, 0, self.pose.position] = cell_centres(height, width).to(votes)
            votes = votes + offsets
        return votes.flatten(1, 2)


def cell_centres(height: int, width: int) -> Tensor:
    """Row and column of each cell's centre, ``[h * w, 2]``; the grid reaches from 0 to 1."""
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    return torch.cartesian_prod(rows, columns)


def _new_transforms(pairs: tuple[int, ...], pose: PoseShape) -> nn.Parameter:
    """Matrices near the identity: at first a child votes for its own pose, nearly.

    With random matrices the votes for two parents have nothing in common. A child then
    prefers one of them by many nats for no reason, each iteration makes it surer, and the
    gradient through three iterations is a hundred times larger than through one.
    """
    for count in pairs:
        require_count("types", count)
    noise = torch.randn(*pairs, pose.columns, pose.columns) * 0.2 / pose.columns**0.5
    return nn.Parameter(torch.eye(pose.columns) + noise)


def _require_children(children: MatrixCapsules, types: int, pose: PoseShape) -> None:
    poses, activations = children
    require_dims("poses", poses, "b i d h w")
    require_dims("activations", activations, "b i h w")
    if poses.shape[1:3] != (types, pose.dim):
        raise ValueError(
            f"poses must have shape [b, {types}, {pose.dim}, h, w], got {list(poses.shape)}"
        )
    expected = [*poses.shape[:2], *poses.shape[3:]]
    if list(activations.shape) != expected:
        raise ValueError(
            f"activations must have shape {expected} to fit the poses, "
            f"got {list(activations.shape)}"
        )
