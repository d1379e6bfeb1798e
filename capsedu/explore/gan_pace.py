"""When one generator is as good as another was: in batches, and in seconds."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from statistics import fmean
from typing import NamedTuple

from capsedu.experiments import experiment
from capsedu.explore.gan_findings import complaint, points
from capsedu.records import Record, read_seeds

THIRD = 1 / 3


class Pace(NamedTuple):
    """How long it takes to be as good as a rival was at one of its milestones."""

    batches: int
    """of the rival"""
    fid: float
    """of the rival, after them"""
    reached: float
    """after how many batches of one's own; infinity if never"""
    at_start: bool
    """whether that was so at one's first milestone already, and so perhaps before it"""
    seconds: float
    """what they took, as a share of what the rival took"""


def seconds_per_batch(record: Record) -> float:
    """How long a batch took, from the history, without the measurements in between.

    The mean of the middle half of all rows, so that a moment in which the machine was busy with
    something else does not count.
    """
    paces = sorted(
        (row["seconds"] - before["seconds"]) / (row["step"] - before["step"])
        for before, row in pairwise(record.history)
        if "fid" not in row
    )
    quarter = len(paces) // 4
    return fmean(paces[quarter : len(paces) - quarter])


def batches_to_reach(curve: Sequence[tuple[int, float]], target: float) -> float:
    """After how many batches FID is ``target``, on straight lines between the milestones.

    Args:
        curve: pairs of batches and FID.
        target: a FID.

    Returns:
        The number of batches; that of the first milestone if FID is as low there already, and
        infinity if it never is.
    """
    first, value = curve[0]
    if value <= target:
        return first
    for (start, high), (end, low) in pairwise(curve):
        if low <= target:
            return start + (end - start) * (high - target) / (high - low)
    return inf


def pace(name: str, rival: str, profile: str) -> list[Pace]:
    """When an experiment is as good as its rival was, milestone by milestone of the rival.

    Everything is a mean over the seeds. Nothing if one of the two was not run yet.

    Raises:
        CapseduError: if a record is damaged.
    """
    ours, theirs = (read_seeds(each, profile) for each in (name, rival))
    if not ours or not theirs:
        return []
    mine = [(step, fmean(values)) for step, values in points(ours)]
    cost = fmean(map(seconds_per_batch, ours)) / fmean(map(seconds_per_batch, theirs))
    found = []
    for batches, values in points(theirs):
        reached = batches_to_reach(mine, fmean(values))
        seconds = cost * reached / batches
        found.append(Pace(batches, fmean(values), reached, reached == mine[0][0], seconds))
    return found


def third_of(name: str, rival: str, profile: str) -> str:
    """In words, whether an experiment needs a third of its rival's batches, or seconds.

    The rival's first milestone is left out: whoever is as good there may have been so before. A
    rival of which no seed converged is no measure.

    Raises:
        CapseduError: if an experiment is unknown or a record is damaged.
    """
    pair = f"{experiment(name).title} against {experiment(rival).title}"
    later = pace(name, rival, profile)[1:]
    if not later:
        return f"{pair}: not run yet"
    if all(complaint(record) for record in read_seeds(rival, profile)):
        return f"{pair}: the second did not converge, so there is nothing to be as good as"
    shares = {
        "batches": [row.reached / row.batches for row in later],
        "seconds": [row.seconds for row in later],
    }
    said = [
        f"a third of the {unit} is enough at {sum(share <= THIRD for share in found)} of "
        f"{len(later)} milestones"
        for unit, found in shares.items()
    ]
    last = later[-1]
    end = f"what the second has after {last.batches:,} batches, FID {last.fid:.1f}, "
    if last.reached == inf:
        end += "the first never has"
    else:
        end += (
            f"the first has after {last.reached:,.0f}, {last.reached / last.batches:.2f} of the "
            f"batches and {last.seconds:.2f} of the seconds"
        )
    return f"{pair}: {'; '.join(said)}; {end}"
