"""The figures of the RCN chapter show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.explore.drawing_figures import (
    bound_panels,
    class_shares,
    filter_panels,
    followed_moves,
    framed_images,
    likelihood_curve,
    nats_by_step,
)


def texts(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_an_estimate_rises_to_the_truth() -> None:
    (axis,) = likelihood_curve([(1, -3.0), (10, -2.5)], -2.0).axes
    estimate, truth = axis.lines
    assert list(estimate.get_ydata()) == [-3, -2.5] and set(truth.get_ydata()) == {-2.0}
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "10"]
    assert len(likelihood_curve([(1, -3.0), (10, -2.5)]).axes[0].lines) == 1


def test_every_filter_is_a_line_over_the_pixels() -> None:
    row, bank = torch.tensor([0.0, 1.0, 0.5]), torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    figure = filter_panels(row, {"sharp": bank, "broad": bank / 2})
    sharp, broad = figure.axes
    assert [list(line.get_ydata()) for line in sharp.lines] == [
        pytest.approx(weights) for weights in bank.tolist()
    ]
    heights = [bar.get_height() for bar in broad.patches]
    assert heights[1] == pytest.approx(2 * heights[2]) and heights[0] == 0
    assert "filter 2" in texts(figure) and "broad" in texts(figure)


def test_a_window_has_a_frame_in_pixels() -> None:
    image = torch.rand(28, 28)
    figure = framed_images({"with": (image, [3.0, 5.0, 13.0, 21.0]), "without": (image, None)})
    framed, plain = figure.axes
    (frame,) = framed.patches
    assert frame.get_xy() == (4.5, 2.5)  # matplotlib's pixel 0 reaches from -½ to ½
    assert (frame.get_width(), frame.get_height()) == (16, 10)
    assert not plain.patches and "without" in texts(figure)


def test_a_black_image_can_be_shown() -> None:
    (axis,) = framed_images({"black": (torch.zeros(4, 4), None)}).axes
    assert axis.images[0].get_clim()[1] > 0


@pytest.mark.parametrize("margin", [False, True])
def test_a_bound_is_drawn_with_its_parts(margin) -> None:
    history = [
        {"step": 10 * k, "bound": 30.0, "reconstruction": 20.0, "kl": 10.0 + k}
        | ({"margin": 0.4} if margin else {})
        for k in (1, 2)
    ]
    figure = bound_panels(history)
    assert len(figure.axes) == 1 + margin
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [
        [30, 30],
        [20, 20],
        [11, 12],
    ]
    assert figure.axes[-1].get_xlabel() == "batch"


def test_nats_stand_at_their_steps() -> None:
    (axis,) = nats_by_step({"DRAW": [(1, 4.0), (2, 1.0)], "RCN": [(1, 2.0), (2, 3.0)]}).axes
    assert [list(line.get_ydata()) for line in axis.lines] == [[4, 1], [2, 3]]


def test_moves_are_drawn_with_their_spread() -> None:
    amounts = torch.tensor([-1.0, 0.0, 1.0])
    read = amounts[:, None] + torch.tensor([-0.5, 0.0, 0.5])
    figure = followed_moves({"shift": {"one": (amounts, read)}, "turn": {"one": (amounts, read)}})
    first, _ = figure.axes
    middle = first.lines[0]
    assert list(middle.get_ydata()) == pytest.approx([-1, 0, 1])
    assert list(middle.get_xdata()) == pytest.approx([-1, 0, 1])
    (bars,) = first.collections
    assert bars.get_segments()[0][:, 1] == pytest.approx([-1.4, -0.6])
    assert "turn" in texts(figure) and "one" in texts(figure)


def test_shares_are_percent_of_each_digit() -> None:
    (axis,) = class_shares({"RCN": [(k, 0.1) for k in range(10)]}).axes
    assert list(axis.lines[0].get_ydata()) == pytest.approx([10] * 10)
    assert list(axis.lines[0].get_xdata()) == pytest.approx(range(10))
