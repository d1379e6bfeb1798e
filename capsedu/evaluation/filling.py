"""How well holes in images are filled, and two plain ways to fill them without a generator."""

import numpy as np
import torch
from torch import Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.evaluation.inpainting import put_back, require_hole
from capsedu.evaluation.robustness import frozen
from capsedu.evaluation.samples import prepared


@torch.no_grad()
def nearest_filling(images: Tensor, hole: Tensor, seen: Tensor, batch_size: int = 2000) -> Tensor:
    """Every hole filled from the training image whose known pixels are nearest.

    Args:
        images: ``[b, c, h, w]`` in [0, 1].
        hole: truth values ``[h, w]``, True where the pixels are missing.
        seen: the training images, ``[n, c, ...]`` in [0, 1] or as 8-bit numbers; brought to the
            size of ``images``.
        batch_size: how many of them are compared at a time.

    Returns:
        ``[b, c, h, w]``; known pixels are those of ``images``.

    Raises:
        ValueError, TypeError, CapseduError: if an argument does not fit.
    """
    require_dims("images", images, "b c h w")
    require_hole(hole, images.shape[2:])
    require_count("batch_size", batch_size)
    hole = hole.to(images.device)
    known = images[..., ~hole].flatten(1)
    least = known.new_full((len(images),), torch.inf)
    best = torch.zeros_like(images)
    for batch in prepared("seen", seen, tuple(images.shape[1:]), batch_size):
        distances, index = torch.cdist(known, batch[..., ~hole].flatten(1)).min(dim=1)
        nearer = distances < least
        least = torch.where(nearer, distances, least)
        best[nearer] = batch[index[nearer]]
    return put_back(best, images, hole)


def biharmonic_filling(images: Tensor, hole: Tensor) -> Tensor:
    """Every hole filled as smoothly as its rim allows: a bent sheet, with no idea of digits.

    In the hole the Laplacian of the Laplacian is 0: no sheet through the known pixels bends less.

    Args:
        images: ``[b, c, h, w]`` in [0, 1].
        hole: truth values ``[h, w]``, True where the pixels are missing.

    Returns:
        ``[b, c, h, w]``; known pixels are those of ``images``.

    Raises:
        ValueError, TypeError: if an argument does not fit.

    Source: Damelin & Hoang (2018), doi:10.1155/2018/3950312, as scikit-image computes it.
    """
    from skimage.restoration import inpaint_biharmonic  # a second, which only this needs

    require_dims("images", images, "b c h w")
    require_hole(hole, images.shape[2:])
    # The same equations for all, so all images and channels are solved for at once.
    known = torch.where(hole.to(images.device), 0.0, images)
    known = known.flatten(0, 1).permute(1, 2, 0).double()
    sheets = inpaint_biharmonic(known.cpu().numpy(), hole.cpu().numpy(), channel_axis=-1)
    made = torch.from_numpy(np.ascontiguousarray(sheets)).permute(2, 0, 1).clamp(0, 1)
    return put_back(made.reshape(images.shape).to(images), images, hole)


def inpainting_error(
    filled: Tensor, images: Tensor, hole: Tensor, classifier: nn.Module | None = None
) -> dict[str, float]:
    """How far fillings are from the truth, in the hole alone.

    Args:
        filled: ``[b, c, h, w]`` in [0, 1].
        images: whole images, of the same shape.
        hole: truth values ``[h, w]``, True where the pixels were missing.
        classifier: turns images into scores ``[b, classes]``; has an ``image_shape``.

    Returns:
        ``"mae"``, the mean absolute error, from 0 to 1; ``"psnr"``, the peak signal-to-noise
        ratio in dB, of all images together; and with a classifier ``"class_kept"``, the share of
        images that it puts into the same class, filled and whole.

    Raises:
        ValueError, TypeError, CapseduError: if an argument does not fit.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio  # as in classification.py

    require_dims("filled", filled, "b c h w")
    require_hole(hole, images.shape[2:])
    if filled.shape != images.shape:
        raise ValueError(f"filled must have shape {list(images.shape)}, got {list(filled.shape)}")
    guessed, true = filled[..., hole], images[..., hole]
    found = {
        "mae": (guessed - true).abs().mean().item(),
        "psnr": peak_signal_noise_ratio(guessed, true, data_range=1.0).item(),
    }
    if classifier is not None:
        same = _classes(classifier, "filled", filled) == _classes(classifier, "images", images)
        found["class_kept"] = same.float().mean().item()
    return found


@torch.no_grad()
def _classes(classifier: nn.Module, name: str, images: Tensor) -> Tensor:
    with frozen(classifier):
        batches = prepared(name, images, classifier.image_shape)
        return torch.cat([classifier(batch).argmax(dim=1) for batch in batches])
