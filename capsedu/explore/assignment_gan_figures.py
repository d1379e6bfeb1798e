"""The figures of the assignments on GANs: built here, explained there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES
from capsedu.explore.toy_gan_figures import FAKE, REAL


def ward_panels(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """The losses of several trainings, a column each, and below them accuracy and spread.

    Losses are on a logarithmic scale; where a number is not finite there is no line.

    Args:
        histories: by name, rows with ``"step"``, ``"discriminator_loss"``, ``"generator_loss"``,
            ``"discriminator_accuracy"`` and ``"spread"``.
    """
    figure, axes = plt.subplots(
        2,
        len(histories),
        figsize=(PAGE, 4.0),
        layout="constrained",
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    losses = {"generator": "generator_loss", "discriminator": "discriminator_loss"}
    shares = {"accuracy": "discriminator_accuracy", "spread": "spread"}
    for column, (name, rows) in zip(axes.T, histories.items(), strict=True):
        steps = [row["step"] for row in rows]
        column[0].set_title(name, fontsize=10)
        for axis, lines, start in zip(column, (losses, shares), (0, 2), strict=True):
            for k, (label, key) in enumerate(lines.items(), start):
                look = {"linestyle": DASHES[k % 2], "color": COLOURS[k], "linewidth": 1.3}
                axis.plot(steps, [row[key] for row in rows], label=label, **look)
            axis.grid(color="0.9")
            axis.spines[["top", "right"]].set_visible(False)
        column[1].set_xlabel("batches")
    axes[0, 0].set(ylabel="loss", yscale="log")
    axes[1, 0].set(ylabel="share", ylim=(-0.03, 1.1))
    handles = [line for axis in axes[:, 0] for line in axis.get_lines()]
    figure.legend(
        handles,
        [line.get_label() for line in handles],
        loc="outside upper center",
        ncols=4,
        frameon=False,
    )
    return figure


def point_panels(real: Tensor, sets: Mapping[str, Tensor]) -> Figure:
    """Made points over real ones, a panel for each set.

    Args:
        real: ``[n, 2]``, drawn as pale discs.
        sets: by name, made points ``[m, 2]``, drawn as small squares.
    """
    figure, axes = plt.subplots(
        1,
        len(sets),
        figsize=(PAGE, PAGE / len(sets) + 0.7),
        layout="constrained",
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    reach = 1.4 * real.abs().max().item()
    for axis, (name, points) in zip(axes[0], sets.items(), strict=True):
        seen = axis.scatter(*real.T, s=6, color=REAL, alpha=0.25, marker="o", linewidth=0)
        made = axis.scatter(*points.T, s=5, color=FAKE, marker="s", linewidth=0, alpha=0.7)
        axis.set_title(name, fontsize=9)
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
    figure.legend(
        [seen, made],
        ["real", "made"],
        loc="outside lower center",
        ncols=2,
        frameon=False,
        markerscale=2,
    )
    return figure


def pull_panels(
    scales: Sequence[float], panels: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """How strongly images are pulled, over the scale of the votes; both axes are logarithmic.

    Args:
        scales: ``n`` factors.
        panels: by title, and in each by name, ``n`` numbers.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.2), layout="constrained", sharey=True, squeeze=False
    )
    for axis, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for k, (name, pulls) in enumerate(lines.items()):
            axis.plot(scales, pulls, "o", linestyle=DASHES[k], color=COLOURS[k], ms=4, label=name)
        axis.set(xscale="log", yscale="log", xlabel="scale of the votes' weights")
        axis.set_title(title, fontsize=10)
        axis.grid(color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("length of the gradient")
    axes[0, 0].legend(frameon=False)
    return figure
