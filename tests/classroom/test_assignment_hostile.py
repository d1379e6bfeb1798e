"""Submissions that mean harm: none gets points for it, reads, writes or outlives anything."""

import builtins
import json
import math
import socket
import sys

import psutil
import pytest
import torch
from sample_assignment import DOUBLE, TESTS, by_id, filled, write_source

from capsedu.classroom.assignments import grading, release, sandbox
from capsedu.classroom.assignments.inside.guard import Guard
from capsedu.classroom.assignments.running import worker
from capsedu.classroom.assignments.sandbox import Limits
from capsedu.classroom.assignments.source import read_source

LIMITS = Limits(cell_seconds=3, megabytes=600, processes=24)
MARK = "capsedu-outlives-its-grader"


def once(harm, right, at):
    """A function that does harm for one argument and is right for the others."""
    lines = "\n".join(f"        {line}" for line in harm.splitlines())
    return f"def {{name}}(x):\n    if x == {at}:\n{lines}\n    return {right}\n"


def harmful(large, unit):
    """Both answers with harm in them, at one test each."""
    double = once(large, "2 * x", 20001).replace("{name}", "double")
    return double, once(unit, "math.pi * x * x", 1).replace("{name}", "area")


LEFTOVER = """import os
os.makedirs("deep/" * 20, exist_ok=True)
os.symlink("/", "deep/link")
os.chmod("deep", 0)
os._exit(0)"""
SEGFAULT = "import ctypes; ctypes.string_at(0)"
DEAF = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
HOG = "import mmap\nm = mmap.mmap(-1, 4 << 30)\nfor n in range(1024): m.write(b'x' * (4 << 20))"
BOMB = f"""import os, sys, time, subprocess
sleep = "import time; time.sleep(900)"
subprocess.Popen([sys.executable, "-c", sleep, {MARK!r}], start_new_session=True)
for _ in range(60):
    if not os.fork():
        os.setsid()
        time.sleep(900)
        os._exit(0)
time.sleep(5)"""
GARBLE = (
    "get_ipython().kernel.iopub_socket.send(b'no message'); import time; time.sleep(2); return 0"
)
HARM = {
    "crash": harmful(LEFTOVER, SEGFAULT),
    "loop": harmful("while True: pass", DEAF),
    "flood": harmful("while True: print('x' * 10_000)", "print('y' * (150 << 20))\nreturn 0"),
    "hog": harmful("numbers = [0] * 10**10", HOG),
    "bomb": harmful(BOMB, "raise SystemExit(0)"),
    "garble": harmful(GARBLE, "raise KeyboardInterrupt"),
}
THIEF = """
import glob, os, pathlib, signal, socket
found = []

def attempt(what, action):
    try:
        got = action()
    except BaseException as error:
        return
    if got or got is None:
        found.append(f"{what}: {got!r}")

def above():
    here = pathlib.Path.cwd()
    return [str(p) for up in here.parents for p in list(up.iterdir())[:3]]

def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return s.sendto(b"x", ("127.0.0.1", PORT))

parent = os.getppid()
attempt("source", lambda: open(SOURCE).read())
attempt("source's folder", lambda: os.listdir(os.path.dirname(SOURCE)))
attempt("above", above)
attempt("temporary", lambda: os.listdir("/tmp"))
attempt("table", lambda: open(TABLE, "a").write("x"))
attempt("delete", lambda: os.remove(SOURCE))
attempt("command line", lambda: open(f"/proc/{parent}/cmdline").read())
attempt("environment", lambda: open(f"/proc/{parent}/environ").read())
attempt("memory", lambda: open(f"/proc/{parent}/mem", "rb"))
attempt("descriptors", lambda: os.listdir(f"/proc/{parent}/fd"))
attempt("processes", lambda: os.listdir("/proc"))
attempt("token", lambda: [v for v in os.environ.values() if "hunter2" in v])
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("shared memory", lambda: open("/dev/shm/x", "w"))
attempt("library", lambda: open(os.environ["PYTHONPATH"] + "/math.py", "w"))
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", PORT), 2))
attempt("history", lambda: [c for c in In if "40" + "002" in c])
if SIGNALS:
    attempt("signal", lambda: os.kill(parent, signal.SIGTERM))
    attempt("group", lambda: os.killpg(os.getpgid(parent), signal.SIGKILL))
if ALONE:
    attempt("udp", udp)

def double(x):
    raise AssertionError(f"found {found}")
"""
KILLER = (
    DOUBLE
    + """
import os, signal
os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
os.kill(os.getppid(), signal.SIGKILL)
"""
)
CHEAT = """
import builtins, math, sys, types
fake = types.ModuleType("math")
fake.isclose = math.isclose = lambda *a, **k: True
fake.pi = math.pi
sys.modules["math"] = fake
builtins.AssertionError = type("Nothing", (BaseException,), {})
def isinstance(*a): return True
def __import__(*a, **k): return fake

import ast
class NoAssert(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(NoAssert())
print('{"status": "ok", "capsedu": "passed"}  4 of 4 points')

def double(x):
    return 0
"""


@pytest.fixture(scope="module")
def walls():
    return sandbox.walls()


@pytest.fixture(scope="module")
def batch(tmp_path_factory, walls):
    """What each harmful submission came to, by its name."""
    folder = tmp_path_factory.mktemp("hostile")
    source = write_source(folder / "sources")
    released = release.student_version(read_source(source))
    listener = socket.create_server(("127.0.0.1", 0))
    known = {
        "SOURCE": str(source),
        "TABLE": str(folder / "grades.csv"),
        "PORT": listener.getsockname()[1],
        "SIGNALS": walls.landlock >= 6,
        "ALONE": walls.network == "none",
    }
    thief = "".join(f"{name} = {value!r}\n" for name, value in known.items())
    handed_in = {name: filled(released, *answers) for name, answers in HARM.items()}
    handed_in["thief"] = filled(released, thief + THIEF)
    handed_in["killer"] = filled(released, KILLER)
    handed_in["cheat"] = filled(released, CHEAT, "def area(radius):\n    return 1\n")
    for test in TESTS:
        by_id(handed_in["cheat"], f"test-{test}")["source"] = "assert True"
    handed_in["zlast"] = filled(released)
    (folder / "in").mkdir()
    for name, notebook in handed_in.items():
        (folder / "in" / f"{name}.ipynb").write_text(json.dumps(notebook))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_TOKEN", "hunter2")
        graded = grading.grade([folder / "in"], folder / "grades.csv", [source], LIMITS)
    listener.close()
    assert source.exists()
    return {g.file.stem: g for g in graded}


@pytest.mark.parametrize(
    ("name", "large", "unit"),
    [
        ("crash", "the process ended", "the process ended"),
        ("loop", "took too long", "took too long"),
        ("flood", "and was stopped", None),
        ("hog", "needed more memory", "needed more memory"),
        ("bomb", "too many processes", "raises SystemExit"),
        ("garble", "", "raises KeyboardInterrupt"),
    ],
)
def test_harm_costs_its_own_test_only(batch, name, large, unit):
    graded = batch[name]
    assert graded.status == "graded"
    assert large in (graded.tests["double_numbers"] or "passed"), graded.tests
    assert (unit or "") in (graded.tests["area_unit"] or "passed"), graded.tests
    assert graded.tests["double_negative"] is None, graded.tests
    assert graded.tests["area_grows"] is None, graded.tests


def test_the_batch_goes_on(batch):
    assert batch["zlast"].points == sum(TESTS.values())
    assert len(batch) == len(HARM) + 4


def test_nothing_outlives_the_grader(batch):
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not [c for c in commands if MARK in c]


def test_breaking_the_tests_earns_nothing(batch):
    assert batch["cheat"].points == 0, batch["cheat"].tests
    assert batch["cheat"].tests["area_unit"] == "the unit circle has the area pi"
    assert any("get_ipython" in remark for remark in batch["cheat"].remarks)


def test_a_thief_finds_nothing(batch, walls):
    if not walls.landlock:
        pytest.skip("this kernel has no Landlock")
    assert batch["thief"].tests["double_numbers"] == "found []"


def test_a_killer_reaches_nobody(batch, walls):
    """Without Landlock's scopes it may end its own grader; the batch goes on all the same."""
    killer = batch["killer"]
    if walls.landlock >= 6:
        assert killer.status == "graded"
        assert killer.points == sum(TESTS.values())
    else:
        assert killer.status.startswith("not graded") or killer.status == "graded"


def test_the_whole_time_is_over(tmp_path):
    source = read_source(write_source(tmp_path))
    notebook = filled(release.student_version(source), "import time\ntime.sleep(10**6)")
    file = tmp_path / "sleeper.ipynb"
    file.write_text(json.dumps(notebook))
    with worker() as by:
        graded = grading.grade_one(file, {source.name: source}, Limits(3, cell_seconds=60), by)
        assert graded.status == "stopped: out of time"
        assert graded.points == 0
        assert by.process is None or not psutil.Process(by.process.pid).children()


@pytest.fixture
def guard():
    guard = Guard(["torch", "math", "capsedu.functional"])
    yield guard
    guard.restore()


def test_the_guard_puts_libraries_back(guard):
    import capsedu.functional as functional

    x = torch.ones(3)
    real = torch.allclose, functional.squash.__code__, vars(torch.Tensor).get("all")
    torch.allclose = lambda *a, **k: True
    torch.Tensor.all = lambda self: True
    torch.nn.Module.__call__ = lambda self, x: x
    functional.squash.__code__ = (lambda x, dim=-1, eps=0: x).__code__
    math.isclose = builtins.any = lambda *a, **k: True
    sys.modules["math"] = torch
    torch.set_default_dtype(torch.float64)
    test = """
import math as _math
import torch as _torch
from capsedu.functional import squash as _squash
assert not _torch.allclose(x, 2 * x) and not (x == 2 * x).all()
assert not _math.isclose(1, 2) and not any([False]) and len([1, 2]) == 2
assert not _torch.equal(_squash(x), x) and _torch.ones(1).dtype == _torch.float32
"""
    assert guard.run(test, "libraries", {"x": x, "len": lambda x: 7}) is None
    assert real == (torch.allclose, functional.squash.__code__, vars(torch.Tensor).get("all"))


def test_what_a_test_defines_stays_its_own(guard):
    space = {"__name__": "__main__"}
    assert guard.run("_kept = 1\nlost = 2", "first", space) is None
    assert guard.run("assert _kept == 1", "second", space) is None
    assert guard.run("lost", "third", space)["name"] == "lost"
    assert list(space) == ["__name__"]


def test_strange_exceptions_are_told_too(guard):
    code = "class Strange(BaseException):\n    def __str__(self): raise self\nraise Strange"
    assert guard.run(code, "strange", {})["ename"] == "Strange"
    assert len(guard.run("raise ValueError('x' * 10**6)", "long", {})["evalue"]) < 1000
