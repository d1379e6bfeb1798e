"""Chapter 4: usual mistakes, with what is said about each; other right answers."""

import torch
from worked_solutions import solution

mask = solution("04.mask")
pair_error = solution("04.pair_error")


def right_mask_reversed(poses, targets):
    return poses - mask(poses, targets)


def picked_out(poses, targets):
    return poses[torch.arange(len(poses)), targets]


def ordered(lengths, targets):
    return (lengths.topk(2, dim=1).indices != targets).any(dim=1).float().mean()


def either(lengths, targets):
    best = lengths.topk(2, dim=1).indices
    hit = (best.unsqueeze(2) == targets.unsqueeze(1)).any(dim=2)
    return 1 - hit.any(dim=1).float().mean()


def by_digit(lengths, targets):
    best = lengths.topk(2, dim=1).indices
    return 1 - (best.unsqueeze(2) == targets.unsqueeze(1)).any(dim=2).float().mean()


def replaced(pose, component, amounts):
    moved = pose.repeat(len(amounts), 1)
    moved[:, component] = amounts
    return moved


ALSO_RIGHT = [
    ("04.pair_error", lambda lengths, targets: pair_error(lengths, targets).item()),
]

WRONG = [
    ("04.grid_size", lambda size: (size - 16) / 2, "whole number of places"),
    ("04.grid_size", lambda size: (size - 8) // 2 + 1, "both convolutions"),
    ("04.grid_size", lambda size: size - 16, "too large"),
    ("04.parameter_count", lambda i, e, j, d: i * j, "matrix"),
    ("04.parameter_count", lambda i, e, j, d: i * e * j * d + j * d, "too large"),
    ("04.mask", right_mask_reversed, "wrong way round"),
    ("04.mask", picked_out, "keep all capsules"),
    ("04.mask", lambda poses, targets: poses.clone(), "not zero"),
    ("04.pair_error", ordered, "order"),
    ("04.pair_error", either, "both must be found"),
    ("04.pair_error", by_digit, "not wrong digits"),
    ("04.sweep", replaced, "add them"),
    ("04.sweep", lambda pose, c, amounts: pose + amounts.unsqueeze(1), "only one"),
    ("04.sweep", lambda pose, c, amounts: pose, "shape"),
]
