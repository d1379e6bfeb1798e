"""What a transforming auto-encoder draws when it is told how its image moves."""

from collections.abc import Sequence

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels
from capsedu.models.transforming_autoencoder import TransformingAutoencoder


def told_transform(
    network: TransformingAutoencoder,
    images: Tensor,
    names: Sequence[str],
    amounts: Sequence[float],
    told: Tensor,
    wanted: Tensor,
    motion: str,
    trained: float,
) -> Player:
    """An image, the same image after a told transform, and what the network draws of it.

    Args:
        network: trained, on the CPU.
        images: what it sees, ``[n, c, h, w]`` in [0, 1].
        names: of the images.
        amounts: how far each transform goes, ``t`` numbers.
        told: the transforms, ``[t, 2]`` or ``[t, 3, 3]``.
        wanted: what it should draw, ``[n, t, c, h, w]``.
        motion: what the amounts measure, with the unit: ``"pixels to the right"``.
        trained: the largest amount that training told.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Hinton, Krizhevsky & Wang (2011), figures 1 and 4.
    """
    require_dims("images", images, "n c h w")
    n, t = len(images), len(amounts)
    if len(names) != n:
        raise ValueError(f"names must be {n}, one for each image, got {len(names)}")
    if len(told) != t:
        raise ValueError(f"told must hold {t} transforms, one for each amount, got {len(told)}")
    shape = (n, t, *images.shape[1:])
    if wanted.shape != shape:
        raise ValueError(f"wanted must have shape {list(shape)}, got {list(wanted.shape)}")
    with torch.no_grad():
        seen = images.repeat_interleave(t, dim=0)
        drawn = network(seen, told.repeat(n, *(1 for _ in told.shape[1:]))).unflatten(0, (n, t))
    errors = (drawn - wanted).square().flatten(2).sum(dim=2)  # [n, t]
    parts = images, drawn, wanted, errors.tolist()
    variants = {str(k): _frames(k, parts, amounts, motion, trained) for k in range(n)}
    start = min(range(t), key=lambda m: abs(amounts[m]))
    trace = {
        "title": f"Told to go: {motion}",
        "state": {"variant": "0"},
        "start": start,
        "controls": [
            {"name": "variant", "label": "image", "kind": "choice"}
            | {"options": [[str(k), name] for k, name in enumerate(names)]}
        ],
        "variants": variants,
    }
    still = image_rows(
        {"wanted": wanted[0], "drawn": drawn[0]}, [_signed(amount) for amount in amounts]
    )
    alt = (
        f"Image {names[0]} after {t} told transforms, as it should look above and as the network "
        f"draws it below. {motion}: "
        + ", ".join(
            f"{_signed(amount)} with a squared error of {error:.1f}"
            for amount, error in zip(amounts, errors[0].tolist(), strict=True)
        )
        + f". Training told at most {trained:g}."
    )
    return Player(trace, still, alt)


def _frames(
    k: int, parts: tuple, amounts: Sequence[float], motion: str, trained: float
) -> list[dict]:
    """The frames of image ``k``, one for each amount."""
    images, drawn, wanted, errors = parts
    line = [list(point) for point in zip(amounts, errors[k], strict=True)]
    highest = 1.1 * max(max(row) for row in errors)
    frames = []
    for m, amount in enumerate(amounts):
        known = "as training told it" if abs(amount) <= trained else "further than training told"
        curve = {
            "kind": "curve",
            "title": "squared error",
            "x": [min(amounts), max(amounts)],
            "y": [0, highest],
            "xlabel": motion,
            "size": 1.5,
            "height": 150,
            "lines": [{"label": "", "points": line, "color": 0}],
            "dots": [{"at": line[m], "color": 5}],
        }
        frames.append(
            {
                "label": f"{_signed(amount)} {motion}",
                "caption": f"Told: {_signed(amount)} {motion}, {known}. The squared error of the "
                f"drawing is {errors[k][m]:.1f}.",
                "panels": [
                    pixels("seen", images[k]),
                    pixels("should be drawn", wanted[k, m]),
                    pixels("drawn", drawn[k, m]),
                    curve,
                ],
                "table": {"head": [motion, "squared error"], "rows": line},
            }
        )
    return frames


def _signed(amount: float) -> str:
    return "0" if amount == 0 else f"{amount:+g}".replace("-", "−")
