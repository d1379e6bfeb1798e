"""Chapter 1: usual mistakes, with what is said about each."""

import torch
import torch.nn.functional as F
from worked_solutions import solution

my_size = solution("01.size")
my_zeros_between = solution("01.zeros_between")
my_transposed = solution("01.transposed")


def zeros_after_each(x, stride):
    spread = torch.zeros(stride * x.shape[0], stride * x.shape[1])
    spread[::stride, ::stride] = x
    return spread


def overwriting(x, weight, stride):
    (h, w), (k, l) = x.shape, weight.shape  # noqa: E741
    canvas = torch.zeros(stride * (h - 1) + k, stride * (w - 1) + l)
    for i in range(h):
        for j in range(w):
            canvas[stride * i : stride * i + k, stride * j : stride * j + l] = x[i, j] * weight
    return canvas


EVEN = solution("01.even_kernel")
DOUBLE, SAME = (4, 2, 1, 0), (3, 1, 1, 0)

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
