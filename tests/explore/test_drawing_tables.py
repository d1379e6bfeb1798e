"""What is said about networks that draw is what their records say."""

from dataclasses import replace

import pytest
from gan_records import gan_record, history

from capsedu.explore.drawing_tables import (
    bound_table,
    bound_verdict,
    class_table,
    copy_verdict,
    error_verdict,
    made_table,
    mode_verdict,
    overlap_verdict,
    price,
    published_bound,
    silent_steps,
)
from capsedu.records import write_record

DATA = {"name": "mnist", "train": 60_000, "batches": 4_000, "batch_size": 100}
FIGURES = {"test_kl": 20.0, "test_reconstruction": 75.0, "test_bound": 95.0}
MADE = {"fid": 12.3, "kid": 1.25, "modes": 10.0}


def recorded(name, seconds=0.2, told=(5.0, 14.5, 0.0), likelihood=90.0, shares=None, **figures):
    """A record of a network that draws, in three steps."""
    quantiles = [(0.0, 1.0), (0.5, 5.0), (1.0, 9.0)]
    curves = {
        "negative_log_likelihood": [(1.0, 95.1), (100.0, likelihood)],
        "kl_by_step": [(float(t), nats) for t, nats in enumerate(told, start=1)],
        "class_share": [*enumerate(map(float, shares or [0.1] * 10))],
        "nearest_to_made": quantiles,
        "nearest_to_test": [(q, distance + 1.5) for q, distance in quantiles],
    }
    figures = FIGURES | MADE | figures
    record = gan_record(name, history(9, 8, seconds=seconds))
    write_record(replace(record, data=DATA, figures=figures, curves=curves))


def rows(table) -> list[list[str]]:
    lines = table.data.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_without_records_everything_says_so(own_project) -> None:
    for table in (bound_table, class_table, made_table):
        (row,) = rows(table(["rcn-mnist"], "small"))
        assert row[0] == "RCN on MNIST" and "not run yet" in row
    for said in (
        bound_verdict("rcn-mnist", "draw-mnist", "small"),
        overlap_verdict("rcn-multimnist", "cnn-multimnist", "small"),
        price("rcn-mnist", "draw-mnist", "small"),
        *(f("rcn-mnist", "small") for f in (error_verdict, mode_verdict, copy_verdict)),
        silent_steps("rcn-mnist", "small"),
        published_bound("draw-mnist", "small"),
    ):
        assert said.endswith(": not run yet")


def test_a_paper_has_its_place_with_and_without_a_record(own_project) -> None:
    assert rows(bound_table(["draw-mnist"], "small"))[0][5] == "80.97"
    assert rows(class_table(["rcn-cifar-10-subset"], "small"))[0][4] == "13.10 % (on cifar-10)"


def test_a_bound_is_the_sum_of_its_parts(own_project) -> None:
    recorded("draw-mnist")
    (row,) = rows(bound_table(["draw-mnist"], "small"))
    assert row[1:] == ["3", "20.0", "75.0", "95.0", "80.97", "90.0"]
    said = published_bound("draw-mnist", "small")
    assert "95.0 nats, 14.0 above the paper's 80.97" in said
    assert said.endswith("with 3 steps, after 400,000 images")


def test_the_cheaper_of_two_is_named_by_both_measures(own_project) -> None:
    recorded("draw-mnist", test_bound=95.0)
    recorded("rcn-mnist", test_bound=97.0, likelihood=88.0)
    said = bound_verdict("rcn-mnist", "draw-mnist", "small")
    assert "by the bound 97.0 and 95.0 nats, the first is not cheaper" in said
    assert "with 100 draws 88.0 and 90.0 nats, the first is cheaper" in said


def test_errors_stand_beside_what_was_seen(own_project) -> None:
    recorded("rcn-mnist", test_error=0.021)
    recorded("rcn-cifar-10-subset", test_error=0.4)
    (row,) = rows(class_table(["rcn-mnist"], "small"))
    assert row[1:] == ["mnist", "400,000", "2.10 %", "3.12 %"]
    assert "2.10 % wrong, as low as the paper's 3.12 %" in error_verdict("rcn-mnist", "small")
    said = error_verdict("rcn-cifar-10-subset", "small")
    assert "40.00 % wrong, higher than the paper's 13.10 %" in said and "for cifar-10" in said


def test_epochs_are_counted_in_images_too(own_project) -> None:
    record = gan_record("cnn-multimnist", history(9, 8))
    data = {"name": "mnist", "train": 60_000, "epochs": 5}
    write_record(replace(record, data=data, figures={"test_error": 0.38}))
    recorded("rcn-multimnist", test_error=0.25)
    assert rows(class_table(["cnn-multimnist"], "small"))[0][2] == "300,000"
    said = overlap_verdict("rcn-multimnist", "cnn-multimnist", "small")
    assert "25.00 % and 38.00 % of the pairs are wrong, the first errs less" in said
    assert said.endswith("of 400,000 and 300,000 images)")
    swapped = overlap_verdict("cnn-multimnist", "rcn-multimnist", "small")
    assert "the first does not err less" in swapped


def test_samples_are_described_and_compared_with_test_images(own_project) -> None:
    recorded("vae-mnist")
    (row,) = rows(made_table(["vae-mnist"], "small"))
    assert row[1:] == ["12.3", "1.25", "10", "10.00 %", "5.00", "6.50"]
    said = copy_verdict("vae-mnist", "small")
    assert "5.00 from the nearest training image, in the median, nearer than" in said
    assert said.endswith("the nearest sample of all is at 1.00")


@pytest.mark.parametrize(
    ("shares", "found", "words"),
    [
        ([0.1] * 10, 10.0, "10 of ten digits can be recognised among the samples; no collapse"),
        ([0.19, 0.01, *[0.1] * 8], 9.0, "fewer than 2% are a 1; not all are drawn"),
        ([0.1] * 10, 5.0, "5 of ten digits can be recognised among the samples; not all are drawn"),
    ],
)
def test_a_collapse_is_called_one(own_project, shares, found, words) -> None:
    recorded("rcn-mnist", shares=shares, modes=found)
    assert mode_verdict("rcn-mnist", "small").endswith(words)


def test_steps_that_tell_nothing_are_counted(own_project) -> None:
    recorded("rcn-mnist")
    said = silent_steps("rcn-mnist", "small")
    assert said.endswith("step 2 of 3 tells most, 14.5 of 19.5 nats; 1 tell less than 0.1")


def test_the_price_is_a_ratio_of_seconds(own_project) -> None:
    recorded("rcn-mnist", seconds=0.6)
    recorded("draw-mnist", seconds=0.2)
    said = price("rcn-mnist", "draw-mnist", "small")
    assert "0.60 and 0.20 seconds for a batch of 100, 3.0 times as long" in said
