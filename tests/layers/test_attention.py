"""DRAW's windows: the equations, pixel by pixel."""

import math

import pytest
import torch

from capsedu.layers.attention import (
    AttentiveRead,
    AttentiveWrite,
    NoRead,
    WholeRead,
    WholeWrite,
    Window,
    filter_banks,
    read_window,
    window,
    write_window,
)

SIZE = 12


def a_window(x, y, stride=1.0, variance=1e-3, b=1):
    return Window(
        torch.tensor([[x, y]], dtype=torch.float64).expand(b, 2),
        torch.full((b,), stride, dtype=torch.float64),
        torch.full((b,), variance, dtype=torch.float64),
        torch.ones(b, dtype=torch.float64),
    )


@pytest.mark.parametrize("variance", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("x", [5.5, -300.0, 0.2])
def test_every_filter_sums_to_one_wherever_it_stands(variance, x):
    banks = filter_banks(a_window(x, 3.0, 2.0, variance), 4, SIZE)
    assert banks.shape == (1, 2, 4, SIZE)
    torch.testing.assert_close(banks.sum(dim=3), torch.ones(1, 2, 4, dtype=torch.float64))


@pytest.mark.parametrize("cells", [2, 3, 5])
def test_filters_stand_where_the_formula_says(cells):
    """Equation 19 counts from 1: μ_i = g + (i − N/2 − 0.5) δ, and pixel a stands at a."""
    stride = 1.5
    pixels = torch.arange(40, dtype=torch.float64)
    middle = 20.0  # far from the borders, so that a filter's mean is its centre
    banks = filter_banks(a_window(middle, 15.0, stride, 0.5), cells, 40)
    for axis, centre in enumerate((middle, 15.0)):
        for i in range(1, cells + 1):
            found = (banks[0, axis, i - 1] * pixels).sum().item()
            assert found == pytest.approx(centre + (i - cells / 2 - 0.5) * stride, abs=1e-2)


def test_a_filters_shape_is_a_gaussian_with_its_variance():
    bank = filter_banks(a_window(5.0, 5.0, 1.0, 2.0), 1, SIZE)[0, 0, 0]
    for a in range(SIZE):
        expected = math.exp(-((a - 5.0) ** 2) / (2 * 2.0))
        assert (bank[a] / bank[5]).item() == pytest.approx(expected)


def test_a_fresh_window_covers_the_whole_image():
    """All five numbers 0: the middle pixel, and the outermost filters on the outermost pixels."""
    found = window(torch.zeros(3, 5), cells=5, size=28)
    torch.testing.assert_close(found.centre, torch.full((3, 2), 13.5))
    torch.testing.assert_close(found.stride, torch.full((3,), 27 / 4))
    assert torch.equal(found.variance, torch.ones(3))
    assert torch.equal(found.intensity, torch.ones(3))
    ends = found.centre[0, 0] + found.stride[0] * torch.tensor([-2.0, 2.0])
    torch.testing.assert_close(ends, torch.tensor([0.0, 27.0]))


def test_the_five_numbers_are_the_papers():
    """Counted from 1, g = (A + 1)/2 (g̃ + 1): from just before the first pixel to just behind."""
    numbers = torch.tensor([[-1.0, 1.0, math.log(4), math.log(0.5), math.log(3)]])
    found = window(numbers, cells=5, size=28)
    torch.testing.assert_close(found.centre + 1, torch.tensor([[0.0, 29.0]]))
    assert found.variance.item() == pytest.approx(4)
    assert found.stride.item() == pytest.approx(27 / 4 / 2)
    assert found.intensity.item() == pytest.approx(3)


def test_a_sharp_window_of_stride_one_reads_a_crop():
    images = torch.rand(2, 3, SIZE, SIZE, dtype=torch.float64)
    banks = filter_banks(a_window(6.0, 3.0, b=2), 5, SIZE)  # x is the column, y the row
    torch.testing.assert_close(read_window(images, banks), images[:, :, 1:6, 4:9])


def test_writing_is_the_transposed_reading():
    images = torch.randn(2, 3, SIZE, SIZE, dtype=torch.float64)
    patches = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    banks = filter_banks(a_window(4.3, 7.1, 1.7, 0.8, b=2), 4, SIZE)
    read, written = read_window(images, banks), write_window(patches, banks)
    torch.testing.assert_close((read * patches).sum(), (images * written).sum())


def test_gradients_reach_the_windows_numbers():
    images = torch.rand(1, 1, 6, 6, dtype=torch.float64)

    def glimpse(numbers):
        return read_window(images, filter_banks(window(numbers, 3, 6), 3, 6))

    numbers = (0.1 * torch.randn(1, 5, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(glimpse, (numbers,))


def test_a_glimpse_holds_the_image_and_what_the_canvas_lacks():
    torch.manual_seed(0)
    read = AttentiveRead((2, SIZE, SIZE), hidden=7, cells=3)
    images, canvas = torch.rand(4, 2, SIZE, SIZE), torch.randn(4, 2, SIZE, SIZE)
    glimpse, where = read(images, canvas, torch.randn(4, 7))
    assert glimpse.shape == (4, read.features) and read.features == 2 * 2 * 9
    banks = filter_banks(where, 3, SIZE)
    strength = where.intensity.view(-1, 1, 1, 1)
    seen, missing = glimpse.unflatten(1, (2, 2, 3, 3)).unbind(dim=1)
    torch.testing.assert_close(seen, strength * read_window(images, banks))
    torch.testing.assert_close(missing, strength * read_window(images - canvas.sigmoid(), banks))


def test_a_patch_is_divided_by_the_intensity():
    torch.manual_seed(0)
    write = AttentiveWrite((1, SIZE, SIZE), hidden=7, cells=3)
    state = torch.randn(2, 7)
    change, where = write(state)
    numbers = write.window_and_patch(state)
    expected = write_window(numbers[:, 5:].view(2, 1, 3, 3), filter_banks(where, 3, SIZE))
    torch.testing.assert_close(change * where.intensity.view(-1, 1, 1, 1), expected)


def test_without_attention_everything_is_read_and_written():
    images, canvas = torch.rand(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    read, write = WholeRead((1, 4, 4)), WholeWrite((1, 4, 4), hidden=3)
    glimpse, where = read(images, canvas, torch.zeros(2, 3))
    assert where is None
    assert torch.equal(glimpse, torch.cat([images, images - canvas.sigmoid()], 1).flatten(1))
    change, where = write(torch.randn(2, 3))
    assert change.shape == images.shape and where is None
    nothing, where = NoRead()(images, canvas, torch.zeros(2, 3))
    assert nothing.shape == (2, 0) and where is None


@pytest.mark.parametrize("layer", [AttentiveRead, AttentiveWrite])
def test_windows_that_do_not_fit_are_refused(layer):
    with pytest.raises(ValueError, match="cells must be at most 28, the size of the image"):
        layer((1, 28, 28), 16, cells=29)
    with pytest.raises(ValueError, match="cells must be at least 1, got 0"):
        layer((1, 28, 28), 16, cells=0)
    with pytest.raises(ValueError, match=r"image_shape must be \(channels, size, size\)"):
        layer((1, 28, 20), 16)


def test_a_windows_numbers_are_five():
    with pytest.raises(ValueError, match=r"parameters must have shape \[b, 5\], got \[2, 4\]"):
        window(torch.zeros(2, 4), 3, 28)
