"""Pairs of images: the second is the first after the move that is told."""

import pytest
import torch
from torch.testing import assert_close

from capsedu.data import (
    AffinePairs,
    BatchStream,
    FarPairs,
    ImageSet,
    ShiftedPairs,
    TurnedPairs,
    affine_images,
    shift_images,
)
from capsedu.data.pairs import in_half_widths, in_pixels, rotation
from capsedu.learning.steps import share_of

TARGETS = torch.arange(40) % 10


def random():
    return torch.Generator().manual_seed(0)


def blobs(n=40):
    """Smooth ink in the middle of 28x28, with room for every move."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    middle = 13.5 + 3 * torch.rand(n, 2, 1, 1, generator=random()) - 1.5
    distance = (y - middle[:, 0]).square() / 12 + (x - middle[:, 1]).square() / 6
    return (-distance).exp().unsqueeze(1) * (distance.unsqueeze(1) < 4)


@pytest.mark.parametrize("transform", [ShiftedPairs(2), FarPairs(2, 4)])
def test_the_second_image_is_the_first_one_shifted_as_told(transform):
    batch = transform(blobs(), TARGETS, random())
    assert_close(shift_images(batch.images, batch.pose["told"]), batch.moved)
    assert (batch.pose["told"] != 0).any()


@pytest.mark.parametrize("transform", [AffinePairs(), TurnedPairs()])
def test_the_second_image_is_the_first_one_under_the_told_matrix(transform):
    batch = transform(blobs(), TARGETS, random())
    again = affine_images(batch.images, in_pixels(batch.pose["told"], 28))
    assert (again - batch.moved).abs().mean() < 0.004  # interpolated twice
    assert (batch.images - batch.moved).abs().mean() > 0.01


def test_both_shifts_stay_in_their_range_and_reach_its_ends():
    pose = ShiftedPairs(2).sample(torch.zeros(2_000, 1, 28, 28), TARGETS, random())
    assert {*pose["shift"].flatten().tolist()} == {-2, -1, 0, 1, 2}
    assert {*(pose["shift"] + pose["told"]).flatten().tolist()} == {-2, -1, 0, 1, 2}


def test_far_pairs_share_neither_told_shifts_nor_second_places_with_the_others():
    pose = FarPairs(2, 4).sample(torch.zeros(2_000, 1, 28, 28), TARGETS, random())
    assert {*pose["told"].abs().flatten().tolist()} == {5, 6}
    assert {*(pose["shift"] + pose["told"]).abs().flatten().tolist()} == {3, 4}


def test_turned_pairs_turn_further_than_any_of_the_others():
    pose = TurnedPairs().sample(blobs(), TARGETS, random())
    cosine, sine = pose["told"][:, 0, 0], pose["told"][:, 0, 1]
    angle = torch.atan2(sine, cosine).rad2deg()
    assert angle.abs().min() > 45 and angle.abs().max() < 60
    assert (angle > 0).any() and (angle < 0).any()


def test_what_is_not_moved_is_told_the_identity():
    shifted = ShiftedPairs(0)(blobs(), TARGETS, random())
    assert (shifted.pose["told"] == 0).all()
    assert_close(shifted.moved, shifted.images)


def test_matrices_in_half_widths_are_matrices_in_pixels_and_back():
    pixels = torch.randn(5, 2, 3, generator=random())
    square = in_half_widths(pixels, 28)
    assert_close(in_pixels(square, 28), pixels)
    assert_close(square[:, 2], torch.tensor([0.0, 0.0, 1.0]).expand(5, 3))
    # 14 pixels are half of 28.
    assert_close(square[:, :2, 2], pixels[:, :, 2] / 14)


def test_two_turns_are_one_turn():
    one, other = torch.tensor([10.0, 30.0]), torch.tensor([25.0, -70.0])
    assert_close(rotation(one) @ rotation(other), rotation(one + other))


def test_devices_share_the_second_images_too():
    batch = ShiftedPairs(2)(blobs(), TARGETS, random())
    shares = [share_of(batch, rank, 2) for rank in (0, 1)]
    assert torch.equal(shares[1].moved, batch.moved[1::2])
    assert sum(len(share.moved) for share in shares) == len(batch.moved)


def test_a_stream_gives_the_same_pairs_for_the_same_number():
    images = ImageSet("blobs", (blobs() * 255).byte(), TARGETS, tuple("0123456789"))
    one, other = (BatchStream(images, 8, AffinePairs(), seed=3).batch(7) for _ in range(2))
    assert torch.equal(one.moved, other.moved)
    assert torch.equal(one.pose["told"], other.pose["told"])


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="pixels must be at least 0, got -1"):
        ShiftedPairs(-1)
    with pytest.raises(ValueError, match="reach must be at least 3, got 2"):
        FarPairs(2, 2)
    with pytest.raises(ValueError, match=r"degrees must be \(least, most\).*got \(60, 45\)"):
        TurnedPairs(degrees=(60, 45))
    with pytest.raises(ValueError, match=r"images must have shape \[b, c, h, w\]"):
        ShiftedPairs(2)(torch.rand(4, 28, 28), TARGETS[:4], random())
