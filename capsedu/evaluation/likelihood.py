"""How likely a network finds images: an estimate that draws nearer the more it draws.

The bound that a network is trained on is never above log p(x). Several draws for each image,
weighted by how likely each is, give a bound that lies closer.

"Burda" is Burda, Grosse & Salakhutdinov, *Importance Weighted Autoencoders* (2016),
arXiv:1509.00519.
"""

import math

import torch
from torch import Generator, Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.evaluation.robustness import frozen
from capsedu.functional import bernoulli_cost
from capsedu.models.drawing import Drawing


def importance_weighted(log_weights: Tensor) -> Tensor:
    r"""An estimate of log p(x) from several draws; in expectation it is not above log p(x).

    .. math:: \log \frac1k \sum_{n=1}^k \frac{p(x, z_n)}{q(z_n \mid x)}, \quad z_n \sim q

    With one draw it is the bound of training; with ever more it reaches log p(x).

    Args:
        log_weights: logs of :math:`p(x, z) / q(z \mid x)`, ``[b, k]``.

    Returns:
        Nats, ``[b]``.

    Source: Burda, equation 8.
    """
    require_dims("log_weights", log_weights, "b k")
    return log_weights.logsumexp(dim=1) - math.log(log_weights.shape[1])


def prior_over_posterior(latents: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    r""":math:`\log N(z; 0, 1) - \log N(z; \mu, \sigma)`, summed over all but the first axis.

    Args:
        latents: :math:`z`, ``[b, ...]``.
        mean: :math:`\mu`, the same shape.
        log_deviation: :math:`\log\sigma`, the same shape.

    Returns:
        Nats, ``[b]``; their mean over draws from the posterior is minus the divergence.
    """
    noise = (latents - mean) / log_deviation.exp()
    return ((noise.square() - latents.square()) / 2 + log_deviation).flatten(1).sum(dim=1)


def drawing_weights(drawing: Drawing, images: Tensor) -> Tensor:
    """The log-weight of each drawing of its image, ``[b]``, for :func:`importance_weighted`.

    Args:
        drawing: of the images.
        images: binary, ``[b, c, h, w]``.
    """
    told = prior_over_posterior(drawing.latents, drawing.mean, drawing.log_deviation)
    return told - bernoulli_cost(drawing.canvas, images)


@torch.no_grad()
def log_likelihood(
    network: nn.Module, images: Tensor, k: int, seed: int = 0, at_a_time: int = 500
) -> Tensor:
    """An estimate of log p(x) for each image, from below.

    Args:
        network: draws images; in evaluation mode meanwhile.
        images: binary, ``[n, c, h, w]``.
        k: draws for each image; with a larger ``k`` the estimate is higher on average, and
            better.
        seed: of the draws; the same one repeats an estimate for the same ``at_a_time``.
        at_a_time: how many drawings are made at a time.

    Returns:
        Nats, ``[n]``, on the CPU.

    Raises:
        ValueError, TypeError: if a number does not fit.
    """
    require_dims("images", images, "n c h w")
    require_count("k", k)
    require_count("at_a_time", at_a_time)
    device = next(network.parameters()).device
    rng = Generator().manual_seed(seed)
    draws = min(k, at_a_time)
    found = []
    with frozen(network):
        for batch in images.split(max(1, at_a_time // draws)):
            batch, weights = batch.to(device), []
            for n in range(0, k, draws):
                many = min(draws, k - n)
                noise = network.noise(many * len(batch), rng).to(batch)
                drawing = network(batch, noise)
                again = batch.repeat_interleave(many, 0)
                weights.append(drawing_weights(drawing, again).unflatten(0, (-1, many)))
            found.append(importance_weighted(torch.cat(weights, dim=1)).cpu())
    return torch.cat(found)
