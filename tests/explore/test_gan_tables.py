"""Tables and sentences about generators: every number and verdict is the records'."""

from math import inf, isinf

import pytest
from gan_records import gan_record, history

from capsedu.errors import CapseduError
from capsedu.explore.gan_findings import comparison, complaint, convergence, mean_and_range, points
from capsedu.explore.gan_losses import fluctuation, loss_curve, loss_facts, settled, smoothed
from capsedu.explore.gan_pace import batches_to_reach, pace, seconds_per_batch, third_of
from capsedu.explore.gan_tables import listed, pace_table, progress_table, quality_table


def rows(table) -> list[list[str]]:
    lines = table.data.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_without_records_everything_says_so(own_project) -> None:
    heads, _, row = rows(progress_table(["capsgan"], "small"))
    assert heads == ["FID after batch", "300", "500", "1,000", "2,000", "seeds"]
    assert row == ["CapsGAN", "–", "–", "–", "–", "not run yet"]
    assert rows(quality_table(["capsgan"], "small"))[2][1] == "not run yet"
    assert rows(pace_table([("capsgan", "dcgan")], "small"))[2][1] == "not run yet"
    for said in (
        convergence("capsgan", "small"),
        comparison("capsgan", "dcgan", "small"),
        third_of("capsgan", "dcgan", "small"),
    ):
        assert said.endswith("not run yet")


def test_progress_is_the_mean_of_the_seeds_and_their_range(own_project) -> None:
    gan_record("capsgan", history(40, 20))
    gan_record("capsgan", history(50, 30), seed=1)
    gan_record("dcgan", history(60, 10, 5))
    heads, _, ours, theirs = rows(progress_table(["capsgan", "dcgan"], "small"))
    assert heads[1:-1] == ["500", "1,000", "1,500"]
    assert ours[1:] == ["45.0 (40.0 to 50.0)", "25.0 (20.0 to 30.0)", "–", "2"]
    assert theirs[1:] == ["60.0", "10.0", "5.0", "1"]
    assert rows(progress_table(["dcgan"], "small", "kid"))[2][1:4] == ["3.00", "0.50", "0.25"]


def test_quality_is_that_of_the_last_milestone(own_project) -> None:
    gan_record("capsgan", history(40, 20))
    gan_record("capsgan", history(10, 30), seed=1)
    heads, _, row = rows(quality_table(["capsgan"], "small"))
    found = dict(zip(heads, row, strict=True))
    assert found["FID"] == "25.0 (20.0 to 30.0)"
    assert found["converged"] == "yes, no"
    assert found["s / batch"] == "0.20 (0.20 to 0.20)"


def test_unknown_experiment_is_named(own_project) -> None:
    with pytest.raises(CapseduError, match="capsgna"):
        progress_table(["capsgna"], "small")


@pytest.mark.parametrize(
    ("fids", "modes", "words"),
    [
        ((40, 20), 10, ""),
        ((40, 20, 24), 10, ""),
        ((40, 20, 26), 10, "FID was 20.0 at batch 1,000 and 26.0 at the end"),
        ((40, 20), 7, "its samples show 7 of the ten digits at the end"),
    ],
)
def test_what_converging_means(own_project, fids, modes, words) -> None:
    assert complaint(gan_record("capsgan", history(*fids, modes=modes))) == words
    assert convergence("capsgan", "small") == f"CapsGAN: seed 0: {words or 'converged'}"


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([20], [30], "the first is better with one seed each"),
        ([30], [20], "the second is better with one seed each"),
        ([20, 22], [30, 31], "the first is better with every seed"),
        ([20, 30], [25, 35], "no difference is shown, for the seeds overlap"),
        ([20], [20], "no difference is shown, for the seeds overlap"),
    ],
)
def test_two_are_told_apart_only_if_their_seeds_do_not_overlap(
    own_project, ours, theirs, verdict
) -> None:
    for name, fids in {"capsgan": ours, "dcgan": theirs}.items():
        for seed, fid in enumerate(fids):
            gan_record(name, history(90, fid), seed=seed)
    assert comparison("capsgan", "dcgan", "small").endswith(verdict)
    assert "after 1,000 batches" in comparison("capsgan", "dcgan", "small")


def test_points_are_those_that_all_records_have(own_project) -> None:
    long, short = gan_record("capsgan", history(4, 3, 2)), gan_record("dcgan", history(6, 5))
    assert points([long, short]) == [(500, [4, 6]), (1000, [3, 5])]
    assert points([]) == []
    assert mean_and_range([1.0]) == "1.0"


def test_seconds_are_those_of_the_training_without_measuring(own_project) -> None:
    slow = history(3, 2, seconds=0.7)
    for row in slow[5:]:
        row["seconds"] += 1000  # the machine slept
    assert seconds_per_batch(gan_record("capsgan", slow)) == pytest.approx(0.7)


def test_a_fid_is_reached_where_the_line_crosses_it() -> None:
    curve = [(300, 80.0), (500, 40.0), (1000, 60.0), (2000, 20.0)]
    assert batches_to_reach(curve, 90) == 300
    assert batches_to_reach(curve, 50) == pytest.approx(450)
    assert batches_to_reach(curve, 30) == pytest.approx(1750)
    assert batches_to_reach(curve, 10) == inf


def test_pace_in_batches_and_in_seconds(own_project) -> None:
    gan_record("capsgan", history(40, 20, 10, seconds=0.6))
    gan_record("dcgan", history(50, 30, 20, 5, seconds=0.2))
    first, second, third, fourth = pace("capsgan", "dcgan", "small")
    assert first.reached == 500 and first.at_start
    assert (second.batches, second.fid, second.reached) == (1000, 30, 750)
    assert second.seconds == pytest.approx(3 * 0.75) and not second.at_start
    assert third.seconds == pytest.approx(3 * 1000 / 1500)
    assert isinf(fourth.reached)
    table = rows(pace_table([("capsgan", "dcgan")], "small"))[2:]
    assert table[0][4:] == ["≤ 500", "≤ 100%", "≤ 300%"]
    assert table[1][1:3] == ["1,000", "30.0"] and table[1][4:] == ["750", "75%", "225%"]
    assert table[3][4] == "never"
    said = third_of("capsgan", "dcgan", "small")
    assert "a third of the batches is enough at 0 of 3 milestones" in said
    assert said.endswith("after 2,000 batches, FID 5.0, the first never has")


def test_a_third_is_a_third(own_project) -> None:
    gan_record("capsgan", history(9, 1, batches=100, seconds=0.1))
    gan_record("dcgan", history(9, 8, 1, batches=300, seconds=0.2))
    said = third_of("capsgan", "dcgan", "small")
    assert "of the batches is enough at 2 of 2" in said and "of the seconds is enough at 2" in said
    assert "the first has after 200, 0.22 of the batches and 0.11 of the seconds" in said


def test_a_rival_that_never_converged_is_no_measure(own_project) -> None:
    gan_record("capsgan", history(9, 1))
    gan_record("dcgan", history(9, 8, modes=1))
    said = third_of("capsgan", "dcgan", "small")
    assert said.endswith("the second did not converge, so there is nothing to be as good as")


def test_losses_settle_fluctuate_and_fall() -> None:
    steps = list(range(10, 1010, 10))
    values = [1.0 if step <= 300 else 0.5 for step in steps]
    assert smoothed([1, 2, 3], [4, 6, 8], rows=2) == ([1.5, 3], [5, 8])
    assert settled(steps, values) == 310
    assert settled([1, 2], [3.0, 3.0]) == 1
    assert fluctuation(steps, values) == 0
    assert fluctuation(steps, [step % 20 for step in steps]) == pytest.approx(5)
    rows = history(5, 4)
    assert len(loss_curve(rows, "generator_loss")[0]) == 20
    said = loss_facts(rows)
    assert "settled by batch 275" in said and "falls" in said and "by 0.000" in said


def test_sentences_become_a_list() -> None:
    assert listed(f"{k} is odd" for k in (1, 3)).data == "- 1 is odd.\n- 3 is odd."
