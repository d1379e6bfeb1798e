"""Figures of chapter 1: grids that paint each other, matrices, checkerboards, spectra."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from torch import Tensor

from capsedu.explore.figures import COLOURS

BLUE, GREEN = COLOURS[4], COLOURS[2]


def two_ways_picture(large: int, small: int, kernel: int, stride: int) -> Figure:
    """The two pictures of a convolution: 3x3 cells into one, and one cell into 3x3.

    Args:
        large: cells along one side of the large (blue) grid.
        small: cells along one side of the small (green) grid.
        kernel: cells along one side of the window.
        stride: how far apart the windows of two neighbouring green cells are.

    Returns:
        A figure with the convolution on the left and its transpose on the right.
    """
    figure, axes = plt.subplots(
        1,
        5,
        figsize=(7.2, 2.5),
        width_ratios=[large, small, 2.2, small, large],
        layout="constrained",
    )
    axes[2].axis("off")
    window = (stride, stride)  # where the green cell (1, 1) has its window
    for axis, size, colour, start, extent, title in [
        (axes[0], large, BLUE, window, kernel, f"{kernel}×{kernel} blue cells are read,"),
        (axes[1], small, GREEN, (1, 1), 1, "one is made"),
        (axes[3], small, GREEN, (1, 1), 1, "One green cell"),
        (axes[4], large, BLUE, window, kernel, f"paints {kernel}×{kernel} blue ones"),
    ]:
        _draw_cells(axis, size, colour, start, extent)
        axis.set_title(title, fontsize=10)
    for green, blue, way in [(axes[1], axes[0], "<|-"), (axes[3], axes[4], "-|>")]:
        edge = window[1] + kernel if way == "<|-" else window[1]
        for row in (0, kernel):
            _link(
                figure,
                green,
                blue,
                (2 if way == "<|-" else 1, 1 + row / kernel),
                (edge, window[0] + row),
            )
    return figure


def _draw_cells(axis: Axes, size: int, colour: str, start: tuple[int, int], extent: int) -> None:
    for row in range(size):
        for column in range(size):
            inside = all(
                0 <= place - first < extent
                for place, first in zip((row, column), start, strict=True)
            )
            style = {"facecolor": colour} if inside else {"facecolor": "white"}
            axis.add_patch(Rectangle((column, row), 1, 1, edgecolor="0.6", linewidth=0.8, **style))
    outline = Rectangle(start[::-1], extent, extent, fill=False, edgecolor="black", linewidth=2)
    axis.add_patch(outline)
    axis.set(xlim=(-0.1, size + 0.1), ylim=(size + 0.1, -0.1), aspect="equal")
    axis.axis("off")


def _link(figure: Figure, green: Axes, blue: Axes, at: tuple, to: tuple) -> None:
    line = ConnectionPatch(
        at, to, "data", "data", axesA=green, axesB=blue, color="0.35", linewidth=1, linestyle="--"
    )
    figure.add_artist(line)


def matrix_pair(matrix: Tensor, names: tuple[str, str]) -> Figure:
    """A transposed convolution's ``matrix`` (second) beside the convolution's (first)."""
    rows, columns = matrix.shape
    height = 4.3
    figure, axes = plt.subplots(
        1,
        2,
        figsize=(7.2, height),
        width_ratios=[rows, columns * 2.2],
        layout="constrained",
    )
    for axis, values, name in zip(axes, (matrix.T, matrix), names, strict=True):
        image = axis.imshow(values.numpy(), cmap="cividis", vmin=0, aspect="equal")
        axis.set_title(name, fontsize=10)
        axis.set(xlabel="cell that is read", ylabel="cell that is made")
    axes[0].set_anchor("N")
    figure.colorbar(image, ax=axes[0], label="weight", orientation="horizontal", shrink=0.6)
    return figure


def number_maps(
    maps: Sequence[Tensor], titles: Sequence[str], digits: int = 0, columns: int = 4
) -> Figure:
    """Small maps ``[h, w]`` with their numbers written in, on one colour scale from 0."""
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(7.2, 7.2 / columns * rows + 0.25 * rows), layout="constrained"
    )
    axes = axes.flat if len(maps) > 1 else [axes]
    largest = max(values.max().item() for values in maps)
    for axis, values, title in zip(axes, maps, titles, strict=False):
        axis.imshow(values.numpy(), cmap="cividis", vmin=0, vmax=largest)
        for (row, column), value in _entries(values):
            colour = "black" if value > 0.55 * largest else "white"
            axis.text(
                column,
                row,
                f"{value:.{digits}f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
        axis.set_title(title, fontsize=9.5)
        axis.set(xticks=[], yticks=[])
    return figure


def _entries(values: Tensor):
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            yield (row, column), value


def image_row(images: Sequence[Tensor], titles: Sequence[str], columns: int = 4) -> Figure:
    """Grey images ``[h, w]`` with a title each, every one on its own scale from dark to light."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(7.2, (7.2 / columns + 0.3) * rows), layout="constrained"
    )
    for axis, image, title in zip(axes.flat, images, titles, strict=True):
        axis.imshow(image.numpy(), cmap="gray", interpolation="nearest")
        axis.set_title(title, fontsize=9.5)
        axis.axis("off")
    return figure


def spectra(powers: dict[str, Tensor]) -> Figure:
    """Mean power spectra ``[n, n]``, from ``torch.fft.fft2``, logarithmic, frequency 0 central."""
    figure, axes = plt.subplots(
        1, len(powers), figsize=(7.2, 2.6), layout="constrained", sharey=True
    )
    largest = max(power.max().item() for power in powers.values())
    for axis, (name, power) in zip(axes, powers.items(), strict=True):
        centred = power.roll((power.shape[0] // 2, power.shape[1] // 2), (0, 1))
        shown = (centred / largest).clamp(min=1e-5).log10()
        extent = (-0.5, 0.5, 0.5, -0.5)
        image = axis.imshow(shown.numpy(), cmap="viridis", vmin=-5, vmax=0, extent=extent)
        axis.set_title(name, fontsize=9.5)
        ticks = [-0.5, -0.25, 0, 0.25, 0.5]
        names = ["−½", "−¼", "0", "¼", "½"]
        axis.set_xticks(ticks, names)
        axis.set_yticks(ticks, names)
    axes[0].set_ylabel("cycles per pixel")
    bar = {"orientation": "horizontal", "shrink": 0.5, "aspect": 40}
    figure.colorbar(image, ax=axes, label="power, log₁₀ of the strongest's share", **bar)
    return figure
