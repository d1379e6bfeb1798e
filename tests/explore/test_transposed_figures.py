"""The figures of chapter 1 hold what they were given."""

import torch
from matplotlib.patches import Rectangle

from capsedu.explore.transposed_figures import (
    image_row,
    matrix_pair,
    number_maps,
    spectra,
    two_ways_picture,
)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_both_ways_show_the_same_window():
    figure = two_ways_picture(large=7, small=3, kernel=3, stride=2)
    outlines = [
        [(p.get_xy(), p.get_width()) for p in axis.patches if isinstance(p, Rectangle)][-1]
        for axis in figure.axes
        if axis.patches
    ]
    assert outlines == [((2, 2), 3), ((1, 1), 1), ((1, 1), 1), ((2, 2), 3)]


def test_the_second_matrix_is_the_first_on_its_side():
    matrix = torch.rand(12, 4)
    first, second, *_ = matrix_pair(matrix, ("C", "Cᵀ")).axes
    assert torch.equal(torch.tensor(first.images[0].get_array()), matrix.T)
    assert torch.equal(torch.tensor(second.images[0].get_array()), matrix)


def test_maps_print_their_numbers_and_share_a_scale():
    small, large = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0], [9.0]])
    first, second = number_maps([small, large], ["a", "b"], columns=2).axes
    assert texts(first) == ["1", "2"] and texts(second) == ["3", "4", "9"]
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 9)
    (alone,) = number_maps([small], ["a"], digits=1).axes
    assert texts(alone) == ["1.0", "2.0"]


def test_images_stand_in_rows():
    figure = image_row(list(torch.rand(6, 4, 4)), list("abcdef"), columns=3)
    assert [axis.get_title() for axis in figure.axes] == list("abcdef")
    assert figure.axes[0].get_gridspec().nrows == 2


def test_a_wave_of_period_two_is_at_the_edge_of_the_spectrum():
    image = torch.tensor([1.0, -1.0]).repeat(4).expand(8, 8)  # changes from column to column
    axis = spectra({"wave": torch.fft.fft2(image).abs().square(), "flat": torch.ones(8, 8)}).axes[0]
    shown = torch.tensor(axis.images[0].get_array())
    assert shown.argmax().item() == 4 * 8  # frequency 0 in the middle row, 1/2 in the first column
