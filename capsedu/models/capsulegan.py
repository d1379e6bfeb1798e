"""CapsuleGAN of the course slides: Karmakar (2018)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from capsedu.models.dcgan import initialise, require_noise

NOISE = 28
CHANNELS = (128, 64, 32, 3, 1)
LADDER = ((2, 1, 0), (1, 0, 0), (2, 1, 1), (2, 1, 1))  # stride, padding, output padding


class CapsuleGanGenerator(nn.Sequential):
    """128 x 3x3 -> 64 x 5x5 -> 32 x 7x7 -> 3 x 14x14 -> 1 x 28x28, with 3x3 kernels throughout.

    125,989 parameters. The slides give these sizes, and 28 numbers as noise; the strides follow
    from the sizes (chapter 1 of the book). How the noise becomes 128 x 3x3 they do not say: here
    by one more 3x3 transposed convolution, of a single cell. Batch normalisation, ReLU and tanh
    stand where DCGAN has them.

    Shapes:
        input ``[b, 28]``; output ``[b, 1, 28, 28]`` in [-1, 1].

    Source: Karmakar, *Improving Generative Adversarial Networks with CapsuleNET* (2018), slides
    "Architecture" and "Playing with Input Parameters".
    """

    image_shape: Sequence[int] = (1, 28, 28)
    noise_dim: int = NOISE

    def __init__(self) -> None:
        layers: list[nn.Module] = [nn.Unflatten(1, (NOISE, 1, 1))]
        layers += [nn.ConvTranspose2d(NOISE, CHANNELS[0], 3)]
        for (c_in, c_out), (stride, padding, extra) in zip(pairwise(CHANNELS), LADDER, strict=True):
            layers += [nn.BatchNorm2d(c_in), nn.ReLU()]
            layers += [nn.ConvTranspose2d(c_in, c_out, 3, stride, padding, extra)]
        super().__init__(*layers, nn.Tanh())
        self.apply(initialise)

    def forward(self, noise: Tensor) -> Tensor:
        require_noise(noise, NOISE)
        return super().forward(noise).float()
