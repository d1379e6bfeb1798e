"""Primary capsules cut their poses rightly; capsule layers carry the routing's weights."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from capsedu.functional import capsule_length, squash
from capsedu.layers import DenseCapsules, PrimaryCapsules
from capsedu.routing.voteless import child_votes, route_children

# PrimaryCapsules


def test_a_primary_capsule_is_made_of_eight_channels_at_one_place():
    """Public code often cuts it across places: then one pose holds a single channel."""
    types, dim, grid = 4, 8, 3
    layer = PrimaryCapsules(2, types, dim, kernel_size=3, stride=2)
    with torch.no_grad():
        layer.convolution.weight.zero_()
        layer.convolution.bias.copy_(torch.arange(1.0, 1 + dim * types))  # channel c says c + 1
    poses = layer(torch.rand(1, 2, 7, 7))
    assert poses.shape == (1, types * grid * grid, dim)
    channels = torch.arange(1.0, 1 + dim * types).view(dim, types)  # (component, type)
    for i, pose in enumerate(poses[0]):
        assert_close(pose, squash(channels[:, i // (grid * grid)]))


def test_a_primary_capsule_looks_at_its_place_only():
    layer = PrimaryCapsules(1, 4, 8, kernel_size=3, stride=2)
    images = torch.zeros(2, 1, 7, 7)
    images[1, 0, 6, 6] = 1.0  # the last place of the 3x3 grid sees the last pixel, alone
    dark, lit = layer(images)
    changed = (dark - lit).abs().sum(dim=1).view(4, 3, 3) > 0
    assert changed[:, 2, 2].all() and changed.sum() == 4


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "grid"), [(20, 9, 2, 6), (12, 9, 2, 2), (6, 3, 1, 4)]
)
def test_there_is_one_capsule_of_each_type_at_each_place(size, kernel, stride, grid):
    layer = PrimaryCapsules(3, types=5, dim=4, kernel_size=kernel, stride=stride)
    poses = layer(torch.rand(2, 3, size, size))
    assert poses.shape == (2, 5 * grid * grid, 4)
    assert (capsule_length(poses) < 1).all()


def test_poses_are_squashed_along_their_components():
    layer = PrimaryCapsules(1, 4, 8, kernel_size=3)
    features = torch.rand(2, 1, 7, 7)
    total = layer.convolution(features).view(2, 8, 4 * 3 * 3).transpose(1, 2)
    n = total.norm(dim=2)
    assert_close(capsule_length(layer(features)), n**2 / (1 + n**2))


def test_poses_stay_in_float32_under_autocast():
    layer = PrimaryCapsules(1, 4, 8, kernel_size=3)
    features = torch.rand(2, 1, 7, 7)
    with torch.autocast("cpu", torch.bfloat16):
        poses = layer(features)
    assert poses.dtype == torch.float32
    assert_close(poses, layer(features), rtol=0.05, atol=0.01)


def test_features_that_do_not_fit_are_named():
    layer = PrimaryCapsules(1, 4, 8, kernel_size=3)
    with pytest.raises(ValueError, match=r"features must have shape \[b, channels, h, w\]"):
        layer(torch.rand(1, 7, 7))
    with pytest.raises(TypeError, match="features must hold floating-point numbers"):
        layer(torch.zeros(1, 1, 7, 7, dtype=torch.uint8))


# DenseCapsules


def test_dense_capsules_hold_one_matrix_per_child_and_parent():
    torch.manual_seed(0)
    layer = DenseCapsules(children=50, child_dim=8, parents=10, parent_dim=16)
    assert layer.weight.shape == (10, 8, 50, 16)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_dense_capsules_route_and_show_their_votes():
    layer = DenseCapsules(7, 4, 5, 6, iterations=2)
    children = torch.randn(3, 7, 4)
    assert_close(layer.votes(children), child_votes(children, layer.weight))
    assert_close(layer(children), route_children(children, layer.weight, 2))
    assert layer(children).shape == (3, 5, 6)


def test_dense_capsules_start_far_from_saturation():
    """With larger weights every squash would say 1 before anything has been learnt."""
    torch.manual_seed(0)
    children = squash(torch.randn(4, 1152, 8))
    lengths = capsule_length(DenseCapsules(1152, 8, 10, 16)(children))
    assert ((lengths > 0.001) & (lengths < 0.7)).all()


def test_dense_capsules_learn():
    torch.manual_seed(0)
    layer = DenseCapsules(12, 4, 3, 5, weight_std=0.1)
    children, targets = squash(torch.randn(30, 12, 4)), torch.arange(30) % 3
    children[torch.arange(30), targets] += 1.0  # the class is written in the children
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = cross_entropy(10 * capsule_length(layer(children)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_number_of_iterations_is_checked_when_the_layer_is_built():
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        DenseCapsules(7, 4, 5, 6, iterations=0)


def test_a_wrong_number_of_children_is_named():
    with pytest.raises(ValueError, match=r"children must have shape \[b, 7, 4\].*got \[3, 8, 4\]"):
        DenseCapsules(7, 4, 5, 6)(torch.zeros(3, 8, 4))
