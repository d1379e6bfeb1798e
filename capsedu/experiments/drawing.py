"""How networks that draw are trained, measured and shown."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Generator, Tensor, nn

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream, Binarised
from capsedu.errors import CapseduError, CapseduWarning
from capsedu.evaluation.classification import measure
from capsedu.evaluation.likelihood import log_likelihood
from capsedu.evaluation.pictures import draw_samples
from capsedu.evaluation.robustness import frozen
from capsedu.evaluation.sample_quality import SampleQuality
from capsedu.evaluation.samples import class_shares, nearest_images, quantile_points
from capsedu.experiments.digit_classifier import DIGIT_CLASSIFIER
from capsedu.experiments.kind import Kind, Meter
from capsedu.functional import gaussian_kl
from capsedu.history import MilestoneHistory
from capsedu.learning.variational import VariationalLearner
from capsedu.models.digit_classifier import DigitClassifier

DRAWS = (1, 10, 100)  # for each image, in the estimates of its likelihood
ESTIMATED = 100  # images whose likelihood is estimated
COMPARED = 500  # samples whose nearest training image is looked for
PATIENCE = 500  # batches in which the latents need not say anything yet
SILENT = 0.1  # nats: less is nothing
COLUMNS, ROWS = 16, 10  # of the picture: images, and steps of a drawing


def judge_of(experiment: Any) -> DigitClassifier | None:
    """The classifier of the experiment's images; None where they are not single digits.

    Raises:
        CapseduError: if it is missing.
    """
    judges = {judge.data: judge for judge in DIGIT_CLASSIFIER}
    judge = judges.get(experiment.data)
    if judge is None or experiment.train_transform != Binarised():
        return None
    classifier = pretrained(judge)
    if classifier is None:
        raise CapseduError(
            f"the classifier that measures samples of {experiment.data} is missing; make it "
            f"with: capsedu record {judge.name} --profile small --checkpoint"
        )
    return classifier


def bound_and_quality(experiment: Any, evaluations: Mapping[str, BatchStream]) -> Meter:
    """Bound, its parts, and errors on each test set; FID and the rest where they can be had.

    Samples are the probabilities of the pixels, and are compared with the test images before
    these are made black and white.
    """
    classifier = judge_of(experiment)
    grey = evaluations["test"].image_set.images
    quality = None if classifier is None else SampleQuality(grey, classifier)

    def figures(network: nn.Module) -> dict[str, float]:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)  # of the latents
            found = {
                f"{test}_{name}": value
                for test, batches in evaluations.items()
                for name, value in measure(network, experiment.objective, batches).items()
            }
        return found if quality is None else found | quality(samples_of(network, len(grey)))

    return figures


@torch.no_grad()
def samples_of(network: nn.Module, n: int, at_a_time: int = 250) -> Tensor:
    """The images that a network is judged by, ``[n, c, h, w]`` in [0, 1]: always the same draw."""
    device = next(network.parameters()).device
    noise = network.noise(n, Generator().manual_seed(0))
    made = []
    with frozen(network):
        for latents in noise.split(at_a_time):
            *_, last = network.paint(latents.to(device))
            made.append(last.canvas.float().sigmoid().cpu())
    return torch.cat(made)


def likelihood_and_likeness(
    network: nn.Module, experiment: Any, profile: Any
) -> dict[str, list[tuple[float, float]]]:
    """How likely test images are, what each step tells, and how near samples are to seen images.

    Returns:
        ``kl_by_step``: the divergence of each step's latents on the first hundred test images. Of
        black-and-white images ``negative_log_likelihood``: the estimate in nats on the same ones,
        by the number of draws for each. And of single digits: ``class_share``, the share of samples
        in each class; ``nearest_to_made`` and ``nearest_to_test``, quantiles of the distance from
        samples and from test images, which are no copies, to the nearest training image.
    """
    device = next(network.parameters()).device
    images = experiment.test_batches(profile)["test"].batch(0).images[:ESTIMATED]
    noise = network.noise(len(images), Generator().manual_seed(0))
    with frozen(network), torch.no_grad():
        drawing = network(images.to(device), noise.to(device))
    kl = gaussian_kl(drawing.mean, drawing.log_deviation).mean(dim=0)
    found = {"kl_by_step": [(float(t + 1), nats.item()) for t, nats in enumerate(kl)]}
    if ((images == 0) | (images == 1)).all():
        found["negative_log_likelihood"] = [
            (float(k), -log_likelihood(network, images, k).mean().item()) for k in DRAWS
        ]
    classifier = judge_of(experiment)
    if classifier is None:
        return found
    test, seen = (experiment.images(profile, purpose).images for purpose in ("test", "train"))
    made = samples_of(network, len(test))
    found["class_share"] = class_shares(classifier, made)
    for name, compared in {"made": made, "test": test}.items():
        distances, _ = nearest_images(compared[:COMPARED], seen)
        found[f"nearest_to_{name}"] = quantile_points(distances)
    return found


class DrawingHistory(MilestoneHistory):
    """A row for every ten batches; at a milestone with figures.

    Latents that say nothing, or more than whole images do, are said once, with what to try.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.said = ""

    def watch(self, learner: L.LightningModule, row: dict[str, float], done: int) -> None:
        pixels = math.prod(learner.network.image_shape)
        trouble = trouble_with(row["kl"], pixels, done)
        if trouble and trouble != self.said:
            warnings.warn(f"by batch {done} {trouble}", CapseduWarning, stacklevel=2)
        self.said = trouble


def trouble_with(kl: float, pixels: int, done: int) -> str:
    """What is wrong with a divergence of so many nats after so many batches; "" if nothing is."""
    if done >= PATIENCE and kl < SILENT:
        return (
            f"the latents have collapsed: their divergence is below {SILENT} nats, so they say "
            "nothing of the image; let its weight rise slowly (Bound(warm_up=0.2)), or lower the "
            "learning rate"
        )
    # Who knows nothing of black and white pixels pays log 2 for each of them.
    if kl > pixels * math.log(2):
        return (
            "the latents' divergence has exploded: it is above "
            f"{pixels * math.log(2):.0f} nats, more than the image costs pixel by pixel; lower "
            "the learning rate, or shorten the gradients (clip)"
        )
    return ""


@torch.no_grad()
def draw(run: Any, path: Path) -> None:
    """Test images, drawings of them, and below samples as they grow, step by step."""
    network, size = run.network, run.experiment.profile(run.profile)
    device = next(network.parameters()).device
    images = run.experiment.test_batches(size)["test"].batch(0).images[:COLUMNS].to(device)
    noise = network.noise(len(images), Generator().manual_seed(0)).to(device)
    with frozen(network):
        canvases = [network(images, noise).canvas, *(s.canvas for s in network.paint(noise))]
    reconstructions, *strokes = (canvas.float().sigmoid() for canvas in canvases)
    shown = torch.linspace(0, len(strokes) - 1, min(ROWS, len(strokes))).round().int().tolist()
    rows = [images, reconstructions, *(strokes[step] for step in shown)]
    sheets = {str(n): row.mul(255).round().byte().cpu() for n, row in enumerate(rows)}
    draw_samples(sheets, path)


DRAWING = Kind(VariationalLearner, bound_and_quality, DrawingHistory, draw)
