"""Roles as notebooks tell them: jupytext's words in a script, nbgrader's in a notebook."""

from difflib import get_close_matches
from typing import Any

from capsedu.classroom.assignments.source import ROLES, Cell
from capsedu.errors import CapseduError

_OTHERS = ("points", "tags", "nbgrader", "lines_to_next_cell", "lines_to_end_of_cell_marker")


def role_of(cell: Any, place: str) -> tuple[str, str, float]:
    """Role, name and points of a cell as jupytext or nbformat read it.

    Raises:
        CapseduError: beginning with ``place``, if the cell tells something else.
    """
    told = {role: cell.metadata[role] for role in ROLES if role in cell.metadata}
    for word in cell.metadata:
        if word not in ROLES + _OTHERS and (close := get_close_matches(word, ROLES, n=1)):
            raise CapseduError(f"{place}: unknown role {word!r}; did you mean {close[0]!r}?")
    if len(told) > 1:
        raise CapseduError(f"{place} has two roles, {' and '.join(told)}; one is possible")
    if not told:
        return _from_nbgrader(cell.metadata.get("nbgrader"), place)
    role, name = next(iter(told.items()))
    return role, str(name), _points(cell.metadata.get("points", 0), f"{place} `{name}`")


def _from_nbgrader(told: Any, place: str) -> tuple[str, str, float]:
    if not isinstance(told, dict) or not told.get("grade_id"):
        return "", "", 0.0
    role = {
        (False, True): "answer",
        (True, False): "test",
        (True, True): "written",
        (False, False): "given" if told.get("locked") else "",
    }[bool(told.get("grade")), bool(told.get("solution"))]
    if not role:
        return "", "", 0.0
    name = str(told["grade_id"]).removeprefix(f"{role}-").replace("-", "_").lower()
    return role, name, _points(told.get("points", 0), f"{place} `{name}`")


def _points(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1000:
        raise CapseduError(f"{place}: points must be a number of at least 0, got {value!r}")
    return value


def nbgrader(cell: Cell, key: str) -> dict[str, Any]:
    """nbgrader's own metadata (schema 3) of a cell that has a role."""
    told: dict[str, Any] = {
        "grade": cell.role in ("test", "written"),
        "grade_id": key,
        "locked": cell.role in ("given", "test"),
        "schema_version": 3,
        "solution": cell.role in ("answer", "written"),
        "task": False,
    }
    return {**told, "points": cell.points} if told["grade"] else told
