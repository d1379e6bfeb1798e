"""What a kind of network needs to be trained, measured and shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning import LightningModule
from torch import nn

from capsedu.data import BatchStream
from capsedu.history import History

Meter = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class Kind:
    """How classifiers are trained, measured and shown; or generators.

    Attributes:
        learner: makes the Lightning module, from the network, the objective and the number of
            steps. It keeps the network in its attribute ``network``.
        meter: makes, from the experiment and the batches of each evaluation, what measures a
            network: ``{"test_error": 0.1, ...}``.
        history: writes the rows of a run's history.
        picture: draws a finished run into a PNG file.
        shipped: the part of the network whose weights are small enough to ship with the book.
        cost: what a batch of a finished run's training took, as further figures of its record.
    """

    learner: Callable[..., LightningModule]
    meter: Callable[[Any, Mapping[str, BatchStream]], Meter]
    history: Callable[..., History]
    picture: Callable[[Any, Path], None]
    shipped: Callable[[nn.Module], nn.Module] = nn.Identity()  # noqa: RUF009 (holds no state)
    cost: Callable[[Any], dict[str, float]] = lambda run: {}
