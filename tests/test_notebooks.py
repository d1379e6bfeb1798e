"""Every chapter, executed; and the outputs that are stored with two of them, compared."""

import os
import subprocess
import sys
from pathlib import Path

import papermill
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
# Chapters that train nothing: every number in their outputs is the same on every machine.
REPRODUCIBLE = [
    "01_transposed_convolution",
    "02_squash",
    "03_dynamic_routing",
    "05_em_routing",
]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter_runs_in_the_smoke_profile(path: Path, tmp_path: Path) -> None:
    papermill.execute_notebook(
        path,
        tmp_path / path.name,
        parameters={"profile": "smoke"},
        cwd=path.parent,
        progress_bar=False,
        execution_timeout=300,
    )


@pytest.mark.parametrize("name", REPRODUCIBLE)
def test_stored_outputs_are_what_the_cells_print(name: str) -> None:
    notebook = ROOT / "notebooks" / f"{name}.ipynb"
    command = [sys.executable, "-m", "pytest", "--nbval", str(notebook), "-p", "no:cacheprovider"]
    command += ["--nbval-sanitize-with", str(ROOT / "tests" / "nbval.cfg")]
    checked = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "CAPSEDU_PROFILE": "quick"},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr[-1000:]
