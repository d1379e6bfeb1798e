"""What the regeneration report claims about its capsules, as our records answer it."""

from collections.abc import Sequence
from statistics import fmean, pstdev

from IPython.display import Markdown

from capsedu.experiments import experiment
from capsedu.explore.gan_findings import mean_and_range
from capsedu.explore.gan_losses import loss_curve
from capsedu.explore.gan_pace import seconds_per_batch
from capsedu.explore.tables import NOT_RUN
from capsedu.records import Record, read_seeds

PART = 5  # the first and the last fifth of a training are compared


def memory(records: Sequence[Record]) -> list[float]:
    """The most memory that a step of each training took, in MiB, where its record tells it."""
    found = (record.figures.get("peak_memory") for record in records)
    return [value for value in found if value is not None]


def cost_table(names: Sequence[str], profile: str) -> Markdown:
    """What a training takes: numbers to learn, time and memory.

    Args:
        names: of experiments.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = ["| | parameters | s / batch | peak memory, MiB |", "|---|---:|---:|---:|"]
    for name in names:
        records = read_seeds(name, profile)
        cells = [NOT_RUN, "", ""]
        if records:
            seconds = mean_and_range([*map(seconds_per_batch, records)], ".3f")
            cells = [f"{records[0].parameters:,}", seconds, NOT_RUN]
            if memory(records):
                cells[2] = mean_and_range(memory(records), ",.0f")
        lines.append(f"| {' | '.join([experiment(name).title, *cells])} |")
    return Markdown("\n".join(lines))


def overhead(name: str, rival: str, profile: str) -> str:
    """How many times its rival's parameters, seconds and memory an experiment takes.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair = f"{experiment(name).title} against {experiment(rival).title}"
    both = [read_seeds(each, profile) for each in (name, rival)]
    if not all(both):
        return f"{pair}: not run yet"
    sizes = [fmean(record.parameters for record in records) for records in both]
    seconds = [fmean(map(seconds_per_batch, records)) for records in both]
    parts = {"parameters": sizes, "seconds": seconds}
    if all(map(memory, both)):
        parts["memory"] = [fmean(memory(records)) for records in both]
    said = [f"{ours / theirs:.2f} times the {what}" for what, (ours, theirs) in parts.items()]
    return f"{pair}: {', '.join(said)}"


def loss_shift(name: str, rival: str, profile: str) -> str:
    """By how much the losses and the accuracy of two trainings differ, in their second halves.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair = f"{experiment(name).title} against {experiment(rival).title}"
    both = [read_seeds(each, profile) for each in (name, rival)]
    if not all(both):
        return f"{pair}: not run yet"
    said = []
    for what, key in {
        "generator's loss": "generator_loss",
        "discriminator's": "discriminator_loss",
        "accuracy": "discriminator_accuracy",
    }.items():
        ours, theirs = (fmean(_late_mean(record, key) for record in records) for records in both)
        form = ".0%" if what == "accuracy" else ".2f"
        said.append(f"{what} {ours:{form}} and {theirs:{form}}")
    return f"{pair}: {', '.join(said)}"


def calming(name: str, profile: str) -> str:
    """How the generator's loss varies in the first fifth of a training, and in the last.

    Of the rows of a history, each a mean of ten batches, the standard deviation.

    Raises:
        CapseduError: if the experiment is unknown or a record is damaged.
    """
    title, records = experiment(name).title, read_seeds(name, profile)
    if not records:
        return f"{title}: not run yet"
    curves = [loss_curve(record.history, "generator_loss")[1] for record in records]
    first = fmean(pstdev(values[: _part(values)]) for values in curves)
    last = fmean(pstdev(values[-_part(values) :]) for values in curves)
    return f"{title}: deviation {first:.2f} in the first fifth, {last:.2f} in the last"


def _part(values: Sequence[float]) -> int:
    """How many rows a fifth has, at least two."""
    return max(2, len(values) // PART)


def _late_mean(record: Record, key: str) -> float:
    _, values = loss_curve(record.history, key)
    return fmean(values[len(values) // 2 :])
