"""Chapter 12: usual mistakes, with what is said about each."""

import torch
from worked_solutions import solution

latents = solution("12.latents")
canvas = solution("12.canvas")
estimate = solution("12.estimate")


def kl(mean, log_deviation, constant=1.0, power=2, logs=1):
    each = (mean**2 + (power * log_deviation).exp() - constant) / 2 - logs * log_deviation
    return each.sum(dim=(1, 2))


def half_per_step(mean, log_deviation):
    """As equation 11 of the paper on DRAW is printed."""
    return kl(mean, log_deviation, constant=0.0) - mean.shape[1] / 2


def detached(mean, log_deviation, noise):
    return latents(mean.detach(), log_deviation.detach(), noise)


def half_detached(mean, log_deviation, noise):
    return latents(mean.detach(), log_deviation, noise)


def centres(centre, stride, cells, first=1):
    return centre + (torch.arange(first, first + cells) - cells / 2 - 0.5) * stride


def exponents(places, variance, size):
    return -((torch.arange(size) - places[:, None]) ** 2) / (2 * variance)


def filters(centre, stride, variance, cells, size, first=1):
    return exponents(centres(centre, stride, cells, first), variance, size).softmax(dim=1)


def with_an_epsilon(centre, stride, variance, cells, size):
    weights = exponents(centres(centre, stride, cells), variance, size).exp()
    return weights / (weights.sum(dim=1, keepdim=True) + 1e-8)


def not_normalised(centre, stride, variance, cells, size):
    return exponents(centres(centre, stride, cells), variance, size).exp()


WRONG = [
    ("12.kl", half_per_step, "not to each step"),
    ("12.kl", lambda m, s: kl(m, s, constant=0.0), "a constant is missing"),
    ("12.kl", lambda m, s: kl(m, s) / m[0].numel(), "not a mean"),
    ("12.kl", lambda m, s: 2 * kl(m, s), "half of that"),
    ("12.kl", lambda m, s: -kl(m, s), "never negative"),
    ("12.kl", lambda m, s: kl(m, s, power=1), "should be squared"),
    ("12.kl", lambda m, s: kl(m, s, logs=2), "not of the variance"),
    ("12.kl", lambda m, s: kl(m, s).sum(), "shape"),
    ("12.latents", lambda m, s, e: m + s * e, "logarithm of the deviation"),
    ("12.latents", lambda m, s, e: m + (2 * s).exp() * e, "not by σ²"),
    ("12.latents", lambda m, s, e: m + (s / 2).exp() * e, "not by its root"),
    ("12.latents", lambda m, s, e: m + e, "deviation is not used"),
    ("12.latents", lambda m, s, e: m + 0 * e, "nothing is drawn"),
    ("12.latents", detached, "no gradient comes through"),
    ("12.latents", half_detached, "gradient by mean does not"),
    ("12.filters", lambda *a: filters(*a, first=0), "counts filters from 1"),
    ("12.filters", lambda g, d, *a: filters(g + d / 2, d, *a), "too far to the right"),
    ("12.filters", lambda g, d, *a: filters(g - d / 2, d, *a), "half a stride too far to the left"),
    ("12.filters", lambda g, *a: filters(g - 1, *a), "one pixel too far"),
    ("12.filters", lambda g, d, v, *a: filters(g, d, 2 * v * v, *a), "squares the denominator"),
    ("12.filters", lambda g, d, v, *a: filters(g, d, v * v, *a), "σ² already"),
    ("12.filters", lambda g, d, v, *a: filters(g, d, v / 2, *a), "the 2 in the denominator"),
    ("12.filters", lambda *a: not_normalised(*a) / not_normalised(*a).sum(dim=0), "columns sum"),
    ("12.filters", not_normalised, "each row should sum to 1"),
    ("12.filters", with_an_epsilon, "has left the image"),
    ("12.filters", lambda *a: filters(*a).T, "shape"),
    ("12.canvas", lambda c, *a: canvas(0 * c, *a), "is lost"),
    ("12.canvas", lambda c, p, x, y, g: canvas(c, p, x, y, 1.0), "strength is not used"),
    ("12.canvas", lambda c, p, x, y, g: canvas(c, p, x, y, 1 / g), "writing divides"),
    ("12.canvas", lambda c, p, x, y, g: canvas(c, p, y, x, g), "changed places"),
    ("12.canvas", lambda c, p, x, y, g: canvas(c, p.T, x, y, g), "on its side"),
    ("12.canvas", lambda c, p, x, y, g: canvas(c, -p, x, y, g), "not taken away"),
    ("12.estimate", lambda w: w.mean(dim=1), "before the logarithm"),
    ("12.estimate", lambda w: w.logsumexp(dim=1), "of the mean is wanted"),
    ("12.estimate", lambda w: w.amax(dim=1), "not only the best"),
    ("12.estimate", lambda w: w.exp().mean(dim=1), "logarithm is missing"),
    ("12.estimate", lambda w: -estimate(w), "not the price"),
    ("12.estimate", lambda w: w.exp().mean(dim=1).log(), "torch.logsumexp"),
]
