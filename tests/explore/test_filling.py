"""The hole that the reader draws: in a real browser it is filled as Python fills it."""

import re

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from browser import watch

from capsedu.evaluation.inpainting import Search, holes
from capsedu.explore.explorers import filling, filling_search
from capsedu.explore.explorers.filling import BLOCKS, SHAPES, choose, packed, shaded

SIDE = 16
PAGE = """<!doctype html><html lang="en" {}><head><meta charset="utf-8"><title>test</title>
<meta name="viewport" content="width=device-width"></head><body>{}</body></html>"""


def pictures(n, seed, side=SIDE):
    """Random clouds, so that neighbours are alike."""
    small = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (side, side), mode="bilinear")


DIGITS, MADE, SEEN = pictures(3, 0), pictures(20, 1), pictures(12, 2)


@pytest.fixture
def opened(page):
    troubles = watch(page)

    def put(player, attributes=""):
        page.set_content(PAGE.format(attributes, player.html))
        return page.locator(".capsedu-player")

    yield put
    assert troubles == []


def state(host):
    return host.evaluate("host => host.capsedu.state")


def put_state(host, name, value):
    host.evaluate("(host, [name, value]) => host.capsedu.set(name, value)", [name, value])


def expected(hole, digit=0):
    pixels = torch.tensor(hole).bool().repeat_interleave(2, 0).repeat_interleave(2, 1)
    return choose(*(shaded(DIGITS)[digit], pixels), shaded(MADE), shaded(SEEN))


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if name == "errors":
            same(found[name], value)
        else:
            assert found[name] == pytest.approx(value, abs=1e-6), name


def test_the_browser_finds_what_python_finds(opened):
    host = opened(filling(DIGITS, MADE, SEEN))
    chosen = set()
    for seed in range(20):
        random = torch.Generator().manual_seed(seed)
        share = torch.rand(1, generator=random)
        hole = (torch.rand(BLOCKS, BLOCKS, generator=random) < share).int()
        hole[0, 0], hole[7, 7] = 0, 1  # some are known and some are missing
        put_state(host, "digit", str(seed % 3))
        put_state(host, "hole", hole.tolist())
        (found,) = host.evaluate("host => host.capsedu.steps")
        same(found, expected(hole.tolist(), seed % 3))
        chosen.add((found["best"], found["nearest"]))
    assert len(chosen) > 8


@pytest.mark.parametrize("shape", SHAPES)
def test_the_start_is_computed_in_python_and_again_in_the_browser(opened, shape):
    player = filling(DIGITS, MADE, SEEN, shape)
    host = opened(player)
    (begun,) = host.evaluate("host => host.capsedu.steps")
    same(begun, expected(player.trace["state"]["hole"].tolist()))
    put_state(host, "cursor", [0, 0])
    same(host.evaluate("host => host.capsedu.steps[0]"), begun)


def test_the_pictures_travel_in_sixteen_shades(opened):
    host = opened(filling(DIGITS, MADE, SEEN))
    shown = host.evaluate("host => [...atob(host.capsedu.frame.panels[0].bytes)].map("
                          "letter => letter.charCodeAt(0))")  # fmt: skip
    assert shown == (shaded(DIGITS)[0] * 255).round().int().flatten().tolist()
    assert (shaded(DIGITS) - DIGITS).abs().max() <= 0.5 / 15 + 1e-6
    assert len(packed(shaded(torch.rand(100, 1, 32, 32)))) < 70_000


def cell(host, row, column):
    box = host.locator("[data-kind=paint] svg").bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / BLOCKS, (
        box["y"] + (row + 0.5) * box["height"] / BLOCKS
    )


def test_a_stroke_takes_blocks_away_and_another_gives_them_back(opened, page):
    host = opened(filling(DIGITS, MADE, SEEN, "half"))
    before = state(host)["hole"]
    page.mouse.move(*cell(host, 1, 1))
    page.mouse.down()
    page.mouse.move(*cell(host, 1, 5), steps=20)
    page.mouse.move(*cell(host, 1, 2), steps=20)  # back over them: they stay away
    page.mouse.up()
    drawn = [row[:] for row in before]
    drawn[1][1:6] = [1] * 5
    assert state(host)["hole"] == drawn
    same(host.evaluate("host => host.capsedu.steps[0]"), expected(drawn))
    page.mouse.move(*cell(host, 3, 3))  # the button is up
    assert state(host)["hole"] == drawn
    page.mouse.click(*cell(host, 6, 6))
    drawn[6][6] = 0
    assert state(host)["hole"] == drawn and state(host)["cursor"] == [6, 6]
    host.locator(".reset").click()
    assert state(host)["hole"] == before


def test_a_stroke_may_leave_the_picture(opened, page):
    host = opened(filling(DIGITS, MADE, SEEN, "half"))
    page.mouse.move(*cell(host, 0, 7))
    page.mouse.down()
    page.mouse.move(*cell(host, 0, 9), steps=5)
    page.mouse.up()
    assert state(host)["hole"][0] == [0] * 7 + [1]


def test_keys_draw_too(opened, page):
    host = opened(filling(DIGITS, MADE, SEEN, "half"))
    drawing = host.locator("[data-kind=paint] svg")
    drawing.focus()
    assert "Row 5 of 8, column 5 of 8: missing" in drawing.get_attribute("aria-label")
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Space"):
        page.keyboard.press(key)  # drawn anew each time, it keeps the keyboard
    assert state(host)["cursor"] == [2, 3] and state(host)["hole"][2][3] == 1
    label = host.locator("[data-kind=paint] svg").get_attribute("aria-label")
    assert "Row 3 of 8, column 4 of 8: missing" in label
    page.keyboard.press("Space")
    assert state(host)["hole"][2][3] == 0
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert state(host)["cursor"] == [2, 7]


def test_a_ready_made_hole_is_drawn_once(opened):
    host = opened(filling(DIGITS, MADE, SEEN, "half"))
    host.locator("select[name=shape]").select_option("centre")
    wanted = holes(BLOCKS)["centre"].int().tolist()
    assert state(host)["hole"] == wanted
    put_state(host, ["hole", 0, 0], 1)
    wanted[0][0] = 1
    assert state(host)["hole"] == wanted
    host.locator("select[name=digit]").select_option(index=2)
    assert state(host)["hole"] == wanted
    same(host.evaluate("host => host.capsedu.steps[0]"), expected(wanted, 2))


@pytest.mark.parametrize(("value", "words"), [(0, "Nothing is missing"), (1, "Nothing is left")])
def test_nothing_to_fill_or_nothing_to_go_by_is_said(opened, value, words):
    host = opened(filling(DIGITS, MADE, SEEN))
    put_state(host, "hole", [[value] * BLOCKS] * BLOCKS)
    assert words in host.locator(".caption.now").inner_text()
    put_state(host, ["hole", 3, 3], 1 - value)
    assert "training digits by" in host.locator(".caption.now").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_narrow_page(opened, page, theme):
    page.set_viewport_size({"width": 400, "height": 900})
    host = opened(filling(DIGITS, MADE, SEEN), f'data-theme="{theme}"')
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert host.evaluate("host => host.dataset.theme") == theme
    found = Axe().run(page, ".capsedu-player").response["violations"]
    assert [violation["id"] for violation in found] == []


def test_the_words_beside_the_still_picture_have_the_numbers():
    player = filling(DIGITS, MADE, SEEN, "half")
    step = player.trace["steps"][0]
    alt = re.search(r'<img[^>]* alt="([^"]*)"', player.html)[1]
    assert "the lower half missing, 50% of it" in alt
    assert f"off by {step['errors']['made']:.3f} inside" in alt


def test_a_page_takes_250_digits_and_says_when_there_are_too_many():
    digits = torch.rand(260, 1, 32, 32)
    filling(digits[:10], digits[:120], digits[120:250])
    with pytest.raises(ValueError, match="trace must be at most 200000 bytes"):
        filling(digits, digits, digits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DIGITS[0], MADE, SEEN), r"digits must have shape \[n, c, h, w\]"),
        ((DIGITS, MADE[:0], SEEN), "made must be grey images"),
        ((DIGITS, MADE, pictures(2, 0, 32)), r"seen must be grey images .* got \[2, 1, 32, 32\]"),
        ((torch.rand(1, 1, 12, 12),) * 3, "digits must be grey images .* a multiple of 8"),
        ((DIGITS, MADE, SEEN, "star"), "shape must be one of centre, half, random, scribble"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        filling(*arguments)


# The search


def searches(steps=5):
    """Two restarts that come nearer; the second is the better one."""
    image = pictures(1, 5)[0]
    found = []
    for step in range(steps):
        off = torch.tensor([0.5, 0.3]) / (1 + step)
        made = (image + off.view(1, 2, 1, 1, 1)).clamp(max=1)
        found.append(Search(torch.ones(1, 2, 3), made, off[None], torch.zeros(1, 2)))
    return image, found


def test_frames_are_what_the_better_restart_had_found():
    image, found = searches()
    hole = holes(SIDE)["half"]
    player = filling_search(image, {"half": hole}, {"half": found}, 0.1, steps=(0, 2, 9))
    frames = player.trace["variants"]["half"]
    assert [frame["label"] for frame in frames] == ["step 0", "step 2"]
    assert "by 0.300 on average" in frames[0]["caption"]
    assert [dot["at"] for dot in frames[1]["panels"][3]["dots"]] == [[2, pytest.approx(0.1)]]
    off = (found[2].made[0, 1] - image)[:, hole].abs().mean().item()
    assert frames[1]["table"]["rows"][3] == ["off by, in the hole", pytest.approx(off)]


def test_another_hole_can_be_chosen(opened):
    image, found = searches()
    both = {name: holes(SIDE)[name] for name in ("half", "centre")}
    host = opened(filling_search(image, both, {name: found for name in both}, 0.0))
    known = "host => host.capsedu.frame.panels[0].bytes"
    before = host.evaluate(known)
    host.locator("select").select_option("centre")
    assert host.evaluate(known) != before
    assert host.locator(".label").inner_text() == "step 0"


def test_each_hole_needs_its_search():
    image, found = searches()
    with pytest.raises(ValueError, match=r"one entry for each of holes, \['half'\], got \['all'\]"):
        filling_search(image, {"half": holes(SIDE)["half"]}, {"all": found}, 0.1)
