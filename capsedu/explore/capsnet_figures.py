"""The figures of the CapsNet chapter: built here, explained there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from torch import Tensor

from capsedu.explore.figures import COLOURS, DASHES, MARKS

BLUE, ORANGE = COLOURS[:2]
FIRST, SECOND = (0.90, 0.62, 0.0), (0.34, 0.71, 0.91)  # orange and sky blue, on black
PAGE = 7.2  # inches: as wide as the page's text


def image_rows(rows: Mapping[str, Tensor], titles: Sequence[str]) -> Figure:
    """Rows of small images, with a name beside each row and a title above each column.

    Args:
        rows: by name, grey images ``[n, 1, h, w]`` or colour images ``[n, 3, h, w]`` in [0, 1].
        titles: ``n`` texts.
    """
    side = min(0.95, (PAGE - 1.2) / len(titles))
    headroom = 0.18 * (1 + max(title.count("\n") + 1 for title in titles))
    figure, axes = plt.subplots(
        len(rows),
        len(titles),
        figsize=(PAGE, side * len(rows) + headroom),
        squeeze=False,
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for axis, image in zip(row, images, strict=True):
            _draw(axis, image)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=8.5)
    return figure


def two_colours(first: Tensor, second: Tensor) -> Tensor:
    """Two sets of grey images ``[n, 1, h, w]`` laid over each other: ``[n, 3, h, w]``.

    The first is orange and the second sky blue; where both are, it is nearly white.
    """
    tints = (torch.tensor(colour).view(3, 1, 1) for colour in (FIRST, SECOND))
    return sum(i * tint for i, tint in zip((first, second), tints, strict=True)).clamp(max=1)


def sweep_sheet(images: Tensor, amounts: Tensor, change: Tensor) -> Figure:
    """Reconstructions under a sweep of each pose component.

    Args:
        images: ``[d, n, 1, h, w]``, one row per component.
        amounts: added to the component in each column, ``[n]``.
        change: a number per row, written at its right, ``[d]``.
    """
    components, columns, _, h, w = images.shape
    sheet = images.squeeze(2).permute(0, 2, 1, 3).reshape(components * h, columns * w)
    height = 4.65 * components / columns + 0.75
    figure, axis = plt.subplots(figsize=(5.6, height), layout="constrained")
    axis.imshow(sheet.numpy(), cmap="gray", vmin=0, vmax=1)
    axis.set_xticks([w * (i + 0.5) for i in range(columns)], [f"{x:+.2f}" for x in amounts])
    axis.set_yticks([h * (i + 0.5) for i in range(components)], range(components))
    axis.tick_params(length=0, labelsize=8)
    axis.set(xlabel="added to the component", ylabel="component")
    for place, number in enumerate(change.tolist()):
        axis.text(columns * w + 4, h * (place + 0.5), f"{number:.1f}", va="center", fontsize=8)
    axis.text(columns * w + 4, -4, "change", fontsize=7)
    return figure


def two_cuts(right: Tensor, wrong: Tensor, first: int) -> Figure:
    """What is inside primary capsules when the convolution's channels are constants.

    Args:
        right: capsules cut across channels, ``[n, e]``; each entry is a channel's number.
        wrong: capsules cut across places, same shape.
        first: number of the first capsule shown.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.6), sharey=True, layout="constrained")
    titles = ("eight channels at one place", "eight places of one channel (wrong)")
    for axis, table, title in zip(axes, (right, wrong), titles, strict=True):
        picture = axis.imshow(table.numpy(), cmap="viridis", vmin=0, vmax=255, aspect="auto")
        axis.set_title(title, fontsize=10.5)
        axis.set(xlabel="component of the pose", xticks=range(table.shape[1]))
        for y, x in torch.cartesian_prod(*map(torch.arange, table.shape)).tolist():
            number = int(table[y, x])
            colour = "white" if number < 150 else "black"
            axis.text(x, y, number, ha="center", va="center", fontsize=8, color=colour)
    axes[0].set_ylabel("capsule")
    axes[0].set_yticks(range(len(right)), range(first, first + len(right)))
    figure.colorbar(picture, ax=axes, label="channel")
    return figure


def error_curves(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Error on the test images by epoch, on a logarithmic scale.

    Args:
        curves: by name, pairs of an epoch and a share of wrong images; four at most.
    """
    figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
    for k, (name, points) in enumerate(curves.items()):
        epochs, errors = zip(*points, strict=True)
        shares = [100 * error for error in errors]
        axis.plot(epochs, shares, DASHES[k], color=COLOURS[k], marker=MARKS[k], label=name)
    axis.set(xlabel="epoch", ylabel="wrong test images, %", yscale="log")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def pose_under_motion(
    panels: Mapping[str, tuple[Tensor, Tensor, Tensor]], typical: float
) -> Figure:
    """Length (above) and direction (below) of a class capsule while its digit is moved.

    Args:
        panels: by the name of the motion: its amounts ``[n]``, the mean length ``[n]``, and
            the mean angle between the pose and that of the unmoved digit, in degrees ``[n]``.
        typical: angle between two digits of one class, in degrees; a line to compare with.
    """
    figure, axes = plt.subplots(
        2, len(panels), figsize=(PAGE, 4.4), sharex="col", sharey="row", squeeze=False
    )
    figure.set_layout_engine("constrained")
    for (above, below), (name, (amounts, lengths, angles)) in zip(
        axes.T, panels.items(), strict=True
    ):
        above.plot(amounts, lengths, "o-", color=BLUE, markersize=4)
        below.plot(amounts, angles, "s-", color=ORANGE, markersize=4)
        below.axhline(typical, color="black", linestyle="--", label="two digits of one class")
        above.set_ylim(0, 1)
        below.set(xlabel=name, ylim=(0, None))
        for axis in (above, below):
            axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("length")
    axes[1, 0].set_ylabel("pose turned by, degrees")
    axes[1, -1].legend(loc="upper center")
    return figure


def share_bars(shares: Mapping[str, tuple[float, float]]) -> Figure:
    """Two bars per layer: its share of the parameters and of the multiplications.

    Args:
        shares: by layer, (share of parameters, share of multiplications).
    """
    figure, axis = plt.subplots(figsize=(PAGE, 0.6 * len(shares) + 0.9), layout="constrained")
    columns = zip(*shares.values(), strict=True)
    styles = zip((-0.2, 0.2), (ORANGE, BLUE), ("//", ""), strict=True)
    names = ("parameters", "multiplications")
    for values, (offset, colour, hatch), name in zip(columns, styles, names, strict=True):
        places = [i + offset for i in range(len(shares))]
        percent = [100 * value for value in values]
        bars = axis.barh(places, percent, 0.36, color=colour, hatch=hatch, label=name)
        axis.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axis.set_yticks(range(len(shares)), shares)
    axis.invert_yaxis()
    axis.set(xlabel="share of the whole network, %", xlim=(0, 108))
    axis.legend(loc="lower right")
    return figure


def _draw(axis: Axes, image: Tensor) -> None:
    """One image without ticks: grey for one channel, coloured for three."""
    axis.imshow(image.permute(1, 2, 0).squeeze(2).numpy(), cmap="gray", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)
