"""Lines that are for IPython only."""

import ast
import re
import warnings

_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2})$", re.MULTILINE)


def without_magics(code: str) -> str:
    """``code`` with ``%magic``, ``!shell`` and ``help?`` lines turned into ``pass``.

    Code that is Python already stays as it is: a line of it may begin with the operator ``%``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a student's "\d" is not ours to complain about
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _MAGIC.sub(r"\1pass", code)
    return code
