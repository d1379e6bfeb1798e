"""Two Sphinx directives for the book's tables: `{results}` and `{profiles}`.

Their tables are made whenever the book is built, from data/records/ and from the package, so
that no page can disagree with them. What has no record says "not run yet".
"""

from collections.abc import Iterable, Iterator
from statistics import median

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from capsedu.experiments import EXPERIMENTS, Experiment
from capsedu.experiments.adversarial import ADVERSARIAL
from capsedu.experiments.drawing import DRAWING
from capsedu.experiments.transforming import TRANSFORMING
from capsedu.experiments.wrong_capsules import WRONG_CAPSULES
from capsedu.explore.gan_findings import mean_and_range
from capsedu.profiles import PROFILES
from capsedu.records import Record, all_records

ERRORS_HEAD = ("Experiment", "Measured", "Paper", "Ours", "Profile", "Reached?")
QUALITY_HEAD = ("Experiment", "Profile", "Seeds", "FID", "KID", "Precision", "Recall", "Classes")
QUALITY = {"fid": ".1f", "kid": ".2f", "precision": ".2f", "recall": ".2f", "modes": ".0f"}
PAIRS_HEAD = (
    "Experiment",
    "Profile",
    "Squared error",
    "Unseen transforms",
    "Median slope",
    "Median R²",
    "Wrong with 25 labels",
    "with 250",
    "Pixels with 250",
)
BOUNDS_HEAD = (
    "Experiment",
    "Profile",
    "Bound, nats",
    "Paper",
    "Told by the latents",
    "With 100 draws",
    "Error",
    "Paper",
    "FID",
)
NOT_RUN = "not\u00a0run\u00a0yet"
RUNS_HEAD = ("Made again with", "Trained on", "Parameters", "Machine", "Time", "When")


class Results(SphinxDirective):
    """`{results}`: errors beside the papers', samples of generators, and how each was made."""

    def run(self) -> list[nodes.Node]:
        # The smoke profile only proves that the code runs: its figures mean nothing.
        records = [record for record in all_records() if record.profile != "smoke"]
        generators = [e for e in EXPERIMENTS.values() if e.kind.learner is ADVERSARIAL.learner]
        pairs = [e for e in EXPERIMENTS.values() if e.kind is TRANSFORMING]
        drawings = [e for e in EXPERIMENTS.values() if e.kind is DRAWING]
        # The gallery of mistakes is compared with itself, in its own appendix.
        apart = (*generators, *pairs, *drawings, *WRONG_CAPSULES)
        others = [e for e in EXPERIMENTS.values() if e not in apart]
        text = errors_table(others, records)
        text += "\n\nHow good the generators' samples are:\n\n"
        text += samples_table(generators, records)
        text += "\n\nHow transforming auto-encoders draw, and what their capsules are worth:\n\n"
        text += pairs_table(pairs, records)
        text += "\n\nWhat an image costs the networks that draw, and what they make of it:\n\n"
        text += bounds_table(drawings, records)
        if records:
            text += "\n\nHow each record was made:\n\n" + runs_table(records)
        return self.parse_text_to_nodes(text)


class Profiles(SphinxDirective):
    """`{profiles}`: what each profile means."""

    def run(self) -> list[nodes.Node]:
        rows = ((f"`{name}`", meaning) for name, meaning in PROFILES.items())
        return self.parse_text_to_nodes(markdown_table(("Profile", "Meaning"), rows))


def errors_table(experiments: Iterable[Experiment], records: list[Record]) -> str:
    """The paper's error beside ours, one row per record, as a Markdown table.

    Args:
        experiments: every experiment to list, with or without a record.
        records: the finished runs.
    """
    rows = (row for experiment in experiments for row in _error_rows(experiment, records))
    return markdown_table(ERRORS_HEAD, rows)


def samples_table(experiments: Iterable[Experiment], records: list[Record]) -> str:
    """Sample quality, one row per experiment and profile, as a Markdown table.

    Of several seeds the mean is given, and the lowest and highest. The papers show pictures and
    no figures.
    """
    experiments = list(experiments)
    rows = (row for experiment in experiments for row in _sample_rows(experiment, records))
    at_full_length = {record.name for record in records if record.profile == "full"}
    missing = [e.title for e in experiments if e.name not in at_full_length]
    note = f"\n\nNot run yet in profile `full`: {'; '.join(missing)}." if missing else ""
    return markdown_table(QUALITY_HEAD, rows) + note


def _sample_rows(experiment: Experiment, records: list[Record]) -> Iterator[tuple[str, ...]]:
    own = [record for record in records if record.name == experiment.name]
    for profile in dict.fromkeys(record.profile for record in own):
        seeds = [record for record in own if record.profile == profile]
        found = (
            mean_and_range([record.figures[name] for record in seeds], style)
            for name, style in QUALITY.items()
        )
        yield (experiment.title, profile, str(len(seeds)), *found)
    if not own:
        yield (experiment.title, "", "", NOT_RUN, *("" for _ in range(len(QUALITY) - 1)))


def pairs_table(experiments: Iterable[Experiment], records: list[Record]) -> str:
    """Transforming auto-encoders, one row per record, as a Markdown table.

    The paper shows pictures and no figures.
    """
    rows = (row for experiment in experiments for row in _pair_rows(experiment, records))
    return markdown_table(PAIRS_HEAD, rows)


def _pair_rows(experiment: Experiment, records: list[Record]) -> Iterator[tuple[str, ...]]:
    own = [record for record in records if record.name == experiment.name]
    for record in own:
        errors = (record.figures[f"{test}_reconstruction"] for test in ("test", "unseen"))
        responses = (median(y for _, y in record.curves[key]) for key in ("slope", "r_squared"))
        capsules, pixels = (
            dict(record.curves.get(f"{how}_error", ())) for how in ("capsules", "pixels")
        )
        yield (
            experiment.title,
            record.profile,
            *(f"{error:.1f}" for error in errors),
            *(f"{value:.2f}" for value in responses),
            *(_percent(share) for share in (capsules.get(25), capsules.get(250), pixels.get(250))),
        )
    if not own:
        yield (experiment.title, "", NOT_RUN, *("" for _ in PAIRS_HEAD[3:]))


def bounds_table(experiments: Iterable[Experiment], records: list[Record]) -> str:
    """Networks that draw, one row per record, as a Markdown table.

    Beside the bound of training stands the cost by the estimate of the likelihood from 100 draws,
    on fewer images.
    """
    rows = (row for experiment in experiments for row in _bound_rows(experiment, records))
    return markdown_table(BOUNDS_HEAD, rows)


def _bound_rows(experiment: Experiment, records: list[Record]) -> Iterator[tuple[str, ...]]:
    bound, error = (experiment.published.get(f"test_{name}") for name in ("bound", "error"))
    own = [record for record in records if record.name == experiment.name]
    for record in own:
        figures = record.figures
        other = "" if experiment.published_data in ("", record.data["name"]) else " (other images)"
        yield (
            experiment.title,
            record.profile,
            f"{figures['test_bound']:.1f}",
            _nats(bound),
            f"{figures['test_kl']:.1f}",
            _nats(dict(record.curves.get("negative_log_likelihood", ())).get(100)),
            _percent(figures.get("test_error")),
            _percent(error) + other,
            _nats(figures.get("fid")),
        )
    if not own:
        yield (experiment.title, "", NOT_RUN, _nats(bound), "", "", "", _percent(error), "")


def _nats(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def runs_table(records: Iterable[Record]) -> str:
    """How each record was made, as a Markdown table."""
    return markdown_table(RUNS_HEAD, map(_run_row, records))


def _error_rows(experiment: Experiment, records: list[Record]) -> Iterator[tuple[str, ...]]:
    own = [record for record in records if record.name == experiment.name]
    recorded = [name for record in own for name in record.figures if name.endswith("_error")]
    for name in dict.fromkeys([*experiment.published, *recorded]) or ["test_error"]:
        published = experiment.published.get(name)
        start = (experiment.title, name.replace("_", " "), _percent(published))
        for record in own:
            ours = record.figures.get(name)
            same_images = experiment.published_data in ("", record.data["name"])
            verdict = _verdict(ours, published) if same_images else "other images"
            yield (*start, _percent(ours), record.profile, verdict)
        full_is_missing = all(record.profile != "full" for record in own)
        if full_is_missing and "full" in experiment.profiles:
            yield (*start, NOT_RUN, "full", "")
        elif not own:
            yield (*start, NOT_RUN, "", "")


def _verdict(ours: float | None, published: float | None) -> str:
    if ours is None or published is None:
        return ""
    if ours <= published:
        return "yes"
    return f"no, {100 * (ours - published):.2f} points above it"


def _run_row(record: Record) -> tuple[str, ...]:
    data = record.data
    length = f"{data['epochs']} epochs" if "epochs" in data else f"{data['batches']:,} batches"
    return (
        f"`{record.command}`",
        f"{data['name']}, {data['train']:,} images, {length}",
        f"{record.parameters:,}",
        f"{record.device}, {record.precision}",
        f"{record.wall_seconds / 60:.0f} min",
        record.when[:10],
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}\u00a0%"


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Rows of cells under a head, as Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("results", Results)
    app.add_directive("profiles", Profiles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
