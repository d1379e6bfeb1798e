"""What must hold of a source before anything is made from it."""

import ast
import re

from capsedu.classroom.assignments import regions
from capsedu.classroom.assignments.magics import without_magics
from capsedu.classroom.assignments.source import Assignment, Cell
from capsedu.errors import CapseduError

_NAME = re.compile(r"[a-z0-9_]+")
_VARIANT = re.compile(r"variant = \d+")


def check_assignment(assignment: Assignment, file: str) -> None:
    """Raise :class:`CapseduError`, naming cell and line, unless the source is in order."""
    seen: set[str] = set()
    for number, cell in enumerate(assignment.cells, start=1):
        place = f"{file}: cell {number}" + (f" `{cell.name}`" if cell.role else "")
        if cell.role and not _NAME.fullmatch(cell.name):
            raise CapseduError(f"{place}: a name must match [a-z0-9_]+, got {cell.name!r}")
        if cell.role and cell.name in seen:
            raise CapseduError(f"{place}: the name {cell.name!r} is there twice")
        seen.add(cell.name)
        try:
            _check_cell(cell)
        except regions.BrokenRegion as error:
            raise CapseduError(f"{place}, line {error.line}: {error}") from error
    for role in ("answer", "test"):
        if not any(assignment.of_role(role)):
            raise CapseduError(f"{file} has no cell with {role}=…; it would test nothing")


def _check_cell(cell: Cell) -> None:
    wanted = "markdown" if cell.role == "written" else "code"
    if cell.role and cell.kind != wanted:
        raise regions.BrokenRegion(1, f"{cell.role} wants a {wanted} cell, not {cell.kind}")
    _check_points(cell)
    solutions = regions.find(cell.text, regions.SOLUTION)
    hidden = regions.find(cell.text, regions.HIDDEN_TESTS)
    if solutions and cell.role not in ("answer", "written"):
        raise regions.BrokenRegion(solutions[0][0], "a solution outside an answer cell")
    if hidden and cell.role != "test":
        raise regions.BrokenRegion(hidden[0][0], "hidden tests outside a test cell")
    if not solutions and cell.role in ("answer", "written"):
        raise regions.BrokenRegion(1, f"this {cell.role} has no ### BEGIN SOLUTION")
    if not hidden and cell.role == "test":
        raise regions.BrokenRegion(1, "this test has no ### BEGIN HIDDEN TESTS")
    if cell.kind == "code":
        _check_code(cell, solutions)
    if (cell.role, cell.name) == ("given", "variant") and not _VARIANT.fullmatch(cell.text):
        raise regions.BrokenRegion(1, f"the variant's cell must be `variant = 0`, got {cell.text}")


def _check_points(cell: Cell) -> None:
    if cell.role in ("test", "written") and not cell.points:
        raise regions.BrokenRegion(1, f"this {cell.role} has no points=…")
    if cell.role not in ("test", "written") and cell.points:
        raise regions.BrokenRegion(1, "points belong to tests and written questions only")


def _check_code(cell: Cell, solutions: list[tuple[int, int]]) -> None:
    tree = _parsed(cell.text)
    for first, last in solutions:
        if not any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.lineno < first
            and last <= (node.end_lineno or 0) + 1
            for node in ast.walk(tree)
        ):
            raise regions.BrokenRegion(
                first, "a solution must stand inside a function's body, so that the stub runs"
            )
    _parsed(cell.for_students)


def _parsed(code: str) -> ast.Module:
    try:
        return ast.parse(without_magics(code))
    except SyntaxError as error:
        raise regions.BrokenRegion(error.lineno or 1, f"no valid Python: {error.msg}") from error
