"""The search for the noise whose image fills a hole, step by step."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.evaluation.inpainting import Search, put_back, require_hole
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels

STEPS = (0, 3, 10, 30, 100, 300)


def filling_search(
    image: Tensor,
    holes: Mapping[str, Tensor],
    searches: Mapping[str, Sequence[Search]],
    weight: float,
    steps: Sequence[int] = STEPS,
) -> Player:
    """What a search has found after some of its steps, for one image and each of some holes.

    Args:
        image: the whole image, ``[1, h, w]`` in [0, 1].
        holes: by name, truth values ``[h, w]``, True where the pixels are missing.
        searches: for each of them all of :func:`capsedu.evaluation.inpainting.fill_in_steps`, for
            this one image.
        weight: of the prior, by which the best restart is chosen.
        steps: which to show; those behind the end are left out.

    Raises:
        TypeError, ValueError: if an argument does not fit.
    """
    require_dims("image", image, "1 h w")
    if not holes or holes.keys() != searches.keys():
        raise ValueError(
            f"searches must have one entry for each of holes, {list(holes)}, got {list(searches)}"
        )
    for hole in holes.values():
        require_hole(hole, image.shape[1:])
    variants, last = {}, {}
    for name, hole in holes.items():
        told = [step for step in steps if step < len(searches[name])]
        best = [search.best(weight) for search in searches[name]]
        losses = [each.context.item() for each in best]
        frames = [_frame(image, hole, step, best[step], losses) for step in told]
        variants[name] = frames
        last[name] = put_back(best[told[-1]].made[0, 0], image, hole)
    trace = {
        "title": "A search for the noise that fits what is left",
        "state": {"variant": next(iter(holes))},
        "controls": [
            {"name": "variant", "label": "missing", "kind": "choice"}
            | {"options": [[name, name] for name in holes]}
        ],
        "variants": variants,
    }
    damaged = torch.stack([torch.where(hole, 0.5, image) for hole in holes.values()])
    whole = image.expand_as(damaged)
    rows = {"whole": whole, "with a hole": damaged, "filled": torch.stack([*last.values()])}
    ends = ", ".join(f"{name}: {_error(last[name], image, holes[name]):.3f}" for name in holes)
    alt = (
        f"One image with {len(holes)} holes, whole, damaged, and filled by a search. At its end it "
        f"is off by so much in the hole, on average: {ends}."
    )
    return Player(trace, image_rows(rows, list(holes)), alt)


def _frame(image: Tensor, hole: Tensor, step: int, search: Search, losses: list[float]) -> dict:
    made = search.made[0, 0]
    filled = put_back(made, image, hole)
    off, context = _error(filled, image, hole), search.context.item()
    points = [[k, loss] for k, loss in enumerate(losses)]
    return {
        "label": f"step {step}",
        "caption": f"After {step} steps the generator's image differs from the known pixels by "
        f"{context:.3f} on average, weighted towards the hole; in the hole itself it is off by "
        f"{off:.3f}. Only the first number is known to the search.",
        "panels": [
            pixels("what is known", torch.where(hole, 0.5, image), size=0.75),
            pixels("the generator's image", made, size=0.75),
            pixels("the hole filled", filled, size=0.75),
            {"kind": "curve", "title": "off, around the hole", "size": 1.2, "height": 150}
            | {"x": [0, max(1, len(losses) - 1)], "y": [0, 1.1 * max(losses)], "xlabel": "step"}
            | {"lines": [{"points": points, "color": 1}]}
            | {"dots": [{"at": [step, losses[step]], "color": 2}]},
        ],
        "table": {
            "head": ["", "value"],
            "rows": [
                ["context loss", context],
                ["prior loss", search.prior.item()],
                ["length of the noise", search.noise.norm().item()],
                ["off by, in the hole", off],
            ],
        },
    }


def _error(filled: Tensor, image: Tensor, hole: Tensor) -> float:
    return (filled - image)[..., hole].abs().mean().item()
