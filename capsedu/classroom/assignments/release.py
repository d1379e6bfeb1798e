"""Makes the student's notebook from a source, and the instructor's for nbgrader."""

from pathlib import Path
from typing import Any

from capsedu.classroom.assignments import metadata, regions
from capsedu.classroom.assignments.needs import needed
from capsedu.classroom.assignments.source import Assignment, Cell
from capsedu.errors import CapseduError, require_count
from capsedu.files import write_atomically

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def student_version(assignment: Assignment, variant: int = 0) -> str:
    """The notebook that students get, as JSON; the same bytes each time.

    Args:
        assignment: the source.
        variant: the number that the cell ``given="variant"`` sets.

    Raises:
        CapseduError: if the source has no such cell and ``variant`` is not 0.
    """
    require_count("variant", variant, least=0)
    if variant and not any(cell.name == "variant" for cell in assignment.of_role("given")):
        raise CapseduError(f"{assignment.name} has no cell given=variant; it has no variants")
    texts = [
        f"variant = {variant}" if is_variant(cell) else cell.for_students
        for cell in assignment.cells
    ]
    notebook = _notebook(assignment, texts, {"assignment": assignment.name, "variant": variant})
    _require_clean(assignment, notebook)
    return notebook


def instructor_version(assignment: Assignment) -> str:
    """The notebook with solutions and hidden tests, as nbgrader reads it, as JSON."""
    texts = [cell.text for cell in assignment.cells]
    return _notebook(assignment, texts, {"assignment": assignment.name, "variant": 0})


def is_variant(cell: Cell) -> bool:
    """Whether this is the cell that says which variant a notebook is."""
    return (cell.role, cell.name) == ("given", "variant")


def write_release(assignment: Assignment, folder: Path, variant: int = 0) -> Path:
    """Write ``FOLDER/NN_name.ipynb`` for students, and return its path."""
    text = student_version(assignment, variant)
    path = Path(folder) / f"{assignment.name}.ipynb"
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def write_nbgrader(assignment: Assignment, folder: Path) -> Path:
    """Write ``FOLDER/NN_name/NN_name.ipynb``, as in the folder ``source`` of an nbgrader course."""
    text = instructor_version(assignment)
    path = Path(folder) / assignment.name / f"{assignment.name}.ipynb"
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def _notebook(assignment: Assignment, texts: list[str], about: dict[str, Any]) -> str:
    nbformat = needed("nbformat")
    cells = [
        _cell(cell, key, text)
        for cell, key, text in zip(assignment.cells, assignment.keys, texts, strict=True)
    ]
    notebook = nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "capsedu": about,
            "kernelspec": KERNELSPEC,
            "language_info": {"name": "python"},
        },
    )
    notebook.nbformat_minor = 5
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def _cell(cell: Cell, key: str, text: str) -> Any:
    """Only what is named here gets into a notebook: no output, no other metadata."""
    v4 = needed("nbformat").v4
    make = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
    made = make(source=text, id=key)
    if cell.role:
        made.metadata["nbgrader"] = metadata.nbgrader(cell, key)
    if cell.tags:
        made.metadata["tags"] = list(cell.tags)
    shown = {
        name: image
        for name, image in (cell.attachments or {}).items()
        if f"attachment:{name}" in text
    }
    if shown:
        made["attachments"] = shown
    return made


def _require_clean(assignment: Assignment, notebook: str) -> None:
    """The last look: no mark, and no line that only a solution or a hidden test has."""
    for mark in (regions.SOLUTION, regions.HIDDEN_TESTS):
        if f"BEGIN {mark}" in notebook or f"END {mark}" in notebook:
            raise CapseduError(f"{assignment.name}: a mark of {mark} is left for students")
