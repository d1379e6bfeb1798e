"""DRAW's windows: where a network looks at an image, and where it paints on its canvas.

A window is a square grid of Gaussian filters. Its five parameters are computed from the
decoder's state, so the network learns by gradients where to look.

"Gregor" is Gregor, Danihelka, Graves, Rezende & Wierstra, *DRAW: A Recurrent Neural Network For
Image Generation* (2015), arXiv:1502.04623. The paper counts pixels and filters from 1; here
everything is counted from 0, so pixel 0 has its middle at 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from capsedu.errors import require_count, require_dims

PARAMETERS = 5


class Window(NamedTuple):
    """Where the filters of a grid stand, how broad they are, and how strong."""

    centre: Tensor
    """(x, y) of the grid's middle, in pixels, ``[b, 2]``."""
    stride: Tensor
    """Pixels between two neighbouring filters, ``[b]``."""
    variance: Tensor
    """Of every filter, in pixels squared, ``[b]``."""
    intensity: Tensor
    """What a glimpse is multiplied by, and a patch divided by, ``[b]``."""


def window(parameters: Tensor, cells: int, size: int) -> Window:
    r"""The window that a network's five numbers stand for.

    .. math::
        g = \frac{A+1}{2}(\tilde g + 1), \qquad
        \delta = \frac{A-1}{N-1}\,\tilde\delta

    With all five at 0, as they nearly are in a fresh network, the grid covers the whole image.

    Args:
        parameters: :math:`\tilde g_X, \tilde g_Y, \log\sigma^2, \log\tilde\delta,
            \log\gamma`, ``[b, 5]``.
        cells: :math:`N`, filters along each side of the grid. A single one has no neighbour,
            and its stride means nothing.
        size: :math:`A`, pixels along each side of the image.

    Source: Gregor, equations 21 to 24.
    """
    require_dims("parameters", parameters, "b parameters")
    if parameters.shape[1] != PARAMETERS:
        raise ValueError(
            f"parameters must have shape [b, {PARAMETERS}], got {list(parameters.shape)}"
        )
    # (A+1)/2 counted from 1 is (A-1)/2 counted from 0: the middle of the image.
    centre = (size - 1) / 2 + (size + 1) / 2 * parameters[:, :2]
    variance, stride, intensity = parameters[:, 2:].exp().unbind(dim=1)
    return Window(centre, (size - 1) / max(cells - 1, 1) * stride, variance, intensity)


def filter_banks(window: Window, cells: int, size: int) -> Tensor:
    r"""The filters of a grid, as two matrices: :math:`F_X` and :math:`F_Y`.

    .. math::
        \mu_i = g + (i - N/2 - 0.5)\,\delta, \qquad
        F[i, a] = \frac{1}{Z_i}\exp\left(-\frac{(a - \mu_i)^2}{2\sigma^2}\right)

    (with i counted from 1). :math:`Z_i` makes each row sum to 1. That is a softmax over the
    pixels, which stays exact where a filter has left the image and all exponentials are 0.

    Args:
        window: of a batch.
        cells: :math:`N`, filters along each side of the grid.
        size: :math:`A`, pixels along each side of the image.

    Returns:
        ``[b, 2, cells, size]``: first the filters along x, then those along y.

    Source: Gregor, equations 19, 20, 25 and 26.
    """
    device = window.centre.device
    steps = torch.arange(cells, device=device) - (cells - 1) / 2
    means = window.centre.unsqueeze(2) + window.stride[:, None, None] * steps  # [b, 2, cells]
    away = torch.arange(size, device=device) - means.unsqueeze(3)
    return (away.square() * (-0.5 / window.variance)[:, None, None, None]).softmax(dim=3)


def read_window(images: Tensor, banks: Tensor) -> Tensor:
    r"""What the filters see of images: :math:`F_Y\, x\, F_X^T`, for every channel at once.

    Args:
        images: ``[b, c, h, w]``.
        banks: of :func:`filter_banks`, ``[b, 2, cells, size]``.

    Returns:
        Glimpses ``[b, c, cells, cells]``.

    Source: Gregor, equation 27, without the intensity.
    """
    x, y = banks.unsqueeze(2).unbind(dim=1)  # [b, 1, cells, size] each
    return y @ images @ x.mT


def write_window(patches: Tensor, banks: Tensor) -> Tensor:
    r"""What patches look like on the canvas: :math:`F_Y^T\, w\, F_X`, the transposed reading.

    Args:
        patches: ``[b, c, cells, cells]``.
        banks: of :func:`filter_banks`, ``[b, 2, cells, size]``.

    Returns:
        Images ``[b, c, size, size]``.

    Source: Gregor, equation 29, without the intensity.
    """
    x, y = banks.unsqueeze(2).unbind(dim=1)
    return y.mT @ patches @ x


class AttentiveRead(nn.Module):
    """A glimpse of the image, and of what the canvas lacks, through a window.

    Args:
        image_shape: ``(c, size, size)``.
        hidden: length of the decoder's state.
        cells: filters along each side of the grid (2 in the paper, for MNIST).

    Raises:
        ValueError, TypeError: if the window is larger than the image, or a number does not fit.

    Source: Gregor, section 3.2.
    """

    def __init__(self, image_shape: Sequence[int], hidden: int, cells: int = 2) -> None:
        super().__init__()
        self.channels, self.size = _grid(image_shape, cells)
        self.cells = cells
        self.features = 2 * self.channels * cells * cells
        self.window = nn.Linear(hidden, PARAMETERS)

    def forward(
        self, images: Tensor, canvas: Tensor, state: Tensor
    ) -> tuple[Tensor, Window | None]:
        """The glimpse ``[b, features]``, and the window.

        Args:
            images: ``[b, c, h, w]``.
            canvas: logits, the same shape.
            state: the decoder's, ``[b, hidden]``.
        """
        where = window(self.window(state), self.cells, self.size)
        both = torch.cat([images, images - canvas.sigmoid()], dim=1)
        glimpse = read_window(both, filter_banks(where, self.cells, self.size))
        return glimpse.flatten(1) * where.intensity.unsqueeze(1), where


class WholeRead(nn.Module):
    """The whole image, and all that the canvas lacks: reading without attention.

    Args:
        image_shape: ``(c, h, w)``.

    Source: Gregor, equation 17.
    """

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.features = 2 * torch.Size(image_shape).numel()

    def forward(self, images: Tensor, canvas: Tensor, state: Tensor) -> tuple[Tensor, None]:
        """Both, ``[b, features]``; there is no window. Arguments as for :class:`AttentiveRead`."""
        both = torch.cat([images, images - canvas.sigmoid()], dim=1)
        return both.flatten(1), None


class NoRead(nn.Module):
    """Nothing of the image: for a network that has seen it otherwise."""

    features = 0

    def forward(self, images: Tensor, canvas: Tensor, state: Tensor) -> tuple[Tensor, None]:
        """Nothing, ``[b, 0]``, through no window. Arguments as for :class:`AttentiveRead`."""
        return images.new_empty(len(images), 0), None


class AttentiveWrite(nn.Module):
    """A patch, painted on the canvas through a window.

    One linear map gives the window and the patch.

    Args:
        image_shape: ``(c, size, size)``.
        hidden: length of the decoder's state.
        cells: filters along each side of the grid (5 in the paper, for MNIST).

    Raises:
        ValueError, TypeError: if the window is larger than the image, or a number does not fit.

    Source: Gregor, section 3.2.
    """

    def __init__(self, image_shape: Sequence[int], hidden: int, cells: int = 5) -> None:
        super().__init__()
        self.channels, self.size = _grid(image_shape, cells)
        self.cells = cells
        self.window_and_patch = nn.Linear(hidden, PARAMETERS + self.channels * cells * cells)

    def forward(self, state: Tensor) -> tuple[Tensor, Window | None]:
        """What is added to the canvas, ``[b, c, h, w]``, for states ``[b, hidden]``; the window."""
        numbers = self.window_and_patch(state)
        where = window(numbers[:, :PARAMETERS], self.cells, self.size)
        patches = numbers[:, PARAMETERS:] / where.intensity.unsqueeze(1)
        patches = patches.unflatten(1, (self.channels, self.cells, self.cells))
        return write_window(patches, filter_banks(where, self.cells, self.size)), where


class WholeWrite(nn.Module):
    """Paint on the whole canvas: writing without attention.

    Args:
        image_shape: ``(c, h, w)``.
        hidden: length of the decoder's state.

    Source: Gregor, equation 18.
    """

    def __init__(self, image_shape: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.change = nn.Linear(hidden, torch.Size(image_shape).numel())

    def forward(self, state: Tensor) -> tuple[Tensor, None]:
        """What is added to the canvas, ``[b, c, h, w]``; there is no window."""
        return self.change(state).unflatten(1, self.image_shape), None


def _grid(image_shape: Sequence[int], cells: int) -> tuple[int, int]:
    """Channels and size of an image on which a grid of so many cells fits."""
    if len(image_shape) != 3 or image_shape[1] != image_shape[2]:
        raise ValueError(f"image_shape must be (channels, size, size), got {tuple(image_shape)}")
    require_count("cells", cells)
    channels, size, _ = image_shape
    if cells > size:
        raise ValueError(
            f"cells must be at most {size}, the size of the image: a window has one filter for "
            f"each pixel at most, got {cells}"
        )
    return channels, size
