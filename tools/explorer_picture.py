"""Takes book/images/routing.png: the routing explorer as a reader sees it, at its last step."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from capsedu.explore import explorers

PICTURE = Path(__file__).parents[1] / "book/images/routing.png"


def main() -> None:
    """Opens the explorer in Chromium, goes to the end, and keeps the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": 760, "height": 800}, device_scale_factor=2, color_scheme="light"
        )
        page.set_content(f'<html lang="en"><body>{explorers.routing().html}</body></html>')
        host = page.locator(".capsedu-player")
        host.evaluate("host => host.capsedu.go(Infinity)")
        host.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
