"""Chapter 5: usual mistakes, with what is said about each; other right answers."""

import torch
from worked_solutions import solution

from capsedu.routing.em import VARIANCE_FLOOR, em_routing, inverse_temperature

m_step = solution("05.m_step")
cost = solution("05.cost")
activation = solution("05.activation")


def m_step_of(means=lambda x: x, variances=lambda x: x):
    def slip(*inputs):
        first, second = m_step(*inputs)
        return means(first), variances(second)

    return slip


def unweighted_variances(votes, assignments, activations):
    means, _ = m_step(votes, assignments, activations)
    return means, votes.var(dim=1, correction=0) + VARIANCE_FLOOR


def sums(votes, assignments, activations, divisor=1):
    weights = (assignments * activations[:, :, None])[..., None]
    return (weights * votes).sum(1) / divisor, (weights * votes).sum(1)


def assignments(votes, means, variances, activations, half=0.5, width=0.5, prior=1, dim=2):
    squares = ((votes - means[:, None]) ** 2 / variances[:, None]).sum(-1)
    heights = prior * activations.log() - width * variances.log().sum(-1)
    return (heights[:, None] - half * squares).softmax(dim)


def by_densities(votes, means, variances, activations):
    """Right in formulas; far away all densities are 0."""
    bells = (-((votes - means[:, None]) ** 2) / (2 * variances[:, None])).sum(-1).exp()
    p = activations[:, None] * bells / variances.prod(-1).sqrt()[:, None]
    return p / p.sum(2, keepdim=True)


def routing(votes, activations, beta_u, beta_a, iterations, connected, again=True):
    r = (connected / connected.sum(1, keepdim=True)).expand(votes.shape[:3])
    for t in range(iterations):
        means, variances = m_step(votes, r, activations)
        received = (r * activations[:, :, None]).sum(1)
        active = activation(cost(variances, received, beta_u), beta_a, t)
        scores = assignments_scores(votes, means, variances) + active.log()[:, None]
        if again:
            r = scores.masked_fill(~connected, -torch.inf).softmax(2)
    return means, active


def assignments_scores(votes, means, variances):
    squares = (votes - means[:, None]) ** 2 / variances[:, None]
    return -0.5 * (squares + variances.log()[:, None]).sum(-1)


ALSO_RIGHT = [
    ("05.activation", lambda c, b, t: torch.sigmoid(inverse_temperature(t) * (b - c))),
    ("05.em_routing", em_routing),
]

WRONG = [
    ("05.m_step", lambda v, r, a: m_step(v, r, torch.ones_like(a)), "activations do not count"),
    ("05.m_step", sums, "weighted sums"),
    ("05.m_step", lambda v, r, a: sums(v, r, a, divisor=v.shape[1]), "number of children"),
    ("05.m_step", lambda v, r, a: m_step(v, r, a)[0], "a pair is wanted"),
    ("05.m_step", lambda v, r, a: (m_step(v, r, a)[0], ...), "not written yet"),
    ("05.m_step", m_step_of(variances=torch.sqrt), "not their roots"),
    ("05.m_step", m_step_of(variances=lambda x: x - VARIANCE_FLOOR), "lack the floor"),
    ("05.m_step", unweighted_variances, "need the same weights"),
    ("05.m_step", m_step_of(means=lambda x: x + 1), "entry"),
    ("05.cost", lambda v, r, b: r * (b[:, None] + v.log()).sum(-1), "log of the variance"),
    ("05.cost", lambda v, r, b: cost(v, torch.ones_like(r), b), "one vote costs"),
    ("05.cost", lambda v, r, b: cost(v, r, b) / v.shape[2], "mean over the components"),
    ("05.cost", lambda v, r, b: r * (b + v.sqrt().log().sum(-1)), "once per component"),
    ("05.cost", lambda v, r, b: -cost(v, r, b), "the other way round"),
    ("05.activation", lambda c, b, t: 1 - activation(c, b, t), "the more active"),
    ("05.activation", lambda c, b, t: (b - c).sigmoid(), "inverse temperature is missing"),
    ("05.activation", lambda c, b, t: activation(c, b, t - 1), "one iteration late"),
    ("05.activation", lambda c, b, t: activation(c, b, 0), "stays as in the first"),
    ("05.assignments", lambda *x: assignments(*x, dim=1), "sum to 1 over the children"),
    ("05.assignments", lambda *x: 2 * assignments(*x), "in all"),
    ("05.assignments", lambda *x: assignments(*x, prior=0), "activations do not count"),
    ("05.assignments", lambda *x: assignments(*x, width=0), "nothing for its width"),
    ("05.assignments", lambda *x: assignments(*x, width=1), "not the variance"),
    ("05.assignments", lambda *x: assignments(*x, half=1), "one half"),
    ("05.assignments", by_densities, "underflows"),
    ("05.em_routing", lambda *x: em_routing(*x[:5]), "look at connected"),
    ("05.em_routing", lambda *x: routing(*x[:4], x[4] + 1, x[5]), "iterations you do"),
    ("05.em_routing", lambda *x: routing(*x[:4], max(1, x[4] - 1), x[5]), "iterations you do"),
    (
        "05.em_routing",
        lambda v, a, *x: routing(v, torch.ones_like(a), *x),
        "activations do not count",
    ),
    ("05.em_routing", lambda *x: routing(*x, again=False), "no longer change"),
    ("05.em_routing", lambda *x: routing(*x)[0], "a pair is wanted"),
]
