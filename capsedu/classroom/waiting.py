"""Cells that need a part which the student has not written yet."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def waits(what: str = "this cell") -> Iterator[None]:
    """Turns ``NotImplementedError`` into one printed line, so that the cells after it run.

    An untouched assignment runs from top to bottom: the cells that use an answer do so inside
    ``with waits():``. Every other error is the student's to see.

    Args:
        what: the line's subject.
    """
    try:
        yield
    except NotImplementedError:
        print(f"… {what} waits for a part that is not written yet")
