"""How well a network withstands adversarial images, over a whole test set.

An attack is put together from four things, so that capsules and convolutional networks can be
attacked by the same code:

- the network, called with images;
- ``read``, which makes scores ``[b, classes]`` of what the network returns:
  :func:`softmax_scores` for a convolutional network, :func:`activation_scores` for matrix
  capsules, :func:`~capsedu.functional.capsule_length` for CapsNet;
- ``rise``, the number that the attack raises, a mean over the batch, from scores and classes:
  a loss and the right classes, or :func:`mean_score` and the wrong ones;
- how: :func:`~capsedu.evaluation.adversarial.fgsm` or :func:`~capsedu.evaluation.adversarial.bim`.

A loss that is 0 wherever a margin is kept has no gradient there, and the attack then does
nothing, which looks like robustness. Give such a loss its widest margin:
``partial(spread_loss, margin=1.0)``, ``partial(margin_loss, positive=1.0, negative=0.0)``.
The papers do not say what they did.

Images made with one network can be shown to another (the paper's "black box"):
``error_rate(capsules, activation_scores, attacked(cnn, softmax_scores, ...))``.

Source: Hinton, Sabour & Frosst (2018), section 6.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn

from capsedu.data import Batch
from capsedu.errors import require_count
from capsedu.evaluation.adversarial import Goal, fgsm, gradient
from capsedu.evaluation.classification import is_wrong

Read = Callable[[Any], Tensor]
Rise = Callable[[Tensor, Tensor], Tensor]


def softmax_scores(logits: Tensor) -> Tensor:
    """Log-probabilities of a network that was trained with cross-entropy, ``[b, classes]``.

    Cross-entropy makes the same of these as of the scores before the softmax.
    """
    return logits.log_softmax(dim=1)


def activation_scores(capsules: tuple[Tensor, Tensor]) -> Tensor:
    """Activations of class capsules, ``[b, classes]``, of (poses, activations).

    They are sigmoids, whose gradient a (1 − a) is small where a is near 0 or 1, and in float32
    exactly 0 where a is rounded to 1, above logits of about 17. The sign of a gradient that is
    merely small is as good as any; :func:`gradient_size` tells which case it is.
    """
    _, activations = capsules
    return activations


def mean_score(scores: Tensor, classes: Tensor) -> Tensor:
    """The mean of the scores ``[b, classes]`` of the given classes ``[b]``: raised, it makes
    these classes likelier."""
    return scores.gather(1, classes.unsqueeze(1)).mean()


def aim(batches: Iterable[Batch], classes: int, seed: int = 0) -> Iterator[Batch]:
    """The same images with a wrong class as the target, each equally likely.

    Args:
        batches: with class indices as targets.
        classes: how many classes there are.
        seed: chooses the wrong ones; the same for the same batches.

    Raises:
        ValueError, TypeError: if there are not two classes, or targets are no class indices.
    """
    require_count("classes", classes, least=2)
    generator = Generator().manual_seed(seed)
    for batch in batches:
        if batch.targets.dim() != 1:
            raise ValueError(
                f"targets must be class indices [b], got {list(batch.targets.shape)}: an image "
                "of several classes has no single wrong one"
            )
        away = torch.randint(1, classes, batch.targets.shape, generator=generator)
        yield batch._replace(targets=(batch.targets + away.to(batch.targets.device)) % classes)


def attacked(
    network: nn.Module,
    read: Read,
    rise: Rise,
    batches: Iterable[Batch],
    craft: Callable[[Goal, Tensor], Tensor],
) -> Iterator[Batch]:
    """The batches, on the network's device, with their images attacked.

    Args:
        network: in evaluation mode meanwhile; neither its mode nor its parameters or their
            gradients are changed.
        read: what the network returns to scores ``[b, classes]``.
        rise: scores and the batch's targets to the number that is raised.
        batches: with the targets that ``rise`` takes.
        craft: the method with its ε, such as ``partial(fgsm, epsilon=0.1)``.
    """
    for batch in _moved(batches, network):
        with frozen(network):
            images = craft(_goal(network, read, rise, batch.targets), batch.images)
        yield batch._replace(images=images)


@torch.no_grad()
def error_rate(network: nn.Module, read: Read, batches: Iterable[Batch]) -> float:
    """The share of images that are not classified as their targets say.

    Raises:
        ValueError: if there is no image.
    """
    wrong, count = 0, 0
    for batch in _moved(batches, network):
        with frozen(network):
            scores = read(network(batch.images))
        wrong += int(is_wrong(scores, batch.targets).sum())
        count += len(scores)
    if not count:
        raise ValueError("batches must hold at least one image, got none")
    return wrong / count


def errors_under_attack(
    network: nn.Module,
    read: Read,
    loss: Rise,
    batches: Iterable[Batch],
    epsilons: Iterable[float],
    method: Callable[..., Tensor] = fgsm,
) -> dict[float, float]:
    """Error rates on images that were attacked by raising the loss.

    Args:
        network: attacked and tested.
        read: what it returns to scores.
        loss: scores and right classes to a scalar, a mean over the batch.
        batches: gone through once for each ε, so a list or an unshuffled
            :class:`~capsedu.data.BatchStream`.
        epsilons: in units of pixel intensity, from 0 to 1.
        method: :func:`fgsm`, :func:`bim`, or either with other settings.

    Returns:
        The error rate for each ε.

    Raises:
        ValueError, TypeError, CapseduError: as :func:`fgsm` and :func:`error_rate` do.

    Source: Hinton, Sabour & Frosst (2018), figure 3, left (which shows 1 minus this).
    """
    rates = {}
    for epsilon in epsilons:
        craft = partial(method, epsilon=epsilon)
        rates[epsilon] = error_rate(network, read, attacked(network, read, loss, batches, craft))
    return rates


def successes_under_attack(
    network: nn.Module,
    read: Read,
    batches: Iterable[Batch],
    classes: int,
    epsilons: Iterable[float],
    method: Callable[..., Tensor] = fgsm,
    seed: int = 0,
) -> dict[float, float]:
    """How often images that were attacked to look like one wrong class are taken for it.

    The paper aims at each of its five classes in turn and averages. Here each image is aimed
    at one wrong class, drawn by ``seed`` and the same for every ε: a fair sample of the
    average over wrong classes, at a quarter of the work.

    Args:
        network: attacked and tested.
        read: what it returns to scores, of which that of the wrong class is raised: they
            should be probabilities or their logarithms.
        batches: as in :func:`errors_under_attack`.
        classes: how many classes there are.
        epsilons: in units of pixel intensity, from 0 to 1.
        method: :func:`fgsm`, :func:`bim`, or either with other settings.
        seed: chooses the wrong classes.

    Returns:
        The share of images classified as the class aimed at, for each ε; for 0, what the
        network errs that way without an attack.

    Raises:
        ValueError, TypeError, CapseduError: as :func:`fgsm`, :func:`aim`, :func:`error_rate` do.

    Source: Hinton, Sabour & Frosst (2018), figure 3, right.
    """
    rates = {}
    for epsilon in epsilons:
        aimed = aim(batches, classes, seed)
        craft = partial(method, epsilon=epsilon)
        rates[epsilon] = 1 - error_rate(
            network, read, attacked(network, read, mean_score, aimed, craft)
        )
    return rates


class GradientSize(NamedTuple):
    """What an attack has to go by."""

    zeros: float
    """The share of pixels at which the gradient is exactly 0."""
    magnitude: float
    """Its mean absolute value, per image."""


def gradient_size(
    network: nn.Module, read: Read, rise: Rise, batches: Iterable[Batch]
) -> GradientSize:
    """How large the gradients at the unattacked images are.

    Where many are exactly 0, robustness is none: the attack is blind. (Pixels that no window
    of a convolution without padding reaches have gradient 0 as well.)

    Takes what :func:`attacked` does.

    Raises:
        ValueError: if there is no image.

    Source: Hinton, Sabour & Frosst (2018), section 6, after Brendel & Bethge (2017).
    """
    zeros, total, count = 0, 0.0, 0
    for batch in _moved(batches, network):
        with frozen(network):
            found = gradient(_goal(network, read, rise, batch.targets), batch.images)
        zeros += int((found == 0).sum())
        total += len(found) * float(found.abs().sum(dtype=torch.float64))  # rise is a mean
        count += found.numel()
    if not count:
        raise ValueError("batches must hold at least one image, got none")
    return GradientSize(zeros / count, total / count)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """In evaluation mode and with nothing to learn, until the ``with`` block ends."""
    training = [module for module in network.modules() if module.training]
    learning = [p for p in network.parameters() if p.requires_grad]
    network.eval()
    for p in learning:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for module in training:
            module.training = True
        for p in learning:
            p.requires_grad_(True)


def _goal(network: nn.Module, read: Read, rise: Rise, targets: Tensor) -> Goal:
    return lambda images: rise(read(network(images)), targets)


def _moved(batches: Iterable[Batch], network: nn.Module) -> Iterator[Batch]:
    device = next(network.parameters()).device
    for batch in batches:
        yield batch._replace(images=batch.images.to(device), targets=batch.targets.to(device))
