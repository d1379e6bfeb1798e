"""The network of matrix capsules: Hinton, Sabour & Frosst (2018), figure 1."""

from collections.abc import Sequence

from torch import Tensor, nn

from capsedu.compiling import compile_where_possible
from capsedu.errors import require_count
from capsedu.layers.matrix_capsules import (
    MATRIX,
    ClassMatrixCapsules,
    ConvolutionalCapsules,
    MatrixCapsules,
    PoseShape,
    PrimaryMatrixCapsules,
)
from capsedu.models.checks import require_images

KERNEL = 5
SMALLEST = 17  # 17 pixels are 7 cells, then 3 with stride 2, then 1


class MatrixCapsNet(nn.Module):
    """A convolution, primary capsules, two convolutional capsule layers, class capsules.

    Parameters for one-channel images and 5 classes:

    ==================  ========  =========  ============
    A, B, C, D          ours      the paper  stereo, ours
    ==================  ========  =========  ============
    64, 8, 16, 16         67,282     68,000        68,882
    32, 32, 32, 32       316,458    310,000       317,258
    ==================  ========  =========  ============

    The paper gives its counts in thousands and does not list what it counts. Its layers'
    weights alone make 66,880 and 315,680; every layer but the capsule layers has a bias here,
    each type of parent its two betas, and the features go through a batch normalisation (128
    and 64 parameters), which the paper does not mention: it normalises each image, whereas
    images come as they are, from 0 to 1, here. The small count is the paper's if its
    images are stereo pairs; the large one is 2 % above the paper's, and without biases, betas
    and normalisation still is.

    Args:
        image_shape: ``(c, h, w)``, at least 17 pixels high and wide.
        classes: number of classes.
        feature_channels: A, channels of the first convolution.
        primary_types: B, types of primary capsule.
        convolutional_types: C and D, types in the two convolutional layers.
        iterations: of EM routing.
        pose: the shape of all poses.
        coordinate_addition: whether class capsules are told where their children are.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Hinton, Sabour & Frosst (2018), section 4.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 32, 32),
        classes: int = 5,
        feature_channels: int = 64,
        primary_types: int = 8,
        convolutional_types: tuple[int, int] = (16, 16),
        iterations: int = 3,
        pose: PoseShape = MATRIX,
        coordinate_addition: bool = True,
    ) -> None:
        super().__init__()
        if len(image_shape) != 3 or min(image_shape[1:]) < SMALLEST:
            raise ValueError(
                f"image_shape must be (channels, height, width), at least {SMALLEST} pixels "
                f"high and wide, got {tuple(image_shape)}"
            )
        require_count("feature_channels", feature_channels)
        a, b, (c, d) = feature_channels, primary_types, convolutional_types
        self.image_shape = tuple(image_shape)
        self.features = nn.Sequential(
            nn.Conv2d(image_shape[0], a, KERNEL, stride=2), nn.BatchNorm2d(a), nn.ReLU()
        )
        self.primary_capsules = PrimaryMatrixCapsules(a, b, pose)
        self.convolutional_capsules = nn.Sequential(
            ConvolutionalCapsules(b, c, 3, stride=2, iterations=iterations, pose=pose),
            ConvolutionalCapsules(c, d, 3, stride=1, iterations=iterations, pose=pose),
        )
        self.class_capsules = ClassMatrixCapsules(d, classes, iterations, pose, coordinate_addition)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Class capsules of ``images`` ``[b, c, h, w]``: poses ``[b, classes, d]`` and
        activations ``[b, classes]``, in [0, 1]."""
        return self.class_capsules(self.children_of(images))

    def children_of(self, images: Tensor) -> MatrixCapsules:
        """The last grid of capsules, whose votes the class capsules explain."""
        require_images(images, self.image_shape)
        return self.convolutional_capsules(self.primary_capsules(self.features(images)))

    def compile_routing(self) -> None:
        """Compile the two layers that take nearly all the time, where there is a compiler.

        The numbers stay the same. A small network trains about twice as fast then; the first
        call of each kind (training, inference) waits for the compiler, a minute or more.
        """
        compile_where_possible(*self.convolutional_capsules)
