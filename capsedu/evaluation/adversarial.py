"""Adversarial images: every pixel changed by at most ε, so that a number rises.

What the number is, the caller says: a network's loss on the right classes, or its score of a
wrong one. :mod:`capsedu.evaluation.robustness` attacks whole test sets with it.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from capsedu.errors import CapseduError, require_count, require_dims

Goal = Callable[[Tensor], Tensor]
"""Images in, the number to raise out."""


def fgsm(goal: Goal, images: Tensor, epsilon: float) -> Tensor:
    r"""Fast gradient sign method: one step uphill, of the same size for every pixel.

    .. math:: x' = \mathrm{clip}_{[0, 1]}(x + \varepsilon\, \mathrm{sign} \nabla_x g(x))

    Args:
        goal: :math:`g`; each image must contribute to it by itself.
        images: ``[b, c, h, w]`` in [0, 1].
        epsilon: how far each pixel may move, on the scale from 0 (black) to 1 (white).

    Returns:
        Attacked images, in [0, 1]. A pixel with a gradient of exactly 0 is left alone.

    Raises:
        ValueError, TypeError: if an argument does not fit.
        CapseduError: if the gradient is not finite.

    Source: Goodfellow, Shlens & Szegedy (2015), arXiv:1412.6572, section 4.
    """
    _require_attackable(images, epsilon)
    return (images + epsilon * gradient(goal, images).sign()).clamp(0, 1)


def bim(
    goal: Goal, images: Tensor, epsilon: float, steps: int = 10, step_size: float | None = None
) -> Tensor:
    r"""Basic iterative method: several small steps, the gradient taken anew before each.

    .. math::
        x_0 = x, \quad
        x_{n+1} = \mathrm{clip}_{x,\varepsilon}(x_n + \alpha\, \mathrm{sign} \nabla g(x_n))

    where the clipping keeps each pixel within :math:`\varepsilon` of the image's own and
    within [0, 1].

    Args:
        goal: as for :func:`fgsm`.
        images: ``[b, c, h, w]`` in [0, 1].
        epsilon: how far each pixel may move in all.
        steps: how many steps. (Kurakin: the smaller of ε + 4 and 1.25 ε, with ε counted in
            255ths. Hinton does not say.)
        step_size: :math:`\alpha`; ``epsilon / steps`` if None. (Kurakin: 1/255.)

    Returns:
        Attacked images, in [0, 1]; with one step those of :func:`fgsm`.

    Raises:
        ValueError, TypeError: if an argument does not fit.
        CapseduError: if a gradient is not finite.

    Source: Kurakin, Goodfellow & Bengio (2017), arXiv:1607.02533, section 2.2.
    """
    _require_attackable(images, epsilon)
    require_count("steps", steps)
    step_size = epsilon / steps if step_size is None else step_size
    if not step_size >= 0:
        raise ValueError(f"step_size must be at least 0, got {step_size}")
    lowest, highest = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    found = images
    for _ in range(steps):
        found = (found + step_size * gradient(goal, found).sign()).clamp(lowest, highest)
    return found


def gradient(goal: Goal, images: Tensor) -> Tensor:
    """The gradient of ``goal`` at ``images``, same shape; leaves no ``.grad`` anywhere.

    Raises:
        CapseduError: if it is not finite.
    """
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(goal(images), images)
    if not found.isfinite().all():
        raise CapseduError(
            "the gradient at the images is not finite, so it cannot lead an attack; "
            "the network may hold NaN, or read and rise may divide by 0"
        )
    return found


def _require_attackable(images: Tensor, epsilon: float) -> None:
    require_dims("images", images, "b c h w")
    if not ((images >= 0) & (images <= 1)).all():
        raise ValueError(
            f"images must lie in [0, 1], got {images.min().item():.3g} to {images.max().item():.3g}"
        )
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon must be from 0 to 1, one shade of full white, got {epsilon}")
