"""Training networks that draw: VAE, DRAW and RCN."""

from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.errors import require_count
from capsedu.functional import bernoulli_cost, capsule_length, gaussian_kl, margin_loss
from capsedu.learning.objectives import Outcome
from capsedu.learning.steps import falling_adam, share_of, stop_at_nonsense


@dataclass(frozen=True)
class Bound:
    r"""What an image costs at most, in nats, and what the class capsules get wrong.

    .. math::
        -\log p(x) \le L^x + L^z =
        \left\langle -\log p(x \mid z) + \sum_t KL\big(q(z_t \mid x)\,\|\,N(0, 1)\big)
        \right\rangle_{z \sim q}

    Margin loss is added where the network has class capsules. How much it weighs is our choice: the
    paper's total leaves it out.

    Attributes:
        margin_weight: of the margin loss.
        warm_up: share of the training in which the divergence's weight rises from 0 to 1. It
            keeps a network from giving up its latents before it can use them. The bound that is
            reported always has all of it.

    Source: Gregor et al. (2015), equations 9, 10 and 12; Sastry, section 6, whose total lacks
    the margin loss; warm-up: Bowman et al. (2016), arXiv:1511.06349.
    """

    margin_weight: float = 100.0
    warm_up: float = 0.0

    def __call__(
        self,
        network: nn.Module,
        batch: Batch,
        progress: float = 1.0,
        noise: Tensor | None = None,
    ) -> Outcome:
        drawing = network(batch.images, noise)
        reconstruction = bernoulli_cost(drawing.canvas.float(), batch.images).mean()
        kl = gaussian_kl(drawing.mean.float(), drawing.log_deviation.float()).sum(dim=1).mean()
        parts = {"bound": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}
        loss = reconstruction + min(1.0, progress / self.warm_up if self.warm_up else 1.0) * kl
        if drawing.capsules is None:
            return Outcome(loss, None, parts)
        lengths = capsule_length(drawing.capsules)
        margin = margin_loss(lengths, batch.targets)
        return Outcome(loss + self.margin_weight * margin, lengths, {**parts, "margin": margin})


class VariationalLearner(L.LightningModule):
    """Adam on a bound, with an exponentially falling rate and gradients of bounded length.

    Everything random in batch n is a function of the seed and n alone, so that a run which was
    killed and resumed ends where an undisturbed one does.

    Args:
        network: draws images; has ``noise(n)``.
        objective: a :class:`Bound`.
        steps: length of the training in batches.
        learning_rate: at the first step.
        final_rate: learning rate after the last step, as a share of the first.
        clip: the largest length of a gradient, over all weights; longer ones are shortened to
            it. The papers give none; recurrent networks need one.
        seed: of everything random in the steps.
        folder: where the batch is saved when the loss is no longer a number.

    Raises:
        ValueError, TypeError: if ``steps`` or ``clip`` does not fit.

    Source: Adam: Gregor et al. (2015), section 4; clipping: Pascanu, Mikolov & Bengio (2013).
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Bound,
        steps: int,
        learning_rate: float = 1e-3,
        final_rate: float = 0.1,
        clip: float = 10.0,
        seed: int = 0,
        folder: Path = Path("."),
    ) -> None:
        super().__init__()
        require_count("steps", steps)
        if not clip > 0:
            raise ValueError(f"clip must be above 0, got {clip}")
        self.network = network
        self.objective = objective
        self.steps = steps
        self.learning_rate = learning_rate
        self.final_rate = final_rate
        self.clip = clip
        self.seed = seed
        self.folder = folder
        self.losses: dict[str, float] = {}  # of the last batch

    @property
    def batches_done(self) -> int:
        """Batches that the network has learnt from."""
        return self.global_step

    def configure_optimizers(self) -> dict:
        return falling_adam(self.network, self.learning_rate, self.final_rate, self.steps)

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *_, **__) -> None:
        nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return share_of(batch, self.global_rank, self.trainer.world_size)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        torch.manual_seed(self.seed * 1_000_003 + self.batches_done)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        drawn_by_all = len(batch.images) * self.trainer.world_size
        noise = self.network.noise(drawn_by_all)[self.global_rank :: self.trainer.world_size]
        progress = self.batches_done / self.steps
        outcome = self.objective(self.network, batch, progress, noise.to(self.device))
        if not torch.isfinite(outcome.loss):
            stop_at_nonsense(self.folder, self.batches_done, batch, outcome.parts)
        self.losses = {name: value.item() for name, value in outcome.parts.items()}
        self.log_dict(self.losses, prog_bar=True)
        return outcome.loss

    def on_train_batch_end(self, *_) -> None:
        if self.batches_done >= self.steps:  # whoever else wants to stop is not overruled
            self.trainer.should_stop = True
