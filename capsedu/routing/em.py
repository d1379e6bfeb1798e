"""EM routing: Hinton, Sabour & Frosst (2018), procedure 1.

Each parent is a Gaussian that explains the votes of its children. The M-step fits it to the
votes assigned to it and decides whether it is active; the E-step assigns each child anew to
the parents that explain its vote. Read :func:`em_routing_steps`; use :func:`em_routing`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.errors import require_count, require_dims

VARIANCE_FLOOR = 5e-4
"""Added to every variance: a parent with one child would be infinitely sure otherwise. The
value is that of the authors' released code."""

FINAL_LAMBDA = 0.01
"""The authors' constant in :func:`inverse_temperature`."""

NEXT_TO_NOTHING = 1e-8
"""A parent that receives less than this has no votes to average; its pose goes to 0."""


class EMStep(NamedTuple):
    """What one iteration of EM routing sees and makes."""

    assignments: Tensor
    """``r_ij``, shape ``[b, i, j]``: how child i is divided among the parents; sums to 1 over
    the parents that receive a vote from it."""
    means: Tensor
    """``mu_jd``, shape ``[b, j, d]``: the parents' poses."""
    variances: Tensor
    """``sigma_jd`` squared, shape ``[b, j, d]``."""
    costs: Tensor
    """``[b, j]``: what it costs to describe the assigned votes by the parent, in nats, summed
    over the pose components."""
    activations: Tensor
    """``a_j``, shape ``[b, j]``: the probability that the parent is there."""


def inverse_temperature(t: int, final: float = FINAL_LAMBDA) -> float:
    r"""How sharply costs decide about activations, in iteration ``t`` = 0, 1, …

    .. math:: \lambda_t = \lambda_\infty (1 - 0.95^{t + 1})

    Args:
        t: the iteration. After three of them a seventh of ``final`` is reached.
        final: :math:`\lambda_\infty`, per nat.

    Source: the schedule that the authors gave after publication, with 0.01; the paper
    (section 3) only says that it increases. Public code often leaves it out, and then
    activations saturate.
    """
    return final * (1 - 0.95 ** (t + 1))


def em_routing_steps(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    iterations: int = 3,
    connected: Tensor | None = None,
    final_lambda: float = FINAL_LAMBDA,
) -> Iterator[EMStep]:
    r"""Route by EM, one yield per iteration: an M-step on the assignments that it found.

    Args:
        votes: :math:`V_{ij}`, shape ``[b, i, j, d]``: the pose that child i predicts for
            parent j.
        activations: :math:`a_i` of the children, ``[b, i]``, in [0, 1].
        description_bias: :math:`\beta_u`, ``[j]``: what describing one child costs apart from
            the spread of the votes.
        activation_bias: :math:`\beta_a`, ``[j]``: what a parent may cost and still be active.
        iterations: how many M-steps.
        connected: ``[i, j]``, whether child i votes for parent j at all; every child for
            every parent if None. Parents at different places of a grid that share a child
            compete for it.
        final_lambda: of :func:`inverse_temperature`.

    Yields:
        An :class:`EMStep` per iteration; the last one's ``means`` and ``activations`` are the
        result.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Hinton, procedure 1. As there, the log of the standard deviation stands in the
    cost, and each child counts as much as it is active.
    """
    _require_fit(votes, activations, description_bias, activation_bias, iterations, connected)
    with torch.autocast(votes.device.type, enabled=False):  # variances need float32
        votes, activations = at_least_float32(votes), at_least_float32(activations)
        logits = votes.new_zeros(votes.shape[:3])
        for t in range(iterations):
            assignments = _divide(logits, connected)
            weights = assignments * activations.unsqueeze(2)  # [b, i, j]
            received = weights.sum(dim=1)  # [b, j]
            shares = weights / received.clamp(min=NEXT_TO_NOTHING).unsqueeze(1)
            means = torch.einsum("bij,bijd->bjd", shares, votes)
            distances = (votes - means.unsqueeze(1)).square()  # [b, i, j, d]
            variances = torch.einsum("bij,bijd->bjd", shares, distances) + VARIANCE_FLOOR
            spread = 0.5 * variances.log()  # log of the standard deviation
            costs = received * (description_bias.unsqueeze(1) + spread).sum(dim=2)
            activity = inverse_temperature(t, final_lambda) * (activation_bias - costs)  # a logit
            yield EMStep(assignments, means, variances, costs, activity.sigmoid())
            if t < iterations - 1:
                exponents = (distances / (2 * variances.unsqueeze(1))).sum(dim=3)
                heights = spread.sum(dim=2) - F.logsigmoid(activity)  # constants cancel
                logits = -exponents - heights.unsqueeze(1)


def em_routing(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    iterations: int = 3,
    connected: Tensor | None = None,
    final_lambda: float = FINAL_LAMBDA,
) -> tuple[Tensor, Tensor]:
    """The poses and activations that :func:`em_routing_steps` ends with.

    Takes and raises what :func:`em_routing_steps` does.

    Returns:
        Parent poses ``[b, j, d]`` and activations ``[b, j]``.

    Source: Hinton, procedure 1.
    """
    *_, last = em_routing_steps(
        votes,
        activations,
        description_bias,
        activation_bias,
        iterations,
        connected,
        final_lambda,
    )
    return last.means, last.activations


def _divide(logits: Tensor, connected: Tensor | None) -> Tensor:
    """Softmax over the connected parents; a child without any gives away nothing."""
    if connected is None:
        return logits.softmax(dim=2)
    lowest = torch.finfo(logits.dtype).min  # finite, for the gradient's sake
    return logits.masked_fill(~connected, lowest).softmax(dim=2) * connected


def at_least_float32(tensor: Tensor) -> Tensor:
    """``tensor`` in float32, or in its own precision if that is higher."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _require_fit(
    votes: Tensor,
    activations: Tensor,
    description_bias: Tensor,
    activation_bias: Tensor,
    iterations: int,
    connected: Tensor | None,
) -> None:
    require_dims("votes", votes, "b i j d")
    require_dims("activations", activations, "b i")
    require_count("iterations", iterations)
    batch, children, parents, _ = votes.shape
    expected = {
        "activations": (activations, [batch, children]),
        "description_bias": (description_bias, [parents]),
        "activation_bias": (activation_bias, [parents]),
    }
    if connected is not None:
        expected["connected"] = (connected, [children, parents])
        if connected.dtype != torch.bool:
            raise TypeError(f"connected must hold truth values, got {connected.dtype}")
    for name, (tensor, shape) in expected.items():
        if list(tensor.shape) != shape:
            raise ValueError(
                f"{name} must have shape {shape} to fit the votes, got {list(tensor.shape)}"
            )
