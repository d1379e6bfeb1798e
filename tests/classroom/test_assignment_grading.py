"""Honest submissions, also untidy ones, and files that are no notebooks: one batch."""

import csv
import json
import os

import nbformat
import pytest
from sample_assignment import DOUBLE, TESTS, by_id, code, filled, write_source

from capsedu.classroom.assignments import grading, release, table
from capsedu.classroom.assignments.sandbox import Limits
from capsedu.classroom.assignments.source import read_source
from capsedu.errors import CapseduError

ABS = "def double(x):\n    return 2 * abs(x)\n"
ODD = "=cmd('Zoë') & <b>.ipynb"
LIMITS = Limits(cell_seconds=20, megabytes=2048)


def untidy(released):
    """Cells deleted, moved, doubled, added; no ids; setup and tests changed."""
    notebook = filled(released)
    setup, double, area = (
        by_id(notebook, name) for name in ("given-setup", "answer-double", "answer-area")
    )
    for number, cell in enumerate((setup, double, area)):
        cell.update(metadata={}, id=f"new{number}")
    setup["source"] = "import nothing_at_all"
    area["source"] = "!rm -rf /\n%time 1\ndef area(radius):\n    return pi_times(radius * radius)\n"
    test = by_id(notebook, "test-area_unit")
    test["source"] = "raise SystemExit('mine')"
    helper = code("def pi_times(x):\n    return math.pi * x\n")
    notebook["cells"] = [test, area, helper, setup, double, code(DOUBLE)]
    return notebook


def old(released):
    """The format of 2013."""
    notebook = nbformat.reads(json.dumps(filled(released)), as_version=4)
    return json.loads(nbformat.writes(notebook, version=3))


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """The folder, and what each file came to by its name."""
    folder = tmp_path_factory.mktemp("batch")
    released = release.student_version(read_source(write_source(folder / "sources")))
    (folder / "in" / "deeper").mkdir(parents=True)
    shifted = filled(released, DOUBLE, "def surface(radius):\n    return 3\n")
    shifted["metadata"]["capsedu"]["variant"] = 12
    by_id(shifted, "written-why")["source"] = "Because <script>alert(1)</script> \ud800"
    handed_in = {
        "starter.ipynb": json.loads(released),
        ODD: filled(released),
        "partial.ipynb": filled(released, ABS, "def area(radius:\n    return 3\n"),
        "renamed.ipynb": shifted,
        "deeper/untidy.ipynb": untidy(released),
        "old.ipynb": old(released),
        "other.ipynb": {**filled(released), "metadata": {"capsedu": {"assignment": "91_other"}}},
    }
    for name, notebook in handed_in.items():
        (folder / "in" / name).write_text(json.dumps(notebook))
    (folder / "in" / "empty.ipynb").touch()
    (folder / "in" / "broken.ipynb").write_text('{"cells": [')
    (folder / "in" / "list.ipynb").write_text("[1, 2]")
    (folder / "in" / "deep.ipynb").write_text("[" * 100_000)
    (folder / "in" / "binary.ipynb").write_bytes(bytes(range(256)))
    strange = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}
    (folder / "in" / "strange.ipynb").write_text(json.dumps(strange))
    with open(folder / "in" / "large.ipynb", "wb") as file:
        file.truncate(200 << 20)
    (folder / "in" / "gone.ipynb").symlink_to(folder / "nowhere")
    (folder / "in" / "folder.ipynb").mkdir()
    said = []
    graded = grade(folder, say=said.append, feedback=folder / "pages")
    return folder, {g.file.name: g for g in graded}, said


def grade(folder, **options):
    return grading.grade(
        [folder / "in"], folder / "grades.csv", [folder / "sources"], LIMITS, **options
    )


def rows(folder):
    with open(folder / "grades.csv", newline="") as file:
        return {row["file"].rpartition("/")[2]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("starter.ipynb", 0),
        (ODD, 14),
        ("partial.ipynb", 4),
        ("renamed.ipynb", 6),
        ("untidy.ipynb", 14),
        ("old.ipynb", 14),
    ],
)
def test_points(batch, name, points):
    folder, graded, _ = batch
    assert graded[name].status == "graded"
    assert graded[name].points == points, graded[name].tests
    row = rows(folder)[name]
    assert (row["points"], row["of"], row["written_of"]) == (str(points), "14", "6")
    assert {t: row[t] for t in TESTS} == {
        t: str(worth if graded[name].tests[t] is None else 0) for t, worth in TESTS.items()
    }
    assert row["why"] == ""


def test_sentences(batch):
    _, graded, _ = batch
    assert set(graded["starter.ipynb"].tests.values()) == {"not written yet"}
    assert graded["partial.ipynb"].tests["double_negative"] == "a negative number came out wrong"
    assert "the cell `area` stopped with SyntaxError" in graded["partial.ipynb"].tests["area_unit"]
    assert graded["renamed.ipynb"].tests["area_unit"] == (
        "there is no function named area; the cell `area` should define it"
    )
    assert graded["untidy.ipynb"].remarks == ["`double` is there 2 times; all were joined"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("empty.ipynb", "unreadable: this is no notebook"),
        ("broken.ipynb", "unreadable: this is no notebook"),
        ("list.ipynb", "unreadable: this is no notebook"),
        ("deep.ipynb", "unreadable: the file is too deep"),
        ("binary.ipynb", "unreadable: this is no notebook"),
        ("strange.ipynb", "unreadable: this is no notebook"),
        ("large.ipynb", "unreadable: the file has 200 MB"),
        ("gone.ipynb", "unreadable: the file cannot be read"),
        ("folder.ipynb", "unreadable: this is no file"),
        ("other.ipynb", "of no known assignment (known: 90_doubling)"),
    ],
)
def test_a_bad_file_is_a_row_with_a_reason(batch, name, sentence):
    folder, graded, _ = batch
    assert graded[name].status.startswith(sentence)
    assert rows(folder)[name]["status"].startswith(sentence)
    assert rows(folder)[name]["points"] == "0"


def test_nothing_is_a_formula(batch):
    row = rows(batch[0])[ODD]
    assert row["student"] == "'=cmd('Zoë') & <b>"
    assert table.text("a\nb\x07") == "a b "


def test_pages(batch):
    folder, graded, _ = batch
    names = os.listdir(folder / "pages" / "students")
    assert sorted(names) == sorted(os.listdir(folder / "pages" / "instructor"))
    assert len(names) == len(graded)
    for place in ("students", "instructor"):
        for name in names:
            text = (folder / "pages" / place / name).read_text()
            assert "<script" not in text and "http:" not in text and "https:" not in text
            assert ("Both directions" in text and "Rubric" in text) == (
                place == "instructor" and "<h2>why" in text
            )
    page = next(n for n in names if n.startswith("renamed"))
    text = (folder / "pages" / "students" / page).read_text()
    assert "6 of 14 points" in text and "&lt;script&gt;" in text and "20001" not in text


def test_what_was_graded_is_not_graded_again(batch):
    folder, graded, _ = batch
    before = rows(folder)
    file = folder / "grades.csv"
    assert before["renamed.ipynb"]["variant"] == "12"
    lines = file.read_text().splitlines()
    place = lines[0].split(",").index("why")
    number = next(n for n, line in enumerate(lines) if "starter.ipynb" in line)
    cells = lines[number].split(",")
    cells[place] = "5.5"
    lines[number] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n")
    (folder / "in" / "list.ipynb").write_text("[1, 2, 3]")
    said = []
    again = [g.file.name for g in grade(folder, say=said.append)]
    # what cannot be read or belongs to no assignment may be right this time
    assert sorted(again) == ["folder.ipynb", "gone.ipynb", "list.ipynb", "other.ipynb"]
    assert sum("already" in line for line in said) == len(graded) - 4
    after = rows(folder)
    assert after["starter.ipynb"]["why"] == "5.5"
    assert after["list.ipynb"]["sha256"] != before["list.ipynb"]["sha256"]
    assert list(after) == list(before)


def test_an_interrupted_batch_keeps_what_was_done(tmp_path):
    write_source(tmp_path / "sources")
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.ipynb").write_text("")

    def stop(line):
        if line.startswith("2/3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(tmp_path, say=stop)
    assert list(rows(tmp_path)) == ["a.ipynb", "b.ipynb"]
    assert "same file as" in rows(tmp_path)["b.ipynb"]["remarks"]


def test_our_own_mistakes_cost_one_row(tmp_path, monkeypatch):
    write_source(tmp_path / "sources")
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / f"{name}.ipynb").write_text("")

    def broken(file, *_):
        raise KeyError(file.name)

    monkeypatch.setattr(grading, "grade_one", broken)
    assert [g.status for g in grade(tmp_path)] == [
        "not graded: KeyError: 'a.ipynb'",
        "not graded: KeyError: 'b.ipynb'",
    ]


@pytest.mark.parametrize(
    ("submissions", "sentence"),
    [("nowhere", "no such submission"), ("sources", "no submission in")],
)
def test_a_batch_that_makes_no_sense(tmp_path, submissions, sentence):
    write_source(tmp_path / "sources")
    with pytest.raises(CapseduError, match=sentence):
        grading.grade([tmp_path / submissions], tmp_path / "g.csv", [tmp_path / "sources"])


def test_another_table_is_not_overwritten(tmp_path):
    path = tmp_path / "grades.csv"
    path.write_text("name,age\nZoë,22\n")
    with pytest.raises(CapseduError, match="is no table of grades"):
        table.read(path)
