"""CapsGAN (Saqur & Vivona 2018) and CapsuleGAN (Karmakar 2018), each beside its DCGAN."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import nn
from torch.nn import Sigmoid

from capsedu.data import RotatedDigits
from capsedu.experiments.adversarial import ADVERSARIAL, class_shares_and_likeness
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.experiments.filling_in import class_shares_likeness_and_filling
from capsedu.learning.gan_objectives import LeastSquares, Margin, NonSaturating, Wasserstein
from capsedu.learning.regularisers import GradientPenalty, Reconstruction, WeightClipping
from capsedu.models.capsgan import (
    CapsGanGenerator,
    CapsuleDiscriminator,
    first_parent,
    matched_discriminator,
)
from capsedu.models.capsulegan import CapsuleGanGenerator
from capsedu.models.gan import Gan
from capsedu.models.spectral import spectrally_normalised
from capsedu.profiles import Profile

_SMOKE = Profile(
    8, 2, 1, 16, 96, 96, "32-true", checkpoint_every=2, steps=6, milestones=(2,), generator_width=4
)
_TABLES = (300, 500, 1_000)  # and the last batch, as in the paper's tables 1 and 2
_PAPER = Profile(
    256,
    32,
    epochs=1,
    batch_size=32,
    test_images=5_000,
    test_batch_size=500,
    checkpoint_every=50,
    steps=1_000,
    milestones=(300, 500),
)
PROFILES = {
    "smoke": _SMOKE,
    "quick": replace(
        _PAPER,
        conv_channels=32,
        primary_types=4,
        test_images=1_000,
        steps=200,
        milestones=(50, 100),
        generator_width=16,
    ),
    "small": replace(_PAPER, conv_channels=64, primary_types=8, steps=2_000, milestones=_TABLES),
    "cpu": _PAPER,
    "full": replace(_PAPER, steps=2_000, milestones=_TABLES),
}

Shape = tuple[int, int, int]


def capsule_discriminator(profile: Profile, shape: Shape, **options: Any) -> CapsuleDiscriminator:
    """The capsule discriminator in the profile's width."""
    return CapsuleDiscriminator(
        shape,
        conv_channels=profile.conv_channels,
        primary_types=profile.primary_types,
        **options,
    )


def dcgan_discriminator(profile: Profile, shape: Shape, **options: Any) -> nn.Module:
    """DCGAN's discriminator with as many parameters as the capsule discriminator."""
    return matched_discriminator(capsule_discriminator(profile, shape, **options), shape)


def capsgan(
    discriminator: Callable[..., nn.Module] = capsule_discriminator,
    change: Callable[[nn.Module], nn.Module] = nn.Identity(),  # noqa: B008 (holds no state)
    **options: Any,
) -> NetworkBuilder:
    """The paper's generator against a discriminator, which ``change`` may alter."""

    def build(profile: Profile, image_shape: Shape, classes: int) -> Gan:
        generator = CapsGanGenerator(image_shape[0], width=profile.generator_width)
        return Gan(generator, change(discriminator(profile, image_shape, **options)))

    return build


def capsulegan(discriminator: Callable[..., nn.Module]) -> NetworkBuilder:
    """The slides' generator against a discriminator without a decoder."""

    def build(profile: Profile, image_shape: Shape, classes: int) -> Gan:
        return Gan(CapsuleGanGenerator(), discriminator(profile, image_shape, decoder=False))

    return build


_PRETRAINED = {"pretraining_steps": 1}
_RECONSTRUCTING = {"regularisers": (Reconstruction(),), **_PRETRAINED}

_CAPSGAN = Experiment(
    name="capsgan",
    title="CapsGAN",
    source="Saqur & Vivona (2018), table 1",
    data="mnist",
    network=capsgan(),
    objective=Margin(),
    train_transform=RotatedDigits(32, 0.0),
    test_transforms={"test": RotatedDigits(32, 0.0)},
    learning_rate=2e-4,
    kind=ADVERSARIAL,
    options=_RECONSTRUCTING,
    curves=class_shares_and_likeness,
    profiles=PROFILES,
)
_TWO = replace(
    _CAPSGAN,
    name="capsgan-two",
    title="CapsGAN with two parents, real and fake",
    source="in no paper: CapsGAN with a routing that can do something",
    network=capsgan(parents=2),
)
_NONE = replace(
    _TWO,
    name="capsgan-none",
    title="CapsGAN with a parent for none of them",
    network=capsgan(parents=2, read=first_parent),
)
_DCGAN = replace(
    _CAPSGAN,
    name="dcgan",
    title="DCGAN with as many parameters",
    network=capsgan(dcgan_discriminator),
    objective=NonSaturating(),
    options=_PRETRAINED,
)
_CAPSULEGAN = replace(
    _CAPSGAN,
    name="capsulegan",
    title="CapsuleGAN of the slides",
    source="Karmakar (2018)",
    network=capsulegan(capsule_discriminator),
    objective=NonSaturating(),
    train_transform=RotatedDigits(28, 0.0),
    test_transforms={"test": RotatedDigits(28, 0.0)},
    options={},
)


def _rotated(experiment: Experiment) -> Sequence[Experiment]:
    """The experiment on upright digits, and on those rotated by up to 15 and 45 degrees."""
    turned = (
        replace(
            experiment,
            name=f"{experiment.name}-{degrees}",
            title=f"{experiment.title}, ±{degrees}°",
            source=experiment.source.replace("table 1", "table 2"),
            train_transform=RotatedDigits(32, float(degrees)),
            test_transforms={"test": RotatedDigits(32, float(degrees))},
        )
        for degrees in (15, 45)
    )
    return experiment, *turned


def _stabilised(experiment: Experiment, spectral: NetworkBuilder) -> Sequence[Experiment]:
    """The experiment with each of the paper's stabilisers (section 4.1)."""
    # Gulrajani et al. (2017), algorithm 1, for the five steps and Adam's betas.
    five = {**_PRETRAINED, "n_discriminator_steps": 5, "betas": (0.0, 0.9)}
    clipped = {**five, "regularisers": (WeightClipping(),)}
    penalised = {**five, "regularisers": (GradientPenalty(),)}

    def row(suffix: str, title: str, **changes: Any) -> Experiment:
        source = "Saqur & Vivona (2018), section 4.1"
        name, title = f"{experiment.name}-{suffix}", f"{experiment.title}, {title}"
        return replace(experiment, name=name, title=title, source=source, **changes)

    return (
        row("spectral", "spectral normalisation", network=spectral),
        row("clip", "Wasserstein with weight clipping", objective=Wasserstein(), options=clipped),
        row("gp", "Wasserstein with gradient penalty", objective=Wasserstein(), options=penalised),
        row(
            "spectral-wasserstein",
            "spectral normalisation and Wasserstein",
            network=spectral,
            objective=Wasserstein(),
            options=five,
        ),
    )


CAPSGAN = (
    *_rotated(_CAPSGAN),
    *_rotated(_TWO),
    replace(
        _TWO,
        name="capsgan-two-1-iteration",
        title="CapsGAN with two parents and one iteration: no routing",
        network=capsgan(parents=2, iterations=1),
    ),
    *_rotated(_NONE),
    replace(_DCGAN, curves=class_shares_likeness_and_filling),
    *_rotated(_DCGAN)[1:],
    *_stabilised(_CAPSGAN, capsgan(change=spectrally_normalised)),
    *_stabilised(_DCGAN, capsgan(dcgan_discriminator, spectrally_normalised)),
    replace(
        _CAPSGAN,
        name="capsgan-cross-entropy",
        title="CapsGAN with binary cross-entropy",
        source="Saqur & Vivona (2018), section 3.2",
        objective=NonSaturating(),
    ),
    replace(
        _CAPSGAN,
        name="capsgan-squares",
        title="CapsGAN with squared errors",
        source="Saqur & Vivona (2018), section 3.2",
        objective=LeastSquares(read=Sigmoid()),
    ),
    _CAPSULEGAN,
    replace(
        _CAPSULEGAN,
        name="slides-dcgan",
        title="DCGAN of the slides",
        network=capsulegan(dcgan_discriminator),
    ),
)
