"""Tables and sentences about generators of toys, whose numbers come from records."""

from collections.abc import Iterable, Mapping, Sequence

from IPython.display import Markdown

from capsedu.experiments import experiment
from capsedu.explore.gan_findings import mean_and_range, points
from capsedu.explore.gan_pace import seconds_per_batch
from capsedu.explore.tables import NOT_RUN
from capsedu.records import Record, read_record, read_seeds

FIGURES = {
    "fid": ("FID", ".1f"),
    "kid": ("KID", ".2f"),
    "precision": ("precision", ".2f"),
    "recall": ("recall", ".2f"),
}
READINGS = {
    "azimuth_error": ("azimuth, ° off", ".0f"),
    "elevation_error": ("elevation, ° off", ".1f"),
    "lighting_right": ("lights named", ".0%"),
}
READERS = {"trained": "trained", "untrained": "untrained", "pixels": "the pixels"}


def toys_table(names: Sequence[str], profile: str) -> Markdown:
    """Sample quality at the end of the training, and what a batch costs.

    Args:
        names: of experiments.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    labels = [*(label for label, _ in FIGURES.values()), "s / batch", "seeds"]
    lines = [f"| after the last batch | {' | '.join(labels)} |"]
    lines.append("|---|" + "---:|" * len(labels))
    for name in names:
        records = read_seeds(name, profile)
        cells = [NOT_RUN, *[""] * (len(labels) - 1)]
        if records and points(records):
            cells = [
                mean_and_range(points(records, key)[-1][1], form)
                for key, (_, form) in FIGURES.items()
            ]
            cells.append(mean_and_range([*map(seconds_per_batch, records)], ".2f"))
            cells.append(str(len(records)))
        lines.append(f"| {' | '.join([experiment(name).title, *cells])} |")
    return Markdown("\n".join(lines))


def reading_table(names: Sequence[str], profile: str) -> Markdown:
    """How well the viewpoints of new toys are read off discriminators, and off the controls.

    Off the first 32 principal components, or off all numbers where there are fewer.

    Args:
        names: of experiments.
        profile: whose records of the first seed to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    labels = ["numbers", *(label for label, _ in READINGS.values())]
    lines = [f"| read off | {' | '.join(labels)} |", "|---|" + "---:|" * len(labels)]
    pixels: Mapping[str, float] = {}
    for name in names:
        record = read_record(name, profile)
        for reader in ("trained", "untrained"):
            row = reading(record, reader) if record else {}
            lines.append(_reading_row(f"{experiment(name).title}, {READERS[reader]}", row))
        pixels = pixels or (reading(record, "pixels") if record else {})
    lines.append(_reading_row("the pixels", pixels))
    return Markdown("\n".join(lines))


def reading(record: Record, reader: str, most: int = 32) -> dict[str, float]:
    """What a record says about one reader with at most so many numbers; empty if nothing."""
    found = {}
    for name in READINGS:
        curve = [(n, y) for n, y in record.curves.get(f"{reader}_{name}", []) if n <= most]
        if curve:
            found["numbers"], found[name] = curve[-1]
    return found


def reading_sentences(names: Iterable[str], profile: str) -> list[str]:
    """Whether training brought the azimuth into the discriminator's features, in words.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    return [_reading_sentence(name, profile) for name in names]


def _reading_sentence(name: str, profile: str) -> str:
    title, record = experiment(name).title, read_record(name, profile)
    found = {who: reading(record, who) if record else {} for who in READERS}
    if not all(found.values()):
        return f"{title}: not run yet"
    off = {who: values["azimuth_error"] for who, values in found.items()}
    gain = off["untrained"] - off["trained"]
    verdict = "training changed little"
    if abs(gain) >= 5:
        verdict = "training helped" if gain > 0 else "training did harm"
    best = min(off, key=off.get)
    return (
        f"{title}: azimuth {off['trained']:.0f}° off, {off['untrained']:.0f}° before the training, "
        f"{off['pixels']:.0f}° from as many principal components of the pixels (silence: 90°); "
        f"{verdict}, and the nearest of the three is read off {_phrase(best)}"
    )


def _phrase(reader: str) -> str:
    return "the pixels" if reader == "pixels" else f"the {reader} network"


def _reading_row(title: str, row: Mapping[str, float]) -> str:
    cells = [NOT_RUN, *[""] * len(READINGS)]
    if row:
        values = (f"{row[name]:{form}}" for name, (_, form) in READINGS.items())
        cells = [f"{row['numbers']:.0f}", *values]
    return f"| {' | '.join([title, *cells])} |"
