"""The networks that CapsNet is compared with have the sizes that the comparison needs."""

import pytest
import torch
from torch import nn

from capsedu.models import CapsNet, CnnBaseline
from capsedu.models.cnn_baseline import matched_cnn, parameter_count


def small(**changes):
    torch.manual_seed(0)
    return CnnBaseline(**{"channels": (4, 4, 2), "hidden": (8, 6), **changes})


def test_the_parameters_are_as_many_as_in_the_paper():
    with torch.device("meta"):
        assert parameter_count(CnnBaseline()) == 35_445_522


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 40, 40)])
@pytest.mark.parametrize("decoder", [True, False])
def test_the_matched_network_has_as_many_parameters_as_capsnet(shape, decoder):
    with torch.device("meta"):
        capsnet = CapsNet(shape, decoder=decoder)
        matched = matched_cnn(capsnet, shape)
    assert parameter_count(matched) == pytest.approx(parameter_count(capsnet), rel=0.002)


def test_frozen_parameters_do_not_count():
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(False)
    assert parameter_count(layer) == 6


def test_a_network_too_small_to_match_is_named():
    with pytest.raises(ValueError, match=r"other must have at least .* parameters .* got 6"):
        matched_cnn(nn.Linear(2, 2))


@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 10), ((3, 9, 12), 4)])
def test_it_gives_one_score_per_class(shape, classes):
    assert small(image_shape=shape, classes=classes)(torch.rand(2, *shape)).shape == (2, classes)


def test_dropout_is_on_in_training_only():
    network, images = small(), torch.rand(2, 1, 28, 28)
    network.train()
    assert len({tuple(network(images).flatten().tolist()) for _ in range(8)}) > 1
    network.eval()
    assert torch.equal(network(images), network(images))


def test_scores_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert small()(torch.rand(2, 1, 28, 28)).dtype == torch.float32


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        small(classes=0)
    with pytest.raises(ValueError, match=r"images must have shape \[b, 1, 28, 28\]"):
        small()(torch.rand(2, 3, 28, 28))
    with pytest.raises(TypeError, match=r"images .* got torch.uint8"):
        small()(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
