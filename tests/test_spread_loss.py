import pytest
import torch
from torch.testing import assert_close

from capsedu.functional import spread_loss, spread_margin


def test_by_hand():
    activations = torch.tensor([[0.7, 0.6, 0.1], [0.2, 0.9, 0.5]])
    # margin 0.5: image 0 leads by 0.1 and 0.6, image 1 (class 2) by 0.3 and -0.4
    expected = ((0.5 - 0.1) ** 2 + (0.5 - 0.3) ** 2 + (0.5 + 0.4) ** 2) / 2
    assert_close(spread_loss(activations, torch.tensor([0, 2]), 0.5), torch.tensor(expected))


def test_a_sufficient_lead_costs_nothing_wherever_it_is():
    low, high = torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([[1.0, 0.5, 0.5]])
    for activations in (low, high):
        assert spread_loss(activations, torch.tensor([0]), margin=0.5) == 0
    assert_close(
        spread_loss(low, torch.tensor([0]), 0.9), spread_loss(high, torch.tensor([0]), 0.9)
    )


def test_the_gradient_is_right():
    activations = torch.rand(4, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 1, 4, 2])
    assert torch.autograd.gradcheck(lambda a: spread_loss(a, targets, 0.7), activations)


def test_the_margin_rises_as_the_authors_say():
    margins = [spread_margin(step) for step in (0, 50_000, 200_000, 400_000, 10**9)]
    assert margins == sorted(margins)
    assert margins[0] == pytest.approx(0.2 + 0.79 * 0.0179862)
    assert margins[2] == pytest.approx(0.595)
    assert margins[4] == pytest.approx(0.99, abs=1e-4)


@pytest.mark.parametrize(
    ("activations", "targets", "message"),
    [
        (torch.rand(3), torch.tensor([0]), r"activations must have shape \[b, classes\]"),
        (torch.rand(2, 3), torch.tensor([0]), "targets must describe 2 images, got 1"),
        (torch.rand(2, 3), torch.tensor([0, 3]), "targets"),
        (torch.rand(2, 3), torch.rand(2, 3), r"targets must have shape \[b\], got \[2, 3\]"),
    ],
)
def test_bad_input_is_named(activations, targets, message):
    with pytest.raises(ValueError, match=message):
        spread_loss(activations, targets)
