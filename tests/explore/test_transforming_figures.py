"""The figures of the transforming auto-encoder chapter show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.evaluation.equivariance import Response
from capsedu.evaluation.few_labels import Interval
from capsedu.explore.transforming_figures import (
    field_sheet,
    label_curves,
    pose_against_shift,
    position_scatter,
    response_dots,
    told_curves,
)


def texts(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_positions_lie_where_they_were_and_lines_where_they_should() -> None:
    right = [(0.0, 3.1), (1.0, 3.9)]
    left = [(0.0, -3.0), (1.0, -2.2)]
    figure = position_scatter({"one": {3: right, -3: left}, "other": {3: right}})
    first, second = figure.axes[0].collections
    assert first.get_offsets().tolist() == [list(point) for point in right]
    assert second.get_offsets().tolist() == [list(point) for point in left]
    due = [line.get_ydata() for line in figure.axes[0].lines]
    assert [*due[0]] == [3, 4] and [*due[1]] == [-3, -2]
    assert "shifted by +3" in texts(figure) and "shifted by −3" in texts(figure)
    assert len(position_scatter({"one": {3: right}}).axes) == 1


def test_poses_against_shifts_stand_beside_slope_one() -> None:
    points = [(-6, -3.0), (0, 0.0), (6, 4.0)]
    figure = pose_against_shift({"capsule 4": points}, trained=2)
    (axis,) = figure.axes
    one, found = axis.lines
    assert [*one.get_xdata()] == [*one.get_ydata()] == [-6, 6]
    assert list(found.get_ydata()) == [-3, 0, 4]
    assert len(axis.patches) == 2 and "capsule 4" in texts(figure)


def test_each_capsule_is_a_disc_at_its_presence_and_slope() -> None:
    found = Response(
        torch.tensor([1.0, 0.4, torch.nan]),
        torch.tensor([0.9, 0.1, torch.nan]),
        torch.tensor([0.8, 0.5, 0.0]),
    )
    figure = response_dots({"trained": found, "untrained": found})
    (dots,) = figure.axes[0].collections
    assert dots.get_offsets().tolist() == pytest.approx(
        torch.tensor([[0.8, 1.0], [0.5, 0.4], [0.0, 0.0]]).numpy()
    )
    sizes = dots.get_sizes()
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert "untrained" in texts(figure)


def test_fields_are_symmetric_about_white() -> None:
    fields = torch.randn(4, 5, 5)
    figure = field_sheet({"capsule 0": fields, "capsule 1": fields[:2] * 100})
    pictures = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(pictures) == 6
    for picture in pictures:
        low, high = picture.get_clim()
        assert low == -high and high == pytest.approx(abs(picture.get_array()).max())
    assert "capsule 1" in texts(figure)


def test_a_field_of_zeros_can_be_shown() -> None:
    figure = field_sheet({"silent": torch.zeros(1, 3, 3)})
    assert figure.axes[0].images[0].get_clim() == (-1, 1)


def test_what_was_never_told_is_shaded() -> None:
    figure = told_curves({"a": [(0.0, 5.0), (4.0, 6.0), (8.0, 30.0)]}, 4, "pixels")
    (axis,) = figure.axes
    assert list(axis.lines[0].get_ydata()) == [5, 6, 30]
    shaded = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    assert (shaded.x0, shaded.x1) == pytest.approx((4, 8))
    assert "never told" in texts(figure)


def test_label_curves_are_in_percent_with_bands() -> None:
    found = {25: Interval(0.4, 0.35, 0.45), 250: Interval(0.1, 0.09, 0.11)}
    figure = label_curves({"capsules": found, "pixels": found})
    (axis,) = figure.axes
    assert list(axis.lines[0].get_ydata()) == pytest.approx([40, 10])
    band = axis.collections[0].get_datalim(axis.transData)
    assert (band.y0, band.y1) == pytest.approx((9, 45))
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["25", "250"]
