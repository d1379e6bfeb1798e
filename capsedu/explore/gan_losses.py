"""What the losses of a game of two networks did, as curves and in words."""

from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev

ROWS = 10  # of a history, that one point of a smoothed curve stands for
START = 200  # batches, after which the first fall is over
WINDOW = 400  # batches at the beginning and at the end, for a trend

History = Sequence[Mapping[str, float]]
Curve = tuple[list[float], list[float]]


def loss_curve(history: History, loss: str) -> Curve:
    """Batches, and a loss after them."""
    rows = [row for row in history if loss in row]
    return [row["step"] for row in rows], [row[loss] for row in rows]


def smoothed(steps: Sequence[float], values: Sequence[float], rows: int = ROWS) -> Curve:
    """Means of ``rows`` points at a time, which do not overlap."""
    starts = range(0, len(steps), rows)
    return tuple([fmean(line[k : k + rows]) for k in starts] for line in (steps, values))


def settled(steps: Sequence[float], values: Sequence[float]) -> float:
    """The first step from which on all values are within a quarter of the last."""
    far = [k for k, value in enumerate(values) if abs(value - values[-1]) > values[-1] / 4]
    return steps[far[-1] + 1] if far else steps[0]


def fluctuation(steps: Sequence[float], values: Sequence[float], rows: int = ROWS) -> float:
    """How far single values are from the mean of their ten, after the first 200 batches."""
    late = [value for step, value in zip(steps, values, strict=True) if step > START]
    return fmean(pstdev(late[k : k + rows]) for k in range(0, len(late), rows))


def loss_facts(history: History) -> str:
    """When the discriminator's loss settled, how it fluctuates, and where the generator's goes."""
    judge, maker = (loss_curve(history, f"{who}_loss") for who in ("discriminator", "generator"))
    end = maker[0][-1]
    early, late = (
        fmean(value for step, value in zip(*maker, strict=True) if first < step <= last)
        for first, last in ((START, START + WINDOW), (end - WINDOW, end))
    )
    trend = "falls" if late < early else "does not fall"
    return (
        f"the discriminator's loss has settled by batch {settled(*smoothed(*judge)):.0f} and "
        f"fluctuates by {fluctuation(*judge):.3f}; "
        f"the generator's {trend}, from {early:.3f} to {late:.3f}"
    )
