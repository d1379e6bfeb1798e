"""What is measured of a finished generator of toys, and of its discriminator, besides FID."""

from typing import Any

import torch
from torch import nn

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream
from capsedu.evaluation.poses import (
    described,
    features_of,
    read_viewpoints,
    reading_errors,
    view_shares,
)
from capsedu.evaluation.samples import class_shares, nearest_images, quantile_points
from capsedu.experiments.adversarial import COMPARED, judge_of, samples_of

KNOWN, NEW = 1_500, 750  # toys whose viewpoints are learnt to be read, and are read
COMPONENTS = (4, 8, 16, 32)  # that viewpoints are read from, and then from all there are
READ = ("azimuth_error", "elevation_error", "lighting_right")

Points = list[tuple[float, float]]


def views_and_readings(network: nn.Module, experiment: Any, profile: Any) -> dict[str, Points]:
    """Whether the generator makes toys from all sides, and what the discriminator knows of sides.

    Returns:
        - ``class_share``: the share of samples in each class, as a classifier sees them;
        - ``nearest_to_made`` and ``nearest_to_new``: quantiles of the distance in pixels from
          made toys, and from real ones of the test half, to the nearest training image;
        - ``azimuth_share``, ``elevation_share``, ``lighting_share``: from where, and in which
          light, the training images nearest to the made toys were taken;
        - ``trained_azimuth_error`` and so on: how well new toys' viewpoints are read off the
          first so many principal components of the discriminator's features, of those of an
          ``untrained`` one, and of the ``pixels``.

        Nothing for images whose viewpoints are not known.
    """
    images, new = (experiment.images(profile, purpose) for purpose in ("train", "new"))
    if not images.pose:
        return {}
    found = {}
    transform = experiment.test_transforms["test"]
    made = samples_of(network, COMPARED)
    judge = judge_of(experiment)
    classifier = judge and pretrained(judge)
    if classifier is not None:
        found["class_share"] = class_shares(classifier, made)
    few = new.subset(min(COMPARED, len(new)))
    real = BatchStream(few, len(few), transform, shuffle=False).batch(0).images
    for name, pictures in {"new": real, "made": made}.items():
        distances, nearest = nearest_images(pictures, images.images[:, :1])
        found[f"nearest_to_{name}"] = quantile_points(distances)
    shares = view_shares(images, nearest)  # of the made ones, the last in the loop
    found |= {f"{name}_share": points for name, points in shares.items()}
    return found | readings(network, experiment, profile)


def readings(network: nn.Module, experiment: Any, profile: Any) -> dict[str, Points]:
    """The last part of :func:`views_and_readings`."""
    images, new = (experiment.images(profile, purpose) for purpose in ("train", "new"))
    known, asked = images.subset(min(KNOWN, len(images))), new.subset(min(NEW, len(new)))
    transform = experiment.test_transforms["test"]
    shape = tuple(transform(known.images[:1].float(), known.targets[:1], None).images.shape[1:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        untrained = experiment.build(profile, shape, len(images.classes)).discriminator
    readers = {
        "trained": features_of(network.discriminator),
        "untrained": features_of(untrained),
        "pixels": lambda pictures: pictures,
    }
    found: dict[str, Points] = {}
    for who, describe in readers.items():
        seen, fresh = (described(describe, toys, transform) for toys in (known, asked))
        most = seen.features.shape[1]
        for count in (*(k for k in COMPONENTS if k < most), most):
            errors = reading_errors(read_viewpoints(seen, fresh, count), fresh.pose)
            for name in READ:
                found.setdefault(f"{who}_{name}", []).append((float(count), errors[name]))
    return found
