"""Chapter 11: usual mistakes, with what is said about each; other right answers."""

import torch
from worked_solutions import solution

grids = solution("11.grids")
lead = solution("11.lead")
azimuth_error = solution("11.azimuth_error")
r2 = solution("11.r2")


def padded(size):
    half = -(-size // 2)
    return [half, -(-half // 2), -(-half // 2)]


def unstrided(size):
    second = (size - 4 - 3) // 2 + 1
    return [size - 4, second, second - 2]


def fractions(size):
    first = (size - 5) // 2 + 1
    return [first, (first - 3) / 2 + 1, (first - 3) / 2 - 1]


def votes(size, b, c, d, pose=16, window=9):
    _, first, second = grids(size)
    return pose * window * (b * c * first**2 + c * d * second**2)


def activations(costs, bias, temperature):
    return (temperature * (bias - costs)).sigmoid()


def angles(read, true):
    return torch.atan2(read[:, 1], read[:, 0]).rad2deg() - true


def wrapped(read, true):
    return (angles(read, true) + 180) % 360 - 180


ALSO_RIGHT = [
    ("11.grids", lambda size: tuple(grids(size))),
    ("11.azimuth_error", lambda r, t: azimuth_error(r, t).item()),
]

WRONG = [
    ("11.grids", padded, "no layer is padded"),
    ("11.grids", unstrided, "has a stride of 2 as well"),
    ("11.grids", lambda size: [n * n for n in grids(size)], "not the numbers of cells"),
    ("11.grids", fractions, "half a cell is none"),
    ("11.grids", lambda size: grids(size)[:2], "three numbers are wanted"),
    ("11.grids", lambda size: [*grids(size)[:2], grids(size)[1]], "the third grid"),
    ("11.votes", lambda *sizes: votes(*sizes, pose=1), "each has sixteen numbers"),
    ("11.votes", lambda *sizes: votes(*sizes, window=1), "all nine cells"),
    ("11.votes", lambda size, b, c, d: 144 * (b * c + c * d), "votes of its own"),
    ("11.votes", lambda size, b, c, d: votes(size, b, c, 0), "first of the two layers"),
    ("11.votes", lambda *sizes: votes(*sizes) + 1, "too large"),
    ("11.lead", lambda c, b, t: -lead(c, b, t), "costs less is more active"),
    ("11.lead", lambda c, b, t: lead(c, b, 1), "temperature is missing"),
    ("11.lead", lambda c, b, t: lead(c, 0 * b, t), "the bias, is missing"),
    ("11.lead", lambda c, b, t: -activations(c, b, t).diff(dim=1)[:, 0], "of the activations"),
    ("11.lead", lambda c, b, t: lead(c, b, t).sigmoid(), "its logit is wanted"),
    ("11.lead", lambda c, b, t: activations(c, b, t)[:, 0].logit(), "nowhere in it"),
    ("11.lead", lambda c, b, t: lead(c, b, t).unsqueeze(1), "shape"),
    ("11.azimuth_error", lambda r, t: angles(r, t).abs().mean(), "20° apart"),
    ("11.azimuth_error", lambda r, t: wrapped(r, t).mean(), "cancel"),
    ("11.azimuth_error", lambda r, t: wrapped(r, t).abs().deg2rad().mean(), "radians"),
    ("11.azimuth_error", lambda r, t: azimuth_error(r.flip(1), t), "cosine comes first"),
    ("11.azimuth_error", lambda r, t: wrapped(r, t).abs(), "one angle for each toy"),
    ("11.azimuth_error", lambda r, t: 0.0, "too small"),
    ("11.r2", lambda r, t: 1 - r2(r, t), "left over"),
    ("11.r2", lambda r, t: 1 - ((r - t) ** 2).sum() / (t**2).sum(), "always saying 0"),
    ("11.r2", lambda r, t: 1 - ((r - t) ** 2).sum() / ((t - t.mean()) ** 2).sum(), "of its own"),
    (
        "11.r2",
        lambda r, t: 1 - ((r - t) ** 2).sum() / ((r - r.mean(dim=0)) ** 2).sum(),
        "spread of the true values",
    ),
    ("11.r2", lambda r, t: 1 - ((r - t) ** 2).mean(), "compared with the spread"),
    ("11.r2", lambda r, t: 0.0, "too small"),
]
