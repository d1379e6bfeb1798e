"""Where the project keeps its own files: in a checkout, or where pip put them."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]


def _own(folder: str) -> Path:
    """A folder of the checkout's ``data``, or the one that was installed with the package."""
    here = _CHECKOUT / "data" / folder
    if here.is_dir():
        return here
    try:
        installed = files("capsedu") or ()
    except PackageNotFoundError:  # a bare copy of the package
        return here
    found = (file for file in installed if file.parts[-4:-1] == ("share", "capsedu", folder))
    return next((Path(file.locate()).resolve().parent for file in found), here)


RECORDS = _own("records")
CHECKPOINTS = _own("checkpoints")
ASSIGNMENTS = _CHECKOUT / "notebooks" / "assignments"
