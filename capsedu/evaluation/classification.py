"""Error rates of a classifier."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.functional import multi_hot


def is_wrong(scores: Tensor, targets: Tensor) -> Tensor:
    """Which images are classified wrongly.

    An image with k classes in it is right when its k largest scores are exactly those
    classes, whatever their order: the paper's measure for overlapping digits.

    Args:
        scores: ``[b, classes]``.
        targets: class indices ``[b]``, or multi-hot ``[b, classes]``.

    Returns:
        Truth values ``[b]``.

    Source: Sabour, Frosst & Hinton (2017), section 6.2.
    """
    present = multi_hot(targets, scores.shape[1]).bool()
    ranks = scores.argsort(dim=1, descending=True).argsort(dim=1)
    return ((ranks < present.sum(dim=1, keepdim=True)) != present).any(dim=1)


@torch.no_grad()
def measure(network: nn.Module, objective, batches: Iterable[Batch]) -> dict[str, float]:
    """Error rate, if the network classifies, and the mean of each term of the objective.

    Args:
        network: put into evaluation mode while this runs.
        objective: one of :mod:`capsedu.learning.objectives`.
        batches: every batch once.

    Returns:
        ``{"error": share of wrong images, …}``, without it where nothing is classified.
    """
    from torchmetrics import MeanMetric  # over a second, which the command line need not wait for

    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    means: dict[str, MeanMetric] = {}
    for batch in batches:
        batch = Batch(*(x.to(device) if isinstance(x, Tensor) else x for x in batch))
        outcome = objective(network, batch)
        found = dict(outcome.parts)
        if outcome.scores is not None:
            found = {"error": is_wrong(outcome.scores, batch.targets).float().mean(), **found}
        for name, value in found.items():
            metric = means.setdefault(name, MeanMetric().to(device))
            metric.update(value, weight=len(batch.images))
    network.train(was_training)
    return {name: metric.compute().item() for name, metric in means.items()}
