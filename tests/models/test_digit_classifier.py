"""The classifier that measures generators is small, and its features are alive."""

import pytest
import torch

from capsedu.checkpoints import pretrained
from capsedu.data import available
from capsedu.evaluation.classification import measure
from capsedu.experiments import EXPERIMENTS
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.digit_classifier import DigitClassifier
from capsedu.records import read_record

NAMES = ["digit-classifier", "digit-classifier-digits"]


def test_the_parameters_are_as_many_as_it_says():
    assert parameter_count(DigitClassifier()) == 104_818


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 32, 32), (3, 32, 32), (2, 8, 13)])
def test_it_gives_features_and_scores_of_images_of_any_size(shape):
    network, images = DigitClassifier(shape, classes=4, features=6), torch.rand(3, *shape)
    assert network(images).shape == (3, 4)
    assert network.features(images).shape == (3, 6)


def test_scores_are_made_of_features():
    network, images = DigitClassifier().eval(), torch.rand(2, 1, 32, 32)
    assert torch.equal(network(images), network.scores(network.features(images)))


def test_features_and_scores_are_float32_under_autocast():
    network, images = DigitClassifier(), torch.rand(2, 1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        assert network.features(images).dtype == network(images).dtype == torch.float32


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"image_shape .* at least 8 pixels .* got \(1, 7, 32\)"):
        DigitClassifier((1, 7, 32))
    with pytest.raises(ValueError, match=r"image_shape .* got \(28, 28\)"):
        DigitClassifier((28, 28))
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        DigitClassifier(classes=0)
    with pytest.raises(TypeError, match=r"features must be a whole number, got 6\.4"):
        DigitClassifier(features=6.4)
    with pytest.raises(ValueError, match=r"images must have shape \[b, 1, 32, 32\]"):
        DigitClassifier().features(torch.rand(2, 1, 28, 28))


def test_it_has_one_size_whatever_the_profile():
    for name in NAMES:
        chosen = EXPERIMENTS[name]
        sizes = {
            parameter_count(chosen.build(size, (1, 32, 32), 10))
            for size in chosen.profiles.values()
        }
        assert sizes == {104_818}


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_one_errs_as_rarely_as_its_record_says(name):
    chosen, record = EXPERIMENTS[name], read_record(name, "small")
    assert record.figures["test_error"] < 0.01
    assert record.figures["rotated_error"] < 0.02
    if not available(chosen.data):
        pytest.skip(f"{chosen.data} is not on this machine")
    network = pretrained(chosen)
    batches = chosen.test_batches(chosen.profile("small"))["test"]
    found = measure(network, chosen.objective, batches)
    assert found["error"] == pytest.approx(record.figures["test_error"], abs=5e-4)


@pytest.mark.parametrize("name", NAMES)
def test_no_feature_of_the_committed_one_is_dead_and_none_outweighs_the_others(name):
    chosen = EXPERIMENTS[name]
    if not available(chosen.data):
        pytest.skip(f"{chosen.data} is not on this machine")
    size = chosen.profile("small")
    images = chosen.images(size, "test").subset(360)
    batch = chosen.test_transforms["test"](
        images.images.float() / 255, images.targets, torch.Generator()
    )
    with torch.no_grad():
        deviations = pretrained(chosen).features(batch.images).std(dim=0)
    assert deviations.min() > 0.5 and deviations.max() < 2
