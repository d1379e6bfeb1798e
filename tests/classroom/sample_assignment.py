"""A small assignment that needs no library, and what students hand in for it."""

import json
from pathlib import Path

SOURCE = '''\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 90: doubling

# %% given="setup"
import math

# %% given="variant"
variant = 0

# %% answer="double"
def double(x):
    """Twice a number."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION

# %%
try:
    print("three times two is not", double(3))
except NotImplementedError:
    print("waits")

# %% test="double_numbers" points=4
# Tested when graded, 4 points: numbers.
### BEGIN HIDDEN TESTS
import math as _math

_large = 20001
assert _math.isclose(double(_large), 40002), f"twice a large number is {double(_large)}"
### END HIDDEN TESTS

# %% test="double_negative" points=2
# Tested when graded, 2 points: negative numbers.
### BEGIN HIDDEN TESTS
assert double(-20001) == -40002, "a negative number came out wrong"
### END HIDDEN TESTS

# %% answer="area"
def area(radius):
    """Of a circle."""
    ### BEGIN SOLUTION
    return math.pi * radius**2
    ### END SOLUTION

# %% test="area_unit" points=3
# Tested when graded, 3 points: the unit circle.
### BEGIN HIDDEN TESTS
import math as _math

assert _math.isclose(area(1), _math.pi), "the unit circle has the area pi"
### END HIDDEN TESTS

# %% test="area_grows" points=5
# Tested when graded, 5 points: how it grows.
### BEGIN HIDDEN TESTS
assert area(4) == 4 * area(2), "twice the radius makes four times the area"
### END HIDDEN TESTS

# %% [markdown] written="why" points=6
# Why does the area grow like that?
#
# ### BEGIN SOLUTION
# Both directions are scaled.
#
# Rubric: 6 points for both directions.
# ### END SOLUTION
'''
TESTS = {"double_numbers": 4, "double_negative": 2, "area_unit": 3, "area_grows": 5}
DOUBLE = "def double(x):\n    return 2 * x\n"
AREA = "def area(radius):\n    return math.pi * radius * radius\n"


def write_source(folder: Path) -> Path:
    """The source as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "90_doubling.py"
    path.write_text(SOURCE)
    return path


def filled(released: str, double: str = DOUBLE, area: str = AREA) -> dict:
    """The student's notebook with both answers in it."""
    notebook = json.loads(released)
    for cell in notebook["cells"]:
        if cell["id"] == "answer-double":
            cell["source"] = double
        elif cell["id"] == "answer-area":
            cell["source"] = area
    return notebook


def by_id(notebook: dict, name: str) -> dict:
    """One of its cells."""
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def code(text: str) -> dict:
    """A cell of a student's own."""
    return {
        "cell_type": "code",
        "id": f"own-{abs(hash(text)) % 10**8}",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }
