"""The checks of assignment 4: EM routing from scratch."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    is_close,
    whole,
)
from capsedu.functional import spread_loss, spread_margin
from capsedu.layers.matrix_capsules import cell_centres
from capsedu.routing.em import VARIANCE_FLOOR, em_routing_steps, inverse_temperature

B, CHILDREN, PARENTS, D = 2, 7, 4, 3


@exercise("a4.log_density")
def log_density(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    means = torch.randn(B, PARENTS, D, generator=random)
    variances = 0.3 + 3 * torch.rand(B, PARENTS, D, generator=random)
    found = expect_tensor(attempt(votes, means, variances), [B, CHILDREN, PARENTS], "b i j")
    squares = (votes - means.unsqueeze(1)).square() / variances.unsqueeze(1)
    far, wide = squares.sum(dim=3), variances.log().sum(dim=2).unsqueeze(1)
    constant = 0.5 * D * math.log(2 * math.pi)
    right = _densities(votes, means, variances)
    root = (variances.sum(dim=2) * 2 * math.pi).log().unsqueeze(1)
    for mistake, sentence in [
        (right + constant, "the constant is missing: ½ log 2π for every component"),
        (right + constant - constant / D, "the constant belongs to every component, not to each "
         "vote once"),
        (-0.5 * far - wide - constant, "the density has the deviation under it, not the variance"),
        (-far - 0.5 * wide - constant, "the exponent lacks a factor of one half"),
        (-0.5 * (far + root), "under the root belongs the product of the variances, not their sum"),
        (right.exp(), "this is the density; its logarithm is wanted"),
        (-right, "the sign is the other way round"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, right)
    far_away = attempt(200 + votes, means, variances)
    if not isinstance(far_away, Tensor) or not far_away.isfinite().all():
        raise Finding("for votes far from every parent the result is not finite: exp underflows")


@exercise("a4.m_step")
def m_step(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    assignments = torch.randn(B, CHILDREN, PARENTS, generator=random).softmax(dim=2)
    activations = 0.1 + 0.9 * torch.rand(B, CHILDREN, generator=random)
    means, variances, received = _triple(attempt(votes, assignments, activations))
    weights = assignments * activations.unsqueeze(2)
    received = expect_tensor(received, [B, PARENTS], "b j")
    if is_close(received, assignments.sum(dim=1)):
        raise Finding("the children's activations do not count; a child that is not there must not")
    expect_close(received, weights.sum(dim=1))
    means = expect_tensor(means, [B, PARENTS, D], "b j d")
    right = torch.einsum("bij,bijd->bjd", weights, votes) / received.unsqueeze(2)
    if is_close(means, right * received.unsqueeze(2)):
        raise Finding("these means are weighted sums; divide by the sum of the weights")
    expect_close(means, right)
    variances = expect_tensor(variances, [B, PARENTS, D], "b j d")
    squares = (votes - right.unsqueeze(1)).square()
    exact = torch.einsum("bij,bijd->bjd", weights, squares) / received.unsqueeze(2)
    if is_close(variances, (exact + VARIANCE_FLOOR).sqrt()):
        raise Finding("the means are right; the second should be variances, not their roots")
    if is_close(variances, squares.mean(dim=1) + VARIANCE_FLOOR):
        raise Finding("the means are right; the variances need the same weights")
    if (variances - exact).abs().max() < 0.3 * VARIANCE_FLOOR:
        raise Finding("the means are right; the variances lack the floor")
    expect_close(variances, exact + VARIANCE_FLOOR)
    higher = _triple(attempt(votes, assignments, activations, 0.5))[1]
    if not is_close(expect_tensor(higher, [B, PARENTS, D], "b j d"), exact + 0.5):
        raise Finding("with a floor of 0.5 the variances should be 0.5 larger than without")
    _expect_gentle(attempt, votes, assignments)


def _expect_gentle(attempt: Attempt, votes: Tensor, assignments: Tensor) -> None:
    """A parent that receives nothing does no harm."""
    assignments = assignments.clone()
    assignments[:, :, 1] = 0
    votes = votes.clone().requires_grad_()
    means, variances, _ = _triple(attempt(votes, assignments, torch.ones(B, CHILDREN)))
    if not (means.isfinite().all() and variances.isfinite().all()):
        raise Finding("a parent that receives nothing has no finite mean; think of 0 / 0")
    if not (means[:, 1] == 0).all():
        raise Finding("the mean of a parent that receives nothing should be 0")
    (means.sum() + variances.log().sum()).backward()
    if votes.grad is None or not votes.grad.isfinite().all():
        raise Finding("a parent that receives nothing makes gradients that are not finite")


@exercise("a4.activity")
def activity(attempt: Attempt, random: Generator) -> None:
    variances = 0.05 + 3 * torch.rand(B, PARENTS, D, generator=random)
    received = 1 + 40 * torch.rand(B, PARENTS, generator=random)
    beta_u = 0.5 + torch.rand(PARENTS, generator=random)
    beta_a = 5 * torch.randn(PARENTS, generator=random)
    bias, log = beta_u.unsqueeze(1), variances.log()
    cost = received * (bias + 0.5 * log).sum(dim=2)
    for t, final in ((0, 3.0), (3, 0.5), (7, 3.0)):
        scale = inverse_temperature(t, final)
        inputs = received, variances, beta_u, beta_a, t, final
        found = expect_tensor(attempt(*inputs), [B, PARENTS], "b j")
        right = scale * (beta_a - cost)
        for mistake, sentence in [
            (right.sigmoid(), "these are activations; their logits are wanted"),
            (-right, "the more a parent costs, the higher its logit; it should be lower"),
            (beta_a - cost, "the inverse temperature is missing: everything is decided at once"),
            (final * (beta_a - cost), "the inverse temperature is at its end from the beginning; "
             "it should rise"),
            (scale / final * (beta_a - cost), "final is not used"),
            (inverse_temperature(t - 1, final) * (beta_a - cost), "the schedule is one iteration "
             f"late: t begins with 0, and here it is {t}"),
            (scale * (beta_a - received * (bias + log).sum(dim=2)), "this is the log of the "
             "variance; the cost has that of the deviation"),
            (scale * (beta_a - (bias + 0.5 * log).sum(dim=2)), "this is what one vote costs; a "
             "parent pays for all that it has received"),
            (scale * (beta_a - received * (beta_u + 0.5 * log.sum(dim=2))), "beta_u counts once "
             "for each component, and here it is once for each vote"),
            (scale * beta_a - cost, "the inverse temperature multiplies the cost too"),
        ]:  # fmt: skip
            if is_close(found, mistake):
                raise Finding(sentence)
        expect_close(found, right)


@exercise("a4.e_step")
def e_step(attempt: Attempt, random: Generator) -> None:
    densities = torch.randn(B, CHILDREN, PARENTS, generator=random)
    logits = 2 * torch.randn(B, PARENTS, generator=random)
    connected = torch.rand(CHILDREN, PARENTS, generator=random) < 0.6
    connected[:3], connected[3:, 0] = True, True
    found = expect_tensor(attempt(densities, logits, connected), [B, CHILDREN, PARENTS], "b i j")
    right = _divided(densities + F.logsigmoid(logits).unsqueeze(1), connected)
    if is_close(found, right):
        return _expect_robust(attempt, densities, logits, connected)
    scores = densities + F.logsigmoid(logits).unsqueeze(1)
    if is_close(found[:, :3], scores.softmax(dim=2)[:, :3]) and not is_close(found, right):
        raise Finding("children 0 to 2, who vote for everyone, are right; look at connected")
    for mistake, sentence in [
        (_divided(densities, connected), "the parents' activations do not count"),
        (_divided(densities + logits.unsqueeze(1), connected), "each density should be multiplied "
         "by the activation, so the logarithm of the activation is added, not the logit"),
        (_divided(densities + logits.sigmoid().unsqueeze(1), connected), "the activation itself is "
         "added to a logarithm; its logarithm should be"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    if is_close(found.sum(dim=1), torch.ones(B, PARENTS)):
        raise Finding("your assignments sum to 1 over the children; they must over the parents")
    if not is_close(found.sum(dim=2), torch.ones(B, CHILDREN)):
        raise Finding(
            f"child 0 gives away {found[0, 0].sum():.3f} in all; it should be 1 for every child"
        )
    expect_close(found, right)


def _expect_robust(attempt: Attempt, densities: Tensor, logits: Tensor, connected: Tensor) -> None:
    alone = connected.clone()
    alone[0] = False
    found = attempt(densities, logits, alone)
    if found.isnan().any():
        raise Finding("a child that votes for nobody makes a NaN; it should give 0 to everyone")
    if (found[:, 0] != 0).any():
        raise Finding("a child that votes for nobody should give 0 to everyone")
    far = attempt(densities - 5e4, logits, connected)
    if not far.isfinite().all() or not is_close(far[:, 0].sum(dim=1), torch.ones(B)):
        raise Finding("for votes far from every parent the densities are 0; stay in log space")
    sure = attempt(densities, 1e5 * logits, connected)
    if not sure.isfinite().all():
        raise Finding(
            "with logits in the ten thousands the result is not finite: there is a function in "
            "torch for the logarithm of a logistic function"
        )


@exercise("a4.add_places")
def add_places(attempt: Attempt, random: Generator) -> None:
    height, width, kinds = 3, 5, 2
    for shape in ((4, 4), (2, 3)):
        votes = torch.randn(B, kinds * height * width, PARENTS, *shape, generator=random)
        found = expect_tensor(attempt(votes, height, width), list(votes.shape), "b i j row column")
        cells = cell_centres(height, width)  # [h * w, 2]
        sizes = torch.tensor([height, width])
        numbers = cells * sizes - 0.5
        column = (slice(0, 2), -1)
        for places, spot, sentence in [
            (cells, (slice(0, 2), 0), "that is the left column; the right-hand one is wanted"),
            (cells, (-1, slice(0, 2)), "that is the bottom row; the right-hand column is wanted"),
            (cells.flip(1), column, "row and column have changed places"),
            (numbers, column, "the grid should reach from 0 to 1, whatever its size"),
            (numbers / sizes, column, "these are the cells' corners; their centres count"),
            (numbers / (sizes - 1), column, "the outermost centres should not be 0 and 1"),
        ]:
            if is_close(found, _moved(votes, places.repeat(kinds, 1), spot)):
                raise Finding(sentence)
        if is_close(found, _moved(votes, cells.repeat_interleave(kinds, dim=0), column)):
            raise Finding("the children are ordered by kind first: a kind's cells are together")
        if is_close(found, votes):
            raise Finding("nothing is added")
        expect_close(found, _moved(votes, cells.repeat(kinds, 1), column))


@exercise("a4.route")
def route(attempt: Attempt, random: Generator) -> None:
    votes = torch.randn(B, CHILDREN, PARENTS, D, generator=random)
    a = 0.1 + 0.9 * torch.rand(B, CHILDREN, generator=random)
    biases = torch.randn(PARENTS, generator=random), 5 * torch.randn(PARENTS, generator=random)
    connected = torch.rand(CHILDREN, PARENTS, generator=random) < 0.7
    connected[:, 0], connected[0, 1:] = True, False
    final = 0.5 + whole(1, 9, random) / 10
    for iterations in (1, 3, 2):
        inputs = votes, a, *biases, iterations, final, connected, _PARTS
        means, logits, assignments = _triple(attempt(*inputs))
        means = expect_tensor(means, [B, PARENTS, D], "b j d")
        steps = list(em_routing_steps(votes, a, *biases, iterations + 1, connected, final))
        if not is_close(means, steps[iterations - 1].means):
            _name_the_slip(means, steps, iterations, (votes, a, *biases), connected, final)
        expect_close(means, steps[iterations - 1].means, tolerance=1e-3)
        logits = expect_tensor(logits, [B, PARENTS], "b j")
        right = steps[iterations - 1].activations
        if is_close(logits, right):
            raise Finding("the means are right; the second should be logits, not activations")
        expect_close(logits.sigmoid(), right, tolerance=1e-3)
        shape = [B, CHILDREN, PARENTS]
        assignments = expect_tensor(assignments, shape, "b i j")
        if is_close(assignments, steps[iterations].assignments):
            raise Finding("after the last M-step another E-step is done; nobody needs it")
        expect_close(assignments, steps[iterations - 1].assignments, tolerance=1e-3)


def _name_the_slip(
    means: Tensor, steps: list, iterations: int, inputs: tuple, connected: Tensor, final: float
) -> None:
    if is_close(means, steps[iterations].means):
        raise Finding(f"for {iterations} iterations you do {iterations + 1}")
    if iterations > 1 and is_close(means, steps[iterations - 2].means):
        raise Finding(f"for {iterations} iterations you do {iterations - 1}")
    votes, a, *biases = inputs
    everyone = torch.ones_like(connected)
    for mistaken, sentence in [
        (em_routing_steps(votes, a, *biases, iterations, everyone, final), "every child votes for "
         "every parent; look at connected"),
        (em_routing_steps(votes, torch.ones_like(a), *biases, iterations, connected, final),
         "the children's activations do not count"),
    ]:  # fmt: skip
        *_, last = mistaken
        if is_close(means, last.means):
            raise Finding(sentence)
    start = (torch.ones_like(connected) / PARENTS, connected / PARENTS)
    if iterations == 1 and any(is_close(means, _fit(votes, r, a)[0]) for r in start):
        raise Finding("at first a child divides itself among the parents that it votes for")
    for how, sentence in _LOOP_SLIPS.items():
        if is_close(means, _slipped(how, inputs, iterations, connected, final)):
            raise Finding(sentence)


_LOOP_SLIPS = {
    "once": "the children's activations count in the first M-step only; they must in every one",
    "twice": "after the first M-step the children's activations count twice",
    "cold": "the inverse temperature does not rise; hand on the iteration t",
}


def _slipped(how: str, inputs: tuple, iterations: int, connected: Tensor, final: float) -> Tensor:
    """The means of a loop with a usual slip."""
    votes, a, bu, ba = inputs
    r = (connected / connected.sum(dim=1, keepdim=True)).expand(votes.shape[:3])
    for t in range(iterations):
        present = torch.ones_like(a) if how == "once" and t > 0 else a
        means, variances, received = _fit(votes, r, present)
        logits = _logits(received, variances, bu, ba, 0 if how == "cold" else t, final)
        r = _assigned(_densities(votes, means, variances), logits, connected)
        if how == "twice":
            r = r * a.unsqueeze(2)
    return means


@exercise("a4.spread")
def spread(attempt: Attempt, random: Generator) -> None:
    batch, classes = 6, 5
    a = torch.rand(batch, classes, generator=random)
    targets = torch.randint(classes, (batch,), generator=random)
    a[0] = 0.0
    a[0, targets[0]] = 1.0  # somebody leads by more than any margin
    lead = a.gather(1, targets[:, None]) - a
    for step in (0, whole(100_000, 250_000, random), 10_000_000):
        m = spread_margin(step)
        found = expect_tensor(attempt(a, targets, step), [], "")
        right = spread_loss(a, targets, m)
        wrong = torch.ones_like(lead).scatter(1, targets[:, None], 0)
        late = 0.2 + 0.79 / (1 + math.exp(-(step / 50_000 + 4)))
        for mistake, sentence in [
            (right + m**2, "the right class is compared with itself"),
            ((wrong * (m - lead).relu()).sum(dim=1).mean(), "the square is missing"),
            ((wrong * (m - lead).square()).sum(dim=1).mean(), "a lead larger than the margin costs "
             "something; it should cost nothing"),
            (right * batch, "this is the sum over the batch; the mean is wanted"),
            (right / (classes - 1), "this is a mean over the wrong classes; they are summed"),
            (right / classes, "this is a mean over the classes; they are summed"),
            (spread_loss(a, targets, late), "the schedule's 4 has the wrong sign"),
            (spread_loss(a, targets, 0.2), "the margin stays where it begins"),
            (spread_loss(a, targets, 0.99), "the margin is at its end from the beginning"),
        ]:  # fmt: skip
            if is_close(found, mistake) and not is_close(found, right):
                raise Finding(f"at step {step:,}: {sentence}")
        expect_close(found, right)


def _triple(found: object) -> tuple:
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Finding("three things are to be returned; see the description")
    if any(not isinstance(part, Tensor) for part in found):
        raise Finding("one of the three that are returned is not a tensor")
    return tuple(found)


def _moved(votes: Tensor, places: Tensor, spot: tuple) -> Tensor:
    result = votes.clone()
    result[:, :, :, *spot] += places.unsqueeze(1)
    return result


def _densities(votes: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    squares = (votes - means.unsqueeze(1)).square() / variances.unsqueeze(1)
    return -0.5 * (squares + (2 * math.pi * variances).log().unsqueeze(1)).sum(dim=3)


def _fit(
    votes: Tensor, assignments: Tensor, activations: Tensor, floor: float = VARIANCE_FLOOR
) -> tuple[Tensor, Tensor, Tensor]:
    weights = assignments * activations.unsqueeze(2)
    received = weights.sum(dim=1)
    shares = weights / received.clamp(min=1e-8).unsqueeze(1)
    means = torch.einsum("bij,bijd->bjd", shares, votes)
    squares = (votes - means.unsqueeze(1)).square()
    return means, torch.einsum("bij,bijd->bjd", shares, squares) + floor, received


def _logits(
    received: Tensor, variances: Tensor, beta_u: Tensor, beta_a: Tensor, t: int, final: float
) -> Tensor:
    cost = received * (beta_u.unsqueeze(1) + 0.5 * variances.log()).sum(dim=2)
    return inverse_temperature(t, final) * (beta_a - cost)


def _divided(scores: Tensor, connected: Tensor) -> Tensor:
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~connected, lowest).softmax(dim=2) * connected


def _assigned(log_densities: Tensor, logits: Tensor, connected: Tensor) -> Tensor:
    return _divided(log_densities + F.logsigmoid(logits).unsqueeze(1), connected)


_PARTS = (_densities, _fit, _logits, _assigned)
