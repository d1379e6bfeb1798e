"""Two Sphinx directives for the classroom's pages: `{assignments}` and `{rubrics}`.

Both read the sources of the assignments whenever the book is built, so that no page can promise
other points or other questions than the notebooks have.
"""

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_tables import markdown_table

from capsedu.classroom.assignments.source import Assignment, Cell, read_source
from capsedu.errors import CapseduError
from capsedu.paths import ASSIGNMENTS

COLAB = "https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments"
HEAD = ("Assignment", "Read first", "Time", "Code", "Written", "Start")
READ_FIRST = re.compile(r"\*\*Read first:\*\* (.+?)\. \*\*Time:\*\* (.+?)\. \*\*Hardware:")
RUBRIC = re.compile(r"^Rubric: (.+?)(?=\n\n|\n### END SOLUTION)", re.MULTILINE | re.DOTALL)


class Assignments(SphinxDirective):
    """`{assignments}`: what each assignment asks for, and where it begins."""

    def run(self) -> list[nodes.Node]:
        rows = [_row(assignment) for assignment in all_assignments()]
        return self.parse_text_to_nodes(markdown_table(HEAD, rows))


class Rubrics(SphinxDirective):
    """`{rubrics}`: how the written questions are marked, without their model answers."""

    def run(self) -> list[nodes.Node]:
        blocks = [
            f"**{assignment.title}**\n\n"
            + "\n".join(_rubric(c) for c in assignment.of_role("written"))
            for assignment in all_assignments()
        ]
        return self.parse_text_to_nodes("\n\n".join(blocks))


def all_assignments() -> Iterator[Assignment]:
    """The project's assignments, in their order."""
    for path in sorted((ASSIGNMENTS / "sources").glob("*.py")):
        yield read_source(path)


def _row(assignment: Assignment) -> tuple[str, ...]:
    found = READ_FIRST.search(assignment.cells[0].text.replace("\n", " "))
    if found is None:
        raise CapseduError(
            f"{assignment.name}: its first cell must say what to read first, and how long it takes"
        )
    name = f"{assignment.name}.ipynb"
    start = f"[Colab]({COLAB}/{name}), {{download}}`notebook <../notebooks/assignments/{name}>`"
    points = (f"{assignment.points(role):g}" for role in ("test", "written"))
    return (assignment.title.removeprefix("Assignment "), *found.groups(), *points, start)


def _rubric(cell: Cell) -> str:
    found = RUBRIC.search(cell.text)
    if found is None:
        raise CapseduError(
            f"the written question {cell.name} has no paragraph that begins with Rubric:"
        )
    return f"- `{cell.name}`, {cell.points:g} points: {found[1]}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("assignments", Assignments)
    app.add_directive("rubrics", Rubrics)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
