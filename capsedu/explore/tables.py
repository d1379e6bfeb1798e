"""Tables whose numbers come from records."""

from collections.abc import Mapping, Sequence

from IPython.display import Markdown

from capsedu.evaluation.viewpoints import matched_epochs
from capsedu.experiments import experiment
from capsedu.records import Record, read_record

NO_BREAK = "\N{NO-BREAK SPACE}"  # a narrow table must not part a number from its sign
NOT_RUN = NO_BREAK.join(("not", "run", "yet"))


def error_table(names: Sequence[str], figure: str = "test_error") -> Markdown:
    """The paper's figure and ours for a few experiments, one row per profile.

    Profiles that only prove that everything runs are left out; the others appear whether
    they were run or not.

    Args:
        names: of experiments.
        figure: the record's name for it, a share such as ``"test_error"``.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| network | profile | parameters | training images seen | error | paper |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for chosen in map(experiment, names):
        paper = _percent(chosen.published.get(figure))
        for profile in (p for p in chosen.profiles if p not in ("smoke", "quick")):
            record = read_record(chosen.name, profile)
            cells = [chosen.title, profile, "", "", NOT_RUN, paper]
            if record is not None:
                seen = record.data["train"] * record.data["epochs"]
                error = _percent(record.figures.get(figure))
                cells[2:5] = [f"{record.parameters:,}", f"{seen:,}", error]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def ablation_table(names: Sequence[str], profile: str, figure: str = "test_error") -> Markdown:
    """Variants of one network side by side: one row each, all in the same profile.

    Args:
        names: of experiments.
        profile: whose records to read; a variant that has none is "not run yet".
        figure: the record's name for it, a share such as ``"test_error"``.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = ["| network | parameters | minutes | error | paper |", "|---|---:|---:|---:|---:|"]
    for chosen in map(experiment, names):
        record = read_record(chosen.name, profile)
        found = ["", "", NOT_RUN]
        if record is not None:
            minutes = f"{record.wall_seconds / 60:.0f}"
            found = [f"{record.parameters:,}", minutes, _percent(record.figures.get(figure))]
        cells = [chosen.title, *found, _percent(chosen.published.get(figure))]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def viewpoint_table(pairs: Sequence[tuple[str, str]], profile: str) -> Markdown:
    """Errors on familiar and on novel viewpoints, of networks that are compared two by two.

    Each pair is taken after the epochs that :func:`~capsedu.evaluation.viewpoints.matched_epochs`
    chooses, when both err alike on familiar viewpoints, as far as they ever do.

    Args:
        pairs: names of two experiments each, whose histories know ``"familiar_error"`` and
            ``"novel_error"``.
        profile: whose records to read; if one of a pair has none, there is nothing to match.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| network | after epoch | familiar | novel | paper: familiar | paper: novel |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for pair in pairs:
        records = [read_record(name, profile) for name in pair]
        found = [["", NOT_RUN, NOT_RUN]] * 2 if None in records else _matched(*records)
        for chosen, cells in zip(map(experiment, pair), found, strict=True):
            paper = [_percent(chosen.published.get(f"{x}_error")) for x in ("familiar", "novel")]
            lines.append(f"| {' | '.join([chosen.title, *cells, *paper])} |")
    return Markdown("\n".join(lines))


def scene_table(names: Mapping[str, str], profile: str) -> Markdown:
    """Errors on toys on an even ground and in clutter, and on photographs.

    Args:
        names: of networks trained on even grounds, each with the beginning of the names that its
            trainings on clutter and on photographs have (``"-clutter"``, ``"-cifar"``).
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| network | even ground | trained on clutter: even ground | clutter | photographs |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, prefix in names.items():
        wanted = [
            (name, "test_error"),
            (f"{prefix}-clutter", "even_error"),
            (f"{prefix}-clutter", "test_error"),
            (f"{prefix}-cifar", "test_error"),
        ]
        cells = [experiment(name).title]
        for which, figure in wanted:
            record = read_record(experiment(which).name, profile)
            cells.append(NOT_RUN if record is None else _percent(record.figures.get(figure)))
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def routing_table(names: Sequence[str], profile: str) -> Markdown:
    """Networks under several kinds of routing: size, cost, and errors on upright and turned images.

    Args:
        names: of experiments, tested on the same sets.
        profile: whose records to read; a network that has none is "not run yet".

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    figures = [f"{test}_error" for test in experiment(names[0]).test_transforms]
    heads = [name.removesuffix("_error").replace("_", " up to ") for name in figures]
    heads = [f"{head}°" if head[-1].isdigit() else head for head in heads]
    columns = ["network", "parameters", "ms per training image", *heads]
    lines = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    for chosen in map(experiment, names):
        record = read_record(chosen.name, profile)
        cells = [chosen.title, "", "", NOT_RUN, *("" for _ in figures[1:])]
        if record is not None:
            seen = record.data["train"] * record.data["epochs"]
            cost = f"{1000 * record.wall_seconds / seen:.2f}"
            errors = [_percent(record.figures.get(name)) for name in figures]
            cells[1:] = [f"{record.parameters:,}", cost, *errors]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _matched(*records: Record) -> list[list[str]]:
    """For each of two records: the epoch, and the errors after it."""
    chosen = matched_epochs(*([row["familiar_error"] for row in r.history] for r in records))
    rows = [record.history[epoch] for record, epoch in zip(records, chosen, strict=True)]
    return [
        [str(row["epoch"]), _percent(row["familiar_error"]), _percent(row["novel_error"])]
        for row in rows
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}{NO_BREAK}%"
