"""Made-up histories of GAN trainings, each with one illness or none, to practise a diagnosis on.

They are drawn from formulas, so that each shows its illness and nothing else, in the form of the
histories that real trainings leave behind (:class:`capsedu.learning.AdversarialLearner`).
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from capsedu.errors import require_known

ROWS, EVERY = 200, 10  # a row stands for so many batches
KEYS = ("discriminator_loss", "generator_loss", "discriminator_accuracy", "spread")
History = list[dict[str, float]]


def ward(seed: int) -> dict[str, History]:
    """Four patients, A to D, each in another condition, in an order that the seed chooses."""
    dice = Generator().manual_seed(seed)
    order = torch.randperm(len(CONDITIONS), generator=dice).tolist()
    names = list(CONDITIONS)
    return {
        letter: made_up_history(names[k], 10 * seed + k)
        for letter, k in zip("ABCD", order, strict=True)
    }


def made_up_history(condition: str, seed: int) -> History:
    """A history of 2,000 batches, a row for every ten.

    Args:
        condition: one of :data:`CONDITIONS`.
        seed: of all that is left to chance.

    Returns:
        Rows with ``"step"``, both losses, the discriminator's accuracy and the spread of the made
        images as a share of the real ones'.

    Raises:
        CapseduError: if there is no such condition.
    """
    require_known("condition", condition, CONDITIONS)
    dice = Generator().manual_seed(seed)
    t = torch.linspace(0, 1, ROWS)
    columns = CONDITIONS[condition](_fair_game(t, dice), t, dice)
    return [
        {"step": (k + 1) * EVERY, **dict(zip(KEYS, row, strict=True))}
        for k, row in enumerate(torch.stack(columns, dim=1).tolist())
    ]


def _fair_game(t: Tensor, dice: Generator) -> list[Tensor]:
    """Where the discriminator is far ahead at first, and the generator catches up."""
    ahead = torch.exp(-t / 0.08)  # how much of the beginning is left
    judge = 1.15 - 0.95 * ahead + 0.08 * _noise(t, dice)
    maker = 1.0 + 2.5 * ahead + 0.12 * _noise(t, dice)
    accuracy = 0.68 + 0.3 * ahead + 0.04 * _noise(t, dice)
    spread = 0.92 - 0.88 * torch.exp(-t / 0.12) + 0.03 * _noise(t, dice)
    for row in torch.randint(ROWS // 2, ROWS - 1, (3,), generator=dice):
        maker[row], accuracy[row] = 4.5, 0.98  # a peak, as every training has them
    return [judge.clamp(min=0.05), maker.clamp(min=0.3), accuracy.clamp(0, 1), spread.clamp(min=0)]


def _healthy(columns: list[Tensor], t: Tensor, dice: Generator) -> list[Tensor]:
    return columns


def _collapsed(columns: list[Tensor], t: Tensor, dice: Generator) -> list[Tensor]:
    """Losses as in a fair game. The made images become one, and now and then another one."""
    judge, maker, accuracy, spread = columns
    falls = torch.sigmoid((t - 0.35 - 0.15 * torch.rand((), generator=dice)) / 0.03)
    spread = spread * (1 - falls) + falls * (0.06 + 0.02 * _noise(t, dice)).clamp(min=0.01)
    hops = torch.randint(ROWS // 2, ROWS - 1, (3,), generator=dice)
    spread[hops] = spread[ROWS - 1] = 0.5
    return [judge + 0.1 * torch.sin(60 * t), maker, accuracy, spread]


def _overpowered(columns: list[Tensor], t: Tensor, dice: Generator) -> list[Tensor]:
    """The discriminator is sure of everything, and grows surer."""
    judge = 0.02 + 0.5 * torch.exp(-t / 0.1) + 0.005 * _noise(t, dice).abs()
    maker = 3 + 5 * t.sqrt() + 0.3 * _noise(t, dice)
    accuracy = (0.998 - 0.2 * torch.exp(-t / 0.08) + 0.002 * _noise(t, dice)).clamp(0, 1)
    return [judge, maker, accuracy, 0.6 - 0.5 * torch.exp(-t / 0.1) + 0.04 * _noise(t, dice)]


def _diverged(columns: list[Tensor], t: Tensor, dice: Generator) -> list[Tensor]:
    """From some moment on the losses run away; in one of two cases they are no numbers at last."""
    start = 0.4 + 0.2 * torch.rand((), generator=dice)
    grows = torch.exp(18 * (t - start).clamp(min=0))
    judge, maker, accuracy, spread = columns
    judge, maker = (
        loss * grows * (0.6 + 0.8 * torch.rand(ROWS, generator=dice)) for loss in (judge, maker)
    )
    spread = spread / grows.sqrt()
    if torch.rand((), generator=dice) < 0.5:
        broken = t > start + 0.3
        judge, maker, spread = (x.masked_fill(broken, math.nan) for x in (judge, maker, spread))
        accuracy = accuracy.masked_fill(broken, 0.5)  # no comparison with NaN is true
    return [judge, maker, accuracy, spread]


def _noise(t: Tensor, dice: Generator) -> Tensor:
    return torch.randn(len(t), generator=dice)


CONDITIONS: dict[str, Callable] = {
    "healthy": _healthy,
    "collapsed": _collapsed,
    "overpowered": _overpowered,
    "diverged": _diverged,
}
"""What a patient may have, by name."""
