"""CapsNet is the paper's network, for other sizes too, and says what it cannot be."""

import pytest
import torch
from torch.testing import assert_close

from capsedu.functional import capsule_length, margin_loss
from capsedu.models import CapsNet
from capsedu.models.cnn_baseline import parameter_count


def small(**changes):
    torch.manual_seed(0)
    return CapsNet(**{"conv_channels": 8, "primary_types": 2, **changes})


@pytest.mark.parametrize(("decoder", "count"), [(True, 8_215_568), (False, 6_804_224)])
def test_the_parameters_are_as_many_as_in_the_paper(decoder, count):
    assert parameter_count(CapsNet(decoder=decoder)) == count


def test_the_papers_network_routes_1152_capsules_of_8_to_10_of_16():
    network = CapsNet(decoder=False)
    assert network.class_capsules.weight.shape == (10, 8, 1152, 16)
    assert network.class_capsules.iterations == 3
    assert network.children_of(torch.rand(1, 1, 28, 28)).shape == (1, 1152, 8)


@pytest.mark.parametrize(
    ("shape", "classes"),
    [((1, 17, 17), 2), ((1, 18, 18), 10), ((3, 32, 32), 10), ((1, 36, 36), 10), ((1, 40, 40), 1)],
)
def test_other_sizes_channels_and_classes_fit(shape, classes):
    network = small(image_shape=shape, classes=classes)
    poses = network(torch.rand(2, *shape))
    assert poses.shape == (2, classes, 16)
    assert (capsule_length(poses) < 1).all()
    assert network.decoder(poses, torch.zeros(2).long()).shape == (2, *shape)


def test_every_parameter_learns():
    network = small()
    poses = network(torch.rand(4, 1, 28, 28))
    drawn = network.decoder(poses, torch.arange(4))
    (margin_loss(capsule_length(poses), torch.arange(4)) + drawn.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_images_of_a_batch_do_not_influence_each_other():
    network, images = small().double(), torch.rand(3, 1, 28, 28, dtype=torch.float64)
    assert_close(network(images), torch.cat([network(image) for image in images.split(1)]))


def test_autocast_changes_little_and_poses_stay_in_float32():
    network, images = small().eval(), torch.rand(2, 1, 28, 28)
    with torch.autocast("cpu", torch.bfloat16):
        poses = network(images)
    assert poses.dtype == torch.float32
    assert_close(poses, network(images), rtol=0.05, atol=0.01)


def test_the_state_goes_out_and_in_again():
    network, other = small(), CapsNet(conv_channels=8, primary_types=2)
    images = torch.rand(2, 1, 28, 28)
    assert not torch.equal(network(images), other(images))
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(images), other(images))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"image_shape": (1, 16, 16)}, ValueError, r"image_shape .* at least 17 .* \(1, 16, 16\)"),
        ({"image_shape": (1, 28, 32)}, ValueError, r"image_shape .* got \(1, 28, 32\)"),
        ({"image_shape": (28, 28)}, ValueError, r"image_shape .* got \(28, 28\)"),
        ({"classes": 0}, ValueError, "classes must be at least 1, got 0"),
        ({"classes": 10.0}, TypeError, "classes must be a whole number, got 10.0"),
        ({"iterations": 0}, ValueError, "iterations must be at least 1, got 0"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        small(**arguments)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.zeros(2, 28, 28), ValueError, r"images .* \[b, c, h, w\], got \[2, 28, 28\]"),
        (torch.zeros(2, 3, 28, 28), ValueError, r"images .* \[b, 1, 28, 28\].* got \[2, 3, 28"),
        (torch.zeros(2, 1, 32, 32), ValueError, r"images .* \[b, 1, 28, 28\].* got \[2, 1, 32"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), TypeError, "images .* got torch.uint8"),
    ],
)
def test_images_that_do_not_fit_are_named(images, error, message):
    with pytest.raises(error, match=message):
        small()(images)
