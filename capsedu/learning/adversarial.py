"""Training a generator against a discriminator: one learner for every GAN of the book."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from capsedu.data import Batch
from capsedu.errors import require_count
from capsedu.learning.gan_objectives import AdversarialObjective
from capsedu.learning.regularisers import Judged, Regulariser
from capsedu.learning.steps import share_of, stop_at_nonsense
from capsedu.models.gan import Gan, realness


class AdversarialLearner(L.LightningModule):
    """Adam for two networks in turn: discriminator steps, then one of the generator.

    A batch is one discriminator step. Every ``n_discriminator_steps``-th batch is followed by a
    generator step, which uses the made images of that batch again: nothing is made twice.

    Real images come in [0, 1], as everywhere, and are moved to [-1, 1], where the generator's
    tanh lives.

    Everything random in batch n is a function of the seed and n alone, so that a run which was
    killed and resumed ends where an undisturbed one does.

    Args:
        gan: generator and discriminator.
        objective: one of :mod:`capsedu.learning.gan_objectives`.
        steps: length of the training in batches.
        regularisers: of the discriminator, :mod:`capsedu.learning.regularisers`.
        n_discriminator_steps: batches per generator step (1; 5 for Wasserstein).
        pretraining_steps: batches for the discriminator alone, at the beginning.
        learning_rate: of both networks.
        discriminator_rate: of the discriminator, in place of that.
        betas: Adam's.
        seed: of everything random in the steps.
        folder: where the batch is saved when a loss is no longer a number.

    Raises:
        ValueError, TypeError: if a number of steps does not fit.

    Source: Goodfellow et al. (2014), algorithm 1; Radford et al. (2016), section 4, for the
    rates; Heusel et al. (2017) for two of them; Saqur & Vivona (2018), algorithm 1, for the
    pre-training.
    """

    def __init__(
        self,
        gan: Gan,
        objective: AdversarialObjective,
        steps: int,
        regularisers: Sequence[Regulariser] = (),
        n_discriminator_steps: int = 1,
        pretraining_steps: int = 0,
        learning_rate: float = 2e-4,
        discriminator_rate: float | None = None,
        betas: tuple[float, float] = (0.5, 0.999),
        seed: int = 0,
        folder: Path = Path("."),
    ) -> None:
        super().__init__()
        require_count("n_discriminator_steps", n_discriminator_steps)
        require_count("pretraining_steps", pretraining_steps, least=0)
        self.automatic_optimization = False
        self.network = gan
        self.objective = objective
        self.steps = steps
        self.regularisers = tuple(regularisers)
        self.n_discriminator_steps = n_discriminator_steps
        self.pretraining_steps = pretraining_steps
        self.learning_rate = learning_rate
        self.discriminator_rate = discriminator_rate or learning_rate
        self.betas = betas
        self.seed = seed
        self.folder = folder
        self.batches_done = 0  # Lightning counts the steps of both optimisers instead
        # Of the last batch: both losses, the discriminator's accuracy, and "spread", how much
        # the made images differ from each other, as a share of how much the real ones do.
        self.losses: dict[str, float] = {}

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        gan = self.network
        judging = [*gan.discriminator.parameters(), *gan.heads.parameters()]
        return [
            torch.optim.Adam(parameters, rate, self.betas, fused=True)
            for parameters, rate in (
                (judging, self.discriminator_rate),
                (gan.generator.parameters(), self.learning_rate),
            )
        ]

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return share_of(batch, self.global_rank, self.trainer.world_size)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        torch.manual_seed(self.seed * 1_000_003 + self.batches_done)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        if len(batch.images) < 2:
            raise ValueError(
                "batch_size must be at least 2: batch normalisation compares the images of a "
                f"batch, got {len(batch.images)}"
            )
        made_by_all = len(batch.images) * self.trainer.world_size
        noise = self.network.noise(made_by_all)[self.global_rank :: self.trainer.world_size]
        noise = noise.to(self.device)
        turn = self.batches_done - self.pretraining_steps + 1
        generators_turn = turn > 0 and turn % self.n_discriminator_steps == 0
        with torch.set_grad_enabled(generators_turn):
            made = self.network.generator(noise)
        real = 2 * batch.images - 1
        codes = self.network.codes(noise)
        parts = self._discriminator_step(real, made.detach(), batch.targets, codes)
        parts["spread"] = (_spread(made.detach()) / _spread(real).clamp(min=1e-3)).float()
        if generators_turn:
            parts |= self._generator_step(made, codes)
        if not all(torch.isfinite(value) for value in parts.values()):
            stop_at_nonsense(self.folder, self.batches_done, batch, parts)
        self.losses |= {name: value.item() for name, value in parts.items()}
        self.log_dict(self.losses, prog_bar=True)
        self.batches_done += 1
        self.trainer.should_stop = self.batches_done >= self.steps

    def _discriminator_step(
        self, real: Tensor, made: Tensor, targets: Tensor, codes: list[Tensor]
    ) -> dict[str, Tensor]:
        discriminator, (optimizer, _) = self.network.discriminator, self.optimizers()
        of_real = Judged(real, discriminator(real))
        of_made = Judged(made, discriminator(made))
        scores = of_real.judgement.scores, of_made.judgement.scores
        loss = self.objective.discriminator_loss(*scores)
        penalties = sum(r.penalty(discriminator, of_real, of_made) for r in self.regularisers)
        read = {}
        for head, code in zip(self.network.heads, codes, strict=True):
            of_real_images = head.real_loss(of_real.judgement, targets)
            read[head.loss_name] = of_real_images + head.made_loss(of_made.judgement, code)
        optimizer.zero_grad()
        self.manual_backward(loss + penalties + sum(read.values()))
        optimizer.step()
        for regulariser in self.regularisers:
            regulariser.constrain(discriminator)
        right = [realness(scores[0]) > 0, realness(scores[1]) <= 0]
        return {
            "discriminator_loss": loss.detach(),
            "discriminator_accuracy": torch.cat(right).float().mean(),
            **{name: value.detach() for name, value in read.items()},
        }

    def _generator_step(self, made: Tensor, codes: list[Tensor]) -> dict[str, Tensor]:
        _, optimizer = self.optimizers()
        self.toggle_optimizer(optimizer)  # no gradients for the discriminator's weights
        judgement = self.network.discriminator(made)
        loss = self.objective.generator_loss(judgement.scores)
        heads = zip(self.network.heads, codes, strict=True)
        optimizer.zero_grad()
        self.manual_backward(loss + sum(head.made_loss(judgement, code) for head, code in heads))
        optimizer.step()
        self.untoggle_optimizer(optimizer)
        return {"generator_loss": loss.detach()}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches_done"] = self.batches_done

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.batches_done = checkpoint["batches_done"]


def _spread(images: Tensor) -> Tensor:
    """How much the images of a batch differ: the deviation of a pixel, on average."""
    return images.std(dim=0).mean()
