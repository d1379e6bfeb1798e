"""Transforming auto-encoders: what a told transform does to poses, and what presences do."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from capsedu.data import Batch, ShiftedPairs
from capsedu.data.pairs import rotation
from capsedu.functional import reconstruction_loss
from capsedu.learning.objectives import TransformedObjective
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.transforming_autoencoder import (
    AFFINE,
    SHIFT,
    TransformingAutoencoder,
    shift_poses,
    transform_poses,
)

KINDS = pytest.mark.parametrize("kind", [SHIFT, AFFINE], ids=["shift", "affine"])


def network(kind=SHIFT, **options):
    sizes = {"capsules": 4, "recognition": 5, "generation": 6} | options
    return TransformingAutoencoder((1, 12, 12), **sizes, pose=kind)


def identity(kind, n):
    return torch.tensor(kind.rest).view(kind.shape).expand(n, *kind.shape)


def some_told(kind, n=3):
    return torch.randn(n, 2) if kind is SHIFT else rotation(torch.linspace(-40, 70, n))


def test_the_papers_networks_have_as_many_parameters_as_is_said():
    assert parameter_count(TransformingAutoencoder()) == 709_474
    affine = TransformingAutoencoder((1, 28, 28), 25, 40, 40, AFFINE)
    assert parameter_count(affine) == 1_590_034


@KINDS
def test_shapes(kind):
    net, images = network(kind), torch.rand(3, 1, 12, 12)
    poses, presences = net.look(images)
    assert poses.shape == (3, 4, *kind.shape) and presences.shape == (3, 4)
    assert ((presences > 0) & (presences < 1)).all()
    drawn = net(images, some_told(kind))
    assert drawn.shape == images.shape and ((drawn > 0) & (drawn < 1)).all()


@KINDS
def test_told_nothing_it_draws_what_it_sees(kind):
    net, images = network(kind), torch.rand(3, 1, 12, 12)
    assert_close(net(images, identity(kind, 3)), net.draw(*net.look(images)))


@KINDS
def test_two_transforms_after_each_other_are_their_product(kind):
    poses, first, second = torch.randn(3, 4, *kind.shape), some_told(kind), some_told(kind).flip(0)
    both = first + second if kind is SHIFT else second @ first
    assert_close(kind.act(kind.act(poses, first), second), kind.act(poses, both))


@KINDS
def test_a_transform_and_its_inverse_leave_the_poses_alone(kind):
    poses, told = torch.randn(3, 4, *kind.shape), some_told(kind)
    back = -told if kind is SHIFT else torch.linalg.inv(told)
    assert_close(kind.act(kind.act(poses, told), back), poses)


def test_a_shift_moves_every_capsule_alike_and_a_matrix_multiplies_from_the_left():
    moved = shift_poses(torch.zeros(1, 3, 2), torch.tensor([[1.0, -2.0]]))
    assert_close(moved, torch.tensor([1.0, -2.0]).expand(1, 3, 2))
    told, pose = torch.randn(1, 3, 3), torch.randn(1, 1, 3, 3)
    assert_close(transform_poses(pose, told)[0, 0], told[0] @ pose[0, 0])


@KINDS
def test_the_gradients_of_the_pose_algebra(kind):
    poses = torch.randn(2, 3, *kind.shape, dtype=torch.float64, requires_grad=True)
    told = torch.randn(2, *kind.shape, dtype=torch.float64, requires_grad=True)
    assert gradcheck(kind.act, (poses, told))


@KINDS
def test_a_capsule_that_is_not_present_draws_nothing(kind):
    net = network(kind)
    poses, presences = net.look(torch.rand(3, 1, 12, 12))
    presences = presences.clone()
    presences[:, 1] = 0
    elsewhere = poses.clone()
    elsewhere[:, 1] += 5
    assert_close(net.draw(elsewhere, presences), net.draw(poses, presences))
    presences[:, 1] = 0.5
    assert not torch.allclose(net.draw(elsewhere, presences), net.draw(poses, presences))


@KINDS
def test_a_capsule_knows_nothing_of_the_other_capsules(kind):
    net, images = network(kind), torch.rand(3, 1, 12, 12)
    before = net.look(images)
    with torch.no_grad():
        net.recognition.weight[5:10] += 1  # of capsule 1
    after = net.look(images)
    others = [0, 2, 3]
    assert_close(after.poses[:, others], before.poses[:, others])
    assert not torch.allclose(after.poses[:, 1], before.poses[:, 1])


@KINDS
def test_the_told_transform_reaches_the_drawing_by_the_poses_alone(kind):
    net, images, told = network(kind), torch.rand(3, 1, 12, 12), some_told(kind)
    seen = net.look(images)
    assert_close(net(images, told), net.draw(kind.act(seen.poses, told), seen.presences))
    assert not torch.allclose(net(images, told), net(images, identity(kind, 3)))


def test_an_affine_capsule_begins_near_the_identity():
    poses, _ = TransformingAutoencoder((1, 28, 28), 25, 40, 40, AFFINE).look(
        torch.rand(9, 1, 28, 28)
    )
    assert (poses - torch.eye(3)).mean(dim=(0, 1)).abs().max() < 0.2


def test_the_objective_compares_the_drawing_with_the_moved_image():
    net, images = network(), torch.rand(6, 1, 12, 12)
    batch = ShiftedPairs(1)(images, torch.arange(6), torch.Generator().manual_seed(0))
    outcome = TransformedObjective()(net, batch)
    wanted = reconstruction_loss(net(batch.images, batch.pose["told"].float()), batch.moved)
    assert_close(outcome.loss, wanted)
    assert outcome.scores is None and [*outcome.parts] == ["reconstruction"]
    with pytest.raises(ValueError, match="batch must hold pairs"):
        TransformedObjective()(net, Batch(images, torch.arange(6)))


def test_learning_to_shift_makes_a_pose_that_shifts():
    """A single dot: after a short training the capsules follow it."""
    torch.manual_seed(0)
    net = network(capsules=6, recognition=20, generation=20)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    dots = torch.zeros(64, 1, 12, 12)
    dots[:, :, 5:7, 5:7] = 1
    random = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(400):
        batch = ShiftedPairs(2)(dots, torch.zeros(64), random)
        outcome = TransformedObjective()(net, batch)
        optimiser.zero_grad()
        outcome.loss.backward()
        optimiser.step()
        losses.append(outcome.loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TransformingAutoencoder((28, 28)), ValueError, r"image_shape .* got \(28, 28\)"),
        (lambda: network(capsules=0), ValueError, "capsules must be at least 1, got 0"),
        (lambda: network(recognition=0), ValueError, "recognition must be at least 1, got 0"),
        (
            lambda: network(generation=2.5),
            TypeError,
            r"generation must be a whole number, got 2\.5",
        ),
        (
            lambda: network()(torch.rand(2, 1, 12, 12), torch.zeros(2, 3, 3)),
            ValueError,
            r"told must have shape \[2, 2\], got \[2, 3, 3\]",
        ),
        (
            lambda: network(AFFINE)(torch.rand(2, 1, 12, 12), torch.zeros(1, 3, 3)),
            ValueError,
            r"told must have shape \[2, 3, 3\], got \[1, 3, 3\]",
        ),
        (
            lambda: network().look(torch.rand(2, 1, 28, 28)),
            ValueError,
            r"images must have shape \[b, 1, 12, 12\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
