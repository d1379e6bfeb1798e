# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Dynamic routing
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/03_dynamic_routing.ipynb)
#
# A capsule has to decide which capsules of the next layer it belongs to. Nobody tells it. It makes a prediction for each of them and then sides with those whose other children predicted the same. This chapter does that arithmetic by hand on three capsules, writes it as a loop of ten lines, and then watches it sort the parts of a real handwritten digit.
#
# You will be able to
#
# - compute votes as matrix products, and say what a vote predicts;
# - do two rounds of routing with pencil and paper, and check them;
# - explain why the softmax runs over the parents, and what breaks when it does not;
# - read a heat map of couplings, for a toy and for a trained network;
# - route without ever writing the votes down, and say how much memory that saves.
#
# **Time and hardware.** About half a minute on a laptop's CPU when the trained network that ships with the book is there, up to two minutes if a smaller one has to be trained first. No GPU is needed.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import matplotlib.pyplot as plt
import torch
from torch.testing import assert_close

from capsedu.explore import explorers, live, show
from capsedu.explore.figures import (
    curves,
    digit_sheet,
    draw_votes,
    grid_maps,
    routing_picture,
)
from capsedu.functional import capsule_length, squash
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps
from capsedu.routing.voteless import child_votes, route_children

torch.set_printoptions(precision=4, sci_mode=False)

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# ## Three children, two parents
#
# A **child** is a capsule of the lower layer, a **parent** one of the layer above. Here there are three children and two parents, and every pose has just two components, so that all of it can be drawn. The indices are those of the whole book: $i$ for children, $j$ for parents, $e$ for the components of a child's pose, $d$ for those of a parent's.
#
# The poses of the children, $u_i$, are given:

# %%
children = torch.tensor([[0.5, 0.0], [0.0, 0.5], [0.5, 0.5]])  # [i, e]
print(capsule_length(children))

# %% [markdown]
# ## A vote is a matrix product
#
# Each pair of a child and a parent has a matrix of its own. Through it, the child predicts the parent's pose:
#
# $$\hat u_{j|i} = u_i W_{ij}$$
#
# The paper writes the pose as a column, $W_{ij} u_i$; with the pose as a row, as in the code, the matrix stands on the right. The matrix holds what never changes between the two, such as where a nose sits in a face. A network learns it. We make up six matrices with easy numbers.

# %%
matrices = torch.tensor(  # [i, j, e, d]
    [
        [[[3.0, 1.0], [-1.0, 3.0]], [[2.0, 0.0], [0.0, 2.0]]],
        [[[-1.0, -3.0], [3.0, -1.0]], [[-1.0, 2.0], [-2.0, -1.0]]],
        [[[-1.0, 1.0], [-1.0, -1.0]], [[1.5, 1.5], [-1.5, 1.5]]],
    ]
)
print("child 0 votes for parent 0 with", children[0] @ matrices[0, 0])

# %% [markdown]
# By hand: $(0.5,\ 0)$ times the matrix with rows $(3,\ 1)$ and $(-1,\ 3)$ is half its first row, $(1.5,\ 0.5)$. All six products at once are one `einsum`, whose letters say what happens: the component $e$ is summed over, all other letters stay.

# %%
votes = torch.einsum("ie,ijed->ijd", children, matrices)
for i in range(3):
    for j in range(2):
        assert_close(votes[i, j], children[i] @ matrices[i, j])
        print(f"child {i} votes for parent {j} with {votes[i, j].tolist()}")

# %% [markdown]
# Drawn as arrows, with the child's number at the tip, the votes tell the story before any routing has been done. The circle has length 1.

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.6, 3.2), layout="constrained")
for j, axis in enumerate(axes):
    draw_votes(axis, votes[:, j], couplings=torch.full((3,), 0.5))
    axis.set(title=f"votes for parent {j}", xlim=(-2, 2), ylim=(-1.25, 1.95))
show(
    figure,
    alt="Two planes with three arrows each. For parent 0, children 0 and 1 point right, to "
    "(1.5, 0.5) and (1.5, -0.5), and child 2 points left, to (-1, 0). For parent 1 the three "
    "point to (1, 0), (-1, -0.5) and (0, 1.5).",
)

# %% [markdown]
# About parent 0, children 0 and 1 nearly agree, and child 2 says the opposite. About parent 1, all three disagree. A sensible conclusion: children 0 and 1 are parts of parent 0, child 2 is not. Now let arithmetic find it.
#
# ## Round one, by hand
#
# At first a child knows nothing about its parents and divides itself evenly. Its shares are the **couplings** $c_{ij}$; with two parents each is one half.
#
# Every parent adds up its votes, each times its coupling:
#
# $$s_j = \sum_i c_{ij}\, \hat u_{j|i}$$

# %%
s0 = 0.5 * votes[0, 0] + 0.5 * votes[1, 0] + 0.5 * votes[2, 0]
s1 = 0.5 * votes[0, 1] + 0.5 * votes[1, 1] + 0.5 * votes[2, 1]
print("s_0 =", s0)
print("s_1 =", s1)
assert_close(s0, torch.tensor([1.0, 0.0]))
assert_close(s1, torch.tensor([0.0, 0.5]))

# %% [markdown]
# Then it squashes the total (chapter 2): the direction stays, the length $n$ becomes $n^2/(1+n^2)$. Length 1 becomes $1/2$; length $1/2$ becomes $0.25/1.25 = 0.2$.

# %%
v0, v1 = squash(s0), squash(s1)
print("v_0 =", v0)
print("v_1 =", v1)
assert_close(v0, torch.tensor([0.5, 0.0]))
assert_close(v1, torch.tensor([0.0, 0.2]))

# %% [markdown]
# Now each child looks at what became of its votes. Its **agreement** with a parent is the dot product of its vote with the parent's pose, $\hat u_{j|i} \cdot v_j$: positive where they point the same way, negative where they oppose. Agreements are added to the **logits** $b_{ij}$, which began at 0.

# %%
b = torch.stack([votes[:, 0] @ v0, votes[:, 1] @ v1], dim=1)  # [i, j]
print(b)
assert_close(b, torch.tensor([[0.75, 0.0], [0.75, -0.1], [-0.5, 0.3]]))

# %% [markdown]
# Check one by hand: child 1 and parent 1 give $(-1)\cdot 0 + (-0.5)\cdot 0.2 = -0.1$.
#
# ## Round two, by hand
#
# The logits become new couplings. A child's shares must be positive and add up to 1 over the parents; the softmax over $j$ sees to both:
#
# $$c_{ij} = \frac{\exp b_{ij}}{\sum_k \exp b_{ik}}$$

# %%
c = b.softmax(dim=1)
print(c)
by_hand = torch.tensor(0.75).exp() / (torch.tensor(0.75).exp() + torch.tensor(0.0).exp())
assert_close(c[0, 0], by_hand)
assert_close(c.sum(dim=1), torch.ones(3))  # each child gives away all of itself, and no more

# %% [markdown]
# Children 0 and 1 have moved towards parent 0, and child 2 towards parent 1. With the new couplings, the same three lines again:

# %%
s0 = c[0, 0] * votes[0, 0] + c[1, 0] * votes[1, 0] + c[2, 0] * votes[2, 0]
s1 = c[0, 1] * votes[0, 1] + c[1, 1] * votes[1, 1] + c[2, 1] * votes[2, 1]
v0, v1 = squash(s0), squash(s1)
print("v_0 =", v0, "of length", round(v0.norm().item(), 3))
print("v_1 =", v1, "of length", round(v1.norm().item(), 3))
assert v0.norm() > 0.75 > 0.5 and v1.norm() > 0.43 > 0.2  # both grew

# %% [markdown]
# and the agreements are added to the logits that are there:

# %%
b = b + torch.stack([votes[:, 0] @ v0, votes[:, 1] @ v1], dim=1)
print(b)
print(b.softmax(dim=1))

# %% [markdown]
# That is all there is to it. A parent that several children agree on gets a long pose; a long pose agrees more strongly with those who made it; they give it more of themselves.
#
# ## The loop
#
# The same lines with a batch axis $b$ in front, in the order of the paper's procedure 1:


# %%
def route(votes, iterations):  # votes [b, i, j, d]
    logits = torch.zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=2)  # over the parents
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)
    return poses


batch = votes.unsqueeze(0)  # a batch of one
assert_close(route(batch, 2)[0], torch.stack([v0, v1]))  # as by hand

# %% [markdown]
# The package has it twice. `dynamic_routing_steps` is for people: it yields the logits, couplings, totals and poses of every iteration. `dynamic_routing` is for training: it gives the last poses at less cost. All three are equal, also on votes that nobody chose.

# %%
torch.manual_seed(0)
random_votes = torch.randn(4, 20, 5, 8)
*_, last = dynamic_routing_steps(random_votes, iterations=3)
assert_close(route(random_votes, 3), last.poses)
assert_close(route(random_votes, 3), dynamic_routing(random_votes, iterations=3))
print("three ways, one answer")

# %% [markdown]
# ## The couplings, iteration by iteration

# %%
steps = list(dynamic_routing_steps(batch, iterations=3))
shares = [step.couplings[0, :, 0].tolist() for step in steps]
show(
    routing_picture(batch, steps),
    alt="Three iterations of routing. Top: couplings of the three children, all 0.50 at first. "
    + f"In iteration 3, children 0, 1 and 2 give {shares[2][0]:.2f}, {shares[2][1]:.2f} and "
    + f"{shares[2][2]:.2f} of themselves to parent 0. Below: the votes as arrows that get bolder "
    + "with their coupling, and each parent's pose, which grows from length "
    + f"{steps[0].poses[0, 0].norm():.2f} to {steps[2].poses[0, 0].norm():.2f} for parent 0 and "
    + f"from {steps[0].poses[0, 1].norm():.2f} to {steps[2].poses[0, 1].norm():.2f} for parent 1.",
)

# %% [markdown]
# Top: who gives how much to whom. Below: the votes, as bold as their couplings, and in black the pose that the parent makes of them.
#
# Look at parent 1. One child alone has made it long. Agreement is a dot product, so a long vote also agrees with *itself*; routing prefers company but does not demand it.
#
# ## Why the softmax runs over the parents
#
# A part belongs to one whole: a nose is in this face or in that one. So a child has one unit of itself to give away, and what it gives to one parent it takes from the others. The rows of $c$ sum to 1.
#
# It is easy to write `dim=1` for `dim=2`. The program runs, the loss falls, and nothing complains. What has changed?


# %%
def route_over(dim, votes, iterations=3):
    logits = torch.zeros(votes.shape[:3])
    for _ in range(iterations):
        couplings = logits.softmax(dim=dim)  # dim 2: parents. dim 1: children!
        poses = squash(torch.einsum("bij,bijd->bjd", couplings, votes))
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)
    return couplings, poses


right, right_poses = route_over(2, batch)
wrong, wrong_poses = route_over(1, batch)
print("softmax over parents: a child gives away", right[0].sum(dim=1))
print("softmax over children: a child gives away", wrong[0].sum(dim=1))

# %% [markdown]
# With the wrong axis a child may give away more than itself, and another less: here it is the children who fight for shares of a parent. Nothing stops a child from belonging wholly to two parents. Make it plain: one child with long votes that both parents like, and two with short ones.

# %%
greedy = torch.tensor(
    [[[[3.0, 0.0], [0.0, 3.0]], [[0.1, 0.0], [0.0, 0.1]], [[-0.1, 0.0], [0.0, -0.1]]]]
)
for name, dim in {"parents": 2, "children": 1}.items():
    couplings, _ = route_over(dim, greedy)
    print(f"softmax over {name}: child 0 gives", couplings[0, 0], "in all", couplings[0, 0].sum())
couplings, _ = route_over(1, greedy)
assert (couplings[0, 0] > 0.9).all()  # wholly to both

# %% [markdown]
# And there is no competition left between the parents, which was the point. Each parent now takes a weighted *average* of its votes, whatever the other parent does. Remove parent 1, and parent 0 does not notice:

# %%
_, with_both = route_over(1, batch)
_, alone = route_over(1, batch[:, :, :1])
assert_close(with_both[:, :1], alone)
_, with_both = route_over(2, batch)
_, alone = route_over(2, batch[:, :, :1])
assert not torch.allclose(with_both[:, :1], alone)
print("over the parents, the other parent matters; over the children, it does not")

# %% [markdown]
# ## Take hold of it
#
# Here is the toy again, to be stepped through and pulled about. Drag the tip of any vote, or choose it and use the arrow keys; everything is routed anew while you drag. Three things to try:
#
# - Bring child 2's vote for parent 0 over to the other two. Which parent does it end with, and in which iteration is that decided?
# - Make all of child 0's votes very short. It cannot take sides any more; the next but one section says why.
# - Set the softmax to the wrong axis. What each child gives away no longer adds up to 1.

# %%
explorers.routing(batch)

# %% [markdown]
# With a kernel, other votes can be drawn at random, for more children and parents.


# %% tags=["widget", "nbval-ignore-output"]
from ipywidgets import IntSlider


def random_votes_of(children, parents, seed):
    generator = torch.Generator().manual_seed(seed)
    return explorers.routing(torch.randn(1, children, parents, 2, generator=generator))


live(
    random_votes_of,
    children=IntSlider(4, 2, 4, description="children"),
    parents=IntSlider(2, 2, 3, description="parents"),
    seed=IntSlider(1, 0, 20, description="seed"),
)

# %% [markdown]
# ## One parent, nothing to route
#
# The other way to lose the competition is to have a single parent. A softmax over one number is 1, whatever the number. All couplings are 1, and 1 or 100 iterations give the same pose.

# %%
one_parent = random_votes[:, :, :1]
for step in dynamic_routing_steps(one_parent, iterations=100):
    assert (step.couplings == 1).all()
assert_close(dynamic_routing(one_parent, 1), dynamic_routing(one_parent, 100), rtol=0, atol=1e-5)
assert_close(dynamic_routing(one_parent, 100), squash(one_parent.sum(dim=1)))
print("100 iterations of routing to one parent: squash(sum of the votes)")

# %% [markdown]
# ## The order of the children does not matter
#
# A parent sums over its children, and a sum has no order. Shuffle the children: the couplings are shuffled with them, the poses stay.

# %%
order = torch.randperm(20)
*_, shuffled = dynamic_routing_steps(random_votes[:, order], iterations=3)
assert_close(shuffled.poses, last.poses)
assert_close(shuffled.couplings, last.couplings[:, order])
print("same poses")

# %% [markdown]
# ## More iterations, sharper couplings
#
# How undecided is a child? The entropy of its couplings says it in bits:
#
# $$H_i = -\sum_j c_{ij} \log_2 c_{ij}$$
#
# With two parents it is 1 bit for an even division, and 0 when a child has given all of itself to one.


# %%
def entropy(couplings):  # [..., j] -> [...], in bits
    return -torch.special.xlogy(couplings, couplings).sum(dim=-1) / torch.log(torch.tensor(2.0))


assert_close(entropy(torch.tensor([0.5, 0.5])), torch.tensor(1.0))
assert_close(entropy(torch.tensor([1.0, 0.0])), torch.tensor(0.0))
ten = list(dynamic_routing_steps(batch, iterations=10))
bits = torch.stack([entropy(step.couplings[0]) for step in ten])  # [t, i]

# %%
figure = curves(
    torch.arange(1, 11),
    {f"child {i}": bits[:, i] for i in range(3)},
    xlabel="iteration",
    ylabel="entropy of its couplings (bits)",
)
figure.axes[0].set_xticks(range(1, 11))
show(
    figure,
    alt="The entropy of each child's couplings falls from 1 bit in iteration 1 to "
    f"{bits[2].mean():.2f} bits on average in iteration 3 and {bits[9].mean():.3f} in iteration 10.",
)

# %% [markdown]
# Nothing pulls the other way. The logits only ever grow in the direction they took, and with enough iterations routing becomes a hard choice, whether or not it was a good one. Three iterations is the paper's choice.
#
# ## The logits need not be remembered
#
# Every iteration adds $\hat u_{j|i} \cdot v_j$ to the logit. The vote is the same each time, so it can be taken out of the sum:
#
# $$b_{ij} = \sum_t \hat u_{j|i} \cdot v_j^t = \hat u_{j|i} \cdot \sum_t v_j^t$$
#
# One vector per parent, the sum of its poses so far, replaces one number per pair. Check it in the last iteration of the random votes:

# %%
steps = list(dynamic_routing_steps(random_votes, iterations=4))
pose_sum = sum(step.poses for step in steps[:3])
assert_close(steps[3].logits, torch.einsum("bijd,bjd->bij", random_votes, pose_sum))

# %% [markdown]
# ## The votes need not exist
#
# Votes are large. In the paper's network for MNIST, 1,152 children vote for 10 parents with 16 components each, in 4 bytes each, for each of the 128 images of a batch:

# %%
votes_bytes = 128 * 1152 * 10 * 16 * 4
weight_bytes = 1152 * 10 * 8 * 16 * 4
print(f"votes: {votes_bytes / 1e6:.0f} MB, read and written again in every iteration")
print(f"weights: {weight_bytes / 1e6:.0f} MB; children: {128 * 1152 * 8 * 4 / 1e6:.0f} MB")

# %% [markdown]
# But a vote is a product, $\hat u_{j|i} = u_i W_{ij}$, and routing uses votes in only two places. In both, the factors will do:
#
# $$s_j = \sum_i c_{ij}\, u_i W_{ij} = \sum_i (c_{ij} u_i)\, W_{ij} \qquad\qquad \hat u_{j|i} \cdot V_j = u_i \cdot (W_{ij} V_j)$$
#
# Scale the small children instead of the large votes; and bring the parent's vector $V_j = \sum_t v_j^t$ down to the child instead of the vote up to the parent. Both are matrix products over the pairs of child and component.

# %%
torch.manual_seed(1)
u, W = torch.randn(4, 20, 8), 0.3 * torch.randn(5, 8, 20, 16)  # [b, i, e], [j, e, i, d]
v, c = torch.randn(4, 5, 16), torch.randn(4, 20, 5).softmax(dim=2)
u_votes = child_votes(u, W)
scaled = torch.einsum("bij,bie->bjei", c, u)
assert_close(torch.einsum("bjei,jeid->bjd", scaled, W), torch.einsum("bij,bijd->bjd", c, u_votes))
down = torch.einsum("jeid,bjd->bjei", W, v)
assert_close(torch.einsum("bie,bjei->bij", u, down), torch.einsum("bijd,bjd->bij", u_votes, v))

# %% [markdown]
# `route_children` puts the two identities together, loops over the parents and keeps nothing larger than the weights. The paper's network in this book trains with it. Values and gradients are those of the loop:

# %%
u.requires_grad_()
lean, plain = route_children(u, W, iterations=3), route(child_votes(u, W), 3)
assert_close(lean, plain)
wanted = torch.randn_like(lean)
(lean_gradient,) = torch.autograd.grad(lean, u, wanted)
(plain_gradient,) = torch.autograd.grad(plain, u, wanted)
assert_close(lean_gradient, plain_gradient)
print("same poses, same gradients, no votes")

# %% [markdown]
# ## A real digit through a trained network
#
# Now the real thing: a CapsNet that recognises handwritten digits (chapter 4 builds it). Its children are the primary capsules, several types at each of 6 × 6 places of the image; its parents are the ten classes. If the book's trained network is not there, a smaller one is trained now.

# %% tags=["nbval-ignore-output"]
import tempfile

from capsedu.checkpoints import pretrained
from capsedu.data import first_available
from capsedu.experiments import EXPERIMENTS
from capsedu.profiles import resolve_profile
from capsedu.runs import train

images = first_available("mnist", "digits", train=False)
experiment = EXPERIMENTS[f"capsnet-{images.name}"]
network = pretrained(experiment, "small")
print(f"{len(images)} test images of {images.name!r}")

# %% tags=["nbval-ignore-output"]
if network is None:
    size = "smoke" if resolve_profile(profile) == "smoke" else "quick"
    with tempfile.TemporaryDirectory() as folder:
        run = train(experiment, size, root=folder, progress=False)
        print(f"trained now, profile {size!r}; test error {run.history[-1]['test_error']:.1%}")
    network = run.network.cpu().eval()
else:
    print("the book's trained network")

# %% tags=["nbval-ignore-output"]
chosen = images.subset(512 if len(images) > 512 else len(images))
pixels, labels = chosen.images.float() / 255, chosen.targets
with torch.no_grad():
    lengths = capsule_length(network(pixels))
correct = lengths.argmax(dim=1) == labels
print(f"{correct.sum()} of {len(labels)} images classified correctly")

# %% tags=["nbval-ignore-output"]
fives = (correct & (labels == 5)).nonzero().flatten()
pick = int(fives[0]) if len(fives) else 0
shown = [pick, *range(pick + 1, pick + 8)]
show(
    digit_sheet(pixels[shown], [f"{labels[k]}, found {lengths[k].argmax()}" for k in shown]),
    alt="Eight test images with their class and the class found: "
    + "; ".join(f"{labels[k]}, found {lengths[k].argmax()}" for k in shown)
    + ". The first is routed below.",
)

# %% [markdown]
# The votes of the first of these images, and three iterations of routing with them, by the same function as the toy:

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    digit_children = network.children_of(pixels[pick : pick + 1])
    digit_votes = network.class_capsules.votes(digit_children)
    digit_steps = list(dynamic_routing_steps(digit_votes, iterations=3))
    assert_close(digit_steps[-1].poses, network(pixels[pick : pick + 1]), rtol=1e-3, atol=1e-4)
print(f"{digit_votes.shape[1]} children vote for {digit_votes.shape[2]} parents")

# %% tags=["nbval-ignore-output"]
class_lengths = torch.stack([capsule_length(step.poses)[0] for step in digit_steps])  # [t, j]
winner = int(class_lengths[-1].argmax())
figure, axis = plt.subplots(figsize=(6.6, 3.2), layout="constrained")
for t in range(3):
    axis.bar(
        torch.arange(10) + 0.27 * (t - 1), class_lengths[t], 0.25, label=f"iteration {t + 1}",
        color=["#56B4E9", "#0072B2", "#000000"][t], edgecolor="black", hatch=["", "//", ""][t],
    )  # fmt: skip
axis.set(xlabel="class", ylabel="length of its capsule", xticks=range(10), ylim=(0, 1))
axis.legend(frameon=False)
show(
    figure,
    alt=f"Length of the ten class capsules in three iterations. Class {winner} goes from "
    f"{class_lengths[0, winner]:.2f} to {class_lengths[2, winner]:.2f}; the longest of the others "
    f"ends at {class_lengths[2].topk(2).values[1]:.2f}.",
)

# %% [markdown]
# And the couplings. There are too many children for one row each, so here is what each class is given on average, per iteration. Every column begins at one tenth.

# %% tags=["nbval-ignore-output"]
mean_couplings = torch.stack([step.couplings[0].mean(dim=0) for step in digit_steps])  # [t, j]
middle = (mean_couplings.min() + mean_couplings.max()) / 2
figure, axis = plt.subplots(figsize=(6.8, 2), layout="constrained")
axis.imshow(mean_couplings.numpy(), cmap="cividis", aspect="auto")
for (t, j), share in zip(
    torch.cartesian_prod(torch.arange(3), torch.arange(10)), mean_couplings.flatten(), strict=True
):
    axis.text(
        j,
        t,
        f"{share:.3f}",
        ha="center",
        va="center",
        fontsize=8,
        color="black" if share > middle else "white",
    )
axis.set(
    xlabel="class", xticks=range(10), yticks=range(3), yticklabels=[1, 2, 3], ylabel="iteration"
)
show(
    figure,
    alt="Mean coupling of the children to each class in three iterations: 0.100 everywhere at first; "
    f"{mean_couplings[2, winner]:.3f} to class {winner} in iteration 3.",
)

# %% [markdown]
# On average the winner gains little. But an average over children hides who moved. An agreement is at most as large as the vote is long, $|\hat u_{j|i} \cdot v_j| \le \lVert\hat u_{j|i}\rVert \lVert v_j\rVert$, and poses are shorter than 1. So after two rounds no logit is larger than twice its vote: a child whose votes are short cannot take sides, and one whose vote is long can.

# %% tags=["nbval-ignore-output"]
vote_lengths = capsule_length(digit_votes[0])  # [i, j]
assert (digit_steps[-1].logits[0].abs() <= 2 * vote_lengths + 1e-5).all()
to_winner, given = vote_lengths[:, winner], digit_steps[-1].couplings[0, :, winner]
print(
    f"votes for class {winner}: half are shorter than {to_winner.median():.2f}, the longest is {to_winner.max():.2f}"
)
print(
    f"couplings to class {winner}: half are below {given.median():.3f}, the largest is {given.max():.3f}"
)

# %% tags=["nbval-ignore-output"]
figure, axis = plt.subplots(figsize=(6.4, 3), layout="constrained")
axis.plot(to_winner, given, "o", color="#0072B2", markersize=4, alpha=0.6)
axis.set(xlabel=f"length of a child's vote for class {winner}", ylabel="its coupling, iteration 3")
axis.set(xlim=(0, None), ylim=(0, 1))
axis.axhline(0.1, color="0.6", linewidth=1)
show(
    figure,
    alt=f"One dot per child: the coupling to class {winner} over the length of the vote. The median "
    f"vote has length {to_winner.median():.2f} and the median coupling is {given.median():.3f}; the "
    f"longest vote, {to_winner.max():.2f}, has a coupling of {given[to_winner.argmax()]:.2f}.",
)

# %% [markdown]
# The grey line is an even division. Most children stay on it. The few with something to say say it loudly, and they are the ones who decide. (If a smaller network was trained just now, its votes may all still be short and its dots all near the line. What to say to whom is in the matrices, and these have to be learnt.)

# %% [markdown]
# Which children are they? A child's coupling says how much of itself it gives; whether that matters depends on its vote as well. The two together are its contribution to the length of the winner's total, and these contributions add up to that length exactly:
#
# $$\lVert s_j \rVert = s_j \cdot \frac{v_j}{\lVert v_j \rVert} = \sum_i c_{ij}\, \hat u_{j|i} \cdot \frac{v_j}{\lVert v_j \rVert}$$

# %% tags=["nbval-ignore-output"]
final = digit_steps[-1]
direction = final.poses[0, winner] / final.poses[0, winner].norm()
contribution = final.couplings[0, :, winner] * (digit_votes[0, :, winner] @ direction)  # [i]
assert_close(contribution.sum(), final.totals[0, winner].norm(), rtol=1e-3, atol=1e-4)
types = network.primary_capsules.types
side = round((len(contribution) / types) ** 0.5)
by_place = contribution.view(types, side, side)  # children are ordered (type, row, column)
print(f"{types} types at {side} x {side} places; the largest 10 % of the children contribute "
      f"{contribution.topk(len(contribution) // 10).values.sum() / contribution.sum():.0%}")  # fmt: skip

# %% tags=["nbval-ignore-output"]
coupling_by_place = final.couplings[0, :, winner].view(types, side, side).mean(dim=0)
peak = divmod(int(by_place.sum(dim=0).argmax()), side)
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.5), layout="constrained")
axes[0].imshow(pixels[pick, 0], cmap="gray")
for axis, values in zip(axes[1:], [coupling_by_place, by_place.sum(dim=0)], strict=True):
    figure.colorbar(axis.imshow(values, cmap="viridis"), ax=axis, shrink=0.75)
for axis, title in zip(axes, ["the image", "mean coupling", "contribution"], strict=True):
    axis.set(title=title, xticks=[], yticks=[])
show(
    figure,
    alt=f"The digit beside two 6 by 6 maps for class {winner}: the mean coupling of the children at each "
    f"place, from {coupling_by_place.min():.2f} to {coupling_by_place.max():.2f}, and their "
    f"contribution to the total, largest in row {peak[0] + 1}, column {peak[1] + 1}.",
)

# %% [markdown]
# A place of the grid sees 17 × 17 pixels; its neighbour's patch begins two pixels further on. Compare the two maps with the strokes of the digit. The contribution again, by type of capsule:

# %% tags=["nbval-ignore-output"]
strongest = by_place.sum(dim=(1, 2)).topk(min(4, types)).indices.sort().values
show(
    grid_maps(by_place[strongest], [f"type {int(k)}" for k in strongest], "contribution"),
    alt=f"Contribution to class {winner} by place, for the primary capsule types "
    f"{', '.join(str(int(k)) for k in strongest)}, which contribute most.",
)

# %% [markdown]
# ## Who makes the digit?
#
# A coupling alone does not say how much a child matters: one with short votes can give all of itself and change nothing. What counts is what it adds to the length of the parent's total, the part of its coupled vote that points along it:
#
# $$a_{ij} = c_{ij}\, \hat u_{j|i} \cdot \frac{s_j}{\lVert s_j\rVert} \qquad\qquad \sum_i a_{ij} = \lVert s_j\rVert$$
#
# The sum over all children is the whole length, so nothing is left out and nothing counted twice. Below, these numbers are summed over the types of capsule at each place, and over the places of each type. Choose a digit and step through the iterations. Some children add less than nothing: they vote against the class that was found.

# %% tags=["nbval-ignore-output"]
explorers.trained_routing(network, pixels[shown[:6]])

# %% [markdown]
# With a kernel: other digits, and more iterations than the network was trained with.


# %% tags=["widget", "nbval-ignore-output"]
def other_digits(first, iterations):
    return explorers.trained_routing(network, pixels[first : first + 6], iterations)


live(
    other_digits,
    first=IntSlider(0, 0, len(pixels) - 6, description="first image"),
    iterations=IntSlider(3, 1, 8, description="iterations"),
)

# %% [markdown]
# ## How decided is the trained network?
#
# The entropy again, now over ten parents, where an even division is $\log_2 10 \approx 3.32$ bits; and the error, when the network that was trained with three iterations is asked to use another number.

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    all_votes = network.class_capsules.votes(network.children_of(pixels[:256]))
    rounds = list(dynamic_routing_steps(all_votes, iterations=10))
decided = torch.stack([entropy(step.couplings).mean() for step in rounds])
errors = [(capsule_length(step.poses).argmax(1) != labels[:256]).float().mean() for step in rounds]
for t in (0, 1, 2, 4, 9):
    right_class = capsule_length(rounds[t].poses).gather(1, labels[:256, None]).mean()
    print(f"{t + 1:2} iterations: entropy {decided[t]:.3f} bits, error {errors[t]:.1%}, "
          f"mean length of the right class {right_class:.3f}")  # fmt: skip

# %% [markdown]
# Compare the first row, which is no routing at all, with the third. The matrices were learnt *together with* the routing, and with even couplings they mostly put the right class first already. Routing adds to its length. The proper comparison is with a network that was *trained* with one iteration; the paper made it, see below.
#
# And the wrong axis, on real votes. The network was trained with the right one, so this is a network whose routing was exchanged under it, not one trained that way.

# %% tags=["nbval-ignore-output"]
for name, dim in {"parents": 2, "children": 1}.items():
    couplings, poses = route_over(dim, all_votes)
    found = capsule_length(poses)
    error = (found.argmax(1) != labels[:256]).float().mean()
    own = found.gather(1, labels[:256, None]).mean()
    given = couplings.sum(dim=2)
    print(f"softmax over {name}: a child gives away {given.min():.3f} to {given.max():.3f}; "
          f"error {error:.1%}; mean length of the right class {own:.3f}")  # fmt: skip

# %% [markdown]
# The order of the lengths may survive this, but not the lengths. A parent gets an average of hundreds of votes instead of a sum of shares, and the squash turns a short average into next to nothing. To reach the margin loss's 0.9 the weights would have to be very much larger; and no child would ever have to choose.
#
# ## The paper beside ours

# %% tags=["nbval-ignore-output"]
from capsedu.records import read_record

print(
    f"paper, 3 iterations: {EXPERIMENTS['capsnet-mnist'].published['test_error']:.2%} error on MNIST"
)
for size in ("small", "cpu", "night", "full"):
    record = read_record("capsnet-mnist", size)
    found = f"{record.figures['test_error']:.2%}" if record else "not run yet"
    print(f"ours, 3 iterations, profile {size}: {found}")

# %% [markdown]
# In the paper's table 1, the network trained with one iteration has an error of 0.29 % and with three 0.25 %, both with reconstruction; without reconstruction the two are 0.34 % and 0.35 %, which is no difference. On MNIST routing is not where most of the accuracy comes from. On two overlapping digits, in the same table, it is 7.5 % with one iteration and 5.2 % with three: there, which part belongs to which digit is the question. Chapter 4 looks at overlapping digits.
#
# ## Exercises
#
# Write the functions, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** The votes `[b, i, j, d]` of children `[b, i, e]` through weights `[j, e, i, d]`.
#
# <details><summary>Hint</summary>
#
# `torch.einsum` needs letters only. Which letter of the two inputs does not come back in the votes?
#
# </details>


# %%
def my_votes(children, weight):
    return ...  # [b, i, j, d]


solved = check("03.votes", my_votes)

# %% [markdown]
# **2.** Couplings `[b, i, j]` from logits `[b, i, j]`. Do it without `softmax`, and let it survive logits of 1,000.
#
# <details><summary>Hint</summary>
#
# Shares do not change if the same number is taken from all logits of a child. Which number keeps every exponential from overflowing, and the sum from being 0?
#
# </details>


# %%
def my_couplings(logits):
    return ...  # [b, i, j]


solved = check("03.couplings", my_couplings)

# %% [markdown]
# **3.** How much each child agrees with each parent, `[b, i, j]`, from votes `[b, i, j, d]` and poses `[b, j, d]`.
#
# <details><summary>Hint</summary>
#
# Give the poses an axis for the children. What is left to do along the last axis?
#
# </details>


# %%
def my_agreement(votes, poses):
    return ...  # [b, i, j]


solved = check("03.agreement", my_agreement)

# %% [markdown]
# **4.** One round: from votes `[b, i, j, d]` and logits `[b, i, j]` to a pair, the poses `[b, j, d]` and the next logits.
#
# <details><summary>Hint</summary>
#
# Four lines, in the order of the chapter: couplings, totals, squash, agreement. Two of them are exercises 2 and 3. Over which axis do the couplings sum to 1, and over which are the weighted votes added?
#
# </details>


# %%
def my_round(votes, logits):
    return ...  # poses [b, j, d], logits [b, i, j]


solved = check("03.one_round", my_round)

# %% [markdown]
# **5.** The whole of it, without keeping logits: use the sum of the poses so far. Returns poses `[b, j, d]`.
#
# <details><summary>Hint</summary>
#
# The agreement is linear in the pose. So what are the logits after two rounds, if the poses of both are added up? In the first round the sum so far is zero.
#
# </details>


# %%
def my_routing(votes, iterations):
    return ...  # [b, j, d]


solved = check("03.routing", my_routing)

# %% [markdown]
# **6.** (No check, an evening.) Does routing pay? Train small CapsNets with 1, 2, 3 and 5 iterations, three seeds each, on the same few thousand digits: `capsedu.models.CapsNet(iterations=…)` in an experiment of your own, made by `dataclasses.replace` from `EXPERIMENTS["capsnet-digits"]`, and `capsedu.runs.train`. Plot all errors, not only means, and the seconds beside them. Before you start, write down which result would convince you that three iterations are worth their time.
#
# <details><summary>Hint</summary>
#
# An experiment's `network` is a function of profile, image shape and classes. Every training takes the same images in the same order if only `iterations` and `seed` differ.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/03_dynamic_routing.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/03_dynamic_routing.md)).

# %% [markdown]
# ## What the papers got wrong
#
# **The couplings sum to 1 over the wrong index.** Mintun's slides introduce capsules with $v_j = \sum_i c_{ij} \hat u_{ij}$, $\sum_i c_{ij} = 1$: a sum over the children. A few slides on, the same slides say that $c_{ij}$ tells which feature $j$ the feature $i$ thinks it is part of, and that raising $c_{11}$ lowers $c_{12}$. That is a division among parents, $\sum_j c_{ij} = 1$. Karmakar's slides have it right in words: for each lower capsule the weights define a probability distribution over the higher ones. The toy obeys the words and not the formula:

# %%
*_, final = dynamic_routing_steps(batch, iterations=3)
print("sums over parents: ", final.couplings[0].sum(dim=1))
print("sums over children:", final.couplings[0].sum(dim=0))
assert_close(final.couplings.sum(dim=2), torch.ones(1, 3))
assert not torch.allclose(final.couplings.sum(dim=1), torch.ones(1, 2), atol=0.1)

# %% [markdown]
# **A discriminator with nothing to route to.** The CapsGAN paper (Saqur and Vivona, section 3.1) ends its discriminator in one capsule of 16 components and says that dynamic routing takes place between the primary capsules and this output capsule. We saw above what routing to one parent is: the squashed sum of the votes, after however many iterations. Two parents, one for real and one for fake, would have given it something to do.
#
# **Equations that point elsewhere.** In the same paper's appendix, the comments of the routing algorithm say that the softmax computes equation 3 and the squash equation 1. In that paper, equation 1 is the discriminator's output and equation 3 its objective; squash and softmax are its equations 5 and 7. The numbers are those of Sabour's paper, from which the algorithm was taken. Read the formula, not the number.
#
# **No capsule is selected.** Sastry (section 4) writes that every active capsule selects a capsule of the next layer. Three iterations divide; they do not select. In the toy the most decided child still keeps some of itself back:

# %%
print("largest coupling of each child:", final.couplings[0].max(dim=1).values)
assert final.couplings.max() < 0.95

# %% [markdown]
# ## References
#
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829). Equations 1 to 3, procedure 1, table 1.
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. Section 3.1 and appendix A.
# - S. Sastry. *Recurrent Capsule Network for Image Generation*. Section 4.
# - E. Mintun. *Capsule Networks*. Slides.
# - A. Karmakar. *Improving Generative Adversarial Networks with CapsuleNET*. Slides, 2018.
# - A. Géron. *extra_capsnets*, the notebook that unrolls routing by hand before the loop. [github.com/ageron/handson-ml](https://github.com/ageron/handson-ml)
