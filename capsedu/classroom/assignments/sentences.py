"""Says in one sentence why a test did not pass."""

from collections.abc import Mapping

from capsedu.classroom.assignments.source import Assignment
from capsedu.classroom.assignments.submission import names_defined

_ENDED = {
    "died": "the process ended while this ran: a crash, or a call that ends Python",
    "time": "this took too long and was stopped",
    "memory": "this needed more memory than there is for one submission",
    "processes": "this started too many processes",
    "printed": "this printed too much and was stopped",
    "garbled": "what Python sent while this ran could not be read",
    "forged": "the reply to this test is not the grader's own",
    "late": "the time for the whole submission was over before this ran",
    "skipped": "this was not run, because Python had to be started again too often before it",
    "never": "this was not run",
}


def sentence(outcome: Mapping[str, str], answers: Mapping[str, str], stopped: Mapping[str, str]):
    """Why a cell did not pass, or None if it did.

    Args:
        outcome: ``status``, and for an error ``ename``, ``evalue``, ``name`` and ``line``.
        answers: for each name that an answer should define, the answer's name.
        stopped: for each answer whose cell did not run to its end, the reason.
    """
    status = outcome.get("status", "never")
    if status == "ok":
        return None
    if status != "error":
        return _ENDED[status]
    kind = outcome.get("ename", "")
    message = " ".join(outcome.get("evalue", "").split())[:400]
    missing = outcome.get("name", "")
    if kind == "NameError" and missing in answers:
        answer = answers[missing]
        if answer in stopped:
            return f"there is no function named {missing}: the cell `{answer}` {stopped[answer]}"
        return f"there is no function named {missing}; the cell `{answer}` should define it"
    if kind == "NotImplementedError":
        return "not written yet"
    if kind == "AssertionError":
        return message or "a check of this test failed"
    if kind in ("MemoryError",) or "can't allocate memory" in message:
        return _ENDED["memory"]
    line = outcome.get("line", "")
    where = f" at `{line}`" if line else ""
    return f"your code raises {kind}{where}: {message or 'no message'}"


def names_of_answers(assignment: Assignment) -> dict[str, str]:
    """For each name that an answer's solution defines, that answer."""
    return {
        name: cell.name
        for cell in assignment.of_role("answer")
        for name in names_defined(cell.to_run)
    }


def why_stopped(outcome: Mapping[str, str]) -> str | None:
    """The reason for which an answer's cell defines nothing, as the end of a sentence."""
    status = outcome.get("status")
    if status in ("ok", None):
        return None
    if status == "error":
        return f"stopped with {outcome.get('ename')}: {outcome.get('evalue', '')[:200]}"
    return f"did not run to its end: {_ENDED[status]}"
