"""The left picture of a pair, at the size that is asked for."""

import pytest
import torch

from capsedu.data import LeftEye


def seen(images, size):
    return LeftEye(size)(images, torch.zeros(len(images)).long(), torch.Generator()).images


def test_it_is_the_left_picture_and_nothing_of_the_right():
    left = torch.rand(3, 1, 48, 48)
    for right in (torch.zeros_like(left), torch.ones_like(left)):
        assert torch.equal(seen(torch.cat([left, right], dim=1), 48), left)


@pytest.mark.parametrize("side", [48, 64, 96])
def test_every_set_comes_out_at_64_pixels(side):
    images = seen(torch.rand(2, 2, side, side), 64)
    assert images.shape == (2, 1, 64, 64)
    assert images.min() >= 0 and images.max() <= 1


def test_reducing_takes_means_so_that_fine_patterns_go_grey():
    board = (torch.arange(96)[:, None] + torch.arange(96)) % 2.0
    small = seen(board.expand(1, 2, 96, 96), 48)
    assert (small - 0.5).abs().max() < 0.1


def test_a_plain_picture_stays_plain():
    torch.testing.assert_close(
        seen(torch.full((1, 2, 48, 48), 0.3), 64), torch.full((1, 1, 64, 64), 0.3)
    )


def test_a_bad_size_is_named():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        LeftEye(0)
