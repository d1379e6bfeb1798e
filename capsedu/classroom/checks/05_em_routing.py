"""Checks of chapter 5: EM routing."""

import torch
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    is_close,
)
from capsedu.routing.em import VARIANCE_FLOOR, em_routing, inverse_temperature

B, CHILDREN, PARENTS, D = 2, 7, 4, 3


@exercise("05.m_step")
def m_step(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    assignments = torch.randn(B, CHILDREN, PARENTS, generator=random).softmax(dim=2)
    activations = 0.1 + 0.9 * torch.rand(B, CHILDREN, generator=random)
    found = attempt(votes, assignments, activations)
    means, variances = _expect_pair(found, "the means and the variances")
    means = expect_tensor(means, [B, PARENTS, D], "b j d")
    weights = assignments * activations.unsqueeze(2)
    wanted = _fitted(votes, weights)
    if is_close(means, _fitted(votes, assignments)[0]):
        raise Finding("the children's activations do not count; a child that is not there must not")
    if is_close(means, torch.einsum("bij,bijd->bjd", weights, votes)):
        raise Finding("these means are weighted sums; divide by the sum of the weights")
    if is_close(means, torch.einsum("bij,bijd->bjd", weights, votes) / CHILDREN):
        raise Finding("you divide by the number of children, not by the sum of their weights")
    expect_close(means, wanted[0])
    variances = expect_tensor(variances, [B, PARENTS, D], "b j d")
    if is_close(variances, wanted[1].sqrt()):
        raise Finding("the means are right; the second should be variances, not their roots")
    if is_close(variances, votes.var(dim=1, correction=0) + VARIANCE_FLOOR):
        raise Finding("the means are right; the variances need the same weights")
    exact = (variances - wanted[1]).abs().max().item()
    if 0.5 * VARIANCE_FLOOR < exact < 1.5 * VARIANCE_FLOOR:
        raise Finding("the means are right; the variances lack the floor")
    expect_close(variances, wanted[1])


@exercise("05.cost")
def cost(attempt: Attempt, random: Generator) -> None:
    variances = 0.05 + 3 * torch.rand(B, PARENTS, D, generator=random)
    received = 1 + 4 * torch.rand(B, PARENTS, generator=random)
    beta_u = 0.5 + torch.rand(PARENTS, generator=random)
    found = expect_tensor(attempt(variances, received, beta_u), [B, PARENTS], "b j")
    bias, log = beta_u.unsqueeze(1), variances.log()
    wanted = received * (bias + 0.5 * log).sum(dim=2)
    if is_close(found, received * (bias + log).sum(dim=2)):
        raise Finding("this is the log of the variance; the cost has that of the deviation")
    if is_close(found, (bias + 0.5 * log).sum(dim=2)):
        raise Finding("this is what one vote costs; a parent pays for all that it has received")
    if is_close(found, received * (bias + 0.5 * log).mean(dim=2)):
        raise Finding("this is the mean over the components; every component has to be described")
    if is_close(found, received * (beta_u + 0.5 * log.sum(dim=2))):
        raise Finding("beta_u counts once per component, and here it is once per vote")
    if is_close(found, -wanted):
        raise Finding("the sign is the other way round: a wide Gaussian costs more")
    expect_close(found, wanted)


@exercise("05.activation")
def activation(attempt: Attempt, random: Generator) -> None:
    for t in (0, 2, 5):
        costs = 400 * torch.randn(B, PARENTS, generator=random)
        beta_a = 200 * torch.randn(PARENTS, generator=random)
        found = expect_tensor(attempt(costs, beta_a, t), [B, PARENTS], "b j")

        def activations(scale: float, logit: Tensor = beta_a - costs) -> Tensor:
            return (scale * logit).sigmoid()

        if is_close(found, activations(-inverse_temperature(t))):
            raise Finding("the more a parent costs, the more active it is; it should be less")
        if is_close(found, activations(1)):
            raise Finding("the inverse temperature is missing: everything is decided at once")
        if is_close(found, activations(0.01 * (1 - 0.95**t))):
            raise Finding(
                f"the schedule is one iteration late: t begins with 0, and here it is {t}"
            )
        if t > 0 and is_close(found, activations(inverse_temperature(0))):
            raise Finding("the inverse temperature stays as in the first iteration; it should rise")
        expect_close(found, activations(inverse_temperature(t)))


@exercise("05.assignments")
def assignments(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    means = torch.randn(B, PARENTS, D, generator=random)
    variances = 0.3 + 3 * torch.rand(B, PARENTS, D, generator=random)
    activations = 0.1 + 0.9 * torch.rand(B, PARENTS, generator=random)
    shape = [B, CHILDREN, PARENTS]
    found = expect_tensor(attempt(votes, means, variances, activations), shape, "b i j")
    if not is_close(found.sum(dim=2), torch.ones(B, CHILDREN)):
        if is_close(found.sum(dim=1), torch.ones(B, PARENTS)):
            raise Finding("your assignments sum to 1 over the children; they must over the parents")
        raise Finding(
            f"child 0 gives away {found[0, 0].sum():.3f} in all; it should be 1 for every child"
        )
    distances = ((votes - means.unsqueeze(1)).square() / variances.unsqueeze(1)).sum(dim=3)
    widths, prior = variances.log().sum(dim=2).unsqueeze(1), activations.log().unsqueeze(1)
    for scores, sentence in [
        (-0.5 * (distances + widths), "the parents' activations do not count"),
        (prior - 0.5 * distances, "a wide Gaussian pays nothing for its width"),
        (
            prior - 0.5 * distances - widths,
            "the density has the deviation under it, not the variance",
        ),
        (prior - distances - 0.5 * widths, "the exponent lacks a factor of one half"),
    ]:
        if is_close(found, scores.softmax(dim=2)):
            raise Finding(sentence)
    expect_close(found, (prior - 0.5 * (distances + widths)).softmax(dim=2))
    far = attempt(100 * variances.amax().sqrt() + votes, means, variances, activations)
    if isinstance(far, Tensor) and not far.isfinite().all():
        raise Finding("for votes far from every parent the result is not finite: exp underflows")


@exercise("05.em_routing")
def routing(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    activations = 0.1 + 0.9 * torch.rand(B, CHILDREN, generator=random)
    biases = torch.randn(PARENTS, generator=random), 300 * torch.randn(PARENTS, generator=random)
    connected = torch.rand(CHILDREN, PARENTS, generator=random) < 0.7
    connected[0], connected[:, 0] = True, True  # everybody votes for somebody, and is voted for
    connected[1, 1:] = False
    inputs = votes, activations, *biases
    for iterations in (1, 3, 2):  # with 3, a loop that stands still is not one that is too short
        found = attempt(*inputs, iterations, connected)
        means, active = _expect_pair(found, "the means and the activations")
        means = expect_tensor(means, [B, PARENTS, D], "b j d")
        wanted = em_routing(*inputs, iterations, connected)
        if not is_close(means, wanted[0]):
            _name_the_slip(means, inputs, iterations, connected)
        expect_close(means, wanted[0], tolerance=1e-3)
        expect_close(expect_tensor(active, [B, PARENTS], "b j"), wanted[1], tolerance=1e-3)


def _name_the_slip(means: Tensor, inputs: tuple, iterations: int, connected: Tensor) -> None:
    votes, activations, *biases = inputs
    if is_close(means, em_routing(*inputs, iterations)[0]):
        raise Finding("every child votes for every parent; look at connected")
    if is_close(means, em_routing(*inputs, iterations + 1, connected)[0]):
        raise Finding(f"for {iterations} iterations you do {iterations + 1}")
    if iterations > 1 and is_close(means, em_routing(*inputs, iterations - 1, connected)[0]):
        raise Finding(f"for {iterations} iterations you do {iterations - 1}")
    ones = torch.ones_like(activations)
    if is_close(means, em_routing(votes, ones, *biases, iterations, connected)[0]):
        raise Finding("the children's activations do not count")
    if is_close(means, em_routing(votes, activations, *biases, 1, connected)[0]):
        raise Finding("after the first iteration the assignments no longer change")


def _expect_pair(found: object, parts: str) -> tuple[object, object]:
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Finding(f"a pair is wanted: {parts}")
    if any(part is None or part is ... for part in found):
        raise Finding("one of the two is not written yet")
    return found[0], found[1]


def _fitted(votes: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    shares = weights / weights.sum(dim=1, keepdim=True)
    means = torch.einsum("bij,bijd->bjd", shares, votes)
    squares = (votes - means.unsqueeze(1)).square()
    return means, torch.einsum("bij,bijd->bjd", shares, squares) + VARIANCE_FLOOR
