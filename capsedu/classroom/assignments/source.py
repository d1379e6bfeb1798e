"""An assignment's source, read and checked.

A source is a percent script (``NN_name.py``) whose cells tell their role in the percent line:
``given="setup"``, ``answer="squash"``, ``test="squash_length" points=4``,
``written="why_square" points=3``; or a notebook with nbgrader's metadata.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from capsedu.classroom.assignments import regions
from capsedu.errors import CapseduError

ROLES = ("given", "answer", "test", "written")
CODE_STUB = 'raise NotImplementedError("write this part")'
TEXT_STUB = "*Your answer here.*"


@dataclass(frozen=True)
class Cell:
    """One cell of a source.

    Attributes:
        kind: ``"code"`` or ``"markdown"``.
        text: with solution and hidden tests in it.
        role: one of :data:`ROLES`, or ``""`` for a cell that the student may change at will.
        name: unique in its assignment; ``""`` without a role.
        points: of a test or a written question.
        tags: Jupyter's cell tags.
        attachments: images that a markdown cell shows.
    """

    kind: str
    text: str
    role: str = ""
    name: str = ""
    points: float = 0
    tags: tuple[str, ...] = ()
    attachments: Mapping[str, Mapping[str, str]] | None = None

    @property
    def for_students(self) -> str:
        """The text without solution and hidden tests."""
        if self.role == "test":
            return regions.replaced(self.text, regions.HIDDEN_TESTS, None)
        if self.role in ("answer", "written"):
            stub = CODE_STUB if self.kind == "code" else TEXT_STUB
            return regions.replaced(self.text, regions.SOLUTION, stub)
        return self.text

    @property
    def to_run(self) -> str:
        """The text with everything in it and without marks."""
        return regions.without_marks(self.text)


@dataclass(frozen=True)
class Assignment:
    """A whole source.

    Attributes:
        name: the file's, such as ``"02_squash"``.
        cells: in their order.
        keys: for each cell, the id that it has in every notebook; with a role it is nbgrader's
            ``grade_id`` too.
    """

    name: str
    cells: tuple[Cell, ...]
    keys: tuple[str, ...]

    def of_role(self, role: str) -> Iterator[Cell]:
        """The cells with this role."""
        return (cell for cell in self.cells if cell.role == role)

    def points(self, role: str) -> float:
        """What all cells of a role are worth together."""
        return sum(cell.points for cell in self.of_role(role))

    @property
    def title(self) -> str:
        """The first heading."""
        lines = (line for cell in self.cells for line in cell.text.splitlines())
        return next((line[2:].strip() for line in lines if line.startswith("# ")), self.name)

    @property
    def digest(self) -> str:
        """Changes when anything that matters for grading does."""
        told = repr([(c.kind, c.text, c.role, c.name, c.points) for c in self.cells])
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def read_source(path: Path) -> Assignment:
    """Read a source, a percent script or a notebook, and check it.

    Raises:
        CapseduError: naming cell and line, if the source is broken.
    """
    from capsedu.classroom.assignments.checking import check_assignment
    from capsedu.classroom.assignments.needs import needed

    path = Path(path)
    if path.suffix not in (".py", ".ipynb"):
        raise CapseduError(f"a source must be a .py or .ipynb file, got {path}")
    try:
        if path.suffix == ".py":
            notebook = needed("jupytext").read(path, fmt="py:percent")
        else:
            notebook = needed("nbformat").read(path, as_version=4)
    except OSError as error:
        raise CapseduError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, SyntaxError) as error:
        raise CapseduError(f"{path} is no source of an assignment: {error}") from error
    cells = tuple(_cell(path.name, number, c) for number, c in enumerate(notebook.cells, start=1))
    assignment = Assignment(path.stem, cells, _keys(cells))
    check_assignment(assignment, path.name)
    return assignment


def _cell(file: str, number: int, cell) -> Cell:
    from capsedu.classroom.assignments.metadata import role_of

    role, name, points = role_of(cell, f"{file}: cell {number}")
    return Cell(
        "markdown" if cell.cell_type == "raw" else cell.cell_type,
        cell.source,
        role,
        name,
        points,
        tuple(cell.metadata.get("tags", ())),
        cell.get("attachments"),
    )


def _keys(cells: tuple[Cell, ...]) -> tuple[str, ...]:
    """Ids that depend on a cell's own text only, so that a new cell leaves the others' alone."""
    keys: list[str] = []
    for cell in cells:
        key = f"{cell.role}-{cell.name}"
        if not cell.role:
            digest = hashlib.sha256(f"{cell.kind}\n{cell.text}".encode()).hexdigest()[:12]
            key = f"{digest}-{sum(k.startswith(digest) for k in keys)}"
        keys.append(key)
    return tuple(keys)
