"""Chapter 7: usual mistakes, with what is said about each; other right answers."""

import torch
from worked_solutions import solution

drawing = solution("07.drawing")
slope = solution("07.slope")


def contributions(units, weights):
    return (units[:, :, None] * weights).sum(dim=1)


def interval(errors, t, half=None):
    half = t * errors.std() / len(errors) ** 0.5 if half is None else half
    return torch.stack([errors.mean() - half, errors.mean() + half])


ALSO_RIGHT = [
    ("07.slope", lambda f, d, w: slope(f, d, w).item()),
]

WRONG = [
    ("07.shifted", lambda p, t: p - t[:, None], "against the told shift"),
    ("07.shifted", lambda p, t: p + t.flip(1)[:, None], "changed places"),
    ("07.shifted", lambda p, t: p + t[0], "of the first one"),
    ("07.shifted", lambda p, t: p.clone(), "nothing is added"),
    ("07.shifted", lambda p, t: p[0] + t[0], "shape"),
    ("07.drawing", lambda u, p, w: drawing(u, torch.ones(4), w), "presences are not used"),
    ("07.drawing", lambda u, p, w: drawing(u, p, w).logit(), "between 0 and 1"),
    (
        "07.drawing",
        lambda u, p, w: (p[:, None] * contributions(u, w)).mean(0).sigmoid(),
        "not averaged",
    ),
    (
        "07.drawing",
        lambda u, p, w: (p[:, None] * contributions(u, w)).sigmoid().sum(0),
        "logistic comes last",
    ),
    (
        "07.drawing",
        lambda u, p, w: (p[:, None] * contributions(u, w).sigmoid()).sum(0),
        "before the logistic",
    ),
    ("07.told_matrix", lambda a, b: a @ torch.linalg.inv(b), "from the second image to the first"),
    ("07.told_matrix", lambda a, b: torch.linalg.inv(a) @ b, "wrong order"),
    ("07.told_matrix", lambda a, b: b @ a, "way back"),
    ("07.told_matrix", lambda a, b: b.clone(), "from the original to the second"),
    ("07.slope", lambda f, d, w: slope(f, d, torch.ones_like(w)), "weights are not used"),
    ("07.slope", lambda f, d, w: (w * f * d).sum() / (w * f * f).sum(), "wrong squares"),
    ("07.slope", lambda f, d, w: (w * f / d).sum() / w.sum(), "mean of ratios"),
    ("07.interval", lambda e, t: interval(e, t).flip(0), "lower end comes first"),
    ("07.interval", lambda e, t: interval(e, t, t * e.std()), "single errors"),
    (
        "07.interval",
        lambda e, t: interval(e, t, t * e.std(correction=0) / 10**0.5),
        "n − 1",
    ),
    ("07.interval", lambda e, t: interval(e, t, t * e.std() / 10), "root of their number"),
    ("07.interval", lambda e, t: interval(e, 1.0), "factor t is missing"),
    ("07.interval", lambda e, t: interval(e, 1.96), "not 1.96"),
]
