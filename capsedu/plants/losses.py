"""What CapsNet minimises, as it should be and in four ways that public code has it."""

import torch
import torch.nn.functional as F
from torch import Tensor


def margin(lengths: Tensor, targets: Tensor) -> Tensor:
    """As it should be: lengths ``[b, classes]``, targets ``[b]``."""
    present = F.one_hot(targets, lengths.shape[1]).bool()
    lacking = torch.where(present, 0.9 - lengths, lengths - 0.1).relu()
    return (torch.where(present, 1.0, 0.5) * lacking.square()).sum(dim=1).mean()


def margin_without_square(lengths: Tensor, targets: Tensor) -> Tensor:
    """A hinge: the same push from everywhere outside of the margin."""
    present = F.one_hot(targets, lengths.shape[1]).bool()
    lacking = torch.where(present, 0.9 - lengths, lengths - 0.1).relu()
    return (torch.where(present, 1.0, 0.5) * lacking).sum(dim=1).mean()


def margin_of_softmax(lengths: Tensor, targets: Tensor) -> Tensor:
    """Of ten numbers between 0 and 1, a softmax makes at most 0.23."""
    present = F.one_hot(targets, lengths.shape[1]).bool()
    lengths = lengths.softmax(dim=1)
    lacking = torch.where(present, 0.9 - lengths, lengths - 0.1).relu()
    return (torch.where(present, 1.0, 0.5) * lacking.square()).sum(dim=1).mean()


def drawing(drawn: Tensor, images: Tensor) -> Tensor:
    """As it should be: squared error, *summed* over the pixels of an image."""
    return (drawn - images).square().flatten(1).sum(dim=1).mean()


def drawing_mean(drawn: Tensor, images: Tensor) -> Tensor:
    """The usual function for it, which takes the mean over the pixels as well."""
    return F.mse_loss(drawn, images)


def shown_target(lengths: Tensor, targets: Tensor) -> Tensor:
    """As it should be: in training the decoder draws from the right class's capsule."""
    return targets


def shown_prediction(lengths: Tensor, targets: Tensor) -> Tensor:
    """From whichever capsule is longest: wrong at first, and the image trains it to be."""
    return lengths.argmax(dim=1)
