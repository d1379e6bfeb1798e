"""The two terms of a variational bound."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from capsedu.functional import bernoulli_cost, gaussian_kl


def test_the_divergence_is_torchs_own():
    mean = torch.randn(3, 4, 7, dtype=torch.float64)
    log_deviation = torch.randn(3, 4, 7, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, log_deviation.exp()), Normal(0.0, 1.0)).sum(dim=2)
    torch.testing.assert_close(gaussian_kl(mean, log_deviation), expected)


def test_the_standard_normal_distribution_is_at_no_distance_from_itself():
    assert torch.equal(gaussian_kl(torch.zeros(2, 100), torch.zeros(2, 100)), torch.zeros(2))


def test_every_component_brings_its_own_constant():
    """Deviation 2, mean 1: ½ (1 + 4 − 1) − log 2 each; half a nat in all is 2 too many."""
    kl = gaussian_kl(torch.ones(5), torch.full((5,), math.log(2)))
    assert kl.item() == pytest.approx(5 * (2 - math.log(2)))


def test_an_image_costs_what_its_pixels_cost():
    logits = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    images = (torch.rand(2, 1, 5, 5) < 0.5).double()
    expected = -Bernoulli(logits=logits).log_prob(images).sum(dim=(1, 2, 3))
    torch.testing.assert_close(bernoulli_cost(logits, images), expected)
    nothing_known = bernoulli_cost(torch.zeros(1, 1, 28, 28), torch.ones(1, 1, 28, 28))
    assert nothing_known.item() == pytest.approx(784 * math.log(2))


def test_a_grey_pixel_costs_the_mean_of_its_black_and_white_draws():
    logits, grey = torch.tensor([[[[0.7]]]]), torch.tensor([[[[0.3]]]])
    white, black = (bernoulli_cost(logits, torch.full_like(grey, x)) for x in (1.0, 0.0))
    torch.testing.assert_close(bernoulli_cost(logits, grey), 0.3 * white + 0.7 * black)


def test_gradients_are_those_of_the_equations():
    mean, spread = torch.randn(2, 3, 4, dtype=torch.float64).requires_grad_().unbind(0)
    assert torch.autograd.gradcheck(gaussian_kl, (mean, spread))


def test_shapes_that_differ_are_named():
    with pytest.raises(ValueError, match=r"log_deviation must have the shape of mean, \[2, 3\]"):
        gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"logits must have the shape of images, \[2, 1, 4, 4\]"):
        bernoulli_cost(torch.zeros(2, 16), torch.zeros(2, 1, 4, 4))
