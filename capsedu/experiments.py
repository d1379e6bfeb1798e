"""Every named experiment, defined once: data, network, objective, and how large.

``EXPERIMENTS["capsnet-mnist"]`` is what ``capsedu train capsnet-mnist`` runs, what the
chapters load and what the results page lists.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from torch import nn

from capsedu.data import (
    AffineDigits,
    BatchStream,
    Identity,
    ImageSet,
    OverlappingPairs,
    PadAndPlace,
    Shift,
    load,
)
from capsedu.errors import require_known
from capsedu.learning.objectives import CrossEntropyObjective, MarginObjective
from capsedu.models.capsnet import CapsNet
from capsedu.models.cnn_baseline import CnnBaseline, matched_cnn
from capsedu.profiles import CPU, FULL, NIGHT, QUICK, SMALL, SMOKE, Profile

NetworkBuilder = Callable[[Profile, tuple[int, int, int], int], nn.Module]


@dataclass(frozen=True)
class Experiment:
    """Data x network x objective, in several sizes.

    Attributes:
        name: what to type.
        title: what to print.
        source: where in which paper.
        data: a name for :func:`capsedu.data.load`.
        network: builds the network from a profile, an image shape and a class count.
        objective: what is minimised.
        train_transform: what happens to training images.
        test_transforms: one evaluation per entry; ``"test"`` is the main one.
        published: the paper's figures, as shares, by the name of ours.
        profiles: the sizes in which it can be run.
    """

    name: str
    title: str
    source: str
    data: str
    network: NetworkBuilder
    objective: Callable
    train_transform: Callable = Shift(2)  # noqa: RUF009 (frozen)
    test_transforms: Mapping[str, Callable] = field(default_factory=lambda: {"test": Identity()})
    published: Mapping[str, float] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(
        default_factory=lambda: {"smoke": SMOKE, "quick": QUICK, "small": SMALL, "full": FULL}
    )

    def profile(self, name: str) -> Profile:
        """The named profile; :class:`CapseduError` names the known ones otherwise."""
        require_known(f"profile of {self.name}", name, self.profiles)
        return self.profiles[name]

    def images(self, profile: Profile, train: bool) -> ImageSet:
        """Training or test images, as many as the profile says."""
        images = load(self.data, train=train)
        wanted = profile.train_images if train else profile.test_images
        return images if wanted is None or wanted >= len(images) else images.subset(wanted)

    def train_batches(self, profile: Profile, seed: int) -> BatchStream:
        """The training's batches; batch n depends on ``seed`` and n alone."""
        images = self.images(profile, train=True)
        return BatchStream(
            images, profile.batch_size, self.train_transform, seed, shuffle=True, drop_last=True
        )

    def test_batches(self, profile: Profile) -> dict[str, BatchStream]:
        """For each evaluation, its batches; they are the same in every run."""
        images = self.images(profile, train=False)
        return {
            name: BatchStream(images, profile.batch_size, transform, seed=0, shuffle=False)
            for name, transform in self.test_transforms.items()
        }

    def build(self, profile: Profile, image_shape: tuple[int, int, int], classes: int):
        """The network, freshly initialised."""
        return self.network(profile, image_shape, classes)


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

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
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
}


def experiment(name: str, data: str | None = None) -> Experiment:
    """The experiment called ``name``, on other images if ``data`` names some.

    Raises:
        CapseduError: if there is no such experiment.
    """
    require_known("experiment", name, EXPERIMENTS)
    chosen = EXPERIMENTS[name]
    if data is None or data == chosen.data:
        return chosen
    where = re.sub(r"[^A-Za-z0-9]+", "-", data).strip("-")
    return replace(
        chosen,
        name=f"{name}-on-{where}",
        title=f"{chosen.title}, but on {data}",
        data=data,
        published={},
    )
