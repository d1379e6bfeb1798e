"""How generators are trained, measured and shown."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import lightning as L
import torch
from torch import nn

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream
from capsedu.errors import CapseduError, CapseduWarning
from capsedu.evaluation.pictures import draw_samples
from capsedu.evaluation.sample_quality import SampleQuality
from capsedu.evaluation.samples import nearest_images, sample_images
from capsedu.experiments.digit_classifier import DIGIT_CLASSIFIER
from capsedu.experiments.kind import Kind, Meter
from capsedu.files import load_tensors, save_tensors
from capsedu.history import History
from capsedu.learning.adversarial import AdversarialLearner
from capsedu.models.gan import Gan

ROW = 10  # batches that one row of the history sums up
KEPT = 16  # images of one fixed noise that are kept at each milestone
COMPARED = 500  # images whose nearest training image is looked for
COLLAPSED, HEALTHY = 0.05, 0.2  # of the spread of real images

_JUDGES = {judge.data: judge for judge in DIGIT_CLASSIFIER}


def sample_quality(experiment: Any, evaluations: Mapping[str, BatchStream]) -> Meter:
    """FID and the rest, against the test images; nothing for images that are no digits."""
    judge = _JUDGES.get(experiment.data)
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
    judge = _JUDGES.get(experiment.data)
    classifier = judge and pretrained(judge)
    if classifier is None:
        return {}
    test = torch.cat([batch.images for batch in experiment.test_batches(profile)["test"]])
    made = samples_of(network, len(test))
    shares = SampleQuality(test, classifier).class_histogram(made)
    stream = experiment.train_batches(profile, seed=0)
    seen = torch.cat([stream.batch(n).images.mul(255).byte() for n in range(profile.steps)])
    found = {"class_share": [(float(k), share.item()) for k, share in enumerate(shares)]}
    quantiles = torch.linspace(0, 1, 11)
    for name, images in {"made": made, "test": test}.items():
        distances, _ = nearest_images(images[:COMPARED], seen)
        steps = zip(quantiles.tolist(), distances.quantile(quantiles).tolist(), strict=True)
        found[f"nearest_to_{name}"] = [*steps]
    return found


def samples_of(network: Gan, n: int) -> torch.Tensor:
    """The images that a GAN is judged by, ``[n, c, h, w]`` in [0, 1]: always of the same noise."""
    noise = network.noise(n, torch.Generator().manual_seed(0))
    return sample_images(network.generator, n, seed=0, noise=noise)


class BatchHistory(History):
    """A row for every ten batches; at a milestone with figures, and images of a fixed noise.

    A generator whose images become all alike has collapsed: that is said once, and weights from
    before the fall, a hundred batches at most, are kept.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unsaid: list[dict[str, float]] = []
        self.collapsed = False

    def on_train_batch_end(self, trainer: L.Trainer, learner: L.LightningModule, *_: Any) -> None:
        self.unsaid.append(dict(learner.losses))
        done = learner.batches_done
        at_milestone = done in self.milestones or done == learner.steps
        if done % ROW and not at_milestone:
            return
        row = {
            name: mean(losses[name] for losses in self.unsaid if name in losses)
            for name in self.unsaid[-1]
        }
        self.unsaid = []
        self._watch_over(learner.network, row["spread"], done)
        if at_milestone:
            row |= self.measure(trainer, learner)
            self._keep_images(learner.network, done)
        self.write(trainer, done, row)

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
)
