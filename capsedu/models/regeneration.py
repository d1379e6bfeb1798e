"""Generator and capsule discriminator of *Image Regeneration with Generative Models* (2018).

A student report of Visvesvaraya Technological University, whose tables give every layer.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from capsedu.layers import PrimaryCapsules
from capsedu.models.checks import require_images
from capsedu.models.dcgan import require_noise
from capsedu.models.gan import Judgement

NOISE = 100
CHANNELS = (128, 64, 32)  # behind each doubling
LARGEST_GRID = 8
UNITS = 160
# What the report's Keras calls momentum 0.8 is 0.2 in PyTorch: the share of the new batch.
NORMALISATION = {"eps": 1e-3, "momentum": 0.2}
LEAK = 0.3


class RegenerationGenerator(nn.Sequential):
    """100 numbers -> 128 x 8x8, doubled and convolved with 3x3 kernels until the size is right.

    For 3x64x64 images 1,068,803 trained numbers and 704 statistics of batch normalisation:
    the report's 1,069,507. Each doubling repeats pixels and has no weights; batch normalisation
    stands before it, and ReLU behind each convolution.

    Args:
        image_shape: ``(c, size, size)``, where halving the size one to three times gives a whole
            number of at most 8: 64 starts from 8x8, 32 too, 28 from 7x7.

    Shapes:
        input ``[b, 100]``; output ``[b, c, size, size]`` in [-1, 1].

    Raises:
        ValueError: if the image shape does not fit.

    Source: the report, sections 6.1.1 and 7.2.
    """

    def __init__(self, image_shape: Sequence[int] = (3, 64, 64)) -> None:
        grid, channels = _ladder(image_shape)
        layers: list[nn.Module] = [nn.Linear(NOISE, CHANNELS[0] * grid * grid), nn.ReLU()]
        layers.append(nn.Unflatten(1, (CHANNELS[0], grid, grid)))
        for c_in, c_out in pairwise((CHANNELS[0], *channels)):
            layers += [nn.BatchNorm2d(c_in, **NORMALISATION), nn.Upsample(scale_factor=2)]
            layers += [nn.Conv2d(c_in, c_out, 3, padding="same"), nn.ReLU()]
        layers.append(nn.BatchNorm2d(channels[-1], **NORMALISATION))
        layers += [nn.Conv2d(channels[-1], image_shape[0], 3, padding="same"), nn.Tanh()]
        super().__init__(*layers)
        self.noise_dim = NOISE
        self.image_shape = tuple(image_shape)

    def forward(self, noise: Tensor) -> Tensor:
        require_noise(noise, NOISE)
        return super().forward(noise).float()


class DenseRouting(nn.Module):
    r"""What the report calls dynamic routing: a dense layer, gated three times by itself.

    .. math::
        \hat u = W x + b, \qquad s_0 = \hat u, \qquad
        s_{t+1} = \mathrm{LeakyReLU}\bigl(\hat u \circ (V_t\, \mathrm{softmax}(s_t) + b_t)\bigr)

    Nothing here is a vote of one child for one parent, no agreement is measured, and the softmax
    runs over the units of one vector: **it is not routing**.

    Args:
        features: length of the input.
        units: length of the output (160 in the report).
        rounds: how often it is gated (3 in the report).

    Shapes:
        input ``[b, features]``; output ``[b, units]``.

    Source: the report, sections 6.1.2 and 7.3.
    """

    def __init__(self, features: int, units: int = UNITS, rounds: int = 3) -> None:
        super().__init__()
        self.prediction = nn.Linear(features, units)
        nn.init.kaiming_normal_(self.prediction.weight)
        nn.init.zeros_(self.prediction.bias)
        self.gates = nn.ModuleList(nn.Linear(units, units) for _ in range(rounds))

    def forward(self, features: Tensor) -> Tensor:
        predicted = state = self.prediction(features)
        for gate in self.gates:
            state = F.leaky_relu(predicted * gate(state.softmax(dim=1)), LEAK)
        return state


class RegenerationDiscriminator(nn.Module):
    """A 9x9 convolution, primary capsules, the report's "routing", and one score.

    For 3x64x64 images 29,042,225 trained numbers and 528 statistics of batch normalisation: the
    report's 29,042,753. (Its text speaks of 1,497,600 in the last capsule layer; its table has
    23,593,120 in the first of that layer's four parts.)

    Args:
        image_shape: ``(c, size, size)``, at least 17 pixels wide.
        conv_channels: channels of the convolution (256 in the report).
        primary_types: types of primary capsule (32 in the report).

    Shapes:
        input ``[b, c, size, size]``; output a :class:`~capsedu.models.gan.Judgement` with scores
        ``[b, 1]``.

    Raises:
        ValueError: if the images are too small.

    Source: the report, sections 6.1.2 and 7.3.
    """

    feature_count = UNITS

    def __init__(
        self,
        image_shape: Sequence[int] = (3, 64, 64),
        conv_channels: int = 256,
        primary_types: int = 32,
    ) -> None:
        super().__init__()
        grid = (image_shape[-1] - 16 - 1) // 2 + 1
        if len(image_shape) != 3 or image_shape[1] != image_shape[2] or grid < 1:
            raise ValueError(
                "image_shape must be (channels, size, size) with a size of at least 17, "
                f"got {tuple(image_shape)}"
            )
        self.image_shape = tuple(image_shape)
        self.convolution = nn.Conv2d(image_shape[0], conv_channels, 9)
        self.normalisation = nn.BatchNorm2d(conv_channels, **NORMALISATION)
        self.primary_capsules = PrimaryCapsules(conv_channels, primary_types, dim=8)
        self.capsule_normalisation = nn.BatchNorm1d(8, **NORMALISATION)
        self.routing = DenseRouting(primary_types * grid * grid * 8)
        self.score = nn.Linear(UNITS, 1)

    def forward(self, images: Tensor) -> Judgement:
        require_images(images, self.image_shape)
        features = self.normalisation(F.leaky_relu(self.convolution(images), LEAK))
        capsules = self.primary_capsules(features)  # [b, i, 8]
        normalised = self.capsule_normalisation(capsules.transpose(1, 2))
        features = self.routing(normalised.flatten(1))
        return Judgement(self.score(features).float(), features=features)


def _ladder(image_shape: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """The grid that the noise becomes, and the channels behind each doubling."""
    if len(image_shape) == 3 and image_shape[1] == image_shape[2]:
        for times in range(1, len(CHANNELS) + 1):
            grid, rest = divmod(image_shape[1], 2**times)
            if not rest and 1 <= grid <= LARGEST_GRID:
                return grid, CHANNELS[:times]
    raise ValueError(
        "image_shape must be (channels, size, size), where halving the size one to three times "
        f"gives a whole number of at most {LARGEST_GRID}, got {tuple(image_shape)}"
    )
