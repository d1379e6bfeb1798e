"""A canvas that grows step by step, under a window that moves."""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn

from capsedu.errors import require_dims
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels
from capsedu.functional import bernoulli_cost, gaussian_kl
from capsedu.layers.attention import Window
from capsedu.models.drawing import Stroke

FRAMES = 40  # of all drawings of images together, so that the page stays light
LONGEST = 20  # of one drawing
ONE = "a given image"
NOTHING = "nothing: the latents are noise"

Costs = dict[str, Tensor]


def drawing(network: nn.Module, image: Tensor | Mapping[str, Tensor], seed: int = 0) -> Player:
    """How a network draws given images, and how it draws when nobody asks for anything.

    The red frame is the writing window: its corners are the outermost filters. On the image it
    is the reading window. Of a drawing of many steps only some are shown.

    Args:
        network: a trained :class:`~capsedu.models.draw.Draw` (an RCN too) or
            :class:`~capsedu.models.vae.Vae`.
        image: ``[c, h, w]`` in [0, 1]; or some of them by name, to choose from.
        seed: of the noise in the latents.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Gregor et al. (2015), figures 1 and 7; Sastry, figure 2.
    """
    images = image if isinstance(image, Mapping) else {ONE: image}
    for each in images.values():
        require_dims("image", each, "c h w")
    first = next(iter(images.values()))
    noise = network.noise(1, Generator().manual_seed(seed)).to(first)
    with torch.no_grad():
        asked = {name: list(network.steps(x.unsqueeze(0), noise)) for name, x in images.items()}
        unasked = list(network.paint(noise))
    count = len(unasked)
    frames = min(count, LONGEST, FRAMES // len(images))
    shown = torch.linspace(0, count - 1, frames).round().int().tolist()
    cells = tuple(getattr(getattr(network, name, None), "cells", 1) for name in ("read", "write"))
    costs = {name: _costs(strokes, images[name]) for name, strokes in asked.items()}
    keys = ["image", *(f"image {k}" for k in range(1, len(images)))]
    trace = {
        "title": "A drawing grows",
        "state": {"variant": "image"},
        "controls": [
            {"name": "variant", "label": "drawn from", "kind": "choice"}
            | {"options": [*zip(keys, images, strict=True), ("prior", NOTHING)]}
        ],
        "variants": {
            key: [_asked(asked[name][t], x, costs[name], t, shown, cells) for t in shown]
            for key, (name, x) in zip(keys, images.items(), strict=True)
        }
        | {"prior": [_unasked(unasked[t], t, count, cells[1]) for t in shown]},
    }
    rows = {
        "of the image": torch.cat([next(iter(asked.values()))[t].canvas.sigmoid() for t in shown]),
        "of noise": torch.cat([unasked[t].canvas.sigmoid() for t in shown]),
    }
    still = image_rows(rows, [str(t + 1) for t in shown])
    told, missing, _ = next(iter(costs.values())).values()
    alt = (
        f"Canvases after some of {count} steps, above while an image is drawn that costs "
        f"{missing[0].item():.0f} nats more after the first step and {missing[-1].item():.0f} in "
        f"the end, below while the latents are noise. The latents tell {told[-1].item():.0f} nats."
    )
    return Player(trace, still, alt)


def _costs(strokes: Sequence[Stroke], image: Tensor) -> Costs:
    """What an image costs after each step, in nats, ``[t]`` each."""
    told = torch.stack([gaussian_kl(s.mean, s.log_deviation) for s in strokes]).flatten().cumsum(0)
    missing = torch.cat([bernoulli_cost(s.canvas, image.unsqueeze(0)) for s in strokes])
    return {"told by the latents": told, "left to tell": missing, "together": told + missing}


def box(window: Window | None, cells: int, size: int) -> list[float] | None:
    """The window of one drawing as a panel's ``box``, cut at the image's border.

    Its sides run through the middles of the outermost filters.
    """
    if window is None:
        return None
    x, y = window.centre[0].tolist()
    half = (cells - 1) / 2 * window.stride[0].item()
    corners = (y - half, x - half, y + half, x + half)
    return [min(max(corner + 0.5, 0.0), float(size)) for corner in corners]


def _framed(title: str, image: Tensor, window: Window | None, cells: int) -> dict:
    found = box(window, cells, image.shape[2])
    return pixels(title, image, size=1.2, **({} if found is None else {"box": found}))


def _asked(
    stroke: Stroke, image: Tensor, costs: Costs, t: int, shown: list[int], cells: tuple[int, int]
) -> dict:
    count = len(costs["together"])
    now = {name: values[t].item() for name, values in costs.items()}
    steps = [n + 1 for n in shown]
    highest = max(values.max().item() for values in costs.values())
    looks = [{"color": 0}, {"color": 1, "dashed": True}, {"color": 2}]
    lines = [
        {"label": name, "points": list(zip(steps, values[shown].tolist(), strict=True)), **look}
        for (name, values), look in zip(costs.items(), looks, strict=True)
    ]
    return {
        "label": f"step {t + 1} of {count}",
        "caption": f"Step {t + 1} of {count}: so far the latents have told "
        f"{now['told by the latents']:.1f} nats, and the image still costs "
        f"{now['left to tell']:.1f}; together {now['together']:.1f}.",
        "panels": [
            _framed("the image", image, stroke.reading, cells[0]),
            _framed("the canvas", stroke.canvas[0].sigmoid(), stroke.writing, cells[1]),
            {"kind": "curve", "title": "what the image costs, in nats", "size": 1.6, "height": 200}
            | {"x": [1, max(count, 2)], "y": [0, 1.1 * highest], "xlabel": "step", "ylabel": "nats"}
            | {"lines": lines, "dots": [{"at": [t + 1, now["together"]], "color": 2}]},
        ],
        "table": {
            "head": ["step", *costs],
            "rows": [[n + 1, *(v[n].item() for v in costs.values())] for n in shown],
        },
    }


def _unasked(stroke: Stroke, t: int, count: int, cells: int) -> dict:
    canvas = stroke.canvas[0].sigmoid()
    ink = canvas.sum().item()
    return {
        "label": f"step {t + 1} of {count}",
        "caption": f"Step {t + 1} of {count}, without an image: the pixels' probabilities add up "
        f"to {ink:.1f}.",
        "panels": [_framed("the canvas", canvas, stroke.writing, cells)],
        "table": {"head": ["step", "sum of the probabilities"], "rows": [[t + 1, ink]]},
    }
