"""Chapter 2: usual mistakes, with what is said about each; other right answers."""

import torch
from worked_solutions import solution

from capsedu.functional import margin_loss, squash

my_margin_loss = solution("02.margin_loss")


def naive(s):
    n2 = s.square().sum(-1, keepdim=True)
    return n2 / (1 + n2) * s / n2.sqrt()


def clamped(s):  # finite at 0; its gradient is not
    n2 = s.square().sum(-1, keepdim=True)
    return s * n2.sqrt() / (1 + n2)


def without_maximum(lengths, targets):
    present = torch.nn.functional.one_hot(targets, lengths.shape[1])
    each = present * (0.9 - lengths) ** 2 + 0.5 * (1 - present) * (lengths - 0.1) ** 2
    return each.sum() / len(lengths)


ALSO_RIGHT = [
    ("02.squash", squash),
    ("02.steepest", 0.58),
]

WRONG = [
    ("02.squash", naive, "not finite"),
    ("02.squash", clamped, "gradient at 0 is not finite"),
    ("02.squash", lambda s: squash(s.detach()), "no gradient gets through"),
    ("02.squash", lambda s: s / (1 + s**2), "each component is squashed by itself"),
    ("02.squash", lambda s: s / (1 + (s**2).sum(-1, keepdim=True)), "misprint"),
    ("02.squash", lambda s: squash(s, dim=1), "wrong axis"),
    ("02.squash", lambda s: -squash(s), "direction has changed"),
    ("02.squash", lambda s: s / s.norm(dim=-1, keepdim=True), "entry"),
    ("02.length", lambda poses: (poses**2).sum(-1), "square of the length"),
    ("02.length", lambda poses: poses.norm(dim=1), "shape"),
    ("02.inverse", lambda p: p / (1 - p), "square of the length"),
    ("02.inverse", lambda p: -((p / (1 - p)).sqrt()), "not negative"),
    ("02.inverse", lambda p: p, "becomes"),
    ("02.steepest", 1.0, "too large"),
    ("02.margin_loss", lambda n, t: my_margin_loss(n, t) / 5, "averaged over the classes"),
    ("02.margin_loss", lambda n, t: my_margin_loss(n, t) * 8, "summed over the batch"),
    ("02.margin_loss", lambda n, t: margin_loss(n, t, down_weight=1.0), "not weighted"),
    ("02.margin_loss", without_maximum, "the maximum with 0 is missing"),
    ("02.margin_loss", lambda n, t: margin_loss(n, t, positive=0.8), "the result is"),
]
