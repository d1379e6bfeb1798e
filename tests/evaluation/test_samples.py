"""Samples depend on the seed alone, and a copied training image is found."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from capsedu.data import ImageSet, RotatedDigits
from capsedu.errors import CapseduError
from capsedu.evaluation.samples import nearest_images, prepared, sample_images


class Toy(nn.Module):
    """Batch normalisation, whose training mode mixes the samples of a batch."""

    def __init__(self):
        super().__init__()
        self.noise_dim = 3
        self.layers = nn.Sequential(nn.Linear(3, 20), nn.BatchNorm1d(20), nn.Tanh())

    def forward(self, noise):
        return self.layers(noise).view(-1, 1, 4, 5)


def test_samples_are_images_and_their_seed_chooses_them():
    generator = Toy()
    first = sample_images(generator, 7, seed=1)
    assert first.shape == (7, 1, 4, 5) and first.dtype == torch.float32
    assert 0 <= first.min() < 0.4 and 0.6 < first.max() <= 1
    assert not first.requires_grad
    assert torch.equal(first, sample_images(generator, 7, seed=1))
    assert not torch.equal(first, sample_images(generator, 7, seed=2))


def test_a_sample_depends_neither_on_its_neighbours_nor_on_the_generators_mode():
    generator = Toy().train()
    together = sample_images(generator, 7, seed=1)
    assert_close(together, sample_images(generator, 7, seed=1, batch_size=2))
    assert_close(together, sample_images(generator.eval(), 7, seed=1))


def test_the_generator_and_the_random_numbers_are_left_as_they_were():
    generator, state = Toy().train(), torch.get_rng_state()
    generator.layers[0].eval()
    running = generator.layers[1].running_mean.clone()
    sample_images(generator, 4, seed=0)
    assert generator.training and not generator.layers[0].training
    assert torch.equal(generator.layers[1].running_mean, running)
    assert all(p.requires_grad for p in generator.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_broken_generator_is_reported():
    generator = Toy()
    with torch.no_grad():
        generator.layers[0].bias[0] = torch.nan
    with pytest.raises(CapseduError, match=r"generator makes must be finite .* in 5 of 5 images"):
        sample_images(generator, 5, seed=0)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        sample_images(generator, 0, seed=0)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        sample_images(generator, 1, seed=0, batch_size=0)


def test_a_copy_is_found_at_distance_0():
    images = torch.rand(50, 1, 28, 28)
    order = torch.randperm(50)[:20]
    distances, indices = nearest_images(images[order], images, batch_size=7)
    assert torch.equal(distances, torch.zeros(20))
    assert torch.equal(indices, order)


def test_the_nearest_is_nearest_and_its_distance_that_of_the_pixels():
    samples, images = torch.rand(9, 2, 4, 5), torch.rand(31, 2, 4, 5)
    expected = torch.cdist(samples.flatten(1).double(), images.flatten(1).double()).min(dim=1)
    for batch_size in (1, 10, 31, 100):
        distances, indices = nearest_images(samples, images, batch_size)
        assert torch.equal(indices, expected.indices)
        assert_close(distances.double(), expected.values, rtol=1e-5, atol=1e-6)


def test_distances_are_computed_by_hand():
    sample = torch.tensor([0.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    images = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5], [0.0, 1.0, 0.9, 0.0]])
    distances, indices = nearest_images(sample, images.view(3, 1, 2, 2))
    assert (distances.tolist(), indices.tolist()) == ([1.0], [1])


def test_a_data_sets_own_images_can_be_searched():
    numbers = torch.zeros(40, 1, 28, 28, dtype=torch.uint8)
    numbers[..., 4:24, 4:24] = torch.randint(256, (40, 1, 20, 20))  # black around, like digits
    images = ImageSet("noise", numbers, torch.zeros(40, dtype=torch.int64), ("any",))
    batch = RotatedDigits(32, 0.0)(numbers.float() / 255, images.targets, torch.Generator())
    distances, indices = nearest_images(batch.images, images.images, batch_size=9)
    assert indices.tolist() == list(range(40))
    assert distances.max() < 1e-4


def test_images_come_in_batches_of_one_size():
    batches = list(prepared("images", torch.rand(5, 3, 28, 28), (3, 32, 32), batch_size=2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert all(batch.shape[1:] == (3, 32, 32) for batch in batches)
    images = torch.rand(2, 1, 6, 6)
    (same,) = prepared("images", images, (1, 6, 6))
    assert torch.equal(same, images)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.zeros(2, 1, 4, 4) / 0, CapseduError, "images must be finite .* in 2 of 2 images"),
        (2 * torch.ones(1, 1, 4, 4), ValueError, r"images must lie in \[0, 1\], got 2 to 2"),
        (-torch.ones(1, 1, 4, 4), ValueError, r"images must lie in \[0, 1\], got -1 to -1"),
        (torch.rand(2, 3, 4, 4), ValueError, r"images must have shape \[n, 1, h, w\]"),
        (torch.rand(4, 4), ValueError, r"images must have shape \[n, c, h, w\], got \[4, 4\]"),
        (torch.rand(0, 1, 4, 4), ValueError, "images must hold at least one image, got none"),
        (torch.zeros(1, 1, 4, 4).long(), TypeError, "images must hold floating-point numbers"),
        ([1], TypeError, "images must be a torch tensor, got list"),
    ],
)
def test_bad_images_are_named(images, error, message):
    with pytest.raises(error, match=message):
        nearest_images(torch.rand(2, 1, 4, 4), images)
