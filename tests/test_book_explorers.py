"""The explorers where readers meet them: in the built page, with no kernel and no network."""

import pytest
from browser import watch
from playwright.sync_api import Page

CHAPTERS = {
    "01_transposed_convolution": 1,
    "02_squash": 1,
    "03_dynamic_routing": 4,
    "04_capsnet": 2,
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


def test_an_explorer_follows_the_theme_of_the_book(site: str, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{site}/notebooks/03_dynamic_routing.html", wait_until="networkidle")
    page.wait_for_selector(".capsedu-player[data-theme=light]")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_selector(".capsedu-player[data-theme=dark]")
