"""Grades a batch of submissions; the table is written after each of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from capsedu.classroom.assignments import sandbox, table
from capsedu.classroom.assignments.feedback import write_feedback
from capsedu.classroom.assignments.running import Worker, worker
from capsedu.classroom.assignments.sandbox import Limits
from capsedu.classroom.assignments.sentences import names_of_answers, sentence, why_stopped
from capsedu.classroom.assignments.source import Assignment, read_source
from capsedu.classroom.assignments.submission import (
    Rebuilt,
    about,
    modules_used,
    read_submission,
    rebuild,
)
from capsedu.errors import CapseduError
from capsedu.files import sha256

_ENDS = {"ok": "graded", "time": "stopped: out of time", "failed": "not graded"}


@dataclass
class Graded:
    """What a submission came to.

    Attributes:
        file: the submission.
        status: ``"graded"``, or what went wrong with the file or the run as a whole.
        assignment: None if it could not be told.
        tests: for each test None if it passed, else a sentence.
        stopped: for each answer whose cell did not run to its end, why.
        troubles: the same for every cell but the tests, by the cell's key.
        rebuilt: the notebook as it was run.
        remarks: for the person who grades.
        seconds: on the clock.
    """

    file: Path
    status: str
    assignment: Assignment | None = None
    tests: dict[str, str | None] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    rebuilt: Rebuilt = field(default_factory=Rebuilt)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def points(self) -> float:
        """What the tests that passed are worth."""
        return sum(self.earned().values())

    def earned(self) -> dict[str, float]:
        """Points for each test."""
        cells = self.assignment.of_role("test") if self.assignment else ()
        return {c.name: c.points if self.tests.get(c.name, "") is None else 0 for c in cells}


def grade_one(file: Path, sources: Mapping[str, Assignment], limits: Limits, by: Worker) -> Graded:
    """Grade one submission. Nothing that its file holds raises."""
    try:
        notebook = read_submission(file)
    except CapseduError as error:
        return Graded(file, f"unreadable: {error}")
    assignment = _which(file, notebook, sources)
    if assignment is None:
        return Graded(file, f"of no known assignment (known: {', '.join(sorted(sources))})")
    rebuilt = rebuild(assignment, notebook)
    outcomes = by.run(rebuilt.cells, modules_used(assignment), limits)
    end = outcomes.pop("")
    status = _ENDS[end["status"]] + (f": {end['evalue']}" if "evalue" in end else "")
    unreached = {"status": "late" if end["status"] == "time" else "never"}
    outcomes = {cell.key: outcomes.get(cell.key, unreached) for cell in rebuilt.cells}
    status = " ".join(status.split())[:300]
    return _judged(Graded(file, status, assignment, rebuilt=rebuilt), outcomes)


def _judged(graded: Graded, outcomes: Mapping[str, Mapping]) -> Graded:
    assert graded.assignment is not None
    answers = names_of_answers(graded.assignment)
    for cell in graded.rebuilt.cells:
        why = why_stopped(outcomes[cell.key])
        if cell.role != "test" and why:
            graded.troubles[cell.key] = why
        if cell.role == "answer" and why:
            graded.stopped[cell.name] = why
    for cell in graded.rebuilt.cells:
        if cell.role == "test":
            graded.tests[cell.name] = sentence(outcomes[cell.key], answers, graded.stopped)
    graded.remarks = list(graded.rebuilt.remarks)
    harmless = {"ok", "error", "skipped", "late", "never"}
    ends = sorted({outcome["status"] for outcome in outcomes.values()} - harmless)
    graded.remarks += [f"a cell was stopped or ended Python: {', '.join(ends)}"] if ends else []
    graded.seconds = round(sum(outcome.get("seconds", 0) for outcome in outcomes.values()), 1)
    return graded


def _which(file: Path, notebook, sources: Mapping[str, Assignment]) -> Assignment | None:
    """From the notebook's metadata, else from the file's name, else the only one there is."""
    name, _ = about(notebook)
    if name in sources:
        return sources[name]
    named = [known for known in sources if known in file.stem]
    if len(named) == 1:
        return sources[named[0]]
    return next(iter(sources.values())) if len(sources) == 1 and not name else None


def grade(
    submissions: Sequence[Path],
    out: Path,
    sources: Sequence[Path],
    limits: Limits | None = None,
    feedback: Path | None = None,
    again: bool = False,
    say: Callable[[str], object] = print,
) -> list[Graded]:
    """Grade notebooks and write one row for each, whatever is in them.

    Args:
        submissions: files, and folders in which every ``.ipynb`` is one.
        out: the table, a CSV file. Rows of submissions that did not change since are kept, with
            what was filled in by hand.
        sources: files, and folders that hold them.
        limits: for one submission.
        feedback: a folder for a page per submission.
        again: grade also what is in the table already.
        say: gets a line about each submission.

    Returns:
        What was graded now.

    Raises:
        CapseduError: if there is nothing to grade, a source is broken, or ``out`` is no table.
    """
    limits = limits or Limits()
    known = {a.name: a for a in map(read_source, expand(sources, (".py", ".ipynb"), "source"))}
    files = expand(submissions, (".ipynb",), "submission")
    rows = table.read(out)
    for hole in sandbox.walls().holes():
        say(f"note: {hole}")
    if any(sandbox.exposed(path) for path in [*sources, out]):
        say("note: sources or table lie where student code may read; move them")
    done = []
    with worker() as by:
        for number, file in enumerate(files, start=1):
            digest = _digest(file)
            digests = {a.digest for a in known.values()}
            if not again and table.has(rows, file, digest, digests):
                say(f"{number}/{len(files)} {file.name}: in the table already")
                continue
            graded = _survived(file, known, limits, by)
            graded.remarks += table.twins(rows, file, digest)
            rows = table.with_row(rows, graded, digest)
            table.write(out, rows, known.values())
            if feedback:
                write_feedback(graded, feedback)
            say(f"{number}/{len(files)} {file.name}: {_in_a_line(graded)}")
            done.append(graded)
    return done


def _survived(file: Path, known: Mapping[str, Assignment], limits: Limits, by: Worker) -> Graded:
    """One strange file must not cost the others."""
    try:
        return grade_one(file, known, limits, by)
    except Exception as error:
        by.close()
        return Graded(file, f"not graded: {type(error).__name__}: {str(error)[:200]}")


def _in_a_line(graded: Graded) -> str:
    if graded.assignment is None:
        return graded.status
    return f"{graded.points:g} of {graded.assignment.points('test'):g} points, {graded.status}"


def _digest(file: Path) -> str:
    try:
        return sha256(file)
    except OSError:
        return ""


def expand(paths: Iterable[Path], endings: tuple[str, ...], what: str) -> list[Path]:
    """Files, and for a folder all in it with one of these endings, in order.

    Raises:
        CapseduError: if one is not there, or there is none at all.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = (p for ending in endings for p in path.rglob(f"*{ending}"))
            found += sorted(p for p in inside if not _hidden(p.relative_to(path)))
        elif path.exists() or path.is_symlink():
            found.append(path)
        else:
            raise CapseduError(f"no such {what}: {path}")
    if not found:
        raise CapseduError(f"no {what} in {', '.join(map(str, paths)) or 'nothing'}")
    return list(dict.fromkeys(found))


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts)
