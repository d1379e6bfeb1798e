"""A page for each submission, and one with the rubrics for the person who grades."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capsedu.classroom.assignments import regions
from capsedu.classroom.assignments.needs import needed
from capsedu.files import write_atomically

if TYPE_CHECKING:
    from capsedu.classroom.assignments.grading import Graded

TEMPLATE = Path(__file__).parent / "templates" / "feedback.html"


def write_feedback(graded: "Graded", folder: Path) -> None:
    """Write ``FOLDER/students/NAME.html`` and ``FOLDER/instructor/NAME.html``.

    Only the first is for students: the second has the model answers. A page loads nothing, and
    what a student wrote stays text.
    """
    name = page_name(graded.file)
    for place, instructor in (("students", False), ("instructor", True)):
        text = page(graded, instructor)
        path = Path(folder) / place / name
        write_atomically(path, lambda partial, text=text: partial.write_text(text, "utf-8"))


def page(graded: "Graded", instructor: bool = False) -> str:
    """The page's HTML."""
    jinja = needed("jinja2").Environment(autoescape=True, trim_blocks=True)
    template = jinja.from_string(TEMPLATE.read_text("utf-8"))
    text = template.render(**_told(graded), instructor=instructor)
    return text.encode("utf-8", "replace").decode("utf-8")


def page_name(file: Path) -> str:
    """A file name that every system takes, and that two submissions do not share."""
    plain = re.sub(r"[^\w.-]", "_", file.stem, flags=re.ASCII)[:60] or "submission"
    digest = hashlib.sha256(str(file).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    return f"{plain}-{digest}.html"


def _told(graded: "Graded") -> dict[str, Any]:
    assignment = graded.assignment
    told = {
        "title": assignment.title if assignment else "Submission",
        "student": graded.file.stem,
        "status": graded.status,
        "points": f"{graded.points:g}",
        "notes": [f"the cell `{name}` {why}" for name, why in graded.stopped.items()],
    }
    told["notes"] += [f"the cell `{name}` is missing" for name in graded.rebuilt.missing]
    if assignment is None:
        return told
    earned = graded.earned()
    return {
        **told,
        "of": f"{assignment.points('test'):g}",
        "written_of": f"{assignment.points('written'):g}",
        "tests": [
            {
                "name": cell.name,
                "points": f"{earned[cell.name]:g}",
                "of": f"{cell.points:g}",
                "says": graded.tests.get(cell.name),
            }
            for cell in assignment.of_role("test")
        ],
        "written": [
            {
                "name": cell.name,
                "points": f"{cell.points:g}",
                "text": graded.rebuilt.written.get(cell.name, ""),
                "rubric": regions.inside(cell.text, regions.SOLUTION),
            }
            for cell in assignment.of_role("written")
        ],
    }
