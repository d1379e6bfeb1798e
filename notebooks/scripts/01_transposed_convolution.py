# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From few numbers to an image: transposed convolution
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/01_transposed_convolution.ipynb)
#
# A convolution makes many pixels into few numbers. A generator has to go the other way: it is given a handful of numbers and must put an image together. The layer that does it is the convolution turned around. This chapter takes it apart until nothing is left but a matrix and its transpose, shows where the checkerboards in generated images come from, and then reads the generators of three sources layer by layer, down to the last stride.
#
# You will be able to
#
# - say what one input paints, and which inputs reach one output;
# - write a transposed convolution as a loop of ten lines and as a matrix, and check both against PyTorch;
# - compute output sizes in both directions, and say what an output padding is for;
# - tell from kernel and stride whether a checkerboard threatens, and measure one;
# - show that upsampling and sub-pixel convolution are transposed convolutions too;
# - find the kernels, strides and paddings that a paper does not print.
#
# **Time and hardware.** Less than a minute on a laptop's CPU. No GPU is needed.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from capsedu.explore import explorers, show
from capsedu.explore.transposed_figures import (
    image_row,
    matrix_pair,
    number_maps,
    spectra,
    two_ways_picture,
)
from capsedu.functional import conv_size, transposed_conv_matrix, transposed_conv_size

torch.set_printoptions(precision=4, sci_mode=False)

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# ## Two pictures
#
# Karmakar's slides on a capsule GAN explain the layer with blue and green pixels. In a **convolution**, up to 3×3 blue pixels contribute to one green pixel: each is multiplied by a number of the kernel, and the products are added up. In a **transposed convolution**, one green pixel contributes to up to 3×3 blue pixels: it is multiplied by each number of the kernel, and where the contributions of several green pixels meet, they are added up.

# %%
show(
    two_ways_picture(large=7, small=3, kernel=3, stride=2),
    alt="Left, a convolution: a window of 3×3 cells in a blue grid of 7×7 leads to the middle cell "
    "of a green grid of 3×3. Right, its transpose: the middle cell of the green grid leads to the "
    "same window of 3×3 cells in the blue grid.",
)

# %% [markdown]
# The same window, the same nine numbers, and the arrow turned around. As arithmetic: with stride $s$, the green cell $x_{ij}$ paints the kernel $w$ at row $s\,i$ and column $s\,j$,
#
# $$y_{\,si+k,\; sj+l} \;\mathrel{+}= \; x_{ij}\, w_{kl}$$
#
# and this is done for every cell and every $k$ and $l$. Here are two cells next to each other, with an easy kernel and stride 2. Each paints three columns, and they meet in one:

# %%
x = torch.tensor([[1.0, 2.0]])
w = torch.tensor([[1.0, 2.0, 3.0]])
y = torch.zeros(1, 5)
y[:, 0:3] += x[0, 0] * w  # the first cell paints from column 0
y[:, 2:5] += x[0, 1] * w  # the second from column 2
print(y)
assert_close(y, F.conv_transpose2d(x[None, None], w[None, None], stride=2)[0, 0])

# %% [markdown]
# In column 2 stands $1\cdot 3 + 2\cdot 1 = 5$.
#
# ## The loop
#
# PyTorch's layer has three more numbers to set. **Padding** $p$ cuts $p$ cells off every border of the output. (It is the padding of the *convolution* that this layer turns around. There it adds cells; here it takes them away.) **Output padding** $q$ adds $q$ rows at the bottom and $q$ columns at the right. **Dilation** $r$ paints with gaps: the kernel's numbers land $r$ cells apart. The whole of it:


# %%
def paint(x, weight, stride=1, padding=0, output_padding=0, dilation=1):  # [h, w], [k, l]
    h, w = x.shape
    reach = [dilation * (size - 1) + 1 for size in weight.shape]  # of one cell's paint
    height = stride * (h - 1) + reach[0] + output_padding
    width = stride * (w - 1) + reach[1] + output_padding
    canvas = torch.zeros(height, width, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            rows = slice(stride * i, stride * i + reach[0], dilation)
            columns = slice(stride * j, stride * j + reach[1], dilation)
            canvas[rows, columns] += x[i, j] * weight
    return canvas[padding : height - padding, padding : width - padding]


# %% [markdown]
# Is that what PyTorch computes? Try every combination of kernels up to 4, strides up to 3, paddings up to 2, and so on; where PyTorch refuses a combination, it says so with an error. (The package's tests do the same with random settings, and with a rectangular kernel.)

# %%
from itertools import pairwise, product

torch.manual_seed(0)
x, equal, refused = torch.randn(3, 4), 0, 0
for k, s, p, q, r in product(range(1, 5), range(1, 4), range(3), range(3), range(1, 3)):
    weight = torch.randn(k, k)
    try:
        theirs = F.conv_transpose2d(x[None, None], weight[None, None], None, s, p, q, 1, r)
    except RuntimeError:
        refused += 1
        continue
    assert_close(paint(x, weight, s, p, q, r), theirs[0, 0])
    equal += 1
print(f"equal in {equal} settings; {refused} are refused by PyTorch")

# %% [markdown]
# It refuses two things: an output padding that is neither below the stride nor below the dilation, and an output with nothing left.
#
# ## The matrix
#
# **Claim.** A convolution is linear, so it is a matrix $C$: flatten the image, multiply, and fold the result. The transposed convolution is the matrix $C^\top$, hence its name.
#
# $$\text{convolution: } g = C\, b \qquad\qquad \text{transposed: } b = C^\top g$$
#
# Row $m$ of $C$ holds the kernel at the places that the green cell $m$ reads. In $C^\top$ it is column $m$, and holds what the green cell paints. Nothing is inverted: $C^\top$ only sends things back to where they came from. `transposed_conv_matrix` writes $C^\top$ down.

# %%
weight = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
matrix = transposed_conv_matrix(weight, input_size=3, stride=2)  # from 3x3 cells to 7x7
print(list(matrix.shape))
g, b = torch.randn(1, 1, 3, 3), torch.randn(1, 1, 7, 7)
assert_close(matrix @ g.flatten(), F.conv_transpose2d(g, weight, stride=2).flatten())
assert_close(matrix.T @ b.flatten(), F.conv2d(b, weight, stride=2).flatten())

# %%
show(
    matrix_pair(matrix, ("C, the convolution: 49 → 9", "Cᵀ, its transpose: 9 → 49")),
    alt="Two matrices of the weights 1 to 9 and many zeros. Left, 9 rows and 49 columns: every row "
    "has the nine weights, in three groups of three. Right the same matrix on its side, 49 rows and "
    "9 columns.",
)

# %% [markdown]
# The rows of $C$ are all alike: nine weights each. The rows of $C^\top$ are not. A blue cell may be reached by one, two or four green ones:

# %%
print("weights in each row of C: ", (matrix.T != 0).sum(dim=1).tolist())
counts = (matrix != 0).sum(dim=1).view(7, 7)
print("weights in each row of Cᵀ:")
print(counts)

# %% [markdown]
# Keep this pattern in mind. It is the checkerboard, and we come back to it.
#
# ## Every network uses it already
#
# **Claim.** The gradient of a convolution, with respect to its input, is the transposed convolution of the gradient that arrives. For $g = Cb$, the chain rule says $\partial L/\partial b = C^\top\, \partial L/\partial g$. Libraries had this layer long before anyone generated images with it: it is what training a convolution takes.

# %%
b.requires_grad_()
green = F.conv2d(b, weight, stride=2)
arriving = torch.randn_like(green)
(gradient,) = torch.autograd.grad(green, b, arriving)
assert_close(gradient, F.conv_transpose2d(arriving, weight, stride=2))
print("the gradient of a convolution is its transposed convolution")

# %% [markdown]
# ## Sizes, both ways
#
# **Claim.** Along each axis, with $n$ cells coming in, kernel $k$, stride $s$, padding $p$, dilation $r$ and output padding $q$,
#
# $$\text{convolution:}\quad \left\lfloor \frac{n + 2p - r(k-1) - 1}{s} \right\rfloor + 1$$
#
# $$\text{transposed:}\quad s(n-1) + r(k-1) + 1 - 2p + q$$
#
# The second can be read off the loop: the last of the $n$ cells starts to paint at $s(n-1)$ and reaches $r(k-1)+1$ cells; $p$ are cut off at each end, and $q$ added at one.
#
# The first rounds down, so several sizes become the same one. Going back, which one is meant? That is what the output padding says.

# %%
print("convolution, kernel 3, stride 2, padding 1")
for n in range(11, 17):
    print(f"  {n} → {conv_size(n, kernel=3, stride=2, padding=1)}")
for q in (0, 1):
    n = transposed_conv_size(7, kernel=3, stride=2, padding=1, output_padding=q)
    print(f"transposed, output padding {q}: 7 → {n}")
    assert conv_size(n, kernel=3, stride=2, padding=1) == 7

# %% [markdown]
# With stride $s$ there are $s$ such sizes, for $q = 0, \dots, s-1$. An output padding of $s$ would be the next size up, which is another number of cells; that is why PyTorch refuses it. Up to $q = p$, the cells that the output padding adds are ones that the padding had cut off; only beyond that are they empty.
#
# ## Checkerboards
#
# **Claim.** Along one axis, output $y$ is reached by as many inputs as there are kernel places $k$ with $k \equiv y \pmod s$ (away from the borders, without dilation). These numbers are all equal exactly when the stride divides the kernel size. Otherwise the overlap is uneven, with period $s$.


# %%
def overlap(size, kernel, stride):  # how many inputs reach each output, [n, n]
    ones = torch.ones(1, 1, size, size)
    return F.conv_transpose2d(ones, torch.ones(1, 1, kernel, kernel), stride=stride)[0, 0]


for k, s in product(range(1, 10), range(1, 6)):
    inside = overlap(12, k, s)[k : 12 * s - s, k : 12 * s - s]  # away from the borders
    assert (inside.min() == inside.max()) == (k % s == 0)

# %%
kernels = [2, 3, 4, 5]
show(
    number_maps(
        [overlap(5, k, 2)[:9, :9] for k in kernels], [f"kernel {k}, stride 2" for k in kernels]
    ),
    alt="How many inputs reach each output, for stride 2. Kernel 2: 1 everywhere. Kernel 3: 1, 2 and "
    "4 in a checkerboard. Kernel 4: 4 everywhere inside, less at the border. Kernel 5: 4, 6 and 9 in "
    "a checkerboard.",
)

# %% [markdown]
# The two axes multiply: twice the paint along the rows and twice along the columns make four times. With several such layers it multiplies again. Here is the crudest image there is, one where all inputs are 1, through two layers with kernels of ones:

# %%
flat = torch.ones(1, 1, 7, 7)
for name, k, q in [("kernel 3", 3, 1), ("kernel 4", 4, 0)]:
    ones = torch.ones(1, 1, k, k)
    once = F.conv_transpose2d(flat, ones, stride=2, padding=1, output_padding=q)
    twice = F.conv_transpose2d(once, ones, stride=2, padding=1, output_padding=q)
    inside = twice[0, 0, 6:22, 6:22]
    print(f"{name}: from {inside.min():.0f} to {inside.max():.0f} after two layers")

# %% [markdown]
# ## Even overlap is not enough
#
# It would be neat to stop here: choose a kernel that the stride divides, and the checkerboard is gone. It is not so. In a network the weights are not all 1, and what counts is the *sum of the weights* that reach a cell, not their number.
#
# **Claim.** With stride $s$, the constant image comes out with period $s$: the kernel's places fall into $s^2$ classes by their remainders, and each output shows the sum of its own class. There is no checkerboard on a constant input exactly when the $s^2$ sums are equal.

# %%
torch.manual_seed(1)
for k in (3, 4):
    kernel = torch.randn(k, k)
    out = F.conv_transpose2d(torch.ones(1, 1, 6, 6), kernel[None, None], stride=2)[0, 0]
    sums = torch.stack([kernel[a::2, c::2].sum() for a in (0, 1) for c in (0, 1)])
    assert_close(out[4:6, 4:6].flatten(), sums)
    assert_close(out[4:6, 4:6], out[6:8, 6:8])  # and so on, with period 2
    print(f"random kernel {k}×{k}: a constant 1 becomes", out[4:6, 4:6].flatten())

# %% [markdown]
# And the other way round: an uneven overlap can be made good. The kernel with the rows $\tfrac12, 1, \tfrac12$ in both directions has nine weights and stride 2, and leaves a constant image constant. It is what is called bilinear interpolation.

# %%
tent = torch.tensor([0.5, 1.0, 0.5])
tent = tent[:, None] * tent
out = F.conv_transpose2d(torch.ones(1, 1, 6, 6), tent[None, None], stride=2)[0, 0]
print(tent)
assert_close(out[2:-2, 2:-2], torch.ones(9, 9))

# %% [markdown]
# So a checkerboard is a matter of weights. Kernel and stride decide how hard the network has to work against it: with kernels of even overlap, equal weights give an even image; with the others, equal weights give a checkerboard, and training has to keep it down.
#
# ## Three ways to double an image
#
# Besides the plain transposed convolution, generators use two other layers.
#
# - **Upsampling and a convolution**: every pixel becomes a block of 2×2 equal ones, then an ordinary 3×3 convolution. The report by Abhijith C., Raghava and Shashank calls this "DeConv".
# - **Sub-pixel convolution**: an ordinary 3×3 convolution to *four* channels, which are then laid out as the four pixels of each 2×2 block.

# %%
WAYS = {  # name: (how many weights, what they do to images [b, 1, h, w])
    "transposed, 3×3": (9, lambda x, w: F.conv_transpose2d(x, w.view(1, 1, 3, 3), None, 2, 1, 1)),
    "transposed, 4×4": (16, lambda x, w: F.conv_transpose2d(x, w.view(1, 1, 4, 4), None, 2, 1)),
    "upsample, conv 3×3": (9, lambda x, w: F.conv2d(
        F.interpolate(x, scale_factor=2), w.view(1, 1, 3, 3), padding=1)),
    "sub-pixel, 4 × 3×3": (36, lambda x, w: F.pixel_shuffle(
        F.conv2d(x, w.view(4, 1, 3, 3), padding=1), 2)),
}  # fmt: skip
for name, (weights, double) in WAYS.items():
    out = double(torch.ones(1, 1, 14, 14), torch.ones(weights))
    print(f"{name:20} {weights:2} weights, 14×14 → {out.shape[2]}×{out.shape[3]}")

# %% [markdown]
# **Claim.** All of them are transposed convolutions with stride 2. Upsampling is one, with a 2×2 kernel of ones. Followed by a 3×3 convolution it is one with a 4×4 kernel whose 16 weights are sums of only nine numbers: turn the 3×3 kernel by 180 degrees (a convolution reads, a transposed one paints) and let a 2×2 block of ones paint with it.

# %%
torch.manual_seed(2)
x, w = torch.randn(1, 1, 5, 5), torch.randn(1, 1, 3, 3)
upsampled = F.conv2d(F.interpolate(x, scale_factor=2), w, padding=1)
kernel = F.conv_transpose2d(torch.ones(1, 1, 2, 2), w.flip(2, 3))  # [1, 1, 4, 4]
assert_close(F.conv_transpose2d(x, kernel, stride=2, padding=1), upsampled)
sums = torch.stack([kernel[0, 0, a::2, c::2].sum() for a in (0, 1) for c in (0, 1)])
print("sums of the four classes:", sums)
assert_close(sums, w.sum().expand(4))

# %% [markdown]
# The last line is the reason to use it: whatever the nine weights, all four sums are the same number, the sum of $w$. A constant image stays constant (but for the border) from the first step of training to the last. It cannot draw a checkerboard there even if it wants to.
#
# A sub-pixel convolution is a transposed convolution with a 6×6 kernel. Its four kernels, each turned by 180 degrees, are interleaved like the pixels; nothing is shared, so nothing keeps the four sums equal.

# %%
w = torch.randn(4, 1, 3, 3)
shuffled = F.pixel_shuffle(F.conv2d(x, w, padding=1), 2)
kernel = F.pixel_shuffle(w.flip(2, 3).transpose(0, 1), 2)  # [1, 1, 6, 6]
assert_close(F.conv_transpose2d(x, kernel, stride=2, padding=2), shuffled)
print("sums of the four classes:", w.sum(dim=(1, 2, 3)))

# %% [markdown]
# ## The best each can do, on real digits
#
# What does the choice cost? Take real handwritten digits of 28×28 pixels, halve them by averaging 2×2 blocks, and ask each way to bring them back. No training is needed: the output is linear in the weights, so least squares finds the best weights there are. The error below is the root of the mean square over new digits, whose pixels are from 0 to 1. Column $k$ of the matrix below is what weight $k$ alone would paint.

# %%
from capsedu.data import load


def halves(train):
    large = load("digits", train=train).images.float() / 255
    return F.avg_pool2d(large, 2), large


def best_weights(weights, double, small, large):
    columns = [double(small, one).flatten().double() for one in torch.eye(weights)]
    return torch.linalg.lstsq(torch.stack(columns, 1), large.flatten().double()[:, None])[0].float()


# %%
small, large = halves(train=True)
test_small, test_large = halves(train=False)
restored = {}
for name, (weights, double) in WAYS.items():
    fitted = best_weights(weights, double, small[:200], large[:200])
    restored[name] = double(test_small, fitted)
    error = (restored[name] - test_large).square().mean().sqrt()
    print(f"{name:20} {weights:2} weights, error {error:.3f}")

# %% [markdown]
# The 4×4 kernel is better than the 3×3 one. Upsampling, with nine weights tied together, is as good as sixteen free ones. And the sub-pixel convolution is best: its four kernels can tell the four corners of a pixel apart, over a neighbourhood of 3×3.

# %%
flat = {  # the same four ways with all weights equal, as bright as the digit
    name: double(test_small[:1], torch.ones(weights))[0, 0]
    for name, (weights, double) in WAYS.items()
}
show(
    image_row(
        [*flat.values(), *(images[0, 0] for images in restored.values())],
        [*(f"{name}\nequal weights" for name in flat), *(f"{name}\nbest weights" for name in flat)],
    ),
    alt="One digit enlarged from 14×14 to 28×28 pixels, eight times. With equal weights, the "
    "transposed convolution with the 3×3 kernel shows a plain checkerboard; the other three are "
    "smooth and blurred. With the best weights, all four are sharp and without a checkerboard.",
)

# %% [markdown]
# Top: all weights equal. Only the uneven overlap shows. Bottom: with the best weights, none does. The checkerboard is not fate; it is where a network with uneven overlap *starts*.
#
# ## Where a generator starts
#
# Five layers that double the size take 128 numbers, seen as an image of one pixel with 128 channels, to 32×32. Give each the random weights that PyTorch gives a new layer, feed it random numbers, and look at the images' spectrum: how much of their variance is at which frequency. An error that repeats every second pixel is at the frequency $\tfrac12$, the very edge.


# %%
def layer(way, c_in, c_out):
    if way == "upsample, conv 3×3":
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c_in, c_out, 3, padding=1))
    if way == "sub-pixel, 4 × 3×3":
        return nn.Sequential(nn.Conv2d(c_in, 4 * c_out, 3, padding=1), nn.PixelShuffle(2))
    k, q = (3, 1) if way == "transposed, 3×3" else (4, 0)
    return nn.ConvTranspose2d(c_in, c_out, k, stride=2, padding=1, output_padding=q)


def untrained_generator(way, channels=(128, 48, 32, 16, 8, 1)):
    layers = []
    for c_in, c_out in pairwise(channels):
        layers += [layer(way, c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU()]
    return nn.Sequential(*layers[:-2])  # nothing after the last


# %%
def power_spectrum(images):  # [b, 1, n, n] -> [n, n], without the mean; sums to 1
    power = torch.fft.fft2(images - images.mean(dim=(2, 3), keepdim=True)).abs().square()
    return power.mean(dim=(0, 1)) / power.mean(dim=(0, 1)).sum()


networks = 20  # different random weights
powers, samples = {}, {}
for way in WAYS:
    powers[way] = torch.zeros(networks, 32, 32)
    for seed in range(networks):
        torch.manual_seed(seed)
        with torch.no_grad():
            images = untrained_generator(way)(torch.randn(64, 128, 1, 1))
        powers[way][seed] = power_spectrum(images)
    samples[way] = images[0, 0]

# %%
print("how much of the variance repeats every second pixel, in 20 untrained networks")
for way, power in powers.items():
    shares = power[:, 16].sum(dim=1) + power[:, :, 16].sum(dim=1) - power[:, 16, 16]
    print(f"{way:20} {shares.mean():5.1%} on average, {shares.min():5.1%} to {shares.max():5.1%}")
print(f"{'white noise':20} {(2 * 32 - 1) / (32 * 32 - 1):5.1%}")  # that many of the frequencies

# %%
show(
    image_row(list(samples.values()), list(samples)),
    alt="An image from each of four untrained generators. The two transposed convolutions and the "
    "sub-pixel convolution show regular dots and stripes two pixels apart; upsampling with a "
    "convolution shows soft blobs.",
)

# %%
show(
    spectra({way: power.mean(dim=0) for way, power in powers.items()}),
    alt="Mean power spectra of the four. Both transposed convolutions and the sub-pixel convolution "
    "have bright dots on a lattice, brightest at the frequencies 1/2 and 1/4 along an axis. Upsampling "
    "with a convolution is bright in the middle, along a cross, and dark at the edges.",
)

# %% [markdown]
# Dots at the edge are checkerboards of period 2, those halfway out of period 4, left by the layer before. Note the second line of the table: with *random* weights a 4×4 kernel, although its overlap is even, does hardly better than a 3×3 one: the averages differ by much less than the 20 networks do among themselves. Only the layer that ties its sums together starts clean. (A sub-pixel convolution can be made to start clean, too: let its four kernels begin as copies of one. See Aitken and others in the references.)
#
# ## Take hold of it
#
# Here is everything in one place, on an input of 3×3 cells. The steps let one input after the other paint, and the output shows the sum so far. Choose a cell of the output (click, or use the arrow keys): the kernel's weights that lead to it are framed, and beside them stands which input each belongs to. Choose a cell of the input: what it paints is shown, and its row in the matrix is framed. Some things to try:
#
# - All weights 1, all inputs 1, and then the kernel from 2 to 5. Watch the output, the count of inputs, and the upsampled image.
# - The tent with kernel 3 and stride 2, inputs all 1. The count is uneven, and the output is even.
# - Random weights with kernel 4 and stride 2, inputs all 1. Now the count is even and the output is not.
# - Kernel 3, stride 2, padding 1, and both output paddings. Which cells are cut off, and which come back?

# %%
explorers.transposed_convolution()

# %% [markdown]
# ## Reading a generator: 3 → 5 → 7 → 14 → 28
#
# Karmakar's slides describe the generator in three lines: backwards strided convolution, 3×3 kernels throughout, and
#
# > 128 × (3 × 3) → 64 × (5 × 5) → 32 × (7 × 7) → 3 × (14 × 14) → 1 × (28 × 28)
#
# No stride and no padding is given. Are there any that fit? The size formula can be searched. A padding of $k$ or more would cut off everything that the border cells paint, so $p < k$; the output padding is below the stride.


# %%
def layers_between(n, m, kernel):
    return [
        (s, p, q)
        for s in range(1, 8)
        for p in range(kernel)
        for q in range(s)
        if transposed_conv_size(n, kernel, s, p, q) == m
    ]


for n, m in [(3, 5), (5, 7), (7, 14), (14, 28)]:
    for s, p, q in layers_between(n, m, 3):
        print(f"{n:2} → {m:2}: stride {s}, padding {p}, output padding {q}")

# %% [markdown]
# The last two layers have no choice: stride 2, padding 1, output padding 1. The first two leave three and two possibilities, six generators in all. They are not equally sensible. A layer that grows 5 to 7 with stride 2 must first paint 11 cells and then cut two off each end. How much of what is painted survives?

# %%
for n, m in [(3, 5), (5, 7), (7, 14), (14, 28)]:
    for s, p, q in layers_between(n, m, 3):
        ones = torch.ones(1, 1, 3, 3)
        kept = (transposed_conv_matrix(ones, n, s, p, q) != 0).sum().item() / (9 * n * n)
        counts = (transposed_conv_matrix(ones, n, s, p, q) != 0).sum(dim=1).view(m, m)
        print(f"{n:2} → {m:2}, stride {s}: {kept:4.0%} of the paint is kept, "
              f"{counts.min()} to {counts.max()} inputs reach an output")  # fmt: skip

# %% [markdown]
# With stride 1 in the first two layers nothing is cut off, and every output in the middle gets all nine inputs. With stride 3, one input reaches each output; neighbours never mix at all. If the phrase *backwards strided* is to hold for every layer, the first two have stride 2; if nothing is to be wasted, stride 1. The slides do not say. Either way, the last two layers have a 3×3 kernel and stride 2, the uneven overlap, twice in a row:

# %%
overlaps = {}
image = torch.ones(1, 1, 7, 7)
for _ in range(2):
    image = F.conv_transpose2d(image, torch.ones(1, 1, 3, 3), stride=2, padding=1, output_padding=1)
    overlaps[f"the last {image.shape[2]}×{image.shape[2]}, a corner"] = image[0, 0, -12:, -12:]
show(
    number_maps(list(overlaps.values()), list(overlaps), columns=2),
    alt="The bottom right corner of a constant image through one and two layers with kernel 3 and "
    "stride 2. After one: 1, 2, 4 in a checkerboard. After two: 1, 2, 3, 4, 6 and 9. The last "
    "row and column have the small numbers only.",
)

# %% [markdown]
# Left: how many inputs reach each pixel after one layer. Right: by how many paths, after both: from 1 to 9. The last row and column have fewer than their neighbours: that is where the output padding was added, and one side of a generated image is made from less than the other.
#
# Now the channels. Whatever the strides, we can count weights, and we can count what passes through:

# %%
channels, sizes = [128, 64, 32, 3, 1], [3, 5, 7, 14, 28]
for c, n in zip(channels, sizes, strict=True):
    print(f"{c:3} × {n:2} × {n:2} = {c * n * n} numbers")
for c_in, c_out in pairwise(channels):
    weights = nn.ConvTranspose2d(c_in, c_out, 3).weight.numel()
    print(f"{c_in:3} → {c_out:2} channels: {weights + c_out} parameters, with biases")

# %% [markdown]
# There is a waist in it. The image of 784 pixels is made, in one linear layer, from only $3\cdot14\cdot14 = 588$ numbers, by one kernel of 27 weights. A linear map from 588 numbers reaches at most a 588-dimensional part of all images (a function after it, such as a sigmoid, bends that part but gives it no further dimension). The matrix shows it:

# %%
torch.manual_seed(3)
last = transposed_conv_matrix(torch.randn(3, 1, 3, 3, dtype=torch.float64), 14, 2, 1, 1)
print(f"{last.shape[1]} numbers → {last.shape[0]} pixels, rank {torch.linalg.matrix_rank(last)}")

# %% [markdown]
# Why 3? The slides do not say. Three is the number of channels of a colour image, and in the other student report 128, 64, 32 and 3 are the channels of a generator of colour images; here one more layer stands behind the three.
#
# ## Reading a generator: five layers from 128 numbers to 32×32
#
# The CapsGAN paper (section 3.1) says: five transposed convolutions, which upsample a vector of 128 numbers; batch normalisation between them; ReLU, and tanh at the end. The images are 32×32 (section 4). Kernels and strides stand nowhere in its text. Suppose first that all five layers are alike:


# %%
def sizes_along(layers, n=1):  # layers: (kernel, stride, padding, output padding), one each
    sizes = [n]
    for k, s, p, q in layers:
        sizes.append(transposed_conv_size(sizes[-1], k, s, p, q))
    return sizes


for k, s in product(range(1, 8), range(1, 8)):
    for p, q in product(range(k), range(s)):
        if sizes_along(5 * [(k, s, p, q)])[-1] == 32:
            even = "even" if k % s == 0 else "uneven"
            print(f"kernel {k}, stride {s}, padding {p}, output padding {q}: {even} overlap")

# %% [markdown]
# Only stride 2 works, and there is a reason. One layer is $n \mapsto s\,n + c$ with $c = k - s - 2p + q$, and five of them make $s^5 + c\,(1 + s + s^2 + s^3 + s^4)$ out of 1. For $s = 2$ that is $32 + 31c$: right for $c = 0$. For $s = 1$ it is $1 + 5c$, and 31 is not a multiple of 5. For $s = 3$ it is $243 + 121c$, and so on: never 32.
#
# But must they be alike? The DCGAN, which the paper says inspired it, goes to 4×4 at once and then doubles four times, which ends at 64, twice too large. Five layers that end at 32 have to spend one layer on something else, or begin smaller:

# %%
to_four, doubling, same = (4, 1, 0, 0), (4, 2, 1, 0), (3, 1, 1, 0)  # kernel, stride, padding, q
for name, layers in {
    "DCGAN's ladder": [to_four, *4 * [doubling]],
    "doubled five times": 5 * [doubling],
    "one layer keeps the size": [to_four, *3 * [doubling], same],
}.items():
    print(f"{name:25}", " → ".join(map(str, sizes_along(layers))))

# %% [markdown]
# Two different networks, each with five layers from 128 numbers to 32×32. The text does not decide between them.
#
# ## Reading a generator: the third one, with a table
#
# The report that says "DeConv" prints its generator as a table from Keras, and so can be checked to the last parameter. Each of its three DeConvs doubles the size with a parameter-free upsampling and then convolves.

# %%
report = [827392, 512, 147584, 512, 73792, 256, 18464, 128, 867]  # as printed, row by row
ours = [nn.Linear(100, 8 * 8 * 128)]
for c_in, c_out in [(128, 128), (128, 64), (64, 32), (32, 3)]:
    ours += [nn.BatchNorm2d(c_in), nn.Conv2d(c_in, c_out, 3, padding=1)]
twice = [2 if isinstance(part, nn.BatchNorm2d) else 1 for part in ours]  # see below
counts = [
    n * sum(p.numel() for p in part.parameters()) for n, part in zip(twice, ours, strict=True)
]
print(counts, "in all", sum(counts))
assert counts == report and sum(counts) == 1_069_507

# %% [markdown]
# Keras counts the running means and variances of batch normalisation as parameters too, hence *twice*. Every number of that table is right. And as shown above, its layers cannot draw a checkerboard into a constant image.
#
# ## Exercises
#
# Write the function or the values, then run the cell. A stub is allowed to stay a stub.
#
# **1.** How many cells come out along one axis?
#
# <details><summary>Hint</summary>
#
# Where does the *last* of the `n` inputs begin to paint, and how far does its kernel reach from there? Padding takes cells away at both ends, output padding adds some at one.
#
# </details>


# %%
def my_size(n, kernel, stride, padding, output_padding):
    return ...  # a whole number


solved = check("01.size", my_size)

# %% [markdown]
# **2.** Insert `stride - 1` rows and columns of zeros *between* those of an image `[h, w]`. A transposed convolution with stride $s$ is an ordinary one with stride 1 on this image (with the kernel turned by 180 degrees and enough zeros around). This reading gave it another of its names, fractionally strided convolution.
#
# <details><summary>Hint</summary>
#
# Make the image of zeros first. A slice with a step, such as `[::stride]`, may also stand on the left of an equals sign.
#
# </details>


# %%
def my_zeros_between(x, stride):
    return ...  # [stride * (h - 1) + 1, stride * (w - 1) + 1]


solved = check("01.zeros_between", my_zeros_between)

# %% [markdown]
# **3.** A transposed convolution with stride 1 or more, without padding, of an image `[h, w]` with a kernel `[k, l]`. Turn the reading direction around: for each output, add up what reaches it. Do not call PyTorch's.
#
# <details><summary>Hint</summary>
#
# Exercise 2 has done the stride. An ordinary convolution is left, of an image with zeros around: how many, so that the kernel just touches the first pixel? Compare which weight joins which pixels with what `F.conv2d` does. (Or paint: two loops, and mind what happens where two inputs meet.)
#
# </details>


# %%
def my_transposed(x, weight, stride):
    return ...  # [stride * (h - 1) + k, stride * (w - 1) + l]


solved = check("01.transposed", my_transposed)

# %% [markdown]
# **4.** A 3×3 kernel for stride 3 turns a constant 1 into a constant 1 if all nine weights are 1. Find a 5×5 kernel for stride **2** that does, with none of its 25 weights zero.
#
# <details><summary>Hint</summary>
#
# Along one axis first. With stride 2, which of five weights does an output at an even place hear, and which at an odd one? Two sums must be 1. An outer product carries it over to two axes.
#
# </details>

# %%
my_kernel = ...  # a tensor [5, 5]
solved = check("01.even_kernel", my_kernel)

# %% [markdown]
# **5.** Design a generator of five layers from one cell to **28**: a list of five tuples (kernel, stride, padding, output padding). No layer may shrink the image, none may have an uneven overlap, and no padding may reach the kernel size.
#
# <details><summary>Hint</summary>
#
# Which sizes give 28 when they are doubled, once or twice? The first layer stands on a single cell, so its kernel alone decides what comes out. With stride 1 and the right padding a layer keeps the size: use that to fill up to five.
#
# </details>

# %%
my_generator = ...  # [(kernel, stride, padding, output padding), ...]
solved = check("01.generator", my_generator)

# %% [markdown]
# **6.** (No check, an evening.) Take a generator that somebody has published, with code. Write down for each layer kernel, stride, padding and the sizes that follow, and predict by this chapter's rule which layers overlap unevenly. Then feed the untrained network noise, and look for the pattern in the mean of a few hundred images. Replace the worst layer by one of even overlap and the same sizes, and look again.
#
# <details><summary>Hint</summary>
#
# One PyTorch forward hook per layer shows all sizes at once. Uneven overlap is a pattern that does not move when the noise changes, so it survives the mean, and what the noise paints does not.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/01_transposed_convolution.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/01_transposed_convolution.md)).

# %% [markdown]
# ## What the papers got wrong
#
# **"Deconvolution".** Karmakar's slides head the page "Deconvolution: Transposed Convolution", the CapsGAN paper says that batch normalisation is applied "between each of the deconvolution layers", and the student report says "DeConv". A deconvolution undoes a convolution: it gives an image that, convolved once more, is what we had. The pseudoinverse of the matrix does that. The transpose does not.

# %%
digit = test_large[:1]
torch.manual_seed(4)
kernel = torch.rand(1, 1, 3, 3)
there = F.conv2d(digit, kernel, stride=2, padding=1)
transposed = F.conv_transpose2d(there, kernel, stride=2, padding=1, output_padding=1)
C = transposed_conv_matrix(kernel.double(), 14, 2, 1, 1).T  # [196, 784]
deconvolved = (torch.linalg.pinv(C) @ there.double().flatten()).view(1, 1, 28, 28).float()
for name, image in {"transposed": transposed, "deconvolved": deconvolved}.items():
    again = F.conv2d(image, kernel, stride=2, padding=1)
    again = again * (again * there).sum() / again.square().sum()  # compare shapes, not brightness
    print(f"{name}, and convolved again: off by {(again - there).norm() / there.norm():.1%}")
assert_close(F.conv2d(deconvolved, kernel, stride=2, padding=1), there, atol=1e-3, rtol=0)

# %%
show(
    image_row(
        [digit[0, 0], there[0, 0], transposed[0, 0], deconvolved[0, 0]],
        ["a digit", "convolved, 14×14", "transposed", "deconvolved"],
    ),
    alt="A digit 3; convolved with stride 2, blurred; brought back by the transposed convolution, "
    "wider than it was and with stripes; and deconvolved, with stripes but of the digit's extent.",
)

# %% [markdown]
# Not even the deconvolution is the digit: 784 numbers went into 196, and what was lost cannot be computed. But it explains what was seen, and the transpose explains nothing. It is not meant to. A generator's layer should paint, and how, it learns.
#
# **Upsampling and a convolution is not "the" transposed convolution.** The student report (section 5.1) describes its DeConv layer as a transposed convolutional layer that is *internally implemented by* an upsampling and a convolution. It is *a* transposed convolution, as we saw, with a tied 4×4 kernel. It is not the one with the 3×3 kernel that the layer holds:

# %%
torch.manual_seed(5)
x, w = torch.randn(1, 1, 8, 8), torch.randn(1, 1, 3, 3)
upsampled = F.conv2d(F.interpolate(x, scale_factor=2), w, padding=1)
for name, kernel in {"as it is": w, "turned by 180 degrees": w.flip(2, 3)}.items():
    transposed = F.conv_transpose2d(x, kernel, stride=2, padding=1, output_padding=1)
    gap = (upsampled - transposed).square().mean().sqrt() / upsampled.square().mean().sqrt()
    print(f"kernel {name}: differs by {gap:.0%} of the upsampled result's size")
    assert gap > 0.5

# %% [markdown]
# The two layers have different powers. The transposed one can learn the upsampling and much besides, checkerboards included, for 16 weights instead of nine.
#
# **Twice more does not give three channels.** The same section says that after the first DeConv, two more give the shape (64, 64, 3). By the report's own table and code, three DeConvs end at 32 channels of 64×64, and a fourth convolution, without upsampling, makes the three colours.

# %%
sizes, channels = [8], [128]
for c_out in (128, 64, 32):  # the three DeConvs of the table
    sizes.append(2 * sizes[-1])
    channels.append(c_out)
print(
    " → ".join(f"{n}×{n}×{c}" for n, c in zip(sizes, channels, strict=True)),
    "→ 64×64×3 by a convolution",
)
assert channels[-1] == 32

# %% [markdown]
# ## References
#
# - A. Karmakar. *Improving Generative Adversarial Networks with CapsuleNET*. Slides, 2018. The two pictures, and the generator.
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. [arXiv:1806.03968](https://arxiv.org/abs/1806.03968). Sections 3.1 and 4.
# - Abhijith C., Raghava G. Dhanya, Shashank S. *Image Regeneration with Generative Models*. Project report, 2018. Sections 5.1, 6.1.1 and 7.2.
# - V. Dumoulin, F. Visin. *A guide to convolution arithmetic for deep learning*. 2016. [arXiv:1603.07285](https://arxiv.org/abs/1603.07285). Chapter 4.
# - A. Odena, V. Dumoulin, C. Olah. *Deconvolution and Checkerboard Artifacts*. Distill, 2016. [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
# - W. Shi and others. *Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network*. 2016. [arXiv:1609.05158](https://arxiv.org/abs/1609.05158).
# - A. Aitken and others. *Checkerboard artifact free sub-pixel convolution*. 2017. [arXiv:1707.02937](https://arxiv.org/abs/1707.02937).
# - A. Radford, L. Metz, S. Chintala. *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*. 2015. [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
