"""The checks of assignment 7: DRAW from scratch."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    is_close,
    whole,
)
from capsedu.evaluation.likelihood import importance_weighted, prior_over_posterior
from capsedu.functional import bernoulli_cost, gaussian_kl, margin_loss
from capsedu.layers.attention import Window, filter_banks, window

B, CELLS, SIZE = 3, 4, 13


def _name(found: Tensor, right: Tensor, mistakes: list[tuple[Tensor, str]]) -> None:
    """Accept what is right; else say which usual mistake it is, or where it differs."""
    if not is_close(found, right):
        for mistake, sentence in mistakes:
            if is_close(found, mistake):
                raise Finding(sentence)
    expect_close(found, right)


@exercise("a7.place_window")
def place_window(attempt: Attempt, random: Generator) -> None:
    numbers = torch.randn(B, 5, generator=random) / 2
    answer = attempt(numbers, CELLS, SIZE)
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        raise Finding("four things are to be returned: centre, stride, variance and intensity")
    right = window(numbers, CELLS, SIZE)
    centre = expect_tensor(answer[0], [B, 2], "b xy")
    _name(centre, right.centre, [
        (right.centre + 1, "the centre is counted from 1; pixel 0 has its middle at 0, so it is "
         "one pixel off"),
        (right.centre.flip(1), "x and y have changed places"),
        ((SIZE - 1) / 2 * (numbers[:, :2] + 1), "the middle is right, but the scale is the "
         "formula's (A + 1)/2"),
        ((SIZE + 1) / 2 * numbers[:, :2], "with zeros the centre should be the image's middle"),
    ])  # fmt: skip
    stride, variance, intensity = (expect_tensor(x, [B], "b") for x in answer[1:])
    _name(stride, right.stride, [
        (right.stride * (CELLS - 1) / CELLS, "N filters have N − 1 gaps between them"),
        (right.stride * SIZE / (SIZE - 1), "the outermost filters stand on the middles of the "
         "outermost pixels: A − 1 pixels lie between them"),
        (right.variance * (SIZE - 1) / (CELLS - 1), "the stride is made of the third number; that "
         "is the variance's"),
        ((SIZE - 1) / (CELLS - 1) * numbers[:, 3], "the number is the logarithm of the stride's "
         "factor"),
    ])  # fmt: skip
    _name(variance, right.variance, [
        (right.variance.square(), "the number is the logarithm of the variance already"),
        (right.variance.sqrt(), "the variance is wanted, not the deviation"),
        (numbers[:, 2], "the number is a logarithm"),
        (right.intensity, "the third number makes the variance, the fifth the intensity"),
    ])  # fmt: skip
    _name(intensity, right.intensity, [(numbers[:, 4], "the number is a logarithm")])


@exercise("a7.filter_bank")
def filter_bank(attempt: Attempt, random: Generator) -> None:
    centre = 5 + 2 * torch.rand(B, generator=random)
    stride = 1.6 + torch.rand(B, generator=random)
    variance = 0.7 + torch.rand(B, generator=random)
    found = attempt(centre, stride, variance, CELLS, SIZE)
    found = expect_tensor(found, [B, CELLS, SIZE], "b cells a")
    if not is_close(found.sum(dim=2), torch.ones(B, CELLS)):
        if is_close(found.sum(dim=1), torch.ones(B, SIZE)):
            raise Finding("each pixel's weights sum to 1; each filter's should")
        raise Finding(f"the first filter sums to {found[0, 0].sum():.4f}; each row should sum to 1")
    _name(found, _bank(centre, stride, variance), [
        (_bank(centre - stride, stride, variance), "the grid stands one stride too far to the "
         "left: the formula counts filters from 1"),
        (_bank(centre - stride / 2, stride, variance), "the grid stands half a stride too far to "
         "the left; its middle is the centre"),
        (_bank(centre + stride / 2, stride, variance), "the grid stands half a stride too far to "
         "the right; its middle is the centre"),
        (_bank(centre - 1, stride, variance), "pixel 0 has its middle at 0, not at 1"),
        (_bank(centre, stride, 2 * variance**2), "the exponent is (a − μ)² / 2σ²; yours squares "
         "the denominator too"),
        (_bank(centre, stride, variance**2), "variance is σ² already"),
        (_bank(centre, stride, variance / 2), "the 2 in the denominator is missing"),
    ])  # fmt: skip
    outside = attempt(centre - 80, stride, 0.1 * variance, CELLS, SIZE)
    outside = expect_tensor(outside, [B, CELLS, SIZE], "b cells a")
    if not is_close(outside.sum(dim=2), torch.ones(B, CELLS)):
        raise Finding(
            "outside the image the rows should sum to 1 as well; there all exponentials are 0 in "
            "float32, so think of a softmax"
        )


@exercise("a7.read")
def read(attempt: Attempt, random: Generator) -> None:
    images = torch.rand(B, SIZE, SIZE, generator=random)
    canvas = torch.randn(B, SIZE, SIZE, generator=random)
    x, y = torch.rand(2, B, CELLS, SIZE, generator=random)
    gamma = 0.5 + torch.rand(B, generator=random)
    answer = attempt(images, canvas, x, y, gamma)
    found = expect_tensor(answer, [B, 2 * CELLS**2], "b numbers")

    def seen(what: Tensor, x: Tensor = x, y: Tensor = y, gamma: Tensor = gamma) -> Tensor:
        return gamma.unsqueeze(1) * (y @ what @ x.mT).flatten(1)

    first, second = found.chunk(2, dim=1)
    lacks = images - canvas.sigmoid()
    if is_close(first, seen(lacks)) and is_close(second, seen(images)):
        raise Finding("the glimpse of the image comes first, then that of the error image")
    _name(first, seen(images), [
        (seen(images, y, x), "the two banks have changed places: F_Y stands on the left"),
        (seen(images, gamma=torch.ones(B)), "the intensity is not used"),
        (seen(images, gamma=1 / gamma), "reading multiplies by the intensity, writing divides"),
        (gamma.unsqueeze(1) * (y @ images @ x.mT).mT.flatten(1), "the glimpse lies on its side"),
    ])  # fmt: skip
    _name(second, seen(lacks), [
        (seen(images - canvas), "the canvas holds logits; what it shows is a probability"),
        (seen(canvas.sigmoid()), "that is what the canvas shows, not what it lacks"),
        (seen(-lacks), "what the canvas lacks is the image minus the canvas"),
        (seen(images), "that is the image again; the second is what the canvas lacks"),
        (seen(lacks, gamma=torch.ones(B)), "the second glimpse has no intensity"),
    ])  # fmt: skip


@exercise("a7.write")
def write(attempt: Attempt, random: Generator) -> None:
    patches = torch.randn(B, CELLS, CELLS, generator=random)
    x, y = torch.rand(2, B, CELLS, SIZE, generator=random)
    gamma = 0.5 + torch.rand(B, generator=random)
    found = expect_tensor(attempt(patches, x, y, gamma), [B, SIZE, SIZE], "b h w")
    strength = gamma[:, None, None]
    _name(found, y.mT @ patches @ x / strength, [
        (y.mT @ patches @ x * strength, "reading multiplies by the intensity, writing divides"),
        (y.mT @ patches @ x, "the intensity is not used"),
        (x.mT @ patches @ y / strength, "the two banks have changed places"),
        (y.mT @ patches.mT @ x / strength, "the patch is painted on its side"),
    ])  # fmt: skip


@exercise("a7.told")
def told(attempt: Attempt, random: Generator) -> None:
    steps, latent = 3, 5
    mean, log = torch.randn(2, B, steps, latent, generator=random)
    found = expect_tensor(attempt(mean, log), [B, steps], "b t")
    right = gaussian_kl(mean, log)
    squares = (mean.square() + (2 * log).exp() - 1) / 2
    _name(found, right, [
        (right + (latent - 1) / 2, "the constant ½ belongs to each number, not to each step"),
        (right + latent / 2, "latents that say nothing should cost nothing; a constant is missing"),
        (right + (latent - steps) / 2, "the constant ½ belongs to each number of a step; T has "
         "nothing to do with it"),
        (right / latent, "the price is a sum over the numbers of a step, not a mean"),
        (2 * right, "it is half of that"),
        (-right, "the sign is turned round: a divergence is never negative"),
        ((squares - 2 * log).sum(dim=2), "log σ is the logarithm of the deviation, not of the "
         "variance"),
        (((mean.square() + log.exp() - 1) / 2 - log).sum(dim=2), "σ should be squared, like μ"),
    ])  # fmt: skip


@exercise("a7.sample")
def sample(attempt: Attempt, random: Generator) -> None:
    mean, log = torch.randn(2, B, 4, generator=random)
    seed, draws = whole(0, 10_000, random), 2000
    found = attempt(mean, log, draws, torch.Generator().manual_seed(seed))
    found = expect_tensor(found, [draws, B, 4], "k b z")
    again = attempt(mean, log, draws, torch.Generator().manual_seed(seed))
    if not is_close(found, again):
        raise Finding("the same generator should make the same draws; hand rng on")
    noise = (found - mean) / log.exp()
    if is_close(noise, noise[:1].expand_as(noise)):
        raise Finding("all draws of a number are the same")
    for deviations, sentence in [
        (log.exp().square(), "the noise is multiplied by σ, not by σ²"),
        ((log / 2).exp(), "the noise is multiplied by σ, not by its root"),
        (log.abs(), "the second input is the logarithm of the deviation"),
        (torch.ones_like(log), "the deviation is not used"),
    ]:
        if _spread_is(found, deviations) and not _spread_is(found, log.exp()):
            raise Finding(sentence)
    if not _spread_is(found, log.exp()):
        raise Finding(f"the deviation of many draws is {found.std(dim=0)[0, 0]:.3f} where it "
                      f"should be {log.exp()[0, 0]:.3f}")  # fmt: skip
    if (noise.mean(dim=0).abs() > 0.15).any():
        raise Finding("the mean of many draws is not the mean that was given")
    _expect_passage(attempt, mean, log)


def _spread_is(found: Tensor, deviations: Tensor) -> bool:
    return bool(((found.std(dim=0) / deviations - 1).abs() < 0.1).all())


def _expect_passage(attempt: Attempt, mean: Tensor, log: Tensor) -> None:
    mean, log = mean.clone().requires_grad_(), log.clone().requires_grad_()
    drawn = attempt(mean, log, 5, None)
    if not isinstance(drawn, Tensor) or not drawn.requires_grad:
        raise Finding("no gradient comes through; the noise alone should be drawn")
    for k, name in enumerate(("mean", "log_deviation")):
        slope = torch.autograd.grad(drawn.sum(), (mean, log), retain_graph=True, allow_unused=True)
        if slope[k] is None or not slope[k].abs().max() > 0:
            raise Finding(f"no gradient by {name} comes through")


@exercise("a7.one_step")
def one_step(attempt: Attempt, random: Generator) -> None:
    network = _Network(random)
    images, canvas = torch.rand(2, B, SIZE, SIZE, generator=random)
    states = torch.rand(4, B, network.hidden, generator=random)
    noise = torch.randn(B, network.hidden, generator=random)
    encoder, decoder = (states[0], states[1]), (states[2], states[3])
    answer = attempt(network, images, canvas, encoder, decoder, noise)
    if not isinstance(answer, tuple | list) or len(answer) != 5:
        raise Finding("five things are to be returned: canvas, both states, mean, log deviation")
    found = expect_tensor(answer[0], [B, SIZE, SIZE], "b h w")
    inputs = network, images, canvas, encoder, decoder, noise
    right = _stepped(*inputs)
    _name(found, right[0], [
        (right[0] - canvas, "the canvas itself is lost: paint is added to it"),
        (canvas + network.write(decoder[0]), "the decoder's new output should paint, not its last"),
        *((_stepped(*inputs, **slip)[0], sentence) for slip, sentence in _STEP_SLIPS),
    ])  # fmt: skip
    if any(not isinstance(state, tuple | list) or len(state) != 2 for state in answer[1:3]):
        raise Finding("the second and third of what you return should be states, pairs")
    if is_close(answer[1][0], right[2][0]) and is_close(answer[2][0], right[1][0]):
        raise Finding("the two states have changed places; the encoder's comes first")
    for part, other, name in [
        (answer[1][0], right[1][0], "the encoder's state is not its new one"),
        (answer[2][0], right[2][0], "the decoder's state is not its new one"),
        (answer[3], right[3], "the mean that is returned is another one"),
        (answer[4], right[4], "the log deviation that is returned is another one"),
    ]:
        if not isinstance(part, Tensor) or not is_close(part, other):
            raise Finding(name)


class _Network:
    """Random linear maps in place of a network."""

    hidden = 6

    def __init__(self, random: Generator) -> None:
        h, pixels = self.hidden, SIZE * SIZE
        sizes = {"glimpse": (2 * pixels + h, h), "told": (4 * h, h), "code": (h, 2 * h)}
        sizes |= {"decoded": (3 * h, h), "paint": (h, pixels)}
        self.maps = {
            name: torch.randn(*size, generator=random) / size[0] ** 0.5
            for name, size in sizes.items()
        }

    def read(self, images: Tensor, canvas: Tensor, output: Tensor) -> Tensor:
        told = [images.flatten(1), canvas.flatten(1), output]
        return torch.cat(told, dim=1) @ self.maps["glimpse"]

    def encode(self, glimpse: Tensor, output: Tensor, state: tuple) -> tuple[Tensor, Tensor]:
        new = torch.cat([glimpse, output, *state], dim=1) @ self.maps["told"]
        return new, new + 1

    def posterior(self, output: Tensor) -> tuple[Tensor, Tensor]:
        return (output @ self.maps["code"]).chunk(2, dim=1)

    def decode(self, latents: Tensor, state: tuple) -> tuple[Tensor, Tensor]:
        new = torch.cat([latents, *state], dim=1) @ self.maps["decoded"]
        return new, new + 1

    def write(self, output: Tensor) -> Tensor:
        return (output @ self.maps["paint"]).view(-1, SIZE, SIZE)


_STEP_SLIPS = [
    ({"blank": True}, "what is missing is read off the canvas as it is, in logits"),
    ({"stale": True}, "the latents' distribution is read off the encoder's new output"),
    ({"deaf": True}, "the encoder is told the decoder's last output, not its own"),
    ({"mean_only": True}, "nothing is drawn: the noise is not used"),
    ({"raw": True}, "the second number is the logarithm of the deviation"),
]


def _stepped(
    network: _Network,
    images: Tensor,
    canvas: Tensor,
    encoder: tuple,
    decoder: tuple,
    noise: Tensor,
    blank: bool = False,
    stale: bool = False,
    deaf: bool = False,
    mean_only: bool = False,
    raw: bool = False,
) -> tuple:
    """The step, with at most one usual slip."""
    glimpse = network.read(images, canvas.sigmoid() if blank else canvas, decoder[0])
    new = network.encode(glimpse, encoder[0] if deaf else decoder[0], encoder)
    mean, log = network.posterior(encoder[0] if stale else new[0])
    latents = mean + (0 if mean_only else (log if raw else log.exp()) * noise)
    after = network.decode(latents, decoder)
    return canvas + network.write(after[0]), new, after, mean, log


@exercise("a7.bound")
def bound(attempt: Attempt, random: Generator) -> None:
    canvas = torch.randn(B, SIZE, SIZE, generator=random)
    images = (torch.rand(B, SIZE, SIZE, generator=random) < 0.5).float()
    nats = 9 * torch.rand(B, 4, generator=random)
    found = expect_tensor(attempt(canvas, images, nats), [], "")
    pixels, steps = bernoulli_cost(canvas, images), nats.sum(dim=1)
    right = (pixels + steps).mean()
    _name(found, right, [
        ((pixels / SIZE**2 + steps).mean(), "the pixels' costs are summed over the image, not "
         "averaged: as it is, the latents cost hundreds of times too much beside them"),
        ((pixels + nats[:, -1]).mean(), "every step's latents cost, not only the last one's"),
        ((pixels + nats.mean(dim=1)).mean(), "the steps' prices are summed, not averaged"),
        ((pixels - steps).mean(), "what the latents tell costs too; it is added"),
        (pixels.mean(), "the latents' price is missing"),
        (right * B, "this is the sum over the batch; the mean is wanted"),
    ])  # fmt: skip
    sure = attempt(400 * canvas, images, nats)
    if not isinstance(sure, Tensor) or not sure.isfinite().all():
        raise Finding(
            "where a pixel is surer than float32 can say the result is not finite: work with the "
            "logits; torch has a function for it"
        )


@exercise("a7.estimate")
def estimate(attempt: Attempt, random: Generator) -> None:
    k, numbers = 6, 5
    mean, log, noise = torch.randn(3, k, B, numbers, generator=random) / 2
    latents, costs = mean + log.exp() * noise, 3 * torch.rand(k, B, generator=random)
    found = expect_tensor(attempt(latents, mean, log, costs), [B], "b")
    ratios = prior_over_posterior(*(x.flatten(0, 1) for x in (latents, mean, log))).view(k, B)
    weights = (ratios - costs).T
    right = importance_weighted(weights)
    _name(found, right, [
        (weights.mean(dim=1), "that is the bound: the mean comes before the logarithm"),
        (right + math.log(k), "that is the logarithm of the sum; of the mean is wanted"),
        (-right, "log p(x) is wanted, not the price"),
        (importance_weighted(-costs.T), "the weights lack p(z) / q(z|x)"),
        (importance_weighted((-ratios - costs).T), "p(z) stands above the fraction line and q "
         "below"),
        (importance_weighted((ratios + costs).T), "costs are −log p(x|z), so they lower a weight"),
        (importance_weighted((ratios - log.sum(dim=2) - costs).T), "the density of q has its "
         "deviation below the fraction line"),
    ])  # fmt: skip
    far = attempt(latents, mean, log, costs + 700)
    if not isinstance(far, Tensor) or not far.isfinite().all():
        raise Finding(
            "with costs as high as those of images the result is not finite: the exponentials are "
            "0 in float32, so think of torch.logsumexp"
        )
    expect_close(far, right - 700)


@exercise("a7.class_term")
def class_term(attempt: Attempt, random: Generator) -> None:
    classes, dim, weight = 5, 4, 10 + 40 * torch.rand((), generator=random).item()
    lengths = torch.rand(B, classes, generator=random)
    lengths[0, 0], lengths[0, 1] = 0.97, 0.02
    directions = F.normalize(torch.randn(B, classes, dim, generator=random), dim=2)
    capsules = lengths.unsqueeze(2) * directions
    targets = torch.randint(classes, (B,), generator=random)
    found = expect_tensor(attempt(capsules, targets, weight), [], "")
    right = weight * margin_loss(lengths, targets)
    present = F.one_hot(targets, classes)
    lacking, over = (0.9 - lengths).relu(), (lengths - 0.1).relu()
    bare = present * lacking + 0.5 * (1 - present) * over
    squashed = lengths.square() / (1 + lengths.square())
    _name(found, right, [
        (right / weight, "the weight is not used"),
        (weight * bare.sum(dim=1).mean(), "the square is missing"),
        (weight * margin_loss(lengths, targets, down_weight=1.0), "wrong classes count a half"),
        (right * B, "this is the sum over the batch; the mean is wanted"),
        (right / classes, "this is a mean over the classes; they are summed"),
        (weight * margin_loss(lengths.softmax(dim=1), targets), "a softmax of the lengths cannot "
         "reach 0.9; use the lengths themselves"),
        (weight * margin_loss(squashed, targets), "the capsules are squashed already"),
        (weight * margin_loss(lengths.square(), targets), "that is the length squared"),
    ])  # fmt: skip
    nothing = torch.zeros(B, classes, dim).requires_grad_()
    attempt(nothing, targets, weight).backward()
    if nothing.grad is None or not nothing.grad.isfinite().all():
        raise Finding("at capsules of length 0 the gradient is not finite; look at the root")


def _bank(centre: Tensor, stride: Tensor, variance: Tensor) -> Tensor:
    """The filters that the package makes, along one axis, ``[b, cells, size]``."""
    both = torch.stack([centre, centre], dim=1)
    return filter_banks(Window(both, stride, variance, torch.ones(B)), CELLS, SIZE)[:, 0]
