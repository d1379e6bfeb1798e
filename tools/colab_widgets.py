"""Runs the widget cells of the chapters with Colab's old ipywidgets and IPython (`make colab`).

    python tools/colab_widgets.py             every chapter that has such cells
    python tools/colab_widgets.py 04_capsnet  one of them

Colab has versions that do not go together with JupyterLab's. They are put into a folder of their
own that the kernel finds first; torch and everything else still come from .venv. Each chapter is
executed there from top to bottom in the smoke profile, and after each cell tagged `widget` every
control is moved, as a reader would.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PACKAGES = ROOT / ".colab-packages"
INSTALLED = PACKAGES / "installed.txt"
# The first four are Colab's, the others are what these need and .venv does not have.
PINS = """\
ipywidgets==7.7.1
ipython==7.34.0
ipykernel==6.17.1
traitlets==5.7.1
backcall==0.2.0
decorator==5.3.1
ipython_genutils==0.2.0
nest_asyncio==1.6.0
pickleshare==0.7.5
"""
VERSIONS = """\
import IPython, ipykernel, ipywidgets
found = ipywidgets.__version__, IPython.__version__, ipykernel.__version__
assert found == ("7.7.1", "7.34.0", "6.17.1"), found
"""
# Every control once through its values, or to both ends; then back. A callback that fails,
# fails here.
MOVE = """\
import ipywidgets as _widgets
_moved = 0
for _control in list(_widgets.Widget.widgets.values()):
    if hasattr(_control, "options") and hasattr(_control, "index"):
        _values = [value for _, value in _control._options_full]
    elif isinstance(getattr(_control, "value", None), bool):
        _values = [not _control.value]
    elif hasattr(_control, "min") and hasattr(_control, "max") and hasattr(_control, "value"):
        _values = [_control.min, _control.max]
    else:
        continue
    _start = _control.value
    for _value in [*_values, _start]:
        _control.value = _value
    _moved += 1
assert _moved, "there is no control to move"
_widgets.Widget.close_all()
print(_moved, "controls moved")
"""


def install() -> None:
    """Puts Colab's packages into their folder, once."""
    if INSTALLED.exists() and INSTALLED.read_text() == PINS:
        return
    shutil.rmtree(PACKAGES, ignore_errors=True)
    # --no-deps: everything else is taken from .venv. --target: nothing there is replaced.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--target", PACKAGES, *PINS.split()], check=True)
    INSTALLED.write_text(PINS)


def is_widget(cell: NotebookNode) -> bool:
    return "widget" in cell.metadata.get("tags", [])


def with_moves(notebook: NotebookNode) -> NotebookNode:
    """The notebook with a cell after each widget cell that moves its controls."""
    cells = [nbformat.v4.new_code_cell(VERSIONS)]
    for cell in notebook.cells:
        cells.append(cell)
        if is_widget(cell):
            cells.append(nbformat.v4.new_code_cell(MOVE, metadata={"tags": ["move"]}))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def texts(cell: NotebookNode, kind: str) -> list[str]:
    """What the cell's outputs hold of one kind."""
    return [output.data[kind] for output in cell.outputs if kind in output.get("data", {})]


def failures(notebook: NotebookNode) -> list[str]:
    """Runs a notebook with Colab's packages; says what is wrong with its widget cells."""
    notebook = with_moves(notebook)
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    client = NotebookClient(
        notebook,
        timeout=600,
        store_widget_state=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    try:
        client.execute(env={**os.environ, "PYTHONPATH": path, "CAPSEDU_PROFILE": "smoke"})
    except CellExecutionError as error:
        return [str(error)]
    # `live` shows a sentence in place of the explorer when a value cannot be shown.
    return [
        f"no explorer under the cell\n{cell.source}"
        for cell in filter(is_widget, notebook.cells)
        if not any("capsedu-player" in text for text in texts(cell, "text/html"))
    ]


def main(names: list[str]) -> None:
    """Checks the named chapters, or all of them."""
    paths = [NOTEBOOKS / f"{name}.ipynb" for name in names] or sorted(NOTEBOOKS.glob("[0-9]*"))
    chapters = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    chapters = {name: book for name, book in chapters.items() if any(map(is_widget, book.cells))}
    if not chapters:
        sys.exit("capsedu: no cell is tagged widget")
    install()
    failed = False
    for name, notebook in chapters.items():
        print(f"{name} …", flush=True)
        for failure in failures(notebook):
            failed = True
            print(failure, file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
