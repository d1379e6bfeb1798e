"""Writing files so that a file under its own name is always complete."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from capsedu.errors import CapseduError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file, open for writing, that gets its name when all of it is written.

    If the block is left by an exception, nothing stays behind. The folder is made if it is
    missing, and is tried before the block begins: a long computation should not find out
    at its end that there is no place for its result.

    Raises:
        CapseduError: if the folder cannot be written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = tempfile.NamedTemporaryFile(  # noqa: SIM115 (closed below, on every way out)
            dir=path.parent, prefix=f"{path.name}.", suffix=".part", delete=False
        )
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        yield part
        part.close()
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    finally:
        part.close()
        Path(part.name).unlink(missing_ok=True)


def _unwritable(folder: Path, error: OSError) -> CapseduError:
    return CapseduError(
        f"cannot write to {folder} ({error.strerror or error}); set CAPSEDU_DATA to a folder "
        "that you can write to"
    )
