"""Sabour, Frosst & Hinton (2017): CapsNet, and the networks it is compared with."""

from dataclasses import replace

from capsedu.data import AffineDigits, OverlappingPairs, PadAndPlace
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.learning.objectives import CrossEntropyObjective, MarginObjective
from capsedu.models.capsnet import CapsNet
from capsedu.models.cnn_baseline import CnnBaseline, matched_cnn
from capsedu.profiles import CPU, FULL, NIGHT, QUICK, SMALL, SMOKE, Profile


def capsnet(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> CapsNet:
    """CapsNet in the profile's width."""
    return CapsNet(image_shape, classes, profile.conv_channels, profile.primary_types)


def capsnet_alone(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> CapsNet:
    """CapsNet in the profile's width, without a decoder."""
    return CapsNet(
        image_shape, classes, profile.conv_channels, profile.primary_types, decoder=False
    )


def cnn_like(network: NetworkBuilder) -> NetworkBuilder:
    """A convolutional network with as many parameters as ``network`` would have."""

    def build(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> CnnBaseline:
        # The convolutions scale with the profile; the smallest must leave room for the rest.
        scale = profile.conv_channels / 256
        channels = [max(4, round(c * scale**0.5)) for c in (64, 64, 32)]
        return matched_cnn(network(profile, image_shape, classes), image_shape, classes, channels)

    return build


def paper_cnn(profile: Profile, image_shape: tuple[int, int, int], classes: int) -> CnnBaseline:
    """The paper's baseline at its own size, whatever the profile."""
    return CnnBaseline(image_shape, classes)


_CAPSNET_MNIST = Experiment(
    name="capsnet-mnist",
    title="CapsNet on MNIST",
    source="Sabour, Frosst & Hinton (2017), table 1",
    data="mnist",
    network=capsnet,
    objective=MarginObjective(),
    published={"test_error": 0.0025},
    profiles={
        "smoke": SMOKE,
        "quick": QUICK,
        "small": SMALL,
        "cpu": CPU,
        "night": NIGHT,
        "full": FULL,
    },
)
_CNN_MNIST = replace(
    _CAPSNET_MNIST,
    name="cnn-mnist",
    title="CNN with as many parameters, on MNIST",
    network=cnn_like(capsnet),
    objective=CrossEntropyObjective(),
    published={},
)
_CAPSNET_AFFINE = replace(
    _CAPSNET_MNIST,
    name="capsnet-affine",
    title="CapsNet on affine-transformed MNIST",
    source="Sabour, Frosst & Hinton (2017), section 5.2",
    network=capsnet_alone,
    train_transform=PadAndPlace(40),
    test_transforms={"test": PadAndPlace(40), "affine": AffineDigits(40)},
    published={"test_error": 0.0077, "affine_error": 0.21},
    published_data="affnist",
    profiles={
        "smoke": SMOKE,
        "quick": replace(QUICK, epochs=1, train_images=6_000, test_images=1_000),
        "small": replace(SMALL, epochs=4),
        "full": FULL,
    },
)
_CAPSNET_MULTI = replace(
    _CAPSNET_MNIST,
    name="capsnet-multimnist",
    title="CapsNet on pairs of overlapping digits",
    source="Sabour, Frosst & Hinton (2017), section 6 and table 1",
    train_transform=OverlappingPairs(36),
    test_transforms={"test": OverlappingPairs(36)},
    published={"test_error": 0.052},
    profiles={
        "smoke": SMOKE,
        "quick": replace(QUICK, epochs=1, train_images=12_000, test_images=1_000),
        "small": replace(SMALL, epochs=10),
        "full": FULL,
    },
)

DYNAMIC_ROUTING = (
    _CAPSNET_MNIST,
    _CNN_MNIST,
    replace(
        _CNN_MNIST,
        name="cnn-mnist-paper",
        title="The paper's 35.4 M CNN on MNIST",
        network=paper_cnn,
        published={"test_error": 0.0039},
        profiles={"full": FULL},
    ),
    replace(
        _CAPSNET_MNIST,
        name="capsnet-digits",
        title="CapsNet on scikit-learn's digits",
        source="the embedded stand-in for MNIST; in no paper",
        data="digits",
        published={},
        profiles={
            "smoke": SMOKE,
            "quick": replace(QUICK, epochs=10),
            "small": replace(SMALL, epochs=60),
        },
    ),
    _CAPSNET_AFFINE,
    replace(
        _CAPSNET_AFFINE,
        name="cnn-affine",
        title="CNN with as many parameters, on affine-transformed MNIST",
        network=cnn_like(capsnet_alone),
        objective=CrossEntropyObjective(),
        published={"test_error": 0.0078, "affine_error": 0.34},
    ),
    _CAPSNET_MULTI,
    replace(
        _CAPSNET_MULTI,
        name="cnn-multimnist",
        title="CNN with as many parameters, on pairs of overlapping digits",
        network=cnn_like(capsnet),
        objective=CrossEntropyObjective(),
        published={"test_error": 0.081},
    ),
)
