"""Filling in missing pieces of an image by a search among what a generator can make.

The generator has learned from whole images only. To complete a damaged one, look for the noise
whose image agrees with what is left (the context), and prefer noise whose image is a likely one
(the prior). Then put the known pixels back.

Source: Yeh, Chen, Lim, Schwing, Hasegawa-Johnson & Do (2017), "Semantic image inpainting with
deep generative models", arXiv:1607.07539, section 3.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from capsedu.errors import CapseduError, require_count, require_dims
from capsedu.evaluation.robustness import frozen
from capsedu.models.gan import realness

Prior = Callable[[Tensor, Tensor], Tensor]
"""Noise ``[b, z]`` and the images ``[b, c, h, w]`` in [-1, 1] made of it, to a loss ``[b]``."""


class Search(NamedTuple):
    """Where a search stands: for each of ``b`` images, ``r`` noises that are looked for at once."""

    noise: Tensor
    """``[b, r, z]``."""
    made: Tensor
    """What the generator makes of it, ``[b, r, c, h, w]`` in [0, 1]."""
    context: Tensor
    """How far that is from the known pixels, ``[b, r]``: :func:`context_loss`."""
    prior: Tensor
    """How unlikely it is, ``[b, r]``."""

    def best(self, weight: float) -> "Search":
        """The best noise of each image alone, ``r = 1``."""
        chosen = (self.context + weight * self.prior).argmin(dim=1)
        rows = torch.arange(len(chosen), device=chosen.device)
        return Search(*(values[rows, chosen].unsqueeze(1) for values in self))


def holes(size: int) -> dict[str, Tensor]:
    """Three holes in images of ``size`` by ``size``: what is True is missing, ``[size, size]``.

    ``"centre"``, a square of half the size in the middle; ``"half"``, all of the lower half; and
    ``"random"``, 80 % of all pixels, the same ones every time.
    """
    require_count("size", size, least=4)
    centre, half = torch.zeros(2, size, size, dtype=torch.bool)
    quarter = size // 4
    centre[quarter : size - quarter, quarter : size - quarter] = True
    half[size // 2 :] = True
    order = torch.rand(size, size, generator=Generator().manual_seed(0))
    return {"centre": centre, "half": half, "random": order < order.quantile(0.8)}


def context_weights(hole: Tensor, window: int = 7) -> Tensor:
    r"""How much each known pixel counts: the share of missing ones around it.

    .. math:: W_i = \frac{1}{|N(i)|} \sum_{j \in N(i)} (1 - M_j) \text{ where } M_i = 1,
        \text{ else } 0

    Args:
        hole: :math:`1 - M`, truth values ``[h, w]``, True where the pixel is missing.
        window: side of the square :math:`N(i)` around the pixel, an odd number.

    Returns:
        Weights ``[h, w]`` in [0, 1]: 0 in the hole, and 0 for what is far from it.

    Raises:
        ValueError, TypeError: if an argument does not fit.

    Source: Yeh et al., equation 3.
    """
    require_hole(hole)
    require_count("window", window, least=3)
    if window % 2 == 0:
        raise ValueError(f"window must be odd, so that it has a middle, got {window}")
    missing = hole.float()[None, None]
    around = F.avg_pool2d(missing, window, 1, window // 2, count_include_pad=False)
    return around[0, 0] * ~hole


def context_loss(made: Tensor, images: Tensor, weights: Tensor) -> Tensor:
    r"""The weighted mean of the absolute differences.

    .. math:: \frac{\sum_i W_i |x_i - y_i|}{\sum_i W_i}

    The paper does not divide by the sum of the weights; with it, a weight of the prior means the
    same for every hole.

    Args:
        made: ``[..., c, h, w]``.
        images: ``[..., c, h, w]``, of the same shape or one that can be stretched to it.
        weights: ``[h, w]``.

    Returns:
        One number per image, ``[...]``, from 0 to 1 for images in [0, 1].

    Source: Yeh et al., equation 2.
    """
    differences = (weights * (made - images).abs()).sum(dim=(-2, -1)) / weights.sum()
    return differences.mean(dim=-1)


def judged_by(discriminator: nn.Module) -> Prior:
    """A prior: images that the discriminator calls fake are unlikely, −log D(G(z)).

    The paper takes log(1 − D(G(z))), whose gradient vanishes for what is surely fake; it is
    Goodfellow's older loss for a generator.

    Args:
        discriminator: turns images in [-1, 1] into a :class:`capsedu.models.gan.Judgement`; in
            evaluation mode meanwhile.

    Source: Yeh et al., equation 4.
    """

    def prior(noise: Tensor, made: Tensor) -> Tensor:
        with frozen(discriminator):
            return F.softplus(-realness(discriminator(made).scores))

    return prior


def typical_noise(noise: Tensor, made: Tensor) -> Tensor:
    """A prior for where there is no discriminator: noise far from 0 is unlikely.

    −log of the normal distribution's density, by number and without its constant: half the mean
    of the squares, ``[b]``. It is in no paper on filling in, but what the noise is drawn from.
    """
    return noise.square().mean(dim=1) / 2


def fill_in_steps(
    generator: nn.Module,
    prior: Prior,
    images: Tensor,
    hole: Tensor,
    steps: int = 100,
    weight: float = 0.02,
    restarts: int = 2,
    candidates: int = 500,
    learning_rate: float = 0.05,
    window: int = 7,
    rng: Generator | None = None,
) -> Iterator[Search]:
    """The search, step by step: at first, and after each step of Adam on the noise.

    It begins with the best of many random noises (in the paper, with a single one). The paper
    keeps every number of its noise within [-1, 1]; here the noise is normal and free.

    Args:
        generator: makes images in [-1, 1] from noise ``[b, generator.noise_dim]``; in evaluation
            mode while it works.
        prior: :func:`judged_by` a discriminator, or :func:`typical_noise`.
        images: ``[b, c, h, w]`` in [0, 1]. Missing pixels are never looked at.
        hole: truth values ``[h, w]``, True where the pixels are missing.
        steps: of Adam (1,500 in the paper).
        weight: of the prior against the context (0.003 in the paper, whose context is a sum and
            not a mean).
        restarts: how many noises are improved for each image.
        candidates: from how many they are chosen.
        learning_rate: Adam's (0.01 in the paper).
        window: of :func:`context_weights`.
        rng: the source of the random noises.

    Yields:
        ``steps + 1`` times a :class:`Search`.

    Raises:
        ValueError, TypeError: if an argument does not fit.
        CapseduError: if the generator makes NaN or an infinity.
    """
    require_dims("images", images, "b c h w")
    require_hole(hole, images.shape[2:])
    require_count("steps", steps, least=0)
    require_count("restarts", restarts)
    require_count("candidates", candidates, least=restarts)
    hole = hole.to(images.device)
    weights = context_weights(hole, window)
    # Zero where it is missing: what a hole holds must not be able to matter, even if it is NaN.
    known = torch.where(hole, 0.0, images)
    noise = _best_of(generator, known, weights, restarts, candidates, rng)
    noise.requires_grad_(True)
    optimizer = torch.optim.Adam([noise], learning_rate)
    for step in range(steps + 1):
        with frozen(generator):
            made = generator(noise.flatten(0, 1)).float()
            likely = prior(noise.flatten(0, 1), made).view(noise.shape[:2])
            whole = (made.view(*noise.shape[:2], *images.shape[1:]) + 1) / 2
            context = context_loss(whole, known.unsqueeze(1), weights)
            if step < steps:
                (slope,) = torch.autograd.grad((context + weight * likely).sum(), noise)
        if not context.isfinite().all():
            raise CapseduError(
                "what generator makes must be finite numbers, got NaN or infinity; look at its "
                "weights and at the losses of its training"
            )
        yield Search(*(x.detach().clone() for x in (noise, whole, context, likely)))
        if step < steps:
            noise.grad = slope
            optimizer.step()


def fill_in(
    generator: nn.Module,
    prior: Prior,
    images: Tensor,
    hole: Tensor,
    weight: float = 0.02,
    **options: object,
) -> Tensor:
    """The images with the hole filled by the best that :func:`fill_in_steps` ends with.

    Args:
        generator, prior, images, hole, weight: see :func:`fill_in_steps`.
        options: its other arguments.

    Returns:
        ``[b, c, h, w]`` in [0, 1]; known pixels are those of ``images``.

    Raises:
        ValueError, TypeError, CapseduError: as :func:`fill_in_steps` does.
    """
    for search in fill_in_steps(generator, prior, images, hole, weight=weight, **options):
        last = search
    return put_back(last.best(weight).made.squeeze(1), images, hole)


def put_back(made: Tensor, images: Tensor, hole: Tensor) -> Tensor:
    """``made`` in the hole and ``images`` around it, ``[b, c, h, w]``; no seam is smoothed.

    Source: Yeh et al., section 3.4, which adds Poisson blending.
    """
    return torch.where(hole, made, images)


def require_hole(hole: Tensor, size: tuple[int, int] | None = None) -> None:
    """Raise unless ``hole`` is a mask ``[h, w]``, of that size, in which something is left.

    Raises:
        TypeError: if it holds no truth values.
        ValueError: if its shape differs, or it is empty or covers everything.
    """
    if not isinstance(hole, Tensor) or hole.dtype != torch.bool:
        kind = hole.dtype if isinstance(hole, Tensor) else type(hole).__name__
        raise TypeError(f"hole must hold truth values, True where pixels are missing, got {kind}")
    if hole.dim() != 2 or (size is not None and hole.shape != tuple(size)):
        wanted = "[h, w]" if size is None else list(size)
        raise ValueError(
            f"hole must have shape {wanted}, one value per pixel, got {list(hole.shape)}"
        )
    if hole.all() or not hole.any():
        raise ValueError(
            "hole must leave some pixels known and some missing, got "
            f"{int(hole.sum())} missing of {hole.numel()}"
        )


@torch.no_grad()
def _best_of(
    generator: nn.Module,
    known: Tensor,
    weights: Tensor,
    restarts: int,
    candidates: int,
    rng: Generator | None,
) -> Tensor:
    """Of so many random noises the best few for each image by its context, ``[b, r, z]``."""
    pool = torch.randn(candidates, generator.noise_dim, generator=rng).to(known.device)
    with frozen(generator):
        made = torch.cat([generator(noise).float() for noise in pool.split(250)])
    if made.shape[1:] != known.shape[1:]:
        raise ValueError(
            f"images must have shape [b, {', '.join(map(str, made.shape[1:]))}] like those that "
            f"the generator makes, got {list(known.shape)}"
        )
    pixels = [(weights * x).flatten(1) for x in (known, (made + 1) / 2)]
    distances = torch.cdist(*pixels, p=1)
    return pool[distances.topk(restarts, largest=False).indices]
