"""Hinton, Sabour & Frosst (2018): matrix capsules, and the network they are compared with.

The paper's figures are for smallNORB. ``toys`` stands in for it; whoever has smallNORB adds
``--data smallnorb``.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import nn

from capsedu.data import BatchStream, CentreCrop, Cluttered, Identity, RandomCrop, Shift
from capsedu.evaluation.adversarial import bim, fgsm
from capsedu.evaluation.robustness import (
    activation_scores,
    errors_under_attack,
    softmax_scores,
    successes_under_attack,
)
from capsedu.evaluation.viewpoints import familiar, novel
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.functional import spread_loss
from capsedu.layers.matrix_capsules import VECTOR
from capsedu.learning.objectives import (
    ACTIVATION_CROSS_ENTROPY,
    ACTIVATION_MARGIN,
    SPREAD,
    CrossEntropyObjective,
)
from capsedu.models.cnn_baseline import PoolingCnnBaseline
from capsedu.models.matrix_capsnet import MatrixCapsNet
from capsedu.profiles import Profile

_SMOKE = Profile(4, 2, 2, 16, 64, 64, "32-true", 3, (2, 2), data="toys-small")
_SMALL = Profile(
    32,
    8,
    epochs=1,
    batch_size=8,
    test_images=8_100,
    precision="32-true",
    convolutional_types=(8, 8),
    compiled=True,
    test_batch_size=50,
)
PROFILES = {
    "smoke": _SMOKE,
    "quick": replace(_SMALL, epochs=4, data="toys-small", compiled=False),
    "small": _SMALL,
    "full": Profile(
        32,
        32,
        epochs=30,
        batch_size=64,
        precision="32-true",
        checkpoint_every=500,
        convolutional_types=(32, 32),
        compiled=True,
        test_batch_size=50,
    ),
}

# In a short training two iterations learn and three hardly begin to, so what differs in
# something else is compared after two. The iterations' own rows keep theirs.
TWO_ITERATIONS = {
    name: size if name == "full" else replace(size, iterations=2) for name, size in PROFILES.items()
}


def matrix_capsnet(iterations: int = 3, **options: Any) -> NetworkBuilder:
    """Matrix capsules in the profile's width, built with the given options."""

    def build(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> MatrixCapsNet:
        return MatrixCapsNet(
            image_shape,
            classes,
            profile.conv_channels,
            profile.primary_types,
            profile.convolutional_types,
            profile.iterations or iterations,
            **options,
        )

    return build


def pooling_cnn(
    profile: Profile, image_shape: tuple[int, int, int], classes: int
) -> PoolingCnnBaseline:
    """The paper's baseline at its own size, whatever the profile."""
    return PoolingCnnBaseline(image_shape, classes)


EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.2)
ATTACKED_IMAGES = 250  # each needs some hundred gradients


def attacks(read: Callable, loss: Callable) -> Callable:
    """What the paper's figure 3 shows, measured on a trained network.

    Args:
        read: what the network returns to scores.
        loss: what an attack raises that aims at no class.
    """

    def curves(network: nn.Module, experiment: Experiment, profile: Profile) -> dict:
        images = experiment.images(profile, "test")
        images = images.subset(min(ATTACKED_IMAGES, len(images)))
        crop = experiment.test_transforms["test"]
        batches = BatchStream(images, min(50, len(images)), crop, shuffle=False)
        found = {}
        for name, method in {"fgsm": fgsm, "bim": bim}.items():
            error = errors_under_attack(network, read, loss, batches, EPSILONS, method)
            success = successes_under_attack(
                network, read, batches, len(images.classes), EPSILONS, method
            )
            found |= {f"{name}_error": [*error.items()], f"{name}_success": [*success.items()]}
        return found

    return curves


_MATRIX = Experiment(
    name="matrix-capsnet",
    title="Matrix capsules, 3 iterations",
    source="Hinton, Sabour & Frosst (2018), table 1",
    data="toys",
    network=matrix_capsnet(),
    objective=SPREAD,
    train_transform=RandomCrop(),
    test_transforms={"test": CentreCrop()},
    published={"test_error": 0.018},
    published_data="smallnorb",
    learning_rate=3e-3,
    curves=attacks(activation_scores, partial(spread_loss, margin=1.0)),
    profiles=PROFILES,
)
_TWO_ITERATIONS = replace(_MATRIX, title="Matrix capsules", profiles=TWO_ITERATIONS)
_CNN = replace(
    _MATRIX,
    name="pooling-cnn",
    title="CNN with pooling, 4.2 M parameters",
    network=pooling_cnn,
    objective=CrossEntropyObjective(),
    published={"test_error": 0.052},
    learning_rate=1e-3,
    curves=attacks(softmax_scores, F.cross_entropy),
    profiles={name: replace(size, compiled=False) for name, size in PROFILES.items()},
)


def _iterations(count: int, error: float) -> Experiment:
    """A row of the paper's table 1 with another number of iterations."""
    number = f"{count} iteration{'s' if count > 1 else ''}"
    return replace(
        _MATRIX,
        name=f"{_MATRIX.name}-{number.replace(' ', '-')}",
        title=f"Matrix capsules, {number}",
        network=matrix_capsnet(iterations=count),
        published={"test_error": error},
        curves=_MATRIX.curves if count == 2 else None,
    )


def _row(
    suffix: str, title: str, error: float, objective: Callable = SPREAD, **options: Any
) -> Experiment:
    """A row of the paper's table 1 that differs from the first in something else."""
    return replace(
        _TWO_ITERATIONS,
        name=f"{_MATRIX.name}-{suffix}",
        title=f"Matrix capsules, {title}",
        network=matrix_capsnet(**options),
        objective=objective,
        published={"test_error": error},
        curves=None,
    )


def _seen_from(by: str, network: Experiment, familiar_error: float, novel_error: float):
    """A column of the paper's table 2: trained on a third of the viewpoints.

    A third of the images, hence three times as many epochs where they are few.
    """
    return replace(
        network,
        name=f"{network.name}-{by}",
        title=f"{network.title}, novel {by}s",
        source="Hinton, Sabour & Frosst (2018), table 2",
        test_transforms={"familiar": CentreCrop(), "novel": CentreCrop()},
        select={
            "train": partial(familiar, by=by),
            "familiar": partial(familiar, by=by),
            "novel": partial(novel, by=by),
        },
        published={"familiar_error": familiar_error, "novel_error": novel_error},
        curves=None,
        profiles=network.profiles | {"small": replace(network.profiles["small"], epochs=3)},
    )


def _in_clutter(network: Experiment) -> Experiment:
    """Trained on cluttered grounds, and tested on them and on the even one."""
    return replace(
        network,
        name=f"{network.name}-clutter",
        title=f"{network.title}, cluttered grounds",
        source="Mintun, slides, downsides",
        train_transform=Cluttered(RandomCrop()),
        test_transforms={"test": Cluttered(CentreCrop()), "even": CentreCrop()},
        published={},
        curves=None,
    )


def _on_photographs(network: Experiment, **published: float) -> Experiment:
    """Trained on small colour photographs, shifted by up to two pixels."""
    return replace(
        network,
        name=f"{network.name}-cifar",
        title=f"{network.title}, photographs",
        source="Mintun, slides, downsides",
        data="cifar-10-subset",
        train_transform=Shift(2),
        test_transforms={"test": Identity()},
        published=published,
        published_data="cifar-10",
        curves=None,
        profiles={
            "smoke": network.profiles["smoke"],
            "small": replace(network.profiles["small"], test_images=None),
            "full": replace(network.profiles["full"], data="cifar-10"),
        },
    )


EM_ROUTING = (
    _MATRIX,
    _iterations(1, 0.097),
    # The one that learns best here is also trained for longer.
    replace(_iterations(2, 0.022), profiles=PROFILES | {"cpu": replace(_SMALL, epochs=6)}),
    _iterations(5, 0.039),
    _row("vector", "vector poses", 0.029, pose=VECTOR),
    _row("no-coordinates", "no coordinate addition", 0.026, coordinate_addition=False),
    _row(
        "vector-no-coordinates",
        "vector poses, no coordinate addition",
        0.032,
        pose=VECTOR,
        coordinate_addition=False,
    ),
    _row("margin", "margin loss", 0.032, ACTIVATION_MARGIN),
    _row("cross-entropy", "cross-entropy", 0.058, ACTIVATION_CROSS_ENTROPY),
    _CNN,
    _in_clutter(_TWO_ITERATIONS),
    _in_clutter(_CNN),
    _on_photographs(_TWO_ITERATIONS, test_error=0.11),
    _on_photographs(_CNN),
    _seen_from("azimuth", _TWO_ITERATIONS, 0.037, 0.135),
    _seen_from("azimuth", _CNN, 0.037, 0.20),
    _seen_from("elevation", _TWO_ITERATIONS, 0.043, 0.123),
    _seen_from("elevation", _CNN, 0.043, 0.178),
)
