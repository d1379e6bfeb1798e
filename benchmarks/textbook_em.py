"""Matrix capsules as tutorials write them: votes as one tensor, autograd does the rest.

It is clear, and it is what the package's fast version is compared with. All votes of a layer
are a broadcast matrix product, ``[b, p, n, j, 4, 4]``, where ``p`` is a place of the parents'
grid and ``n`` counts the children in its window, by cell and type. EM routing is the
paper's procedure on that tensor; only the E-step is better than in most tutorials, as the
parents at all places compete for a child.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capsedu.layers.matrix_capsules import BIAS_UNIT
from capsedu.models.matrix_capsnet import MatrixCapsNet
from capsedu.routing.em import NEXT_TO_NOTHING, VARIANCE_FLOOR, inverse_temperature


def route(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    cells: Tensor,
    iterations: int,
    final_lambda: float,
) -> tuple[Tensor, Tensor]:
    """EM routing, procedure 1 of Hinton, Sabour & Frosst (2018).

    Args:
        votes: ``[b, p, n, j, d]``.
        activations: of the children, ``[b, p, n]``.
        description_bias: ``[j]``.
        activation_bias: ``[j]``.
        cells: the number of the cell at each place of each window, ``[p, k]``.
        iterations: how many M-steps.
        final_lambda: what the inverse temperature tends to.

    Returns:
        Parent poses ``[b, p, j, d]`` and activations ``[b, p, j]``.
    """
    logits = votes.new_zeros(votes.shape[:4])
    for t in range(iterations):
        weights = divide(logits, cells) * activations.unsqueeze(3)
        weights = weights.unsqueeze(4)  # [b, p, n, j, 1]
        received = weights.sum(dim=2, keepdim=True).clamp(min=NEXT_TO_NOTHING)
        means = (weights * votes).sum(dim=2, keepdim=True) / received
        distances = (votes - means) ** 2
        variances = (weights * distances).sum(dim=2, keepdim=True) / received + VARIANCE_FLOOR
        spread = variances.log() / 2  # log of the standard deviation
        costs = ((description_bias.unsqueeze(1) + spread) * received).sum(dim=4)
        activity = inverse_temperature(t, final_lambda) * (activation_bias - costs)
        if t < iterations - 1:
            densities = -(distances / (2 * variances) + spread).sum(dim=4)
            logits = densities + F.logsigmoid(activity)
    return means.squeeze(2), activity.sigmoid().squeeze(2)


def divide(logits: Tensor, cells: Tensor) -> Tensor:
    """Softmax for each child over its parents: of every type, in every window it is in.

    Args:
        logits: ``[b, p, n, j]``.
        cells: as for :func:`route`.
    """
    window = cells.shape[1]
    cells = cells.flatten()
    parents = logits.unflatten(2, (window, -1)).flatten(1, 2)  # [b, p * k, i, j]
    batch, _, types, _ = parents.shape
    nothing = logits.new_zeros(batch, int(cells.max()) + 1, types)
    tallest = parents.detach().amax(dim=3)
    at = cells.view(1, -1, 1).expand_as(tallest)
    highest = nothing.scatter_reduce(1, at, tallest, "amax", include_self=False)
    exponentials = (parents - highest[:, cells].unsqueeze(3)).exp()
    totals = nothing.index_add(1, cells, exponentials.sum(dim=3))
    return (exponentials / totals[:, cells].unsqueeze(3)).view_as(logits)


class TextbookCapsules(nn.Module):
    """A layer of matrix capsules that see windows of their children's grid.

    Args:
        weight: ``[i, k, j, 4, 4]``, where k counts the cells of a window, or is 1 if all of
            them share their weights.
        like: the package's layer whose biases and settings of the routing to take.
        kernel: rows and columns of a window.
        stride: how far apart two windows are.
    """

    def __init__(self, weight: Tensor, like: nn.Module, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())
        self.description_bias = deepcopy(like.description_bias)
        self.activation_bias = deepcopy(like.activation_bias)
        self.iterations = like.iterations
        self.final_lambda = like.final_lambda
        self.kernel = kernel
        self.stride = stride

    def forward(self, poses: Tensor, activations: Tensor) -> tuple[Tensor, Tensor]:
        """Parents of children ``[b, h, w, i, 4, 4]`` and ``[b, h, w, i]``, in the same form."""
        height, width = activations.shape[1:3]
        numbers = torch.arange(height * width).view(height, width)
        windows = numbers.unfold(0, self.kernel, self.stride).unfold(1, self.kernel, self.stride)
        grid = windows.shape[:2]
        cells = windows.flatten(2).flatten(0, 1)  # [p, k]
        weight = self.weight.expand(-1, self.kernel**2, -1, -1, -1)
        weight = weight.transpose(0, 1).flatten(0, 1)  # [n, j, 4, 4]
        seen = poses.flatten(1, 2)[:, cells].flatten(2, 3)  # [b, p, n, 4, 4]
        votes = weight @ seen.unsqueeze(3)  # [b, p, n, j, 4, 4]
        poses, activations = route(
            self.placed(votes, height, width).flatten(4),
            activations.flatten(1, 2)[:, cells].flatten(2, 3),
            self.description_bias,
            BIAS_UNIT * self.activation_bias,
            cells,
            self.iterations,
            self.final_lambda,
        )
        return poses.unflatten(3, (4, 4)).unflatten(1, grid), activations.unflatten(1, grid)

    def placed(self, votes: Tensor, height: int, width: int) -> Tensor:
        """The votes with whatever is added to them: nothing."""
        return votes


class TextbookClassCapsules(TextbookCapsules):
    """Class capsules: one window over the whole grid, and coordinates added to votes."""

    def placed(self, votes: Tensor, height: int, width: int) -> Tensor:
        """The votes with the place of the child's cell added to their last row's beginning."""
        y = (torch.arange(height) + 0.5) / height
        x = (torch.arange(width) + 0.5) / width
        offsets = votes.new_zeros(height, width, 1, 1, 4, 4)
        offsets[..., 3, 0] = y.view(-1, 1, 1, 1)
        offsets[..., 3, 1] = x.view(-1, 1, 1)
        types = votes.shape[2] // (height * width)
        return votes + offsets.flatten(0, 1).repeat_interleave(types, dim=0).squeeze(1)


class TextbookMatrixCapsNet(nn.Module):
    """A network that computes the same function as ``capsnet``.

    Up to the primary capsules it is a copy, as these are plain convolutions. A pose is kept
    column by column there, so the rows of a ``[4, 4]`` here are the paper's columns.

    Args:
        capsnet: with 4x4 poses and coordinate addition.
        grid: rows and columns of the grid that its class capsules see.
    """

    def __init__(self, capsnet: MatrixCapsNet, grid: int = 4) -> None:
        super().__init__()
        self.features = deepcopy(capsnet.features)
        self.primary_capsules = deepcopy(capsnet.primary_capsules)
        self.convolutional_capsules = nn.ModuleList(
            TextbookCapsules(layer.weight, layer, layer.kernel_size, layer.stride)
            for layer in capsnet.convolutional_capsules
        )
        last = capsnet.class_capsules
        self.class_capsules = TextbookClassCapsules(last.weight.unsqueeze(1), last, grid)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Class capsules of ``images``: poses ``[b, classes, 16]`` and activations
        ``[b, classes]``."""
        poses, activations = self.primary_capsules(self.features(images))
        poses = poses.permute(0, 3, 4, 1, 2).unflatten(4, (4, 4))  # [b, h, w, i, 4, 4]
        activations = activations.permute(0, 2, 3, 1)
        for layer in (*self.convolutional_capsules, self.class_capsules):
            poses, activations = layer(poses, activations)
        return poses[:, 0, 0].flatten(2), activations[:, 0, 0]
