"""The squash of Efficient-CapsNet."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from capsedu.functional import exponential_squash


@pytest.mark.parametrize("length", [1e-6, 9e-4, 1.1e-3, 0.5, 3.0, 50.0])
def test_length_follows_the_formula_and_the_direction_stays(length):
    s = torch.nn.functional.normalize(torch.randn(5, 8, dtype=torch.float64), dim=1)
    v = exponential_squash(length * s)
    wanted = -torch.expm1(torch.tensor(-length, dtype=torch.float64))
    assert_close(v, wanted * s, rtol=1e-9, atol=0)


@pytest.mark.parametrize("scale", [0, 1e-20, 1e20])
def test_value_and_gradient_are_finite_at_the_extremes(scale):
    s = (scale * torch.ones(2, 4)).requires_grad_()
    v = exponential_squash(s)
    v.sum().backward()
    assert v.isfinite().all() and s.grad.isfinite().all()
    assert (v.norm(dim=1) <= 1).all()


def test_its_slope_at_zero_is_one():
    s = torch.zeros(1, 3, requires_grad=True)
    exponential_squash(s).sum().backward()
    assert_close(s.grad, torch.ones(1, 3))


def test_the_analytic_gradient_is_the_numeric_one():
    s = torch.tensor([[2.0, -1.0], [3e-4, 1e-4]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(exponential_squash, (s,))


def test_dim_and_dtype():
    s = torch.randn(3, 4, 5)
    assert_close(exponential_squash(s, 1), exponential_squash(s.movedim(1, -1)).movedim(-1, 1))
    assert exponential_squash(s.bfloat16()).dtype == torch.bfloat16
