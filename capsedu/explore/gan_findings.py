"""What the records of generators say, in words that stay true when the records change."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from capsedu.experiments import experiment
from capsedu.explore.tables import NO_BREAK
from capsedu.records import Record, read_seeds

ENOUGH_MODES = 8  # digits of ten
LOST = 1.25  # an end that is worse than the best moment by more than this factor


def milestones(record: Record) -> dict[int, Mapping[str, float]]:
    """The rows of a record's history at which samples were measured, by the batches so far."""
    return {row["step"]: row for row in record.history if "fid" in row}


def points(records: Sequence[Record], figure: str = "fid") -> list[tuple[int, list[float]]]:
    """One figure over the training: pairs of batches and each record's value.

    Only the milestones that all records have.
    """
    found = [milestones(record) for record in records]
    steps = sorted(set.intersection(*map(set, found))) if found else []
    return [(step, [rows[step][figure] for rows in found]) for step in steps]


def mean_and_range(values: Sequence[float], form: str = ".1f") -> str:
    """``12.3 (11.9 to 12.8)``, or the number alone where there is one."""
    mean = f"{fmean(values):{form}}"
    reach = (f"{value:{form}}" for value in (min(values), max(values)))
    return mean if len(values) == 1 else f"{mean} ({f'{NO_BREAK}to{NO_BREAK}'.join(reach)})"


def complaint(record: Record) -> str:
    """Why a training did not converge, or nothing if it did.

    It did if its samples show at least eight of the ten digits at the end, and FID is then at
    most a quarter above its lowest. The paper does not say what it means by the word.
    """
    rows = milestones(record)
    last = rows[max(rows)]
    best = min(rows, key=lambda step: rows[step]["fid"])
    if last["modes"] < ENOUGH_MODES:
        return f"its samples show {last['modes']:.0f} of the ten digits at the end"
    if last["fid"] > LOST * rows[best]["fid"]:
        return f"FID was {rows[best]['fid']:.1f} at batch {best:,} and {last['fid']:.1f} at the end"
    return ""


def convergence(name: str, profile: str) -> str:
    """Whether the trainings of an experiment converged, seed by seed.

    Raises:
        CapseduError: if the experiment is unknown or a record is damaged.
    """
    title, records = experiment(name).title, read_seeds(name, profile)
    said = (f"seed {record.seed}: {complaint(record) or 'converged'}" for record in records)
    return f"{title}: {'; '.join(said) or 'not run yet'}"


def comparison(name: str, rival: str, profile: str) -> str:
    """Which of two experiments has the lower FID at the last milestone that they share.

    Two are told apart only if each seed of the one beats each seed of the other.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair = f"{experiment(name).title} against {experiment(rival).title}"
    ours, theirs = (dict(points(read_seeds(each, profile))) for each in (name, rival))
    common = ours.keys() & theirs.keys()
    if not common:
        return f"{pair}: not run yet"
    step = max(common)
    a, b = ours[step], theirs[step]
    if max(a) < min(b):
        verdict = "the first is better"
    elif max(b) < min(a):
        verdict = "the second is better"
    else:
        verdict = "no difference is shown, for the seeds overlap"
    seeds = "with one seed each" if len(a) == len(b) == 1 else "with every seed"
    if "overlap" not in verdict:
        verdict = f"{verdict} {seeds}"
    numbers = f"FID {mean_and_range(a)} and {mean_and_range(b)} after {step:,} batches"
    return f"{pair}: {numbers.replace(NO_BREAK, ' ')}; {verdict}"
