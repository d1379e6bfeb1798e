"""Batches for training and evaluation, each a pure function of the seed and its number."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Generator, Tensor

from capsedu.data.images import Batch, ImageSet
from capsedu.data.transforms import Identity
from capsedu.errors import require_count


class BatchStream:
    """The batches of a whole training, numbered from 0 over all its epochs.

    Batch ``n`` is batch ``n % len(stream)`` of epoch ``n // len(stream)``. It depends on
    the seed and on ``n`` and on nothing else, so a training that was killed after ``n``
    batches goes on with ``stream.start_at(n)`` as if nothing had happened.

    ``for batch in stream`` gives the batches up to the end of the epoch, and the next
    ``for`` goes on behind the last batch that was given out. Without shuffling, as for
    evaluation, every ``for`` gives the same batches from the first one on, with the same
    random transforms.

    Args:
        image_set: where the images come from. If they are on a GPU, batches are made there.
        batch_size: images per batch.
        transform: called as ``transform(images, targets, generator)`` on float images
            ``[b, c, h, w]`` in [0, 1]; returns a :class:`Batch`.
        seed: chooses the order of the images and the random transforms.
        shuffle: a new order in every epoch, or always the set's own order.
        drop_last: leave out the last batch of an epoch where it would be smaller.

    Raises:
        ValueError, TypeError: if a number does not fit, or there would be no batch at all.
    """

    def __init__(
        self,
        image_set: ImageSet,
        batch_size: int,
        transform: Callable[[Tensor, Tensor, Generator], Batch] = Identity(),  # noqa: B008
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        require_count("batch_size", batch_size)
        require_count("seed", seed, least=0)
        full, rest = divmod(len(image_set), batch_size)
        self._batches = full if drop_last or not rest else full + 1
        if not self._batches:
            raise ValueError(
                f"batch_size must be at most {len(image_set)}, the size of "
                f"{image_set.name!r}, for a batch to be left, got {batch_size}"
            )
        self.image_set = image_set
        self.batch_size = batch_size
        self.transform = transform
        self.seed = seed
        self.shuffle = shuffle
        self.position = 0  # the number of the batch that comes next

    def __len__(self) -> int:
        """Batches per epoch."""
        return self._batches

    def start_at(self, n: int) -> None:
        """Let the next ``for`` begin with batch ``n`` of the training.

        Raises:
            ValueError: if the stream is not shuffled, hence always begins at its start.
        """
        require_count("n", n, least=0)
        if not self.shuffle:
            raise ValueError("start_at needs shuffle=True: other streams always begin at batch 0")
        self.position = n

    def batch(self, n: int) -> Batch:
        """Batch ``n``, counted over the whole training; changes nothing in the stream."""
        require_count("n", n, least=0)
        epoch, place = divmod(n, len(self))
        count = len(self.image_set)
        if self.shuffle:
            order = _shuffled(self.seed, epoch, count)
        else:
            n, order = place, torch.arange(count)
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        chosen = chosen.to(self.image_set.images.device)
        images = self.image_set.images[chosen].float().div_(255)
        batch = self.transform(
            images, self.image_set.targets[chosen], _generator(self.seed, _POSES, n)
        )
        known = {name: values[chosen] for name, values in self.image_set.pose.items()}
        return batch._replace(pose=known | batch.pose)

    def __iter__(self) -> Iterator[Batch]:
        if not self.shuffle:
            yield from map(self.batch, range(len(self)))
            return
        end = (self.position // len(self) + 1) * len(self)
        while self.position < end:
            self.position += 1
            yield self.batch(self.position - 1)


# Two separate sources of randomness, so that epoch 3 and batch 3 do not share numbers.
_ORDER, _POSES = 0, 1


def _generator(seed: int, purpose: int, number: int) -> Generator:
    """A generator of its own for each (seed, purpose, number), mixed by numpy's SeedSequence."""
    state = np.random.SeedSequence((seed, purpose, number)).generate_state(1, np.uint64)
    return Generator().manual_seed(int(state[0]))


@lru_cache(maxsize=4)
def _shuffled(seed: int, epoch: int, count: int) -> Tensor:
    """The order of the images in an epoch; kept, as every batch of the epoch needs it."""
    return torch.randperm(count, generator=_generator(seed, _ORDER, epoch))
