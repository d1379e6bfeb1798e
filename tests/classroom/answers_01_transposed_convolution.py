"""Chapter 1: right answers, and usual mistakes with what is said about each."""

import torch
import torch.nn.functional as F


def my_size(n, kernel, stride, padding, output_padding):
    return stride * (n - 1) + kernel - 2 * padding + output_padding


def my_zeros_between(x, stride):
    h, w = x.shape
    spread = torch.zeros(stride * (h - 1) + 1, stride * (w - 1) + 1)
    spread[::stride, ::stride] = x
    return spread


def zeros_after_each(x, stride):
    spread = torch.zeros(stride * x.shape[0], stride * x.shape[1])
    spread[::stride, ::stride] = x
    return spread


def my_transposed(x, weight, stride):
    spread = my_zeros_between(x, stride)
    k, l = weight.shape  # noqa: E741
    padded = F.pad(spread, (l - 1, l - 1, k - 1, k - 1))
    return F.conv2d(padded[None, None], weight.flip(0, 1)[None, None])[0, 0]


def overwriting(x, weight, stride):
    (h, w), (k, l) = x.shape, weight.shape  # noqa: E741
    canvas = torch.zeros(stride * (h - 1) + k, stride * (w - 1) + l)
    for i in range(h):
        for j in range(w):
            canvas[stride * i : stride * i + k, stride * j : stride * j + l] = x[i, j] * weight
    return canvas


def my_overlap(n, kernel, stride):
    counts = torch.zeros(stride * (n - 1) + kernel)
    for i in range(n):
        counts[stride * i : stride * i + kernel] += 1
    return counts


def even_everywhere(n, kernel, stride):
    return torch.full((stride * (n - 1) + kernel,), kernel / stride)


STEPS = torch.tensor([1 / 3, 1 / 2, 1 / 3, 1 / 2, 1 / 3])
EVEN = STEPS[:, None] * STEPS
DOUBLE, SAME = (4, 2, 1, 0), (3, 1, 1, 0)

RIGHT = [
    ("01.size", my_size),
    ("01.zeros_between", my_zeros_between),
    ("01.transposed", my_transposed),
    ("01.overlap", my_overlap),
    ("01.even_kernel", EVEN),
    ("01.generator", [(7, 1, 0, 0), DOUBLE, SAME, DOUBLE, SAME]),
]

WRONG = [
    ("01.size", lambda n, k, s, p, q: (n + 2 * p - k) // s + 1, "after a convolution"),
    ("01.size", lambda n, k, s, p, q: my_size(n, k, s, -p, q), "padding is added"),
    ("01.size", lambda n, k, s, p, q: my_size(n, k, s, 0, q) - p, "one end only"),
    ("01.size", lambda n, k, s, p, q: my_size(n, k, s, p, 0), "output padding is missing"),
    ("01.size", lambda n, k, s, p, q: my_size(n + 1, k, s, p, q), "n - 1 gaps"),
    ("01.size", lambda n, k, s, p, q: 0, "do not make 0"),
    ("01.size", lambda n, k, s, p, q: n / 2, "a whole number is wanted"),
    ("01.zeros_between", zeros_after_each, "after the last row"),
    ("01.zeros_between", lambda x, s: F.interpolate(
        x[None, None], my_zeros_between(x, s).shape)[0, 0], "repeated"),
    ("01.zeros_between", lambda x, s: my_zeros_between(x, 3) + 1, "entry"),
    ("01.transposed", lambda x, w, s: my_transposed(x, w.flip(0, 1), s), "turned by 180"),
    ("01.transposed", lambda x, w, s: my_transposed(x, w.T, s), "are exchanged"),
    ("01.transposed", overwriting, "the last one wins"),
    ("01.transposed", lambda x, w, s: my_transposed(x, w, s) + 1, "entry"),
    ("01.transposed", lambda x, w, s: x, "the shape is"),
    ("01.overlap", even_everywhere, "must add up"),
    ("01.overlap", lambda n, k, s: my_overlap(n, k, s).flip(0).roll(1), "entry"),
    ("01.overlap", lambda n, k, s: my_overlap(n, k, s).clamp(min=1), "by no input"),
    ("01.even_kernel", torch.ones(5, 5), "9, 6, 6, 4"),
    ("01.even_kernel", 2 * EVEN, "becomes 2"),
    ("01.even_kernel", torch.nn.functional.pad(torch.ones(2, 2), (0, 3, 0, 3)), "zero"),
    ("01.even_kernel", torch.ones(4, 4), "shape"),
    ("01.even_kernel", torch.tensor([1.0, 3, -2, -3, 1])[:, None] * torch.ones(5), "as zeros"),
    ("01.generator", [DOUBLE] * 4, "5 layers"),
    ("01.generator", [DOUBLE] * 5, "32 cells, not 28"),
    ("01.generator", [DOUBLE] * 4 + [(5, 1, 4, 0)], "shrinks 16 cells to 12"),
    ("01.generator", [(3, 2, 1, 1)] * 5, "layer 1 has an uneven overlap"),
    ("01.generator", [DOUBLE] * 4 + [(1, 1, 1, 0)], "the padding reaches"),
    ("01.generator", [DOUBLE] * 4 + [(2, 2, 0, 2)], "not below the stride"),
    ("01.generator", [DOUBLE] * 4 + [(0, 1, 1, 0)], "four whole numbers"),
    ("01.generator", [DOUBLE] * 4 + [(2, 2)], "four whole numbers"),
]  # fmt: skip
