"""Figures of chapter 5: Gaussians that explain points, and EM routing step by step.

A Gaussian is drawn as the ellipse of one standard deviation, and faintly that of two. Which
point belongs to whom is never said by colour alone: marks, sizes and numbers say it too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from torch import Tensor

from capsedu.explore.figures import COLOURS, DASHES, MARKS, draw_couplings
from capsedu.routing.em import EMStep

_HALO = [withStroke(linewidth=3, foreground="white")]


class MixtureStep(NamedTuple):
    """One half of an iteration of EM on points in the plane."""

    title: str
    responsibilities: Tensor
    """``[i, j]``; sums to 1 over j."""
    means: Tensor
    """``[j, d=2]``."""
    variances: Tensor
    """``[j, d=2]``."""


def draw_gaussian(axis: Axes, mean: Tensor, variance: Tensor, colour: str) -> None:
    """The ellipses of one and two standard deviations; ``mean`` and ``variance`` are ``[2]``."""
    width, height = (2 * variance.sqrt()).tolist()
    for reach, fill, line in [(2, 0.07, 0.6), (1, 0.14, 1.6)]:
        size = {"width": reach * width, "height": reach * height}
        inside = Ellipse(mean.tolist(), **size, facecolor=(*to_rgb(colour), fill))
        inside.set(edgecolor=colour, linewidth=line, zorder=1)
        axis.add_patch(inside)
    axis.plot(*mean.tolist(), "+", color=colour, markersize=9, markeredgewidth=2, zorder=3)


def mixture_picture(points: Tensor, steps: Sequence[MixtureStep], columns: int = 4) -> Figure:
    """A mixture of two Gaussians and the points ``[i, 2]`` that it explains, step by step.

    A point is a disc where the first Gaussian is the likelier one and a square where the second
    is; in between, its colour is mixed.

    Args:
        points: ``[i, d=2]``.
        steps: what to draw, one plane each, column by column.
        columns: planes beside each other.
    """
    rows = -(-len(steps) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(7.2, 1.85 * rows),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    first, second = torch.tensor(to_rgb(COLOURS[0])), torch.tensor(to_rgb(COLOURS[5]))
    for axis, step in zip(axes.T.flat, steps, strict=True):
        share = step.responsibilities[:, :1]
        colours = share * first + (1 - share) * second
        for chosen, mark in [(share[:, 0] >= 0.5, "o"), (share[:, 0] < 0.5, "s")]:
            axis.scatter(*points[chosen].T, c=colours[chosen].numpy(), marker=mark, s=12, zorder=2)
        for j, (mean, variance) in enumerate(zip(step.means, step.variances, strict=True)):
            draw_gaussian(axis, mean, variance, COLOURS[5 * j])
        axis.set_title(step.title, fontsize=10)
        axis.set(aspect="equal", xticks=[], yticks=[])
    return figure


def em_picture(votes: Tensor, activations: Tensor, steps: Sequence[EMStep]) -> Figure:
    """Iterations side by side: the assignments, and below them the votes and the Gaussians.

    Args:
        votes: ``[b, i, j, d=2]``; the first of the batch is drawn.
        activations: of the children, ``[b, i]``.
        steps: from :func:`capsedu.routing.em.em_routing_steps`.

    Returns:
        A figure with one column per iteration and one plane per parent. A vote is as large as
        it weighs: its child's assignment to the parent times the child's activation.
    """
    parents = votes.shape[2]
    low, high = votes[0].min().item() - 1, votes[0].max().item() + 1
    width = 2.3  # inches per column
    figure, axes = plt.subplots(
        1 + parents,
        len(steps),
        figsize=(width * len(steps) + 0.3, 1.75 + width * parents),
        height_ratios=[1.5, *[width] * parents],
        layout="constrained",
        squeeze=False,
    )
    for t, step in enumerate(steps):
        draw_couplings(axes[0, t], step.assignments[0])
        axes[0, t].set_title(f"iteration {t + 1}", fontweight="bold")
        axes[0, t].set_ylabel("child" if t == 0 else "")
        for j in range(parents):
            axis = axes[1 + j, t]
            draw_gaussian(axis, step.means[0, j], step.variances[0, j], "#555555")
            draw_weighed_votes(axis, votes[0, :, j], step.assignments[0, :, j] * activations[0])
            corner = {"transform": axis.transAxes, "ha": "right", "va": "bottom", "fontsize": 9}
            found = f"cost {step.costs[0, j]:.2f}, a = {step.activations[0, j]:.3f}"
            axis.text(0.99, 0.01, found.replace("-", "−"), path_effects=_HALO, **corner)
            axis.set(xlim=(low, high), ylim=(low, high), aspect="equal", xticks=[], yticks=[])
    for j in range(parents):
        axes[1 + j, 0].set_ylabel(f"votes for parent {j}")
    return figure


def draw_weighed_votes(axis: Axes, votes: Tensor, weights: Tensor) -> None:
    """One parent's votes ``[i, 2]`` as marks, larger where the weight ``[i]`` is."""
    for i, (vote, weight) in enumerate(zip(votes, weights.tolist(), strict=True)):
        look = {"color": COLOURS[i], "marker": MARKS[i % 4], "edgecolor": "black", "linewidth": 0.5}
        axis.scatter(*vote.tolist(), s=12 + 90 * weight, zorder=4, **look)
        name = axis.annotate(str(i), vote.tolist(), (5, 5), textcoords="offset points", zorder=5)
        name.set(color=COLOURS[i], fontweight="bold", fontsize=9, path_effects=_HALO)


def two_routings_picture(
    cases: dict[str, Tensor], dynamic: Sequence[Tensor], em: Sequence[Tensor]
) -> Figure:
    """The same votes routed twice: by dot products and by distances.

    Args:
        cases: a title and votes ``[i, j=2, d=2]`` each.
        dynamic: for each case the couplings ``[i, j]``.
        em: for each case the assignments ``[i, j]``.

    Returns:
        A figure with one row per case: the votes for both parents, and what each child gives to
        parent 0 by the two kinds of routing.
    """
    figure, axes = plt.subplots(
        len(cases),
        3,
        figsize=(7.2, 2.35 * len(cases)),
        width_ratios=[1, 1, 1.25],
        layout="constrained",
        squeeze=False,
    )
    for row, (title, votes), c, r in zip(axes, cases.items(), dynamic, em, strict=True):
        children = len(votes)
        low = votes.amin(dim=(0, 1)).clamp(max=0)  # the origin is always in the picture
        high = votes.amax(dim=(0, 1)).clamp(min=0)
        middle, reach = (low + high) / 2, (high - low).max().item() / 2 + 0.6
        (left, bottom), (right, top) = (middle - reach).tolist(), (middle + reach).tolist()
        for j in range(2):
            row[j].axhline(0, color="0.85", linewidth=1, zorder=0)
            row[j].axvline(0, color="0.85", linewidth=1, zorder=0)
            draw_weighed_votes(row[j], votes[:, j], torch.full((children,), 0.4))
            row[j].set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
            row[j].set(xticks=[], yticks=[], xlabel=f"votes for parent {j}")
        row[0].set_title(title, fontsize=10, fontweight="bold", loc="left")
        for shares, shift, name, look in [
            (c, -0.19, "dynamic", {"color": COLOURS[1], "hatch": "///"}),
            (r, 0.19, "EM", {"color": COLOURS[0]}),
        ]:
            at = [i + shift for i in range(children)]
            look = {"height": 0.36, "edgecolor": "white", **look}
            bars = row[2].barh(at, shares[:, 0].tolist(), label=name, **look)
            row[2].bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
        row[2].set(xlim=(0, 1.18), yticks=range(children), xticks=[0, 0.5, 1])
        row[2].set(xlabel="given to parent 0", ylabel="child")
        row[2].invert_yaxis()
        row[2].spines[["top", "right"]].set_visible(False)
    figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


class Curves(NamedTuple):
    """What one half of :func:`side_by_side` shows."""

    x: Tensor
    named: dict[str, Tensor]
    xlabel: str
    ylabel: str


def side_by_side(*panels: Curves) -> Figure:
    """Curves beside each other; the same name has the same colour and dashes everywhere.

    A curve that is alone in its half is black and has no name but that of its axis.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7.2, 3.1), layout="constrained")
    names = list(dict.fromkeys(name for panel in panels for name in panel.named))
    lines = {}
    for axis, panel in zip(axes, panels, strict=True):
        for name, y in panel.named.items():
            k = names.index(name)
            (line,) = axis.plot(panel.x.tolist(), y.tolist(), color="black", linewidth=2)
            if len(panel.named) > 1:
                line.set(linestyle=DASHES[k], color=COLOURS[k])
                lines[name] = line
        axis.set(xlabel=panel.xlabel, ylabel=panel.ylabel)
        axis.grid(color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    place = {"loc": "outside upper center", "ncols": len(lines), "frameon": False}
    figure.legend(lines.values(), lines.keys(), **place)
    return figure
