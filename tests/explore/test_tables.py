"""Tables of error rates: every number is a record's, or there is none."""

import pytest

from capsedu.errors import CapseduError
from capsedu.explore.tables import ablation_table, error_table, scene_table, viewpoint_table
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


def test_ablation_reads_one_profile_and_shows_the_paper(own_project) -> None:
    made = {"name": "matrix-capsnet-margin", "figures": {"test_error": 0.2}, "wall_seconds": 250.0}
    write(own_project, **made)
    first, second = rows(ablation_table(["matrix-capsnet", "matrix-capsnet-margin"], "small"))
    assert first == ["Matrix capsules, 3 iterations", "", "", "not run yet", "1.80 %"]
    assert second[1:] == ["1,234,567", "4", "20.00 %", "3.20 %"]
    assert rows(ablation_table(["matrix-capsnet-margin"], "full"))[0][3] == "not run yet"


AZIMUTH = ("matrix-capsnet-azimuth", "pooling-cnn-azimuth")


def history(*errors: tuple[float, float]) -> list[dict]:
    return [
        {"epoch": epoch, "familiar_error": familiar, "novel_error": novel}
        for epoch, (familiar, novel) in enumerate(errors, start=1)
    ]


def test_viewpoints_are_compared_where_both_do_equally_well(own_project) -> None:
    capsules, cnn = AZIMUTH
    write(own_project, name=capsules, history=history((0.3, 0.5), (0.2, 0.4), (0.05, 0.2)))
    assert rows(viewpoint_table([AZIMUTH], "small"))[0][1:4] == ["", "not run yet", "not run yet"]
    write(own_project, name=cnn, history=history((0.4, 0.6), (0.21, 0.45)))
    first, second = rows(viewpoint_table([AZIMUTH], "small"))
    assert first[1:] == ["2", "20.00 %", "40.00 %", "3.70 %", "13.50 %"]
    assert second[1:] == ["2", "21.00 %", "45.00 %", "3.70 %", "20.00 %"]


def test_scenes_are_read_from_the_trainings_on_each(own_project) -> None:
    write(own_project, name="pooling-cnn", figures={"test_error": 0.15})
    figures = {"even_error": 0.2, "test_error": 0.4}
    write(own_project, name="pooling-cnn-clutter", figures=figures)
    networks = {"matrix-capsnet-2-iterations": "matrix-capsnet", "pooling-cnn": "pooling-cnn"}
    capsules, cnn = rows(scene_table(networks, "small"))
    assert capsules == ["Matrix capsules, 2 iterations"] + 4 * ["not run yet"]
    assert cnn[1:] == ["15.00 %", "20.00 %", "40.00 %", "not run yet"]
