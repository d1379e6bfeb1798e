"""The four GANs of the regeneration report, each with a plain and with a capsule discriminator."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from torch import nn

from capsedu.data import RotatedDigits
from capsedu.experiments.adversarial import ADVERSARIAL, class_shares_and_likeness
from capsedu.experiments.capsgan import PROFILES as CAPSGAN_PROFILES
from capsedu.experiments.capsgan import capsule_discriminator
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.learning.gan_objectives import NonSaturating, Wasserstein
from capsedu.learning.heads import AuxiliaryClassifier, MutualInformation
from capsedu.learning.regularisers import GradientPenalty, WeightClipping
from capsedu.models.capsgan_3d import MatrixCapsuleDiscriminator
from capsedu.models.dcgan import DcganDiscriminator
from capsedu.models.gan import Gan
from capsedu.models.regeneration import RegenerationDiscriminator, RegenerationGenerator
from capsedu.profiles import Profile

Shape = tuple[int, int, int]
Heads = Callable[[int, int], Iterable[nn.Module]]

_SMOKE = Profile(8, 2, 1, 8, 96, 96, "32-true", 2, (2, 2), steps=6, milestones=(2,))
_PAPER = replace(CAPSGAN_PROFILES["cpu"], steps=2_000, milestones=(500, 1_000))
_SMALL = replace(_PAPER, conv_channels=64, primary_types=8, convolutional_types=(8, 8))
PROFILES = {
    "smoke": _SMOKE,
    "quick": replace(
        _SMALL, conv_channels=32, primary_types=4, test_images=1_000, steps=200, milestones=(100,)
    ),
    "small": _SMALL,
    "cpu": _PAPER,
    "full": replace(_PAPER, steps=20_000, milestones=(2_000, 5_000, 10_000), checkpoint_every=500),
}


def plain(profile: Profile, shape: Shape) -> nn.Module:
    """DCGAN's discriminator: the report does not print its classical ones."""
    return DcganDiscriminator(shape, width=profile.conv_channels // 4 or 1)


def dense(profile: Profile, shape: Shape) -> nn.Module:
    """The report's capsule discriminator, whose routing is three gated dense layers."""
    return RegenerationDiscriminator(shape, profile.conv_channels, profile.primary_types)


def one_capsule(profile: Profile, shape: Shape) -> nn.Module:
    """CapsGAN's, without its decoder."""
    return capsule_discriminator(profile, shape, decoder=False)


def em_routed(profile: Profile, shape: Shape) -> nn.Module:
    """Matrix capsules, real and fake, after two iterations of EM routing."""
    return MatrixCapsuleDiscriminator(
        shape, 32, profile.primary_types, profile.convolutional_types, iterations=2
    )


def no_heads(features: int, classes: int) -> Iterable[nn.Module]:
    """Real or made is all that is asked."""
    return ()


def class_head(features: int, classes: int) -> Iterable[nn.Module]:
    """ACGAN's: which class is it?"""
    return (AuxiliaryClassifier(features, classes),)


def code_head(features: int, classes: int) -> Iterable[nn.Module]:
    """InfoGAN's: which code was it made from?"""
    return (MutualInformation(features, categories=classes),)


def zoo(judge: Callable[[Profile, Shape], nn.Module], heads: Heads = no_heads) -> NetworkBuilder:
    """The report's generator against a discriminator with heads."""

    def build(profile: Profile, image_shape: Shape, classes: int) -> Gan:
        discriminator = judge(profile, image_shape)
        generator = RegenerationGenerator(image_shape)
        return Gan(generator, discriminator, heads(discriminator.feature_count, classes))

    return build


_FIVE = {"n_discriminator_steps": 5, "betas": (0.0, 0.9)}
# By name: title, heads, and what else differs from a DCGAN.
_KINDS: dict[str, tuple[str, Heads, dict[str, Any]]] = {
    "dcgan": ("DCGAN", no_heads, {}),
    "acgan": ("ACGAN", class_head, {}),
    "infogan": ("InfoGAN", code_head, {}),
    "wgan": (
        "WGAN with weight clipping",
        no_heads,
        {"objective": Wasserstein(), "options": _FIVE | {"regularisers": (WeightClipping(),)}},
    ),
    "wgan-gp": (
        "WGAN with gradient penalty",
        no_heads,
        {"objective": Wasserstein(), "options": _FIVE | {"regularisers": (GradientPenalty(),)}},
    ),
}

_REPORT = Experiment(
    name="",
    title="",
    source="Abhijith, Dhanya & Shashank (2018), chapter 8",
    data="mnist",
    network=zoo(plain),
    objective=NonSaturating(),
    train_transform=RotatedDigits(28, 0.0),
    test_transforms={"test": RotatedDigits(28, 0.0)},
    learning_rate=2e-4,
    kind=ADVERSARIAL,
    curves=class_shares_and_likeness,
    profiles=PROFILES,
)

GAN_ZOO = (
    *(
        replace(
            _REPORT,
            name=f"report-{prefix}{name}",
            title=f"{'Caps' if prefix else ''}{title} of the report",
            network=zoo(judge, heads),
            **changes,
        )
        for name, (title, heads, changes) in _KINDS.items()
        for prefix, judge in {"": plain, "caps-": dense}.items()
    ),
    replace(
        _REPORT,
        name="report-one-capsule",
        title="DCGAN of the report against CapsGAN's one capsule",
        network=zoo(one_capsule),
    ),
    replace(
        _REPORT,
        name="report-em-capsules",
        title="DCGAN of the report against matrix capsules, real and fake",
        network=zoo(em_routed),
    ),
)
