"""Dynamic routing, as it should be and in four ways that public code has it.

All take votes ``[b, i, j, d]`` and yield every iteration, like
:func:`capsedu.routing.dynamic.dynamic_routing_steps`; the squash comes as an argument, because
there are wrong ones as well.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from capsedu.plants.squashes import squash as right_squash
from capsedu.routing.dynamic import RoutingStep

Squash = Callable[[Tensor], Tensor]


def routing(
    votes: Tensor, iterations: int = 3, squash: Squash = right_squash
) -> Iterator[RoutingStep]:
    """As it should be."""
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=2)
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        yield RoutingStep(logits, couplings, totals, poses)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)


def over_children(
    votes: Tensor, iterations: int = 3, squash: Squash = right_squash
) -> Iterator[RoutingStep]:
    """The children divide a parent among themselves."""
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=1)
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        yield RoutingStep(logits, couplings, totals, poses)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)


def shared_logits(
    votes: Tensor, iterations: int = 3, squash: Squash = right_squash
) -> Iterator[RoutingStep]:
    """All images of a batch are routed alike."""
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=2)
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        yield RoutingStep(logits, couplings, totals, poses)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses).mean(dim=0)


def extra_pass(
    votes: Tensor, iterations: int = 3, squash: Squash = right_squash
) -> Iterator[RoutingStep]:
    """One iteration more than was asked for."""
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(iterations + 1):
        couplings = logits.softmax(dim=2)
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        yield RoutingStep(logits, couplings, totals, poses)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)


def detached(
    votes: Tensor, iterations: int = 3, squash: Squash = right_squash
) -> Iterator[RoutingStep]:
    """No gradient passes through the couplings: only the last sum and squash are trained."""
    logits = votes.new_zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=2)
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        yield RoutingStep(logits, couplings, totals, poses)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses).detach()
