"""The figures of the CapsGAN chapter: built here, explained there."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from capsedu.explore import gan_figures
from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES, MARKS
from capsedu.explore.gan_findings import milestones
from capsedu.explore.gan_losses import loss_curve, smoothed
from capsedu.explore.tables import NOT_RUN
from capsedu.records import Record, record_path

FAINT = 0.02  # a change of a coupling, relative to an even share, that looks like none
SHOWN, ACROSS = 12, 6  # digits of a sheet, and how many of them beside each other


def losses_and_pulls(
    lengths: Tensor, losses: Mapping[str, Tensor], pulls: Mapping[str, Tensor]
) -> Figure:
    """A generator's losses over the length of the output capsule, and their slopes.

    Args:
        lengths: ``[n]``, from 0 to 1.
        losses: by name, ``[n]``.
        pulls: by the same names, how strongly a step raises the score, ``[n]``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 3.1), layout="constrained")
    titles = ("what the generator minimises", "how strongly it is pulled")
    for axis, named, title in zip(axes, (losses, pulls), titles, strict=True):
        for k, (name, values) in enumerate(named.items()):
            axis.plot(lengths, values, linestyle=DASHES[k], color=COLOURS[k], lw=2, label=name)
        axis.axvline(0.1, color="0.6", linewidth=1)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="length for a made image", xlim=(0, 1))
        axis.grid(color="0.9")
    axes[0].set(ylabel="loss", ylim=(0, 3))
    axes[1].set(ylabel="− slope over the score", ylim=(0, 1.02))
    axes[1].text(0.11, 0.96, "m⁻", color="0.35", va="top")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def coupling_maps(rows: Mapping[str, tuple[Tensor, Sequence[Tensor]]]) -> Figure:
    """Where in an image the children give themselves to the parent "real".

    Colours are on one scale, on which the first iteration, where all shares are even, is 1.

    Args:
        rows: by name, an image ``[h, w]`` in [0, 1] and, for each iteration, the couplings to
            the first parent, averaged over the types of child, ``[grid, grid]``.
    """
    iterations = len(next(iter(rows.values()))[1])
    shares = {name: [m / maps[0].mean() for m in maps] for name, (_, maps) in rows.items()}
    reach = max((m - 1).abs().max().item() for maps in shares.values() for m in maps)
    scale = {"vmin": 1 - max(reach, FAINT), "vmax": 1 + max(reach, FAINT)}
    figure, axes = plt.subplots(
        len(rows),
        1 + iterations,
        figsize=(PAGE, 1.62 * len(rows) + 0.3),
        layout="constrained",
        squeeze=False,
    )
    for row, (name, (image, maps)) in zip(axes, rows.items(), strict=True):
        row[0].imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for axis, share, couplings in zip(row[1:], shares[name], maps, strict=True):
            picture = axis.imshow(share.numpy(), cmap="cividis", **scale)
            ends = f"{couplings.min():.3f} to {couplings.max():.3f}"
            axis.set_xlabel(ends, fontsize=8.5, labelpad=2)
        for axis in row:
            axis.set(xticks=[], yticks=[])
    for t, axis in enumerate(axes[0, 1:]):
        axis.set_title(f"iteration {t + 1}", fontsize=10)
    figure.colorbar(picture, ax=axes, label="coupling to “real” / even share", shrink=0.8)
    return figure


def game_losses(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Losses of both networks over the batches, a column per training.

    The pale line is the history, the dark one the mean of ten rows at a time.

    Args:
        histories: by name, a history with ``"discriminator_loss"`` and ``"generator_loss"``.
    """
    figure, axes = plt.subplots(
        2,
        len(histories),
        figsize=(PAGE, 4.2),
        layout="constrained",
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    networks = {"discriminator": COLOURS[0], "generator": COLOURS[5]}
    for column, (name, history) in zip(axes.T, histories.items(), strict=True):
        column[0].set_title(name, fontsize=10)
        for axis, (network, colour) in zip(column, networks.items(), strict=True):
            steps, losses = loss_curve(history, f"{network}_loss")
            axis.plot(steps, losses, color=colour, alpha=0.35, linewidth=0.8)
            axis.plot(*smoothed(steps, losses), color=colour, linewidth=2)
            axis.grid(color="0.9")
        column[1].set_xlabel("batches")
    for axis, network in zip(axes[:, 0], networks, strict=True):
        axis.set_ylabel(f"loss of the {network}")
        axis.set_ylim(0, None)
    return figure


def quality_curves(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, Sequence[float]]]]],
    xlabels: Sequence[str] = (),
) -> Figure:
    """FID over the training: the seeds' mean as a line, their range as a bar.

    Args:
        panels: by title: by the network's name, pairs of a place and each seed's FID.
        xlabels: what the places are, panel by panel; batches if nothing is said.
    """
    xlabels = xlabels or ["batches"] * len(panels)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.5), layout="constrained", sharey=True, squeeze=False
    )
    for axis, (title, curves), xlabel in zip(axes[0], panels.items(), xlabels, strict=True):
        for k, (name, points) in enumerate(curves.items()):
            _mean_with_range(axis, points, k, name)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel=xlabel, yscale="log")
        if not any(curves.values()):
            axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center")
            axis.set_xticks([])
        axis.grid(color="0.9")
    axes[0, 0].set_ylabel("FID")
    axes[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0, 0].yaxis.set_major_formatter("{x:g}")
    axes[0, 0].yaxis.set_minor_formatter(NullFormatter())
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, frameon=False)
    return figure


def _mean_with_range(
    axis: Axes, points: Sequence[tuple[float, Sequence[float]]], k: int, name: str
) -> None:
    places = [place for place, _ in points]
    means = [fmean(values) for _, values in points]
    below = [mean - min(values) for mean, (_, values) in zip(means, points, strict=True)]
    above = [max(values) - mean for mean, (_, values) in zip(means, points, strict=True)]
    look = {"color": COLOURS[k], "linestyle": DASHES[k], "marker": MARKS[k % 4], "markersize": 5}
    axis.errorbar(places, means, (below, above), capsize=3, label=name, **look)


def sheet_images(record: Record) -> dict[int, Tensor]:
    """The digits of the sheet beside a record, ``[n, h, w]`` in [0, 1], by the batches so far.

    Nothing if the sheet is not there.
    """
    path = record_path(record.name, record.profile, seed=record.seed).with_suffix(".png")
    if not path.exists():
        return {}
    digits = gan_figures.sheet_images(path, record.image_shape[1])[:, :, 0]
    return dict(zip(sorted(milestones(record)), digits, strict=True))


def milestone_sheets(columns: Mapping[str, Mapping[int, Tensor]]) -> Figure:
    """What generators make of one fixed noise: a row per milestone, a column per network.

    Args:
        columns: by the network's name, :func:`sheet_images`; not all may be empty.
    """
    steps = sorted(set().union(*columns.values()))
    height = (PAGE - 0.6) / len(columns) * SHOWN / ACROSS**2
    figure, axes = plt.subplots(
        len(steps),
        len(columns),
        figsize=(PAGE, (height + 0.08) * len(steps) + 0.45),
        layout="constrained",
        squeeze=False,
    )
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for column, (name, sheets) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(name, fontsize=10)
        if not sheets:
            column[0].text(0.5, 0, NOT_RUN, transform=column[0].transAxes, ha="center")
        for axis, step in zip(column, steps, strict=True):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if step in sheets:
                rows = sheets[step][:SHOWN].split(ACROSS)
                sheet = torch.cat([torch.cat(list(row), dim=1) for row in rows])
                axis.imshow(sheet.numpy(), cmap="gray", vmin=0, vmax=1)
    for axis, step in zip(axes[:, 0], steps, strict=True):
        axis.set_ylabel(f"{step:,}", rotation=0, ha="right", va="center")
    figure.supylabel("batches", fontsize=9)
    return figure
