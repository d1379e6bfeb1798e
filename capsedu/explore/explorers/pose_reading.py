"""A toy that is turned, and what is read of its azimuth off a network."""

from collections.abc import Mapping, Sequence
from math import atan2, cos, degrees, hypot, radians, sin
from typing import NamedTuple

from torch import Tensor

from capsedu.errors import require_dims
from capsedu.evaluation.poses import azimuth_distance
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels

REACH = 1.6  # of the plane: a direction that is read may be longer than 1
HUNDREDTHS = 100  # of a pose's component are shown
LEGEND = [
    {"label": "true", "color": 4, "mark": "arrow", "width": 5},
    {"label": "as read", "color": 5, "mark": "arrow"},
]


class Sweep(NamedTuple):
    """A toy from all sides."""

    images: Tensor
    """``[n, h, w]`` in [0, 1], one per azimuth."""
    poses: Tensor
    """What a class capsule makes of them, ``[n, d]``."""
    read: Tensor
    """The azimuth's cosine and sine as read off that pose or off something else, ``[n, 2]``."""


def pose_reading(sweeps: Mapping[str, Sweep], sides: Sequence[float]) -> Player:
    """The reader turns a toy; beside it, a capsule's pose and the azimuth read off the network.

    Args:
        sweeps: by the name of the toy and what is read off; the reader chooses among them.
        sides: the azimuths in degrees, ``n``.

    Raises:
        TypeError, ValueError: if an argument does not fit, or the page would become too large.
    """
    if not sweeps:
        raise ValueError("sweeps must hold at least one toy, got none")
    for name, sweep in sweeps.items():
        for part, dims in {"images": "n h w", "poses": "n d", "read": "n d"}.items():
            values = getattr(sweep, part)
            require_dims(f"{part} of {name!r}", values, dims)
            if len(values) != len(sides):
                raise ValueError(
                    f"{part} of {name!r} must be {len(sides)}, one for each azimuth, "
                    f"got {len(values)}"
                )
    names = list(sweeps)
    off = {name: azimuth_distance(s.read, s.read.new_tensor(sides)) for name, s in sweeps.items()}
    trace = {
        "title": "Turn the toy: from which side is it seen?",
        "state": {"variant": "0"},
        "controls": [
            {"name": "variant", "label": "toy", "kind": "choice"}
            | {"options": [[str(k), name] for k, name in enumerate(names)]}
        ],
        "variants": {
            str(k): [_frame(sweeps[name], n, sides, off[name].tolist()) for n in range(len(sides))]
            for k, name in enumerate(names)
        },
    }
    shown = range(0, len(sides), max(1, len(sides) // 6))
    rows = {name: sweep.images[list(shown)].unsqueeze(1) for name, sweep in sweeps.items()}
    still = image_rows(rows, [f"{sides[k]:.0f}°" for k in shown])
    said = ", ".join(f"{name}: {values.mean():.0f} degrees off" for name, values in off.items())
    alt = f"Toys from {len(sides)} sides. The azimuth as read, on average: {said}."
    return Player(trace, still, alt)


def _frame(sweep: Sweep, n: int, sides: Sequence[float], off: Sequence[float]) -> dict:
    true = [_short(cos(radians(sides[n]))), _short(sin(radians(sides[n])))]
    read = [_short(value) for value in sweep.read[n].tolist()]
    # An arrow that would leave the picture is cut: only its direction is wanted.
    length = max(1.0, hypot(*read) / REACH)
    shown = [_short(value / length) for value in read]
    said = degrees_of(*read)
    poses = sweep.poses.mul(HUNDREDTHS).round().div(HUNDREDTHS)
    return {
        "label": f"azimuth {sides[n]:.0f}°",
        "caption": f"The toy is seen from {sides[n]:.0f}°. Read off the network: {said:.0f}°, "
        f"which is {off[n]:.0f}° off.",
        "panels": [
            pixels("the toy", sweep.images[n].unsqueeze(0)),
            {"kind": "plane", "title": "the azimuth", "range": [-REACH, REACH], "circle": 1}
            | {"arrows": [{"to": true, "width": 5, "color": 4}, {"to": shown, "color": 5}]}
            | {"legend": LEGEND},
            {"kind": "bars", "title": "the pose", "values": poses[n], "digits": 1}
            | {"labels": [*range(poses.shape[1])], "min": poses.min(), "max": poses.max()},
        ],
        "table": {
            "head": ["azimuth", "degrees", "cosine", "sine"],
            "rows": [["true", sides[n], *true], ["read", round(said), *read]],
        },
    }


def degrees_of(cosine: float, sine: float) -> float:
    """The direction of a point of the plane, from 0 to 360."""
    return degrees(atan2(sine, cosine)) % 360


def _short(value: float) -> float:
    return round(value, 2)
