"""Routing in a trained CapsNet: which children make a digit, by place and by type."""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.figures import grid_maps
from capsedu.explore.player import Player, pixels
from capsedu.functional import capsule_length
from capsedu.models import CapsNet
from capsedu.routing.dynamic import RoutingStep, dynamic_routing_steps

STRONGEST = 8  # children in the table


def trained_routing(network: CapsNet, images: Tensor, iterations: int = 3) -> Player:
    """Each image's routing in ``network``, one step per iteration.

    What child ``i`` adds to class ``j`` is the part of its coupled vote that points along the
    class's total, :math:`c_{ij}\\, \\hat u_{j|i} \\cdot s_j / \\lVert s_j \\rVert`. Over all
    children these numbers sum to the total's length, so each child's share is exact.

    Args:
        network: a trained CapsNet.
        images: ``[b, c, h, w]`` in [0, 1], at most eight; the reader chooses among them.
        iterations: of the routing.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Sabour, Frosst & Hinton (2017), procedure 1.
    """
    require_dims("images", images, "b c h w")
    if not 1 <= len(images) <= 8:
        raise ValueError(f"images must be 1 to 8, got {len(images)}")
    with torch.no_grad():
        votes = network.class_capsules.votes(network.children_of(images))
        steps = list(dynamic_routing_steps(votes, iterations))
    found = capsule_length(steps[-1].poses).argmax(dim=1)  # [b]
    added = torch.stack([_added(votes, step, found) for step in steps])  # [t, b, i]
    side = _side(network, votes.shape[1])
    added = added.unflatten(2, (-1, side, side))  # [t, b, types, h', w']

    names = [f"image {k + 1}: a {digit}" for k, digit in enumerate(found.tolist())]
    variants = {
        str(k): [
            _frame(t, step, image, k, int(found[k]), added[:, k]) for t, step in enumerate(steps)
        ]
        for k, image in enumerate(images)
    }
    trace = {
        "title": "Routing in the trained network: who makes the digit?",
        "state": {"variant": "0"},
        "controls": [
            {"name": "variant", "label": "image", "kind": "choice"}
            | {"options": [[str(k), name] for k, name in enumerate(names)]}
        ],
        "variants": variants,
    }
    maps = added[:, 0].sum(dim=1)
    titles = [f"iteration {t + 1}" for t in range(iterations)]
    alt = (
        f"For {names[0]}, what the children at each of {side} × {side} places add to the class's "
        f"total in {iterations} iterations: {maps[0].sum():.2f} in all in the first and "
        f"{maps[-1].sum():.2f} in the last."
    )
    still = grid_maps(maps, titles, "added to the total")
    return Player(trace, still, alt)


def _added(votes: Tensor, step: RoutingStep, parents: Tensor) -> Tensor:
    """What each child adds to the length of its image's chosen parent: ``[b, i]``."""
    rows = torch.arange(len(parents))
    totals = step.totals[rows, parents]  # [b, d]
    along = totals / totals.norm(dim=1, keepdim=True).clamp(min=1e-12)
    coupled = step.couplings[rows, :, parents].unsqueeze(2) * votes[rows, :, parents]
    return torch.einsum("bid,bd->bi", coupled, along)


def _side(network: CapsNet, children: int) -> int:
    return round((children / network.primary_capsules.types) ** 0.5)


def _frame(t: int, step: RoutingStep, image: Tensor, k: int, found: int, added: Tensor) -> dict:
    """One iteration of image ``k``; ``added`` is ``[t, types, h', w']`` for this image."""
    lengths = capsule_length(step.poses[k])
    now, before = added[t], added[t - 1]
    places, types = now.sum(dim=0), now.sum(dim=(1, 2))
    side = len(places)
    couplings = step.couplings[k, :, found].view_as(now)
    best = now.flatten().topk(STRONGEST).indices.tolist()
    rows = []
    for index in best:
        kind, row, column = index // side**2, index // side % side, index % side
        where = (kind, row, column)
        name = f"type {kind}, row {row}, column {column}"
        rows.append([name, couplings[where], now[where], now[where] - before[where]])
    row, column = divmod(int(places.argmax()), side)
    caption = (
        f"Class {found} is {lengths[found]:.2f} long, made of a total of {now.sum():.2f}. Most "
        f"of it comes from row {row}, column {column} of the grid, and from type "
        f"{int(types.argmax())}. "
    )
    if t == 0:
        caption += "All couplings are still equal."
    else:
        grown = now.sum() - before.sum()
        caption += f"Since the last step the total has changed by {grown:+.2f}."
    reach = added.sum(dim=1).abs().max().item()
    by_type = added.sum(dim=(2, 3))  # [t, types]
    return {
        "label": f"iteration {t + 1} of {len(added)}",
        "caption": caption.replace("-", "−"),
        "panels": [
            pixels("the image", image),
            {"kind": "matrix", "title": f"added to class {found}, by place", "values": places}
            | {"scale": "diverging", "min": -reach, "max": reach, "digits": 2},
            {"kind": "bars", "title": f"added to class {found}, by type", "values": types}
            | {"labels": [f"type {n}" for n in range(len(types))], "digits": 2}
            | {"min": by_type.min(), "max": by_type.max()}
            | {"highlight": [int(types.argmax())]},
            {"kind": "bars", "title": "length of each class", "values": lengths, "max": 1}
            | {"labels": [str(j) for j in range(len(lengths))], "digits": 2, "highlight": [found]},
        ],
        "table": {"head": ["child", "coupling", "adds", "change"], "rows": rows},
    }
