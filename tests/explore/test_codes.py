"""The explorer of codes shows the images that it was given, and what the classifier sees."""

import re

import pytest
import torch

from capsedu.explore.explorers import codes
from capsedu.explore.player import pixels

IMAGES = torch.rand(3, 5, 8, 8, generator=torch.Generator().manual_seed(0))
SEEN = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(1)).softmax(dim=2)
CHOICES, STEPS = ["a 0", "a 1", "a 2"], ["−1", "−0.5", "0", "+0.5", "+1"]
GIVEN = ("A digit by choice", IMAGES, SEEN, CHOICES, STEPS)


def test_each_choice_has_its_images_and_what_is_seen_in_them():
    trace = codes(*GIVEN, choice="digit").trace
    (control,) = trace["controls"]
    assert control["label"] == "digit"
    assert control["options"] == [["0", "a 0"], ["1", "a 1"], ["2", "a 2"]]
    for v in range(3):
        frames = trace["variants"][str(v)]
        assert [frame["label"] for frame in frames] == STEPS
        for k, frame in enumerate(frames):
            picture, bars = frame["panels"]
            assert picture["bytes"] == pixels("", IMAGES[v, k][None])["bytes"]
            assert bars["values"] == [round(p, 2) for p in SEEN[v, k].tolist()]
            best = int(SEEN[v, k].argmax())
            assert bars["highlight"] == [best]
            assert (
                f"{CHOICES[v]}, {STEPS[k]}: the classifier takes it for a {best}"
                in frame["caption"]
            )
            assert [row[1] for row in frame["table"]["rows"]] == bars["values"]


def test_it_begins_in_the_middle_and_the_still_picture_has_words():
    player = codes(*GIVEN)
    assert player.trace["start"] == 2
    alt = re.search(r'<img[^>]* alt="([^"]*)"', player.html)[1]
    assert "A digit by choice" in alt and "a 0, a 1, a 2" in alt and "−1 to +1" in alt


def test_two_codes_of_ten_categories_are_light_enough():
    images, seen = torch.rand(20, 5, 28, 28), torch.rand(20, 5, 10)
    names = [f"category {k}, {which} code" for which in ("first", "second") for k in range(10)]
    assert codes("InfoGAN", images, seen, names, [str(k) for k in range(5)]).html


def test_the_reader_changes_the_choice_and_keeps_the_place(page):
    page.set_content(codes(*GIVEN).html)
    host = page.locator(".capsedu-player")
    host.evaluate("host => host.capsedu.go(4)")
    shown = "host => host.capsedu.frame.panels[0].bytes"
    assert host.evaluate(shown) == pixels("", IMAGES[0, 4][None])["bytes"]
    host.locator("select").select_option("2")
    assert host.evaluate(shown) == pixels("", IMAGES[2, 4][None])["bytes"]
    assert host.locator(".label").inner_text() == "+1"


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (1, IMAGES[0], r"images must have shape \[v, n, h, w\]"),
        (2, SEEN[:2], r"seen must have shape \[3, 5, 'classes'\], got \[2, 5, 4\]"),
        (3, CHOICES[:2], "choices must be 3 names, one for each, got 2"),
        (4, STEPS[:4], "steps must be 5 names, one for each, got 4"),
    ],
)
def test_bad_input_is_named(place, value, message):
    with pytest.raises(ValueError, match=message):
        codes(*GIVEN[:place], value, *GIVEN[place + 1 :])
