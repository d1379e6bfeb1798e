"""Every assignment of the book: what students get, and what the grader makes of it."""

import json
import runpy
from pathlib import Path

import pytest

from capsedu.classroom.assignments.grading import Graded, grade
from capsedu.classroom.assignments.rehearsal import Rehearsal, rehearse_each
from capsedu.classroom.assignments.release import student_version
from capsedu.classroom.assignments.sandbox import Limits
from capsedu.classroom.assignments.source import Assignment, read_source

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks" / "assignments"
SOURCES = sorted((FOLDER / "sources").glob("[0-9]*.py"))
LIMITS = Limits(seconds=580, cell_seconds=60)


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: path.stem)
def source(request) -> Path:
    return request.param


@pytest.fixture(scope="module")
def assignment(source: Path) -> Assignment:
    return read_source(source)


@pytest.fixture(scope="module")
def plants(source: Path) -> list[tuple[str, str, str, str, str]]:
    return runpy.run_path(str(ROOT / f"tests/classroom/plants_{source.stem}.py"))["PLANTS"]


@pytest.fixture(scope="module")
def rehearsals(source: Path, assignment: Assignment, plants) -> list[Rehearsal]:
    """The solution, the starter, and a run for each planted mistake."""
    starter = {cell.name: cell.for_students for cell in assignment.of_role("answer")}
    return rehearse_each(source, [{}, starter, *({answer: code} for _, answer, code, *_ in plants)])


@pytest.fixture(scope="module")
def graded(source: Path, assignment: Assignment, tmp_path_factory) -> dict[str, Graded]:
    """Solution and starter, through the real grader."""
    folder = tmp_path_factory.mktemp(source.stem)
    released = student_version(assignment)
    solved = json.loads(released)
    answers = zip(assignment.keys, assignment.cells, strict=True)
    solutions = {key: cell.to_run for key, cell in answers if cell.role == "answer"}
    for cell in solved["cells"]:
        cell["source"] = solutions.get(cell["id"], cell["source"])
    (folder / "solution.ipynb").write_text(json.dumps(solved))
    (folder / "starter.ipynb").write_text(released)
    done = grade([folder], folder / "grades.csv", [source], LIMITS)
    return {one.file.stem: one for one in done}


def test_the_students_notebook_is_in_step(source: Path, assignment: Assignment) -> None:
    committed = FOLDER / f"{source.stem}.ipynb"
    assert committed.exists(), "run: make assignments"
    assert committed.read_text(encoding="utf-8") == student_version(assignment), (
        f"run: make assignments (or edit {source.name} back)"
    )


def test_nothing_hidden_is_in_the_students_notebook(source: Path, assignment: Assignment) -> None:
    """Told from the file's own lines, not by the code that makes the notebook."""
    hidden, shown, inside = set(), set(), False
    for line in source.read_text(encoding="utf-8").splitlines():
        if "### BEGIN" in line:
            inside = True
        elif "### END" in line:
            inside = False
        else:
            (hidden if inside else shown).add(line.removeprefix("# ").strip())
    told = json.loads(student_version(assignment))
    text = json.dumps(told["metadata"]) + "".join(
        "".join(cell["source"]) + json.dumps([cell["metadata"], cell.get("attachments")])
        for cell in told["cells"]
    )
    assert hidden
    assert [line for line in hidden - shown if len(line) > 15 and line in text] == []


def test_a_hundred_points(assignment: Assignment) -> None:
    assert assignment.points("test") + assignment.points("written") == 100
    assert 60 <= assignment.points("test") <= 80


def test_the_solution_earns_every_point(assignment: Assignment, graded) -> None:
    solution = graded["solution"]
    assert (solution.status, solution.troubles) == ("graded", {})
    assert {name: why for name, why in solution.tests.items() if why} == {}
    assert solution.points == assignment.points("test") > 0


def test_the_starter_runs_and_earns_nothing(graded) -> None:
    starter = graded["starter"]
    assert (starter.status, starter.troubles) == ("graded", {})
    assert set(starter.tests.values()) == {"not written yet"}
    assert starter.points == 0


def test_the_instant_checks_know_solution_and_starter(assignment: Assignment, rehearsals) -> None:
    solution, starter = rehearsals[:2]
    names = {cell.name for cell in assignment.of_role("answer")}
    assert solution.checks.keys() == starter.checks.keys() == names, "an answer without a check"
    assert {n: said for n, said in solution.checks.items() if "✗" in said or "✓" not in said} == {}
    assert {n: s for n, s in starter.checks.items() if "not written yet" not in s or "✓" in s} == {}
    assert set(solution.tests.values()) == {None}
    assert set(starter.tests.values()) == {"not written yet"}


def test_each_planted_mistake_fails_the_test_that_teaches_it(plants, rehearsals) -> None:
    assert len(plants) >= 5
    found = []
    for (title, answer, _, test, phrase), seen in zip(plants, rehearsals[2:], strict=True):
        failed = {name: why for name, why in seen.tests.items() if why}
        if list(failed) != [test] or phrase not in failed[test]:
            found.append((title, failed))
        elif "✗" not in seen.checks[answer]:
            found.append((title, f"the instant check says {seen.checks[answer]}"))
    assert found == []
