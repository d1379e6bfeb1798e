"""CapsNet as a picture, drawn to the shapes that the network itself reports."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from capsedu.explore.figures import COLOURS

BLUE, ORANGE, GREEN = COLOURS[:3]
GREY = "#888888"
WIDTH = 7.2  # inches


def draw_capsnet(shapes: Mapping[str, tuple[int, ...]]) -> Figure:
    """CapsNet as a row of blocks, drawn to the shapes that were measured.

    Args:
        shapes: what each layer gives for one image, by the layer's name in the network:
            ``image``, ``convolution``, ``primary_capsules.convolution``,
            ``primary_capsules``, ``class_capsules`` and ``decoder.…``.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 2), layout="constrained")
    axis.set(xlim=(-1, 101), ylim=(-9, 17), aspect="equal")
    axis.axis("off")
    _, c, h, w = shapes["image"]
    _, features, grid, _ = shapes["convolution"]
    places = shapes["primary_capsules.convolution"][2]
    _, children, child_dim = shapes["primary_capsules"]
    _, classes, class_dim = shapes["class_capsules"]
    types = children // places**2

    _stack(axis, 0, 10, 1, GREY, f"image\n{c}×{h}×{w}")
    _arrow(axis, 10.5, "9×9")
    _stack(axis, 16.5, 8, 6, BLUE, f"convolution\n{features}×{grid}×{grid}")
    _arrow(axis, 31, "9×9\n÷2")
    _stack(
        axis,
        38,
        5,
        8,
        ORANGE,
        f"primary capsules\n{types} types × {places}×{places},\n{child_dim} components",
    )
    _arrow(axis, 52, "routing")
    for row in range(classes):
        axis.add_patch(
            Rectangle((59, row * 1.5), 9, 1.1, facecolor=GREEN, edgecolor="black", lw=0.4)
        )
    _name(axis, 63.5, f"class capsules\n{classes} of {class_dim}\ncomponents")
    _arrow(axis, 69, "mask")
    widths = [
        shape[1]
        for name, shape in shapes.items()
        if name.startswith("decoder.") and len(shape) == 2
    ]
    for place, width in enumerate(dict.fromkeys(widths[1:])):
        axis.add_patch(Rectangle((76 + 3 * place, 0), 1.2, 15 * (width / max(widths)), color=GREY))
    _name(axis, 80, "decoder\n" + ", ".join(map(str, dict.fromkeys(widths[1:]))))
    _arrow(axis, 84.5, "")
    _stack(axis, 90, 10, 1, GREY, f"reconstruction\n{c}×{h}×{w}")
    return figure


def _stack(axis: Axes, x: float, side: float, sheets: int, colour: str, name: str) -> None:
    """A pile of square sheets seen at an angle, with its name below."""
    for sheet in reversed(range(sheets)):
        corner = (x + 0.7 * sheet, 0.7 * sheet + (0 if sheets > 1 else 2))
        axis.add_patch(Rectangle(corner, side, side, facecolor=colour, edgecolor="white", lw=0.6))
    _name(axis, x + (side + 0.7 * (sheets - 1)) / 2, name)


def _arrow(axis: Axes, x: float, name: str) -> None:
    axis.annotate("", (x + 5, 7), (x, 7), arrowprops={"arrowstyle": "->", "color": "black"})
    axis.text(x + 2.4, 8, name, ha="center", va="bottom", fontsize=7.5)


def _name(axis: Axes, x: float, text: str) -> None:
    axis.text(x, -1.5, text, ha="center", va="top", fontsize=8)
