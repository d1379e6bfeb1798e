"""What the two networks of a GAN are asked to do.

Every objective reads the scores ``[b, 1]`` or ``[b, 2]`` of a
:class:`~capsedu.models.gan.Judgement` and returns scalars to *minimise*:
``discriminator_loss(real, fake)`` and ``generator_loss(fake)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.functional import margin_loss
from capsedu.models.gan import realness


class AdversarialObjective(Protocol):
    """Two losses on the scores of a discriminator."""

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises, given its scores of real and of made images."""
        ...

    def generator_loss(self, fake: Tensor) -> Tensor:
        """What the generator minimises, given the discriminator's scores of its images."""
        ...


@dataclass(frozen=True)
class NonSaturating:
    r"""Binary cross-entropy; the generator raises :math:`\log D(G(z))`.

    Attributes:
        smoothing: the label of real images, 1 or a little less: one-sided label smoothing
            (Salimans et al. 2016, section 3.4).

    Source: Goodfellow et al. (2014), section 3.
    """

    smoothing: float = 1.0

    def __post_init__(self) -> None:
        if not 0.5 < self.smoothing <= 1:
            raise ValueError(f"smoothing must be above 0.5 and at most 1, got {self.smoothing}")

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return _cross_entropy(real, self.smoothing) + _cross_entropy(fake, 0.0)

    def generator_loss(self, fake: Tensor) -> Tensor:
        return _cross_entropy(fake, 1.0)


@dataclass(frozen=True)
class Saturating(NonSaturating):
    r"""The value function as it stands: the generator lowers :math:`\log(1 - D(G(z)))`.

    Its gradient vanishes where the discriminator is sure, which is how every training begins.

    Source: Goodfellow et al. (2014), equation 1.
    """

    def generator_loss(self, fake: Tensor) -> Tensor:
        return -_cross_entropy(fake, 0.0)


@dataclass(frozen=True)
class LeastSquares:
    """The squared distance to the label 1 (real) or 0 (made).

    Attributes:
        read: what of the score is compared: the score itself (LSGAN), or its sigmoid, the
            probability (the "mean squared error" of Saqur & Vivona, section 3.2).

    Source: Mao et al., *Least Squares Generative Adversarial Networks* (2017), equation 2.
    """

    read: Callable[[Tensor], Tensor] = torch.nn.Identity()  # noqa: RUF009 (holds no state)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._distance(real, 1.0) + self._distance(fake, 0.0)

    def generator_loss(self, fake: Tensor) -> Tensor:
        return self._distance(fake, 1.0)

    def _distance(self, scores: Tensor, label: float) -> Tensor:
        return (self.read(realness(scores)) - label).square().mean()


@dataclass(frozen=True)
class Margin:
    r"""Margin loss, where a length (the sigmoid of a score) is the probability of an output.

    With one output capsule a real image should make it longer than :math:`m^+` and a made one
    shorter than :math:`m^-`; with two, each image has the capsule that should be long.

    Source: Saqur & Vivona (2018), equation 2, with the square that belongs there.
    """

    positive: float = 0.9
    negative: float = 0.1
    down_weight: float = 0.5

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._loss(real, is_real=True) + self._loss(fake, is_real=False)

    def generator_loss(self, fake: Tensor) -> Tensor:
        return self._loss(fake, is_real=True)

    def _loss(self, scores: Tensor, is_real: bool) -> Tensor:
        present = scores.new_tensor([is_real, not is_real])[: scores.shape[1]].expand_as(scores)
        return margin_loss(
            scores.sigmoid(), present, self.positive, self.negative, self.down_weight
        )


@dataclass(frozen=True)
class Wasserstein:
    """How far the mean score of real images is above that of made ones.

    The scores are no probabilities here, and the discriminator must be kept from growing
    steep (:mod:`capsedu.learning.regularisers`).

    Source: Arjovsky, Chintala & Bottou, *Wasserstein GAN* (2017), equation 2.
    """

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return realness(fake).mean() - realness(real).mean()

    def generator_loss(self, fake: Tensor) -> Tensor:
        return -realness(fake).mean()


def _cross_entropy(scores: Tensor, label: float) -> Tensor:
    score = realness(scores)
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, label))
