"""The outputs that are stored with the chapters, compared with what the cells print today."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browser import ROOT
from jupyter_cache import get_cache
from nbformat import NotebookNode

# Chapters that train nothing: every number in their outputs is the same on every machine.
REPRODUCIBLE = [
    "01_transposed_convolution",
    "02_squash",
    "03_dynamic_routing",
    "05_em_routing",
]
NOT_COMPARED = "nbval-ignore-output"  # a tag: this cell says something else each time
WIDGET = "application/vnd.jupyter.widget-view+json"  # not stored: see tools/notebooks.py
# What stands for itself. The bytes of a picture depend on the machine's fonts and libraries; an
# explorer is its trace and its script, and tests/explore opens it in a browser and compares.
MASKED = {
    r"data:image/[^\"']+": "PICTURE",
    r"0x[0-9a-f]{6,}": "ADDRESS",
    r'<div class="capsedu-player"[\s\S]*?</script></div>': "EXPLORER",
}


def masked(text: str) -> str:
    """The text without what no comparison can hold."""
    for pattern, name in MASKED.items():
        text = re.sub(pattern, name, text)
    return text


def printed(cell: NotebookNode) -> list[tuple[str, str]]:
    """What a cell has put out, as (kind, text); a stream that came in pieces is one again."""
    found: list[tuple[str, str]] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            before = found.pop()[1] if found and found[-1][0] == output.name else ""
            found.append((output.name, before + output.text))
        elif WIDGET not in (data := output.get("data", {})):
            found += sorted((kind, str(what)) for kind, what in data.items())
    return [(kind, masked(text)) for kind, text in found]


def compared(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The cells whose outputs must come out the same."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and NOT_COMPARED not in cell.metadata.get("tags", []):
            yield cell


def executed(path: Path) -> NotebookNode:
    """The notebook as the book's build has executed it."""
    cache = get_cache(ROOT / "_build" / ".jupyter_cache")
    return cache.merge_match_into_file(path)[1]


@pytest.mark.parametrize("name", REPRODUCIBLE)
def test_stored_outputs_are_what_the_cells_print(site: str, name: str) -> None:
    path = ROOT / "notebooks" / f"{name}.ipynb"
    stored = list(compared(nbformat.read(path, as_version=4)))
    again = list(compared(executed(path)))

    assert sum(len(printed(cell)) for cell in stored) > 10
    assert [cell.source for cell in again] == [cell.source for cell in stored]
    for before, now in zip(stored, again, strict=True):
        assert printed(now) == printed(before), before.source


def test_a_changed_word_or_number_is_seen_and_a_new_picture_is_not() -> None:
    def cell(text: str, html: str) -> NotebookNode:
        outputs = [
            nbformat.v4.new_output("stream", name="stdout", text=text[:3]),
            nbformat.v4.new_output("stream", name="stdout", text=text[3:]),
            nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "<HTML>"}),
            nbformat.v4.new_output("display_data", {WIDGET: {}, "text/plain": "a slider"}),
        ]
        return nbformat.v4.new_code_cell("", outputs=outputs)

    stored = printed(cell("0.25 of it", '<img src="data:image/png;base64,AAAA">'))
    assert stored == [
        ("stdout", "0.25 of it"),
        ("text/html", '<img src="PICTURE">'),
        ("text/plain", "<HTML>"),
    ]
    assert printed(cell("0.25 of it", '<img src="data:image/png;base64,BBBB">')) == stored
    assert printed(cell("0.26 of it", '<img src="data:image/png;base64,AAAA">')) != stored
    assert printed(cell("0.25 of it", "<b>gone</b>")) != stored
