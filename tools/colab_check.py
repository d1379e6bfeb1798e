"""Do the notebooks install and run with the versions that Colab has? (`make colab-check`)

    python tools/colab_check.py               every chapter and every assignment
    python tools/colab_check.py 04_capsnet    one of them

First pip looks for versions that suit both Colab (tools/colab.txt) and the package. Then every
notebook is executed in the smoke profile, alone in an empty folder as on Colab, and after each
cell tagged `widget` every control is moved, as a reader would. Where there is a Python 3.13, all
versions are Colab's, and so is the way in which the package was installed; elsewhere only those
of IPython and its widgets. It says which.
"""

import json
import os
import re
import sys
from tempfile import TemporaryDirectory

import nbformat
from colab_environment import (
    COLAB,
    OVERLAID,
    PYTHON,
    ROOT,
    complete,
    find_python,
    overlay,
    pins,
    resolve,
)
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

NOTEBOOKS = ROOT / "notebooks"
VERSIONS = """\
from importlib.metadata import version as _version
_found = {name: _version(name).split("+")[0] for name in %r}
assert _found == %r, _found
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


def is_widget(cell: NotebookNode) -> bool:
    return "widget" in cell.metadata.get("tags", [])


def with_moves(notebook: NotebookNode, versions: dict[str, str]) -> NotebookNode:
    """The notebook with a look at the versions first, and controls moved after each widget."""
    cells = [nbformat.v4.new_code_cell(VERSIONS % (list(versions), versions))]
    for cell in notebook.cells:
        cells.append(cell)
        if is_widget(cell):
            cells.append(nbformat.v4.new_code_cell(MOVE, metadata={"tags": ["move"]}))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def texts(cell: NotebookNode, kind: str) -> list[str]:
    """What the cell's outputs hold of one kind."""
    return [output.data[kind] for output in cell.outputs if kind in output.get("data", {})]


def failures(notebook: NotebookNode, versions: dict[str, str]) -> list[str]:
    """Runs a notebook in the kernel `colab`, alone in a folder; says what is wrong with it."""
    notebook = with_moves(notebook, versions)
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="colab",
            timeout=600,
            startup_timeout=300,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env={**os.environ, "CAPSEDU_PROFILE": "smoke"})
        except CellExecutionError as error:
            return [str(error)]
    # `live` shows a sentence in place of the explorer when a value cannot be shown.
    return [
        f"no explorer under the cell\n{cell.source}"
        for cell in filter(is_widget, notebook.cells)
        if not any("capsedu-player" in text for text in texts(cell, "text/html"))
    ]


def setup_command(notebooks: dict[str, NotebookNode]) -> str:
    """What stands behind `%pip install`, which must be the same in every notebook."""
    found = {
        name: re.findall(r"^ *%pip install (.+)$", "\n".join(c.source for c in book.cells), re.M)
        for name, book in notebooks.items()
    }
    if missing := [name for name, commands in found.items() if len(commands) != 1]:
        sys.exit(f"capsedu: a notebook needs one line with %pip install: {', '.join(missing)}")
    commands = {command for (command,) in found.values()}
    if len(commands) > 1:
        sys.exit(f"capsedu: the notebooks install the package in two ways: {commands}")
    return commands.pop()


def read(names: list[str]) -> dict[str, NotebookNode]:
    """The notebooks of these names, or all chapters and assignments."""
    paths = [*sorted(NOTEBOOKS.glob("[a0-9]*.ipynb")), *sorted(NOTEBOOKS.glob("*/[0-9]*.ipynb"))]
    found = {str(p.relative_to(NOTEBOOKS).with_suffix("")): p for p in paths}
    if unknown := [name for name in names if name not in found]:
        sys.exit(f"capsedu: no notebook {', '.join(unknown)}; there are: {', '.join(found)}")
    return {name: nbformat.read(found[name], as_version=4) for name in names or found}


def main(names: list[str]) -> None:
    """Checks the named notebooks, or all of them."""
    notebooks = read(names)
    setup = setup_command(notebooks)
    print(f"Colab's versions and what the package needs, on Python {PYTHON}:", flush=True)
    resolve()
    if python := find_python():
        print(f"Every version is Colab's, Python {PYTHON} too ({python}).", flush=True)
        kernel, versions = complete(python, setup), pins()
    else:
        print(
            f"There is no Python {PYTHON} here. Of Colab are only the versions of "
            f"{', '.join(OVERLAID)}; everything else is that of .venv.",
            flush=True,
        )
        kernel, versions = overlay(), {name: pins()[name] for name in OVERLAID}
    folder = COLAB / "jupyter" / "kernels" / "colab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(kernel))
    os.environ["JUPYTER_PATH"] = str(COLAB / "jupyter")
    failed = False
    for name, notebook in notebooks.items():
        print(f"{name} …", flush=True)
        for failure in failures(notebook, versions):
            failed = True
            print(failure, file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
