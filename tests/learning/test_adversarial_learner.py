"""The learner: who moves when, what is made once, and what stops it."""

import lightning as L
import pytest
import torch
from torch import nn

from capsedu.data import ImageSet
from capsedu.errors import CapseduError
from capsedu.learning.adversarial import AdversarialLearner
from capsedu.learning.gan_objectives import NonSaturating, Wasserstein
from capsedu.learning.regularisers import WeightClipping
from capsedu.models.gan import Gan, Judgement

IMAGES = ImageSet(
    "grey", torch.full((32, 1, 4, 4), 200, dtype=torch.uint8), torch.zeros(32).long(), ("one",)
)


class Painter(nn.Module):
    noise_dim = 3
    image_shape = (1, 4, 4)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 16)
        self.calls = 0

    def forward(self, noise):
        self.calls += 1
        return self.layer(noise).tanh().view(-1, 1, 4, 4)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(16, 1)
        self.shown = []

    def forward(self, images):
        self.shown.append(images.detach().clone())
        return Judgement(self.layer(images.flatten(1)))


def learner(steps, objective=None, **options):
    torch.manual_seed(0)
    gan = Gan(Painter(), Critic())
    return AdversarialLearner(gan, objective or NonSaturating(), steps, **options)


class Watch(L.Callback):
    """Which network changed in which batch."""

    def __init__(self):
        self.moved = []

    def on_train_batch_start(self, trainer, module, *_):
        self.before = [self.weights(n) for n in self.networks(module)]

    def on_train_batch_end(self, trainer, module, *_):
        now = [self.weights(n) for n in self.networks(module)]
        self.moved.append([not torch.equal(a, b) for a, b in zip(self.before, now, strict=True)])

    def networks(self, module):
        return module.network.discriminator, module.network.generator

    def weights(self, network):
        return network.layer.weight.detach().clone()


@pytest.mark.parametrize(
    ("options", "generator_moves"),
    [
        ({}, [1, 1, 1, 1, 1, 1]),
        ({"pretraining_steps": 2}, [0, 0, 1, 1, 1, 1]),
        ({"n_discriminator_steps": 3}, [0, 0, 1, 0, 0, 1]),
        ({"n_discriminator_steps": 2, "pretraining_steps": 1}, [0, 0, 1, 0, 1, 0]),
    ],
)
def test_who_moves_when(fit, options, generator_moves):
    watch = Watch()
    fit(learner(6, **options), IMAGES, 4, callbacks=[watch])
    assert [bool(moved) for _, moved in watch.moved] == [bool(m) for m in generator_moves]
    assert all(moved for moved, _ in watch.moved)


def test_images_are_made_once_per_batch_and_real_ones_lie_where_tanh_does(fit):
    task = learner(5)
    fit(task, IMAGES, 4)
    assert task.network.generator.calls == 5
    shown = task.network.discriminator.shown
    assert len(shown) == 15  # real, made, and made again for the generator
    for real, made, again in zip(*[iter(shown)] * 3, strict=True):
        torch.testing.assert_close(real, torch.full_like(real, 2 * 200 / 255 - 1))
        assert torch.equal(made, again)


def test_the_discriminators_loss_leaves_no_gradient_in_the_generator(fit):
    task = learner(1, pretraining_steps=1)
    fit(task, IMAGES, 4)
    assert all(p.grad is None for p in task.network.generator.parameters())


def test_each_step_lowers_the_loss_of_the_network_that_moves(fit):
    task = learner(40, learning_rate=0.02)
    fit(task, IMAGES, 4)
    moved = task.network.generator(torch.randn(64, 3)).mean()
    assert moved > 0.2  # towards the real 0.57, from about 0


def test_clipping_follows_every_discriminator_step(fit):
    task = learner(3, Wasserstein(), regularisers=[WeightClipping(0.05)], learning_rate=0.5)
    fit(task, IMAGES, 4)
    assert task.network.discriminator.layer.weight.abs().max() <= 0.05


def test_numbers_of_steps_are_checked_before_anything_is_trained():
    with pytest.raises(ValueError, match="n_discriminator_steps must be at least 1, got 0"):
        learner(3, n_discriminator_steps=0)
    with pytest.raises(ValueError, match="pretraining_steps must be at least 0, got -1"):
        learner(3, pretraining_steps=-1)


def test_a_batch_of_one_is_refused_with_the_reason(fit):
    with pytest.raises(ValueError, match="batch_size must be at least 2: batch normalisation"):
        fit(learner(3), IMAGES, 1)


def test_an_exploding_run_stops_with_the_step_and_the_batch(fit, tmp_path):
    task = learner(50, Wasserstein(), folder=tmp_path)

    class Poison(L.Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            if index == 3:
                module.network.discriminator.layer.weight.data.fill_(float("inf"))

    with pytest.raises(CapseduError, match="not a finite number at step 3"):
        fit(task, IMAGES, 4, callbacks=[Poison()])
    assert (tmp_path / "not-a-number-at-step-3.safetensors").exists()
