# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 4: EM routing from scratch, to find shapes in clutter
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/04_em_routing.ipynb)
#
# Somewhere in a field of loose parts lie two shapes, shifted and turned. Each part knows its own kind and its own angle, nothing else, and votes for where every shape would be if it belonged to it. You write EM routing piece by piece and let it find the two. In the end you throw the shapes' blueprints away, and learn them by gradients through your own routing.
#
# You will be able to
#
# - fit Gaussians to weighted votes, and say what becomes of one that is left with a single vote, or with none;
# - decide in nats whether a parent is there, and say what the inverse temperature does to the decision;
# - divide children among their parents in log space, where nothing underflows;
# - put the loop together so that nothing is done once too often;
# - make capsules on a grid know where they are;
# - train through routing with the spread loss, and read what was learnt.
#
# **Read first:** chapters 5 and 6 (the parts on votes and coordinate addition). **Time:** three to four hours. **Hardware:** any CPU. **Points:** 100, of which 70 are for code and 30 for four written questions.
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
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor

from capsedu.explore import show
from capsedu.explore.em_figures import Curves, side_by_side
from capsedu.explore.figures import COLOURS
from capsedu.profiles import resolve_profile
from capsedu.routing.dynamic import dynamic_routing_steps

profile = resolve_profile("auto")
torch.set_printoptions(precision=3, sci_mode=False)

# %% given="variant"
variant = 0

# %% [markdown]
# ## The scene
#
# There are four shapes. Each is made of six parts, one of each kind $k = 0 \dots 5$: part $k$ of shape $j$ sits at an offset $o_{jk}$ from the shape's middle and is turned by an angle $\alpha_{jk}$. These blueprints are yours: they depend on the variant. A shape's **pose** is a matrix $[R\,|\,t]$ of two rows and three columns: a rotation, and in the right-hand column the place, row before column.
#
# A scene has two of the four shapes, at random places and angles, and clutter: parts of random kinds that belong to nobody. It is seen by a grid of cells. In each cell there is one child capsule of each kind; it is active if such a part lies in the cell, and its pose is the part's rotation. Its place it does not know, as no capsule of a convolutional layer does.

# %% given="scene"
KINDS, SHAPES = 6, 4
GRID = 8 + variant % 2  # cells along each side
FLOOR = 5e-4  # of every variance
dice = torch.Generator().manual_seed(100 + variant)
offsets = 0.6 * torch.rand(SHAPES, KINDS, 2, generator=dice) - 0.3  # [j, k, 2]
angles = 2 * math.pi * torch.rand(SHAPES, KINDS, generator=dice)  # [j, k]


class Scenes(NamedTuple):
    """Many scenes; children are ordered by kind, then by row, then by column."""

    rotations: Tensor
    """Of the children, [n, i, 2, 2]."""
    activations: Tensor
    """Of the children, 0 or 1, [n, i]."""
    owners: Tensor
    """Which shape a child is a part of, -1 for clutter and for nobody, [n, i]."""
    which: Tensor
    """The shapes that are there, [n, objects]."""
    poses: Tensor
    """Theirs, [n, objects, 2, 3]."""


def rotation(angle):
    """Matrices [..., 2, 2] from angles [...]."""
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, -s], dim=-1), torch.stack([s, c], dim=-1)], dim=-2)


def scenes(n, objects, clutter, seed):
    """n random scenes with so many shapes and so many parts of clutter."""
    rng = torch.Generator().manual_seed(seed)
    which = torch.rand(n, SHAPES, generator=rng).argsort(dim=1)[:, :objects]
    turn = rotation(2 * math.pi * torch.rand(n, objects, generator=rng))  # [n, o, 2, 2]
    middle = 0.3 + 0.4 * torch.rand(n, objects, 2, generator=rng)
    place = middle[:, :, None] + (turn[:, :, None] @ offsets[which][..., None])[..., 0]
    shake = rotation(0.05 * torch.randn(n, objects, KINDS, generator=rng))
    turned = turn[:, :, None] @ rotation(angles[which]) @ shake  # [n, o, k, 2, 2]
    loose = torch.rand(n, clutter, 2, generator=rng)
    loose_turned = rotation(2 * math.pi * torch.rand(n, clutter, generator=rng))
    kind = torch.randint(KINDS, (n, clutter), generator=rng)
    kind = torch.cat([kind, torch.arange(KINDS).repeat(n, objects)], dim=1)
    place = torch.cat([loose, place.flatten(1, 2)], dim=1)
    turned = torch.cat([loose_turned, turned.flatten(1, 2)], dim=1)
    owner = torch.cat([-torch.ones_like(kind[:, :clutter]), which.repeat_interleave(KINDS, 1)], 1)
    cell = (GRID * place).floor().long()
    seen = ((cell >= 0) & (cell < GRID)).all(dim=2)  # parts may lie outside the grid
    child = (kind * GRID + cell[..., 0]) * GRID + cell[..., 1]
    scene = torch.arange(n)[:, None].expand_as(child)[seen]
    rotations = torch.eye(2).repeat(n, KINDS * GRID * GRID, 1, 1)
    activations = torch.zeros(n, KINDS * GRID * GRID)
    owners = torch.full((n, KINDS * GRID * GRID), -1)
    rotations[scene, child[seen]] = turned[seen]
    activations[scene, child[seen]] = 1.0
    owners[scene, child[seen]] = owner[seen]
    poses = torch.cat([turn, middle[..., None]], dim=3)
    return Scenes(rotations, activations, owners, which, poses)


# %% given="votes"
def blueprint_matrices():
    """The matrices [k, j, 2, 3] that take a part's pose to its shape's: blueprints, inverted."""
    back = rotation(-angles).transpose(0, 1)  # [k, j, 2, 2]
    return torch.cat([back, -back @ offsets.transpose(0, 1)[..., None]], dim=3)


def cast_votes(scene, matrices):
    """Votes [n, i, j, 2, 3] as if every child sat in the corner (0, 0) of the picture."""
    per_child = matrices.repeat_interleave(GRID * GRID, dim=0)  # [i, j, 2, 3]
    return scene.rotations[:, :, None] @ per_child


def as_rows(votes):
    """Pose matrices [..., 2, 3] column by column, [..., 6]: numbers 4 and 5 are the place."""
    return votes.mT.flatten(-2)


def draw_scene(axis, scene, n, colours, title):
    """Active children of scene n as arrowheads that point where the part is turned to."""
    active = (scene.activations[n] > 0).nonzero()[:, 0]
    kind, cell = active // GRID**2, active % GRID**2
    down, right = scene.rotations[n, active][:, :, 0].T
    look = {"color": [colours[i] for i in active.tolist()], "zorder": 3, "width": 0.012}
    beside = 2 * math.pi * kind / KINDS  # so that parts in one cell do not hide each other
    y, x = cell // GRID + 0.25 * beside.sin(), cell % GRID + 0.25 * beside.cos()
    axis.quiver(x, y, right, down, angles="xy", pivot="mid", scale=22, **look)
    for column, row, name in zip(x.tolist(), y.tolist(), kind.tolist(), strict=True):
        axis.annotate(str(name), (column, row), (3, 3), textcoords="offset points", fontsize=6.5)
    edges = [k - 0.5 for k in range(GRID + 1)]
    axis.set(xlim=(-0.5, GRID - 0.5), ylim=(GRID - 0.5, -0.5), aspect="equal", title=title)
    axis.set_xticks(edges, [])
    axis.set_yticks(edges, [])
    axis.grid(color="0.92")
    axis.tick_params(length=0)


def outline(points, shape):
    """Points [k, 2] of a shape's parts in an order that goes round, and back to the first."""
    y, x = (offsets[shape] - offsets[shape].mean(dim=0)).T
    order = torch.atan2(y, x).argsort()
    return points[torch.cat([order, order[:1]])].T


def draw_shape(axis, pose, shape, **look):
    """The outline of a shape in a pose [2, 3]."""
    points = GRID * (offsets[shape] @ pose[:, :2].T + pose[:, 2]) - 0.5  # in cells
    y, x = outline(points, shape)
    axis.plot(x, y, color=COLOURS[shape], **look)


# %%
one = scenes(1, objects=2, clutter=10, seed=variant)
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.7), layout="constrained")
owners = one.owners[0].tolist()
draw_scene(axes[0], one, 0, ["black"] * len(owners), "what is seen")
draw_scene(axes[1], one, 0, [COLOURS[o] if o >= 0 else "0.7" for o in owners], "what is there")
for shape, pose in zip(one.which[0].tolist(), one.poses[0], strict=True):
    draw_shape(axes[1], pose, shape, linewidth=0.8, label=f"shape {shape}")
axes[1].legend(loc="upper right", fontsize=8)
inside = [owners.count(shape) for shape in one.which[0].tolist()]
show(
    figure,
    alt=f"A scene on a grid of {GRID} by {GRID} cells, twice. Left, {int(one.activations.sum())} black "
    "arrows with the number of their kind. Right, the same with colours: "
    f"{inside[0]} belong to shape {one.which[0, 0]}, {inside[1]} to shape {one.which[0, 1]}, and the "
    "others, grey, to nobody.",
)

# %% [markdown]
# The index letters are the book's: $b$ the batch, $i$ children, $j$ parents, $d$ the components of a pose. The parents are the four shapes, each child votes for all of them, and a vote here has $d = 6$ components.
#
# ## Part 1: how well a Gaussian explains a vote (8 points)
#
# A parent is a Gaussian with a mean and a variance for every component. The logarithm of its density at a vote is
#
# $$\log p_{ij} = -\sum_d \left(\frac{(V_{ijd} - \mu_{jd})^2}{2\,\sigma_{jd}^2} + \log\sigma_{jd} + \tfrac12\log 2\pi\right)$$
#
# **1 (8 points).** Write it, the constant included. Votes may be a thousand deviations away, so the density itself must never be computed: it would be 0.


# %% answer="log_density"
def log_density(votes, means, variances):
    """How well each parent explains each vote, in nats.

    Args:
        votes: [b, i, j, d].
        means: [b, j, d].
        variances: sigma squared, [b, j, d].

    Returns:
        Logarithms of densities, [b, i, j].
    """
    ### BEGIN SOLUTION
    squares = (votes - means.unsqueeze(1)).square() / variances.unsqueeze(1)
    return -0.5 * (squares + (2 * math.pi * variances).log().unsqueeze(1)).sum(dim=3)
    ### END SOLUTION


# %%
solved = check("a4.log_density", log_density)

# %% test="density_values" points=5
# Tested when graded, 5 points: the values, against a product of torch's own Gaussians.
### BEGIN HIDDEN TESTS
import torch as _torch

for _dims in (1, 2, 6):
    _votes, _means = _torch.randn(3, 5, 4, _dims), _torch.randn(3, 4, _dims)
    _variances = 0.2 + 2 * _torch.rand(3, 4, _dims)
    _gaussian = _torch.distributions.Normal(_means.unsqueeze(1), _variances.sqrt().unsqueeze(1))
    _wanted = _gaussian.log_prob(_votes).sum(dim=3)
    _found = log_density(_votes, _means, _variances)
    assert _found.shape == _wanted.shape, (
        f"for poses of {_dims} components the shape is {list(_found.shape)}, not [3, 5, 4]"
    )
    _off = (_found - _wanted).abs().max().item()
    assert _off < 1e-3, f"for poses of {_dims} components a log density is off by {_off:.3f} nats"
### END HIDDEN TESTS

# %% test="density_far" points=3
# Tested when graded, 3 points: finite where the density itself is not, and in double precision.
### BEGIN HIDDEN TESTS
import torch as _torch

_found = log_density(
    _torch.full((1, 2, 3, 6), 50.0), _torch.zeros(1, 3, 6), _torch.full((1, 3, 6), 5e-4)
)
assert _found.isfinite().all(), "for votes far from every parent the log density is not finite"
_found = log_density(
    _torch.zeros(1, 2, 3, 2).double(), _torch.zeros(1, 3, 2).double(), _torch.ones(1, 3, 2).double()
)
assert _found.dtype == _torch.float64, f"double precision becomes {_found.dtype}"
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: the M-step (13 points of code, 8 written)
#
# Each vote weighs as much as its child is assigned to the parent, *times* as much as the child is there: $w_{ij} = r_{ij}\,a_i$. The parent receives $R_j = \sum_i w_{ij}$, and
#
# $$\mu_{jd} = \frac{1}{R_j}\sum_i w_{ij} V_{ijd}, \qquad \sigma_{jd}^2 = \frac{1}{R_j}\sum_i w_{ij} (V_{ijd} - \mu_{jd})^2 + \text{floor}.$$
#
# On our grid most children are absent, and it happens that a parent receives nothing at all, $R_j = 0$. Then its mean should be 0, its variance the floor, and no gradient may be NaN.
#
# **2 (13 points).** Write the M-step.


# %% answer="m_step"
def m_step(votes, assignments, activations, floor=FLOOR):
    """Fit every parent's Gaussian to the votes that it has been given.

    Args:
        votes: [b, i, j, d].
        assignments: r, [b, i, j]; without the children's activations.
        activations: of the children, [b, i].
        floor: is added to every variance.

    Returns:
        Means [b, j, d], variances [b, j, d], and what each parent has received, [b, j].
    """
    ### BEGIN SOLUTION
    weights = assignments * activations.unsqueeze(2)
    received = weights.sum(dim=1)
    shares = weights / received.clamp(min=1e-8).unsqueeze(1)
    means = torch.einsum("bij,bijd->bjd", shares, votes)
    squares = (votes - means.unsqueeze(1)).square()
    return means, torch.einsum("bij,bijd->bjd", shares, squares) + floor, received
    ### END SOLUTION


# %%
solved = check("a4.m_step", m_step)

# %% test="m_step_means" points=5
# Tested when graded, 5 points: means, and what is received.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes, _r = _torch.randn(2, 9, 3, 5), _torch.rand(2, 9, 3).softmax(dim=2)
_a = _torch.tensor([1.0, 0, 0.3, 1, 0, 0.9, 0.2, 0, 1]).repeat(2, 1)
_means, _, _received = m_step(_votes, _r, _a)
_w = _r * _a.unsqueeze(2)
_wanted = (_w.unsqueeze(3) * _votes).sum(dim=1) / _w.sum(dim=1).unsqueeze(2)
assert _torch.allclose(_received, _w.sum(dim=1), atol=1e-5), (
    f"a parent receives {_w.sum(dim=1)[0, 0]:.3f} in all, not {_received[0, 0]:.3f}: weights are "
    "assignments times activations"
)
_off = (_means - _wanted).abs().max().item()
assert _off < 1e-4, f"a mean is off by {_off:.3f}"
_votes[:, 1] = 1e4  # of a child that is not there
_moved = (m_step(_votes, _r, _a)[0] - _wanted).abs().max().item()
assert _moved < 1e-3, f"the vote of a child that is not there moves a mean by {_moved:.3f}"
### END HIDDEN TESTS

# %% test="m_step_variances" points=4
# Tested when graded, 4 points: variances, and their floor.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes, _r = _torch.randn(2, 9, 3, 5), (2 * _torch.randn(2, 9, 3)).softmax(dim=2)
for _floor in (5e-4, 0.25):
    _means, _variances, _ = m_step(_votes, _r, _torch.ones(2, 9), _floor)
    _squares = (_votes - _means.unsqueeze(1)) ** 2
    _wanted = (_r.unsqueeze(3) * _squares).sum(dim=1) / _r.sum(dim=1).unsqueeze(2)
    _off = (_variances - _wanted - _floor).abs().max().item()
    assert _off < 1e-4, f"with a floor of {_floor} a variance is off by {_off:.4f}"
_one = _torch.zeros(1, 2, 1)
_one[0, 0] = 1.0
_variances = m_step(_votes[:1, :2, :1], _one, _torch.ones(1, 2))[1]
assert _torch.allclose(_variances, _torch.full((1, 1, 5), 5e-4)), (
    "a parent with one vote has the floor for a variance, 5e-4 if nothing else is said"
)
### END HIDDEN TESTS

# %% test="m_step_empty" points=4
# Tested when graded, 4 points: a parent that receives nothing.
### BEGIN HIDDEN TESTS
import torch as _torch

_votes = _torch.randn(1, 4, 2, 3, requires_grad=True)
_r = _torch.ones(1, 4, 2)
_r[:, :, 1] = 0
_r.requires_grad_()
_means, _variances, _ = m_step(_votes, _r, _torch.ones(1, 4))
assert _means.isfinite().all() and _variances.isfinite().all(), (
    "a parent that receives nothing has a NaN or an infinite number for a mean or a variance"
)
assert (_means[0, 1] == 0).all(), "the mean of a parent that receives nothing should be 0"
(_means.sum() + _variances.log().sum()).backward()
assert _votes.grad.isfinite().all() and _r.grad.isfinite().all(), (
    "a parent that receives nothing makes gradients that are not finite"
)
### END HIDDEN TESTS

# %% [markdown]
# Now see what the floor is for. One parent, three votes that agree better and better. With each line their distance from each other shrinks to a tenth.

# %%
with waits("the table of floors"):
    triangle = torch.tensor([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])[None, :, None]  # [1, 3, 1, 2]
    together, alone = torch.ones(1, 3, 1), torch.tensor([1.0, 0.0, 0.0])[None, :, None]
    print(f"spread of the votes      {'floor 0':27}floor {FLOOR}")
    for spread_of_votes, r in [(1, together), (0.1, together), (0.01, together), (0.001, together), (1, alone)]:  # fmt: skip
        line = f"{spread_of_votes:<9}" + ("one vote only   " if r is alone else 16 * " ")
        for floor in (0.0, FLOOR):
            votes = spread_of_votes * triangle
            found = m_step(votes, r, torch.ones(1, 3), floor)
            density = log_density(votes, *found[:2])[0, 0, 0]
            line += f"σ² {found[1][0, 0, 0]:9.2e}, log p {density:6.2f}    "
        print(line)

# %% [markdown] written="floor" points=8
# **2b (8 points).** Use the numbers of your table. (i) By how much does $\log p$ grow from line to line with a floor of 0, and why by just that? (ii) Explain the last line at a floor of 0 from the formula of part 1: which terms become infinite, or $0/0$? (iii) In a network, several parents compete for a child. Why is a parent with a single vote then not a rare accident but where EM ends up without a floor? (iv) A friend chooses a floor of 0.25 "to be safe". What would it cost in the scenes above, where a cell is an eighth or a ninth of the picture?
#
# ### BEGIN SOLUTION
# (i) By 2 ln 10 ≈ 4.61: the squares divided by the variance stay what they are, because the variance shrinks with the votes; −log σ grows by ln 10 for each of the two components.
#
# (ii) The variance is exactly 0 and the vote is exactly at the mean: (V − μ)²/σ² is 0/0, which is NaN, and −log σ is +∞. The sum is NaN. (Any other vote would get −∞ + ∞.) After a softmax every assignment of that child is NaN, and by the next M-step everything is.
#
# (iii) The density has no upper limit: the narrower a Gaussian is, the more it takes of the votes near it and the more it loses the others, so its variance shrinks further. EM climbs the likelihood, and the likelihood's top is infinite, at a Gaussian on one vote.
#
# (iv) A deviation of at least ½ of the picture: every vote anywhere is within two deviations of every parent, so distances hardly count and log σ is the same for all parents. The E-step can sort nothing and costs do not tell agreement from disagreement. A floor belongs well below the variance of votes that agree (here about the square of half a cell, 0.06² ≈ 0.004).
#
# Rubric: 2 points for ln 10 per component; 2 points for naming NaN's source; 2 points for "unbounded likelihood, self-reinforcing"; 2 points for comparing the floor with the votes' own variance.
# ### END SOLUTION

# %% [markdown]
# ## Part 3: is the parent there? (11 points)
#
# To describe the votes that it has received by its Gaussian costs a parent
#
# $$\mathrm{cost}_j = R_j \sum_d (\beta_{u,j} + \log\sigma_{jd}), \qquad a_j = \mathrm{logistic}\big(\lambda_t\,(\beta_{a,j} - \mathrm{cost}_j)\big), \qquad \lambda_t = \lambda_\infty\,(1 - 0.95^{\,t+1}).$$
#
# The E-step needs $\log a_j$. If a cost is in the thousands, $a_j$ is 0 in float32, and its logarithm $-\infty$. So keep the **logit**, what the logistic function is applied to.
#
# **3 (11 points).** Write the logits of the parents' activations in iteration $t = 0, 1, 2, \dots$


# %% answer="activity"
def activity(received, variances, beta_u, beta_a, t, final):
    """How sure it is that each parent is there, as a logit.

    Args:
        received: R, [b, j].
        variances: sigma squared, [b, j, d].
        beta_u: what a component of a vote costs apart from its spread, [j].
        beta_a: what a parent may cost and still be there, [j].
        t: the iteration, from 0.
        final: what the inverse temperature rises to.

    Returns:
        Logits, [b, j].
    """
    ### BEGIN SOLUTION
    deviations = 0.5 * variances.log()
    costs = received * (beta_u.unsqueeze(1) + deviations).sum(dim=2)
    return final * (1 - 0.95 ** (t + 1)) * (beta_a - costs)
    ### END SOLUTION


# %%
solved = check("a4.activity", activity)

# %% test="activity_cost" points=6
# Tested when graded, 6 points: costs, when the inverse temperature has risen to 1.
### BEGIN HIDDEN TESTS
import torch as _torch

_received, _variances = 5 * _torch.rand(3, 4), 0.01 + 3 * _torch.rand(3, 4, 6)
_bu, _ba = 1 + _torch.rand(4), 3 * _torch.randn(4)
_found = activity(_received, _variances, _bu, _ba, 2000, 1.0)
_each = _bu.unsqueeze(1) + _variances.sqrt().log()
_wanted = _ba - _received * _each.sum(dim=2)
assert _found.shape == _wanted.shape, f"the shape is {list(_found.shape)}, not [3, 4]"
_off = (_found - _wanted).abs().max().item()
assert _off < 1e-3, (
    f"what a parent saves is off by {_off:.3f} nats (received times the sum of beta_u and the "
    "log deviations, subtracted from beta_a)"
)
### END HIDDEN TESTS

# %% test="activity_temperature" points=5
# Tested when graded, 5 points: the inverse temperature.
### BEGIN HIDDEN TESTS
import torch as _torch

_inputs = 1 + _torch.rand(2, 3), 0.1 + _torch.rand(2, 3, 4), _torch.ones(3), _torch.randn(3)
_last = activity(*_inputs, 2000, 1.0)
for _t, _final in [(0, 1.0), (1, 1.0), (2, 0.01), (9, 0.5)]:
    _share = (activity(*_inputs, _t, _final).norm() / _last.norm()).item()
    _wanted = _final * (1 - 0.95 ** (_t + 1))
    assert abs(_share - _wanted) < 1e-4 + 0.01 * _wanted, (
        f"in iteration t = {_t} with final = {_final} the inverse temperature is {_share:.4f}; "
        f"it should be {_wanted:.4f}"
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: the E-step (12 points)
#
# Each child is divided anew among the parents that explain its vote:
#
# $$r_{ij} = \frac{a_j\, p_{ij}}{\sum_{k} a_k\, p_{ik}}$$
#
# The sum runs over *all* parents that the child votes for, wherever they are. In a convolutional layer a child votes only for the parents whose window it is in; `connected` says which. A child that votes for nobody gives nothing away.
#
# **4 (12 points).** Write the E-step, in log space from the beginning to the end.


# %% answer="e_step"
def e_step(log_densities, logits, connected):
    """Divide each child among its parents.

    Args:
        log_densities: [b, i, j].
        logits: of the parents' activations, [b, j].
        connected: whether child i votes for parent j, [i, j] of truth values.

    Returns:
        Assignments [b, i, j]; 0 where there is no vote.
    """
    ### BEGIN SOLUTION
    scores = log_densities + F.logsigmoid(logits).unsqueeze(1)
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~connected, lowest).softmax(dim=2) * connected
    ### END SOLUTION


# %%
solved = check("a4.e_step", e_step)

# %% test="e_step_values" points=5
# Tested when graded, 5 points: assignments of children that vote for everyone.
### BEGIN HIDDEN TESTS
import torch as _torch

_p, _logits = _torch.randn(2, 7, 4), 2 * _torch.randn(2, 4)
_everyone = _torch.ones(7, 4, dtype=_torch.bool)
_found = e_step(_p, _logits, _everyone)
_given = _found.sum(dim=2)
assert _torch.allclose(_given, _torch.ones(2, 7), atol=1e-4), (
    f"a child gives away {_given[0, 0]:.3f} in all; it should be 1, over the parents"
)
_wanted = _p.exp() * _logits.sigmoid().unsqueeze(1)
_wanted = _wanted / _wanted.sum(dim=2, keepdim=True)
_off = (_found - _wanted).abs().max().item()
assert _off < 1e-4, (
    f"an assignment is off by {_off:.3f}; each parent counts by its density times its activation"
)
### END HIDDEN TESTS

# %% test="e_step_connected" points=4
# Tested when graded, 4 points: children that vote for some of the parents, or for none.
### BEGIN HIDDEN TESTS
import torch as _torch

_p, _logits = _torch.randn(2, 7, 4), _torch.randn(2, 4)
_connected = _torch.rand(7, 4) < 0.5
_connected[0], _connected[1:, 0] = False, True
_found = e_step(_p, _logits, _connected)
assert not _found.isnan().any(), "a child that votes for nobody makes a NaN"
assert (_found[:, ~_connected] == 0).all(), (
    "a child gives something to a parent that it does not vote for"
)
_two = _torch.eye(4, dtype=_torch.bool) | _torch.eye(4, dtype=_torch.bool).roll(1, dims=1)
_found = e_step(_torch.zeros(1, 4, 4), _torch.ones(1, 4), _two)[0]
assert _torch.allclose(_found[_two], _torch.full((8,), 0.5), atol=1e-4), (
    "a child that votes for two equally good parents should give each a half, and gives "
    f"{_found[0, 0]:.3f}"
)
### END HIDDEN TESTS

# %% test="e_step_far" points=3
# Tested when graded, 3 points: log densities in the tens of thousands, logits in the thousands.
### BEGIN HIDDEN TESTS
import torch as _torch

_p = _torch.tensor([[[-9e4, -9e4 - 2, -8e4], [-30.0, -9e4, -9e4]]], requires_grad=True)
_logits = _torch.tensor([[3.0, 3.0, -9e3]], requires_grad=True)
_found = e_step(_p, _logits, _torch.ones(2, 3, dtype=_torch.bool))
assert _found.isfinite().all(), (
    "far from every parent an assignment is not finite: a density has underflowed"
)
_found = e_step(_p * 1.0, 100 * _logits, _torch.ones(2, 3, dtype=_torch.bool))
_found.square().sum().backward()
assert _found.isfinite().all() and _logits.grad.isfinite().all(), (
    "with a logit of −900,000 an assignment or a gradient is not finite: the activation has "
    "become 0 before its logarithm was taken"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 5: where a child is (8 points)
#
# All children of one kind share their matrices, wherever they sit; that is why `cast_votes` puts everybody into the corner. **Coordinate addition** adds the place of the child's cell to its votes: row and column of the cell's *centre*, on a grid that reaches from 0 to 1, to the first two entries of the pose matrix' right-hand column. It works for poses of any size: for ours, with two rows and three columns, and for the paper's 4 × 4.
#
# **5 (8 points).** Write it. Children are ordered by kind, then by row, then by column, and the grid need not be square.


# %% answer="add_places"
def add_places(votes, height, width):
    """Votes that know where their children are.

    Args:
        votes: pose matrices, [b, i, j, rows, columns] with i = kinds * height * width.
        height, width: of the grid.

    Returns:
        New votes of the same shape; the old ones are left as they are.
    """
    ### BEGIN SOLUTION
    rows = (torch.arange(height, dtype=votes.dtype) + 0.5) / height
    columns = (torch.arange(width, dtype=votes.dtype) + 0.5) / width
    cells = torch.cartesian_prod(rows, columns)  # [h * w, 2]
    cells = cells.repeat(votes.shape[1] // len(cells), 1)  # [i, 2]
    result = votes.clone()
    result[..., :2, -1] += cells.unsqueeze(1)
    return result
    ### END SOLUTION


# %%
solved = check("a4.add_places", add_places)

# %% test="places_column" points=4
# Tested when graded, 4 points: which numbers of the votes change.
### BEGIN HIDDEN TESTS
import torch as _torch

for _rows, _columns in [(2, 3), (4, 4)]:
    _votes = _torch.randn(2, 3 * 4 * 5, 2, _rows, _columns)
    _before = _votes.clone()
    _found = add_places(_votes, 4, 5)
    assert _torch.equal(_votes, _before), "add_places changes the votes that it is given"
    _changed = ((_found - _votes).abs() > 1e-6).flatten(0, 2).any(dim=0)
    _wanted = _torch.zeros(_rows, _columns, dtype=_torch.bool)
    _wanted[:2, -1] = True
    assert _torch.equal(_changed, _wanted), (
        f"in poses of {_rows} x {_columns} these numbers should change: "
        f"{_wanted.nonzero().tolist()}; these do: {_changed.nonzero().tolist()}"
    )
### END HIDDEN TESTS

# %% test="places_values" points=4
# Tested when graded, 4 points: by how much, for every kind and every cell.
### BEGIN HIDDEN TESTS
import torch as _torch

for _kinds, _height, _width in [(1, 4, 4), (3, 2, 5), (2, 6, 3)]:
    _votes = _torch.randn(2, _kinds * _height * _width, 2, 4, 4)
    _added = (add_places(_votes, _height, _width) - _votes)[0, :, 0].sum(dim=2)[:, :2]
    _added = _added.view(_kinds, _height, _width, 2)
    for _row in range(_height):
        for _column in range(_width):
            _place = _torch.tensor([(_row + 0.5) / _height, (_column + 0.5) / _width])
            _off = (_added[:, _row, _column] - _place).abs().max().item()
            assert _off < 1e-4, (
                f"on a grid of {_height} x {_width}, at row {_row} and column {_column}, "
                f"{_added[-1, _row, _column].tolist()} is added instead of {_place.tolist()}"
            )
### END HIDDEN TESTS

# %% [markdown]
# ## Part 6: the loop (12 points of code, 15 written)
#
# One iteration is an M-step and the parents' logits. *Between* two iterations stands an E-step: T iterations have T M-steps and T − 1 E-steps. At first each child divides itself evenly among the parents that it votes for. The children's activations count in every M-step anew, and they never change.
#
# **6 (12 points).** Write the loop. It gets your four functions as an argument and should call those, so that a slip in one of them does not spoil this part.


# %% answer="route"
def route(votes, activations, beta_u, beta_a, iterations, final, connected, parts):
    """EM routing.

    Args:
        votes: [b, i, j, d].
        activations: of the children, [b, i].
        beta_u, beta_a: of the parents, [j].
        iterations: how many M-steps.
        final: what the inverse temperature rises to.
        connected: whether child i votes for parent j, [i, j] of truth values.
        parts: the four functions log_density, m_step, activity and e_step, in this order.

    Returns:
        The parents' means [b, j, d] and logits [b, j], and the assignments [b, i, j] that the
        last M-step was done with.
    """
    log_density, m_step, activity, e_step = parts
    ### BEGIN SOLUTION
    assignments = connected / connected.sum(dim=1, keepdim=True).clamp(min=1)
    assignments = assignments.to(votes.dtype).expand(votes.shape[:3])
    for t in range(iterations):
        means, variances, received = m_step(votes, assignments, activations)
        logits = activity(received, variances, beta_u, beta_a, t, final)
        if t < iterations - 1:
            assignments = e_step(log_density(votes, means, variances), logits, connected)
    return means, logits, assignments
    ### END SOLUTION


# %%
solved = check("a4.route", route)

# %% test="route_start" points=3
# Tested when graded, 3 points: what the first M-step is given.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.classroom.spies import RoutingSpy as _RoutingSpy

_spy = _RoutingSpy()
_spy.run(route, 1)
assert _spy.steps("m_step"), "route never calls the m_step that it is given"
_first = _spy.steps("m_step")[0][1]
assert not _first.isnan().any(), "at first a child that votes for nobody has NaN for assignments"
_even = _spy.connected / _spy.connected.sum(dim=1, keepdim=True).clamp(min=1)
_off = (_first - _even).abs().max().item()
assert _off < 1e-5, (
    "at first each child should divide itself evenly among the parents that it votes for; an "
    f"assignment is off by {_off:.3f}"
)
### END HIDDEN TESTS

# %% test="route_rounds" points=3
# Tested when graded, 3 points: as many M-steps as iterations, and an E-step between each two.
### BEGIN HIDDEN TESTS
from capsedu.classroom.spies import RoutingSpy as _RoutingSpy

for _n in (1, 2, 5):
    _spy = _RoutingSpy()
    _found = _spy.run(route, _n)
    _fits, _divisions = len(_spy.steps("m_step")), len(_spy.steps("e_step"))
    assert _fits == _n, f"for {_n} iterations there are {_fits} M-steps"
    assert _spy.log[-1][0] == "m_step", "after the last M-step another E-step is done"
    assert _divisions == _n - 1, (
        f"for {_n} iterations there are {_divisions} E-steps; between {_n} M-steps there is room "
        f"for {_n - 1}"
    )
    assert len(_found) == 3, "route returns three things: means, logits and assignments"
    assert abs(_found[0].mean().item() - 0.1 * _n) < 1e-5, "the means are not the last M-step's"
### END HIDDEN TESTS

# %% test="route_weights" points=3
# Tested when graded, 3 points: what every M-step after the first is given.
### BEGIN HIDDEN TESTS
import torch as _torch

from capsedu.classroom.spies import RoutingSpy as _RoutingSpy

_spy = _RoutingSpy()
_spy.run(route, 4)
assert _spy.steps("m_step"), "route never calls the m_step that it is given"
_before = None
for _name, _assignments, *_rest in _spy.log:
    if _name == "e_step":
        _before = _assignments
        continue
    _same = _rest[0].shape == _spy.activations.shape and _torch.allclose(_rest[0], _spy.activations)
    assert _same, (
        "the children's activations count in every M-step, and as they are; one M-step is given "
        "others"
    )
    assert _before is None or _torch.allclose(_assignments, _before), (
        "an M-step is given other assignments than the E-step before it has made"
    )
### END HIDDEN TESTS

# %% test="route_temperature" points=3
# Tested when graded, 3 points: the iteration that the parents' logits are asked for.
### BEGIN HIDDEN TESTS
from capsedu.classroom.spies import RoutingSpy as _RoutingSpy

_spy = _RoutingSpy()
_spy.run(route, 4, final=0.3)
_times = [t for t, _ in _spy.asked]
assert _times, "route never calls the activity that it is given"
assert _times == sorted(_times) and _times[0] == 0, (
    f"activity is asked for the iterations {_times}; t should begin with 0 and rise"
)
assert _times[-1] > 0, (
    f"activity is asked for the iterations {_times}: the inverse temperature never rises"
)
assert all(final == 0.3 for _, final in _spy.asked), "final is not handed on as it is"
for _n, _logits in enumerate(_spy.scored):
    assert abs(_logits.mean().item() - (2 * _n + 1 - 1.5)) < 1e-4, (
        "the E-step should be given the newest logits, as they are"
    )
### END HIDDEN TESTS

# %% [markdown]
# Put the parts together, and let many scenes with 10 parts of clutter be routed. A scene counts as right if the two most active of the four parents are the two shapes that are there.


# %%
parts = (log_density, m_step, activity, e_step)
count = 60 if profile == "smoke" else 200
everyone = torch.ones(KINDS * GRID * GRID, SHAPES, dtype=torch.bool)
flat, one_each = torch.zeros(SHAPES), torch.ones(SHAPES)  # beta_a and beta_u of all shapes


def right_scenes(scene, scores):
    """The share of scenes whose highest scores [n, j] belong to the shapes that are there."""
    chosen = scores.topk(scene.which.shape[1], dim=1).indices
    return (chosen.sort().values == scene.which.sort().values).all(dim=1).float().mean().item()


def by_blueprints(scene):
    """Votes [n, i, j, 6] by the true matrices, with the children's places in them."""
    return as_rows(add_places(cast_votes(scene, blueprint_matrices()), GRID, GRID))


# %%
many = scenes(count, objects=2, clutter=10, seed=1000 + variant)
with waits("the table of temperatures"):
    votes = by_blueprints(many)
    print("iterations      " + "".join(f"{n:>16}" for n in (1, 3, 6)))
    for final in (0.01, 0.1, 1.0, 5.0, 50.0):
        line = f"final λ {final:<8}"
        for iterations in (1, 3, 6):
            inputs = many.activations, one_each, flat, iterations, final, everyone, parts
            _, logits, _ = route(votes, *inputs)
            open_minded = (logits.abs() < 10).float().mean()
            line += f"{right_scenes(many, logits):8.0%} ({open_minded:4.0%})"
        print(line)
    print("the share of scenes that are right, and in brackets of logits between -10 and 10")

# %% [markdown] written="temperature" points=8
# **6b (8 points).** Use the numbers of your table. (i) For `final` up to 1 the right scenes hardly depend on it. Why may the activations of two parents be compared at any $\lambda$, as long as they do not change the assignments? (ii) For the largest `final` more iterations make it worse. Trace what happens to a parent that looks bad in the first iteration: through the logit, the E-step, the next M-step and the next cost. Use the numbers in brackets. (iii) Six iterations of a small $\lambda$ and three of it: does more routing help here? Suggest a reason from what the scene is made of, remembering that there is no parent for "none of these".
#
# ### BEGIN SOLUTION
# (i) λ multiplies what every parent saves by the same positive number, so the order of the logits, hence the decision, is the same at any λ. λ matters where activations are *used*, as the prior of the E-step; while λ is small, log a_j is nearly the same for all parents, and the assignments are decided by the densities alone.
#
# (ii) In the first iteration each child is divided into quarters, all Gaussians are wide and costs are positive for a shape that is there as well. Times a large λ, the logit is strongly negative (few logits are within ±10), log a_j is about the logit, and in the E-step it outweighs differences of densities. The children leave; the parent receives nothing, its cost goes to 0 (R_j = 0), it keeps a logit of 0 × λ and no votes to change it, while another parent takes all children, clutter included, and is wide and expensive. What was decided from unsorted votes is frozen. Comparing "most active" then compares an empty parent with an overloaded one.
#
# (iii) Typically no, or it even loses a few percent. The absent shapes' parents must be given the clutter, since every child gives away all of itself; after more iterations they have gathered a few votes that agree by chance, look tight, and save nats. (An answer that says the present shapes' Gaussians shrink onto some of their votes and lose others is right as well.) A "none of these" parent with a fixed wide Gaussian would take the clutter.
#
# Rubric: 2 points for (i), order unchanged by a positive factor; 4 points for (ii), of which 1 for each of the four links; 2 points for (iii), own numbers and a reason that fits them.
# ### END SOLUTION

# %% [markdown]
# Now everything is yours. Here is your routing at work on the scene from the beginning. On the right, a part has the colour of the shape that it is assigned to (paler, where it is less sure), and the two most active parents' poses are drawn with their blueprints.

# %%
with waits("the picture of your routing"):
    inputs = one.activations, one_each, flat, 3, 0.1, everyone, parts
    means, logits, assignments = route(by_blueprints(one), *inputs)
    shares, favourite = assignments[0].max(dim=1)
    colours = [(*plt.matplotlib.colors.to_rgb(COLOURS[j]), min(1.0, 0.15 + share**4))
               for j, share in zip(favourite.tolist(), shares.tolist(), strict=True)]  # fmt: skip
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.7), layout="constrained")
    draw_scene(axes[0], one, 0, ["black"] * len(colours), "what is seen")
    draw_scene(axes[1], one, 0, colours, "what routing makes of it")
    found = logits[0].topk(2).indices.sort().values.tolist()
    for shape in found:
        pose = means[0, shape].view(3, 2).T
        draw_shape(axes[1], pose, shape, linewidth=2, alpha=0.7, label=f"shape {shape}")
    for shape, pose in zip(one.which[0].tolist(), one.poses[0], strict=True):
        draw_shape(axes[1], pose, shape, linewidth=1, linestyle=":")
    axes[1].legend(loc="upper right", fontsize=8)
    show(
        figure,
        alt=f"Left, a scene of loose parts. Right, the same parts coloured by the shape they are assigned "
        f"to. The two most active parents are the shapes {found[0]} and {found[1]}, and their outlines "
        f"are drawn; dotted are the outlines of the shapes that are there, "
        f"{' and '.join(map(str, sorted(one.which[0].tolist())))}.",
    )

# %% [markdown]
# One scene proves nothing. Two rivals get the same votes. **k-means** gives every child wholly to the parent whose mean is nearest: EM without variances, without activations, and without doubt. Its most convincing parents are those with the most members. **Dynamic routing** is chapter 3's; its most convincing parents are the longest. Each is asked for the two shapes, and for where they are.


# %%
def k_means(votes, activations, iterations):
    """Means [b, j, d] and scores [b, j], with hard assignments."""
    members = activations.unsqueeze(2).expand(votes.shape[:3]) / votes.shape[2]
    for t in range(iterations):
        number = members.sum(dim=1).clamp(min=1e-8)
        means = (members.unsqueeze(3) * votes).sum(dim=1) / number.unsqueeze(2)
        away = (votes - means.unsqueeze(1)).norm(dim=3)  # [b, i, j]
        if t < iterations - 1:
            nearest = F.one_hot(away.argmin(dim=2), votes.shape[2])
            members = nearest * activations.unsqueeze(2)
    return means, number


def dynamic(votes, activations, iterations):
    """Means and scores as above, from the package's dynamic routing."""
    *_, last = dynamic_routing_steps(votes * activations[..., None, None], iterations)
    members = last.couplings * activations.unsqueeze(2)
    number = members.sum(dim=1).clamp(min=1e-8)
    means = (members.unsqueeze(3) * votes).sum(dim=1) / number.unsqueeze(2)
    return means, last.poses.norm(dim=2)


def yours(votes, activations, iterations):
    """Means and scores as above, from your EM routing."""
    inputs = activations, one_each, flat, iterations, 0.1, everyone, parts
    return route(votes, *inputs)[:2]


def place_error(scene, means):
    """How far the shapes' places are from the truth, the median over all, in cells."""
    found = means[..., 4:].gather(1, scene.which[..., None].expand(-1, -1, 2))
    return (GRID * (found - scene.poses[..., 2]).norm(dim=2)).median().item()


# %%
amounts = (0, 5, 10, 20, 40)
rivals = {"your EM routing": yours, "k-means": k_means, "dynamic routing": dynamic}
with waits("the comparison"):
    named = {name: [] for name in rivals}
    for clutter in amounts:
        scene = scenes(count, objects=2, clutter=clutter, seed=2000 + variant)
        votes = by_blueprints(scene)
        for name, rival in rivals.items():
            means, scores = rival(votes, scene.activations, 3)
            named[name].append((right_scenes(scene, scores), place_error(scene, means)))
    for name, numbers in named.items():
        print(f"{name:16}", "  ".join(f"{right:4.0%}, {off:.2f} cells" for right, off in numbers))
    right, off = (
        {name: torch.tensor(numbers)[:, k] for name, numbers in named.items()} for k in (0, 1)
    )
    show(
        side_by_side(
            Curves(torch.tensor(amounts), right, "parts of clutter", "scenes with both shapes named"),
            Curves(torch.tensor(amounts), off, "parts of clutter", "place is off by, cells"),
        ),
        alt=f"Over 0 to {amounts[-1]} parts of clutter, left the share of scenes where both shapes are "
        "named, right how far they are placed from the truth. "
        + "; ".join(f"{n}: {v[0][0]:.0%} falls to {v[-1][0]:.0%}, {v[0][1]:.2f} rises to {v[-1][1]:.2f} cells"
                    for n, v in named.items())
        + ".",
    )  # fmt: skip

# %% [markdown] written="rivals" points=7
# **6c (7 points).** With your own numbers: (i) At which amount of clutter do the three differ most, and who is best there? (Guessing two of four shapes is right in one scene of six.) (ii) k-means and EM both measure distances. Name two things that EM has and k-means lacks, and say for each which of your columns it explains. (iii) Dynamic routing names shapes by *length*. Add $(3, 3)$ to every vote's place, as if the picture's corner were elsewhere. What happens to the three methods, and why? (Try it, in a cell of your own, or argue from the formulas.)
#
# ### BEGIN SOLUTION
# (i) As printed; usually the gap is widest around 20 parts, where EM is right in most scenes (often nine of ten), k-means in about half and dynamic routing in about a third.
#
# (ii) Soft assignments: a child between two parents moves neither by its full weight, so a wrong first guess can be repaired. Variances (for every parent and component): a parent whose members agree measures distance in its own small deviations and lets clutter go, while k-means keeps everything that is nearer to it than to others; this explains place errors that grow with clutter, because a far member counts in the mean with full weight. The cost: how many votes there are, times how tight they are, in nats. k-means can only count members, and clutter counts as much as a part of the shape, so the naming falls. (Activations as priors are a third; with λ = 0.1 they hardly matter.)
#
# (iii) EM and k-means see differences of votes only: same names, places shifted by (3, 3). In dynamic routing all votes for all parents become long and nearly parallel, dot products are large and alike, couplings saturate, and length says where the picture's corner is rather than whether votes agree: naming falls towards guessing.
#
# Rubric: 2 points for (i) with own numbers; 3 points for (ii), two differences with the columns they explain; 2 points for (iii): 1 for "EM and k-means do not change", 1 for dynamic routing with a reason.
# ### END SOLUTION

# %% [markdown]
# ## Part 7: learn the shapes (6 points of code, 7 written)
#
# So far the matrices came from blueprints. Now forget them. A scene has one shape and some clutter, a label says which, and matrices begin as random numbers. The parents are class capsules now: the most active one is the answer. What they are trained with is the **spread loss**, by which the right class $c$ should lead each other one by a margin,
#
# $$L = \sum_{j \ne c} \max\big(0,\ m - (a_c - a_j)\big)^2, \qquad m = 0.2 + 0.79\,\mathrm{logistic}\big(\min(10,\ \text{step}/50{,}000 - 4)\big).$$
#
# **7 (6 points).** Write the spread loss with the authors' schedule in it: summed over the wrong classes, averaged over the batch.


# %% answer="spread"
def spread(activations, targets, step):
    """The spread loss in a step of training.

    Args:
        activations: of the class capsules, [b, classes], in [0, 1].
        targets: class indices, [b].
        step: a number from 0; the margin grows with it.

    Returns:
        A single number.
    """
    ### BEGIN SOLUTION
    margin = 0.2 + 0.79 / (1 + math.exp(-min(10.0, step / 50_000 - 4)))
    right = F.one_hot(targets, activations.shape[1]).bool()
    lead = activations[right].unsqueeze(1) - activations
    return (margin - lead).relu().square().masked_fill(right, 0).sum(dim=1).mean()
    ### END SOLUTION


# %%
solved = check("a4.spread", spread)

# %% test="spread_values" points=3
# Tested when graded, 3 points: the loss at the end of the schedule.
### BEGIN HIDDEN TESTS
import torch as _torch

_a, _targets = _torch.rand(16, 5), _torch.randint(5, (16,))
_sums = []
for _row, _c in zip(_a.tolist(), _targets.tolist(), strict=True):
    _others = [x for j, x in enumerate(_row) if j != _c]
    _sums.append(sum(max(0.0, 0.98996 - (_row[_c] - x)) ** 2 for x in _others))
_found, _wanted = float(spread(_a, _targets, 10**7)), sum(_sums) / 16
assert abs(_found - _wanted) < 5e-3, (
    f"ten million steps into the training the loss is {_found:.4f}, not {_wanted:.4f}"
)
### END HIDDEN TESTS

# %% test="spread_schedule" points=3
# Tested when graded, 3 points: the margin, at the beginning, half way and far beyond the end.
### BEGIN HIDDEN TESTS
import torch as _torch

_equal = _torch.full((1, 2), 0.5)  # two classes, no lead: the loss is the margin's square
for _step, _margin in [(0, 0.21421), (200_000, 0.595), (300_000, 0.89583)]:
    _found = float(spread(_equal, _torch.tensor([0]), _step)) ** 0.5
    assert abs(_found - _margin) < 1e-3, (
        f"at step {_step:,} the margin is {_found:.3f}; it should be {_margin:.3f}"
    )
assert float(spread(_equal, _torch.tensor([0]), 10**9)) > 0.9, "the margin falls again at the end"
### END HIDDEN TESTS

# %% [markdown]
# The training below goes through the schedule in fast motion. Everything in it is yours: places, routing, loss, and gradients go through all three iterations. (The profile `smoke`, which the grader uses, trains for a moment only.)

# %% given="training"
STEPS = 40 if profile == "smoke" else 250
BATCH = 24 if profile == "smoke" else 32


def class_logits(scene, matrices, iterations, add_places, route, parts):
    """Logits [n, j] of the class capsules."""
    votes = as_rows(add_places(cast_votes(scene, matrices), GRID, GRID))
    ones = torch.ones(SHAPES)
    connected = torch.ones(votes.shape[1], SHAPES, dtype=torch.bool)
    inputs = scene.activations, ones, torch.zeros(SHAPES), iterations, 0.5, connected, parts
    return route(votes, *inputs)[1]


def learn_shapes(add_places, route, parts, spread, iterations=3, clutter=5):
    """Matrices that tell the shapes apart, and the share of right answers in the course."""
    torch.manual_seed(variant)
    matrices = (0.1 * torch.randn(KINDS, SHAPES, 2, 3)).requires_grad_()
    adam = torch.optim.Adam([matrices], 0.02)
    shares = []
    for step in range(STEPS):
        scene = scenes(BATCH, 1, clutter, 50_000 * (1 + variant) + step)
        logits = class_logits(scene, matrices, iterations, add_places, route, parts)
        loss = spread(logits.sigmoid(), scene.which[:, 0], 400_000 * step / STEPS)
        adam.zero_grad()
        loss.backward()
        adam.step()
        shares.append((logits.argmax(dim=1) == scene.which[:, 0]).float().mean().item())
    return matrices.detach(), shares


def learnt_offsets(matrices):
    """Where the parts sit by learnt matrices, [j, k, 2], each shape's mean at 0.

    The true angles of the parts turn a learnt vote into an offset.
    """
    own = -(rotation(angles).transpose(0, 1) @ matrices[..., 2:])[..., 0]  # [k, j, 2]
    return (own - own.mean(dim=0)).transpose(0, 1)


# %% [markdown]
# What will it have learnt? A part's matrix says where the shape's middle is, seen from the part. Turn it round, and it says where the part is, seen from the middle: a blueprint. The figure shows the true and the learnt ones, each moved so that its mean is at the origin.

# %%
with waits("the training"):
    start = time.perf_counter()
    matrices, shares = learn_shapes(add_places, route, parts, spread)
    tests = scenes(500, 1, 5, seed=9000 + variant)
    with torch.no_grad():
        logits = class_logits(tests, matrices, 3, add_places, route, parts)
    print(f"{STEPS} steps in {time.perf_counter() - start:.0f} s")
    tenth = max(1, len(shares) // 10)
    for k in (0, len(shares) // 2, len(shares) - tenth):
        print(f"from step {k:3}: {sum(shares[k : k + tenth]) / tenth:4.0%} right")
    print(f"new scenes: {right_scenes(tests, logits):.0%} right")
    learnt, true = learnt_offsets(matrices), offsets - offsets.mean(dim=1, keepdim=True)
    figure, axes = plt.subplots(1, SHAPES, figsize=(7.2, 2.5), layout="constrained")
    agreement = []
    for j, axis in enumerate(axes):
        for points, name, look in [
            (true[j], "true", {"color": "0.6", "linewidth": 3}),
            (learnt[j], "learnt", {"color": COLOURS[j], "marker": "o", "linewidth": 1.5}),
        ]:
            y, x = outline(points, j)
            axis.plot(x, y, label=name, **look)
        agreement.append(
            torch.corrcoef(torch.stack([true[j].flatten(), learnt[j].flatten()]))[0, 1]
        )
        axis.set(title=f"shape {j}", aspect="equal", xticks=[], yticks=[])
    axes[0].legend(fontsize=7.5)
    shift = (-(rotation(angles).transpose(0, 1) @ matrices[..., 2:])[..., 0]).mean(dim=0)
    shift = shift - offsets.mean(dim=1)
    for j in range(SHAPES):
        print(f"shape {j}: correlation {agreement[j]:.2f}, origin shifted by "
              f"({shift[j, 0]:+.2f}, {shift[j, 1]:+.2f})")  # fmt: skip
    show(
        figure,
        alt="Four true outlines in grey and the learnt ones on top. Their coordinates correlate by "
        + ", ".join(f"{c:.2f}" for c in agreement)
        + ".",
    )

# %% [markdown] written="learnt" points=7
# **7b (7 points).** Train for at least 250 steps (profile `quick`), and use your numbers. (i) The loss sees labels only. Which term of the cost makes the learnt blueprints resemble the true ones, and why are the true ones good for it? (ii) Every learnt shape has an origin of its own: the last column that is printed. Show, with the formula of the variance, that moving a shape's origin (along with the shape as it turns) costs nothing. (iii) Would the shapes come out as well if no shape were ever turned? Say what could then be learnt wrongly at no cost. (iv) Train once more with `iterations=1`, in training and on the new scenes. What does routing add in a scene with a single shape?
#
# ### BEGIN SOLUTION
# (i) R Σ log σ: the right class becomes more active than the others if its Gaussian is narrower, that is, if the votes of its parts agree. With the true matrix all six votes of a shape are the same, wherever it lies and however it is turned; no other matrices achieve that (apart from the freedom in (ii)).
#
# (ii) Add R_shape c to every part's vote, for a fixed c in the shape's own frame. All votes for that shape move by the same vector within a scene; the weighted mean moves by it too, V − μ stays, and so do variances, cost and activation. In the matrices this is one vector for each shape, turned into each part's frame: the correlation is near 1 and the shift is arbitrary.
#
# (iii) A vote is the place of the part plus its rotation times the learnt offset. If a part always has the same rotation, agreement still fixes that product, so the blueprint comes out. What is not learnt is anything about turning: the rotation columns of the matrices can be any numbers, since all votes of one kind are the same constant anyway. No loss notices; at a new angle these votes disagree.
#
# (iv) About nine of ten new scenes are right with one iteration, nearly all with three. With one iteration all four parents are fitted to everything that is there, clutter included, each child a quarter: the right class is a little tighter than the others, because six votes agree. With more, clutter is far from that mean in its deviations and goes to other parents, the right class's Gaussian shrinks onto the six votes, and its lead grows; a wrong class has nothing to shrink onto. So competition with wrong classes serves to get rid of clutter.
#
# Rubric: 2 points for the log deviations and "true matrices make all votes equal"; 2 points for the shift with μ moving along; 1 point for (iii); 2 points for (iv) with own numbers and the clutter's way out.
# ### END SOLUTION

# %% [markdown]
# ## What to hand in
#
# This notebook, with your answers, under any name. Run it from top to bottom once more before (Kernel → Restart and run all): the grader does the same.
