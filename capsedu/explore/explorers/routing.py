"""Dynamic routing, step by step, with votes that can be dragged."""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.figures import routing_picture
from capsedu.explore.player import Player
from capsedu.explore.toy import toy_children, toy_weight
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.voteless import child_votes


def routing(votes: Tensor | None = None, iterations: int = 3) -> Player:
    """Routing between a few capsules whose poses lie in the plane.

    The reader steps through the iterations, drags any vote, asks for more iterations, and
    switches the softmax to the wrong axis. What changes is computed in the browser.

    Args:
        votes: ``[b=1, i, j, d=2]``; the book's toy of 3 children and 2 parents if None.
        iterations: how many at the start, 1 to 10.

    Raises:
        ValueError: if the votes are not of one image in the plane, or for other iterations.

    Source: Sabour, Frosst & Hinton (2017), procedure 1.
    """
    if votes is None:
        votes = child_votes(toy_children(), toy_weight())
    require_dims("votes", votes, "b i j d")
    if votes.shape[0] != 1 or votes.shape[3] != 2:
        raise ValueError(f"votes must have shape [1, i, j, 2], got {list(votes.shape)}")
    if iterations not in range(1, 11):
        raise ValueError(f"iterations must be 1 to 10, got {iterations}")
    with torch.no_grad():
        steps = list(dynamic_routing_steps(votes, iterations))
    trace = {
        "title": "Routing by agreement: drag a vote, step through the iterations",
        "explorer": "routing",
        "state": {"votes": votes[0], "iterations": iterations, "axis": "parents"},
        "controls": [
            {"name": "iterations", "label": "iterations", "kind": "range"}
            | {"min": 1, "max": 10, "step": 1},
            {"name": "axis", "label": "softmax over", "kind": "choice"}
            | {"options": [["parents", "the parents"], ["children", "the children (wrong)"]]},
        ],
        "steps": [{name: value[0] for name, value in step._asdict().items()} for step in steps],
    }
    lengths = " and ".join(f"{pose.norm():.2f}" for pose in steps[-1].poses[0])
    alt = (
        f"{iterations} iterations of routing. Above, the couplings of the children; below, "
        "each parent's votes as arrows and the pose it makes of them. In the last iteration "
        f"the poses have lengths {lengths}."
    )
    return Player(trace, routing_picture(votes, steps), alt)
