"""Appendix on Efficient-CapsNet: right answers, and usual mistakes with what is said about each."""

import torch

from capsedu.functional import squash


def agreement(votes):
    return torch.einsum("bijd,bjd->bij", votes, votes.sum(dim=1)) / votes.shape[3] ** 0.5


def couplings(votes):
    return agreement(votes).softmax(dim=2)


def exponential(s):
    n = s.square().sum(dim=1, keepdim=True).clamp(min=1e-12).sqrt()
    return -torch.expm1(-n) * s / n


def naive(s):
    n = s.norm(dim=1, keepdim=True)
    return (1 - (-n).exp()) * s / n


ALSO_RIGHT = [
    ("e.couplings", couplings),
    ("e.squash", exponential),
    ("e.count", lambda children, e, classes, d: children * classes * (e * d + 1)),
]
WRONG = [
    ("e.couplings", agreement, "the softmax is missing"),
    ("e.couplings", lambda v: agreement(v).softmax(dim=1), "sum to 1 over the children"),
    ("e.couplings", lambda v: (agreement(v) * 3).softmax(dim=2), "square root of d"),
    ("e.couplings", lambda v: (agreement(v) / 7).softmax(dim=2), "the mean of the votes"),
    ("e.squash", squash, "CapsNet's squash"),
    ("e.squash", lambda s: s * naive(s).norm(dim=1, keepdim=True), "divided by its length"),
    ("e.squash", naive, "does not give finite numbers"),
    ("e.count", lambda children, e, classes, d: children * classes * e * d, "priors are missing"),
    ("e.count", lambda c, e, k, d: c * k * (e * d + d), "one number"),
]
