"""Whether the poses of capsules move as their images do."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from capsedu.data import Batch
from capsedu.functional import reconstruction_loss
from capsedu.models.transforming_autoencoder import TransformingAutoencoder


class Response(NamedTuple):
    """How each capsule answers to transforms of its image, ``[i]`` each."""

    slope: Tensor
    """Change of the pose over the change that was due: 1 is right, 0 does not move."""
    r_squared: Tensor
    """The share of the change that lies along the line of that slope."""
    presence: Tensor
    """The mean presence."""


@torch.no_grad()
def equivariance(network: TransformingAutoencoder, batches: Iterable[Batch]) -> Response:
    r"""Compare the pose of each moved image with the pose that it should have.

    A capsule gives :math:`A` for the first image of a pair and :math:`A'` for the second, and the
    transform told is :math:`T`. Due is the change :math:`p = TA - A` (for shifts, the shift
    itself), found is :math:`f = A' - A`. Over all pairs and all numbers of the pose,

    .. math::
        \text{slope} = \frac{\sum fp}{\sum pp} \qquad
        R^2 = \frac{(\sum fp)^2}{\sum ff \sum pp}

    each pair weighted by the presences in both of its images: what a capsule says of a thing that
    is not there means nothing.

    Args:
        network: trained.
        batches: of pairs, such as :class:`~capsedu.data.ShiftedPairs` makes.

    Returns:
        Numbers in float64; NaN for a capsule that is nowhere present.
    """
    sums = 0
    for batch in batches:
        first, second = network.look(batch.images), network.look(batch.moved)
        told = batch.pose["told"].to(first.poses)
        due = (network.pose.act(first.poses, told) - first.poses).flatten(2)
        found = (second.poses - first.poses).flatten(2)
        products = torch.stack([found * due, found * found, due * due]).sum(dim=3)
        weighted = products * first.presences * second.presences
        counts = torch.stack([first.presences, torch.ones_like(first.presences)])
        sums = sums + torch.cat([weighted, counts]).double().sum(dim=1)
    found_due, found_found, due_due, presence, count = sums
    r_squared = found_due.square() / (found_found * due_due)
    return Response(found_due / due_due, r_squared, presence / count)


@torch.no_grad()
def drawing_error(
    network: TransformingAutoencoder, images: Tensor, told: Tensor, wanted: Tensor
) -> float:
    """Squared error of the drawings after a told transform, summed over pixels, mean over images.

    Args:
        network: trained.
        images: ``[b, c, h, w]``.
        told: one transform for all, ``[2]`` or ``[3, 3]``.
        wanted: what should be drawn, ``[b, c, h, w]``.
    """
    drawn = network(images, told.expand(len(images), *told.shape))
    return reconstruction_loss(drawn, wanted).item()
