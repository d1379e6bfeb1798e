"""The figures of the DCGAN chapter show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.evaluation.pictures import draw_samples
from capsedu.evaluation.precision_recall import precision_and_recall
from capsedu.explore.gan_figures import (
    ball_panels,
    best_discriminator_panels,
    generator_loss_panels,
    length_histogram,
    mode_curves,
    sheet_images,
    training_panels,
)


def texts(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_best_discriminator_lies_below_its_densities() -> None:
    x, p, q = torch.tensor([0.0, 1.0]), torch.tensor([0.3, 0.1]), torch.tensor([0.1, 0.1])
    dots = torch.tensor([0.5]), torch.tensor([0.6])
    above, below = best_discriminator_panels(x, p, q, {"p / (p + q)": p / (p + q)}, dots).axes
    assert [list(line.get_ydata()) for line in above.lines] == [p.tolist(), q.tolist()]
    assert list(below.lines[0].get_ydata()) == pytest.approx([0.75, 0.5])
    assert list(below.lines[1].get_xdata()) == [0.5]
    assert "p / (p + q)" in [entry.get_text() for entry in below.get_legend().get_texts()]


def test_both_losses_of_the_generator_have_a_value_and_a_slope() -> None:
    D = torch.tensor([0.1, 0.9])
    losses, slopes = {"a": D, "b": 2 * D}, {"a": -D, "b": D - 1}
    left, right = generator_loss_panels(D, losses, slopes).axes
    assert list(left.lines[1].get_ydata()) == pytest.approx([0.2, 1.8])
    assert list(right.lines[1].get_ydata()) == pytest.approx([-0.9, -0.1])


def test_training_shows_fid_where_it_was_measured() -> None:
    row = {"generator_loss": 2.0, "discriminator_loss": 0.5, "discriminator_accuracy": 0.75}
    history = [{"step": 10, **row}, {"step": 20, **row, "fid": 30.0}]
    losses, accuracy, fid = training_panels(history).axes
    assert [list(line.get_ydata()) for line in losses.lines] == [[2.0, 2.0], [0.5, 0.5]]
    assert list(accuracy.lines[0].get_ydata()) == [75, 75]
    assert list(fid.lines[0].get_xdata()) == [20] and list(fid.lines[0].get_ydata()) == [30]


def test_a_training_that_was_never_measured_can_be_shown() -> None:
    row = {"generator_loss": 2.0, "discriminator_loss": 0.5, "discriminator_accuracy": 0.75}
    figure = training_panels([{"step": 10, **row}])
    assert list(figure.axes[2].lines[0].get_xdata()) == []


def test_balls_are_counted_as_precision_and_recall_count_them() -> None:
    dice = torch.Generator().manual_seed(0)
    real, samples = torch.randn(2, 30, 2, generator=dice)
    precision, recall = precision_and_recall(real, samples)
    figure = ball_panels(real, {"some": samples, "the same": real})
    assert len(figure.axes) == 4
    assert f"precision {precision:.2f}" in texts(figure)
    assert f"recall {recall:.2f}" in texts(figure)
    assert "precision 1.00" in texts(figure) and "recall 1.00" in texts(figure)
    inside, outside = figure.axes[0].collections
    assert len(inside.get_offsets()) == pytest.approx(30 * precision)
    assert len(outside.get_offsets()) == pytest.approx(30 * (1 - precision))


def test_modes_are_drawn_round_by_round() -> None:
    figure = mode_curves({"few": [1, 2, 2], "many": [3, 5, 6]}, most=6)
    few, many, most = figure.axes[0].lines
    assert list(few.get_ydata()) == [1, 2, 2] and list(many.get_ydata()) == [3, 5, 6]
    assert set(most.get_ydata()) == {6}


def test_lengths_are_marked() -> None:
    figure = length_histogram(torch.tensor([1.0, 2.0, 3.0]), {"middle": 1.5})
    assert figure.axes[0].lines[0].get_xdata()[0] == 1.5
    assert "middle" in texts(figure)


def test_a_sheet_is_cut_as_it_was_drawn(tmp_path) -> None:
    dice = torch.Generator().manual_seed(0)
    drawn = {
        step: torch.randint(256, (3, 1, 8, 8), generator=dice).byte() for step in ("20", "100")
    }
    draw_samples(drawn, tmp_path / "sheet.png")
    found = sheet_images(tmp_path / "sheet.png", size=8)
    assert torch.equal((found[0] * 255).round().byte(), drawn["20"])
    assert torch.equal((found[1] * 255).round().byte(), drawn["100"])
    with pytest.raises(ValueError, match="size must divide"):
        sheet_images(tmp_path / "sheet.png", size=7)
