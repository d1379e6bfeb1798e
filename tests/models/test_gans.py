"""DCGAN, CapsGAN and CapsuleGAN: sizes, counts, and what routing to one parent is worth."""

import pytest
import torch

from capsedu.models.capsgan import (
    CapsGanGenerator,
    CapsuleDiscriminator,
    first_parent,
    matched_discriminator,
)
from capsedu.models.capsgan_3d import MatrixCapsuleDiscriminator
from capsedu.models.capsulegan import CapsuleGanGenerator
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import realness
from capsedu.models.regeneration import RegenerationDiscriminator
from capsedu.models.spectral import spectrally_normalised

SMALL = {"conv_channels": 8, "primary_types": 2}


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (lambda: DcganGenerator((1, 64, 64)), 12_654_337),
        (lambda: DcganGenerator((1, 32, 32)), 3_444_481),
        (lambda: DcganDiscriminator((1, 64, 64)), 11_032_193),
        (lambda: DcganDiscriminator((1, 32, 32)), 2_633_345),
        (lambda: CapsGanGenerator(), 1_214_145),
        (lambda: CapsuleDiscriminator(), 7_175_424),
        (lambda: CapsuleDiscriminator().decoder, 1_583_616),
        (lambda: CapsuleGanGenerator(), 125_989),
        (lambda: MatrixCapsuleDiscriminator(), 314_852),
    ],
)
def test_parameter_counts(network, count):
    with torch.device("meta"):
        assert parameter_count(network()) == count


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_dcgan_paints_and_judges_images_of_its_size(size, channels):
    shape = (channels, size, size)
    generator, discriminator = DcganGenerator(shape, width=4), DcganDiscriminator(shape, width=4)
    images = generator(torch.randn(3, 100))
    assert images.shape == (3, *shape)
    assert images.abs().max() < 1
    assert discriminator(images).scores.shape == (3, 1)


@pytest.mark.parametrize("shape", [(1, 30, 30), (1, 4, 4), (1, 32, 28), (1, 31, 31), (32, 32)])
@pytest.mark.parametrize("network", [DcganGenerator, DcganDiscriminator])
def test_sizes_that_cannot_be_halved_to_a_small_grid_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"image_shape must be \(channels, size, size\)"):
        network(shape)


def test_capsgans_generator_normalises_after_the_nonlinearity():
    """The paper's order, and not DCGAN's: what a layer passes on has mean 0 and is not cut at 0."""
    names = [type(layer).__name__ for layer in CapsGanGenerator(width=4)]
    assert names.count("ConvTranspose2d") == 5
    for place, name in enumerate(names):
        if name == "BatchNorm2d":
            assert names[place - 1] == "ReLU"
    assert CapsGanGenerator(width=4)(torch.randn(2, 128)).shape == (2, 1, 32, 32)


def test_capsulegan_climbs_the_slides_ladder():
    generator = CapsuleGanGenerator().eval()
    sizes, x = [], torch.randn(2, 28)
    for layer in generator:
        x = layer(x)
        if isinstance(layer, torch.nn.ConvTranspose2d):
            assert layer.kernel_size == (3, 3)
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(128, 3, 3), (64, 5, 5), (32, 7, 7), (3, 14, 14), (1, 28, 28)]


def test_the_baseline_has_as_many_parameters_as_what_it_is_compared_with():
    capsules = CapsuleDiscriminator(**SMALL)
    matched = matched_discriminator(capsules, (1, 32, 32))
    assert parameter_count(matched) == pytest.approx(parameter_count(capsules), rel=0.01)


@pytest.mark.parametrize("iterations", [1, 3, 100])
def test_with_one_parent_routing_does_nothing(iterations):
    torch.manual_seed(0)
    once = CapsuleDiscriminator(iterations=1, **SMALL)
    many = CapsuleDiscriminator(iterations=iterations, **SMALL)
    many.load_state_dict(once.state_dict())
    images = torch.rand(4, 1, 32, 32) * 2 - 1
    torch.testing.assert_close(many(images).poses, once(images).poses)


def test_with_two_parents_it_does_something():
    torch.manual_seed(0)
    once = CapsuleDiscriminator(parents=2, iterations=1, **SMALL)
    torch.nn.init.normal_(once.capsules.class_capsules.weight)
    thrice = CapsuleDiscriminator(parents=2, iterations=3, **SMALL)
    thrice.load_state_dict(once.state_dict())
    images = torch.rand(4, 1, 32, 32) * 2 - 1
    assert (thrice(images).poses - once(images).poses).abs().max() > 0.01


def test_scores_are_the_logits_of_the_lengths():
    discriminator = CapsuleDiscriminator(parents=2, **SMALL)
    judgement = discriminator(torch.rand(3, 1, 32, 32))
    lengths = judgement.poses.norm(dim=2)
    torch.testing.assert_close(judgement.scores.sigmoid(), lengths)
    discriminator.read = first_parent
    assert discriminator(torch.rand(3, 1, 32, 32)).scores.shape == (3, 1)


@pytest.mark.parametrize(
    "discriminator",
    [
        lambda: DcganDiscriminator((1, 28, 28), width=4),
        lambda: CapsuleDiscriminator((1, 28, 28), parents=2, **SMALL),
        lambda: RegenerationDiscriminator((1, 28, 28), **SMALL),
        lambda: MatrixCapsuleDiscriminator((1, 28, 28), 4, 2, (2, 2)),
    ],
)
def test_a_head_is_told_how_many_features_there_are(discriminator):
    judge = discriminator()
    judgement = judge(torch.rand(3, 1, 28, 28) * 2 - 1)
    assert judgement.features.shape == (3, judge.feature_count)
    assert len(judgement.scores) == 3


def test_realness_is_the_score_or_the_lead_of_real_over_fake():
    one, two = torch.tensor([[2.0], [-1.0]]), torch.tensor([[2.0, 0.5], [-1.0, 3.0]])
    assert realness(one).tolist() == [2.0, -1.0]
    assert realness(two).tolist() == [1.5, -4.0]
    with pytest.raises(ValueError, match=r"scores must have shape \[b, 1\] or \[b, 2\]"):
        realness(torch.zeros(4))


@pytest.mark.parametrize("generator", [CapsGanGenerator, CapsuleGanGenerator, DcganGenerator])
def test_noise_of_another_length_is_refused(generator):
    with pytest.raises(ValueError, match=r"noise must have shape \[b, \d+\] for this generator"):
        generator()(torch.randn(2, 7))


def test_spectral_normalisation_bounds_every_layer_that_judges():
    torch.manual_seed(0)
    discriminator = spectrally_normalised(CapsuleDiscriminator(**SMALL))
    for _ in range(30):  # one power iteration each
        discriminator(torch.rand(2, 1, 32, 32))
    convolution = discriminator.capsules.convolution.weight.flatten(1)
    capsules = discriminator.capsules.class_capsules.weight  # [1, e, i, d]
    for matrix in (convolution, capsules[0].flatten(0, 1)):
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, abs=0.02)
    plain = CapsuleDiscriminator(**SMALL).decoder.state_dict()
    assert discriminator.decoder.state_dict().keys() == plain.keys()
