"""What is measured grows with what is wrong with the samples.

Real digits are the samples, and are spoilt: with noise, blur and missing classes. MNIST where
it is on this machine, and scikit-learn's digits elsewhere.
"""

import warnings
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from capsedu.checkpoints import pretrained
from capsedu.data import available, load
from capsedu.errors import CapseduError
from capsedu.evaluation.precision_recall import neighbour_distances, precision_and_recall
from capsedu.evaluation.sample_quality import SampleQuality, modes
from capsedu.evaluation.samples import class_shares
from capsedu.experiments import EXPERIMENTS

HALF = 700


class Digits(NamedTuple):
    quality: SampleQuality  # beside one half of the images
    images: Tensor  # the other half
    targets: Tensor

    def shown(self, *classes: int) -> Tensor:
        return self.images[torch.isin(self.targets, torch.tensor(classes))]


@pytest.fixture(scope="module")
def digits() -> Digits:
    name, data = "digit-classifier-digits", "digits"
    if available("mnist"):
        name, data = "digit-classifier", "mnist"
    both = load(data).subset(2 * HALF)  # the classes are in proportion in each half
    images = both.images.float() / 255
    quality = SampleQuality(images[:HALF], pretrained(EXPERIMENTS[name]))
    return Digits(quality, images[HALF:], both.targets[HALF:])


@pytest.fixture(scope="module")
def of_real(digits) -> dict[str, float]:
    return digits.quality(digits.images)


class Pixels(nn.Module):
    """A classifier whose features are the pixels, and whose scores are the features."""

    def __init__(self, *image_shape: int):
        super().__init__()
        self.image_shape = image_shape
        self.num_features = image_shape[0] * image_shape[1] * image_shape[2]
        self.scale = nn.Parameter(torch.ones(()))
        self.scores = nn.Identity()

    def features(self, images):
        return self.scale * images.flatten(1)


def noisy(images, strength):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + strength * noise).clamp(0, 1)


def blurred(images, width):
    return gaussian_blur(images, 13, width)


def rises(numbers):
    return all(b > a for a, b in pairwise(numbers))


def test_other_real_digits_are_as_good_as_real(of_real):
    assert 0 <= of_real["fid"] < 1.5
    assert abs(of_real["kid"]) < 0.1
    assert of_real["precision"] > 0.8
    assert of_real["recall"] > 0.8
    assert of_real["modes"] == 10
    assert all(type(value) is float for value in of_real.values())


@pytest.mark.parametrize("spoil, strengths", [(noisy, (0.1, 0.2, 0.4)), (blurred, (0.7, 1, 2))])
def test_distances_rise_and_recall_falls_with(spoil, strengths, digits, of_real):
    found = [of_real, *(digits.quality(spoil(digits.images, s)) for s in strengths)]
    assert rises([quality["fid"] for quality in found])
    assert rises([quality["kid"] for quality in found])
    recalls = [quality["recall"] for quality in found]
    assert recalls == sorted(recalls, reverse=True) and recalls[-1] < 0.1
    if spoil is noisy:
        assert rises([-quality["precision"] for quality in found])


def test_distances_rise_and_recall_falls_when_classes_are_missing(digits, of_real):
    found = [
        of_real,
        digits.quality(digits.shown(*range(9))),
        digits.quality(digits.shown(*range(5))),
        digits.quality(digits.shown(1)),
    ]
    assert rises([quality["fid"] for quality in found])
    assert rises([quality["kid"] for quality in found])
    assert rises([-quality["recall"] for quality in found])
    assert [quality["modes"] for quality in found] == [10, 9, 5, 1]
    # What is there is as good as before, and precision does not tell of the rest.
    assert all(quality["precision"] > 0.8 for quality in found)


def test_one_image_again_and_again_is_one_mode_without_recall(digits):
    found = digits.quality(digits.shown(3)[:1].expand(200, -1, -1, -1))
    assert found["modes"] == 1 and found["recall"] < 0.01 and found["fid"] > 50


def test_the_histogram_says_which_classes_there_are(digits):
    def histogram(images):
        return torch.tensor([share for _, share in class_shares(digits.quality.classifier, images)])

    shares = histogram(digits.images)
    true = torch.bincount(digits.targets, minlength=10) / HALF
    assert shares.sum().item() == pytest.approx(1)
    assert (shares - true).abs().max() < 0.01
    ones = histogram(digits.shown(1))
    assert ones.argmax() == 1 and ones[1] > 0.95


def test_the_same_samples_give_the_same_numbers_whatever_came_between(digits, of_real):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    digits.quality(noisy(digits.images, 0.3))
    assert digits.quality(digits.images) == of_real
    assert torch.equal(torch.get_rng_state(), state)
    network = digits.quality.classifier
    assert not network.training and all(p.requires_grad for p in network.parameters())


def test_kid_over_subsets_is_that_over_all_images(digits, of_real, monkeypatch):
    from capsedu.evaluation import sample_quality

    spoilt = digits.quality(noisy(digits.images, 0.2))["kid"]
    monkeypatch.setattr(sample_quality, "KID_SUBSET_SIZE", 300)
    found = digits.quality(noisy(digits.images, 0.2))["kid"]
    assert found != spoilt
    assert found == pytest.approx(spoilt, rel=0.1)
    assert digits.quality(noisy(digits.images, 0.2))["kid"] == found


def test_samples_of_another_size_are_brought_to_the_classifiers(digits):
    large = torch.nn.functional.interpolate(digits.images, (32, 32), mode="bilinear")
    small, same = digits.quality(digits.images), digits.quality(large.clamp(0, 1))
    assert small == pytest.approx(same, abs=1e-3)


def test_images_may_be_8_bit_numbers():
    numbers = torch.randint(256, (30, 1, 4, 4), dtype=torch.uint8)
    samples = torch.rand(30, 1, 4, 4)
    one, other = (SampleQuality(x, Pixels(1, 4, 4)) for x in (numbers, numbers.float() / 255))
    assert one(samples) == other(samples)


def test_fid_of_normal_distributions_is_computed_by_hand():
    images = 0.2 * torch.rand(200, 1, 3, 4)
    quality = SampleQuality(images, Pixels(1, 3, 4))
    assert quality(images)["fid"] == pytest.approx(0, abs=1e-5)
    # The same covariance about another mean: the squared distance of the means.
    assert quality(images + 0.5)["fid"] == pytest.approx(12 * 0.5**2, rel=1e-4)
    # Deviations three times as large: (3 - 1)^2 times the variance, besides the means.
    moved = (3 - 1) * images.mean(dim=0)
    expected = moved.square().sum() + (3 - 1) ** 2 * images.var(dim=0).sum()
    assert quality(3 * images)["fid"] == pytest.approx(expected.item(), rel=1e-4)


def test_precision_and_recall_are_counted_by_hand():
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0]])  # each has another one at 1
    samples = torch.tensor([[1.5], [2.9], [10.0], [10.5]])  # 1.4, 1.4, 0.5, 0.5
    assert neighbour_distances(samples, 1).tolist() == pytest.approx([1.4, 1.4, 0.5, 0.5])
    assert precision_and_recall(real, samples, neighbours=1) == (0.5, 0.75)
    assert precision_and_recall(samples, real, neighbours=1) == (0.75, 0.5)
    # To the second nearest: 2, 1, 1, 2 and 8.5, 7.1, 7.6 and 9.0.
    assert precision_and_recall(real, samples, neighbours=2) == (0.5, 1.0)


def test_an_outlier_among_the_real_images_makes_almost_anything_look_real():
    real = torch.tensor([[0.0], [1.0], [2.0], [100.0]])
    nonsense = torch.tensor([[40.0], [41.0], [42.0]])
    assert precision_and_recall(real, nonsense, neighbours=1) == (1.0, 0.0)
    assert precision_and_recall(real[:3], nonsense, neighbours=1) == (0.0, 0.0)


def test_precision_and_recall_do_not_depend_on_how_the_work_is_divided():
    real, samples = torch.randn(1203, 5), 1.3 * torch.randn(2301, 5)
    distances = torch.cdist(samples, real)
    radii = [torch.cdist(x, x).sort(dim=1).values[:, 3] for x in (real, samples)]
    expected = [
        (distances <= radii[0]).any(dim=1).float().mean().item(),
        (distances <= radii[1].unsqueeze(1)).any(dim=0).float().mean().item(),
    ]
    assert precision_and_recall(real, samples) == pytest.approx(expected, abs=1e-3)


def test_a_mode_is_a_class_that_one_sample_in_a_hundred_shows_clearly():
    probabilities = torch.zeros(300, 4)
    probabilities[:295, 0] = 1.0
    probabilities[295:298, 1] = 0.9  # three of 300, just clear enough
    probabilities[298:, 2] = 1.0  # two are too few
    assert modes(probabilities) == 2
    probabilities[297, 1] = 0.89
    assert modes(probabilities) == 1
    assert modes(torch.full((100, 10), 0.1)) == 0


def test_too_few_samples_for_fid_are_warned_of(digits):
    for n in (5, 64):
        with pytest.warns(UserWarning, match=f"FID needs more samples than the 64 .* got {n}:"):
            few = digits.quality(digits.images[:n])
        assert few["fid"] > digits.quality(digits.images)["fid"]
    with pytest.warns(UserWarning, match="FID needs more images than the 16 .* got 12:"):
        SampleQuality(torch.rand(12, 1, 4, 4), Pixels(1, 4, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        digits.quality(digits.images[:65])


@pytest.mark.filterwarnings("ignore:FID needs more")
def test_bad_input_is_named():
    quality = SampleQuality(torch.rand(30, 1, 4, 4), Pixels(1, 4, 4))
    samples = torch.rand(30, 1, 4, 4)
    with pytest.raises(ValueError, match=r"samples must have shape \[n, 1, h, w\]"):
        quality(samples.expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match=r"samples must lie in \[0, 1\], got .*\(x \+ 1\) / 2"):
        quality(2 * samples - 1)
    samples[3, 0, 1, 1] = torch.inf
    with pytest.raises(CapseduError, match=r"samples must be finite .* in 1 of 30 images"):
        quality(samples)
    with pytest.raises(CapseduError, match="images must be finite"):
        SampleQuality(samples, Pixels(1, 4, 4))
    with pytest.raises(ValueError, match=r"images and samples must be more than 3 .* got 3"):
        quality(samples[:3])
    with pytest.raises(ValueError, match="neighbours must be at least 1, got 0"):
        precision_and_recall(torch.rand(5, 2), torch.rand(5, 2), neighbours=0)
