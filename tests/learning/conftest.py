"""Training without a run's folder: no checkpoints, no history, no output."""

from collections.abc import Callable

import lightning as L
import pytest

from capsedu.data import BatchStream, ImageSet


@pytest.fixture
def fit() -> Callable[..., None]:
    """Train a learner on images until it says that it has done its steps."""

    def fit(learner, images: ImageSet, batch_size: int, callbacks=()) -> None:
        L.Trainer(
            max_epochs=-1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=list(callbacks),
        ).fit(learner, BatchStream(images, batch_size, seed=0, drop_last=True))

    return fit
