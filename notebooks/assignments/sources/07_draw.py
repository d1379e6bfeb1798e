# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 7: DRAW from scratch, with a capsule that knows the class
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/07_draw.ipynb)
#
# A network that draws a digit stroke by stroke, looking through a small window at what is still missing: you write every piece of it that is peculiar to DRAW, and each of the pieces that public code usually gets wrong. The pieces go into a small network, which is trained on digits of 14 × 14 pixels; in the end you watch its canvas, step by step, and measure how good it is with an estimate of your own.
#
# You will be able to
#
# - place a grid of Gaussian filters so that it is neither one cell nor one pixel off, and does not break outside the image;
# - read and write through it, and prove that the one is the other's transpose;
# - say what latents cost, to the last constant, and pass gradients through a random draw;
# - put one step of DRAW together in the right order;
# - train on a bound, measure with something better, and know the difference;
# - add the margin term of the Recurrent Capsule Network, and see what it costs.
#
# **Read first:** chapter 12, up to the experiments. **Time:** three to four hours. **Hardware:** any CPU. **Points:** 100, of which 70 are for code and 30 for four written questions.
#
# Every answer cell holds a function with its description. Replace the line that raises `NotImplementedError`, run the cell, then the check below it, which answers at once. The cells marked *Tested when graded* look empty to you; leave them where they are. Everything else you may change, and add cells as you like. The notebook runs from top to bottom at any time; parts that are not written yet are waited for.

# %% given="setup"
try:
    from capsedu.classroom import check, waits
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check, waits

import math
import time
from types import SimpleNamespace

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from capsedu.data import first_available
from capsedu.explore import show
from capsedu.explore.drawing_figures import filter_panels, framed_images, nats_by_step
from capsedu.explore.figures import COLOURS
from capsedu.layers import DenseCapsules, PrimaryCapsules
from capsedu.profiles import resolve_profile

profile = resolve_profile("auto")
torch.set_printoptions(precision=3, sci_mode=False)

# %% given="variant"
variant = 0

# %% [markdown]
# The numbers below are yours: they depend on the variant. Written questions ask about them.

# %% given="numbers"
SIZE = 14  # pixels along each side of an image
CELLS = 4 + variant % 2  # filters along each side of a window
LATENT = 4 + variant % 2  # numbers told in each step
STEPS = 6 + variant % 3
HIDDEN, CLASSES, CLASS_DIM = 64, 10, 8
print(f"{CELLS} x {CELLS} filters, {STEPS} steps, {LATENT} latents a step")

# %% [markdown]
# The digits are MNIST where it is on the disk or can be downloaded, and scikit-learn's smaller set otherwise, with four pixels made one. A network like this speaks of probabilities, so every pixel is made black or white: white where it is lighter than 0.4.

# %% given="data"


def small_digits(train, most):
    """Images [n, 14, 14] of 0 and 1, and targets [n]."""
    digits = first_available("mnist", "digits", train=train)
    grey = F.avg_pool2d(digits.images[:most].float() / 255, 2)[:, 0]
    return (grey > 0.4).float(), digits.targets[:most]


train_images, labels = small_digits(True, 2_000 if profile == "smoke" else 20_000)
test_images, test_labels = small_digits(False, 500)
example = test_images[3 + variant]

# %% [markdown]
# ## Part 1: where the window is (6 points)
#
# A window is a grid of $N \times N$ filters on an image of $A \times A$ pixels. A linear layer gives five numbers, $\tilde g_X, \tilde g_Y, \log\sigma^2, \log\tilde\delta, \log\gamma$, from which come the grid's centre, the stride between two filters, the filters' variance, and the intensity:
#
# $$g = \frac{A+1}{2}(\tilde g + 1), \qquad \delta = \frac{A-1}{N-1}\,\tilde\delta.$$
#
# With five zeros the grid should cover the image: the outermost filters stand on the middles of the outermost pixels. **The paper counts pixels from 1; here pixel 0 has its middle at 0.**
#
# **1 (6 points).** Write it, for the count from 0.


# %% answer="place_window"
def place_window(parameters, cells, size):
    """The window that five numbers stand for.

    Args:
        parameters: [b, 5], in the order above.
        cells: filters along each side, at least 2.
        size: pixels along each side of the image.

    Returns:
        centre [b, 2] (x before y), stride [b], variance [b] and intensity [b].
    """
    ### BEGIN SOLUTION
    centre = (size + 1) / 2 * (parameters[:, :2] + 1) - 1  # counted from 0
    variance, stride, intensity = parameters[:, 2:].exp().unbind(dim=1)
    return centre, (size - 1) / (cells - 1) * stride, variance, intensity
    ### END SOLUTION


# %%
solved = check("a7.place_window", place_window)

# %% test="window_zeros" points=3
# Tested when graded, 3 points: the window of five zeros.
### BEGIN HIDDEN TESTS
import torch as _torch

for _cells, _size in [(2, 28), (5, 28), (4, 14), (3, 9)]:
    _centre, _stride, _variance, _intensity = place_window(_torch.zeros(3, 5), _cells, _size)
    _middle = (_size - 1) / 2
    assert _torch.allclose(_centre, _torch.full((3, 2), _middle)), (
        f"the middle of pixels 0 to {_size - 1} is {_middle}; a window of five zeros stands at "
        f"{_centre[0].tolist()}"
    )
    _first = _centre[0, 0].item() - (_cells - 1) / 2 * _stride[0].item()
    assert abs(_first) < 1e-4, (
        f"with {_cells} filters on {_size} pixels the first filter stands at {_first:.3f}, not at 0"
    )
    assert _torch.allclose(_variance, _torch.ones(3)), "with five zeros the variance is 1"
    assert _torch.allclose(_intensity, _torch.ones(3)), "with five zeros the intensity is 1"
### END HIDDEN TESTS

# %% test="window_moves" points=3
# Tested when graded, 3 points: what the five numbers change.
### BEGIN HIDDEN TESTS
import math as _math

import torch as _torch

for _cells, _size in [(5, 28), (4, 14)]:
    _zero = place_window(_torch.zeros(1, 5), _cells, _size)
    _p = _torch.tensor([[0.5, -0.25, 1.0, -0.5, 0.3]])
    _there = place_window(_p, _cells, _size)
    _moved = (_there[0] - _zero[0])[0].tolist()
    _wanted = [0.25 * (_size + 1), -0.125 * (_size + 1)]
    assert all(abs(m - w) < 1e-3 for m, w in zip(_moved, _wanted, strict=True)), (
        f"on {_size} pixels the numbers 0.5 and -0.25 move the centre by {_moved}, not {_wanted}"
    )
    for _name, _k, _by in [("variance", 2, 1.0), ("stride", 1, -0.5), ("intensity", 3, 0.3)]:
        _factor = (_there[_k] / _zero[_k]).item()
        assert abs(_factor - _math.exp(_by)) < 1e-3, (
            f"the number {_by} multiplies the {_name} by {_factor:.3f}, not {_math.exp(_by):.3f}"
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: Gaussian filters (10 points of code, 8 written)
#
# Along one axis, filter $i$ of $N$ is a row of weights over the pixels $a$:
#
# $$\mu_i = g + (i - N/2 - \tfrac12)\,\delta, \qquad F[i, a] = \frac{1}{Z_i}\exp\Big(-\frac{(a-\mu_i)^2}{2\sigma^2}\Big), \qquad i = 1 \dots N.$$
#
# $Z_i$ makes each row sum to 1: also for a filter that has left the image, where every exponential is 0 in float32.
#
# **2 (10 points).** Write the bank of filters along one axis, for a batch. Mind from where the formula counts $i$.


# %% answer="filter_bank"
def filter_bank(centre, stride, variance, cells, size):
    """Gaussian filters along one axis.

    Args:
        centre, stride, variance: of the grid, [b] each.
        cells: how many filters.
        size: how many pixels, counted from 0.

    Returns:
        Weights [b, cells, size]; each row sums to 1.
    """
    ### BEGIN SOLUTION
    steps = torch.arange(cells) - (cells - 1) / 2
    places = centre.unsqueeze(1) + stride.unsqueeze(1) * steps  # [b, cells]
    away = torch.arange(size) - places.unsqueeze(2)
    return (-away.square() / (2 * variance[:, None, None])).softmax(dim=2)
    ### END SOLUTION


# %%
solved = check("a7.filter_bank", filter_bank)

# %% test="filter_places" points=4
# Tested when graded, 4 points: where the filters stand.
### BEGIN HIDDEN TESTS
import torch as _torch

for _cells in (2, 3, 6):
    _centre, _stride = 19 + 2 * _torch.rand(4), 1.5 + _torch.rand(4)
    _bank = filter_bank(_centre, _stride, _torch.full((4,), 0.8), _cells, 40)
    assert list(_bank.shape) == [4, _cells, 40], f"the shape is {list(_bank.shape)}"
    _found = _bank @ _torch.arange(40.0) / _bank.sum(dim=2)
    _wanted = _centre[:, None] + _stride[:, None] * (_torch.arange(_cells) - (_cells - 1) / 2)
    _off = (_found - _wanted)[0]
    assert _off.abs().max() < 0.02, (
        f"with {_cells} filters and a stride of {_stride[0]:.2f}, the filters stand "
        f"{_off.abs().max():.2f} pixels from where they should"
    )
### END HIDDEN TESTS

# %% test="filter_widths" points=3
# Tested when graded, 3 points: how broad they are.
### BEGIN HIDDEN TESTS
import torch as _torch

_variances, _pixels = _torch.tensor([1.5, 3.0, 6.0, 9.0]), _torch.arange(80.0)
_bank = filter_bank(_torch.full((4,), 40.0), _torch.full((4,), 4.0), _variances, 3, 80)
_bank = _bank / _bank.sum(dim=2, keepdim=True)
_places = _bank @ _pixels
_found = (_bank * (_pixels - _places.unsqueeze(2)).square()).sum(dim=2)[:, 1]
for _f, _w in zip(_found.tolist(), _variances.tolist(), strict=True):
    assert abs(_f - _w) < 0.02 * _w, (
        f"a filter of variance {_w} has a measured variance of {_f:.2f}: look at the exponent"
    )
### END HIDDEN TESTS

# %% test="filter_outside" points=3
# Tested when graded, 3 points: rows that sum to 1, on the image and far outside.
### BEGIN HIDDEN TESTS
import torch as _torch

_p = _torch.tensor([7.0, -90.0, 500.0], requires_grad=True)
_bank = filter_bank(_p, _torch.full((3,), 2.0), _torch.full((3,), 0.05), 4, 14)
assert not _bank.isnan().any(), "a filter outside the image is made of NaN"
_sums = _bank.sum(dim=2)
assert _torch.allclose(_sums, _torch.ones(3, 4), atol=1e-4), (
    f"the rows should sum to 1; one sums to {_sums.min():.3f}"
)
_bank.square().sum().backward()
assert _p.grad.isfinite().all(), "a filter outside the image makes gradients that are not finite"
### END HIDDEN TESTS

# %%
with waits("the figure of the filters"):
    row = example[example.sum(dim=1).argmax()]
    centre, stride, variance, _ = place_window(torch.zeros(1, 5), CELLS, SIZE)
    near = torch.full((1,), 1.8)
    banks = {
        "the window of five zeros": filter_bank(centre[:, 0], stride, variance, CELLS, SIZE)[0],
        "a stride of 1.8 and variance 0.3": filter_bank(
            centre[:, 0], near, 0.3 * variance, CELLS, SIZE
        )[0],
    }
    show(
        filter_panels(row, banks),
        alt=f"{CELLS} Gaussian filters over the {SIZE} pixels of a row of a digit, twice: from the first "
        "pixel to the last, and closer together and sharper in the middle.",
    )

# %% [markdown]
# In a fresh network all five numbers are nearly 0. What does it see then, and is there a gradient that tells it where to look? For windows of several sizes: the share of test digits of which no filter sees anything (less than 0.05), and how the brightness that is seen changes with the window's place and stride, on average over the digits that are all but unseen and those that are not.

# %%
with waits("the table of fresh windows"):
    for cells, variance in [(2, 0.25), (2, 1.0), (3, 1.0), (CELLS, 0.25), (CELLS, 1.0)]:
        p = torch.zeros(len(test_images), 5)
        p[:, 2] = math.log(variance)
        p.requires_grad_()
        where, stride, sigma2, _ = place_window(p, cells, SIZE)
        x, y = (filter_bank(where[:, k], stride, sigma2, cells, SIZE) for k in (0, 1))
        glimpse = y @ test_images @ x.mT
        glimpse.sum().backward()
        blind = glimpse.flatten(1).amax(dim=1) < 0.05
        slope = p.grad[:, [0, 1, 3]].norm(dim=1)
        seeing = f"{slope[~blind].mean():.2f}" if (~blind).any() else "none"
        unseen = f"{slope[blind].mean():.4f}" if blind.any() else "none"
        print(f"{cells} x {cells} filters of variance {variance:<5} {blind.float().mean():5.0%} unseen; "
              f"slope where seen {seeing}, where unseen {unseen}")  # fmt: skip

# %% [markdown] written="fresh" points=8
# **2b (8 points).** Use your table. (i) Where do the four filters of the 2 × 2 window stand in a fresh network, in pixels, and why is that a bad place for digits in the middle? (ii) "It will learn to look elsewhere." What would have to tell it so, and what does your table say about it? (iii) A larger variance helps the 2 × 2 window. What does it cost? (iv) A friend's code takes $i$ from 0 to $N-1$ in the formula as it is printed. Where do the filters of *your* $N$ then stand for five zeros, and which of them see nothing? Why does such a network train all the same?
#
# ### BEGIN SOLUTION
# (i) On the middles of the corner pixels: (0, 0), (0, 13), (13, 0), (13, 13). Digits are centred and leave a border; a Gaussian of deviation 1 or less in a corner weighs pixels three or more away with next to nothing.
#
# (ii) The gradient by the window's numbers. Where nothing is seen it is a tiny part of what it is where something is seen (own numbers; typically a factor of a hundred or more), since all weights on ink are tails of Gaussians. So exactly the network that needs to move its window is hardly told to.
#
# (iii) Sharpness: a filter that averages over many pixels sees that there is ink, not where; strokes of a pixel or two are blurred. (Variance is learnt, so a start with a larger one could be a compromise.)
#
# (iv) All filters are shifted by one stride to the left and up: for N = 4, δ = 13/3, they stand at −4.33, 0, 4.33, 8.67 instead of 0, 4.33, 8.67, 13 (for N = 5: −3.25, 0, 3.25, 6.5, 9.75). The first row and column stand outside the image (with a softmax they see its border), and the last rows and columns of pixels are hardly seen. It trains because the centre is learnt: adding δ to g undoes the mistake, as long as the gradient can get there. It is a bad start, and "centre" is not the centre.
#
# Rubric: 2 points for the corners with a reason; 2 points for comparing the slopes; 1 point for blur; 3 points for (iv): 1 for the numbers, 1 for which are outside, 1 for "the learnt centre compensates".
# ### END SOLUTION

# %% [markdown]
# ## Part 3: reading (8 points)
#
# With a bank for rows, $F_Y$, and one for columns, $F_X$, a glimpse of an image is $\gamma\, F_Y\, x\, F_X^T$. DRAW reads two images through one window: $x$, and the **error image** $\hat x = x - \sigma(c)$, what the canvas still lacks. The canvas $c$ holds logits.
#
# **3 (8 points).** Write it. The glimpse of the image comes first, row by row, then that of the error image.


# %% answer="read"
def read(images, canvas, bank_x, bank_y, intensity):
    """What is seen of images, and of what the canvas lacks.

    Args:
        images: [b, h, w].
        canvas: logits, [b, h, w].
        bank_x: filters along x, over columns, [b, cells, w].
        bank_y: filters along y, over rows, [b, cells, h].
        intensity: [b].

    Returns:
        [b, 2 * cells * cells].
    """
    ### BEGIN SOLUTION
    both = torch.stack([images, images - canvas.sigmoid()], dim=1)  # [b, 2, h, w]
    glimpses = bank_y.unsqueeze(1) @ both @ bank_x.unsqueeze(1).mT
    return intensity.unsqueeze(1) * glimpses.flatten(1)
    ### END SOLUTION


# %%
solved = check("a7.read", read)

# %% test="read_image" points=4
# Tested when graded, 4 points: the glimpse of the image.
### BEGIN HIDDEN TESTS
import torch as _torch

_x, _c = _torch.rand(3, 7, 9), _torch.randn(3, 7, 9)
_bx, _by = _torch.rand(3, 4, 9), _torch.rand(3, 4, 7)
_gamma = 0.5 + _torch.rand(3)
_found = read(_x, _c, _bx, _by, _gamma)
assert list(_found.shape) == [3, 32], f"the shape is {list(_found.shape)}, not [3, 32]"
_wanted = _torch.einsum("b,bih,bhw,bjw->bij", _gamma, _by, _x, _bx).flatten(1)
_off = (_found[:, :16] - _wanted).abs().max().item()
assert _off < 1e-3, f"the glimpse of the image is off by {_off:.3f}"
### END HIDDEN TESTS

# %% test="read_error" points=4
# Tested when graded, 4 points: the glimpse of the error image.
### BEGIN HIDDEN TESTS
import torch as _torch

_half = _torch.rand(2, 6, 6)
_x, _c = (_half + _half.mT) / 2, 2 * (_half + _half.mT) - 1.5
_bank = _torch.rand(2, 3, 6)
_seen = read(_x, _c, _bank, _bank, _torch.ones(2))[:, 9:]
_wanted = _torch.einsum("bih,bhw,bjw->bij", _bank, _x - _c.sigmoid(), _bank).flatten(1)
_off = (_seen - _wanted).abs().max().item()
assert _off < 1e-3, (
    f"the glimpse of the error image is off by {_off:.3f}; it is the image minus the canvas as "
    "probabilities"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: writing (7 points)
#
# A patch $w$ of $N \times N$ numbers is painted as $\frac1\gamma\, F_Y^T\, w\, F_X$. Apart from $\gamma$, writing is the **transpose** (the adjoint) of reading: for every image $x$ and patch $w$, $\langle F_Y x F_X^T,\ w\rangle = \langle x,\ F_Y^T w F_X\rangle$.
#
# **4 (7 points).** Write it.


# %% answer="write"
def write(patches, bank_x, bank_y, intensity):
    """What patches look like on the canvas.

    Args:
        patches: [b, cells, cells], rows before columns.
        bank_x: filters along x, over columns, [b, cells, w].
        bank_y: filters along y, over rows, [b, cells, h].
        intensity: [b].

    Returns:
        [b, h, w].
    """
    ### BEGIN SOLUTION
    return bank_y.mT @ patches @ bank_x / intensity[:, None, None]
    ### END SOLUTION


# %%
solved = check("a7.write", write)

# %% test="write_adjoint" points=4
# Tested when graded, 4 points: writing is the transpose of reading.
### BEGIN HIDDEN TESTS
import torch as _torch

_bx, _by = _torch.rand(3, 4, 9).double(), _torch.rand(3, 4, 7).double()
_patch, _x = _torch.randn(3, 4, 4).double(), _torch.randn(3, 7, 9).double()
_found = write(_patch, _bx, _by, _torch.ones(3).double())
assert list(_found.shape) == [3, 7, 9], f"the shape is {list(_found.shape)}, not [3, 7, 9]"
_read = ((_by @ _x @ _bx.mT) * _patch).sum(dim=(1, 2))
_written = (_x * _found).sum(dim=(1, 2))
assert _torch.allclose(_read, _written), (
    f"the product of a glimpse with a patch is {_read[0]:.3f}; that of the image with the written "
    f"patch should be the same, and is {_written[0]:.3f}"
)
### END HIDDEN TESTS

# %% test="write_intensity" points=3
# Tested when graded, 3 points: the intensity.
### BEGIN HIDDEN TESTS
import torch as _torch

_bank, _patch = _torch.rand(2, 3, 6), _torch.rand(2, 3, 3)
_plain = write(_patch, _bank, _bank, _torch.ones(2))
_strong = write(_patch, _bank, _bank, _torch.tensor([1.0, 4.0]))
assert _torch.allclose(_strong[0], _plain[0]), "one image's intensity changes another's paint"
_factor = (_strong[1].sum() / _plain[1].sum()).item()
assert abs(_factor - 0.25) < 1e-4, (
    f"an intensity of 4 should leave a quarter of the paint; it leaves {_factor:.2f} times as much"
)
### END HIDDEN TESTS

# %% [markdown]
# Not its inverse, though: here is a digit, what a window sees of it, and what comes back when the glimpse is written again.

# %%
with waits("the picture of glimpses"):
    panels = {}
    for name, numbers in {
        "whole": [0, 0, 0, 0, 0],
        "near": [0, -0.2, -1.2, -0.7, 0],
    }.items():
        centre, stride, variance, one = place_window(torch.tensor([numbers]).float(), CELLS, SIZE)
        x, y = (filter_bank(centre[:, k], stride, variance, CELLS, SIZE) for k in (0, 1))
        glimpse = read(example[None], torch.zeros_like(example)[None], x, y, one)
        glimpse = glimpse[:, : CELLS**2].view(1, CELLS, CELLS)
        half = (CELLS - 1) / 2 * stride[0].item()
        (column, line) = (centre[0] + 0.5).tolist()
        frame = (line - half, column - half, line + half, column + half)
        panels[f"{name} window"] = (example, frame)
        panels[f"glimpse, {name}"] = (glimpse[0], None)
        panels[f"written, {name}"] = (write(glimpse, x, y, one)[0], None)
    show(
        framed_images(panels),
        alt=f"Twice a digit with the frame of a window of {CELLS} by {CELLS} filters, the glimpse, and the "
        "glimpse written back: from the whole window separate dots, from the near one a blurred piece.",
    )

# %% [markdown]
# ## Part 5: what is told, and how it is drawn (12 points of code, 7 written)
#
# In step $t$ the encoder says how the latents $z_t$ are distributed: each number normally, with a mean $\mu$ and a deviation $\sigma$ of its own. What they tell costs as many nats as this distribution diverges from the standard normal one,
#
# $$KL = \sum_{d} \tfrac12\big(\mu_d^2 + \sigma_d^2 - 1\big) - \log\sigma_d .$$
#
# **5a (7 points).** Write the price of every step.


# %% answer="told"
def told(mean, log_deviation):
    """What each step's latents tell, in nats.

    Args:
        mean: [b, t, z].
        log_deviation: log sigma, [b, t, z].

    Returns:
        [b, t].
    """
    ### BEGIN SOLUTION
    return (0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - log_deviation).sum(dim=2)
    ### END SOLUTION


# %%
solved = check("a7.told", told)

# %% test="told_nothing" points=3
# Tested when graded, 3 points: latents that say nothing.
### BEGIN HIDDEN TESTS
import torch as _torch

for _steps, _latent in [(1, 1), (10, 10), (64, 10), (6, 100)]:
    _found = told(_torch.zeros(2, _steps, _latent), _torch.zeros(2, _steps, _latent))
    assert list(_found.shape) == [2, _steps], f"the shape is {list(_found.shape)}"
    assert _found.abs().max() < 1e-4, (
        f"{_latent} numbers in each of {_steps} steps that say nothing should cost nothing; a "
        f"step costs {_found[0, 0]:.2f} nats"
    )
### END HIDDEN TESTS

# %% test="told_something" points=4
# Tested when graded, 4 points: what it costs to say something instead.
### BEGIN HIDDEN TESTS
import torch as _torch
from torch.distributions import Normal as _Normal
from torch.distributions import kl_divergence as _kl_divergence

_mean, _log = _torch.randn(3, 4, 5).double(), _torch.randn(3, 4, 5).double()
_wanted = _kl_divergence(_Normal(_mean, _log.exp()), _Normal(0.0 * _mean, 1.0)).sum(dim=2)
_more = told(_mean, _log) - told(0 * _mean, 0 * _log)
_off = (_more - _wanted).abs().max().item()
assert _off < 1e-4, (
    f"what latents cost more than latents that say nothing is off by {_off:.3f} nats"
)
### END HIDDEN TESTS

# %% [markdown]
# **5b (5 points).** Draw latents so that gradients pass: chance belongs into standard normal noise, which nobody trains. For measuring, several draws for each image are wanted at once.


# %% answer="sample"
def sample(mean, log_deviation, draws, rng=None):
    """Several draws from the normal distribution of every number.

    Args:
        mean, log_deviation: of any shape [...].
        draws: how many.
        rng: a torch.Generator for all that is random, or None.

    Returns:
        [draws, ...].
    """
    ### BEGIN SOLUTION
    noise = torch.randn(draws, *mean.shape, generator=rng, dtype=mean.dtype)
    return mean + log_deviation.exp() * noise
    ### END SOLUTION


# %%
solved = check("a7.sample", sample)

# %% test="sample_spread" points=3
# Tested when graded, 3 points: mean and deviation of many draws.
### BEGIN HIDDEN TESTS
import torch as _torch

_mean, _log = _torch.tensor([[2.0, -1.0], [0.0, 5.0]]), _torch.tensor([[0.7, -1.5], [0.0, -0.3]])
_found = sample(_mean, _log, 20_000, _torch.Generator().manual_seed(3)).detach()
assert list(_found.shape) == [20_000, 2, 2], f"the shape is {list(_found.shape)}"
_off = (_found.mean(dim=0) - _mean).abs().max().item()
assert _off < 0.08, f"the mean of 20,000 draws is off by {_off:.2f}"
_ratio = (_found.std(dim=0) / _log.exp()).flatten().tolist()
assert all(abs(r - 1) < 0.05 for r in _ratio), (
    f"the deviations of 20,000 draws are {[round(r, 2) for r in _ratio]} times what they should be"
)
_flat = _found.flatten(1) - _found.flatten(1).mean(dim=0)
_together = _torch.corrcoef(_flat.T).fill_diagonal_(0).abs().max().item()
assert _together < 0.05, "different numbers are drawn with the same noise"
### END HIDDEN TESTS

# %% test="sample_gradient" points=2
# Tested when graded, 2 points: gradients.
### BEGIN HIDDEN TESTS
import torch as _torch

_mean, _log = _torch.ones(3, requires_grad=True), _torch.zeros(3, requires_grad=True)
_found = sample(_mean, _log, 5000, _torch.Generator().manual_seed(1))
assert _found.requires_grad, "no gradient passes through the draws"
_found.square().mean(dim=0).sum().backward()  # of mean² + deviation²
assert _mean.grad is not None and (_mean.grad - 2).abs().max() < 0.2, (
    "the gradient by the mean does not come through as it should"
)
assert _log.grad is not None and (_log.grad - 2).abs().max() < 0.4, (
    "the gradient by the logarithm of the deviation does not come through as it should"
)
### END HIDDEN TESTS

# %% [markdown]
# How much is wrong in a reported price if the constant is? Below, for your number of steps $T$ and latents $z$: what a drawing costs by three formulas that are seen in public code, when its latents say nothing, and when each number has mean ½ and deviation ½.

# %%
with waits("the table of constants"):
    print(f"T = {STEPS} steps of z = {LATENT} numbers, in nats")
    for name, m, s in [("say nothing", 0.0, 1.0), ("mean ½, deviation ½", 0.5, 0.5)]:
        mean = torch.full((1, STEPS, LATENT), m)
        log_deviation = torch.full((1, STEPS, LATENT), math.log(s))
        right = told(mean, log_deviation).sum().item()
        bare = right + STEPS * LATENT / 2  # without any constant
        print(f"{name:20} yours {right:6.2f}; ½ for each step {bare - STEPS / 2:6.2f}; "
              f"T/2 at each step {bare - STEPS * STEPS / 2:6.2f}")  # fmt: skip

# %% [markdown] written="constant" points=7
# **5c (7 points).** Use your table. (i) Which of the two wrong formulas would make your network look better than it is, and which worse, and by how many nats? Give the difference as a formula in $T$ and $z$. (ii) Which of the three still bounds $-\log p(x)$ from above, and why is that worth more than a smaller number? (iii) Nobody's drawings are worse for a wrong constant. Why not? (iv) `torch.normal(mean, deviation)` draws from the right distribution too. Why does the encoder learn nothing from $L^x$ with it, and what would it still learn from $L^z$ alone?
#
# ### BEGIN SOLUTION
# (i) ½ for each step subtracts T/2 instead of Tz/2: T(z − 1)/2 nats too high, looks worse (variant 0: 9 nats). T/2 at each step subtracts T²/2: T(T − z)/2 nats too low, looks better wherever T > z, as here (variant 0: 6 nats).
#
# (ii) The right one, and the first wrong one, which is larger still. T/2 at each step does so only if T ≤ z. A number that is surely not too low can be compared with other models' bounds: whoever has the lower bound has shown something. A number without that property shows nothing.
#
# (iii) A constant has no gradient, so training is the same.
#
# (iv) It makes numbers without a graph: the gradient of L^x stops at the draw, so the encoder is not told which latents draw well. L^z depends on μ and σ directly, and its minimum is μ = 0, σ = 1: the encoder would learn to say nothing.
#
# Rubric: 2 points for the two formulas, own numbers; 2 points for (ii); 1 point for (iii); 2 points for (iv), one each.
# ### END SOLUTION

# %% [markdown]
# ## Part 6: one step (10 points)
#
# A step of DRAW, in order: read through a window that the decoder's last output places; the encoder is told the glimpse and the decoder's last output; it gives mean and log deviation of the latents; they are drawn; the decoder is told the latents; and what *its new* output paints is **added** to the canvas.
#
# The network is an argument. It offers
#
# | | |
# |---|---|
# | `network.read(images, canvas, output)` | a glimpse; `output` is the decoder's |
# | `network.encode(glimpse, output, state)` | the encoder's next state |
# | `network.posterior(output)` | mean and log deviation; `output` is the encoder's |
# | `network.decode(latents, state)` | the decoder's next state |
# | `network.write(output)` | paint; `output` is the decoder's |
#
# A state is a pair, and its first entry is the output.
#
# **6 (10 points).** Write the step.


# %% answer="one_step"
def one_step(network, images, canvas, encoder, decoder, noise):
    """One step of drawing.

    Args:
        network: see above.
        images, canvas: [b, h, w]; the canvas holds logits.
        encoder, decoder: their states after the last step.
        noise: standard normal, [b, z].

    Returns:
        The canvas, the encoder's and the decoder's new states, mean and log deviation.
    """
    ### BEGIN SOLUTION
    glimpse = network.read(images, canvas, decoder[0])
    encoder = network.encode(glimpse, decoder[0], encoder)
    mean, log_deviation = network.posterior(encoder[0])
    decoder = network.decode(mean + log_deviation.exp() * noise, decoder)
    return canvas + network.write(decoder[0]), encoder, decoder, mean, log_deviation
    ### END SOLUTION


# %%
solved = check("a7.one_step", one_step)

# %% test="step_reading" points=4
# Tested when graded, 4 points: what is read, and what the encoder is told.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.classroom.spies import DrawingSpy as _DrawingSpy

_spy = _DrawingSpy()
_spy.run(one_step)
assert "read" in _spy.given, "one_step never reads"
_images, _canvas, _output = _spy.given["read"]
assert _torch.equal(_images, _spy.images), "something else than the images is read"
assert _torch.equal(_canvas, _spy.canvas), (
    "what is missing should be read off the canvas as the last step left it, in logits"
)
assert _torch.equal(_output, _spy.decoder[0]), (
    "the decoder's last output should place the window that is read through"
)
assert "encode" in _spy.given, "the encoder is never told anything"
_glimpse, _output, _state = _spy.given["encode"]
assert _torch.equal(_glimpse, _spy.glimpse), "the encoder is not told the glimpse"
assert _torch.equal(_output, _spy.decoder[0]), (
    "the encoder should be told the decoder's last output"
)
assert _state[0] is _spy.encoder[0], "the encoder does not go on from its last state"
### END HIDDEN TESTS

# %% test="step_latents" points=3
# Tested when graded, 3 points: the latents.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.classroom.spies import DrawingSpy as _DrawingSpy

_spy = _DrawingSpy()
_found = _spy.run(one_step)
assert "posterior" in _spy.given and "decode" in _spy.given, "no latents are made"
assert _torch.equal(_spy.given["posterior"][0], _spy.new_encoder[0]), (
    "the latents' distribution should be read off the encoder's new output"
)
_latents, _state = _spy.given["decode"]
assert _torch.allclose(_latents, _spy.code[0] + _spy.code[1].exp() * _spy.noise), (
    "the decoder should be told mean + deviation * noise; the second number is the logarithm of "
    "the deviation"
)
assert _state[0] is _spy.decoder[0], "the decoder does not go on from its last state"
assert len(_found) == 5, "five things are to be returned"
assert _torch.equal(_found[3], _spy.code[0]) and _torch.equal(_found[4], _spy.code[1]), (
    "mean and log deviation that are returned are not the encoder's"
)
### END HIDDEN TESTS

# %% test="step_canvas" points=3
# Tested when graded, 3 points: the canvas, and the states that are returned.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.classroom.spies import DrawingSpy as _DrawingSpy

_spy = _DrawingSpy()
_found = _spy.run(one_step)
assert "write" in _spy.given, "one_step never paints"
assert _torch.equal(_spy.given["write"][0], _spy.new_decoder[0]), (
    "the decoder's new output should paint, not its last one"
)
assert _torch.allclose(_found[0], _spy.canvas + _spy.paint), (
    "the new canvas should be the old one plus the paint"
)
assert _found[1][0] is _spy.new_encoder[0] and _found[2][0] is _spy.new_decoder[0], (
    "the states that are returned should be the new ones, the encoder's before the decoder's"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 7: the bound, and a better estimate (11 points of code, 7 written)
#
# Once all latents are told, the pixels themselves remain: $L^x = -\sum_n x_n\log\sigma(c_n) + (1-x_n)\log(1-\sigma(c_n))$ with the last canvas. $L^x + L^z$, where $L^z$ is the price of all steps, is at least $-\log p(x)$.
#
# **7a (5 points).** Write the bound, as a mean over the batch. A pixel may be surer than float32 can say as a probability.


# %% answer="bound"
def bound(canvas, images, nats):
    """What images cost at most, on average.

    Args:
        canvas: the last one, logits [b, h, w].
        images: 0 or 1, [b, h, w].
        nats: what each step has told, [b, t].

    Returns:
        Nats per image, a single number.
    """
    ### BEGIN SOLUTION
    pixels = F.binary_cross_entropy_with_logits(canvas, images, reduction="none")
    return (pixels.sum(dim=(1, 2)) + nats.sum(dim=1)).mean()
    ### END SOLUTION


# %%
solved = check("a7.bound", bound)

# %% test="bound_pixels" points=3
# Tested when graded, 3 points: what the pixels cost.
### BEGIN HIDDEN TESTS
import torch as _torch

_canvas, _x = 2 * _torch.randn(3, 5, 7), (_torch.rand(3, 5, 7) < 0.5).float()
_p = _canvas.double().sigmoid()
_each = -(_x * _p.log() + (1 - _x) * (1 - _p).log()).sum(dim=(1, 2))
_found = bound(_canvas, _x, _torch.zeros(3, 4))
assert _found.numel() == 1, f"the shape is {list(_found.shape)}; a single number is wanted"
assert abs(_found.item() - _each.mean().item()) < 1e-2, (
    f"the pixels cost {_each.mean():.2f} nats per image, summed over the pixels; you say "
    f"{_found.item():.2f}"
)
_sure = bound(_torch.full((1, 2, 2), 300.0), _torch.zeros(1, 2, 2), _torch.zeros(1, 1)).item()
assert abs(_sure - 1200) < 1, f"four pixels that are wrong by 300 nats each cost {_sure}, not 1200"
### END HIDDEN TESTS

# %% test="bound_steps" points=2
# Tested when graded, 2 points: what the steps have told.
### BEGIN HIDDEN TESTS
import torch as _torch

_canvas, _x = _torch.randn(3, 5, 7), (_torch.rand(3, 5, 7) < 0.5).float()
_nats = 5 * _torch.rand(3, 4)
_more = (bound(_canvas, _x, _nats) - bound(_canvas, _x, 0 * _nats)).item()
assert abs(_more - _nats.sum(dim=1).mean().item()) < 1e-3, (
    f"steps that tell {_nats.sum(dim=1).mean():.2f} nats in all raise the bound by {_more:.2f}"
)
### END HIDDEN TESTS

# %% [markdown]
# To *measure*, draw $k$ times and take the mean of the weights before the logarithm:
#
# $$\log p(x) \approx \log\frac1k\sum_{n=1}^k \frac{p(x\mid z_n)\,p(z_n)}{q(z_n\mid x)}, \qquad z_n\sim q.$$
#
# Here $p(z)$ is standard normal, $q$ normal with $\mu$ and $\sigma$, and $-\log p(x\mid z_n)$ is what the pixels cost. Weights are numbers like $e^{-90}$ or $e^{-900}$.
#
# **7b (6 points).** Write the estimate.


# %% answer="estimate"
def estimate(latents, mean, log_deviation, costs):
    """The importance-weighted estimate of log p(x).

    Args:
        latents: k draws of all numbers of all steps, [k, b, n].
        mean, log_deviation: of the distributions they were drawn from, [k, b, n].
        costs: what the pixels cost with each draw, in nats, [k, b].

    Returns:
        [b].
    """
    ### BEGIN SOLUTION
    noise = (latents - mean) / log_deviation.exp()
    ratios = (0.5 * (noise.square() - latents.square()) + log_deviation).sum(dim=2)
    return (ratios - costs).logsumexp(dim=0) - math.log(len(costs))
    ### END SOLUTION


# %%
solved = check("a7.estimate", estimate)

# %% test="estimate_values" points=4
# Tested when graded, 4 points: the estimate, where the weights are not too small.
### BEGIN HIDDEN TESTS
import torch as _torch

for _k in (1, 4):
    _m, _s = _torch.randn(2, _k, 3, 5).double()
    _z = _m + _s.exp() * _torch.randn(_k, 3, 5).double()
    _costs = 5 * _torch.rand(_k, 3).double()
    _q = _torch.distributions.Normal(_m, _s.exp()).log_prob(_z).sum(dim=2)
    _p = _torch.distributions.Normal(0.0 * _m, 1.0).log_prob(_z).sum(dim=2)
    _wanted = (_p - _q - _costs).exp().mean(dim=0).log()
    _found = estimate(_z, _m, _s, _costs)
    assert list(_found.shape) == [3], f"the shape is {list(_found.shape)}, not [3]"
    _off = (_found - _wanted).abs().max().item()
    assert _off < 1e-3, f"with {_k} draws the estimate is off by {_off:.3f} nats"
### END HIDDEN TESTS

# %% test="estimate_far" points=2
# Tested when graded, 2 points: weights that float32 does not know.
### BEGIN HIDDEN TESTS
import torch as _torch

_z = _torch.randn(6, 2, 4)
_near = estimate(_z, _z, _torch.zeros(6, 2, 4), _torch.ones(6, 2))
_found = estimate(_z, _z, _torch.zeros(6, 2, 4), _torch.full((6, 2), 901.0))
assert _found.isfinite().all(), "where the pixels cost 901 nats the estimate is not finite"
assert _torch.allclose(_found, _near - 900, atol=0.01), (
    "if every draw costs 900 nats more, the estimate should be 900 nats lower"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 8: the class (6 points of code, 8 written)
#
# The Recurrent Capsule Network lets capsules read the image, and the lengths of its class capsules should say which digit it is. The bound does not know labels, so the **margin loss** is added,
#
# $$\lambda \sum_k\; T_k \max(0,\ 0.9 - \lVert v_k\rVert)^2 + \tfrac12 (1 - T_k)\max(0,\ \lVert v_k\rVert - 0.1)^2,$$
#
# with $T_k = 1$ for the right class. A capsule may be exactly 0, and its gradient must be a number then.
#
# **8 (6 points).** Write the term, as a mean over the batch.


# %% answer="class_term"
def class_term(capsules, targets, weight):
    """What the class capsules add to the bound.

    Args:
        capsules: [b, classes, d], already squashed.
        targets: class indices, [b].
        weight: lambda.

    Returns:
        A single number.
    """
    ### BEGIN SOLUTION
    lengths = capsules.norm(dim=2)
    right = F.one_hot(targets, capsules.shape[1])
    lacking, too_long = (0.9 - lengths).relu().square(), (lengths - 0.1).relu().square()
    return weight * (right * lacking + 0.5 * (1 - right) * too_long).sum(dim=1).mean()
    ### END SOLUTION


# %%
solved = check("a7.class_term", class_term)

# %% test="class_values" points=3
# Tested when graded, 3 points: values.
### BEGIN HIDDEN TESTS
import torch as _torch

_lengths = _torch.tensor([[0.95, 0.05, 0.3], [0.5, 0.6, 0.1]])
_directions = _torch.nn.functional.normalize(_torch.randn(2, 3, 4), dim=2)
_capsules, _targets = _lengths.unsqueeze(2) * _directions, _torch.tensor([0, 1])
_wanted = 20 * (0.5 * 0.2**2 + 0.3**2 + 0.5 * 0.4**2) / 2
_found = float(class_term(_capsules, _targets, 20.0))
assert abs(_found - _wanted) < 1e-3, (
    f"for lengths {_lengths.tolist()}, targets 0 and 1 and a weight of 20 the term is "
    f"{_found:.3f}, not {_wanted:.3f}"
)
### END HIDDEN TESTS

# %% test="class_gradient" points=3
# Tested when graded, 3 points: gradients, at capsules of length 0 too.
### BEGIN HIDDEN TESTS
import torch as _torch

_capsules = _torch.zeros(2, 3, 4)
_capsules[0, 0, 0], _capsules[1, 2, 1] = 0.4, 0.5
_capsules.requires_grad_()
class_term(_capsules, _torch.tensor([0, 1]), 10.0).backward()
_slope = _capsules.grad
assert _slope.isfinite().all(), "at a capsule of length 0 the gradient is not finite"
assert (_slope[0, 0, 0] < 0) and (_slope[1, 2, 1] > 0), (
    "the right class's capsule should grow and a wrong one that is too long should shrink"
)
### END HIDDEN TESTS

# %% [markdown]
# ## The whole network
#
# Here is the rest: the layers with weights, and the loop over the steps. Everything that you wrote is called in it. (Its capsule network is small: one convolution, primary capsules on a grid of 3 × 3, and a class capsule for each digit, by dynamic routing.)

# %% given="network"


class TinyDraw(nn.Module):
    """DRAW with class capsules, made of functions that somebody else wrote."""

    def __init__(self, functions):
        super().__init__()
        self.my = functions
        self.features = nn.Sequential(nn.Conv2d(1, 16, 5), nn.ReLU(), PrimaryCapsules(16, 4, 8, 5))
        self.classes = DenseCapsules(4 * 3 * 3, 8, CLASSES, CLASS_DIM, weight_std=0.1)
        seen = 2 * CELLS**2 + HIDDEN + CLASSES * CLASS_DIM
        self.encoder, self.decoder = nn.LSTMCell(seen, HIDDEN), nn.LSTMCell(LATENT, HIDDEN)
        self.code = nn.Linear(HIDDEN, 2 * LATENT)
        self.where_to_read = nn.Linear(HIDDEN, 5)
        self.where_to_write, self.patch = nn.Linear(HIDDEN, 5), nn.Linear(HIDDEN, CELLS**2)
        self.first = nn.Parameter(torch.full((SIZE, SIZE), -1.0))  # the empty canvas

    def window(self, numbers):
        """Both banks, the intensity, and a frame (x, y, stride) for pictures."""
        centre, stride, variance, intensity = self.my.place_window(numbers, CELLS, SIZE)
        banks = [self.my.filter_bank(g, stride, variance, CELLS, SIZE) for g in centre.unbind(1)]
        return *banks, intensity, torch.cat([centre, stride.unsqueeze(1)], dim=1).detach()

    def read(self, images, canvas, output):
        *window, self.frame_read = self.window(self.where_to_read(output))
        return self.my.read(images, canvas, *window)

    def write(self, output):
        *window, self.frame_written = self.window(self.where_to_write(output))
        patches = 10 * self.patch(output).view(-1, CELLS, CELLS)  # or it would begin pale
        return self.my.write(patches, *window)

    def encode(self, glimpse, output, state):
        return self.encoder(torch.cat([glimpse, output, self.told_by_capsules], dim=1), state)

    def posterior(self, output):
        return self.code(output).chunk(2, dim=1)

    def decode(self, latents, state):
        return self.decoder(latents, state)

    def draw(self, images, noise):
        """The drawing of images [b, h, w] with noise [b, t, z].

        Its canvases and frames have a step more than there are draws: the empty canvas.
        """
        capsules = self.classes(self.features(images.unsqueeze(1)))
        self.told_by_capsules = CLASS_DIM**0.5 * capsules.flatten(1)
        nothing = images.new_zeros(len(images), HIDDEN)
        encoder, decoder = (nothing, nothing), (nothing, nothing)
        canvas = self.first.expand_as(images)
        canvases, frames, means, logs = [canvas], [], [], []
        for drawn in noise.unbind(dim=1):
            canvas, encoder, decoder, mean, log = self.my.one_step(
                self, images, canvas, encoder, decoder, drawn
            )
            canvases.append(canvas)
            frames.append((self.frame_read, self.frame_written))
            means.append(mean)
            logs.append(log)
        return SimpleNamespace(canvas=canvas, canvases=canvases, frames=frames, capsules=capsules,
                               mean=torch.stack(means, 1), log=torch.stack(logs, 1))  # fmt: skip

    def dream(self, noise):
        """Canvases that nobody asked for, from noise [b, t, z]."""
        nothing = noise.new_zeros(len(noise), HIDDEN)
        decoder, canvas = (nothing, nothing), self.first.expand(len(noise), SIZE, SIZE)
        for latents in noise.unbind(dim=1):
            decoder = self.decode(latents, decoder)
            canvas = canvas + self.write(decoder[0])
        return canvas


# %% given="training"
BATCHES = 60 if profile == "smoke" else 1_000
BATCH = 64


def train_draw(functions, weight, batches=BATCHES):
    """A trained network, and the bound of every batch."""
    torch.manual_seed(variant)
    network, rng = TinyDraw(functions), torch.Generator().manual_seed(variant)
    adam = torch.optim.Adam(network.parameters(), 6e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, batches, 6e-4)
    bounds = []
    for _ in range(batches):
        chosen = torch.randint(len(labels), (BATCH,), generator=rng)
        images = train_images[chosen]
        drawing = network.draw(images, torch.randn(BATCH, STEPS, LATENT, generator=rng))
        price = functions.bound(drawing.canvas, images, functions.told(drawing.mean, drawing.log))
        loss = price + functions.class_term(drawing.capsules, labels[chosen], weight)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        adam.step()
        falling.step()
        bounds.append(price.item())
    return network.eval().requires_grad_(False), bounds


def frame(axis, numbers, colour):
    """A window's outermost filters as a frame; ``numbers`` are x, y and the stride."""
    x, y, stride = numbers.tolist()
    half = (CELLS - 1) / 2 * stride
    look = {"fill": False, "edgecolor": colour, "linewidth": 1.2}
    axis.add_patch(plt.Rectangle((x - half, y - half), 2 * half, 2 * half, **look))


# %% [markdown]
# Train it twice: without the class, and with it. (The profile `smoke`, which the grader uses, trains for a moment only. In the profile `quick` both take about two minutes together.)

# %%
mine = SimpleNamespace(place_window=place_window, filter_bank=filter_bank, read=read, write=write,
                       told=told, sample=sample, one_step=one_step, bound=bound,
                       estimate=estimate, class_term=class_term)  # fmt: skip
networks = {}
with waits("the training"):
    for name, weight in {"DRAW alone": 0.0, "with the class": 100.0}.items():
        start = time.perf_counter()
        network, bounds = train_draw(mine, weight)
        networks[name] = network
        noise = torch.randn(
            len(test_images), STEPS, LATENT, generator=torch.Generator().manual_seed(1)
        )
        drawing = network.draw(test_images, noise)
        nats = told(drawing.mean, drawing.log)
        price = bound(drawing.canvas, test_images, nats)
        guesses = drawing.capsules.norm(dim=2).argmax(dim=1)
        print(
            f"{name}: {BATCHES} batches in {time.perf_counter() - start:.0f} s; bound of training "
            f"{sum(bounds[:5]) / 5:.1f} to {sum(bounds[-5:]) / 5:.1f}; of test digits {price:.1f} nats, "
            f"of which told {nats.sum(dim=1).mean():.1f}; "
            f"class right {(guesses == test_labels).float().mean():.0%}"
        )
    often = train_images.mean(dim=0).clamp(1e-3, 1 - 1e-3).logit().expand_as(test_images)
    guess = bound(often, test_images, torch.zeros(len(test_images), 1))
    print(f"for comparison: who knows only how often each pixel is white pays {guess:.1f} nats")

# %% [markdown]
# Now watch it draw. A blue frame on a canvas is where the next step will read, a vermilion one where this step has painted; a frame that is cut off reaches out of the image. The last row are dreams: latents are noise, and nobody shows it anything.

# %%
with waits("the picture of the canvas"):
    network = networks.get("with the class") or TinyDraw(mine)
    chosen = [int((test_labels == k).nonzero()[0]) for k in (3, 0, 7)]
    images = test_images[chosen]
    noise = torch.randn(3, STEPS, LATENT, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        drawing = network.draw(images, noise)
        dreams = network.dream(
            torch.randn(STEPS + 2, STEPS, LATENT, generator=torch.Generator().manual_seed(3))
        )
    figure, axes = plt.subplots(4, STEPS + 2, figsize=(7.2, 4.1), layout="constrained")
    for n in range(3):
        axes[n, 0].imshow(images[n], cmap="gray", vmin=0, vmax=1)
        for t, canvas in enumerate(drawing.canvases):
            axes[n, t + 1].imshow(canvas[n].sigmoid(), cmap="gray", vmin=0, vmax=1)
            if t:
                frame(axes[n, t], drawing.frames[t - 1][0][n], COLOURS[0])
                frame(axes[n, t + 1], drawing.frames[t - 1][1][n], COLOURS[5])
    for axis, dream in zip(axes[3], dreams, strict=True):
        axis.imshow(dream.sigmoid(), cmap="gray", vmin=0, vmax=1)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
    titles = ["image", "at first", *(f"step {t}" for t in range(1, STEPS + 1))]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    axes[3, 0].set_ylabel("dreams", fontsize=9)
    off = [(c.sigmoid() - images).abs().sum(dim=(1, 2)).mean().item() for c in drawing.canvases]
    show(
        figure,
        alt=f"Three digits, 3, 0 and 7, and their canvases over {STEPS} steps with the frames of the "
        f"windows. The sum of a canvas's distances from its digit falls from {off[0]:.0f} at first to "
        f"{off[-1]:.0f}. Below, {STEPS + 2} dreams.",
    )

# %% [markdown]
# How many nats does each step tell, and how good is the network by your estimate? More draws bring the estimate nearer to $\log p(x)$, in expectation from below.

# %%
with waits("the measuring"):
    per_step = {}
    for name, network in networks.items():
        few = test_images[:100]
        noise = torch.randn(100, STEPS, LATENT, generator=torch.Generator().manual_seed(4))
        drawing = network.draw(few, noise)
        steps = told(drawing.mean, drawing.log).mean(dim=0).tolist()
        per_step[name] = list(enumerate(steps, start=1))
        draws = 5 if profile == "smoke" else 50
        repeated = few.repeat(draws, 1, 1)
        noise = torch.randn(
            len(repeated), STEPS, LATENT, generator=torch.Generator().manual_seed(5)
        )
        drawing = network.draw(repeated, noise)
        latents = (drawing.mean + drawing.log.exp() * noise).flatten(1)
        pixels = F.binary_cross_entropy_with_logits(drawing.canvas, repeated, reduction="none")
        parts = [part.unflatten(0, (draws, 100)) for part in
                 (latents, drawing.mean.flatten(1), drawing.log.flatten(1), pixels.sum(dim=(1, 2)))]  # fmt: skip
        bound_here = bound(drawing.canvas, repeated, told(drawing.mean, drawing.log))
        line = ", ".join(f"{k} draws {-estimate(*(part[:k] for part in parts)).mean():.2f}"
                         for k in sorted({1, 5, draws}))  # fmt: skip
        print(f"{name}: bound {bound_here:.2f} nats; by the estimate with {line}")
    if per_step:
        show(
            nats_by_step(per_step),
            alt="Nats told by each step. "
            + "; ".join(f"{n}: " + ", ".join(f"{x:.1f}" for _, x in p) for n, p in per_step.items())
            + ".",
        )

# %% [markdown] written="measured" points=7
# **7c (7 points).** Train in the profile `quick`, and use your numbers. (i) Your estimate with one draw and the bound should agree, but for noise. Why are they two different formulas all the same? (Say which part is an average by integration in the one and by drawing in the other.) (ii) By how much does the estimate fall from 1 to 50 draws, and what does the gap say about the encoder? (iii) Why is it never an argument against a network that its *bound* is higher than another's *estimate with 50 draws*? (iv) Look at what each step tells. Is it evenly divided? Name a reason that lies in the task, and one that lies in how the network begins.
#
# ### BEGIN SOLUTION
# (i) Both average log p(x|z) over a draw. The bound has the divergence as a closed formula, integrated over z; the estimate with one draw has log p(z) − log q(z|x) at the z that was drawn. Their expectations are equal (the mean of log q − log p under q is the divergence), so over 100 digits they differ by noise only.
#
# (ii) Own numbers, typically one to a few nats. Mean before logarithm loses less; the gap between the bound and −log p(x) is KL(q(z|x) ‖ p(z|x)): how far the encoder's distributions (normal, independent) are from the right ones. The estimate with 50 draws recovers a part of that gap.
#
# (iii) The bound contains that gap, the estimate has lost some of it, and more so with more draws. A better network measured by its bound can look worse than a worse one that is measured by the estimate. Only like with like.
#
# (iv) Usually not: some steps tell far more than others. Task: the first strokes decide most (which digit, where, how slanted), and later ones correct details that cost few nats. Beginning: the decoder's first output is 0, so the first window is the same for all and the encoder has seen little when it tells the first latents; or latents that have not become useful early are cheapest at 0 nats and stay there. Any reason that fits the own figure.
#
# Rubric: 2 points for (i); 2 points for (ii) with the divergence named; 1 point for (iii); 2 points for (iv), one for each reason.
# ### END SOLUTION

# %% [markdown] written="class" points=8
# **8b (8 points).** (i) Compare the two trainings: bound and share of right classes. The printed loss of the paper is the bound alone. What class accuracy did it give you, and why not more, although capsules were trained in it as well? (ii) Did the class term make the bound worse? A bound of around 50 nats and a margin loss of around 0.05: which of the two would the optimiser hear without the weight, and what does the weight of 100 do to that? (iii) Follow one digit in the picture. At which step can you tell which digit it will be, and what do the later steps add? (iv) The dreams have no class. Sketch in three or four sentences what you would change so that one can ask for a dream of a 7: which input, to which part, in training and when dreaming.
#
# ### BEGIN SOLUTION
# (i) Around one in ten without the term: nothing in the bound says which capsule stands for which digit. The capsules carry what helps to draw, and the order of the ten is left to chance. With the term, most of the test digits (own number).
#
# (ii) Usually hardly or slightly; either is possible, and a difference of a nat or less between two single trainings is noise until repeated with other seeds. The gradient of 0.05 beside that of 50 is next to nothing; times 100 it is 5 nats' worth and a tenth of the loss, so both are heard.
#
# (iii) Own observation; typically by step 2 or 3, the rest sharpens edges and takes back paint.
#
# (iv) Tell the decoder the class as well: one-hot label (or the class capsules with all but the right one masked) beside the latents in every step, in training with the true label. The encoder then need not spend nats on the class. When dreaming, draw latents from N(0, 1) and give the decoder the wanted label. (The posterior should know the label too; the prior may stay standard normal.)
#
# Rubric: 2 points for (i), with the reason; 2 points for (ii), with magnitudes; 1 point for (iii); 3 points for (iv): where the label goes in (1), what is used in training (1), what is used when dreaming (1).
# ### END SOLUTION

# %% [markdown]
# ## What to hand in
#
# This notebook, with your answers, under any name. Run it from top to bottom once more before (Kernel → Restart and run all): the grader does the same.
