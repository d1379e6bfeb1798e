"""The explorers where readers meet them: in the built page, with no kernel and no network."""

import pytest
import torch
from browser import drag, watch
from playwright.sync_api import Page

from capsedu.functional import squash
from capsedu.routing.dynamic import dynamic_routing

CHAPTERS = {
    "01_transposed_convolution": 1,
    "02_squash": 1,
    "03_dynamic_routing": 4,
    "04_capsnet": 2,
    "05_em_routing": 1,
    "07_transforming_autoencoder": 2,
    "08_dcgan": 2,
    "10_gan_zoo": 5,
    "11_capsgan_3d": 1,
    "12_rcn": 2,
}


@pytest.mark.parametrize(("chapter", "count"), CHAPTERS.items())
@pytest.mark.parametrize("width", [400, 1200])
def test_every_explorer_of_a_chapter_steps_and_resets(
    site: str, page: Page, chapter: str, count: int, width: int
) -> None:
    troubles = watch(page)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/notebooks/{chapter}.html", wait_until="networkidle")
    players = page.locator(".capsedu-player")
    assert players.count() == count
    for k in range(count):
        host = players.nth(k)
        title = host.locator("section").get_attribute("aria-label")
        index = host.evaluate("host => host.capsedu.index")
        if host.evaluate("host => host.capsedu.steps.length") == 1:  # there is something to draw
            assert host.locator(".next").is_hidden() and host.locator(".reset").is_visible()
            continue
        for expected in (0, 1):
            host.locator("input.step").press("Home" if expected == 0 else "ArrowRight")
            assert host.evaluate("host => host.capsedu.index") == expected, title
        host.locator(".play").click()
        page.wait_for_function(
            "k => document.querySelectorAll('.capsedu-player')[k].capsedu.index >= 2", arg=k
        )
        host.locator(".reset").click()
        assert host.evaluate("host => host.capsedu.index") == index, title
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert troubles == []


def test_what_is_dragged_in_the_book_is_computed_as_in_python(site: str, page: Page) -> None:
    page.goto(f"{site}/notebooks/02_squash.html", wait_until="networkidle")
    host = page.locator(".capsedu-player")
    drag(page, host.locator(".handle"), -40, 25)
    s = torch.tensor(host.evaluate("host => host.capsedu.state.s"))
    shown = torch.tensor(host.evaluate("host => host.capsedu.steps[3].v"))
    assert s.tolist() != [1.5, 1.0]
    torch.testing.assert_close(shown, squash(s), rtol=0, atol=1e-6)

    page.goto(f"{site}/notebooks/03_dynamic_routing.html", wait_until="networkidle")
    host = page.locator(".capsedu-player").first
    before = host.evaluate("host => host.capsedu.state.votes")
    drag(page, host.locator(".handle").nth(3), 30, 20)
    votes = host.evaluate("host => host.capsedu.state.votes")
    shown = torch.tensor(host.evaluate("host => host.capsedu.steps[2].poses"))
    assert votes != before
    torch.testing.assert_close(shown, dynamic_routing(torch.tensor([votes]))[0], rtol=0, atol=1e-6)


def test_an_explorer_follows_the_theme_of_the_book(site: str, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{site}/notebooks/03_dynamic_routing.html", wait_until="networkidle")
    page.wait_for_selector(".capsedu-player[data-theme=light]")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_selector(".capsedu-player[data-theme=dark]")
