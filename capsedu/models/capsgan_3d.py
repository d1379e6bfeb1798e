"""The discriminator of matrix capsules that CapsGAN proposes for smallNORB."""

from collections.abc import Sequence

from torch import Tensor, nn

from capsedu.models.gan import Judgement
from capsedu.models.matrix_capsnet import MatrixCapsNet


class MatrixCapsuleDiscriminator(nn.Module):
    """A 5x5 convolution, matrix capsules, and one class capsule each for real and for fake.

    314,852 parameters for 1x64x64 images in the paper's width. The paper draws one capsule per
    "output class" and does not say which classes a discriminator has. Images are *not*
    standardised first, as :class:`~capsedu.models.matrix_capsnet.MatrixCapsNet` does: behind
    that a discriminator cannot see brightness and contrast, and a generator never learns them.

    Args:
        image_shape: ``(c, h, w)``, at least 17 pixels high and wide.
        feature_channels: A, channels of the convolution.
        primary_types: B, types of primary capsule.
        convolutional_types: C and D, types in the two convolutional layers.
        iterations: of EM routing.

    Shapes:
        input ``[b, c, h, w]`` in [-1, 1]; output a :class:`~capsedu.models.gan.Judgement` with
        scores ``[b, 2]`` and poses ``[b, 2, 16]``.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Saqur & Vivona (2018), section 5.2.3 and figure 5.
    """

    feature_count = 2 * 16

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 64, 64),
        feature_channels: int = 32,
        primary_types: int = 32,
        convolutional_types: tuple[int, int] = (32, 32),
        iterations: int = 3,
    ) -> None:
        super().__init__()
        self.capsules = MatrixCapsNet(
            image_shape, 2, feature_channels, primary_types, convolutional_types, iterations
        )
        self.capsules.features = self.capsules.features[1:]  # without the standardising

    def forward(self, images: Tensor) -> Judgement:
        poses, activations = self.capsules(images)
        return Judgement(activations.logit(eps=1e-6), poses, poses.flatten(1))

    def compile_routing(self) -> None:
        """Compile the layers that take nearly all the time, where there is a compiler."""
        self.capsules.compile_routing()
