# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 3: dynamic routing from scratch
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/03_dynamic_routing.ipynb)
#
# You build dynamic routing out of its parts, with votes from a grid of capsules, and then do experiments with it: you stop its gradients halfway, measure how far the children agree, plant a liar among them, take all parents but one away, and give that one a rival called *nobody*. At the end your layer learns handwritten digits, and you look at who routes to whom.
#
# You will be able to
#
# - make votes with matrices that all places of a grid share;
# - write one round of routing and the loop, and say which number is the sum of which;
# - stop gradients where you mean to, and measure what that changes;
# - measure how far the votes for a parent agree;
# - say what routing does to one child that votes against all others;
# - say why routing to a single parent does nothing, and what to do about it;
# - write a capsule layer that starts in a state it can learn from.
#
# **Read first:** chapters 2 and 3. **Time:** three to four hours. **Hardware:** any CPU. **Points:** 100, of which 72 are for code and 28 for four written questions.
#
# Every answer cell holds a function with its description. Replace the line that raises `NotImplementedError`, run the cell, then the check below it, which answers at once. The cells marked *Tested when graded* look empty to you; leave them where they are. Everything else you may change, and add cells as you like. The notebook runs from top to bottom at any time; parts that are not written yet are waited for.
#
# The letters are the book's: `b` images, `i` children, `j` parents, `e` the components of a child's pose, `d` those of a parent's.

# %% given="setup"
try:
    from capsedu.classroom import check, waits
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check, waits

from functools import cache

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.testing import assert_close

from capsedu.data import first_available
from capsedu.explore import show
from capsedu.explore.figures import curves, grid_maps
from capsedu.functional import capsule_length, margin_loss, squash
from capsedu.layers.capsules import PrimaryCapsules
from capsedu.profiles import resolve_profile
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps

profile = resolve_profile("auto")
torch.set_printoptions(precision=3, sci_mode=False)

# %% given="variant"
variant = 0

# %% [markdown]
# The numbers below are yours: they depend on the variant. Written questions ask about them. `crowd_votes` makes votes `[1, i, 3, 4]` of a crowd of children for three parents: about parent 0 all of them nearly agree, about parents 1 and 2 nobody agrees with anybody.

# %% given="numbers"
dice = torch.Generator().manual_seed(300 + variant)
crowd = int(torch.randint(6, 11, (), generator=dice))
liar = int(torch.randint(0, crowd, (), generator=dice))
vote_length = 0.8 + 0.4 * torch.rand((), generator=dice).item()


def crowd_votes():
    generator = torch.Generator().manual_seed(310 + variant)
    directions = torch.randn(1, crowd, 3, 4, generator=generator)
    common = torch.randn(4, generator=generator)
    directions[:, :, 0] = common / common.norm() + 0.1 * directions[:, :, 0]
    return vote_length * directions / directions.norm(dim=-1, keepdim=True)


print(f"{crowd} children, of whom number {liar} will lie; votes of length {vote_length:.2f}")

# %% [markdown]
# ## Part 1: votes from a grid (8 points)
#
# Primary capsules stand on a grid: `types` kinds of capsule at each of `h` × `w` places. A matrix says how a part sits in a whole, and that does not depend on the place. So let all places share the matrices: one for each pair of a type and a parent.
#
# $$\hat u_{j\mid i} = u_i\, W_{tj} \qquad\text{where } t \text{ is the type of child } i$$
#
# **1 (8 points).** Return the votes with all children along one axis, ordered by type, then row, then column.


# %% answer="make_votes"
def make_votes(children, weight):
    """children [b, types, h, w, e], weight [types, j, e, d] -> votes [b, types * h * w, j, d]."""
    ### BEGIN SOLUTION
    return torch.einsum("bthwe,tjed->bthwjd", children, weight).flatten(1, 3)
    ### END SOLUTION


# %%
solved = check("a3.make_votes", make_votes)

# %% test="votes_values" points=5
# Tested when graded, 5 points: on a grid of one place.
### BEGIN HIDDEN TESTS
import torch as _torch

for _b, _types, _j, _e, _d in [(1, 1, 2, 3, 4), (3, 5, 2, 4, 6), (2, 4, 1, 3, 3)]:
    _children = _torch.randn(_b, _types, 1, 1, _e)
    _weight = _torch.randn(_types, _j, _e, _d)
    _found = make_votes(_children, _weight)
    assert list(_found.shape) == [_b, _types, _j, _d], (
        f"shape {list(_found.shape)} instead of {[_b, _types, _j, _d]}"
    )
    _wanted = _children[-1, -1, 0, 0] @ _weight[-1, -1]
    assert _torch.allclose(_found[-1, -1, -1], _wanted, atol=1e-5), (
        "the vote of the last child for the last parent is not its pose times their matrix"
    )
    _all = _torch.einsum("bte,tjed->btjd", _children[:, :, 0, 0], _weight)
    assert _torch.allclose(_found, _all, atol=1e-5), "some votes are not pose times matrix"
### END HIDDEN TESTS

# %% test="votes_order" points=3
# Tested when graded, 3 points: on larger grids, in the right order.
### BEGIN HIDDEN TESTS
import torch as _torch

_children, _weight = _torch.randn(2, 3, 4, 5, 6), _torch.randn(3, 2, 6, 4)
_found = make_votes(_children, _weight)
assert list(_found.shape) == [2, 60, 2, 4], f"shape {list(_found.shape)} instead of [2, 60, 2, 4]"
for _t, _y, _x in [(0, 0, 1), (0, 1, 0), (1, 0, 0), (2, 3, 4)]:
    _child = (_t * 4 + _y) * 5 + _x
    _wanted = _children[1, _t, _y, _x] @ _weight[_t, 0]
    assert _torch.allclose(_found[1, _child, 0], _wanted, atol=1e-5), (
        f"child {_child} should be type {_t} at row {_y}, column {_x}: the children are in another order"
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: one round (10 points)
#
# A round begins with logits $b_{ij}$. They become couplings, the couplings weigh the votes, the total is squashed, and each vote is compared with the pose:
#
# $$c_{ij} = \frac{\exp b_{ij}}{\sum_k \exp b_{ik}} \qquad s_j = \sum_i c_{ij}\,\hat u_{j\mid i} \qquad v_j = \operatorname{squash}(s_j) \qquad a_{ij} = \hat u_{j\mid i}\cdot v_j$$
#
# **2 (10 points).** Return all three: couplings, poses, and agreement. `squash` is the package's.


# %% answer="one_round"
def one_round(votes, logits):
    """votes [b, i, j, d], logits [b, i, j] -> couplings [b, i, j], poses [b, j, d], agreement [b, i, j]."""
    ### BEGIN SOLUTION
    couplings = logits.softmax(dim=2)
    poses = squash(torch.einsum("bij,bijd->bjd", couplings, votes))
    return couplings, poses, torch.einsum("bijd,bjd->bij", votes, poses)
    ### END SOLUTION


# %%
solved = check("a3.one_round", one_round)

# %% test="round_couplings" points=4
# Tested when graded, 4 points: couplings, for each image by itself, and for large logits.
### BEGIN HIDDEN TESTS
import torch as _torch

for _size in (1, 10, 300):
    _logits = _size * _torch.randn(3, 5, 4)
    _found = one_round(_torch.randn(3, 5, 4, 2), _logits)[0]
    assert list(_found.shape) == [3, 5, 4], (
        f"couplings have shape {list(_found.shape)}, not [3, 5, 4]"
    )
    assert _found.isfinite().all(), f"logits around {_size} make couplings that are not finite"
    assert _torch.allclose(_found.sum(dim=2), _torch.ones(3, 5), atol=1e-4), (
        f"child 0 gives away {_found[0, 0].sum():.3f} in all; parent 0 is given {_found[0, :, 0].sum():.3f}"
    )
    assert _torch.allclose(_found, _logits.softmax(dim=2), atol=1e-4), (
        "not the softmax of the logits"
    )
### END HIDDEN TESTS

# %% test="round_poses" points=3
# Tested when graded, 3 points: the poses that even couplings make.
### BEGIN HIDDEN TESTS
import torch as _torch

for _d in (2, 7):
    _votes = 2 * _torch.randn(3, 4, 4, _d)
    _found = one_round(_votes, _torch.zeros(3, 4, 4))[1]
    _totals = _votes.sum(dim=1) / 4
    _n = _totals.norm(dim=-1, keepdim=True)
    assert list(_found.shape) == [3, 4, _d], (
        f"poses have shape {list(_found.shape)}, not [3, 4, {_d}]"
    )
    assert _torch.allclose(_found, _totals * _n / (1 + _n**2), atol=1e-4), (
        f"with all couplings 1/4, pose 0 has length {_found[0, 0].norm():.3f}, "
        f"not {(_n**2 / (1 + _n**2))[0, 0].item():.3f}"
    )
### END HIDDEN TESTS

# %% test="round_agreement" points=3
# Tested when graded, 3 points: the agreement of votes with the poses that came out.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes = 2 * _torch.randn(2, 4, 4, 3)
_result = one_round(_votes, _torch.zeros(2, 4, 4))
assert len(_result) == 3, f"one_round returns {len(_result)} things instead of three"
_wanted = (_votes * _result[1][:, None]).sum(dim=-1)
assert list(_result[2].shape) == [2, 4, 4], (
    f"the agreement has shape {list(_result[2].shape)}, not [2, 4, 4]"
)
assert _torch.allclose(_result[2], _wanted, atol=1e-4), (
    f"the agreement of child 0 with parent 0 is {_wanted[0, 0, 0]:.4f}, not {_result[2][0, 0, 0]:.4f}"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 3: the loop (9 points of code, 6 written)
#
# The logits begin at 0, and after each round the agreement is *added* to them. `iterations` rounds mean exactly that many calls: the agreement of the last round is not used.
#
# **3a (9 points).** The loop gets the round as an argument, so that this part does not depend on part 2. Keep the couplings of every round.


# %% answer="route"
def route(votes, iterations, one_round):
    """votes [b, i, j, d] -> poses [b, j, d] and the couplings of all rounds [t, b, i, j].

    one_round(votes, logits) returns couplings, poses and agreement, as in part 2.
    """
    ### BEGIN SOLUTION
    logits = votes.new_zeros(votes.shape[:3])
    history = []
    for _ in range(iterations):
        couplings, poses, agreement = one_round(votes, logits)
        history.append(couplings)
        logits = logits + agreement
    return poses, torch.stack(history)
    ### END SOLUTION


# %%
solved = check("a3.route", route)

# %% test="loop_logits" points=5
# Tested when graded, 5 points: the logits that each round is given.
### BEGIN HIDDEN TESTS
import torch as _torch

_seen = []


def _watched(votes, logits):
    _seen.append(logits.clone())
    return logits.softmax(dim=2), votes.sum(dim=1), _torch.full_like(logits, float(len(_seen)))


route(_torch.randn(2, 3, 4, 5), 4, _watched)
assert len(_seen) >= 4, f"for 4 iterations there are {len(_seen)} rounds"
assert list(_seen[0].shape) == [2, 3, 4], (
    f"the logits have shape {list(_seen[0].shape)}, not [2, 3, 4]"
)
for _round, _wanted in enumerate((0, 1, 3, 6)):  # the agreements were 1, 2, 3
    assert _torch.allclose(_seen[_round], _torch.full((2, 3, 4), float(_wanted))), (
        f"with agreements of 1, 2, 3 the logits of round {_round + 1} should be {_wanted}, "
        f"not {_seen[_round].flatten()[0]:.3f}"
    )
### END HIDDEN TESTS

# %% test="loop_result" points=4
# Tested when graded, 4 points: how many rounds there are, and what comes back from them.
### BEGIN HIDDEN TESTS
import torch as _torch

for _iterations in (1, 2, 3, 6):
    _calls = []

    def _numbered(votes, logits, _calls=_calls):
        _calls.append(1)
        number = float(len(_calls))
        return _torch.full_like(logits, number), _torch.full_like(votes[:, 0], number), 0 * logits

    _poses, _history = route(_torch.randn(2, 3, 4, 5), _iterations, _numbered)
    assert len(_calls) == _iterations, (
        f"for {_iterations} iterations there are {len(_calls)} rounds"
    )
    assert list(_poses.shape) == [2, 4, 5] and (_poses == _iterations).all(), (
        f"the poses are those of round {_poses.flatten()[0]:.0f} of {_iterations}"
    )
    assert list(_history.shape) == [_iterations, 2, 3, 4], (
        f"the couplings of {_iterations} rounds have shape {list(_history.shape)}"
    )
    assert _history[:, 0, 0, 0].tolist() == list(range(1, _iterations + 1)), (
        "the couplings are not those of rounds 1, 2, 3, … in order"
    )
### END HIDDEN TESTS

# %% [markdown]
# Your crowd, routed by your loop. Below it the same with the softmax over the wrong axis, and each of the two once more with *every child there twice*.


# %%
def wrong_round(votes, logits):
    couplings = logits.softmax(dim=1)  # over the children!
    poses = squash(torch.einsum("bij,bijd->bjd", couplings, votes))
    return couplings, poses, torch.einsum("bijd,bjd->bij", votes, poses)


with waits("the crowd"):
    votes = crowd_votes()
    twice = torch.cat([votes, votes], dim=1)
    for name, step in {"over parents": one_round, "over children": wrong_round}.items():
        for size, those in {"once": votes, "twice": twice}.items():
            poses, history = route(those, 3, step)
            print(f"softmax {name}, children {size:5}: lengths {capsule_length(poses)[0]}, "
                  f"child 0 gives away {history[-1][0, 0].sum():.3f}")  # fmt: skip

# %%
with waits("the couplings of the crowd"):
    poses, history = route(votes, 6, one_round)
    figure = curves(
        torch.arange(1, 7), {f"to parent {j}": history[:, 0, :, j].mean(dim=1) for j in range(3)},
        "round", "mean coupling",
    )  # fmt: skip
    show(
        figure,
        alt="Mean couplings over six rounds, all one third in round 1. To parent 0, about which the children "
        f"agree, it rises to {history[-1, 0, :, 0].mean():.2f}; to the others it falls.",
    )

# %% [markdown] written="twice" points=6
# **3b (6 points).** (i) Twice the children are twice the evidence. What does each softmax make of it, by your printed lengths? Explain both from what the couplings sum to. (ii) With the wrong axis, what is lost besides? Use the last number of the lines. (iii) A program has the wrong axis, and its loss falls all the same. Name a test of two lines that finds the mistake in a layer whose code you cannot see, only its couplings.
#
# ### BEGIN SOLUTION
# (i) Over the parents, each child has 1 to give, so twice the children give each parent twice the total, and all poses get longer (the printed lengths). Over the children, the couplings of a parent sum to 1 whatever their number: each parent takes a weighted average, and with every child doubled the average is what it was. The lengths are exactly the same: evidence does not count, and every length stays below that of a squashed single vote.
#
# (ii) The competition: a child gives away more or less than 1 in all, so it may belong to several wholes or to none, and what it gives to one parent is not taken from the others.
#
# (iii) assert couplings.sum(dim=2) is all ones, for random votes after at least two rounds, with numbers of children and parents that differ (with equal numbers the first round cannot tell). Or: drop a parent's votes and see whether the other's pose changes.
#
# Rubric: 3 points for (i), 1 for the numbers and 1 for each explanation; 1 point for (ii); 2 points for (iii), of which 1 for a setting in which the test can tell.
# ### END SOLUTION

# %% [markdown]
# ## Part 4: the logits need no memory (5 points)
#
# In round $t$ the logits are what all earlier rounds added up, and the votes are the same in every round.
#
# **4 (5 points).** Given the votes and the poses of the rounds so far, `earlier [t, b, j, d]`, compute the logits of the next round in one step, without a loop over rounds and without anything of the size `[t, b, i, j]`.


# %% answer="logits_from_poses"
def logits_from_poses(votes, earlier):
    """votes [b, i, j, d], earlier poses [t, b, j, d] -> logits [b, i, j]."""
    ### BEGIN SOLUTION
    return torch.einsum("bijd,bjd->bij", votes, earlier.sum(dim=0))
    ### END SOLUTION


# %%
solved = check("a3.logits_from_poses", logits_from_poses)

# %% test="logits_values" points=5
# Tested when graded, 5 points: the logits of rounds 2 to 6, and of round 1.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing_steps as _steps

_votes = _torch.randn(2, 6, 3, 4, dtype=_torch.float64)
_rounds = list(_steps(_votes, 6))
for _t in range(1, 6):
    _earlier = _torch.stack([_step.poses for _step in _rounds[:_t]])
    _found = logits_from_poses(_votes, _earlier)
    assert list(_found.shape) == [2, 6, 3], f"shape {list(_found.shape)} instead of [2, 6, 3]"
    assert _torch.allclose(_found, _rounds[_t].logits), (
        f"the first logit of round {_t + 1} is {_rounds[_t].logits[0, 0, 0]:.4f}, "
        f"not {_found[0, 0, 0]:.4f}"
    )
_found = logits_from_poses(_votes, _votes.new_zeros(0, 2, 3, 4))
assert _torch.equal(_found, _votes.new_zeros(2, 6, 3)), "before round 1 the logits are 0"
### END HIDDEN TESTS

# %% [markdown]
# ## Part 5: stop the gradients (9 points of code, 7 written)
#
# Many programs let gradients flow only through the *last* weighted sum: they treat its couplings as constants that fell from the sky. The poses are the same, the gradients are not.
#
# **5a (9 points).** Write routing with couplings that carry no gradient (`tensor.detach()`). The votes in the last sum must carry theirs.


# %% answer="route_detached"
def route_detached(votes, iterations):
    """Routing whose couplings are constants to autograd: votes [b, i, j, d] -> poses [b, j, d]."""
    ### BEGIN SOLUTION
    fixed = votes.detach()
    logits = fixed.new_zeros(fixed.shape[:3])
    for _ in range(iterations - 1):
        poses = squash(torch.einsum("bij,bijd->bjd", logits.softmax(dim=2), fixed))
        logits = logits + torch.einsum("bijd,bjd->bij", fixed, poses)
    return squash(torch.einsum("bij,bijd->bjd", logits.softmax(dim=2), votes))
    ### END SOLUTION


# %%
solved = check("a3.route_detached", route_detached)

# %% test="detached_values" points=4
# Tested when graded, 4 points: the poses are those of routing.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing as _routing

_votes = 1.5 * _torch.randn(3, 8, 4, 5)
for _iterations in (1, 2, 3, 5):
    _found, _wanted = route_detached(_votes, _iterations), _routing(_votes, _iterations)
    assert _found.shape == _wanted.shape, (
        f"shape {list(_found.shape)} instead of {list(_wanted.shape)}"
    )
    assert _torch.allclose(_found, _wanted, atol=1e-4), (
        f"after {_iterations} iterations the poses differ from routing's by up to "
        f"{(_found - _wanted).abs().max():.4f}"
    )
### END HIDDEN TESTS

# %% test="detached_gradient" points=5
# Tested when graded, 5 points: the gradient of the last sum, with constant couplings.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import squash as _squash
from capsedu.routing.dynamic import dynamic_routing_steps as _steps

for _iterations in (1, 3, 4):
    _votes = (1.5 * _torch.randn(2, 7, 3, 4)).requires_grad_()
    *_, _last = _steps(_votes.detach(), _iterations)
    _arriving = _torch.randn(2, 3, 4)
    _constant = _squash((_last.couplings[..., None] * _votes).sum(dim=1))
    (_wanted,) = _torch.autograd.grad((_constant * _arriving).sum(), _votes)
    _poses = route_detached(_votes, _iterations)
    assert _poses.requires_grad, "no gradient reaches the votes at all"
    (_found,) = _torch.autograd.grad((_poses * _arriving).sum(), _votes)
    assert _torch.allclose(_found, _wanted, atol=1e-5), (
        f"with {_iterations} iterations the gradient differs by "
        f"{((_found - _wanted).norm() / _wanted.norm()).item():.1%} from that with constant couplings"
    )
### END HIDDEN TESTS

# %% [markdown]
# How much is missing? It depends on the length of the votes:

# %%
with waits("the gradients"):
    torch.manual_seed(variant)
    sizes, missing, turned = [0.1, 0.3, 1.0, 2.0, vote_length, 4.0], [], []
    for size in sorted(sizes):
        votes = torch.randn(32, 20, 5, 8)
        votes = (size * votes / votes.norm(dim=-1, keepdim=True)).requires_grad_()
        arriving = torch.randn(32, 5, 8)
        full, stopped = (
            torch.autograd.grad((poses * arriving).sum(), votes)[0]
            for poses in (dynamic_routing(votes, 3), route_detached(votes, 3))
        )
        missing.append(((full - stopped).norm() / full.norm()).item())
        turned.append(torch.cosine_similarity(full.flatten(), stopped.flatten(), dim=0).item())
        print(f"votes of length {size:.2f}: {missing[-1]:6.1%} of the gradient missing or wrong, "
              f"cosine {turned[-1]:.3f}")  # fmt: skip

# %% [markdown] written="detach" points=7
# **5b (7 points).** (i) Which part of the derivative does the detached version leave out? Say in words what that part would tell the votes to do. (ii) Why does the difference nearly vanish for short votes and grow with their length? What does that mean at the start of a training, and later? (iii) With one iteration the two are equal. Why?
#
# ### BEGIN SOLUTION
# (i) The part through the couplings: ∂s/∂û has the term c (kept) and û · ∂c/∂û (left out). A vote decides not only what the parent gets from this child but also *how much*, of this child, this and the other parents get. The missing part tells a vote to agree more or less with the others so that it is coupled more or less.
#
# (ii) The logits are products of votes and poses; for votes of length u they are of the order u times the pose's length, which for short totals is itself of the order u². Short votes leave all couplings near 1/J, whatever the votes are, so ∂c/∂û is tiny. Long votes make couplings sensitive. At the start, with small weights, it makes no difference; later, when the votes are long and routing decides something, the direction of the gradient is no longer the loss's (own numbers: per cent and cosine at the own vote length).
#
# (iii) In the only round all couplings are 1/J, constants anyway.
#
# Rubric: 3 points for (i), 2 of them for naming the derivative of the couplings and 1 for its meaning; 3 points for (ii), with the own numbers; 1 point for (iii).
# ### END SOLUTION

# %% [markdown]
# ## Part 6: do they agree? (7 points)
#
# A parent's total is long if its children agree, but also if they are many or loud. Compare the total's length with what it would be if all votes pointed the same way:
#
# $$R_j = \frac{\bigl\lVert \sum_i c_{ij}\,\hat u_{j\mid i}\bigr\rVert}{\sum_i c_{ij}\,\lVert\hat u_{j\mid i}\rVert}$$
#
# It is 1 if they all agree and 0 if they cancel. Where nothing is voted, let it be 0.
#
# **6 (7 points).** Write it for a batch.


# %% answer="agreement_of_votes"
def agreement_of_votes(votes, couplings):
    """votes [b, i, j, d], couplings [b, i, j] -> R [b, j], from 0 to 1."""
    ### BEGIN SOLUTION
    length = torch.einsum("bij,bijd->bjd", couplings, votes).norm(dim=-1)
    most = (couplings * votes.norm(dim=-1)).sum(dim=1)
    return torch.where(most > 0, length / torch.where(most > 0, most, 1), 0)
    ### END SOLUTION


# %%
solved = check("a3.agreement_of_votes", agreement_of_votes)

# %% test="agreement_values" points=5
# Tested when graded, 5 points: votes that agree, cancel, or do something in between.
### BEGIN HIDDEN TESTS
import torch as _torch

_couplings = _torch.rand(2, 6, 3) + 0.1
_lengths = 0.2 + 3 * _torch.rand(2, 6, 3, 1)
_same = _lengths * _torch.nn.functional.normalize(_torch.randn(2, 1, 3, 4), dim=-1)
_found = agreement_of_votes(_same, _couplings)
assert list(_found.shape) == [2, 3], f"shape {list(_found.shape)} instead of [2, 3]"
assert _torch.allclose(_found, _torch.ones(2, 3), atol=1e-4), (
    f"votes of different lengths in one direction agree by {_found[0, 0]:.3f}, not by 1"
)
_opposed = _torch.cat([_same, -_same], dim=1)
_found = agreement_of_votes(_opposed, _torch.cat([_couplings, _couplings], dim=1))
assert _found.abs().max() < 1e-4, f"votes that cancel agree by {_found.max():.3f}, not by 0"
_votes = _torch.randn(2, 6, 3, 4)
_wanted = (_couplings[..., None] * _votes).sum(1).norm(dim=-1) / (
    _couplings * _votes.norm(dim=-1)
).sum(1)
_found = agreement_of_votes(_votes, _couplings)
assert _torch.allclose(_found, _wanted, atol=1e-4), (
    f"random votes agree by {_wanted[0, 0]:.4f}, not by {_found[0, 0]:.4f}"
)
### END HIDDEN TESTS

# %% test="agreement_zero" points=2
# Tested when graded, 2 points: a parent for which nobody votes.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes = _torch.randn(2, 5, 3, 4)
_votes[:, :, 1] = 0
_found = agreement_of_votes(_votes, _torch.full((2, 5, 3), 1 / 3))
assert _found.isfinite().all(), "where nothing is voted, the agreement is not finite"
assert (_found[:, 1] == 0).all() and (_found[:, 0] > 0).all(), (
    "where nothing is voted it should be 0"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 7: a liar in the crowd (7 points of code, 7 written)
#
# Turn one child's vote for parent 0 around, so that it says the opposite of all the others. How much harm can it do? Leave the child out, and see how far each parent's pose moves.
#
# **7a (7 points).** Write this distance for any child, with `dynamic_routing(votes, iterations)` from the package. The votes must stay as they are.


# %% answer="influence"
def influence(votes, child, iterations):
    """How far the poses move when a child is left out: votes [b, i, j, d] -> distances [b, j]."""
    ### BEGIN SOLUTION
    others = [i for i in range(votes.shape[1]) if i != child]
    with_it = dynamic_routing(votes, iterations)
    without = dynamic_routing(votes[:, others], iterations)
    return (with_it - without).norm(dim=-1)
    ### END SOLUTION


# %%
solved = check("a3.influence", influence)

# %% test="influence_values" points=7
# Tested when graded, 7 points: for first, middle and last children; and the votes stay unchanged.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing as _routing

_votes = 2 * _torch.randn(3, 5, 4, 6)
_before = _votes.clone()
for _child, _iterations in [(0, 1), (2, 3), (4, 2)]:
    _rest = _torch.cat([_votes[:, :_child], _votes[:, _child + 1 :]], dim=1)
    _wanted = (_routing(_votes, _iterations) - _routing(_rest, _iterations)).norm(dim=-1)
    _found = influence(_votes, _child, _iterations)
    assert _torch.equal(_votes, _before), "influence changes the votes that it was given"
    assert list(_found.shape) == [3, 4], f"shape {list(_found.shape)} instead of [3, 4]"
    assert _torch.allclose(_found, _wanted, atol=1e-4), (
        f"without child {_child}, after {_iterations} iterations, the first pose moves by "
        f"{_wanted[0, 0]:.4f}, not by {_found[0, 0]:.4f}"
    )
### END HIDDEN TESTS

# %%
with waits("the liar"):
    honest = crowd_votes()
    lying = honest.clone()
    lying[:, liar, 0] *= -1
    for name, votes in {"honest": honest, "lying": lying}.items():
        for step in (1, 2, 3, 6):
            *_, last = dynamic_routing_steps(votes, step)
            moved = influence(votes, liar, step)[0, 0]
            length = capsule_length(last.poses)[0, 0]
            agree = agreement_of_votes(votes, last.couplings)[0, 0]
            print(f"{name:6} {step} rounds: coupling to parent 0 {last.couplings[0, liar, 0]:.3f}; pose 0 is "
                  f"{length:.3f} long, moves by {moved:.4f} without it; agreement {agree:.3f}")  # fmt: skip

# %%
with waits("the coupling of the liar"):
    shares = {}
    for size in (0.5, 1.0, 2.0):
        scaled = lying.clone()
        scaled[:, liar, 0] *= size
        rounds = dynamic_routing_steps(scaled, 8)
        shares[f"its vote times {size:g}"] = torch.stack([r.couplings[0, liar, 0] for r in rounds])
    show(
        curves(torch.arange(1, 9), shares, "round", "coupling of the liar to parent 0"),
        alt="The coupling of the liar to parent 0 over eight rounds. It begins at one third and falls towards 0, "
        "the faster the longer its vote: in round 3 it is "
        + ", ".join(f"{share[2]:.2f} ({name})" for name, share in shares.items())
        + ".",
    )

# %% [markdown] written="liar" points=7
# **7b (7 points).** Use your printed lines. (i) How do the liar's coupling and its influence on parent 0 change from 1 to 6 rounds? What does the agreement show? (ii) Where does the share go that the liar takes away from parent 0? Is that a good thing? (iii) The figure says that a *louder* lie is ignored sooner. Explain it from the logits. What would happen if three of your children told the same lie?
#
# ### BEGIN SOLUTION
# (i) The coupling falls from 1/3 towards 0, since its vote's product with the pose is negative in every round and is added each time. Its influence falls with it, to about a tenth or less. It does not become exactly 0 (and need not fall in every round): leaving the child out also takes away its votes for the other parents. In the same rounds the agreement of the votes rises from what one opponent leaves of it to nearly 1, because it weighs the votes with the couplings.
#
# (ii) Couplings of a child sum to 1, so the share goes to parents 1 and 2, about which nobody agrees. The lie is not discarded, it becomes noise elsewhere, and may push some other parent to a length it does not deserve. That is why a place for "none of them" is useful (part 8).
#
# (iii) The logit after a round is minus the length of the vote times the pose's component along it: a longer opposed vote has a more negative product. (At the same time it shortens the first total, and so the pose, by its share; for very long votes this wins.) Three of six to ten children with one lie leave a first total that points weakly to the majority, the decision is slower; if the lies were the majority, or were longer in sum, routing would settle on the lie. Routing finds the largest agreement, not the truth.
#
# Rubric: 3 points for (i): coupling, influence, agreement, with numbers; 2 points for (ii); 2 points for (iii), one for the logits and one for the majority.
# ### END SOLUTION

# %% [markdown]
# ## Part 8: one parent, and nobody (8 points of code, 8 written)
#
# With one parent the softmax has nothing to choose: every coupling is 1. Give each child another choice: **nobody**, a parent without votes and without a pose, whose logit stays 0. A child that disagrees can then go to nobody.
#
# **8a (8 points).** Write routing with nobody, for any number of parents. Return the poses of the real parents, and how much of each child went to nobody in the last round.


# %% answer="route_with_nobody"
def route_with_nobody(votes, iterations):
    """votes [b, i, j, d] -> poses [b, j, d] and what each child gives to nobody [b, i]."""
    ### BEGIN SOLUTION
    logits = votes.new_zeros(votes.shape[:3])
    nobody = votes.new_zeros(*votes.shape[:2], 1)
    for _ in range(iterations):
        couplings = torch.cat([logits, nobody], dim=2).softmax(dim=2)
        poses = squash(torch.einsum("bij,bijd->bjd", couplings[:, :, :-1], votes))
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)
    return poses, couplings[:, :, -1]
    ### END SOLUTION


# %%
solved = check("a3.route_with_nobody", route_with_nobody)

# %% test="nobody_several" points=4
# Tested when graded, 4 points: several parents and nobody.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing_steps as _steps

_votes = 1.5 * _torch.randn(2, 6, 3, 4)
_more = _torch.cat([_votes, _torch.zeros(2, 6, 1, 4)], dim=2)  # a vote of 0 never agrees
for _iterations in (1, 2, 4):
    *_, _last = _steps(_more, _iterations)
    _poses, _left = route_with_nobody(_votes, _iterations)
    assert list(_poses.shape) == [2, 3, 4], f"poses have shape {list(_poses.shape)}, not [2, 3, 4]"
    assert list(_left.shape) == [2, 6], (
        f"the shares of nobody have shape {list(_left.shape)}, not [2, 6]"
    )
    assert _torch.allclose(_left, _last.couplings[:, :, 3], atol=1e-4), (
        f"in round {_iterations} child 0 gives nobody {_last.couplings[0, 0, 3]:.3f}, not {_left[0, 0]:.3f}"
    )
    assert _torch.allclose(_poses, _last.poses[:, :3], atol=1e-4), "the poses are wrong"
### END HIDDEN TESTS

# %% test="nobody_single" points=4
# Tested when graded, 4 points: a single parent, where iterations now matter.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes = _torch.zeros(1, 5, 1, 3)
_votes[:, :, 0, 0] = _torch.tensor([2.0, 2.0, 2.0, 2.0, -2.0])
_poses, _left = route_with_nobody(_votes, 1)
assert _torch.allclose(_left, _torch.full((1, 5), 0.5), atol=1e-5), (
    f"in round 1 a child gives half to its one parent and half to nobody, not {_left[0, 0]:.3f}"
)
assert abs(_poses[0, 0, 0].item() - 0.9) < 1e-4, (  # a total of 3
    f"in round 1 a total of 3 becomes 0.9 long, not {_poses[0, 0, 0]:.3f}"
)
_poses, _left = route_with_nobody(_votes, 3)
_c = _torch.sigmoid(_torch.tensor(1.8)).item()  # honest couplings in round 2; the liar has 1 - c
_total = 8 * _c - 2 * (1 - _c)
_agreements = 2 * (0.9 + _total**2 / (1 + _total**2))
_wanted = 1 / (1 + _torch.tensor(-_agreements).exp().item())
assert abs(_left[0, 4].item() - _wanted) < 1e-3, (
    f"the one that disagrees gives nobody {_wanted:.3f} in round 3, not {_left[0, 4]:.3f}"
)
assert abs(_left[0, 0].item() - (1 - _wanted)) < 1e-3, (
    f"one of those that agree gives nobody {1 - _wanted:.3f} in round 3, not {_left[0, 0]:.3f}"
)
### END HIDDEN TESTS

# %%
with waits("nobody"):
    lying = crowd_votes()
    lying[:, liar, 0] *= -1
    single = lying[:, :, :1].clone().requires_grad_()
    for rounds in (1, 3, 100):
        alone = dynamic_routing(single, rounds)
        (slope,) = torch.autograd.grad(alone.sum(), single)
        found, left = route_with_nobody(single, min(rounds, 10))
        print(f"{rounds:3} rounds, alone: {alone.norm():.4f} long, gradients of the liar and of an honest child "
              f"{slope[0, liar].norm():.4f} and {slope[0, liar - 1].norm():.4f}")  # fmt: skip
        print(
            f"      with nobody: {found.norm():.4f} long, and of the liar {left[0, liar]:.3f} goes to nobody"
        )

# %% [markdown] written="single" points=8
# **8b (8 points).** (With nobody, at most 10 rounds are done.) A discriminator for generated images ends in a single capsule, whose length says *real*, and its authors write that dynamic routing finds the parts that agree. (i) What do your numbers without nobody say about that sentence, for poses and for gradients? Prove it in two lines. (ii) Its first and last lines with nobody differ: what has routing done there? (iii) Name two repairs of the discriminator and one drawback of each. (iv) A program has one output capsule, but its couplings are *not* all 1. What has probably happened?
#
# ### BEGIN SOLUTION
# (i) Poses and gradients are the same for 1, 3 and 100 rounds: routing does nothing. A softmax over one number is exp b / exp b = 1 for every b; so s = Σ û in every round, and v = squash(s), independent of the logits; the derivative of the coupling is 0. The liar has as much weight (and the same gradient factor) as an honest child.
#
# (ii) With nobody, the honest children's couplings rise from 1/2 towards 1 and the liar's falls towards 0 (its share for nobody goes to 1), so the pose gets longer and the liar no longer matters.
#
# (iii) Two parents, real and fake: routing has a choice; the votes for "fake" must be learnt, and there are twice as many weights; the loss has to say what the second length means. Or nobody: no more weights, but at first every child gives half of itself away, and a threshold is fixed at logit 0. (Also right: no routing, only a squashed sum, and saying so.)
#
# (iv) The softmax runs over the children: the couplings then sum to 1 over them, and the parent takes an average.
#
# Rubric: 3 points for (i), 1 for the numbers and 2 for the proof; 2 points for (ii); 2 points for (iii); 1 point for (iv).
# ### END SOLUTION

# %% [markdown]
# ## Part 9: a layer that can learn (9 points)
#
# Now the layer: every pair of a child and a parent has a matrix of its own. Its size at the start decides whether it learns: with large matrices and many children all totals are long, squash saturates (assignment 2, part 2), and gradients vanish; with matrices of 0 there is nothing to start from.
#
# **9 (9 points).** Write the layer with `dynamic_routing` from the package. Choose the initial weights at random so that with a thousand children of ordinary lengths (about one half) all parents start short: the mean of their lengths is below one half, and not below a millionth.


# %% answer="capsule_layer"
class CapsuleLayer(nn.Module):
    """Children [b, i, e] -> parents [b, j, d], by dynamic routing."""

    def __init__(self, children, child_dim, parents, parent_dim, iterations=3):
        super().__init__()
        ### BEGIN SOLUTION
        self.iterations = iterations
        self.weight = nn.Parameter(0.01 * torch.randn(children, parents, child_dim, parent_dim))
        ### END SOLUTION

    def votes(self, children):
        """The votes [b, i, j, d] of children [b, i, e]."""
        ### BEGIN SOLUTION
        return torch.einsum("bie,ijed->bijd", children, self.weight)
        ### END SOLUTION

    def forward(self, children):
        ### BEGIN SOLUTION
        return dynamic_routing(self.votes(children), self.iterations)
        ### END SOLUTION


# %%
solved = check("a3.capsule_layer", CapsuleLayer)

# %% test="layer_votes" points=3
# Tested when graded, 3 points: shapes, one matrix for each pair, and the iterations are used.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.routing.dynamic import dynamic_routing as _routing

for _i, _e, _j, _d, _t in [(6, 3, 4, 5, 1), (9, 2, 2, 3, 4)]:
    _layer = CapsuleLayer(_i, _e, _j, _d, _t)
    _count = sum(_p.numel() for _p in _layer.parameters() if _p.requires_grad)
    assert _count >= _i * _e * _j * _d, (
        f"{_count} weights are fewer than a matrix for each pair has"
    )
    with _torch.no_grad():
        for _p in _layer.parameters():
            _p.copy_(_torch.randn_like(_p))
    _children = _torch.randn(2, _i, _e)
    _votes, _found = _layer.votes(_children), _layer(_children)
    assert list(_votes.shape) == [2, _i, _j, _d], f"votes have shape {list(_votes.shape)}"
    assert list(_found.shape) == [2, _j, _d], f"parents have shape {list(_found.shape)}"
    assert _torch.allclose(_layer.votes(2 * _children), 2 * _votes, atol=1e-4), (
        "a child twice as long does not vote twice as loud"
    )
    assert _torch.allclose(_found, _routing(_votes, _t), atol=1e-4), (
        f"the parents are not what {_t} iterations make of the layer's own votes"
    )
### END HIDDEN TESTS

# %% test="layer_scale" points=3
# Tested when graded, 3 points: the lengths that an untrained layer of a thousand children gives.
### BEGIN HIDDEN TESTS
import torch as _torch

_children = 0.5 * _torch.nn.functional.normalize(_torch.randn(4, 1152, 8), dim=-1)
for _ in range(2):
    _lengths = CapsuleLayer(1152, 8, 10, 16)(_children).norm(dim=-1).mean().item()
    assert _lengths < 0.5, (
        f"1,152 children make untrained parents that are {_lengths:.3f} long on average: saturated"
    )
    assert _lengths > 1e-6, f"untrained parents are {_lengths:.3g} long: too short to wake up"
### END HIDDEN TESTS

# %% test="layer_learns" points=3
# Tested when graded, 3 points: it learns to tell three patterns of children apart.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.functional import margin_loss as _margin_loss

_torch.manual_seed(0)
_targets = _torch.arange(3).repeat(20)
_children = 0.5 * _torch.randn(3, 12, 4)[_targets] + 0.1 * _torch.randn(60, 12, 4)
_layer = CapsuleLayer(12, 4, 3, 6)
_optimizer = _torch.optim.Adam(_layer.parameters(), lr=0.03)
for _ in range(80):
    _optimizer.zero_grad()
    _loss = _margin_loss(_layer(_children).norm(dim=-1), _targets)
    _loss.backward()
    _optimizer.step()
_right = (_layer(_children).norm(dim=-1).argmax(dim=1) == _targets).float().mean()
assert _right > 0.9, f"after eighty steps {_right:.0%} of three easy patterns are told apart"
### END HIDDEN TESTS

# %% [markdown]
# Your layer on real digits, behind a small convolution and the package's primary capsules: four types at 4 × 4 places. About a minute on a laptop.

# %%
steps = 40 if profile == "smoke" else 600


@cache  # trained once, when it is first asked for; run this cell again to train anew
def trained_network():
    torch.manual_seed(variant)
    training = first_available("mnist", "digits", train=True)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2), nn.ReLU(),
        PrimaryCapsules(16, types=4, dim=8, kernel_size=5, stride=2),
        CapsuleLayer(64, 8, 10, 8),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for step in range(steps):
        batch = torch.randint(len(training), (64,))
        poses = network(training.images[batch].float() / 255)
        loss = margin_loss(capsule_length(poses), training.targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % (steps // 5) == 0:
            print(f"step {step:3}: loss {loss:.3f}")
    return network


# %%
digits = first_available("mnist", "digits", train=False)
with waits("the test"):
    network = trained_network()
    pixels, targets = digits.images[:1000].float() / 255, digits.targets[:1000]
    with torch.no_grad():
        error = (capsule_length(network(pixels)).argmax(dim=1) != targets).float().mean()
    print(f"test error {error:.1%} of {len(pixels)} images after {steps} steps")

# %% [markdown]
# And the couplings of one digit, found by your own round and loop: where the children stand that give most of themselves to the winner, and how their couplings grow.

# %%
with waits("the routed digit"):
    network = trained_network()
    image = digits.images[variant % 100][None].float() / 255
    with torch.no_grad():
        votes = network[3].votes(network[:3](image))
        poses, history = route(votes, 3, one_round)
        assert_close(poses, network(image), rtol=1e-3, atol=1e-4)
        winner = int(capsule_length(poses)[0].argmax())
        agree = agreement_of_votes(votes, history[-1])[0]
    print(f"a {digits.targets[variant % 100]}, found {winner}; lengths {capsule_length(poses)[0]}")
    print(f"votes agree by {agree}")
    maps = history[-1][0, :, winner].view(4, 4, 4)  # type, row, column
    show(
        grid_maps(maps, [f"type {t}" for t in range(4)], f"coupling to {winner}"),
        alt=f"Four maps of 4 by 4 places: the couplings of each type of child to class {winner}, from "
        f"{maps.min():.2f} to {maps.max():.2f}.",
    )
    figure, axes = plt.subplots(
        1, 2, figsize=(6.8, 2.6), layout="constrained", width_ratios=[1, 2.4]
    )
    axes[0].imshow(image[0, 0], cmap="gray")
    axes[0].axis("off")
    strongest = history[-1, 0, :, winner].topk(5).indices.tolist()
    for i in strongest:
        axes[1].plot([1, 2, 3], history[:, 0, i, winner], "o-", label=f"child {i}")
    axes[1].axhline(0.1, color="0.6", linewidth=1)
    axes[1].set(xlabel="round", ylabel=f"coupling to {winner}", xticks=[1, 2, 3], ylim=(0, 1))
    axes[1].legend(frameon=False, fontsize=8)
    show(
        figure,
        alt="The digit, and the couplings of the five children that give most to the winner: from 0.1 each in "
        f"round 1 to {history[-1, 0, strongest[0], winner]:.2f} for the first of them in round 3.",
    )

# %% [markdown]
# The grey line is an even division among ten classes. In a smoke run the votes are still short, so all couplings stay near it; after a minute of training, some children have made up their minds.
