"""Writing files so that a killed process never leaves half of one."""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from capsedu.errors import CapseduError


class WriteError(CapseduError):
    """A file could not be written; its cause is the system's OSError."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write`` on a file beside ``path``, then move it into place in one step.

    Raises:
        WriteError: if the folder cannot be written to.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        os.replace(partial, path)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if partial.exists():
            partial.unlink()


def require_writable(folder: Path) -> None:
    """Raise :class:`CapseduError` unless files can be made in ``folder``."""
    probe = Path(folder) / ".writable"
    write_atomically(probe, lambda path: path.write_text(""))
    probe.unlink(missing_ok=True)


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write named tensors as safetensors, atomically."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_atomically(path, lambda partial: partial.write_bytes(safetensors.torch.save(tensors)))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file. No code in it can run: the format holds numbers only.

    Raises:
        CapseduError: if the file is missing, truncated or of another kind.
    """
    try:
        return safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise CapseduError(f"cannot read {path} as safetensors: {error}") from error


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
