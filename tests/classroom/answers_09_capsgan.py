"""Chapter 9: usual mistakes, with what is said about each; other right answers."""

import math
from itertools import pairwise

import torch
from worked_solutions import solution

score = solution("09.score")
coupling = solution("09.coupling")


def length(totals):
    return score(totals).sigmoid()


def margin(real, fake, weight=0.5, power=2, sign=1):
    missing, excess = (0.9 - real).clamp(min=0), (fake - 0.1).clamp(min=0)
    return missing.pow(power).mean() + sign * weight * excess.pow(power).mean()


def printed(real, fake):
    return (0.9 - real**2).clamp(min=0).mean() + 0.5 * (fake - 0.1).clamp(min=0).pow(2).mean()


def summed(real, fake):
    return len(real) * margin(real, fake)


def steepness(gradient):
    return gradient.square().sum(dim=(1, 2, 3)).sqrt()


def measured(curve, target):
    return next((batches for batches, fid in curve if fid <= target), math.inf)


def last_time(curve, target):
    """From the end, as if FID only ever fell."""
    if curve[0][1] <= target:
        return curve[0][0]
    for (start, high), (end, low) in list(pairwise(curve))[::-1]:
        if low <= target < high:
            return start + (end - start) * (high - target) / (high - low)
    return math.inf


ALSO_RIGHT = [
    ("09.gradient_penalty", lambda g: solution("09.gradient_penalty")(g).item()),
]

WRONG = [
    ("09.score", length, "length itself"),
    ("09.score", lambda s: s.norm(dim=1), "before squash"),
    ("09.score", lambda s: s.norm(dim=1).log(), "one factor is missing"),
    ("09.score", lambda s: length(s).log(), "not its logit"),
    ("09.score", lambda s: length(s).square().log(), "not twice"),
    ("09.score", lambda s: score(s).unsqueeze(1), "shape"),
    ("09.margin", printed, "sits inside"),
    ("09.margin", lambda r, f: margin(r, f, power=1), "squares are missing"),
    ("09.margin", lambda r, f: margin(r, f, weight=1), "λ is missing"),
    ("09.margin", lambda r, f: margin(r, f, sign=-1), "not subtracted"),
    ("09.margin", summed, "not the mean"),
    ("09.margin", lambda r, f: ((0.9 - r) ** 2 + 0.5 * (f - 0.1) ** 2).mean(), "maximum with 0"),
    ("09.margin", lambda r, f: (0.9 - r).clamp(min=0) ** 2, "one loss for each image"),
    ("09.margin", lambda r, f: 0.0, "too small"),
    ("09.coupling", lambda logits: logits[..., 0].sigmoid(), "nowhere in it"),
    ("09.coupling", lambda logits: 1 - coupling(logits), "the other parent"),
    ("09.coupling", lambda logits: logits[..., 0].softmax(dim=1), "over the children"),
    ("09.coupling", lambda logits: logits[..., 0] - logits[..., 1], "sigmoid is taken of"),
    ("09.coupling", lambda logits: torch.ones(logits.shape[:2]), "can choose"),
    ("09.coupling", lambda logits: logits.softmax(dim=2), "shape"),
    ("09.gradient_penalty", lambda g: (g.norm() - 1) ** 2, "gradient of its own"),
    ("09.gradient_penalty", lambda g: ((g.abs() - 1) ** 2).mean(), "not each pixel"),
    ("09.gradient_penalty", lambda g: (steepness(g) - 1).abs().mean(), "squared"),
    ("09.gradient_penalty", lambda g: ((steepness(g) - 1).clamp(min=0) ** 2).mean(), "shorter"),
    ("09.gradient_penalty", lambda g: ((steepness(g) ** 2 - 1) ** 2).mean(), "root is missing"),
    ("09.gradient_penalty", lambda g: ((steepness(g) - 1) ** 2).sum(), "not the mean"),
    ("09.gradient_penalty", steepness, "a number is wanted"),
    ("09.batches_to_reach", measured, "crosses before"),
    ("09.batches_to_reach", last_time, "first time counts"),
    (
        "09.batches_to_reach",
        lambda curve, target: min(2000, measured(curve, target)),
        "infinitely many",
    ),
    ("09.batches_to_reach", lambda curve, target: 0, "nothing is known"),
    ("09.batches_to_reach", lambda curve, target: 100, "too small"),
]
