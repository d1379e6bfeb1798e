"""Tables and sentences about networks that draw, whose numbers come from records."""

from collections.abc import Sequence

from IPython.display import Markdown

from capsedu.experiments import experiment
from capsedu.explore.gan_findings import ENOUGH_MODES
from capsedu.explore.gan_pace import seconds_per_batch
from capsedu.explore.tables import NO_BREAK, NOT_RUN
from capsedu.records import Record, read_record

DRAWS = 100  # for each image, in the estimate that the tables show
SILENT = 0.1  # nats: a step that tells less has told nothing
COMMON = 0.02  # a class with a smaller share of the samples is rare
NONE = "–"


def bound_table(names: Sequence[str], profile: str) -> Markdown:
    """What a test image costs: the bound and its parts, and the estimate of the likelihood.

    Args:
        names: of experiments.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| nats per test image | steps | latents tell | left to tell | bound | paper's bound |"
        f" with {DRAWS} draws |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for chosen in map(experiment, names):
        record = read_record(chosen.name, profile)
        paper = _nats(chosen.published.get("test_bound"), ".2f")
        cells = ["", "", "", NOT_RUN, paper, ""]
        if record is not None:
            steps = str(len(record.curves["kl_by_step"]))
            parts = (_nats(record.figures[f"test_{x}"]) for x in ("kl", "reconstruction", "bound"))
            cells = [steps, *parts, paper, _nats(estimate(record))]
        lines.append(f"| {' | '.join([chosen.title, *cells])} |")
    return Markdown("\n".join(lines))


def class_table(names: Sequence[str], profile: str) -> Markdown:
    """How many test images each network gets wrong, and what it has seen.

    Args:
        names: of experiments.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| network | trained on | training images shown | wrong | paper |",
        "|---|---|---:|---:|---:|",
    ]
    for chosen in map(experiment, names):
        record = read_record(chosen.name, profile)
        paper = chosen.published.get("test_error")
        where = f" (on {chosen.published_data})" if chosen.published_data else ""
        cells = ["", "", NOT_RUN, NONE if paper is None else _percent(paper) + where]
        if record is not None:
            error = record.figures.get("test_error")
            wrong = NONE if error is None else _percent(error)
            cells[:3] = [record.data["name"], f"{images_shown(record):,}", wrong]
        lines.append(f"| {' | '.join([chosen.title, *cells])} |")
    return Markdown("\n".join(lines))


def made_table(names: Sequence[str], profile: str) -> Markdown:
    """What is measured of samples: quality, classes, and how near they are to training images.

    Distances are square roots of summed squared differences; of all, the median.

    Args:
        names: of experiments.
        profile: whose records to read.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    lines = [
        "| at the end | FID | KID | digits | rarest class | L2 to nearest: samples | test images |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for chosen in map(experiment, names):
        record = read_record(chosen.name, profile)
        cells = [NOT_RUN, *[""] * 5]
        if record is not None and "fid" in record.figures:
            figures = record.figures
            cells = [f"{figures['fid']:.1f}", f"{figures['kid']:.2f}", f"{figures['modes']:.0f}"]
            cells.append(_percent(min(share for _, share in record.curves["class_share"])))
            cells += [f"{middle(record, f'nearest_to_{x}'):.2f}" for x in ("made", "test")]
        lines.append(f"| {' | '.join([chosen.title, *cells])} |")
    return Markdown("\n".join(lines))


def bound_verdict(name: str, rival: str, profile: str) -> str:
    """Which of two networks an image costs less, by the bound and by the estimate.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair, records = _pair(name, rival, profile)
    if None in records:
        return f"{pair}: not run yet"
    bounds = [record.figures["test_bound"] for record in records]
    estimates = [estimate(record) for record in records]
    said = [_cheaper(bounds, "by the bound"), _cheaper(estimates, f"with {DRAWS} draws")]
    return f"{pair}: {'; '.join(said)} ({_trainings(records)})"


def published_bound(name: str, profile: str) -> str:
    """How far the bound is from the paper's, and after how much training.

    Raises:
        CapseduError: if the experiment is unknown or the record is damaged.
    """
    chosen, record = experiment(name), read_record(name, profile)
    if record is None:
        return f"{chosen.title}: not run yet"
    ours, paper = record.figures["test_bound"], chosen.published["test_bound"]
    word = "above" if ours > paper else "below"
    steps = len(record.curves["kl_by_step"])
    return (
        f"{chosen.title}: {ours:.1f} nats, {abs(ours - paper):.1f} {word} the paper's {paper:.2f}, "
        f"with {steps} steps, after {images_shown(record):,} images"
    )


def error_verdict(name: str, profile: str) -> str:
    """Whether the paper's error was reached.

    Raises:
        CapseduError: if the experiment is unknown or the record is damaged.
    """
    chosen, record = experiment(name), read_record(name, profile)
    if record is None:
        return f"{chosen.title}: not run yet"
    ours, paper = record.figures["test_error"], chosen.published["test_error"]
    verdict = "as low as the paper's" if ours <= paper else "higher than the paper's"
    said = f"{chosen.title}: {_percent(ours)} wrong, {verdict} {_percent(paper)}"
    if chosen.published_data not in ("", record.data["name"]):
        said += f", which is for {chosen.published_data}, other and more images"
    return said.replace(NO_BREAK, " ")


def mode_verdict(name: str, profile: str) -> str:
    """Whether the samples show every class, for "it will not suffer from mode collapse".

    Raises:
        CapseduError: if the experiment is unknown or the record is damaged.
    """
    title, record = experiment(name).title, read_record(name, profile)
    if record is None or "fid" not in record.figures:
        return f"{title}: not run yet"
    rare = [int(k) for k, share in record.curves["class_share"] if share < COMMON]
    found = record.figures["modes"]
    verdict = "no collapse" if found >= ENOUGH_MODES and not rare else "not all are drawn"
    said = f"{title}: {found:.0f} of ten digits can be recognised among the samples"
    if rare:
        said += f", and fewer than {COMMON:.0%} are a {' or a '.join(map(str, rare))}"
    return f"{said}; {verdict}"


def copy_verdict(name: str, profile: str) -> str:
    """Whether samples are nearer to the training images than test images are.

    Raises:
        CapseduError: if the experiment is unknown or the record is damaged.
    """
    title, record = experiment(name).title, read_record(name, profile)
    if record is None or "nearest_to_made" not in record.curves:
        return f"{title}: not run yet"
    made, test = (middle(record, f"nearest_to_{x}") for x in ("made", "test"))
    least = min(distance for _, distance in record.curves["nearest_to_made"])
    word = "nearer than" if made < test else "no nearer than"
    return (
        f"{title}: samples are {made:.2f} from the nearest training image, in the median, {word} "
        f"test images, {test:.2f}; the nearest sample of all is at {least:.2f}"
    )


def silent_steps(name: str, profile: str) -> str:
    """How many of the steps tell nothing of the image, and which tells most.

    Raises:
        CapseduError: if the experiment is unknown or the record is damaged.
    """
    title, record = experiment(name).title, read_record(name, profile)
    if record is None:
        return f"{title}: not run yet"
    told = dict(map(tuple, record.curves["kl_by_step"]))
    most = max(told, key=told.get)
    silent = sum(nats < SILENT for nats in told.values())
    return (
        f"{title}: step {most:.0f} of {len(told)} tells most, {told[most]:.1f} of "
        f"{sum(told.values()):.1f} nats; {silent} tell less than {SILENT}"
    )


def overlap_verdict(name: str, rival: str, profile: str) -> str:
    """Which of two networks reads overlapping digits with fewer errors.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair, records = _pair(name, rival, profile)
    if None in records:
        return f"{pair}: not run yet"
    ours, theirs = (record.figures["test_error"] for record in records)
    verdict = "the first errs less" if ours < theirs else "the first does not err less"
    return (
        f"{pair}: {_percent(ours)} and {_percent(theirs)} of the pairs are wrong, {verdict} "
        f"({_trainings(records)})"
    ).replace(NO_BREAK, " ")


def price(name: str, rival: str, profile: str) -> str:
    """How many times its rival's seconds a batch takes, where both were trained.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair, records = _pair(name, rival, profile)
    if None in records:
        return f"{pair}: not run yet"
    ours, theirs = map(seconds_per_batch, records)
    sizes = " and ".join(f"{record.parameters:,}" for record in records)
    return (
        f"{pair}: {ours:.2f} and {theirs:.2f} seconds for a batch of "
        f"{records[0].data['batch_size']}, {ours / theirs:.1f} times as long; {sizes} parameters"
    )


def estimate(record: Record) -> float:
    """What an image costs by the estimate of its likelihood, in nats."""
    return dict(map(tuple, record.curves["negative_log_likelihood"]))[DRAWS]


def middle(record: Record, curve: str) -> float:
    """The median, of quantiles."""
    quantiles = dict(map(tuple, record.curves[curve]))
    return quantiles[min(quantiles, key=lambda share: abs(share - 0.5))]


def images_shown(record: Record) -> int:
    """How many training images the network saw, each as often as it saw it."""
    data = record.data
    if "batches" in data:
        return data["batches"] * data["batch_size"]
    return data["epochs"] * data["train"]


def _pair(name: str, rival: str, profile: str) -> tuple[str, list[Record | None]]:
    pair = f"{experiment(name).title} against {experiment(rival).title}"
    return pair, [read_record(each, profile) for each in (name, rival)]


def _trainings(records: Sequence[Record]) -> str:
    shown = " and ".join(f"{images_shown(record):,}" for record in records)
    return f"one training each, of {shown} images"


def _cheaper(costs: Sequence[float], how: str) -> str:
    ours, theirs = costs
    word = "the first is cheaper" if ours < theirs else "the first is not cheaper"
    return f"{how} {ours:.1f} and {theirs:.1f} nats, {word}"


def _nats(value: float | None, form: str = ".1f") -> str:
    return NONE if value is None else f"{value:{form}}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}{NO_BREAK}%"
