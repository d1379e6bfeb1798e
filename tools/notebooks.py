"""Makes the notebooks from their scripts: executed, with outputs, and otherwise deterministic.

    python tools/notebooks.py             every chapter and appendix
    python tools/notebooks.py 02_squash   one of them

The text of a chapter is notebooks/scripts/NN_name.py; notebooks/NN_name.ipynb is made from it
for Colab, GitHub and nbval. Nothing in the notebook depends on when or where it was made: no
times, no random cell ids, no state of widgets.
"""

import hashlib
import os
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SCRIPTS = NOTEBOOKS / "scripts"
WIDGET = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def from_script(script: Path) -> NotebookNode:
    """The notebook that a script describes, without outputs.

    Cell ids come from the cells' text, so that a new cell leaves the ids of the others alone.
    """
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.metadata = NotebookNode(kernelspec=KERNELSPEC, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}"
        seen[digest] += 1
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k == "tags"})
    return notebook


def without_widgets(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs that mean something without a kernel; a stored control only says it is dead."""
    return [output for output in outputs if WIDGET not in output.get("data", {})]


def execute(notebook: NotebookNode) -> NotebookNode:
    """Runs every cell in the `quick` profile, where the notebook lies, and keeps the outputs."""
    os.environ["CAPSEDU_PROFILE"] = "quick"
    client = NotebookClient(
        notebook,
        timeout=1800,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = without_widgets(cell.outputs)
    notebook.metadata.language_info = {"name": "python"}  # without the version of this Python
    return notebook


def main(names: list[str]) -> None:
    """Makes the named notebooks, or all chapters (NN_name) and appendices (appendix_name)."""
    scripts = [SCRIPTS / f"{name}.py" for name in names] or sorted(SCRIPTS.glob("[0-9a]*.py"))
    for script in scripts:
        if not script.exists():
            known = ", ".join(path.stem for path in sorted(SCRIPTS.glob("[0-9a]*.py")))
            sys.exit(f"no script {script}; there are: {known}")
        print(f"{script.stem} …", flush=True)
        nbformat.write(execute(from_script(script)), NOTEBOOKS / f"{script.stem}.ipynb")


if __name__ == "__main__":
    main(sys.argv[1:])
