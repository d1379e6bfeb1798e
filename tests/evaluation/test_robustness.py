"""Networks of all kinds are attacked alike, and are left as they were."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from capsedu.data import Batch
from capsedu.evaluation.adversarial import bim, fgsm
from capsedu.evaluation.robustness import (
    activation_scores,
    aim,
    attacked,
    error_rate,
    errors_under_attack,
    gradient_size,
    mean_score,
    softmax_scores,
    successes_under_attack,
)
from capsedu.functional import capsule_length, margin_loss, spread_loss
from capsedu.models.capsnet import CapsNet
from capsedu.models.cnn_baseline import PoolingCnnBaseline
from capsedu.models.matrix_capsnet import MatrixCapsNet

CLASSES = 3


def matrix_capsules():
    return MatrixCapsNet((1, 17, 17), CLASSES, 4, 2, (2, 2))


def cnn():
    return PoolingCnnBaseline((1, 17, 17), CLASSES, (4, 4), 8)


def capsnet():
    return CapsNet((1, 20, 20), CLASSES, 4, 1, decoder=False)


NETWORKS = {
    # build, read, loss
    "matrix capsules": (matrix_capsules, activation_scores, partial(spread_loss, margin=1.0)),
    "cnn": (cnn, softmax_scores, F.cross_entropy),
    "capsnet": (capsnet, capsule_length, partial(margin_loss, positive=1.0, negative=0.0)),
}


def case(name):
    torch.manual_seed(0)
    build, read, loss = NETWORKS[name]
    network = build()
    batches = [
        Batch(0.2 + 0.6 * torch.rand(b, *network.image_shape), torch.arange(b) % CLASSES)
        for b in (4, 3)
    ]
    return network, read, loss, batches


def linear():
    """Two pixels, two classes: logits (3 x0 - x1, 0)."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[3.0, -1.0], [0.0, 0.0]]))
    return network


def pixels(*rows):
    return torch.tensor(rows).view(len(rows), 1, 1, 2)


def mean_rise(network, read, rise, batches):
    """How much ``rise`` gains from an attack of 0.02 on these batches."""
    network.eval()
    gains = []
    for before, after in zip(
        batches, attacked(network, read, rise, batches, partial(fgsm, epsilon=0.02)), strict=True
    ):
        values = [rise(read(network(b.images)), b.targets) for b in (before, after)]
        gains.append(values[1] - values[0])
    return torch.stack(gains).mean()


def test_the_loss_of_a_linear_classifier_rises_as_computed_by_hand():
    batch = Batch(pixels([0.5, 0.5]), torch.tensor([0]))
    (after,) = attacked(
        linear(), softmax_scores, F.cross_entropy, [batch], partial(fgsm, epsilon=0.1)
    )
    # The right class leads by 3 * 0.5 - 0.5 = 1; the attack takes (3 + 1) * 0.1 away.
    assert_close(after.images, pixels([0.4, 0.6]))
    loss = F.cross_entropy(linear()(after.images), batch.targets)
    assert_close(loss, (1 + (-torch.tensor(0.6)).exp()).log())


def test_errors_and_successes_of_a_linear_classifier_are_counted_by_hand():
    # Leads of the right class, 0 in all four: 1.0, 0.3, 0.1, and -0.5 (wrong already).
    rows = pixels([0.5, 0.5], [0.25, 0.45], [0.2, 0.5], [0.1, 0.8])
    batches = [Batch(half, torch.zeros(2, dtype=torch.int64)) for half in rows.split(2)]
    expected = {0: 0.25, 0.05: 0.5, 0.1: 0.75, 0.3: 1.0}
    for method in (fgsm, bim):
        errors = errors_under_attack(
            linear(), softmax_scores, F.cross_entropy, batches, expected, method
        )
        assert errors == pytest.approx(expected)
        # With two classes the only wrong one is what errors go to.
        successes = successes_under_attack(linear(), softmax_scores, batches, 2, expected, method)
        assert successes == pytest.approx(expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_loss_rises(name):
    network, read, loss, batches = case(name)
    assert mean_rise(network, read, loss, batches) > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_the_class_aimed_at_becomes_likelier(name):
    network, read, _, batches = case(name)
    assert mean_rise(network, read, mean_score, list(aim(batches, CLASSES))) > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_without_epsilon_the_error_is_the_plain_one(name):
    network, read, loss, batches = case(name)
    network.eval()
    wrong = sum(
        int((read(network(images)).argmax(1) != targets).sum()) for images, targets, *_ in batches
    )
    assert error_rate(network, read, batches) == wrong / 7
    assert errors_under_attack(network, read, loss, batches, [0.0]) == {0.0: wrong / 7}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_left_as_it_was(name):
    network, read, loss, batches = case(name)
    network.train()
    part = next(network.children())
    part.eval()  # some parts may be in another mode, or not learn
    fixed = next(network.parameters()).requires_grad_(False)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    successes_under_attack(network, read, batches, CLASSES, [0.1])
    errors_under_attack(network, read, loss, batches, [0.1], partial(bim, steps=2))
    gradient_size(network, read, loss, batches)
    assert network.training and not part.training
    for p in network.parameters():
        assert p.grad is None and p.requires_grad == (p is not fixed)
    assert_close(network.state_dict(), state, rtol=0, atol=0)


def test_the_mode_comes_back_after_an_error():
    network, batches = linear().train(), [Batch(pixels([0.0, 0.5]), torch.tensor([0]))]
    with pytest.raises(ValueError, match="epsilon"):
        errors_under_attack(network, softmax_scores, F.cross_entropy, batches, [2.0])
    assert network.training and network[1].weight.requires_grad


def test_images_made_with_one_network_can_be_shown_to_another():
    one, other = linear(), linear()
    with torch.no_grad():
        other[1].weight.neg_()
    batches = [Batch(pixels([0.5, 0.5], [0.5, 0.5]), torch.tensor([0, 1]))]
    shown = attacked(one, softmax_scores, F.cross_entropy, batches, partial(fgsm, epsilon=0.3))
    # What turns one network's 1.0 into -0.2 and -1.0 into 0.2 does the same to the other's.
    assert error_rate(one, softmax_scores, batches) == 0.5
    after = list(shown)
    assert error_rate(one, softmax_scores, after) == 1.0
    assert error_rate(other, softmax_scores, after) == 0.0


def test_wrong_classes_are_wrong_evenly_spread_and_chosen_by_the_seed():
    targets = torch.arange(5).repeat(2000)
    batches = [Batch(torch.zeros(len(targets), 1, 1, 1), targets)]
    (aimed,) = aim(batches, 5, seed=1)
    for right in range(5):
        counts = torch.bincount(aimed.targets[targets == right], minlength=5).tolist()
        assert counts.pop(right) == 0
        assert all(420 < count < 580 for count in counts)  # 500 with a deviation of 19
    assert torch.equal(next(aim(batches, 5, seed=1)).targets, aimed.targets)
    assert not torch.equal(next(aim(batches, 5, seed=2)).targets, aimed.targets)


def test_a_kept_margin_stops_an_attack_and_the_widest_one_does_not():
    """The trap that the module's first lines tell of."""
    found = torch.tensor([[0.95, 0.02]], requires_grad=True)
    for margin, moves in ((0.9, False), (1.0, True)):
        loss = spread_loss(found, torch.tensor([0]), margin)
        (slope,) = torch.autograd.grad(loss, found)
        assert slope.any() == moves


def test_the_size_of_gradients_is_that_of_each_image():
    network = linear()
    batches = [Batch(pixels(*[[0.5, 0.5]] * b), torch.zeros(b, dtype=torch.int64)) for b in (1, 3)]

    def lead(scores, _):
        return (scores[:, 0] - scores[:, 1]).mean()

    assert gradient_size(network, softmax_scores, lead, batches) == pytest.approx((0.0, 2.0))
    with torch.no_grad():
        network[1].weight[0, 1] = 0
    assert gradient_size(network, softmax_scores, lead, batches) == pytest.approx((0.5, 1.5))


def test_bad_input_is_named():
    two = [Batch(pixels([0.5, 0.5]), torch.ones(1, 2))]
    with pytest.raises(ValueError, match=r"targets must be class indices \[b\], got \[1, 2\]"):
        list(aim(two, 2))
    with pytest.raises(ValueError, match="classes must be at least 2, got 1"):
        list(aim(two, 1))
    with pytest.raises(ValueError, match="batches must hold at least one image"):
        error_rate(linear(), softmax_scores, [])
    with pytest.raises(ValueError, match="batches must hold at least one image"):
        gradient_size(linear(), softmax_scores, F.cross_entropy, [])
