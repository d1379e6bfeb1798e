"""Self-attention routing: Mazzia, Salvetti & Chiaberge (2021), arXiv:2101.12731.

One pass, no iterations. Read :func:`pairwise_attention`, which is written as the paper writes it;
train with :func:`self_attention_routing`, which never makes a matrix of children by children.
"""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.functional import exponential_squash


def pairwise_attention(votes: Tensor) -> Tensor:
    r"""How much each child's vote agrees with every child's, for each parent.

    .. math:: A_{jik} = \frac{\hat u_{j|i} \cdot \hat u_{j|k}}{\sqrt d}

    Args:
        votes: :math:`\hat u_{j|i}`, ``[b, i, j, d]``.

    Returns:
        ``[b, j, i, k]``, k being children too.

    Source: Mazzia, equation 5.
    """
    require_dims("votes", votes, "b i j d")
    return torch.einsum("bijd,bkjd->bjik", votes, votes) / votes.shape[3] ** 0.5


def attention_couplings(votes: Tensor) -> Tensor:
    r"""How each child divides itself: a softmax over the parents of the sums of its row.

    The sum over k of :math:`\hat u_{j|i}\cdot\hat u_{j|k}` is :math:`\hat u_{j|i}\cdot\sum_k
    \hat u_{j|k}`: a child's agreement with the sum of all votes. So no pairs are needed, and this
    is half an iteration of dynamic routing, with another scale and without the squash.

    Args:
        votes: ``[b, i, j, d]``.

    Returns:
        ``[b, i, j]``; sums to 1 over j.

    Source: Mazzia, equation 6, without the priors.
    """
    require_dims("votes", votes, "b i j d")
    agreement = torch.einsum("bijd,bjd->bij", votes, votes.sum(dim=1))
    return (agreement / votes.shape[3] ** 0.5).softmax(dim=2)


def self_attention_routing(votes: Tensor, priors: Tensor) -> Tensor:
    r"""The poses of the parents, in one pass.

    .. math:: s_j = \sum_i (c_{ij} + \beta_{ij})\,\hat u_{j|i}

    Args:
        votes: ``[b, i, j, d]``.
        priors: :math:`\beta`, ``[i, j]``: learnt, and added after the softmax, so that what a child
            gives away need not sum to 1, nor be positive.

    Returns:
        ``[b, j, d]``, shorter than 1.

    Raises:
        TypeError, ValueError: if a shape does not fit.

    Source: Mazzia, equations 4 to 6.
    """
    require_dims("votes", votes, "b i j d")
    if tuple(priors.shape) != tuple(votes.shape[1:3]):
        raise ValueError(
            f"priors must have shape [i, j] = {list(votes.shape[1:3])}, got {list(priors.shape)}"
        )
    weights = attention_couplings(votes) + priors
    return exponential_squash(torch.einsum("bij,bijd->bjd", weights, votes))
