"""Tables and lists about generators, whose numbers come from records."""

from collections.abc import Iterable, Sequence
from math import inf

from IPython.display import Markdown

from capsedu.experiments import experiment
from capsedu.explore.gan_findings import complaint, mean_and_range, points
from capsedu.explore.gan_pace import pace, seconds_per_batch
from capsedu.explore.tables import NOT_RUN
from capsedu.records import read_seeds

FIGURES = {
    "fid": ("FID", ".1f"),
    "kid": ("KID", ".2f"),
    "precision": ("precision", ".2f"),
    "recall": ("recall", ".2f"),
    "modes": ("digits", ".0f"),
}
"""What is measured of samples: its name in a table, and how it is written."""


def progress_table(names: Sequence[str], profile: str, figure: str = "fid") -> Markdown:
    """One figure at each milestone, a row per experiment: the seeds' mean, and their range.

    Args:
        names: of experiments.
        profile: whose records to read.
        figure: one of :data:`FIGURES`.

    Raises:
        CapseduError: if an experiment or its profile is unknown, or a record is damaged.
    """
    found = {name: dict(points(read_seeds(name, profile), figure)) for name in names}
    steps = sorted(set().union(*found.values()))
    if not steps:
        size = experiment(names[0]).profile(profile)
        steps = [*size.milestones, size.steps]
    label, form = FIGURES[figure]
    lines = [f"| {label} after batch | {' | '.join(f'{step:,}' for step in steps)} | seeds |"]
    lines.append("|---|" + "---:|" * (len(steps) + 1))
    for name, values in found.items():
        cells = [mean_and_range(values[s], form) if s in values else "–" for s in steps]
        seeds = len(next(iter(values.values()))) if values else NOT_RUN
        lines.append(f"| {' | '.join([experiment(name).title, *cells, str(seeds)])} |")
    return Markdown("\n".join(lines))


def quality_table(names: Sequence[str], profile: str) -> Markdown:
    """Every figure at the end of the training, its cost, and whether it converged.

    Args:
        names: of experiments.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    labels = ["s / batch", *(label for label, _ in FIGURES.values())]
    lines = [f"| at the end | {' | '.join(labels)} | converged |"]
    lines.append("|---|" + "---:|" * len(labels) + "---|")
    for name in names:
        records = read_seeds(name, profile)
        cells = [NOT_RUN, *[""] * len(labels)]
        if records:
            cells = [mean_and_range([*map(seconds_per_batch, records)], ".2f")]
            for key, (_, form) in FIGURES.items():
                cells.append(mean_and_range(points(records, key)[-1][1], form))
            cells.append(", ".join("no" if complaint(record) else "yes" for record in records))
        lines.append(f"| {' | '.join([experiment(name).title, *cells])} |")
    return Markdown("\n".join(lines))


def pace_table(pairs: Sequence[tuple[str, str]], profile: str) -> Markdown:
    """When an experiment is as good as its rival was: :func:`~capsedu.explore.gan_pace.pace`.

    Args:
        pairs: names of an experiment and its rival.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| rival | has after | FID | challenger | has it after | of the batches | of the seconds |"
    ]
    lines.append("|---|---:|---:|---|---:|---:|---:|")
    for name, rival in pairs:
        title, other = experiment(name).title, experiment(rival).title
        rows = pace(name, rival, profile)
        if not rows:
            lines.append(f"| {other} | {NOT_RUN} | | {title} | | | |")
        for row in rows:
            cells = ["never", "–", "–"]
            if row.reached < inf:
                shares = (row.reached / row.batches, row.seconds)
                sign = "≤ " if row.at_start else ""
                cells = [f"{sign}{row.reached:,.0f}", *(f"{sign}{s:.0%}" for s in shares)]
            cells = [other, f"{row.batches:,}", f"{row.fid:.1f}", title, *cells]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def listed(sentences: Iterable[str]) -> Markdown:
    """Sentences as a list, so that long ones wrap as text does."""
    return Markdown("\n".join(f"- {sentence}." for sentence in sentences))
