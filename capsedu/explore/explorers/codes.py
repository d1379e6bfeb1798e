"""What a generator makes when one part of its code is chosen and another is moved."""

from collections.abc import Sequence

from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.player import Player, pixels
from capsedu.explore.zoo_figures import code_sheet

STILL_ROWS = 10  # of the picture that stands where no script runs


def codes(
    title: str,
    images: Tensor,
    seen: Tensor,
    choices: Sequence[str],
    steps: Sequence[str],
    choice: str = "class",
) -> Player:
    """Images made beforehand for a grid of codes, one of them at a time.

    Args:
        title: of the explorer.
        images: ``[v, n, h, w]`` in [0, 1]: for each of ``v`` choices, ``n`` steps.
        seen: how probable a classifier finds each of its classes, ``[v, n, classes]``.
        choices: ``v`` names.
        steps: ``n`` names.
        choice: what is chosen, in a word or two.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Odena et al. (2017), figure 1, for classes; Chen et al. (2016), figure 2, for codes.
    """
    require_dims("images", images, "v n h w")
    require_dims("seen", seen, "v n classes")
    grid = images.shape[:2]
    if seen.shape[:2] != grid:
        raise ValueError(f"seen must have shape {[*grid, 'classes']}, got {list(seen.shape)}")
    for name, texts, count in (("choices", choices, grid[0]), ("steps", steps, grid[1])):
        if len(texts) != count:
            raise ValueError(f"{name} must be {count} names, one for each, got {len(texts)}")

    trace = {
        "title": title,
        "state": {"variant": "0"},
        "start": grid[1] // 2,
        "controls": [
            {"name": "variant", "label": choice, "kind": "choice"}
            | {"options": [[str(v), name] for v, name in enumerate(choices)]}
        ],
        "variants": {
            str(v): [
                _frame(f"{name}, {step}", step, image, shares)
                for step, image, shares in zip(steps, images[v], seen[v], strict=True)
            ]
            for v, name in enumerate(choices)
        },
    }
    shown = slice(STILL_ROWS)
    alt = (
        f"{title}. A grid of made images: a row for each of {', '.join(choices[shown])}; from left "
        f"to right {steps[0]} to {steps[-1]}."
    )
    return Player(trace, code_sheet(images[shown], choices[shown], steps), alt)


def _frame(where: str, label: str, image: Tensor, shares: Tensor) -> dict:
    rounded = [round(share, 2) for share in shares.tolist()]
    best = int(shares.argmax())
    return {
        "label": label,
        "caption": f"{where}: the classifier takes it for a {best}, with a probability of "
        f"{rounded[best]:.2f}.",
        "panels": [
            pixels("made from this code", image.unsqueeze(0)),
            {"kind": "bars", "title": "what the classifier sees", "min": 0, "max": 1, "digits": 2}
            | {"labels": [str(k) for k in range(len(rounded))], "highlight": [best]}
            | {"values": rounded},
        ],
        "table": {
            "head": ["class", "probability"],
            "rows": [[str(k), share] for k, share in enumerate(rounded)],
        },
    }
