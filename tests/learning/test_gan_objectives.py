import math

import pytest
import torch

from capsedu.learning.gan_objectives import (
    LeastSquares,
    Margin,
    NonSaturating,
    Saturating,
    Wasserstein,
)

EVERY = [NonSaturating(), Saturating(), LeastSquares(), Margin(), Wasserstein()]
REAL, FAKE = torch.tensor([[2.0], [0.5]]), torch.tensor([[-1.0], [0.0]])


def log_sigmoid(x):
    return -math.log1p(math.exp(-x))


def test_cross_entropy_by_hand():
    real = -(log_sigmoid(2.0) + log_sigmoid(0.5)) / 2
    fake = -(log_sigmoid(1.0) + log_sigmoid(0.0)) / 2
    loss = NonSaturating()
    assert loss.discriminator_loss(REAL, FAKE).item() == pytest.approx(real + fake)
    raised = -(log_sigmoid(-1.0) + log_sigmoid(0.0)) / 2
    assert loss.generator_loss(FAKE).item() == pytest.approx(raised)
    assert Saturating().generator_loss(FAKE).item() == pytest.approx(-fake)


def test_smoothing_touches_the_labels_of_real_images_only():
    smooth, plain = NonSaturating(0.9), NonSaturating()
    best = torch.full((1, 1), math.log(9.0)).requires_grad_()  # probability 0.9
    smooth.discriminator_loss(best, FAKE).backward()
    assert best.grad.abs().max() < 1e-6
    assert smooth.generator_loss(FAKE) == plain.generator_loss(FAKE)
    with pytest.raises(ValueError, match=r"smoothing must be above 0\.5 and at most 1, got 1\.2"):
        NonSaturating(1.2)


def test_least_squares_by_hand():
    real, fake = (1.0 + 0.25) / 2, (1.0 + 0.0) / 2
    assert LeastSquares().discriminator_loss(REAL, FAKE).item() == pytest.approx(real + fake)
    assert LeastSquares().generator_loss(FAKE).item() == pytest.approx((4.0 + 1.0) / 2)
    halfway = LeastSquares(read=torch.sigmoid).generator_loss(torch.zeros(3, 1))
    assert halfway.item() == pytest.approx(0.25)


def test_margin_by_hand_with_one_and_with_two_outputs():
    lengths = torch.tensor([[0.6, 0.3]])
    one = Margin().discriminator_loss(lengths[:, :1].logit(), lengths[:, :1].logit())
    assert one.item() == pytest.approx(0.3**2 + 0.5 * 0.5**2)
    two = Margin().generator_loss(lengths.logit())
    assert two.item() == pytest.approx(0.3**2 + 0.5 * 0.2**2)
    as_fake = Margin().discriminator_loss(torch.tensor([[0.95, 0.05]]).logit(), lengths.logit())
    assert as_fake.item() == pytest.approx(0.6**2 + 0.5 * 0.5**2)


def test_wasserstein_is_a_difference_of_means():
    assert Wasserstein().discriminator_loss(REAL, FAKE).item() == pytest.approx(-0.5 - 1.25)
    assert Wasserstein().generator_loss(FAKE).item() == pytest.approx(0.5)


@pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_two_networks_pull_the_score_of_a_made_image_in_opposite_directions(objective, outputs):
    scores = torch.tensor([[0.3, 0.1]])[:, :outputs].repeat(4, 1).requires_grad_()
    loss = objective.discriminator_loss(scores[:2], scores)
    (by_discriminator,) = torch.autograd.grad(loss, scores)
    (by_generator,) = torch.autograd.grad(objective.generator_loss(scores), scores)
    only_made = by_discriminator[2:, 0]
    assert (only_made > 0).all()
    assert (by_generator[:, 0] < 0).all()


def test_the_saturating_loss_has_no_gradient_where_the_discriminator_is_sure():
    sure = torch.full((1, 1), -12.0).requires_grad_()
    (saturating,) = torch.autograd.grad(Saturating().generator_loss(sure), sure)
    (other,) = torch.autograd.grad(NonSaturating().generator_loss(sure), sure)
    assert saturating.abs() < 1e-5
    assert other.abs() > 0.99
