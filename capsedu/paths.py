"""Where the project keeps its own files."""

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]

RECORDS = _CHECKOUT / "data" / "records"
CHECKPOINTS = _CHECKOUT / "data" / "checkpoints"
ASSIGNMENTS = _CHECKOUT / "notebooks" / "assignments"
