"""What every test may use."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from browser import HTML, ROOT, serve
from filelock import FileLock
from playwright.sync_api import Browser, Page, sync_playwright

from capsedu import paths

# `make test` hands whole files to two workers, in this order: what takes minutes goes first, so
# that no worker is left alone with it. Who comes first builds the book; the other has enough to
# do that needs no book.
LONGEST = [
    "test_accessibility.py",
    "test_assignments.py",
    "test_notebooks.py",
    "test_assignment_grading.py",
    "test_assignment_hostile.py",
    "test_nbgrader.py",
    "test_capsgan_3d.py",
    "test_matrix_capsnet.py",
    "test_book.py",
    "test_book_explorers.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONGEST)))


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


@pytest.fixture
def one_thread():
    """No split of the work between threads, on which the last bits of a training depend."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def own_project(tmp_path, monkeypatch):
    """Records and checkpoints of the project's own, in an empty folder."""
    monkeypatch.setattr(paths, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "checkpoints")
    return tmp_path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the book, built as `make book` builds it and served from this machine.

    It is built once, by the worker that asks first; the others wait for what it says.
    """
    base = tmp_path_factory.getbasetemp()
    said = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "book.txt"
    with FileLock(said.with_suffix(".lock")):
        if not said.exists():
            built = subprocess.run(
                [sys.executable, "tools/build_book.py"], cwd=ROOT, capture_output=True, text=True
            )
            said.write_text((built.stdout + built.stderr)[-6000:] if built.returncode else "")
    assert said.read_text() == ""
    with serve(HTML) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None and "CI" not in os.environ:
        pytest.skip("Chromium is not installed (on Debian: apt install chromium)")
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()
