"""CapsGAN on toys from all sides (Saqur & Vivona 2018, section 5.2), and its DCGANs.

The paper's pictures are smallNORB's. ``toys`` stands in for it; whoever has smallNORB adds
``--data smallnorb``.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from capsedu.data import ImageSet, LeftEye, load
from capsedu.errors import CapseduError
from capsedu.experiments.adversarial import ADVERSARIAL
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.experiments.toy_views import views_and_readings
from capsedu.learning.gan_objectives import Margin, NonSaturating, Wasserstein
from capsedu.learning.regularisers import WeightClipping
from capsedu.models.capsgan import matched_discriminator
from capsedu.models.capsgan_3d import MatrixCapsuleDiscriminator
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import Gan
from capsedu.profiles import Profile

# The whole GAN ships: what is asked about is the discriminator.
WHOLE_GAN = replace(ADVERSARIAL, shipped=nn.Identity())

_SMOKE = Profile(
    4,
    2,
    epochs=1,
    batch_size=4,
    train_images=90,
    test_images=64,
    precision="32-true",
    checkpoint_every=2,
    convolutional_types=(2, 2),
    iterations=2,
    data="toys-small",
    test_batch_size=50,
    steps=3,
    milestones=(2,),
    generator_width=2,
)
_SMALL = Profile(
    32,
    4,
    epochs=1,
    batch_size=16,
    test_images=5_000,
    precision="32-true",
    checkpoint_every=50,
    convolutional_types=(4, 4),
    iterations=2,
    compiled=True,
    test_batch_size=250,
    steps=1_500,
    milestones=(250, 500, 1_000),
    generator_width=32,
)
PROFILES = {
    "smoke": _SMOKE,
    "quick": replace(
        _SMALL,
        conv_channels=16,
        batch_size=8,
        compiled=False,
        data="toys-small",
        steps=30,
        milestones=(10, 20),
        generator_width=16,
    ),
    "small": _SMALL,
    # The paper's widths, the larger of its batch sizes, and the moments of its table 4.
    "full": replace(
        _SMALL,
        primary_types=32,
        batch_size=64,
        checkpoint_every=500,
        convolutional_types=(32, 32),
        iterations=3,
        steps=11_250,
        milestones=(3_000, 4_700, 7_000, 8_200),
        generator_width=128,
    ),
}

Shape = tuple[int, int, int]


def em_discriminator(profile: Profile, shape: Shape) -> MatrixCapsuleDiscriminator:
    """The paper's figure 5 in the profile's width."""
    return MatrixCapsuleDiscriminator(
        shape,
        profile.conv_channels,
        profile.primary_types,
        profile.convolutional_types,
        profile.iterations,
    )


def mirrored(profile: Profile, shape: Shape) -> DcganDiscriminator:
    """DCGAN's, as wide as the generator: the paper's figure 1."""
    return DcganDiscriminator(shape, profile.generator_width)


def matched(profile: Profile, shape: Shape) -> DcganDiscriminator:
    """DCGAN's with as many parameters as the capsules have."""
    return matched_discriminator(em_discriminator(profile, shape), shape)


def toys_gan(judge: Callable[[Profile, Shape], nn.Module]) -> NetworkBuilder:
    """DCGAN's generator, from 100 numbers, against a discriminator."""

    def build(profile: Profile, image_shape: Shape, classes: int) -> Gan:
        generator = DcganGenerator(image_shape, width=profile.generator_width)
        return Gan(generator, judge(profile, image_shape))

    return build


def only(kind: str) -> Callable[[ImageSet], ImageSet]:
    """Takes the images of one class."""

    def take(images: ImageSet) -> ImageSet:
        if kind not in images.classes:
            raise CapseduError(
                f"{images.name!r} has no class {kind!r}; it has {', '.join(images.classes)}"
            )
        return images.where(images.targets == images.classes.index(kind))

    return take


def seen_toys(images: ImageSet) -> ImageSet:
    """The training half of the same set: other toys are no mistake of a generator."""
    return load(images.name, train=True)


# Two rates, after Heusel et al. (2017), section 2; the papers give none for these capsules.
FASTER_CAPSULES = {"discriminator_rate": 3e-3}

# Arjovsky et al. (2017), algorithm 1, with Adam's betas of Gulrajani et al.
_CLIPPED = {
    "regularisers": (WeightClipping(),),
    "n_discriminator_steps": 5,
    "betas": (0.0, 0.9),
}

_CAPSGAN = Experiment(
    name="capsgan-3d",
    title="CapsGAN with EM routing, at a rate of its own",
    source="Saqur & Vivona (2018), section 5.2.3, figure 5 and table 5",
    data="toys",
    network=toys_gan(em_discriminator),
    objective=NonSaturating(),
    train_transform=LeftEye(),
    test_transforms={"test": LeftEye()},
    select={"test": seen_toys},
    published_data="smallnorb",
    learning_rate=2e-4,
    kind=WHOLE_GAN,
    options=FASTER_CAPSULES,
    curves=views_and_readings,
    profiles=PROFILES,
)
_DCGAN = replace(
    _CAPSGAN,
    name="dcgan-3d",
    title="DCGAN at 64x64",
    source="Saqur & Vivona (2018), section 5.2.1, without its clipping",
    network=toys_gan(mirrored),
    options={},
)


def _by_category(experiment: Experiment) -> Iterator[Experiment]:
    """The experiment on all toys, and on the paper's two categories."""
    yield experiment
    for name, kind in {"cars": "car", "planes": "airplane"}.items():
        take = only(kind)
        yield replace(
            experiment,
            name=f"{experiment.name}-{name}",
            title=f"{experiment.title}, {name}",
            select={
                "train": take,
                "test": lambda images, take=take: take(seen_toys(images)),
                "new": take,
            },
        )


def _variant(base: Experiment, suffix: str, title: str, **changes: Any) -> Experiment:
    return replace(base, name=f"{base.name}-{suffix}", title=f"{base.title}, {title}", **changes)


CAPSGAN_3D = (
    *_by_category(_CAPSGAN),
    *_by_category(_DCGAN),
    *_by_category(
        _variant(
            _DCGAN,
            "clip",
            "Wasserstein with clipped weights",
            source="Saqur & Vivona (2018), section 5.2.1, figure 1 and table 4",
            objective=Wasserstein(),
            options=_CLIPPED,
        )
    ),
    *_by_category(
        _variant(
            _DCGAN,
            "matched",
            "as many parameters as the capsules",
            source="in no paper: the fair rival",
            network=toys_gan(matched),
        )
    ),
    _variant(
        _CAPSGAN,
        "margin",
        "margin loss",
        source="in no paper: the loss of section 3.2 on these capsules",
        objective=Margin(),
    ),
    _variant(
        _CAPSGAN,
        "one-rate",
        "at the generator's rate",
        source="in no paper: what the rate is worth",
        options={},
    ),
    _variant(
        _CAPSGAN,
        "1-iteration",
        "one iteration: no routing",
        source="in no paper: what routing is worth",
        profiles={name: replace(size, iterations=1) for name, size in PROFILES.items()},
    ),
)
