"""Cluttered grounds: only the ground changes, alike in both images, and the pose says how."""

import pytest
import torch

from capsedu.data import CentreCrop, Cluttered, Identity, RandomCrop


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pairs():
    """A white square on grey, seen twice, 48x48."""
    images = torch.full((6, 2, 48, 48), 0.6)
    images[:, :, 16:32, 16:32] = 1.0
    return images, torch.arange(6) % 5


def test_only_the_ground_is_cluttered_and_alike_in_both_images(pairs):
    images, targets = pairs
    scene = Cluttered(Identity())(images, targets, seeded()).images
    toy = images == 1
    assert torch.equal(scene[toy], images[toy])
    assert torch.equal(scene[:, 0], scene[:, 1])
    ground = scene[~toy]
    assert ground.min() >= 0 and ground.max() <= 1
    assert (ground - 0.6).abs().gt(0.02).float().mean() > 0.8
    assert not torch.equal(scene[0], scene[1])


@pytest.mark.parametrize("then", [RandomCrop(), CentreCrop()])
def test_the_pose_alone_makes_the_cluttered_images_again(pairs, then):
    images, targets = pairs
    transform = Cluttered(then)
    batch = transform(images, targets, seeded(1))
    assert batch.images.shape == (6, 2, 32, 32)
    assert torch.equal(transform.apply(images, batch.pose), batch.images)
    assert batch.pose.keys() >= then(images, targets, seeded()).pose.keys()
    assert torch.allclose(batch.pose["shares"].sum(dim=1), torch.ones(6))
    assert not torch.equal(transform(images, targets, seeded(2)).images, batch.images)
