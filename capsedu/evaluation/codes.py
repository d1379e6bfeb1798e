"""What a code that nobody has explained has to do with the classes."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from capsedu.evaluation.robustness import frozen
from capsedu.models.gan import Gan

AT_A_TIME = 500


def naming_agreement(categories: Tensor, targets: Tensor) -> float:
    """The share of images whose category fits their class, once the categories are named.

    Each category is given a class of its own, so that as many images as possible fit.

    Args:
        categories: int64 ``[n]``, from 0.
        targets: classes, int64 ``[n]``, from 0.

    Raises:
        ValueError: if there are no images, or not as many of both.

    Source: in no paper in this form; Chen et al., *InfoGAN* (2016), section 7.2, match each
    category with a digit type and report 5 % errors on MNIST.
    """
    if categories.shape != targets.shape or categories.dim() != 1 or not len(categories):
        raise ValueError(
            "categories and targets must both have shape [n], with the same n of at least 1, got "
            f"{list(categories.shape)} and {list(targets.shape)}"
        )
    table = torch.zeros(int(categories.max()) + 1, int(targets.max()) + 1)
    table.index_put_((categories, targets), torch.ones(len(targets)), accumulate=True)
    rows, columns = linear_sum_assignment(table.numpy(), maximize=True)
    return table[rows, columns].sum().item() / len(targets)


@torch.no_grad()
def read_categories(gan: Gan, images: Tensor) -> Tensor:
    """The category that an InfoGAN's head reads from each image, int64 ``[n]``.

    Args:
        gan: with a single head, a :class:`~capsedu.learning.heads.MutualInformation`.
        images: ``[n, c, h, w]`` in [0, 1].
    """
    (head,) = gan.heads
    device = next(gan.parameters()).device
    found = []
    with frozen(gan):
        for batch in images.split(AT_A_TIME):
            features = gan.discriminator(2 * batch.to(device) - 1).features
            found.append(head.category(head.hidden(features)).argmax(dim=1).cpu())
    return torch.cat(found)
