"""EM routing between grids of capsules: each parent sees a K x K window of children.

The same procedure as :mod:`capsedu.routing.em`, without the tensor of all children by all
parents: votes exist only where a window is. The windows overlap, so the parents of all of them
compete for a child, and that is the one step where windows have to be put together
(:func:`divide_children`).

Axes that are summed come first and those that stay come last, so that every sum adds long rows
of numbers that lie side by side, and ``torch.compile`` can fuse it with what comes before.

Letters: ``i`` types of child, ``j`` types of parent, ``k`` cells of a window, ``p`` places
of the parents' grid, ``b`` batch, ``d`` pose components.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from capsedu.errors import require_count, require_dims
from capsedu.routing.em import (
    FINAL_LAMBDA,
    NEXT_TO_NOTHING,
    VARIANCE_FLOOR,
    EMStep,
    at_least_float32,
    inverse_temperature,
)


class Windows(NamedTuple):
    """Which cells of the children's grid the parents at each place see."""

    cells: Tensor
    """``[k, p]``: number ``row * width + column`` of the cell that stands at ``k`` in the
    window at ``p``; both run row by row."""
    grid_cells: int
    """How many cells the grid has."""

    def of(self, grid: Tensor) -> Tensor:
        """What each window sees of ``grid`` ``[..., h, w]``: ``[..., k, p]``."""
        return self.look_up(grid.flatten(-2))

    def look_up(self, values: Tensor) -> Tensor:
        """The same for values of numbered cells, ``[..., h * w]``."""
        return values.index_select(-1, self.cells.flatten()).unflatten(-1, self.cells.shape)

    def total(self, values: Tensor) -> Tensor:
        """Sum ``values`` ``[..., k, p]`` over all windows that a cell is in: ``[..., h * w]``."""
        totals = values.new_zeros(*values.shape[:-2], self.grid_cells)
        return totals.index_add(-1, self.cells.flatten(), values.flatten(-2))

    def largest(self, values: Tensor) -> Tensor:
        """The largest of ``values`` ``[..., k, p]`` over all windows that a cell is in.

        ``[..., h * w]``, and 0 where there is no window.
        """
        values = values.flatten(-2)
        found = values.new_zeros(*values.shape[:-1], self.grid_cells)
        cells = self.cells.flatten().expand_as(values)
        return found.scatter_reduce(-1, cells, values, "amax", include_self=False)


def windows_on(
    height: int,
    width: int,
    kernel: int,
    stride: int = 1,
    device: torch.device | str | None = None,
) -> Windows:
    """The windows of a convolution without padding.

    Args:
        height: rows of the children's grid.
        width: its columns.
        kernel: rows and columns of a window.
        stride: how far apart two windows are.
        device: where the result is used.

    Raises:
        ValueError, TypeError: if a number is no count, or the window is larger than the grid.
    """
    sizes = {"height": height, "width": width, "kernel": kernel, "stride": stride}
    for name, size in sizes.items():
        require_count(name, size)
    if kernel > min(height, width):
        raise ValueError(f"kernel must fit into the grid of {height}x{width}, got {kernel}")
    numbers = torch.arange(height * width, device=device).view(height, width)
    cells = numbers.unfold(0, kernel, stride).unfold(1, kernel, stride)  # [y, x, k, k]
    return Windows(cells.flatten(2).flatten(0, 1).T.contiguous(), height * width)


def em_convolution_steps(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    windows: Windows,
    iterations: int = 3,
    final_lambda: float = FINAL_LAMBDA,
) -> Iterator[EMStep]:
    r"""Route by EM from windows of a grid, one yield per iteration.

    Equal to :func:`capsedu.routing.em.em_routing_steps` on the dense tensor of votes, where a
    child is ``connected`` to the parents whose windows it lies in.

    Args:
        votes: ``[j, i, k, d, b, p]``: the pose that the child of type i at cell k of the
            window predicts for the parent of type j at place p.
        activations: of the same children, in [0, 1], ``[i, k, b, p]``.
        description_bias: :math:`\beta_u`, ``[j]``.
        activation_bias: :math:`\beta_a`, ``[j]``.
        windows: which child of the grid that is (:func:`windows_on`).
        iterations: how many M-steps.
        final_lambda: of :func:`~capsedu.routing.em.inverse_temperature`.

    Yields:
        An :class:`~capsedu.routing.em.EMStep` per iteration, with ``assignments``
        ``[j, i, k, b, p]``, ``means`` and ``variances`` ``[j, d, b, p]``, ``costs`` and
        ``activations`` ``[j, b, p]``.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Hinton, Sabour & Frosst (2018), section 3 and procedure 1.
    """
    _require_fit(votes, activations, description_bias, activation_bias, windows, iterations)
    with torch.autocast(votes.device.type, enabled=False):  # variances need float32
        votes, activations = at_least_float32(votes), at_least_float32(activations)
        beta_u, beta_a = description_bias[:, None, None], activation_bias[:, None, None]
        assignments = _divide_evenly(windows, votes)
        for t in range(iterations):
            weights = assignments * activations  # [j, i, k, b, p]
            received = weights.sum(dim=(1, 2))  # [j, b, p]
            shares = weights / received.clamp(min=NEXT_TO_NOTHING)[:, None, None]
            shares = shares.unsqueeze(3)  # [j, i, k, 1, b, p]
            means = (shares * votes).sum(dim=(1, 2))  # [j, d, b, p]
            # As large as the votes, and quickly made again: the backward pass does that, where
            # it would otherwise keep one such tensor of each iteration.
            distances = checkpoint(_distances, votes, means, use_reentrant=False)
            variances = (shares * distances).sum(dim=(1, 2)) + VARIANCE_FLOOR
            spread = 0.5 * variances.log()  # log of the standard deviation
            costs = received * (beta_u.unsqueeze(1) + spread).sum(dim=1)
            activity = inverse_temperature(t, final_lambda) * (beta_a - costs)  # a logit
            yield EMStep(assignments, means, variances, costs, activity.sigmoid())
            if t < iterations - 1:
                exponents = (distances / (2 * variances[:, None, None])).sum(dim=3)
                heights = spread.sum(dim=1) - F.logsigmoid(activity)  # constants cancel
                assignments = divide_children(-exponents - heights[:, None, None], windows)


def em_convolution(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    windows: Windows,
    iterations: int = 3,
    final_lambda: float = FINAL_LAMBDA,
) -> tuple[Tensor, Tensor]:
    """The poses and activations that :func:`em_convolution_steps` ends with.

    Takes and raises what :func:`em_convolution_steps` does.

    Returns:
        Parent poses ``[j, d, b, p]`` and activations ``[j, b, p]``.

    Source: Hinton, Sabour & Frosst (2018), procedure 1.
    """
    *_, last = em_convolution_steps(
        votes, activations, description_bias, activation_bias, windows, iterations, final_lambda
    )
    return last.means, last.activations


def divide_children(logits: Tensor, windows: Windows) -> Tensor:
    """Softmax for each child over *all* its parents: of every type, in every window it is in.

    As in any stable softmax, a child's largest logit is subtracted first; here it may come
    from another window than the one at hand.

    Args:
        logits: ``[j, i, k, b, p]``.
        windows: which child of the grid stands at ``k`` in window ``p``.

    Returns:
        Assignments, same shape: over ``j`` and all ``(k, p)`` of one child they sum to 1.
    """
    with torch.no_grad():  # moving all logits of a child changes nothing
        highest = windows.largest(logits.amax(dim=0).transpose(1, 2))  # [i, b, h * w]
    exponentials = (logits - windows.look_up(highest).transpose(1, 2)).exp()
    totals = windows.total(exponentials.sum(dim=0).transpose(1, 2))
    return exponentials / windows.look_up(totals).transpose(1, 2)


def _distances(votes: Tensor, means: Tensor) -> Tensor:
    """Squared, how far the votes ``[j, i, k, d, b, p]`` are from ``means`` ``[j, d, b, p]``."""
    return (votes - means[:, None, None]).square()


def _divide_evenly(windows: Windows, votes: Tensor) -> Tensor:
    """The first assignments, ``[j, i, k, b, p]``: the same for each parent of a child."""
    parents, types, _, _, batch, _ = votes.shape
    ones = votes.new_ones(windows.cells.shape)
    shares = 1 / (parents * windows.look_up(windows.total(ones)))  # [k, p]
    return shares.unsqueeze(1).expand(parents, types, -1, batch, -1)


def _require_fit(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    windows: Windows,
    iterations: int,
) -> None:
    require_dims("votes", votes, "j i k d b p")
    require_dims("activations", activations, "i k b p")
    require_count("iterations", iterations)
    parents, types, window, _, batch, places = votes.shape
    expected = {
        "activations": (activations, [types, window, batch, places]),
        "description_bias": (description_bias, [parents]),
        "activation_bias": (activation_bias, [parents]),
        "windows.cells": (windows.cells, [window, places]),
    }
    for name, (tensor, shape) in expected.items():
        if list(tensor.shape) != shape:
            raise ValueError(
                f"{name} must have shape {shape} to fit the votes, got {list(tensor.shape)}"
            )
