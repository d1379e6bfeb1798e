"""What a training step costs: seconds and memory."""

import json
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from capsedu.data import BatchStream
from capsedu.errors import require_count

MIB = 2**20
TIMED_PERIODS = 5


def step_cost(
    learner: L.LightningModule,
    batches: BatchStream,
    precision: str = "32-true",
    warm_up: int = 2,
    period: int = 1,
) -> dict[str, float]:
    """Seconds and memory that a batch of a training takes, tried out on a few batches.

    The memory is the most that tensors occupy at one time: weights, their gradients, the
    optimiser's state, the batch, and all that lies between input and loss. On a CPU it is added
    up from the profiler's list of every tensor that was made and given up, so that (to within a
    batch) it does not depend on what else the machine does, nor on what libraries keep for
    themselves. On a GPU it is what its allocator says.

    Args:
        learner: one that has trained nothing yet, on the CPU. Its network learns a little.
        batches: of the training; at least as many as are tried out.
        precision: Lightning's name.
        warm_up: batches before anything is measured, enough for every optimiser to have made a
            step.
        period: batches after which the training repeats itself, such as the five discriminator
            steps of a Wasserstein GAN, the last of them with a generator step.

    Returns:
        ``"seconds_per_batch"``, the median of five periods, and ``"peak_memory"`` in MiB.

    Raises:
        ValueError, TypeError: if a number does not fit.
    """
    require_count("warm_up", warm_up)
    require_count("period", period)
    on_gpu = torch.cuda.is_available()
    others = torch.cuda.memory_allocated() if on_gpu else 0  # what lies there already
    found: dict[str, float] = {}
    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # about workers: see BatchStream
        trainer = L.Trainer(
            accelerator="cuda" if on_gpu else "cpu",
            devices=1,
            precision=precision,
            max_epochs=-1,
            callbacks=[_Script(_measured(learner, warm_up, period, found))],
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            inference_mode=False,
        )
        trainer.fit(learner, batches)
    found["peak_memory"] -= others / MIB
    return found


class _Script(Callback):
    """Goes on with a script after each batch, and ends the training with it."""

    def __init__(self, script: Iterator[None]) -> None:
        self.script = script

    def on_train_start(self, trainer: L.Trainer, learner: L.LightningModule) -> None:
        next(self.script)

    def on_train_batch_end(self, trainer: L.Trainer, learner: L.LightningModule, *_: Any) -> None:
        trainer.should_stop = next(self.script, "over") == "over"


def _measured(
    learner: L.LightningModule, warm_up: int, period: int, found: dict[str, float]
) -> Iterator[None]:
    """What :func:`step_cost` does; at each ``yield`` the training makes a batch."""
    yield from _batches(warm_up)
    seconds = []
    for _ in range(TIMED_PERIODS):
        _wait_for_gpu()
        started = time.perf_counter()
        yield from _batches(period)
        _wait_for_gpu()
        seconds.append((time.perf_counter() - started) / period)
    found["seconds_per_batch"] = median(seconds)
    # Gradients are kept until the next step. The second of two periods begins with gradients
    # that were watched when they were made.
    with (_gpu_peak if torch.cuda.is_available() else _cpu_peak)(learner) as peak:
        yield from _batches(2 * period)
    found["peak_memory"] = peak.pop() / MIB


def _batches(n: int) -> Iterator[None]:
    for _ in range(n):
        yield


def _wait_for_gpu() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def _gpu_peak(learner: L.LightningModule) -> Iterator[list[int]]:
    """A list that gets the most bytes in use until the ``with`` block ends."""
    peak: list[int] = []
    torch.cuda.reset_peak_memory_stats()
    yield peak
    peak.append(torch.cuda.max_memory_allocated())


@contextmanager
def _cpu_peak(learner: L.LightningModule) -> Iterator[list[int]]:
    """The same for the memory of the CPU, of tensors alone."""
    peak: list[int] = []
    lasting = [*learner.parameters(), *learner.buffers()]
    for optimizer in learner.trainer.optimizers:
        for state in optimizer.state.values():
            lasting += [value for value in state.values() if isinstance(value, Tensor)]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        yield peak
    peak.append(sum(value.nbytes for value in lasting) + _highest(profiler))


def _highest(profiler: profile) -> int:
    """The highest sum of bytes that were taken and not yet given back."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    changes = [event for event in events if event.get("name") == "[memory]"]
    highest = level = 0
    for event in sorted(changes, key=lambda event: event["ts"]):
        level += event["args"]["Bytes"]
        highest = max(highest, level)
    return highest
