"""Checks of chapter 2: squash and the margin loss."""

import torch
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    is_close,
)
from capsedu.functional import capsule_length, margin_loss, squash


@exercise("02.squash")
def squashing(attempt: Attempt, random: Generator) -> None:
    s = 2 * torch.randn(4, 3, 5, generator=random)
    found = expect_tensor(attempt(s), [4, 3, 5], "b j d")
    squares = s.square()
    if is_close(found, s.sign() * squares / (1 + squares)) or is_close(found, s / (1 + squares)):
        raise Finding("each component is squashed by itself; it is the length that is squashed")
    if is_close(found, squash(s, dim=1)):
        raise Finding("the length is taken along the wrong axis; the components come last")
    if is_close(found, s / (1 + squares.sum(dim=-1, keepdim=True))):
        raise Finding("this is the misprint: the length is n/(1+n²) and falls when n grows")
    if not is_close(torch.cosine_similarity(s, found, dim=-1), torch.ones(4, 3)):
        raise Finding("the direction has changed; the result must point where s points")
    expect_close(found, squash(s))
    expect_close(expect_tensor(attempt(s[0, 0]), [5], "d"), squash(s[0, 0]))
    _survives_zero(attempt)


def _survives_zero(attempt: Attempt) -> None:
    zero = torch.zeros(1, 1, 5, requires_grad=True)
    found = attempt(zero)
    if not (isinstance(found, Tensor) and found.isfinite().all()):
        raise Finding("right, except that squash(0) is not finite")
    if not found.requires_grad:
        raise Finding("right, except that no gradient gets through")
    (gradient,) = torch.autograd.grad(found.sum(), zero)
    if not gradient.isfinite().all():
        raise Finding("right, except that the gradient at 0 is not finite")


@exercise("02.length")
def length(attempt: Attempt, random: Generator) -> None:
    poses = torch.randn(4, 3, 5, generator=random)
    found = expect_tensor(attempt(poses), [4, 3], "b j")
    if is_close(found, poses.square().sum(dim=-1)):
        raise Finding("this is the square of the length")
    expect_close(found, capsule_length(poses))


@exercise("02.inverse")
def inverse(attempt: Attempt, random: Generator) -> None:
    p = 0.02 + 0.96 * torch.rand(6, generator=random)
    found = expect_tensor(attempt(p), [6], "n")
    back = found**2 / (1 + found**2)
    if is_close(found, p / (1 - p)):
        raise Finding("this is the square of the length")
    if not is_close(back, p):
        raise Finding(f"a total of length {found[0]:.3f} becomes {back[0]:.3f}, not {p[0]:.3f}")
    if (found < 0).any():
        raise Finding("a length is not negative")


@exercise("02.steepest")
def steepest(attempt: Attempt, random: Generator) -> None:
    expect_number(attempt.value, 3**-0.5, tolerance=0.01)


@exercise("02.margin_loss")
def loss(attempt: Attempt, random: Generator) -> None:
    lengths = torch.rand(8, 5, generator=random)
    targets = torch.randint(0, 5, (8,), generator=random)
    lengths[0] = 0.02  # absent classes below their margin, and
    lengths[range(4), targets[:4]] = 0.97  # present ones above theirs: both maxima count
    wanted = margin_loss(lengths, targets)
    found = expect_tensor(attempt(lengths, targets), [], "")
    present = torch.nn.functional.one_hot(targets, 5)
    missing, excess = (0.9 - lengths).relu(), (lengths - 0.1).relu()
    slips = {
        "the squares are missing": present * missing + 0.5 * (1 - present) * excess,
        "the square has slipped inside the maximum": present * (0.9 - lengths**2).relu()
        + 0.5 * (1 - present) * excess**2,
        "the absent classes are not weighted by 0.5": present * missing**2
        + (1 - present) * excess**2,
        "present and absent are exchanged": (1 - present) * missing**2
        + 0.5 * present * excess**2,
        "the maximum with 0 is missing": present * (0.9 - lengths) ** 2
        + 0.5 * (1 - present) * (lengths - 0.1) ** 2,
    }  # fmt: skip
    for sentence, each in slips.items():
        # One number: slips of other kinds must not look alike by chance.
        if torch.isclose(found.float(), each.sum(dim=1).mean(), rtol=1e-5):
            raise Finding(sentence)
    if is_close(found, wanted / 5):
        raise Finding("averaged over the classes; over them it is a sum")
    if is_close(found, wanted * 8):
        raise Finding("summed over the batch; over the images it is a mean")
    expect_close(found, wanted)
