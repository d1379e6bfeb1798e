"""The tables of the results page say what the records say, and nothing else."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from sphinx_tables import bounds_table, errors_table, pairs_table, runs_table, samples_table

from capsedu.experiments import EXPERIMENTS
from capsedu.records import Record

EXPERIMENT = replace(EXPERIMENTS["capsnet-mnist"], published={"test_error": 0.0025})
RECORD = Record(
    name="capsnet-mnist",
    profile="cpu",
    seed=3,
    title="",
    source="",
    data={"name": "mnist", "train": 60_000, "epochs": 6},
    image_shape=(1, 28, 28),
    classes=10,
    parameters=8_215_568,
    figures={"test_error": 0.0041},
    published={},
    history=[],
    wall_seconds=3600.0,
    device="2 CPU cores",
    precision="bf16-mixed",
    command="capsedu record capsnet-mnist --profile cpu --seed 3",
    when="2026-11-21T03:00:00+00:00",
    versions={},
)


def cells(table: str) -> list[list[str]]:
    table = table.replace("\u00a0", " ")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_experiment_without_a_record_says_so() -> None:
    *_, row = cells(errors_table([EXPERIMENT], []))
    assert row[1:5] == ["test error", "0.25 %", "not run yet", "full"]


def test_the_papers_own_scale_has_a_row_until_it_was_run() -> None:
    *_, row = cells(errors_table([EXPERIMENT], [RECORD]))
    assert row[3:5] == ["not run yet", "full"]
    *_, row = cells(errors_table([EXPERIMENT], [replace(RECORD, profile="full")]))
    assert row[3:5] == ["0.41 %", "full"]


def test_every_known_experiment_is_listed() -> None:
    text = errors_table(EXPERIMENTS.values(), [])
    assert all(experiment.title in text for experiment in EXPERIMENTS.values())


def test_a_run_that_missed_the_paper_says_by_how_much() -> None:
    *_, row, _ = cells(errors_table([EXPERIMENT], [RECORD]))
    assert row[2:] == ["0.25 %", "0.41 %", "cpu", "no, 0.16 points above it"]


def test_a_run_that_reached_the_paper_says_so() -> None:
    met = replace(RECORD, figures={"test_error": 0.0025})
    *_, row, _ = cells(errors_table([EXPERIMENT], [met]))
    assert row[2:] == ["0.25 %", "0.25 %", "cpu", "yes"]


def test_a_figure_that_no_paper_has_is_shown_without_a_verdict() -> None:
    ours = replace(RECORD, figures={"test_error": 0.0041, "affine_error": 0.2})
    *_, row, _ = cells(errors_table([EXPERIMENT], [ours]))
    assert row[1:] == ["affine error", "–", "20.00 %", "cpu", ""]


def test_how_a_record_was_made() -> None:
    *_, row = cells(runs_table([RECORD]))
    assert row == [
        f"`{RECORD.command}`",
        "mnist, 60,000 images, 6 epochs",
        "8,215,568",
        "2 CPU cores, bf16-mixed",
        "60 min",
        "2026-11-21",
    ]


def test_a_stand_in_for_the_papers_images_neither_reaches_nor_misses_it() -> None:
    stand_in = replace(EXPERIMENT, published_data="affnist")
    *_, row, _ = cells(errors_table([stand_in], [RECORD]))
    assert row[2:6] == ["0.25 %", "0.41 %", "cpu", "other images"]
    own = replace(RECORD, data={**RECORD.data, "name": "affnist"})
    *_, row, _ = cells(errors_table([stand_in], [own]))
    assert row[5].startswith("no, ")


def test_of_several_seeds_the_mean_and_the_range_are_shown() -> None:
    figures = {"fid": 10.0, "kid": 0.5, "precision": 0.8, "recall": 0.25, "modes": 10.0}
    gan = EXPERIMENTS["capsgan"]
    one = replace(RECORD, name="capsgan", profile="small", figures=figures)
    two = replace(one, seed=4, figures=figures | {"fid": 13.0, "modes": 9.0})
    head, _, both, *_, note = cells(samples_table([gan], [one, two]))
    assert head[3] == "FID"
    assert both[:4] == ["CapsGAN", "small", "2", "11.5 (10.0 to 13.0)"]
    assert both[7] == "10 (9 to 10)"
    assert note == ["Not run yet in profile `full`: CapsGAN."]
    _, _, alone, *_ = cells(samples_table([gan], [one]))
    assert alone[3] == "10.0"
    _, _, nothing, *_ = cells(samples_table([gan], []))
    assert nothing[1:4] == ["", "", "not run yet"]
    *_, last = cells(samples_table([gan], [replace(one, profile="full")]))
    assert last[1] == "full"


def test_a_generators_training_is_counted_in_batches() -> None:
    data = {"name": "mnist", "train": 60_000, "batches": 2_000}
    *_, row = cells(runs_table([replace(RECORD, data=data)]))
    assert row[1] == "mnist, 60,000 images, 2,000 batches"


def test_transforming_auto_encoders_have_errors_slopes_and_labels() -> None:
    chosen = EXPERIMENTS["transforming-shift"]
    curves = {
        "slope": [[0, 0.9], [1, 1.0], [2, 0.2]],
        "r_squared": [[0, 0.5], [1, 0.95], [2, 0.7]],
        "capsules_error": [[25, 0.4], [250, 0.2]],
        "pixels_error": [[25, 0.35], [250, 0.15]],
    }
    figures = {"test_reconstruction": 21.25, "unseen_reconstruction": 50.0}
    ours = replace(RECORD, name=chosen.name, profile="small", figures=figures, curves=curves)
    *_, row = cells(pairs_table([chosen], [ours]))
    assert row[1:6] == ["small", "21.2", "50.0", "0.90", "0.70"]
    assert row[6:] == ["40.00 %", "20.00 %", "15.00 %"]
    *_, nothing = cells(pairs_table([chosen], []))
    assert nothing[1:4] == ["", "not run yet", ""]


def test_networks_that_draw_have_bounds_errors_and_samples() -> None:
    figures = {"test_bound": 91.25, "test_kl": 20.04, "test_error": 0.0312, "fid": 7.0}
    curves = {"negative_log_likelihood": [[1, 91.0], [100, 88.5]]}
    rcn, draw = EXPERIMENTS["rcn-mnist"], EXPERIMENTS["draw-mnist"]
    ours = replace(RECORD, name=rcn.name, profile="small", figures=figures, curves=curves)
    _, _, row, nothing = cells(bounds_table([rcn, draw], [ours]))
    assert row[1:] == ["small", "91.2", "–", "20.0", "88.5", "3.12 %", "3.12 %", "7.0"]
    assert nothing[1:4] == ["", "not run yet", "81.0"]
    drawn = {key: value for key, value in figures.items() if key != "test_error"}
    *_, row = cells(bounds_table([draw], [replace(ours, name=draw.name, figures=drawn)]))
    assert row[6:8] == ["–", "–"]
