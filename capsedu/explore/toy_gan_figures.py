"""Pictures of the toy GAN: real points, fakes, pulls, and what the discriminator says."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from capsedu.explore.figures import COLOURS
from capsedu.explore.toy_gan import ToyGan, fakes, probability, pulls

REACH = 3.0  # the pictures show the plane from -REACH to REACH
CELLS = 60  # of the map, along a side
REAL, FAKE = COLOURS[0], COLOURS[5]
TRUST = LinearSegmentedColormap.from_list("trust", [FAKE, "white", REAL])


def draw_game(axis: Axes, game: ToyGan):
    """One moment: discs are real points, squares are fakes, arrows are their pulls, twice as long.

    The ground is the discriminator's probability of being real, and the line is where it is 1/2.

    Returns:
        The map, for a colour bar.
    """
    places = torch.linspace(-REACH, REACH, CELLS, dtype=torch.float64)
    points = torch.cartesian_prod(places, places)
    says = probability(game, points).view(CELLS, CELLS).T.detach().numpy()  # rows are y
    ends = (-REACH, REACH)
    ground = axis.imshow(
        says, origin="lower", extent=(*ends, *ends), cmap=TRUST, vmin=0, vmax=1, alpha=0.6
    )
    if says.min() < 0.5 < says.max():
        axis.contour(places, places, says, levels=[0.5], colors="black", linewidths=1)
    look = {"edgecolor": "white", "linewidth": 0.4, "s": 14}
    axis.scatter(*game.real.T, color=REAL, marker="o", **look)
    made = fakes(game).detach()
    axis.scatter(*made.T, color=FAKE, marker="s", **look)
    tips = 2 * pulls(game)
    axis.quiver(*made.T, *tips.T, color=FAKE, angles="xy", scale_units="xy", scale=1, width=0.006)
    axis.set(xlim=ends, ylim=ends, xticks=[], yticks=[], aspect="equal")
    return ground


def toy_gan_picture(games: Mapping[str, ToyGan]) -> Figure:
    """Moments of a game side by side, each under its name."""
    figure, axes = plt.subplots(
        1, len(games), figsize=(7.2, 0.55 + 6.4 / len(games)), layout="constrained", squeeze=False
    )
    for axis, (name, game) in zip(axes[0], games.items(), strict=True):
        ground = draw_game(axis, game)
        axis.set_title(name, fontsize=10)
    figure.colorbar(ground, ax=axes, label="probability of being real", shrink=0.9)
    handles, names = _signs()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _signs():
    look = {"linestyle": "none", "markersize": 5}
    real = plt.Line2D([], [], color=REAL, marker="o", **look)
    fake = plt.Line2D([], [], color=FAKE, marker="s", **look)
    line = plt.Line2D([], [], color="black", linewidth=1)
    return [real, fake, line], ["real", "fake", "probability 1/2"]
