"""Checks of the appendix on wrong capsules: tests that students write, put to the test.

Each answer is a function that gets a piece and says whether it is right. It is shown right
pieces, and the gallery's plants.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from capsedu.classroom.attempt import Attempt, Finding, exercise
from capsedu.functional import squash as package_squash
from capsedu.plants import capsules, routings, squashes
from capsedu.routing.dynamic import dynamic_routing

Pieces = Mapping[str, Callable]


def ends(steps: Callable) -> Callable[[Tensor, int], Tensor]:
    """A routing that shows only the poses it ends with."""

    def route(votes: Tensor, iterations: int = 3) -> Tensor:
        *_, last = steps(votes, iterations)
        return last.poses

    return route


def by_type(features: Tensor) -> Tensor:
    """Eight neighbouring channels at one place: another right way to cut."""
    return features.unflatten(1, (-1, 8)).permute(0, 1, 3, 4, 2).flatten(1, 3)


def channels_last(features: Tensor) -> Tensor:
    """The reshape that is right once the channels are last."""
    return features.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 8))


@exercise("w.squash")
def squash(attempt: Attempt, random: Generator) -> None:
    _expect_verdicts(
        attempt,
        right={"the package's squash": package_squash, "n/(1 + n²) · s": squashes.squash},
        wrong={
            "a squash of each component": squashes.per_component,
            "a squash that makes n/(1 + n) of a length n": squashes.without_square,
            "a squash that makes n/(1 + n²) of a length n": squashes.square_too_many,
            "a squash whose gradient at 0 is not a number": squashes.root_of_squares,
        },
    )


@exercise("w.one_place")
def one_place(attempt: Attempt, random: Generator) -> None:
    _expect_verdicts(
        attempt,
        right={
            "components first, then types": capsules.cut,
            "types first, then components": by_type,
            "a reshape with the channels last": channels_last,
        },
        wrong={"a reshape with the channels first": capsules.across_positions},
    )


@exercise("w.share")
def share(attempt: Attempt, random: Generator) -> None:
    _expect_verdicts(
        attempt,
        right={"the package's routing": dynamic_routing, "the loop": ends(routings.routing)},
        wrong={"a softmax over the children": ends(routings.over_children)},
    )


@exercise("w.company")
def company(attempt: Attempt, random: Generator) -> None:
    _expect_verdicts(
        attempt,
        right={"the package's routing": dynamic_routing, "the loop": ends(routings.routing)},
        wrong={"logits that the batch shares": ends(routings.shared_logits)},
    )


def _expect_verdicts(attempt: Attempt, right: Pieces, wrong: Pieces) -> None:
    for name, piece in right.items():
        if not _verdict(attempt, piece):
            raise Finding(f"your test rejects a right piece: {name}")
    for name, piece in wrong.items():
        if _verdict(attempt, piece):
            raise Finding(f"your test lets this pass: {name}")


def _verdict(attempt: Attempt, piece: Callable) -> bool:
    found = attempt(piece)
    if isinstance(found, Tensor) and found.numel() == 1 and found.dtype == torch.bool:
        found = found.item()
    if not isinstance(found, bool):
        raise Finding(f"a test says True or False, not {found!r:.40}")
    return found
