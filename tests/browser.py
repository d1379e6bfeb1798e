"""What the tests in a real browser share; the fixtures that use it are in conftest.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Locator, Page, Route

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
LOCAL = ("http://127.0.0.1:", "data:", "blob:")
AT_REST = """quiet => new Promise(resolve => {
  let timer = setTimeout(resolve, quiet);
  const observer = new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(resolve, quiet);
  });
  const what = { subtree: true, childList: true, attributes: true };
  observer.observe(document.documentElement, what);
})"""


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address at which this machine serves the files of a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def watch(page: Page) -> list[str]:
    """A list that fills with everything that goes wrong while the page is open.

    Requests that would leave the machine are refused, and noted.
    """
    troubles: list[str] = []
    page.on("requestfailed", lambda r: troubles.append(f"failed: {r.url}"))
    page.on("response", lambda r: r.ok or troubles.append(f"status {r.status}: {r.url}"))
    page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
    page.on("console", lambda m: m.type == "error" and troubles.append(f"console: {m.text}"))

    def only_local(route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            troubles.append(f"leaves the machine: {route.request.url}")
            route.abort()

    page.route("**/*", only_local)
    return troubles


def settle(page: Page, quiet: int = 600) -> None:
    """Waits until nothing in the page has changed for `quiet` milliseconds."""
    page.evaluate(AT_REST, quiet)


def drag(page: Page, handle: Locator, dx: float, dy: float) -> None:
    """Takes hold of something with the mouse and moves it by so many pixels."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()
