"""Checks of assignment 3: routing in parts, its gradients, a liar, nobody, and a layer."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

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

B, CHILDREN, PARENTS, D = 2, 7, 4, 3


def _votes(random: Generator, size: float = 1.5) -> Tensor:
    return size * torch.randn(B, CHILDREN, PARENTS, D, generator=random)


def _parts(found: object, wanted: str, count: int) -> list:
    if not isinstance(found, tuple | list) or len(found) != count:
        raise Finding(f"wanted are {wanted}")
    if any(part is None or part is ... for part in found):
        raise Finding("one of them is not written yet")
    return list(found)


@exercise("a3.make_votes")
def make_votes(attempt: Attempt, random: Generator) -> None:
    children = torch.randn(2, 3, 2, 4, 5, generator=random)
    weight = torch.randn(3, 6, 5, 7, generator=random)
    wanted = torch.einsum("bthwe,tjed->bthwjd", children, weight)
    found = attempt(children, weight)
    if isinstance(found, Tensor) and found.shape == wanted.shape:
        raise Finding("types, rows and columns should be one axis of children")
    found = expect_tensor(found, [2, 24, 6, 7], "b i j d")
    if is_close(found, wanted.permute(0, 2, 3, 1, 4, 5).flatten(1, 3)):
        raise Finding("right votes in another order: places before types; types come first")
    if is_close(found, wanted.transpose(2, 3).flatten(1, 3)):
        raise Finding("right votes in another order: columns before rows")
    expect_close(found, wanted.flatten(1, 3))


@exercise("a3.one_round")
def one_round(attempt: Attempt, random: Generator) -> None:
    votes, logits = _votes(random), torch.randn(B, CHILDREN, PARENTS, generator=random)
    parts = _parts(attempt(votes, logits), "three things: couplings, poses, agreement", 3)
    couplings = expect_tensor(parts[0], [B, CHILDREN, PARENTS], "b i j")
    if is_close(couplings, logits.softmax(dim=1)):
        raise Finding("your softmax runs over the children; a child divides itself among parents")
    if is_close(couplings, logits.softmax(dim=0)):
        raise Finding("your softmax runs over the images of the batch")
    if is_close(couplings, logits.mean(dim=0, keepdim=True).softmax(dim=2).expand_as(logits)):
        raise Finding("all images share their couplings; each has logits of its own")
    expect_close(couplings, logits.softmax(dim=2))
    poses = expect_tensor(parts[1], [B, PARENTS, D], "b j d")
    totals = torch.einsum("bij,bijd->bjd", couplings, votes)
    if is_close(poses, totals):
        raise Finding("the totals come back unsquashed")
    if is_close(poses, squash(totals, dim=1)):
        raise Finding("squashed along the parents; the components come last")
    expect_close(poses, squash(totals))
    agreement = expect_tensor(parts[2], [B, CHILDREN, PARENTS], "b i j")
    wanted = torch.einsum("bijd,bjd->bij", votes, poses)
    if is_close(agreement, logits + wanted):
        raise Finding("the agreement is wanted, without the logits; the loop will add them")
    if is_close(agreement, torch.cosine_similarity(votes, poses.unsqueeze(1), dim=-1)):
        raise Finding("this is the cosine; the lengths of vote and pose count as well")
    if is_close(agreement, torch.einsum("bijd,bjd->bij", votes, totals)):
        raise Finding("compared with the totals; it is the squashed poses that count")
    expect_close(agreement, wanted)


def _step(votes: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    couplings = logits.softmax(dim=2)
    poses = squash(torch.einsum("bij,bijd->bjd", couplings, votes))
    return couplings, poses, torch.einsum("bijd,bjd->bij", votes, poses)


@exercise("a3.route")
def route(attempt: Attempt, random: Generator) -> None:
    votes = _votes(random)
    for iterations in (1, 3, 4):
        calls = []

        def step(votes: Tensor, logits: Tensor, calls: list = calls) -> tuple:
            calls.append(logits)
            return _step(votes, logits)

        poses, history = _parts(
            attempt(votes, iterations, step), "a pair: poses and the couplings of all rounds", 2
        )
        if len(calls) != iterations:
            raise Finding(f"for {iterations} iterations you do {len(calls)} rounds")
        steps = list(dynamic_routing_steps(votes, iterations))
        if calls[0].abs().sum() != 0:
            raise Finding("the logits of the first round should be 0")
        for number, (logits, wanted) in enumerate(zip(calls, steps, strict=True), start=1):
            agreement = _step(votes, calls[number - 2])[2] if number > 1 else logits
            if number > 2 and is_close(logits, agreement):
                raise Finding("the agreement replaces the logits; it should be added to them")
            if not is_close(logits, wanted.logits):
                raise Finding(f"the logits of round {number} are wrong")
        expect_close(expect_tensor(poses, [B, PARENTS, D], "b j d"), steps[-1].poses)
        shape = [iterations, B, CHILDREN, PARENTS]
        wanted = torch.stack([step.couplings for step in steps])
        expect_close(expect_tensor(history, shape, "t b i j"), wanted)


@exercise("a3.logits_from_poses")
def logits_from_poses(attempt: Attempt, random: Generator) -> None:
    votes = _votes(random)
    steps = list(dynamic_routing_steps(votes, 5))
    for t in (1, 2, 4):
        earlier = torch.stack([step.poses for step in steps[:t]])
        found = expect_tensor(attempt(votes, earlier), [B, CHILDREN, PARENTS], "b i j")
        if t > 1 and is_close(found, torch.einsum("bijd,bjd->bij", votes, earlier[-1])):
            raise Finding("only the last round counts; the logits are what all of them added up")
        if t > 1 and is_close(found, steps[t].logits / t):
            raise Finding("this is the mean over the rounds; it is a sum")
        expect_close(found, steps[t].logits)


@exercise("a3.route_detached")
def route_detached(attempt: Attempt, random: Generator) -> None:
    for iterations in (1, 3):
        votes = _votes(random).requires_grad_()
        found = expect_tensor(attempt(votes, iterations), [B, PARENTS, D], "b j d")
        full = dynamic_routing(votes, iterations)
        if not is_close(found, full):
            raise Finding("the poses are not those of routing; only the gradients should differ")
        if not found.requires_grad:
            raise Finding("no gradient gets through; the votes of the last sum must carry theirs")
        *_, last = dynamic_routing_steps(votes.detach(), iterations)
        constant = squash(torch.einsum("bij,bijd->bjd", last.couplings, votes))
        arriving = torch.randn(B, PARENTS, D, generator=random)
        gradients = [
            torch.autograd.grad((poses * arriving).sum(), votes)[0]
            for poses in (found, full, constant)
        ]
        if is_close(gradients[0], gradients[2]):
            continue
        if is_close(gradients[0], gradients[1]):
            raise Finding("nothing is detached: this is the whole gradient of routing")
        raise Finding("the poses are right; but the gradient is not that of constant couplings")


@exercise("a3.agreement_of_votes")
def agreement_of_votes(attempt: Attempt, random: Generator) -> None:
    votes = _votes(random)
    couplings = torch.rand(B, CHILDREN, PARENTS, generator=random) + 0.1
    totals = torch.einsum("bij,bijd->bjd", couplings, votes)
    found = expect_tensor(attempt(votes, couplings), [B, PARENTS], "b j")
    if is_close(found, totals.norm(dim=-1)):
        raise Finding("this is the length of the total; it has to be compared with the greatest")
    if is_close(found, totals.norm(dim=-1) / votes.norm(dim=-1).sum(dim=1)):
        raise Finding("the couplings are missing below the line")
    directions = torch.einsum("bij,bijd->bjd", couplings, F.normalize(votes, dim=-1))
    if is_close(found, directions.norm(dim=-1) / couplings.sum(dim=1)):
        raise Finding("all votes count as equally long; a longer one has more to say")
    expect_close(found, totals.norm(dim=-1) / (couplings * votes.norm(dim=-1)).sum(dim=1))
    votes[:, :, 1] = 0
    found = attempt(votes, couplings)
    if not found.isfinite().all():
        raise Finding("right, except where nothing is voted: there the result is not finite")
    expect_close(found[:, 1], torch.zeros(B))


@exercise("a3.influence")
def influence(attempt: Attempt, random: Generator) -> None:
    votes = _votes(random)
    for child, iterations in [(0, 1), (3, 2), (CHILDREN - 1, 3)]:
        found = expect_tensor(attempt(votes, child, iterations), [B, PARENTS], "b j")
        rest = torch.cat([votes[:, :child], votes[:, child + 1 :]], dim=1)
        move = dynamic_routing(votes, iterations) - dynamic_routing(rest, iterations)
        if is_close(found, move.square().sum(dim=-1)):
            raise Finding("this is the square of the distance")
        expect_close(found, move.norm(dim=-1))


@exercise("a3.route_with_nobody")
def route_with_nobody(attempt: Attempt, random: Generator) -> None:
    for parents in (1, 3):
        votes = _votes(random)[:, :, :parents]
        more = torch.cat([votes, torch.zeros(B, CHILDREN, 1, D)], dim=2)
        for iterations in (1, 3):
            poses, left = _parts(attempt(votes, iterations), "a pair: poses and shares", 2)
            *_, last = dynamic_routing_steps(more, iterations)
            if isinstance(poses, Tensor) and poses.shape[1:2] == (parents + 1,):
                raise Finding("nobody has no pose: only those of the real parents are wanted")
            poses = expect_tensor(poses, [B, parents, D], "b j d")
            left = expect_tensor(left, [B, CHILDREN], "b i")
            if is_close(poses, dynamic_routing(votes, iterations)) and not is_close(
                left, last.couplings[:, :, -1]
            ):
                raise Finding("the poses are those of routing without nobody")
            if left.abs().max() < 1e-6:
                raise Finding("nobody is given nothing, from the first round on")
            expect_close(left, last.couplings[:, :, -1])
            expect_close(poses, last.poses[:, :-1])


@exercise("a3.capsule_layer")
def capsule_layer(attempt: Attempt, random: Generator) -> None:
    layer = attempt(5, 3, 4, 6, 2)
    if not isinstance(layer, nn.Module):
        raise Finding("CapsuleLayer(5, 3, 4, 6, 2) should be a torch module")
    if sum(w.numel() for w in layer.parameters() if w.requires_grad) < 5 * 3 * 4 * 6:
        raise Finding("there are fewer weights than one matrix for each pair of child and parent")
    children = torch.randn(2, 5, 3, generator=random)
    votes = expect_tensor(Attempt(layer.votes)(children), [2, 5, 4, 6], "b i j d")
    parents = expect_tensor(Attempt(layer)(children), [2, 4, 6], "b j d")
    if not votes.requires_grad:
        raise Finding("the votes carry no gradient to the weights; are they an nn.Parameter?")
    expect_close(parents, dynamic_routing(votes, 2))
    many = 0.5 * F.normalize(torch.randn(2, 1152, 8, generator=random), dim=-1)
    length = attempt(1152, 8, 10, 16)(many).norm(dim=-1).mean().item()
    if length >= 0.5:
        raise Finding(
            f"with 1,152 children, untrained parents are {length:.3f} long on average: "
            "the squash is saturated, and the layer will hardly learn; start smaller"
        )
    if length <= 1e-6:
        raise Finding("untrained parents are practically 0, and so is every gradient")
