"""Efficient-CapsNet: the paper's count, its relatives, and what they refuse."""

from functools import partial

import pytest
import torch

from capsedu.experiments.efficient_capsnet import EFFICIENT_CAPSNET
from capsedu.functional import capsule_length
from capsedu.layers import DenseCapsules
from capsedu.layers.class_capsules import EmCapsules, SelfAttentionCapsules
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.efficient_capsnet import EfficientCapsNet, EfficientCnn, convolutional_stem

HEADS = [SelfAttentionCapsules, EmCapsules, partial(DenseCapsules, iterations=1)]


def test_parameter_counts():
    assert parameter_count(convolutional_stem((1, 28, 28))) == 141_184
    assert parameter_count(EfficientCapsNet(decoder=False)) == 161_824  # the paper's
    assert parameter_count(EfficientCnn()) == 161_766


def test_the_networks_that_are_compared_are_of_equal_size():
    compared = [e for e in EFFICIENT_CAPSNET if e.name.startswith("routing-")]
    sizes = [parameter_count(e.build(e.profile("small"), (1, 28, 28), 10)) for e in compared]
    assert len(sizes) == 5
    assert max(sizes) - min(sizes) < 200


@pytest.mark.parametrize("capsules", HEADS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 17)])
def test_lengths_are_probabilities_and_gradients_reach_the_pixels(capsules, shape):
    torch.manual_seed(0)
    network = EfficientCapsNet(shape, 5, capsules, decoder=False)
    images = torch.rand(4, *shape, requires_grad=True)
    lengths = capsule_length(network(images))
    assert lengths.shape == (4, 5)
    assert ((lengths >= 0) & (lengths <= 1)).all()
    lengths[:, 0].sum().backward()
    assert images.grad.isfinite().all()
    assert (images.grad != 0).any()


def test_a_primary_capsule_is_made_of_eight_neighbouring_channels():
    network = EfficientCapsNet(decoder=False).eval()
    depthwise = network.stem[-2]
    with torch.no_grad():  # channel c puts out c, whatever it is given
        depthwise.weight.zero_()
        depthwise.bias.copy_(torch.arange(128.0))
    children = network.children_of(torch.rand(1, 1, 28, 28))
    direction = torch.nn.functional.normalize(torch.arange(8.0, 16.0), dim=0)
    torch.testing.assert_close(torch.nn.functional.normalize(children[0, 1], dim=0), direction)


def test_the_decoder_draws_what_a_capsule_says():
    network = EfficientCapsNet((1, 12, 12), 3)
    drawn = network.decoder(network(torch.rand(2, 1, 12, 12)), torch.tensor([0, 2]))
    assert drawn.shape == (2, 1, 12, 12)


def test_what_does_not_fit_is_named():
    for make in (EfficientCapsNet, EfficientCnn):
        with pytest.raises(ValueError, match=r"image_shape .* got \(1, 10, 10\)"):
            make((1, 10, 10))
        with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
            make(classes=0)
        with pytest.raises(ValueError, match=r"images must have shape \[b, 1, 28, 28\]"):
            make()(torch.rand(2, 1, 27, 28))
