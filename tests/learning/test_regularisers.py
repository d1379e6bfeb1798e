import pytest
import torch
from torch import nn

from capsedu.learning.regularisers import (
    GradientPenalty,
    Judged,
    Reconstruction,
    WeightClipping,
)
from capsedu.models.capsgan import CapsuleDiscriminator
from capsedu.models.gan import Judgement

SMALL = {"image_shape": (1, 17, 17), "conv_channels": 4, "primary_types": 2}


def judged(discriminator, count=3):
    images = torch.rand(count, 1, 17, 17) * 2 - 1
    return Judged(images, discriminator(images))


class Slope(nn.Module):
    """A score whose gradient is known: the sum of the pixels times a factor."""

    def __init__(self, slope):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, images):
        return Judgement(self.slope * images.flatten(1).sum(dim=1, keepdim=True))


def test_the_gradient_penalty_of_a_known_slope():
    network = Slope(0.5)
    term = GradientPenalty(10.0).penalty(network, judged(network), judged(network))
    assert term.item() == pytest.approx(10 * (0.5 * 17 - 1) ** 2, rel=1e-5)
    term.backward()
    assert network.slope.grad.item() == pytest.approx(2 * 10 * (0.5 * 17 - 1) * 17, rel=1e-5)


@pytest.mark.parametrize("parents", [1, 2])
def test_the_gradient_penalty_is_differentiated_through_capsules(parents):
    """The gradient of the penalty in one weight is what a small step of that weight changes."""
    discriminator = CapsuleDiscriminator(parents=parents, **SMALL).double()
    images = torch.rand(2, 1, 17, 17, dtype=torch.float64) * 2 - 1
    both = Judged(images, discriminator(images))

    def term():
        return GradientPenalty().penalty(discriminator, both, both)  # between equal images

    weight = discriminator.capsules.class_capsules.weight
    (gradient,) = torch.autograd.grad(term(), weight)
    place = gradient.abs().flatten().argmax()
    weight.data.view(-1)[place] += 1e-6
    above = term()
    weight.data.view(-1)[place] -= 2e-6
    below = term()
    assert gradient.flatten()[place].item() == pytest.approx(
        ((above - below) / 2e-6).item(), rel=1e-4
    )


def test_clipping_leaves_no_weight_outside():
    discriminator = CapsuleDiscriminator(**SMALL)
    WeightClipping(0.01).constrain(discriminator)
    assert max(p.abs().max() for p in discriminator.parameters()) <= 0.01


def test_reconstruction_is_the_summed_squared_error_in_unit_range():
    discriminator = CapsuleDiscriminator(**SMALL)
    real, made = judged(discriminator), judged(discriminator)
    shown = torch.zeros(3, dtype=torch.int64)
    error = sum(
        (discriminator.decoder(j.judgement.poses, shown) - (j.images + 1) / 2).square().sum() / 3
        for j in (real, made)
    )
    found = Reconstruction(0.005).penalty(discriminator, real, made)
    torch.testing.assert_close(found, 0.005 * error)


def test_a_capsule_for_made_images_draws_those():
    discriminator = CapsuleDiscriminator(parents=2, **SMALL)
    images = torch.rand(1, 1, 17, 17)
    poses = torch.zeros(1, 2, 16)
    poses[:, 1] = 1.0
    here = Judged(images, Judgement(torch.zeros(1, 2), poses))
    nowhere = Judged(images, Judgement(torch.zeros(1, 2), torch.zeros(1, 2, 16)))
    term = Reconstruction(1.0).penalty
    assert term(discriminator, here, nowhere) == term(discriminator, nowhere, nowhere)
    assert term(discriminator, nowhere, here) != term(discriminator, nowhere, nowhere)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="limit must be above 0, got 0"):
        WeightClipping(0)
    with pytest.raises(ValueError, match="weight must be above 0, got -1"):
        GradientPenalty(-1)
    network = CapsuleDiscriminator(decoder=False, **SMALL)
    with pytest.raises(ValueError, match="discriminator must have a decoder"):
        Reconstruction().penalty(network, judged(network), judged(network))
