"""Checks of assignment 1: sizes, four ways to a transposed convolution, even kernels."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    is_close,
    whole,
)
from capsedu.functional import conv_size, transposed_conv_matrix, transposed_conv_size

SIZE_SLIPS = {
    "this is the size after a convolution": lambda n, k, s, p, q, r: conv_size(n, k, s, p, r),
    "the dilation is missing": lambda n, k, s, p, q, r: transposed_conv_size(n, k, s, p, q),
    "a dilated kernel of k cells has k - 1 gaps between them, not k": (
        lambda n, k, s, p, q, r: s * (n - 1) + r * k - 2 * p + q
    ),
    "the padding is added; here it is cut off": (
        lambda n, k, s, p, q, r: transposed_conv_size(n, k, s, -p, q, r)
    ),
    "the padding is cut off at one end only": (
        lambda n, k, s, p, q, r: transposed_conv_size(n, k, s, p, q + p, r)
    ),
    "the output padding is added at both ends; it is added at one": (
        lambda n, k, s, p, q, r: transposed_conv_size(n, k, s, p, 2 * q, r)
    ),
    "n inputs have n - 1 steps between them, not n": (
        lambda n, k, s, p, q, r: transposed_conv_size(n + 1, k, s, p, q, r)
    ),
}


@exercise("a1.transposed_size")
def transposed_size(attempt: Attempt, random: Generator) -> None:
    cases = [(6, 4, 3, 2, 1, 2)]  # where every slip makes another number
    for _ in range(5):
        kernel, stride, dilation = whole(3, 5, random), whole(2, 4, random), whole(2, 3, random)
        cases.append((whole(4, 9, random), kernel, stride, whole(1, 2, random), 1, dilation))
    found = [attempt(*case) for case in cases]
    for each in found:
        if isinstance(each, bool) or not isinstance(each, int):
            raise Finding(f"a whole number is wanted here, not {each!r}")
    for sentence, slip in SIZE_SLIPS.items():
        if found == [slip(*case) for case in cases]:
            raise Finding(sentence)
    for each, case in zip(found, cases, strict=True):
        if each != transposed_conv_size(*case):
            n, k, s, p, q, r = case
            raise Finding(
                f"{n} inputs, kernel {k}, stride {s}, padding {p}, output padding {q} and "
                f"dilation {r} do not make {each} outputs"
            )


@exercise("a1.inverting_output_padding")
def inverting_output_padding(attempt: Attempt, random: Generator) -> None:
    for dilation in (1, 2):
        stride, padding = whole(2, 4, random), whole(0, 1, random)
        kernel = stride + 2  # where a forgotten dilation makes a difference
        for n in range(12, 12 + stride):
            found = attempt(n, kernel, stride, padding, dilation)
            inner = conv_size(n, kernel, stride, padding, dilation)
            wanted = n - transposed_conv_size(inner, kernel, stride, padding, 0, dilation)
            if found == wanted:
                continue
            if dilation > 1:
                raise Finding("right without dilation; a dilated kernel reaches further")
            expect_number(found, found)  # says so if it is no number
            raise Finding(
                f"with kernel {kernel}, stride {stride} and padding {padding}, {n} cells become "
                f"{inner}; with your output padding {found} they come back as "
                f"{transposed_conv_size(inner, kernel, stride, padding, found)}"
            )


@exercise("a1.conv_matrix")
def conv_matrix(attempt: Attempt, random: Generator) -> None:
    for (h, w), shape, stride, padding in [((4, 6), (2, 3), 1, 0), ((5, 5), (3, 3), 2, 1)]:
        weight = torch.randn(shape, generator=random)
        wanted = _matrix(weight, h, w, stride, padding)
        found = attempt(weight, h, w, stride, padding)
        if isinstance(found, Tensor) and found.shape == wanted.T.shape != wanted.shape:
            raise Finding("this has a column for each output; the transpose of it is wanted")
        found = expect_tensor(found, list(wanted.shape), "out in")
        if is_close(found, _matrix(weight.flip(0, 1), h, w, stride, padding)):
            raise Finding("the kernel is turned by 180 degrees; place it as it is")
        if h == w and is_close(found, _matrix(weight.T, h, w, stride, padding)):
            raise Finding("rows and columns of the kernel are exchanged")
        counts = (found != 0).sum(dim=1)
        if padding and counts.min() == counts.max():
            raise Finding(
                "every output reads equally many pixels; with padding, the corners read fewer"
            )
        expect_close(found, wanted)


def _matrix(weight: Tensor, h: int, w: int, stride: int, padding: int) -> Tensor:
    k, l = weight.shape  # noqa: E741
    inner = conv_size(h, k, stride, padding), conv_size(w, l, stride, padding)
    extra = tuple(
        n - transposed_conv_size(m, c, stride, padding)
        for n, m, c in zip((h, w), inner, (k, l), strict=True)
    )
    return transposed_conv_matrix(weight[None, None], inner, stride, padding, extra).T


@exercise("a1.scatter")
def scatter(attempt: Attempt, random: Generator) -> None:
    for c_in, c_out, k, stride, padding, q in [
        (1, 1, 3, 2, 0, 0),
        (2, 3, 3, 2, 0, 0),
        (2, 2, 3, 2, 0, 0),
        (1, 2, 3, 3, 1, 0),
        (1, 1, 3, 3, 1, 2),
        (1, 1, 2, 3, 0, 2),
    ]:
        x = torch.randn(c_in, 3, 4, generator=random)
        weight = torch.randn(c_in, c_out, k, k, generator=random)
        found = attempt(x, weight, stride, padding, q)
        _expect_painted(found, x[None], weight, stride, padding, q, batched=False)


@exercise("a1.by_zero_insertion")
def by_zero_insertion(attempt: Attempt, random: Generator) -> None:
    for c_in, c_out, k, stride, padding, q, dilation in [
        (1, 1, 3, 2, 0, 0, 1),
        (2, 3, 3, 2, 0, 0, 1),
        (2, 2, 3, 2, 0, 0, 1),
        (1, 1, 3, 2, 1, 1, 1),
        (1, 1, 2, 2, 3, 0, 1),
        (1, 1, 3, 2, 1, 0, 2),
    ]:
        x = torch.randn(2, c_in, 5, 6, generator=random)
        weight = torch.randn(c_in, c_out, k, k, generator=random)
        found = attempt(x, weight, stride, padding, q, dilation)
        _expect_painted(found, x, weight, stride, padding, q, dilation)


def _expect_painted(
    found: object,
    x: Tensor,
    weight: Tensor,
    stride: int,
    padding: int,
    q: int,
    dilation: int = 1,
    batched: bool = True,
) -> None:
    """Compare with PyTorch's layer, naming the usual slips."""

    def layer(x: Tensor, weight: Tensor, padding: int = padding, q: int = q) -> Tensor:
        out = F.conv_transpose2d(x, weight, None, stride, padding, q, 1, dilation)
        return out if batched else out[0]

    wanted = layer(x, weight)
    setting = f"stride {stride}, padding {padding}, output padding {q}, dilation {dilation}: "
    if isinstance(found, Tensor) and found.shape != wanted.shape:
        full = layer(x, weight, padding=0, q=0)
        if padding and found.shape == full.shape:
            raise Finding(f"{setting}nothing is cut off; padding takes cells away here")
        if padding and found.shape[-1] == wanted.shape[-1] + padding:
            raise Finding(f"{setting}the padding is cut off at one end only")
        if q and found.shape[-1] == wanted.shape[-1] - q:
            raise Finding(f"{setting}the output padding is missing")
        if q and found.shape[-1] == wanted.shape[-1] + q:
            raise Finding(f"{setting}the output padding is added at both ends")
    letters = "b c_out h w" if batched else "c_out h w"
    found = expect_tensor(found, list(wanted.shape), letters)
    if is_close(found, wanted):
        return
    if is_close(found, layer(x, weight.flip(2, 3))):
        raise Finding("the kernel is turned by 180 degrees, or was not turned where it must be")
    if q and is_close(found, F.pad(layer(x, weight, q=0), [0, q, 0, q])):
        raise Finding(
            f"{setting}the output padding is added after the cutting; "
            "add it to the canvas, and what the padding would have cut may stay"
        )
    if is_close(found, layer(x, weight.transpose(2, 3))):
        raise Finding("rows and columns of the kernel are exchanged")
    c_in, c_out = weight.shape[:2]
    if c_in == c_out > 1 and is_close(found, layer(x, weight.transpose(0, 1))):
        raise Finding("the channels of the kernel are exchanged: it has [c_in, c_out, k, l]")
    if c_in * c_out == 1 and is_close(found, _overwritten(x, weight, wanted.shape, stride)):
        raise Finding("where two inputs meet, the last one wins; they must be added up")
    try:
        expect_close(found, wanted)
    except Finding as finding:
        raise Finding(setting + str(finding)) from None


def _overwritten(x: Tensor, weight: Tensor, shape: tuple, stride: int) -> Tensor:
    canvas = torch.zeros(shape)
    k, l = weight.shape[2:]  # noqa: E741
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            rows, columns = stride * i, stride * j
            window = canvas[..., rows : rows + k, columns : columns + l]
            if window.shape[-2:] == weight.shape[2:]:
                window.copy_(x[0, 0, i, j] * weight[0, 0])
    return canvas


@exercise("a1.input_gradient")
def input_gradient(attempt: Attempt, random: Generator) -> None:
    for stride, padding, h, w in [(1, 1, 5, 6), (2, 0, 7, 7), (2, 1, 6, 7), (3, 0, 7, 8)]:
        image = torch.randn(2, 3, h, w, generator=random, requires_grad=True)
        weight = torch.randn(2, 3, 3, 3, generator=random)
        out = F.conv2d(image, weight, None, stride, padding)
        arriving = torch.randn(out.shape, generator=random)
        (wanted,) = torch.autograd.grad(out, image, arriving)
        found = attempt(arriving, weight, (h, w), stride, padding)
        bare = [transposed_conv_size(m, 3, stride, padding) for m in out.shape[2:]]
        if isinstance(found, Tensor) and list(found.shape[2:]) == bare != [h, w]:
            raise Finding(
                f"{h}×{w} pixels went in, and the gradient has {bare[0]}×{bare[1]}; "
                "those at the end that were never read are missing"
            )
        expect_close(expect_tensor(found, [2, 3, h, w], "b c_in h w"), wanted)


@exercise("a1.constant_pattern")
def constant_pattern(attempt: Attempt, random: Generator) -> None:
    for stride, k, l in [(2, 4, 3), (3, 4, 5), (3, 2, 2)]:  # noqa: E741
        kernel = torch.randn(k, l, generator=random)
        groups = [[kernel[a::stride, c::stride] for c in range(stride)] for a in range(stride)]
        wanted = torch.tensor([[group.sum() for group in row] for row in groups])
        found = expect_tensor(attempt(kernel, stride), [stride, stride], "s s")
        if is_close(
            found, torch.tensor([[float(group.numel()) for group in row] for row in groups])
        ):
            raise Finding("these are the numbers of weights; their sums are wanted")
        if is_close(found, wanted.T) and not is_close(found, wanted):
            raise Finding("rows and columns of the block are exchanged")
        expect_close(found, wanted)


@exercise("a1.nearest_even")
def nearest_even(attempt: Attempt, random: Generator) -> None:
    for stride, k in [(2, 3), (2, 5), (3, 4)]:
        kernel = torch.randn(k, k, generator=random) + 0.3
        found = expect_tensor(attempt(kernel, stride), [k, k], "k k")
        places = [(a, c) for a in range(stride) for c in range(stride)]
        sums = torch.stack([found[a::stride, c::stride].sum() for a, c in places])
        if is_close(found, kernel):
            raise Finding("the kernel has not changed")
        if sums.max() - sums.min() > 1e-4:
            raise Finding(f"the classes still sum to {sums.min():.3f} up to {sums.max():.3f}")
        if not is_close(found.sum(), kernel.sum()):
            raise Finding(
                f"even; but the weights summed to {kernel.sum():.3f} and now to {found.sum():.3f}"
            )
        for a, c in places:
            moves = (found - kernel)[a::stride, c::stride]
            if not is_close(moves, moves.mean().expand_as(moves)):
                raise Finding("even and as bright, but another kernel is nearer to the given one")


@exercise("a1.enlarger")
def enlarger(attempt: Attempt, random: Generator) -> None:
    network = attempt(4)
    if not isinstance(network, nn.Module):
        raise Finding("Enlarger(4) should be a torch module")
    draw = Attempt(network)
    found = draw(torch.rand(2, 1, 5, 7, generator=random))
    expect_tensor(found, [2, 1, 10, 14], "b c h w")
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    if any(isinstance(part, nn.ConvTranspose2d) for part in network.modules()):
        raise Finding("a transposed convolution can draw a checkerboard; repeat pixels instead")
    if len(convolutions) != 2:
        raise Finding(f"there are {len(convolutions)} convolutions; two are wanted")
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=random))
        inside = draw(torch.full((1, 1, 12, 12), 0.7))[0, 0, 6:-6, 6:-6]
    if inside.max() - inside.min() > 1e-3 * (1 + inside.abs().max()):
        raise Finding("with other weights it draws a pattern into a constant image")
