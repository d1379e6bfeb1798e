"""How far a few labelled images go, when features were learnt from all images without labels."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from capsedu.data import ImageSet
from capsedu.data.images import stratified_order
from capsedu.errors import require_count, require_dims

PENALTY = 1.0  # scikit-learn's C


class Features(NamedTuple):
    """What is known of each image, and its class."""

    values: Tensor
    """``[n, features]``."""
    targets: Tensor
    """Class indices, int64 ``[n]``."""


class Interval(NamedTuple):
    """A mean over draws, and where the mean over all draws is with 95 % confidence."""

    mean: float
    low: float
    high: float


def few_label_errors(
    train: Features, test: Features, labels: int, draws: int, seed: int = 0
) -> list[float]:
    """Errors of logistic regression on a few labelled images, one for each draw of them.

    A draw takes the classes in their proportions. The features are used as they are: bring them to
    one scale first, or the same penalty means different things
    (:func:`capsedu.evaluation.descriptions.rescaled`).

    Args:
        train: what labelled images are drawn from.
        test: what the classifiers are tested on.
        labels: labelled images in all.
        draws: how often they are drawn.
        seed: of the first draw; the next one has the next seed.

    Returns:
        The share of wrong test images, for each draw.

    Raises:
        ValueError, TypeError: if an argument does not fit, or a draw leaves a class without label.
    """
    from sklearn.linear_model import LogisticRegression  # a second, which other figures need not

    require_count("labels", labels)
    require_count("draws", draws)
    _require_features(train, test)
    if labels > len(train.targets):
        raise ValueError(f"labels must be at most {len(train.targets)}, got {labels}")
    errors = []
    for draw in range(draws):
        chosen = stratified_order(train.targets, seed + draw)[:labels]
        seen = train.targets[chosen]
        missing = sorted(set(train.targets.tolist()) - set(seen.tolist()))
        if missing:
            raise ValueError(
                f"labels must be enough for every class to have one, got {labels}, "
                f"which leaves class {missing[0]} without"
            )
        classifier = LogisticRegression(C=PENALTY, max_iter=500)
        classifier.fit(train.values[chosen].numpy(), seen.numpy())
        wrong = classifier.predict(test.values.numpy()) != test.targets.numpy()
        errors.append(float(wrong.mean()))
    return errors


def cluster_errors(
    train: Features, test: Features, clusters: int, draws: int, seed: int = 0
) -> list[float]:
    """Errors when images are sorted into clusters first, and then one of each cluster is labelled.

    The labelled one is the image nearest to the cluster's centre, and the whole cluster is given
    its class. So there are as many labels as clusters, and nothing is fitted to them.

    Args:
        train: what is sorted; only the labels of the central images are used.
        test: each image belongs to the cluster with the nearest centre.
        clusters: how many.
        draws: how often the sorting, k-means, begins anew.
        seed: of the first beginning; the next one has the next seed.

    Returns:
        The share of wrong test images, for each draw.

    Raises:
        ValueError, TypeError: if an argument does not fit.
    """
    from sklearn.cluster import KMeans

    require_count("clusters", clusters)
    require_count("draws", draws)
    _require_features(train, test)
    if clusters > len(train.targets):
        raise ValueError(f"clusters must be at most {len(train.targets)}, got {clusters}")
    known, unknown = train.values.numpy(), test.values.numpy()
    errors = []
    for draw in range(draws):
        sorting = KMeans(clusters, n_init=1, random_state=seed + draw).fit(known)
        central = sorting.transform(known).argmin(axis=0)
        found = train.targets.numpy()[central][sorting.predict(unknown)]
        errors.append(float((found != test.targets.numpy()).mean()))
    return errors


def interval(errors: Sequence[float]) -> Interval:
    """Mean and 95 % confidence interval of the mean, by Student's t.

    The interval says how much the *draw of the labels* matters. It knows nothing of other
    trainings of the features, or of other test images.

    Raises:
        ValueError: if there are not two errors.
    """
    from scipy.stats import t

    if len(errors) < 2:
        raise ValueError(f"errors must be at least 2, for an interval, got {len(errors)}")
    mean = float(np.mean(errors))
    half = float(t.ppf(0.975, len(errors) - 1) * np.std(errors, ddof=1) / len(errors) ** 0.5)
    return Interval(mean, mean - half, mean + half)


Reader = Callable[[Tensor, Tensor], list[Tensor]]
"""Training and test images ``[n, c, h, w]`` in, their features ``[n, features]`` out, to scale."""


def compare(
    readers: dict[str, Reader],
    train: ImageSet,
    test: ImageSet,
    labels: Sequence[int],
    draws: int,
    judge: Callable[[Features, Features, int, int], list[float]] = few_label_errors,
) -> dict[str, dict[int, Interval]]:
    """Errors from few labels, with images described in several ways.

    Args:
        readers: by name, how images are described.
        train: what labelled images are drawn from; to the readers, images without labels.
        test: what is classified.
        labels: numbers of labelled images in all.
        draws: how often each number is drawn.
        judge: :func:`few_label_errors` or :func:`cluster_errors`.

    Returns:
        By name and number of labels, the mean error and its interval.
    """
    halves = [images.images.float() / 255 for images in (train, test)]
    found: dict[str, dict[int, Interval]] = {}
    for name, read in readers.items():
        known, unknown = read(*halves)
        known, unknown = Features(known, train.targets), Features(unknown, test.targets)
        found[name] = {n: interval(judge(known, unknown, n, draws)) for n in labels}
    return found


def _require_features(train: Features, test: Features) -> None:
    for name, features in (("train", train), ("test", test)):
        require_dims(f"{name}.values", features.values, "n features")
        if len(features.values) != len(features.targets):
            raise ValueError(
                f"{name} must have a target for each of {len(features.values)} rows, "
                f"got {len(features.targets)}"
            )
