"""EM routing from pieces, each as it should be and as public code has it.

The letters and layouts are those of :mod:`capsedu.routing.em_convolution`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.layers.matrix_capsules import PoseShape
from capsedu.routing.em import NEXT_TO_NOTHING, VARIANCE_FLOOR, EMStep
from capsedu.routing.em_convolution import Windows, divide_children


def divide(logits: Tensor, windows: Windows) -> Tensor:
    """As it should be: a child's parents compete, in whatever window they are."""
    return divide_children(logits, windows)


def divide_in_window(logits: Tensor, windows: Windows) -> Tensor:
    """Each window by itself: a child in four windows gives itself away four times."""
    return logits.softmax(dim=0)


def weigh(assignments: Tensor, activations: Tensor) -> Tensor:
    """As it should be: a child counts as much as it is active."""
    return assignments * activations


def weigh_and_normalise(assignments: Tensor, activations: Tensor) -> Tensor:
    """The sum over the parents is made 1 again, and the activation cancels."""
    return F.normalize(assignments * activations, p=1, dim=0)


def temperature(t: int, final: float) -> float:
    """As it should be: costs count for more from iteration to iteration."""
    return final * (1 - 0.95 ** (t + 1))


def constant_temperature(t: int, final: float) -> float:
    """One nat is one unit of the logit, at once and for ever."""
    return 1.0


def variance(shares: Tensor, distances: Tensor) -> Tensor:
    """As it should be: never 0, even where all votes are the same."""
    return (shares * distances).sum(dim=(1, 2)) + VARIANCE_FLOOR


def bare_variance(shares: Tensor, distances: Tensor) -> Tensor:
    """A parent that one child alone votes for is infinitely sure."""
    return (shares * distances).sum(dim=(1, 2))


class RightHandColumn(PoseShape):
    """As it should be: coordinates go where a matrix of homogeneous coordinates has a translation.

    Poses lie in memory column by column.
    """

    @property
    def position(self) -> slice:
        return slice(self.dim - self.rows, self.dim - self.rows + 2)


class FirstComponents(PoseShape):
    """Coordinates go to the first two numbers in memory, which belong to the rotation."""

    @property
    def position(self) -> slice:
        return slice(0, 2)


@dataclass(frozen=True)
class EM:
    """EM routing with exchangeable pieces; as it stands, the package's."""

    divide: Callable[[Tensor, Windows], Tensor] = divide
    weigh: Callable[[Tensor, Tensor], Tensor] = weigh
    temperature: Callable[[int, float], float] = temperature
    variance: Callable[[Tensor, Tensor], Tensor] = variance

    def steps(
        self,
        votes: Tensor,
        activations: Tensor,
        description_bias: Tensor,
        activation_bias: Tensor,
        windows: Windows,
        iterations: int,
        final_lambda: float,
    ) -> Iterator[EMStep]:
        """Like :func:`capsedu.routing.em_convolution.em_convolution_steps`."""
        beta_u, beta_a = description_bias[:, None, None], activation_bias[:, None, None]
        logits = torch.zeros_like(votes[:, :, :, 0])
        for t in range(iterations):
            assignments = self.divide(logits, windows)  # [j, i, k, b, p]
            weights = self.weigh(assignments, activations)
            received = weights.sum(dim=(1, 2))  # [j, b, p]
            shares = (weights / received.clamp(min=NEXT_TO_NOTHING)[:, None, None]).unsqueeze(3)
            means = (shares * votes).sum(dim=(1, 2))  # [j, d, b, p]
            distances = (votes - means[:, None, None]).square()
            variances = self.variance(shares, distances)
            spread = 0.5 * variances.log()
            costs = received * (beta_u.unsqueeze(1) + spread).sum(dim=1)
            activity = self.temperature(t, final_lambda) * (beta_a - costs)
            yield EMStep(assignments, means, variances, costs, activity.sigmoid())
            exponents = (distances / (2 * variances[:, None, None])).sum(dim=3)
            heights = F.logsigmoid(activity) - spread.sum(dim=1)
            logits = heights[:, None, None] - exponents

    def between_grids(self, *inputs) -> tuple[Tensor, Tensor]:
        """In place of :func:`capsedu.routing.em_convolution.em_convolution`."""
        *_, last = self.steps(*inputs)
        return last.means, last.activations

    def to_classes(
        self,
        votes: Tensor,
        activations: Tensor,
        description_bias: Tensor,
        activation_bias: Tensor,
        iterations: int,
        final_lambda: float,
    ) -> tuple[Tensor, Tensor]:
        """In place of :func:`capsedu.routing.em.em_routing`: one window over all children."""
        children = votes.shape[1]
        everything = Windows(torch.arange(children, device=votes.device)[:, None], children)
        means, found = self.between_grids(
            votes.permute(2, 1, 3, 0)[:, None, ..., None],  # [j, 1, k, d, b, 1]
            activations.T[None, ..., None],
            description_bias,
            activation_bias,
            everything,
            iterations,
            final_lambda,
        )
        return means[..., 0].permute(2, 0, 1), found[..., 0].T
