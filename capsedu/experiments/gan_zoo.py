"""The four GANs of the regeneration report, each with a plain and with a capsule discriminator."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from capsedu.data import ImageSet, RotatedDigits
from capsedu.evaluation.codes import naming_agreement, read_categories
from capsedu.experiments.adversarial import ADVERSARIAL, class_shares_and_likeness
from capsedu.experiments.capsgan import PROFILES as CAPSGAN_PROFILES
from capsedu.experiments.capsgan import capsule_discriminator
from capsedu.experiments.capsgan_3d import FASTER_CAPSULES
from capsedu.experiments.experiment import Experiment, NetworkBuilder
from capsedu.experiments.filling_in import class_shares_likeness_and_filling
from capsedu.learning.gan_objectives import NonSaturating, Wasserstein
from capsedu.learning.heads import AuxiliaryClassifier, MutualInformation
from capsedu.learning.regularisers import GradientPenalty, WeightClipping
from capsedu.models.capsgan import matched_discriminator
from capsedu.models.capsgan_3d import MatrixCapsuleDiscriminator
from capsedu.models.dcgan import DcganDiscriminator
from capsedu.models.gan import Gan
from capsedu.models.regeneration import RegenerationDiscriminator, RegenerationGenerator
from capsedu.profiles import Profile

Shape = tuple[int, int, int]
Heads = Callable[[int, int], Iterable[nn.Module]]
FEWEST_IMAGES = 100  # of a share, so that a small set still fills a batch

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


def matched(profile: Profile, shape: Shape) -> nn.Module:
    """DCGAN's, with as many parameters as the report's capsules."""
    return matched_discriminator(dense(profile, shape), shape)


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


def share(percent: int) -> Callable[[ImageSet], ImageSet]:
    """Takes so many per cent of the images, in the proportions of their classes."""

    def take(images: ImageSet) -> ImageSet:
        wanted = max(FEWEST_IMAGES, len(images) * percent // 100)
        return images.subset(min(wanted, len(images)))

    return take


def shares_and_agreement(network: Gan, experiment: Any, profile: Profile) -> dict[str, list]:
    """As for every generator; and of an InfoGAN, how often its categories fit real digits.

    Returns:
        In addition ``category_agreement``: the number of categories, and the share.
    """
    found = dict(class_shares_and_likeness(network, experiment, profile))
    batches = list(experiment.test_batches(profile)["test"])
    categories = read_categories(network, torch.cat([batch.images for batch in batches]))
    fitting = naming_agreement(categories, torch.cat([batch.targets for batch in batches]))
    (head,) = network.heads
    return found | {"category_agreement": [(float(head.categories), fitting)]}


_FIVE = {"n_discriminator_steps": 5, "betas": (0.0, 0.9)}
# By name: title, heads, and what else differs from a DCGAN.
_KINDS: dict[str, tuple[str, Heads, dict[str, Any]]] = {
    "dcgan": ("DCGAN", no_heads, {"curves": class_shares_likeness_and_filling}),
    "acgan": ("ACGAN", class_head, {}),
    "infogan": ("InfoGAN", code_head, {"curves": shares_and_agreement}),
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
    *(
        replace(
            _REPORT,
            name=f"report-{prefix}dcgan-{percent}-percent",
            title=f"{'Caps' if prefix else ''}DCGAN of the report, {percent} % of the images",
            source="Abhijith, Dhanya & Shashank (2018), abstract",
            network=zoo(judge),
            select={"train": share(percent)},
        )
        for percent in (1, 10)
        for prefix, judge in {"": plain, "caps-": dense}.items()
    ),
    replace(
        _REPORT,
        name="report-matched-dcgan",
        title="DCGAN of the report with as many parameters as its capsules",
        source="in no paper: the fair rival",
        network=zoo(matched),
    ),
    replace(
        _REPORT,
        name="report-one-capsule",
        title="DCGAN of the report with CapsGAN's one capsule",
        source="in no paper: the report's generator, CapsGAN's discriminator",
        network=zoo(one_capsule),
    ),
    replace(
        _REPORT,
        name="report-em-capsules",
        title="DCGAN of the report with matrix capsules, real and fake, at a rate of their own",
        source="in no paper: the report's generator, CapsGAN's discriminator in 3D",
        network=zoo(em_routed),
        options=FASTER_CAPSULES,
    ),
)
