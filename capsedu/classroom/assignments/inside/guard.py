"""Keeps the libraries of a test as they were, and runs the test."""

import builtins
import contextlib
import linecache
import sys
import warnings
from types import FunctionType, ModuleType


class Guard:
    """Remembers modules before any student code runs, and puts them back before each test.

    A test calls the student's functions, but its own ``assert``, ``len`` and ``torch.allclose``
    must be the real ones. What is put back: functions, classes and modules that were replaced in
    a module, methods of classes, the code inside functions, and torch's global switches.

    Args:
        names: the modules that the tests import; all that they loaded of the same packages is
            remembered too.
    """

    def __init__(self, names: list[str]) -> None:
        for name in names:
            try:
                __import__(name)
            except Exception:  # a test that needs it will say so itself
                continue
        packages = {name.partition(".")[0] for name in [*names, "builtins", "math", "random"]}
        self.loaded = {
            name: module
            for name, module in sys.modules.items()
            if isinstance(module, ModuleType) and name.partition(".")[0] in packages
        }
        self.spaces = [(vars(module), _fixed(vars(module))) for module in self.loaded.values()]
        self.classes: dict[type, dict] = {}
        self.codes: dict[FunctionType, object] = {}
        for _, kept in self.spaces:
            for value in kept.values():
                if isinstance(value, type):
                    self._remember(value, packages)
                elif isinstance(value, FunctionType):
                    self.codes[value] = (value.__code__, value.__defaults__, value.__kwdefaults__)
        torch = sys.modules.get("torch")
        self.dtype = torch.get_default_dtype() if torch else None
        self.carried: dict[str, object] = {}

    def _remember(self, kind: type, packages: set[str]) -> None:
        if kind in self.classes or str(kind.__module__).partition(".")[0] not in packages:
            return
        self.classes[kind] = dict(vars(kind))
        for value in vars(kind).values():
            if isinstance(value, FunctionType):
                self.codes[value] = (value.__code__, value.__defaults__, value.__kwdefaults__)

    def restore(self) -> None:
        """Put everything back."""
        sys.settrace(None)
        sys.setprofile(None)
        sys.modules.update(self.loaded)
        for space, kept in self.spaces:
            for name, value in kept.items():
                if space.get(name) is not value:
                    space[name] = value
        for kind, kept in self.classes.items():
            now = vars(kind)
            for name in [n for n in now if n not in kept and _shadows(kind, n)]:
                _quietly(delattr, kind, name)
            for name, value in kept.items():
                if now.get(name) is not value:
                    _quietly(setattr, kind, name, value)
        for function, (code, defaults, keywords) in self.codes.items():
            if function.__code__ is not code:
                function.__code__ = code
            if function.__defaults__ is not defaults:
                function.__defaults__ = defaults
            if keywords is None and function.__kwdefaults__ is not None:
                function.__kwdefaults__ = keywords
        torch = sys.modules.get("torch")
        if torch and self.dtype:
            torch.set_default_dtype(self.dtype)
            torch.set_default_device(None)
            torch.set_grad_enabled(True)

    def run(self, code: str, name: str, space: dict) -> dict | None:
        """Run a test on what the student's cells left in ``space``.

        The test has names of its own: what it defines stays out of the student's space, and a
        student's ``len`` or ``all`` stays out of the test. Names that begin with an underscore
        are kept for the tests after it.

        Returns:
            None if it passed, else what was raised: ``ename``, ``evalue``, ``name``, ``line``.
        """
        own: dict = {}
        try:
            self.restore()
            own = {k: v for k, v in space.items() if k == "__name__" or k not in vars(builtins)}
            own.update(self.carried, __builtins__=builtins)
            exec(compile(code, f"<test {name}>", "exec"), own)
        except BaseException as error:
            return raised(error, space)
        finally:
            self.carried = {
                k: v
                for k, v in own.items()
                if k.startswith("_") and not k.startswith("__") and space.get(k) is not v
            }
        return None


def raised(error: BaseException, space: dict) -> dict:
    """An exception as plain text, with the student's line at which it happened."""
    line, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals is space:
            line = _line(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    try:
        message = str(error)
    except BaseException:
        message = ""
    missing = getattr(error, "name", "") if isinstance(error, NameError) else ""
    return {
        "ename": type(error).__name__[:80],
        "evalue": message[:600],
        "name": str(missing)[:80],
        "line": line[:120],
    }


def _fixed(space: dict) -> dict:
    """The entries of a module that nobody has a reason to change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some libraries warn when old names are looked at
        return {
            name: value
            for name, value in space.items()
            if callable(value) or isinstance(value, ModuleType)
        }


def _shadows(kind: type, name: str) -> bool:
    return any(name in vars(base) for base in kind.__mro__[1:])


def _quietly(change, *arguments) -> None:
    with contextlib.suppress(TypeError, AttributeError):
        change(*arguments)


def _line(file: str, number: int) -> str:
    return linecache.getline(file, number).strip()
