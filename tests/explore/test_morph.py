"""The morph between two noises shows the images and the lengths that it was given."""

import re

import pytest
import torch

from capsedu.explore.explorers import morph
from capsedu.explore.player import pixels

LINE, SPHERE = torch.rand(2, 5, 8, 8, generator=torch.Generator().manual_seed(0))
SHORT = torch.tensor([10.0, 8.0, 7.0, 8.5, 11.0])
LONG = torch.tensor([10.0, 10.2, 10.5, 10.7, 11.0])


def test_each_way_has_its_images_and_its_lengths():
    trace = morph(LINE, SPHERE, SHORT, LONG).trace
    for way, images, norms in [("line", LINE, SHORT), ("sphere", SPHERE, LONG)]:
        frames = trace["variants"][way]
        assert len(frames) == 5
        for k, frame in enumerate(frames):
            picture, lengths = frame["panels"]
            assert picture["bytes"] == pixels("", images[k : k + 1])["bytes"]
            (dot,) = lengths["dots"]
            assert dot["at"] == [k / 4, norms[k].item()]
            curves = {line["label"]: line["points"] for line in lengths["lines"]}
            assert curves["a straight line"][k] == (k / 4, SHORT[k].item())
            assert curves["a sphere"][k] == (k / 4, LONG[k].item())
            assert frame["label"] == f"{k / 4:.2f} of the way"


def test_captions_say_how_much_shorter_the_noise_is():
    variants = morph(LINE, SPHERE, SHORT, LONG).trace["variants"]
    middle = variants["line"][2]["caption"]  # the ends are 10 and 11 long, 10.5 in between
    assert "0.50 of the way: the noise has length 7.00, 33 % shorter than at the ends" in middle
    assert "length 10.50, as long as at the ends" in variants["sphere"][2]["caption"]
    longer = morph(LINE, SPHERE, SHORT, LONG + torch.tensor([0, 0.4, 0, 0, 0]))
    caption = longer.trace["variants"]["sphere"][1]["caption"]  # 10.6 instead of 10.25
    assert "length 10.60, 3 % longer than at the ends" in caption


def test_the_still_picture_has_words():
    html = morph(LINE, SPHERE, SHORT, LONG).html
    alt = re.search(r'<img[^>]* alt="([^"]*)"', html)[1]
    assert "5 images" in alt and "7.0 on the line and 10.5 on the sphere" in alt


def test_a_morph_of_digits_is_light():
    images = torch.rand(11, 32, 32)
    html = morph(images, images, torch.ones(11), torch.ones(11)).html
    trace = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1]
    assert len(trace) < 80_000


def test_the_reader_changes_the_way_and_keeps_the_place(page):
    page.set_content(morph(LINE, SPHERE, SHORT, LONG).html)
    host = page.locator(".capsedu-player")
    host.evaluate("host => host.capsedu.go(2)")
    shown = "host => host.capsedu.frame.panels[0].bytes"
    assert host.evaluate(shown) == pixels("", LINE[2:3])["bytes"]
    host.locator("select").select_option("sphere")
    assert host.evaluate(shown) == pixels("", SPHERE[2:3])["bytes"]
    assert host.locator(".label").inner_text() == "0.50 of the way"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LINE[None], SPHERE, SHORT, LONG), r"line must have shape \[n, h, w\]"),
        ((LINE[:1], SPHERE, SHORT, LONG), "line must have at least 2 images, got 1"),
        ((LINE, SPHERE[:4], SHORT, LONG), r"sphere must have shape \[5, 8, 8\], got \[4, 8, 8\]"),
        ((LINE, SPHERE, SHORT[:4], LONG), "line_norms must be 5 numbers, got 4"),
        ((LINE, SPHERE, SHORT, LONG[:, None]), r"sphere_norms must have shape \[n\]"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        morph(*arguments)
