"""Readers who do not see the page, or not well: axe on every page, and words for every image."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import PAGES, ROOT, settle
from playwright.sync_api import Page

from capsedu.explore.player import STATIC

WIDTHS = [1280, 400]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9a]*.ipynb"))
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").glob("*.md"))]
# Axe looks only at what is shown, so whatever can be unfolded is, the players' tables included.
UNFOLD = """() => {
  const hosts = [...document.querySelectorAll("*")].filter(node => node.shadowRoot);
  for (const root of [document, ...hosts.map(host => host.shadowRoot)]) {
    for (const folded of root.querySelectorAll("details")) folded.open = true;
  }
}"""
# In code, nearly every word is an element, and axe takes most of a minute to find a page's five
# thousand words alike. Of those that look the same, one is left; the others become plain text of
# the block around them, which axe looks at too.
ONE_WORD_PER_LOOK = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight pre span")) {
    const { color, backgroundColor, fontWeight, fontSize } = getComputedStyle(word);
    const block = word.closest(".cell_input, .cell_output")?.className;
    const look = [block, color, backgroundColor, fontWeight, fontSize].join();
    if (seen.has(look)) word.replaceWith(...word.childNodes);
    else seen.add(look);
  }
}"""
# The contrast (WCAG 2.1) of everything that panels.js writes in the pictures of a player: on the
# player's own surface, and on cells whose colour stands for a value.
CONTRASTS = """dark => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = colour => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const linear = [...context.getImageData(0, 0, 1, 1).data].map(
      value => value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const colours = theme(dark);
  const surface = `rgb(${colours.surface.join(",")})`;
  const found = [colours.ink, ...colours.lines].map(text => [text, contrast(text, surface)]);
  for (const scale of ["sequential", "diverging", "gray"]) {
    for (let value = 0; value <= 1; value += 0.01) {
      const { background, text } = shade({ scale, min: 0, max: 1 }, value, colours);
      found.push([`${text} on ${scale} ${value}`, contrast(text, background)]);
    }
  }
  return found;
}"""
UNNAMED = "images => images.filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 120))"


def stem(path: Path) -> str:
    return path.stem


def violations(page: Page) -> list[str]:
    """What axe calls serious or critical on the page as it is now, open shadow roots included."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['html'][:200]}: {node['failureSummary']}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_axe_looks_into_a_player(page: Page) -> None:
    page.set_content("<html lang='en'><title>t</title><main><h1>t</h1><div></div></main></html>")
    page.evaluate(
        """() => document.querySelector("div").attachShadow({ mode: "open" }).innerHTML =
        '<button></button><p style="color: #999">faint</p><details><img src="data:,"></details>'"""
    )
    page.evaluate(UNFOLD)

    assert [found.split(":")[0] for found in violations(page)] == [
        "button-name",
        "color-contrast",
        "image-alt",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, "genindex", "search"])
def test_axe_finds_nothing_serious(site: str, page: Page, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{site}/{name}.html", wait_until="networkidle")
    page.evaluate(UNFOLD)
    page.evaluate(ONE_WORD_PER_LOOK)

    assert page.locator("html").get_attribute("data-theme") == scheme
    assert page.eval_on_selector_all("img", UNNAMED) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        assert violations(page) == [], f"{name}, {scheme}, {width} pixels wide"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_in_the_pictures_of_a_player_can_be_read(page: Page, dark: bool) -> None:
    """Axe cannot tell what lies behind the text of an SVG, so this is reckoned here."""
    script = (STATIC / "themes.js").read_text() + "\nObject.assign(window, { theme, shade });"
    page.add_script_tag(content=script, type="module")
    page.wait_for_function("() => Boolean(window.shade)")

    found = page.evaluate(CONTRASTS, dark)
    assert {name: round(ratio, 2) for name, ratio in found if ratio < 4.5} == {}


class _AltTexts(HTMLParser):
    """Collects the <img> tags without alt text."""

    def __init__(self) -> None:
        super().__init__()
        self.unnamed: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "img" and not (named.get("alt") or "").strip():
            self.unnamed.append((named.get("src") or "")[:60])


def unnamed_in_html(text: str) -> list[str]:
    """Where the <img> tags without alt text get their picture from."""
    parser = _AltTexts()
    parser.feed(text)
    return parser.unnamed


def unnamed_in_markdown(text: str) -> list[str]:
    """The images without alt text: <img>, ![](…), and {image} or {figure} without :alt:."""
    images = re.findall(r"!\[\s*\]\(([^)]*)\)", text)
    blocks = re.findall(r"\{(?:image|figure)\}\s*(\S+)\n((?::.*\n)*)", text)
    return unnamed_in_html(text) + images + [name for name, opts in blocks if ":alt:" not in opts]


def unnamed_in_notebook(path: Path) -> Iterator[str]:
    """The notebook's images without alt text, each with its cell."""
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        here = f"{path.name}, cell {number}"
        if cell.cell_type == "markdown":
            yield from (f"{here}: {image}" for image in unnamed_in_markdown(cell.source))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield from (f"{here}: {image}" for image in unnamed_in_html(data.get("text/html", "")))
            # These cannot carry alt text: show them with capsedu.explore.show(figure, alt=…).
            yield from (f"{here}: {kind}" for kind in data if kind.startswith("image/"))


def test_images_without_alt_text_are_found(tmp_path: Path) -> None:
    text = '![](a.png) ![b](b.png) <img src="c.png"> <img src="d.png" alt="d">\n'
    text += "```{image} e.png\n:width: 1\n```\n```{image} f.png\n:alt: f\n```\n"
    assert unnamed_in_markdown(text) == ["c.png", "a.png", "e.png"]

    outputs = [
        nbformat.v4.new_output("display_data", {"text/html": '<img alt=" " src="g.png">'}),
        nbformat.v4.new_output("display_data", {"image/png": "AAAA", "text/plain": "a figure"}),
        nbformat.v4.new_output("display_data", {"text/html": "<script>x = '<img>'</script>"}),
    ]
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell("", outputs=outputs)]
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert list(unnamed_in_notebook(path)) == [
        *(f"n.ipynb, cell 0: {name}.png" for name in "cae"),
        "n.ipynb, cell 1: g.png",
        "n.ipynb, cell 1: image/png",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_notebook_images_have_alt_text(path: Path) -> None:
    assert list(unnamed_in_notebook(path)) == []


@pytest.mark.parametrize("path", TEXTS, ids=stem)
def test_page_images_have_alt_text(path: Path) -> None:
    assert unnamed_in_markdown(path.read_text()) == []
