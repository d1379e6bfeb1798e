"""A transposed convolution, one input after the other, with everything to be changed."""

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.player import Player
from capsedu.explore.transposed_figures import number_maps
from capsedu.functional import transposed_conv_size

KERNELS = range(1, 6)
STRIDES = range(1, 4)
PATTERNS = {
    "counting": "1, 2, 3, …",
    "ones": "all 1",
    "tent": "a tent (bilinear)",
    "random": "random, untrained",
}


def transposed_convolution(
    x: Tensor | None = None,
    kernel: int = 3,
    stride: int = 2,
    padding: int = 0,
    output_padding: int = 0,
) -> Player:
    """Inputs paint the kernel one after the other; the reader sets sizes and points at cells.

    Beside the painting: which inputs reach an output and by which weights, the matrix, how
    many inputs reach each output, and the same image upsampled and convolved. What changes
    is computed in the browser.

    Args:
        x: the image ``[h, w]``, 2 to 4 cells each way; numbers from 0 to 3 if None.
        kernel: cells along a side, 1 to 5. Its weights at the start are 1, 2, 3, …
        stride: 1 to 3.
        padding: less than the kernel.
        output_padding: less than the stride.

    Raises:
        ValueError: if an argument does not fit, or the output would be empty.
    """
    x = torch.tensor([[1.0, 2.0, 0.0], [1.0, 3.0, 1.0], [2.0, 0.0, 1.0]]) if x is None else x
    require_dims("x", x, "h w")
    if not all(2 <= cells <= 4 for cells in x.shape):
        raise ValueError(f"x must have 2 to 4 rows and columns, got {list(x.shape)}")
    _require_among("kernel", kernel, KERNELS)
    _require_among("stride", stride, STRIDES)
    _require_among("padding", padding, range(kernel))
    _require_among("output_padding", output_padding, range(stride))
    if transposed_conv_size(min(x.shape), kernel, stride, padding, output_padding) < 1:
        raise ValueError(f"padding must leave something of the output, got {padding}")

    weight = torch.arange(1.0, kernel**2 + 1).view(kernel, kernel)
    random = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    steps = painting_steps(x, weight, stride, padding, output_padding)
    height, width = steps[-1].shape
    trace = {
        "title": "Transposed convolution: each input paints the kernel",
        "explorer": "transposed_convolution",
        "state": {
            "x": x,
            "image": "given",
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "output_padding": output_padding,
            "weights": "counting",
            "input": [1, 1],
            # where, with the first settings, four inputs meet
            "output": [min(max(0, stride - padding), cells - 1) for cells in (height, width)],
        },
        "controls": [
            _slider("kernel", "kernel", KERNELS),
            _slider("stride", "stride", STRIDES),
            _slider("padding", "padding", range(KERNELS[-1])),
            _slider("output_padding", "output padding", range(STRIDES[-1])),
            {"name": "weights", "label": "weights", "kind": "choice"}
            | {"options": list(PATTERNS.items())},
            {"name": "image", "label": "input", "kind": "choice"}
            | {"options": [["given", "these numbers"], ["ones", "all 1"]]},
        ],
        "random": (random * 100).round() / 100,
        "steps": [{"output": output} for output in steps],
    }
    titles = ["input", "kernel", f"output, stride {stride}"]
    alt = (
        f"An input of {x.shape[0]}×{x.shape[1]} cells, a kernel of {kernel}×{kernel} weights, and "
        f"the output of their transposed convolution with stride {stride}: {height}×{width} cells, "
        f"with numbers from {steps[-1].min():g} to {steps[-1].max():g}."
    )
    return Player(trace, number_maps([x, weight, steps[-1]], titles, columns=3), alt)


def painting_steps(
    x: Tensor, weight: Tensor, stride: int, padding: int, output_padding: int
) -> list[Tensor]:
    """The output after each input of ``x`` ``[h, w]`` has painted, row by row."""
    alone = torch.diag(x.flatten()).view(-1, 1, *x.shape)  # one image for each input
    painted = F.conv_transpose2d(alone, weight[None, None], None, stride, padding, output_padding)
    return list(painted[:, 0].cumsum(dim=0))


def _slider(name: str, label: str, values: range) -> dict:
    ends = {"min": values[0], "max": values[-1], "step": 1}
    return {"name": name, "label": label, "kind": "range", **ends}


def _require_among(name: str, value: int, values: range) -> None:
    if value not in values:
        raise ValueError(f"{name} must be {values[0]} to {values[-1]}, got {value}")
