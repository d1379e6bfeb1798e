"""What a run writes down while it trains: ``history.json``, one row at a time."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import nn

from capsedu.files import write_atomically

ROW = 10  # batches that one row sums up, where rows are not epochs


def read_history(folder: Path) -> list[dict]:
    """The rows that the run in ``folder`` has written so far."""
    path = history_path(folder)
    return json.loads(path.read_text()) if path.exists() else []


def history_path(folder: Path) -> Path:
    """Where the run in ``folder`` writes its history."""
    return folder / "history.json"


class History(Callback):
    """Keeps the rows; a child says when there is one to write.

    Args:
        folder: of the run.
        meter: measures the learner's network.
        milestones: of the profile, in steps.
    """

    def __init__(
        self,
        folder: Path,
        meter: Callable[[nn.Module], dict[str, float]],
        milestones: tuple[int, ...] = (),
    ) -> None:
        self.folder = folder
        self.meter = meter
        self.milestones = milestones
        self.started = time.monotonic()
        self.before = max((row["seconds"] for row in read_history(folder)), default=0.0)

    def measure(self, trainer: L.Trainer, learner: L.LightningModule) -> dict[str, float]:
        """The meter's figures in the precision of the training."""
        with trainer.precision_plugin.forward_context():
            return self.meter(learner.network)

    def write(self, trainer: L.Trainer, step: int, row: dict[str, float]) -> None:
        """Add a row in place of those that a killed run wrote at this step or behind it."""
        seconds = round(self.before + time.monotonic() - self.started, 1)
        row = {"step": step, "seconds": seconds, **row}
        rows = [old for old in read_history(self.folder) if old["step"] < step] + [row]
        if trainer.is_global_zero:
            path = history_path(self.folder)
            write_atomically(path, lambda partial: partial.write_text(json.dumps(rows, indent=1)))


class EpochHistory(History):
    """A row after each epoch."""

    def on_train_epoch_end(self, trainer: L.Trainer, learner: L.LightningModule) -> None:
        figures = self.measure(trainer, learner)
        self.write(trainer, trainer.global_step, {"epoch": trainer.current_epoch + 1, **figures})


class MilestoneHistory(History):
    """A row for every ten batches, of the learner's losses; at a milestone with figures too.

    The learner says its losses of the last batch (``losses``), how many batches it has done
    (``batches_done``) and how many it will do (``steps``).
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unsaid: list[dict[str, float]] = []

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
        self.watch(learner, row, done)
        if at_milestone:
            row |= self.measure(trainer, learner)
            self.keep(learner, done)
        self.write(trainer, done, row)

    def watch(self, learner: L.LightningModule, row: dict[str, float], done: int) -> None:
        """What a child looks out for in each row: collapses, for example."""

    def keep(self, learner: L.LightningModule, done: int) -> None:
        """What a child keeps at a milestone: images, for example."""
