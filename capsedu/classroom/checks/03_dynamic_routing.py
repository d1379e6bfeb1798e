"""Checks of chapter 3: dynamic routing."""

import torch
from torch import Generator

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    is_close,
)
from capsedu.functional import squash
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps
from capsedu.routing.voteless import child_votes

B, CHILDREN, PARENTS, D, E = 2, 7, 4, 3, 5


@exercise("03.votes")
def votes(attempt: Attempt, random: Generator) -> None:
    children = torch.randn(B, CHILDREN, E, generator=random)
    weight = torch.randn(PARENTS, E, CHILDREN, D, generator=random)
    found = expect_tensor(attempt(children, weight), [B, CHILDREN, PARENTS, D], "b i j d")
    wanted = child_votes(children, weight)
    if is_close(found, wanted.sum(dim=1, keepdim=True).expand_as(wanted)):
        raise Finding("the votes are summed over the children; each child votes for itself")
    expect_close(found, wanted)


@exercise("03.couplings")
def couplings(attempt: Attempt, random: Generator) -> None:
    logits = 2 * torch.randn(B, CHILDREN, PARENTS, generator=random)
    found = expect_tensor(attempt(logits), [B, CHILDREN, PARENTS], "b i j")
    if (found < 0).any():
        raise Finding("some couplings are negative; shares are not")
    over_children, over_parents = found.sum(dim=1), found.sum(dim=2)
    if is_close(over_children, torch.ones(B, PARENTS)) and not is_close(
        over_parents, torch.ones(B, CHILDREN)
    ):
        raise Finding("your couplings sum to 1 over the children; they must over the parents")
    if is_close(found.sum(dim=(1, 2)), torch.ones(B)):
        raise Finding("your couplings sum to 1 over all pairs; each child has 1 to give")
    if not is_close(over_parents, torch.ones(B, CHILDREN)):
        raise Finding(
            f"child 0 gives away {over_parents[0, 0]:.3f} in all; it should be 1 for every child"
        )
    expect_close(found, logits.softmax(dim=2))
    large = 1000 + 10 * torch.randn(B, CHILDREN, PARENTS, generator=random)
    found = attempt(large)
    if isinstance(found, torch.Tensor) and not found.isfinite().all():
        raise Finding("with logits around 1,000 the result is not finite: exp overflows")
    expect_close(expect_tensor(found, [B, CHILDREN, PARENTS], "b i j"), large.softmax(dim=2))


@exercise("03.agreement")
def agreement(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    poses = torch.randn(B, PARENTS, D, generator=random)
    found = expect_tensor(attempt(votes, poses), [B, CHILDREN, PARENTS], "b i j")
    wanted = torch.einsum("bijd,bjd->bij", votes, poses)
    if is_close(found, torch.cosine_similarity(votes, poses.unsqueeze(1), dim=-1)):
        raise Finding("this is the cosine; the lengths of vote and pose count as well")
    if is_close(found, wanted / D):
        raise Finding("this is the mean over the components; a dot product is a sum")
    expect_close(found, wanted)


@exercise("03.one_round")
def one_round(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    logits = torch.randn(B, CHILDREN, PARENTS, generator=random)
    found = attempt(votes, logits)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Finding("a pair is wanted: the poses and the next logits")
    if any(part is None or part is ... for part in found):
        raise Finding("one of the two is not written yet")
    poses = expect_tensor(found[0], [B, PARENTS, D], "b j d")
    _expect_poses(poses, votes, logits)
    new_logits = expect_tensor(found[1], [B, CHILDREN, PARENTS], "b i j")
    step = torch.einsum("bijd,bjd->bij", votes, poses)
    if is_close(new_logits, logits):
        raise Finding("the poses are right; the logits have not changed")
    if is_close(new_logits, step):
        raise Finding("the poses are right; the agreement replaces the logits, but should be added")
    expect_close(new_logits, logits + step)


@exercise("03.routing")
def routing(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    for iterations in (1, 2, 3, 5):
        found = expect_tensor(attempt(votes, iterations), [B, PARENTS, D], "b j d")
        wanted = dynamic_routing(votes, iterations)
        if is_close(found, wanted):
            continue
        if is_close(found, dynamic_routing(votes, iterations + 1)):
            raise Finding(f"for {iterations} iterations you do {iterations + 1}")
        if iterations > 1 and is_close(found, dynamic_routing(votes, iterations - 1)):
            raise Finding(f"for {iterations} iterations you do {iterations - 1}")
        *_, last = dynamic_routing_steps(votes, iterations)
        if is_close(found, last.totals):
            raise Finding("the totals come back unsquashed")
        if iterations == 1:
            _expect_poses(found, votes, torch.zeros(B, CHILDREN, PARENTS))
        expect_close(found, wanted)


def _expect_poses(found: torch.Tensor, votes: torch.Tensor, logits: torch.Tensor) -> None:
    """Compare poses with those of one round, naming the usual slips."""

    def poses(dim: int) -> torch.Tensor:
        return squash(torch.einsum("bij,bijd->bjd", logits.softmax(dim=dim), votes))

    if is_close(found, poses(dim=1)) and not is_close(found, poses(dim=2)):
        raise Finding("your softmax runs over the children; a child divides itself among parents")
    if is_close(found, torch.einsum("bij,bijd->bjd", logits.softmax(dim=2), votes)):
        raise Finding("the totals come back unsquashed")
    if is_close(found, squash(torch.einsum("bij,bijd->bjd", logits, votes))):
        raise Finding("the votes are weighted by the logits; turn these into couplings first")
    expect_close(found, poses(dim=2))
