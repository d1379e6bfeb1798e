"""The parts of a cell between ``### BEGIN …`` and ``### END …``."""

import re

SOLUTION = "SOLUTION"
HIDDEN_TESTS = "HIDDEN TESTS"
_MARK = re.compile(r"[ \t]*### (BEGIN|END) (SOLUTION|HIDDEN TESTS)[ \t]*")
_LOOSE = re.compile(r"\b(BEGIN|END)[ _]+(SOLUTION|HIDDEN[ _]+TESTS?)\b", re.IGNORECASE)


class BrokenRegion(ValueError):
    """Marks that do not make a region.

    Attributes:
        line: where, counted from 1.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def find(text: str, name: str) -> list[tuple[int, int]]:
    """First and last line (marks included, counted from 1) of each region called ``name``.

    Raises:
        BrokenRegion: if a mark has no partner, stands inside another region, or is misspelt.
    """
    found: list[tuple[int, int]] = []
    opened: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _MARK.fullmatch(line)
        if mark is None:
            if _LOOSE.search(line):
                raise BrokenRegion(
                    number,
                    "a mark must be alone on its line, such as ### BEGIN SOLUTION, "
                    f"got {line.strip()!r}",
                )
        elif mark[1] == "BEGIN":
            if opened:
                raise BrokenRegion(
                    number, f"### BEGIN {mark[2]} inside ### BEGIN {opened[1]} of line {opened[0]}"
                )
            opened = number, mark[2]
        elif opened is None or opened[1] != mark[2]:
            raise BrokenRegion(number, f"### END {mark[2]} without ### BEGIN {mark[2]}")
        else:
            if mark[2] == name:
                found.append((opened[0], number))
            opened = None
    if opened:
        raise BrokenRegion(opened[0], f"### BEGIN {opened[1]} without ### END {opened[1]}")
    return found


def replaced(text: str, name: str, by: str | None) -> str:
    """``text`` with each region replaced by the line ``by`` at its indentation, or by nothing."""
    lines = text.splitlines()
    for first, last in reversed(find(text, name)):
        indent = lines[first - 1][: len(lines[first - 1]) - len(lines[first - 1].lstrip())]
        lines[first - 1 : last] = [] if by is None else [indent + by]
    return "\n".join(lines).rstrip("\n")


def inside(text: str, name: str) -> str:
    """What stands between the marks, without them."""
    lines = text.splitlines()
    return "\n\n".join("\n".join(lines[first : last - 1]) for first, last in find(text, name))


def without_marks(text: str) -> str:
    """``text`` with its regions kept and only the marks gone: what the grader runs."""
    return "\n".join(line for line in text.splitlines() if not _MARK.fullmatch(line))
