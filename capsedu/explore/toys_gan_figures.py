"""The figures of the chapter on CapsGAN and toys: built here, explained there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from capsedu.explore.capsnet_figures import PAGE
from capsedu.explore.figures import COLOURS, DASHES, MARKS
from capsedu.explore.matrix_figures import HATCHES

Points = Sequence[tuple[float, float]]


def pose_maps(panels: Mapping[str, Tensor], degrees: Sequence[float]) -> Figure:
    """How the components of a pose change as a toy is turned, one map per panel.

    Each component is shown as its distance from its own mean over all sides; the scale is shared.

    Args:
        panels: by name, poses ``[n, d]``, a row per side.
        degrees: the azimuths of the rows, ``n``.
    """
    moved = {name: (poses - poses.mean(dim=0)).T for name, poses in panels.items()}
    reach = max(values.abs().max().item() for values in moved.values()) or 1.0
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.6), layout="constrained", sharey=True, squeeze=False
    )
    for axis, (name, values) in zip(axes[0], moved.items(), strict=True):
        picture = axis.imshow(
            values.numpy(), cmap="cividis", vmin=-reach, vmax=reach, aspect="auto"
        )
        axis.set_title(name, fontsize=10)
        ticks = range(0, len(degrees), max(1, len(degrees) // 3))
        axis.set_xticks(ticks, [f"{degrees[k]:.0f}°" for k in ticks])
        axis.set_xlabel("azimuth")
    axes[0, 0].set_ylabel("component of the pose")
    figure.colorbar(picture, ax=axes, label="from its mean")
    return figure


def read_azimuths(panels: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """Azimuths as they were read over the true ones.

    On the line is right, and on a dotted one the opposite side.

    Args:
        panels: by name, directions as read ``[n, 2]`` (cosine, sine) and true degrees ``[n]``.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 2.9), layout="constrained", sharey=True, squeeze=False
    )
    for k, (axis, (name, (read, true))) in enumerate(zip(axes[0], panels.items(), strict=True)):
        angle = read[:, 1].atan2(read[:, 0]).rad2deg() % 360
        look = {"color": COLOURS[k % len(COLOURS)], "marker": MARKS[k % len(MARKS)]}
        axis.scatter(true, angle, s=8, alpha=0.35, linewidths=0, **look)
        axis.plot([0, 360], [0, 360], color="black", linewidth=1)
        for ends in ([180, 540], [-180, 180]):
            axis.plot([0, 360], ends, color="0.5", linewidth=1, linestyle=":")
        axis.set_title(name, fontsize=10)
        axis.set(xlim=(-10, 350), ylim=(0, 360), xlabel="true azimuth, °")
        axis.set_xticks([0, 90, 180, 270])
        axis.set_yticks([0, 90, 180, 270, 360])
    axes[0, 0].set_ylabel("as read, °")
    return figure


def reading_panels(panels: Mapping[str, Mapping[str, Points]], silence: Sequence[float]) -> Figure:
    """How well something is read off the first so many principal components.

    Args:
        panels: by the name of what is read: by the reader's name, pairs of a number of
            components and a figure; four readers at most.
        silence: for each panel, the figure of one who knows nothing.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(PAGE, 3.1), layout="constrained", squeeze=False
    )
    for axis, (title, readers), nothing in zip(axes[0], panels.items(), silence, strict=True):
        for k, (name, curve) in enumerate(readers.items()):
            look = {"color": COLOURS[k], "linestyle": DASHES[k], "marker": MARKS[k]}
            axis.plot(*zip(*curve, strict=True), label=name, markersize=5, **look)
        axis.axhline(nothing, color="0.4", linewidth=1, linestyle=":")
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="numbers", xscale="log", ylim=(0, None))
        axis.grid(color="0.9")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def share_panels(shares: Mapping[str, Mapping[str, Points]]) -> Figure:
    """From where toys are seen: shares by azimuth, elevation and light, with the even share.

    Args:
        shares: by the generator's name: by ``"azimuth"``, ``"elevation"`` and ``"lighting"``,
            pairs of a value and a share; three generators at most.
    """
    names = {"azimuth": "azimuth, °", "elevation": "elevation, °", "lighting": "light"}
    figure, axes = plt.subplots(
        1, 3, figsize=(PAGE, 2.9), layout="constrained", width_ratios=[1.7, 1, 0.8]
    )
    for axis, (kind, label) in zip(axes, names.items(), strict=True):
        for k, (who, found) in enumerate(shares.items()):
            values, heights = zip(*found[kind], strict=True)
            step = values[1] - values[0] if len(values) > 1 else 1
            width = 0.8 * step / len(shares)
            places = [v + (k - (len(shares) - 1) / 2) * width for v in values]
            percent = [100 * height for height in heights]
            axis.bar(places, percent, width, color=COLOURS[k], hatch=HATCHES[k], label=who)
        axis.axhline(100 / len(values), color="black", linewidth=1, linestyle=":")
        axis.set_xlabel(label)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("% of the made toys")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def distance_curves(curves: Mapping[str, Points], label: str) -> Figure:
    """How near the nearest real view is, for the nearest share of the images.

    Args:
        curves: by name, pairs of a share from 0 to 1 and a distance; four at most.
        label: what the distance is.
    """
    figure, axis = plt.subplots(figsize=(6.2, 3.2), layout="constrained")
    for k, (name, curve) in enumerate(curves.items()):
        shares, distances = zip(*curve, strict=True)
        percent = [100 * share for share in shares]
        axis.plot(percent, distances, DASHES[k], color=COLOURS[k], marker=MARKS[k], label=name)
    axis.set(xlabel="% of the images, the nearest first", ylabel=label, ylim=(0, None))
    axis.grid(color="0.9")
    axis.legend(frameon=False)
    return figure
