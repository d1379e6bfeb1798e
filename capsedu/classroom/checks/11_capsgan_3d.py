"""The checks of chapter 11, CapsGAN in three dimensions."""

import math

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
from capsedu.evaluation.poses import azimuth_distance
from capsedu.models.matrix_capsnet import cells

POSE = 16


@exercise("11.grids")
def grids(attempt: Attempt, random: Generator) -> None:
    """The sides of the three grids of capsules."""
    for size in (64, 32, 96, whole(20, 60, random)):
        wanted = [math.isqrt(n) for n in cells((size, size))[:3]]
        found = attempt(size)
        if isinstance(found, Tensor):
            found = found.tolist()
        if not isinstance(found, list | tuple) or len(found) != 3:
            raise Finding(f"three numbers are wanted, one for each grid, not {found!r}")
        case = f"{size} pixels"
        padded = [-(-size // 2), -(-size // 4), -(-size // 4)]
        unstrided = [size - 4, (size - 4 - 3) // 2 + 1]
        for mistake, sentence in [
            (padded, "no layer is padded: a window lies whole on its grid"),
            ([*unstrided, unstrided[1] - 2], "the convolution has a stride of 2 as well"),
            ([n * n for n in wanted], "the sides are wanted, not the numbers of cells"),
            ([wanted[0], (wanted[0] - 3) / 2 + 1, (wanted[0] - 3) / 2 - 1], "half a cell is none"),
        ]:
            if list(found) == mistake and mistake != wanted:
                raise Finding(f"{case}: {sentence}")
        for name, number, right in zip(("first", "second", "third"), found, wanted, strict=True):
            _expect(number, right, f"{case}, the {name} grid", tolerance=0)


@exercise("11.votes")
def votes(attempt: Attempt, random: Generator) -> None:
    """How many numbers the votes of an image are."""
    for size, b, c, d in [(64, 32, 32, 32), [32, *(whole(2, 8, random) for _ in range(3))]]:
        _, first, second, _ = cells((size, size))
        wanted = POSE * 9 * (b * c * first + c * d * second)
        case = f"{size} pixels, B = {b}, C = {c}, D = {d}"
        found = attempt(size, b, c, d)
        number = found.item() if isinstance(found, Tensor) and found.numel() == 1 else found
        for mistake, sentence in [
            (wanted // POSE, "those are the votes; each has sixteen numbers"),
            (wanted // 9, "a parent hears the children of all nine cells of its window"),
            (POSE * 9 * (b * c + c * d), "every place of the parents' grid has votes of its own"),
            (POSE * 9 * b * c * first, "that is the first of the two layers"),
        ]:
            if number == mistake:
                raise Finding(f"{case}: {sentence}")
        _expect(number, wanted, case, tolerance=0)


@exercise("11.lead")
def lead(attempt: Attempt, random: Generator) -> None:
    """By how much the capsule for real is ahead of the one for fake, as a logit."""
    costs = 40 * torch.randn(5, 2, generator=random)
    bias = torch.tensor([8.0, -6.0]) + torch.randn(2, generator=random)  # never alike
    temperature = 0.05
    found = expect_tensor(attempt(costs, bias, temperature), [5], "b")
    logits = temperature * (bias - costs)
    right = logits[:, 0] - logits[:, 1]
    for mistake, sentence in [
        (-right, "a capsule that costs less is more active, not less"),
        (right / temperature, "the inverse temperature is missing"),
        (temperature * (costs[:, 1] - costs[:, 0]), "what each may cost, the bias, is missing"),
        (
            logits[:, 0].sigmoid() - logits[:, 1].sigmoid(),
            "that is the difference of the activations; the difference of their logits is wanted",
        ),
        (right.sigmoid(), "that is the probability of being real; its logit is wanted"),
        (logits[:, 0], "the capsule for fake is nowhere in it"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, right)


@exercise("11.azimuth_error")
def azimuth_error(attempt: Attempt, random: Generator) -> None:
    """How far azimuths that were read are from the true ones, in degrees."""
    true = torch.tensor([0.0, 10.0, 350.0, 180.0, 90.0, 270.0])
    off = torch.tensor([-30.0, -25.0, 40.0, 15.0, -60.0, 100.0])
    off = off + 5 * torch.rand(6, generator=random)
    angle = (true + off).deg2rad()
    length = 0.3 + torch.rand(6, 1, generator=random)
    read = length * torch.stack([angle.cos(), angle.sin()], dim=1)
    found = attempt(read, true)
    if isinstance(found, Tensor) and found.shape == (6,):
        raise Finding("one angle for each toy; their mean is wanted")
    right = azimuth_distance(read, true)
    raw = torch.atan2(read[:, 1], read[:, 0]).rad2deg()
    signed = (raw - true + 180) % 360 - 180
    for mistake, sentence in [
        ((raw - true).abs().mean(), "350° and 10° are 20° apart, not 340°"),
        ((raw % 360 - true).abs().mean(), "350° and 10° are 20° apart, not 340°"),
        (signed.mean(), "errors to the left and to the right cancel; count their size"),
        (right.deg2rad().mean(), "that is in radians; degrees are wanted"),
        (azimuth_distance(read.flip(1), true).mean(), "cosine comes first, and sine second"),
    ]:
        if _is(found, mistake.item()):
            raise Finding(sentence)
    expect_number(found, right.mean().item())


@exercise("11.r2")
def explained(attempt: Attempt, random: Generator) -> None:
    """The share of the variance that a reading explains."""
    true = torch.randn(40, 2, generator=random) * torch.tensor([1.0, 3.0])
    true = true + torch.tensor([6.0, -1.0])
    # Readings that are spread wider: else the two spreads could be alike by chance.
    centre = true.mean(dim=0)
    read = centre + 1.3 * (true - centre) + 0.7 * torch.randn(40, 2, generator=random)
    found = attempt(read, true)
    left, spread = (read - true).square(), (true - centre).square()
    right = 1 - left.sum() / spread.sum()
    together = (true - true.mean()).square()
    about_read = (read - read.mean(dim=0)).square()
    for mistake, sentence in [
        (left.sum() / spread.sum(), "that is what is left over; the share explained is wanted"),
        (1 - left.sum() / true.square().sum(), "always saying 0 is no fair rival: say the mean"),
        (1 - left.sum() / together.sum(), "each component has a mean of its own"),
        (1 - left.sum() / about_read.sum(), "it is the spread of the true values that counts"),
        (1 - left.mean(), "what is left over is to be compared with the spread"),
    ]:
        if _is(found, mistake.item()):
            raise Finding(sentence)
    expect_number(found, right.item())


def _expect(found: object, wanted: float, case: str, tolerance: float = 1e-3) -> None:
    with in_case(case):
        expect_number(found, wanted, tolerance)


def _is(found: object, mistake: float) -> bool:
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    plain = isinstance(found, int | float) and not isinstance(found, bool)
    return plain and math.isclose(found, mistake, rel_tol=1e-4)
