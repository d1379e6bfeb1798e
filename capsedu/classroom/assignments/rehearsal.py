"""Tries answers in one plain process, without Jupyter and without a sandbox: ours only.

The setup, the answers, the checks and the tests run in the order of the source; other cells,
which no test may depend on, do not. Each rehearsal is forked where its first answer differs, so
that a dozen planted mistakes cost hardly more than one run.

    python -m capsedu.classroom.assignments.rehearsal     used by :func:`rehearse_each`
"""

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from capsedu.classroom.assignments.magics import without_magics
from capsedu.classroom.assignments.sentences import names_of_answers, sentence, why_stopped
from capsedu.classroom.assignments.source import Assignment, read_source
from capsedu.errors import CapseduError

_CPU_SECONDS = 120


@dataclass
class Rehearsal:
    """What came of one run.

    Attributes:
        tests: for each test None if it passed, else the sentence that the grader would say.
        checks: what the instant check of each answer printed.
    """

    tests: dict[str, str | None] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)


def rehearse(source: Path, replaced: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """The tests' results for the solution with some answers replaced.

    Args:
        source: the assignment's.
        replaced: for an answer's name, the code of its whole cell.

    Returns:
        For each test None if it passed, else a sentence.
    """
    return rehearse_each(source, [replaced or {}])[0].tests


def rehearse_each(source: Path, plans: Sequence[Mapping[str, str]]) -> list[Rehearsal]:
    """One rehearsal for each plan, which says the answers to replace.

    Raises:
        CapseduError: if a plan names an answer that there is not, or the process did not end well.
    """
    known = {cell.name for cell in read_source(source).of_role("answer")}
    for plan in plans:
        if unknown := sorted(plan.keys() - known):
            raise CapseduError(f"{source} has no answer {unknown[0]!r}: {', '.join(sorted(known))}")
    ran = subprocess.run(
        [sys.executable, "-m", __spec__.name],
        input=json.dumps({"source": str(source), "plans": [dict(plan) for plan in plans]}),
        env={**os.environ, "CAPSEDU_PROFILE": "smoke", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise CapseduError(f"the rehearsal of {source} failed: {ran.stderr[-600:]}")
    return [Rehearsal(**told) for told in json.loads(ran.stdout)]


def _play(
    assignment: Assignment, plans: Sequence[Mapping[str, str]], guard, out: Sequence[int]
) -> None:
    """Run the cells; fork a process for each plan at its first answer, and report through pipes."""
    space: dict = {"__name__": "__main__"}
    done, last = Rehearsal(), ""
    open_plans = dict(enumerate(plans))
    answers, stopped = names_of_answers(assignment), {}
    plan: Mapping[str, str] = {}
    children = []
    for cell in assignment.cells:
        if cell.kind != "code":
            continue
        for number in [n for n, p in open_plans.items() if cell.name and cell.name in p]:
            chosen = open_plans.pop(number)
            sys.stdout.flush()
            child = os.fork()
            if not child:
                resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
                open_plans, plan, children, mine = {}, chosen, [], number
                break
            children.append(child)
        code = without_magics(plan.get(cell.name) or cell.to_run)
        if cell.role == "test":
            problem = guard.run(code, cell.name, space)
            outcome = {"status": "ok"} if problem is None else {"status": "error", **problem}
            done.tests[cell.name] = sentence(outcome, answers, stopped)
        elif cell.role or "check(" in code:
            outcome, said = _run(code, cell.name or "check", space)
            if cell.role == "answer":
                last = cell.name
                stopped.update({last: why} if (why := why_stopped(outcome)) else {})
            elif not cell.role:
                done.checks[last] = done.checks.get(last, "") + said
    if plan:
        os.write(out[mine], json.dumps(asdict(done)).encode())
        os._exit(0)
    for number in open_plans:
        os.write(out[number], json.dumps(asdict(done)).encode())
    for child in children:
        os.waitpid(child, 0)


def _run(code: str, name: str, space: dict) -> tuple[dict, str]:
    from capsedu.classroom.assignments.inside.guard import raised

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(code, f"<{name}>", "exec"), space)
    except BaseException as error:
        return {"status": "error", **raised(error, space)}, said.getvalue()
    return {"status": "ok"}, said.getvalue()


def _main() -> None:
    from capsedu.classroom.assignments.inside.guard import Guard
    from capsedu.classroom.assignments.submission import modules_used

    warnings.simplefilter("ignore")
    told = json.load(sys.stdin)
    assignment = read_source(Path(told["source"]))
    files = [os.memfd_create("rehearsal") for _ in told["plans"]]
    _play(assignment, told["plans"], Guard(modules_used(assignment)), files)
    rehearsals = []
    for file in files:
        os.lseek(file, 0, os.SEEK_SET)
        text = os.read(file, 1 << 20)
        failed = {cell.name: "the process ended" for cell in assignment.of_role("test")}
        rehearsals.append(json.loads(text) if text else {"tests": failed, "checks": {}})
    print(json.dumps(rehearsals))


if __name__ == "__main__":
    _main()
