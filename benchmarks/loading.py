"""Whether making batches shows beside training on them."""

import time

import torch

from capsedu.data import BatchStream, ImageSet, Shift


def seconds_per_batch(images: int, batch_size: int) -> float:
    """Mean time to make one batch, over an epoch of an image set as large as MNIST.

    Args:
        images: how many random 28x28 images the set holds.
        batch_size: images per batch; each is shifted by up to 2 pixels, as in training.
    """
    generator = torch.Generator().manual_seed(0)
    image_set = ImageSet(
        "random images",
        torch.randint(256, (images, 1, 28, 28), dtype=torch.uint8, generator=generator),
        torch.randint(10, (images,), generator=generator),
        tuple("0123456789"),
    )
    stream = BatchStream(image_set, batch_size, Shift(2))
    started = time.perf_counter()
    for _ in stream:
        pass
    return (time.perf_counter() - started) / len(stream)
