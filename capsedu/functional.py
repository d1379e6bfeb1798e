"""The equations, one pure function each.

Index letters are the book's: ``b`` batch, ``i`` child capsules, ``j`` parent capsules,
``d`` pose components. "Sabour" is Sabour, Frosst & Hinton, *Dynamic Routing Between
Capsules* (2017), arXiv:1710.09829.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.errors import require_dims


def capsule_length(poses: Tensor, dim: int = -1) -> Tensor:
    r"""Length of each capsule, read as the probability that its entity is there.

    Finite, as is its gradient, at 0 and at :math:`10^{\pm20}` in float32.

    Args:
        poses: capsules, any shape ``[..., d, ...]``.
        dim: the axis of the pose components.

    Returns:
        Lengths, without the axis ``dim``, in the dtype of ``poses``.

    Source: Sabour, section 2.
    """
    return _norm(poses, dim).squeeze(dim).to(poses.dtype)


def squash(s: Tensor, dim: int = -1) -> Tensor:
    r"""Shrink each vector to a length below 1 and keep its direction.

    .. math:: v = \frac{\lVert s\rVert^2}{1+\lVert s\rVert^2}\,\frac{s}{\lVert s\rVert}

    It is computed as :math:`s \cdot n/(1+n^2)` with :math:`n=\lVert s\rVert`: without a
    division by the length, hence with a finite value and gradient at 0; and at
    :math:`10^{\pm20}` in float32 too.

    Args:
        s: total inputs, any shape ``[..., d, ...]``.
        dim: the axis of the pose components.

    Returns:
        Squashed vectors, same shape and dtype as ``s``.

    Source: Sabour, equation 1.
    """
    n = _norm(s, dim)
    return s * (n / (1 + n * n)).to(s.dtype)


def _norm(s: Tensor, dim: int) -> Tensor:
    """Euclidean norm in double precision, ``dim`` kept, gradient 0 at the zero vector.

    Dividing by the largest component first keeps the squares within float32. Their sum is
    then at least 1 (but for rounding), or 0 for the zero vector, where the clamp stops the
    gradient of the square root from becoming infinite.
    """
    largest = s.detach().abs().amax(dim, keepdim=True).clamp(min=torch.finfo(s.dtype).tiny)
    squares = (s * largest.reciprocal()).square().sum(dim, keepdim=True)
    return largest.double() * squares.double().clamp(min=0.5).sqrt()


def margin_loss(
    lengths: Tensor,
    targets: Tensor,
    positive: float = 0.9,
    negative: float = 0.1,
    down_weight: float = 0.5,
) -> Tensor:
    r"""Margin loss, summed over classes and averaged over the batch.

    .. math::
        L_j = T_j \max(0, m^+ - \lVert v_j\rVert)^2
              + \lambda (1 - T_j) \max(0, \lVert v_j\rVert - m^-)^2

    Args:
        lengths: capsule lengths ``[b, classes]``, in [0, 1].
        targets: class indices ``[b]`` (integers), or multi-hot ``[b, classes]`` where
            several classes may be present at once.
        positive: :math:`m^+`, the length a present class should reach.
        negative: :math:`m^-`, the length an absent class may keep.
        down_weight: :math:`\lambda`, the weight of the absent classes.

    Returns:
        A scalar.

    Raises:
        ValueError, TypeError: if a shape, dtype or class index does not fit.

    Source: Sabour, equation 4.
    """
    require_dims("lengths", lengths, "b classes")
    present = multi_hot(targets, lengths.shape[1]).to(lengths.dtype)
    if present.shape != lengths.shape:
        raise ValueError(f"targets must describe {lengths.shape[0]} images, got {targets.shape[0]}")
    missing = F.relu(positive - lengths).square()
    excess = F.relu(lengths - negative).square()
    return (present * missing + down_weight * (1 - present) * excess).sum(dim=1).mean()


def multi_hot(targets: Tensor, classes: int) -> Tensor:
    """Targets as one row of zeros and ones per image.

    Args:
        targets: class indices ``[b]``, or already multi-hot ``[b, classes]``.
        classes: how many classes there are.

    Returns:
        A tensor ``[b, classes]``.

    Raises:
        ValueError, TypeError: if the shape, dtype or a class index does not fit.
    """
    if not isinstance(targets, Tensor):
        raise TypeError(f"targets must be a torch tensor, got {type(targets).__name__}")
    if targets.dim() == 2:
        if targets.shape[1] != classes:
            raise ValueError(
                f"targets must have shape [b] or [b, {classes}], got {list(targets.shape)}"
            )
        return targets
    if targets.dim() != 1:
        raise ValueError(
            f"targets must have shape [b] or [b, {classes}], got {list(targets.shape)}"
        )
    if targets.is_floating_point() or targets.dtype == torch.bool:
        raise TypeError(f"targets of shape [b] must be class indices, got {targets.dtype}")
    targets = targets.long()
    if targets.numel() and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise ValueError(
            f"targets must be class indices from 0 to {classes - 1}, "
            f"got {int(targets.min())} to {int(targets.max())}"
        )
    return F.one_hot(targets, classes)


def reconstruction_loss(reconstruction: Tensor, images: Tensor) -> Tensor:
    """Squared error *summed* over the pixels of an image, averaged over the batch.

    The paper scales this sum by 0.0005. With the mean over pixels instead, the same
    factor would be 784 times too weak for a 28x28 image.

    Args:
        reconstruction: what the decoder drew, ``[b, c, h, w]``.
        images: what it should have drawn, same shape.

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes differ.

    Source: Sabour, section 4.1.
    """
    if reconstruction.shape != images.shape:
        raise ValueError(
            f"reconstruction must have the shape of images, {list(images.shape)}, "
            f"got {list(reconstruction.shape)}"
        )
    return (reconstruction - images).square().flatten(1).sum(dim=1).mean()
