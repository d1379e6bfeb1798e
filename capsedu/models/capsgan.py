"""CapsGAN: Saqur & Vivona (2018), and the discriminator with two parents that it lacks."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from capsedu.errors import require_count
from capsedu.functional import capsule_length
from capsedu.models.capsnet import CapsNet
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.dcgan import DcganDiscriminator, initialise, require_noise
from capsedu.models.gan import Judgement


class CapsGanGenerator(nn.Sequential):
    """Five transposed convolutions from 128 numbers to 32x32; ReLU *before* batch normalisation.

    1,214,145 parameters for one channel. The paper gives neither kernels nor channels. Here the
    first layer makes 4x4 of the noise, three double it, and the last keeps the size.

    Args:
        channels: of the image.
        noise_dim: numbers that an image is made from (128 in the paper).
        width: channels before the last layer; they double towards the noise.

    Shapes:
        input ``[b, noise_dim]``; output ``[b, channels, 32, 32]`` in [-1, 1].

    Raises:
        ValueError, TypeError: if a number does not fit.

    Source: Saqur & Vivona, section 3.1.
    """

    def __init__(self, channels: int = 1, noise_dim: int = 128, width: int = 32) -> None:
        for name, value in {"channels": channels, "noise_dim": noise_dim, "width": width}.items():
            require_count(name, value)
        first, *doubled = [8 * width, 4 * width, 2 * width, width]
        layers = [nn.Unflatten(1, (noise_dim, 1, 1)), nn.ConvTranspose2d(noise_dim, first, 4)]
        layers += [nn.ReLU(), nn.BatchNorm2d(first)]
        for c_in, c_out in pairwise((first, *doubled)):
            layers += [nn.ConvTranspose2d(c_in, c_out, 4, 2, 1), nn.ReLU(), nn.BatchNorm2d(c_out)]
        layers += [nn.ConvTranspose2d(width, channels, 3, 1, 1), nn.Tanh()]
        super().__init__(*layers)
        self.noise_dim = noise_dim
        self.image_shape = (channels, 32, 32)
        self.apply(initialise)

    def forward(self, noise: Tensor) -> Tensor:
        require_noise(noise, self.noise_dim)
        return super().forward(noise).float()


def every_parent(poses: Tensor) -> Tensor:
    """A score for each parent: the logit of its length, ``[b, j]`` from ``[b, j, d]``."""
    return capsule_length(poses).logit(eps=1e-6)


def first_parent(poses: Tensor) -> Tensor:
    """The first parent's score alone, ``[b, 1]``; the others only take votes away from it."""
    return every_parent(poses)[:, :1]


class CapsuleDiscriminator(nn.Module):
    """CapsNet with one output capsule, whose length is the probability of being real.

    7,175,424 parameters for 1x32x32 images, of which the decoder has 1,583,616. With one
    parent every coupling is 1 and **routing does nothing**; two parents repair that:

    - ``parents=2``: one capsule for real and one for fake;
    - ``parents=2, read=first_parent``: one for real, and one for "none of them" that nothing
      is asked of.

    Args:
        image_shape: ``(c, size, size)``, at least 17 pixels wide.
        parents: number of output capsules (1 in the paper).
        read: turns their poses ``[b, j, d]`` into scores ``[b, 1]`` or ``[b, 2]``.
        conv_channels: channels of the convolution.
        primary_types: types of primary capsule.
        iterations: of dynamic routing.
        decoder: whether to build the decoder for the reconstruction loss.

    Shapes:
        input ``[b, c, size, size]`` in [-1, 1]; output a :class:`Judgement` with poses
        ``[b, parents, 16]``.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Saqur & Vivona, section 3.1 (one parent); the rest is in no paper.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 32, 32),
        parents: int = 1,
        read: Callable[[Tensor], Tensor] = every_parent,
        conv_channels: int = 256,
        primary_types: int = 32,
        iterations: int = 3,
        decoder: bool = True,
    ) -> None:
        super().__init__()
        require_count("parents", parents)
        self.read = read
        self.capsules = CapsNet(
            image_shape,
            parents,
            conv_channels,
            primary_types,
            iterations=iterations,
            decoder=decoder,
        )
        self.feature_count = parents * self.capsules.class_capsules.weight.shape[3]

    @property
    def decoder(self) -> nn.Module | None:
        """What draws an image from the output capsules, in [0, 1]."""
        return self.capsules.decoder

    def forward(self, images: Tensor) -> Judgement:
        poses = self.capsules(images)
        return Judgement(self.read(poses), poses, poses.flatten(1))


def matched_discriminator(other: nn.Module, image_shape: Sequence[int]) -> DcganDiscriminator:
    """DCGAN's discriminator in the width whose parameter count is nearest to ``other``'s.

    Source: Saqur & Vivona, section 4: "the number of parameters [...] was controlled".
    """
    wanted = parameter_count(other)

    def count(width: int) -> int:
        with torch.device("meta"):  # shapes without memory
            return parameter_count(DcganDiscriminator(image_shape, width))

    above = bisect_left(range(4096), wanted, lo=2, key=count)
    width = min(above - 1, above, key=lambda width: abs(count(width) - wanted))
    return DcganDiscriminator(image_shape, width)
