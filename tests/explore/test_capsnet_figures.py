"""The figures of the CapsNet chapter show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.explore.capsnet_drawing import draw_capsnet
from capsedu.explore.capsnet_figures import (
    error_curves,
    image_rows,
    pose_under_motion,
    share_bars,
    sweep_sheet,
    two_colours,
    two_cuts,
)


def texts(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_image_rows_puts_each_image_under_its_title() -> None:
    grey, coloured = torch.rand(3, 1, 5, 5), torch.rand(3, 3, 5, 5)
    figure = image_rows({"above": grey, "below": coloured}, ["a", "b", "c"])
    axes = figure.axes
    assert [axis.get_title() for axis in axes] == ["a", "b", "c", "", "", ""]
    assert [axes[0].get_ylabel(), axes[3].get_ylabel()] == ["above", "below"]
    assert torch.equal(torch.as_tensor(axes[1].images[0].get_array().data), grey[1, 0])
    shown = torch.as_tensor(axes[5].images[0].get_array().data)
    assert torch.equal(shown, coloured[2].permute(1, 2, 0))


def test_image_rows_wants_one_title_per_image() -> None:
    with pytest.raises(ValueError):
        image_rows({"above": torch.rand(3, 1, 5, 5)}, ["a", "b"])


def test_two_colours_keep_the_layers_apart() -> None:
    first, second = torch.tensor([1.0, 0, 1, 0]), torch.tensor([0.0, 1, 1, 0])
    mixed = two_colours(first.view(1, 1, 2, 2), second.view(1, 1, 2, 2))[0].flatten(1).T
    orange, blue, both, neither = mixed
    assert orange[0] > orange[2] and blue[2] > blue[0]
    assert (both >= torch.maximum(orange, blue)).all() and both.max() <= 1
    assert not neither.any()


def test_sweep_sheet_lays_components_in_rows_and_amounts_in_columns() -> None:
    images = torch.rand(4, 3, 1, 6, 5)
    figure = sweep_sheet(images, torch.tensor([-0.1, 0, 0.1]), torch.tensor([1.0, 2, 3, 4.26]))
    sheet = torch.as_tensor(figure.axes[0].images[0].get_array().data)
    assert torch.equal(sheet[3 * 6 : 4 * 6, 5:10], images[3, 1, 0])
    assert "4.3" in texts(figure) and "-0.10" in texts(figure).replace("−", "-")


def test_two_cuts_writes_every_channel_number() -> None:
    right = torch.arange(0.0, 256, 32).expand(2, 8)
    figure = two_cuts(right, torch.full((2, 8), 7.0), first=35)
    assert "224" in texts(figure) and "35" in texts(figure)


def test_curves_and_bars_carry_their_names() -> None:
    figure = error_curves({"here": [(1, 0.1), (2, 0.05)], "there": [(1, 0.2)]})
    assert "here" in texts(figure) and "there" in texts(figure)
    heights = figure.axes[0].lines[0].get_ydata()
    assert list(heights) == pytest.approx([10, 5])
    assert "94.0" in texts(share_bars({"convolution": (0.06, 0.06), "capsules": (0.5, 0.94)}))


def test_pose_under_motion_draws_a_panel_per_motion() -> None:
    line = torch.linspace(0, 1, 5)
    panels = {"turn": (line, line, 10 * line), "shift": (line, line / 2, 20 * line)}
    figure = pose_under_motion(panels, typical=5.5)
    above, _, below, other = figure.axes
    assert [axis.get_xlabel() for axis in (below, other)] == ["turn", "shift"]
    assert list(above.lines[0].get_ydata()) == line.tolist()
    assert list(other.lines[0].get_ydata()) == (20 * line).tolist()
    assert below.lines[1].get_ydata()[0] == 5.5


def test_draw_capsnet_reads_every_size_from_the_shapes() -> None:
    shapes = {
        "image": (1, 3, 36, 36),
        "convolution": (1, 64, 28, 28),
        "primary_capsules.convolution": (1, 56, 10, 10),
        "primary_capsules": (1, 700, 8),
        "class_capsules": (1, 5, 12),
        "decoder.0": (1, 60),
        "decoder.1": (1, 512),
        "decoder.2": (1, 512),
        "decoder.3": (1, 1024),
        "decoder.5": (1, 3888),
        "decoder.7": (1, 3, 36, 36),
    }
    found = texts(draw_capsnet(shapes))
    for number in ("3×36×36", "64×28×28", "7 types × 10×10", "5 of 12", "512, 1024, 3888"):
        assert number in found
