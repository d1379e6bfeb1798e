"""Precision and recall of samples: do they look real, and are they as varied?"""

import torch
from torch import Tensor

from capsedu.errors import require_count, require_dims

NEIGHBOURS = 3


def precision_and_recall(
    real: Tensor, samples: Tensor, neighbours: int = NEIGHBOURS
) -> tuple[float, float]:
    r"""How many samples lie among the real images, and how many real images among the samples.

    Around each real image lies a ball that reaches to its k-th nearest fellow. Precision is the
    share of samples in at least one of these balls; for recall the roles are exchanged.

    An outlier has a large ball, and what lies in it counts as real whatever it is: strongly
    blurred digits, all alike to the classifier, may have a precision of 1. So read precision
    only beside FID and recall, which are not deceived, and take many real images.

    .. math::
        f(\phi, \Phi) = 1 \text{ if } \lVert \phi - \phi' \rVert \le
        \lVert \phi' - \mathrm{NN}_k(\phi', \Phi) \rVert \text{ for some } \phi' \in \Phi

    Args:
        real: features of real images, ``[n, features]``.
        samples: features of samples, ``[m, features]``.
        neighbours: k (3 in the paper).

    Returns:
        Precision and recall, from 0 to 1. Of two halves of the same images both are below 1.

    Raises:
        ValueError, TypeError: if there are not more than k of each, or they do not fit.

    Source: Kynkäänniemi et al. (2019), arXiv:1904.06991, equations 1 and 2.
    """
    radii = (neighbour_distances(features, neighbours) for features in (real, samples))
    return shares_within(real, samples, *radii)


def neighbour_distances(features: Tensor, neighbours: int = NEIGHBOURS) -> Tensor:
    """From each row of ``features`` ``[n, d]`` the distance to its k-th nearest other row, ``[n]``.

    Raises:
        ValueError, TypeError: if there are not more rows than ``neighbours``.
    """
    require_dims("features", features, "n d")
    require_count("neighbours", neighbours)
    if len(features) <= neighbours:
        raise ValueError(
            f"images and samples must be more than {neighbours} each, the number of neighbours "
            f"looked at, got {len(features)}"
        )
    # Each row is its own nearest one, hence one more.
    found = [
        torch.cdist(rows, features).topk(neighbours + 1, largest=False).values[:, -1]
        for rows in features.split(1000)
    ]
    return torch.cat(found)


def shares_within(
    real: Tensor, samples: Tensor, real_radii: Tensor, sample_radii: Tensor
) -> tuple[float, float]:
    """Precision and recall, the radii of all balls being known, ``[n]`` and ``[m]``."""
    looks_real, reached = [], torch.zeros(len(real), dtype=torch.bool)
    for rows, radii in zip(samples.split(1000), sample_radii.split(1000), strict=True):
        distances = torch.cdist(rows, real)
        looks_real.append((distances <= real_radii).any(dim=1))
        reached |= (distances <= radii.unsqueeze(1)).any(dim=0)
    return torch.cat(looks_real).float().mean().item(), reached.float().mean().item()
