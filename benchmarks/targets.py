"""What the package wants to reach, on two CPU cores with the default allocator."""

from dataclasses import dataclass
from operator import ge, le

Results = dict[str, dict[str, dict[str, float | None]]]


@dataclass(frozen=True)
class Target:
    """A bound on what ``capsedu`` reaches in ``workload``, as a share of what ``rival`` does.

    ``quantity`` is ``"seconds"``, where the share is one of speed and should be at least
    ``bound``, or ``"extra_mib"``, where it should be at most that. ``rival_workload`` is
    where the rival was measured, if that is another workload.
    """

    workload: str
    quantity: str
    rival: str
    bound: float
    rival_workload: str | None = None

    @property
    def title(self) -> str:
        what = "speed" if self.quantity == "seconds" else "extra memory"
        where = f" in {self.rival_workload}" if self.rival_workload else ""
        return f"{self.workload}: {what} over {self.rival}'s{where}"

    @property
    def needed(self) -> str:
        return f"{'≥' if self.quantity == 'seconds' else '≤'} {self.bound:g}"

    def measured(self, results: Results) -> float | None:
        """The share, or None where its workload or its memory was not measured."""
        try:
            ours = results[self.workload]["capsedu"][self.quantity]
            other = results[self.rival_workload or self.workload][self.rival][self.quantity]
        except KeyError:
            return None
        if ours is None or other is None:
            return None
        return other / ours if self.quantity == "seconds" else ours / other

    def met(self, share: float) -> bool:
        """Whether a measured share is good enough."""
        return (ge if self.quantity == "seconds" else le)(share, self.bound)


TARGETS = (
    Target("training, fp32", "seconds", "floor", 0.85),
    Target("training, bf16", "seconds", "floor", 0.80),
    Target("training, fp32", "seconds", "textbook", 2.0),
    Target("training, bf16", "seconds", "textbook", 3.5),
    Target("training, bf16", "seconds", "textbook", 3.5, rival_workload="training, fp32"),
    Target("inference, fp32", "seconds", "floor", 0.88),
    Target("inference, bf16", "seconds", "floor", 0.88),
    Target("training, fp32", "extra_mib", "textbook", 0.20),
    Target("training, bf16", "extra_mib", "textbook", 0.20),
    Target("routing", "seconds", "textbook", 7.0),
    Target("routing", "extra_mib", "textbook", 0.10),
    Target("EM small, training", "seconds", "textbook", 2.5),
    Target("EM small, inference", "seconds", "textbook", 2.7),
    Target("EM large, training", "seconds", "textbook", 7.0),
    Target("EM small, training", "extra_mib", "textbook", 0.30),
    Target("EM large, training", "extra_mib", "textbook", 0.30),
    Target("DCGAN, fp32", "seconds", "textbook", 0.95),
    Target("CapsGAN, fp32", "seconds", "floor", 0.80),
    Target("CapsGAN, bf16", "seconds", "floor", 0.80),
    Target("DRAW, training", "seconds", "textbook", 1.5),
)
