"""Slope and R² of poses: known for capsules that follow, that lag and that stand still."""

import torch
from torch import nn
from torch.testing import assert_close

from capsedu.data import ShiftedPairs, shift_images
from capsedu.evaluation.equivariance import drawing_error, equivariance
from capsedu.functional import reconstruction_loss
from capsedu.learning.steps import share_of
from capsedu.models.transforming_autoencoder import SHIFT, Seen, TransformingAutoencoder


class CentreOfInk(nn.Module):
    """Capsules that know where the ink is: one follows, one by half, one not, one never there."""

    pose = SHIFT

    def look(self, images):
        h, w = images.shape[2:]
        ink = images.sum(dim=(1, 2, 3))
        y = (images.sum(dim=(1, 3)) * torch.arange(h)).sum(dim=1) / ink
        x = (images.sum(dim=(1, 2)) * torch.arange(w)).sum(dim=1) / ink
        place = torch.stack([y, x], dim=1)
        poses = torch.stack([place, place / 2, 0 * place + 3, place.flip(1)], dim=1)
        presences = torch.tensor([1.0, 0.5, 0.5, 0.0]).expand(len(images), 4)
        return Seen(poses, presences)


def pairs(n=200):
    torch.manual_seed(0)
    images = torch.zeros(n, 1, 20, 20)
    images[:, :, 8:12, 7:11] = torch.rand(n, 1, 4, 4)
    return ShiftedPairs(2)(images, torch.zeros(n), torch.Generator().manual_seed(0))


def test_slopes_of_capsules_that_follow_lag_and_stand_still():
    batch = pairs()
    parts = [share_of(batch, rank, 2) for rank in (0, 1)]
    found = equivariance(CentreOfInk(), parts)
    assert_close(found.slope[:3], torch.tensor([1.0, 0.5, 0.0]).double(), rtol=1e-4, atol=1e-4)
    assert_close(found.r_squared[:2], torch.ones(2).double(), rtol=1e-4, atol=1e-4)
    assert found.slope[3].isnan()  # nowhere present: nothing is known
    assert_close(found.presence, torch.tensor([1.0, 0.5, 0.5, 0.0]).double())


def test_noise_on_the_poses_lowers_r_squared_and_not_the_slope():
    class Noisy(CentreOfInk):
        def look(self, images):
            poses, presences = super().look(images)
            return Seen(poses + torch.randn_like(poses), presences)

    found = equivariance(Noisy(), [pairs(3_000)])
    assert abs(found.slope[0] - 1) < 0.1
    assert 0.5 < found.r_squared[0] < 0.8  # variance 4 of the shifts, 2 of the noise in f


def test_the_drawing_error_is_that_of_the_drawings():
    network = TransformingAutoencoder((1, 20, 20), 3, 4, 4)
    images, told = torch.rand(5, 1, 20, 20), torch.tensor([0, 2])
    wanted = shift_images(images, told.expand(5, 2))
    drawn = network(images, told.expand(5, 2).float())
    expected = reconstruction_loss(drawn, wanted).item()
    assert abs(drawing_error(network, images, told, wanted) - expected) < 1e-4
