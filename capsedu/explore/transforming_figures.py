"""The figures of the transforming auto-encoder chapter: built here, explained there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from torch import Tensor

from capsedu.evaluation.equivariance import Response
from capsedu.evaluation.few_labels import Interval
from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES, MARKS

Points = Sequence[tuple[float, float]]
LIGHT = "0.9"  # of a grid


def position_scatter(panels: Mapping[str, Mapping[float, Points]]) -> Figure:
    """What a capsule says of a position, before and after the image was shifted.

    Args:
        panels: by title: by the shift in pixels, pairs of the output for an image as it is and for
            the shifted image. The line on which a capsule lies that follows exactly is drawn too.
    """
    size = (PAGE, 0.4 + 3.3 * min(1, 2 / len(panels)))
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
    for axis, (title, by_shift) in zip(axes[0], panels.items(), strict=True):
        still = [x for points in by_shift.values() for x, _ in points]
        ends = [min(still), max(still)]
        for k, (shift, points) in enumerate(by_shift.items()):
            x, moved = zip(*points, strict=True)
            name = f"shifted by {shift:+g}".replace("-", "−")
            look = {"marker": MARKS[k], "color": COLOURS[k], "alpha": 0.55, "linewidths": 0}
            axis.scatter(x, moved, s=13, label=name, **look)
            due = [end + shift for end in ends]
            axis.plot(ends, due, DASHES[k], color=COLOURS[k], linewidth=1.4)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="the capsule's x", ylabel="its x in the shifted image")
        axis.grid(color=LIGHT)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def pose_against_shift(curves: Mapping[str, Points], trained: float) -> Figure:
    """How far poses have moved when the image was shifted.

    Args:
        curves: by the capsule's name, pairs of a shift in pixels and the mean change of the pose;
            four at most.
        trained: how far images were shifted in training, either way; beyond it the figure is grey.
    """
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    furthest = max(abs(shift) for points in curves.values() for shift, _ in points)
    for side in (-1, 1):
        axis.axvspan(side * trained, side * furthest, color=LIGHT, zorder=0)
    axis.plot([-furthest, furthest], [-furthest, furthest], color="black", linewidth=1)
    axis.text(furthest, furthest, "slope 1 ", ha="right", va="top", fontsize=9)
    for k, (name, points) in enumerate(curves.items()):
        shifts, changes = zip(*points, strict=True)
        axis.plot(shifts, changes, DASHES[k], color=COLOURS[k], marker=MARKS[k], label=name)
    axis.set(xlabel="shift of the image, pixels", ylabel="mean change of x")
    axis.set_xlim(-furthest, furthest)
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    return figure


def response_dots(panels: Mapping[str, Response]) -> Figure:
    """Each capsule as a disc: how present, with which slope, and how nearly on a line.

    Args:
        panels: by the network's name.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.3), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, (title, found) in zip(axes[0], panels.items(), strict=True):
        share = found.r_squared.nan_to_num()
        look = {"cmap": "viridis", "vmin": 0, "vmax": 1, "edgecolors": "black", "linewidths": 0.6}
        dots = axis.scatter(
            found.presence, found.slope.nan_to_num(), s=10 + 90 * share, c=share, **look
        )
        axis.axhline(1, color="black", linestyle="--", linewidth=1)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="mean presence", xlim=(-0.04, 1.04))
        axis.grid(color=LIGHT)
        axis.set_axisbelow(True)
    axes[0, 0].set_ylabel("slope of the pose")
    figure.colorbar(dots, ax=axes, label="R² (large discs: near 1)")
    return figure


def field_sheet(rows: Mapping[str, Tensor]) -> Figure:
    """Weights between units and pixels as small pictures, each on a scale of its own.

    Args:
        rows: by name, ``[n, h, w]``. Blue is negative, red positive, white 0.
    """
    columns = max(len(row) for row in rows.values())
    side = min(0.7, (PAGE - 1.1) / columns)
    size = (side * columns + 1.1, side * len(rows) + 0.1)
    figure, axes = plt.subplots(
        len(rows), columns, figsize=size, squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.02)
    for row, (name, fields) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for axis, field in zip(row, fields, strict=False):
            reach = field.abs().max().item() or 1.0
            axis.imshow(field.numpy(), cmap="RdBu_r", vmin=-reach, vmax=reach)
        for axis in row:
            axis.set(xticks=[], yticks=[])
        for axis in row[len(fields) :]:
            axis.set_axis_off()
    return figure


def told_curves(curves: Mapping[str, Points], trained: float, label: str) -> Figure:
    """Squared error of the drawings by how far they were told to go.

    Args:
        curves: by name, pairs of an amount and an error; four at most.
        trained: the largest amount that training told; what lies beyond is shaded.
        label: of the amounts, with their unit.
    """
    figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
    furthest = max(amount for points in curves.values() for amount, _ in points)
    axis.axvspan(trained, furthest, color=LIGHT, zorder=0)
    axis.text(trained, 0.97, " never told in training", transform=axis.get_xaxis_transform())
    axis.texts[-1].set(va="top", fontsize=9)
    for k, (name, points) in enumerate(curves.items()):
        amounts, errors = zip(*points, strict=True)
        axis.plot(amounts, errors, DASHES[k], color=COLOURS[k], marker=MARKS[k], label=name)
    axis.set(xlabel=label, ylabel="squared error per image", ylim=(0, None))
    axis.set_xlim(0, furthest)
    axis.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=len(curves), frameon=False)
    return figure


def label_curves(found: Mapping[str, Mapping[int, Interval]]) -> Figure:
    """Error by the number of labelled images, with 95 % intervals over draws.

    Args:
        found: by the name of the description, by the number of labels; five names at most.
    """
    figure, axis = plt.subplots(figsize=(PAGE, 3.6), layout="constrained")
    marks = (*MARKS, "v")
    for k, (name, by_number) in enumerate(found.items()):
        mean, low, high = (
            [100 * getattr(each, field) for each in by_number.values()]
            for field in Interval._fields
        )
        look = {"color": COLOURS[k], "marker": marks[k], "markersize": 5}
        axis.plot([*by_number], mean, linestyle=DASHES[k], label=name, **look)
        axis.fill_between([*by_number], low, high, color=COLOURS[k], alpha=0.25, linewidth=0)
    axis.set(xlabel="labelled images in all", ylabel="wrong test images, %", xscale="log")
    axis.set_ylim(0, None)
    axis.set_xticks([*next(iter(found.values()))])
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)
    axis.legend()
    return figure
