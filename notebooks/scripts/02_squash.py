# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a neuron to a capsule: squash and the margin loss
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/02_squash.ipynb)
#
# A neuron puts out a number. A capsule puts out a vector: its direction says *how* something is there (turned, thick, slanted), its length *whether* it is there. For that, the length must behave like a probability. One small function sees to it, and one loss teaches it. This chapter takes both apart, and finds that two of the papers this book follows print them wrongly.
#
# You will be able to
#
# - set a neuron and a capsule side by side, step by step;
# - draw the squash curve, invert it, and read a length as a probability;
# - say why the length is squashed, and not each component;
# - write a squash that survives zero and very large vectors, with its gradient;
# - compute a margin loss by hand, and say what a misplaced exponent does to it.
#
# **Time and hardware.** Less than a minute on a laptop's CPU. No GPU is needed.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import matplotlib.pyplot as plt
import torch
from torch.testing import assert_close

from capsedu.explore import explorers, show
from capsedu.explore.figures import curves, draw_arrow
from capsedu.functional import capsule_length, margin_loss, squash

torch.set_printoptions(precision=4, sci_mode=False)

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# ## A neuron and a capsule
#
# | step | a neuron | a capsule |
# |---|---|---|
# | takes in | numbers $x_i$ | vectors $u_i$ |
# | transforms each | – | $\hat u_{j\mid i} = u_i W_{ij}$ |
# | weights each | $w_i x_i$, learnt | $c_{ij}\, \hat u_{j\mid i}$, found by routing (chapter 3) |
# | sums | $a = \sum_i w_i x_i + b$ | $s_j = \sum_i c_{ij}\, \hat u_{j\mid i}$ |
# | bends the result | $h = f(a)$ | $v_j = \operatorname{squash}(s_j)$ |
# | puts out | a number | a vector |
#
# What a neuron learns in its weights, a capsule learns in its matrices. Here is each of the two, once, with made-up numbers; the capsule's couplings are simply one half each.

# %%
x, w, bias = torch.tensor([0.5, -1.0]), torch.tensor([2.0, 0.5]), 0.25
neuron = torch.relu(x @ w + bias)
assert_close(neuron, torch.tensor(0.75))  # 1.0 - 0.5 + 0.25

u = torch.tensor([[0.6, 0.0], [0.0, 0.8]])  # two children
W = torch.tensor([[[5.0, 5.0], [0.0, 1.0]], [[1.0, 0.0], [3.75, 6.25]]])  # a matrix each
total = 0.5 * u[0] @ W[0] + 0.5 * u[1] @ W[1]
capsule = squash(total)
print("the neuron puts out", neuron, "and the capsule", capsule)
assert_close(total, torch.tensor([3.0, 4.0]))

# %% [markdown]
# ## The curve
#
# **Claim.** Squash keeps the direction of the total $s$ and bends its length, so that a short vector becomes nearly nothing and a long one nearly 1.
#
# $$v = \frac{\lVert s\rVert^2}{1 + \lVert s\rVert^2}\; \frac{s}{\lVert s\rVert}$$
#
# The second factor is $s$ with length 1. So the first factor is the length of $v$: with $n = \lVert s\rVert$,
#
# $$\lVert v\rVert = \frac{n^2}{1+n^2}$$
#
# The total above, $(3, 4)$, has length 5. It must become $25/26$ long and keep pointing the same way:

# %%
assert_close(capsule, 25 / 26 * torch.tensor([0.6, 0.8]))
print("length", round(capsule.norm().item(), 4), "= 25 / 26")

# %%
n = torch.linspace(0, 6, 121)
length = n**2 / (1 + n**2)
many = torch.randn(121, 8, generator=torch.Generator().manual_seed(0))
many = n[:, None] * many / many.norm(dim=1, keepdim=True)  # 121 directions of lengths n
assert_close(capsule_length(squash(many)), length)

# %%
figure = curves(n, {"squash": length}, "length of the total, ‖s‖", "length of the capsule, ‖v‖")
axis = figure.axes[0]
for at, name in [(1 / 3, "0.1"), (1.0, "0.5"), (3.0, "0.9")]:
    axis.plot(at, float(name), "o", color="black")
    axis.annotate(f"({at:.2g}, {name})", (at, float(name)), (8, -12), textcoords="offset points")
axis.set_ylim(0, 1)
show(
    figure,
    alt="The squash curve: flat at 0, through (1/3, 0.1), (1, 0.5) and (3, 0.9), then slowly towards 1.",
)

# %% [markdown]
# ## The direction is kept
#
# **Claim.** $v$ is $s$ times a positive number, so the angle between them is 0, in any number of dimensions.

# %%
s = torch.randn(1000, 16, generator=torch.Generator().manual_seed(1))
cosines = torch.cosine_similarity(s, squash(s), dim=1)
assert_close(cosines, torch.ones(1000))
assert (capsule_length(squash(100 * s)) < 1).all()

# %% [markdown]
# ## The length as a probability
#
# **Claim.** $n^2$ is the odds of a capsule whose length is the probability: $p = n^2/(1+n^2)$ turns around to
#
# $$n^2 = \frac{p}{1-p} \qquad\text{and so}\qquad \lVert v\rVert = \sigma(2 \ln n)$$
#
# with the logistic function $\sigma$. So a neuron with a sigmoid and a capsule are closer than they look: the logarithm of the squared length plays the part of the neuron's sum. A total three times as long has nine times the odds.

# %%
n = torch.tensor([1 / 3, 1.0, 2.0, 3.0])
assert_close(n**2 / (1 + n**2), torch.sigmoid(2 * n.log()))
for p in (0.1, 0.5, 0.9, 0.99):
    print(f"to be {p} long, a capsule needs a total of length {(p / (1 - p)) ** 0.5:.2f}")

# %% [markdown]
# These probabilities need not add up to 1 over the classes. Two digits in one image may both be there, and in an empty one none is. That is why the capsule network of chapter 4 has no softmax over its classes.
#
# ## Why not each component?
#
# The sigmoid of a neural network acts on every component by itself. Could the squash? Take $x \mapsto \operatorname{sign}(x)\, x^2/(1+x^2)$ for each component:


# %%
def componentwise(s):
    return s.sign() * s**2 / (1 + s**2)


s = torch.tensor([3.0, 4.0])
for name, v in {"total": s, "squash": squash(s), "componentwise": componentwise(s)}.items():
    angle = torch.atan2(v[1], v[0]).rad2deg()
    print(f"{name:14} length {v.norm():.3f}, at {angle:.1f} degrees")
assert componentwise(s).norm() > 1

# %% [markdown]
# Two things are lost. The length can exceed 1 (with 16 components up to 4), so it is no probability. And the direction has moved. The second is worse, as a rotation shows. Turn $s$, and the squash turns with it: $\operatorname{squash}(s R) = \operatorname{squash}(s) R$ for every rotation $R$. No axis is special to it. Component by component, the axes *are* special: long outputs bunch up around the diagonals, short ones around the axes.

# %%
turns = torch.linspace(0, 2 * torch.pi, 73)[:-1]
circle = 2 * torch.stack([turns.cos(), turns.sin()], dim=1)
R = torch.tensor([[0.8, 0.6], [-0.6, 0.8]])  # a rotation by about 37 degrees
assert_close(squash(circle @ R), squash(circle) @ R)
assert not torch.allclose(componentwise(circle @ R), componentwise(circle) @ R, atol=0.1)

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.3), layout="constrained")
for axis, bend, title in zip(
    axes, [squash, componentwise], ["squash", "componentwise"], strict=True
):
    for k in range(0, 72, 6):
        draw_arrow(axis, circle[k], "#56B4E9", 1, strength=0.5)
        draw_arrow(axis, bend(circle)[k], "#0072B2", 2)
    axis.plot(*bend(circle).T, ".", color="#D55E00", markersize=3)
    axis.set(title=title, xlim=(-2.1, 2.1), ylim=(-2.1, 2.1), aspect="equal")
show(
    figure,
    alt="Left: twelve arrows of length 2, and their squashed versions of length 0.8 in the same "
    "directions, on a circle. Right: with each component squashed by itself, the arrows end on a "
    "shape with four corners: along an axis the length is 0.8, on a diagonal 0.94, and the arrows "
    "between have turned towards the diagonal.",
)

# %% [markdown]
# ## Zero, and very large
#
# **Claim.** The formula cannot be typed in as it stands. At $s = 0$ it is $0/0$, and its gradient is no better. Large totals overflow: in float32, $(10^{20})^2$ is infinite. Small ones underflow to zero, and we are back at $0/0$.


# %%
def naive(s):
    n2 = s.square().sum(dim=-1, keepdim=True)
    return n2 / (1 + n2) * s / n2.sqrt()


def value_and_gradient(function, s):
    s = s.clone().requires_grad_()
    v = function(s)
    (gradient,) = torch.autograd.grad(v.sum(), s)
    return v.detach(), gradient


# %%
for size in (0.0, 1.0, 1e20, 1e-30):
    v, gradient = value_and_gradient(naive, size * torch.tensor([0.6, 0.8]))
    print(f"length {size:5g}: naive {v}, gradient {gradient}")

# %% [markdown]
# One NaN in one capsule of one image, and after the next step every weight is NaN. It does happen: a patch of image without a stroke, a layer whose units are all off.
#
# The repair is algebra: cancel one $n = \lVert s \rVert$, and there is nothing left to divide by but $1+n^2$:
#
# $$v = s\,\frac{n}{1+n^2}$$
#
# This is plainly 0 at 0. What is left is the norm itself, whose square may overflow and whose gradient at 0 is $0/0$. The package divides by the largest component first.

# %%
for size in (0.0, 1.0, 1e20, 1e-20):
    v, gradient = value_and_gradient(squash, size * torch.tensor([0.6, 0.8]))
    assert v.isfinite().all() and gradient.isfinite().all()
    assert_close(v.double().norm(), torch.tensor(size**2 / (1 + size**2), dtype=torch.float64))
print("finite, with finite gradients, from 1e-20 to 1e20 and at 0")

# %% [markdown]
# Many programs write $\sqrt{\lVert s\rVert^2 + \varepsilon}$ instead. That cures zero. It does not cure the large ones:


# %%
def with_epsilon(s, epsilon=1e-7):
    n2 = s.square().sum(dim=-1, keepdim=True)
    return n2 / (1 + n2) * s / (n2 + epsilon).sqrt()


for size in (0.0, 1e20):
    v, gradient = value_and_gradient(with_epsilon, size * torch.tensor([0.6, 0.8]))
    print(f"length {size:5g}: {v}, gradient {gradient}")

# %% [markdown]
# The gradient of ours is right as well as finite. `gradcheck` compares it, in double precision, with finite differences:

# %%
points = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
assert torch.autograd.gradcheck(squash, points.requires_grad_())

# %% [markdown]
# ## Other curves
#
# Any function that rises from 0 to 1 would make a length into something like a probability. Here are five candidates. One of them, with 0.5 in place of 1, is found in code for CIFAR-10.

# %%
bends = {
    "n²/(1+n²), the paper's": lambda n: n**2 / (1 + n**2),
    "n²/(0.5+n²)": lambda n: n**2 / (0.5 + n**2),
    "n/(1+n)": lambda n: n / (1 + n),
    "tanh n": lambda n: n.tanh(),
    "1−exp(−n)": lambda n: 1 - (-n).exp(),
    "1, the unit vector": lambda n: 1 + 0 * n,
}
n = torch.linspace(0, 4, 161)
figure = curves(n, {name: bend(n) for name, bend in bends.items()}, "‖s‖", "‖v‖", size=(6.8, 4))
show(
    figure,
    alt="Six curves of the output length over the input length. The two with squares start flat; "
    "n/(1+n), tanh n and 1−exp(−n) start with slope 1; the unit vector is 1 everywhere.",
)

# %%
for name, bend in bends.items():
    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(bend(zero), zero)
    noise, signal = bend(torch.tensor(0.1)), bend(torch.tensor(2.0))
    print(f"{name:24} slope at 0: {slope:.0f}   0.1 becomes {noise:.3f}   2 becomes {signal:.3f}")

# %% [markdown]
# Look at the slopes at 0. A capsule whose votes disagree has a small total left, the rest of a sum that nearly cancels. The paper's curve turns 0.1 into 0.01 and so calls it absent; the curves with slope 1 leave it at nearly 0.1. The slow start is what tells "nothing" from "little". Its price: a capsule near zero also has a gradient near zero, and is slow to wake up.
#
# The unit vector has no length to read at all, and at 0 it does not exist.
#
# The code with 0.5 comes with a remark: lengths below 0.5 are enlarged and those above are shrunk. Is that so? The curve would have to lie above the line $\lVert v\rVert = \lVert s\rVert$ somewhere:

# %%
n = torch.linspace(0.001, 10, 100_000)
ratio = bends["n²/(0.5+n²)"](n) / n
print(f"‖v‖ / ‖s‖ is at most {ratio.max():.4f}, at ‖s‖ = {n[ratio.argmax()]:.3f}")
assert ratio.max() < 1  # it never enlarges anything

# %% [markdown]
# ## Take hold of it
#
# Drag the vector $s$, or choose its handle and use the arrow keys. The steps walk through the formula: measure, direction, new length, result. Choose another curve from the list and see what becomes of a very short vector and of a long one. Two of them are worth a minute: the misprint, with a vector that grows past the dotted circle of length 1; and the componentwise one, with a vector that turns.

# %%
explorers.squashing()

# %% [markdown]
# ## The margin loss
#
# **Claim.** To teach a length to be a probability, ask for 0.9 where the class is present and for at most 0.1 where it is not, and ask for nothing more.
#
# $$L_j = T_j \max(0,\; m^+ - \lVert v_j\rVert)^2 + \lambda\,(1-T_j) \max(0,\; \lVert v_j\rVert - m^-)^2$$
#
# $T_j$ is 1 if class $j$ is in the image, else 0; $m^+ = 0.9$, $m^- = 0.1$. The weight $\lambda = 0.5$ keeps the many absent classes from shrinking everything at the beginning.
#
# By hand, for three classes of lengths 0.6, 0.3 and 0.05, of which the first is present: $(0.9-0.6)^2 = 0.09$; $0.5\,(0.3-0.1)^2 = 0.02$; and nothing for 0.05, which is below 0.1. Together 0.11.

# %%
lengths = torch.tensor([[0.6, 0.3, 0.05]])
loss = margin_loss(lengths, torch.tensor([0]))
print(loss)
assert_close(loss, torch.tensor(0.11))
two_digits = torch.tensor([[1.0, 1.0, 0.0]])  # the first two classes present
assert_close(margin_loss(lengths, two_digits), torch.tensor(0.3**2 + 0.6**2))

# %%
n = torch.linspace(0, 1, 201)
present, absent = (0.9 - n).relu() ** 2, 0.5 * (n - 0.1).relu() ** 2
figure = curves(
    n, {"present": present, "absent, times 0.5": absent}, "length of the capsule, ‖v‖", "loss"
)
figure.axes[0].axvline(0.9, color="0.6", linewidth=1)
figure.axes[0].axvline(0.1, color="0.6", linewidth=1)
show(
    figure,
    alt="Margin loss over the length. Present: from 0.81 at length 0 down to 0 at 0.9 and flat from there. "
    "Absent: 0 up to 0.1, then up to 0.405 at length 1.",
)

# %% [markdown]
# Why the squares? The slope of a square is proportional to what is missing: $-2(0.9 - \lVert v\rVert)$. A capsule far from its goal is pushed hard, one that is nearly there gently, and the push dies away smoothly as the goal is reached. Without the square every capsule is pushed equally until it suddenly is not.

# %%
lengths = torch.tensor([0.0, 0.5, 0.85, 0.95], requires_grad=True)
(push,) = torch.autograd.grad(
    margin_loss(lengths[:, None], torch.zeros(4, dtype=torch.int64)), lengths
)
print("slope at 0, 0.5, 0.85 and 0.95:", 4 * push)  # times 4: the loss is a mean over the batch
assert_close(4 * push, -2 * (0.9 - lengths.detach()).relu())

# %% [markdown]
# ## Train with it
#
# A capsule layer at its simplest: one matrix from the pixels to ten capsules of four components, no routing, trained by the margin loss on scikit-learn's real handwritten digits. Only the bend is exchanged. The misprint is one that we meet again at the end of the chapter.

# %%
from capsedu.data import load
from capsedu.profiles import resolve_profile

steps = 20 if resolve_profile(profile) == "smoke" else 300


def misprint(s):  # length n / (1 + n²)
    return s / (1 + s.square().sum(dim=-1, keepdim=True))


def unit(s):
    return torch.nn.functional.normalize(s, dim=-1)


# %%
def train_capsules(bend, images, steps):
    torch.manual_seed(0)
    layer = torch.nn.Linear(784, 40)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.005)
    pixels = images.images.flatten(1) / 255
    for _ in range(steps):
        optimizer.zero_grad()
        poses = bend(layer(pixels).view(-1, 10, 4))
        margin_loss(capsule_length(poses), images.targets).backward()
        optimizer.step()
    return layer


# %% tags=["nbval-ignore-output"]
training, test = load("digits", train=True), load("digits", train=False)
for name, bend in {"squash": squash, "misprint": misprint, "unit vector": unit}.items():
    layer = train_capsules(bend, training, steps)
    with torch.no_grad():
        lengths = capsule_length(bend(layer(test.images.flatten(1) / 255).view(-1, 10, 4)))
    error = (lengths.argmax(dim=1) != test.targets).float().mean()
    right = lengths.gather(1, test.targets[:, None])
    print(
        f"{name:12} test error {error:6.1%}, length of the right class {right.mean():.2f}, at most {right.max():.2f}"
    )

# %% [markdown]
# With the unit vector there is nothing to learn from: every class is 1 long. With the misprint the classes can still be told apart, but no length ever passes one half.
#
# ## The paper beside ours
#
# The constants of the paper (section 3) and the package's defaults:

# %%
import inspect

defaults = {name: p.default for name, p in inspect.signature(margin_loss).parameters.items()}
for symbol, name, paper in [
    ("m+", "positive", 0.9),
    ("m-", "negative", 0.1),
    ("λ", "down_weight", 0.5),
]:
    print(f"{symbol:3} paper {paper}, capsedu {defaults[name]}")
    assert defaults[name] == paper

# %% [markdown]
# ## Exercises
#
# Write the function or the number, then run the cell. A stub is allowed to stay a stub.
#
# **1.** Squash, for totals of any shape `[..., d]`. It must survive the zero vector, with its gradient.
#
# <details><summary>Hint</summary>
#
# The result is $s$ times a number that depends on the length alone. Which number? And the equation divides by the length: can that be cancelled before it is done?
#
# </details>


# %%
def my_squash(s):
    return ...  # [..., d]


solved = check("02.squash", my_squash)

# %% [markdown]
# **2.** The lengths `[b, j]` of capsules `[b, j, d]`.
#
# <details><summary>Hint</summary>
#
# Between `[b, j, d]` and `[b, j]` an axis has gone. Which one?
#
# </details>


# %%
def my_length(poses):
    return ...  # [b, j]


solved = check("02.length", my_length)

# %% [markdown]
# **3.** Turn the curve around: how long must the total be for the capsule to have length `p`, a tensor `[n]` of numbers between 0 and 1?
#
# <details><summary>Hint</summary>
#
# Put $x$ for the square of the total's length. Then $p = \frac{x}{1+x}$, and you need $x$ first.
#
# </details>


# %%
def my_inverse(p):
    return ...  # [n]


solved = check("02.inverse", my_inverse)

# %% [markdown]
# **4.** Where is the squash curve steepest? Give the length $\lVert s\rVert$, from a derivative or by trying.
#
# <details><summary>Hint</summary>
#
# Steepest means that the slope is greatest, so it is the *second* derivative that is zero. By trying: take the differences of the curve on a fine grid and ask where they are largest.
#
# </details>

# %%
my_steepest = ...
solved = check("02.steepest", my_steepest)

# %% [markdown]
# **5.** The margin loss, for lengths `[b, classes]` and class indices `[b]`: summed over the classes, averaged over the batch.
#
# <details><summary>Hint</summary>
#
# Compute for every capsule what it would cost if its class were present, and what if it were absent. A mask with a 1 for each image's class chooses between the two. Then: which axis is summed, and which averaged?
#
# </details>


# %%
def my_margin_loss(lengths, targets):
    return ...  # a single number


solved = check("02.margin_loss", my_margin_loss)

# %% [markdown]
# **6.** (No check, an evening.) Invent a squash. It must keep the direction and end below length 1, and its slope at 0 must be finite and *not* 0. Then race three of them, the paper's, yours and one that you find in print: a single capsule begins with a total of length 0.05, and gradient descent on the margin loss of a present class moves the total. How many steps until its length is 0.9, for step sizes from 0.01 to 10? And how many steps to get from a *wrongly* long total of 5 down to length 0.1, as an absent class?
#
# <details><summary>Hint</summary>
#
# Any increasing function from 0 to 1 with a slope at 0 will do, applied to the length. Such a race is a loop of three lines around `torch.autograd.grad`; expect that the two races have different winners.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/02_squash.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/02_squash.md)).

# %% [markdown]
# ## What the papers got wrong
#
# **A square too many in the squash.** The paper on Recurrent Capsule Networks (Sastry, section 4) prints
#
# $$v_j = \frac{\lVert s_j\rVert^2}{1+\lVert s_j\rVert^2}\, \frac{s_j}{\lVert s_j\rVert^2}$$
#
# with a square in the last denominator. The two squares cancel, and the length is $n/(1+n^2)$. It rises, has its greatest value $1/2$ at $n = 1$, and then *falls*: the more votes agree, the less the capsule believes it. The paper's own sentence says the opposite, that large vectors come out close to 1.

# %%
n = torch.linspace(0, 6, 601)
wrong = misprint(n[:, None]).squeeze(1)
print(
    f"longest: {wrong.max():.3f}, at ‖s‖ = {n[wrong.argmax()]:.2f}; at ‖s‖ = 6 it is {wrong[-1]:.3f}"
)
assert_close(wrong.max(), torch.tensor(0.5))
assert (wrong[101:].diff() < 0).all()  # falls from 1 on

# %%
figure = curves(n, {"squash": n**2 / (1 + n**2), "misprint": wrong}, "‖s‖", "‖v‖")
figure.axes[0].axhline(0.9, color="0.6", linewidth=1)
figure.axes[0].text(6, 0.91, "m⁺ = 0.9", ha="right", va="bottom", color="0.35")
figure.axes[0].set_ylim(0, 1)
show(
    figure,
    alt="The squash rises to 0.97 at a total of length 6 and passes 0.9 at length 3. The misprint "
    "peaks at 0.5 for length 1, falls to 0.16 at length 6, and never comes near 0.9.",
)

# %% [markdown]
# A class capsule could never reach $m^+ = 0.9$. The loss of a present class could not fall below $(0.9 - 0.5)^2$:

# %%
floor = margin_loss(wrong[:, None].max(dim=0, keepdim=True).values, torch.tensor([0]))
print("smallest possible loss of a present class:", floor)
assert_close(floor, torch.tensor(0.16))

# %% [markdown]
# **An exponent in the wrong place.** The CapsGAN paper (Saqur and Vivona, equation 2, and again in equation 6 of its appendix) prints the margin loss of a present class as $\max(0,\; m^+ - \lVert v\rVert^2)$: the square has slipped inside. The loss then vanishes at $\lVert v\rVert = \sqrt{0.9}$ and not at 0.9, ends with a kink, and at length 0, where a push is most needed, has no slope at all.

# %%
n = torch.linspace(0, 1, 1001).requires_grad_()
losses = {
    "square outside (right)": (0.9 - n).relu() ** 2,
    "square inside (misprint)": (0.9 - n**2).relu(),
}
for name, loss in losses.items():
    (slope,) = torch.autograd.grad(loss.sum(), n)
    zero = n[loss <= 1e-12][0]  # the first length on the grid without a loss
    print(
        f"{name:25} zero from {zero:.3f}; slope {slope[0] + 0:.2f} at 0, {slope[890]:.2f} at {n[890]:.2f}"
    )
assert_close(torch.tensor(0.9).sqrt(), torch.tensor(0.9487), atol=1e-4, rtol=0)

# %%
figure = curves(
    n.detach(),
    {k: v.detach() for k, v in losses.items()},
    "length of the capsule, ‖v‖",
    "loss, present",
)
show(
    figure,
    alt="Loss of a present class. Right: from 0.81 with a steep start, ending softly at 0.9. Misprint: "
    "from 0.90 with a flat start, ending in a kink at 0.949.",
)

# %% [markdown]
# **A bracket that does not close.** Equation 6 of the same paper reads $T_k \max(0,\; m^+ - \lVert v_k\rVert^2 + \lambda(1-T_k)\max(0,\; \lVert v_k\rVert - m^-)^2$, with one bracket more opened than closed. If it closes at the very end, everything is multiplied by $T_k$, and an absent class costs nothing, however long it gets:


# %%
def bracket_at_the_end(length, present):
    inside = 0.9 - length**2 + 0.5 * (1 - present) * (length - 0.1).relu() ** 2
    return present * inside.relu()


full_length = torch.tensor(1.0)
print("an absent class of length 1 costs", bracket_at_the_end(full_length, present=0.0).item())
right = margin_loss(torch.tensor([[0.9, 1.0]]), torch.tensor([0]))
assert_close(right, torch.tensor(0.5 * 0.9**2))
print("and by the loss that was meant  ", round(right.item(), 3))

# %% [markdown]
# **A vector between 0 and 1.** Sastry's text wants the output vector "to lie between 0 and 1" so as to be a probability. It is the vector's length that does. Its components may well be negative: the sign is part of the pose.
#
# ## References
#
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829). Equations 1 and 4.
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. Equations 2, 5 and 6.
# - S. Sastry. *Recurrent Capsule Network for Image Generation*. Section 4.
# - A. Karmakar. *Improving Generative Adversarial Networks with CapsuleNET*. Slides, 2018. The table of a neuron beside a capsule.
# - E. Mintun. *Capsule Networks*. Slides.
