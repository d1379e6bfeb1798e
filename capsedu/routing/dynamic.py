"""Dynamic routing: Sabour, Frosst & Hinton (2017), procedure 1.

Read :func:`dynamic_routing_steps`; train with :func:`dynamic_routing` where the votes
exist anyway, or with :func:`capsedu.routing.voteless.route_children`, which never makes
them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from capsedu.errors import require_count, require_dims
from capsedu.functional import squash


class RoutingStep(NamedTuple):
    """What one iteration of dynamic routing sees and makes."""

    logits: Tensor
    """``b_ij``, shape ``[b, i, j]``: what the agreements so far add up to."""
    couplings: Tensor
    """``c_ij``, shape ``[b, i, j]``: how child i divides itself; sums to 1 over j."""
    totals: Tensor
    """``s_j``, shape ``[b, j, d]``: the coupled sum of the votes."""
    poses: Tensor
    """``v_j``, shape ``[b, j, d]``: the totals, squashed."""


def dynamic_routing_steps(votes: Tensor, iterations: int = 3) -> Iterator[RoutingStep]:
    r"""Route by agreement, one yield per iteration.

    Args:
        votes: :math:`\hat u_{j|i}`, shape ``[b, i, j, d]``: the pose that child i
            predicts for parent j.
        iterations: how many times to couple, sum and squash.

    Yields:
        A :class:`RoutingStep` per iteration; the last one's ``poses`` are the result.

    Raises:
        TypeError, ValueError: if ``votes`` or ``iterations`` does not fit.

    Source: Sabour, procedure 1.
    """
    require_dims("votes", votes, "b i j d")
    require_count("iterations", iterations)
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=2)  # over the parents: a child divides itself
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        yield RoutingStep(logits, couplings, totals, poses)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)


def dynamic_routing(votes: Tensor, iterations: int = 3) -> Tensor:
    r"""The poses that :func:`dynamic_routing_steps` ends with, at less cost.

    The logits need not be kept: they are the votes' products with the sum of the poses so
    far, :math:`b_{ij} = \hat u_{j|i} \cdot \sum_t v_j^t`. The first couplings are uniform,
    and the last agreement, which nothing reads, is not computed.

    Args:
        votes: ``[b, i, j, d]``.
        iterations: how many times to couple, sum and squash.

    Returns:
        Parent poses ``[b, j, d]``.

    Raises:
        TypeError, ValueError: if ``votes`` or ``iterations`` does not fit.

    Source: Sabour, procedure 1.
    """
    require_dims("votes", votes, "b i j d")
    require_count("iterations", iterations)
    votes = votes.permute(0, 2, 1, 3)  # [b, j, i, d]: both products become plain matmuls
    poses = squash(votes.mean(dim=2) * (votes.shape[2] / votes.shape[1]))
    summed = poses
    for _ in range(iterations - 1):
        couplings = (votes @ summed.unsqueeze(3)).softmax(dim=1)  # [b, j, i, 1]
        poses = squash((couplings.transpose(2, 3) @ votes).squeeze(2))
        summed = summed + poses
    return poses
