import pytest
import torch

from capsedu.classroom import check
from capsedu.classroom.attempt import (
    CHECKS,
    Attempt,
    Finding,
    NotWritten,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
)
from capsedu.errors import CapseduError


@pytest.fixture
def doubling():
    """An exercise that asks for twice its input."""

    @exercise("99.doubling")
    def check_doubling(attempt, random):
        x = torch.randn(2, 3, generator=random)
        expect_close(expect_tensor(attempt(x), [2, 3], "b d"), 2 * x)

    yield "99.doubling"
    del CHECKS["99.doubling"]


def said(capsys, name, answer):
    solved = check(name, answer)
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert out.count("\n") == 1
    return solved, out.strip()


def test_a_right_answer(doubling, capsys):
    assert said(capsys, doubling, lambda x: x + x) == (True, "✓ 99.doubling")


def unwritten(x):
    raise NotImplementedError


@pytest.mark.parametrize("stub", [None, ..., lambda x: None, lambda x: ..., unwritten])
def test_a_stub_is_not_a_mistake(doubling, capsys, stub):
    assert said(capsys, doubling, stub) == (False, "… 99.doubling is not written yet")


def broken(x):
    return x.reshape(5, 5)


def in_place(x):
    return x.mul_(2)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: x[0], r"the shape is \[3\]; it should be \[b, d\] = \[2, 3\]"),
        (lambda x: 3.0, "returns a float; a torch tensor is wanted"),
        (lambda x: x * float("nan"), "there is a NaN"),
        (
            lambda x: torch.cat([2 * x[:1], x[1:]]),
            r"entry \[1, 0\] is .* \(3 of 6 entries differ\)",
        ),
        (broken, r"raises RuntimeError at `return x.reshape\(5, 5\)`: shape"),
        (in_place, "changes its input"),
        (lambda: None, "raises TypeError"),
        (7, "a function is wanted here, not an int"),
    ],
)
def test_a_mistake_is_named_in_one_line(doubling, capsys, answer, sentence):
    import re

    solved, out = said(capsys, doubling, answer)
    assert not solved
    assert out.startswith("✗ 99.doubling: ")
    assert re.search(sentence, out), out


def test_a_learner_may_interrupt(doubling):
    def endless(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(doubling, endless)


def test_an_unknown_exercise_is_our_mistake_or_a_typo():
    with pytest.raises(CapseduError, match=r"unknown exercise '03.coupling'; did you mean"):
        check("03.coupling", None)


def test_inputs_are_new_each_time_and_nobody_elses_random_numbers_are_used(doubling):
    seen = []

    def remember(x):
        seen.append(x.clone())
        return 2 * x

    state = torch.get_rng_state()
    assert check(doubling, remember)
    assert check(doubling, remember)
    assert not torch.equal(*seen)
    assert torch.equal(state, torch.get_rng_state())


def test_a_single_number_has_no_letters():
    with pytest.raises(Finding, match="a single number"):
        expect_tensor(torch.zeros(2), [], "")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [(0.1, "too small"), (0.9, "too large"), ("0.5", "not a str"), (True, "not a bool")],
)
def test_numbers(found, sentence):
    expect_number(torch.tensor(0.5), 0.5)
    expect_number(0.5, 0.5)
    with pytest.raises(Finding, match=sentence):
        expect_number(found, 0.5)


def test_nan_is_not_close_to_a_number():
    with pytest.raises(Finding):
        expect_number(float("nan"), 0.5)


def test_a_value_can_be_a_stub():
    assert Attempt(3).value == 3
    with pytest.raises(NotWritten):
        _ = Attempt(...).value
