"""The figures of the matrix capsules chapter: built here, explained there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES, MARKS

HATCHES = ("", "//", "..", "xx")


def activation_histograms(panels: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """How activations are spread over [0, 1], one panel per layer and one outline per network.

    Args:
        panels: by the layer's name: by the network's name, any number of activations.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 2.9), layout="constrained", sharey=True, squeeze=False
    )
    for axis, (layer, found) in zip(axes[0], panels.items(), strict=True):
        for k, (name, values) in enumerate(found.items()):
            values = values.flatten()
            share = values.new_full(values.shape, 100 / len(values))
            style = {"histtype": "step", "linewidth": 1.8, "linestyle": DASHES[k]}
            axis.hist(
                values.tolist(),
                bins=50,
                range=(0, 1),
                weights=share.tolist(),
                label=name,
                color=COLOURS[k],
                **style,
            )
        axis.set_title(layer, fontsize=10)
        axis.set(xlabel="activation", xlim=(0, 1))
        axis.grid(color="0.9")
    axes[0, 0].set_ylabel("% of the capsules")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def attack_panels(curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Adversarial curves of several networks: FGSM and BIM, untargeted and targeted.

    Args:
        curves: by the network's name, a record's ``curves``: pairs of ε and a share under
            ``"fgsm_error"``, ``"fgsm_success"``, ``"bim_error"`` and ``"bim_success"``.
    """
    figure, axes = plt.subplots(
        2, 2, figsize=(PAGE, 5), layout="constrained", sharex=True, sharey=True
    )
    names = {"error": "wrong, the loss raised", "success": "taken for the chosen class"}
    for row, method in zip(axes, ("fgsm", "bim"), strict=True):
        for axis, (kind, title) in zip(row, names.items(), strict=True):
            axis.set_title(f"{method.upper()}: {title}", fontsize=10)
            for k, (network, found) in enumerate(curves.items()):
                epsilons, shares = zip(*found[f"{method}_{kind}"], strict=True)
                percent = [100 * share for share in shares]
                look = {"linestyle": DASHES[k], "color": COLOURS[k], "marker": MARKS[k]}
                axis.plot(epsilons, percent, label=network, **look)
            axis.set_ylim(0, 104)
            axis.grid(color="0.9")
    for axis in axes[1]:
        axis.set_xlabel("ε, as a part of full white")
    for axis in axes[:, 0]:
        axis.set_ylabel("% of the images")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def angle_plane(axis: Axes, found: Tensor, degrees: Tensor) -> None:
    """Angles that were read off, as points in the plane, with marks for the true ones.

    Args:
        axis: where to draw.
        found: cosine and sine as they were read, ``[n, 2]``.
        degrees: the true angles, ``[n]``, of which there are few.
    """
    axis.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.75"))
    for k, angle in enumerate(degrees.unique()):
        x, y = found[degrees == angle].T.tolist()
        look = {"marker": MARKS[k % 4], "color": COLOURS[k], "alpha": 0.55, "s": 14}
        axis.scatter(x, y, linewidths=0, label=f"{int(angle)}°", **look)
        true = angle.deg2rad()
        axis.plot(true.cos(), true.sin(), MARKS[k % 4], color=COLOURS[k], mec="black", ms=11)
    axis.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xlabel="cosine", ylabel="sine")
    axis.set_box_aspect(1)
    axis.grid(color="0.9")


def angle_planes(panels: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """:func:`angle_plane` beside each other: by name, ``(found, degrees)``."""
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 4.4), layout="constrained", sharey=True, squeeze=False
    )
    for axis, (name, panel) in zip(axes[0], panels.items(), strict=True):
        angle_plane(axis, *panel)
        axis.set_title(name, fontsize=10)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def grouped_bars(bars: Mapping[str, Sequence[float]], groups: Sequence[str], label: str) -> Figure:
    """Bars in groups, with the numbers above them.

    Args:
        bars: by name, a value for each group; four names at most.
        groups: names of the groups.
        label: of the values.
    """
    figure, axis = plt.subplots(figsize=(PAGE, 3.1), layout="constrained")
    width = 0.8 / len(bars)
    for k, (name, values) in enumerate(bars.items()):
        places = [g + (k - (len(bars) - 1) / 2) * width for g in range(len(groups))]
        drawn = axis.bar(
            places, values, 0.9 * width, color=COLOURS[k], hatch=HATCHES[k], label=name
        )
        axis.bar_label(drawn, fmt="%.2f", fontsize=8, padding=2)
    axis.set_xticks(range(len(groups)), groups)
    axis.set_ylabel(label)
    axis.margins(y=0.15)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(bars), frameon=False)
    return figure
