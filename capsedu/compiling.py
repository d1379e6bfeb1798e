"""Compiled layers where the machine can make them, plain ones everywhere else."""

import os
import shutil
import warnings
from functools import cache

from torch import nn

COMPILERS = ("g++", "clang++", "cl")


def compile_where_possible(*modules: nn.Module) -> bool:
    """Let ``torch.compile`` fuse what the modules do, if there is a C++ compiler.

    Without one the modules stay as they are, and the first such call of a process warns.

    Args:
        modules: compiled in place; their parameters and their state keep their names.

    Returns:
        Whether they are compiled, each at its first call with inputs of a new shape.
    """
    if not has_compiler():
        _warn_once()
        return False
    for module in modules:
        module.compile(dynamic=False)
    return True


def has_compiler() -> bool:
    """Whether a C++ compiler is installed: the one that ``CXX`` names, or a usual one."""
    named = os.environ.get("CXX")
    return any(shutil.which(name) for name in ([named] if named else COMPILERS))


@cache
def _warn_once() -> None:
    warnings.warn(
        "no C++ compiler was found, so networks run uncompiled: the same numbers, slower "
        "(on Debian: apt install g++)",
        stacklevel=3,
    )
