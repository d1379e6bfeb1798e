"""What keeps a discriminator in bounds: each plugs into the adversarial learner.

A regulariser has two moments, and uses one of them: it is a term of every discriminator loss
(``penalty``), or changes the weights after every step (``constrain``). Spectral normalisation
is part of the network: :func:`capsedu.models.spectral.spectrally_normalised`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from capsedu.functional import reconstruction_loss
from capsedu.models.gan import Judgement, realness


class Judged(NamedTuple):
    """Images in [-1, 1] and what the discriminator has just said about them."""

    images: Tensor
    judgement: Judgement


class Regulariser:
    """The two moments, at which nothing happens."""

    def penalty(self, discriminator: nn.Module, real: Judged, fake: Judged) -> Tensor | float:
        """A term to add to the discriminator's loss."""
        return 0.0

    def constrain(self, discriminator: nn.Module) -> None:
        """Change the network after each of its steps."""


@dataclass(frozen=True)
class WeightClipping(Regulariser):
    """Every parameter of the discriminator is cut to [-limit, limit] after each step.

    Source: Arjovsky, Chintala & Bottou (2017), algorithm 1. (The CapsGAN paper calls it
    "gradient clipping".)
    """

    limit: float = 0.01

    def __post_init__(self) -> None:
        _require_positive("limit", self.limit)

    @torch.no_grad()
    def constrain(self, discriminator: nn.Module) -> None:
        for parameter in discriminator.parameters():
            parameter.clamp_(-self.limit, self.limit)


@dataclass(frozen=True)
class GradientPenalty(Regulariser):
    """Between a real and a made image the score's gradient should have length 1.

    It is differentiated twice, through capsule layers too.

    Source: Gulrajani et al., *Improved Training of Wasserstein GANs* (2017), equation 3.
    """

    weight: float = 10.0

    def __post_init__(self) -> None:
        _require_positive("weight", self.weight)

    def penalty(self, discriminator: nn.Module, real: Judged, fake: Judged) -> Tensor:
        share = torch.rand_like(real.images[:, :1, :1, :1])
        between = torch.lerp(real.images, fake.images, share).requires_grad_()
        score = realness(discriminator(between).scores).sum()
        (gradient,) = torch.autograd.grad(score, between, create_graph=True)
        return self.weight * (gradient.flatten(1).norm(dim=1) - 1).square().mean()


@dataclass(frozen=True)
class Reconstruction(Regulariser):
    """The output capsules must tell what the image looks like: the decoder draws it from them.

    Source: Saqur & Vivona (2018), section 3.2, with their weight 0.005. As in Sabour, Frosst &
    Hinton (2017), section 4.1, the squared error is summed over the pixels, which are in [0, 1].
    """

    weight: float = 0.005

    def __post_init__(self) -> None:
        _require_positive("weight", self.weight)

    def penalty(self, discriminator: nn.Module, real: Judged, fake: Judged) -> Tensor:
        if getattr(discriminator, "decoder", None) is None:
            raise ValueError("discriminator must have a decoder for the reconstruction loss")
        # A capsule for made images draws those; without one, the first draws everything.
        last = fake.judgement.scores.shape[1] - 1
        return self.weight * (_error(discriminator, real, 0) + _error(discriminator, fake, last))


def _error(discriminator: nn.Module, judged: Judged, parent: int) -> Tensor:
    """How far the drawing from one parent's pose is from the images."""
    poses = judged.judgement.poses
    shown = torch.full((len(poses),), parent, device=poses.device)
    return reconstruction_loss(discriminator.decoder(poses, shown), (judged.images + 1) / 2)


def _require_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")
