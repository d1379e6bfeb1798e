"""What a network is asked to do: a network and a batch in, a loss and scores out.

Every objective is called as ``objective(network, batch, progress)``, where ``progress`` is
the share of the training that is done, from 0 to 1: some losses grow stricter. Outside of
training it is 1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.functional import (
    capsule_length,
    margin_loss,
    multi_hot,
    reconstruction_loss,
    spread_loss,
)


class Outcome(NamedTuple):
    """What an objective says about one batch."""

    loss: Tensor
    """A scalar to minimise."""
    scores: Tensor | None
    """``[b, classes]``: the larger, the likelier; None where nothing is classified."""
    parts: dict[str, Tensor]
    """The terms of the loss, by name, unweighted."""


@dataclass(frozen=True)
class MarginObjective:
    """Margin loss on the lengths of class capsules, plus a weighted reconstruction loss.

    The decoder sees the target's capsule while the network trains, and the predicted one
    otherwise. An image of two overlapping digits is reconstructed one digit at a time.

    Source: Sabour, Frosst & Hinton (2017), sections 3, 4.1 and 6.
    """

    reconstruction_weight: float = 0.0005

    def __call__(self, network: nn.Module, batch: Batch, progress: float = 1.0) -> Outcome:
        poses = network(batch.images)
        lengths = capsule_length(poses)
        margin = margin_loss(lengths, batch.targets)
        if network.decoder is None:
            return Outcome(margin, lengths, {"margin": margin})
        reconstruction = sum(
            reconstruction_loss(network.decoder(poses, shown), image)
            for shown, image in _drawings(batch, lengths, network.training)
        )
        loss = margin + self.reconstruction_weight * reconstruction
        return Outcome(loss, lengths, {"margin": margin, "reconstruction": reconstruction})


@dataclass(frozen=True)
class CrossEntropyObjective:
    """Cross-entropy on scores: softmax for one class per image, sigmoids for several."""

    def __call__(self, network: nn.Module, batch: Batch, progress: float = 1.0) -> Outcome:
        scores = network(batch.images)
        if batch.targets.dim() == 1:
            loss = F.cross_entropy(scores, batch.targets)
        else:
            targets = multi_hot(batch.targets, scores.shape[1]).to(scores.dtype)
            loss = F.binary_cross_entropy_with_logits(scores, targets)
        return Outcome(loss, scores, {"cross_entropy": loss})


@dataclass(frozen=True)
class ActivationObjective:
    """A loss on the activations of matrix class capsules, which say whether a class is there.

    Attributes:
        name: of the loss.
        loss: called as ``loss(activations, targets, progress)`` with ``[b, classes]`` and
            ``[b]``.
    """

    name: str
    loss: Callable[[Tensor, Tensor, float], Tensor]

    def __call__(self, network: nn.Module, batch: Batch, progress: float = 1.0) -> Outcome:
        _, activations = network(batch.images)
        loss = self.loss(activations, batch.targets, progress)
        return Outcome(loss, activations, {self.name: loss})


def growing_spread(activations: Tensor, targets: Tensor, progress: float) -> Tensor:
    """Spread loss with a margin that grows linearly from 0.2 to 0.9 over the training.

    Source: Hinton, Sabour & Frosst (2018), section 3.
    """
    return spread_loss(activations, targets, 0.2 + 0.7 * progress)


def activation_margin(activations: Tensor, targets: Tensor, progress: float) -> Tensor:
    """Margin loss with activations in place of lengths: the table's "Margin^2"."""
    return margin_loss(activations, targets)


def activation_cross_entropy(activations: Tensor, targets: Tensor, progress: float) -> Tensor:
    """Cross-entropy of the softmax over the classes' logits.

    The paper does not say what its softmax is taken of. Of the activations themselves, which
    lie between 0 and 1, no class out of five could be given more than 0.41.
    """
    return F.cross_entropy(activations.logit(eps=1e-6), targets)


SPREAD = ActivationObjective("spread", growing_spread)
ACTIVATION_MARGIN = ActivationObjective("margin", activation_margin)
ACTIVATION_CROSS_ENTROPY = ActivationObjective("cross_entropy", activation_cross_entropy)


class TransformedObjective:
    """Squared error between what a network draws and the image after the told transform.

    Raises (when called):
        ValueError: if the batch holds no pairs.

    Source: Hinton, Krizhevsky & Wang (2011), section 2. The paper does not name its loss.
    """

    def __call__(self, network: nn.Module, batch: Batch, progress: float = 1.0) -> Outcome:
        if batch.moved is None:
            raise ValueError("batch must hold pairs, such as ShiftedPairs makes, got single images")
        drawn = network(batch.images, batch.pose["told"].to(batch.images))
        loss = reconstruction_loss(drawn, batch.moved)
        return Outcome(loss, None, {"reconstruction": loss})


def _drawings(batch: Batch, lengths: Tensor, training: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of a class to show the decoder, ``[b]``, and the image it should draw."""
    if batch.layers is None:
        yield (batch.targets if training else lengths.argmax(dim=1)), batch.images
        return
    # Sorted by class, so that a right prediction meets the right digit.
    targets, order = batch.layer_targets.sort(dim=1)
    layers = batch.layers.take_along_dim(order[:, :, None, None, None], dim=1)
    shown = targets if training else lengths.topk(2, dim=1).indices.sort(dim=1).values
    yield from zip(shown.unbind(1), layers.unbind(1), strict=True)
