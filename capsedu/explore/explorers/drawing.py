"""A canvas that grows step by step, under a window that moves."""

import torch
from torch import Generator, Tensor, nn

from capsedu.errors import require_dims
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels
from capsedu.functional import bernoulli_cost, gaussian_kl
from capsedu.layers.attention import Window
from capsedu.models.drawing import Stroke

FRAMES = 20  # of a drawing of more steps, only so many are shown
WAYS = {"image": "a given image", "prior": "nothing: the latents are noise"}


def drawing(network: nn.Module, image: Tensor, seed: int = 0) -> Player:
    """How a network draws a given image, and how it draws when nobody asks for anything.

    The red frame is the writing window: its corners are the outermost filters. On the image it
    is the reading window.

    Args:
        network: a trained :class:`~capsedu.models.draw.Draw` (an RCN too) or
            :class:`~capsedu.models.vae.Vae`.
        image: ``[c, h, w]`` in [0, 1].
        seed: of the noise in the latents.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Gregor et al. (2015), figures 1 and 7; Sastry, figure 2.
    """
    require_dims("image", image, "c h w")
    noise = network.noise(1, Generator().manual_seed(seed)).to(image)
    with torch.no_grad():
        asked = list(network.steps(image.unsqueeze(0), noise))
        unasked = list(network.paint(noise))
    count = len(asked)
    shown = torch.linspace(0, count - 1, min(count, FRAMES)).round().int().tolist()
    told = torch.stack([gaussian_kl(s.mean, s.log_deviation) for s in asked]).flatten().cumsum(0)
    missing = torch.cat([bernoulli_cost(s.canvas, image.unsqueeze(0)) for s in asked])
    costs = {"told by the latents": told, "left to tell": missing, "together": told + missing}
    cells = tuple(getattr(getattr(network, name, None), "cells", 1) for name in ("read", "write"))
    trace = {
        "title": "A drawing grows",
        "state": {"variant": "image"},
        "controls": [
            {"name": "variant", "label": "drawn from", "kind": "choice"}
            | {"options": list(WAYS.items())}
        ],
        "variants": {
            "image": [_asked(asked[t], image, costs, t, cells) for t in shown],
            "prior": [_unasked(unasked[t], t, count, cells[1]) for t in shown],
        },
    }
    rows = {
        "of the image": torch.cat([asked[t].canvas.sigmoid() for t in shown]),
        "of noise": torch.cat([unasked[t].canvas.sigmoid() for t in shown]),
    }
    still = image_rows(rows, [str(t + 1) for t in shown])
    alt = (
        f"Canvases after some of {count} steps, above while an image is drawn that costs "
        f"{missing[0].item():.0f} nats more after the first step and {missing[-1].item():.0f} in "
        f"the end, below while the latents are noise. The latents tell {told[-1].item():.0f} nats."
    )
    return Player(trace, still, alt)


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
    stroke: Stroke, image: Tensor, costs: dict[str, Tensor], t: int, cells: tuple[int, int]
) -> dict:
    count = len(costs["together"])
    now = {name: values[t].item() for name, values in costs.items()}
    steps = range(1, count + 1)
    highest = max(values.max().item() for values in costs.values())
    looks = [{"color": 0}, {"color": 1, "dashed": True}, {"color": 2}]
    lines = [
        {"label": name, "points": list(zip(steps, values.tolist(), strict=True)), **look}
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
            "rows": [[n + 1, *(v[n].item() for v in costs.values())] for n in range(count)],
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
