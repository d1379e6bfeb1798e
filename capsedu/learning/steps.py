"""What learners do with a batch and with a rate, whatever they learn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.errors import CapseduError
from capsedu.files import save_tensors


def falling_adam(
    network: nn.Module, learning_rate: float, final_rate: float, steps: int
) -> dict[str, Any]:
    """Adam, whose rate falls by the same factor at every step, as Lightning wants it.

    Args:
        network: whose parameters learn.
        learning_rate: at the first step.
        final_rate: learning rate after the last step, as a share of the first.
        steps: length of the training.
    """
    optimizer = torch.optim.Adam(network.parameters(), learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, final_rate ** (1 / steps))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


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
