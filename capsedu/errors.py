"""What can go wrong outside an argument: data, files, names, numbers.

A wrong argument raises :class:`ValueError` or :class:`TypeError`, as everywhere in Python.
Everything that depends on the world (a file, a download, a name typed on the command
line, a loss that became NaN) raises :class:`CapseduError` with one sentence that says
what to do. The command line prints that sentence and nothing else.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from torch import Tensor


class CapseduError(RuntimeError):
    """A problem that the reader can solve; its message says how."""


class CapseduWarning(UserWarning):
    """Something that the reader should know at once, while other warnings are kept silent."""


def require_dims(name: str, tensor: Tensor, dims: str) -> None:
    """Raise unless ``tensor`` has one dimension for each letter of ``dims``.

    Args:
        name: the argument's name, for the message.
        tensor: what the caller got.
        dims: index letters separated by spaces, such as ``"b i j d"``.

    Raises:
        TypeError: if ``tensor`` is no floating-point tensor.
        ValueError: if the number of dimensions differs.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {type(tensor).__name__}")
    if not tensor.is_floating_point():
        raise TypeError(f"{name} must hold floating-point numbers, got {tensor.dtype}")
    if tensor.dim() != len(dims.split()):
        raise ValueError(
            f"{name} must have shape [{dims.replace(' ', ', ')}], got {list(tensor.shape)}"
        )


def require_count(name: str, value: int, least: int = 1) -> None:
    """Raise unless ``value`` is a whole number of at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def require_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise :class:`CapseduError` with a suggestion unless ``name`` is among ``known``."""
    known = sorted(known)
    if name in known:
        return
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise CapseduError(f"unknown {kind} {name!r}{hint} (known: {', '.join(known)})")
