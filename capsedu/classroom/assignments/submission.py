"""Fits a student's notebook into its source: what is run, what was written, what is odd."""

import ast
import json
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capsedu.classroom.assignments.magics import without_magics
from capsedu.classroom.assignments.needs import needed
from capsedu.classroom.assignments.release import is_variant
from capsedu.classroom.assignments.source import Assignment, Cell
from capsedu.errors import CapseduError

LARGEST = 50 << 20  # bytes
ODD = (
    *("_getframe", "currentframe", "f_globals", "f_back", "get_ipython", "gc.get", "ctypes"),
    *("settrace", "setprofile", "_exit", "__subclasses__", "__builtins__", "builtins"),
    *("sys.modules", "ast_transformers", "/proc", "os.kill", "__code__"),
)


@dataclass(frozen=True)
class ToRun:
    """A code cell of the graded run: a source's cell, or one of the student's own."""

    key: str
    role: str
    name: str
    source: str


@dataclass
class Rebuilt:
    """A submission, in the order and with the tests of its source.

    Attributes:
        cells: to run, one after the other.
        written: the student's text for each written question.
        missing: answers that are not in the notebook.
        remarks: what the person who grades may want to look at.
        variant: the number that the notebook says.
    """

    cells: list[ToRun] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    variant: int = 0


def read_submission(path: Path) -> Any:
    """The notebook in a file that anybody may have made.

    Raises:
        CapseduError: saying why it is none.
    """
    nbformat = needed("nbformat")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise CapseduError(
                f"the file has {size >> 20} MB; more than {LARGEST >> 20} are not read"
            )
        if not path.is_file():
            raise CapseduError("this is no file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells of old notebooks have no ids
            told = json.loads(path.read_text(encoding="utf-8-sig"))
            if not isinstance(told, dict) or "nbformat" not in told:
                raise CapseduError("this is no notebook")
            notebook = nbformat.reads(json.dumps(told), as_version=4)
        return _plain(notebook)
    except CapseduError:
        raise
    except OSError as error:
        raise CapseduError(f"the file cannot be read: {error.strerror or error}") from error
    except (RecursionError, MemoryError) as error:
        raise CapseduError("the file is too deep or too large to be a notebook") from error
    except Exception as error:  # nbformat raises whatever a strange file leads it to
        raise CapseduError(f"this is no notebook: {str(error).splitlines()[0][:200]}") from error


def _plain(notebook: Any) -> Any:
    """Cells whose text is text, with metadata that is a mapping."""
    for cell in notebook.cells:
        if isinstance(cell.get("source"), list):
            cell.source = "".join(map(str, cell.source))
        if not isinstance(cell.get("source"), str) or not isinstance(cell.get("metadata"), dict):
            raise CapseduError("this is no notebook: a cell has no text")
        cell.source = cell.source.encode("utf-8", "replace").decode("utf-8")
    return notebook


def about(notebook: Any) -> tuple[str, int]:
    """Assignment and variant that a notebook's metadata tell; ``""`` and 0 if they do not."""
    told = notebook.metadata.get("capsedu")
    told = told if isinstance(told, dict) else {}
    name, variant = told.get("assignment", ""), told.get("variant", 0)
    good = isinstance(variant, int) and not isinstance(variant, bool) and 0 <= variant < 10**9
    return str(name) if isinstance(name, str) else "", variant if good else 0


def rebuild(assignment: Assignment, notebook: Any) -> Rebuilt:
    """The notebook that is run: the source's order, setup and tests, the student's answers.

    A cell is known by nbgrader's ``grade_id``, else by its id, else an answer by the names that it
    defines. Other cells of the student follow the known cell behind which they stood.
    """
    made = Rebuilt(variant=about(notebook)[1])
    own, behind = _sorted_out(assignment, notebook)
    for cell, key in zip(assignment.cells, assignment.keys, strict=True):
        texts = own.get(key, [])
        if len(texts) > 1 and cell.role in ("answer", "written"):
            made.remarks.append(f"`{cell.name}` is there {len(texts)} times; all were joined")
        if cell.role == "written":
            made.written[cell.name] = "\n\n".join(texts)
        elif cell.role == "answer" and not texts:
            made.missing.append(cell.name)
        if cell.kind == "code":
            made.cells += _to_run(cell, key, texts, made.variant)
        made.cells += [
            ToRun(f"{key}+{n}", "", "", text) for n, text in enumerate(behind.get(key, []), start=1)
        ]
    made.cells[:0] = [
        ToRun(f"start+{n}", "", "", text) for n, text in enumerate(behind.get("", []), start=1)
    ]
    made.cells = [
        ToRun(c.key, c.role, c.name, c.source if c.role == "test" else without_magics(c.source))
        for c in made.cells
    ]
    made.remarks += [f"the answer `{name}` is missing" for name in made.missing]
    made.remarks += _odd_words([c.source for c in made.cells if c.role in ("answer", "")])
    return made


def _to_run(cell: Cell, key: str, texts: list[str], variant: int) -> list[ToRun]:
    if is_variant(cell):
        return [ToRun(key, cell.role, cell.name, f"variant = {variant}")]
    if cell.role in ("given", "test"):
        return [ToRun(key, cell.role, cell.name, cell.to_run)]
    return [ToRun(key, cell.role, cell.name, "\n\n".join(texts))] if texts else []


def _sorted_out(assignment: Assignment, notebook: Any) -> tuple[dict, dict]:
    """The student's texts by the key of the source's cell, and the others by what they follow."""
    cells = dict(zip(assignment.keys, assignment.cells, strict=True))
    keys = [_key(cell, cells) for cell in notebook.cells]
    defined = {
        name: key
        for key, cell in cells.items()
        if cell.role == "answer" and key not in keys
        for name in names_defined(cell.to_run)
    }
    own: dict[str, list[str]] = {}
    behind: dict[str, list[str]] = {}
    last = ""
    for key, cell in zip(keys, notebook.cells, strict=True):
        if not key and cell.cell_type == "code":
            key = next((defined[n] for n in names_defined(cell.source) if n in defined), "")
        if key:
            own.setdefault(key, []).append(cell.source)
            last = key
        elif cell.cell_type == "code" and cell.source.strip():
            behind.setdefault(last, []).append(cell.source)
    return own, behind


def _key(cell: Any, known: dict[str, Cell]) -> str:
    told = cell.metadata.get("nbgrader")
    candidates = (
        told.get("grade_id") if isinstance(told, dict) else None,
        cell.get("id"),
        cell.metadata.get("id"),  # where Colab keeps it
    )
    for key in candidates:
        if isinstance(key, str) and key in known and known[key].kind == cell.cell_type:
            return key
    return ""


def names_defined(code: str) -> list[str]:
    """Functions, classes and variables that a cell defines at its top level."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(without_magics(code)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return re.findall(r"^(?:def|class)[ \t]+(\w+)", code, re.MULTILINE)
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [node.name for node in body if isinstance(node, named)]
    for node in body:
        if isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
    return names


def modules_used(assignment: Assignment) -> list[str]:
    """The modules that given cells and tests import, for the guard to look after."""
    names: set[str] = set()
    for cell in assignment.cells:
        if cell.role not in ("given", "test"):
            continue
        for node in ast.walk(ast.parse(without_magics(cell.to_run))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return sorted(names)


def _odd_words(texts: list[str]) -> list[str]:
    found = [word for word in ODD if any(word in text for text in texts)]
    return [f"the code uses {', '.join(found)}"] if found else []
