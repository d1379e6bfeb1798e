"""What a check is made of: the student's attempt, and what may be said about it."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor

CHECKS: dict[str, Callable] = {}


class Finding(Exception):
    """What is wrong with an attempt: one sentence, and never the solution."""


class NotWritten(Exception):
    """The stub is still a stub."""


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Register the decorated ``function(attempt, random)`` as the check called ``name``."""

    def register(function: Callable[[Attempt, Generator], None]) -> Callable:
        CHECKS[name] = function
        return function

    return register


class Attempt:
    """A student's answer, a function or a value, asked with care.

    Calling it calls the student's function. What goes wrong inside is a :class:`Finding`.

    Args:
        answer: what the student handed to :func:`capsedu.classroom.check`.
    """

    def __init__(self, answer: object) -> None:
        self.answer = answer

    @property
    def value(self) -> object:
        """The answer itself, where the exercise asks for a value."""
        return _written(self.answer)

    def __call__(self, *inputs: object) -> object:
        """What the student's function returns for ``inputs``."""
        if not callable(_written(self.answer)):
            raise Finding(f"a function is wanted here, not {_kind(self.answer)}")
        originals = [x.clone() if isinstance(x, Tensor) else x for x in inputs]
        try:
            result = self.answer(*inputs)
        except NotImplementedError as error:
            raise NotWritten from error
        except Exception as error:
            raise Finding(_in_one_line(error, self.answer)) from error
        result = _written(result)
        for before, after in zip(originals, inputs, strict=True):
            if isinstance(before, Tensor) and not torch.equal(before, after):
                raise Finding("your function changes its input; make a new tensor instead")
        return result


def expect_tensor(found: object, shape: list[int], letters: str) -> Tensor:
    """``found`` itself, if it is a tensor of this shape with numbers in it.

    Args:
        found: what the student's function returned.
        shape: what it should have.
        letters: the shape in index letters, such as ``"b i j"``, for the message.

    Raises:
        Finding: otherwise.
    """
    if not isinstance(found, Tensor):
        raise Finding(f"your function returns {_kind(found)}; a torch tensor is wanted")
    if list(found.shape) != shape:
        wanted = f"[{letters.replace(' ', ', ')}] = {shape}" if letters else "[], a single number"
        raise Finding(f"the shape is {list(found.shape)}; it should be {wanted}")
    if found.isnan().any():
        raise Finding("there is a NaN in the result")
    return found


def expect_close(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    """Compare entry by entry, with room for float noise.

    Raises:
        Finding: naming the first entry that differs.
    """
    found = found.to(expected.dtype)
    wrong = ~torch.isclose(found, expected, rtol=tolerance, atol=tolerance)
    if not wrong.any():
        return
    place = tuple(wrong.nonzero()[0].tolist())
    where = f"entry {list(place)}" if place else "the result"
    share = f" ({int(wrong.sum())} of {wrong.numel()} entries differ)" if place else ""
    raise Finding(
        f"{where} is {found[place].item():.4f} and should be {expected[place].item():.4f}{share}"
    )


def expect_number(found: object, expected: float, tolerance: float = 1e-3) -> None:
    """A plain number, or a tensor with one.

    Raises:
        Finding: if it is something else, or too small, or too large.
    """
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Finding(f"a number is wanted here, not {_kind(found)}")
    if not abs(found - expected) <= tolerance * max(1.0, abs(expected)):
        raise Finding(f"{found:g} is too {'small' if found < expected else 'large'}")


@contextmanager
def in_case(case: str) -> Iterator[None]:
    """What is found wrong inside is said of this case: ``"kernel 3: the shape is …"``."""
    try:
        yield
    except Finding as finding:
        raise Finding(f"{case}: {finding}") from finding


def is_close(found: Tensor, other: Tensor) -> bool:
    """Whether an attempt equals a known mistake."""
    return found.shape == other.shape and torch.allclose(found, other, rtol=1e-3, atol=1e-4)


def whole(low: int, high: int, random: Generator) -> int:
    """A random whole number from ``low`` to ``high``, both included."""
    return int(torch.randint(low, high + 1, (), generator=random))


def _written(answer: object) -> object:
    if answer is None or answer is ...:
        raise NotWritten
    return answer


def _kind(thing: object) -> str:
    name = type(thing).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _in_one_line(error: Exception, function: Callable) -> str:
    message = (str(error).strip() or "no message").splitlines()[0]
    code = getattr(function, "__code__", None)
    lines = [
        frame.line
        for frame in traceback.extract_tb(error.__traceback__)
        if code and frame.filename == code.co_filename and frame.line
    ]
    where = f" at `{lines[-1]}`" if lines else ""
    return f"your function raises {type(error).__name__}{where}: {message}"
