"""The checks of chapter 08, DCGAN."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    in_case,
    is_close,
)
from capsedu.evaluation.precision_recall import neighbour_distances, precision_and_recall
from capsedu.functional import slerp

NOISE, PIXELS, BATCH = 3, 4, 6


@exercise("08.best_discriminator")
def best_discriminator(attempt: Attempt, random: Generator) -> None:
    """What the best discriminator says where p and q are known."""
    p, q = 0.1 + 2 * torch.rand(2, 5, generator=random)
    for label in (1.0, 0.9):
        found = expect_tensor(attempt(p, q, label), [5], "n")
        case = f"real points labelled {label:g}"
        for mistake, sentence in [
            (label * q / (p + q), "this is the probability of being fake"),
            (p / q, "this is the odds, p to q; a probability is wanted"),
            (label * p / (label * p + q), "the label changes what is learnt of p, not how many "
             "real points there are: it does not belong below the line"),
        ]:  # fmt: skip
            if is_close(found, mistake) and not is_close(found, label * p / (p + q)):
                raise Finding(f"{case}: {sentence}")
        if label < 1 and is_close(found, p / (p + q)):
            raise Finding(f"{case}: right for the label 1 only")
        with in_case(case):
            expect_close(found, label * p / (p + q))


@exercise("08.generator_loss")
def generator_loss(attempt: Attempt, random: Generator) -> None:
    """The non-saturating loss, from scores."""
    scores = 2 * torch.randn(BATCH, 1, generator=random) - 2
    each = F.softplus(-scores)
    found = expect_tensor(attempt(scores), [], "")
    for mistake, sentence in [
        (-F.softplus(scores).mean(), "this is the loss as it stands in V; the flipped one is "
         "wanted"),
        (F.softplus(scores).mean(), "this teaches the generator to be called fake"),
        (-each.mean(), "the sign: a loss is something to make small"),
        (each.sum(), "summed over the batch; over the images it is a mean"),
        (-scores.mean(), "this raises the score itself; its probability's logarithm is wanted"),
        ((1 - scores.sigmoid()).mean(), "the logarithm is missing"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, each.mean())
    _survives_large_scores(attempt)


def _survives_large_scores(attempt: Attempt) -> None:
    large = torch.full((BATCH, 1), -200.0, requires_grad=True)
    found = attempt(large)
    if not (isinstance(found, Tensor) and found.isfinite()):
        raise Finding("right, except that scores of -200 make it infinite or no number at all")
    if not is_close(found, torch.tensor(200.0)):
        raise Finding("right, except for scores of -200, where it should be 200")
    if not found.requires_grad:
        raise Finding("right, except that no gradient gets through")
    (slope,) = torch.autograd.grad(found, large)
    if not is_close(slope, torch.full((BATCH, 1), -1 / BATCH)):
        raise Finding("right, except that its slope is lost at scores of -200")


@exercise("08.discriminator_loss")
def discriminator_loss(attempt: Attempt, random: Generator) -> None:
    """Cross-entropy, and no gradient in the generator."""
    generator, discriminator = _dark_against_bright(random)
    real = 0.5 + 0.5 * torch.rand(BATCH, PIXELS, generator=random)
    noise = torch.randn(BATCH, NOISE, generator=random)
    found = expect_tensor(attempt(generator, discriminator, real, noise), [], "")
    on_real = F.softplus(-discriminator(real)).mean()
    on_fake = F.softplus(discriminator(generator(noise))).mean()
    wrong_way = F.softplus(discriminator(real)) + F.softplus(-discriminator(generator(noise)))
    for mistake, sentence in [
        (on_real, "only the real images are judged; the fakes belong to the loss"),
        (on_fake, "only the fakes are judged; the real images belong to the loss"),
        (wrong_way.mean(), "real images and fakes have changed places"),
        (-on_real - on_fake, "the sign: a loss is something to make small"),
        (BATCH * (on_real + on_fake), "summed over the batch; over the images it is a mean"),
        ((on_real + on_fake) / 2, "this is half of it: the mean over real images plus the mean "
         "over fakes is wanted"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, on_real + on_fake)
    if not found.requires_grad:
        raise Finding("right, except that the discriminator gets no gradient")
    networks = list(discriminator.parameters()), list(generator.parameters())
    own, leaks = (
        torch.autograd.grad(found, weights, retain_graph=True, allow_unused=True)
        for weights in networks
    )
    if any(leak is not None for leak in leaks):
        raise Finding("right, except that gradients run on into the generator")
    wanted = torch.autograd.grad(on_real + on_fake, networks[0])
    if not all(g is not None and is_close(g, w) for g, w in zip(own, wanted, strict=True)):
        raise Finding("right, except that a part of the discriminator's gradient is lost")


def _dark_against_bright(random: Generator) -> tuple[nn.Module, nn.Module]:
    """A generator of dark images, and a discriminator that likes bright ones.

    So real images and fakes are told apart, and no usual mistake has the right value by chance.
    """
    generator = nn.Sequential(nn.Linear(NOISE, PIXELS), nn.Tanh())
    discriminator = nn.Sequential(nn.Linear(PIXELS, 8), nn.Tanh(), nn.Linear(8, 1))
    for weight in (*generator.parameters(), *discriminator.parameters()):
        nn.init.uniform_(weight, 0.2, 0.5, generator=random)
    nn.init.constant_(generator[0].bias, -1.0)
    nn.init.constant_(discriminator[2].bias, 0.7)
    return generator, discriminator


@exercise("08.precision")
def precision(attempt: Attempt, random: Generator) -> None:
    """The share of samples in a real image's ball."""
    # So many that no usual mistake gets the same share by chance.
    real = torch.randn(60, 6, generator=random)
    samples = 1.2 * torch.randn(400, 6, generator=random)
    wanted, recall = precision_and_recall(real, samples)
    found = attempt(real, samples)
    if isinstance(found, float | int) and not isinstance(found, bool):
        found = torch.tensor(float(found))
    found = expect_tensor(found, [], "")

    def share(neighbours: int) -> Tensor:
        radii = neighbour_distances(real, neighbours)
        return (torch.cdist(samples, real) <= radii).any(dim=1).float().mean()

    others = {
        "this is recall: the balls are around the samples": torch.tensor(recall),
        "an image is its own nearest neighbour; the third nearest *other* one counts": share(2),
        "the balls reach to the fourth-nearest other image; the third is wanted": share(4),
        "this counts the samples; their share is wanted": len(samples) * torch.tensor(wanted),
    }
    for sentence, mistake in others.items():
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, torch.tensor(wanted))


@exercise("08.slerp")
def sphere(attempt: Attempt, random: Generator) -> None:
    """From one noise to another without leaving the sphere."""
    a, b = torch.randn(2, 128, generator=random)
    t = 0.15 + 0.2 * torch.rand((), generator=random).item()  # in the middle ways coincide
    found = expect_tensor(attempt(a, b, t), [128], "d")
    line = torch.lerp(a, b, t)
    for mistake, sentence in [
        (line, "this is the straight line"),
        (slerp(b, a, t), "this goes from b to a"),
        (F.normalize(line, dim=0), "the result has length 1; it should be as long as the noise"),
        (F.normalize(line, dim=0) * torch.lerp(a.norm(), b.norm(), t),
         "the line stretched to the sphere gets there, but not at an even pace"),
        (F.normalize(slerp(a, b, t), dim=0), "the result has length 1; it should be as long as "
         "the noise"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, slerp(a, b, t), tolerance=1e-3)
