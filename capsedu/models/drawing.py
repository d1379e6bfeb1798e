"""What networks that draw have in common, whether in one step or in many."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.layers.attention import Window


class Stroke(NamedTuple):
    """One step of a drawing."""

    canvas: Tensor
    """After the step: logits of the pixels' probabilities, ``[b, c, h, w]``."""
    writing: Window | None = None
    """Through which it painted, if there is a window."""
    reading: Window | None = None
    """Through which it looked."""
    mean: Tensor | None = None
    """Of the latents, given the image, ``[b, z]``; None where they come from the prior."""
    log_deviation: Tensor | None = None
    """Of the latents, ``[b, z]``."""
    latents: Tensor | None = None
    """What was drawn from that distribution, ``[b, z]``."""
    capsules: Tensor | None = None
    """The image's class capsules ``[b, j, d]``, the same at every step, if there are some."""


class Drawing(NamedTuple):
    """A finished drawing of images, and how it came about."""

    canvas: Tensor
    """Logits of the pixels' probabilities, ``[b, c, h, w]``."""
    mean: Tensor
    """Of the latents of every step, ``[b, t, z]``."""
    log_deviation: Tensor
    """Of the latents, ``[b, t, z]``."""
    latents: Tensor
    """What was drawn from those distributions, ``[b, t, z]``."""
    capsules: Tensor | None = None
    """The images' class capsules ``[b, j, d]``, if there are some."""


def finished(strokes: Iterable[Stroke]) -> Drawing:
    """The drawing that all strokes make together."""
    strokes = list(strokes)
    told = ([getattr(stroke, name) for stroke in strokes] for name in Drawing._fields[1:4])
    return Drawing(strokes[-1].canvas, *(torch.stack(s, dim=1) for s in told), strokes[-1].capsules)


def require_noise(noise: Tensor, images: Tensor, step_count: int, latent: int) -> None:
    """Raise unless ``noise`` is ``[n * b, t, z]`` for ``b`` images."""
    require_dims("noise", noise, "b t z")
    wanted = (step_count, latent)
    if tuple(noise.shape[1:]) != wanted or not len(noise) or len(noise) % len(images):
        raise ValueError(
            f"noise must have shape [{len(images)}, {step_count}, {latent}], or a multiple of it "
            f"for several drawings of each image, got {list(noise.shape)}"
        )
