"""The book's pages of worked solutions, read and run: the one source of right answers."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHAPTERS = ROOT / "notebooks" / "scripts"
PAGES = sorted((ROOT / "book" / "solutions").glob("*_*.md"))
STUB = re.compile(r'^solved = check\("(.+)", (\w+)\)$', re.MULTILINE)
SECTION = re.compile(r"^## (\d+)\. .+(?:: `(.+)`| \(no check\))$")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(page: Path) -> list[tuple[str, str]]:
    """The first line and the rest of each section of a page, and of what stands before them."""
    parts = re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)
    return [(title, text) for title, _, text in (part.partition("\n") for part in parts)]


@cache
def answers(page: Path) -> list[tuple[str, object]]:
    """The answers of a page, each with the name of its check.

    The Python blocks run from top to bottom, like the cells of a chapter. Every block in the
    section of a check makes what the chapter's stub is called.
    """
    names = dict(STUB.findall((CHAPTERS / f"{page.stem}.py").read_text()))
    found, scope = [], {}
    for title, text in sections(page):
        section = SECTION.match(title)
        check = section and section[2]
        for block in BLOCK.findall(text):
            if check:
                scope.pop(names[check], None)  # so that it is this block that makes it
            exec(compile(block, f"{page.name}: {title}", "exec"), scope)
            if check:
                found.append((check, scope[names[check]]))
    return found


def solution(check: str) -> object:
    """The first answer to an exercise."""
    return next(answer for page in PAGES for name, answer in answers(page) if name == check)
