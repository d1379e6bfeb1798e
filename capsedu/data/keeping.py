"""Keeping files below the data root: whole or not at all, and with advice where it fails."""

from collections.abc import Callable
from pathlib import Path

from capsedu.errors import CapseduError
from capsedu.files import WriteError, write_atomically


def keep(path: Path, write: Callable[[Path], object]) -> None:
    """:func:`capsedu.files.write_atomically`, for a file below the data root.

    Raises:
        CapseduError: if the folder cannot be written to, or the disk is full.
    """
    try:
        write_atomically(path, write)
    except WriteError as error:
        raise unwritable(path.parent, error.__cause__) from error.__cause__


def unwritable(folder: Path, error: OSError) -> CapseduError:
    """What to raise when ``folder`` cannot be written to."""
    return CapseduError(
        f"cannot write to {folder} ({error.strerror or error}); set CAPSEDU_DATA to a folder "
        "that you can write to"
    )
