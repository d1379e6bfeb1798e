"""Figures, tables and the explorer of the chapter on toys show the numbers they were given."""

import re
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
import torch
from gan_records import gan_record, history

from capsedu.explore.explorers import pose_reading
from capsedu.explore.explorers.pose_reading import Sweep, degrees_of
from capsedu.explore.player import pixels
from capsedu.explore.toys_gan_figures import (
    distance_curves,
    pose_maps,
    read_azimuths,
    reading_panels,
    share_panels,
)
from capsedu.explore.toys_gan_tables import (
    reading,
    reading_sentences,
    reading_table,
    toys_table,
)
from capsedu.records import write_record

SIDES = [0, 90, 180, 270]


def rows(table) -> list[list[str]]:
    lines = table.data.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_pose_maps_are_distances_from_the_mean_over_the_sides() -> None:
    still, moved = torch.full((4, 3), 7.0), torch.arange(4.0)[:, None] * torch.tensor([0, 1, -2])
    figure = pose_maps({"still": still, "moved": moved}, SIDES)
    left, right = (axis.images[0] for axis in figure.axes[:2])
    assert left.get_array().max() == 0
    assert right.get_array()[1].tolist() == [-1.5, -0.5, 0.5, 1.5]
    assert left.get_clim() == right.get_clim() == (-3, 3)
    assert "180°" in [text.get_text() for text in figure.findobj(plt.Text)]


def test_pose_maps_of_what_never_moves_are_drawn() -> None:
    assert pose_maps({"still": torch.ones(4, 3)}, SIDES).axes[0].images[0].get_clim() == (-1, 1)


def test_azimuths_lie_over_the_true_ones() -> None:
    read = torch.tensor([[1.0, 0.0], [0.0, -3.0]])
    figure = read_azimuths({"here": (read, torch.tensor([0.0, 180.0]))})
    points = figure.axes[0].collections[0].get_offsets()
    assert points.tolist() == [[0, 0], [180, 270]]


def test_readings_have_a_panel_each_and_a_line_for_silence() -> None:
    curve = [(4.0, 80.0), (32.0, 40.0)]
    figure = reading_panels(
        {"azimuth": {"trained": curve}, "lights": {"trained": curve}}, (90, 0.2)
    )
    lines = figure.axes[0].lines
    assert list(lines[0].get_xdata()) == [4, 32] and list(lines[0].get_ydata()) == [80, 40]
    assert set(figure.axes[1].lines[1].get_ydata()) == {0.2}


def test_shares_stand_at_their_values_beside_the_even_share() -> None:
    found = {
        "azimuth": [(0.0, 0.5), (120.0, 0.25), (240.0, 0.25)],
        "elevation": [(30.0, 1.0)],
        "lighting": [(0.0, 0.4), (3.0, 0.6)],
    }
    figure = share_panels({"CapsGAN": found})
    bars = figure.axes[0].patches
    assert [bar.get_height() for bar in bars] == [50, 25, 25]
    assert bars[1].get_x() + bars[1].get_width() / 2 == pytest.approx(120)
    assert figure.axes[0].lines[0].get_ydata()[0] == pytest.approx(100 / 3)


def test_distances_are_drawn_over_the_share_of_images() -> None:
    figure = distance_curves({"made": [(0.0, 1.0), (0.5, 2.0), (1.0, 5.0)]}, "distance")
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [0, 50, 100] and list(line.get_ydata()) == [1, 2, 5]


def sweep(n=4):
    random = torch.Generator().manual_seed(0)
    angle = torch.tensor(SIDES[:n]).float().deg2rad()
    read = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    return Sweep(torch.rand(n, 8, 8, generator=random), torch.randn(n, 16, generator=random), read)


def test_the_explorer_shows_toy_pose_and_what_was_read() -> None:
    toy = sweep()
    turned = toy._replace(read=toy.read.roll(1, 0))
    trace = pose_reading({"a car": toy, "a plane": turned}, SIDES).trace
    frame = trace["variants"]["0"][1]
    picture, plane, bars = frame["panels"]
    assert picture["bytes"] == pixels("", toy.images[1:2])["bytes"]
    true, read = plane["arrows"]
    assert true["to"] == [0, 1] and read["to"] == pytest.approx([0, 1.6], abs=0.01)  # cut
    torch.testing.assert_close(bars["values"], toy.poses[1], rtol=0, atol=0.006)
    assert "seen from 90°" in frame["caption"] and "which is 0° off" in frame["caption"]
    other = trace["variants"]["1"][1]
    assert "Read off the network: 0°, which is 90° off" in other["caption"]
    assert trace["controls"][0]["options"] == [["0", "a car"], ["1", "a plane"]]


def test_the_explorer_has_words_and_is_light() -> None:
    many = Sweep(torch.rand(18, 40, 40), torch.randn(18, 16), torch.randn(18, 2))
    html = pose_reading(dict.fromkeys(("a", "b", "c"), many), range(0, 360, 20)).html
    trace = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1]
    assert len(trace) < 200_000
    assert "18 sides" in re.search(r'<img[^>]* alt="([^"]*)"', html)[1]


@pytest.mark.parametrize(
    ("toys", "message"),
    [
        ({}, "sweeps must hold at least one toy, got none"),
        ({"a": sweep()._replace(images=torch.rand(4, 1, 8, 8))}, "images of 'a' must have shape"),
        ({"a": sweep(3)}, "images of 'a' must be 4, one for each azimuth, got 3"),
    ],
)
def test_bad_sweeps_are_named(toys, message) -> None:
    with pytest.raises(ValueError, match=message):
        pose_reading(toys, SIDES)


def test_directions_run_from_0_to_360() -> None:
    assert degrees_of(0.0, -1.0) == pytest.approx(270)
    assert degrees_of(2.0, 2.0) == pytest.approx(45)


def recorded(name, **azimuth_errors):
    """A record that says how far azimuths are off, by reader; 10 for fewer components."""
    curves = {}
    for who, error in azimuth_errors.items():
        for key, value in {"azimuth": error, "elevation": 5.0}.items():
            curves[f"{who}_{key}_error"] = [(4.0, value + 10), (32.0, value), (4096.0, 1.0)]
        curves[f"{who}_lighting_right"] = [(4.0, 0.2), (32.0, 0.5), (4096.0, 1.0)]
    record = replace(gan_record(name, history(40, 20)), curves=curves)
    write_record(record)
    return record


def test_readings_are_those_of_at_most_32_numbers(own_project) -> None:
    record = recorded("capsgan-3d", trained=40.0, untrained=60.0, pixels=50.0)
    assert reading(record, "trained") == {
        "numbers": 32,
        "azimuth_error": 40,
        "elevation_error": 5,
        "lighting_right": 0.5,
    }
    assert reading(record, "nobody") == {}
    _, _, ours, before, *_, pixels_row = rows(reading_table(["capsgan-3d", "dcgan-3d"], "small"))
    assert ours[1:] == ["32", "40", "5.0", "50%"]
    assert before[0].endswith("untrained") and before[2] == "60"
    assert pixels_row[0] == "the pixels" and pixels_row[2] == "50"


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ((40.0, 60.0, 50.0), ("training helped", "off the trained network")),
        ((60.0, 40.0, 50.0), ("training did harm", "off the untrained network")),
        ((50.0, 52.0, 30.0), ("training changed little", "off the pixels")),
    ],
)
def test_sentences_say_what_training_did(own_project, errors, words) -> None:
    recorded("capsgan-3d", **dict(zip(("trained", "untrained", "pixels"), errors, strict=True)))
    (said,) = reading_sentences(["capsgan-3d"], "small")
    assert all(word in said for word in words)


def test_without_records_everything_says_so(own_project) -> None:
    assert rows(toys_table(["capsgan-3d"], "small"))[2][1] == "not run yet"
    assert rows(reading_table(["capsgan-3d"], "small"))[-1][1] == "not run yet"
    assert reading_sentences(["capsgan-3d"], "small")[0].endswith("not run yet")


def test_quality_is_that_of_the_last_milestone(own_project) -> None:
    gan_record("capsgan-3d", history(40, 20))
    gan_record("capsgan-3d", history(10, 30), seed=1)
    heads, _, row = rows(toys_table(["capsgan-3d"], "small"))
    found = dict(zip(heads, row, strict=True))
    assert found["FID"] == "25.0 (20.0 to 30.0)" and found["seeds"] == "2"
    assert found["s / batch"] == "0.20 (0.20 to 0.20)"
