"""The figures of the matrix capsules chapter show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.explore.matrix_figures import (
    activation_histograms,
    angle_planes,
    attack_panels,
    grouped_bars,
)


def texts(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_histograms_are_shares_of_the_capsules() -> None:
    near_half, spread = torch.full((3, 40), 0.51), torch.linspace(0.01, 0.99, 10)
    figure = activation_histograms({"layer": {"a": near_half, "b": spread}})
    outlines = [patch.get_xy() for patch in figure.axes[0].patches]
    assert outlines[0][:, 1].max() == pytest.approx(100)
    assert outlines[1][:, 1].max() == pytest.approx(10)
    assert "layer" in texts(figure)


def test_attacks_have_a_panel_per_method_and_direction() -> None:
    kinds = ("fgsm_error", "fgsm_success", "bim_error", "bim_success")
    one = {kind: [(0.0, 0.1 * k), (0.2, 0.5)] for k, kind in enumerate(kinds)}
    other = {kind: [(0.0, 0.9), (0.2, 1.0)] for kind in kinds}
    figure = attack_panels({"capsules": one, "CNN": other})
    assert len(figure.axes) == 4
    for k, axis in enumerate(figure.axes):
        assert list(axis.lines[0].get_ydata()) == pytest.approx([10 * k, 50])
        assert list(axis.lines[1].get_ydata()) == pytest.approx([90, 100])
    titles = [axis.get_title().split(",")[0] for axis in figure.axes]
    assert titles[0] == "FGSM: wrong" and titles[2] == "BIM: wrong"


def test_angles_lie_where_they_were_read() -> None:
    degrees = torch.tensor([0.0, 120.0, 0.0])
    found = torch.tensor([[1.0, 0.1], [-0.4, 0.8], [0.9, 0.0]])
    figure = angle_planes({"here": (found, degrees)})
    first, second = figure.axes[0].collections
    assert first.get_offsets().tolist() == pytest.approx(found[[0, 2]].numpy())
    assert second.get_offsets().tolist() == pytest.approx(found[[1]].numpy())
    assert "120°" in [name.get_text() for name in figure.legends[0].get_texts()]


def test_bars_stand_in_their_groups() -> None:
    figure = grouped_bars({"a": [0.25, 0.5], "b": [1.0, 0.75]}, ["left", "right"], "share")
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == [0.25, 0.5, 1.0, 0.75]
    assert "0.75" in texts(figure) and "right" in texts(figure)
