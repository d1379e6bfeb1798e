"""``grades.csv``: one row for each submission."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from capsedu.classroom.assignments.source import Assignment
from capsedu.errors import CapseduError
from capsedu.files import write_atomically

if TYPE_CHECKING:
    from capsedu.classroom.assignments.grading import Graded

FIRST = ["file", "student", "assignment", "variant", "status", "points", "of", "written_of"]
LAST = ["seconds", "remarks", "sha256", "source"]


def read(path: Path) -> list[dict[str, str]]:
    """The rows of an earlier run, or none.

    Raises:
        CapseduError: if the file is something else.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CapseduError(f"cannot read {path} as a table of grades: {error}") from error
    if any(not {"file", "sha256", "status"} <= row.keys() for row in rows):
        raise CapseduError(f"{path} is no table of grades; name another file with --out")
    return rows


def write(path: Path, rows: list[dict[str, str]], assignments: Iterable[Assignment]) -> None:
    """Write all rows, in one step."""
    columns = dict.fromkeys(FIRST)
    for assignment in assignments:
        columns |= dict.fromkeys(c.name for c in assignment.of_role("test"))
        columns |= dict.fromkeys(c.name for c in assignment.of_role("written"))
    for row in rows:  # what was in the table before, such as columns made by hand
        columns |= dict.fromkeys(name for name in row if name and name not in LAST)
    columns |= dict.fromkeys(LAST)

    def fill(partial: Path) -> None:
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(columns), restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    write_atomically(path, fill)


def has(rows: list[dict[str, str]], file: Path, digest: str, sources: set[str]) -> bool:
    """Whether this very submission was graded by a source that has not changed since."""
    return any(
        row["file"] == text(file)
        and row["sha256"] == digest != ""
        and (row.get("source") in sources or row["status"].startswith("unreadable"))
        and not row["status"].startswith("not graded")
        for row in rows
    )


def with_row(rows: list[dict[str, str]], graded: "Graded", digest: str) -> list[dict[str, str]]:
    """The rows with that of ``graded`` in them, at its old place or at the end.

    What was filled in by hand is kept if the submission is the same.
    """
    row = _row(graded, digest)
    for place, old in enumerate(rows):
        if old["file"] == row["file"]:
            if old["sha256"] == digest:
                row = {**old, **{k: v for k, v in row.items() if v != "" or k in FIRST + LAST}}
            return [*rows[:place], row, *rows[place + 1 :]]
    return [*rows, row]


def twins(rows: list[dict[str, str]], file: Path, digest: str) -> list[str]:
    """A remark if another file has exactly the same content."""
    same = [row["file"] for row in rows if digest and row["sha256"] == digest]
    return [f"the same file as {name}" for name in same if name != text(file)]


def text(value: object) -> str:
    """Something that a student chose, so that no spreadsheet takes it for a formula."""
    words = str(value).encode("utf-8", "replace").decode("utf-8")
    words = "".join(c if c.isprintable() else " " for c in words)
    return f"'{words}" if words[:1] in tuple("=+-@") else words


def _row(graded: "Graded", digest: str) -> dict[str, str]:
    assignment = graded.assignment
    row = {
        "file": text(graded.file),
        "student": text(graded.file.stem),
        "status": text(graded.status),
        "points": f"{graded.points:g}",
        "remarks": text("; ".join(graded.remarks)),
        "seconds": f"{graded.seconds:g}",
        "sha256": digest,
    }
    if assignment is None:
        return row
    return {
        **row,
        "assignment": assignment.name,
        "variant": str(graded.rebuilt.variant),
        "of": f"{assignment.points('test'):g}",
        "written_of": f"{assignment.points('written'):g}",
        "source": assignment.digest,
        **{name: f"{points:g}" for name, points in graded.earned().items()},
        **{cell.name: "" for cell in assignment.of_role("written")},
    }
