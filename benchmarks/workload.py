"""What can be measured."""

from collections.abc import Callable
from dataclasses import dataclass

Step = Callable[[], object]


@dataclass(frozen=True)
class Workload:
    """Something to measure; ``prepare(contender)`` builds it and returns one step of it.

    Attributes:
        title: what to print.
        contenders: who does it, ``"capsedu"`` and ``"textbook"`` among them.
        prepare: see above.
        batch: images per step.
        compiles: whether a contender's first step waits for a compiler. It is then timed
            apart, and memory is that of the steps after it.
        most_rounds: as many rounds of timing at most.
    """

    title: str
    contenders: tuple[str, ...]
    prepare: Callable[[str], Step]
    batch: int
    compiles: bool = False
    most_rounds: int | None = None

    def rounds(self, wanted: int) -> int:
        """How many rounds of timing to make where ``wanted`` were asked for."""
        return min(wanted, self.most_rounds or wanted)
