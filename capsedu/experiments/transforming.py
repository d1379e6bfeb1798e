"""Transforming auto-encoders (Hinton, Krizhevsky & Wang 2011): shifts, and affine maps."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capsedu.data import (
    AffinePairs,
    FarPairs,
    ShiftedPairs,
    TurnedPairs,
    affine_images,
    shift_images,
)
from capsedu.data.pairs import in_pixels, rotation
from capsedu.evaluation.descriptions import label_readers
from capsedu.evaluation.equivariance import Response, drawing_error, equivariance
from capsedu.evaluation.few_labels import cluster_errors, compare
from capsedu.evaluation.pictures import draw_samples
from capsedu.experiments.classification import errors_on
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.experiments.kind import Kind
from capsedu.history import EpochHistory
from capsedu.learning.classification import ClassificationLearner
from capsedu.learning.objectives import TransformedObjective
from capsedu.models.transforming_autoencoder import (
    AFFINE,
    SHIFT,
    PoseKind,
    TransformingAutoencoder,
)
from capsedu.profiles import FULL, QUICK, SMALL, SMOKE, Profile

Curves = dict[str, list[tuple[float, float]]]

LABELS = (25, 50, 100, 250, 500, 1_000)  # in all
DRAWS = 20
LABELLED = 10_000  # training images that labelled ones are drawn from
MEASURED = 2_000  # test images whose drawings are measured
SHOWN = 200  # test images whose poses a record keeps
ACROSS = 3  # pixels by which these are shifted, as in the paper's figure 2
ANGLES = range(0, 91, 10)  # degrees
PIXELS = range(9)
PICTURED = 16


def transforming(recognition: int, generation: int, pose: PoseKind) -> NetworkBuilder:
    """A transforming auto-encoder with as many capsules as the profile has types of capsule."""

    def build(
        profile: Profile, image_shape: tuple[int, int, int], classes: int
    ) -> TransformingAutoencoder:
        capsules = profile.primary_types
        return TransformingAutoencoder(image_shape, capsules, recognition, generation, pose)

    return build


def shift_curves(network: nn.Module, experiment: Any, profile: Profile) -> Curves:
    """A record's curves of a network that was told shifts.

    Returns:
        Those of :func:`response_curves` and :func:`label_curves`; ``right`` and ``left``, what the
        most telling capsule says of x in test images, and in the same images shifted by 3 pixels;
        and ``error_by_shift``, the error of the drawings by the told shift along x, in pixels.
    """
    network = deepcopy(network).cpu().eval()
    response = equivariance(network, experiment.test_batches(profile)["test"])
    images = _test_images(experiment, profile)
    capsule = most_telling(response)
    found = response_curves(response)
    still = _positions(network, images[:SHOWN], 0, capsule)
    for name, pixels in {"right": ACROSS, "left": -ACROSS}.items():
        moved = _positions(network, images[:SHOWN], pixels, capsule)
        found[name] = list(zip(still, moved, strict=True))
    found["error_by_shift"] = []
    for pixels in PIXELS:
        # Half of the way before the middle and half behind it, so that no digit leaves the image.
        start = -(pixels // 2)
        told = torch.tensor([0, pixels])
        pair = (_shifted(images, dx) for dx in (start, start + pixels))
        error = drawing_error(network, next(pair), told, next(pair))
        found["error_by_shift"].append((float(pixels), error))
    return found | label_curves(network, experiment, profile)


def affine_curves(network: nn.Module, experiment: Any, profile: Profile) -> Curves:
    """A record's curves of a network that was told affine maps.

    Returns:
        Those of :func:`response_curves` and :func:`label_curves`, and ``error_by_angle``, the
        error of the drawings by the told rotation of an upright digit, in degrees.
    """
    network = deepcopy(network).cpu().eval()
    found = response_curves(equivariance(network, experiment.test_batches(profile)["test"]))
    images = _test_images(experiment, profile)
    size = images.shape[3]
    found["error_by_angle"] = []
    for degrees in ANGLES:
        turn = rotation(torch.tensor([float(degrees)]))
        wanted = affine_images(images, in_pixels(turn, size).expand(len(images), 2, 3))
        error = drawing_error(network, images, turn[0], wanted)
        found["error_by_angle"].append((float(degrees), error))
    return found | label_curves(network, experiment, profile)


def response_curves(response: Response) -> Curves:
    """``slope``, ``r_squared`` and ``presence`` of each capsule on the test pairs."""
    return {
        name: [(float(i), value) for i, value in enumerate(values.nan_to_num().tolist())]
        for name, values in response._asdict().items()
    }


def label_curves(network: TransformingAutoencoder, experiment: Any, profile: Profile) -> Curves:
    """Errors from few labels, by their number, and the ends of their 95 % intervals.

    Returns:
        ``capsules_error``, ``capsules_low`` and ``capsules_high``; the same for ``untrained``
        capsules, ``pixels`` and ``pca``; and for 25 labels ``capsules_clusters_error`` and so on,
        of images that were sorted into 25 clusters first.
    """
    train, test = (experiment.images(profile, half) for half in ("train", "test"))
    if len(train) > LABELLED:
        train = train.subset(LABELLED)
    torch.manual_seed(0)
    untrained = experiment.build(profile, train.image_shape, len(train.classes)).eval()
    readers = label_readers(network, untrained)
    enough = [n for n in LABELS if n <= len(train)]
    drawn = compare(readers, train, test, enough, DRAWS)
    sorted_first = compare(readers, train, test, enough[:1], DRAWS, cluster_errors)
    compared = drawn | {f"{name}_clusters": found for name, found in sorted_first.items()}
    return {
        f"{name}_{end}": [(float(n), getattr(found, field)) for n, found in by_number.items()]
        for name, by_number in compared.items()
        for end, field in {"error": "mean", "low": "low", "high": "high"}.items()
    }


def most_telling(response: Response) -> int:
    """The capsule whose pose follows best among those that are often present."""
    return int((response.r_squared * response.presence).nan_to_num().argmax())


def draw(run: Any, path: Path) -> None:
    """Test images above, what should be drawn in the middle, what is drawn below."""
    batch = run.experiment.test_batches(run.experiment.profile(run.profile))["test"].batch(0)
    network = deepcopy(run.network).cpu().eval()
    with torch.no_grad():
        drawn = network(batch.images, batch.pose["told"])
    rows = (images[:PICTURED].mul(255).byte() for images in (batch.images, batch.moved, drawn))
    draw_samples({str(k): row for k, row in enumerate(rows)}, path)


TRANSFORMING = Kind(ClassificationLearner, errors_on, EpochHistory, draw)


def _test_images(experiment: Any, profile: Profile) -> Tensor:
    return experiment.images(profile, "test").images[:MEASURED].float() / 255


def _shifted(images: Tensor, pixels: int) -> Tensor:
    return shift_images(images, torch.tensor([0, pixels]).expand(len(images), 2))


@torch.no_grad()
def _positions(
    network: TransformingAutoencoder, images: Tensor, pixels: int, capsule: int
) -> list[float]:
    """What a capsule says of x in images that are shifted to the right."""
    return network.look(_shifted(images, pixels)).poses[:, capsule, 1].tolist()


def _profiles(paper: int, small: int, epochs: int) -> dict[str, Profile]:
    """Numbers of capsules as the types of capsule; the widths of convolutions mean nothing."""
    sizes = {
        "smoke": replace(SMOKE, primary_types=3),
        "quick": replace(QUICK, primary_types=small, epochs=10),
        "small": replace(SMALL, primary_types=small, epochs=epochs),
        "full": replace(FULL, primary_types=paper, epochs=400),
    }
    return {name: replace(size, precision="32-true") for name, size in sizes.items()}


_SHIFT = Experiment(
    name="transforming-shift",
    title="Transforming auto-encoder, told shifts",
    source="Hinton, Krizhevsky & Wang (2011), section 2",
    data="mnist",
    network=transforming(10, 20, SHIFT),
    objective=TransformedObjective(),
    train_transform=ShiftedPairs(2),
    test_transforms={"test": ShiftedPairs(2), "unseen": FarPairs(2, 4)},
    learning_rate=1e-2,
    kind=TRANSFORMING,
    curves=shift_curves,
    profiles=_profiles(paper=30, small=20, epochs=200),
)

TRANSFORMING_AUTOENCODERS = (
    _SHIFT,
    replace(
        _SHIFT,
        name="transforming-affine",
        title="Transforming auto-encoder, told affine maps",
        source="Hinton, Krizhevsky & Wang (2011), section 2.1",
        network=transforming(40, 40, AFFINE),
        train_transform=AffinePairs(),
        test_transforms={"test": AffinePairs(), "unseen": TurnedPairs()},
        curves=affine_curves,
        profiles=_profiles(paper=25, small=8, epochs=100),
    ),
)
