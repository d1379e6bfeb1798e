"""The checks of chapter 12, RCN."""

import math

import torch
from torch import Generator

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    is_close,
)
from capsedu.evaluation.likelihood import importance_weighted
from capsedu.functional import gaussian_kl
from capsedu.layers.attention import Window, filter_banks, write_window

IMAGES, STEPS, NUMBERS = 4, 3, 5


@exercise("12.kl")
def kl(attempt: Attempt, random: Generator) -> None:
    """The divergence of a drawing's latents from the standard normal distribution."""
    mean, log_deviation = torch.randn(2, IMAGES, STEPS, NUMBERS, generator=random)
    found = expect_tensor(attempt(mean, log_deviation), [IMAGES], "b")
    right = gaussian_kl(mean, log_deviation).sum(dim=1)
    variance = (2 * log_deviation).exp()
    terms = STEPS * NUMBERS
    for mistake, sentence in [
        (right + (terms - STEPS) / 2, "the constant ½ belongs to each number, not to each step"),
        (right + terms / 2, "latents that say nothing should cost nothing; a constant is missing"),
        (right / terms, "the price is a sum over steps and numbers, not a mean"),
        (2 * right, "it is half of that"),
        (-right, "the sign is turned round: a divergence is never negative"),
        (_price(mean, log_deviation.exp(), log_deviation), "σ should be squared, like μ"),
        (_price(mean, variance, 2 * log_deviation), "log σ is the logarithm of the deviation, not "
         "of the variance"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, right)


@exercise("12.latents")
def latents(attempt: Attempt, random: Generator) -> None:
    """Reparameterisation: a draw through which gradients pass."""
    mean, log_deviation, noise = (
        torch.randn(IMAGES, NUMBERS, generator=random).requires_grad_(k < 2) for k in range(3)
    )
    found = expect_tensor(attempt(mean, log_deviation, noise), [IMAGES, NUMBERS], "b z")
    deviation = log_deviation.exp()
    for mistake, sentence in [
        (mean + log_deviation * noise, "the second input is the logarithm of the deviation"),
        (mean + deviation.square() * noise, "the noise is multiplied by σ, not by σ²"),
        (mean + deviation.sqrt() * noise, "the noise is multiplied by σ, not by its root"),
        (mean + noise, "the deviation is not used"),
        (mean, "nothing is drawn: the noise is not used"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    right = mean + deviation * noise
    expect_close(found, right)
    if not found.requires_grad:
        raise Finding("no gradient comes through; leave mean and log_deviation in the graph")
    ours, theirs = (torch.autograd.grad(z.sum(), mean, retain_graph=True, allow_unused=True)[0]
                    for z in (right, found))  # fmt: skip
    if theirs is None or not is_close(theirs, ours):
        raise Finding("the numbers are right, but the gradient by mean does not come through")


@exercise("12.filters")
def filters(attempt: Attempt, random: Generator) -> None:
    """The Gaussian filters of a grid along one axis."""
    cells, size = 4, 20
    centre, stride, variance = (
        low + (high - low) * torch.rand((), generator=random).item()
        for low, high in ((8, 11), (2.2, 3), (1.5, 3))
    )
    found = expect_tensor(attempt(centre, stride, variance, cells, size), [cells, size], "cells a")
    sums = found.sum(dim=1)
    if is_close(found.sum(dim=0), torch.ones(size)):
        raise Finding("the columns sum to 1; each filter, a row, should")
    if not is_close(sums, torch.ones(cells)):
        raise Finding(f"the first filter sums to {sums[0].item():.4f}; each row should sum to 1")
    for mistake, sentence in [
        (_bank(centre - stride, stride, variance, cells, size), "the grid stands one stride too "
         "far to the left: the formula counts filters from 1"),
        (_bank(centre + stride / 2, stride, variance, cells, size), "the grid stands half a stride "
         "too far to the right; its middle is the centre"),
        (_bank(centre - stride / 2, stride, variance, cells, size), "the grid stands half a stride "
         "too far to the left; its middle is the centre"),
        (_bank(centre - 1, stride, variance, cells, size), "all filters stand one pixel too far to "
         "the left; pixel 0 has its middle at 0"),
        (_bank(centre, stride, 2 * variance**2, cells, size), "the exponent is (a − μ)² / 2σ²; "
         "yours squares the denominator too"),
        (_bank(centre, stride, variance**2, cells, size), "variance is σ² already"),
        (_bank(centre, stride, variance / 2, cells, size), "the 2 in the denominator is missing"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, _bank(centre, stride, variance, cells, size))
    outside = expect_tensor(attempt(-60.0, 1.0, 0.1, cells, size), [cells, size], "cells a")
    if not is_close(outside.sum(dim=1), torch.ones(cells)):
        raise Finding(
            "a grid that has left the image should still have rows that sum to 1; there all "
            "exponentials are 0 in float32, so think of a softmax"
        )


@exercise("12.canvas")
def canvas(attempt: Attempt, random: Generator) -> None:
    """A canvas after a patch was painted on it."""
    cells, size = 3, 9
    before = torch.randn(size, size, generator=random)
    patch = torch.randn(cells, cells, generator=random)
    centre = torch.tensor([[3.0, 5.0]])
    one = torch.ones(1)
    banks = filter_banks(Window(centre, 1.7 * one, 0.8 * one, one), cells, size)
    x, y = banks[0]
    strength = 2 + torch.rand((), generator=random).item()
    answer = attempt(before, patch, x, y, strength)
    found = expect_tensor(answer, [size, size], "h w")
    painted = write_window(patch[None, None], banks)[0, 0]
    for mistake, sentence in [
        (painted / strength, "the canvas itself is lost: paint is added to it"),
        (before + painted, "the strength is not used"),
        (before + strength * painted, "reading multiplies by the strength, writing divides by it"),
        (before + x.mT @ patch @ y / strength, "the two filter matrices have changed places"),
        (before + y.mT @ patch.mT @ x / strength, "the patch is painted on its side"),
        (before - painted / strength, "paint is added, not taken away"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, before + painted / strength)


@exercise("12.estimate")
def estimate(attempt: Attempt, random: Generator) -> None:
    """The importance-weighted estimate of the likelihood."""
    k = 6
    weights = 2 * torch.randn(IMAGES, k, generator=random) - 3
    found = expect_tensor(attempt(weights), [IMAGES], "b")
    right = importance_weighted(weights)
    for mistake, sentence in [
        (weights.mean(dim=1), "that is the bound of training: the mean comes before the logarithm"),
        (right + math.log(k), "that is the logarithm of the sum; of the mean is wanted"),
        (weights.amax(dim=1), "all draws count, not only the best"),
        (weights.exp().mean(dim=1), "the logarithm is missing"),
        (-right, "log p(x) is wanted, not the price"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, right)
    far = weights - 200  # as of whole images
    found = attempt(far)
    if not isinstance(found, torch.Tensor) or not found.isfinite().all():
        raise Finding(
            "with weights as small as those of images the result is no finite number; the "
            "exponentials are 0 in float32, so think of torch.logsumexp"
        )
    expect_close(found, importance_weighted(far))


def _price(mean: torch.Tensor, square: torch.Tensor, log: torch.Tensor) -> torch.Tensor:
    """The divergence with something else in place of σ² and log σ."""
    return ((mean.square() + square - 1) / 2 - log).sum(dim=(1, 2))


def _bank(centre: float, stride: float, variance: float, cells: int, size: int) -> torch.Tensor:
    """The filters that the package makes, along one axis, ``[cells, size]``."""
    numbers = (torch.tensor([[centre, centre]]), torch.tensor([stride]), torch.tensor([variance]))
    return filter_banks(Window(*numbers, torch.ones(1)), cells, size)[0, 0]
