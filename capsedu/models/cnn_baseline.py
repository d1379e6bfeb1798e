"""The convolutional networks that capsules are compared with."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from capsedu.errors import require_count
from capsedu.models.checks import require_images

KERNEL = 5


class CnnBaseline(nn.Module):
    """Three 5x5 convolutions, two fully connected layers, dropout, one score per class.

    The defaults are the paper's: 35,445,522 parameters for 1x28x28 images and 10 classes
    ("35.4M" in the paper). The paper names the layers but not their padding; with padding
    that keeps the size, the count comes out as it says.

    Args:
        image_shape: ``(c, h, w)``.
        classes: number of classes.
        channels: of the convolutions.
        hidden: widths of the fully connected layers.
        dropout: probability of dropping a unit before the last layer (the paper does not
            give it).

    Source: Sabour, Frosst & Hinton (2017), section 5, "Baseline".
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        channels: Sequence[int] = (256, 256, 128),
        hidden: Sequence[int] = (328, 192),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        require_count("classes", classes)
        in_channels, height, width = image_shape
        self.image_shape = tuple(image_shape)
        layers: list[nn.Module] = []
        for c_in, c_out in pairwise((in_channels, *channels)):
            layers += [nn.Conv2d(c_in, c_out, KERNEL, padding="same"), nn.ReLU()]
        layers.append(nn.Flatten())
        for n_in, n_out in pairwise((channels[-1] * height * width, *hidden)):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        layers += [nn.Dropout(dropout), nn.Linear(hidden[-1], classes)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before the softmax, ``[b, classes]``, of ``images`` ``[b, c, h, w]``."""
        require_images(images, self.image_shape)
        return self.layers(images).float()


class PoolingCnnBaseline(nn.Sequential):
    """Two 5x5 convolutions, each with 2x2 max pooling, and a layer of 1024 units with dropout.

    The defaults are the paper's: 4,252,549 parameters for 1x32x32 images and 5 classes
    ("4.2M" in the paper), 4,253,349 for stereo pairs. As in :class:`CnnBaseline`, the count
    comes out as the paper says with padding that keeps the size. Each image is standardised
    first, as for the capsules that it is compared with.

    Args:
        image_shape: ``(c, h, w)``, at least 4 pixels high and wide.
        classes: number of classes.
        channels: of the two convolutions.
        hidden: units of the fully connected layer.
        dropout: probability of dropping one of them (the paper does not give it).

    Raises:
        ValueError, TypeError: if the image shape or the number of classes does not fit.

    Source: Hinton, Sabour & Frosst (2018), section 5.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 32, 32),
        classes: int = 5,
        channels: tuple[int, int] = (32, 64),
        hidden: int = 1024,
        dropout: float = 0.5,
    ) -> None:
        require_count("classes", classes)
        if len(image_shape) != 3 or min(image_shape[1:]) < 4:
            raise ValueError(
                "image_shape must be (channels, height, width), at least 4 pixels high and "
                f"wide (they are halved twice), got {tuple(image_shape)}"
            )
        in_channels, height, width = image_shape
        layers: list[nn.Module] = [nn.LayerNorm(image_shape, elementwise_affine=False)]
        for c_in, c_out in pairwise((in_channels, *channels)):
            layers += [nn.Conv2d(c_in, c_out, KERNEL, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(channels[-1] * (height // 4) * (width // 4), hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
        self.image_shape = tuple(image_shape)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before the softmax, ``[b, classes]``, of ``images`` ``[b, c, h, w]``."""
        require_images(images, self.image_shape)
        return super().forward(images).float()


def matched_cnn(
    other: nn.Module,
    image_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    channels: Sequence[int] = (64, 64, 32),
) -> CnnBaseline:
    """The baseline with as many parameters as ``other``, to within a thousandth or so.

    The convolutions keep their widths and the first fully connected layer takes the rest.

    Args:
        other: the network to match.
        image_shape: ``(c, h, w)``.
        classes: number of classes.
        channels: of the convolutions, narrower than the paper's.

    Raises:
        ValueError: if ``other`` is smaller than the convolutions alone.
    """

    def build(width: int) -> CnnBaseline:
        return CnnBaseline(image_shape, classes, channels, hidden=(width, 192))

    wanted = parameter_count(other)
    smallest = parameter_count(build(1))
    if wanted < smallest:
        raise ValueError(
            f"other must have at least {smallest:,} parameters to be matched with channels "
            f"{tuple(channels)}, got {wanted:,}"
        )
    per_unit = parameter_count(build(2)) - smallest
    return build(1 + round((wanted - smallest) / per_unit))


def parameter_count(network: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
