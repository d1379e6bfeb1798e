"""Adversarial training: the learner beside a loop written by hand, and capsules beside none."""

import logging
import warnings
from collections.abc import Callable
from functools import partial

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.workload import Step, Workload
from capsedu.data import BatchStream, ImageSet
from capsedu.layers import CapsuleDecoder
from capsedu.learning.adversarial import AdversarialLearner
from capsedu.learning.gan_objectives import Margin, NonSaturating
from capsedu.learning.regularisers import Reconstruction
from capsedu.models.capsgan import CapsGanGenerator, CapsuleDiscriminator
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import Gan, Judgement

SHAPE = (1, 32, 32)
DCGAN_BATCH, CAPSGAN_BATCH = 64, 32
BATCHES = 8  # of one fit, so that what Lightning does before the first counts little


class ConvolutionsAlone(nn.Module):
    """The capsule discriminator's convolutions and decoder, with nothing between them."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 256, 9), nn.ReLU(), nn.Conv2d(256, 256, 9, stride=2), nn.ReLU()
        )
        self.decoder = CapsuleDecoder(1, 16, SHAPE)

    def forward(self, images: Tensor) -> Judgement:
        poses = self.convolutions(images).flatten(1)[:, :16].unflatten(1, (1, 16)).float()
        return Judgement(poses.mean(dim=2), poses)


def dcgan(precision: str, contender: str) -> Step:
    """Steps of both networks on batches of 64, by the learner or by hand."""
    torch.manual_seed(0)
    gan = Gan(DcganGenerator(SHAPE, width=64), DcganDiscriminator(SHAPE, width=64))
    if contender == "textbook":
        return _by_hand(gan, precision)
    return _by_learner(partial(AdversarialLearner, gan, NonSaturating()), DCGAN_BATCH, precision)


def capsgan(precision: str, contender: str) -> Step:
    """The same learner on CapsGAN, and with its discriminator's convolutions alone."""
    torch.manual_seed(0)
    judges = {"floor": ConvolutionsAlone, "capsedu": CapsuleDiscriminator}
    gan = Gan(CapsGanGenerator(), judges[contender]())
    learner = partial(AdversarialLearner, gan, Margin(), regularisers=[Reconstruction()])
    return _by_learner(learner, CAPSGAN_BATCH, precision)


def _by_learner(learner: Callable[..., L.LightningModule], batch: int, precision: str) -> Step:
    images = torch.randint(256, (batch * BATCHES, *SHAPE), dtype=torch.uint8)
    stream = BatchStream(
        ImageSet("noise", images, torch.zeros(len(images)).long(), ("one",)), batch
    )
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    def step() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = L.Trainer(
                accelerator="cpu",
                max_epochs=-1,
                precision="bf16-mixed" if precision == "bf16" else "32-true",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            trainer.fit(learner(steps=BATCHES), stream)

    return step


def _by_hand(gan: Gan, precision: str) -> Step:
    """The loop of the tutorials, on the same networks."""
    optimizer_d = torch.optim.Adam(gan.discriminator.parameters(), 2e-4, (0.5, 0.999))
    optimizer_g = torch.optim.Adam(gan.generator.parameters(), 2e-4, (0.5, 0.999))
    real = torch.rand(DCGAN_BATCH, *SHAPE) * 2 - 1
    ones, zeros = torch.ones(DCGAN_BATCH, 1), torch.zeros(DCGAN_BATCH, 1)
    criterion = F.binary_cross_entropy_with_logits

    def step() -> None:
        for _ in range(BATCHES):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                optimizer_d.zero_grad()
                criterion(gan.discriminator(real).scores, ones).backward()
                made = gan.generator(torch.randn(DCGAN_BATCH, 100))
                criterion(gan.discriminator(made.detach()).scores, zeros).backward()
                optimizer_d.step()
                optimizer_g.zero_grad()
                criterion(gan.discriminator(made).scores, ones).backward()
                optimizer_g.step()

    return step


GAN_WORKLOADS = {
    f"DCGAN, {precision}": Workload(
        f"DCGAN, {precision}",
        ("capsedu", "textbook"),
        partial(dcgan, precision),
        DCGAN_BATCH * BATCHES,
        most_rounds=5,
    )
    for precision in ("fp32", "bf16")
} | {
    f"CapsGAN, {precision}": Workload(
        f"CapsGAN, {precision}",
        ("floor", "capsedu"),
        partial(capsgan, precision),
        CAPSGAN_BATCH * BATCHES,
        most_rounds=3,
    )
    for precision in ("fp32", "bf16")
}
