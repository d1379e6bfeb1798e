"""The figures of the appendix on wrong capsules."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, draw_couplings

RIGHT, WRONG = COLOURS[0], COLOURS[5]
HALO = [withStroke(linewidth=3, foreground="white")]  # numbers stay readable on the line


def coupling_panels(panels: Mapping[str, Tensor], columns: int = 3) -> Figure:
    """Couplings side by side, as heat maps with their numbers.

    Args:
        panels: by title, ``[i, j]``.
        columns: panels in a row.
    """
    rows = -(-len(panels) // columns)
    height = 0.3 * next(iter(panels.values())).shape[0] + 0.75
    figure, axes = plt.subplots(
        rows, columns, figsize=(PAGE, height * rows), layout="constrained", squeeze=False
    )
    for axis, (title, couplings) in zip(axes.flat, panels.items(), strict=False):
        draw_couplings(axis, couplings)
        axis.set_title(title, fontsize=9)
        axis.set_xticks(range(couplings.shape[1]), [f"{j}" for j in range(couplings.shape[1])])
    for axis in axes[:, 1:].flat:
        axis.set_ylabel("")
    for axis in axes[-1]:
        axis.set_xlabel("parent")
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    return figure


def length_bars(right: float, wrong: Mapping[str, float], label: str) -> Figure:
    """One bar per mistake on a logarithmic scale, and the right value as a line.

    Args:
        right: without a mistake, above 0.
        wrong: by title, above 0.
        label: of the values.
    """
    figure, axis = plt.subplots(figsize=(PAGE, 0.28 * len(wrong) + 0.9), layout="constrained")
    bars = axis.barh(list(wrong), list(wrong.values()), color=WRONG, height=0.6)
    times = (value / right for value in wrong.values())
    labels = [f"{n:,.0f} ×" if n >= 10 else f"{n:.2g} ×" for n in times]
    axis.bar_label(bars, labels, padding=3, fontsize=8, path_effects=HALO)
    _beside_the_right_one(axis, [right], label)
    axis.set_xscale("log")
    axis.margins(x=0.12)
    return figure


def error_bars(right: Sequence[float], wrong: Mapping[str, Sequence[float]], label: str) -> Figure:
    """One bar per mistake, a dot per training, and the right trainings as a line.

    Args:
        right: one value per training without a mistake.
        wrong: by title, one value per training.
        label: of the values.
    """
    figure, axis = plt.subplots(figsize=(PAGE, 0.28 * len(wrong) + 0.9), layout="constrained")
    means = [fmean(values) for values in wrong.values()]
    bars = axis.barh(list(wrong), means, color=WRONG, height=0.6)
    axis.bar_label(bars, fmt="%.1f", padding=5, fontsize=8, path_effects=HALO)
    for row, values in enumerate(wrong.values()):
        if len(values) > 1:
            axis.plot(values, [row] * len(values), "o", color="black", markersize=3)
    if len(right) > 1:
        axis.axvspan(min(right), max(right), color=RIGHT, alpha=0.25, linewidth=0)
    _beside_the_right_one(axis, right, label)
    axis.margins(x=0.1)
    return figure


def _beside_the_right_one(axis, right: Sequence[float], label: str) -> None:
    axis.axvline(fmean(right), color=RIGHT, linewidth=2)
    axis.invert_yaxis()
    axis.set_xlabel(f"{label} (line: as it should be)")
    axis.tick_params(axis="y", labelsize=9, length=0)
    axis.spines[["top", "right"]].set_visible(False)
