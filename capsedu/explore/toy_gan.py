"""Two tiny networks in a game in the plane: the smallest GAN whose steps can be watched.

The generator moves points of noise; the discriminator gives every point of the plane a logit,
the larger, the more it takes the point for real. Every step sees the same 60 real points and
the same 60 points of noise, so that what is drawn is what the step used. All is float64.
``static/toy_gan.js`` does the same in a page, with the gradients written out by hand.

Source: Goodfellow et al. (2014), algorithm 1, with the generator's loss of its section 3.
"""

from collections.abc import Callable
from itertools import accumulate
from math import cos, pi, sin
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

POINTS = 60
RATES = {"discriminator": 1.0, "generator": 0.5}
CENTRES = {
    "one": [(1.2, 0.8)],
    "two": [(-1.2, -0.6), (1.2, 0.8)],
    "ring": [(1.5 * cos(k * pi / 3), 1.5 * sin(k * pi / 3)) for k in range(6)],
}


class TinyNetwork(NamedTuple):
    """One hidden layer of tanh."""

    weight1: Tensor  # [inputs, hidden]
    bias1: Tensor  # [hidden]
    weight2: Tensor  # [hidden, outputs]
    bias2: Tensor  # [outputs]

    def __call__(self, points: Tensor) -> Tensor:
        """Outputs ``[b, outputs]`` for points ``[b, inputs]``."""
        return (points @ self.weight1 + self.bias1).tanh() @ self.weight2 + self.bias2


class ToyGan(NamedTuple):
    """One moment of the game."""

    real: Tensor  # [b, 2]
    noise: Tensor  # [b, 2]
    generator: TinyNetwork
    discriminator: TinyNetwork


def start(data: str = "two", seed: int = 6) -> ToyGan:
    """The game before its first step, with real points in blobs around ``CENTRES[data]``."""
    if data not in CENTRES:
        raise ValueError(f"data must be one of {', '.join(CENTRES)}, got {data!r}")
    dice = torch.Generator().manual_seed(seed)

    def normal(*shape: int, deviation: float = 1.0) -> Tensor:
        numbers = deviation * torch.randn(*shape, generator=dice, dtype=torch.float64)
        return numbers.round(decimals=3)  # so that a page can start from the very same numbers

    def network(hidden: int, outputs: int, deviation: float) -> TinyNetwork:
        weight1 = normal(2, hidden, deviation=2**-0.5)
        weight2 = normal(hidden, outputs, deviation=deviation * hidden**-0.5)
        return TinyNetwork(weight1, weight1.new_zeros(hidden), weight2, weight2.new_zeros(outputs))

    centres = torch.tensor(CENTRES[data], dtype=torch.float64)
    real = centres[torch.arange(POINTS) % len(centres)] + normal(POINTS, 2, deviation=0.2)
    noise = normal(POINTS, 2)
    generator, discriminator = network(8, 2, deviation=0.7), network(12, 1, deviation=0.3)
    return ToyGan(real.round(decimals=3), noise, generator, discriminator)


def fakes(game: ToyGan) -> Tensor:
    """What the generator makes of the noise, ``[b, 2]``."""
    return game.generator(game.noise)


def probability(game: ToyGan, points: Tensor) -> Tensor:
    """How surely the discriminator takes each of ``points`` ``[b, 2]`` for real: ``[b]``."""
    return game.discriminator(points).sigmoid()[:, 0]


def discriminator_loss(game: ToyGan) -> Tensor:
    """Minus the log-probability of calling a real point real and a fake fake, averaged."""
    real, fake = game.discriminator(game.real), game.discriminator(fakes(game))
    return -(F.logsigmoid(real) + F.logsigmoid(-fake)).mean()


def generator_loss(game: ToyGan) -> Tensor:
    """Minus the log-probability that a fake is called real, averaged: the non-saturating loss."""
    return -F.logsigmoid(game.discriminator(fakes(game))).mean()


def discriminator_step(game: ToyGan) -> ToyGan:
    """The discriminator goes down its loss; the generator stays as it is."""
    return _descend(game, "discriminator", discriminator_loss)


def generator_step(game: ToyGan) -> ToyGan:
    """The generator goes down its loss; the discriminator stays as it is."""
    return _descend(game, "generator", generator_loss)


def _descend(game: ToyGan, player: str, loss: Callable[[ToyGan], Tensor]) -> ToyGan:
    before = TinyNetwork(*(weight.clone().requires_grad_() for weight in getattr(game, player)))
    slopes = torch.autograd.grad(loss(game._replace(**{player: before})), before)
    after = (w.detach() - RATES[player] * s for w, s in zip(before, slopes, strict=True))
    return game._replace(**{player: TinyNetwork(*after)})


def pulls(game: ToyGan) -> Tensor:
    """Where each fake would go by itself to be taken for real: ``[b, 2]``, its loss's slope."""
    points = fakes(game).requires_grad_()
    return torch.autograd.grad(F.logsigmoid(game.discriminator(points)).sum(), points)[0]


def play(game: ToyGan, moves: str) -> list[ToyGan]:
    """The game at the start and after each of ``moves``, a text such as ``"DGDDG"``."""
    steps = ({"D": discriminator_step, "G": generator_step}[move] for move in moves)
    return list(accumulate(steps, lambda now, step: step(now), initial=game))
