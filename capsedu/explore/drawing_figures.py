"""The figures of the RCN chapter: built here, explained there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter, ScalarFormatter
from torch import Tensor

from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES, MARKS

Points = Sequence[tuple[float, float]]
RED = COLOURS[5]  # the palette's vermilion: the window's frame
INK = "0.75"


def likelihood_curve(points: Points, truth: float | None = None) -> Figure:
    """An estimate of log p(x) by the number of draws, below the truth where that is known.

    Args:
        points: pairs of a number of draws and nats.
        truth: the mean of log p(x).
    """
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    draws, nats = zip(*points, strict=True)
    axis.plot(draws, nats, color=COLOURS[0], marker=MARKS[0], label="estimate")
    if truth is not None:
        axis.axhline(truth, color="black", linestyle="--", label="log p(x)")
    axis.set(xlabel="draws for each x", ylabel="nats, mean over x", xscale="log")
    axis.set_xticks(draws)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.legend(loc="lower right")
    _plain(axis)
    return figure


def filter_panels(row: Tensor, banks: Mapping[str, Tensor]) -> Figure:
    """Filters over a row of pixels, one panel for each bank.

    Args:
        row: grey levels of the pixels, ``[size]``.
        banks: by name, ``[cells, size]``; six filters at most.
    """
    size = (PAGE, 0.5 + 1.7 * len(banks))
    figure, axes = plt.subplots(
        len(banks), 1, figsize=size, sharex=True, squeeze=False, layout="constrained"
    )
    places = range(len(row))
    for axis, (name, bank) in zip(axes[:, 0], banks.items(), strict=True):
        top = 1.15 * bank.max().item()
        axis.bar(places, (row * top).numpy(), width=1, color=INK, label="pixels (any scale)")
        for k, weights in enumerate(bank):
            look = {"color": COLOURS[k], "linestyle": DASHES[k], "linewidth": 1.8}
            axis.plot(places, weights, label=f"filter {k + 1}", **look)
        axis.set(ylabel="weight", ylim=(0, top), xlim=(-0.5, len(row) - 0.5))
        axis.set_title(name, fontsize=10)
        _plain(axis)
    axes[-1, 0].set_xlabel("pixel")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    figure.legends[0].set(in_layout=True)
    for text in figure.legends[0].get_texts():
        text.set_fontsize(8.5)
    return figure


def framed_images(panels: Mapping[str, tuple[Tensor, Sequence[float] | None]]) -> Figure:
    """Grey images beside each other, each with the frame of a window if it has one.

    Args:
        panels: by title, an image ``[h, w]`` on a grey scale of its own, from 0 to its largest
            value, and the window's corners ``(y0, x0, y1, x1)`` in pixels from the upper left
            corner, as :func:`capsedu.explore.explorers.drawing.box` gives them, or None.
    """
    side = min(1.9, PAGE / len(panels))
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(side * len(panels), side + 0.35),
        squeeze=False,
        layout="constrained",
    )
    for axis, (title, (image, corners)) in zip(axes[0], panels.items(), strict=True):
        axis.imshow(image.numpy(), cmap="gray", vmin=0, vmax=max(image.max().item(), 1e-6))
        if corners is not None:
            y0, x0, y1, x1 = (corner - 0.5 for corner in corners)  # pixel 0 has its middle at 0
            look = {"fill": False, "edgecolor": RED, "linewidth": 2}
            axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, clip_on=False, **look))
        axis.set_title(title, fontsize=9)
        axis.set(xticks=[], yticks=[])
    return figure


def bound_panels(history: Sequence[Mapping[str, float]]) -> Figure:
    """The bound over a training, its two parts, and below the margin loss if there is one.

    Args:
        history: rows of a run or a record of a network that draws.
    """
    margin = "margin" in history[0]
    figure, axes = plt.subplots(
        1 + margin,
        1,
        figsize=(6.4, 3 + 1.4 * margin),
        sharex=True,
        squeeze=False,
        layout="constrained",
        height_ratios=[2, 1][: 1 + margin],
    )
    batches = [row["step"] for row in history]
    names = {"bound": "bound", "reconstruction": "left to tell", "kl": "told by the latents"}
    for k, (key, name) in enumerate(names.items()):
        nats = [row[key] for row in history]
        axes[0, 0].plot(batches, nats, linestyle=DASHES[k], color=COLOURS[k], label=name)
    axes[0, 0].set(ylabel="nats per image", ylim=(0, None))
    axes[0, 0].legend(frameon=False)
    if margin:
        axes[1, 0].plot(batches, [row["margin"] for row in history], color=COLOURS[3])
        axes[1, 0].set(ylabel="margin loss", ylim=(0, None))
    axes[-1, 0].set_xlabel("batch")
    for axis in axes[:, 0]:
        _plain(axis)
    return figure


def nats_by_step(told: Mapping[str, Points]) -> Figure:
    """What each step's latents tell of an image.

    Args:
        told: by the network's name, pairs of a step and nats; four networks at most.
    """
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    for k, (name, points) in enumerate(told.items()):
        steps, nats = zip(*points, strict=True)
        axis.plot(steps, nats, DASHES[k], color=COLOURS[k], marker=MARKS[k], label=name)
    axis.set(xlabel="step", ylabel="nats told", ylim=(0, None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(frameon=False)
    _plain(axis)
    return figure


def followed_moves(panels: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]]) -> Figure:
    """A move that was read off a network's code, over the move that was made.

    Args:
        panels: by the kind of move, by the code's name: amounts ``[n]`` and the amounts that
            were read off ``[n, images]``; four codes at most. A mark stands at the median of the
            images, and bars leave out a tenth of them at either end.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.6), squeeze=False, layout="constrained"
    )
    for axis, (title, codes) in zip(axes[0], panels.items(), strict=True):
        for k, (name, (amounts, read)) in enumerate(codes.items()):
            low, middle, high = read.quantile(read.new_tensor([0.1, 0.5, 0.9]), dim=1)
            reach = torch.stack([middle - low, high - middle]).numpy()
            gap = (amounts[1] - amounts[0]) * 0.12 * (k - (len(codes) - 1) / 2)
            look = {"color": COLOURS[k], "fmt": MARKS[k], "markersize": 5, "capsize": 2}
            axis.errorbar((amounts + gap).numpy(), middle.numpy(), reach, label=name, **look)
        ends = [amounts.min().item(), amounts.max().item()]
        axis.plot(ends, ends, color="black", linewidth=1)
        axis.set(xlabel=title, ylabel="read off the code")
        _plain(axis)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def class_shares(shares: Mapping[str, Points]) -> Figure:
    """Which digits samples show, a mark for each digit and network.

    Args:
        shares: by the network's name, pairs of a digit and its share; four networks at most.
    """
    figure, axis = plt.subplots(figsize=(6, 2.8), layout="constrained")
    for k, (name, points) in enumerate(shares.items()):
        digits, found = zip(*points, strict=True)
        places = [digit + 0.15 * (k - (len(shares) - 1) / 2) for digit in digits]
        percent = [100 * share for share in found]
        axis.plot(places, percent, MARKS[k], color=COLOURS[k], label=name)
    axis.axhline(10, color="0.7", linewidth=1)
    axis.set(xlabel="digit", ylabel="of the samples, %", ylim=(0, None), xticks=range(10))
    figure.legend(loc="outside upper center", ncols=len(shares), frameon=False)
    _plain(axis)
    return figure


def _plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
