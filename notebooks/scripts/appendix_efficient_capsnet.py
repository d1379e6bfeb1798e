# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Efficient-CapsNet: routing in one pass
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/appendix_efficient_capsnet.ipynb)
#
# Dynamic routing and EM routing go round and round. *Efficient-CapsNet* (Mazzia, Salvetti & Chiaberge, 2021) goes once: children attend to each other's votes, as words do in a transformer, and are done. It also has only sixteen primary capsules in place of 1152, and 161,824 parameters in place of millions. The paper reports an error of 0.26 % on MNIST with it, where CapsNet's has 0.25 %.
#
# This appendix is short and has two questions. What *is* self-attention routing, when it is written next to dynamic routing? And if one changes nothing but the routing, how much does it matter?
#
# You will be able to
#
# - account for the 161,824 parameters, and say what sixteen capsules that see the whole image give up;
# - compare two squashes, and say which of them lets a short capsule learn;
# - turn an attention matrix of children by children into one dot product for each child;
# - read an experiment in which five networks differ in one layer.
#
# **Before this appendix:** the chapters *Squash*, *Dynamic routing* and *CapsNet*.
#
# **Time and hardware.** The profile `quick` trains one small network for less than a minute on two CPU cores. What is compared is read from records.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import tempfile
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch.testing import assert_close

from capsedu.data import BatchStream, Identity, first_available
from capsedu.experiments import EXPERIMENTS
from capsedu.explore import show
from capsedu.explore.figures import curves
from capsedu.explore.tables import error_table, routing_table
from capsedu.functional import capsule_length, exponential_squash, squash
from capsedu.models.capsnet import CapsNet
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.efficient_capsnet import EfficientCapsNet
from capsedu.profiles import resolve_profile
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.self_attention import attention_couplings
from capsedu.routing.voteless import child_votes
from capsedu.runs import train

# %% tags=["parameters"]
profile = "auto"

# %% tags=["nbval-ignore-output"]
profile = resolve_profile(profile)
size = profile if profile in EXPERIMENTS["routing-attention"].profiles else "quick"
test_set = first_available("mnist", "digits", train=False)
batch = BatchStream(test_set, 200, Identity(), shuffle=False).batch(0)
print(f"{test_set.name}: {list(batch.images.shape)}")

# %% [markdown]
# ## Sixteen capsules that see everything
#
# **Claim.** Nearly all of CapsNet's parameters come from having a primary capsule at every place. Four ordinary convolutions make a grid of 9x9 places with 128 channels. Then a *depthwise* convolution with kernels as large as the grid makes one number out of each channel; eight neighbouring channels are one capsule.

# %%
torch.manual_seed(0)
network = EfficientCapsNet(decoder=False).eval()
sizes = {"convolutions and batch norm": parameter_count(network.stem[:-2])}
sizes["depthwise convolution"] = parameter_count(network.stem[-2])
sizes["class capsules: votes"] = network.class_capsules.weight.numel()
sizes["class capsules: priors"] = network.class_capsules.priors.numel()
for name, count in sizes.items():
    print(f"{name:28} {count:>8,}")
assert sum(sizes.values()) == parameter_count(network) == 161_824
print(f"CapsNet, without its decoder too: {parameter_count(CapsNet(decoder=False)):,}")

# %% [markdown]
# What is given up? A primary capsule of CapsNet stands at a *place*, and its matrix is the same at no other; but it knows where it is. One of these has summed over all places. Whether a stroke is on the left or on the right must be in its eight numbers, or it is lost.
#
# ## A squash that lets short capsules learn
#
# The paper changes the squash to
#
# $$v = \left(1 - e^{-\lVert s\rVert}\right)\frac{s}{\lVert s\rVert}.$$
#
# Compare the lengths that come out, and the slopes.

# %%
n = torch.linspace(0, 4, 201, dtype=torch.float64)
old, new = n**2 / (1 + n**2), -torch.expm1(-n)
s = n[:, None] * F.normalize(torch.ones(1, 8, dtype=torch.float64))
assert_close(squash(s).norm(dim=1), old)
assert_close(exponential_squash(s).norm(dim=1), new)
slopes = [torch.autograd.functional.jacobian(f, torch.zeros(3))[0, 0] for f in (squash, exponential_squash)]  # fmt: skip
print("slope at 0: squash {:.0f}, exponential {:.0f}".format(*slopes))

# %%
show(
    curves(n, {"squash": old, "exponential": new}, "length before", "length after"),
    alt="The length after over the length before, from 0 to 4. The squash starts flat, passes "
    f"{old[50]:.2f} at 1 and {old[-1]:.2f} at 4; the exponential one starts with slope 1, passes "
    f"{new[50]:.2f} at 1 and {new[-1]:.2f} at 4.",
)

# %% [markdown]
# With the usual squash a capsule whose total is near 0 gets next to no gradient, and a small network with few children has short totals at first. The exponential one passes small totals on as they are.
#
# ## Attention, and what is left of it
#
# For each parent $j$, the paper lets every child attend to every other: votes are compared with votes,
#
# $$A_{jik} = \frac{\hat u_{j|i}\cdot\hat u_{j|k}}{\sqrt d}, \qquad c_{ij} = \mathrm{softmax}_j \sum_k A_{jik}, \qquad s_j = \sum_i (c_{ij} + \beta_{ij})\,\hat u_{j|i}.$$

# %%
votes = torch.randn(2, 16, 10, 16, dtype=torch.float64)  # [b, i, j, d]
attention = torch.einsum("bijd,bkjd->bjik", votes, votes) / 16**0.5  # [b, j, i, k]
by_the_paper = attention.sum(dim=3).softmax(dim=1).transpose(1, 2)  # [b, i, j]
assert_close(by_the_paper, attention_couplings(votes))

# %% [markdown]
# A matrix of children by children looks expensive. But it is summed along its rows at once, and a sum of dot products is a dot product with a sum:
#
# $$\sum_k \hat u_{j|i}\cdot\hat u_{j|k} = \hat u_{j|i}\cdot\sum_k\hat u_{j|k}.$$
#
# **Check.** No pairs are needed:

# %%
together = votes.sum(dim=1)  # [b, j, d]
agreement = torch.einsum("bijd,bjd->bij", votes, together)
assert_close((agreement / 16**0.5).softmax(dim=2), by_the_paper)

# %% [markdown]
# We have met this. In dynamic routing the couplings are even in the first iteration, so that $s_j$ is a tenth of the sum of all votes; and the logits of the second iteration are the votes' agreement with the squashed $s_j$. So self-attention routing *is* the second iteration of dynamic routing, with two changes: the sum is not squashed before it is compared, and the logits are scaled by $\sqrt d$.

# %%
first, second = dynamic_routing_steps(votes, 2)
assert_close(together, 10 * first.totals)
assert_close(second.logits, torch.einsum("bijd,bjd->bij", votes, first.poses))
lengths = (first.poses.norm(dim=2), together.norm(dim=2))
print("length of what a vote is compared with: squashed {:.2f}, as a sum {:.1f}".format(
    *(each.mean() for each in lengths)))  # fmt: skip

# %% [markdown]
# The first change matters. What is compared grows with the number of children and is not bounded, so couplings can be as sharp in one pass as dynamic routing makes them in several.
#
# And one thing is new. The priors $\beta$ are added *after* the softmax. A child's couplings then need not sum to 1, and may be negative: "how a child divides itself" is no longer what they say. At first all priors are 0.
#
# ## Training
#
# A short one, for a look inside.

# %% tags=["nbval-ignore-output"]
folder = tempfile.TemporaryDirectory()  # gone when the notebook is
task = replace(EXPERIMENTS["routing-attention"], data=test_set.name)
run = train(task, size, root=folder.name, progress=False)
network = run.network.eval().requires_grad_(False)
print(f"profile {size}:", {k: round(v, 3) for k, v in run.history[-1].items() if "error" in k})

# %% [markdown]
# What do attention and priors do in it? Exchange them in the trained network: couplings of a tenth each in place of attention, and priors of 0.


# %% tags=["nbval-ignore-output"]
def error_with(couplings, priors):
    """The share of wrong answers if these are the weights of the votes, [b, i, j]."""
    poses = exponential_squash(torch.einsum("bij,bijd->bjd", couplings + priors, all_votes))
    return (capsule_length(poses).argmax(dim=1) != batch.targets).float().mean().item()


layer = network.class_capsules
all_votes = child_votes(network.children_of(batch.images), layer.weight)
attended, even = attention_couplings(all_votes), torch.full((16, 10), 0.1)
for name, each in {"attention": attended, "a tenth each": even.expand_as(attended)}.items():
    found = [error_with(each, priors) for priors in (layer.priors, torch.zeros(16, 10))]
    print(f"{name:12}: error {found[0]:.1%} with the priors, {found[1]:.1%} without")
given = (attended + layer.priors).sum(dim=2)
print(f"what a child gives away in all: {given.min():.2f} to {given.max():.2f}")

# %% [markdown]
# This is a network whose routing was exchanged under it, not one that was trained otherwise. For that, the next section.
#
# ## One stem, five ways to go on
#
# Papers compare their network with somebody else's, and everything differs at once. Here only the last layer does. The stem above, with its sixteen capsules, is followed by
#
# - self-attention routing, as in the paper;
# - dynamic routing with three iterations;
# - EM routing with three iterations (a child's length is its activation; the parent's activation becomes its length, so that the same loss can be used);
# - capsules without routing: one iteration of dynamic routing, where every coupling is a tenth;
# - no capsules: a layer of neurons, and cross-entropy instead of the margin loss.
#
# All have the same number of parameters, to within 200. They are trained on upright digits, shifted by up to two pixels, and tested on upright digits and on digits that were turned by up to 20° and up to 45°. No decoder, one training each.

# %% tags=["nbval-ignore-output"]
five = [f"routing-{kind}" for kind in ("attention", "agreement", "em", "none", "neurons")]
routing_table(five, "small")

# %% [markdown]
# Read the columns from the right. If routing finds poses that agree, and agreement survives a rotation, then what routes should lose less on turned digits than what does not. And read them knowing that each row is a single training: neighbours in a column can change places with another seed.
#
# ## The paper beside ours
#
# With the decoder, as in the paper, whose training also turned and shifted the digits and ran for 150 epochs.

# %% tags=["nbval-ignore-output"]
error_table(["efficient-capsnet-mnist", "capsnet-mnist"])

# %% [markdown]
# The paper's table has another row that deserves to be read: its own convolutional baseline of 173,000 parameters, with a decoder, has 0.40 %, and a small capsule network with dynamic routing 0.39 %. A tenth of a percent is ten digits of the ten thousand.
#
# ## Exercises
#
# **1.** The couplings `[b, i, j]` of self-attention routing from votes `[b, i, j, d]`, without a matrix of children by children.
#
# <details><summary>Hint</summary>
#
# With what sum is each vote compared? Give it an axis of length 1 for the children.
#
# </details>


# %%
def my_couplings(votes):
    return ...  # [b, i, j]


solved = check("e.couplings", my_couplings)

# %% [markdown]
# **2.** The exponential squash of `s` `[n, d]`, finite at 0 and with a finite gradient there.
#
# <details><summary>Hint</summary>
#
# A square root has an infinite slope at 0, also where `torch.where` throws its value away. Keep what is under the root above 0.
#
# </details>


# %%
def my_squash(s):
    return ...  # [n, d]


solved = check("e.squash", my_squash)

# %% [markdown]
# **3.** How many parameters have the class capsules, for `children` of `e` components, `classes` and class capsules of `d` components? Priors included.
#
# <details><summary>Hint</summary>
#
# A prior is added to a coupling. How many couplings are there?
#
# </details>


# %%
def my_count(children, e, classes, d):
    return ...


solved = check("e.count", my_count)

# %% [markdown]
# **4.** (No check.) Train `routing-attention` and `routing-none` in the profile `quick` with three seeds each by `capsedu.runs.train`. Is there a difference that all six errors bear out? Write down beforehand what you expect on digits turned by up to 45°.
#
# <details><summary>Hint</summary>
#
# `replace(EXPERIMENTS[name], data=...)` and `train(..., seed=...)`, as in the training above. The errors are in the last row of `run.history`.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/appendix_efficient_capsnet.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/appendix_efficient_capsnet.md)).
#
# ## What to keep in mind
#
# **"Self-attention".** The pairs are summed up before anything is done with them, so the attention has no more to say than one comparison with a sum. In a transformer the softmax is over the *others* and each row keeps its own mixture; here it is over the parents. The name is a good picture of where the idea came from, and not of what is computed.
#
# **Couplings.** With the priors added after the softmax they are weights, not shares: see what a child gives away, above.
#
# ## References
#
# - V. Mazzia, F. Salvetti, M. Chiaberge. *Efficient-CapsNet: Capsule Network with Self-Attention Routing*. Scientific Reports 11, 2021. [arXiv:2101.12731](https://arxiv.org/abs/2101.12731). Equations 2 to 6, table 2.
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829).
# - G. E. Hinton, S. Sabour, N. Frosst. *Matrix Capsules with EM Routing*. 2018. [OpenReview](https://openreview.net/forum?id=HJWLfGWRb).
