"""Few labels: errors over draws, their interval, and descriptions brought to one scale."""

import pytest
import torch
from scipy.stats import ttest_1samp
from torch.testing import assert_close

from capsedu.data import ImageSet
from capsedu.evaluation.descriptions import (
    capsule_features,
    label_readers,
    principal_components,
    rescaled,
)
from capsedu.evaluation.few_labels import (
    Features,
    cluster_errors,
    compare,
    few_label_errors,
    interval,
)
from capsedu.models.transforming_autoencoder import AFFINE, SHIFT, TransformingAutoencoder

CLASSES = 4
TARGETS = torch.arange(400) % CLASSES


def features(separation, seed=0):
    """Four clouds at the corners of a square, further apart or nearer."""
    noise = torch.randn(400, 2, generator=torch.Generator().manual_seed(seed))
    corners = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    return Features(noise + separation * corners[TARGETS], TARGETS)


def test_perfect_features_need_one_label_of_each_class():
    perfect = Features(10 * torch.eye(CLASSES)[TARGETS], TARGETS)
    assert few_label_errors(perfect, perfect, labels=CLASSES, draws=5) == [0.0] * 5


def test_features_that_know_nothing_leave_guessing():
    mean, low, high = interval(few_label_errors(features(0), features(0, 1), 40, draws=20))
    assert low < 0.75 < high or abs(mean - 0.75) < 0.03


def test_more_labels_err_less():
    few, many = (
        interval(few_label_errors(features(1.0), features(1.0, 1), n, draws=10)).mean
        for n in (8, 200)
    )
    assert many < few


def test_clusters_that_are_classes_need_one_label_each():
    errors = cluster_errors(features(9.0), features(9.0, 1), clusters=12, draws=5)
    assert errors == [0.0] * 5
    assert max(cluster_errors(features(9.0), features(9.0, 1), clusters=1, draws=2)) == 0.75


def test_clusters_that_cut_across_classes_err():
    assert interval(cluster_errors(features(0), features(0, 1), 12, draws=5)).low > 0.6


def test_each_draw_takes_other_images_and_a_seed_repeats_them():
    once, again = (few_label_errors(features(1.0), features(1.0, 1), 8, 6) for _ in range(2))
    assert once == again
    assert len({*once}) > 1
    assert few_label_errors(features(1.0), features(1.0, 1), 8, 3, seed=2) == once[2:5]


def test_the_interval_is_students_and_shrinks_with_draws():
    errors = few_label_errors(features(1.0), features(1.0, 1), 8, draws=40)
    mean, low, high = interval(errors)
    assert mean == pytest.approx(sum(errors) / 40)
    expected = ttest_1samp(errors, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    _, low10, high10 = interval(errors[:10])
    assert high - low < high10 - low10
    # Four times as many draws: half as wide, but for Student's t and the deviation found.
    wide, narrow = (interval([0.1, 0.2] * n) for n in (5, 500))
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(11.5, rel=0.1)


def test_rescaled_features_have_one_length_and_no_mean():
    torch.manual_seed(0)
    train, test = 50 * torch.rand(300, 7) + 3, 50 * torch.rand(20, 7)
    moved, other = rescaled(train, test)
    assert_close(moved.mean(dim=0), torch.zeros(7), rtol=0, atol=1e-4)
    assert_close(moved.square().sum(dim=1).mean(), torch.tensor(100.0))
    # The test images are moved by the mean and the scale of the training images.
    ratio = (moved[0] - moved[1]) / (train[0] - train[1])
    assert_close((other[0] - other[1]) / (test[0] - test[1]), ratio)
    (each,) = rescaled(train * torch.tensor([1.0, 1e3, 1, 1, 1, 1, 1]), each=True)
    assert_close(each.std(dim=0), each.std(dim=0).mean().expand(7))


def test_a_feature_that_never_changes_stays_finite():
    (moved,) = rescaled(torch.cat([torch.rand(20, 2), torch.ones(20, 1)], dim=1), each=True)
    assert moved.isfinite().all() and moved[:, 2].abs().max() < 1e-3


def test_principal_components_keep_the_largest_variance():
    torch.manual_seed(0)
    plane = torch.randn(200, 2) @ torch.randn(2, 9)
    turned, other = principal_components(plane, plane[:5], count=2)
    assert turned.shape == (200, 2)
    assert_close(turned.var(dim=0).sum(), plane.var(dim=0).sum(), rtol=1e-3, atol=1e-3)
    assert_close(other, turned[:5], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("kind", "count"), [(SHIFT, 5 * 3), (AFFINE, 5 * 10)])
def test_capsules_describe_by_presences_and_poses_times_presences(kind, count):
    network, images = TransformingAutoencoder((1, 12, 12), 5, 3, 3, kind), torch.rand(7, 1, 12, 12)
    found = capsule_features(network, images)
    assert found.shape == (7, count)
    with torch.no_grad():
        poses, presences = network.look(images)
    assert_close(found[:, :5], presences)
    assert_close(found[:, 5:].view(7, 5, -1), poses.flatten(2) * presences.unsqueeze(2))


def test_descriptions_are_compared_on_the_same_draws():
    torch.manual_seed(0)
    images = (255 * torch.rand(120, 1, 12, 12)).byte()
    targets = torch.arange(120) % 3
    images[torch.arange(120), 0, targets] = 255  # a bright row tells the class
    whole = ImageSet("rows", images, targets, tuple("abc"))
    trained, untrained = (TransformingAutoencoder((1, 12, 12), 5, 3, 3) for _ in range(2))
    readers = label_readers(trained, untrained) | {
        "again": lambda *parts: rescaled(*(part.flatten(1) for part in parts))
    }
    found = compare(readers, whole, whole.subset(60), labels=(6, 60), draws=3)
    assert {*found} == {"capsules", "untrained", "pixels", "pca", "again"}
    assert found["again"] == found["pixels"]
    assert found["pixels"][60].mean < 0.05
    assert all([*by_number] == [6, 60] for by_number in found.values())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"labels": 3}, ValueError, "for every class to have one, got 3, which leaves class"),
        ({"labels": 401}, ValueError, "labels must be at most 400, got 401"),
        ({"labels": 0}, ValueError, "labels must be at least 1, got 0"),
        ({"draws": 0}, ValueError, "draws must be at least 1, got 0"),
        ({"draws": 1.5}, TypeError, r"draws must be a whole number, got 1\.5"),
        (
            {"test": Features(torch.rand(5, 2), TARGETS[:4])},
            ValueError,
            "test must have a target for each of 5 rows, got 4",
        ),
        (
            {"train": Features(torch.rand(400), TARGETS)},
            ValueError,
            r"train.values must have shape \[n, features\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(arguments, error, message):
    known = {"train": features(1.0), "test": features(1.0, 1), "labels": 40, "draws": 2}
    with pytest.raises(error, match=message):
        few_label_errors(**(known | arguments))


def test_clusters_need_images():
    with pytest.raises(ValueError, match="clusters must be at most 400, got 401"):
        cluster_errors(features(1.0), features(1.0, 1), 401, 2)
    with pytest.raises(ValueError, match="clusters must be at least 1, got 0"):
        cluster_errors(features(1.0), features(1.0, 1), 0, 2)


def test_one_draw_has_no_interval():
    with pytest.raises(ValueError, match="errors must be at least 2, for an interval, got 1"):
        interval([0.1])
