"""The figures of the chapter on the regeneration report: built here, explained there."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from torch import Tensor

from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES, MARKS
from capsedu.explore.gan_losses import loss_curve, smoothed
from capsedu.explore.tables import NOT_RUN
from capsedu.records import Record

LOOKS = ({"color": COLOURS[0], "linestyle": "-"}, {"color": COLOURS[5], "linestyle": "--"})
MARK = 6  # pixels of the cross in an image's corner
METRICS = {
    "generator's loss": "generator_loss",
    "discriminator's loss": "discriminator_loss",
    "accuracy, %": "discriminator_accuracy",
}


def code_sheet(
    images: Tensor,
    rows: Sequence[str],
    columns: Sequence[str] = (),
    marked: Tensor | None = None,
    xlabel: str = "",
) -> Figure:
    """A sheet of images, a row per class or category, a column per code.

    Args:
        images: ``[r, n, h, w]`` in [0, 1].
        rows: ``r`` names.
        columns: ``n`` names, or none.
        marked: truth values ``[r, n]``; an image for which it holds has a cross in
            its corner.
        xlabel: what the columns are.
    """
    count, across, height, width = images.shape
    sheet = images.permute(0, 2, 1, 3).reshape(count * height, across * width)
    side = min(0.5, (PAGE - 1.4) / across)  # inches of an image
    size = (
        side * across + 1.2,
        side * count * height / width + 0.2 + 0.3 * bool(columns or xlabel),
    )
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    axis.imshow(sheet.numpy(), cmap="gray", vmin=0, vmax=1)
    axis.set_yticks([height * (k + 0.5) for k in range(count)], rows, fontsize=9)
    middles = [width * (k + 0.5) for k in range(across)] if columns else []
    axis.set_xticks(middles, columns, fontsize=8.5)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel(xlabel)
    for row, column in [] if marked is None else marked.nonzero().tolist():
        right, top = width * (column + 1) - 2.5, height * row + 1.5
        xs, ys = [right - MARK, right], [top, top + MARK]
        for across_it in (ys, ys[::-1]):
            axis.plot(xs, across_it, color=COLOURS[1], linewidth=1.8)
    axis.set(xlim=(-0.5, across * width - 0.5), ylim=(count * height - 0.5, -0.5))
    return figure


def game_grid(rows: Mapping[str, Mapping[str, Record | None]]) -> Figure:
    """Losses of both networks and the discriminator's accuracy, over the batches.

    The pale line is the history, the dark one the mean of ten rows at a time.

    Args:
        rows: by title: by the discriminator's name, two at most, its record.
    """
    figure, axes = plt.subplots(
        len(rows), len(METRICS), figsize=(PAGE, 1.45 * len(rows) + 0.7), squeeze=False, sharex=True
    )
    figure.set_layout_engine("constrained")
    for line, (title, records) in zip(axes, rows.items(), strict=True):
        for axis, metric in zip(line, METRICS.values(), strict=True):
            for look, (name, record) in zip(LOOKS, records.items(), strict=False):
                _history(axis, record, metric, name, look)
            axis.grid(color="0.9")
            axis.tick_params(labelsize=8)
            axis.yaxis.set_major_locator(MaxNLocator(4))
            if not any(records.values()):
                axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center", fontsize=9)
                axis.set_yticks([])
        line[0].set_ylabel(title, fontsize=9.5)
    for axis, metric in zip(axes[0], METRICS, strict=True):
        axis.set_title(metric, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("batches", fontsize=9)
    figure.align_ylabels(axes[:, 0])
    names = next(iter(rows.values()))
    handles = [plt.Line2D([], [], linewidth=2, **look) for look in LOOKS]
    figure.legend(handles, names, loc="outside upper center", ncols=2, frameon=False)
    return figure


def _history(
    axis: Axes, record: Record | None, metric: str, name: str, look: Mapping[str, str]
) -> None:
    if record is None:
        return
    steps, values = loss_curve(record.history, metric)
    scale = 100 if metric.endswith("accuracy") else 1
    values = [scale * value for value in values]
    axis.plot(steps, values, color=look["color"], alpha=0.3, linewidth=0.6)
    axis.plot(*smoothed(steps, values), linewidth=1.8, label=name, **look)


def data_curves(curves: Mapping[str, Sequence[tuple[int, Sequence[float]]]]) -> Figure:
    """FID at the end over the number of training images: the seeds' mean, and their range.

    Args:
        curves: by the discriminator's name, pairs of a number of images and each seed's FID.
    """
    figure, axis = plt.subplots(figsize=(6.2, 3.3), layout="constrained")
    for k, (name, points) in enumerate(curves.items()):
        places, means = [place for place, _ in points], [fmean(fids) for _, fids in points]
        reach = [
            [abs(mean - end(fids)) for mean, (_, fids) in zip(means, points, strict=True)]
            for end in (min, max)
        ]
        look = {**LOOKS[k], "marker": MARKS[k], "markersize": 5, "capsize": 3}
        axis.errorbar(places, means, reach, label=name, **look)
    axis.set(xlabel="training images", ylabel="FID")
    if any(curves.values()):
        axis.set(xscale="log", yscale="log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.xaxis.set_major_formatter("{x:,.0f}")
    else:
        axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center")
        axis.set(xticks=[], yticks=[])
    axis.grid(color="0.9")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return figure


def share_panels(panels: Mapping[str, Sequence[Tensor]]) -> Figure:
    """How a softmax over the units of one vector shares out 1, round by round.

    Args:
        panels: by the network's name, shares ``[b, units]`` of each round. Each image's are
            sorted, the largest first, and then averaged over the images.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.0), layout="constrained", sharey=True, squeeze=False
    )
    for axis, (title, rounds) in zip(axes[0], panels.items(), strict=True):
        for k, shares in enumerate(rounds):
            profile = shares.sort(dim=1, descending=True).values.mean(dim=0)
            ranks = range(1, 1 + len(profile))
            look = {"color": COLOURS[(0, 5, 2)[k % 3]], "linestyle": DASHES[k], "linewidth": 1.8}
            axis.plot(ranks, profile.tolist(), label=f"round {k + 1}", **look)
        even = 1 / rounds[0].shape[1]
        axis.axhline(even, color="black", linestyle=":", linewidth=1, label="even")
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="unit, from the largest share", yscale="log")
        axis.grid(color="0.9")
    axes[0, 0].set_ylabel("share")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def pixel_panels(panels: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Where pixels lie between -1 and 1: a panel per training, real images and made ones.

    Args:
        panels: by title: by name, pixels ``[...]`` in [-1, 1]; two sets at most.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 2.8), layout="constrained", sharey=True, squeeze=False
    )
    edges = torch.linspace(-1, 1, 41)
    for axis, (title, sets) in zip(axes[0], panels.items(), strict=True):
        for look, (name, pixels) in zip(LOOKS, sets.items(), strict=False):
            counts = torch.histogram(pixels.flatten().float(), edges).hist
            shares = (100 * counts / counts.sum()).clamp(min=1e-3)
            axis.stairs(shares.tolist(), edges.tolist(), linewidth=1.8, label=name, **look)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="pixel", yscale="log", xlim=(-1.05, 1.05))
        axis.grid(color="0.9")
    axes[0, 0].set_ylabel("share of all pixels, %")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, frameon=False)
    return figure
