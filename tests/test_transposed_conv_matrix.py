"""The transposed convolution as a matrix: what torch does, what the chapter does, a transpose."""

from functools import cache
from pathlib import Path

import jupytext
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.testing import assert_close

from capsedu.functional import conv_size, transposed_conv_matrix, transposed_conv_size

CHAPTER = Path(__file__).parent.parent / "notebooks/scripts/01_transposed_convolution.py"


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@cache
def loop_of_the_chapter():
    """``paint`` as the reader sees it, from the cell that defines it."""
    cells = jupytext.read(CHAPTER, fmt="py:percent").cells
    (source,) = (cell.source for cell in cells if cell.source.startswith("def paint("))
    names = {"torch": torch}
    exec(source, names)
    return names["paint"]


def sizes_out(size, kernel, numbers):
    return [
        transposed_conv_size(
            size[axis], kernel[axis], **{name: pair[axis] for name, pair in numbers.items()}
        )
        for axis in (0, 1)
    ]


def both(numbers):
    return st.tuples(numbers, numbers)


SETTINGS = st.fixed_dictionaries(
    {
        "stride": both(st.integers(1, 4)),
        "padding": both(st.integers(0, 4)),
        "output_padding": both(st.integers(0, 3)),
        "dilation": both(st.integers(1, 3)),
    }
)


@settings(deadline=None, max_examples=300)
@given(
    numbers=SETTINGS,
    kernel=both(st.integers(1, 5)),
    size=both(st.integers(1, 4)),
    channels=both(st.integers(1, 3)),
    seed=st.integers(0, 99),
)
def test_matrix_is_torchs_wherever_torch_agrees(numbers, kernel, size, channels, seed):
    x, weight = random(channels[0], *size, seed=seed), random(*channels, *kernel, seed=seed + 1)
    try:
        expected = F.conv_transpose2d(x[None], weight, **numbers)[0]
    except RuntimeError:  # torch refuses; then so do we
        with pytest.raises(ValueError, match="padding"):
            transposed_conv_matrix(weight, size, **numbers)
        return
    matrix = transposed_conv_matrix(weight, size, **numbers)

    assert_close(matrix @ x.flatten(), expected.flatten())
    assert sizes_out(size, kernel, numbers) == list(expected.shape[1:])


@settings(deadline=None, max_examples=300)
@given(
    numbers=st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(0, 3), st.integers(1, 3)),
    kernel=both(st.integers(1, 5)),
    size=both(st.integers(1, 4)),
    seed=st.integers(0, 99),
)
def test_the_loop_of_the_chapter_is_torchs(numbers, kernel, size, seed):
    x, weight = random(*size, seed=seed), random(*kernel, seed=seed + 1)
    names = ("stride", "padding", "output_padding", "dilation")
    numbers = dict(zip(names, numbers, strict=True))
    try:
        expected = F.conv_transpose2d(x[None, None], weight[None, None], **numbers)[0, 0]
    except RuntimeError:
        assume(False)
    assert_close(loop_of_the_chapter()(x, weight, **numbers), expected)
    matrix = transposed_conv_matrix(weight[None, None], size, **numbers)
    assert_close(matrix @ x.flatten(), expected.flatten())


@settings(deadline=None, max_examples=300)
@given(
    numbers=SETTINGS,
    kernel=both(st.integers(1, 5)),
    size=both(st.integers(1, 4)),
    channels=both(st.integers(1, 3)),
    seed=st.integers(0, 99),
)
def test_matrix_is_the_transpose_of_the_convolution(numbers, kernel, size, channels, seed):
    weight = random(*channels, *kernel, seed=seed)
    try:
        matrix = transposed_conv_matrix(weight, size, **numbers)
    except ValueError:
        assume(False)
    image = random(channels[1], *sizes_out(size, kernel, numbers), seed=seed + 1)
    forwards = {name: pair for name, pair in numbers.items() if name != "output_padding"}
    # With an output padding of a stride or more (torch allows it below the dilation), the
    # convolution finds more places in the larger image; the first ones are the transpose's.
    there_and_back = F.conv2d(image[None], weight, **forwards)[0, :, : size[0], : size[1]]
    assert_close(matrix.T @ image.flatten(), there_and_back.flatten())


@given(
    size=st.integers(1, 20),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 6),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
)
def test_output_padding_lists_every_size_that_a_convolution_maps_to_this_one(
    size, kernel, stride, padding, dilation
):
    sizes = [
        transposed_conv_size(size, kernel, stride, padding, q, dilation) for q in range(stride)
    ]
    larger = range(sizes[0] - 10, sizes[-1] + 10)
    assert sizes == [n for n in larger if conv_size(n, kernel, stride, padding, dilation) == size]


@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
)
def test_conv_size_is_torchs(size, kernel, stride, padding, dilation):
    n = conv_size(size, kernel, stride, padding, dilation)
    x, weight = torch.ones(1, 1, size), torch.ones(1, 1, kernel)
    if size + 2 * padding < dilation * (kernel - 1) + 1:
        assert n < 1
    else:
        found = F.conv1d(x, weight, stride=stride, padding=padding, dilation=dilation)
        assert found.shape[2] == n


def test_gradient_of_the_matrix():
    weight = random(2, 1, 3, 2).requires_grad_()
    assert gradcheck(lambda w: transposed_conv_matrix(w, (2, 3), 2, 1, (1, 0), 1), weight)


def test_gradient_of_a_convolution_is_its_transpose():
    image, weight = random(1, 2, 7, 6).requires_grad_(), random(3, 2, 3, 3)
    out = F.conv2d(image, weight, stride=2, padding=1)
    arriving = random(*out.shape, seed=5)
    (gradient,) = torch.autograd.grad(out, image, arriving)
    # 7 rows and 6 columns: output paddings 0 and 1 tell them apart
    matrix = transposed_conv_matrix(weight, (4, 3), 2, 1, (0, 1))
    assert_close(matrix @ arriving.flatten(), gradient.flatten())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype):
    assert transposed_conv_matrix(torch.ones(1, 1, 2, 2, dtype=dtype), 2).dtype == dtype


WEIGHT = torch.ones(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.ones(3, 3), 4), ValueError, r"weight must have shape \[c_in, c_out, k, k\]"),
        ((torch.ones(1, 1, 3, 3, dtype=torch.int64), 4), TypeError, "weight must hold floating"),
        (([[1.0]], 4), TypeError, "weight must be a torch tensor, got list"),
        ((WEIGHT, 0), ValueError, "input_size must be at least 1, got 0"),
        ((WEIGHT, (4, 4, 4)), ValueError, "input_size must be one whole number or two"),
        ((WEIGHT, 4, 0), ValueError, "stride must be at least 1, got 0"),
        ((WEIGHT, 4, 1.5), TypeError, "stride must be a whole number, got 1.5"),
        ((WEIGHT, 4, (1, 1.5)), TypeError, "stride must be a whole number, got 1.5"),
        ((WEIGHT, 4, 1, -1), ValueError, "padding must be at least 0, got -1"),
        ((WEIGHT, 4, 2, 1, 2), ValueError, "output_padding must be less than the stride"),
        ((WEIGHT, 4, 2, 0, 0, 0), ValueError, "dilation must be at least 1, got 0"),
        ((WEIGHT, 1, 1, 2), ValueError, "padding must leave something of the output, got 2"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        transposed_conv_matrix(*arguments)
