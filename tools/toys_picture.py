"""Draw the contact sheet of the toys for the data card: ``python tools/toys_picture.py``.

Every toy once, one class to a row, and below them one car from several sides, heights and
in all lights.
"""

from pathlib import Path

import torch
from PIL import Image

from capsedu.data.smallnorb import CLASSES
from capsedu.data.toys.models import toy
from capsedu.data.toys.render import LIGHTS, render

PICTURE = Path(__file__).parents[1] / "book" / "images" / "toys.png"
AZIMUTHS = (40, 300, 60, 140, 320)
SIDE = 96  # twice the data's side, so that the picture is sharp on the page


def view(kind: str, instance: int, elevation: float, azimuth: float, light: int) -> torch.Tensor:
    """The left picture of a pair, ``[side, side]``."""
    return render(toy(kind, instance), elevation, azimuth, (light,), SIDE)[0, 0]


def main() -> None:
    """Draw the sheet and write it."""
    torch.set_num_threads(1)
    rows = [
        [view(kind, i, 35 + 10 * (i % 3), AZIMUTHS[i % 5], i % 2) for i in range(10)]
        for kind in CLASSES
    ]
    last = [view("car", 0, 30 + 20 * k, 60, 0) for k in range(3)]
    last += [view("car", 0, 40, 60, light) for light in range(1, len(LIGHTS))]
    last += [view("car", 0, 40, azimuth, 0) for azimuth in (140, 220)]
    sheet = torch.cat([torch.cat(row, dim=1) for row in [*rows, last]])
    PICTURE.parent.mkdir(exist_ok=True)
    # 32 greys are enough for the page and keep the file small.
    Image.fromarray(sheet.numpy()).quantize(32).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
