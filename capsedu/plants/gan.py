"""The discriminator's step of a GAN, as it should be and as public code has it."""

import torch
from torch import Tensor

from capsedu.learning.gan_objectives import NonSaturating
from capsedu.models.gan import Gan


def judge(gan: Gan, real: Tensor, noise: Tensor) -> Tensor:
    """As it should be: the discriminator's loss, of which the generator hears nothing."""
    made = gan.generator(noise).detach()
    scores = gan.discriminator(real).scores, gan.discriminator(made).scores
    loss = NonSaturating().discriminator_loss(*scores)
    loss.backward()
    return loss


def judge_and_tell(gan: Gan, real: Tensor, noise: Tensor) -> Tensor:
    """The gradient goes on into the generator, which learns from it to be caught."""
    made = gan.generator(noise)
    scores = gan.discriminator(real).scores, gan.discriminator(made).scores
    loss = NonSaturating().discriminator_loss(*scores)
    loss.backward()
    return loss


def heard(gan: Gan) -> Tensor:
    """Length of the gradient that the generator was left with."""
    parts = [p.grad.flatten() for p in gan.generator.parameters() if p.grad is not None]
    return torch.cat(parts).norm() if parts else torch.zeros(())
