"""Dynamic routing with votes: the readable version, the fast one, and what both promise."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from capsedu.functional import squash
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps

ITERATIONS = [1, 2, 3, 5]


def random_votes(*shape, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


def readable(votes, iterations):
    """The result of the readable version."""
    *_, last = dynamic_routing_steps(votes, iterations)
    return last.poses


@pytest.fixture(params=[readable, dynamic_routing], ids=["readable", "fast"])
def route(request):
    return request.param


# the steps


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_there_is_one_step_per_iteration_with_the_documented_shapes(iterations):
    steps = list(dynamic_routing_steps(random_votes(2, 6, 3, 4), iterations))
    assert len(steps) == iterations
    for step in steps:
        assert step.logits.shape == step.couplings.shape == (2, 6, 3)
        assert step.totals.shape == step.poses.shape == (2, 3, 4)


def test_a_child_divides_itself_among_the_parents():
    for step in dynamic_routing_steps(random_votes(2, 6, 3, 4, scale=3), 4):
        assert (step.couplings >= 0).all()
        assert_close(step.couplings.sum(dim=2), torch.ones(2, 6, dtype=torch.float64))


def test_the_first_step_divides_evenly():
    votes = random_votes(2, 6, 3, 4)
    first = next(dynamic_routing_steps(votes, 3))
    assert_close(first.couplings, torch.full((2, 6, 3), 1 / 3, dtype=torch.float64))
    assert_close(first.poses, squash(votes.mean(dim=1) * 6 / 3))


def test_each_step_couples_sums_and_squashes():
    votes = random_votes(2, 6, 3, 4)
    for step in dynamic_routing_steps(votes, 3):
        assert_close(step.couplings, step.logits.softmax(dim=2))
        assert_close(step.totals, (step.couplings.unsqueeze(3) * votes).sum(dim=1))
        assert_close(step.poses, squash(step.totals))


def test_the_logits_are_the_agreements_with_the_sum_of_the_poses_so_far():
    votes = random_votes(2, 6, 3, 4)
    so_far = torch.zeros(2, 3, 4, dtype=torch.float64)
    for step in dynamic_routing_steps(votes, 5):
        assert_close(step.logits, (votes * so_far.unsqueeze(1)).sum(dim=3))
        so_far = so_far + step.poses


def test_children_that_agree_win_the_parent():
    votes = 0.1 * random_votes(1, 6, 2, 4)
    votes[0, :4, 0] += torch.tensor([2.0, 0, 0, 0])  # four children agree about parent 0
    steps = list(dynamic_routing_steps(votes, 3))
    to_parent_0 = torch.stack([step.couplings[0, :4, 0] for step in steps])
    assert (to_parent_0.diff(dim=0) > 0).all()


# what routing promises, whoever computes it


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_the_order_of_the_children_does_not_matter(route, iterations):
    votes = random_votes(2, 6, 3, 4)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert_close(route(votes[:, order], iterations), route(votes, iterations))


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_parents_in_another_order_come_out_in_that_order(route, iterations):
    votes = random_votes(2, 6, 3, 4)
    order = torch.tensor([2, 0, 1])
    assert_close(route(votes[:, :, order], iterations), route(votes, iterations)[:, order])


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_images_of_a_batch_do_not_influence_each_other(route, iterations):
    votes = random_votes(3, 6, 2, 4, scale=2)
    alone = torch.cat([route(image, iterations) for image in votes.split(1)])
    assert_close(route(votes, iterations), alone)


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_with_one_parent_there_is_nothing_to_route(route, iterations):
    votes = random_votes(2, 6, 1, 4)
    assert all((step.couplings == 1).all() for step in dynamic_routing_steps(votes, iterations))
    assert_close(route(votes, iterations), squash(votes.sum(dim=1)))


def test_with_two_parents_iterations_matter(route):
    votes = random_votes(2, 6, 2, 4)
    assert (route(votes, 3) - route(votes, 1)).abs().max() > 0.01


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_the_fast_version_equals_the_readable_one_in_value_and_gradient(iterations):
    votes = random_votes(2, 6, 3, 4).requires_grad_()
    weight = random_votes(2, 3, 4, seed=1)
    found = []
    for function in (readable, dynamic_routing):
        poses = function(votes, iterations)
        found.append((poses, *torch.autograd.grad((poses * weight).sum(), votes)))
    assert_close(found[1], found[0])


@pytest.mark.parametrize("iterations", [1, 3])
def test_the_gradient_is_the_numeric_one(route, iterations):
    votes = random_votes(2, 4, 3, 2).requires_grad_()
    assert gradcheck(lambda votes: route(votes, iterations), votes)


def test_votes_need_not_be_contiguous(route):
    votes = random_votes(4, 3, 6, 2).permute(3, 2, 1, 0)
    assert_close(route(votes, 3), route(votes.contiguous(), 3))


@pytest.mark.parametrize(
    ("votes", "iterations", "error", "message"),
    [
        (torch.zeros(2, 6, 3), 3, ValueError, r"votes .* \[b, i, j, d\], got \[2, 6, 3\]"),
        (torch.zeros(2, 6, 3, 4).long(), 3, TypeError, "votes .* floating-point .*int64"),
        ("votes", 3, TypeError, "votes must be a torch tensor, got str"),
        (torch.zeros(2, 6, 3, 4), 0, ValueError, "iterations must be at least 1, got 0"),
        (torch.zeros(2, 6, 3, 4), 2.0, TypeError, "iterations must be a whole number, got 2.0"),
    ],
)
def test_what_does_not_fit_is_named(route, votes, iterations, error, message):
    with pytest.raises(error, match=message):
        route(votes, iterations)
