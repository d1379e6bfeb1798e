"""What every learner does with a batch, whatever it learns."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from capsedu.data import Batch
from capsedu.errors import CapseduError
from capsedu.files import save_tensors


def share_of(batch: Batch, rank: int, devices: int) -> Batch:
    """Several devices share a batch: each takes every n-th image of it."""
    if devices == 1:
        return batch
    share = slice(rank, None, devices)
    pose = {name: value[share] for name, value in batch.pose.items()}
    parts = (x[share] if isinstance(x, Tensor) else x for x in batch)
    return Batch(*parts)._replace(pose=pose)


def stop_at_nonsense(folder: Path, step: int, batch: Batch, parts: Mapping[str, Tensor]) -> None:
    """Save the batch whose loss is not a number, and stop the training with one sentence.

    Raises:
        CapseduError: always.
    """
    path = folder / f"not-a-number-at-step-{step}.safetensors"
    save_tensors({"images": batch.images, "targets": batch.targets}, path)
    values = ", ".join(f"{name} {value.item():g}" for name, value in parts.items())
    raise CapseduError(
        f"the loss is not a finite number at step {step} ({values}); the batch is "
        f"saved in {path}; a smaller learning rate or 32-bit precision may help, and the "
        f"checkpoint before this step is untouched"
    )
