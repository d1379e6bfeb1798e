"""The checks of the chapters accept right answers and stubs, and name each usual mistake."""

from importlib import import_module
from pathlib import Path

import pytest
from worked_solutions import PAGES, answers

from capsedu.classroom import check
from capsedu.classroom.attempt import CHECKS

MISTAKES = [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("answers_*.py"))]
SOLUTIONS = [case for page in PAGES for case in answers(page)]
RIGHT = [*SOLUTIONS, *(case for chapter in MISTAKES for case in getattr(chapter, "ALSO_RIGHT", []))]
WRONG = [case for chapter in MISTAKES for case in chapter.WRONG]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_passes_every_time(name, answer):
    assert all(check(name, answer) for _ in range(20))


@pytest.mark.parametrize(("name", "answer", "sentence"), WRONG)
def test_a_mistake_is_named(name, answer, sentence, capsys):
    for _ in range(5):
        assert not check(name, answer)
        assert sentence in capsys.readouterr().out


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_stub_is_not_written_yet(name, answer, capsys):
    assert not check(name, (lambda *inputs: ...) if callable(answer) else ...)
    assert "not written yet" in capsys.readouterr().out


def test_every_exercise_of_these_chapters_is_solved_in_the_book():
    check(*SOLUTIONS[0])  # loads the checks of every chapter
    chapters = {name.partition(".")[0] for name, _ in SOLUTIONS}
    asked = {name for name in CHECKS if name.partition(".")[0] in chapters}
    assert asked == {name for name, _ in SOLUTIONS}
