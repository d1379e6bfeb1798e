"""The explorer of told transforms shows what the network draws, and where it errs."""

import re

import pytest
import torch

from capsedu.data import shift_images
from capsedu.explore.explorers import told_transform
from capsedu.explore.player import pixels
from capsedu.models.transforming_autoencoder import AFFINE, TransformingAutoencoder

AMOUNTS = [-3, 0, 3, 6]
TOLD = torch.tensor([[0, amount] for amount in AMOUNTS])


def images(n=2, size=8):
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(0))


def wanted(seen):
    return torch.stack([shift_images(seen, told.expand(len(seen), 2)) for told in TOLD], dim=1)


def explorer(seen=None, **changes):
    torch.manual_seed(0)
    seen = images() if seen is None else seen
    arguments = {
        "network": TransformingAutoencoder(tuple(seen.shape[1:]), 3, 4, 4),
        "images": seen,
        "names": ["a 3", "a 7"][: len(seen)],
        "amounts": AMOUNTS,
        "told": TOLD,
        "wanted": wanted(seen),
        "motion": "pixels to the right",
        "trained": 4,
    }
    return told_transform(**(arguments | changes)), arguments | changes


def test_each_image_has_its_drawings_and_their_errors():
    player, arguments = explorer()
    network = arguments["network"]
    assert {*player.trace["variants"]} == {"0", "1"}
    for k, frames in enumerate(player.trace["variants"].values()):
        for m, frame in enumerate(frames):
            with torch.no_grad():
                drawn = network(arguments["images"][k : k + 1], TOLD[m : m + 1])[0]
            seen, due, made, curve = frame["panels"]
            assert seen["bytes"] == pixels("", arguments["images"][k])["bytes"]
            assert due["bytes"] == pixels("", arguments["wanted"][k, m])["bytes"]
            assert made["bytes"] == pixels("", drawn)["bytes"]
            error = (drawn - arguments["wanted"][k, m]).square().sum().item()
            assert curve["dots"][0]["at"] == pytest.approx([AMOUNTS[m], error], rel=1e-4)


def test_captions_say_what_was_never_told():
    player, _ = explorer()
    captions = [frame["caption"] for frame in player.trace["variants"]["0"]]
    assert "−3 pixels to the right, as training told it" in captions[0]
    assert "+6 pixels to the right, further than training told" in captions[3]
    assert player.trace["start"] == 1


def test_the_still_picture_has_words():
    player, _ = explorer()
    alt = re.search(r'<img[^>]* alt="([^"]*)"', player.html)[1]
    assert "a 3 after 4 told transforms" in alt and "+6 with a squared error of" in alt


def test_four_digits_and_nine_transforms_fit_into_a_page():
    seen = images(4, 28)
    told = TOLD[:1].expand(9, 2)
    player, _ = explorer(
        seen, names=list("abcd"), amounts=[*range(9)], told=told, wanted=torch.rand(4, 9, 1, 28, 28)
    )
    assert len(player.html) < 300_000


def test_matrices_can_be_told(page):
    seen = images()
    torch.manual_seed(0)
    network = TransformingAutoencoder((1, 8, 8), 3, 4, 4, AFFINE)
    player, _ = explorer(seen, network=network, told=torch.eye(3).repeat(4, 1, 1))
    page.set_content(player.html)
    host = page.locator(".capsedu-player")
    host.evaluate("host => host.capsedu.go(2)")
    host.locator("select").select_option("1")
    shown = "host => host.capsedu.frame.panels[0].bytes"
    assert host.evaluate(shown) == pixels("", seen[1])["bytes"]
    assert host.locator(".label").inner_text() == "+3 pixels to the right"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": images()[0]}, r"images must have shape \[n, c, h, w\]"),
        ({"names": ["one"]}, "names must be 2, one for each image, got 1"),
        ({"told": TOLD[:2]}, "told must hold 4 transforms, one for each amount, got 2"),
        ({"wanted": torch.rand(2, 3, 1, 8, 8)}, r"wanted must have shape \[2, 4, 1, 8, 8\]"),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        explorer(**changes)
