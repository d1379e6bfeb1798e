"""The checks of chapter 09, CapsGAN."""

import math

import torch
import torch.nn.functional as F
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
)
from capsedu.functional import squash
from capsedu.learning.gan_objectives import Margin


@exercise("09.score")
def score(attempt: Attempt, random: Generator) -> None:
    """The logit of a capsule's length, from its total input."""
    totals = torch.randn(6, 16, generator=random) * torch.rand(6, 1, generator=random)
    n = totals.norm(dim=1)
    length = squash(totals).norm(dim=1)
    found = expect_tensor(attempt(totals), [6], "b")
    for mistake, sentence in [
        (length, "that is the length itself, a probability; its logit is wanted"),
        (n, "that is the length of the total input, before squash"),
        (n.log(), "squash squares the length of the total input; one factor is missing"),
        (length.log(), "the logarithm of p is not its logit: that is the log of p / (1 - p)"),
        (squash(totals).square().sum(dim=1).log(), "squash comes before the logit, not twice"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, 2 * n.log())


@exercise("09.margin")
def margin(attempt: Attempt, random: Generator) -> None:
    """The discriminator's margin loss with one output capsule."""
    real, fake = 0.05 + 0.93 * torch.rand(2, 7, generator=random)
    real[0], fake[0], real[1], fake[1] = 0.95, 0.05, 0.3, 0.8  # two that cost nothing, two that do
    missing, excess = (0.9 - real).clamp(min=0), (fake - 0.1).clamp(min=0)
    found = attempt(real, fake)
    if isinstance(found, Tensor) and found.shape == (7,):
        raise Finding("one loss for each image; a number for the whole batch is wanted, the mean")
    printed = (0.9 - real.square()).clamp(min=0).mean() + 0.5 * excess.square().mean()
    squares = missing.square(), excess.square()
    for mistake, sentence in [
        (printed, "that is the paper's equation as printed: the first exponent sits inside"),
        (missing.mean() + 0.5 * excess.mean(), "both squares are missing"),
        (squares[0].mean() + squares[1].mean(), "made images count half: λ is missing"),
        (squares[0].mean() - 0.5 * squares[1].mean(), "the two terms are added, not subtracted"),
        (squares[0].sum() + 0.5 * squares[1].sum(), "that is the sum over the batch, not the mean"),
        (
            (0.9 - real).square().mean() + 0.5 * (fake - 0.1).square().mean(),
            "lengths above 0.9 and below 0.1 cost nothing: a maximum with 0 is missing",
        ),
    ]:
        if _number(found) is not None and math.isclose(_number(found), mistake, rel_tol=1e-4):
            raise Finding(sentence)
    logits = (lengths.logit().unsqueeze(1) for lengths in (real, fake))
    expect_number(found, Margin().discriminator_loss(*logits).item())


@exercise("09.coupling")
def coupling(attempt: Attempt, random: Generator) -> None:
    """With two parents, the coupling to the first as a sigmoid."""
    logits = 2 * torch.randn(3, 5, 2, generator=random)
    found = expect_tensor(attempt(logits), [3, 5], "b i")
    real, fake = logits.unbind(dim=2)
    for mistake, sentence in [
        (real.sigmoid(), "the other parent's logit is nowhere in it"),
        ((fake - real).sigmoid(), "that is the coupling to the other parent"),
        (real.softmax(dim=1), "your couplings sum to 1 over the children; see chapter 3"),
        (real - fake, "that is what the sigmoid is taken of"),
        (torch.ones_like(real), "a child that can choose does not give everything to one"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, logits.softmax(dim=2)[:, :, 0])


@exercise("09.gradient_penalty")
def gradient_penalty(attempt: Attempt, random: Generator) -> None:
    """How far the gradients' lengths are from 1."""
    steep = torch.tensor([0.2, 0.7, 1.5, 2.5, 4.0]) + 0.2 * torch.rand(5, generator=random)
    directions = F.normalize(torch.randn(5, 16, generator=random))
    gradient = (steep.unsqueeze(1) * directions).view(5, 1, 4, 4)
    found = attempt(gradient)
    for mistake, sentence in [
        ((gradient.norm() - 1).square(), "each image has a gradient of its own, with its length"),
        ((gradient.abs() - 1).square().mean(), "the image's gradient has length 1, not each pixel"),
        ((steep - 1).abs().mean(), "the distance to 1 is squared"),
        ((steep - 1).clamp(min=0).square().mean(), "a gradient shorter than 1 counts as well"),
        ((steep.square() - 1).square().mean(), "that is the squared length; a root is missing"),
        ((steep - 1).square().sum(), "that is the sum over the batch, not the mean"),
    ]:
        if _number(found) is not None and math.isclose(_number(found), mistake, rel_tol=1e-4):
            raise Finding(sentence)
    expect_number(found, (steep - 1).square().mean().item())


@exercise("09.batches_to_reach")
def batches_to_reach(attempt: Attempt, random: Generator) -> None:
    """When a FID is reached, on straight lines between measurements."""
    low = 10 + 20 * torch.rand((), generator=random).item()
    curve = [(300, 4 * low), (500, 2 * low), (1000, 3 * low), (2000, low)]
    early = attempt(curve, 5 * low)
    if _number(early) == 0:
        raise Finding("before the first measurement nothing is known: return its batches")
    _expect_at(early, 300, f"a FID of {5 * low:.1f}, which the first measurement is below")
    never = attempt(curve, low / 2)
    if _number(never) != math.inf:
        raise Finding("a FID that is never reached takes infinitely many batches, float('inf')")
    target = 2.5 * low
    found = _number(attempt(curve, target))
    if found == 500:
        raise Finding("that is the first measurement below; the line crosses before it")
    if found == 750 or (found is not None and found > 1000):
        raise Finding("FID goes up again in between; the first time counts")
    _expect_at(found, 450, f"a FID of {target:.1f} among {_written(curve)}")


def _number(found: object) -> float | None:
    """What was found as a plain number, if it is one."""
    if isinstance(found, Tensor) and found.numel() == 1:
        return found.item()
    plain = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if plain else None


def _expect_at(found: object, expected: float, case: str) -> None:
    with in_case(case):
        expect_number(found, expected)


def _written(curve: list[tuple[int, float]]) -> str:
    return ", ".join(f"{fid:.1f} at {batches}" for batches, fid in curve)
