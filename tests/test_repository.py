"""The notebooks as files: in step with their scripts, and complete."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from notebooks import from_script  # noqa: E402

SCRIPTS = sorted((ROOT / "notebooks" / "scripts").glob("[0-9a]*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9a]*.ipynb"))
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
