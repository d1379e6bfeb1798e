"""What a generative adversarial network is made of, whatever the networks are."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn


class Judgement(NamedTuple):
    """What a discriminator says about a batch of images."""

    scores: Tensor
    """Logits, ``[b, 1]`` or ``[b, 2]``: the first for "this is real" and the second, where
    there is one, for "this is fake". Their sigmoids are probabilities."""
    poses: Tensor | None = None
    """The output capsules ``[b, j, d]`` of a discriminator that has some."""
    features: Tensor | None = None
    """What the scores are made from, ``[b, features]``: what else the image says."""


class Gan(nn.Module):
    """A generator and a discriminator.

    Args:
        generator: turns noise ``[b, noise_dim]`` into images ``[b, c, h, w]`` in [-1, 1];
            has the attributes ``noise_dim`` and ``image_shape``.
        discriminator: turns such images into a :class:`Judgement`.
        heads: what the discriminator reads besides (:mod:`capsedu.learning.heads`); their codes
            are the first numbers of the noise.

    Source: Goodfellow et al., *Generative Adversarial Nets* (2014).
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, heads: Iterable[nn.Module] = ()
    ) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.heads = nn.ModuleList(heads)

    def noise(self, n: int, rng: Generator | None = None) -> Tensor:
        """Inputs for the generator, ``[n, noise_dim]`` on the CPU: codes, then normal noise."""
        codes = [head.draw(n, rng) for head in self.heads]
        rest = self.generator.noise_dim - sum(code.shape[1] for code in codes)
        return torch.cat([*codes, torch.randn(n, rest, generator=rng)], dim=1)

    def codes(self, noise: Tensor) -> list[Tensor]:
        """The part of ``noise`` ``[n, noise_dim]`` that belongs to each head."""
        widths = [head.code_width for head in self.heads]
        return list(noise[:, : sum(widths)].split(widths, dim=1)) if widths else []

    def compile_routing(self) -> None:
        """Compile the discriminator's routing, if it has one that gains from it."""
        if hasattr(self.discriminator, "compile_routing"):
            self.discriminator.compile_routing()


def realness(scores: Tensor) -> Tensor:
    """One number per image, larger for what looks more real and 0 for undecided.

    Args:
        scores: of a :class:`Judgement`, ``[b, 1]`` or ``[b, 2]``.

    Returns:
        The only score, or by how much "real" is ahead of "fake", ``[b]``.

    Raises:
        ValueError: if ``scores`` has another shape.
    """
    if scores.dim() != 2 or scores.shape[1] not in (1, 2):
        raise ValueError(f"scores must have shape [b, 1] or [b, 2], got {list(scores.shape)}")
    return scores[:, 0] if scores.shape[1] == 1 else scores[:, 0] - scores[:, 1]
