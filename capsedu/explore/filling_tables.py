"""How well holes were filled, as the records of generators tell it."""

from IPython.display import Markdown

from capsedu.evaluation.inpainting import holes
from capsedu.experiments import experiment
from capsedu.explore.tables import NOT_RUN
from capsedu.records import Record, read_record

WAYS = {
    "search": "search, the discriminator's judgement as prior",
    "search_alone": "search, likely noise as prior",
    "nearest": "the nearest training image",
    "biharmonic": "biharmonic",
}
MEASURES = {"mae": ".3f", "psnr": ".1f", "class_kept": ".0%"}
"""What is measured of fillings, and how it is written."""

_NAMES = tuple(holes(8))  # those of every size


def filling_table(name: str, profile: str) -> Markdown:
    """Error, signal-to-noise ratio and kept classes of each way to fill each hole.

    Args:
        name: of an experiment.
        profile: whose record to read.

    Raises:
        CapseduError: if the experiment is unknown or its record is damaged.
    """
    title = experiment(name).title
    lines = [f"| {title} | {' | '.join(_NAMES)} |", "|---|" + "---:|" * len(_NAMES)]
    found = fillings(read_record(name, profile))
    if not found:
        lines.append(f"| {NOT_RUN} |{' |' * len(_NAMES)}")
    for way, measured in found.items():
        cells = [
            " / ".join(format(measured[measure][k], form) for measure, form in MEASURES.items())
            for k in range(len(_NAMES))
        ]
        lines.append(f"| {WAYS[way]} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def filling_verdict(name: str, profile: str) -> list[str]:
    """For each hole, a sentence: which way has the smallest error, and which keeps most classes.

    Args and raises: as for :func:`filling_table`.
    """
    found = fillings(read_record(name, profile))
    if not found:
        return [f"{experiment(name).title}: {NOT_RUN}"]
    told = []
    for k, hole in enumerate(_NAMES):
        error = {way: measured["mae"][k] for way, measured in found.items()}
        kept = {way: measured["class_kept"][k] for way, measured in found.items()}
        nearest, surest = min(error, key=error.get), max(kept, key=kept.get)
        told.append(
            f"{hole}: the smallest error has {WAYS[nearest]} ({error[nearest]:.3f}), most classes "
            f"are kept by {WAYS[surest]} ({kept[surest]:.0%})"
        )
    return told


def fillings(record: Record | None) -> dict[str, dict[str, list[float]]]:
    """By way and measure a number for each hole; empty where the record has none."""
    if record is None or "filling_mae_search" not in record.curves:
        return {}
    return {
        way: {
            measure: [value for _, value in record.curves[f"filling_{measure}_{way}"]]
            for measure in MEASURES
        }
        for way in WAYS
    }
