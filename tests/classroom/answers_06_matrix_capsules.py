"""Chapter 6: usual mistakes, with what is said about each; other right answers."""

import torch


def window_counts(size, kernel, stride, once=1):
    counts = torch.zeros(size, size)
    starts = range(0, size - kernel + 1, stride)
    for y in starts:
        for x in starts:
            counts[y : y + kernel, x : x + kernel] += once
    return counts


def add_places(votes, centre=0.5, scaled=True, swapped=False):
    height, width = votes.shape[:2]
    moved = votes.clone()
    rows = (torch.arange(height) + centre) / (height if scaled else 1)
    columns = (torch.arange(width) + centre) / (width if scaled else 1)
    moved[..., int(swapped), 3] += rows[:, None, None]
    moved[..., 1 - int(swapped), 3] += columns[None, :, None]
    return moved


def elsewhere(row, column):
    """The places added to other entries of the votes."""

    def slip(votes):
        places = add_places(torch.zeros_like(votes))[..., :2, 3]
        moved = votes.clone()
        moved[:, :, :, row, column] += places
        return moved

    return slip


def parameter_count(a, b, c, d, biases=True, betas=2):
    weights = 25 * a + a * b * 17 + 9 * b * c * 16 + 9 * c * d * 16 + d * 5 * 16
    return weights + (a + 17 * b) * biases + betas * (c + d + 5)


ALSO_RIGHT = [
    ("06.window_counts", lambda n, k, s: window_counts(n, k, s).long()),
]

WRONG = [
    ("06.votes", lambda m, w: w @ m[:, None], "on the left"),
    ("06.votes", lambda m, w: m[:, None] * w, "entry by entry"),
    ("06.votes", lambda m, w: m[:, None] @ w.mT, "matrices are transposed"),
    ("06.votes", lambda m, w: m[:, None].mT @ w, "poses are transposed"),
    ("06.votes", lambda m, w: m @ w[:, 0], "shape"),
    ("06.window_counts", lambda n, k, s: window_counts(n, k, s, once=k * k), "count once"),
    ("06.window_counts", lambda n, k, s: torch.full((n, n), k * k), "fewer windows"),
    ("06.window_counts", lambda n, k, s: window_counts(n, k, 1), "for stride 1"),
    ("06.window_counts", lambda n, k, s: window_counts(n, k, s) + 1, "entry"),
    ("06.coordinate_addition", lambda v: v.clone(), "nothing is added"),
    ("06.coordinate_addition", elsewhere(slice(0, 2), 0), "left column"),
    ("06.coordinate_addition", elsewhere(3, slice(0, 2)), "bottom row"),
    ("06.coordinate_addition", lambda v: add_places(v, swapped=True), "changed places"),
    ("06.coordinate_addition", lambda v: add_places(v, centre=0), "corners"),
    ("06.coordinate_addition", lambda v: add_places(v, 0, scaled=False), "from 0 to 1"),
    ("06.parameter_count", lambda *n: parameter_count(*n, biases=False, betas=0), "are missing"),
    ("06.parameter_count", lambda *n: parameter_count(*n, betas=0), "two betas"),
    ("06.parameter_count", lambda *n: parameter_count(*n, betas=1), "has two betas"),
    ("06.parameter_count", lambda *n: parameter_count(*n, biases=False), "biases too"),
    ("06.parameter_count", lambda *n: 7, "too small"),
    ("06.fgsm", lambda x, g, e: x + e * g.sign(), "darker than black"),
    ("06.fgsm", lambda x, g, e: (x - e * g.sign()).clamp(0, 1), "downhill"),
    ("06.fgsm", lambda x, g, e: (x + e * g).clamp(0, 1), "same amount"),
    ("06.fgsm", lambda x, g, e: e * g.sign(), "step alone"),
]
