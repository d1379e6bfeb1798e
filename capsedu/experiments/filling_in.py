"""How well a GAN fills in missing pieces, for its record."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from capsedu.checkpoints import pretrained
from capsedu.evaluation.filling import biharmonic_filling, inpainting_error, nearest_filling
from capsedu.evaluation.inpainting import fill_in, holes, judged_by, typical_noise
from capsedu.experiments.adversarial import class_shares_and_likeness, judge_of
from capsedu.models.gan import Gan

FILLED = 64  # held-out images
STEPS = 60
Points = list[tuple[float, float]]


def filling_curves(network: Gan, experiment: Any, profile: Any) -> dict[str, Points]:
    """Errors of four ways to fill three holes in held-out images.

    Returns:
        ``filling_mae_search`` and so on: for each of ``mae``, ``psnr`` and ``class_kept`` and each
        way a point for each of :func:`~capsedu.evaluation.inpainting.holes`, by number. The ways
        are ``search``, with the discriminator as prior; ``search_alone``, with the noise's own
        density as prior, which the generator that ships can do; ``nearest``, from the nearest
        training image; and ``biharmonic``.
    """
    judge = judge_of(experiment)
    classifier = judge and pretrained(judge)
    if classifier is None:
        return {}
    network = deepcopy(network).cpu()
    images = torch.cat([batch.images for batch in experiment.test_batches(profile)["test"]])
    images, seen = images[:FILLED], experiment.images(profile, "train").images
    steps = min(STEPS, profile.steps)
    curves: dict[str, Points] = {}
    for number, hole in enumerate(holes(images.shape[-1]).values()):
        for way, filled in _fillings(network, images, hole, seen, steps).items():
            for measure, value in inpainting_error(filled, images, hole, classifier).items():
                curves.setdefault(f"filling_{measure}_{way}", []).append((float(number), value))
    return curves


def class_shares_likeness_and_filling(
    network: nn.Module, experiment: Any, profile: Any
) -> Mapping[str, Points]:
    """The curves of every GAN, and those of :func:`filling_curves`."""
    return class_shares_and_likeness(network, experiment, profile) | filling_curves(
        network, experiment, profile
    )


def _fillings(
    network: Gan, images: Tensor, hole: Tensor, seen: Tensor, steps: int
) -> dict[str, Tensor]:
    def search(prior) -> Tensor:
        rng = torch.Generator().manual_seed(0)
        return fill_in(network.generator, prior, images, hole, steps=steps, rng=rng)

    return {
        "search": search(judged_by(network.discriminator)),
        "search_alone": search(typical_noise),
        "nearest": nearest_filling(images, hole, seen),
        "biharmonic": biharmonic_filling(images, hole),
    }
