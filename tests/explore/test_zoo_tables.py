"""What is said about the report's claims is what the records say."""

from dataclasses import replace

from gan_records import gan_record, history

from capsedu.explore.zoo_tables import calming, cost_table, loss_shift, memory, overhead
from capsedu.records import write_record

CAPS, PLAIN = "report-caps-dcgan", "report-dcgan"


def rows(table) -> list[list[str]]:
    lines = table.data.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def recorded(name: str, rows: list, **changes) -> None:
    write_record(replace(gan_record(name, rows), **changes))


def test_without_records_everything_says_so(own_project) -> None:
    assert rows(cost_table([CAPS], "small"))[2][1] == "not run yet"
    for said in (
        overhead(CAPS, PLAIN, "small"),
        loss_shift(CAPS, PLAIN, "small"),
        calming(CAPS, "small"),
    ):
        assert said.endswith("not run yet")


def test_costs_are_those_of_the_records(own_project) -> None:
    recorded(CAPS, history(9, 8, seconds=0.6), parameters=3000, figures={"peak_memory": 900.0})
    recorded(PLAIN, history(9, 8, seconds=0.2), parameters=1000, figures={"peak_memory": 600.0})
    _, _, caps, plain = rows(cost_table([CAPS, PLAIN], "small"))
    assert caps == ["CapsDCGAN of the report", "3,000", "0.600", "900"]
    assert plain[1:] == ["1,000", "0.200", "600"]
    said = overhead(CAPS, PLAIN, "small")
    assert said.startswith("CapsDCGAN of the report against DCGAN of the report: ")
    assert said.endswith("3.00 times the parameters, 3.00 times the seconds, 1.50 times the memory")


def test_a_record_without_memory_says_nothing_about_it(own_project) -> None:
    recorded(CAPS, history(9, 8), figures={"peak_memory": 900.0})
    recorded(PLAIN, history(9, 8))
    assert rows(cost_table([PLAIN], "small"))[2][3] == "not run yet"
    assert "memory" not in overhead(CAPS, PLAIN, "small")
    assert memory([]) == []


def test_the_second_halves_are_compared(own_project) -> None:
    for name, late in ((CAPS, 3.0), (PLAIN, 1.0)):
        rows_of_it = history(9, 8)
        for k, row in enumerate(rows_of_it):
            half = late if k >= len(rows_of_it) // 2 else 50.0
            row |= {"generator_loss": half, "discriminator_loss": late / 2}
            row["discriminator_accuracy"] = 0.6
        recorded(name, rows_of_it)
    said = loss_shift(CAPS, PLAIN, "small")
    assert said.endswith(
        "generator's loss 3.00 and 1.00, discriminator's 1.50 and 0.50, accuracy 60% and 60%"
    )


def test_calm_is_the_deviation_at_both_ends(own_project) -> None:
    wild = history(9, 8)
    for k, row in enumerate(wild):
        row["generator_loss"] = 5 + (2 if k < len(wild) / 2 else 0.5) * (-1) ** k
    recorded(CAPS, wild)
    said = calming(CAPS, "small")
    assert said == "CapsDCGAN of the report: deviation 2.00 in the first fifth, 0.50 in the last"


def test_seeds_are_averaged(own_project) -> None:
    gan_record(CAPS, history(9, 8, seconds=0.4))
    gan_record(CAPS, history(9, 8, seconds=0.2), seed=1)
    gan_record(PLAIN, history(9, 8, seconds=0.1))
    assert "3.00 times the seconds" in overhead(CAPS, PLAIN, "small")
    assert rows(cost_table([CAPS], "small"))[2][2] == "0.300 (0.200 to 0.400)"
