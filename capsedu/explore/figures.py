"""Figures that more than one page shows.

Colours are Okabe and Ito's, which differ for every kind of colour vision, and never the
only sign: every arrow and every line also has its name beside it or its own dashes.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.patheffects import withStroke
from torch import Tensor

from capsedu.routing.dynamic import RoutingStep

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's palette."""
DASHES = ("-", "--", "-.", ":", (0, (6, 1)), (0, (3, 1, 1, 1)))
MARKS = "os^D"
_HALO = [withStroke(linewidth=3, foreground="white")]  # keeps text readable on top of lines


def routing_picture(votes: Tensor, steps: Sequence[RoutingStep]) -> Figure:
    """Iterations side by side: the couplings, and below them the votes and the poses.

    Args:
        votes: ``[b, i, j, d=2]``; the first of the batch is drawn.
        steps: from :func:`capsedu.routing.dynamic.dynamic_routing_steps`.

    Returns:
        A figure with one column per iteration and one plane per parent.
    """
    parents = votes.shape[2]
    x_range = _reach(votes[0, ..., 0])
    y_ranges = [_reach(votes[0, :, j, 1]) for j in range(parents)]
    width = 2.35  # inches per column
    heights = [width * (high - low) / (x_range[1] - x_range[0]) for low, high in y_ranges]
    figure, axes = plt.subplots(
        1 + parents,
        len(steps),
        figsize=(width * len(steps) + 0.3, 1.75 + sum(heights)),
        height_ratios=[1.4, *heights],
        layout="constrained",
        squeeze=False,
    )
    for t, step in enumerate(steps):
        draw_couplings(axes[0, t], step.couplings[0])
        axes[0, t].set_title(f"iteration {t + 1}", fontweight="bold")
        for j in range(parents):
            plane = axes[1 + j, t]
            draw_plane(plane, votes[0, :, j], step.couplings[0, :, j], step.poses[0, j])
            plane.set(xlim=x_range, ylim=y_ranges[j])
    for j in range(parents):
        axes[1 + j, 0].set_ylabel(f"votes for parent {j}")
    for axis in axes[0, 1:]:
        axis.set_ylabel("")
    return figure


def draw_couplings(axis: Axes, couplings: Tensor) -> None:
    """Couplings ``[i, j]`` as a heat map with its numbers written in."""
    children, parents = couplings.shape
    axis.imshow(couplings.numpy(), cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for i in range(children):
        for j in range(parents):
            share = couplings[i, j].item()
            colour = "black" if share > 0.55 else "white"
            axis.text(j, i, f"{share:.2f}", ha="center", va="center", color=colour)
    axis.set_xticks(range(parents), [f"parent {j}" for j in range(parents)])
    axis.set_yticks(range(children), range(children))
    axis.set_ylabel("child")
    axis.tick_params(length=0)


def draw_votes(axis: Axes, votes: Tensor, couplings: Tensor) -> None:
    """One parent's votes ``[i, 2]``, as arrows as strong as their couplings ``[i]``.

    The circle is length 1, which no pose reaches.
    """
    axis.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.82", linewidth=1))
    for i, (vote, share) in enumerate(zip(votes, couplings.tolist(), strict=True)):
        draw_arrow(axis, vote, COLOURS[i], width=0.8 + 3.5 * share, strength=0.3 + 0.7 * share)
        beyond = vote + 0.2 * vote / vote.norm().clamp(min=1e-9)
        name = axis.text(*beyond.tolist(), str(i), color=COLOURS[i], fontweight="bold")
        name.set(ha="center", va="center", path_effects=_HALO)
    axis.set_aspect("equal")


def draw_plane(axis: Axes, votes: Tensor, couplings: Tensor, pose: Tensor) -> None:
    """One parent's votes, as by :func:`draw_votes`, and in black the pose ``[2]`` made of them."""
    draw_votes(axis, votes, couplings)
    draw_arrow(axis, pose, "black", width=2.2)
    corner = {"transform": axis.transAxes, "ha": "right", "va": "bottom", "fontsize": 9}
    axis.text(0.99, 0.01, f"length {pose.norm():.2f}", path_effects=_HALO, **corner)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def draw_arrow(axis: Axes, tip: Tensor, colour: str, width: float, strength: float = 1.0) -> None:
    """An arrow from the origin to ``tip`` ``[2]``; a weak one is paler (1 is full colour)."""
    # Mixed with white, not transparent: the head would show through the shaft.
    paler = [1 - strength * (1 - channel) for channel in to_rgb(colour)]
    arrow = FancyArrowPatch(
        (0, 0),
        tip.tolist(),
        arrowstyle="-|>",
        mutation_scale=6 + 2.5 * width,
        color=paler,
        linewidth=width,
        shrinkA=0,
        shrinkB=0,
        joinstyle="miter",
    )
    axis.add_patch(arrow)


def _reach(components: Tensor) -> tuple[float, float]:
    """The range that shows the votes, their names and the circle of length 1."""
    return min(-1.1, components.min().item() - 0.35), max(1.1, components.max().item() + 0.35)


def curves(
    x: Tensor, named: dict[str, Tensor], xlabel: str, ylabel: str, size: tuple = (6.4, 3.6)
) -> Figure:
    """Up to six curves over ``x`` ``[n]``, told apart by colour, dashes and a legend."""
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    for k, (name, y) in enumerate(named.items()):
        axis.plot(x, y, linestyle=DASHES[k], color=COLOURS[k], linewidth=2, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.grid(color="0.9")
    axis.spines[["top", "right"]].set_visible(False)
    if len(named) > 1:
        axis.legend(frameon=False)
    return figure


def grid_maps(maps: Tensor, titles: Sequence[str], label: str) -> Figure:
    """Maps ``[n, h, w]`` over the grid of primary capsules, on one colour scale."""
    figure, axes = plt.subplots(
        1, len(maps), figsize=(1.9 * len(maps) + 0.8, 2.3), layout="constrained", squeeze=False
    )
    low, high = maps.min().item(), maps.max().item()
    for axis, values, title in zip(axes[0], maps, titles, strict=True):
        image = axis.imshow(values.numpy(), cmap="viridis", vmin=low, vmax=high)
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.colorbar(image, ax=axes, label=label, shrink=0.85)
    return figure


def digit_sheet(images: Tensor, titles: Sequence[str], columns: int = 8) -> Figure:
    """Grey images ``[n, 1, h, w]`` in [0, 1], each with a title above it."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(7.2 * columns / max(columns, 8), 1.15 * rows + 0.1),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=9)
    return figure
