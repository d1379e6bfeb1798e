"""Training a classifier: CapsNet and the networks it is compared with."""

from collections.abc import Callable
from pathlib import Path

import lightning as L
import torch
from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.learning.objectives import Outcome
from capsedu.learning.steps import falling_adam, share_of, stop_at_nonsense


class ClassificationLearner(L.LightningModule):
    """Adam with an exponentially falling learning rate on any objective.

    Everything random in step n (dropout, for one) is a function of the seed and n alone, so
    that a run which was killed and resumed ends where an undisturbed one does.

    Args:
        network: what is trained.
        objective: one of :mod:`capsedu.learning.objectives`.
        steps: length of the whole training.
        learning_rate: at the first step.
        final_rate: learning rate after the last step, as a share of the first.
        seed: of everything random in the steps.
        folder: where the batch is saved when the loss is no longer a number.

    Source: Sabour, Frosst & Hinton (2017), section 4: Adam "with its default parameters,
    including the exponentially decaying learning rate". How fast it decays is not said.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Callable[[nn.Module, Batch, float], Outcome],
        steps: int,
        learning_rate: float = 1e-3,
        final_rate: float = 0.02,
        seed: int = 0,
        folder: Path = Path("."),
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.steps = steps
        self.learning_rate = learning_rate
        self.final_rate = final_rate
        self.seed = seed
        self.folder = folder

    def configure_optimizers(self) -> dict:
        return falling_adam(self.network, self.learning_rate, self.final_rate, self.steps)

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return share_of(batch, self.global_rank, self.trainer.world_size)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        torch.manual_seed(self.seed * 1_000_003 + self.global_step)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        outcome = self.objective(self.network, batch, self.global_step / self.steps)
        if not torch.isfinite(outcome.loss):
            stop_at_nonsense(self.folder, self.global_step, batch, outcome.parts)
        self.log_dict({"loss": outcome.loss, **outcome.parts}, prog_bar=True)
        return outcome.loss
