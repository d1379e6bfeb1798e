"""An assignment in nbgrader itself, in the environment that `tools/setup.sh nbgrader` makes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from sample_assignment import TESTS, filled, write_source

from capsedu import paths
from capsedu.classroom.assignments import release
from capsedu.classroom.assignments.source import read_source

NAME = "90_doubling"
NBGRADER = Path(__file__).resolve().parents[2] / ".nbgrader"
HIDDEN = ["x + x", "20001", "40002", "math.pi * radius", "Both directions", "Rubric", "BEGIN"]
SCORES = f"""
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    found = {{
        submission.student.id: {{
            grade.name: grade.auto_score for part in submission.notebooks for grade in part.grades
        }}
        for submission in book.assignment_submissions("{NAME}")
    }}
print(json.dumps(found))
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with the sample assignment as its source; the kernel is that of these tests."""
    if not (NBGRADER / "installed.txt").exists():
        assert "CI" not in os.environ, "nbgrader is not installed: tools/setup.sh nbgrader"
        pytest.skip("nbgrader is not installed (tools/setup.sh nbgrader, which needs the network)")
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(told))
    folder = tmp_path / "course"
    release.write_nbgrader(read_source(write_source(tmp_path)), folder / "source")
    shutil.copy(paths.ASSIGNMENTS / "nbgrader_config.py", folder)
    return folder


def run(course: Path, *command: str) -> str:
    """What a program of nbgrader's environment prints, run in the course's folder."""
    own = {name: str(course.parent / name) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    environment = {
        **os.environ,
        **own,
        "JUPYTER_PATH": str(course.parent / "jupyter"),
        "PATH": f"{NBGRADER / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [NBGRADER / "bin" / command[0], *command[1:]],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def hand_in(course: Path, student: str, notebook: dict) -> None:
    path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))


def test_nbgrader_releases_and_grades_as_we_do(course: Path) -> None:
    run(course, "nbgrader", "generate_assignment", NAME)
    text = (course / "release" / NAME / f"{NAME}.ipynb").read_text()
    ours = release.student_version(read_source(course.parent / f"{NAME}.py"))

    assert [word for word in HIDDEN if word in text] == []
    theirs, expected = (nbformat.reads(found, as_version=4).cells for found in (text, ours))
    assert [(c.id, c.source) for c in theirs] == [(c.id, c.source) for c in expected]

    hand_in(course, "starter", json.loads(text))
    hand_in(course, "solved", filled(text))
    hand_in(course, "ours", filled(ours, area="def area(radius):\n    return radius\n"))
    run(course, "nbgrader", "autograde", NAME)
    scores = json.loads(run(course, "python", "-c", SCORES))

    tests = {
        student: {name.removeprefix("test-"): score for name, score in found.items()}
        for student, found in scores.items()
    }
    assert {name: tests["solved"][name] for name in TESTS} == TESTS
    assert {name: tests["starter"][name] for name in TESTS} == dict.fromkeys(TESTS, 0)
    wrong = {"area_unit": 0, "area_grows": 0}
    assert {name: tests["ours"][name] for name in TESTS} == TESTS | wrong
