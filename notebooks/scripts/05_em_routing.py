# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # EM routing
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/05_em_routing.ipynb)
#
# Dynamic routing asks whether a vote points the same way as the others. A long vote wins over a good one, and a pose must be squashed before its length can mean anything. Matrix capsules do it differently: a parent is a Gaussian that tries to explain the votes it gets, and whether the parent is there is a number of its own. This chapter fits Gaussians to points, then to votes, does one round with a pencil, and ends with the two kinds of routing side by side on the same votes.
#
# You will be able to
#
# - fit a mixture of Gaussians in ten lines, and say what becomes of a Gaussian that is left with one point;
# - do one M-step and one E-step of EM routing by hand, and check them;
# - read the cost of a parent as a number of nats, saved or spent;
# - explain why the inverse temperature begins small and rises;
# - say which parents compete for a child, and name votes on which EM and dynamic routing disagree.
#
# **Time and hardware.** About ten seconds on a laptop's CPU. Nothing is trained here, and no GPU is needed.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import math
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from capsedu.explore import explorers, show
from capsedu.explore.em_figures import (
    Curves,
    MixtureStep,
    em_picture,
    mixture_picture,
    side_by_side,
    two_routings_picture,
)
from capsedu.explore.figures import curves, draw_couplings
from capsedu.functional import spread_loss, spread_margin
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps
from capsedu.routing.em import (
    FINAL_LAMBDA,
    VARIANCE_FLOOR,
    em_routing,
    em_routing_steps,
    inverse_temperature,
)

torch.set_printoptions(precision=4, sci_mode=False)

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# ## Gaussians that explain points
#
# Here are sixty points in the plane. They come from two sources, but nobody says which point comes from which.

# %%
random = torch.Generator().manual_seed(1)
points = torch.randn(60, 2, generator=random)
points[:35] = points[:35] * torch.tensor([0.5, 1.2]) + torch.tensor([-1.5, 0.0])
points[35:] = points[35:] * torch.tensor([1.0, 0.4]) + torch.tensor([1.5, 0.8])

# %% [markdown]
# A **mixture of Gaussians** explains them by two bells, each with a mean $\mu_j$, a variance $\sigma_{jd}^2$ for each axis $d$, and a share $\pi_j$ of all points. If we knew the bells, we could say how likely each point belongs to which: this is its **responsibility** $r_{ij}$. If we knew the responsibilities, we could compute the bells as weighted means and variances. We know neither, so we take turns, beginning with a guess. The first half is called the **E-step**, the second the **M-step**.
#
# $$r_{ij} = \frac{\pi_j\, p_j(x_i)}{\sum_k \pi_k\, p_k(x_i)}$$
#
# $$\mu_j = \frac{\sum_i r_{ij}\, x_i}{\sum_i r_{ij}} \qquad \sigma_j^2 = \frac{\sum_i r_{ij}\,(x_i - \mu_j)^2}{\sum_i r_{ij}} \qquad \pi_j = \frac{1}{n}\sum_i r_{ij}$$


# %%
def explain(points, means, variances, shares):  # E-step: points [i, d], means [j, d], shares [j]
    squares = (points[:, None] - means) ** 2 / variances  # [i, j, d]
    log_p = -0.5 * (squares + (2 * math.pi * variances).log()).sum(dim=2)  # [i, j]
    return (shares.log() + log_p).softmax(dim=1), (shares.log() + log_p).logsumexp(dim=1).sum()


def fit(points, r):  # M-step: responsibilities [i, j]
    received = r.sum(dim=0)  # [j]
    means = r.T @ points / received[:, None]
    squares = (points[:, None] - means) ** 2
    return means, (r[:, :, None] * squares).sum(dim=0) / received[:, None], received / len(points)


# %% [markdown]
# Ten lines. The second number that `explain` returns is the log likelihood of all points, the thing that EM makes larger: no step ever makes it smaller.

# %%
means, variances = torch.tensor([[0.5, 1.5], [-0.5, -1.5]]), torch.ones(2, 2)
shares = torch.full((2,), 0.5)
half_steps, likelihoods = [], []
for t in range(10):
    r, likelihood = explain(points, means, variances, shares)
    half_steps.append(MixtureStep(f"E-step {t + 1}", r, means, variances))
    means, variances, shares = fit(points, r)
    half_steps.append(MixtureStep(f"M-step {t + 1}", r, means, variances))
    likelihoods.append(likelihood.item())
print("log likelihood:", [round(value, 1) for value in likelihoods])
assert all(b > a - 1e-3 for a, b in pairwise(likelihoods))

# %%
show(
    mixture_picture(points, [*half_steps[:6], *half_steps[-2:]]),
    alt="Four columns of two planes with the same points and two Gaussians as ellipses. Above, an "
    "E-step colours the points by the Gaussian that explains them better; below, an M-step moves "
    "the Gaussians to their points. At first one lies above the other, in the tenth iteration one is "
    f"the tall cluster at ({means[1, 0]:.1f}, {means[1, 1]:.1f}), the other the wide one at "
    f"({means[0, 0]:.1f}, {means[0, 1]:.1f}).",
)

# %% [markdown]
# Crosses are means, the ellipses one and two standard deviations. Above, the points choose; below, the Gaussians follow. Discs belong rather to the one, squares to the other; the share is in the colour. Compare the last two columns: between the third and the tenth iteration the two have been sorted out.
#
# ## A Gaussian on one point
#
# The likelihood that EM climbs has no top. Put one Gaussian onto a single point and make it narrow. All other points are explained by the other Gaussian, at a fixed price; the one point gets a density without limit.

# %%
middle, wide = points.mean(dim=0), points.var(dim=0)
for deviation in (1.0, 0.1, 0.01, 0.001):
    means = torch.stack([middle, points[0]])
    variances = torch.stack([wide, torch.full((2,), deviation**2)])
    _, likelihood = explain(points, means, variances, torch.tensor([0.5, 0.5]))
    print(f"standard deviation {deviation:5}: log likelihood {likelihood:.1f}")

# %% [markdown]
# From the second row on, every factor of ten is worth the same again: $2 \ln 10 \approx 4.6$, one $\ln 10$ for each axis. At a variance of exactly 0, which the M-step computes from one point, it is infinite and the next E-step divides by 0. In a capsule network this is not a rare accident: a parent that only one child votes for is exactly that. So the package adds a floor to every variance.

# %%
one = torch.ones(1, 1)
means, variances, shares = fit(points[:1], one)
r, _ = explain(points[:1], means, variances, shares)
print("without a floor:", variances, "then responsibility", r)
r, _ = explain(points[:1], means, variances + VARIANCE_FLOOR, shares)
print(f"with {VARIANCE_FLOOR} added: responsibility", r)
assert_close(r, one)

# %% [markdown]
# The procedure that the paper prints has no floor. The package's is that of the authors' released code.
#
# ## The points are votes
#
# Now the points are votes: child $i$ predicts the pose of parent $j$, and the parent is the Gaussian that should explain the predictions. In two ways this is not an ordinary mixture.
#
# **Each child shows every parent another point.** In a mixture, $x_i$ is the same for all Gaussians. A vote $V_{ij}$ is not: it has gone through a matrix $W_{ij}$ of its own. "How far is the point from the Gaussian?" is asked of a different point for each parent.
#
# **A child may be there only in part.** Every capsule carries an activation $a_i$, the probability that what it stands for is present at all. It counts that much in the M-step.
#
# Four children and two parents, with poses in the plane (a matrix capsule has a 4 × 4 matrix, 16 numbers). Children 0 and 1 are certainly there; 2 and 3 are as likely not.

# %%
votes = torch.tensor(  # [i, j, d]
    [
        [[0.5, 1.5], [3.0, 1.0]],
        [[1.5, 0.5], [1.0, -1.0]],
        [[3.0, 3.0], [2.5, -1.0]],
        [[-1.0, -1.0], [1.5, 1.0]],
    ]
)
a = torch.tensor([1.0, 1.0, 0.5, 0.5])  # [i]

# %% [markdown]
# ## An M-step by hand
#
# At first each child divides itself evenly. In EM routing, the shares $r_{ij}$ are called **assignments**. With two parents they are all ½, and each counts as much as its child is there, so for each parent the four votes weigh
#
# $$r_{ij}\, a_i = \tfrac12,\ \tfrac12,\ \tfrac14,\ \tfrac14 \qquad\text{and in all}\qquad R_j = \sum_i r_{ij}\, a_i = 1.5.$$
#
# The mean of parent 0, along x: $(\tfrac12 \cdot 0.5 + \tfrac12 \cdot 1.5 + \tfrac14 \cdot 3 - \tfrac14 \cdot 1)/1.5 = 1.5/1.5 = 1$. Its variance, along x: $(\tfrac12 \cdot 0.25 + \tfrac12 \cdot 0.25 + \tfrac14 \cdot 4 + \tfrac14 \cdot 4)/1.5 = 2.25/1.5 = 1.5$. The others go the same way:

# %%
mean_0, variance_0 = torch.tensor([1.0, 1.0]), torch.tensor([1.5, 1.5])
mean_1, variance_1 = torch.tensor([2.0, 0.0]), torch.tensor([0.75, 1.0])
weights = torch.tensor([0.5, 0.5, 0.25, 0.25])
assert_close(weights @ votes[:, 0] / 1.5, mean_0)
assert_close(weights @ votes[:, 1] / 1.5, mean_1)
assert_close(weights @ (votes[:, 0] - mean_0) ** 2 / 1.5, variance_0)
assert_close(weights @ (votes[:, 1] - mean_1) ** 2 / 1.5, variance_1)

# %% [markdown]
# Then the parent decides whether it is there. It costs something to describe the votes by it, in a currency that the next section explains, and the **activation** $a_j$ is high if the cost is low:
#
# $$\mathrm{cost}_j = R_j \sum_d (\beta_u + \log \sigma_{jd}) \qquad\qquad a_j = \mathrm{logistic}\big(\lambda\,(\beta_a - \mathrm{cost}_j)\big)$$
#
# $\beta_u$ and $\beta_a$ are learned. Here $\beta_u = 0$ and $\beta_a = -\tfrac12$. Parent 0 costs $1.5\,(\tfrac12 \log 1.5 + \tfrac12 \log 1.5) = 1.5 \log 1.5 = 0.608$, parent 1 costs $1.5 \cdot \tfrac12 \log 0.75 = -0.216$. The inverse temperature $\lambda$ is 0.0005 in the first iteration, so both activations are next to ½: with four children in the plane, nobody is convinced of anything.

# %%
beta_u, beta_a = torch.zeros(2), torch.full((2,), -0.5)
costs = torch.tensor([1.5 * math.log(1.5), 1.5 * 0.5 * math.log(0.75)])
first, second = em_routing_steps(votes[None], a[None], beta_u, beta_a, iterations=2)  # a batch of 1
assert_close(first.means[0], torch.stack([mean_0, mean_1]))
by_hand = {"rtol": 0, "atol": 2 * VARIANCE_FLOOR}  # the package adds the floor
assert_close(first.variances[0], torch.stack([variance_0, variance_1]), **by_hand)
assert_close(first.costs[0], costs, **by_hand)
print("activations:", first.activations[0])

# %% [markdown]
# ## An E-step by hand
#
# Now each child asks how well the parents explain its vote. The density of a Gaussian with a variance for each axis, in logarithms, and without $\tfrac12 \log 2\pi$, which is the same for every parent:
#
# $$\log p_{ij} = -\sum_d \left( \frac{(V_{ijd} - \mu_{jd})^2}{2\sigma_{jd}^2} + \log \sigma_{jd} \right) \qquad\qquad r_{ij} = \frac{a_j\, p_{ij}}{\sum_k a_k\, p_{ik}}$$
#
# The first term is the distance, measured in standard deviations: what is far for a narrow Gaussian is near for a wide one. The second is the price of being wide.
#
# Child 0 and parent 0: $-\tfrac{0.25}{3} - \tfrac{0.25}{3} - \log 1.5 = -\tfrac16 - 0.405 = -0.572$. Child 0 and parent 1: $-\tfrac{1}{1.5} - \tfrac12 - \tfrac12 \log 0.75 = -\tfrac76 + 0.144 = -1.023$. The activations are nearly equal and cancel, so $r_{00} = \mathrm{logistic}(-0.572 + 1.023) = 0.611$. Child 1 has the same numbers. For children 2 and 3 they are $-\tfrac83 - 0.405 = -3.072$ and $-\tfrac23 + 0.144 = -0.523$, and $r_{20} = \mathrm{logistic}(-2.549) = 0.073$.

# %%
to_parent_0 = torch.tensor([-0.572 + 1.023, -0.572 + 1.023, -3.072 + 0.523, -3.072 + 0.523])
print(second.assignments[0])
assert_close(second.assignments[0, :, 0], to_parent_0.sigmoid(), rtol=0, atol=1e-3)
assert_close(second.assignments[0].sum(dim=1), torch.ones(4))

# %% [markdown]
# One round, and the two pairs have found each other. Notice that the rows sum to 1 for children 2 and 3 as well, who are only half there. An assignment says how a child is *divided*; how much of it there is to divide, its activation says, and the two are multiplied in the M-step only. In the package too: `assignments` does not contain the children's activations.
#
# ## The two steps as functions
#
# The dots before the axes, `...`, stand for any axes in front, such as the batch.


# %%
def m_step(votes, weights):  # [..., i, j, d], [..., i, j]: assignments times activations
    received = weights.sum(dim=-2)  # [..., j]
    shares = (weights / received.unsqueeze(-2)).unsqueeze(-1)  # sum to 1 over the children
    means = (shares * votes).sum(dim=-3)  # [..., j, d]
    squares = (votes - means.unsqueeze(-3)) ** 2
    return means, (shares * squares).sum(dim=-3) + VARIANCE_FLOOR, received


def log_densities(votes, means, variances):  # [..., i, j], but for a constant
    squares = (votes - means.unsqueeze(-3)) ** 2 / variances.unsqueeze(-3)
    return -0.5 * (squares + variances.log().unsqueeze(-3)).sum(dim=-1)


means, variances, received = m_step(votes, torch.full((4, 2), 0.5) * a[:, None])
assert_close((means, variances), (first.means[0], first.variances[0]))
scores = log_densities(votes, means, variances) + first.activations[0].log()
assert_close(scores.softmax(dim=-1), second.assignments[0])

# %% [markdown]
# ## What it costs to describe a vote
#
# Where does $(\beta_u + \log\sigma)\,R$ come from? From asking how long a message must be.
#
# Someone who knows the parent wants to tell you the votes. A number that has density $p$ under a distribution that you both know takes $-\log p$ **nats** to send (a nat is $1/\ln 2 \approx 1.44$ bits), apart from a constant for the number of decimals, which is the same for every way to do it. Under the parent's Gaussian, one component of one vote takes
#
# $$-\log p = \frac{(V - \mu)^2}{2\sigma^2} + \log\sigma + \tfrac12 \log 2\pi .$$
#
# Now average over the votes that the Gaussian was fitted to. The mean of $(V-\mu)^2$ *is* $\sigma^2$, so the first term becomes ½ whatever the votes are, and
#
# $$\text{nats per vote and component} = \log \sigma + \tfrac12 \log 2\pi e = \log(4.13\,\sigma).$$
#
# That is the entropy of a Gaussian. Check it on the toy: the mean of $-\log p$ under torch's own Gaussian, over the assigned votes.

# %%
shares = first.assignments[0] * a[:, None] / received  # [i, j]
gaussian = torch.distributions.Normal(means, variances.sqrt())  # one for each j and d
nats = torch.einsum("ij,ijd->jd", shares, -gaussian.log_prob(votes))
constant = 0.5 * math.log(2 * math.pi * math.e)
print(f"log σ + {constant:.4f} per parent and component:\n{variances.sqrt().log() + constant}")
assert_close(nats, variances.sqrt().log() + constant, **by_hand)  # but for the floor

# %% [markdown]
# The alternative is to do without the parent and send the votes some other way, at a fixed price for each. Say, as numbers that may lie anywhere in an interval of length $L$ with equal density: $\log L$ nats. What the Gaussian costs *more* than that is, per vote and component,
#
# $$\log \sigma + \beta_u \qquad\text{with}\qquad \beta_u = \tfrac12 \log 2\pi e - \log L .$$
#
# Summed over components, and over the $R_j$ votes that the parent has been given, this is the cost above. Nobody chooses $L$; the network learns $\beta_u$. Our $\beta_u = 0$ means $L = 4.13$, and then the Gaussian pays as soon as $\sigma < 1$. A negative cost is nats saved.

# %%
sigma = torch.linspace(0.1, 2.5, 200)
names = {"by a Gaussian, log σ + 1.42": sigma.log() + constant}
names["by an interval of length 4.13"] = torch.full_like(sigma, constant)
names["wrong: with log σ² for log σ"] = 2 * sigma.log() + constant
figure = curves(sigma, names, "standard deviation of the votes, σ", "nats per vote and component")
figure.axes[0].axvline(1, color="0.6", linewidth=1)
show(
    figure,
    alt="Nats per vote and component over σ. The interval costs 1.42 at any σ. The Gaussian costs "
    "less for σ below 1 and more above: −0.88 at 0.1, 2.34 at 2.5. With log σ², the curve crosses "
    "at the same place twice as steeply, from −3.19 to 3.25.",
)

# %% [markdown]
# The paper tells it twice, and not quite in the same way. In its text (equations 1 and 2) the constant ½ log 2πe is part of the cost, and $\beta_u$ is subtracted once per child; in its procedure 1, and on Mintun's slides, $\beta_u$ is added once per child *and component* and the constant is gone. Both are the same family: with $D$ components, $\beta_u^{\text{procedure}} = \beta_u^{\text{text}}/D + \tfrac12 \log 2\pi e$.

# %%
beta_text = 0.7
in_the_text = beta_text * received + received * (0.5 * variances.log() + constant).sum(dim=1)
beta_procedure = beta_text / 2 + constant  # D = 2
as_procedure_1 = received * (beta_procedure + 0.5 * variances.log()).sum(dim=1)
assert_close(in_the_text, as_procedure_1)

# %% [markdown]
# It is $\log\sigma$, not $\log\sigma^2$, because the density has $\sigma$ under its fraction line and not $\sigma^2$. A factor of 2 sounds harmless. But what it is compared with, $\beta_u$ and $\beta_a$, does not double with it. (In the figure the wrong curve crosses at the right place only because $\beta_u = 0$.) Double everything, and it *is* harmless, a matter of $\lambda$: the authors' released code has $\log\sigma^2$, plus a learned bias times $\log 2\pi + 1$ per component, which is just twice $\log\sigma + \text{bias} \cdot \tfrac12\log 2\pi e$.

# %%
bias = 1.3
released = received * (variances.log() + bias * (math.log(2 * math.pi) + 1)).sum(dim=1)
ours = received * (bias * constant + 0.5 * variances.log()).sum(dim=1)
assert_close(released, 2 * ours)

# %% [markdown]
# ## Is the parent there?
#
# The parent itself has to be described too: that it is there, its mean and its variances. Call that $-\beta_a$ nats. It is worth having if it saves more than it costs, $\mathrm{cost}_j < \beta_a$; and because one should not be too sure, the decision is soft, $a_j = \mathrm{logistic}(\lambda(\beta_a - \mathrm{cost}_j))$. The inverse temperature $\lambda$ says how many nats are a convincing difference.
#
# The paper says that $\lambda$ rises from iteration to iteration and not by how much. The authors gave the schedule after publication:
#
# $$\lambda_t = 0.01\,(1 - 0.95^{\,t+1}) \qquad t = 0, 1, 2, \dots$$

# %%
lambdas = torch.tensor([inverse_temperature(t) for t in range(60)])
print("first three:", [f"{value:.6f}" for value in lambdas[:3].tolist()])
saved = torch.linspace(-6, 6, 200)
named = {f"λ = {value:g}": (value * saved).sigmoid() for value in (0.0005, 0.5, 50)}
figure = side_by_side(
    Curves(saved, named, "nats saved, β − cost", "activation"),
    Curves(torch.arange(1, 61), {"λ by iteration": lambdas}, "iteration", "inverse temperature λ"),
)
show(
    figure,
    alt="Left, the activation over the nats saved: flat at 0.5 for λ = 0.0005, a gentle slope from "
    "0.05 to 0.95 for λ = 0.5, a jump at 0 for λ = 50. Right, the schedule: from 0.0005 in the first "
    "iteration towards 0.01.",
)

# %% [markdown]
# Is 0.0005 not absurdly small? It depends on how much there is to describe. A parent that sees 3 × 3 places with 32 types of child, and explains all 288 of them with 16 components each, half a nat cheaper per component, saves

# %%
saved = 288 * 16 * 0.5
print(f"{saved:.0f} nats")
for t in range(3):
    logit = inverse_temperature(t) * saved
    print(f"iteration {t + 1}: logit {logit:.2f}, activation {1 / (1 + math.exp(-logit)):.2f}")

# %% [markdown]
# Our toy has four children with two components. To see activations at work on it, we take $\lambda$ a thousand times as large in what follows. In the package that is `final_lambda`, whose usual value is the 0.01 of the schedule. It is no trick: a thousand children who vote alike cost a thousand times as much, and change neither means nor assignments. So the toy with a thousandfold $\lambda$ is a thousand copies of each child with the authors' (and $\beta_a$ a thousandfold too). Here is the loop in eight lines, and then both:


# %%
def route(votes, activations, beta_u, beta_a, lambdas):  # votes [..., i, j, d]
    r = torch.full_like(votes[..., 0], 1 / votes.shape[-2])  # [..., i, j]
    for lam in lambdas:
        means, variances, received = m_step(votes, r * activations.unsqueeze(-1))
        costs = received * (beta_u.unsqueeze(-1) + 0.5 * variances.log()).sum(dim=-1)
        activity = lam * (beta_a - costs)  # a logit
        yield r, means, costs, activity.sigmoid()
        scores = log_densities(votes, means, variances) + F.logsigmoid(activity).unsqueeze(-2)
        r = scores.softmax(dim=-1)


rising = [1000 * inverse_temperature(t) for t in range(8)]
steps = list(route(votes, a, beta_u, beta_a, rising))
thousandfold = {"final_lambda": 1000 * FINAL_LAMBDA}
*_, last = em_routing_steps(votes[None], a[None], beta_u, beta_a, 8, **thousandfold)
assert_close((steps[-1][0], steps[-1][3]), (last.assignments[0], last.activations[0]))
copies = [x.repeat_interleave(1000, dim=0)[None] for x in (votes, a)]
*_, copied = em_routing_steps(*copies, beta_u, 1000 * beta_a, 8)
assert_close(copied.activations, last.activations, rtol=0, atol=1e-3)

# %% [markdown]
# ## Why the temperature falls
#
# (A rising inverse temperature is a falling temperature.) In the first iteration the Gaussians are fitted to votes that have not been sorted. A good parent looks bad then, because it is made to explain everybody. Whoever decides now, decides wrongly. Compare three schedules: the rising one; $\lambda = \tfrac12$ all the time; and $\lambda = 50$ all the time.

# %%
schedules = {"rising, 0.5 to 3.4": rising, "always 0.5": [0.5] * 8, "always 50": [50.0] * 8}
runs = {name: list(route(votes, a, beta_u, beta_a, given)) for name, given in schedules.items()}
for name, run in runs.items():
    found = [f"{step[3][0]:.2f}" for step in run]
    print(f"{name:19} activation of parent 0: {' '.join(found)}")

# %%
iterations = torch.arange(1, 9)
assigned = {name: torch.stack([step[0][0, 0] for step in run]) for name, run in runs.items()}
active = {name: torch.stack([step[3][0] for step in run]) for name, run in runs.items()}
figure = side_by_side(
    Curves(iterations, assigned, "iteration", "assignment of child 0 to parent 0"),
    Curves(iterations, active, "iteration", "activation of parent 0"),
)
show(
    figure,
    alt="Left, how much of child 0 is assigned to parent 0 in eight iterations: it starts at 0.5 and "
    f"ends at {assigned['rising, 0.5 to 3.4'][-1]:.2f} with the rising schedule, "
    f"{assigned['always 0.5'][-1]:.2f} with λ = 0.5, and drops to 0 in the second iteration and stays "
    "there with λ = 50. Right, the activation of parent 0: "
    f"{active['rising, 0.5 to 3.4'][-1]:.2f}, {active['always 0.5'][-1]:.2f} and 0 in the end.",
)

# %% [markdown]
# With $\lambda = 50$, parent 0 is found too expensive in the first iteration: a cost of 0.61 where −0.5 was allowed, times 50, is a logit of −55. In the E-step its activation multiplies all its densities, so children 0 and 1 leave it, though nothing explains them better. Now it receives nothing and saves nothing, so it remains inactive, so nobody comes back. Early sureness has frozen a wrong choice. With $\lambda = \tfrac12$ nothing freezes, but nothing is decided either: the parent saves two nats in the end, and stays at 0.73.
#
# What the authors' released code does, for those who compare: it multiplies a learned bias by 5,000 to make $\beta_a$, which fits costs of thousands of nats; in the class layer it takes a quarter of the $\lambda$ above; and it keeps a tenth of the previous mean in every M-step, $\mu \leftarrow 0.9\,\mu_{\text{new}} + 0.1\,\mu_{\text{old}}$. None of the three is in the paper's procedure.
#
# ## The whole loop
#
# One thing is missing. In a convolutional layer a child does not vote for every parent: a parent looks at a window, and a child votes for those parents whose window it is in. `connected` says for each pair whether there is a vote. A child divides itself among the parents that it votes for, *all* of them, at whatever place.


# %%
def em(votes, activations, beta_u, beta_a, iterations, connected):  # votes [b, i, j, d]
    r = (connected / connected.sum(dim=1, keepdim=True)).expand(votes.shape[:3])
    for t in range(iterations):
        means, variances, received = m_step(votes, r * activations.unsqueeze(-1))
        costs = received * (beta_u.unsqueeze(-1) + 0.5 * variances.log()).sum(dim=-1)
        activity = inverse_temperature(t) * (beta_a - costs)
        scores = log_densities(votes, means, variances) + F.logsigmoid(activity).unsqueeze(-2)
        r = scores.masked_fill(~connected, -torch.inf).softmax(dim=-1)
    return means, activity.sigmoid()


# %% [markdown]
# With `m_step` and `log_densities` that is all of EM routing. It equals the package's `em_routing_steps`, which yields every iteration, and `em_routing`, which returns the last; on votes that nobody chose, with connections drawn at random.

# %%
torch.manual_seed(0)
random_votes, presence = torch.randn(3, 20, 5, 16), torch.rand(3, 20)
biases = torch.randn(5), torch.randn(5)
connected = torch.rand(20, 5) < 0.7
connected[:, 0] = True  # every child votes for somebody
found = em(random_votes, presence, *biases, 3, connected)
*_, last = em_routing_steps(random_votes, presence, *biases, 3, connected)
assert_close(found, (last.means, last.activations))
assert_close(found, em_routing(random_votes, presence, *biases, 3, connected))
print("three ways, one answer")

# %% [markdown]
# The package's has a few safeguards more: a parent without votes, a child that votes for nobody, and half precision do no harm.
#
# ## What must hold
#
# A child gives away all of itself, and nothing to those it does not vote for. The order of the children does not matter. A child that is not there does not count.

# %%
assert_close(last.assignments.sum(dim=2), torch.ones(3, 20))
assert (last.assignments[:, ~connected] == 0).all()
order = torch.randperm(20)
shuffled = em_routing(random_votes[:, order], presence[:, order], *biases, 3, connected[order])
assert_close(shuffled, found)
presence[:, 7] = 0
without = [k for k in range(20) if k != 7]
rest = em_routing(random_votes[:, without], presence[:, without], *biases, 3, connected[without])
assert_close(em_routing(random_votes, presence, *biases, 3, connected), rest)
print("one whole, in any order, and only those who are there")

# %% [markdown]
# ## Two windows on a strip
#
# Over which parents is an assignment normalised? Public code often gets this wrong. Take a strip with a child at each of four places. One window sees children 0, 1 and 2, the next one children 1, 2 and 3. In each window there are two types of parent, A and B. For type A of the left window, the votes of 0 and 1 agree and that of 2 is not far; for type B of the right window, those of 2 and 3 agree and that of 1 is not far.

# %%
away = [9.0, 9.0]  # no vote
strip = torch.tensor(  # [i, j, d]; parents: left A, left B, right A, right B
    [
        [[1.0, 1.0], [0.5, -1.5], away, away],
        [[1.1, 0.8], [-2.0, 0.5], [0.3, 2.0], [-1.8, 0.6]],
        [[1.8, 1.5], [1.5, 1.5], [2.0, -1.0], [-1.1, -0.1]],
        [away, away, [-1.0, -0.5], [-0.9, 0.1]],
    ]
)[None]
left, right = [0, 1, 2], [1, 2, 3]
connected = torch.zeros(4, 4, dtype=torch.bool)
connected[left, :2], connected[right, 2:] = True, True
print(connected.int())

# %% [markdown]
# Children 1 and 2 are in both windows and vote for four parents. Normalised over all four, they must decide. The mistake is to run each window by itself, as if the other were not there:

# %%
biases = torch.zeros(4), torch.zeros(4)
everyone = torch.ones(1, 4)
*_, last = em_routing_steps(strip, everyone, *biases, 3, connected)
over_all = last.assignments[0]
in_windows = torch.zeros(4, 4)
for children, parents in [(left, slice(0, 2)), (right, slice(2, 4))]:
    part, two = strip[:, children, parents], torch.zeros(2)
    *_, last = em_routing_steps(part, torch.ones(1, 3), two, two, 3)
    in_windows[children, parents] = last.assignments[0]
for name, r in {"over all parents": over_all, "within each window": in_windows}.items():
    print(f"{name:18} children give away {[f'{x:.2f}' for x in r.sum(dim=1).tolist()]}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.5), layout="constrained")
for axis, assignments, title in [
    (axes[0], over_all, "over all parents it votes for"),
    (axes[1], in_windows, "within each window (wrong)"),
]:
    draw_couplings(axis, assignments)
    axis.set_xticks(range(4), ["left A", "left B", "right A", "right B"])
    axis.set_title(title, fontsize=10)
show(
    figure,
    alt="Assignments of four children to four parents. Over all parents: child 0 gives "
    f"{over_all[0, 0]:.2f} and child 1 {over_all[1, 0]:.2f} to left A, child 2 gives "
    f"{over_all[2, 3]:.2f} and child 3 {over_all[3, 3]:.2f} to right B. Within each window, children "
    f"1 and 2 give {in_windows[1, 0]:.2f} and {in_windows[2, 0]:.2f} to left A and besides "
    f"{in_windows[1, 3]:.2f} and {in_windows[2, 3]:.2f} to right B.",
)
assert_close(over_all.sum(dim=1), torch.ones(4))
assert in_windows.sum(dim=1)[1] > 1.99

# %% [markdown]
# On the left each child has found its place: 0 and 1 here, 2 and 3 there. On the right, children 1 and 2 are for the greater part, both of them, in two things at two places. Nothing in the picture can be part of two things, and the competition that should find it out has been switched off. With one type of parent per window it would be switched off entirely: a softmax over one number is 1.
#
# ## Take hold of it
#
# The toy again, at a thousandfold $\lambda$, with the M-steps and the E-steps apart. The ellipse is one standard deviation, darker where the parent is more active; an arrow goes from the mean to a vote, as thick as the vote weighs. Some things to try:
#
# - Step through it as it is. In which half step do the ellipses move, in which the assignments?
# - Drag child 1's vote for parent 0 onto that of child 0. How small does the ellipse get, and what does the cost do? What keeps it from $-\infty$?
# - Make children 2 and 3 wholly active. Then make child 0 inactive, drag its votes about, and see what does *not* move.
# - Set $\lambda$ to 100,000 times the authors' and go through the first three steps. Who is frozen out?

# %%
explorers.em_routing(votes[None], a[None])

# %% [markdown]
# And all of it in one picture. A mark is as large as the vote weighs.

# %%
shown = list(em_routing_steps(votes[None], a[None], beta_u, beta_a, 3, **thousandfold))
r = shown[-1].assignments[0]
show(
    em_picture(votes[None], a[None], shown),
    alt="Three iterations of EM routing. Top: assignments, all 0.50 at first; in iteration 3 children "
    f"0 and 1 give {r[0, 0]:.2f} of themselves to parent 0, children 2 and 3 give {r[2, 1]:.2f} to "
    "parent 1. Below: the votes and the ellipses of the Gaussians. Parent 0's shrinks onto children 0 "
    f"and 1; its cost falls from {shown[0].costs[0, 0]:.2f} to {shown[2].costs[0, 0]:.2f} and its "
    f"activation rises from {shown[0].activations[0, 0]:.2f} to {shown[2].activations[0, 0]:.2f}.",
)

# %% [markdown]
# ## Beside dynamic routing
#
# Chapter 3 routes the same kind of votes by dot products. Three cases, three iterations of each. In the first, children 0 and 1 agree about parent 0 and children 2 and 3 about parent 1. In the second, child 3 shouts: its vote for parent 0 is long and has nothing to do with the others, and about parent 1 all four are vague. In the third, the votes for parent 0 all point the same way but differ in length, and those for parent 1 form a tight cluster not far from the origin.

# %%
cases = {
    "two pairs": [
        [[1.6, 0.3], [-1.2, -0.4]],
        [[1.4, -0.2], [0.7, -1.0]],
        [[-0.8, 1.0], [-0.2, 1.5]],
        [[-0.5, -1.1], [0.2, 1.7]],
    ],
    "a long vote": [
        [[1.0, 0.4], [0.8, 0.6]],
        [[1.3, 0.0], [-0.7, 0.5]],
        [[1.1, -0.4], [-0.4, -0.9]],
        [[-0.6, 2.6], [0.5, -0.6]],
    ],
    "one direction, many lengths": [
        [[0.5, 0.3], [0.3, 0.6]],
        [[0.9, 1.0], [0.7, 0.4]],
        [[1.7, 1.5], [0.4, 0.9]],
        [[2.1, 2.2], [0.8, 0.8]],
    ],
}
cases = {name: torch.tensor(case) for name, case in cases.items()}  # [i, j, d] each

# %%
by_dot_product, by_distance = [], []
for case in cases.values():
    *_, last = dynamic_routing_steps(case[None], iterations=3)
    by_dot_product.append(last.couplings[0])
    *_, last = em_routing_steps(case[None], torch.ones(1, 4), torch.zeros(2), torch.zeros(2), 3)
    by_distance.append(last.assignments[0])
show(
    two_routings_picture(cases, by_dot_product, by_distance),
    alt="Three rows: the votes for the two parents, and what each child gives to parent 0. "
    + " ".join(
        f"{name}: dynamic routing {[round(x, 2) for x in c[:, 0].tolist()]}, "
        f"EM {[round(x, 2) for x in r[:, 0].tolist()]}."
        for name, c, r in zip(cases, by_dot_product, by_distance, strict=True)
    ),
)

# %% [markdown]
# On the two pairs they agree. The long vote is child 3's alone, and dynamic routing follows it: it agrees with the pose because it *made* the pose. EM finds that child 3's vote for parent 0 is far from the three others, and gives child 3 to the other parent. And where all votes point one way at different lengths, dynamic routing sees agreement where EM sees disagreement: it wants the same *pose*, and a pose has a length.
#
# The difference has a short formulation. EM knows only differences between votes, so it does not care where the origin is. Dynamic routing knows only angles and lengths, so it does not care how the axes lie; EM with a variance per axis does.

# %%
shift, turn = torch.tensor([5.0, -3.0]), torch.tensor([[0.6, 0.8], [-0.8, 0.6]])  # 53 degrees
original = em_routing(votes[None], a[None], beta_u, beta_a)
means, active = em_routing(votes[None] + shift, a[None], beta_u, beta_a)
assert_close((means, active), (original[0] + shift, original[1]), rtol=0, atol=1e-4)
assert_close(dynamic_routing(votes[None] @ turn), dynamic_routing(votes[None]) @ turn)
gap_dynamic = dynamic_routing(votes[None] + shift) - dynamic_routing(votes[None]) - shift
tilted = cases["two pairs"][None]
turned = em_routing(tilted @ turn, torch.ones(1, 4), beta_u, beta_a)[0]
gap_em = turned - em_routing(tilted, torch.ones(1, 4), beta_u, beta_a)[0] @ turn
print(f"dynamic routing, votes shifted: poses are off by up to {gap_dynamic.abs().max():.2f}")
print(f"EM routing, votes turned: poses are off by up to {gap_em.abs().max():.2f}")

# %% [markdown]
# ## Gradients go through every iteration
#
# The assignments of the last iteration depend on the votes, through all means and variances before it. It saves memory to treat them as constants, and some code does: it computes the assignments without gradients and lets only the last M-step learn. How wrong is that? Here are the derivatives of both poses and both costs of the toy with respect to all votes, both ways.


# %%
def with_everything(votes):
    *_, last = em_routing_steps(votes[None], a[None], beta_u, beta_a, iterations=3)
    return last.means[0], last.costs[0]


def with_constant_assignments(votes):
    with torch.no_grad():
        *_, last = em_routing_steps(votes[None], a[None], beta_u, beta_a, iterations=3)
    means, variances, received = m_step(votes, last.assignments[0] * a[:, None])
    return means, received * 0.5 * variances.log().sum(dim=-1)


# %%
assert_close(with_constant_assignments(votes), with_everything(votes))  # the same values, but
right = torch.func.jacrev(with_everything)(votes)
short = torch.func.jacrev(with_constant_assignments)(votes)
for name, all_of_it, part in zip(["poses", "costs"], right, short, strict=True):
    off = (part - all_of_it).norm() / all_of_it.norm()
    print(f"{name}: without the assignments, the derivatives are off by {off:.0%}")

# %% [markdown]
# The package, like the papers' authors, goes through everything.
#
# ## The spread loss
#
# The class capsules of a matrix capsule network have activations, and these should tell the right class from the wrong ones. The **spread loss** asks for a lead: the right class $t$ should be ahead of each other class by a margin $m$.
#
# $$L = \sum_{j \ne t} \max\big(0,\ m - (a_t - a_j)\big)^2$$

# %%
activations = torch.tensor([[0.7, 0.6, 0.1]])  # class 0 is right; it leads by 0.1 and by 0.6
for margin in (0.2, 0.5, 0.9):
    by_hand = max(0, margin - 0.1) ** 2 + max(0, margin - 0.6) ** 2
    loss = spread_loss(activations, torch.tensor([0]), margin)
    assert_close(loss, torch.tensor(by_hand))
    print(f"margin {margin}: loss {loss:.2f}")

# %% [markdown]
# The margin rises during training: the paper starts with a small one so that no capsules of the earlier layers die, and says that it rises linearly from 0.2 to 0.9. After publication the authors gave a smooth step of about 400,000 updates:

# %%
lead, update = torch.linspace(-1, 1, 201), torch.arange(0, 600_001, 5_000)
pairs = torch.stack([(1 + lead) / 2, (1 - lead) / 2], dim=1)  # [n, 2], class 0 leads by `lead`
losses = {
    f"margin {m}": torch.stack([spread_loss(pair[None], torch.tensor([0]), m) for pair in pairs])
    for m in (0.2, 0.5, 0.9)
}
margins = torch.tensor([spread_margin(step) for step in update.tolist()])
figure = side_by_side(
    Curves(lead, losses, "lead of the right class", "loss"),
    Curves(update / 1000, {"schedule": margins}, "update / 1000", "margin"),
)
show(
    figure,
    alt="Left, the spread loss over the lead of the right class: parabolas that end at a lead of 0.2, "
    "0.5 and 0.9 and are 0 from there on. Right, the margin: from 0.21 at the start through 0.60 at "
    f"200,000 updates to {margins[-1]:.2f} at 600,000.",
)

# %% [markdown]
# **A bracket too few.** On Mintun's slides, as in the paper's equation 3, it reads
#
# $$L = \sum_{j\ne t} (\max(0,\ m - (a_t - a_j))^2$$
#
# Three brackets open, two close. If the first one is superfluous, the square is of the maximum, and this is what is meant: "penalized by the squared distance to the margin", if the wrong class is closer than that. If instead it has slipped and belongs behind the comma, we have $\max(0, (m - (a_t - a_j))^2)$. Then the maximum does nothing, since no square is negative, and a lead that is *larger* than the margin is punished as well:

# %%
meant = (0.2 - lead).relu() ** 2
slipped = ((0.2 - lead) ** 2).relu()
figure = curves(
    lead, {"meant": meant, "bracket slipped": slipped}, "lead of the right class", "loss"
)
show(
    figure,
    alt="Spread loss at margin 0.2. Meant: falls to 0 at a lead of 0.2 and stays there. With the "
    "bracket slipped it rises again, to 0.64 at a lead of 1.",
)
assert_close(slipped, (0.2 - lead) ** 2)

# %% [markdown]
# Early in training the margin is 0.2. A network that is sure of the right class, with a lead of 0.9, would pay $0.7^2 = 0.49$ for it, more than one that does not know at all ($0.2^2 = 0.04$). Let gradient descent choose the activations:

# %%
for name, loss in {
    "meant": lambda x: (0.2 - (x[0] - x[1:])).relu().square().sum(),
    "bracket slipped": lambda x: (0.2 - (x[0] - x[1:])).square().sum(),
}.items():
    a_class = torch.tensor([0.9, 0.05, 0.3])
    for _ in range(200):
        a_class -= 0.05 * torch.func.grad(loss)(a_class)
    print(f"{name:15} leads {[round(x, 2) for x in (a_class[0] - a_class[1:]).tolist()]}")

# %% [markdown]
# ## Exercises
#
# Write the functions, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** The M-step: from votes `[b, i, j, d]`, assignments `[b, i, j]` and the children's activations `[b, i]` to a pair, means and variances, both `[b, j, d]`. Add `VARIANCE_FLOOR`.
#
# <details><summary>Hint</summary>
#
# First say how much child `i` counts for parent `j`: two things are multiplied. Then it is a mean and a variance with these weights, and both are divided by the same sum.
#
# </details>


# %%
def my_m_step(votes, assignments, activations):
    return ...  # means, variances [b, j, d]


solved = check("05.m_step", my_m_step)

# %% [markdown]
# **2.** The cost `[b, j]` of parents with these variances `[b, j, d]` that have received so much `[b, j]`, with $\beta_u$ `[j]`.
#
# <details><summary>Hint</summary>
#
# A component of one vote costs $\beta_u + \log\sigma$. You are given $\sigma^2$: what is $\log\sigma$ in terms of its logarithm? And how many votes has the parent paid for?
#
# </details>


# %%
def my_cost(variances, received, beta_u):
    return ...  # [b, j]


solved = check("05.cost", my_cost)

# %% [markdown]
# **3.** The activation `[b, j]` of parents with these costs `[b, j]` in iteration `t` = 0, 1, 2, …, by the authors' schedule, with $\beta_a$ `[j]`. No imports needed.
#
# <details><summary>Hint</summary>
#
# A sigmoid of the inverse temperature times a difference: what a parent may cost, and what it does. The schedule is above; put `t = 0` into yours and see whether anything is decided at all.
#
# </details>


# %%
def my_activation(costs, beta_a, t):
    return ...  # [b, j]


solved = check("05.activation", my_activation)

# %% [markdown]
# **4.** The E-step: assignments `[b, i, j]` from votes, means, variances and the parents' activations `[b, j]`. Let it survive votes that are a hundred standard deviations away from every parent.
#
# <details><summary>Hint</summary>
#
# Far away all densities are 0 in float32, but their logarithms are not. Write the logarithm of activation times density, and leave the exponential and the division to a softmax. Over which axis?
#
# </details>


# %%
def my_assignments(votes, means, variances, activations):
    return ...  # [b, i, j]


solved = check("05.assignments", my_assignments)

# %% [markdown]
# **5.** All of it, with connections `[i, j]`: returns means `[b, j, d]` and activations `[b, j]`. A child divides itself evenly at first, among the parents that it votes for. Every child votes for somebody.
#
# <details><summary>Hint</summary>
#
# Exercises 1, 2, 3 and 4, in a loop. At first a child gives one over the number of *its* parents. In the E-step, a score of minus infinity becomes a share of exactly 0.
#
# </details>


# %%
def my_em_routing(votes, activations, beta_u, beta_a, iterations, connected):
    return ...  # means [b, j, d], activations [b, j]


solved = check("05.em_routing", my_em_routing)

# %% [markdown]
# **6.** (No check, an evening.) How much clutter does it take? Let ten children vote for two poses, five for each, with a little noise, and add a growing number of children whose votes are anywhere. Give both poses' parents to EM routing, to dynamic routing, and to `sklearn.cluster.KMeans`, fifty times each. At which share of clutter does each of them lose a pose? Draw the three curves, and explain the order.
#
# <details><summary>Hint</summary>
#
# Say first what "lost" means, for example that no parent ends within three times the noise of the pose. Parents that begin alike stay alike: break the symmetry in the same way for all three, with two of the votes.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/05_em_routing.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/05_em_routing.md)).

# %% [markdown]
# ## What the sources got wrong
#
# **A sum under the root.** Mintun's slides print the density as
#
# $$p_{ij} = \frac{1}{\sqrt{2\pi \sum_h \sigma_{ijh}^2}}\ e^{-\frac{\sum_h (\hat u_{ijh} - \mu_{jh})^2}{2\sigma_{ijh}^2}}$$
#
# Three things are wrong. Under the root belongs a product, $\prod_h 2\pi\sigma_{jh}^2$: a density must integrate to 1, and this one does not. The fraction in the exponent belongs inside the sum, where each component meets its own variance. And $\sigma$ has an index $i$ too many: the variance is the parent's, as it is in the M-step of the same slide. Integrate both over the plane, with $\sigma$ = 0.5 and 2 and the exponent put right:

# %%
deviations = torch.tensor([0.5, 2.0])
x = torch.linspace(-20, 20, 2001)
grid = torch.cartesian_prod(x, x)  # [n, 2]
bell = (-(grid**2) / (2 * deviations**2)).sum(dim=1).exp()
area = (x[1] - x[0]) ** 2
for name, under_the_root in {
    "product": (2 * math.pi * deviations**2).prod(),
    "sum": 2 * math.pi * (deviations**2).sum(),
}.items():
    print(f"{name:8} under the root: integrates to {bell.sum() * area / under_the_root.sqrt():.3f}")

# %% [markdown]
# It matters where it is used, in the E-step. By the sum, being sharp in one component earns a parent next to nothing as long as it is vague in another. In the toy's first E-step:

# %%
squares = (votes - first.means[0]) ** 2 / (2 * first.variances[0])
for name, under_the_root in {
    "product": first.variances[0].prod(dim=1),
    "sum": first.variances[0].sum(dim=1),
}.items():
    r = (first.activations[0].log() - squares.sum(dim=2) - 0.5 * under_the_root.log()).softmax(
        dim=1
    )
    print(
        f"{name:8} under the root: child 0 gives {r[0, 0]:.3f} to parent 0, child 2 {r[2, 0]:.3f}"
    )

# %% [markdown]
# **Two letters, one of them forgotten.** The same slides begin with $r_{ij} = c_{ij} a_i$, the assignment times the child's activation, and end the E-step with a new $c_{ij}$; then "iterate 3 times". The M-step reads $r_{ij}$. Whoever takes the new $c_{ij}$ for it has dropped the activations after the first iteration, and children who are not there begin to count. (The paper has one letter for both, and multiplies by $a_i$ at the beginning of every M-step.) With child 3 absent, moving its vote must change nothing:


# %%
def mean_of_parent_0(votes, forgetful):
    activations = torch.tensor([1.0, 1.0, 0.5, 0.0])
    means, variances, _ = m_step(votes, torch.full((4, 2), 0.5) * activations[:, None])
    c = log_densities(votes, means, variances).softmax(dim=1)
    means, _, _ = m_step(votes, c if forgetful else c * activations[:, None])
    return means[0]


moved = votes.clone()
moved[3, 0] = torch.tensor([2.5, 1.5])
for forgetful in (False, True):
    before, after = mean_of_parent_0(votes, forgetful), mean_of_parent_0(moved, forgetful)
    name = "r = c" if forgetful else "r = c a"
    print(f"{name:8} parent 0 moves by {(after - before).norm():.3f}")
assert_close(mean_of_parent_0(votes, False), mean_of_parent_0(moved, False))

# %% [markdown]
# **Everyone votes for everyone.** Procedure 1 of the paper begins with $1/|\Omega_{L+1}|$, one over the number of *all* parents. Where a child votes for some of them only, as in every convolutional layer, it then gives away less than itself at first, and a child at the border, whom fewer parents see, less than one in the middle. On the strip above:

# %%
printed = connected / 4  # 1 / number of all parents
even = connected / connected.sum(dim=1, keepdim=True)
print("given away at first, as printed:              ", printed.sum(dim=1).tolist())
print("given away at first, among those it votes for:", even.sum(dim=1).tolist())

# %% [markdown]
# The package starts with the second.
#
# **Left unsaid.** The paper gives neither the schedule of $\lambda$ nor a floor for the variance, and above is what happens without them. And it says that $\beta_u$ is added once per child in one place and once per component in another; see above for how the two are the same.
#
# ## References
#
# - G. E. Hinton, S. Sabour, N. Frosst. *Matrix Capsules with EM Routing*. 2018. [openreview.net](https://openreview.net/forum?id=HJWLfGWRb). Equations 1 to 3, procedure 1.
# - The authors' released code: [google-research, capsule_em](https://github.com/google-research/google-research/tree/master/capsule_em).
# - E. Mintun. *Capsule Networks*. Slides.
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829).
# - A. P. Dempster, N. M. Laird, D. B. Rubin. *Maximum Likelihood from Incomplete Data via the EM Algorithm*. Journal of the Royal Statistical Society B 39 (1), 1977.
