"""VAE, DRAW (Gregor et al. 2015) and RCN (Sastry), each adding one idea."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from torch import nn

from capsedu.data import Binarised, Identity, OverlappingPairs
from capsedu.experiments.drawing import DRAWING, likelihood_and_likeness
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.layers.attention import AttentiveRead
from capsedu.learning.variational import Bound
from capsedu.models.draw import attentive_draw, plain_draw
from capsedu.models.rcn import Rcn
from capsedu.models.vae import Vae
from capsedu.profiles import Profile

Shape = tuple[int, int, int]

_SMOKE = Profile(8, 2, 1, 16, 96, 96, "32-true", checkpoint_every=2, steps=6, milestones=(2,))
_SMALL = Profile(
    32,
    8,
    epochs=1,
    batch_size=100,
    test_images=5_000,
    test_batch_size=500,
    precision="32-true",
    checkpoint_every=200,
    steps=6_000,
    milestones=(500, 2_000, 4_000),
)
PROFILES = {
    "smoke": _SMOKE,
    "quick": replace(
        _SMALL, conv_channels=16, primary_types=4, test_images=1_000, steps=400, milestones=(100,)
    ),
    "small": _SMALL,
    "cpu": replace(_SMALL, steps=30_000, milestones=(5_000, 15_000)),
    "full": replace(
        _SMALL,
        conv_channels=256,
        primary_types=32,
        test_images=None,
        steps=60_000,
        milestones=(5_000, 20_000, 40_000),
        checkpoint_every=1_000,
    ),
}
# A step of RCN costs several of DRAW's.
RCN_PROFILES = PROFILES | {
    "small": replace(_SMALL, steps=4_000, milestones=(500, 2_000)),
    "cpu": replace(_SMALL, steps=16_000, milestones=(4_000, 8_000)),
}


def drawing(network: Callable[..., nn.Module], **options: Any) -> NetworkBuilder:
    """A network that has one size, whatever the profile."""

    def build(profile: Profile, image_shape: Shape, classes: int) -> nn.Module:
        return network(image_shape, **options)

    return build


def rcn(**options: Any) -> NetworkBuilder:
    """RCN in the profile's width."""

    def build(profile: Profile, image_shape: Shape, classes: int) -> Rcn:
        return Rcn(image_shape, classes, profile.conv_channels, profile.primary_types, **options)

    return build


_VAE = Experiment(
    name="vae-mnist",
    title="VAE on MNIST",
    source="Kingma & Welling (2014)",
    data="mnist",
    network=drawing(Vae),
    objective=Bound(),
    train_transform=Binarised(),
    test_transforms={"test": Binarised()},
    kind=DRAWING,
    curves=likelihood_and_likeness,
    profiles=PROFILES,
)
_DRAW = replace(
    _VAE,
    name="draw-mnist",
    title="DRAW on MNIST, 10 of the paper's 64 steps",
    source="Gregor et al. (2015), table 2",
    network=drawing(attentive_draw),
    published={"test_bound": 80.97},
)
_RCN = replace(
    _VAE,
    name="rcn-mnist",
    title="RCN on MNIST",
    source="Sastry, section 7",
    network=rcn(),
    published={"test_error": 0.0312},
    profiles=RCN_PROFILES,
)

VARIATIONAL = (
    _VAE,
    _DRAW,
    replace(
        _DRAW,
        name="draw-mnist-64-steps",
        title="DRAW on MNIST, the paper's 64 steps",
        network=drawing(attentive_draw, steps=64),
        profiles={name: PROFILES[name] for name in ("smoke", "full")},
    ),
    replace(
        _DRAW,
        name="draw-mnist-no-attention",
        title="DRAW without attention on MNIST, 10 steps",
        network=drawing(plain_draw),
        published={"test_bound": 87.40},
    ),
    _RCN,
    replace(
        _RCN,
        name="rcn-mnist-glimpse",
        title="RCN on MNIST, with DRAW's glimpses of the error image",
        source="in no paper: a decision that Sastry leaves open",
        network=rcn(read=partial(AttentiveRead, cells=5)),
        published={},
    ),
    replace(
        _RCN,
        name="rcn-mnist-gru",
        title="RCN on MNIST, with GRUs",
        source="Sastry, section 9",
        network=rcn(cell="gru"),
        published={},
    ),
    replace(
        _RCN,
        name="rcn-multimnist",
        title="RCN on pairs of overlapping digits",
        source="Sastry, abstract, without a figure",
        train_transform=Binarised(OverlappingPairs(36)),
        test_transforms={"test": Binarised(OverlappingPairs(36))},
        published={},
    ),
    replace(
        _RCN,
        name="rcn-cifar-10-subset",
        title="RCN on a subset of CIFAR-10",
        data="cifar-10-subset",
        train_transform=Identity(),  # its colours are no probabilities of black and white
        test_transforms={"test": Identity()},
        published={"test_error": 0.131},
        published_data="cifar-10",
    ),
)
