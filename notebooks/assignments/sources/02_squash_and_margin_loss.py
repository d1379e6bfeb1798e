# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 2: squash, the margin loss, and a classifier made of lengths
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/02_squash_and_margin_loss.ipynb)
#
# A capsule says *whether* something is there with the length of a vector. You write the function that makes lengths into probabilities, work out its derivative, and measure what goes wrong with its look-alikes. Then you write the loss that teaches the lengths, for images in which nothing, one thing or several things are present, find out what its down-weight is for, and train a small capsule classifier on handwritten digits.
#
# You will be able to
#
# - write a squash that survives zero and very large vectors, along any axis;
# - derive its Jacobian, and say which capsules learn slowly and why;
# - measure whether some function is a squash at all;
# - write the margin loss for any number of present classes, and its gradient by hand;
# - compute where an untrained network settles, and what the down-weight has to do with it;
# - say what a mean in place of a sum does to a reconstruction loss.
#
# **Read first:** chapter 2. **Time:** about three hours. **Hardware:** any CPU. **Points:** 100, of which 72 are for code and 28 for four written questions.
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
from torch import nn

from capsedu import functional
from capsedu.data import first_available
from capsedu.explore import show
from capsedu.explore.figures import curves, digit_sheet
from capsedu.profiles import resolve_profile

profile = resolve_profile("auto")
torch.set_printoptions(precision=4, sci_mode=False)

# %% given="variant"
variant = 0

# %% [markdown]
# The numbers below are yours: they depend on the variant. Written questions ask about them.

# %% given="numbers"
dice = torch.Generator().manual_seed(200 + variant)
short = 0.02 + 0.06 * torch.rand((), generator=dice).item()  # lengths of totals, part 2
long = 3 + 3 * torch.rand((), generator=dice).item()
several = int(torch.randint(20, 80, (), generator=dice))  # classes, part 6
print(f"short {short:.3f}, long {long:.3f}, {several} classes")

# %% [markdown]
# ## Part 1: squash (12 points)
#
# $$v = \frac{\lVert s\rVert^2}{1+\lVert s\rVert^2}\;\frac{s}{\lVert s\rVert}$$
#
# The direction stays, the length $n$ becomes $n^2/(1+n^2)$. The components of one vector lie along the axis `dim`. Three things are asked of the code that are not in the formula:
#
# - the zero vector gives zero, and a finite gradient, also when it stands in a batch beside others;
# - in float32, vectors of lengths $10^{20}$ and $10^{-20}$ come out finite, with finite gradients (their squares do not fit into float32; dividing by the largest component first helps);
# - what comes in as float64 comes out as float64.
#
# **1 (12 points).** Write it without calling the package's.


# %% answer="squash"
def squash(s, dim=-1):
    """Vectors along the axis dim, of any shape [..., d, ...] -> the same shape, squashed."""
    ### BEGIN SOLUTION
    largest = s.detach().abs().amax(dim, keepdim=True)
    largest = torch.where(largest > 0, largest, 1)
    squares = (s / largest).square().sum(dim, keepdim=True)  # from 1 to d, or 0 at the zero vector
    n = torch.where(squares > 0, largest * squares.clamp(min=0.5).sqrt(), 0)
    small = torch.where(n > 1, 1 / n.clamp(min=1), n)  # n/(1+n²) is the same for n and 1/n
    return s * small / (1 + small**2)
    ### END SOLUTION


# %%
solved = check("a2.squash", squash)

# %% test="squash_values" points=5
# Tested when graded, 5 points: lengths and directions along any axis, and the gradient.
### BEGIN HIDDEN TESTS
import torch as _torch

for _shape, _dim in [((7,), -1), ((4, 5), -1), ((3, 6, 2), 1), ((5, 3, 4), 0), ((2, 3, 4, 5), -2)]:
    _s = 1.5 * _torch.randn(_shape, dtype=_torch.float64)
    _n = _s.square().sum(_dim, keepdim=True).sqrt()
    _v = squash(_s, _dim)
    assert _v.shape == _s.shape, f"shape {list(_v.shape)} instead of {list(_s.shape)}"
    assert _v.dtype == _torch.float64, f"float64 comes back as {_v.dtype}"
    _lengths = _v.square().sum(_dim, keepdim=True).sqrt()
    _wanted = _n**2 / (1 + _n**2)
    assert _torch.allclose(_lengths, _wanted), (
        f"along axis {_dim} of {list(_shape)}, a vector of length {_n.flatten()[0]:.3f} becomes "
        f"{_lengths.flatten()[0]:.3f} long and should be {_wanted.flatten()[0]:.3f}"
    )
    assert _torch.allclose(_v * _n, _s * _wanted), "the direction has changed"
_s = _torch.randn(3, 4, dtype=_torch.float64, requires_grad=True)
assert _torch.autograd.gradcheck(squash, _s, raise_exception=False), (
    "the gradient is not the derivative of the formula"
)
### END HIDDEN TESTS

# %% test="squash_zero" points=4
# Tested when graded, 4 points: the zero vector, alone and in company, with its gradient.
### BEGIN HIDDEN TESTS
import torch as _torch

for _rows in ([0], [1, 3], [0, 1, 2, 3]):
    _s = _torch.randn(4, 5)
    _s[_rows] = 0
    _s.requires_grad_()
    _v = squash(_s)
    assert _v.isfinite().all(), f"with zero vectors in rows {_rows}, the result is not finite"
    assert (_v[_rows] == 0).all(), "squash(0) is not 0"
    (_gradient,) = _torch.autograd.grad((_v * _torch.randn(4, 5)).sum(), _s)
    assert _gradient.isfinite().all(), (
        f"with zero vectors in rows {_rows}, a gradient is not finite"
    )
### END HIDDEN TESTS

# %% test="squash_extreme" points=3
# Tested when graded, 3 points: very long and very short vectors in float32.
### BEGIN HIDDEN TESTS
import torch as _torch

_directions = _torch.nn.functional.normalize(_torch.randn(6, 5), dim=-1)
for _size in (1e20, 1e10, 1e-10, 1e-20):
    _s = (_size * _directions).requires_grad_()
    _v = squash(_s)
    assert _v.isfinite().all(), f"vectors of length {_size:g} do not come out finite"
    assert _v.norm(dim=-1).max() < 1 + 1e-5, f"length {_size:g} becomes {_v.norm(dim=-1).max():.3f}"
    (_gradient,) = _torch.autograd.grad(_v.sum(), _s)
    assert _gradient.isfinite().all(), f"at length {_size:g} the gradient is not finite"
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: how a capsule can move (9 points of code, 7 written)
#
# A layer learns through the derivative of the squash: a small change $\delta$ of the total $s$ changes the capsule by $\delta J$, where $J$ is the **Jacobian**, $J_{ab} = \partial v_b / \partial s_a$. Write $v = g(n)\, s$ with $g(n) = n/(1+n^2)$ and differentiate the product; $\partial n/\partial s_a = s_a/n$. The result has two terms: a multiple of the identity, and a multiple of $s\, s^\top$.
#
# **2a (9 points).** Write the Jacobian as a formula, without autograd. At $s = 0$ it is the limit, a matrix of zeros.


# %% answer="jacobian"
def jacobian(s):
    """The Jacobian of squash at each vector: s [..., d] -> [..., d, d]."""
    ### BEGIN SOLUTION
    n = s.norm(dim=-1)[..., None, None]
    g = n / (1 + n**2)
    slope = (1 - n**2) / (1 + n**2) ** 2  # g'(n)
    direction = s / s.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    outer = direction[..., :, None] * direction[..., None, :]
    return g * torch.eye(s.shape[-1], dtype=s.dtype) + slope * n * outer
    ### END SOLUTION


# %%
solved = check("a2.jacobian", jacobian)

# %% test="jacobian_values" points=6
# Tested when graded, 6 points: against autograd, for one vector and for batches.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import squash as _squash

_names = set(getattr(getattr(jacobian, "__code__", None), "co_names", ()))
assert not _names & {"autograd", "jacrev", "jacfwd", "backward", "grad"}, (
    "jacobian asks autograd; write the formula"
)
for _size in (0.1, 0.7, 1.0, 2.5, 8.0):
    _s = _size * _torch.randn(5, dtype=_torch.float64)
    _wanted = _torch.autograd.functional.jacobian(_squash, _s)
    _found = jacobian(_s)
    assert list(_found.shape) == [5, 5], f"shape {list(_found.shape)} instead of [5, 5]"
    assert _torch.allclose(_found.T, _wanted, atol=1e-8), (
        f"at a total of length {_s.norm():.2f}, the derivative of v[0] after s[0] is "
        f"{_wanted[0, 0]:.4f}, not {_found[0, 0]:.4f}"
    )
_many = _torch.randn(2, 3, 4, dtype=_torch.float64)
_found = jacobian(_many)
assert list(_found.shape) == [2, 3, 4, 4], f"shape {list(_found.shape)} for totals [2, 3, 4]"
assert _torch.allclose(_found[1, 2], jacobian(_many[1, 2])), "a batch differs from its vectors"
### END HIDDEN TESTS

# %% test="jacobian_zero" points=3
# Tested when graded, 3 points: at the zero vector, and close to it.
### BEGIN HIDDEN TESTS
import torch as _torch

_found = jacobian(_torch.zeros(2, 3))
assert _found.isfinite().all(), "the Jacobian at 0 is not finite"
assert (_found == 0).all(), "the Jacobian at 0 is not 0"
_found = jacobian(1e-6 * _torch.nn.functional.normalize(_torch.randn(1, 4), dim=-1))
assert _found.isfinite().all() and _found.abs().max() < 1e-5, (
    f"close to 0, the largest entry is {_found.abs().max():.3g}"
)
### END HIDDEN TESTS

# %% [markdown]
# A change along $s$ alters how long the capsule is; one across $s$ alters where it points. By how much is each multiplied?

# %%
with waits("the curve of the two factors"):
    n = torch.linspace(0, 4, 161)
    J = jacobian(torch.stack([n, 0 * n], dim=1))  # totals along the first axis
    figure = curves(
        n, {"along s: changes the length": J[:, 0, 0], "across s: turns it": J[:, 1, 1]},
        "length of the total, ‖s‖", "a change is multiplied by",
    )  # fmt: skip
    figure.axes[0].axvline(short, color="0.6", linewidth=1)
    show(
        figure,
        alt=f"Along s the factor rises from 0 to {J[:, 0, 0].max():.2f} at a length of "
        f"{n[J[:, 0, 0].argmax()]:.2f} and falls towards 0; across s it rises to "
        f"{J[:, 1, 1].max():.2f} at length {n[J[:, 1, 1].argmax()]:.2f} and falls slowly.",
    )
    for size in (short, n[J[:, 0, 0].argmax()].item(), long):
        along, across = jacobian(torch.tensor([size, 0.0])).diagonal()
        print(f"total of length {size:.3f}: along {along:.4f}, across {across:.4f}, "
              f"across / along {across / along:.2f}")  # fmt: skip

# %% [markdown] written="waking" points=7
# **2b (7 points).** Use the three printed lines. (i) A capsule with your `short` total should become long. How much smaller is its gradient than that of the capsule for which the first factor is greatest? What does this say about initial weights that are too small? (ii) A capsule with your `long` total is *wrongly* present. Is it easy to correct its length? Its direction? Why is that a reason against initial weights that are too large? (iii) Near 0 the two factors have a fixed ratio. Derive it.
#
# ### BEGIN SOLUTION
# (i) Along s the factor is 2n/(1+n²)², about 2n for short totals (n = 0.05: 0.1), against the maximum of 0.65 at n = 1/√3: the gradient is about ten times smaller (own numbers: printed quotient). Weights that start too small leave every capsule in the flat part, where it hardly learns; with totals at exactly 0 nothing is learnt at all.
#
# (ii) For n = 4 the factor along is 8/289 = 0.03, across 4/17 = 0.24. Its length is hard to correct, the direction is still easy to turn. Weights that start too large put every capsule there: all classes are present with great confidence, and the gradient that would shorten the wrong ones is nearly zero.
#
# (iii) across = g = n/(1+n²) ≈ n; along = g + n g' = 2n/(1+n²)² ≈ 2n. So across / along → 1/2.
#
# Rubric: 2 points for (i), with the quotient of the own numbers; 3 points for (ii), one each for length, direction and the conclusion; 2 points for (iii), of which 1 for the number alone.
# ### END SOLUTION

# %% [markdown]
# ## Part 3: is it a squash? (6 points of code, 6 written)
#
# Programs and papers contain functions that look like the squash and are not. An audit finds out, with vectors and without looking at the code.
#
# **3a (6 points).** For a function `bend` and vectors `s [n, d]`, none of them zero, measure: the greatest length that comes out; the greatest angle in degrees between a vector and what becomes of it; and whether *every* vector comes out longer if it is first made twice as long.


# %% answer="audit"
def audit(bend, s):
    """(greatest length, greatest angle in degrees, whether twice as long comes out longer)."""
    ### BEGIN SOLUTION
    v, twice = bend(s), bend(2 * s)
    cosines = torch.cosine_similarity(s, v, dim=-1).clamp(-1, 1)
    rises = (twice.norm(dim=-1) > v.norm(dim=-1)).all()
    return v.norm(dim=-1).max().item(), cosines.acos().rad2deg().max().item(), rises.item()
    ### END SOLUTION


# %%
solved = check("a2.audit", audit)

# %% test="audit_values" points=6
# Tested when graded, 6 points: functions that fail in one way each.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import squash as _squash

_s = 1.2 * _torch.randn(50, 4, dtype=_torch.float64)
_turn = _torch.tensor([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0]]).double()
for _name, _bend, _longest, _angle, _rises in [
    ("squash", _squash, None, 0, True),
    ("three times the squash", lambda s: 3 * _squash(s), None, 0, True),
    ("a quarter turn", lambda s: _squash(s) @ _turn, None, 90, True),
    ("the opposite", lambda s: -_squash(s), None, 180, True),
    ("s/(1+n²)", lambda s: s / (1 + s.square().sum(-1, keepdim=True)), None, 0, False),
    (
        "squash, cut at 0.6",
        lambda s: _squash(s) * (0.6 / _squash(s).norm(dim=-1, keepdim=True)).clamp(max=1),
        None,
        0,
        False,
    ),
]:
    _found = audit(_bend, _s)
    assert len(_found) == 3, f"audit returns {len(_found)} values instead of three"
    _longest = _bend(_s).norm(dim=-1).max()
    assert abs(float(_found[0]) - _longest) < 1e-4, (
        f"{_name}: the greatest length is {_longest:.3f}, not {float(_found[0]):.3f}"
    )
    assert abs(float(_found[1]) - _angle) < 0.1, (
        f"{_name}: the greatest angle is {_angle} degrees, not {float(_found[1]):.1f}"
    )
    assert bool(_found[2]) == _rises, f"{_name}: whether the length rises should be {_rises}"
### END HIDDEN TESTS

# %% [markdown]
# Six candidates. The second is printed in a paper; the third is what one gets by squashing every component; the fifth is found in code for CIFAR-10.


# %%
def by_length(curve):  # a bend from a curve of the length
    return lambda s: s / s.norm(dim=-1, keepdim=True) * curve(s.norm(dim=-1, keepdim=True))


candidates = {
    "n²/(1+n²)": by_length(lambda n: n**2 / (1 + n**2)),
    "n/(1+n²)": by_length(lambda n: n / (1 + n**2)),
    "componentwise": lambda s: s.sign() * s**2 / (1 + s**2),
    "tanh n": by_length(lambda n: n.tanh()),
    "n²/(0.5+n²)": by_length(lambda n: n**2 / (0.5 + n**2)),
    "unit vector": by_length(lambda n: 1 + 0 * n),
}
with waits("the audit"):
    totals = torch.randn(2000, 8, generator=dice).double()
    totals *= 1.2 * torch.rand(2000, 1, generator=dice)
    noise = short * torch.nn.functional.normalize(torch.randn(1, 8, generator=dice), dim=-1)
    for name, bend in candidates.items():
        longest, angle, rises = audit(bend, totals)
        print(f"{name:14} longest {longest:.3f}, turned by up to {angle:4.1f}°, "
              f"{'rises' if rises else 'does not rise'}, {short:.3f} becomes {bend(noise).norm():.4f}")  # fmt: skip

# %% [markdown] written="candidates" points=6
# **3b (6 points).** (i) Which candidates cannot be used as a capsule's probability, and by which number of your table do you see it? (ii) `tanh n` passes your audit. The last column shows a difference all the same: say what it means for a capsule whose votes nearly cancel, and what it means for that capsule's chance to wake up. (iii) Does the fifth ever make a vector longer? Answer for all lengths, not only for those measured.
#
# ### BEGIN SOLUTION
# (i) n/(1+n²) does not rise and never passes 0.5; componentwise gets longer than 1 and turns vectors by tens of degrees; the unit vector is always 1 long (it does not rise). tanh n, n²/(0.5+n²) and the paper's stay below 1, keep the direction and rise.
#
# (ii) With tanh the short total stays about as long as it was (0.05 stays 0.05), with the paper's it becomes 0.0025: "little" is told from "nothing". The price is the gradient: tanh has slope 1 at 0, the paper's slope 0, so a sleeping capsule wakes up slowly.
#
# (iii) n²/(0.5+n²) > n would mean n > 0.5 + n², i.e. n² − n + 0.5 < 0; the discriminant is 1 − 2 < 0, so never.
#
# Rubric: 2 points for (i), all three named with a number (1 for two of them); 2 points for (ii), one each for noise and gradient; 2 points for (iii), with a proof (1 for a plot or a measurement).
# ### END SOLUTION

# %% [markdown]
# ## Part 4: read out (7 points)
#
# A class is present if its capsule is *longer* than a threshold. In an image there may be none, one or several.
#
# **4 (7 points).** Return the lengths of the capsules, and which classes are present as zeros and ones. The lengths are part of a loss: the gradient must be finite at a zero pose too. Do not call the package's `capsule_length`.


# %% answer="read_out"
def read_out(poses, threshold=0.5):
    """poses [b, classes, d] -> lengths [b, classes] and present [b, classes], 0 or 1.

    present has the dtype of the lengths.
    """
    ### BEGIN SOLUTION
    squares = poses.square().sum(dim=-1)
    lengths = torch.where(squares > 0, torch.where(squares > 0, squares, 1).sqrt(), 0)
    return lengths, (lengths > threshold).to(lengths.dtype)
    ### END SOLUTION


# %%
solved = check("a2.read_out", read_out)

# %% test="read_out_values" points=4
# Tested when graded, 4 points: lengths, and images with none, one and several classes.
### BEGIN HIDDEN TESTS
import torch as _torch

_lengths = _torch.tensor(
    [[0.9, 0.1, 0.2], [0.6, 0.7, 0.1], [0.2, 0.3, 0.4], [0.8, 0.95, 0.51]]
).double()
_directions = _torch.nn.functional.normalize(_torch.randn(4, 3, 5).double(), dim=-1)
_poses = _lengths[..., None] * _directions
for _threshold in (0.5, 0.25, 0.75):
    _found = read_out(_poses, _threshold)
    assert len(_found) == 2, f"read_out returns {len(_found)} values instead of two"
    assert list(_found[0].shape) == list(_found[1].shape) == [4, 3], (
        "shapes differ from [b, classes]"
    )
    assert _torch.allclose(_found[0], _lengths), (
        f"a pose of length {_lengths[0, 0]:.2f} is read as {_found[0][0, 0]:.2f}"
    )
    assert _found[1].dtype == _torch.float64, f"present is {_found[1].dtype}, not float64"
    _wanted = (_lengths > _threshold).double()
    assert _torch.equal(_found[1], _wanted), (
        f"threshold {_threshold}: for lengths {_lengths[1].tolist()} present should be "
        f"{_wanted[1].tolist()}, not {_found[1][1].tolist()}"
    )
### END HIDDEN TESTS

# %% test="read_out_zero" points=3
# Tested when graded, 3 points: a pose of zeros, with the gradient of its length.
### BEGIN HIDDEN TESTS
import torch as _torch

_poses = _torch.randn(2, 3, 4)
_poses[0, 1] = 0
_poses.requires_grad_()
_lengths = read_out(_poses)[0]
assert _lengths.isfinite().all() and _lengths[0, 1].abs() < 1e-3, "the length of 0 is not 0"
(_gradient,) = _torch.autograd.grad(_lengths.square().sum() + _lengths.sum(), _poses)
assert _gradient.isfinite().all(), "the gradient of the length is not finite at a pose of zeros"
_other = _gradient[1, 2] / (2 * _poses[1, 2] + _poses[1, 2] / _poses[1, 2].norm())
assert _torch.allclose(_other.detach(), _torch.ones(4), atol=1e-3), "other gradients are wrong"
### END HIDDEN TESTS

# %% [markdown]
# ## Part 5: the margin loss and its gradient (19 points)
#
# $$L = \frac1B\sum_b \sum_j\; T_{bj} \max(0,\; m^+ - \ell_{bj})^2 + \lambda\,(1-T_{bj}) \max(0,\; \ell_{bj} - m^-)^2$$
#
# $T_{bj}$ is 1 where class $j$ is present in image $b$, and any number of classes may be.
#
# **5a (12 points).** Write it for lengths and present classes, both `[b, classes]`.


# %% answer="margin_loss"
def margin_loss(lengths, present, positive=0.9, negative=0.1, down_weight=0.5):
    """The margin loss, a single number; present [b, classes] holds zeros and ones."""
    ### BEGIN SOLUTION
    missing = (positive - lengths).relu().square()
    excess = (lengths - negative).relu().square()
    each = present * missing + down_weight * (1 - present) * excess
    return each.sum(dim=1).mean()
    ### END SOLUTION


# %%
solved = check("a2.margin_loss", margin_loss)

# %% test="loss_values" points=7
# Tested when graded, 7 points: one present class, all constants, lengths on both sides of the margins.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

for _constants in [(), (0.9, 0.1, 0.25), (0.8, 0.3, 0.5), (0.95, 0.05, 1.0)]:
    _lengths = _torch.rand(9, 6, dtype=_torch.float64)
    _targets = _torch.randint(0, 6, (9,))
    _present = _torch.nn.functional.one_hot(_targets, 6).double()
    _wanted = _margin_loss(_lengths, _targets, *_constants)
    _found = margin_loss(_lengths, _present, *_constants)
    assert _found.dim() == 0, f"the loss has shape {list(_found.shape)}; a single number is wanted"
    assert _torch.allclose(_found, _wanted), (
        f"for constants {_constants or 'as given'} the loss is {_wanted:.4f}, not {_found:.4f}"
    )
### END HIDDEN TESTS

# %% test="loss_several" points=5
# Tested when graded, 5 points: images with none, two and all classes present.
### BEGIN HIDDEN TESTS
import torch as _torch

for _present in (
    _torch.zeros(3, 4),
    _torch.ones(3, 4),
    _torch.tensor([[1.0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]),
):
    for _lengths in (_torch.zeros(3, 4), _torch.ones(3, 4), _torch.randint(0, 2, (3, 4)).float()):
        _found = margin_loss(_lengths, _present, positive=1.0, negative=0.0, down_weight=1.0)
        _wrong = (_lengths != _present).sum().item()  # each costs exactly 1
        assert abs(float(_found) - _wrong / 3) < 1e-4, (
            f"{int(_present[0].sum())} of 4 classes present in the first of 3 images, {_wrong} lengths "
            f"wrong by exactly 1: the loss is {float(_found):.3f} instead of {_wrong / 3:.3f}"
        )
### END HIDDEN TESTS

# %% [markdown]
# **5b (7 points).** The derivative of this loss with respect to every length, by hand, for the constants 0.9, 0.1 and $\lambda$. At the margins themselves it is 0.


# %% answer="margin_gradient"
def margin_gradient(lengths, present, down_weight=0.5):
    """The derivative of the margin loss: lengths, present [b, classes] -> [b, classes]."""
    ### BEGIN SOLUTION
    pull = -2 * present * (0.9 - lengths).relu()
    push = 2 * down_weight * (1 - present) * (lengths - 0.1).relu()
    return (pull + push) / len(lengths)
    ### END SOLUTION


# %%
solved = check("a2.margin_gradient", margin_gradient)

# %% test="gradient_values" points=7
# Tested when graded, 7 points: against autograd, for any number of present classes.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

_names = set(getattr(getattr(margin_gradient, "__code__", None), "co_names", ()))
assert not _names & {"autograd", "backward", "grad"}, (
    "margin_gradient asks autograd; write the formula"
)
for _b, _down in [(1, 0.5), (5, 0.5), (8, 0.2)]:
    _lengths = _torch.rand(_b, 4, dtype=_torch.float64, requires_grad=True)
    _present = _torch.randint(0, 2, (_b, 4)).double()
    (_wanted,) = _torch.autograd.grad(_margin_loss(_lengths, _present, down_weight=_down), _lengths)
    _found = margin_gradient(_lengths.detach(), _present, _down)
    assert _found.shape == _wanted.shape, (
        f"shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    _places = (~_torch.isclose(_found, _wanted, atol=1e-8)).nonzero()
    assert len(_places) == 0, (
        f"batch of {_b}, down-weight {_down}: {len(_places)} of {_found.numel()} entries are wrong; "
        f"at length {_lengths[tuple(_places[0])]:.3f}, {'present' if _present[tuple(_places[0])] else 'absent'}, "
        f"the derivative is {_wanted[tuple(_places[0])]:.4f}, not {_found[tuple(_places[0])]:.4f}"
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Part 6: what the down-weight is for (7 points of code, 8 written)
#
# A network that has not learnt anything cannot tell the classes apart: all its capsules have one and the same length $\ell$. Nothing keeps it from learning *that* number at once, though. Of `classes` classes, `present` are in every image. All are pulled by the present ones up and pushed by the absent ones down, and $\ell$ comes to rest where the two are equal.
#
# **6a (7 points).** At which length? Use the margins 0.9 and 0.1 and solve by hand; between the margins both maxima are what stands in them.


# %% answer="resting_length"
def resting_length(classes, present, down_weight):
    """The common length at which the margin loss is smallest, a number from 0.1 to 0.9."""
    ### BEGIN SOLUTION
    push = down_weight * (classes - present)
    return (0.9 * present + 0.1 * push) / (present + push)
    ### END SOLUTION


# %%
solved = check("a2.resting_length", resting_length)

# %% test="resting_values" points=7
# Tested when graded, 7 points: the smallest loss, searched on a grid of lengths.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

for _classes, _there, _down in [
    (10, 1, 0.5),
    (10, 1, 1.0),
    (10, 2, 0.5),
    (100, 1, 0.5),
    (5, 5, 0.5),
    (10, 1, 0.0),
    (7, 3, 0.3),
]:
    _grid = _torch.linspace(0.1, 0.9, 8001, dtype=_torch.float64)
    _present = _torch.zeros(1, _classes, dtype=_torch.float64)
    _present[0, :_there] = 1
    _losses = _torch.stack(
        [_margin_loss(_l.expand(1, _classes), _present, down_weight=_down) for _l in _grid[::40]]
    )
    _wanted = _grid[::40][_losses.argmin()].item()
    _found = float(resting_length(_classes, _there, _down))
    assert abs(_found - _wanted) < 0.004, (
        f"{_there} of {_classes} classes present, down-weight {_down}: the loss is smallest "
        f"at about {_wanted:.3f}, not at {_found:.3f}"
    )
### END HIDDEN TESTS

# %%
with waits("the resting lengths"):
    for classes in (10, several):
        for down_weight in (1.0, 0.5, 9 / (classes - 1) / 2, 0.0):
            rest = resting_length(classes, 1, down_weight)
            n = (rest / (1 - rest)) ** 0.5  # the total that squash makes this long
            along = 2 * n / (1 + n**2) ** 2
            pull = 2 * (0.9 - rest) * along
            print(f"{classes} classes, λ = {down_weight:.3f}: at rest {rest:.3f} long, a total of {n:.3f}; "
                  f"the squash lets {along:.3f} through, the present class feels {pull:.3f}")  # fmt: skip

# %% [markdown] written="down_weight" points=8
# **6b (8 points).** The paper gives $\lambda = 0.5$ the task to stop the absent classes from shrinking all capsules at the beginning. (i) With ten classes, what do your numbers for $\lambda = 1$ and $0.5$ say: does it stop it, or soften it? (ii) What becomes of $\lambda = 0.5$ with your `several` classes? How would you choose $\lambda$ so that the rest is the same as for ten, and which printed line shows it? (For ten classes the second and the third line are the same.) (iii) Why not $\lambda = 0$?
#
# ### BEGIN SOLUTION
# (i) It softens it. With λ = 1 the nine absent classes bring all capsules down to 0.18, with 0.5 to about 0.25. Both are far below 0.5, and the share of the gradient that the squash lets through is about the same at these lengths. With λ = 0.5 the present class has a little less far to go.
#
# (ii) The push grows with the number of absent classes: with 50 classes, λ = 0.5 gives (0.9 + 0.1·24.5)/25.5 = 0.13, so close to 0.1 that hardly anything is left between absent and at rest. The rest depends on λ(C − 1) only, so λ = 0.5 · 9/(C − 1), the third line of each block, keeps it at the value for ten classes.
#
# (iii) Then nothing pushes down. All capsules go to 0.9, which has no loss whatever the image: the network can answer "everything is present" and has nothing to learn.
#
# Rubric: 2 points for (i) with both numbers; 4 points for (ii): 1 for the own number, 2 for λ(C − 1), 1 for the line; 2 points for (iii).
# ### END SOLUTION

# %% [markdown]
# ## Part 7: a sum, not a mean (5 points of code, 7 written)
#
# CapsNet also draws the image from the capsule of its class, and adds the squared error of the drawing to the loss, times 0.0005. It is a *sum* over the pixels of an image, and a mean over the images.
#
# **7a (3 points).** Write it, for images of any number of channels and pixels.


# %% answer="reconstruction_loss"
def reconstruction_loss(drawn, images):
    """Squared error, summed over an image and averaged over the batch: both [b, c, h, w]."""
    ### BEGIN SOLUTION
    return (drawn - images).square().sum(dim=(1, 2, 3)).mean()
    ### END SOLUTION


# %%
solved = check("a2.reconstruction_loss", reconstruction_loss)

# %% test="reconstruction_values" points=3
# Tested when graded, 3 points: several sizes, channels and batches.
### BEGIN HIDDEN TESTS
import torch as _torch

for _shape in [(1, 1, 28, 28), (7, 1, 8, 8), (3, 3, 5, 6)]:
    _drawn, _images = _torch.rand(_shape), _torch.rand(_shape)
    _wanted = (_drawn - _images).square().sum() / _shape[0]
    _found = reconstruction_loss(_drawn, _images)
    assert _found.dim() == 0, f"the loss has shape {list(_found.shape)}; a single number is wanted"
    assert _torch.allclose(_found, _wanted, rtol=1e-4), (
        f"for images {list(_shape)} the loss is {_wanted:.3f}, not {_found:.5f}"
    )
### END HIDDEN TESTS

# %% [markdown]
# **7b (2 points).** The decoder is shown one capsule of each image; the poses of the others are set to zero. While the network trains, it is the capsule of the class that *is* there, whatever the network takes it for. When it is tested nobody tells, and it is the longest one. Write what the decoder is shown.


# %% answer="shown"
def shown(poses, targets, training):
    """Poses [b, classes, d], all zero but those of one class per image.

    targets: [b], whole numbers. training: True or False.
    """
    ### BEGIN SOLUTION
    chosen = targets if training else poses.norm(dim=2).argmax(dim=1)
    return poses * functional.multi_hot(chosen, poses.shape[1]).to(poses.dtype).unsqueeze(2)
    ### END SOLUTION


# %%
solved = check("a2.shown", shown)

# %% test="shown_values" points=2
# Tested when graded, 2 points: while it trains, and when it is tested.
### BEGIN HIDDEN TESTS
import torch as _torch

_poses = 0.1 + _torch.rand(6, 5, 3)
_poses[range(6), [0, 1, 2, 3, 4, 0]] += 2  # the longest
_targets = _torch.tensor([0, 2, 1, 3, 0, 4])  # of which four are others
for _training, _chosen in ((True, _targets.tolist()), (False, [0, 1, 2, 3, 4, 0])):
    _wanted = _torch.zeros(6, 5, 3)
    _wanted[range(6), _chosen] = _poses[range(6), _chosen]
    _found = shown(_poses, _targets, _training)
    assert isinstance(_found, _torch.Tensor) and _found.shape == _wanted.shape, (
        f"shown should give a tensor [b, classes, d] = {list(_wanted.shape)}"
    )
    _when = (
        "while it trains, the capsule of the target"
        if _training
        else "when it is tested, the longest capsule"
    )
    assert _torch.allclose(_found, _wanted), (
        f"{_when} should be shown as it is, and the others as zeros"
    )
### END HIDDEN TESTS

# %%
digits = first_available("mnist", "digits", train=False)
with waits("the two losses"):
    images = digits.images[64 * (variant % 3) :][:64].float() / 255
    grey = images.mean(dim=0, keepdim=True).expand_as(images).clone().requires_grad_()
    lengths = torch.full(
        (64, 10), 0.25, requires_grad=True
    )  # about where an untrained network rests
    present = functional.multi_hot(digits.targets[64 * (variant % 3) :][:64], 10).float()
    parts = {
        "margin loss": (functional.margin_loss(lengths, present), lengths),
        "0.0005 · sum": (0.0005 * reconstruction_loss(grey, images), grey),
        "0.0005 · mean": (0.0005 * (grey - images).square().mean(), grey),
    }
    for name, (value, source) in parts.items():
        (slope,) = torch.autograd.grad(value, source)
        print(f"{name:14} {value:.4g}, gradient of length {slope.norm():.4g}")

# %% [markdown] written="sum_or_mean" points=7
# **7c (7 points).** About a dozen public programs use the mean (`mse_loss` with its default) with the paper's 0.0005. (i) By which factor is their drawing loss too weak, for these images and for colour images of 32×32? Confirm the first with your printed numbers. (ii) Compare the three values: what share of the whole loss is the drawing in each case, and what will the decoder's share in shaping the poses be? (iii) Such a network still classifies well. How would you find the mistake without reading the code? Name a measurement.
#
# ### BEGIN SOLUTION
# (i) 28·28 = 784 and 3·32·32 = 3,072; the printed quotient of the two values (and of the gradients) is 784.
#
# (ii) The drawing by its sum is about 0.02 to 0.03 against a margin loss of about 0.5, a few per cent: small, by intention, so that it does not dominate. With the mean it is some 0.00003, less than a hundredth of a per cent. The margin loss falls as training goes on, so the sum's share grows and it goes on shaping the poses; the mean's share stays negligible, so the poses carry hardly anything that only the drawing asks for. (The decoder's own weights get no other gradient; an optimiser like Adam, which divides by the gradient's size, trains them all the same. What is lost is the influence on the capsules.)
#
# (iii) For example: multiply the weight by 784 and see whether the drawings get better; measure how much of the gradient that reaches the poses comes from the drawing; perturb one component of a pose and look whether the drawing changes in a meaningful way; compute the loss of a known pair of images, such as black and white, which must be 784 · 0.0005.
#
# Rubric: 2 points for both factors and the confirmation; 3 points for (ii), of which 1 for the shares and 2 for the consequence for the poses; 2 points for a measurement that would show it.
# ### END SOLUTION

# %% [markdown]
# ## Part 8: a classifier made of lengths (7 points)
#
# Put a layer in front: one linear map from the pixels to `classes` vectors of `dim` components each, squashed. There is no routing, no softmax and nothing hidden.
#
# **8 (7 points).** Use `functional.squash`, the package's, so that this part does not depend on part 1.


# %% answer="capsule_classifier"
class CapsuleClassifier(nn.Module):
    """Images [b, 1, h, w] with h * w = pixels -> poses [b, classes, dim], shorter than 1."""

    def __init__(self, pixels=784, classes=10, dim=8):
        super().__init__()
        ### BEGIN SOLUTION
        self.classes = classes
        self.totals = nn.Linear(pixels, classes * dim)
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        totals = self.totals(images.flatten(1))
        return functional.squash(totals.unflatten(1, (self.classes, -1)))
        ### END SOLUTION


# %%
solved = check("a2.capsule_classifier", CapsuleClassifier)

# %% test="classifier_poses" points=4
# Tested when graded, 4 points: shapes, and lengths that are squashed pose by pose.
### BEGIN HIDDEN TESTS
import torch as _torch

for _side, _classes, _dim in [(28, 10, 8), (8, 4, 6), (5, 3, 2)]:
    _network = CapsuleClassifier(_side * _side, _classes, _dim)
    _found = _network(_torch.rand(6, 1, _side, _side))
    assert list(_found.shape) == [6, _classes, _dim], (
        f"shape {list(_found.shape)} instead of {[6, _classes, _dim]}"
    )
    assert (_found.norm(dim=-1) < 1).all(), "some poses are longer than 1"
    _lengths = _network(1e4 * _torch.randn(6, 1, _side, _side)).norm(dim=-1)
    assert _lengths.min() > 0.9 and _lengths.max() < 1.001, (
        "for images of enormous contrast every pose should be nearly 1 long; the lengths go from "
        f"{_lengths.min():.3f} to {_lengths.max():.3f}"
    )
### END HIDDEN TESTS

# %% test="classifier_learns" points=3
# Tested when graded, 3 points: sixty steps with the margin loss on easy patterns.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

_torch.manual_seed(0)
_patterns = _torch.rand(5, 1, 8, 8)
_targets = _torch.arange(5).repeat(20)
_images = _patterns[_targets] + 0.2 * _torch.randn(100, 1, 8, 8)
_network = CapsuleClassifier(64, 5, 4)
_optimizer = _torch.optim.Adam(_network.parameters(), lr=0.02)
for _ in range(60):
    _optimizer.zero_grad()
    _margin_loss(_network(_images).norm(dim=-1), _targets).backward()
    _optimizer.step()
_right = (_network(_images).norm(dim=-1).argmax(dim=1) == _targets).float().mean()
assert _right > 0.9, f"after sixty steps {_right:.0%} of five easy patterns are told apart"
### END HIDDEN TESTS

# %% [markdown]
# Now everything together: your classifier, your lengths and your loss, on real digits.

# %%
steps = 60 if profile == "smoke" else 800


@cache  # trained once, when it is first asked for; run this cell again to train anew
def trained_classifier():
    torch.manual_seed(variant)
    training = first_available("mnist", "digits", train=True)
    classifier = CapsuleClassifier()
    optimizer = torch.optim.Adam(classifier.parameters(), lr=0.003)
    for _ in range(steps):
        batch = torch.randint(len(training), (100,))
        lengths, _ = read_out(classifier(training.images[batch].float() / 255))
        present = nn.functional.one_hot(training.targets[batch], 10).float()
        optimizer.zero_grad()
        margin_loss(lengths, present).backward()
        optimizer.step()
    return classifier


# %%
with waits("the test"):
    classifier = trained_classifier()
    with torch.no_grad():
        lengths, present = read_out(classifier(digits.images.float() / 255))
    right = lengths.argmax(dim=1) == digits.targets
    print(f"{steps} steps; test error {1 - right.float().mean():.1%} of {len(digits)} images")
    counts = present.sum(dim=1)
    for k in range(4):
        print(f"{k} classes found present in {(counts == k).float().mean():.1%} of the images")

# %% [markdown]
# A classifier with a softmax must always name a class. Yours may say that there is none. Show it digits, noise, an empty image, and two digits laid over each other:

# %%
with waits("the strange images"):
    classifier = trained_classifier()
    some = digits.images[10 * (variant % 10) :][:6].float() / 255
    blank, grain = torch.zeros(1, 1, 28, 28), torch.rand(1, 1, 28, 28, generator=dice)
    two = torch.maximum(some[0], some[1])[None]
    strange = torch.cat([some, blank, grain, two, some.flip(2)[:3]])
    with torch.no_grad():
        lengths, present = read_out(classifier(strange))
    titles = ["".join(map(str, row.nonzero().flatten().tolist())) or "none" for row in present]
    show(
        digit_sheet(strange, titles, columns=6),
        alt="Six digits, an empty image, noise, two digits laid over each other and three digits upside down, "
        "each with the classes found present: " + ", ".join(titles) + ".",
    )
    for name, row in zip(["empty", "noise", "two"], lengths[6:9], strict=True):
        print(f"{name:6} lengths", " ".join(f"{length:.2f}" for length in row))

# %% [markdown]
# Above each image stand the classes that are longer than one half. Look at the noise: a length is trustworthy on images like those of the training, and nothing has told the network about any others. After a full training, the error is about what a single linear map can do on digits; chapter 4 puts convolutions and routing in front of the same loss.
