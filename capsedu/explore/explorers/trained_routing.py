"""Routing in a trained CapsNet: which children make a digit, by place and by type."""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.capsnet_figures import image_rows
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


def pose_sweep(network: CapsNet, image: Tensor, digit: int, reach: float = 0.25) -> Player:
    """The decoder's drawing while one pose component of a digit's capsule is moved.

    Args:
        network: a trained CapsNet with a decoder.
        image: ``[c, h, w]`` in [0, 1].
        digit: the class whose capsule is drawn.
        reach: how far the component is moved, to either side, in seven steps.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Sabour, Frosst & Hinton (2017), section 5.1 and figure 4.
    """
    require_dims("image", image, "c h w")
    if network.decoder is None:
        raise ValueError("network must have a decoder, got one without")
    amounts = torch.linspace(-reach, reach, 7)
    with torch.no_grad():
        capsules = network(image.unsqueeze(0))  # [1, j, d]
        if not 0 <= digit < capsules.shape[1]:
            raise ValueError(f"digit must be 0 to {capsules.shape[1] - 1}, got {digit}")
        components = capsules.shape[2]
        moved = capsules.repeat(components * len(amounts), 1, 1)
        moved = moved.unflatten(0, (components, len(amounts)))  # [component, n, j, d]
        for component in range(components):
            moved[component, :, digit, component] += amounts
        moved = moved.flatten(0, 1)
        drawn = network.decoder(moved, torch.full((len(moved),), digit))
    drawn = drawn.unflatten(0, (components, len(amounts)))
    pose = capsules[0, digit]
    change = (drawn[:, -1] - drawn[:, 0]).square().sum(dim=(1, 2, 3))
    order = change.argsort(descending=True).tolist()  # the liveliest first
    variants = {
        str(component): [
            _drawing(drawn[component, n], pose, component, amount)
            for n, amount in enumerate(amounts.tolist())
        ]
        for component in order
    }
    trace = {
        "title": f"One component of a {digit}'s pose, moved",
        "state": {"variant": str(order[0])},
        "start": len(amounts) // 2,
        "controls": [
            {"name": "variant", "label": "component", "kind": "choice"}
            | {"options": [[str(c), f"{c} (change {change[c]:.1f})"] for c in order]}
        ],
        "variants": variants,
    }
    rows = {f"component {component}": drawn[component] for component in order[:2]}
    still = image_rows(rows, [f"{amount:+.2f}" for amount in amounts.tolist()])
    alt = (
        f"Drawings of a {digit} while one component of its pose is moved from {-reach:+.2f} to "
        f"{reach:+.2f}. Shown are the two components that change it most, {order[0]} and "
        f"{order[1]}; the squared differences between the ends are {change[order[0]]:.1f} and "
        f"{change[order[1]]:.1f}."
    )
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


def _drawing(drawn: Tensor, pose: Tensor, component: int, amount: float) -> dict:
    value = pose[component].item()
    caption = f"Component {component} is {value:.2f}; here {amount:+.2f} is added to it."
    return {
        "label": f"{amount:+.2f}".replace("-", "−"),
        "caption": caption.replace("-", "−"),
        "panels": [
            pixels("drawn from the pose", drawn),
            {"kind": "bars", "title": "the pose", "min": -1, "max": 1, "digits": 2}
            | {"labels": [str(d) for d in range(len(pose))], "highlight": [component]}
            | {"values": [x + amount * (d == component) for d, x in enumerate(pose.tolist())]},
        ],
        "table": {"head": ["component", "was", "is"], "rows": [[component, value, value + amount]]},
    }
