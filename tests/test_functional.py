"""Each equation as a property: what it must do for any vectors, not for one example."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from capsedu.functional import (
    capsule_length,
    margin_loss,
    multi_hot,
    reconstruction_loss,
    slerp,
    squash,
)

EXTREMES = [0.0, 1e-20, 1.0, 1e20]
DTYPES = [torch.bfloat16, torch.float16, torch.float32, torch.float64]


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def formula_squash(s):
    """Sabour, equation 1, letter by letter."""
    n = s.norm(dim=-1, keepdim=True)
    return n**2 / (1 + n**2) * s / n


# squash


@settings(deadline=None)
@given(scale=st.floats(1e-3, 1e3), dim=st.integers(1, 16), seed=st.integers(0, 99))
def test_squash_keeps_direction_and_maps_length_by_the_formula(scale, dim, seed):
    s = scale * random(3, dim, seed=seed)
    v, n = squash(s), s.norm(dim=-1)
    assert_close(v.norm(dim=-1), n**2 / (1 + n**2))
    assert_close(v / v.norm(dim=-1, keepdim=True), s / n.unsqueeze(-1))


@pytest.mark.parametrize("scale", EXTREMES)
def test_squash_has_finite_value_and_gradient_in_float32(scale):
    s = (scale * random(4, 8, dtype=torch.float32)).requires_grad_()
    v = squash(s)
    v.sum().backward()
    assert v.isfinite().all() and s.grad.isfinite().all()
    n = s.double().norm(dim=-1)
    assert_close(v.double().norm(dim=-1), n**2 / (1 + n**2), rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("function", [squash, capsule_length])
def test_the_analytic_gradient_is_the_numeric_one(function):
    s = random(3, 4).requires_grad_()
    assert gradcheck(function, s)
    assert gradgradcheck(function, s)


@pytest.mark.parametrize("s", [[0.7], [41.0], [3.0, 0.0, 0.0], [0.0, -2.0, 1e-12]])
@pytest.mark.parametrize("function", [squash, capsule_length])
def test_the_gradient_is_right_along_an_axis_too(function, s):
    s = torch.tensor([s], dtype=torch.float64, requires_grad=True)
    reference = s.detach().clone().requires_grad_()
    plain = formula_squash if function is squash else lambda s: s.norm(dim=-1)
    (got,) = torch.autograd.grad(function(s).sum(), s)
    (expected,) = torch.autograd.grad(plain(reference).sum(), reference)
    assert_close(got, expected)


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2])
def test_dim_chooses_the_axis_of_the_components(dim):
    s = random(3, 4, 5)
    assert_close(squash(s, dim), formula_squash(s.movedim(dim, -1)).movedim(-1, dim))
    assert_close(capsule_length(s, dim), s.norm(dim=dim))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept(dtype):
    s = random(5, 8).to(dtype)
    assert squash(s).dtype == capsule_length(s).dtype == dtype
    rtol = 4 * torch.finfo(dtype).eps
    assert_close(squash(s).double(), formula_squash(s.double()), rtol=rtol, atol=rtol)


class _DtypesSeen(TorchDispatchMode):
    """Every dtype that an operation returns."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.seen |= {leaf.dtype for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)}
        return result


@pytest.mark.parametrize("function", [squash, capsule_length])
def test_float32_meets_no_float64_which_some_devices_lack(function):
    s = random(4, 8, dtype=torch.float32).requires_grad_()
    with _DtypesSeen() as dtypes:
        function(s).sum().backward()
    assert dtypes.seen == {torch.float32, torch.bool}


# capsule_length


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_length_of_the_zero_vector_is_exactly_zero_and_so_is_its_gradient(dtype):
    s = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    length = capsule_length(s)
    length.sum().backward()
    assert length.tolist() == [0, 0]
    assert s.grad.count_nonzero() == 0


@pytest.mark.parametrize("scale", [1e-20, 1e20])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])  # float16 ends at 65504
def test_length_and_its_gradient_are_right_at_the_extremes_in_other_dtypes(dtype, scale):
    s = (scale * random(4, 8)).to(dtype).requires_grad_()
    length = capsule_length(s)
    length.sum().backward()
    n = s.detach().double().norm(dim=-1, keepdim=True)
    rtol = 8 * torch.finfo(dtype).eps
    assert_close(length.double(), n.squeeze(-1), rtol=rtol, atol=0)
    assert_close(s.grad.double(), s.detach().double() / n, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("scale", EXTREMES)
def test_length_has_finite_value_and_gradient_in_float32(scale):
    s = (scale * random(4, 8, dtype=torch.float32)).requires_grad_()
    length = capsule_length(s)
    length.sum().backward()
    assert_close(length.double(), s.double().norm(dim=-1), rtol=1e-5, atol=1e-30)
    assert s.grad.isfinite().all()
    if scale:  # the gradient of a length is the unit vector
        assert_close(s.grad.norm(dim=-1), torch.ones(4))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_squashed_vector_is_shorter_than_one(scale):
    assert (capsule_length(squash(scale * random(50, 8))) < 1).all()


# margin_loss


def test_margin_loss_is_the_number_computed_by_hand():
    lengths = torch.tensor([[0.7, 0.3, 0.05], [0.95, 0.6, 0.1]])
    # image 0, class 0: 0.2^2 + 0.5 * 0.2^2 = 0.06; image 1, class 1: 0.3^2 + 0.5 * 0.85^2
    expected = (0.06 + 0.09 + 0.5 * 0.7225) / 2
    assert margin_loss(lengths, torch.tensor([0, 1])).item() == pytest.approx(expected)


def test_margins_and_down_weight_are_the_arguments():
    lengths = torch.tensor([[0.5, 0.5]])
    loss = margin_loss(lengths, torch.tensor([0]), positive=0.8, negative=0.2, down_weight=0.25)
    assert loss.item() == pytest.approx(0.3**2 + 0.25 * 0.3**2)


def test_twice_the_miss_costs_four_times_as_much():
    near, far = torch.tensor([[0.8, 0.0]]), torch.tensor([[0.7, 0.0]])
    target = torch.tensor([0])
    assert_close(margin_loss(far, target), 4 * margin_loss(near, target))


def test_class_indices_mean_the_same_as_a_row_with_a_single_one():
    lengths, targets = random(6, 4).sigmoid(), torch.tensor([0, 3, 1, 1, 2, 0])
    assert_close(margin_loss(lengths, targets), margin_loss(lengths, multi_hot(targets, 4)))
    assert_close(margin_loss(lengths, targets.int()), margin_loss(lengths, targets))


def test_two_classes_may_be_present_at_once():
    lengths = torch.tensor([[0.9, 0.9, 0.1]])
    assert margin_loss(lengths, torch.tensor([[1.0, 1.0, 0.0]])).item() == pytest.approx(0)
    assert margin_loss(lengths, torch.tensor([0])).item() == pytest.approx(0.5 * 0.8**2)


def test_inside_the_margins_there_is_no_gradient_and_outside_there_is():
    inside = torch.tensor([[0.95, 0.05]], requires_grad=True)
    margin_loss(inside, torch.tensor([0])).backward()
    assert_close(inside.grad, torch.zeros(1, 2))
    outside = torch.tensor([[0.85, 0.15]], requires_grad=True)
    margin_loss(outside, torch.tensor([0])).backward()
    assert_close(outside.grad, torch.tensor([[-0.1, 0.05]]))


def test_margin_loss_gradient_is_the_numeric_one():
    lengths = torch.tensor([[0.3, 0.5], [0.95, 0.05]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: margin_loss(x, torch.tensor([0, 1])), lengths)


LENGTHS = torch.full((2, 3), 0.5)


@pytest.mark.parametrize(
    ("lengths", "targets", "error", "message"),
    [
        (LENGTHS, torch.tensor([0.0, 1.0]), TypeError, "targets .* class indices, got .*float32"),
        (LENGTHS, torch.tensor([True, False]), TypeError, "targets .* got torch.bool"),
        (LENGTHS, torch.tensor([0, 3]), ValueError, "targets .* from 0 to 2, got 0 to 3"),
        (LENGTHS, torch.tensor([-1, 0]), ValueError, "targets .* from 0 to 2, got -1 to 0"),
        (LENGTHS, torch.zeros(2, 4), ValueError, r"targets .* \[b, 3\], got \[2, 4\]"),
        (LENGTHS, torch.zeros(2, 3, 1), ValueError, r"targets .* got \[2, 3, 1\]"),
        (LENGTHS, torch.tensor(1), ValueError, r"targets .* got \[\]"),
        (LENGTHS, torch.tensor([0, 1, 2]), ValueError, "targets must describe 2 images, got 3"),
        (LENGTHS, torch.tensor([0]), ValueError, "targets must describe 2 images, got 1"),
        (LENGTHS, torch.zeros(1, 3), ValueError, "targets must describe 2 images, got 1"),
        (LENGTHS.long(), torch.tensor([0, 1]), TypeError, "lengths .* floating-point"),
        (LENGTHS[0], torch.tensor([0, 1]), ValueError, r"lengths .* \[b, classes\], got \[3\]"),
        ([[0.5]], torch.tensor([0]), TypeError, "lengths must be a torch tensor, got list"),
    ],
)
def test_margin_loss_names_the_argument_that_does_not_fit(lengths, targets, error, message):
    with pytest.raises(error, match=message):
        margin_loss(lengths, targets)


def test_targets_that_are_no_tensor_are_named():
    with pytest.raises(TypeError, match="targets must be a torch tensor, got list"):
        margin_loss(LENGTHS, [0, 1])


# reconstruction_loss


def test_reconstruction_loss_is_the_sum_over_pixels_and_the_mean_over_images():
    drawn, images = torch.rand(5, 1, 28, 28), torch.rand(5, 1, 28, 28)
    mean = torch.nn.functional.mse_loss(drawn, images)
    assert_close(reconstruction_loss(drawn, images), 784 * mean)


def test_reconstruction_loss_does_not_broadcast():
    with pytest.raises(ValueError, match=r"reconstruction .* \[2, 1, 4, 4\], got \[1, 1, 4, 4\]"):
        reconstruction_loss(torch.zeros(1, 1, 4, 4), torch.zeros(2, 1, 4, 4))


def test_slerp_keeps_to_the_sphere_and_turns_evenly():
    start, end = torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 3.0, 0.0])
    for share in (0.0, 0.25, 0.5, 1.0):
        way = slerp(start, end, share)
        angle = torch.tensor(share * torch.pi / 2)
        torch.testing.assert_close(way, 3 * torch.stack([angle.cos(), angle.sin(), 0 * angle]))
    torch.testing.assert_close(slerp(start, 2 * start, 0.5), 1.5 * start)  # parallel: straight
    with pytest.raises(ValueError, match=r"end must have the shape of start, \[3\], got \[2\]"):
        slerp(start, end[:2], 0.5)
