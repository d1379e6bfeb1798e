# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 6: build a capsule discriminator
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/06_capsule_discriminator.ipynb)
#
# A discriminator made of capsules: primary capsules, votes, two parents called "real" and "made", and lengths that are probabilities. In public code nearly every joint of this machine has been seen broken, and none of the breaks raises an error. You build it joint by joint, and measure at each what the wrong version does. At the end it teaches a small generator to write digits, beside an ordinary discriminator with as many parameters and the same budget.
#
# You will be able to
#
# - cut capsules out of a convolution's channels, and count the parameters of the network by hand;
# - show by measurement that routing to a single parent does nothing, and give the children somewhere else to go;
# - turn the length of a capsule into a loss, three ways, and say what a softmax over lengths destroys;
# - measure the gradient that a discriminator hands to a generator, and where squash lets none through;
# - compare two discriminators so that somebody else would believe it.
#
# **Read first:** chapters 3, 8 and 9. **Time:** three to four hours. **Hardware:** any CPU. **Points:** 100, of which 70 are for code and 30 for four written questions.
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
import warnings
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import nn

from capsedu.checkpoints import pretrained
from capsedu.data import first_available
from capsedu.evaluation.sample_quality import SampleQuality
from capsedu.experiments import EXPERIMENTS
from capsedu.explore import show
from capsedu.explore.assignment_gan_figures import pull_panels
from capsedu.explore.capsnet_figures import image_rows
from capsedu.functional import capsule_length, squash
from capsedu.models.cnn_baseline import parameter_count
from capsedu.profiles import resolve_profile
from capsedu.routing.dynamic import dynamic_routing

profile = resolve_profile("auto")

# %% given="variant"
variant = 0

# %% [markdown]
# The numbers below are yours: they depend on the variant. Written questions ask about them.

# %% given="numbers"
dice = torch.Generator().manual_seed(600 + variant)
CHANNELS = int(torch.randint(12, 19, (), generator=dice))  # of the first convolution
TYPES = int(torch.randint(4, 7, (), generator=dice))  # of primary capsule
STRETCH = 2 + 2 * torch.rand((), generator=dice).item()  # of the votes in part 2
digits = first_available("mnist", "digits", train=True)


def real_digits(n):
    """Digits at random, [n, 1, 28, 28] in [-1, 1]."""
    chosen = digits.images[torch.randint(len(digits), (n,))]
    return chosen.float() / 127.5 - 1


print(f"{CHANNELS} channels, {TYPES} types of capsule, votes {STRETCH:.2f} times as long")

# %% [markdown]
# ## Part 1: capsules out of channels (14 points)
#
# A convolution with $8\,T$ output channels makes $T$ types of capsule with 8 numbers each, at every place of its grid. A capsule is made of **eight channels at one place**. In this book's order, channel $e\,T + t$ is component $e$ of the capsules of type $t$. The popular mistake is a single `reshape` of `[b, channels, h, w]` to `[b, -1, 8]`: it takes eight *places* of one channel, and everything after it trains, a little worse.
#
# **1a (6 points).** Cut the capsules. No squash yet.


# %% answer="cut"
def cut(features, dim):
    """From [b, dim * types, h, w] to capsules [b, types * h * w, dim].

    The capsules stand in the order type, row, column.
    """
    ### BEGIN SOLUTION
    return features.unflatten(1, (dim, -1)).flatten(2).transpose(1, 2)
    ### END SOLUTION


# %%
solved = check("a6.cut", cut)

# %% test="cut_capsules" points=6
# Tested when graded, 6 points: which channels and which place are in which capsule.
### BEGIN HIDDEN TESTS
import torch as _torch

for _dim, _types, _h, _w in ((8, 3, 4, 5), (4, 6, 2, 2)):
    _channel = _torch.arange(float(_dim * _types)).view(1, -1, 1, 1).expand(2, -1, _h, _w)
    _found = cut(_channel.clone(), _dim)
    assert _found.shape == (2, _types * _h * _w, _dim), (
        f"the shape is {list(_found.shape)}, not {[2, _types * _h * _w, _dim]}"
    )
    assert (_found.min(dim=2).values < _found.max(dim=2).values).all(), (
        "each channel was set to a constant, its number, and a capsule holds one number many times: it "
        "was cut across places, not across channels"
    )
    _wanted = _torch.arange(_types)[:, None] + _types * _torch.arange(_dim)
    _wanted = _wanted.repeat_interleave(_h * _w, dim=0).float()
    assert _torch.equal(_found[0], _wanted), (
        f"the first capsule holds the channels {_found[0, 0].tolist()}, not {_wanted[0].tolist()}, or "
        "the types are not in order"
    )
    _place = _torch.zeros(1, _dim * _types, _h, _w)
    _place[:, :, 1, 0] = 1
    _lit = cut(_place, _dim)[0].sum(dim=1).nonzero()[:, 0]
    _wanted = _torch.arange(_types) * _h * _w + _w
    assert _torch.equal(_lit, _wanted), (
        f"the place in row 1 and column 0 is in capsules {_lit.tolist()}, not in {_wanted.tolist()}"
    )
### END HIDDEN TESTS

# %% [markdown]
# The discriminator of this assignment, for grey images of `size` × `size`: a convolution to `channels` channels, ReLU, a convolution to `dim · types` channels, capsules, squash, votes for the parents, dynamic routing. Both convolutions have `kernel` × `kernel` kernels, stride 2, no padding, and a bias. Each pair of a child and a parent has a matrix of its own, without bias: children at different places do *not* share theirs.
#
# **1b (8 points).** Count its parameters by hand.


# %% answer="count_parameters"
def count_parameters(size, channels, kernel, types, dim, parents, parent_dim):
    """Three whole numbers: of the first convolution, of the second, and of the votes."""
    ### BEGIN SOLUTION
    first = channels * (kernel**2 + 1)
    second = dim * types * (channels * kernel**2 + 1)
    grid = size
    for _ in range(2):
        grid = (grid - kernel) // 2 + 1
    return first, second, types * grid**2 * parents * dim * parent_dim
    ### END SOLUTION


# %%
solved = check("a6.count_parameters", count_parameters)

# %% test="count_convolutions" points=4
# Tested when graded, 4 points: the two convolutions.
### BEGIN HIDDEN TESTS
import torch as _torch

for _size, _c, _k, _t, _e in ((28, 16, 5, 4, 8), (40, 7, 9, 3, 4), (32, 10, 4, 6, 8)):
    with _torch.device("meta"):
        _layers = _torch.nn.Conv2d(1, _c, _k, 2), _torch.nn.Conv2d(_c, _t * _e, _k, 2)
    for _layer, _count, _name in zip(
        _layers, count_parameters(_size, _c, _k, _t, _e, 2, 16), ("first", "second"), strict=False
    ):
        _wanted = sum(_p.numel() for _p in _layer.parameters())
        assert int(_count) == _wanted, (
            f"{_c} channels, kernel {_k}, {_t} types of {_e} numbers: the {_name} convolution has "
            f"{_wanted} parameters, not {_count}"
        )
### END HIDDEN TESTS

# %% test="count_votes" points=4
# Tested when graded, 4 points: the matrices of the votes.
### BEGIN HIDDEN TESTS
import torch as _torch

for _size, _c, _k, _t, _e, _j, _d in (
    (28, 16, 5, 4, 8, 2, 16),
    (40, 7, 9, 3, 4, 10, 12),
    (33, 5, 4, 6, 8, 1, 16),
):
    with _torch.device("meta"):
        _x = _torch.nn.Conv2d(1, _c, _k, 2)(_torch.empty(1, 1, _size, _size))
        _x = _torch.nn.Conv2d(_c, _t * _e, _k, 2)(_x)
    _wanted = _x.numel() // _e * _j * _e * _d
    _found = int(count_parameters(_size, _c, _k, _t, _e, _j, _d)[2])
    assert _found != _t * _j * _e * _d or _found == _wanted, (
        "these are the matrices of one place; children at different places have their own"
    )
    assert _found == _wanted, (
        f"{_x.shape[2]} by {_x.shape[3]} places, {_t} types, {_j} parents: the votes have {_wanted} "
        f"parameters, not {_found}"
    )
### END HIDDEN TESTS

# %%
with waits("your numbers"):
    first, second, votes = count_parameters(28, CHANNELS, 5, TYPES, 8, 2, 16)
    print(f"your discriminator: {first:,} + {second:,} + {votes:,} = {first + second + votes:,}")
    wide = count_parameters(28, 256, 5, 32, 8, 2, 16)
    print(f"with CapsNet's 256 channels and 32 types: {' + '.join(f'{n:,}' for n in wide)}")

# %% [markdown]
# ## Part 2: one parent, two parents, none of them (14 points of code, 7 written)
#
# Routing lets a child decide which parent to side with. With one parent there is nothing to decide. That is easily said; it should be measured.
#
# **2a (5 points).** By how much does routing move the parents? For votes `[b, i, j, d]`: the distance between a parent's capsule after one iteration and after `iterations`, and for each image the largest of these over its parents. Use `dynamic_routing(votes, iterations)` of the package, which returns `[b, j, d]`.


# %% answer="routing_effect"
def routing_effect(votes, iterations):
    """How far iterating moves the parents of each image, [b]."""
    ### BEGIN SOLUTION
    moved = dynamic_routing(votes, iterations) - dynamic_routing(votes, 1)
    return moved.norm(dim=2).amax(dim=1)
    ### END SOLUTION


# %%
solved = check("a6.routing_effect", routing_effect)

# %% test="effect" points=5
# Tested when graded, 5 points: the distances, image by image.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing as _routing

for _parents, _iterations in ((1, 5), (2, 3), (5, 2)):
    _votes = 0.7 * _torch.randn(4, 20, _parents, 6)
    _wanted = (_routing(_votes, _iterations) - _routing(_votes, 1)).square().sum(dim=2).sqrt()
    _found = routing_effect(_votes.clone(), _iterations)
    assert _found.shape == (4,), f"one number per image: the shape is {list(_found.shape)}, not [4]"
    assert _torch.allclose(_found, _wanted.max(dim=1).values, atol=1e-5), (
        f"{_parents} parents, {_iterations} iterations: the parents that move most move by "
        f"{[round(x, 3) for x in _wanted.max(dim=1).values.tolist()]}, "
        f"not by {[round(x, 3) for x in _found.tolist()]}"
    )
### END HIDDEN TESTS

# %% [markdown]
# Sixty children with a common opinion and some noise; the same votes made longer, too.

# %%
with waits("the effect of routing"):
    torch.manual_seed(variant)
    common = torch.randn(8, 1, 10, 16) / 40
    votes = common + torch.randn(8, 60, 10, 16) / 20
    for parents in (1, 2, 10):
        for stretch in (1.0, STRETCH):
            moved = routing_effect(stretch * votes[:, :, :parents], 3)
            told = f"{moved.min():.2g} to {moved.max():.2g}"
            print(f"{parents:2} parents, votes x {stretch:.2f}: moved by {told}")

# %% [markdown]
# If there is to be one capsule, "real", and routing all the same, a child needs another place to go. The cheapest is a parent with no capsule and no parameters, called **none of them**: its logit is 0, always. Then with the agreement so far, $b_i$,
#
# $$c_i = \frac{e^{b_i}}{e^{b_i} + e^{0}} = \sigma(b_i),\qquad s = \sum_i c_i\,\hat u_i,\qquad v = \operatorname{squash}(s),\qquad b_i \leftarrow b_i + \hat u_i\cdot v$$
#
# A child whose vote points the other way gets a negative logit, and leaves.
#
# **2b (9 points).** Write it. Start with logits 0, and do not update them after the last iteration. Each image routes for itself.


# %% answer="route_or_none"
def route_or_none(votes, iterations):
    """From votes [b, i, d] for one parent: its capsule [b, d], and the couplings [b, i].

    Both are those of the last iteration.
    """
    ### BEGIN SOLUTION
    logits = votes.new_zeros(votes.shape[:2])
    for iteration in range(iterations):
        couplings = logits.sigmoid()
        pose = squash((couplings.unsqueeze(2) * votes).sum(dim=1))
        if iteration < iterations - 1:
            logits = logits + (votes * pose.unsqueeze(1)).sum(dim=2)
    return pose, couplings
    ### END SOLUTION


# %%
solved = check("a6.route_or_none", route_or_none)

# %% test="none_values" points=5
# Tested when graded, 5 points: capsules and couplings of a single image.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing_steps as _steps

_common = _torch.nn.functional.normalize(_torch.randn(1, 1, 5), dim=2)
_votes = 0.6 * _common + 0.2 * _torch.randn(1, 12, 5)
_votes[:, 3] = -1.5 * _common[:, 0]  # a child that votes the other way
for _iterations in (1, 2, 4):
    _both = _torch.stack([_votes, _torch.zeros_like(_votes)], dim=2)  # votes of 0 for "none"
    *_, _last = _steps(_both, _iterations)
    _pose, _couplings = route_or_none(_votes.clone(), _iterations)
    assert _couplings.shape == (1, 12) and _pose.shape == (1, 5), (
        f"the shapes are {list(_pose.shape)} and {list(_couplings.shape)}, not [1, 5] and [1, 12]"
    )
    if _iterations == 1:
        assert _torch.allclose(_couplings, _torch.full((1, 12), 0.5)), (
            "in the first iteration every child gives half of itself to each side: 0.5, not "
            f"{_couplings[0, 0].item():.3f}"
        )
    else:
        assert _couplings[0, 3] < 0.4 < 0.5 < _couplings[0].median(), (
            "a child that votes the other way should leave, and the others should come: it gives "
            f"{_couplings[0, 3].item():.3f}, the others about {_couplings[0].median().item():.3f}"
        )
    assert _torch.allclose(_couplings, _last.couplings[:, :, 0], atol=1e-5), (
        f"{_iterations} iterations: the couplings are not sigmoids of the agreement so far"
    )
    assert _torch.allclose(_pose, _last.poses[:, 0], atol=1e-5), (
        f"{_iterations} iterations: the capsule is not the squashed sum of the coupled votes"
    )
### END HIDDEN TESTS

# %% test="none_alone" points=4
# Tested when graded, 4 points: what the other images of a batch change.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes = _torch.randn(5, 10, 4)
_together = route_or_none(_votes.clone(), 3)
for _k in range(5):
    _alone = route_or_none(_votes[_k : _k + 1].clone(), 3)
    for _name, _one, _all in zip(("capsule", "couplings"), _alone, _together, strict=True):
        assert _torch.allclose(_one[0], _all[_k], atol=1e-5), (
            f"an image has another {_name} in a batch than alone: logits belong to an image"
        )
### END HIDDEN TESTS

# %% [markdown]
# The same sixty children, ten of which now contradict the others.

# %%
with waits("the rebels"):
    torch.manual_seed(variant)
    wish = F.normalize(torch.randn(16), dim=0) / 30
    votes = STRETCH * (wish + torch.randn(1, 60, 16) / 200)
    votes[:, :10] = -votes[:, :10]
    for iterations in (1, 3, 10):
        pose, couplings = route_or_none(votes, iterations)
        alone = dynamic_routing(votes.unsqueeze(2), iterations)
        print(
            f"{iterations:2} iterations: rebels give {couplings[0, :10].mean():.3f}, the others "
            f"{couplings[0, 10:].mean():.3f}; length {pose.norm():.3f}, with a single parent {alone.norm():.3f}"
        )

# %% [markdown] written="vacuous" points=7
# **2c (7 points, written).** A paper is called "… using dynamic routing …", and its discriminator routes 2,048 primary capsules to one output capsule, in three iterations. (1) With the formula of the couplings and your numbers of 2a: what does the routing change, and why exactly? What kind of layer is it in truth? (2) In your table, what makes the effect with two parents larger or smaller? Give the two numbers, and say what this means for a network whose votes start short. (3) In the cell of the rebels, compare one iteration with ten. What has "none of them" achieved that a single parent cannot, and what does it do to the length of the capsule?
#
# ### BEGIN SOLUTION
# (1) With one parent the softmax has a single term: $c_{i1} = e^{b_{i1}}/e^{b_{i1}} = 1$, for each child in each iteration, whatever the logits have become. So $s$ is the plain sum of the votes in every iteration, and the measured effect is 0 (at most rounding, $10^{-7}$). It is a linear layer without bias from all children to the 16 numbers, followed by a squash. (2) The length of the votes: a logit grows by $\hat u\cdot v$, and no $v$ is longer than 1, so short votes give logits near 0 and couplings near 1/2 (the printed effect for votes × 1 against the longer ones: several times larger). In a network whose votes start short, routing does next to nothing at the beginning even with two parents; only training can change that. (3) The rebels' couplings fall below one half and those of the others rise above it, more with more iterations. The capsule becomes longer than in the first iteration since contradicting votes are not added any more. A single parent has to add everything, rebels too, so that the rebels cancel part of the others, and its length is the same for 1, 3 and 10 iterations.
#
# Rubric: 3 points for (1): the couplings are 1 because the softmax has one term (1), measured effect 0 (1), linear layer and squash (1); 2 points for (2): both numbers and "short votes give small logits"; 2 points for (3): couplings of both groups with numbers, and the effect on the length.
# ### END SOLUTION

# %% [markdown]
# ## Part 3: from a length to a loss (20 points of code, 8 written)
#
# The length of a capsule is between 0 and 1, and so a probability by itself. Many programs put the lengths through a softmax nevertheless, because that is what one does before a loss.
#
# **3a (4 points).** For `classes` capsules with lengths in [0, 1]: what is the largest entry that a softmax *over the lengths* can have? And for these lengths, what is the margin loss of an image of that class, $\max(0,\,0.9-p)^2 + 0.5\sum_{k}\max(0,\,q_k-0.1)^2$, with the largest entry $p$ and the others $q_k$?


# %% answer="softmax_ceiling"
def softmax_ceiling(classes):
    """Two floats: the largest possible entry of the softmax, and the margin loss there."""
    ### BEGIN SOLUTION
    largest = math.e / (math.e + classes - 1)
    other = 1 / (math.e + classes - 1)
    loss = max(0, 0.9 - largest) ** 2 + 0.5 * (classes - 1) * max(0, other - 0.1) ** 2
    return largest, loss
    ### END SOLUTION


# %%
solved = check("a6.softmax_ceiling", softmax_ceiling)

# %% test="ceiling" points=4
# Tested when graded, 4 points: for several numbers of classes.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

for _classes in (2, 3, 5, 10, 40):
    _lengths = _torch.zeros(1, _classes, dtype=_torch.float64)
    _lengths[0, 0] = 1
    _entries = _lengths.softmax(dim=1)
    _found = softmax_ceiling(_classes)
    _wanted = _entries[0, 0].item(), _margin_loss(_entries, _torch.tensor([0])).item()
    for _name, _a, _b in zip(("largest entry", "margin loss"), _found, _wanted, strict=True):
        assert abs(float(_a) - _b) < 1e-6, (
            f"{_classes} capsules: the {_name} is {_b:.5f}, not {float(_a):.5f}; a length is between 0 "
            "and 1, and the best are 1 for one and 0 for the others"
        )
### END HIDDEN TESTS

# %%
with waits("the ceiling"):
    for classes in (2, 10):
        largest, loss = softmax_ceiling(classes)
        print(
            f"{classes:2} capsules: at most {largest:.3f}, where 0.9 is asked for; loss {loss:.3f}"
        )

# %% [markdown]
# So no softmax. One honest loss is cross-entropy of the length itself. With the total input $s$ of the capsule, $n = \lVert s\rVert$ and $\lVert v\rVert = n^2/(1+n^2)$,
#
# $$-\log\lVert v\rVert = \log(1 + n^{-2}),\qquad -\log(1-\lVert v\rVert) = \log(1+n^2)$$
#
# Computed from the length, the second is infinite from $n \approx 4000$ on, since $1-\lVert v\rVert$ is rounded to 0; computed from $n^2$ it is a number with a slope. The first has no finite value at $s=0$; treat any $n^2$ below $10^{-12}$ as $10^{-12}$.
#
# **3b (8 points).** Write the mean of it over a batch, from total inputs. It helps to know that $\log(1+n^2) = \operatorname{softplus}(\log n^2)$.


# %% answer="length_loss"
def length_loss(totals, label):
    """Mean cross-entropy of lengths with a label, 1 (real) or 0 (made), from totals [b, d]."""
    ### BEGIN SOLUTION
    score = totals.square().sum(dim=1).clamp(min=1e-12).log()
    return F.softplus(-score if label == 1 else score).mean()
    ### END SOLUTION


# %%
solved = check("a6.length_loss", length_loss)

# %% test="length_values" points=4
# Tested when graded, 4 points: ordinary total inputs, both labels.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import squash as _squash

_totals = _torch.randn(6, 16, dtype=_torch.float64) * _torch.rand(6, 1, dtype=_torch.float64)
_lengths = _squash(_totals).norm(dim=1)
for _label, _wanted in ((1, -_lengths.log().mean()), (0, -(1 - _lengths).log().mean())):
    _found = length_loss(_totals.clone(), _label)
    assert _found.shape == (), f"one number is wanted, not the shape {list(_found.shape)}"
    assert _torch.isclose(_found, _wanted, rtol=1e-4), (
        f"label {_label}: the loss is {_found:.4f} and should be {_wanted:.4f}"
    )
### END HIDDEN TESTS

# %% test="length_extremes" points=4
# Tested when graded, 4 points: very long and very short total inputs, values and slopes.
### BEGIN HIDDEN TESTS
import math as _math

import torch as _torch

for _n in (1e4, 1e8):
    _totals = _torch.full((3, 4), _n / 2, requires_grad=True)
    _found = length_loss(_totals, 0)
    assert _torch.isfinite(_found), f"a total input of length {_n:g} with label 0: {_found.item()}"
    assert abs(_found.item() - 2 * _math.log(_n)) < 1e-2, (
        f"a total input of length {_n:g} with label 0 costs {2 * _math.log(_n):.2f}, not {_found:.2f}"
    )
    (_slope,) = _torch.autograd.grad(_found, _totals)
    assert abs(3 * _slope.norm(dim=1).mean().item() * _n / 2 - 1) < 1e-2, (
        f"at length {_n:g} with label 0 the slope is lost"
    )
for _label in (0, 1):
    _totals = _torch.zeros(3, 4, requires_grad=True)
    _found = length_loss(_totals, _label)
    (_slope,) = _torch.autograd.grad(_found, _totals)
    assert _torch.isfinite(_found) and _torch.isfinite(_slope).all(), (
        f"a total input of 0 with label {_label}: the loss or its slope is no finite number"
    )
### END HIDDEN TESTS

# %% [markdown]
# The other honest loss is the margin loss, for two capsules, "real" and "made":
#
# $$\sum_{k} T_k \max(0,\,0.9-\lVert v_k\rVert)^2 + 0.5\,(1-T_k)\max(0,\,\lVert v_k\rVert-0.1)^2$$
#
# averaged over the images. For the discriminator, $T$ is $(1, 0)$ for real images and $(0, 1)$ for made ones, and both means are added. The generator wants its images to be taken for real, so its loss is the first one's kind, for made images; it is *not* minus the discriminator's.
#
# **3c (8 points).** Write both, without the package's `margin_loss`.


# %% answer="margin_losses"
def margin_losses(real, made):
    """The losses of the discriminator and of the generator, from lengths [b, 2].

    The first column is the length of "real", the second that of "made".
    """
    ### BEGIN SOLUTION

    def loss(lengths, present):
        missing = F.relu(0.9 - lengths[:, present]).square()
        excess = F.relu(lengths[:, 1 - present] - 0.1).square()
        return (missing + 0.5 * excess).mean()

    return loss(real, 0) + loss(made, 1), loss(made, 0)
    ### END SOLUTION


# %%
solved = check("a6.margin_losses", margin_losses)

# %% test="margin_judge" points=4
# Tested when graded, 4 points: the discriminator's loss.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

_real, _made = _torch.rand(6, 2), _torch.rand(9, 2)
_real[0], _made[0] = _torch.tensor([0.95, 0.05]), _torch.tensor([0.05, 0.95])  # these cost nothing
_real[1], _made[1] = _torch.tensor([0.3, 0.7]), _torch.tensor([0.8, 0.2])
_wanted = _margin_loss(_real, _torch.zeros(6).long()) + _margin_loss(_made, _torch.ones(9).long())
_found = margin_losses(_real.clone(), _made.clone())[0]
_inside = (0.9 - _real[:, 0].square()).clamp(min=0) + 0.5 * (_real[:, 1] - 0.1).clamp(
    min=0
).square()
_inside = (
    _inside.mean()
    + (
        (0.9 - _made[:, 1].square()).clamp(min=0) + 0.5 * (_made[:, 0] - 0.1).clamp(min=0).square()
    ).mean()
)
assert not _torch.isclose(_found, _inside), "the square belongs around the maximum, not inside it"
assert _torch.isclose(_found, _wanted), (
    f"the discriminator's loss is {_found:.4f} and should be {_wanted:.4f}"
)
### END HIDDEN TESTS

# %% test="margin_maker" points=4
# Tested when graded, 4 points: the generator's loss.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

_real, _made = _torch.rand(6, 2), _torch.rand(9, 2)
_wanted = _margin_loss(_made, _torch.zeros(9).long())
_found = margin_losses(_real.clone(), _made.clone())[1]
assert not _torch.isclose(_found, -_margin_loss(_made, _torch.ones(9).long())), (
    "this is minus the discriminator's loss: the generator should be rewarded for looking real"
)
assert not _torch.isclose(_found, (0.9 - _made[:, 0]).clamp(min=0).square().mean()), (
    "the capsule 'made' should be short for an image that is to look real, and costs as well"
)
assert _torch.isclose(_found, _wanted), (
    f"the generator's loss is {_found:.4f} and should be {_wanted:.4f}"
)
### END HIDDEN TESTS

# %% [markdown]
# Where does each loss pull? A capsule "real" for a made image, from nearly nothing to very long, and the slope of both generator's losses over its total input (the capsule "made" is left out here).

# %%
with waits("the slopes"):
    for n in (0.01, 0.1, 0.58, 1.0, 3.0, 10.0):
        totals = (torch.ones(1, 16) * n / 4).requires_grad_()
        lengths = capsule_length(squash(totals))
        short = torch.zeros(1)  # "made", which costs nothing
        _, margin = margin_losses(lengths[:, None].expand(1, 2), torch.stack([lengths, short], 1))
        slopes = [
            torch.autograd.grad(loss, totals, retain_graph=True)[0].norm().item()
            for loss in (margin, length_loss(totals, 1))
        ]
        print(
            f"total input {n:5}: length {lengths.item():.4f}, "
            f"slope of the margin loss {slopes[0]:.4f}, of cross-entropy {slopes[1]:.4f}"
        )

# %% [markdown] written="objectives" points=8
# **3d (8 points, written).** (1) A program puts the lengths of two capsules through a softmax and then uses the margin loss with 0.9 and 0.1. With your numbers of 3a: what is the best that its discriminator can do, and what will the loss keep asking of capsules that are as right as they can be? What changes with ten capsules? (2) From the table of slopes: a discriminator is sure, and the capsule "real" is nearly nothing for made images. What does the generator learn under each of the two losses? Use two rows. (3) The margin loss has a threshold of 0.1 for the discriminator. How does it help the *generator* of a margin-loss GAN, and why does cross-entropy not need it?
#
# ### BEGIN SOLUTION
# (1) Two capsules: the softmax can reach $e/(e+1) = 0.731$ at most, with lengths 1 and 0. The margin loss there is about 0.043, not 0; its slope still asks for a longer "real" and a shorter "made", which squash cannot give: the total inputs grow without end, weights are driven up, and the gradient that gets through the saturated squash vanishes. All images, right or not, cost nearly the same: with lengths between 0 and 1 the entries lie between 0.269 and 0.731. With ten, the ceiling is $e/(e+9) = 0.232$, the loss about 0.446: most of the loss is a constant, and nothing like 0.9 is in reach. (2) At a total input of 0.01 the slope of the margin loss is about 0.036, that of cross-entropy about 200: length is $n^2$ there, so anything that is a smooth function of the length has a slope that goes to 0 with $n$, while $-\log n^2$ has the slope $2/n$. At 0.58 or 1 both pull. Under the margin loss a generator facing a sure discriminator learns nothing; under cross-entropy it is pulled hard, and more so the surer the discriminator is. (3) Below 0.1 the discriminator gains nothing by shortening "real" any further for made images, so it leaves them at lengths near 0.1, total input 0.33, where the slope for the generator is near its largest. With cross-entropy the discriminator goes on towards 0, but the generator's slope grows at the same rate, so nothing is lost.
#
# Rubric: 3 points for (1): 0.731 and the loss for two (1), what the loss goes on asking for (1), ten (1); 3 points for (2) with two rows of numbers and the reason for the difference (length is the square of a small number); 2 points for (3).
# ### END SOLUTION

# %% [markdown]
# ## Part 4: the discriminator, and what it hands on (17 points of code, 7 written)
#
# **4a (10 points).** Now build it, for images `[b, 1, 28, 28]`, with 5×5 kernels, stride 2 and two parents, as counted in 1b. Its parts must have these names:
#
# - `self.convolution` and `self.primary`, the two `nn.Conv2d`;
# - `self.weight`, an `nn.Parameter` of shape `[children, 2, 8, 16]`, the matrices of the votes: $\hat u_{ijd} = \sum_e u_{ie} W_{ijed}$, from a normal distribution with mean 0 and the given `deviation`;
# - `self.iterations`.
#
# The capsules are cut as in 1a (do not rely on your `cut`; these lines are short enough to write again), squashed, vote, and are routed by `dynamic_routing(votes, self.iterations)`; the lengths of the parents are what comes out. `squash`, `capsule_length` and `dynamic_routing` are imported from the package.


# %% answer="capsule_judge"
class CapsuleJudge(nn.Module):
    """Lengths [b, 2] of the capsules "real" and "made", from images [b, 1, 28, 28]."""

    def __init__(self, channels, types, deviation=0.1, iterations=3):
        super().__init__()
        ### BEGIN SOLUTION
        self.convolution = nn.Conv2d(1, channels, 5, 2)
        self.primary = nn.Conv2d(channels, 8 * types, 5, 2)
        self.weight = nn.Parameter(deviation * torch.randn(types * 4 * 4, 2, 8, 16))
        self.iterations = iterations
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        features = self.primary(F.relu(self.convolution(images)))
        children = squash(features.unflatten(1, (8, -1)).flatten(2).transpose(1, 2))
        votes = torch.einsum("bie,ijed->bijd", children, self.weight)
        return capsule_length(dynamic_routing(votes, self.iterations))
        ### END SOLUTION


# %%
solved = check("a6.capsule_judge", CapsuleJudge)

# %% test="judge_parts" points=3
# Tested when graded, 3 points: shapes and numbers of parameters.
### BEGIN HIDDEN TESTS
import torch as _torch

for _channels, _types in ((6, 2), (10, 3)):
    _judge = CapsuleJudge(_channels, _types)
    assert _judge.weight.shape == (16 * _types, 2, 8, 16), (
        f"the votes' weights have the shape {list(_judge.weight.shape)}, not {[16 * _types, 2, 8, 16]}"
    )
    _count = sum(_p.numel() for _p in _judge.parameters())
    _wanted = 26 * _channels + 8 * _types * (25 * _channels + 1) + 16 * _types * 2 * 8 * 16
    assert _count == _wanted, f"there are {_count} parameters; by 1b there should be {_wanted}"
    _lengths = _judge(_torch.rand(3, 1, 28, 28))
    assert _lengths.shape == (3, 2), f"lengths of shape {list(_lengths.shape)}, not [3, 2]"
### END HIDDEN TESTS

# %% test="judge_lengths" points=4
# Tested when graded, 4 points: the lengths, worked out from the parts of your module.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import squash as _squash
from capsedu.routing.dynamic import dynamic_routing as _routing

_torch.manual_seed(7)
_judge = CapsuleJudge(6, 3, iterations=3)
with _torch.no_grad():
    _judge.weight.copy_(_torch.randn(48, 2, 8, 16))  # long votes, so that routing matters
    _judge.weight[:8] += 1
    _images = 2 * _torch.rand(4, 1, 28, 28) - 1
    _found = _judge(_images)
    _features = _judge.primary(_judge.convolution(_images).clamp(min=0))
    _children = _torch.stack(_features.chunk(8, dim=1), dim=-1).flatten(1, 3)
    _votes = _torch.einsum("bie,ijed->bijd", _squash(_children), _judge.weight)
    _places = _features.reshape(4, -1, 8)
    _across = _torch.einsum("bie,ijed->bijd", _squash(_places), _judge.weight)
    _wrong = _routing(_across, 3).norm(dim=2)
    assert not _torch.allclose(_found, _wrong, atol=1e-4), (
        "the capsules are cut across places: eight numbers of one channel are in each"
    )
    _bare = _torch.einsum("bie,ijed->bijd", _children, _judge.weight)
    assert not _torch.allclose(_found, _routing(_bare, 3).norm(dim=2), atol=1e-4), (
        "the primary capsules are not squashed before they vote"
    )
    assert not _torch.allclose(_found, _routing(_votes, 1).norm(dim=2), atol=1e-4), (
        "with three iterations the result is that of one"
    )
    assert _torch.allclose(_found, _routing(_votes, 3).norm(dim=2), atol=1e-4), (
        f"the first image has the lengths {_found[0].tolist()}, and should have "
        f"{_routing(_votes, 3).norm(dim=2)[0].tolist()}"
    )
### END HIDDEN TESTS

# %% test="judge_starts" points=3
# Tested when graded, 3 points: how the votes' weights start.
### BEGIN HIDDEN TESTS
import torch as _torch

for _deviation in (0.02, 0.1, 1.0):
    _weight = CapsuleJudge(6, 5, deviation=_deviation).weight.detach()
    assert abs(_weight.std().item() / _deviation - 1) < 0.05, (
        f"the votes' weights start with a deviation of {_weight.std().item():.3f}, not {_deviation}"
    )
    assert abs(_weight.mean().item()) < 0.05 * _deviation, "their mean should be 0"
    assert abs(_weight[0].std().item() / _deviation - 1) < 0.4, (
        "the weights differ by child in size"
    )
_judge = CapsuleJudge(6, 5, deviation=0.1)
_images = _torch.rand(2, 1, 28, 28, requires_grad=True)
(_slope,) = _torch.autograd.grad(_judge(_images).sum(), _images)
assert _slope.norm() > 0, "no gradient arrives at the images: a generator could not learn from it"
### END HIDDEN TESTS

# %% [markdown]
# A generator learns from nothing but the gradient at its images. How strong is it?
#
# **4b (7 points).** For a discriminator `judge`, a `loss` that turns lengths `[b, 2]` into the *mean* over the images, and images: the length of the gradient of each image's *own* loss at that image. It may not depend on how many images there are, and must leave nothing in the weights' `.grad`.


# %% answer="pull"
def pull(judge, loss, images):
    """How strongly each image is pulled, [b]."""
    ### BEGIN SOLUTION
    images = images.detach().clone().requires_grad_()
    (slopes,) = torch.autograd.grad(loss(judge(images)), images)
    return len(images) * slopes.flatten(1).norm(dim=1)
    ### END SOLUTION


# %%
solved = check("a6.pull", pull)

# %% test="pull_lengths" points=4
# Tested when graded, 4 points: the lengths, in batches of several sizes.
### BEGIN HIDDEN TESTS
import torch as _torch

_judge = _torch.nn.Sequential(_torch.nn.Flatten(), _torch.nn.Linear(18, 2), _torch.nn.Sigmoid())
_images = _torch.randn(6, 2, 3, 3)
for _n in (1, 6):
    _some = _images[:_n].clone().requires_grad_()
    (_slopes,) = _torch.autograd.grad(_judge(_some)[:, 0].square().sum(), _some)
    _wanted = _slopes.flatten(1).norm(dim=1)
    _found = pull(_judge, lambda lengths: lengths[:, 0].square().mean(), _images[:_n].clone())
    assert _found.shape == (_n,), f"{_n} images: the shape is {list(_found.shape)}, not [{_n}]"
    assert _n == 1 or not _torch.allclose(_n * _found, _wanted, rtol=1e-3), (
        "the loss is a mean over the batch, so each image has only its share of it here: the pull "
        "should not depend on how many images there are"
    )
    assert _torch.allclose(_found, _wanted, rtol=1e-3), (
        f"{_n} images: the first is pulled with {_found[0]:.4f}, not {_wanted[0]:.4f}"
    )
### END HIDDEN TESTS

# %% test="pull_clean" points=3
# Tested when graded, 3 points: what is left behind.
### BEGIN HIDDEN TESTS
import torch as _torch

_judge = _torch.nn.Sequential(_torch.nn.Flatten(), _torch.nn.Linear(4, 2))
_images = _torch.randn(3, 1, 2, 2)
for _ in range(2):
    pull(_judge, lambda lengths: lengths.square().mean(), _images)
assert all(_p.grad is None for _p in _judge.parameters()), (
    "measuring leaves gradients in the discriminator's weights, where its next step finds them"
)
assert all(_p.requires_grad for _p in _judge.parameters()), "the discriminator can no longer learn"
assert not _images.requires_grad and _images.grad is None, "the images given are changed"
### END HIDDEN TESTS

# %% [markdown]
# Fresh discriminators whose votes start ever larger, and noise in place of made images. Left, the generator's losses; right, the discriminator's for the same images: a saturated squash does not let *it* learn either.

# %%
with waits("the picture of the pulls"):
    torch.manual_seed(variant)
    images = (2 * torch.rand(16, 1, 28, 28) - 1).double()
    losses = {
        "what pulls the generator": {
            "margin": lambda v: margin_losses(v, v)[1],
            "cross-entropy": lambda v: -(v[:, 0].clamp(min=1e-12)).log().mean(),
        },
        "what moves the discriminator": {
            "margin": lambda v: 0.5 * F.relu(v[:, 0] - 0.1).square().mean(),
            "cross-entropy": lambda v: -((1 - v[:, 0]).clamp(min=1e-12)).log().mean(),
        },
    }
    scales = [10 ** (k / 2) for k in range(-4, 5)]
    pulls = {title: {name: [] for name in lines} for title, lines in losses.items()}
    for scale in scales:
        torch.manual_seed(variant)
        judge = CapsuleJudge(CHANNELS, TYPES, deviation=scale).double()
        for title, lines in losses.items():
            for name, loss in lines.items():
                found = pull(judge, loss, images).mean().item()
                pulls[title][name].append(found or math.nan)  # 0 has no place on such an axis
        with torch.no_grad():
            told = f"deviation {scale:8.3f}: length of “real” {judge(images)[:, 0].mean():.6f}"
        found = [values[-1] for lines in pulls.values() for values in lines.values()]
        print(f"{told}; pulls {', '.join(f'{x:.1e}' if x == x else '0' for x in found)}")
    show(
        pull_panels(scales, pulls),
        alt="Length of the gradient at an image over the deviation of the votes' weights, both axes "
        "logarithmic. "
        + "; ".join(
            f"{title}, {name}: at most {max(v for v in values if v == v):.1e}, and "
            f"{values[-1]:.1e} at the right end"
            for title, lines in pulls.items()
            for name, values in lines.items()
        )
        + ".",
    )

# %% [markdown] written="saturation" points=7
# **4c (7 points, written).** (1) From your table: at which deviation is the pull of the margin loss on the generator strongest, and how long is the capsule "real" there? How many times weaker is it at both ends? Explain both ends with the formula of squash. (2) At large deviations, which of the two losses still moves the discriminator, and why? (3) Public code often starts the votes' weights with `torch.randn`, a deviation of 1, in networks with 1,152 or 2,048 children. From your numbers, with $16\,T$ children: what will such a network do, and which deviation would you choose for 2,048 children?
#
# ### BEGIN SOLUTION
# (1) The numbers depend on the variant; the pull has a maximum where the capsule is of middling length, from about 0.1 to 0.6, and falls to both sides. Left: the length is about $n^2$, whose slope $2n$ goes to 0 with the weights, and the gradient at the image is also multiplied by these small weights. Right: the length is $1 - 1/n^2$ or so, with the slope $2/n^3$; and above 0.9 the margin loss for "real" is 0 altogether, so that what is left comes from the capsule "made". (2) Cross-entropy: $\log(1+n^2)$ has the slope $2/n$, and $n$ itself is proportional to the weights, so that the pull tends to a constant, while the margin loss passes through the slope of the length, $2/n^3$, and vanishes. (3) With a deviation of 1 and some 64 to 96 children the capsule is long already (see the row of 1.0); with 2,048 children, the sum of so many independent votes is about $\sqrt{2048/(16T)}$, five times, longer, so that all lengths start near 1, everything is "real" and "made" at once, and under a margin loss hardly any gradient gets through. To have the same total input as at the best deviation for $16T$ children, divide it by that factor; the usual 0.01 to 0.05 for networks of that size is of this order.
#
# Rubric: 3 points for (1): the place and length of the maximum (1), both ratios (1), both explanations (1); 2 points for (2) with numbers and a reason; 2 points for (3): saturated from the start (1), a deviation with a reason that uses the number of children (1).
# ### END SOLUTION

# %% [markdown]
# ## Part 5: a fair fight (5 points of code, 8 written)
#
# The rival is an ordinary discriminator: two convolutions and a linear layer with two outputs, whose sigmoids stand for the two lengths, so that both networks play for the same loss. `plain_judge(width)` builds it. To be fair in parameters, the width must be chosen.
#
# **5a (5 points).** `count(width)` says how many parameters there are at a width 1, 2, 3, …; it grows with the width. Find the width whose count is *nearest* to `wanted`. Widths may go into the thousands, and the count may be slow; so double first, then halve.


# %% given="rival"
def plain_judge(width):
    """An ordinary discriminator with two outputs in (0, 1)."""
    return nn.Sequential(
        nn.Conv2d(1, width, 5, 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 5, 2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * 4 * 4, 2),
        nn.Sigmoid(),
    )


# %% answer="matched_width"
def matched_width(wanted, count):
    """The width, at least 1, at which count(width) is nearest to wanted."""
    ### BEGIN SOLUTION
    low, high = 0, 1  # count(high) >= wanted, and count(low) is below, as soon as low > 0
    while count(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < wanted else (low, middle)
    return min((w for w in (low, high) if w > 0), key=lambda w: abs(count(w) - wanted))
    ### END SOLUTION


# %%
solved = check("a6.matched_width", matched_width)

# %% test="matched" points=5
# Tested when graded, 5 points: nearest from below, from above, at the edge, and far out.
### BEGIN HIDDEN TESTS
_calls = []


def _count(width):
    assert width >= 1, f"the count was asked for the width {width}; widths begin at 1"
    _calls.append(width)
    assert len(_calls) < 200, "more than 200 counts for one width: double first, then halve"
    return 3 * width**2 + 5 * width + 2


for _wanted, _width in (
    (10, 1),
    (1, 1),
    (16, 1),
    (18, 2),
    (24, 2),
    (43, 3),
    (60, 4),
    (3_000_000, 999),
):
    _calls.clear()
    _found = matched_width(_wanted, _count)
    assert _found == _width, (
        f"counts 10, 24, 44, 70, … and {_wanted} wanted: width {_width} is nearest, not {_found}"
    )
### END HIDDEN TESTS

# %% [markdown]
# The fight. Three discriminators: your capsules with three iterations, the same with one (so that nothing is routed), and the plain one. All teach the same generator, from the same first weights, with the same batches and noises, by the margin loss, for equally many batches; and the seconds are written down. FID is measured on the features of the project's digit classifier, and can be compared with nothing outside this table.

# %%
seeds = {"smoke": 1}.get(profile, 2)
milestones = {"smoke": (2, 4)}.get(profile, (100, 300))
samples = {"smoke": 70}.get(profile, 400)


def fresh_generator():
    return nn.Sequential(
        nn.Linear(32, 32 * 7 * 7),
        nn.Unflatten(1, (32, 7, 7)),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 4, 2, 1),
        nn.Tanh(),
    )


def fight(build, losses, seed):
    """Images at each milestone, [samples, 1, 28, 28] in [0, 1], with the seconds until then."""
    torch.manual_seed(seed)
    generator = fresh_generator()
    judge = build()
    adams = [torch.optim.Adam(n.parameters(), 1e-3, betas=(0.5, 0.999)) for n in (judge, generator)]
    torch.manual_seed(seed)  # so that all see the same batches and noises
    found, seconds = {}, 0.0
    for batch in range(1, milestones[-1] + 1):
        start = time.perf_counter()
        real, noise = real_digits(32), torch.randn(32, 32)
        made = generator(noise)
        for adam, turn in zip(adams, (0, 1), strict=True):
            loss = losses(judge(real), judge(made if turn else made.detach()))[turn]
            adam.zero_grad()
            loss.backward()
            adam.step()
        seconds += time.perf_counter() - start
        if batch in milestones:
            with torch.no_grad():
                noise = torch.randn(samples, 32, generator=torch.Generator().manual_seed(seed))
                images = (generator.eval()(noise) + 1) / 2
            generator.train()
            found[batch] = seconds, images
    return found


# %%
results, made = {}, {}
with waits("the fight"):
    capsules = CapsuleJudge(CHANNELS, TYPES)
    width = matched_width(parameter_count(capsules), lambda w: parameter_count(plain_judge(w)))
    judges = {
        "capsules": lambda: CapsuleJudge(CHANNELS, TYPES),
        "capsules, not routed": lambda: CapsuleJudge(CHANNELS, TYPES, iterations=1),
        "plain": lambda: plain_judge(width),
    }
    for name, build in judges.items():
        print(f"{name:21}{parameter_count(build()):>8,} parameters")
    results = {
        name: [fight(build, margin_losses, 100 * variant + seed) for seed in range(seeds)]
        for name, build in judges.items()
    }

# %%
if results:
    suffix = "" if digits.name == "mnist" else f"-{digits.name}"
    classifier = pretrained(EXPERIMENTS[f"digit-classifier{suffix}"], "small")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few samples, which the last sentence of part 5 is about
        quality = SampleQuality((real_digits(samples) + 1) / 2, classifier)
        for name, runs in results.items():
            for batch in milestones:
                fids = [quality(run[batch][1])["fid"] for run in runs]
                seconds = fmean(run[batch][0] for run in runs)
                told = ", ".join(f"{fid:.0f}" for fid in fids)
                print(f"{name:21} {batch:4} batches, {seconds:5.1f} s: FID by seed {told}")
        others = quality((real_digits(samples) + 1) / 2)["fid"]
        print(f"other real digits: FID {others:.0f}")
    rows = {
        name.replace(", ", ",\n"): runs[0][milestones[-1]][1][:10] for name, runs in results.items()
    }
    show(
        image_rows(rows | {"real": (real_digits(10) + 1) / 2}, [""] * 10),
        alt=f"Ten images by each generator after {milestones[-1]} batches, from the same noises, taught "
        f"by {', '.join(results)}; ten real digits in the last row.",
    )

# %% [markdown] written="fair" points=8
# **5b (8 points, written).** Somebody wants to write "capsule discriminators train better generators". Using your table: (1) What does it say about equal *batches*, and what about equal *seconds*? (2) Which comparison in it speaks about *routing*, and what does it say? (3) How large is the difference between two seeds of the same discriminator, and between two discriminators? What follows from that? (4) Name two things that this comparison does not hold equal or does not test, and say what you would do next, with a number of runs, if you had a day of computing.
#
# ### BEGIN SOLUTION
# The numbers are the student's own. (1) The rows of equal batches are read off directly; for equal seconds one has to compare rows with the same seconds, such as the capsules' early milestone with the plain one's late one: capsules cost more per batch at this size, so an advantage in batches may vanish in seconds, and the other way round. (2) "capsules" against "capsules, not routed": everything else, the parameters included, is the same. Usually the two differ by less than two seeds of one of them do: the votes are short and routing hardly moves anything (part 2). So whatever capsules do here, it is not known to be the routing's doing. (3) With two seeds, the difference between seeds is a crude estimate of the noise. Where it is as large as the difference between discriminators, nothing follows; where all seeds of one are ahead of all seeds of the other, it is a hint and no more, since with two seeds each that happens by chance in one of three cases (either order). (4) For example: the learning rate, which was chosen for neither; the loss, made for lengths and lent to the plain network; depth and normalisation; one data set and one size; few samples, which make all FIDs too large; a short training. Next: a small search of the learning rate for both, then at least five to ten seeds each, paired by seed, FID on several thousand samples, longer, and the difference with its standard error; the claim should be written down before.
#
# Rubric: 2 points for (1), both readings with numbers; 2 points for (2): the right pair and its numbers; 2 points for (3): both differences and a cautious conclusion; 2 points for (4): two gaps (1) and a plan with numbers of runs (1).
# ### END SOLUTION
