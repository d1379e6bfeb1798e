"""The report's tables, layer by layer."""

import pytest
import torch

from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.regeneration import (
    DenseRouting,
    RegenerationDiscriminator,
    RegenerationGenerator,
)


def counts(network):
    """Numbers in each layer that has any, as Keras counts: statistics of batch norm included."""
    found = []
    for layer in network.modules():
        own = [*layer.parameters(recurse=False)]
        own += [b for b in layer.buffers(recurse=False) if b.dim()]  # not the batch counter
        if own:
            found.append(sum(numbers.numel() for numbers in own))
    return found


def test_the_generators_table():
    with torch.device("meta"):
        generator = RegenerationGenerator()
    assert counts(generator) == [827392, 512, 147584, 512, 73792, 256, 18464, 128, 867]
    assert sum(counts(generator)) == 1_069_507
    assert parameter_count(generator) == 1_068_803


def test_the_discriminators_table():
    with torch.device("meta"):
        discriminator = RegenerationDiscriminator()
    dense = [23593120, 25760, 25760, 25760, 161]
    assert counts(discriminator) == [62464, 1024, 5308672, 32, *dense]
    assert sum(counts(discriminator)) == 29_042_753
    assert parameter_count(discriminator) == 29_042_225


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 32, 32), (3, 64, 64)])
def test_images_of_every_size_of_the_book(shape):
    images = RegenerationGenerator(shape)(torch.randn(2, 100))
    assert images.shape == (2, *shape)
    assert images.abs().max() < 1
    if shape[1] < 64:  # 29 million numbers are not needed to see a shape
        assert RegenerationDiscriminator(shape)(images).scores.shape == (2, 1)


def test_the_dense_routing_by_hand():
    layer = DenseRouting(3, units=2, rounds=2)
    x = torch.tensor([[1.0, -2.0, 0.5]])
    predicted = layer.prediction(x)
    state = predicted
    for gate in layer.gates:
        weighed = state.exp() / state.exp().sum() @ gate.weight.T + gate.bias
        state = torch.where(predicted * weighed > 0, 1.0, 0.3) * predicted * weighed
    torch.testing.assert_close(layer(x), state)


@pytest.mark.parametrize("shape", [(3, 60, 60), (1, 32, 28), (32, 32), (1, 128, 128)])
def test_sizes_without_a_ladder_are_refused(shape):
    with pytest.raises(ValueError, match=r"image_shape must be \(channels, size, size\)"):
        RegenerationGenerator(shape)
    with pytest.raises(ValueError, match="at least 17"):
        RegenerationDiscriminator((1, 16, 16))
