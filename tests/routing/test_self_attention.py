"""Self-attention routing: as the paper writes it, as it is computed, and what both promise."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from capsedu.functional import exponential_squash
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.self_attention import (
    attention_couplings,
    pairwise_attention,
    self_attention_routing,
)


def random_votes(*shape, scale=1.0):
    rng = torch.Generator().manual_seed(0)
    return scale * torch.randn(shape, generator=rng, dtype=torch.float64)


def test_couplings_are_the_softmax_of_the_rows_of_the_pairwise_matrix():
    votes = random_votes(2, 7, 4, 3)
    rows = pairwise_attention(votes).sum(dim=3)  # [b, j, i]
    assert_close(attention_couplings(votes), rows.softmax(dim=1).transpose(1, 2))


def test_each_child_divides_itself_among_the_parents():
    couplings = attention_couplings(random_votes(2, 7, 4, 3, scale=3))
    assert_close(couplings.sum(dim=2), torch.ones(2, 7).double())


def test_it_is_dynamic_routing_with_the_totals_in_place_of_the_poses():
    votes = random_votes(2, 7, 4, 3)
    even = next(dynamic_routing_steps(votes, 1))  # couplings of 1/4
    logits = torch.einsum("bijd,bjd->bij", votes, 4 * even.totals) / 3**0.5
    assert_close(attention_couplings(votes), logits.softmax(dim=2))


def test_priors_are_added_after_the_softmax():
    votes, priors = random_votes(2, 7, 4, 3), random_votes(7, 4)
    wanted = ((attention_couplings(votes) + priors).unsqueeze(3) * votes).sum(dim=1)
    assert_close(self_attention_routing(votes, priors), exponential_squash(wanted))


def test_children_have_no_order():
    votes, priors = random_votes(2, 7, 4, 3), random_votes(7, 4)
    order = torch.randperm(7)
    shuffled = self_attention_routing(votes[:, order], priors[order])
    assert_close(shuffled, self_attention_routing(votes, priors))


def test_gradients_are_right():
    votes, priors = random_votes(1, 3, 2, 2).requires_grad_(), random_votes(3, 2).requires_grad_()
    assert gradcheck(self_attention_routing, (votes, priors))


def test_a_shape_that_does_not_fit_is_named():
    votes = random_votes(2, 7, 4, 3)
    with pytest.raises(
        ValueError, match=r"priors must have shape \[i, j\] = \[7, 4\], got \[4, 7\]"
    ):
        self_attention_routing(votes, torch.zeros(4, 7))
    with pytest.raises(ValueError, match="votes"):
        attention_couplings(votes[0])
