"""The cost of a training step: memory that can be counted by hand."""

import lightning as L
import pytest
import torch
from torch import nn

from capsedu.data import BatchStream, ImageSet
from capsedu.evaluation.cost import step_cost

BATCH, PIXELS, MIB = 16, 64 * 64, 2**20
ONE_BATCH = 4 * BATCH * PIXELS / MIB  # sometimes the last one is still there


class Halving(L.LightningModule):
    """One layer over all pixels, then some work that needs ``extra`` bytes for a moment."""

    def __init__(self, hidden=64, extra=0, every=1):
        super().__init__()
        self.layer = nn.Linear(PIXELS, hidden)
        self.extra = extra
        self.every = every
        self.seen = 0

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-3)

    def training_step(self, batch, batch_idx):
        self.seen += 1
        if self.extra and self.seen % self.every == 0:
            torch.empty(self.extra, dtype=torch.uint8)
        return self.layer(batch.images.flatten(1)).square().mean()


@pytest.fixture
def batches():
    images = ImageSet(
        "made",
        torch.randint(0, 256, (4 * BATCH, 1, 64, 64), dtype=torch.uint8),
        torch.zeros(4 * BATCH, dtype=torch.int64),
        ("one",),
    )
    return BatchStream(images, BATCH)


def test_weights_gradients_adams_state_and_the_batch_are_counted(batches):
    found = step_cost(Halving(), batches)
    weights = 4 * (64 * PIXELS + 64)
    batch = 4 * BATCH * PIXELS
    least = 4 * weights + batch  # the weights, their gradients and Adam's two moments
    assert least / MIB <= found["peak_memory"] <= (least + 6 * batch + weights) / MIB
    assert found["seconds_per_batch"] > 0


def test_a_network_twice_as_large_takes_twice_the_memory(batches):
    small, large = (step_cost(Halving(hidden), batches)["peak_memory"] for hidden in (256, 512))
    assert large / small == pytest.approx(2, abs=0.15)


def test_a_moment_within_a_step_is_seen_and_the_same_each_time(batches):
    plain = step_cost(Halving(), batches)["peak_memory"]
    extra = 50 * MIB
    first, again = (step_cost(Halving(extra=extra), batches)["peak_memory"] for _ in range(2))
    assert first == pytest.approx(again, abs=1.1 * ONE_BATCH)
    assert extra / MIB < first < plain + extra / MIB + 1.1 * ONE_BATCH


def test_what_happens_only_every_few_batches_is_seen(batches):
    rare = step_cost(Halving(extra=50 * MIB, every=5), batches, period=5)["peak_memory"]
    always = step_cost(Halving(extra=50 * MIB), batches)["peak_memory"]
    assert rare == pytest.approx(always, abs=1.1 * ONE_BATCH)


def test_it_leaves_the_random_numbers_as_they_were(batches):
    learner, state = Halving(), torch.get_rng_state()
    step_cost(learner, batches)
    assert torch.equal(torch.get_rng_state(), state)


def test_numbers_of_batches_must_fit(batches):
    with pytest.raises(ValueError, match="period must be at least 1, got 0"):
        step_cost(Halving(), batches, period=0)
