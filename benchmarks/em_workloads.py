"""Matrix capsules: the small and the large network, training and inference."""

from functools import partial

import torch
from torch import Tensor

from benchmarks.textbook_em import TextbookMatrixCapsNet
from benchmarks.workload import Step, Workload
from capsedu.functional import spread_loss
from capsedu.models.matrix_capsnet import MatrixCapsNet

EM_BATCH = 8
CLASSES = 5
IMAGE = (1, 32, 32)
# A, B and (C, D) of the paper's figure 1.
SIZES = {"small": (32, 8, (8, 8)), "large": (32, 32, (32, 32))}
CONTENDERS = ("capsedu", "textbook")


def matrix_training(size: str, contender: str) -> Step:
    """A training step: forward, spread loss, backward, Adam."""
    network, images, targets = _network_and_batch(size, contender)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        _, activations = network(images)
        spread_loss(activations, targets).backward()
        optimizer.step()

    return step


def matrix_inference(size: str, contender: str) -> Step:
    """Classification of a batch."""
    network, images, _ = _network_and_batch(size, contender)
    network.eval()

    @torch.inference_mode()
    def step() -> Tensor:
        return network(images)[1]

    return step


EM_WORKLOADS = {
    f"EM {size}, {title}": Workload(
        f"EM {size}, {title}",
        CONTENDERS,
        partial(prepare, size),
        EM_BATCH,
        compiles=True,
        # Steps of the large one take seconds, and differ by far less than their rivals do.
        most_rounds=3 if size == "large" else None,
    )
    for size in SIZES
    for title, prepare in (("training", matrix_training), ("inference", matrix_inference))
}


def require_same_matrix_capsules() -> None:
    """Raise unless the textbook network gives our numbers, forwards and backwards."""
    torch.manual_seed(0)
    ours = _matrix_capsnet("small").double()  # so that only real differences show
    images, targets = torch.rand(2, *IMAGE, dtype=torch.float64), torch.tensor([1, 4])
    found = []
    for network in (ours, TextbookMatrixCapsNet(ours)):
        poses, activations = network(images)
        (spread_loss(activations, targets) + poses.square().mean()).backward()
        weights = network.convolutional_capsules[0].weight, next(network.features.parameters())
        found.append((poses, activations, *(weight.grad for weight in weights)))
    for value, expected in zip(*found, strict=True):
        torch.testing.assert_close(value, expected)


def _matrix_capsnet(size: str) -> MatrixCapsNet:
    feature_channels, primary_types, convolutional_types = SIZES[size]
    return MatrixCapsNet(IMAGE, CLASSES, feature_channels, primary_types, convolutional_types)


def _network_and_batch(size: str, contender: str):
    torch.manual_seed(0)
    network = _matrix_capsnet(size)
    images, targets = torch.rand(EM_BATCH, *IMAGE), torch.randint(CLASSES, (EM_BATCH,))
    if contender == "textbook":
        return TextbookMatrixCapsNet(network), images, targets
    network.compile_routing()
    return network, images, targets
