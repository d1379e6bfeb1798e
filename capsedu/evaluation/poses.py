"""What the numbers that a network makes of a toy tell about the viewpoint, and how near an image
is to a real viewpoint.

"The pose is in there" can mean much. Here it means: a *linear* map, fitted on toys that are known,
finds it for toys that are new. What such a figure is worth is told by controls: the same read off
an untrained network, and off the pixels themselves.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capsedu.data import BatchStream, ImageSet
from capsedu.data.smallnorb import POSE
from capsedu.errors import CapseduError, require_count, require_dims
from capsedu.evaluation.robustness import frozen

ALPHAS = np.logspace(-3, 4, 8)  # strengths of the ridge; the best is found with the known toys
LIGHTS = len(POSE["lighting"])


class Described(NamedTuple):
    """Toys, as the numbers that something makes of their pictures."""

    features: Tensor
    """``[n, f]``."""
    targets: Tensor
    """Class indices, ``[n]``."""
    pose: Mapping[str, Tensor]
    """``"instance"``, ``"elevation"``, ``"azimuth"`` and ``"lighting"`` in smallNORB's numbers,
    ``[n]`` each."""


def described(
    describe: Callable[[Tensor], Tensor],
    images: ImageSet,
    transform: Callable,
    batch_size: int = 50,
) -> Described:
    """What ``describe`` makes of every image.

    Args:
        describe: from images ``[b, c, h, w]`` in [0, 1] to ``[b, ...]``, which is flattened.
        images: whose viewpoints are known.
        transform: of the images.
        batch_size: how many at a time.

    Raises:
        CapseduError: if the viewpoints are not known.
    """
    missing = [name for name in POSE if name not in images.pose]
    if missing:
        raise CapseduError(
            f"{images.name!r} does not know the {' and the '.join(missing)} of its images; "
            "smallnorb, toys and toys-small do"
        )
    batches = BatchStream(images, min(batch_size, len(images)), transform, shuffle=False)
    features = torch.cat([describe(batch.images).flatten(1).cpu() for batch in batches])
    return Described(features, images.targets, images.pose)


def features_of(discriminator: nn.Module) -> Callable[[Tensor], Tensor]:
    """A function from images in [0, 1] to what a discriminator's scores are made from."""

    @torch.no_grad()
    def describe(images: Tensor) -> Tensor:
        device = next(discriminator.parameters()).device
        with frozen(discriminator):
            return discriminator(2 * images.to(device) - 1).features

    return describe


def viewpoints(pose: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is to be read off, as numbers that a linear map can meet.

    Args:
        pose: in smallNORB's numbers, ``[n]`` each.

    Returns:
        ``"azimuth"`` as cosine and sine ``[n, 2]``, since 350° is near 0°; ``"elevation"`` in
        degrees ``[n, 1]``; ``"lighting"``, which has no order, one-hot ``[n, 6]``.
    """
    angle = (10.0 * pose["azimuth"]).deg2rad()
    return {
        "azimuth": torch.stack([angle.cos(), angle.sin()], dim=1),
        "elevation": (30 + 5.0 * pose["elevation"]).unsqueeze(1),
        "lighting": F.one_hot(pose["lighting"], LIGHTS).float(),
    }


def read_viewpoints(
    seen: Described, new: Described, components: int | None = None
) -> dict[str, Tensor]:
    """The viewpoints of new toys, by ridge regressions on known ones, one for each class.

    How strong the ridge is, is chosen by leaving out one known toy after the other: other views
    of the *same* toy would be too easy.

    Args:
        seen: at least two toys of each class of ``new``.
        new: other toys.
        components: read off so many principal components of the features, so that many numbers
            and few can be compared; off all features if None.

    Returns:
        For each name of :func:`viewpoints`, what was read of the new toys in its form.

    Raises:
        ValueError, TypeError: if the two do not fit together.
        CapseduError: if fewer than two toys of a class are known.
    """
    require_dims("seen.features", seen.features, "n f")
    require_dims("new.features", new.features, "n f")
    if seen.features.shape[1] != new.features.shape[1]:
        raise ValueError(
            f"new.features must have shape [n, {seen.features.shape[1]}], as those of seen, got "
            f"{list(new.features.shape)}"
        )
    known, asked = _scaled(seen.features, new.features)
    wanted = viewpoints(seen.pose)
    found = {name: torch.zeros(len(asked), y.shape[1]) for name, y in wanted.items()}
    for kind in new.targets.unique().tolist():
        here, there = seen.targets == kind, new.targets == kind
        toys = seen.pose["instance"][here]
        if len(toys.unique()) < 2:
            raise CapseduError(f"of class {kind} at least 2 toys must be known, to leave one out")
        x, x_new = _principal(known[here], asked[there], components)
        for name, y in wanted.items():
            found[name][there] = _ridge(x, y[here], toys, x_new)
    return found


def reading_errors(read: Mapping[str, Tensor], pose: Mapping[str, Tensor]) -> dict[str, float]:
    """How well viewpoints were read.

    Args:
        read: as :func:`read_viewpoints` returns it.
        pose: the true one, in smallNORB's numbers.

    Returns:
        ``"azimuth_error"`` and ``"elevation_error"``, the mean distance in degrees;
        ``"lighting_right"``, the share of lights named rightly; ``"azimuth_r2"`` and
        ``"elevation_r2"``, the share of the variance that is explained: 1 is perfect, 0 is as
        good as always saying the mean, and below 0 is worse. Saying nothing has an azimuth error
        of 90 degrees, and guessing is right for a sixth of the lights.
    """
    true = viewpoints(pose)
    figures = {
        "azimuth_error": azimuth_distance(read["azimuth"], 10.0 * pose["azimuth"]).mean(),
        "elevation_error": (read["elevation"] - true["elevation"]).abs().mean(),
        "lighting_right": (read["lighting"].argmax(1) == pose["lighting"]).float().mean(),
    }
    for name in ("azimuth", "elevation"):
        left = (read[name] - true[name]).square().sum()
        spread = (true[name] - true[name].mean(dim=0)).square().sum()
        if spread > 0:
            figures[f"{name}_r2"] = 1 - left / spread
    return {name: value.item() for name, value in figures.items()}


def azimuth_distance(read: Tensor, degrees: Tensor) -> Tensor:
    """The angle between directions ``[n, 2]`` (cosine, sine) and azimuths ``[n]``, 0 to 180."""
    apart = torch.atan2(read[:, 1], read[:, 0]).rad2deg() - degrees
    return ((apart + 180) % 360 - 180).abs()


def nearest_described(
    samples: Tensor, features: Tensor, batch_size: int = 500
) -> tuple[Tensor, Tensor]:
    """For each row of ``samples`` ``[n, f]`` the nearest row of ``features`` ``[m, f]``.

    Returns:
        Distances ``[n]`` and indices ``[n]``.

    Raises:
        ValueError, TypeError: if an argument does not fit.
    """
    require_dims("samples", samples, "n f")
    require_dims("features", features, "m f")
    require_count("batch_size", batch_size)
    found = [torch.cdist(rows, features).min(dim=1) for rows in samples.split(batch_size)]
    distances, indices = (torch.cat(parts) for parts in zip(*found, strict=True))
    return distances, indices


def view_shares(images: ImageSet, indices: Tensor) -> dict[str, list[tuple[float, float]]]:
    """From where the chosen images were taken.

    Args:
        images: whose viewpoints are known.
        indices: of the chosen ones, with repetitions, ``[n]``.

    Returns:
        For ``"azimuth"``, ``"elevation"`` (degrees) and ``"lighting"``: pairs of a value that
        occurs among all images and its share among the chosen ones.
    """
    scales = {"azimuth": (0, 10), "elevation": (30, 5), "lighting": (0, 1)}
    shares = {}
    for name, (start, step) in scales.items():
        values, chosen = images.pose[name].unique(), images.pose[name][indices]
        counts = (chosen.unsqueeze(1) == values).float().mean(dim=0)
        shares[name] = [
            *zip((start + step * values).float().tolist(), counts.tolist(), strict=True)
        ]
    return shares


def _scaled(seen: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """Both from the mean of the seen, in units of their spread: one unit for all features."""
    seen, new = seen.double(), new.double()
    mean = seen.mean(dim=0)
    unit = (seen - mean).square().mean().sqrt().clamp(min=1e-12)
    return (seen - mean) / unit, (new - mean) / unit


def _principal(seen: Tensor, new: Tensor, components: int | None) -> tuple[np.ndarray, np.ndarray]:
    if components is None or components >= min(seen.shape):
        return seen.numpy(), new.numpy()
    from sklearn.decomposition import PCA  # seconds to import, for this alone

    pca = PCA(components, random_state=0).fit(seen.numpy())
    return pca.transform(seen.numpy()), pca.transform(new.numpy())


def _ridge(x: np.ndarray, y: Tensor, toys: Tensor, x_new: np.ndarray) -> Tensor:
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import LeaveOneGroupOut

    folds = [*LeaveOneGroupOut().split(x, groups=toys.numpy())]
    fit = RidgeCV(ALPHAS, cv=folds, scoring="neg_mean_squared_error").fit(x, y.numpy())
    return torch.from_numpy(fit.predict(x_new)).float().view(len(x_new), -1)
