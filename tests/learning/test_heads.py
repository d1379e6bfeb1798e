"""Heads: what they draw, what they are rewarded for, and that a GAN learns to be read."""

import pytest
import torch
from torch import nn

from capsedu.data import ImageSet
from capsedu.learning.adversarial import AdversarialLearner
from capsedu.learning.gan_objectives import NonSaturating
from capsedu.learning.heads import AuxiliaryClassifier, MutualInformation
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import Gan, Judgement

SHAPE = (1, 8, 8)


def judged(features):
    return Judgement(torch.zeros(len(features), 1), features=features)


def test_the_noise_begins_with_the_codes():
    heads = [AuxiliaryClassifier(5, classes=3), MutualInformation(5, categories=4, continuous=2)]
    gan = Gan(DcganGenerator(SHAPE, noise_dim=20, width=2), nn.Identity(), heads)
    noise = gan.noise(500, torch.Generator().manual_seed(0))
    assert noise.shape == (500, 20)
    classes, code = gan.codes(noise)
    assert classes.shape == (500, 3) and code.shape == (500, 6)
    assert classes.sum(dim=1).eq(1).all() and classes.sum(dim=0).min() > 100
    assert code[:, :4].sum(dim=1).eq(1).all()
    assert code[:, 4:].abs().max() <= 1 and code[:, 4:].std() == pytest.approx(3**-0.5, abs=0.05)
    assert noise[:, 9:].std() == pytest.approx(1, abs=0.05)
    assert Gan(gan.generator, nn.Identity()).codes(noise) == []


def test_a_class_that_is_read_rightly_costs_nothing():
    head = AuxiliaryClassifier(3, classes=3)
    nn.init.eye_(head.scores.weight)
    nn.init.zeros_(head.scores.bias)
    sure = judged(50 * torch.eye(3))
    assert head.made_loss(sure, torch.eye(3)) < 1e-6
    assert head.real_loss(sure, torch.arange(3)) < 1e-6
    assert head.real_loss(sure, torch.tensor([1, 2, 0])) > 40


def test_information_is_asked_of_made_images_only():
    head = MutualInformation(6)
    some = judged(torch.randn(4, 6))
    assert head.real_loss(some, torch.arange(4)) == 0
    # Knowing nothing, the best it can say of the category costs its entropy, log 10.
    for layer in (head.category, head.numbers):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    code = head.draw(4000, torch.Generator().manual_seed(0))
    many = judged(torch.randn(4000, 6))
    expected = torch.log(torch.tensor(10.0)) + 0.1 * 0.5 / 3  # and half a variance for each number
    assert head.made_loss(many, code).item() == pytest.approx(expected.item(), abs=0.01)


@pytest.mark.parametrize("head", [AuxiliaryClassifier, MutualInformation])
def test_a_gan_learns_to_make_what_its_head_can_read(fit, head):
    """The classes are a bright left and a bright right half, and can be asked for afterwards."""
    torch.manual_seed(0)
    images = torch.zeros(256, *SHAPE, dtype=torch.uint8)
    targets = torch.arange(256) % 2
    images[targets == 0, :, :, :4] = 255
    images[targets == 1, :, :, 4:] = 255
    discriminator = DcganDiscriminator(SHAPE, width=8)
    features = discriminator(torch.zeros(2, *SHAPE)).features.shape[1]
    asked = head(features, 2)
    gan = Gan(DcganGenerator(SHAPE, noise_dim=8, width=8), discriminator, [asked])
    learner = AdversarialLearner(gan, NonSaturating(), 120, learning_rate=2e-3)
    fit(learner, ImageSet("squares", images, targets, ("left", "right")), 32)
    assert learner.losses[asked.loss_name] < 0.2
    noise = gan.noise(100)
    made = gan.generator.eval()(noise)
    side = (made[..., 4:].mean(dim=(1, 2, 3)) > made[..., :4].mean(dim=(1, 2, 3))).long()
    agreement = (side == noise[:, :2].argmax(dim=1)).float().mean()
    if head is AuxiliaryClassifier:  # labels say which is which; without them it may be swapped
        assert agreement > 0.9
    else:
        assert abs(agreement - 0.5) > 0.4
