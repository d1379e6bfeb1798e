"""The checks of chapter 07, transforming auto-encoders."""

import torch
from torch import Generator

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    is_close,
)
from capsedu.data.pairs import rotation
from capsedu.models.transforming_autoencoder import shift_poses

IMAGES, CAPSULES, UNITS, PIXELS = 3, 4, 5, 6


@exercise("07.shifted")
def shifted(attempt: Attempt, random: Generator) -> None:
    """The told shift, added to every capsule's pose."""
    poses = torch.randn(IMAGES, CAPSULES, 2, generator=random)
    told = torch.randn(IMAGES, 2, generator=random)
    found = expect_tensor(attempt(poses, told), [IMAGES, CAPSULES, 2], "b i d")
    for mistake, sentence in [
        (poses - told.unsqueeze(1), "the poses move against the told shift"),
        (poses + told.flip(1).unsqueeze(1), "dy and dx have changed places"),
        (poses + told[0], "every image is told the shift of the first one"),
        (poses, "nothing is added"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, shift_poses(poses, told))


@exercise("07.drawing")
def drawing(attempt: Attempt, random: Generator) -> None:
    """What all capsules together draw, each as far as it is present."""
    units = torch.rand(CAPSULES, UNITS, generator=random)
    presences = torch.rand(CAPSULES, generator=random)
    weights = torch.randn(CAPSULES, UNITS, PIXELS, generator=random)
    found = expect_tensor(attempt(units, presences, weights), [PIXELS], "pixels")
    each = torch.einsum("ig,ign->in", units, weights)
    gated = presences.unsqueeze(1) * each
    total = gated.sum(dim=0)
    for mistake, sentence in [
        (each.sum(dim=0).sigmoid(), "the presences are not used"),
        (total, "the pixels are logistic: they should lie between 0 and 1"),
        (gated.mean(dim=0).sigmoid(), "contributions are added up, not averaged"),
        (gated.sigmoid().sum(dim=0), "add the contributions first; the logistic comes last"),
        (
            (presences.unsqueeze(1) * each.sigmoid()).sum(dim=0),
            "the presence multiplies what a capsule contributes, before the logistic",
        ),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, total.sigmoid())


@exercise("07.told_matrix")
def told_matrix(attempt: Attempt, random: Generator) -> None:
    """The transform from one image to another, when both are known from a third."""
    first, second = (_some_matrix(random) for _ in range(2))
    found = expect_tensor(attempt(first, second), [3, 3], "row column")
    told = second @ torch.linalg.inv(first)
    for mistake, sentence in [
        (torch.linalg.inv(told), "this leads from the second image to the first"),
        (torch.linalg.inv(first) @ second, "the two factors are in the wrong order"),
        (second @ first, "the way back to the original is missing"),
        (second, "this leads from the original to the second image, not from the first"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, told, tolerance=1e-3)


@exercise("07.slope")
def slope(attempt: Attempt, random: Generator) -> None:
    """How far poses follow, as a line through the origin with a weight for each pair."""
    due = torch.randn(400, generator=random)
    weights = torch.rand(400, generator=random)
    # Who counts more follows better, and all are inexact: so no mistake comes out right by chance.
    noise = torch.randn(400, generator=random)
    found_change = (0.2 + weights) * due + 0.9 * noise + 0.4
    answer = attempt(found_change, due, weights)
    products = weights * found_change * due
    right = (products.sum() / (weights * due * due).sum()).item()
    for mistake, sentence in [
        ((found_change * due).sum() / (due * due).sum(), "the weights are not used"),
        (products.sum() / (weights * found_change**2).sum(), "this divides by the wrong squares"),
        ((weights * found_change / due).sum() / weights.sum(), "a mean of ratios is ruled by the "
         "pairs that hardly move; divide one sum by the other"),
    ]:  # fmt: skip
        if _is(answer, mistake.item()) and not _is(answer, right):  # a ratio can be anything
            raise Finding(sentence)
    expect_number(answer, right)


@exercise("07.interval")
def interval(attempt: Attempt, random: Generator) -> None:
    """The ends of a 95 % confidence interval of a mean."""
    errors = 0.2 + 0.05 * torch.rand(10, generator=random)
    t = 2.262  # for ten errors
    found = expect_tensor(attempt(errors, t), [2], "ends")
    if found[0] > found[1]:
        raise Finding("the lower end comes first")
    mean, deviation = errors.mean(), errors.std()
    for half, sentence in [
        (t * deviation, "this is where single errors lie; a mean of ten is surer than one of them"),
        (t * errors.std(correction=0) / 10**0.5, "divide by n − 1 in the variance: the mean is "
         "taken from the same errors"),
        (t * deviation / 10, "the deviation of a mean falls with the root of their number"),
        (deviation / 10**0.5, "the factor t is missing"),
        (1.96 * deviation / 10**0.5, "with ten errors the factor is t, not 1.96"),
    ]:  # fmt: skip
        if is_close((found - mean) * 100, torch.stack([-half, half]) * 100):
            raise Finding(sentence)
    half = t * deviation / 10**0.5
    expect_close(found, torch.stack([mean - half, mean + half]), tolerance=1e-5)


def _some_matrix(random: Generator) -> torch.Tensor:
    """A rotation, a little sheared and scaled, and a shift."""
    matrix = rotation(60 * torch.rand(1, generator=random) + 10)[0]
    matrix[:2, :2] += 0.2 * torch.rand(2, 2, generator=random)
    matrix[:2, 2] = torch.rand(2, generator=random) + 0.1
    return matrix


def _is(found: object, wanted: float) -> bool:
    """Whether an answer is a certain number, whatever kind of number it is."""
    number = found.item() if isinstance(found, torch.Tensor) and found.numel() == 1 else found
    return isinstance(number, int | float) and abs(number - wanted) < 1e-4 * max(1, abs(wanted))
