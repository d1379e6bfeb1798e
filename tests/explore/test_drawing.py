"""The growing canvas shows the network's own steps, and its windows where they are."""

import re

import pytest
import torch

from capsedu.explore.explorers.drawing import box, drawing
from capsedu.explore.player import pixels
from capsedu.layers.attention import Window
from capsedu.models.draw import attentive_draw, plain_draw
from capsedu.models.rcn import Rcn
from capsedu.models.vae import Vae

IMAGE = (torch.rand(1, 18, 18, generator=torch.Generator().manual_seed(0)) < 0.3).float()
SIZES = {"hidden": 8, "latent": 2}


def a_draw(steps=3):
    torch.manual_seed(0)
    return attentive_draw((1, 18, 18), 2, 3, **SIZES, steps=steps)


def test_frames_are_the_networks_steps():
    network = a_draw()
    variants = drawing(network, IMAGE).trace["variants"]
    noise = network.noise(1, torch.Generator().manual_seed(0))
    with torch.no_grad():
        asked, unasked = list(network.steps(IMAGE[None], noise)), list(network.paint(noise))
    for frame, stroke in zip(variants["image"], asked, strict=True):
        image, canvas, _ = frame["panels"]
        assert image["bytes"] == pixels("", IMAGE)["bytes"]
        assert canvas["bytes"] == pixels("", stroke.canvas[0].sigmoid())["bytes"]
        assert image["box"] == box(stroke.reading, 2, 18)
        assert canvas["box"] == box(stroke.writing, 3, 18)
    for frame, stroke in zip(variants["prior"], unasked, strict=True):
        (canvas,) = frame["panels"]
        assert canvas["bytes"] == pixels("", stroke.canvas[0].sigmoid())["bytes"]


def test_what_is_told_and_what_is_left_make_the_bound():
    table = drawing(a_draw(), IMAGE).trace["variants"]["image"][1]["table"]
    for n, (step, told, left, together) in enumerate(table["rows"], start=1):
        assert step == n and together == pytest.approx(told + left)
    assert all(a[1] < b[1] for a, b in zip(table["rows"], table["rows"][1:], strict=False))


def test_a_box_runs_through_the_outermost_filters_and_ends_at_the_border():
    found = Window(torch.tensor([[5.0, 8.0]]), torch.tensor([2.0]), torch.ones(1), torch.ones(1))
    assert box(found, 3, 18) == [6.5, 3.5, 10.5, 7.5]  # y 8 ± 2, x 5 ± 2; a pixel's middle is ½
    assert box(found, 9, 18) == [0.5, 0.0, 16.5, 13.5]
    assert box(None, 3, 18) is None


@pytest.mark.parametrize(
    ("network", "boxes"),
    [
        (lambda: plain_draw((1, 18, 18), **SIZES, steps=2), [False, False]),
        (lambda: Rcn((1, 18, 18), 3, 4, 2, **SIZES, steps=2), [False, True]),
        (lambda: Vae((1, 18, 18), **SIZES), [False, False]),
    ],
)
def test_networks_without_windows_have_no_boxes(network, boxes):
    frame = drawing(network(), IMAGE).trace["variants"]["image"][0]
    assert ["box" in panel for panel in frame["panels"][:2]] == boxes


def test_the_papers_64_steps_stay_light():
    torch.manual_seed(0)
    network = attentive_draw((1, 28, 28), **SIZES, steps=64)
    player = drawing(network, torch.zeros(1, 28, 28))
    frames = player.trace["variants"]["image"]
    assert len(frames) == 20
    assert frames[0]["label"] == "step 1 of 64" and frames[-1]["label"] == "step 64 of 64"
    alt = re.search(r'<img[^>]* alt="([^"]*)"', player.html)[1]
    assert "64 steps" in alt


@pytest.mark.parametrize("steps", [10, 64])
def test_several_images_can_be_chosen_from(steps):
    torch.manual_seed(0)
    network = attentive_draw((1, 28, 28), **SIZES, steps=steps)
    images = {f"a {k}": (torch.rand(1, 28, 28) < 0.2).float() for k in range(4)}
    trace = drawing(network, images).trace  # and it is small enough for a page
    assert [name for _, name in trace["controls"][0]["options"]][:4] == [*images]
    keys = [key for key, _ in trace["controls"][0]["options"]]
    assert keys == [*trace["variants"]] and keys[-1] == "prior"
    for key, image in zip(keys, images.values(), strict=False):
        alone = drawing(network, image).trace["variants"]["image"]
        frames = trace["variants"][key]
        assert len(frames) == 10
        assert frames[-1]["panels"][:2] == alone[-1]["panels"][:2]
        assert frames[-1]["caption"] == alone[-1]["caption"]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"image must have shape \[c, h, w\]"):
        drawing(a_draw(), IMAGE[0])
    with pytest.raises(ValueError, match=r"images must have shape \[b, 1, 18, 18\]"):
        drawing(a_draw(), torch.zeros(1, 20, 20))


def test_the_reader_changes_from_the_image_to_noise(page):
    page.set_content(drawing(a_draw(), IMAGE).html)
    host = page.locator(".capsedu-player")
    host.evaluate("host => host.capsedu.go(2)")
    assert host.locator(".label").inner_text() == "step 3 of 3"
    assert host.locator("svg rect.mark").count() == 2
    host.locator("select").select_option("prior")
    assert host.locator(".label").inner_text() == "step 3 of 3"
    assert host.locator("svg rect.mark").count() == 1
