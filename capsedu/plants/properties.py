"""One line each: what holds for a right piece, and catches a wrong one.

Every function takes a piece and says whether the property holds. What the lines need is in
:mod:`capsedu.plants.samples`.
"""

import torch

from capsedu.plants.samples import (
    BLACK,
    CHANNELS,
    FAINT,
    GRID_VOTES,
    LENGTHS,
    TWO,
    VOTES,
    WHITE,
    WHOLE,
    em_step,
    generator_hears,
    given_away,
    last,
    logit_of_equal_votes,
    slope_at_zero,
    untrained_lengths,
)


def capsule_has_one_place(cut) -> bool:
    return all(len(pose.unique()) == len(pose) for pose in cut(CHANNELS)[0])


def direction_is_kept(squash) -> bool:
    return torch.allclose(torch.cosine_similarity(squash(TWO), TWO, dim=2), torch.ones(1, 2))


def capsule_is_squashed_alone(squash) -> bool:
    return torch.allclose(squash(TWO)[:, :1], squash(TWO[:, :1]))


def length_2_becomes_four_fifths(squash) -> bool:
    return torch.allclose(squash(TWO).norm(dim=2), torch.tensor(4 / 5))


def slope_at_zero_is_finite(squash) -> bool:
    return slope_at_zero(squash).isfinite().all().item()


def child_gives_itself_once(routing) -> bool:
    return all(torch.allclose(step.couplings.sum(dim=2), WHOLE) for step in routing(VOTES))


def image_is_routed_alone(routing) -> bool:
    return torch.allclose(last(routing(VOTES))[:1], last(routing(VOTES[:1])))


def three_iterations_are_three(routing) -> bool:
    return len([*routing(VOTES, iterations=3)]) == 3


def gradient_is_the_slope(routing) -> bool:
    # `last(routing(v))` compared with finite differences of itself.
    return torch.autograd.gradcheck(
        lambda v: last(routing(v)), VOTES.clone().requires_grad_(), raise_exception=False
    )


def untrained_capsule_is_unsure(weight) -> bool:
    return (untrained_lengths(weight) < 0.5).all().item()


def half_too_short_costs_a_quarter(margin) -> bool:
    return torch.allclose(margin(LENGTHS, torch.tensor([0])), torch.tensor(0.25))


def perfect_lengths_cost_nothing(margin) -> bool:
    return margin(torch.eye(3), torch.arange(3)).item() == 0


def every_pixel_costs(drawing) -> bool:
    return drawing(BLACK, WHITE).item() == 28 * 28


def decoder_is_shown_the_target(shown) -> bool:
    return shown(LENGTHS, torch.tensor([2])).item() == 2


def child_in_many_windows_gives_itself_once(em) -> bool:
    return torch.allclose(given_away(em), torch.ones(9))


def sureness_grows(em) -> bool:
    return logit_of_equal_votes(em, 2) > 1.5 * logit_of_equal_votes(em, 1)


def coordinates_are_a_translation(pose) -> bool:
    return [*range(16)][pose(4, 4).position] == torch.arange(16).view(4, 4).T[:2, 3].tolist()


def equal_votes_are_no_problem(em) -> bool:
    return em_step(em, 0 * GRID_VOTES, iterations=2).means.isfinite().all().item()


def activations_matter(em) -> bool:
    return not torch.allclose(em_step(em).means, em_step(em, activations=FAINT).means)


def generator_hears_nothing(judge) -> bool:
    return generator_hears(judge) == 0
