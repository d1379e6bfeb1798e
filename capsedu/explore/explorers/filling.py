"""A hole that the reader draws into a digit, filled from a generator's samples."""

import base64

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.evaluation.inpainting import context_loss, context_weights, holes, put_back
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player

BLOCKS = 8  # along a side of the picture; the reader draws whole blocks
SHADES = 15  # the lightest; two pixels make a byte, which halves the page
WINDOW = 7
SHAPES = {
    "centre": "the middle",
    "half": "the lower half",
    "random": "80 % of the blocks",
    "scribble": "a scribble",
}
_SCRIBBLE = [(1, 2), (1, 3), (2, 3), (3, 3), (3, 4), (4, 4), (5, 4), (5, 3), (6, 3), (6, 2)]


def filling(digits: Tensor, made: Tensor, seen: Tensor, shape: str = "centre") -> Player:
    """Draw a hole into a digit and see at once what fills it.

    It is the first step of the search of :mod:`capsedu.evaluation.inpainting`: of the samples that
    travel in the page, the one with the smallest context loss. Beside it stands the nearest of
    the training digits, by all known pixels. All pictures are rounded to 16 shades of grey.

    Args:
        digits: held-out images, ``[m, 1, size, size]`` in [0, 1]; the size is a multiple of 8.
        made: samples of a generator, ``[n, 1, size, size]`` in [0, 1].
        seen: training images, ``[k, 1, size, size]`` in [0, 1].
        shape: the hole at the start, one of ``SHAPES``.

    Raises:
        TypeError, ValueError: if an argument does not fit, or there is more than a page should
            hold: for 32x32 pixels about 270 pictures in all.

    Source: Yeh et al. (2017), equations 2 and 3, without its steps of Adam.
    """
    side = digits.shape[-1]
    for name, images in {"digits": digits, "made": made, "seen": seen}.items():
        require_dims(name, images, "n c h w")
        if images.shape[1:] != (1, side, side) or side % BLOCKS or not len(images):
            raise ValueError(
                f"{name} must be grey images [n, 1, size, size] of one size, a multiple of "
                f"{BLOCKS}, got {list(images.shape)}"
            )
    shapes = _shapes()
    if shape not in shapes:
        raise ValueError(f"shape must be one of {', '.join(shapes)}, got {shape!r}")
    digits, made, seen = (shaded(images) for images in (digits, made, seen))
    hole = shapes[shape].repeat_interleave(side // BLOCKS, 0).repeat_interleave(side // BLOCKS, 1)
    step = choose(digits[0], hole, made, seen)
    numbers = [[str(k), str(k + 1)] for k in range(len(digits))]
    trace = {
        "title": "Draw a hole, and see what fills it",
        "explorer": "filling",
        "state": {
            "digit": "0",
            "shape": shape,
            "drawn": shape,
            "hole": shapes[shape].int(),
            "cursor": [BLOCKS // 2, BLOCKS // 2],
        },
        "controls": [
            {"name": "digit", "label": "held-out digit", "kind": "choice", "options": numbers},
            {"name": "shape", "label": "begin with", "kind": "choice"}
            | {"options": [*map(list, SHAPES.items())]},
        ],
        "steps": [step],
        "side": side,
        "window": WINDOW,
        "shapes": {name: blocks.int() for name, blocks in shapes.items()},
        **{
            name: packed(images)
            for name, images in {"digits": digits, "made": made, "seen": seen}.items()
        },
    }
    sample, nearest = made[step["best"]], seen[step["nearest"]]
    pictures = [
        digits[0],
        torch.where(hole, 0.5, digits[0]),
        sample,
        *(put_back(picture, digits[0], hole) for picture in (sample, nearest)),
    ]
    titles = ["whole", "with a hole", "best sample", "in the hole", "nearest digit\nin it"]
    alt = (
        f"A held-out digit; the same with {SHAPES[shape]} missing, {hole.double().mean():.0%} of "
        f"it; the sample of {len(made)} that agrees best with the pixels around the hole; the "
        f"hole filled from it, off by {step['errors']['made']:.3f} inside; and filled from the "
        f"nearest of {len(seen)} training digits, off by {step['errors']['seen']:.3f}."
    )
    return Player(trace, image_rows({"": torch.stack(pictures).float()}, titles), alt)


def choose(digit: Tensor, hole: Tensor, made: Tensor, seen: Tensor) -> dict:
    """What fills a hole: what ``static/filling.js`` computes for the reader's own.

    Args:
        digit: ``[1, h, w]`` in [0, 1].
        hole: truth values ``[h, w]``, True where the pixels are missing.
        made: ``[n, 1, h, w]``.
        seen: ``[k, 1, h, w]``.

    Returns:
        The share of missing pixels, the best sample by its number and its context loss, the
        nearest training image and its distance, and the mean absolute error of both in the hole.
    """
    contexts = context_loss(made, digit, context_weights(hole, WINDOW).to(made))
    distances = (seen - digit)[..., ~hole].flatten(1).norm(dim=1)
    best, nearest = int(contexts.argmin()), int(distances.argmin())
    return {
        "share": hole.double().mean().item(),
        "best": best,
        "nearest": nearest,
        "context": contexts[best].item(),
        "distance": distances[nearest].item(),
        "errors": {
            "made": (made[best] - digit)[..., hole].abs().mean().item(),
            "seen": (seen[nearest] - digit)[..., hole].abs().mean().item(),
        },
    }


def shaded(images: Tensor) -> Tensor:
    """Images in [0, 1] rounded to 16 shades, in double precision as in the browser."""
    return (images.detach().cpu().double().clamp(0, 1) * SHADES).round() / SHADES


def packed(images: Tensor) -> str:
    """Images of 16 shades, two pixels to a byte, in base64."""
    levels = (images * SHADES).round().byte().flatten().view(-1, 2)
    return base64.b64encode((16 * levels[:, 0] + levels[:, 1]).numpy().tobytes()).decode()


def _shapes() -> dict[str, Tensor]:
    """The ready-made holes in blocks, truth values ``[8, 8]``."""
    scribble = torch.zeros(BLOCKS, BLOCKS, dtype=torch.bool)
    scribble[tuple(torch.tensor(_SCRIBBLE).T)] = True
    return {**holes(BLOCKS), "scribble": scribble}
