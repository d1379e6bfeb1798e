"""What every network of the book asks of its images."""

from collections.abc import Sequence

from torch import Tensor

from capsedu.errors import require_dims


def require_images(images: Tensor, image_shape: Sequence[int]) -> None:
    """Raise unless ``images`` is a batch of images of the shape the network was built for."""
    require_dims("images", images, "b c h w")
    if tuple(images.shape[1:]) != tuple(image_shape):
        c, h, w = image_shape
        raise ValueError(
            f"images must have shape [b, {c}, {h}, {w}], the shape this network was built for, "
            f"got {list(images.shape)}"
        )
