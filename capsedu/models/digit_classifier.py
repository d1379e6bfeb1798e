"""The small classifier whose features sample quality is measured on."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from capsedu.errors import require_count
from capsedu.models.checks import require_images

CHANNELS = (24, 48, 64)
SMALLEST = 2 ** len(CHANNELS)


class DigitClassifier(nn.Module):
    """Three 3x3 convolutions, each halved by pooling, then a layer of features, then scores.

    104,818 parameters for 1x32x32 images, 10 classes and 64 features. Two of them ship with the
    book, ``pretrained(EXPERIMENTS["digit-classifier"])`` for MNIST and
    ``"digit-classifier-digits"`` for scikit-learn's digits; their records state their errors.

    Args:
        image_shape: ``(c, h, w)``, at least 8 pixels high and wide.
        classes: number of classes.
        features: how many numbers describe an image.

    Shapes:
        input ``[b, c, h, w]`` in [0, 1]; output scores before the softmax, ``[b, classes]``.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: in no paper; it stands where the GAN literature has Inception, which was trained on
    photographs and is fifty times the size of a generator of digits.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 32, 32),
        classes: int = 10,
        features: int = 64,
    ) -> None:
        super().__init__()
        require_count("classes", classes)
        require_count("features", features)
        if len(image_shape) != 3 or min(image_shape[1:]) < SMALLEST:
            raise ValueError(
                f"image_shape must be (channels, height, width), at least {SMALLEST} pixels high "
                f"and wide (they are halved {len(CHANNELS)} times), got {tuple(image_shape)}"
            )
        in_channels, height, width = image_shape
        self.image_shape = tuple(image_shape)
        self.num_features = features
        layers: list[nn.Module] = []
        for c_in, c_out in pairwise((in_channels, *CHANNELS)):
            # Pooled before it is normalised: a quarter of the work. A bias would be subtracted.
            layers += [nn.Conv2d(c_in, c_out, 3, padding="same", bias=False), nn.MaxPool2d(2)]
            layers += [nn.BatchNorm2d(c_out), nn.ReLU()]
        cells = (height // SMALLEST) * (width // SMALLEST)
        layers += [nn.Flatten(), nn.Linear(CHANNELS[-1] * cells, features, bias=False)]
        # The features are taken here, normalised and before the ReLU. Fréchet's distance takes
        # them to be normally distributed: a ReLU would make many of them 0, some perhaps for
        # every image, whereas these all have a deviation of 1 over the training images, so that
        # each counts as much as any other.
        self.layers = nn.Sequential(*layers, nn.BatchNorm1d(features))
        self.scores = nn.Sequential(nn.ReLU(), nn.Linear(features, classes))
        self.to(memory_format=torch.channels_last)  # a CPU needs half the time so

    def features(self, images: Tensor) -> Tensor:
        """What is known of each image before it is classified, ``[b, features]``."""
        require_images(images, self.image_shape)
        return self.layers(images).float()

    def forward(self, images: Tensor) -> Tensor:
        """Scores before the softmax, ``[b, classes]``, of ``images`` ``[b, c, h, w]``."""
        return self.scores(self.features(images)).float()
