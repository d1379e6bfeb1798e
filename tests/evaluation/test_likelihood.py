"""Estimates of log p(x) stay below it and rise, where it is known."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from capsedu.evaluation.likelihood import (
    drawing_weights,
    importance_weighted,
    log_likelihood,
    prior_over_posterior,
)
from capsedu.functional import bernoulli_cost, gaussian_kl
from capsedu.models.draw import attentive_draw
from capsedu.models.vae import Vae

NOISE = 0.5  # the deviation of the pixels


class LinearGaussian:
    """z ~ N(0, 1), x = A z + noise: log p(x) is known. Its posterior here is deliberately wrong."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.matrix = torch.randn(4, 2, generator=generator, dtype=torch.float64)
        self.x = torch.randn(200, 4, generator=generator, dtype=torch.float64)

    def log_likelihood(self):
        covariance = self.matrix @ self.matrix.T + NOISE**2 * torch.eye(4, dtype=torch.float64)
        return MultivariateNormal(torch.zeros(4, dtype=torch.float64), covariance).log_prob(self.x)

    def exact_posterior(self):
        precision = torch.eye(2, dtype=torch.float64) + self.matrix.T @ self.matrix / NOISE**2
        mean = self.x @ self.matrix @ precision.inverse() / NOISE**2
        return mean, precision.inverse()

    def log_weights(self, k):
        mean, covariance = self.exact_posterior()
        mean = (mean + 0.3).unsqueeze(1).expand(-1, k, -1)
        log_deviation = (0.5 * covariance.diagonal().log() + 0.2).expand_as(mean)
        latents = mean + log_deviation.exp() * torch.randn_like(mean)
        told = prior_over_posterior(*(x.flatten(0, 1) for x in (latents, mean, log_deviation)))
        made = Normal(latents @ self.matrix.T, NOISE).log_prob(self.x.unsqueeze(1)).sum(dim=2)
        return told.unflatten(0, (-1, k)) + made


def test_the_estimate_rises_towards_the_truth_and_not_above():
    torch.manual_seed(0)
    model = LinearGaussian()
    truth = model.log_likelihood().mean().item()
    found = [importance_weighted(model.log_weights(k)).mean().item() for k in (1, 10, 1000)]
    assert found[0] < found[1] < found[2]
    assert found[0] < truth - 0.3  # the bound of a wrong posterior has a gap
    assert found[2] == pytest.approx(truth, abs=0.05)


def test_with_the_true_posterior_one_draw_is_enough():
    torch.manual_seed(0)
    model = LinearGaussian()
    # Of one latent, so that the posterior is as independent as ours are.
    model.matrix = model.matrix[:, :1]
    precision = 1 + model.matrix.square().sum() / NOISE**2
    mean = model.x @ model.matrix / NOISE**2 / precision
    log_deviation = (-0.5 * precision.log()).expand_as(mean)
    latents = mean + log_deviation.exp() * torch.randn_like(mean)
    made = Normal(latents @ model.matrix.T, NOISE).log_prob(model.x).sum(dim=1)
    weights = (prior_over_posterior(latents, mean, log_deviation) + made).unsqueeze(1)
    torch.testing.assert_close(importance_weighted(weights), model.log_likelihood())


def test_the_mean_of_the_ratio_is_minus_the_divergence():
    torch.manual_seed(0)
    mean = torch.randn(3, dtype=torch.float64).expand(200_000, 3)
    log_deviation = (0.3 * torch.randn(3, dtype=torch.float64)).expand(200_000, 3)
    latents = mean + log_deviation.exp() * torch.randn_like(mean)
    found = prior_over_posterior(latents, mean, log_deviation).mean().item()
    assert found == pytest.approx(-gaussian_kl(mean[0], log_deviation[0]).item(), abs=0.02)


def test_the_mean_of_equal_weights_is_their_weight():
    weights = torch.tensor([[0.0, 0.0], [math.log(1), math.log(3)]])
    torch.testing.assert_close(importance_weighted(weights), torch.tensor([0.0, math.log(2)]))


@pytest.fixture(
    params=[
        lambda: Vae((1, 6, 6), hidden=8, latent=2),
        lambda: attentive_draw((1, 6, 6), 2, 2, hidden=8, latent=2, steps=3),
    ]
)
def network(request):
    return request.param


def test_with_one_draw_the_estimate_is_the_drawings_weight(network):
    torch.manual_seed(0)
    network = network().double()
    images = (torch.rand(4, 1, 6, 6) < 0.5).double()
    rng = torch.Generator().manual_seed(3)
    noise = torch.cat([network.noise(2, rng), network.noise(2, rng)]).double()
    drawing = network(images, noise)
    one = log_likelihood(network, images, k=1, seed=3, at_a_time=2)
    torch.testing.assert_close(one, drawing_weights(drawing, images))


def test_a_networks_estimate_is_above_its_bound(network):
    torch.manual_seed(0)
    network = network().double()
    images = (torch.rand(3, 1, 6, 6) < 0.5).double()
    many = images.repeat_interleave(400, 0)
    drawing = network(images, network.noise(1200).double())
    bound = bernoulli_cost(drawing.canvas, many)
    bound += gaussian_kl(drawing.mean, drawing.log_deviation).sum(dim=1)
    estimate = log_likelihood(network, images, k=400, at_a_time=150)
    assert (estimate > -bound.unflatten(0, (3, 400)).mean(dim=1)).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        log_likelihood(Vae((1, 6, 6), 8, 2), torch.zeros(2, 1, 6, 6), k=0)
    with pytest.raises(ValueError, match=r"log_weights must have shape \[b, k\]"):
        importance_weighted(torch.zeros(3))
