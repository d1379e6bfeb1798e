"""The checks of chapter 04, CapsNet."""

import torch
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    in_case,
    is_close,
    whole,
)
from capsedu.layers import DenseCapsules


@exercise("04.grid_size")
def grid_size(attempt: Attempt, random: Generator) -> None:
    """Side of the grid of primary capsules for square images."""
    for size in (17, 18, 28, 36, 40, whole(41, 99, random)):
        found = attempt(size)
        expected = (size - 17) // 2 + 1
        if isinstance(found, float) and found != int(found):
            raise Finding(f"size {size} gives {found:g}, and a grid has a whole number of places")
        if found == (size - 8) // 2 + 1:
            raise Finding(f"size {size} gives {found}: both convolutions take 8 pixels, not one")
        _expect_number_at(found, expected, f"size {size}")


@exercise("04.parameter_count")
def parameter_count(attempt: Attempt, random: Generator) -> None:
    """Numbers that training changes in a layer of dense capsules."""
    for _ in range(3):
        sizes = [whole(2, 9, random) for _ in range(4)]
        children, child_dim, parents, parent_dim = sizes
        found = attempt(*sizes)
        case = f"{children} children of {child_dim} and {parents} parents of {parent_dim}"
        if found == children * parents:
            raise Finding(f"{case}: that is the number of pairs, and each pair has a whole matrix")
        layer = DenseCapsules(children, child_dim, parents, parent_dim)
        _expect_number_at(found, sum(p.numel() for p in layer.parameters()), case)


@exercise("04.mask")
def mask(attempt: Attempt, random: Generator) -> None:
    """All class capsules set to zero but the target's."""
    poses = torch.randn(3, 5, 4, generator=random)
    targets = torch.randperm(5, generator=random)[:3]
    present = torch.nn.functional.one_hot(targets, 5).unsqueeze(2).bool()
    found = attempt(poses, targets)
    if isinstance(found, Tensor) and found.shape == (3, 4):
        raise Finding(
            "you pick the target's capsule out, [b, d]; keep all capsules, [b, j, d], so that the "
            "decoder also learns from its place which class it is"
        )
    found = expect_tensor(found, [3, 5, 4], "b j d")
    if is_close(found, poses.masked_fill(present, 0)):
        raise Finding("the wrong way round: the target's capsule is zero and all others are kept")
    _require_zeros(found, present)
    expect_close(found, poses * present)


@exercise("04.pair_error")
def pair_error(attempt: Attempt, random: Generator) -> None:
    """Share of pairs whose two longest capsules are not exactly the two digits."""
    # Right, right with the digits in the other order, one right, none right.
    lengths = torch.tensor([[0.9, 0.8, 0.1, 0.2]] * 4)
    targets = torch.tensor([[0, 1], [1, 0], [0, 2], [2, 3]])
    order = torch.randperm(4, generator=random)
    found = attempt(lengths, targets[order])
    for mistake, hint in {
        0.75: "the order of the two digits must not matter: they are a set",
        0.25: "a pair with one digit right counts as wrong: both must be found",
        0.375: "count wrong pairs, not wrong digits: one wrong digit makes the pair wrong",
    }.items():
        if _as_number(found) == mistake:
            raise Finding(f"of 4 pairs 2 are wrong and you find a share of {mistake:g}; {hint}")
    expect_number(found, 0.5)
    lengths = torch.rand(50, 6, generator=random)
    targets = torch.stack([torch.randperm(6, generator=random)[:2] for _ in range(50)])
    best = lengths.topk(2, dim=1).indices.sort(dim=1).values
    wrong = (best != targets.sort(dim=1).values).any(dim=1)
    expect_number(attempt(lengths, targets), wrong.float().mean().item())


@exercise("04.sweep")
def sweep(attempt: Attempt, random: Generator) -> None:
    """Copies of a pose, in each of which one component is moved by another amount."""
    pose = torch.randn(6, generator=random)
    component = whole(0, 5, random)
    amounts = torch.linspace(-0.25, 0.25, 11)
    expected = pose.repeat(11, 1)
    expected[:, component] += amounts
    replaced = pose.repeat(11, 1)
    replaced[:, component] = amounts
    found = expect_tensor(attempt(pose, component, amounts), [11, 6], "n d")
    if is_close(found, replaced):
        raise Finding("you put the amounts in the component's place; add them to what is there")
    if is_close(found, pose + amounts.unsqueeze(1)):
        raise Finding("every component moves; only one should")
    expect_close(found, expected)


def _as_number(found: object) -> object:
    return found.item() if isinstance(found, Tensor) and found.numel() == 1 else found


def _expect_number_at(found: object, expected: int, case: str) -> None:
    """Like :func:`expect_number`, and the message says for which input."""
    with in_case(case):
        expect_number(found, expected, tolerance=0)


def _require_zeros(found: Tensor, present: Tensor) -> None:
    left = int((found * ~present).any(dim=2).sum())
    if left:
        raise Finding(f"{left} capsules besides the targets' are not zero")
