"""Samples of a generator, and the training images that are nearest to them."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from capsedu.errors import CapseduError, require_count, require_dims
from capsedu.evaluation.robustness import frozen


@torch.no_grad()
def sample_images(
    generator: nn.Module, n: int, seed: int, batch_size: int = 250, noise: Tensor | None = None
) -> Tensor:
    """What a generator makes of ``n`` noises.

    Args:
        generator: makes images in [-1, 1] from noise ``[b, generator.noise_dim]``; in
            evaluation mode meanwhile, so that no sample depends on those beside it.
        n: how many images.
        seed: chooses the noise, normally distributed, the same on every device.
        batch_size: how many images are made at a time.
        noise: ``[n, noise_dim]`` in its place, for a generator that is given codes.

    Returns:
        Images in [0, 1], ``[n, c, h, w]``, on the CPU.

    Raises:
        ValueError, TypeError: if a number does not fit.
        CapseduError: if an image holds NaN or an infinity.
    """
    require_count("n", n)
    require_count("batch_size", batch_size)
    if noise is None:
        noise = torch.randn(n, generator.noise_dim, generator=Generator().manual_seed(seed))
    device = next(generator.parameters()).device
    with frozen(generator):
        made = torch.cat([generator(z.to(device)).float().cpu() for z in noise.split(batch_size)])
    _require_finite("what generator makes", made)
    return ((made + 1) / 2).clamp(0, 1)


@torch.no_grad()
def nearest_images(
    samples: Tensor, images: Tensor, batch_size: int = 2000
) -> tuple[Tensor, Tensor]:
    """For each sample the most similar training image: does the generator copy?

    A distance of 0 is a copy. How near the nearest is for images that are no copies, the test
    images tell: ``nearest_images(test_images, images)``. A copy that was shifted by a pixel is
    far away all the same.

    Args:
        samples: ``[n, c, h, w]`` in [0, 1].
        images: ``[m, c, ...]`` in [0, 1], or as 8-bit numbers like those of an
            :class:`~capsedu.data.ImageSet`; brought to the size of the samples.
        batch_size: how many images are compared at a time; of more no float copy is made.

    Returns:
        Distances ``[n]``, the square root of the sum of squared differences, and indices
        ``[n]`` into ``images``, int64.

    Raises:
        ValueError, TypeError, CapseduError: as :func:`prepared` does.
    """
    require_count("batch_size", batch_size)
    shape = _shape("samples", samples)
    rows = torch.cat([batch.flatten(1) for batch in prepared("samples", samples, shape)])
    least = torch.full((len(rows),), torch.inf)
    nearest = torch.zeros(len(rows), dtype=torch.int64)
    for k, batch in enumerate(prepared("images", images, shape, batch_size)):
        columns = batch.flatten(1)
        # The square of the distance without the sample's own, which is the same for all images.
        found, index = (columns.square().sum(1) - 2 * rows @ columns.T).min(dim=1)
        nearest = torch.where(found < least, index + k * batch_size, nearest)
        least = torch.minimum(found, least)
    # Once more for the nearest alone: the product above rounds, and a copy must be at exactly 0.
    chosen = prepared("images", images[nearest], shape, batch_size)
    pairs = zip(rows.split(batch_size), chosen, strict=True)
    return torch.cat([(row - best.flatten(1)).norm(dim=1) for row, best in pairs]), nearest


def quantile_points(values: Tensor) -> list[tuple[float, float]]:
    """Eleven quantiles of ``values`` ``[n]``, from the least to the largest, for a curve."""
    quantiles = torch.linspace(0, 1, 11)
    return list(zip(quantiles.tolist(), values.quantile(quantiles).tolist(), strict=True))


@torch.no_grad()
def class_shares(classifier: nn.Module, images: Tensor) -> list[tuple[float, float]]:
    """The share of ``images`` ``[n, c, h, w]`` in each class, by a classifier's best guess.

    Raises:
        ValueError, TypeError, CapseduError: as :func:`prepared` does.
    """
    with frozen(classifier):
        batches = prepared("images", images, classifier.image_shape)
        guesses = torch.cat([classifier(batch).argmax(dim=1) for batch in batches])
    counts = torch.bincount(guesses, minlength=classifier.scores[-1].out_features)
    return [(float(k), count / len(images)) for k, count in enumerate(counts.tolist())]


def prepared(
    name: str, images: Tensor, image_shape: tuple[int, int, int], batch_size: int = 1000
) -> Iterator[Tensor]:
    """Images in batches, as floats in [0, 1], enlarged (or reduced) to one size.

    Bilinear, as :class:`~capsedu.data.RotatedDigits` enlarges.

    Args:
        name: the argument's name, for messages.
        images: ``[n, c, ...]`` in [0, 1], or as 8-bit numbers.
        image_shape: ``(c, h, w)``.
        batch_size: how many at a time.

    Raises:
        ValueError, TypeError: if there is no image, or its channels or numbers do not fit.
        CapseduError: if an image holds NaN or an infinity.
    """
    channels, *size = image_shape
    if _shape(name, images)[0] != channels:
        raise ValueError(
            f"{name} must have shape [n, {channels}, h, w] to be compared, got {list(images.shape)}"
        )
    for batch in images.split(batch_size):
        if batch.dtype == torch.uint8:
            batch = batch.float() / 255
        _require_finite(name, batch)
        if batch.min() < 0 or batch.max() > 1:
            raise ValueError(
                f"{name} must lie in [0, 1], got {batch.min().item():.3g} to "
                f"{batch.max().item():.3g}; a generator's tanh is moved there by (x + 1) / 2"
            )
        if list(batch.shape[2:]) != size:
            batch = F.interpolate(batch, size, mode="bilinear", antialias=True).clamp(0, 1)
        yield batch.float()


def _shape(name: str, images: Tensor) -> tuple[int, int, int]:
    eight_bit = isinstance(images, Tensor) and images.dtype == torch.uint8
    require_dims(name, images[:0].float() if eight_bit else images, "n c h w")
    if not len(images):
        raise ValueError(f"{name} must hold at least one image, got none")
    return tuple(images.shape[1:])


def _require_finite(name: str, images: Tensor) -> None:
    broken = ~images.isfinite().flatten(1).all(dim=1)
    if broken.any():
        raise CapseduError(
            f"{name} must be finite numbers, got NaN or infinity in {int(broken.sum())} of "
            f"{len(broken)} images; look at the losses of its training, and for NaN in its weights"
        )
