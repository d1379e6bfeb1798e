"""The figures of the CapsGAN chapter show the numbers that they were given."""

import matplotlib.pyplot as plt
import pytest
import torch
from gan_records import gan_record, history

from capsedu.evaluation.pictures import draw_samples
from capsedu.explore.capsgan_figures import (
    coupling_maps,
    game_losses,
    losses_and_pulls,
    milestone_sheets,
    quality_curves,
    sheet_images,
)
from capsedu.explore.tables import NOT_RUN
from capsedu.records import record_path


def texts(figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_losses_and_pulls_have_a_line_for_each_loss() -> None:
    lengths = torch.linspace(0, 1, 5)
    named = {"a": lengths, "b": lengths**2}
    figure = losses_and_pulls(lengths, named, {k: -v for k, v in named.items()})
    left, right = figure.axes
    assert list(left.lines[1].get_ydata()) == pytest.approx((lengths**2).numpy())
    assert list(right.lines[0].get_ydata()) == pytest.approx((-lengths).numpy())
    assert [name.get_text() for name in figure.legends[0].get_texts()] == ["a", "b"]


def test_couplings_are_shown_beside_an_even_share_and_say_their_range() -> None:
    flat = [torch.ones(2, 2)] * 2
    moved = [torch.full((2, 2), 0.5), torch.tensor([[0.4, 0.5], [0.5, 0.7]])]
    figure = coupling_maps({"one": (torch.rand(4, 4), flat), "two": (torch.rand(4, 4), moved)})
    assert "1.000 to 1.000" in texts(figure) and "0.400 to 0.700" in texts(figure)
    pictures = [axis.images[0] for axis in figure.axes[:6]]
    assert pictures[2].get_array().tolist() == flat[1].tolist()
    assert pictures[5].get_array().flatten().tolist() == pytest.approx([0.8, 1, 1, 1.4])
    for place in (1, 2, 4, 5):
        assert pictures[place].get_clim() == pytest.approx((0.6, 1.4))
    assert "iteration 2" in texts(figure)


def test_where_nothing_moves_noise_is_not_blown_up() -> None:
    maps = [torch.full((2, 2), 0.5), torch.full((2, 2), 0.5001)]
    figure = coupling_maps({"two": (torch.rand(4, 4), maps)})
    assert figure.axes[2].images[0].get_clim() == pytest.approx((0.98, 1.02))


def test_game_has_the_history_and_its_means() -> None:
    rows = history(5, 4)
    figure = game_losses({"upright": rows, "turned": rows})
    pale, dark = figure.axes[2].lines  # the generator's, in the first column
    assert list(pale.get_ydata()) == [row["generator_loss"] for row in rows]
    assert dark.get_ydata()[0] == pytest.approx(sum(1 / k for k in range(1, 11)) / 10)
    assert figure.axes[1].get_title() == "turned"


def test_quality_shows_the_mean_and_the_range_of_the_seeds() -> None:
    curves = {"CapsGAN": [(300, [40, 60]), (500, [20, 20])], "not run": []}
    figure = quality_curves({"upright": curves, "turned": curves}, ["batches", "seconds"])
    line, _, (bars,) = figure.axes[0].containers[0]
    assert list(line.get_ydata()) == [50, 20]
    assert bars.get_segments()[0][:, 1].tolist() == [40, 60]
    assert [axis.get_xlabel() for axis in figure.axes] == ["batches", "seconds"]
    assert figure.axes[0].get_yscale() == "log"
    assert quality_curves({"": curves}).axes[0].get_xlabel() == "batches"


def test_a_panel_without_records_says_so() -> None:
    curves = {"CapsGAN": [(300, [40])], "DCGAN": []}
    figure = quality_curves({"upright": curves, "turned": {"CapsGAN": [], "DCGAN": []}})
    words = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert words == [[], [NOT_RUN]]


def test_a_sheet_is_cut_into_its_digits(own_project) -> None:
    record = gan_record("capsgan", history(5, 4, batches=300), seed=1)
    assert sheet_images(record) == {}
    samples = {step: torch.randint(256, (16, 1, 32, 32)).byte() for step in ("300", "600")}
    draw_samples(samples, record_path("capsgan", "small", seed=1).with_suffix(".png"))
    found = sheet_images(record)
    assert list(found) == [300, 600]
    for step, digits in found.items():
        torch.testing.assert_close((digits * 255).round().byte(), samples[str(step)][:, 0])


def test_sheets_stand_in_rows_of_milestones() -> None:
    one = {300: torch.zeros(16, 4, 4), 1000: torch.arange(16.0).view(16, 1, 1).expand(16, 4, 4)}
    figure = milestone_sheets({"CapsGAN": one, "DCGAN": {300: one[300]}, "other": {}})
    assert len(figure.axes) == 6
    sheet = figure.axes[3].images[0].get_array()
    assert sheet.shape == (8, 24)
    assert sheet[0, ::4].tolist() == [0, 1, 2, 3, 4, 5] and sheet[4, 0] == 6
    assert not figure.axes[4].images
    assert [text.get_text() for text in figure.axes[2].texts] == [NOT_RUN]
    assert "1,000" in texts(figure) and "DCGAN" in texts(figure)
