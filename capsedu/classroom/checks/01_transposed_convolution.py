"""Checks of chapter 1: sizes, painting, overlaps, and generators that fit."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_tensor,
    is_close,
)
from capsedu.functional import transposed_conv_size

CELLS = 28
LAYERS = 5


def _between(low: int, high: int, random: Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=random))


def _transposed(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.conv_transpose2d(x[None, None], weight[None, None], stride=stride)[0, 0]


SIZE_SLIPS = {
    "this is the size after a convolution": lambda n, k, s, p, q: (n + 2 * p - k) // s + 1,
    "the padding is added; here it is cut off": lambda n, k, s, p, q: s * (n - 1) + k + 2 * p + q,
    "the padding is cut off at one end only": lambda n, k, s, p, q: s * (n - 1) + k - p + q,
    "the output padding is missing": lambda n, k, s, p, q: s * (n - 1) + k - 2 * p,
    "n inputs have n - 1 gaps between them, not n": lambda n, k, s, p, q: s * n + k - 2 * p + q,
}


@exercise("01.size")
def size(attempt: Attempt, random: Generator) -> None:
    cases = [(5, 4, 3, 1, 2)]  # where every slip below makes another number
    for _ in range(6):
        kernel, stride = _between(3, 6, random), _between(2, 4, random)
        paddings = _between(1, (kernel - 1) // 2, random), _between(1, stride - 1, random)
        cases.append((_between(2, 9, random), kernel, stride, *paddings))
    found = [attempt(*case) for case in cases]
    for each in found:
        if isinstance(each, bool) or not isinstance(each, int):
            raise Finding(f"a whole number is wanted here, not {each!r}")
    for sentence, slip in SIZE_SLIPS.items():
        if found == [slip(*case) for case in cases]:
            raise Finding(sentence)
    for each, (n, k, s, p, q) in zip(found, cases, strict=True):
        if each != transposed_conv_size(n, k, s, p, q):
            raise Finding(
                f"{n} inputs, kernel {k}, stride {s}, padding {p} and output padding {q} "
                f"do not make {each} outputs"
            )


@exercise("01.zeros_between")
def zeros_between(attempt: Attempt, random: Generator) -> None:
    x = 1 + torch.rand(3, 4, generator=random)
    found = attempt(x, 3)
    if isinstance(found, Tensor) and list(found.shape) == [9, 12]:
        raise Finding("there are zeros after the last row and column; they belong between only")
    wanted = torch.zeros(7, 10)
    wanted[::3, ::3] = x
    found = expect_tensor(found, [7, 10], "h w")
    if is_close(found, F.interpolate(x[None, None], (7, 10))[0, 0]):
        raise Finding("the pixels are repeated; zeros are wanted between them")
    expect_close(found, wanted)
    expect_close(expect_tensor(attempt(x, 1), [3, 4], "h w"), x)


@exercise("01.transposed")
def transposed(attempt: Attempt, random: Generator) -> None:
    for stride, k, l in [(2, 3, 3), (1, 2, 3), (3, 2, 4)]:  # noqa: E741
        x, weight = torch.randn(3, 4, generator=random), torch.randn(k, l, generator=random)
        wanted = _transposed(x, weight, stride)
        found = expect_tensor(attempt(x, weight, stride), list(wanted.shape), "h w")
        if is_close(found, _transposed(x, weight.flip(0, 1), stride)):
            raise Finding("the kernel is turned by 180 degrees; paint with it as it is")
        if k == l and is_close(found, _transposed(x, weight.T, stride)):
            raise Finding("rows and columns of the kernel are exchanged")
        if stride < k and is_close(found, _overwritten(x, weight, stride)):
            raise Finding("where two inputs meet, the last one wins; they must be added up")
        expect_close(found, wanted)


def _overwritten(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    canvas = torch.zeros_like(_transposed(x, weight, stride))
    k, l = weight.shape  # noqa: E741
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            canvas[stride * i : stride * i + k, stride * j : stride * j + l] = x[i, j] * weight
    return canvas


@exercise("01.even_kernel")
def even_kernel(attempt: Attempt, random: Generator) -> None:
    kernel = expect_tensor(attempt.value, [5, 5], "k k").float()
    if (kernel == 0).any():
        raise Finding("one of the weights is zero")
    sums = torch.stack([kernel[a::2, c::2].sum() for a in (0, 1) for c in (0, 1)])
    if sums.abs().max() < 1e-6:
        raise Finding("a constant image comes out as zeros")
    if (sums.max() - sums.min()).abs() > 1e-4 * sums.abs().max():
        several = ", ".join(f"{value:.3g}" for value in sums.tolist())
        raise Finding(f"a constant image of ones comes out as {several} in each block of 2×2")
    if (sums[0] - 1).abs() > 1e-4:
        raise Finding(f"even, but the constant 1 becomes {sums[0]:.3g}")


@exercise("01.generator")
def generator(attempt: Attempt, random: Generator) -> None:
    layers = attempt.value
    if not isinstance(layers, list | tuple) or len(layers) != LAYERS:
        raise Finding(f"a list of {LAYERS} layers is wanted")
    cells = 1
    for number, layer in enumerate(layers, start=1):
        whole = isinstance(layer, list | tuple) and all(
            isinstance(value, int) and value >= 0 for value in layer
        )
        if not whole or len(layer) != 4 or layer[0] < 1 or layer[1] < 1:
            raise Finding(
                f"layer {number} must be four whole numbers, kernel and stride at least 1"
            )
        kernel, stride, padding, output_padding = layer
        if kernel % stride:
            raise Finding(f"layer {number} has an uneven overlap: kernel {kernel}, stride {stride}")
        if padding >= kernel:
            raise Finding(f"in layer {number} the padding reaches the kernel size")
        if output_padding >= stride:
            raise Finding(f"in layer {number} the output padding is not below the stride")
        larger = transposed_conv_size(cells, kernel, stride, padding, output_padding)
        if larger < cells:
            raise Finding(f"layer {number} shrinks {cells} cells to {larger}")
        cells = larger
    if cells != CELLS:
        raise Finding(f"the generator ends with {cells} cells, not {CELLS}")
