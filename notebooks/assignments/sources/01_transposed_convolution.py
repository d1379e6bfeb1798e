# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 1: transposed convolution, from a size to an enlarger
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/01_transposed_convolution.ipynb)
#
# You write the layer that every generator is built of, four times over: as a matrix, as a loop that paints, as an ordinary convolution between zeros, and as the gradient of a convolution. Then you find out where its checkerboards come from, take them out of a kernel, and build a small network that draws a handwritten digit twice as large.
#
# You will be able to
#
# - compute the size of a layer's output, and the output padding that brings a size back;
# - write a convolution as a matrix, and say what its transpose does and does not undo;
# - write a transposed convolution with channels, strides and paddings, in two different ways;
# - say why every network that trains by gradient descent has this layer in it already;
# - predict the checkerboard of a kernel, and repair it.
#
# **Read first:** chapter 1. **Time:** about three hours. **Hardware:** any CPU. **Points:** 100, of which 72 are for code and 28 for four written questions.
#
# Every answer cell holds a function with its description. Replace the line that raises `NotImplementedError`, run the cell, then the check below it, which answers at once. The cells marked *Tested when graded* look empty to you; leave them where they are. Everything else you may change, and add cells as you like. The notebook runs from top to bottom at any time; parts that are not written yet are waited for.

# %% given="setup"
try:
    from capsedu.classroom import check, waits
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check, waits

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from capsedu.data import first_available
from capsedu.explore import show
from capsedu.explore.transposed_figures import image_row, matrix_pair, number_maps
from capsedu.functional import conv_size, transposed_conv_size
from capsedu.profiles import resolve_profile

profile = resolve_profile("auto")
torch.set_printoptions(precision=3, sci_mode=False)

# %% given="variant"
variant = 0

# %% [markdown]
# The numbers below are yours: they depend on the variant. Written questions ask about them.

# %% given="numbers"
dice = torch.Generator().manual_seed(100 + variant)
side = int(torch.randint(50, 70, (), generator=dice))  # of an image, in part 1
grid = int(torch.randint(6, 9, (), generator=dice))  # of a small image, in part 2
kernel = 0.1 + torch.rand(3, 3, generator=dice)  # of parts 2, 4 and 6
print(f"side {side}, grid {grid}, kernel\n{kernel}")

# %% [markdown]
# ## Part 1: sizes, there and back (12 points of code, 6 written)
#
# Along one axis a transposed convolution turns $n$ cells into more. The last of the $n$ cells begins to paint $s\,(n-1)$ cells after the first; dilation $r$ puts gaps between the kernel's cells; the padding $p$ cuts cells off *both* ends, and the output padding $q$ adds some at *one* end.
#
# **1a (5 points).** Write the size of the output. No library is needed: four operations on whole numbers.


# %% answer="transposed_size"
def transposed_size(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """How many cells come out along one axis, a whole number."""
    ### BEGIN SOLUTION
    reach = dilation * (kernel - 1) + 1  # what one cell paints
    return stride * (n - 1) + reach - 2 * padding + output_padding
    ### END SOLUTION


# %%
solved = check("a1.transposed_size", transposed_size)

# %% test="size_values" points=5
# Tested when graded, 5 points: sizes for random settings, dilation included.
### BEGIN HIDDEN TESTS
import random as _random

import torch as _torch

for _ in range(60):
    _n, _k = _random.randint(1, 9), _random.randint(1, 5)
    _s, _r = _random.randint(1, 4), _random.randint(1, 3)
    _p = _random.randint(0, (_s * (_n - 1) + _r * (_k - 1)) // 2)
    _q = _random.randint(0, max(_s, _r) - 1)
    _layer = _torch.nn.ConvTranspose1d(1, 1, _k, _s, _p, _q, dilation=_r)
    _wanted = _layer(_torch.zeros(1, 1, _n)).shape[2]
    _found = transposed_size(_n, _k, _s, _p, _q, _r)
    assert isinstance(_found, int), f"a size is a whole number, not {_found!r}"
    assert _found == _wanted, (
        f"n={_n}, kernel={_k}, stride={_s}, padding={_p}, output_padding={_q}, dilation={_r} "
        f"makes {_wanted} cells, not {_found}"
    )
### END HIDDEN TESTS

# %% [markdown]
# A convolution with stride $s$ rounds down, so that $s$ different sizes become the same one. On the way back the output padding says which of them is meant. A decoder that mirrors an encoder must find it for every layer.
#
# **1b (7 points).** Given the size `n` of what a *convolution* read, and the convolution's settings: which output padding must the transposed convolution with the same settings have, so that exactly `n` cells come back? Use `conv_size` and `transposed_conv_size` from the package if you like; their arguments are `(n, kernel, stride, padding, dilation)` and `(n, kernel, stride, padding, output_padding, dilation)`.


# %% answer="inverting_output_padding"
def inverting_output_padding(n, kernel, stride, padding, dilation=1):
    """The output padding that brings ``n`` back, a whole number from 0 to ``stride - 1``."""
    ### BEGIN SOLUTION
    inner = conv_size(n, kernel, stride, padding, dilation)
    return n - transposed_conv_size(inner, kernel, stride, padding, 0, dilation)
    ### END SOLUTION


# %%
solved = check("a1.inverting_output_padding", inverting_output_padding)

# %% test="inverse_values" points=4
# Tested when graded, 4 points: there and back again, for every size in a row.
### BEGIN HIDDEN TESTS
import random as _random

import torch as _torch

for _ in range(12):
    _k, _s = _random.randint(1, 6), _random.randint(1, 5)
    _p = _random.randint(0, _k - 1)
    for _n in range(_k, _k + 2 * _s):
        _there = _torch.nn.Conv1d(1, 1, _k, _s, _p)(_torch.zeros(1, 1, _n)).shape[2]
        _q = inverting_output_padding(_n, _k, _s, _p)
        _back = _s * (_there - 1) + _k - 2 * _p + _q
        assert _back == _n, (
            f"kernel {_k}, stride {_s}, padding {_p}: {_n} cells become {_there}, "
            f"and with your output padding {_q} they become {_back}"
        )
### END HIDDEN TESTS

# %% test="inverse_dilation" points=3
# Tested when graded, 3 points: the same with a dilated kernel, and PyTorch accepts the layer.
### BEGIN HIDDEN TESTS
import random as _random

import torch as _torch

for _ in range(30):
    _k, _s, _r = _random.randint(2, 4), _random.randint(1, 4), _random.randint(2, 3)
    _p = _random.randint(0, _k - 1)
    _n = _random.randint(_r * (_k - 1) + 1, 20)
    _x = _torch.zeros(1, 1, _n)
    _there = _torch.nn.Conv1d(1, 1, _k, _s, _p, dilation=_r)(_x)
    _q = inverting_output_padding(_n, _k, _s, _p, _r)
    assert 0 <= _q < _s, f"an output padding of {_q} does not lie below the stride {_s}"
    _back = _torch.nn.ConvTranspose1d(1, 1, _k, _s, _p, _q, dilation=_r)(_there).shape[2]
    assert _back == _n, (
        f"kernel {_k}, stride {_s}, padding {_p}, dilation {_r}: {_n} cells come back as {_back}"
    )
### END HIDDEN TESTS

# %% [markdown]
# Your functions at work. An encoder of four layers takes an image of your `side` down, and a decoder mirrors it:

# %%
encoder = [(5, 2, 2), (3, 2, 1), (4, 3, 0), (3, 2, 1)]  # kernel, stride, padding
with waits("the ladder of sizes"):
    ladder = [side]
    for layer in encoder:
        ladder.append(conv_size(ladder[-1], *layer))
    print("down:", " → ".join(map(str, ladder)))
    n = ladder[-1]
    for before, (k, s, p) in zip(reversed(ladder[:-1]), reversed(encoder), strict=True):
        q = inverting_output_padding(before, k, s, p)
        bare, n = transposed_size(n, k, s, p), transposed_size(n, k, s, p, q)
        print(
            f"up: kernel {k}, stride {s}, padding {p}: {bare} without, {n} with output padding {q}"
        )
    same = [n for n in range(side - 30, side + 31) if conv_size(n, *encoder[0]) == ladder[1]]
    ends = []
    for n in range(side - 40, side + 41):
        inner = n
        for layer in encoder:
            inner = conv_size(inner, *layer)
        ends += [n] if inner == ladder[-1] else []
    print(
        f"the first layer turns {same} into {ladder[1]}; all four turn {len(ends)} sizes into one"
    )

# %% [markdown] written="sizes" points=6
# **1c (6 points).** Look at the two last lines that are printed. (i) How many sizes does the first layer not tell apart, and how many do all four together not? How do the two numbers follow from the strides? (ii) A friend leaves out all output paddings of the decoder and enlarges the result to your `side` with an ordinary interpolation. The shape is right. What is wrong with the image, compared with the decoder that has them?
#
# ### BEGIN SOLUTION
# (i) A convolution with stride s rounds down, so s neighbouring sizes become one: two for the first layer. Through several layers the numbers multiply, because each of the sizes that the later layers confuse is itself made from s sizes of the earlier one: 2·2·3·2 = 24. The printed list confirms both (for every variant; only the sizes themselves differ).
#
# (ii) Output padding only decides where the image *ends*. Without it every cell still is painted where it belongs, but rows and columns at the bottom and right are missing, and the later layers paint from fewer cells: the missing part is multiplied by every later stride. Interpolating to `side` stretches what is there, so nothing but the top left corner is in its old place; a skip connection or a reconstruction loss would compare pixels with the wrong ones.
#
# Rubric: 2 points for the two numbers, read off the own output; 2 points for "the strides multiply" with a reason; 2 points for saying that the content is shifted or stretched (1 point if only "the border is missing").
# ### END SOLUTION

# %% [markdown]
# ## Part 2: a convolution is a matrix (9 points of code, 8 written)
#
# Flatten an image row by row into a vector $b$. A convolution without a bias is linear, so there is a matrix $C$ with $g = C\,b$: one row for each cell that comes out, one column for each pixel that goes in. The row holds the kernel's weights at the pixels that the cell reads. (Convolution as in PyTorch: the kernel is not turned around.)
#
# **2 (9 points).** Write down $C$ for one channel. Padding adds cells of 0 around the image; they are no pixels and have no columns.


# %% answer="conv_matrix"
def conv_matrix(weight, height, width, stride=1, padding=0):
    """The matrix of a convolution of one channel.

    weight is [k, l]; the image has height rows and width columns. Returns a tensor
    [cells out, height * width] in the dtype of weight.
    """
    ### BEGIN SOLUTION
    k, l = weight.shape  # noqa: E741
    rows, columns = conv_size(height, k, stride, padding), conv_size(width, l, stride, padding)
    matrix = weight.new_zeros(rows, columns, height, width)
    for i in range(rows):
        for j in range(columns):
            for a in range(k):
                for c in range(l):
                    y, x = stride * i + a - padding, stride * j + c - padding
                    if 0 <= y < height and 0 <= x < width:
                        matrix[i, j, y, x] = weight[a, c]
    return matrix.reshape(rows * columns, height * width)
    ### END SOLUTION


# %%
solved = check("a1.conv_matrix", conv_matrix)

# %% test="matrix_values" points=5
# Tested when graded, 5 points: without padding, for rectangular images and kernels.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _stride, (_h, _w), (_k, _l) in [(1, (4, 6), (2, 3)), (2, (7, 5), (3, 3)), (3, (8, 7), (2, 4))]:
    _weight = _torch.randn(_k, _l, dtype=_torch.float64)
    _image = _torch.randn(1, 1, _h, _w, dtype=_torch.float64)
    _wanted = _F.conv2d(_image, _weight[None, None], stride=_stride)
    _found = conv_matrix(_weight, _h, _w, _stride)
    _shape = [_wanted.numel(), _h * _w]
    assert list(_found.shape) == _shape, f"shape {list(_found.shape)} instead of {_shape}"
    assert _found.dtype == _torch.float64, f"weights in float64 make a matrix of {_found.dtype}"
    assert _torch.allclose(_found @ _image.flatten(), _wanted.flatten()), (
        f"the matrix times the image is not the convolution: {_h}×{_w} pixels, "
        f"kernel {_k}×{_l}, stride {_stride}"
    )
### END HIDDEN TESTS

# %% test="matrix_padding" points=4
# Tested when graded, 4 points: with padding.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _stride, _padding in [(1, 1), (2, 1), (2, 2), (3, 2)]:
    _weight, _image = _torch.rand(3, 3) + 0.5, _torch.rand(1, 1, 6, 6) + 0.5
    _wanted = _F.conv2d(_image, _weight[None, None], stride=_stride, padding=_padding)
    _found = conv_matrix(_weight, 6, 6, _stride, _padding)
    _shape = [_wanted.numel(), 36]
    assert list(_found.shape) == _shape, (
        f"with padding {_padding} the shape is {list(_found.shape)} instead of {_shape}"
    )
    assert _torch.allclose(_found @ _image.flatten(), _wanted.flatten(), atol=1e-4), (
        f"wrong with stride {_stride} and padding {_padding}; "
        f"the first row has {int((_found[0] != 0).sum())} weights"
    )
### END HIDDEN TESTS

# %% [markdown]
# Here is your matrix for your kernel with stride 2, beside its transpose; and what the transpose does to an image that the matrix has made small.

# %%
with waits("the matrix"):
    C = conv_matrix(kernel.double(), grid, grid, stride=2, padding=1)
    show(
        matrix_pair(C.T, ("C, the convolution", "Cᵀ, its transpose")),
        alt=f"The matrix of a convolution with {C.shape[0]} rows and {C.shape[1]} columns, mostly zeros, "
        "and its transpose.",
    )

# %%
with waits("there and back"):
    C = conv_matrix(kernel.double(), grid, grid, stride=2, padding=1)
    image = torch.rand(grid * grid, dtype=torch.float64, generator=dice)
    g = C @ image
    for name, back in {"transpose": C.T, "pseudoinverse": torch.linalg.pinv(C)}.items():
        there = back @ g
        scale = (there @ image) / (there @ there)  # compare shapes, not brightness
        off = (scale * there - image).norm() / image.norm()
        again = C @ there
        scale = (again @ g) / (again @ again)
        off_again = (scale * again - g).norm() / g.norm()
        print(f"{name}: off the image by {off:.1%}; convolved again, off by {off_again:.1%}")
    values = torch.linalg.svdvals(C)
    print(f"C is {C.shape[0]} × {C.shape[1]}, rank {torch.linalg.matrix_rank(C)}; "
          f"singular values from {values.min():.2f} to {values.max():.2f}")  # fmt: skip

# %% [markdown] written="deconvolution" points=8
# **2b (8 points).** The layer is often called a *deconvolution*. With your own numbers: (i) Can any matrix bring back every image from $g = C\,b$? What does the rank say? (ii) Why does the image from the pseudoinverse give $g$ again when it is convolved, and the one from the transpose does not? Under which condition on the singular values would it? (iii) If it undoes nothing, what is the transpose good for in a generator?
#
# ### BEGIN SOLUTION
# (i) No. The rank is at most the number of rows (for grid 7, 16 of 49), so there is a subspace of images of dimension columns − rank that C turns into zeros; images that differ by one of these give the same g. No matrix can tell them apart.
#
# (ii) With C = U S Vᵀ, the pseudoinverse is V S⁻¹ Uᵀ, and C pinv(C) = U Uᵀ, which is the identity if C has full row rank. C Cᵀ = U S² Uᵀ multiplies each direction by its squared singular value: the directions are weighted unequally. It would be a multiple of the identity only if all singular values were equal (rows of C orthogonal and equally long); the own values differ by the printed factor.
#
# (iii) It sends every number to the places it belongs to, with learnt weights, and in training the weights become whatever draws well. A generator has nothing to undo: there was no convolution before it. And it is the exact gradient of a convolution (part 5).
#
# Rubric: 3 points for (i), with rank and the own sizes; 3 points for (ii), of which 2 for C Cᵀ ≠ 1 and 1 for the condition; 2 points for (iii).
# ### END SOLUTION

# %% [markdown]
# ## Part 3: paint with loops (13 points)
#
# Each cell of the input paints the kernel, times its own number, onto a canvas; where paint overlaps it adds up. With channels, the input cell $x_{c\,i\,j}$ paints onto *every* output channel $d$, with the kernel $w_{cd}$:
#
# $$y_{\,d,\; si+k,\; sj+l} \mathrel{+}= \sum_c x_{c\,i\,j}\, w_{c\,d\,k\,l}$$
#
# Then `padding` rows and columns are cut off at every border, and `output_padding` rows at the bottom and columns at the right are kept or, where nothing was painted, added as zeros: think of them as room at the end of the canvas *before* anything is cut.
#
# **3 (13 points).** Write it, with loops over $i$ and $j$. PyTorch's own layer is for checking, not for the answer.


# %% answer="scatter"
def scatter(x, weight, stride=1, padding=0, output_padding=0):
    """A transposed convolution. x [c_in, h, w], weight [c_in, c_out, k, l] -> [c_out, H, W]."""
    ### BEGIN SOLUTION
    _, height, width = x.shape
    _, c_out, k, l = weight.shape  # noqa: E741
    canvas = x.new_zeros(
        c_out,
        stride * (height - 1) + k + output_padding,
        stride * (width - 1) + l + output_padding,
    )
    for i in range(height):
        for j in range(width):
            paint = torch.einsum("c,cdkl->dkl", x[:, i, j], weight)
            canvas[:, stride * i : stride * i + k, stride * j : stride * j + l] += paint
    return canvas[:, padding : canvas.shape[1] - padding, padding : canvas.shape[2] - padding]
    ### END SOLUTION


# %%
solved = check("a1.scatter", scatter)

# %% test="scatter_values" points=5
# Tested when graded, 5 points: one channel, no padding.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

_names = getattr(getattr(scatter, "__code__", None), "co_names", ())
assert not any("conv" in _name and "transp" in _name.lower() for _name in _names), (
    "scatter calls PyTorch's transposed convolution; paint with loops"
)
for _stride, _k, _l in [(1, 3, 3), (2, 3, 2), (2, 4, 4), (3, 2, 5)]:
    _x = _torch.randn(1, 3, 4, dtype=_torch.float64)
    _weight = _torch.randn(1, 1, _k, _l, dtype=_torch.float64)
    _wanted = _F.conv_transpose2d(_x[None], _weight, stride=_stride)[0]
    _found = scatter(_x, _weight, _stride)
    assert _found.shape == _wanted.shape, (
        f"shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted), (
        f"kernel {_k}×{_l}, stride {_stride}: sums to {_found.sum():.3f} instead of "
        f"{_wanted.sum():.3f}, largest difference {(_found - _wanted).abs().max():.3f}"
    )
### END HIDDEN TESTS

# %% test="scatter_channels" points=4
# Tested when graded, 4 points: several channels in and out.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _c_in, _c_out in [(3, 2), (1, 4), (4, 1), (3, 3)]:
    _x = _torch.randn(_c_in, 2, 3)
    _weight = _torch.randn(_c_in, _c_out, 1, 1).expand(_c_in, _c_out, 2, 2)
    _wanted = _F.conv_transpose2d(_x[None], _weight, stride=2)[0]  # no paint overlaps
    _found = scatter(_x, _weight, 2)
    assert _found.shape == _wanted.shape, (
        f"{_c_in} channels to {_c_out}: shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted, atol=1e-5), (
        f"wrong from {_c_in} channels to {_c_out}: each output channel sums over the input "
        f"channels; off by up to {(_found - _wanted).abs().max():.3f}"
    )
### END HIDDEN TESTS

# %% test="scatter_borders" points=4
# Tested when graded, 4 points: padding and output padding.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _padding, _q in [(1, 0), (2, 0), (0, 2), (1, 1), (1, 2), (2, 1)]:
    _x, _weight = 1 + _torch.rand(1, 3, 4), _torch.full((1, 1, 3, 3), 1.5)
    _wanted = _F.conv_transpose2d(_x[None], _weight, None, 3, _padding, _q)[0]
    _found = scatter(_x, _weight, 3, _padding, _q)
    assert _found.shape == _wanted.shape, (
        f"padding {_padding}, output padding {_q}: shape {list(_found.shape)} instead of "
        f"{list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted, atol=1e-5), (
        f"the size is right, but padding {_padding} with output padding {_q} keeps the wrong cells"
    )
### END HIDDEN TESTS

# %% [markdown]
# One digit as an input of one channel, painted with your kernel and strides 1 to 4. With stride 4 and a kernel of 3, nothing overlaps and gaps stay black.

# %%
digits = first_available("mnist", "digits", train=False)
digit = digits.images[variant % 100].float() / 255  # [1, 28, 28]
with waits("the painted digit"):
    small = F.avg_pool2d(digit, 2)  # [1, 14, 14]
    painted = [scatter(small, kernel[None, None], stride=s)[0] for s in (1, 2, 3, 4)]
    titles = [
        f"stride {s}, {image.shape[0]}×{image.shape[1]}" for s, image in enumerate(painted, 1)
    ]
    show(
        image_row(painted, titles),
        alt="A digit of 14×14 cells painted with a 3×3 kernel: stride 1 blurs it, 2 shows a checkerboard, "
        "3 shows blocks and 4 blocks with black gaps between.",
    )

# %% [markdown]
# ## Part 4: an ordinary convolution between zeros (12 points of code, 6 written)
#
# The same numbers can be read instead of painted. Stand at an output cell and ask what reaches it: every $s$-th place of the kernel, backwards. So:
#
# 1. put $s - 1$ zeros between neighbouring input cells;
# 2. add zeros around, or, where that number is negative, *cut off*: $r(k-1) - p$ at each end, and $q$ more at the bottom and at the right (`F.pad` takes negative numbers);
# 3. turn the kernel by 180 degrees, exchange its channel axes, and convolve with stride 1 and dilation $r$.
#
# **4 (12 points).** Write it with `F.pad` and `F.conv2d`, for batches, channels, rectangular kernels and dilation.


# %% answer="by_zero_insertion"
def by_zero_insertion(x, weight, stride=1, padding=0, output_padding=0, dilation=1):
    """A transposed convolution. x [b, c_in, h, w], weight [c_in, c_out, k, l] -> [b, c_out, H, W]."""
    ### BEGIN SOLUTION
    b, c, h, w = x.shape
    spread = x.new_zeros(b, c, stride * (h - 1) + 1, stride * (w - 1) + 1)
    spread[:, :, ::stride, ::stride] = x
    above, left = (dilation * (size - 1) - padding for size in weight.shape[2:])
    spread = F.pad(spread, [left, left + output_padding, above, above + output_padding])
    return F.conv2d(spread, weight.flip(2, 3).transpose(0, 1), dilation=dilation)
    ### END SOLUTION


# %%
solved = check("a1.by_zero_insertion", by_zero_insertion)

# %% test="insertion_values" points=5
# Tested when graded, 5 points: one channel, strides 1 to 3, kernels of any shape.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

_names = getattr(getattr(by_zero_insertion, "__code__", None), "co_names", ())
assert not any("conv" in _name and "transp" in _name.lower() for _name in _names), (
    "by_zero_insertion calls PyTorch's transposed convolution; use conv2d"
)
for _stride, _k, _l in [(1, 3, 3), (2, 3, 2), (2, 4, 4), (3, 2, 5)]:
    _x = _torch.randn(2, 1, 3, 4, dtype=_torch.float64)
    _weight = _torch.randn(1, 1, _k, _l, dtype=_torch.float64)
    _wanted = _F.conv_transpose2d(_x, _weight, stride=_stride)
    _found = by_zero_insertion(_x, _weight, _stride)
    assert _found.shape == _wanted.shape, (
        f"kernel {_k}×{_l}, stride {_stride}: shape {list(_found.shape)} instead of "
        f"{list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted), (
        f"kernel {_k}×{_l}, stride {_stride}: right size, wrong numbers, "
        f"off by up to {(_found - _wanted).abs().max():.3f}"
    )
### END HIDDEN TESTS

# %% test="insertion_channels" points=3
# Tested when graded, 3 points: several channels in and out.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _c_in, _c_out in [(3, 2), (2, 2)]:
    _x = _torch.randn(2, _c_in, 3, 3)
    _weight = _torch.randn(_c_in, _c_out, 1, 1).expand(_c_in, _c_out, 3, 3)
    _wanted = _F.conv_transpose2d(_x, _weight, stride=2)
    _found = by_zero_insertion(_x, _weight, 2)
    assert _found.shape == _wanted.shape, (
        f"{_c_in} channels to {_c_out}: shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted, atol=1e-5), (
        f"wrong from {_c_in} channels to {_c_out}; conv2d wants its weights as [c_out, c_in, k, l]"
    )
### END HIDDEN TESTS

# %% test="insertion_borders" points=4
# Tested when graded, 4 points: padding (also beyond the kernel), output padding and dilation.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _s, _p, _q, _r in [
    (2, 1, 0, 1),
    (2, 1, 1, 1),
    (3, 0, 2, 1),
    (2, 4, 1, 1),
    (2, 1, 0, 2),
    (3, 2, 2, 3),
]:
    _x, _weight = 1 + _torch.rand(1, 1, 5, 6), _torch.full((1, 1, 3, 3), 1.5)
    _wanted = _F.conv_transpose2d(_x, _weight, None, _s, _p, _q, 1, _r)
    _found = by_zero_insertion(_x, _weight, _s, _p, _q, _r)
    assert _found.shape == _wanted.shape, (
        f"stride {_s}, padding {_p}, output padding {_q}, dilation {_r}: "
        f"shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted, atol=1e-4), (
        f"stride {_s}, padding {_p}, output padding {_q}, dilation {_r}: right size, wrong cells"
    )
### END HIDDEN TESTS

# %% [markdown]
# Both ways give the same numbers. Do they do the same work? Count the products of the convolution, and how many of them are with a zero that was put in:

# %%
with waits("the count"):
    x = torch.randn(1, 2, grid, grid, generator=dice)
    w = torch.randn(2, 3, 4, 4, generator=dice)
    for s in (1, 2, 3, 4):
        out = by_zero_insertion(x, w, stride=s)
        assert_close(out, F.conv_transpose2d(x, w, stride=s))
        assert_close(scatter(x[0], w, stride=s), out[0])
        products = out[0, 0].numel() * 16
        useful = grid * grid * 16
        print(f"stride {s}: {products} products for each pair of channels, "
              f"{1 - useful / products:.0%} of them with a zero that was put in")  # fmt: skip

# %% [markdown] written="zeros" points=6
# **4b (6 points).** (i) Explain the share for stride 1 and the limit that the share for stride $s$ approaches on large images. (ii) No library computes the layer this way, yet the reading is worth having: it says at once what a transposed convolution with *stride 1* is. What is it, and which padding $p$ makes it an ordinary convolution that keeps the size, for your kernel of $3 \times 3$?
#
# ### BEGIN SOLUTION
# (i) For stride 1 nothing is put between the cells, but a border of k − 1 zeros is put around; the share is what falls on it, and vanishes on large images. For stride s, one cell in s² of the spread image is real, so on large images the share of products with a zero approaches 1 − 1/s² (0, 75, 89, 94 %); the printed shares lie above because of the border.
#
# (ii) An ordinary convolution with the kernel turned by 180 degrees and padding k − 1 − p. For k = 3 it keeps the size with p = 1, when padding 1 is put around.
#
# Rubric: 2 points for the border in stride 1; 2 points for 1 − 1/s²; 2 points for the turned kernel and p = 1.
# ### END SOLUTION

# %% [markdown]
# ## Part 5: every network has one (7 points)
#
# With $g = C\,b$, the chain rule gives $\partial L / \partial b = C^\top\, \partial L / \partial g$. So the gradient of a convolution with respect to what it read is a transposed convolution of the gradient that arrives. Only the size needs care: pixels at the end that the convolution never read have the gradient 0, and they must be there.
#
# **5 (7 points).** Write that gradient with one call of `F.conv_transpose2d`, whose `output_padding` may be a pair (rows, columns). A weight of a convolution has the shape `[c_out, c_in, k, l]`; look up what the transposed one wants.


# %% answer="input_gradient"
def input_gradient(arriving, weight, size, stride=1, padding=0):
    """The gradient of a loss with respect to the input of ``conv2d``.

    arriving [b, c_out, h', w'] is the gradient with respect to its output, weight
    [c_out, c_in, k, l] is its weight, and size the pair (h, w) of its input.
    Returns [b, c_in, h, w].
    """
    ### BEGIN SOLUTION
    extra = [
        n - transposed_conv_size(m, k, stride, padding)
        for n, m, k in zip(size, arriving.shape[2:], weight.shape[2:], strict=True)
    ]
    return F.conv_transpose2d(arriving, weight, None, stride, padding, tuple(extra))
    ### END SOLUTION


# %%
solved = check("a1.input_gradient", input_gradient)

# %% test="gradient_values" points=3
# Tested when graded, 3 points: against autograd, where the sizes fit without a rest.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _stride, _padding, _h, _w in [(1, 0, 6, 7), (1, 1, 5, 6), (2, 1, 7, 5), (3, 0, 9, 6)]:
    _image = _torch.randn(2, 3, _h, _w, dtype=_torch.float64, requires_grad=True)
    _weight = _torch.randn(4, 3, 3, 3, dtype=_torch.float64)
    _out = _F.conv2d(_image, _weight, None, _stride, _padding)
    _arriving = _torch.randn_like(_out)
    (_wanted,) = _torch.autograd.grad(_out, _image, _arriving)
    _found = input_gradient(_arriving, _weight, (_h, _w), _stride, _padding)
    assert _found.shape == _wanted.shape, (
        f"shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted), (
        f"stride {_stride}, padding {_padding}: not the gradient that autograd finds, "
        f"off by up to {(_found - _wanted).abs().max():.3f}"
    )
### END HIDDEN TESTS

# %% test="gradient_sizes" points=4
# Tested when graded, 4 points: where rows or columns were left over.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _stride, _h, _w in [(2, 6, 7), (2, 7, 6), (3, 7, 8), (3, 8, 6)]:
    _image = _torch.randn(1, 2, _h, _w, requires_grad=True)
    _weight = _torch.randn(2, 2, 3, 3)
    _out = _F.conv2d(_image, _weight, None, _stride)
    (_wanted,) = _torch.autograd.grad(_out.square().sum(), _image)
    _found = input_gradient(2 * _out.detach(), _weight, (_h, _w), _stride)
    assert _found.shape == _wanted.shape, (
        f"a convolution with stride {_stride} read {_h}×{_w} pixels; "
        f"the gradient has {list(_found.shape[2:])}"
    )
    assert _torch.allclose(_found, _wanted, atol=1e-4), (
        f"{_h}×{_w} pixels, stride {_stride}: right shape, wrong numbers"
    )
### END HIDDEN TESTS

# %% [markdown]
# The gradient of the sum of all outputs, for a kernel of ones: each pixel shows how often it was read. It is the picture of part 1's rounding down, and of part 6.

# %%
with waits("the gradient"):
    reads = {}
    for n, s in [(8, 1), (8, 2), (8, 3), (9, 3)]:
        m = conv_size(n, 3, s)
        ones = torch.ones(1, 1, m, m)
        reads[f"{n}×{n}, stride {s}"] = input_gradient(ones, torch.ones(1, 1, 3, 3), (n, n), s)[
            0, 0
        ]
    show(
        number_maps(list(reads.values()), list(reads)),
        alt="How often each pixel is read by a 3×3 convolution. Stride 1: up to 9 in the middle. Stride 2: a "
        "checkerboard of 1, 2 and 4, and a last row and column of 0. Stride 3: 1 everywhere, but on 8×8 the "
        "last two rows and columns are 0.",
    )

# %% [markdown]
# ## Part 6: checkerboards (10 points of code, 8 written)
#
# Let all inputs be 1. Away from the borders, the output of a transposed convolution with stride $s$ repeats every $s$ cells in both directions: an output at row $y$ is reached by the weights $w_{kl}$ with $k \equiv y \pmod s$, and no others. So the kernel's places fall into $s \times s$ classes, and each output shows the sum of its class.
#
# **6a (5 points).** Which $s \times s$ block does a kernel make of a constant 1? A class without any weight shows 0.


# %% answer="constant_pattern"
def constant_pattern(kernel, stride):
    """The block that repeats where all inputs are 1: kernel [k, l] -> [stride, stride].

    Entry [a, c] is the output at rows y = a (mod stride) and columns x = c (mod stride).
    """
    ### BEGIN SOLUTION
    sums = [[kernel[a::stride, c::stride].sum() for c in range(stride)] for a in range(stride)]
    return torch.stack([torch.stack(row) for row in sums])
    ### END SOLUTION


# %%
solved = check("a1.constant_pattern", constant_pattern)

# %% test="pattern_values" points=5
# Tested when graded, 5 points: against PyTorch's layer on an image of ones.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _stride, _k, _l in [(2, 4, 4), (2, 3, 5), (3, 4, 5), (3, 2, 2), (1, 3, 3), (4, 6, 3)]:
    _kernel = _torch.randn(_k, _l, dtype=_torch.float64)
    _ones = _torch.ones(1, 1, 12, 12, dtype=_torch.float64)
    _out = _F.conv_transpose2d(_ones, _kernel[None, None], stride=_stride)[0, 0]
    _start = _stride * (6 // _stride + 1)  # inside, and a multiple of the stride
    _wanted = _out[_start : _start + _stride, _start : _start + _stride]
    _found = constant_pattern(_kernel, _stride)
    assert list(_found.shape) == [_stride, _stride], (
        f"stride {_stride}: shape {list(_found.shape)} instead of {[_stride, _stride]}"
    )
    assert _torch.allclose(_found, _wanted), (
        f"kernel {_k}×{_l}, stride {_stride}: the block begins with {_found[0, 0]:.3f}, "
        f"but the layer draws {_wanted[0, 0]:.3f} there"
    )
### END HIDDEN TESTS

# %% [markdown]
# A constant image stays constant if all classes have the same sum. If they have not, what is the *smallest* change that makes it so? Each class has to move by what it lacks; and a class of $m$ weights whose sum must change by $\delta$ is changed least, in the sum of squares, if each weight takes its equal part $\delta/m$.
#
# **6b (5 points).** Return the nearest kernel without a checkerboard. The sum of all weights stays what it was, so that a constant image keeps its mean brightness. The kernel is at least as large as the stride.


# %% answer="nearest_even"
def nearest_even(kernel, stride):
    """The kernel [k, l] nearest to ``kernel`` whose classes all have the same sum."""
    ### BEGIN SOLUTION
    even = kernel.clone()
    share = kernel.sum() / stride**2
    for a in range(stride):
        for c in range(stride):
            group = kernel[a::stride, c::stride]
            even[a::stride, c::stride] = group + (share - group.sum()) / group.numel()
    return even
    ### END SOLUTION


# %%
solved = check("a1.nearest_even", nearest_even)

# %% test="even_kernels" points=5
# Tested when graded, 5 points: even, equally bright, and nothing nearer.
### BEGIN HIDDEN TESTS
import torch as _torch

for _stride, _k, _l in [(2, 3, 3), (2, 4, 5), (3, 4, 4), (3, 5, 3), (1, 2, 2)]:
    _kernel = _torch.randn(_k, _l, dtype=_torch.float64) + 0.3
    _before = _kernel.clone()
    _found = nearest_even(_kernel, _stride)
    assert _torch.equal(_kernel, _before), "nearest_even changes the kernel that it was given"
    assert _found.shape == _kernel.shape, f"shape {list(_found.shape)} instead of {[_k, _l]}"
    _classes = [(_a, _c) for _a in range(_stride) for _c in range(_stride)]
    _sums = _torch.stack([_found[_a::_stride, _c::_stride].sum() for _a, _c in _classes])
    assert _torch.allclose(_sums, _sums.mean()), (
        f"kernel {_k}×{_l}, stride {_stride}: the classes still sum to "
        f"{_sums.min():.3f} up to {_sums.max():.3f}"
    )
    assert _torch.allclose(_found.sum(), _kernel.sum()), (
        f"the weights summed to {_kernel.sum():.3f} and now sum to {_found.sum():.3f}"
    )
    _move = _found - _kernel
    for _a, _c in _classes:
        _part = _move[_a::_stride, _c::_stride]
        assert _torch.allclose(_part, _part.mean()), (
            "even, but not the nearest: weights of one class are moved by different amounts, "
            f"from {_part.min():.3f} to {_part.max():.3f}"
        )
### END HIDDEN TESTS

# %% [markdown]
# Your kernel as it is and made even, on a constant image and on the digit, with stride 2:

# %%
with waits("the checkerboards"):
    flat, drawn = {}, {}
    half = F.avg_pool2d(digit, 2)[None]
    for name, w in {"as it is": kernel, "made even": nearest_even(kernel, 2)}.items():
        pattern = constant_pattern(w, 2)
        print(
            f"{name}: a constant 1 becomes {pattern.flatten()}, from {pattern.min():.3f} to {pattern.max():.3f}"
        )
        ones = F.conv_transpose2d(torch.ones(1, 1, 6, 6), w[None, None], stride=2)
        flat[f"ones, {name}"] = ones[0, 0, 1:-1, 1:-1]
        drawn[f"the digit, {name}"] = F.conv_transpose2d(half, w[None, None], stride=2)[0, 0]
    show(
        number_maps(list(flat.values()), list(flat), digits=2, columns=2),
        alt="An image of ones, painted with stride 2. With the kernel as it is, four numbers alternate in a "
        "checkerboard; with the kernel made even, there is one number everywhere.",
    )
    show(
        image_row(list(drawn.values()), list(drawn), columns=2),
        alt="A digit painted with stride 2. With the kernel as it is, the strokes are broken by a checkerboard; "
        "with the kernel made even they are smoother.",
    )

# %%
with waits("one step of training"):
    w = nearest_even(kernel, 2)[None, None].requires_grad_()
    target = F.avg_pool2d(digit, 2)[None]
    drawn = F.conv_transpose2d(target, w, stride=2, padding=1, output_padding=1)
    loss = (drawn - digit[None]).square().mean()
    (gradient,) = torch.autograd.grad(loss, w)
    stepped = (w - gradient).detach()[0, 0]
    print("class sums before the step:", constant_pattern(w.detach()[0, 0], 2).flatten())
    print("class sums after the step: ", constant_pattern(stepped, 2).flatten())

# %% [markdown] written="checkerboard" points=8
# **6c (8 points).** (i) The classes of a 3×3 kernel with stride 2 have 4, 2, 2 and 1 weights. Say with your own printed numbers why *positive random* weights draw a strong checkerboard here, and what a 4×4 kernel would change. (ii) You made the kernel even. Why is one step of training enough to lose it, and does that mean that a checkerboard will be seen in a trained network? (iii) Upsampling by repeating pixels and convolving afterwards has four classes as well. Why are their sums equal whatever the weights?
#
# ### BEGIN SOLUTION
# (i) Each output shows the sum of its class; with weights near 0.6 the classes of 4, 2, 2 and 1 weights sum to about 2.4, 1.2, 1.2 and 0.6, as printed. With a 4×4 kernel every class has four weights, so the sums are equal on average; with random weights they still differ by their chance, but not by a factor of four.
#
# (ii) Equal sums are a condition on the weights (three equations for stride 2), and the gradient knows nothing of it: it moves the classes by different amounts, because they serve different pixels. It need not be seen: the loss also pulls towards images without a checkerboard, wherever the data has none. Kernel and stride only decide where the training starts and how hard it has to work.
#
# (iii) After repeating, the convolution reads an image with equal pixels in each 2×2 block. On a constant image *every* cell reads the constant at all nine places, so every class has the sum of all weights. The four classes consist of sums of the same nine weights, grouped differently.
#
# Rubric: 3 points for (i), of which 1 for the own numbers; 3 points for (ii), of which 2 for "the condition is not kept by the gradient" and 1 for "the data still pulls against it"; 2 points for (iii).
# ### END SOLUTION

# %% [markdown]
# ## Part 7: draw a digit twice as large (9 points)
#
# Now a small network. It takes images `[b, 1, h, w]` and returns `[b, 1, 2h, 2w]`, and it must not be *able* to draw a checkerboard into a constant image (away from the borders), whatever its weights.
#
# **7 (9 points).** Write an `Enlarger` of two 3×3 convolutions with a ReLU between them: from 1 channel to `hidden`, and from `hidden` to 1. The pixels are doubled by `F.interpolate(..., scale_factor=2)`; where, you decide. Padding keeps the size.


# %% answer="enlarger"
class Enlarger(nn.Module):
    """Images [b, 1, h, w] -> [b, 1, 2 * h, 2 * w]."""

    def __init__(self, hidden=16):
        super().__init__()
        ### BEGIN SOLUTION
        self.look = nn.Conv2d(1, hidden, 3, padding=1)
        self.draw = nn.Conv2d(hidden, 1, 3, padding=1)
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        seen = self.look(images).relu()
        return self.draw(F.interpolate(seen, scale_factor=2))
        ### END SOLUTION


# %%
solved = check("a1.enlarger", Enlarger)

# %% test="enlarger_shape" points=3
# Tested when graded, 3 points: twice as large, for any size and batch, with two convolutions.
### BEGIN HIDDEN TESTS
import torch as _torch

for _b, _h, _w in [(1, 4, 4), (3, 5, 7), (2, 14, 14), (1, 1, 2)]:
    _found = Enlarger(4)(_torch.rand(_b, 1, _h, _w))
    assert list(_found.shape) == [_b, 1, 2 * _h, 2 * _w], (
        f"[{_b}, 1, {_h}, {_w}] becomes {list(_found.shape)}"
    )
_counts = [sum(_p.numel() for _p in Enlarger(_hidden).parameters()) for _hidden in (4, 5)]
assert _counts[1] > _counts[0], "the number of weights does not depend on `hidden`"
### END HIDDEN TESTS

# %% test="enlarger_even" points=3
# Tested when graded, 3 points: no checkerboard on constant images, with any weights.
### BEGIN HIDDEN TESTS
import torch as _torch

for _seed in range(5):
    _torch.manual_seed(_seed)
    _network = Enlarger(6)
    with _torch.no_grad():
        for _parameter in _network.parameters():
            _parameter.copy_(_torch.randn_like(_parameter))
        _inside = _network(_torch.full((1, 1, 12, 12), 0.7))[0, 0, 6:-6, 6:-6]
    _spread = (_inside.max() - _inside.min()) / (_inside.abs().mean() + 1)
    assert _spread < 1e-3, (
        f"a constant image comes out with values from {_inside.min():.2f} to {_inside.max():.2f} "
        "away from the borders: with other weights this network draws a checkerboard"
    )
### END HIDDEN TESTS

# %% test="enlarger_learns" points=3
# Tested when graded, 3 points: it learns to enlarge soft blobs better than repeating pixels does.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

_torch.manual_seed(0)
_fine = _F.interpolate(_torch.rand(64, 1, 4, 4), (16, 16), mode="bicubic")
_coarse = _F.avg_pool2d(_fine, 2)
_repeated = (_F.interpolate(_coarse, scale_factor=2) - _fine)[:, :, 2:-2, 2:-2].square().mean()
_network = Enlarger(8)
_optimizer = _torch.optim.Adam(_network.parameters(), lr=0.02)
for _ in range(150):
    _optimizer.zero_grad()
    _loss = (_network(_coarse) - _fine)[:, :, 2:-2, 2:-2].square().mean()
    _loss.backward()
    _optimizer.step()
assert _loss < 0.7 * _repeated, (
    f"after 150 steps the error is {_loss:.5f}; repeating pixels has {_repeated:.5f}"
)
### END HIDDEN TESTS

# %% [markdown]
# Train it on real digits, halved by averaging, and compare with what needs no training. The error is the root of the mean square, over digits that it has not seen.

# %%
steps = 40 if profile == "smoke" else 500


@cache  # trained once, when it is first asked for; run this cell again to train anew
def trained_enlarger():
    torch.manual_seed(variant)
    training = first_available("mnist", "digits", train=True)
    network = Enlarger(16)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        large = training.images[torch.randint(len(training), (64,))].float() / 255
        optimizer.zero_grad()
        (network(F.avg_pool2d(large, 2)) - large).square().mean().backward()
        optimizer.step()
    return network


# %%
with waits("the enlarged digits"):
    network = trained_enlarger()
    print(f"{sum(weight.numel() for weight in network.parameters())} weights, {steps} steps")
    large = digits.images[:200].float() / 255
    half = F.avg_pool2d(large, 2)
    with torch.no_grad():
        enlarged = {
            "repeated": F.interpolate(half, scale_factor=2),
            "bilinear": F.interpolate(half, scale_factor=2, mode="bilinear"),
            "yours": network(half),
        }
    for name, images in enlarged.items():
        print(f"{name:9} error {(images - large).square().mean().sqrt():.4f}")
    at = variant % 100
    with torch.no_grad():
        larger_still = network(large[at : at + 1])[0, 0]  # sizes it was never trained on
    show(
        image_row(
            [
                half[at, 0],
                *(images[at, 0] for images in enlarged.values()),
                large[at, 0],
                larger_still,
            ],
            ["given, 14×14", *enlarged, "the digit, 28×28", "yours, 28 → 56"],
            columns=3,
        ),
        alt="One digit at 14×14; enlarged by repeating, bilinearly and by the trained network; the real one at "
        "28×28; and that one enlarged by the network to 56×56.",
    )

# %% [markdown]
# Your network has few weights and has seen nothing but handwriting. The last picture is a size that it was never trained on: a convolution does not care how large the image is.
