"""Instant feedback on an exercise."""

import importlib
import pkgutil

import torch

from capsedu.classroom import checks
from capsedu.classroom.attempt import CHECKS, Attempt, Finding, NotWritten
from capsedu.errors import require_known


def check(name: str, answer: object) -> bool:
    """Say whether ``answer`` solves an exercise, and if not, what is wrong with it.

    The inputs are random and new in every call.

    Args:
        name: chapter and exercise, such as ``"03.couplings"``.
        answer: the student's function or value; ``None`` or ``...`` is a stub.

    Returns:
        Whether the exercise is solved. A student's mistake never raises.

    Raises:
        CapseduError: if there is no such exercise.
    """
    _load_checks()
    require_known("exercise", name, CHECKS)
    random = torch.Generator()
    random.seed()
    try:
        CHECKS[name](Attempt(answer), random)
    except NotWritten:
        print(f"… {name} is not written yet")
    except Finding as finding:
        print(f"✗ {name}: {finding}")
    else:
        print(f"✓ {name}")
        return True
    return False


def _load_checks() -> None:
    """Import every chapter's checks; they register themselves."""
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"{checks.__name__}.{module.name}")
