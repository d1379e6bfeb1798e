"""Tables of error rates: every number is a record's, or there is none."""

import pytest

from capsedu.errors import CapseduError
from capsedu.explore.tables import error_table
from capsedu.records import Record, write_record


def rows(table) -> list[list[str]]:
    lines = table.data.replace("\N{NO-BREAK SPACE}", " ").splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def write(own_project, **changes) -> None:
    known = {
        "name": "capsnet-mnist",
        "profile": "small",
        "seed": 0,
        "title": "",
        "source": "",
        "data": {"train": 60_000, "epochs": 12},
        "image_shape": (1, 28, 28),
        "classes": 10,
        "parameters": 1_234_567,
        "figures": {"test_error": 0.0081},
        "published": {},
        "history": [],
        "wall_seconds": 1.0,
        "device": "",
        "precision": "",
        "command": "",
    }
    write_record(Record(**known | changes))


def test_without_records_the_table_says_so_and_shows_the_paper(own_project) -> None:
    found = rows(error_table(["capsnet-mnist"]))
    assert [row[1] for row in found] == ["small", "cpu", "night", "full"]
    assert all(row[4:] == ["not run yet", "0.25 %"] for row in found)


def test_numbers_come_from_the_record(own_project) -> None:
    write(own_project)
    small, cpu, *_ = rows(error_table(["capsnet-mnist"]))
    assert small[1:] == ["small", "1,234,567", "720,000", "0.81 %", "0.25 %"]
    assert cpu[4] == "not run yet"


def test_a_figure_that_the_paper_or_the_record_lacks_is_a_dash(own_project) -> None:
    write(own_project)
    small = rows(error_table(["capsnet-mnist"], "affine_error"))[0]
    assert small[4:] == ["–", "–"]


def test_unknown_experiment_is_named(own_project) -> None:
    with pytest.raises(CapseduError, match="capsnet-mnits"):
        error_table(["capsnet-mnits"])
