"""Novel viewpoints: trained on some directions of view, tested on the others.

Source: Hinton, Sabour & Frosst (2018), section 5.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from capsedu.data import ImageSet
from capsedu.errors import CapseduError

# The third of the viewpoints that networks are trained on, in the numbers of smallNORB and
# the toys: azimuth counts tens of degrees, elevation steps of 5 degrees from 30 on.
FAMILIAR = {
    "azimuth": (30, 32, 34, 0, 2, 4),  # 300, 320, 340, 0, 20 and 40 degrees
    "elevation": (0, 1, 2),  # 30, 35 and 40 degrees
}


def familiar(images: ImageSet, by: str) -> ImageSet:
    """The images from viewpoints for training, whether of toys for training or for testing.

    Args:
        images: a set whose pose tells ``by`` as smallNORB's does.
        by: ``"azimuth"`` (the third around the front) or ``"elevation"`` (the lowest third).

    Raises:
        ValueError: if ``by`` is neither.
        CapseduError: if the set does not know it.
    """
    return images.where(_is_familiar(images, by))


def novel(images: ImageSet, by: str) -> ImageSet:
    """The images from all other viewpoints; takes and raises what :func:`familiar` does."""
    return images.where(~_is_familiar(images, by))


def matched_epochs(errors: Sequence[float], other_errors: Sequence[float]) -> tuple[int, int]:
    """When to look at two networks so that they do equally well on familiar viewpoints.

    A network that errs less everywhere errs less on novel viewpoints too, which says nothing
    about viewpoints. The paper therefore stopped training its capsules as soon as their error
    on the familiar third of the test images matched that of the finished convolutional
    network, and compared the two on the other two thirds then. Here either network may turn
    out to be the better one: the one whose last error is larger is taken as it ends, and the
    other one after the epoch whose error is nearest to that.

    Args:
        errors: of one network on familiar viewpoints, after each of its epochs.
        other_errors: the same of the other network.

    Returns:
        An epoch of each, counted from 0.

    Raises:
        ValueError: if a network has no epoch.

    Source: Hinton, Sabour & Frosst (2018), section 5.1.
    """
    for name, values in (("errors", errors), ("other_errors", other_errors)):
        if not len(values):
            raise ValueError(f"{name} must hold at least one epoch, got none")
    if errors[-1] < other_errors[-1]:
        return _nearest(errors, other_errors[-1]), len(other_errors) - 1
    return len(errors) - 1, _nearest(other_errors, errors[-1])


def _nearest(errors: Sequence[float], wanted: float) -> int:
    """The epoch whose error is nearest to ``wanted``, the first of several."""
    return min(range(len(errors)), key=lambda epoch: abs(errors[epoch] - wanted))


def _is_familiar(images: ImageSet, by: str) -> Tensor:
    if by not in FAMILIAR:
        raise ValueError(f"by must be one of {', '.join(map(repr, FAMILIAR))}, got {by!r}")
    if by not in images.pose:
        raise CapseduError(
            f"{images.name!r} does not know the {by} of its images; smallnorb, toys and "
            "toys-small do"
        )
    seen = images.pose[by]
    return torch.isin(seen, torch.tensor(FAMILIAR[by], device=seen.device))
