"""The squash, one step at a time, on a vector that can be dragged."""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.figures import curves
from capsedu.explore.player import Player
from capsedu.functional import squash

FORMULAS = {
    "paper": "n²/(1+n²): the paper's",
    "misprint": "n/(1+n²): the RCN paper's misprint",
    "half": "n²/(0.5+n²): found in code",
    "slow": "n/(1+n)",
    "exponential": "1−exp(−n)",
    "unit": "1: the unit vector",
    "componentwise": "each component by itself",
}


def squashing(total: Tensor | None = None, formula: str = "paper") -> Player:
    """A total ``s`` becomes a capsule ``v``: measure, direction, new length, result.

    Args:
        total: ``[d=2]``, components from -3 to 3; (1.5, 1.0) if None.
        formula: one of the keys of ``FORMULAS``.

    Raises:
        ValueError: if ``total`` does not fit the plane, or there is no such formula.

    Source: Sabour, Frosst & Hinton (2017), equation 1, and its relatives in chapter 2.
    """
    total = torch.tensor([1.5, 1.0]) if total is None else total
    require_dims("total", total, "d")
    if len(total) != 2 or not (total.abs() <= 3).all():
        raise ValueError(f"total must be two numbers from -3 to 3, got {total.tolist()}")
    if formula not in FORMULAS:
        raise ValueError(f"formula must be one of {', '.join(FORMULAS)}, got {formula!r}")
    trace = {
        "title": "Squash: drag the vector, step through the formula",
        "explorer": "squashing",
        "state": {"s": total, "formula": formula},
        "controls": [
            {"name": "formula", "label": "new length", "kind": "choice"}
            | {"options": list(FORMULAS.items())}
        ],
    }
    n = torch.linspace(0, 3, 61)
    still = curves(n, {"squash": n**2 / (1 + n**2)}, "length of s", "length of v")
    length, squashed = total.norm().item(), squash(total).norm().item()
    still.axes[0].plot(length, squashed, "o", color="black")
    alt = (
        "The squash curve, from 0 through (1, 0.5) towards 1. A dot marks the total of length "
        f"{length:.2f}, which becomes a capsule of length {squashed:.2f}."
    )
    return Player(trace, still, alt)
