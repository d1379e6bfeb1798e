"""The appendix *Wrong capsules*: short trainings on digits, each with one mistake planted."""

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from capsedu.data import CentreCrop, RandomCrop
from capsedu.experiments.experiment import Experiment
from capsedu.learning.objectives import SPREAD
from capsedu.plants import PLANTS, Plant
from capsedu.plants.networks import (
    EMParts,
    GalleryObjective,
    Parts,
    capsnet,
    em_parts,
    matrix_capsnet,
)
from capsedu.profiles import Profile

_SMALL = Profile(
    16, 4, epochs=8, batch_size=32, precision="32-true", checkpoint_every=500, test_batch_size=40
)
PROFILES = {
    "smoke": Profile(4, 2, 2, 16, 64, 64, "32-true", 3),
    "quick": replace(_SMALL, epochs=3),
    "small": _SMALL,
}


def built(make: Callable, parts: Parts | EMParts) -> Callable[..., nn.Module]:
    """What an experiment calls to build its network: ``make`` in the profile's size."""

    def build(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        return make(parts, image_shape, classes, profile.conv_channels, profile.primary_types)

    return build


_RIGHT = Experiment(
    name="wrong-capsules-none",
    title="Gallery: a small CapsNet, as it should be",
    source="in no paper",
    data="digits",
    network=built(capsnet, Parts()),
    objective=GalleryObjective(),
    train_transform=RandomCrop(24, 28, brightness=0.0, contrast=(1.0, 1.0)),
    test_transforms={"test": CentreCrop(24, 28)},
    learning_rate=3e-3,
    profiles=PROFILES,
)
_RIGHT_EM = replace(
    _RIGHT,
    name="wrong-capsules-em-none",
    title="Gallery: small matrix capsules, as they should be",
    network=built(matrix_capsnet, EMParts()),
    objective=SPREAD,
    learning_rate=5e-3,
)


def planted(plant: Plant) -> Experiment:
    """The same training with one piece exchanged."""
    if plant.is_em:
        base, change = _RIGHT_EM, {"network": built(matrix_capsnet, em_parts(plant))}
    else:
        parts = Parts(**{plant.role: plant.wrong})
        base = _RIGHT
        change = {"network": built(capsnet, parts), "objective": GalleryObjective(parts)}
    return replace(base, name=plant.experiment, title=f"Gallery: {plant.title}", **change)


WRONG_CAPSULES = (
    _RIGHT,
    _RIGHT_EM,
    *(planted(plant) for plant in PLANTS.values() if plant.experiment),
)
