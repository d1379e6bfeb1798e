"""DCGAN: Radford, Metz & Chintala (2016)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.models.checks import require_images
from capsedu.models.gan import Judgement

SMALLEST, LARGEST = 4, 7  # the grid that noise is first turned into


class DcganGenerator(nn.Sequential):
    """From noise to an image: a transposed convolution to a small grid, then doublings.

    Batch normalisation and ReLU after every layer but the last, which ends in tanh. With the
    paper's width: 12,654,337 parameters for 1x64x64 images, 3,444,481 for 1x32x32.

    The paper's figure 1 says 5x5 kernels. Here they are 4x4, as in most later code, because a
    kernel that the stride does not divide paints its pixels unevenly (chapter 1 of the book).

    Args:
        image_shape: ``(c, size, size)``; the size is 4, 5, 6 or 7 times a power of two, such as
            28, 32 or 64.
        noise_dim: numbers that an image is made from (100 in the paper).
        width: channels before the last layer (128 in the paper); they double towards the noise.

    Shapes:
        input ``[b, noise_dim]``; output ``[b, c, size, size]`` in [-1, 1].

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Radford et al., section 3 and figure 1.
    """

    def __init__(
        self, image_shape: Sequence[int] = (1, 64, 64), noise_dim: int = 100, width: int = 128
    ) -> None:
        grid, doublings = halvings(image_shape)
        require_count("noise_dim", noise_dim)
        require_count("width", width)
        channels = [width * 2**k for k in reversed(range(doublings))]
        layers = [nn.Unflatten(1, (noise_dim, 1, 1))]
        layers += [*_painting(noise_dim, channels[0], grid, stride=1, padding=0)]
        for c_in, c_out in pairwise(channels):
            layers += _painting(c_in, c_out, kernel=4, stride=2, padding=1)
        layers += [nn.ConvTranspose2d(channels[-1], image_shape[0], 4, 2, 1), nn.Tanh()]
        super().__init__(*layers)
        self.noise_dim = noise_dim
        self.image_shape = tuple(image_shape)
        self.apply(initialise)

    def forward(self, noise: Tensor) -> Tensor:
        require_noise(noise, self.noise_dim)
        return super().forward(noise).float()


class DcganDiscriminator(nn.Sequential):
    """From an image to one score: convolutions that halve it, then one over what is left.

    Leaky ReLU after every layer but the last, batch normalisation in all but the first and the
    last. With the paper's width: 11,032,193 parameters for 1x64x64 images, 2,633,345 for
    1x32x32.

    Args:
        image_shape: as for :class:`DcganGenerator`.
        width: channels of the first layer (128 in the paper); they double with each further.

    Shapes:
        input ``[b, c, size, size]`` in [-1, 1]; output a :class:`Judgement` with scores
        ``[b, 1]``.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Radford et al., section 3.
    """

    def __init__(self, image_shape: Sequence[int] = (1, 64, 64), width: int = 128) -> None:
        grid, times = halvings(image_shape)
        require_count("width", width)
        channels = [width * 2**k for k in range(times)]
        layers = [nn.Conv2d(image_shape[0], width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for c_in, c_out in pairwise(channels):
            # A bias before batch normalisation would be subtracted at once.
            layers += [nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out)]
            layers += [nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(channels[-1], 1, grid), nn.Flatten())
        self.image_shape = tuple(image_shape)
        self.feature_count = channels[-1] * grid * grid
        self.apply(initialise)

    def forward(self, images: Tensor) -> Judgement:
        require_images(images, self.image_shape)
        *layers, last, flatten = self
        features = images
        for layer in layers:
            features = layer(features)
        return Judgement(flatten(last(features)).float(), features=features.flatten(1))


def halvings(image_shape: Sequence[int]) -> tuple[int, int]:
    """The grid of 4 to 7 cells that halving the image ends at, and how often it is halved.

    Raises:
        ValueError: if the image cannot be halved to such a grid.
    """
    size, times = image_shape[-1], 0
    while size > LARGEST and size % 2 == 0:
        size, times = size // 2, times + 1
    square = len(image_shape) == 3 and image_shape[1] == image_shape[2]
    if not square or not times or not SMALLEST <= size <= LARGEST:
        raise ValueError(
            "image_shape must be (channels, size, size) with a size of 4, 5, 6 or 7 times a power "
            f"of two from 8 on, such as 28, 32 or 64, got {tuple(image_shape)}"
        )
    return size, times


def initialise(layer: nn.Module) -> None:
    """Weights from a normal distribution with deviation 0.02; Radford et al., section 4."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def require_noise(noise: Tensor, noise_dim: int) -> None:
    """Raise unless ``noise`` is ``[b, noise_dim]``."""
    require_dims("noise", noise, "b z")
    if noise.shape[1] != noise_dim:
        raise ValueError(
            f"noise must have shape [b, {noise_dim}] for this generator, got {list(noise.shape)}"
        )


def _painting(c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(c_in, c_out, kernel, stride, padding, bias=False)
    return [convolution, nn.BatchNorm2d(c_out), nn.ReLU()]
