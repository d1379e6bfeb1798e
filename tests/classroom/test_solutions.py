"""The chapters' exercises, their hints, and the pages of worked solutions fit together."""

import ast
import re
from pathlib import Path

import pytest
from worked_solutions import BLOCK, CHAPTERS, PAGES, ROOT, SECTION, STUB, sections

CLASSROOM = ROOT / "capsedu" / "classroom"
QUOTE = re.compile(r"^> ✗ (.+?): (.+)$", re.MULTILINE)


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request) -> Path:
    return request.param


@pytest.fixture
def script(page: Path) -> Path:
    return CHAPTERS / f"{page.stem}.py"


def exercises(script: Path) -> str:
    return script.read_text().split("\n# ## Exercises\n")[1].split("\n# ## ")[0]


def stubs(script: Path) -> list[tuple[str, str]]:
    """The number of each exercise, as a text, and its check, which is empty if there is none."""
    parts = re.split(r"^# \*\*(\d+)\.\*\* ", exercises(script), flags=re.MULTILINE)[1:]
    checks = (STUB.search(part) for part in parts[1::2])
    return list(zip(parts[::2], [found[1] if found else "" for found in checks], strict=True))


def test_every_chapter_has_its_page() -> None:
    chapters = {path.stem for path in CHAPTERS.glob("[0-9]*.py")}
    assert chapters
    assert chapters <= {page.stem for page in PAGES}


def test_each_exercise_has_a_hint_and_a_section_in_the_book(script: Path, page: Path) -> None:
    titles = (SECTION.match(title) for title, _ in sections(page)[1:])

    assert [(title[1], title[2] or "") for title in titles if title] == stubs(script)
    assert len(sections(page)) == 1 + len(stubs(script))
    assert exercises(script).count("<summary>Hint</summary>") == len(stubs(script))


def test_the_exercises_end_with_the_way_to_the_solutions(script: Path) -> None:
    before, _, last = exercises(script).rpartition("</details>")
    path = f"book/solutions/{script.stem}.md"

    assert f"(../{path})" in last
    assert f"(https://github.com/capsedu/capsedu/blob/main/{path})" in last
    assert "book/solutions" not in before


def test_a_solution_has_the_signature_of_its_stub(script: Path, page: Path) -> None:
    def signatures(text: str) -> dict[str, str]:
        functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
        return {node.name: ast.unparse(node.args) for node in functions}

    asked = signatures(script.read_text())
    wanted = {name: asked[name] for _, name in STUB.findall(script.read_text()) if name in asked}
    for block in BLOCK.findall(page.read_text()):
        for name, signature in signatures(block).items():
            assert signature == wanted.get(name, signature)


def test_what_a_page_quotes_is_what_the_check_says(page: Path) -> None:
    files = CLASSROOM / "checks" / f"{page.stem}.py", CLASSROOM / "attempt.py"
    said = [
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    quotes = QUOTE.findall(page.read_text())
    assert quotes
    for check, sentence in quotes:
        assert f'@exercise("{check}")' in files[0].read_text()
        parts = [part for part in re.split(r"\s*…[;:]?\s*", sentence) if part]
        assert parts
        assert all(any(part in text for text in said) for part in parts), (check, sentence)
