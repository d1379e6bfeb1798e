"""FGSM and BIM go uphill, stay near the image, and agree with sums done by hand."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from capsedu.errors import CapseduError
from capsedu.evaluation.adversarial import bim, fgsm, gradient

METHODS = [fgsm, bim, partial(bim, steps=3), partial(bim, steps=40, step_size=0.01)]


def images(b=4, seed=0):
    """Random, with some black and some white pixels."""
    generator = torch.Generator().manual_seed(seed)
    return (1.4 * torch.rand(b, 1, 5, 6, generator=generator) - 0.2).clamp(0, 1)


def wavy(x):
    """A goal with hills and valleys; each image counts by itself."""
    return (7 * x + 3 * x.roll(1, dims=3)).sin().sum()


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.sampled_from(METHODS), st.integers(0, 5))
def test_no_pixel_moves_further_than_epsilon_or_leaves_the_range(epsilon, method, seed):
    before = images(seed=seed)
    after = method(wavy, before, epsilon)
    assert (after - before).abs().max() <= epsilon + 1e-6
    assert after.min() >= 0 and after.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_an_epsilon_of_0_changes_nothing(method):
    assert torch.equal(method(wavy, images(), 0), images())


@pytest.mark.parametrize("method", METHODS)
def test_the_image_given_stays_as_it_is_and_needs_no_gradient(method):
    before = images()
    after = method(wavy, before, 0.1)
    assert torch.equal(before, images())
    assert not before.requires_grad and before.grad is None and not after.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_each_image_is_attacked_by_itself(method):
    together = method(wavy, images(), 0.1)
    alone = [method(wavy, image, 0.1) for image in images().split(1)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.5])
def test_one_step_of_bim_is_fgsm(epsilon):
    assert torch.equal(bim(wavy, images(), epsilon, steps=1), fgsm(wavy, images(), epsilon))


def test_a_linear_goal_rises_by_epsilon_times_the_sum_of_its_slopes():
    slopes = torch.tensor([[[[0.5, -2.0, 0.0, 3.0]]]])
    grey = torch.full((1, 1, 1, 4), 0.5)
    for method in METHODS[:-1]:
        after = method(lambda x: (slopes * x).sum(), grey, 0.1)
        assert_close(after, torch.tensor([[[[0.6, 0.4, 0.5, 0.6]]]]))
        assert (slopes * (after - grey)).sum().item() == pytest.approx(0.1 * 5.5, rel=1e-4)


def test_small_steps_stop_at_the_top_where_one_large_step_goes_beyond():
    def hill(x):  # highest at 0.52
        return -(x - 0.52).square().sum()

    grey = torch.full((1, 1, 1, 1), 0.5)
    assert_close(fgsm(hill, grey, 0.1).item(), 0.6)
    assert hill(fgsm(hill, grey, 0.1)) < hill(grey) < hill(bim(hill, grey, 0.1, 10))
    assert abs(bim(hill, grey, 0.1, 10).item() - 0.52) < 0.0101


def test_large_steps_are_cut_at_epsilon():
    rising = bim(lambda x: x.sum(), torch.full((1, 1, 1, 2), 0.5), 0.1, steps=5, step_size=0.07)
    assert_close(rising, torch.full((1, 1, 1, 2), 0.6))


def test_it_works_where_gradients_are_switched_off():
    expected = fgsm(wavy, images(), 0.1)
    with torch.no_grad():
        assert torch.equal(fgsm(wavy, images(), 0.1), expected)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epsilon": -0.1}, ValueError, "epsilon must be from 0 to 1.* got -0.1"),
        ({"epsilon": 8}, ValueError, "epsilon must be from 0 to 1.* got 8"),
        ({"epsilon": float("nan")}, ValueError, "epsilon .* got nan"),
        ({"images": 2 * torch.ones(1, 1, 2, 2)}, ValueError, r"images must lie in \[0, 1\], .* 2"),
        ({"images": torch.rand(2, 3)}, ValueError, r"images must have shape \[b, c, h, w\]"),
        ({"images": torch.ones(1, 1, 2, 2).byte()}, TypeError, "images must hold floating-point"),
    ],
)
@pytest.mark.parametrize("method", [fgsm, bim])
def test_bad_input_is_named(method, changes, error, message):
    with pytest.raises(error, match=message):
        method(**{"goal": wavy, "images": images(), "epsilon": 0.1, **changes})


def test_impossible_steps_are_named():
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        bim(wavy, images(), 0.1, steps=0)
    with pytest.raises(ValueError, match=r"step_size must be at least 0, got -0\.1"):
        bim(wavy, images(), 0.1, step_size=-0.1)


def test_a_gradient_that_is_not_finite_is_reported():
    with pytest.raises(CapseduError, match="gradient at the images is not finite"):
        gradient(lambda x: (x - x).sqrt().sum(), images())
