"""The built book, page by page, in a real browser that can reach nothing but the book."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
PAGES = [
    "book/index",
    *(
        line.split("file:")[1].strip()
        for line in (ROOT / "_toc.yml").read_text().splitlines()
        if "file:" in line
    ),
]
WITH_FORMULAS = ["book/notation"]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the book, built as `make book` builds it and served from this machine."""
    built = subprocess.run(
        [sys.executable, "tools/build_book.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, (built.stdout + built.stderr)[-6000:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=HTML))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None and "CI" not in os.environ:
        pytest.skip("Chromium is not installed (on Debian: apt install chromium)")
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def watch(page: Page) -> list[str]:
    """A list that fills with everything that goes wrong while the page is open."""
    troubles: list[str] = []
    page.on("requestfailed", lambda r: troubles.append(f"failed: {r.url}"))
    page.on("response", lambda r: r.ok or troubles.append(f"status {r.status}: {r.url}"))
    page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
    page.on("console", lambda m: m.type == "error" and troubles.append(f"console: {m.text}"))

    def only_local(route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            troubles.append(f"leaves the machine: {route.request.url}")
            route.abort()

    page.route("**/*", only_local)
    return troubles


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_opens_without_trouble(site: str, page: Page, name: str, scheme: str) -> None:
    troubles = watch(page)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site}/{name}.html", wait_until="networkidle")

    assert troubles == []
    assert "capsedu" in page.title()
    assert page.locator("article h1").first.inner_text().strip()
    unnamed = page.eval_on_selector_all(
        "img", "images => images.filter(i => !i.alt).map(i => i.src.slice(0, 120))"
    )
    assert unnamed == [], f"{name}: images without alt text"


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
