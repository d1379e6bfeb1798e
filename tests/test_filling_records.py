"""What a GAN's record says about filling in."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from capsedu.evaluation.inpainting import holes
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments import filling_in as module
from capsedu.experiments.filling_in import filling_curves
from capsedu.models.gan import Gan, Judgement


class Grey(nn.Module):
    """Makes an even grey, whatever the noise."""

    noise_dim, image_shape = 3, (1, 32, 32)

    def __init__(self):
        super().__init__()
        self.shade = nn.Parameter(torch.zeros(1))

    def forward(self, noise):
        return (self.shade + 0 * noise.sum(dim=1)).view(-1, 1, 1, 1).expand(-1, 1, 32, 32)


class Undecided(nn.Module):
    def forward(self, images):
        return Judgement(0 * images.mean(dim=(1, 2, 3)).unsqueeze(1))


@pytest.mark.filterwarnings("ignore:FID needs more")
def test_each_way_is_measured_on_each_hole_and_only_in_it(monkeypatch):
    monkeypatch.setattr(module, "FILLED", 8)
    experiment = replace(EXPERIMENTS["dcgan"], data="digits")
    profile = experiment.profile("smoke")
    curves = filling_curves(Gan(Grey(), Undecided()), experiment, profile)
    assert len(curves) == 3 * 4
    assert all([x for x, _ in points] == [0, 1, 2] for points in curves.values())
    images = experiment.test_batches(profile)["test"].batch(0).images[:8]
    for k, hole in enumerate(holes(32).values()):
        grey = (images[..., hole] - 0.5).abs().mean().item()
        for way in ("search", "search_alone"):
            assert curves[f"filling_mae_{way}"][k][1] == pytest.approx(grey, abs=1e-6)
        assert curves["filling_mae_nearest"][k][1] < grey


def test_other_images_than_digits_are_not_measured():
    experiment = replace(EXPERIMENTS["dcgan"], data="toys-small")
    assert filling_curves(nn.Identity(), experiment, experiment.profile("smoke")) == {}
