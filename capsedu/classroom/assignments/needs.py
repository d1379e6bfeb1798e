"""Libraries that only assignments need."""

from importlib import import_module
from types import ModuleType

from capsedu.errors import CapseduError


def needed(name: str) -> ModuleType:
    """Import a library of the extra ``classroom``.

    Raises:
        CapseduError: that says how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise CapseduError(
            f"this needs {error.name}, which is not installed: "
            "pip install 'capsedu[classroom]', or the requirements.txt of the book"
        ) from error
