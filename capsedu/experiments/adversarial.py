"""How generators are trained, measured and shown."""

import copy
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream
from capsedu.errors import CapseduError, CapseduWarning
from capsedu.evaluation.cost import step_cost
from capsedu.evaluation.pictures import draw_samples
from capsedu.evaluation.sample_quality import SampleQuality
from capsedu.evaluation.samples import (
    class_shares,
    nearest_images,
    quantile_points,
    sample_images,
)
from capsedu.experiments.digit_classifier import DIGIT_CLASSIFIER
from capsedu.experiments.kind import Kind, Meter
from capsedu.experiments.toy_classifier import TOY_CLASSIFIER
from capsedu.files import load_tensors, save_tensors
from capsedu.history import ROW, MilestoneHistory
from capsedu.learning.adversarial import AdversarialLearner
from capsedu.models.gan import Gan

KEPT = 16  # images of one fixed noise that are kept at each milestone
COMPARED = 500  # images whose nearest training image is looked for
COLLAPSED, HEALTHY = 0.05, 0.2  # of the spread of real images

# By the images and by what is shown of them: who knows single pictures cannot judge pairs.
_JUDGES = {
    (judge.data, type(judge.train_transform)): judge
    for judge in (*DIGIT_CLASSIFIER, *TOY_CLASSIFIER)
}


def judge_of(experiment: Any) -> Any:
    """The experiment that made the classifier of such images, or None."""
    return _JUDGES.get((experiment.data, type(experiment.train_transform)))


def sample_quality(experiment: Any, evaluations: Mapping[str, BatchStream]) -> Meter:
    """FID and the rest, against the test images; nothing for images that no classifier knows."""
    judge = judge_of(experiment)
    if judge is None:
        return lambda network: {}
    classifier = pretrained(judge)
    if classifier is None:
        raise CapseduError(
            f"the classifier that measures generators on {experiment.data} is missing; make it "
            f"with: capsedu record {judge.name} --profile small --checkpoint"
        )
    real = torch.cat([batch.images for batches in evaluations.values() for batch in batches])
    quality = SampleQuality(real, classifier)
    return lambda network: quality(samples_of(network, len(real)))


def class_shares_and_likeness(
    network: nn.Module, experiment: Any, profile: Any
) -> dict[str, list[tuple[float, float]]]:
    """Which classes the generator makes, and how near its images are to the nearest seen one.

    Returns:
        ``class_share``: the share of samples in each class; ``nearest_to_made`` and
        ``nearest_to_test``: quantiles of the distance from generated and from test images, which
        are no copies, to the nearest of all images that a training with seed 0 shows.
    """
    judge = judge_of(experiment)
    classifier = judge and pretrained(judge)
    if classifier is None:
        return {}
    test = torch.cat([batch.images for batch in experiment.test_batches(profile)["test"]])
    made = samples_of(network, len(test))
    stream = experiment.train_batches(profile, seed=0)
    seen = torch.cat([stream.batch(n).images.mul(255).byte() for n in range(profile.steps)])
    found = {"class_share": class_shares(classifier, made)}
    for name, images in {"made": made, "test": test}.items():
        distances, _ = nearest_images(images[:COMPARED], seen)
        found[f"nearest_to_{name}"] = quantile_points(distances)
    return found


def training_cost(run: Any) -> dict[str, float]:
    """``peak_memory`` of a finished run's training, in MiB; the history tells its seconds."""
    experiment, size = run.experiment, run.experiment.profile(run.profile)
    network = copy.deepcopy(run.network).cpu()
    if size.compiled:
        network.compile_routing()
    learner = experiment.learner(network, steps=sys.maxsize, seed=run.seed, folder=run.folder)
    period = learner.n_discriminator_steps
    cost = step_cost(
        learner,
        experiment.train_batches(size, run.seed),
        run.precision,
        warm_up=learner.pretraining_steps + period,
        period=period,
    )
    return {"peak_memory": cost["peak_memory"]}


def samples_of(network: Gan, n: int) -> torch.Tensor:
    """The images that a GAN is judged by, ``[n, c, h, w]`` in [0, 1]: always of the same noise."""
    noise = network.noise(n, torch.Generator().manual_seed(0))
    return sample_images(network.generator, n, seed=0, noise=noise)


class BatchHistory(MilestoneHistory):
    """A row for every ten batches; at a milestone with figures, and images of a fixed noise.

    A generator whose images become all alike has collapsed: that is said once, and weights from
    before the fall, a hundred batches at most, are kept.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.collapsed = False

    def watch(self, learner: L.LightningModule, row: dict[str, float], done: int) -> None:
        self._watch_over(learner.network, row["spread"], done)

    def keep(self, learner: L.LightningModule, done: int) -> None:
        self._keep_images(learner.network, done)

    def _watch_over(self, network: nn.Module, spread: float, done: int) -> None:
        kept = self.folder / "before-collapse.safetensors"
        if spread > HEALTHY:
            self.collapsed = False
            if done % (10 * ROW) == 0 or not kept.exists():
                save_tensors(network.state_dict(), kept)
        elif kept.exists() and not self.collapsed and spread < COLLAPSED:
            self.collapsed = True
            warnings.warn(
                f"the generator has collapsed by batch {done}: its images differ from each other "
                f"by {spread:.1%} of what real ones do; weights from before are in {kept}",
                CapseduWarning,
                stacklevel=2,
            )

    def _keep_images(self, network: Gan, done: int) -> None:
        path = samples_path(self.folder)
        kept = load_tensors(path) if path.exists() else {}
        kept = {step: images for step, images in kept.items() if int(step) < done}
        images = samples_of(network, KEPT).mul(255).round().byte()
        save_tensors(kept | {str(done): images}, path)


def samples_path(folder: Path) -> Path:
    """Where the run in ``folder`` keeps its milestones' images, uint8 ``[16, c, h, w]`` each."""
    return folder / "samples.safetensors"


def draw(run: Any, path: Path) -> None:
    """One row of images per milestone."""
    draw_samples(load_tensors(samples_path(run.folder)), path)


ADVERSARIAL = Kind(
    AdversarialLearner,
    sample_quality,
    BatchHistory,
    draw,
    shipped=lambda gan: gan.generator,
    cost=training_cost,
)
