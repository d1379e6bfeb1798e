import json

import nbformat
import pytest
from sample_assignment import SOURCE, by_id, write_source
from typer.testing import CliRunner

from capsedu import cli
from capsedu.classroom.assignments import release
from capsedu.classroom.assignments.source import read_source
from capsedu.errors import CapseduError

SECRETS = ["x + x", "20001", "40002", "math.pi * radius", "four times", "Both directions", "Rubric"]


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "sources")


def with_source(tmp_path, text):
    path = tmp_path / "90_doubling.py"
    path.write_text(text)
    return read_source(path)


def test_nothing_hidden_is_left(source):
    text = release.student_version(read_source(source))
    assert [secret for secret in SECRETS if secret in text] == []
    assert "BEGIN" not in text and "END" not in text
    notebook = json.loads(text)
    nbformat.validate(nbformat.from_dict(notebook))
    assert by_id(notebook, "answer-double")["source"] == [
        "def double(x):\n",
        '    """Twice a number."""\n',
        '    raise NotImplementedError("write this part")',
    ]
    assert by_id(notebook, "test-area_unit")["source"] == [
        "# Tested when graded, 3 points: the unit circle."
    ]
    assert by_id(notebook, "written-why")["source"][-1] == "*Your answer here.*"
    assert all(not c["outputs"] for c in notebook["cells"] if c["cell_type"] == "code")


def test_the_same_bytes_each_time_and_only_the_variant_differs(source, tmp_path):
    assignment = read_source(source)
    first = release.write_release(assignment, tmp_path / "a")
    again = release.write_release(read_source(source), tmp_path / "b")
    assert first.read_bytes() == again.read_bytes()
    other = release.student_version(assignment, 7)
    changed = [
        (a, b)
        for a, b in zip(first.read_text().splitlines(), other.splitlines(), strict=True)
        if a != b
    ]
    assert changed == [
        ('    "variant = 0"', '    "variant = 7"'),
        ('   "variant": 0', '   "variant": 7'),
    ]


def test_a_new_cell_leaves_the_other_ids_alone(source, tmp_path):
    before = read_source(source).keys
    text = SOURCE.replace("# %%\ntry:", "# %%\nprint(1)\n\n# %%\ntry:")
    assert set(before) < set(with_source(tmp_path, text).keys)


def test_nbgrader_metadata(source):
    notebook = json.loads(release.instructor_version(read_source(source)))
    flags = {}
    for cell in notebook["cells"]:
        told = cell["metadata"].get("nbgrader")
        if told:
            assert told["schema_version"] == 3 and told["grade_id"] == cell["id"]
            flags[cell["id"]] = told["grade"], told["solution"], told["locked"], told.get("points")
    assert flags == {
        "given-setup": (False, False, True, None),
        "given-variant": (False, False, True, None),
        "answer-double": (False, True, False, None),
        "test-double_numbers": (True, False, True, 4),
        "test-double_negative": (True, False, True, 2),
        "answer-area": (False, True, False, None),
        "test-area_unit": (True, False, True, 3),
        "test-area_grows": (True, False, True, 5),
        "written-why": (True, True, False, 6),
    }
    assert all(secret in json.dumps(notebook) for secret in SECRETS)


def test_a_notebook_is_a_source_too(source, tmp_path):
    """Outputs, other metadata and attachments of an instructor's notebook stay behind."""
    assignment = read_source(source)
    notebook = json.loads(release.instructor_version(assignment))
    answer = by_id(notebook, "answer-double")
    answer["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "leak 40002"}]
    answer["metadata"]["note"] = "leak x + x"
    written = by_id(notebook, "written-why")
    written["attachments"] = {"model.png": {"image/png": "Rubric"}}
    notebook["metadata"]["author"] = "leak Rubric"
    path = tmp_path / "90_doubling.ipynb"
    path.write_text(json.dumps(notebook))
    again = read_source(path)
    assert release.student_version(again) == release.student_version(assignment)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "    ### END SOLUTION\n\n# %%\ntry",
            "\n# %%\ntry",
            "`double`, line 3: ### BEGIN",
        ),
        (
            "    ### BEGIN SOLUTION\n    return x",
            "    return x",
            "`double`, line 4: ### END",
        ),
        ("    return x + x", "    ### BEGIN SOLUTION", "line 4: ### BEGIN SOLUTION inside"),
        ("    return x + x", "    return x  ### BEGIN SOLUTION", "line 4: a mark must be alone"),
        (
            'test="area_grows"',
            'test="area_unit"',
            "`area_unit`: the name 'area_unit' is there twice",
        ),
        (' test="area_grows" points=5', ' test="area_grows"', "`area_grows`, line 1: .* no points"),
        ("points=5", 'points="five"', "`area_grows`: points must be a number"),
        ('given="setup"', 'given="setup" points=1', "points belong to tests"),
        ('given="setup"', 'given="The Setup"', "a name must match"),
        ('given="setup"', 'answr="setup"', "unknown role 'answr'; did you mean 'answer'"),
        ('given="setup"', 'given="setup" test="a"', "two roles"),
        ("variant = 0", "variant = dice()", "must be `variant = 0`"),
        ('# %% answer="area"', "# %%", "a solution outside an answer cell"),
        ('# %% test="area_unit" points=3', "# %%", "hidden tests outside a test cell"),
        ("# %% [markdown] written", "# %% written", "written wants a markdown cell, not code"),
        ("    return x + x\n", "    return x +\n", r"`double`, line 4: no valid Python"),
        (
            "    ### BEGIN SOLUTION\n    return math.pi * radius**2\n    ### END SOLUTION",
            "    pass\n\n### BEGIN SOLUTION\ntwo = 2\n### END SOLUTION",
            "`area`, line 5: a solution must stand inside a function",
        ),
    ],
)
def test_a_broken_source_is_refused(tmp_path, old, new, sentence):
    assert SOURCE.count(old) >= 1
    with pytest.raises(CapseduError, match=r"^90_doubling.py: cell \d+.*" + sentence):
        with_source(tmp_path, SOURCE.replace(old, new, 1))


def test_variants_need_their_cell(tmp_path):
    text = SOURCE.replace('# %% given="variant"\nvariant = 0\n\n', "")
    with pytest.raises(CapseduError, match="it has no variants"):
        release.student_version(with_source(tmp_path, text), 3)


def test_the_commands(source, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(cli.app, ["assignment", *map(str, arguments)])

    listed = run("list", source)
    assert "Assignment 90: doubling" in listed.output and " 14 " in listed.output
    assert run("release", source.parent, "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "90_doubling.ipynb").exists()
    assert run("nbgrader", source, "--out", tmp_path / "course").exit_code == 0
    assert (tmp_path / "course" / "90_doubling" / "90_doubling.ipynb").exists()
    refused = run("release", tmp_path / "nothing.py", "--out", tmp_path)
    assert isinstance(refused.exception, CapseduError)
