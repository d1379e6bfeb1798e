"""The network of matrix capsules: Hinton, Sabour & Frosst (2018), figure 1."""

import math
from collections.abc import Sequence
from itertools import pairwise

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
    image_by_image,
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
    64, 8, 16, 16         67,154     68,000        68,754
    32, 32, 32, 32       316,394    310,000       317,194
    ==================  ========  =========  ============

    The paper gives its counts in thousands and does not list what it counts. Its layers'
    weights alone make 66,880 and 315,680; every layer but the capsule layers has a bias here,
    and each type of parent its two betas. The small count is the paper's if its images are
    stereo pairs; the large one is 2 % above the paper's, and without biases and betas still is.

    Where the paper is silent: each image is standardised first, as in the authors' released
    code. Transforms begin near the identity (there at random), a parent begins as likely
    active as not (:func:`typical_cost`), and the inverse temperature tends to 0.15 between
    grids and to 5 divided by the number of children in the class layer. That is 0.01 for the
    paper's 512 children, the authors' constant for all layers, with which a small network
    hardly learns: its activations all stay near one half.

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
        a, b, (c, d) = feature_channels, primary_types, convolutional_types
        counts = {"feature_channels": a, "primary_types": b, "classes": classes}
        counts |= {"convolutional_types[0]": c, "convolutional_types[1]": d}
        for name, count in counts.items():
            require_count(name, count)
        self.image_shape = tuple(image_shape)
        self.features = nn.Sequential(
            # Without numbers to learn, this standardises each image by itself.
            nn.LayerNorm(image_shape, elementwise_affine=False),
            nn.Conv2d(image_shape[0], a, KERNEL, stride=2),
            nn.ReLU(),
        )
        self.primary_capsules = PrimaryMatrixCapsules(a, b, pose)
        shared = {"iterations": iterations, "pose": pose}
        capsules = [
            n * types for n, types in zip(cells(image_shape[1:]), (b, c, d, classes), strict=True)
        ]
        costs = [typical_cost(*layer, pose) for layer in pairwise(capsules)]
        self.convolutional_capsules = nn.Sequential(
            ConvolutionalCapsules(b, c, 3, 2, **shared, final_lambda=0.15, cost=costs[0]),
            ConvolutionalCapsules(c, d, 3, 1, **shared, final_lambda=0.15, cost=costs[1]),
        )
        self.class_capsules = ClassMatrixCapsules(
            d,
            classes,
            **shared,
            coordinate_addition=coordinate_addition,
            final_lambda=5 / capsules[2],
            cost=costs[2],
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Class capsules of ``images`` ``[b, c, h, w]``: poses ``[b, classes, d]`` and
        activations ``[b, classes]``, in [0, 1]."""
        return self.class_capsules(self.children_of(images))

    def children_of(self, images: Tensor) -> MatrixCapsules:
        """The last grid of capsules, whose votes the class capsules explain."""
        require_images(images, self.image_shape)
        capsules = self.primary_capsules(self.features(images))
        for layer in self.convolutional_capsules:
            capsules = image_by_image(layer, capsules)
        return capsules

    def compile_routing(self) -> None:
        """Compile the two layers that take nearly all the time, where there is a compiler.

        The numbers stay the same. A small network trains two to three times as fast then; the
        first call of each kind (training, inference) waits for the compiler, about half a minute.
        """
        compile_where_possible(*self.convolutional_capsules)


def cells(image_size: Sequence[int]) -> list[int]:
    """Cells of the four grids of capsules for images of ``(height, width)`` pixels: primary,
    two convolutional, and the one cell of the class capsules."""
    sizes = [[(n - KERNEL) // 2 + 1 for n in image_size]]
    for stride in (2, 1):
        sizes.append([(n - 3) // stride + 1 for n in sizes[-1]])
    return [*map(math.prod, sizes), 1]


def typical_cost(children: int, parents: int, pose: PoseShape) -> float:
    """About what it costs a parent of an untrained network to describe its votes, in nats.

    Half of the children are active, each parent receives its part of them, and the votes'
    standard deviation is about exp(-2) in each of the pose's components.
    """
    return -2.0 * pose.dim * 0.5 * children / parents
