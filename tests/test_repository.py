"""The notebooks and pages as files: in step with their sources, complete, and described."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from notebooks import from_script  # noqa: E402

SCRIPTS = sorted((ROOT / "notebooks" / "scripts").glob("[0-9]*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").glob("*.md"))]
WIDGET = "application/vnd.jupyter.widget-view+json"


def stem(path: Path) -> str:
    return path.stem


@pytest.fixture(params=NOTEBOOKS, ids=stem)
def notebook(request) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def test_every_script_has_its_notebook_and_the_other_way_round() -> None:
    assert SCRIPTS
    assert list(map(stem, NOTEBOOKS)) == list(map(stem, SCRIPTS))


@pytest.mark.parametrize("script", SCRIPTS, ids=stem)
def test_notebook_is_in_step_with_its_script(script: Path) -> None:
    expected = from_script(script)
    found = nbformat.read(script.parent.parent / f"{script.stem}.ipynb", as_version=4)

    def parts(notebook: NotebookNode) -> list[tuple]:
        return [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells]

    assert parts(found) == parts(expected), f"run: make notebooks (or edit {script.name} back)"


def test_notebook_runs_in_any_environment(notebook: NotebookNode) -> None:
    """papermill and Colab look for the kernel called python3 and the cell tagged parameters."""
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert re.search(r"^profile = ", tagged[0].source, re.MULTILINE)


def test_notebook_was_executed_from_top_to_bottom(notebook: NotebookNode) -> None:
    counts = [c.execution_count for c in notebook.cells if c.cell_type == "code" and c.source]
    assert counts == list(range(1, len(counts) + 1))
    assert list(outputs(notebook))


def test_notebook_stores_no_errors_and_no_warnings(notebook: NotebookNode) -> None:
    assert [o.evalue for o in outputs(notebook) if o.output_type == "error"] == []
    assert [o.text for o in outputs(notebook) if o.get("name") == "stderr"] == []


def test_notebook_needs_no_widget_state(notebook: NotebookNode) -> None:
    """GitHub refuses a notebook with widgets and no state; a page without a kernel stays blank."""
    assert "widgets" not in notebook.metadata
    assert not any(WIDGET in output.get("data", {}) for output in outputs(notebook))


class AltTexts(HTMLParser):
    """Collects the <img> tags without alt text."""

    def __init__(self) -> None:
        super().__init__()
        self.unnamed: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "img" and not named.get("alt"):
            self.unnamed.append((named.get("src") or "")[:60])


def images_without_alt(text: str) -> list[str]:
    """Images without alt text in Markdown or HTML: ![](…), {image} without :alt:, <img>."""
    parser = AltTexts()
    parser.feed(text)
    markdown = re.findall(r"!\[\s*\]\(([^)]*)\)", text)
    blocks = re.findall(r"\{(?:image|figure)\}\s*(\S+)\n((?::.*\n)*)", text)
    return parser.unnamed + markdown + [name for name, options in blocks if ":alt:" not in options]


def test_images_without_alt_are_found() -> None:
    text = '![](a.png) ![b](b.png) <img src="c.png"> <img src="d.png" alt="d">\n'
    text += "```{image} e.png\n:width: 1\n```\n```{image} f.png\n:alt: f\n```\n"
    assert images_without_alt(text) == ["c.png", "a.png", "e.png"]


def test_notebook_images_have_alt_text(notebook: NotebookNode) -> None:
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            assert images_without_alt(cell.source) == [], f"cell {number}"
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            assert not any(kind.startswith("image/") for kind in data), (
                f"cell {number} shows an image that cannot carry alt text: "
                "show it with capsedu.explore.show(figure, alt=…)"
            )
            assert images_without_alt(data.get("text/html", "")) == [], f"cell {number}"


@pytest.mark.parametrize("path", PAGES, ids=stem)
def test_page_images_have_alt_text(path: Path) -> None:
    assert images_without_alt(path.read_text()) == []
