"""The bound and its learner: what is added up, what is clipped, and what stops it."""

import lightning as L
import pytest
import torch

from capsedu.data import Batch, ImageSet
from capsedu.errors import CapseduError
from capsedu.functional import bernoulli_cost, capsule_length, gaussian_kl, margin_loss
from capsedu.learning.variational import Bound, VariationalLearner
from capsedu.models.rcn import Rcn
from capsedu.models.vae import Vae

SHAPE = (1, 18, 18)


def blocks(n=32):
    """Black and white squares, of class 0 above and of class 1 below."""
    images = torch.zeros(n, *SHAPE, dtype=torch.uint8)
    images[::2, :, 2:8, 4:14] = 255
    images[1::2, :, 10:16, 4:14] = 255
    return ImageSet("blocks", images, torch.arange(n) % 2, ("above", "below"))


BATCH = Batch(blocks(6).images.float() / 255, blocks(6).targets)


def a_vae():
    torch.manual_seed(0)
    return Vae(SHAPE, hidden=16, latent=3)


def an_rcn():
    torch.manual_seed(0)
    return Rcn(SHAPE, 2, conv_channels=4, primary_types=2, hidden=8, latent=3, steps=2)


def test_the_bound_is_the_sum_of_its_parts():
    network = an_rcn()
    noise = network.noise(6)
    outcome = Bound(margin_weight=7.0)(network, BATCH, noise=noise)
    drawing = network(BATCH.images, noise)
    reconstruction = bernoulli_cost(drawing.canvas, BATCH.images).mean()
    kl = gaussian_kl(drawing.mean, drawing.log_deviation).sum(dim=1).mean()
    lengths = capsule_length(drawing.capsules)
    margin = margin_loss(lengths, BATCH.targets)
    expected = {"bound": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}
    torch.testing.assert_close(outcome.parts, {**expected, "margin": margin})
    torch.testing.assert_close(outcome.loss, reconstruction + kl + 7 * margin)
    torch.testing.assert_close(outcome.scores, lengths)


def test_a_network_without_capsules_does_not_classify():
    outcome = Bound()(a_vae(), BATCH)
    assert outcome.scores is None and outcome.parts.keys() == {"bound", "reconstruction", "kl"}
    torch.testing.assert_close(outcome.loss, outcome.parts["bound"])


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 0.0), (0.1, 0.5), (0.2, 1.0), (1.0, 1.0)])
def test_warming_up_changes_what_is_minimised_and_not_the_bound(progress, weight):
    network = a_vae()
    noise = network.noise(6)
    outcome = Bound(warm_up=0.2)(network, BATCH, progress, noise)
    parts = outcome.parts
    torch.testing.assert_close(outcome.loss, parts["reconstruction"] + weight * parts["kl"])
    torch.testing.assert_close(parts["bound"], parts["reconstruction"] + parts["kl"])


def test_a_class_without_images_in_a_batch_is_no_trouble():
    only_one = BATCH._replace(targets=torch.zeros(6, dtype=torch.int64))
    assert Bound()(an_rcn(), only_one).loss.isfinite()


def test_training_lowers_the_bound_and_learns_the_classes(fit):
    task = VariationalLearner(an_rcn(), Bound(), steps=60, learning_rate=0.01)
    before = Bound()(task.network, BATCH)
    fit(task, blocks(), 16)
    after = Bound()(task.network, BATCH)
    assert after.parts["bound"] < 0.6 * before.parts["bound"]
    assert (after.scores.argmax(dim=1) == BATCH.targets).all()
    assert task.batches_done == 60


class Watch(L.Callback):
    """The length of the gradient at each step."""

    def __init__(self):
        self.lengths = []

    def on_before_zero_grad(self, trainer, module, optimizer):
        grads = [p.grad for p in module.parameters() if p.grad is not None]
        if grads:
            self.lengths.append(torch.cat([g.flatten() for g in grads]).norm().item())


def test_gradients_are_shortened_to_the_given_length(fit):
    for clip, longest in [(0.5, 0.5), (1e6, float("inf"))]:
        watch = Watch()
        fit(VariationalLearner(a_vae(), Bound(), steps=4, clip=clip), blocks(), 16, [watch])
        assert watch.lengths and max(watch.lengths) <= 1.001 * longest
    assert max(watch.lengths) > 0.5  # there was something to shorten


def test_the_same_seed_learns_the_same(fit):
    found = []
    for seed in (1, 1, 2):
        task = VariationalLearner(a_vae(), Bound(), steps=3, seed=seed)
        fit(task, blocks(), 16)
        found.append(task.network.decoder[0].weight.detach().clone())
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_an_exploding_run_stops_with_the_step_and_the_batch(fit, tmp_path):
    task = VariationalLearner(a_vae(), Bound(), steps=9, folder=tmp_path)

    class Poison(L.Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            if module.batches_done == 3:
                module.network.decoder[0].weight.data.fill_(float("inf"))

    with pytest.raises(CapseduError, match="not a finite number at step 3"):
        fit(task, blocks(), 16, [Poison()])
    assert (tmp_path / "not-a-number-at-step-3.safetensors").exists()


def test_bad_numbers_are_named():
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        VariationalLearner(a_vae(), Bound(), steps=0)
    with pytest.raises(ValueError, match="clip must be above 0, got 0"):
        VariationalLearner(a_vae(), Bound(), steps=1, clip=0)
