"""Viewpoints are divided as in the paper, and networks compared where they do equally well."""

from itertools import product

import pytest
import torch

from capsedu.data import ImageSet
from capsedu.data.smallnorb import CLASSES, POSE
from capsedu.errors import CapseduError
from capsedu.evaluation.viewpoints import familiar, matched_epochs, novel


def views(elevations=POSE["elevation"], azimuths=POSE["azimuth"]):
    """One black pixel of each class from everywhere."""
    table = torch.tensor(list(product(range(5), elevations, azimuths)))
    targets, *poses = table.T.contiguous()
    images = torch.zeros(len(table), 1, 1, 1, dtype=torch.uint8)
    pose = dict(zip(("elevation", "azimuth"), poses, strict=True))
    return ImageSet("views", images, targets, CLASSES, pose)


def degrees(images, by):
    numbers = sorted(set(images.pose[by].tolist()))
    return [10 * n if by == "azimuth" else 30 + 5 * n for n in numbers]


def test_azimuths_are_divided_as_in_the_paper():
    assert degrees(familiar(views(), "azimuth"), "azimuth") == [0, 20, 40, 300, 320, 340]
    assert degrees(novel(views(), "azimuth"), "azimuth") == list(range(60, 281, 20))


def test_elevations_are_divided_as_in_the_paper():
    assert degrees(familiar(views(), "elevation"), "elevation") == [30, 35, 40]
    assert degrees(novel(views(), "elevation"), "elevation") == [45, 50, 55, 60, 65, 70]


@pytest.mark.parametrize(("by", "other"), [("azimuth", "elevation"), ("elevation", "azimuth")])
def test_a_third_is_familiar_and_all_else_stays_as_it_is(by, other):
    whole = views()
    known, unknown = familiar(whole, by), novel(whole, by)
    assert 3 * len(known) == len(whole) == len(known) + len(unknown)
    for part in (known, unknown):
        assert torch.bincount(part.targets).tolist() == [len(part) // 5] * 5
        assert degrees(part, other) == degrees(whole, other)


def test_fewer_views_are_divided_alike():
    few = views((0, 4, 8), (0, 12, 24))
    assert degrees(familiar(few, "azimuth"), "azimuth") == [0]
    assert degrees(novel(few, "elevation"), "elevation") == [50, 70]


def test_a_set_without_the_pose_is_named():
    digits = ImageSet("digits", torch.zeros(1, 1, 1, 1).byte(), torch.zeros(1).long(), ("0",))
    with pytest.raises(CapseduError, match="'digits' does not know the azimuth of its images"):
        familiar(digits, "azimuth")
    with pytest.raises(ValueError, match="by must be one of 'azimuth', 'elevation', got 'light'"):
        novel(views(), "light")


def test_the_better_network_is_stopped_where_it_matches_the_other():
    capsules, cnn = [0.4, 0.1, 0.05, 0.02], [0.5, 0.2, 0.12]
    assert matched_epochs(capsules, cnn) == (1, 2)
    assert matched_epochs(cnn, capsules) == (2, 1)


def test_of_epochs_that_match_alike_the_first_is_taken():
    assert matched_epochs([0.3, 0.1, 0.2, 0.1, 0.05], [0.1]) == (1, 0)
    assert matched_epochs([0.5, 0.25, 0.125], [0.125]) == (2, 0)  # equal in the end


def test_a_network_that_was_not_trained_cannot_be_matched():
    with pytest.raises(ValueError, match="other_errors must hold at least one epoch"):
        matched_epochs([0.1], [])
