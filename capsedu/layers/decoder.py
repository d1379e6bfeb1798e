"""The decoder that draws an image from class capsules."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from capsedu.errors import require_dims
from capsedu.functional import multi_hot


class CapsuleDecoder(nn.Sequential):
    """Three fully connected layers that draw what the class capsules describe.

    All capsules but the named class's are set to zero first, so that the pose of that one
    capsule has to say everything about the image.

    Args:
        classes: number of class capsules.
        pose_dim: components of a class capsule.
        image_shape: ``(c, h, w)`` of the image to draw.
        hidden: widths of the two hidden layers.

    Source: Sabour, Frosst & Hinton (2017), section 4.1.
    """

    def __init__(
        self,
        classes: int,
        pose_dim: int,
        image_shape: Sequence[int],
        hidden: tuple[int, int] = (512, 1024),
    ) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(classes * pose_dim, hidden[0]),
            nn.ReLU(),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Linear(hidden[1], prod(image_shape)),
            nn.Sigmoid(),
            nn.Unflatten(1, tuple(image_shape)),
        )
        self.classes = classes

    def forward(self, poses: Tensor, targets: Tensor) -> Tensor:
        """Draw one image per row of ``poses``.

        Args:
            poses: class capsules ``[b, j, d]``.
            targets: which class to draw: indices ``[b]``, or a mask ``[b, j]``.

        Returns:
            Images ``[b, c, h, w]`` in [0, 1].

        Raises:
            ValueError, TypeError: if a shape, dtype or class index does not fit.
        """
        require_dims("poses", poses, "b j d")
        mask = multi_hot(targets, self.classes).to(poses.dtype)
        if poses.shape[:2] != mask.shape:
            raise ValueError(
                f"poses must have shape [{len(mask)}, {self.classes}, d] to fit targets, "
                f"got {list(poses.shape)}"
            )
        return super().forward(poses * mask.unsqueeze(2)).float()
