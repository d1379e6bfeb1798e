"""The built book, page by page, in a real browser that can reach nothing but the book."""

import pytest
from browser import PAGES, watch
from playwright.sync_api import Page

WITH_FORMULAS = ["book/notation"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_opens_without_trouble(site: str, page: Page, name: str, scheme: str) -> None:
    troubles = watch(page)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site}/{name}.html", wait_until="networkidle")

    assert troubles == []
    assert "capsedu" in page.title()
    assert page.locator("article h1").first.inner_text().strip()


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_narrow_screen(site: str, page: Page, name: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{site}/{name}.html", wait_until="networkidle")

    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("name", WITH_FORMULAS)
def test_formulas_are_rendered(site: str, page: Page, name: str) -> None:
    page.goto(f"{site}/{name}.html", wait_until="networkidle")
    page.wait_for_selector("mjx-container")

    sources = page.locator("article .math").count()
    assert sources > 0
    assert page.locator("article .math mjx-container").count() == sources
    assert page.locator("mjx-merror").count() == 0


def test_colab_button_opens_the_notebook_in_the_repository(site: str, page: Page) -> None:
    page.goto(f"{site}/notebooks/02_squash.html")

    link = page.locator("a[href*='colab.research.google.com']").first.get_attribute("href")
    assert link.endswith("/github/capsedu/capsedu/blob/main/notebooks/02_squash.ipynb")


def test_results_page_reads_the_records(site: str, page: Page) -> None:
    page.goto(f"{site}/book/results.html")

    assert "CapsNet on MNIST" in page.locator("article").inner_text()
