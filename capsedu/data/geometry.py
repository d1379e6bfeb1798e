"""Moving whole batches of images, each by its own amount.

Everywhere, ``dy`` counts pixels downwards and ``dx`` pixels to the right, and a positive
angle turns the picture counter-clockwise as seen on the screen. A canvas of another size
keeps the image in its middle; what comes in from outside is 0 (black).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.errors import require_dims


def shift_images(images: Tensor, shift: Tensor, size: int | None = None) -> Tensor:
    """Move each image by whole pixels: an exact copy, nothing is interpolated.

    Args:
        images: ``[b, c, h, w]``.
        shift: whole pixels (dy, dx), int64 ``[b, 2]``. Positive values move the content
            down and to the right.
        size: side of the square canvas to draw on; the images' own size if not given.
            With an odd margin the middle is rounded up and to the left.

    Returns:
        The moved images, ``[b, c, size, size]``; what leaves the canvas is lost.

    Raises:
        ValueError, TypeError: if a shape or dtype does not fit, or the canvas is too small.
    """
    require_dims("images", images, "b c h w")
    b, _, h, w = images.shape
    if shift.is_floating_point():
        raise TypeError(f"shift must hold whole pixels, got {shift.dtype}")
    if shift.shape != (b, 2):
        raise ValueError(f"shift must have shape [{b}, 2], got {list(shift.shape)}")
    height, width = _canvas(images, size)
    # Every possible shift is a window into one wide black frame. `unfold` lists all windows
    # without copying them; indexing then copies the one window that each image needs.
    reach = int(shift.abs().max()) if b else 0
    top, left = (height - h) // 2, (width - w) // 2
    frame = F.pad(
        images,
        (left + reach, width - w - left + reach, top + reach, height - h - top + reach),
    )
    windows = frame.unfold(2, height, 1).unfold(3, width, 1)
    row, column = (reach - shift.to(images.device)).unbind(dim=1)
    return windows[torch.arange(b, device=images.device), :, row, column]


def affine_matrix(angle: Tensor, shear: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    r"""The affine map that scales first, then shears, rotates and shifts.

    It acts on points :math:`(x, y)` measured in pixels from the middle of the image, x to
    the right and y downwards:

    .. math::
        \begin{pmatrix} x' \\ y' \end{pmatrix} =
        \begin{pmatrix} \cos\alpha & \sin\alpha \\ -\sin\alpha & \cos\alpha \end{pmatrix}
        \begin{pmatrix} 1 & k \\ 0 & 1 \end{pmatrix}
        \begin{pmatrix} s_x & 0 \\ 0 & s_y \end{pmatrix}
        \begin{pmatrix} x \\ y \end{pmatrix} +
        \begin{pmatrix} d_x \\ d_y \end{pmatrix}

    Args:
        angle: :math:`\alpha` in degrees, counter-clockwise on the screen, ``[b]``.
        shear: :math:`k`, a coefficient without unit, ``[b]``. At 1 a vertical line leans by
            45 degrees; positive values move the lower half to the right.
        scale: (vertical :math:`s_y`, horizontal :math:`s_x`), ``[b, 2]``. Above 1 enlarges.
        shift: (dy, dx) in pixels, down and to the right, ``[b, 2]``.

    Returns:
        The matrices with the shift as their last column, ``[b, 2, 3]``.
    """
    cos, sin = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
    vertical, horizontal = scale.unbind(dim=1)
    dy, dx = shift.to(angle.dtype).unbind(dim=1)
    x_row = torch.stack([cos * horizontal, (cos * shear + sin) * vertical, dx], dim=1)
    y_row = torch.stack([-sin * horizontal, (cos - sin * shear) * vertical, dy], dim=1)
    return torch.stack([x_row, y_row], dim=1)


def affine_images(images: Tensor, matrix: Tensor, size: int | None = None) -> Tensor:
    """Draw each image through its own affine map, with bilinear interpolation.

    Args:
        images: ``[b, c, h, w]``.
        matrix: where each point of the image goes, as :func:`affine_matrix` gives it,
            ``[b, 2, 3]``.
        size: side of the square canvas to draw on; the images' own size if not given.

    Returns:
        The drawn images, ``[b, c, size, size]``.

    Raises:
        ValueError, TypeError: if a shape or dtype does not fit, or the canvas is too small.
    """
    require_dims("images", images, "b c h w")
    b, c, h, w = images.shape
    if matrix.shape != (b, 2, 3):
        raise ValueError(f"matrix must have shape [{b}, 2, 3], got {list(matrix.shape)}")
    height, width = _canvas(images, size)
    matrix = matrix.to(images)
    # Each point of the canvas asks where it came from, so the map is inverted. PyTorch
    # measures positions in half widths from the middle, so pixels are converted both ways.
    back = torch.linalg.inv(matrix[:, :, :2])
    origin = -back @ matrix[:, :, 2:]
    canvas_half = images.new_tensor([width / 2, height / 2])
    image_half = images.new_tensor([[w / 2], [h / 2]])
    theta = torch.cat([back * canvas_half, origin], dim=2) / image_half
    grid = F.affine_grid(theta, [b, c, height, width], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", align_corners=False)


def ink_extent(images: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """How far the ink reaches after an affine map, measured at the pixels' centres.

    Args:
        images: ``[b, c, h, w]``; every pixel above 0 is ink.
        matrix: as :func:`affine_matrix` gives it, ``[b, 2, 3]``.

    Returns:
        The lowest and the highest (y, x) in pixels from the middle, each ``[b, 2]``;
        +infinity and -infinity for an image without ink.
    """
    _, _, h, w = images.shape
    y = torch.arange(h, device=images.device) - (h - 1) / 2
    x = torch.arange(w, device=images.device) - (w - 1) / 2
    points = torch.stack([x.repeat(h), y.repeat_interleave(w)]).to(matrix)
    moved = (matrix[:, :, :2] @ points + matrix[:, :, 2:]).flip(1)
    blank = ~(images > 0).any(dim=1).flatten(1).unsqueeze(1)
    infinity = float("inf")
    lowest = moved.masked_fill(blank, infinity).amin(dim=2)
    highest = moved.masked_fill(blank, -infinity).amax(dim=2)
    return lowest, highest


def _canvas(images: Tensor, size: int | None) -> tuple[int, int]:
    h, w = images.shape[2:]
    if size is None:
        return h, w
    if size < max(h, w):
        raise ValueError(f"size must be at least {max(h, w)} to hold the images, got {size}")
    return size, size
