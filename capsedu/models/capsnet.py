"""CapsNet: Sabour, Frosst & Hinton (2017), figures 1 and 2."""

from collections.abc import Sequence

from torch import Tensor, nn

from capsedu.errors import require_count
from capsedu.layers import CapsuleDecoder, DenseCapsules, PrimaryCapsules
from capsedu.models.checks import require_images

KERNEL = 9
SMALLEST = 2 * KERNEL - 1  # two 9x9 convolutions, and one place of the grid is left


class CapsNet(nn.Module):
    """A convolution, primary capsules, one class capsule per class, and a decoder.

    8,215,568 parameters for 1x28x28 images and 10 classes; 6,804,224 without the decoder.

    The network returns poses. The length of a class capsule
    (:func:`capsedu.functional.capsule_length`) is the probability that its class is there.

    Args:
        image_shape: ``(c, h, w)``, square, at least 17 pixels wide.
        classes: number of classes.
        conv_channels: channels of the first convolution (256 in the paper).
        primary_types: types of primary capsule (32 in the paper).
        primary_dim: components of a primary capsule (8 in the paper).
        class_dim: components of a class capsule (16 in the paper).
        iterations: of dynamic routing (3 in the paper).
        decoder: whether to build the decoder that reconstructs the image.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Sabour, Frosst & Hinton (2017), section 4.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        conv_channels: int = 256,
        primary_types: int = 32,
        primary_dim: int = 8,
        class_dim: int = 16,
        iterations: int = 3,
        decoder: bool = True,
    ) -> None:
        super().__init__()
        grid = _grid_size(image_shape)
        require_count("classes", classes)
        self.image_shape = tuple(image_shape)
        self.convolution = nn.Conv2d(image_shape[0], conv_channels, KERNEL)
        self.primary_capsules = PrimaryCapsules(
            conv_channels, primary_types, primary_dim, kernel_size=KERNEL, stride=2
        )
        self.class_capsules = DenseCapsules(
            primary_types * grid * grid, primary_dim, classes, class_dim, iterations
        )
        self.decoder = CapsuleDecoder(classes, class_dim, image_shape) if decoder else None

    def forward(self, images: Tensor) -> Tensor:
        """Class capsules ``[b, classes, class_dim]`` of ``images`` ``[b, c, h, w]`` in [0, 1]."""
        return self.class_capsules(self.children_of(images))

    def children_of(self, images: Tensor) -> Tensor:
        """Primary capsules ``[b, i, primary_dim]``: the children that vote."""
        require_images(images, self.image_shape)
        return self.primary_capsules(self.convolution(images).relu_())


def _grid_size(image_shape: Sequence[int]) -> int:
    """Height and width of the grid of primary capsules."""
    if len(image_shape) != 3 or image_shape[1] != image_shape[2] or image_shape[1] < SMALLEST:
        raise ValueError(
            f"image_shape must be (channels, size, size) with a size of at least {SMALLEST} "
            f"(two {KERNEL}x{KERNEL} convolutions must fit), got {tuple(image_shape)}"
        )
    return (image_shape[1] - SMALLEST) // 2 + 1
