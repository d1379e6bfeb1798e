"""A trace, and the player that shows it step by step wherever HTML is shown.

What a cell puts on the page holds everything: the numbers, the script and a still picture.
It needs no kernel and no network. Where scripts do not run, the still picture stands.
"""

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.display import image_tag

STATIC = Path(__file__).parent / "static"
MODULES = ("elements", "themes", "heat", "panels")  # what player.js imports, in this order
TRACE_LIMIT = 200_000  # bytes
DIGITS = 7  # significant digits that a float32 has


class Player:
    """An explorer, ready to be displayed as the value of a cell.

    Args:
        trace: ``title``; ``steps``, one entry per step; ``state``, the start values of what
            the reader can change; ``controls``, how (a ``range``, a ``choice``, or an
            ``action``, a button that makes steps); ``explorer``, the script in ``static/``
            that turns the steps into pictures (without it, the steps are frames already, or
            ``variants`` has a list of them for each choice of the control ``variant``);
            ``start``, the step to begin with; ``pause``, milliseconds from step to step when
            it plays by itself.
            Tensors are allowed wherever a list of numbers is. What a frame may hold is told
            at the top of ``static/panels.js``.
        still: a figure that stands in where no script runs; it shows the last step.
        alt: what that figure shows, in words.

    Raises:
        ValueError: if the trace is larger than 200 kB, or ``alt`` is empty.
    """

    def __init__(self, trace: dict[str, Any], still: Figure, alt: str) -> None:
        self.trace = trace
        text = json.dumps(_plain(trace), separators=(",", ":"), ensure_ascii=False)
        size = len(text.encode())
        if size > TRACE_LIMIT:
            raise ValueError(f"trace must be at most {TRACE_LIMIT} bytes, got {size}")
        script, mark = _script(trace.get("explorer", "frames"))
        # "</" would end the script element in which the text stands.
        data = text.replace("</", "<\\/")
        self.html = (
            f'<div class="capsedu-player" data-build="{mark}">{image_tag(still, alt)}'
            f'<script type="application/json">{data}</script>'
            f"<script>{script}</script></div>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": f"Player: {self.trace['title']}"}


@cache
def _script(explorer: str) -> tuple[str, str]:
    """The player with one explorer as a single script, and the mark of this very version."""
    names = [*MODULES, "player"]
    if explorer != "frames":
        names.insert(-1, explorer)
    source = "\n".join(_without_modules((STATIC / f"{name}.js").read_text()) for name in names)
    style = (STATIC / "player.css").read_text()
    mark = hashlib.sha256((source + style).encode()).hexdigest()[:12]
    known = "" if explorer == "frames" else explorer
    start = f"mountAll({json.dumps(mark)}, {json.dumps(style)}, {{ {known} }});"
    return f'(() => {{\n"use strict";\n{source}\n{start}\n}})();', mark


def _without_modules(source: str) -> str:
    """A file of ``static/`` as part of one script: they are modules only to be read apart."""
    source = re.sub(r"^import .*?;\n", "", source, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^export ", "", source, flags=re.MULTILINE)


def pixels(title: str, image: Tensor, **more: Any) -> dict[str, Any]:
    """An image as a panel of a frame, one byte per number.

    Args:
        title: what stands above it.
        image: ``[c, h, w]`` in [0, 1], with 1 or 3 channels.
        more: other entries of the panel, such as ``size`` or ``box``.
    """
    require_dims("image", image, "c h w")
    _, height, width = image.shape
    levels = (image.detach().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    data = base64.b64encode(levels.contiguous().numpy().tobytes()).decode()
    shape = {"height": height, "width": width}
    return {"kind": "image", "title": title, "bytes": data, **shape, **more}


def _plain(value: Any) -> Any:
    """``value`` as JSON takes it: tensors as lists, numbers no longer than they are exact."""
    if isinstance(value, Tensor):
        return _plain(value.detach().cpu().tolist())  # a single number too
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value
