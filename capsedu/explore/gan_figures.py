"""The figures of the DCGAN chapter: built here, explained there."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from capsedu.evaluation.precision_recall import NEIGHBOURS, neighbour_distances
from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES
from capsedu.explore.toy_gan_figures import FAKE, REAL


def best_discriminator_panels(
    x: Tensor, p: Tensor, q: Tensor, best: Mapping[str, Tensor], found: tuple[Tensor, Tensor]
) -> Figure:
    """Two densities, and below them what discriminators say about every place.

    Args:
        x: places on a line, ``[n]``.
        p: density of the real points there, ``[n]``.
        q: density of the fakes, ``[n]``.
        best: by name, probabilities of being real, ``[n]`` each; drawn as lines.
        found: places and probabilities ``[m]`` of a trained discriminator; drawn as dots.
    """
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(6.4, 4.6), sharex=True, layout="constrained"
    )
    above.plot(x, p, DASHES[0], color=REAL, linewidth=2, label="p, real")
    above.plot(x, q, DASHES[1], color=FAKE, linewidth=2, label="q, fake")
    above.set(ylabel="density", ylim=(0, None))
    for k, (name, values) in enumerate(best.items()):
        below.plot(x, values, DASHES[k], color=COLOURS[(7, 2)[k % 2]], linewidth=2, label=name)
    below.plot(*found, "o", color=COLOURS[4], mec="black", mew=0.5, ms=5, label="trained network")
    below.axhline(0.5, color="0.7", linewidth=1)
    below.set(xlabel="x", ylabel="probability of being real", ylim=(-0.03, 1.03))
    for axis in (above, below):
        _plain(axis)
        axis.legend(frameon=False)
    return figure


def generator_loss_panels(
    probability: Tensor, losses: Mapping[str, Tensor], slopes: Mapping[str, Tensor]
) -> Figure:
    """Losses of the generator over D(G(z)), and their slopes by the discriminator's score.

    Args:
        probability: D(G(z)), ``[n]``.
        losses: by name, ``[n]`` each; three at most.
        slopes: by the same names, ``[n]`` each.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 3.2), layout="constrained")
    titles = ("the loss", "its slope by the score")
    for axis, lines, title in zip(axes, (losses, slopes), titles, strict=True):
        for k, (name, values) in enumerate(lines.items()):
            axis.plot(probability, values, DASHES[k], color=COLOURS[k], linewidth=2, label=name)
        axis.axhline(0, color="0.7", linewidth=1)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="D(G(z)), probability of being real", xlim=(0, 1))
        _plain(axis)
    axes[0].set_ylim(-5, 5)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def training_panels(history: Sequence[Mapping[str, float]]) -> Figure:
    """The losses of a training, the discriminator's accuracy, and FID where it was measured.

    Args:
        history: rows of a run or a record of an adversarial experiment.
    """
    figure, axes = plt.subplots(
        3, 1, figsize=(6.6, 5.6), sharex=True, layout="constrained", height_ratios=[1.5, 1, 1]
    )
    panels = {
        "loss": {"generator": "generator_loss", "discriminator": "discriminator_loss"},
        "accuracy, %": {"of the discriminator": "discriminator_accuracy"},
        "FID": {"of the samples": "fid"},
    }
    for axis, (label, lines) in zip(axes, panels.items(), strict=True):
        for k, (name, key) in enumerate(lines.items()):
            points = [(row["step"], row[key]) for row in history if key in row]
            steps, values = zip(*points, strict=True) if points else ((), ())
            scale = 100 if key.endswith("accuracy") else 1
            look = {"linestyle": DASHES[k], "color": COLOURS[k], "linewidth": 1.5}
            if key == "fid":
                look |= {"marker": "D", "color": COLOURS[2]}
            axis.plot(steps, [scale * value for value in values], label=name, **look)
        axis.set_ylabel(label)
        _plain(axis)
    axes[0].legend(frameon=False, ncols=2)
    axes[1].axhline(50, color="black", linestyle=":", linewidth=1)
    axes[1].set_ylim(0, 104)
    axes[2].set(xlabel="batches", ylim=(0, None))
    return figure


def ball_panels(real: Tensor, sets: Mapping[str, Tensor], neighbours: int = NEIGHBOURS) -> Figure:
    """Precision and recall in the plane: who lies in whose balls.

    Above, the balls around the real points; a sample in one of them is filled. Below, the balls
    around the samples; a real point in one of them is filled.

    Args:
        real: ``[n, 2]``.
        sets: by name, samples ``[m, 2]``.
        neighbours: a ball reaches to so many fellows.
    """
    figure, axes = plt.subplots(
        2,
        len(sets),
        figsize=(PAGE, 0.6 + 2 * PAGE / len(sets)),
        layout="constrained",
        squeeze=False,
    )
    reach = 1.15 * max(points.abs().max().item() for points in (real, *sets.values()))
    names = ("precision", "recall")
    looks = ((real, REAL, "o"), (None, FAKE, "s"))
    for column, (title, samples) in zip(axes.T, sets.items(), strict=True):
        pair = [(points if points is not None else samples, *look) for points, *look in looks]
        for axis, name, (centres, colour, _), (points, other, mark) in zip(
            column, names, pair, pair[::-1], strict=True
        ):
            radii = neighbour_distances(centres, neighbours)
            inside = (torch.cdist(points, centres) <= radii).any(dim=1)
            for centre, radius in zip(centres.tolist(), radii.tolist(), strict=True):
                axis.add_patch(plt.Circle(centre, radius, color=colour, alpha=0.12, linewidth=0))
            for chosen, face in ((inside, other), (~inside, "white")):
                axis.scatter(*points[chosen].T, s=14, marker=mark, facecolor=face, edgecolor=other)
            axis.set_title(f"{title}\n{name} {inside.float().mean():.2f}", fontsize=9.5)
            axis.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
            axis.set_aspect("equal")
    axes[0, 0].set_ylabel("balls around real points")
    axes[1, 0].set_ylabel("balls around samples")
    return figure


def mode_curves(counts: Mapping[str, Sequence[float]], most: int) -> Figure:
    """How many blobs a generator hits, round by round.

    Args:
        counts: by name, a count for each round.
        most: how many blobs there are.
    """
    figure, axis = plt.subplots(figsize=(6.6, 2.9), layout="constrained")
    for k, (name, values) in enumerate(counts.items()):
        axis.plot(values, DASHES[k], color=COLOURS[k], linewidth=1.6, label=name)
    axis.axhline(most, color="black", linestyle=":", linewidth=1)
    axis.set(xlabel="rounds", ylabel="blobs hit", ylim=(-0.2, most + 0.5))
    figure.legend(loc="outside upper center", ncols=len(counts), frameon=False)
    _plain(axis)
    return figure


def length_histogram(lengths: Tensor, marks: Mapping[str, float]) -> Figure:
    """How long noises are, with a few lengths marked.

    Args:
        lengths: of many noises, ``[n]``.
        marks: by name, a length.
    """
    figure, axis = plt.subplots(figsize=(6.4, 2.9), layout="constrained")
    axis.hist(lengths.tolist(), bins=40, color=COLOURS[4], density=True)
    for k, (name, length) in enumerate(marks.items()):
        axis.axvline(length, linestyle=DASHES[k], color=COLOURS[(5, 0)[k % 2]], label=name)
    axis.set(xlabel="length of the noise", ylabel="density", xlim=(0, None))
    axis.legend(frameon=False, loc="upper left")
    _plain(axis)
    return figure


def sheet_images(path: Path, size: int = 32) -> Tensor:
    """The images of the plain sheet that lies beside a generator's record.

    Args:
        path: of the PNG file, as :func:`capsedu.evaluation.pictures.draw_samples` writes it.
        size: height and width of an image in it.

    Returns:
        In [0, 1], ``[rows, columns, c, size, size]``, a row per milestone.

    Raises:
        ValueError: if the sheet cannot be cut into such images.
    """
    sheet = torch.from_numpy(plt.imread(path))  # [h, w] in [0, 1], with colours last if it has any
    sheet = sheet.unsqueeze(0) if sheet.dim() == 2 else sheet.permute(2, 0, 1)
    if sheet.shape[1] % size or sheet.shape[2] % size:
        raise ValueError(
            f"size must divide the sheet's height and width, {list(sheet.shape[1:])}, got {size}"
        )
    cells = sheet.unflatten(2, (-1, size)).unflatten(1, (-1, size))  # [c, rows, h, columns, w]
    return cells.permute(1, 3, 0, 2, 4)


def _plain(axis: Axes) -> None:
    axis.grid(color="0.9")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
