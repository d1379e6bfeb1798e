"""Efficient-CapsNet (Mazzia et al. 2021), and its stem under five kinds of routing."""

from dataclasses import replace
from functools import partial

from torch import nn

from capsedu.data import Identity, RotatedDigits
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.layers import DenseCapsules
from capsedu.layers.class_capsules import WEIGHT_STD, EmCapsules, SelfAttentionCapsules
from capsedu.learning.objectives import CrossEntropyObjective, MarginObjective
from capsedu.models.efficient_capsnet import ClassCapsules, EfficientCapsNet, EfficientCnn
from capsedu.profiles import FULL, QUICK, SMALL, SMOKE, Profile

PROFILES = {
    "smoke": SMOKE,
    "quick": replace(QUICK, train_images=6_000, test_images=1_000, epochs=3, batch_size=64),
    "small": replace(SMALL, epochs=5),
    "cpu": replace(SMALL, epochs=20),
    "full": replace(FULL, epochs=150),
}
ROTATIONS = {f"rotated_{most}": RotatedDigits(28, most) for most in (20, 45)}


def stem_and(capsules: ClassCapsules, decoder: bool = False) -> NetworkBuilder:
    """The paper's stem under class capsules of a kind; one size, whatever the profile."""

    def build(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        return EfficientCapsNet(image_shape, classes, capsules, decoder)

    return build


def stem_and_neurons(
    profile: Profile, image_shape: tuple[int, int, int], classes: int
) -> EfficientCnn:
    """The paper's stem under a layer of neurons."""
    return EfficientCnn(image_shape, classes)


_EFFICIENT = Experiment(
    name="efficient-capsnet-mnist",
    title="Efficient-CapsNet on MNIST",
    source="Mazzia, Salvetti & Chiaberge (2021), table 2",
    data="mnist",
    network=stem_and(SelfAttentionCapsules, decoder=True),
    objective=MarginObjective(),
    published={"test_error": 0.0026},
    profiles=PROFILES,
)
_ATTENTION = replace(
    _EFFICIENT,
    name="routing-attention",
    title="One stem, self-attention routing",
    source="in no paper",
    network=stem_and(SelfAttentionCapsules),
    test_transforms={"test": Identity(), **ROTATIONS},
    published={},
)
_agreement = partial(DenseCapsules, weight_std=WEIGHT_STD)

EFFICIENT_CAPSNET = (
    _EFFICIENT,
    _ATTENTION,
    replace(
        _ATTENTION,
        name="routing-agreement",
        title="One stem, dynamic routing",
        network=stem_and(_agreement),
    ),
    replace(
        _ATTENTION,
        name="routing-em",
        title="One stem, EM routing",
        network=stem_and(EmCapsules),
    ),
    replace(
        _ATTENTION,
        name="routing-none",
        title="One stem, capsules without routing",
        network=stem_and(partial(_agreement, iterations=1)),
    ),
    replace(
        _ATTENTION,
        name="routing-neurons",
        title="One stem, neurons in place of capsules",
        network=stem_and_neurons,
        objective=CrossEntropyObjective(),
    ),
)
