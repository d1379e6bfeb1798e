"""Small inputs that the property tests share, and what the pieces make of them."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from capsedu.functional import capsule_length
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import Gan
from capsedu.plants.em import EM
from capsedu.plants.gan import heard
from capsedu.routing.dynamic import RoutingStep, dynamic_routing
from capsedu.routing.em import EMStep
from capsedu.routing.em_convolution import windows_on
from capsedu.routing.voteless import child_votes

_RANDOM = torch.Generator().manual_seed(0)
TWO = torch.tensor([[[2.0, 0.0], [1.2, -1.6]]])  # [b, i, d]: two capsules of length 2
VOTES = 2 * torch.randn(3, 6, 4, 2, generator=_RANDOM, dtype=torch.float64)  # [b, i, j, d]
WHOLE = torch.ones(3, 6, dtype=torch.float64)  # what each of these children has to give
CHANNELS = torch.arange(16.0).view(1, 16, 1, 1).expand(1, 16, 4, 4)  # each a constant of its own
LENGTHS = torch.tensor([[0.4, 0.1, 0.0]])  # with class 0 present, it is 0.5 too short
BLACK, WHITE = torch.zeros(2, 1, 28, 28), torch.ones(2, 1, 28, 28)
WINDOWS = windows_on(3, 3, 2)  # four windows, and the cell in the middle is in all of them
GRID_VOTES = torch.randn(2, 1, 4, 16, 1, 4, generator=_RANDOM)  # [j, i, k, d, b, p]
PRESENT = torch.ones(1, 4, 1, 4)  # every child of the grid is active, [i, k, b, p]
FAINT = PRESENT * torch.tensor([1, 1, 1, 0.1]).view(4, 1, 1)  # but for one in each window


def last(steps: Iterable[RoutingStep]) -> Tensor:
    """The poses that a routing ends with."""
    *_, step = steps
    return step.poses


def em_step(
    em: EM, votes: Tensor = GRID_VOTES, activations: Tensor = PRESENT, iterations: int = 1
) -> EMStep:
    """The last step of EM routing from :data:`WINDOWS`."""
    biases = torch.zeros(2), torch.zeros(2)
    *_, step = em.steps(votes, activations, *biases, WINDOWS, iterations, 0.01)
    return step


def given_away(em: EM) -> Tensor:
    """How much of itself each of the nine cells' children gives away."""
    assignments = em_step(em).assignments  # [j, i, k, b, p]
    return WINDOWS.total(assignments.sum(dim=0).transpose(1, 2)).flatten()


def logit_of_equal_votes(em: EM, iterations: int) -> float:
    """How sure a parent is of votes that are all the same."""
    step = em_step(em, 0 * GRID_VOTES, iterations=iterations)
    return step.activations.logit().mean().item()


def slope_at_zero(squash: Callable[[Tensor], Tensor]) -> Tensor:
    """The gradient of a squash at the zero vector."""
    zero = torch.zeros(1, 1, 2, requires_grad=True)
    return torch.autograd.grad(squash(zero).sum(), zero)[0]


def untrained_lengths(weight: Callable) -> Tensor:
    """Lengths of ten class capsules with a hundred children, before any training."""
    rng_state = torch.get_rng_state()
    torch.manual_seed(0)
    children = torch.rand(8, 100, 8) / 8**0.5
    votes = child_votes(children, weight((10, 8, 100, 16)))
    torch.set_rng_state(rng_state)
    return capsule_length(dynamic_routing(votes))


def generator_hears(judge: Callable) -> float:
    """Length of the gradient that a discriminator's step leaves in a tiny generator."""
    gan = Gan(DcganGenerator((1, 16, 16), 4, 4), DcganDiscriminator((1, 16, 16), 4))
    judge(gan, torch.zeros(2, 1, 16, 16), torch.ones(2, 4))
    return heard(gan).item()
