"""Chapter 4: right answers, and usual mistakes with what is said about each."""

import torch
import torch.nn.functional as F


def grid_size(size):
    return (size - 17) // 2 + 1


def parameter_count(children, child_dim, parents, parent_dim):
    return children * child_dim * parents * parent_dim


def mask(poses, targets):
    kept = torch.zeros_like(poses)
    rows = torch.arange(len(poses))
    kept[rows, targets] = poses[rows, targets]
    return kept


def pair_error(lengths, targets):
    best = [set(row.tolist()) for row in lengths.topk(2, dim=1).indices]
    return sum(b != set(t.tolist()) for b, t in zip(best, targets, strict=True)) / len(best)


def sweep(pose, component, amounts):
    return pose + amounts.unsqueeze(1) * F.one_hot(torch.tensor(component), len(pose))


RIGHT = [
    ("04.grid_size", grid_size),
    ("04.parameter_count", parameter_count),
    ("04.mask", mask),
    ("04.pair_error", pair_error),
    ("04.sweep", sweep),
]


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
