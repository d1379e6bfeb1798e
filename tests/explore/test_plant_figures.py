"""The appendix's tables and bars say what the records say."""

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.explore.plant_figures import coupling_panels, error_bars, length_bars
from capsedu.explore.plant_tables import chance, errors, plants_table, trainings_table, verdict
from capsedu.plants import PLANTS
from capsedu.records import Record, write_record

PLANT = PLANTS["drawing-mean"]


def write(name: str, seed: int = 0, **figures: float) -> None:
    keys = ("title", "source", "device", "precision", "command")
    write_record(
        Record(
            name=name,
            profile="small",
            seed=seed,
            data={"test": {"test": 400}},
            image_shape=(1, 24, 24),
            classes=10,
            parameters=1,
            figures=figures,
            published={},
            history=[],
            wall_seconds=1.0,
            **dict.fromkeys(keys, ""),
        )
    )


def rows(table) -> list[list[str]]:
    lines = table.data.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture
def recorded(own_project) -> None:
    write("wrong-capsules-none", test_error=0.08, test_margin=0.1, test_reconstruction=25.0)
    write("wrong-capsules-none", 1, test_error=0.06, test_margin=0.1, test_reconstruction=27.0)
    write(PLANT.experiment, test_error=0.07, test_margin=0.1, test_reconstruction=60.0)


def test_trainings_stand_below_the_right_one(recorded) -> None:
    head, _, right, wrong, other = rows(
        trainings_table([PLANT, PLANTS["drawing-by-prediction"]], "small")
    )
    assert head[1:] == ["seeds", "error, %", "margin loss", "drawing"]
    assert right[1:3] == ["2", "7.0 (6.0 to 8.0)"]
    assert wrong == [PLANT.title, "1", "7.0", "0.100", "60"]
    assert other[1:] == ["0", *["not run yet"] * 3]


def test_a_verdict_needs_more_than_chance(recorded) -> None:
    assert errors("wrong-capsules-none", "small") == pytest.approx([8, 6])
    assert chance(0.5, 200) == pytest.approx(0.1)
    for error, said in {0.07: "cannot", 0.10: "cannot", 0.2: "worse", 0.01: "better"}.items():
        write(PLANT.experiment, test_error=error)
        assert verdict(PLANT, "small").startswith(said)
    assert verdict(PLANTS["squash-root"], "small") == "not run yet"


def test_every_plant_is_in_the_gallery() -> None:
    assert [row[0] for row in rows(plants_table(list(PLANTS.values())))[2:]] == [
        plant.title for plant in PLANTS.values()
    ]


def test_bars_are_as_long_as_their_values_and_the_line_is_the_right_one() -> None:
    (axis,) = error_bars([4.0, 6.0], {"one": [7.0], "two": [8.0, 10.0]}, "error").axes
    assert [bar.get_width() for bar in axis.patches if bar.get_height() == 0.6] == [7.0, 9.0]
    assert 5.0 in [line.get_xdata()[0] for line in axis.lines]
    (axis,) = length_bars(2.0, {"half": 1.0, "ten times": 20.0}, "length").axes
    assert {"0.5 ×", "10 ×"} <= {text.get_text() for text in axis.texts}
    plt.close("all")


def test_panels_without_couplings_are_not_shown() -> None:
    couplings = torch.full((4, 3), 1 / 3)
    figure = coupling_panels({f"panel {k}": couplings for k in range(4)})
    assert [axis.get_visible() for axis in figure.axes] == [True] * 4 + [False] * 2
    plt.close(figure)
