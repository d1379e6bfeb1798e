"""The checks that give every wrong argument one clear sentence."""

import numpy as np
import pytest
import torch

from capsedu.errors import CapseduError, require_count, require_dims, require_known


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_tensor_that_fits_passes(dtype):
    require_dims("votes", torch.zeros(2, 0, 3, 4, dtype=dtype), "b i j d")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([1.0], TypeError, "poses must be a torch tensor, got list"),
        (None, TypeError, "poses must be a torch tensor, got NoneType"),
        (np.zeros((2, 3)), TypeError, "poses must be a torch tensor, got ndarray"),
        (torch.zeros(2, 3).int(), TypeError, "poses must hold floating-point .* torch.int32"),
        (torch.zeros(2, 3).bool(), TypeError, "poses must hold floating-point .* torch.bool"),
        (torch.zeros(2), ValueError, r"poses must have shape \[b, d\], got \[2\]"),
        (torch.tensor(1.0), ValueError, r"poses must have shape \[b, d\], got \[\]"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(value, error, message):
    with pytest.raises(error, match=message):
        require_dims("poses", value, "b d")


def test_a_count_is_a_whole_number_of_at_least_the_least():
    require_count("n", 1)
    require_count("n", 0, least=0)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        require_count("n", 0)
    with pytest.raises(ValueError, match="n must be at least 2, got -3"):
        require_count("n", -3, least=2)


@pytest.mark.parametrize("value", [3.0, "3", None, True])
def test_a_count_is_nothing_else(value):
    with pytest.raises(TypeError, match=f"n must be a whole number, got {value!r}"):
        require_count("n", value)


def test_a_mistyped_name_gets_a_suggestion_and_the_list():
    require_known("profile", "quick", ["smoke", "quick"])
    with pytest.raises(CapseduError) as caught:
        require_known("profile", "qiuck", ["smoke", "quick"])
    assert str(caught.value) == (
        "unknown profile 'qiuck'; did you mean 'quick'? (known: quick, smoke)"
    )


def test_a_name_like_no_other_gets_the_list_only():
    with pytest.raises(CapseduError) as caught:
        require_known("device", "zzz", iter(["cpu", "cuda"]))
    assert str(caught.value) == "unknown device 'zzz' (known: cpu, cuda)"
