"""The decoder draws from the chosen capsule and from nothing else."""

import pytest
import torch
from torch.testing import assert_close

from capsedu.functional import multi_hot
from capsedu.layers import CapsuleDecoder

CLASSES, DIM, SHAPE = 4, 3, (2, 5, 6)


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return CapsuleDecoder(CLASSES, DIM, SHAPE, hidden=(16, 32))


@pytest.fixture
def poses():
    return torch.randn(3, CLASSES, DIM, generator=torch.Generator().manual_seed(1))


TARGETS = torch.tensor([2, 0, 3])


def test_it_draws_images_between_black_and_white(decoder, poses):
    images = decoder(100 * poses, TARGETS)
    assert images.shape == (3, *SHAPE)
    assert ((images >= 0) & (images <= 1)).all()


def test_a_class_index_is_the_same_as_a_mask(decoder, poses):
    mask = multi_hot(TARGETS, CLASSES)
    assert_close(decoder(poses, TARGETS), decoder(poses, mask))
    assert_close(decoder(poses, TARGETS), decoder(poses, mask.float()))


def test_only_the_chosen_capsule_matters(decoder, poses):
    poses.requires_grad_()
    decoder(poses, TARGETS).sum().backward()
    chosen = multi_hot(TARGETS, CLASSES).bool()
    assert (poses.grad[~chosen] == 0).all()
    assert (poses.grad[chosen] != 0).any(dim=1).all()


def test_the_same_pose_in_another_capsule_draws_another_image(decoder, poses):
    alike = poses[:, :1].expand(-1, CLASSES, -1)
    assert not torch.allclose(decoder(alike, TARGETS), decoder(alike, (TARGETS + 1) % CLASSES))


def test_the_papers_decoder_has_1411344_parameters():
    assert sum(p.numel() for p in CapsuleDecoder(10, 16, (1, 28, 28)).parameters()) == 1_411_344


def test_it_draws_in_float32_under_autocast(decoder, poses):
    with torch.autocast("cpu", torch.bfloat16):
        assert decoder(poses, TARGETS).dtype == torch.float32


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (torch.tensor([0, 1, 4]), ValueError, "targets .* from 0 to 3, got 0 to 4"),
        (torch.tensor([0, -1, 2]), ValueError, "targets .* from 0 to 3, got -1 to 2"),
        (torch.tensor([0.0, 1.0, 2.0]), TypeError, "targets .* class indices, got torch.float32"),
        (torch.zeros(3, 5), ValueError, r"targets .* got \[3, 5\]"),
        (torch.tensor([2]), ValueError, r"poses must have shape \[1, 4, d\].* got \[3, 4, 3\]"),
    ],
)
def test_targets_that_do_not_fit_are_named(decoder, poses, targets, error, message):
    with pytest.raises(error, match=message):
        decoder(poses, targets)


def test_poses_that_do_not_fit_are_named(decoder):
    with pytest.raises(ValueError, match=r"poses must have shape \[b, j, d\], got \[3, 12\]"):
        decoder(torch.zeros(3, 12), TARGETS)
    with pytest.raises(ValueError, match=r"poses must have shape \[3, 4, d\].* got \[3, 1, 3\]"):
        decoder(torch.zeros(3, 1, 3), TARGETS)
