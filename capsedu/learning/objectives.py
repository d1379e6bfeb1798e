"""What a classifier is asked to do: a network and a batch in, a loss and scores out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.functional import capsule_length, margin_loss, multi_hot, reconstruction_loss


class Outcome(NamedTuple):
    """What an objective says about one batch."""

    loss: Tensor
    """A scalar to minimise."""
    scores: Tensor
    """``[b, classes]``: the larger, the likelier."""
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

    def __call__(self, network: nn.Module, batch: Batch) -> Outcome:
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

    def __call__(self, network: nn.Module, batch: Batch) -> Outcome:
        scores = network(batch.images)
        if batch.targets.dim() == 1:
            loss = F.cross_entropy(scores, batch.targets)
        else:
            targets = multi_hot(batch.targets, scores.shape[1]).to(scores.dtype)
            loss = F.binary_cross_entropy_with_logits(scores, targets)
        return Outcome(loss, scores, {"cross_entropy": loss})


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
