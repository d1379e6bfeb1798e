"""Every chapter, executed in the profile that takes seconds."""

from pathlib import Path

import papermill
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9a]*.ipynb"))


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
