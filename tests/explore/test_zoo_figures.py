"""The figures of the chapter on the regeneration report show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch
from gan_records import gan_record, history

from capsedu.explore.tables import NOT_RUN
from capsedu.explore.zoo_figures import (
    code_sheet,
    data_curves,
    game_grid,
    pixel_panels,
    share_panels,
)


def test_a_sheet_has_a_row_per_code_and_crosses_out_what_is_marked() -> None:
    images = torch.rand(3, 4, 9, 9)
    marked = torch.zeros(3, 4, dtype=torch.bool)
    marked[1, 2] = True
    figure = code_sheet(images, ["a", "b", "c"], ["1", "2", "3", "4"], marked, "column")
    (axis,) = figure.axes
    sheet = torch.as_tensor(axis.images[0].get_array())
    torch.testing.assert_close(sheet[9:18, 18:27], images[1, 2])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c"]
    assert axis.get_xlabel() == "column"
    assert len(axis.lines) == 2  # one cross
    for line in axis.lines:
        assert all(18 <= x < 27 for x in line.get_xdata())
        assert all(9 <= y < 18 for y in line.get_ydata())
    assert not code_sheet(images, ["a", "b", "c"]).axes[0].lines


def test_the_grid_has_the_histories_and_says_what_is_missing(own_project) -> None:
    rows = [row | {"discriminator_accuracy": 0.75} for row in history(5, 4)]
    record = gan_record("report-dcgan", rows)
    both = {"classical": record, "capsules": None}
    figure = game_grid({"DCGAN": both, "WGAN": dict.fromkeys(both)})
    pale, dark = figure.axes[0].lines
    assert list(pale.get_ydata()) == [row["generator_loss"] for row in rows]
    assert len(dark.get_xdata()) == 2
    assert set(figure.axes[2].lines[0].get_ydata()) == {75}
    assert [text.get_text() for text in figure.axes[0].texts] == []
    figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[3].texts] == [NOT_RUN]
    assert figure.axes[3].get_ylabel() == "WGAN"
    names = [name.get_text() for name in figure.legends[0].get_texts()]
    assert names == ["classical", "capsules"]


def test_data_curves_have_the_mean_and_the_range() -> None:
    figure = data_curves({"DCGAN": [(600, [40, 60]), (60_000, [20])], "capsules": []})
    (axis,) = figure.axes
    line, _, (bars,) = axis.containers[0]
    assert list(line.get_xdata()) == [600, 60_000]
    assert list(line.get_ydata()) == [50, 20]
    assert bars.get_segments()[0][:, 1].tolist() == [40, 60]
    nothing = data_curves({"DCGAN": []})
    nothing.canvas.draw()
    assert [text.get_text() for text in nothing.axes[0].texts] == [NOT_RUN]


def test_shares_are_sorted_and_averaged_beside_the_even_share() -> None:
    shares = torch.tensor([[0.1, 0.7, 0.2, 0.0], [0.4, 0.1, 0.2, 0.3]])
    (axis,) = share_panels({"fresh": [shares, torch.full((2, 4), 0.25)]}).axes
    first, second, even = axis.lines
    assert list(first.get_ydata()) == pytest.approx([0.55, 0.25, 0.15, 0.05])
    assert list(second.get_ydata()) == pytest.approx([0.25] * 4)
    assert set(even.get_ydata()) == {0.25}
    assert axis.get_title() == "fresh"


def test_pixels_are_counted_where_they_lie() -> None:
    sets = {"real": torch.tensor([0.51, 0.99, 1.0, 0.52]), "made": torch.full((4,), -0.99)}
    (axis,) = pixel_panels({"[0, 1]": sets}).axes
    real, made = (
        stairs.get_data().values for stairs in axis.findobj(plt.matplotlib.patches.StepPatch)
    )
    assert real[-1] == pytest.approx(50) and real[30] == pytest.approx(50)
    assert made[0] == pytest.approx(100)
