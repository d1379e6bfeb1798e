"""Grey images as black-and-white ones, for networks whose pixels are 0 or 1."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from capsedu.data.images import Batch
from capsedu.data.transforms import Identity


@dataclass(frozen=True)
class Binarised:
    """Each pixel 0 or 1, drawn with its grey level as the probability of a 1.

    In training every epoch draws anew. An evaluation's batches are the same every time, and so
    are their pixels: each test image is drawn once. The papers' own draw, made once for the
    training images too, is another data set, on which networks overfit sooner: bounds of the two
    stand beside each other, and not in one another's place.

    Attributes:
        before: another transform, whose images are drawn from; their layers stay grey.

    Source: Salakhutdinov & Murray, *On the Quantitative Analysis of Deep Belief Networks* (2008);
    anew in every epoch: Burda, Grosse & Salakhutdinov, *Importance Weighted Autoencoders* (2016).
    """

    before: Callable[[Tensor, Tensor, Generator], Batch] = Identity()  # noqa: RUF009 (frozen)

    def __call__(self, images: Tensor, targets: Tensor, generator: Generator) -> Batch:
        """As every transform; images must lie in [0, 1]."""
        batch = self.before(images, targets, generator)
        chances = torch.rand(batch.images.shape, generator=generator, device=generator.device)
        drawn = chances.to(batch.images.device) < batch.images
        return batch._replace(images=drawn.to(batch.images.dtype))
