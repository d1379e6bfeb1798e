"""EM routing, each M-step and each E-step by itself, with votes that can be dragged."""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.em_figures import em_picture
from capsedu.explore.player import Player
from capsedu.routing.em import (
    FINAL_LAMBDA,
    NEXT_TO_NOTHING,
    VARIANCE_FLOOR,
    EMStep,
    em_routing_steps,
    inverse_temperature,
)

SCALES = {
    1: "the authors'",
    1000: "1,000 × the authors'",
    10_000: "10,000 × the authors'",
    100_000: "100,000 × the authors'",
}
ACTIVATION_BIAS = -0.5
"""A parent must save half a nat before it is rather there than not; the other bias is 0."""


def em_toy() -> tuple[Tensor, Tensor]:
    """The smallest EM routing that shows something: 4 children, 2 parents, poses in the plane.

    Children 0 and 1 agree about parent 0 and differ about parent 1; with children 2 and 3, who
    are half active, it is the other way round. Chapter 5 does its first steps by hand.

    Returns:
        Votes ``[b=1, i=4, j=2, d=2]`` and the children's activations ``[b=1, i=4]``.
    """
    votes = torch.tensor(
        [
            [[0.5, 1.5], [3.0, 1.0]],
            [[1.5, 0.5], [1.0, -1.0]],
            [[3.0, 3.0], [2.5, -1.0]],
            [[-1.0, -1.0], [1.5, 1.0]],
        ]
    )
    return votes.unsqueeze(0), torch.tensor([[1.0, 1.0, 0.5, 0.5]])


def em_routing(
    votes: Tensor | None = None,
    activations: Tensor | None = None,
    scale: int = 1000,
    iterations: int = 4,
) -> Player:
    r"""EM routing between a few capsules whose poses lie in the plane.

    The reader steps through M-steps and E-steps, drags any vote, makes children more or less
    active, and multiplies the inverse temperature. What changes is computed in the browser.
    :math:`\beta_u = 0` and :math:`\beta_a = -1/2`.

    Args:
        votes: ``[b=1, i, j, d=2]`` with 2 to 4 children; the book's toy if None.
        activations: of the children, ``[b=1, i]`` in [0, 1]; the toy's, or all 1 for other votes,
            if None.
        scale: by how much the inverse temperature is multiplied, one of ``SCALES``. A few
            children in the plane cost a few nats, a layer of a network thousands.
        iterations: how many M-steps, 2 to 6.

    Raises:
        ValueError: if an argument does not fit.

    Source: Hinton, Sabour & Frosst (2018), procedure 1.
    """
    if votes is None:
        votes, toy_activations = em_toy()
        activations = toy_activations if activations is None else activations
    require_dims("votes", votes, "b i j d")
    if votes.shape[0] != 1 or votes.shape[1] not in (2, 3, 4) or votes.shape[3] != 2:
        raise ValueError(
            f"votes must have shape [1, i, j, 2] with i from 2 to 4, got {list(votes.shape)}"
        )
    activations = torch.ones(1, votes.shape[1]) if activations is None else activations
    if list(activations.shape) != [1, votes.shape[1]]:
        raise ValueError(
            f"activations must have shape [1, {votes.shape[1]}], got {list(activations.shape)}"
        )
    if not ((activations >= 0) & (activations <= 1)).all():
        raise ValueError(f"activations must be 0 to 1, got {activations.tolist()}")
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(map(str, SCALES))}, got {scale}")
    if iterations not in range(2, 7):
        raise ValueError(f"iterations must be 2 to 6, got {iterations}")

    with torch.no_grad():
        steps = scaled_steps(votes.double(), activations.double(), scale, iterations)
    active = {f"a{i}": a for i, a in enumerate(activations[0])}
    sliders = [
        {"name": name, "label": f"child {i} is active", "kind": "range"}
        | {"min": 0, "max": 1, "step": 0.05}
        for i, name in enumerate(active)
    ]
    choice = {"name": "scale", "label": "λ", "kind": "choice", "options": list(SCALES.items())}
    trace = {
        "title": "EM routing: drag a vote, step through M and E",
        "explorer": "em_routing",
        "state": {"votes": votes[0], "scale": scale, **active},
        "controls": [*sliders, choice],
        "temperatures": [inverse_temperature(t) for t in range(iterations)],
        "bias": ACTIVATION_BIAS,
        "floor": VARIANCE_FLOOR,
        "nothing": NEXT_TO_NOTHING,
        "range": [votes.min().sub(0.5).floor(), votes.max().add(0.5).ceil()],
        "steps": half_steps(steps),
    }
    last = steps[-1]
    given = " and ".join(f"{share:.2f}" for share in last.assignments[0, :2, 0])
    alt = (
        f"{iterations} iterations of EM routing. Above, the assignments of the children; below, "
        "each parent's votes as marks and the Gaussian that explains them, as ellipses. In the "
        f"last iteration children 0 and 1 give {given} of themselves to parent 0, and the "
        "parents' activations are " + " and ".join(f"{a:.2f}" for a in last.activations[0]) + "."
    )
    return Player(trace, em_picture(votes, activations, steps), alt)


def scaled_steps(votes: Tensor, activations: Tensor, scale: int, iterations: int) -> list[EMStep]:
    """EM routing with the authors' inverse temperature times ``scale``."""
    zeros = votes.new_zeros(votes.shape[2])
    biases = zeros, zeros + ACTIVATION_BIAS
    final = scale * FINAL_LAMBDA
    return list(em_routing_steps(votes, activations, *biases, iterations, final_lambda=final))


def half_steps(steps: list[EMStep]) -> list[dict]:
    """The even start, and then M-steps and E-steps in turn, the last one an M-step."""
    first, *_ = steps
    found = [{"half": "start", "assignments": first.assignments[0]}]
    for t, step in enumerate(steps):
        fitted = {
            name: getattr(step, name)[0] for name in ("means", "variances", "costs", "activations")
        }
        found.append({"half": "M", "assignments": step.assignments[0], **fitted})
        if t + 1 < len(steps):
            found.append({"half": "E", "assignments": steps[t + 1].assignments[0], **fitted})
    return found
