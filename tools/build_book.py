"""Builds the book as HTML: every notebook is executed, every warning is an error.

`make book` and tests/test_book.py call this. Executed notebooks are cached, so a second build
only renders; the cache is dropped when anything that a notebook can see has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from capsedu.data import data_root
from capsedu.errors import CapseduError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
KEY = BUILD / "cache_key.txt"
INDEX = BUILD / "html" / "index.html"


def package_files() -> Iterator[Path]:
    """What a notebook sees besides its own cells: code, checkpoints, records, environment."""
    for pattern in (
        "capsedu/**/*.py",
        "capsedu/**/*.js",
        "capsedu/**/*.css",
        "data/checkpoints/*",
        "data/records/*",
        "requirements.txt",
    ):
        yield from sorted(path for path in ROOT.glob(pattern) if path.is_file())


def package_key() -> str:
    """One number for the contents of `package_files()`."""
    digest = hashlib.sha256()
    for path in package_files():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def data_key() -> str:
    """Which data sets the notebooks find: names and sizes of the raw files, not their contents."""
    root = data_root()
    files = sorted(root.glob("*/raw/*"))
    listing = [f"{path.relative_to(root)} {path.stat().st_size}" for path in files]
    return hashlib.sha256("\n".join([str(root), *listing]).encode()).hexdigest()


def build() -> int:
    """Runs Jupyter Book on the whole book and returns its exit status."""
    code = package_key()
    if not KEY.exists() or KEY.read_text() != f"{code} {data_key()}":
        shutil.rmtree(CACHE, ignore_errors=True)

    # --all: an incremental build forgets the warnings of the pages that it skips.
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ".", "--all", "-n", "-W", "--keep-going"]
    environment = {**os.environ, "CAPSEDU_PROFILE": "quick"}
    status = subprocess.run(command, cwd=ROOT, env=environment).returncode

    # A chapter may have downloaded its data on the way, so the data are looked at again.
    BUILD.mkdir(exist_ok=True)
    KEY.write_text(f"{code} {data_key()}")
    return status


if __name__ == "__main__":
    try:
        status = build()
    except CapseduError as error:
        sys.exit(f"capsedu: {error}")
    print(f"\nThe book: {INDEX}" if status == 0 else "\nThe book was not built: see above.")
    sys.exit(status)
