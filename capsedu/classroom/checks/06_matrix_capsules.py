"""The checks of chapter 06, matrix capsules."""

import torch
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    in_case,
    is_close,
    whole,
)
from capsedu.layers.matrix_capsules import cell_centres
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.matrix_capsnet import MatrixCapsNet
from capsedu.routing.em_convolution import windows_on

CHILDREN, PARENTS = 3, 4


@exercise("06.votes")
def votes(attempt: Attempt, random: Generator) -> None:
    """Every child's pose times its matrix for every parent."""
    poses = torch.randn(CHILDREN, 4, 4, generator=random)
    weights = torch.randn(CHILDREN, PARENTS, 4, 4, generator=random)
    found = expect_tensor(attempt(poses, weights), [CHILDREN, PARENTS, 4, 4], "i j row column")
    each = poses.unsqueeze(1)
    for mistake, sentence in [
        (weights @ each, "the matrix stands on the left of the pose; a vote is pose times matrix"),
        (each * weights, "this multiplies entry by entry; a product of matrices is wanted"),
        (each @ weights.mT, "the matrices are transposed"),
        (each.mT @ weights, "the poses are transposed"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, each @ weights)


@exercise("06.window_counts")
def window_counts(attempt: Attempt, random: Generator) -> None:
    """In how many windows each cell of a square grid is."""
    for size, kernel, stride in [(6, 3, 1), (7, 3, 2), (14, 3, 2), (whole(8, 12, random), 4, 1)]:
        found = attempt(size, kernel, stride)
        if isinstance(found, Tensor) and not found.is_floating_point():
            found = found.float()
        found = expect_tensor(found, [size, size], "h w")
        case = f"{size} cells a side, kernel {kernel}, stride {stride}"
        wanted = _counts(size, kernel, stride)
        if is_close(found, wanted * kernel**2):
            raise Finding(f"{case}: each window counts {kernel**2} times; it should count once")
        if (found == kernel**2).all():
            raise Finding(f"{case}: cells at the border are in fewer windows than others")
        if stride > 1 and is_close(found, _counts(size, kernel, 1)):
            raise Finding(f"{case}: these are the counts for stride 1")
        with in_case(case):
            expect_close(found, wanted)


@exercise("06.coordinate_addition")
def coordinate_addition(attempt: Attempt, random: Generator) -> None:
    """Each child's place added to its votes."""
    height, width = 3, 5
    votes = torch.randn(height, width, PARENTS, 4, 4, generator=random)
    found = expect_tensor(attempt(votes), [height, width, PARENTS, 4, 4], "h w j row column")
    places = cell_centres(height, width).view(height, width, 2)
    sizes = torch.tensor([height, width])
    numbers = places * sizes - 0.5  # of rows and columns, from 0
    for offsets, spot, sentence in [
        (places, (slice(0, 2), 0), "that is the left column; the right-hand one is wanted"),
        (places, (3, slice(0, 2)), "that is the bottom row; the right-hand column is wanted"),
        (places.flip(2), (slice(0, 2), 3), "row and column have changed places"),
        (numbers, (slice(0, 2), 3), "the grid should reach from 0 to 1, whatever its size"),
        (numbers / sizes, (slice(0, 2), 3), "these are the cells' corners; their centres count"),
    ]:
        mistake = votes.clone()
        mistake[:, :, :, *spot] += offsets.unsqueeze(2)
        if is_close(found, mistake):
            raise Finding(sentence)
    wanted = votes.clone()
    wanted[..., :2, 3] += places.unsqueeze(2)
    if is_close(found, votes):
        raise Finding("nothing is added")
    expect_close(found, wanted)


@exercise("06.parameter_count")
def network_parameters(attempt: Attempt, random: Generator) -> None:
    """Parameters of the network for pictures of one channel and five classes."""
    for a, b, c, d in [(64, 8, 16, 16), [whole(2, 9, random) for _ in range(4)]]:
        found = attempt(a, b, c, d)
        network = MatrixCapsNet((1, 32, 32), 5, a, b, (c, d))
        wanted = parameter_count(network)
        weights = sum(p.numel() for p in network.parameters() if p.dim() > 1)
        betas = 2 * (c + d + 5)
        case = f"A = {a}, B = {b}, C = {c}, D = {d}"
        number = found.item() if isinstance(found, Tensor) and found.numel() == 1 else found
        for mistake, sentence in [
            (weights, "the biases and the two betas of each type of parent are missing"),
            (wanted - betas, "the two betas of each type of parent are missing"),
            (wanted - betas // 2, "each type of parent has two betas"),
            (weights + betas, "the convolution and the primary capsules have biases too"),
        ]:
            if number == mistake:
                raise Finding(f"{case}: {sentence}")
        with in_case(case):
            expect_number(found, wanted, tolerance=0)


@exercise("06.fgsm")
def sign_step(attempt: Attempt, random: Generator) -> None:
    """One adversarial step."""
    images = torch.rand(2, 1, 4, 4, generator=random)
    images[0, 0, 0, 0], images[0, 0, 0, 1] = 0.99, 0.01  # would leave [0, 1]
    gradient = 3 * torch.randn(2, 1, 4, 4, generator=random)
    gradient[0, 0, 0, 0], gradient[0, 0, 0, 1] = 2.0, -2.0
    epsilon = 0.1
    found = expect_tensor(attempt(images, gradient, epsilon), [2, 1, 4, 4], "b c h w")
    step = epsilon * gradient.sign()
    for mistake, sentence in [
        (images + step, "some pixels are now darker than black or lighter than white"),
        ((images - step).clamp(0, 1), "this goes downhill: the number should rise"),
        ((images + epsilon * gradient).clamp(0, 1), "every pixel moves by the same amount, ε"),
        (step, "this is the step alone; add it to the images"),
    ]:
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, (images + step).clamp(0, 1))


def _counts(size: int, kernel: int, stride: int) -> Tensor:
    windows = windows_on(size, size, kernel, stride)
    return windows.total(torch.ones(windows.cells.shape)).view(size, size)
