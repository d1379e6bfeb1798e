"""What planted mistakes do to short trainings, from their records."""

import math
from collections.abc import Sequence
from statistics import fmean

from IPython.display import Markdown

from capsedu.explore.gan_findings import mean_and_range
from capsedu.explore.tables import NOT_RUN
from capsedu.plants import Plant
from capsedu.records import Record, read_seeds

HEADS = {"test_error": "error, %", "test_margin": "margin loss", "test_reconstruction": "drawing"}
FORMS = {"test_error": ".1f", "test_margin": ".3f", "test_reconstruction": ".0f"}


def baseline(plant: Plant) -> str:
    """The experiment that a plant's training differs from in one piece."""
    return "wrong-capsules-em-none" if plant.is_em else "wrong-capsules-none"


def errors(name: str, profile: str) -> list[float]:
    """Test errors in percent, one per seed that was run."""
    return [100 * record.figures["test_error"] for record in read_seeds(name, profile)]


def plants_table(plants: Sequence[Plant]) -> Markdown:
    """Every mistake: where it is seen, and the property that catches it."""
    lines = ["| mistake | where it comes from | what catches it |", "|---|---|---|"]
    lines += [f"| {plant.title} | {plant.seen} | {plant.claim} |" for plant in plants]
    return Markdown("\n".join(lines))


def trainings_table(plants: Sequence[Plant], profile: str) -> Markdown:
    """Trainings with one mistake each, below the one without.

    Of several seeds, the mean stands before the lowest and the highest.

    Args:
        plants: all of one network, vectors or matrices.
        profile: whose records to read.

    Raises:
        CapseduError: if a record is damaged.
    """
    rows = {"as it should be": baseline(plants[0])}
    rows |= {plant.title: plant.experiment for plant in plants if plant.experiment}
    found = {title: read_seeds(name, profile) for title, name in rows.items()}
    figures = [key for key in HEADS if any(key in r.figures for rs in found.values() for r in rs)]
    figures = figures or ["test_error"]
    lines = [
        f"| | {' | '.join(['seeds', *(HEADS[key] for key in figures)])} |",
        "|---|" + "---:|" * (1 + len(figures)),
    ]
    for title, records in found.items():
        cells = [str(len(records)), *(_cell(records, key) for key in figures)]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def chance(share: float, images: int) -> float:
    """By how much two errors on so many images may differ for no reason, as a share.

    Two standard deviations of the difference of two binomial shares.
    """
    return 2 * math.sqrt(2 * share * (1 - share) / images)


def verdict(plant: Plant, profile: str) -> str:
    """Whether a mistake's error differs from the right ones by more than :func:`chance`."""
    right, wrong = read_seeds(baseline(plant), profile), read_seeds(plant.experiment, profile)
    if not right or not wrong:
        return "not run yet"
    means = [fmean(record.figures["test_error"] for record in group) for group in (right, wrong)]
    more, least = means[1] - means[0], chance(fmean(means), wrong[0].data["test"]["test"])
    if abs(more) <= least:
        return "cannot be told from the error"
    return "worse" if more > 0 else "better"


def _cell(records: Sequence[Record], key: str) -> str:
    if not records:
        return NOT_RUN
    values = [record.figures[key] * (100 if key == "test_error" else 1) for record in records]
    return mean_and_range(values, FORMS[key])
