# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # CapsGAN
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/09_capsgan.ipynb)
#
# A GAN is only as good as its discriminator. If capsules see better than convolutions, a discriminator made of capsules should teach a generator better: that is the idea of the paper *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks* (Saqur & Vivona, 2018), and of the slides on *CapsuleGAN* (Karmakar, 2018). Both show pictures, and neither measures them. This chapter builds both networks, each beside the DCGAN that it is compared with, and measures. On the way it turns out that the thing in the paper's title is not in the paper's network.
#
# You will be able to
#
# - replace the discriminator of a GAN by a capsule network, and say what had to be decided that the paper does not say;
# - turn the length of one capsule into a probability, a score and a margin loss;
# - show why dynamic routing to a single capsule does nothing, say what is left of the network, and repair it in two ways;
# - decide whether a training "converged", and which of three losses does;
# - read a comparison of generators by FID with its seeds, on equal batches *and* on equal seconds;
# - find four misprints in a paper by running what it prints.
#
# **Before this chapter:** dynamic routing (chapter *Dynamic routing*), CapsNet and its margin loss (chapter *CapsNet*), GANs and how samples are measured (chapter *DCGAN*).
#
# **Time and hardware.** The profile `quick` trains a small CapsGAN for 200 batches of 32 digits; the chapter takes less than two minutes on two CPU cores. The trainings that are compared, dozens of them, are read from records. The profile `full` trains the paper's network and wants a GPU.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import tempfile
import time
from dataclasses import replace
from statistics import fmean

import torch
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream, RotatedDigits, first_available
from capsedu.evaluation.samples import sample_images
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.adversarial import samples_path
from capsedu.experiments.capsgan import capsule_discriminator
from capsedu.explore import show
from capsedu.explore.capsgan_figures import (
    coupling_maps,
    game_losses,
    losses_and_pulls,
    milestone_sheets,
    quality_curves,
    sheet_images,
)
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.gan_findings import comparison, convergence, milestones, points
from capsedu.explore.gan_losses import loss_facts
from capsedu.explore.gan_pace import seconds_per_batch, third_of
from capsedu.explore.gan_tables import listed, pace_table, progress_table, quality_table
from capsedu.explore.layers import print_layers
from capsedu.files import load_tensors
from capsedu.functional import capsule_length, margin_loss, squash
from capsedu.learning.gan_objectives import LeastSquares, Margin, NonSaturating, Wasserstein
from capsedu.learning.regularisers import Judged, Reconstruction, WeightClipping
from capsedu.models.capsgan import (
    CapsGanGenerator,
    CapsuleDiscriminator,
    first_parent,
    matched_discriminator,
)
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.gan import realness
from capsedu.profiles import resolve_profile
from capsedu.records import read_record, read_seeds
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.voteless import route_children
from capsedu.runs import train

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# Both papers use MNIST. Where it is neither on the disk nor to be downloaded, scikit-learn's smaller set of handwritten digits takes its place. CapsGAN enlarges the digits to 32x32; a discriminator sees pixels from −1 to 1.

# %% tags=["nbval-ignore-output"]
profile = resolve_profile(profile)
test_set = first_available("mnist", "digits", train=False)
digits = BatchStream(test_set, 32, RotatedDigits(32, 0.0), shuffle=False).batch(0).images
real = 2 * digits - 1
print(f"{test_set.name}: {list(real.shape)}, from {real.min():.0f} to {real.max():.0f}")

# %% [markdown]
# ## Another judge
#
# The generator of CapsGAN is much like DCGAN's, except that the nonlinearity comes *before* batch normalisation. The discriminator is CapsNet, with one change. CapsNet has ten class capsules of 16 numbers. Here there is **one**, and its length is to say how probable it is that the image is real. As in the chapters before, the networks write their own tables.


# %%
torch.manual_seed(0)
generator = CapsGanGenerator().eval()
print_layers(generator, lambda: generator(torch.randn(1, 128)))
print(f"generator: {parameter_count(generator):,} parameters")

# %%
judge = CapsuleDiscriminator()
print_layers(judge, lambda: judge.decoder(judge(real[:1]).poses, torch.tensor([0])))
print(f"discriminator: {parameter_count(judge):,} parameters", end=", ")
print(f"of which the decoder has {parameter_count(judge.decoder):,}")
assert parameter_count(generator) == 1_214_145 and parameter_count(judge) == 7_175_424

# %% [markdown]
# Check the middle: on 32x32 pixels two 9x9 convolutions, the second with stride 2, leave a grid of 8x8, so $32\cdot8\cdot8 = 2048$ primary capsules of 8 numbers vote, each through a matrix of $8\times16$: 262,144 weights in `DenseCapsules`. The last three layers are the decoder, which takes part in training alone: it draws the image from the 16 numbers, so that these have to describe something.
#
# **The rival.** "The number of parameters within the experimental and baseline model was controlled", says the paper, without figures. Our baseline has the same generator, and DCGAN's discriminator in the width that comes nearest in parameters. That is one notion of fair, and not the only one: parameters are neither work, nor are all of them used to judge. At the paper's width and at that of the profile `small`, which most of the records below have (a quarter of the convolution's channels, a quarter of the capsule types):

# %%
for name in ("full", "small"):
    size = EXPERIMENTS["capsgan"].profile(name)
    capsules = capsule_discriminator(size, (1, 32, 32))
    rival = matched_discriminator(capsules, (1, 32, 32))
    print(f"profile {name}, decoder: {parameter_count(capsules.decoder):,} parameters")
    for who, network in {"capsules": capsules, "DCGAN": rival}.items():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(real[:1])
        million = counter.get_total_flops() / 2e6
        print(f"{who:10}{parameter_count(network):>10,} in all, {million:4.0f} M multiplications")

# %% [markdown]
# At the paper's width the capsules do twice the work with as many parameters, since large kernels are used at many places. In the profile `small` it is the other way round: the decoder, whose size does not depend on the width, is most of the capsule discriminator, and the DCGAN that matches the sum has five times the parameters to judge with. Keep it in mind when the two are compared.
#
# ## What the paper leaves open
#
# Nobody can repeat the paper from its text. This is everything that had to be decided, in one place.
#
# | decision | the paper | here |
# |---|---|---|
# | generator: kernels | "5 convolution transpose layers" | 4x4 to a 4x4 grid; three times 4x4 with stride 2; 3x3 |
# | generator: channels | | 256, 128, 64, 32, 1 |
# | discriminator's convolutions | "a minor variant" of CapsNet's | CapsNet's |
# | from length to probability | "correlated" | the length is the probability; the score is its logit |
# | reconstruction: sum or mean of the pixels | | sum, pixels from 0 to 1, as in CapsNet; β = 0.005 is ten times CapsNet's |
# | reconstruction: in whose loss | equations 2 and 4: perhaps in both | the discriminator's, of real and of made images |
# | learning rate, Adam's β | "grid search", no result | 0.0002; 0.5 and 0.999, as Radford et al. |
# | the same, with Wasserstein | | 0.0002; 0 and 0.9, as Gulrajani et al. |
# | an iteration | "batches", "iterations" and "epochs" | a batch: one discriminator step; with Wasserstein five of them for one of the generator's |
# | pre-training | default 1 | 1 batch |
# | clipping, gradient penalty | | weights to ±0.01; 10, as their papers |
# | reconstruction beside a stabiliser | | kept with spectral normalisation, left out with Wasserstein |
# | rotation: what fills the corners | | black, bilinear |
# | baseline | a drawing | the same generator, DCGAN's discriminator as above, cross-entropy |
# | repetitions | one picture of each | as many seeds as the tables say |
#
# A table in a text can be wrong. Here is the part of it that can be asked of the experiments themselves:

# %%
chosen = EXPERIMENTS["capsgan"]
assert chosen.learning_rate == 2e-4 and chosen.objective == Margin(0.9, 0.1, 0.5)
assert chosen.options["regularisers"] == (Reconstruction(0.005),)
assert chosen.options["pretraining_steps"] == 1
for stabiliser in ("clip", "gp", "spectral-wasserstein"):
    options = EXPERIMENTS[f"capsgan-{stabiliser}"].options
    assert options["n_discriminator_steps"] == 5 and options["betas"] == (0.0, 0.9)
    assert Reconstruction(0.005) not in options.get("regularisers", ())

# %% [markdown]
# ## A length as a probability
#
# Squash turns a total input $s$ of length $n$ into a capsule of length $n^2/(1+n^2)$, between 0 and 1. The losses of chapter *DCGAN* want a score, a logit. For one capsule that is a short calculation:
#
# $$\lVert v\rVert = \frac{n^2}{1+n^2}, \qquad
# \text{score} = \log\frac{\lVert v\rVert}{1-\lVert v\rVert} = \log n^2 = 2\log\lVert s\rVert$$
#
# So the score is the logarithm of a sum of sixteen squares, and its sigmoid is the length again.

# %%
s = torch.randn(1000, 16)
length, n = capsule_length(squash(s)), s.norm(dim=1)
assert_close(length, n**2 / (1 + n**2))
assert_close(length.logit(), 2 * n.log(), rtol=1e-3, atol=1e-4)
assert_close((2 * n.log()).sigmoid(), length)
judgement = judge(real)
assert_close(judgement.scores.sigmoid(), capsule_length(judgement.poses))
narrow = capsule_discriminator(EXPERIMENTS["capsgan"].profile("small"), (1, 32, 32))
for name, network in {"full": judge, "small": narrow}.items():
    belief = network(real).scores.sigmoid().mean()
    print(f"profile {name}, untrained: real digits are real with a probability of {belief:.3f}")

# %% [markdown]
# Those numbers are worth a stop. DCGAN's discriminator begins undecided, near 1/2. A capsule begins short, and the shorter the fewer children it has, since squash shortens most what is short already: before anything has been learnt it says "made" about everything. Its first lesson is to lengthen.
#
# ## The margin loss, by hand
#
# With a length $\lVert v\rVert$ per image, $m^+=0.9$, $m^-=0.1$ and $\lambda=0.5$, the discriminator minimises
#
# $$L_D = \underbrace{\max(0,\, 0.9-\lVert v\rVert)^2}_{\text{real images}} +
# \underbrace{0.5\,\max(0,\, \lVert v\rVert - 0.1)^2}_{\text{made images}}, \qquad
# L_G = \underbrace{\max(0,\, 0.9-\lVert v\rVert)^2}_{\text{made images}}$$
#
# each averaged over the images. (This is the equation with the square where it belongs; the paper's is looked at below.)

# %%
of_real, of_made = torch.tensor([0.95, 0.60]), torch.tensor([0.30, 0.05])
by_hand = (0 + 0.30**2) / 2 + 0.5 * (0.20**2 + 0) / 2
generators = (0.60**2 + 0.85**2) / 2
scores = [lengths.logit().unsqueeze(1) for lengths in (of_real, of_made)]
assert_close(Margin().discriminator_loss(*scores), torch.tensor(by_hand))
assert_close(Margin().generator_loss(scores[1]), torch.tensor(generators))
print(f"discriminator {by_hand:.3f}, generator {generators:.4f}")

# %% [markdown]
# The paper tried three losses and says that with two of them, cross-entropy and mean squared error, its CapsGAN did not converge. What matters to a generator is the slope: by how much does the loss fall if the score rises a little?

# %%
lengths = torch.linspace(0.001, 0.999, 999)
score = lengths.logit().unsqueeze(1).requires_grad_()
losses, pulls = {}, {}
for name, objective in {
    "margin": Margin(),
    "cross-entropy": NonSaturating(),
    "squared error": LeastSquares(read=nn.Sigmoid()),
}.items():
    each = torch.stack([objective.generator_loss(one) for one in score.split(1)])
    losses[name], pulls[name] = each.detach(), -torch.autograd.grad(each.sum(), score)[0][:, 0]
    pull = ", ".join(f"at {p}: {pulls[name][round(1000 * p) - 1]:.3f}" for p in (0.001, 0.1, 0.5))
    print(f"{name:14} pull by length, {pull}")

# %%
show(
    losses_and_pulls(lengths, losses, pulls),
    alt="Left: the generator's loss over the length of the output capsule for a made image, by margin, "
    "cross-entropy and squared error. Right: the pull on the generator, minus the slope over the "
    f"score. Cross-entropy pulls with {pulls['cross-entropy'][0]:.2f} at length 0.001 and falls in a "
    f"straight line to 0; margin and squared error pull with nothing at 0, have their maximum of "
    f"{pulls['margin'].max():.2f} and {pulls['squared error'].max():.2f} in the middle, and margin "
    "is 0 from length 0.9 on. A line marks m⁻ = 0.1.",
)

# %% [markdown]
# Two things follow. A discriminator that is sure, with made images at length 0, tells the generator nothing under margin and squared error: the same disease as the saturating loss of chapter *DCGAN*. The margin has the cure built in: below $m^-=0.1$ the *discriminator* has nothing to gain any more, so it leaves made images near the grey line, where there is still some pull. Squared error has no such floor. But cross-entropy has no need of one. From this one would expect trouble with squared error, and none with cross-entropy; what happened is below.
#
# ## The routing that does nothing
#
# "Using Dynamic Routing": the routing takes place between the 2048 primary capsules and the one output capsule. Remember what it does. A child $i$ divides itself among its parents $j$:
#
# $$c_{ij} = \frac{\exp b_{ij}}{\sum_k \exp b_{ik}}$$
#
# With one parent the sum has one term, and $c_{i1} = \exp b_{i1}/\exp b_{i1} = 1$. For every child, in every iteration, whatever the votes agree on.

# %%
torch.manual_seed(0)
judge = CapsuleDiscriminator(conv_channels=64, primary_types=8)
layer = judge.capsules.class_capsules
with torch.no_grad():
    layer.weight.mul_(10)  # ten times larger than at the beginning: there is agreement to see
    children = judge.capsules.children_of(real)
    for step in dynamic_routing_steps(layer.votes(children), 3):
        print(
            f"logits from {step.logits.min():6.3f} to {step.logits.max():.3f}; couplings", end=" "
        )
        print(sorted(set(step.couplings.flatten().tolist())))

# %% [markdown]
# The logits do collect agreement, and the softmax does not listen. So it cannot matter how often one iterates. Values first, then what training sees, the gradients:


# %%
def routed(iterations):
    """Output capsules and the gradient of their scores, by that many iterations."""
    poses = route_children(children, layer.weight, iterations)
    score = capsule_length(poses).logit(eps=1e-6).sum()
    return poses.detach(), torch.autograd.grad(score, layer.weight)[0]


once = routed(1)
for iterations in (3, 100):
    for ours, expected in zip(routed(iterations), once, strict=True):
        assert_close(ours, expected)
print("1, 3 and 100 iterations: the same capsules, the same gradients")

# %% [markdown]
# If the couplings are 1, what is this layer? The total input is a sum of votes, each a child times a matrix. That is one linear map of all $8\cdot512$ numbers to 16: a fully connected layer without bias.

# %%
linear = nn.Linear(8 * children.shape[1], 16, bias=False)
with torch.no_grad():
    linear.weight.copy_(layer.weight[0].flatten(0, 1).T)
    totals = linear(children.mT.flatten(1))
    assert_close(squash(totals), layer(children)[:, 0])
    assert_close(2 * totals.norm(dim=1).log(), judge(real).scores[:, 0], rtol=1e-3, atol=1e-4)

# %% [markdown]
# **This is the finding that the paper missed.** Its discriminator is two convolutions, a squash of every eight channels, a fully connected layer with 16 outputs, and the logarithm of their squared length. There is no routing in it, so the routing cannot be why its digits look better.
#
# What is left of the claim? What differs from a DCGAN is: the squash in the middle; sixteen outputs that are squared and summed, instead of one; the margin loss; a decoder that must be able to draw the image from the sixteen numbers; 9x9 kernels; no batch normalisation in the discriminator. Each could make a difference. But the reason that the paper gives for its results on rotated digits, "the capsule's inverse graphics properties", rests on parts that agree about a whole, and nothing in this network asks whether they do.
#
# **And the published code?** In the authors' repository, [one file](https://github.com/raeidsaqur/CapsGAN/blob/4c70954a4a6992e3bb4e384147e6f2100ed7769e/capsule_dcgan_mnist/capsule_network_modules.py) calls `F.softmax(b_ij)` without a dimension. For a tensor `[1, children, parents, 1]` PyTorch then took dimension 1: the **children**. In [another](https://github.com/raeidsaqur/CapsGAN/blob/0d36bc77c513be22b418323c8ddf71bb4012ee51/models/capsgan.py) `dim=-1` takes it over an axis with a single entry, so that it is 1 even for ten parents. A softmax over the children does let the iterations change something. But it turns the question round: no child decides anything, and the one parent chooses whom to hear. Here it is, with weights as large as that file's at the beginning, a hundred times ours:

# %%
with torch.no_grad():
    votes = 10 * layer.votes(children)[:, :, 0]  # [b, i, d]; 10 times were there already
    logits = torch.zeros(votes.shape[:2])
    for _ in range(3):
        couplings = logits.softmax(dim=1)  # over the children
        pose = squash(torch.einsum("bi,bid->bd", couplings, votes))
        logits = logits + torch.einsum("bid,bd->bi", votes, pose)
        spread = couplings.max() / couplings.min()
        length = pose.norm(dim=1).mean()
        print(f"a child gives {couplings.mean():.5f} on average, the most", end=" ")
        print(f"{spread:.2f} times the least; length of the capsule {length:.4f}")

# %% [markdown]
# With 512 children each has a share of about 1/512, so the sum over the votes has become a mean, and the capsule is too short for the iterations to change much. It is attention, of a kind, and it is not routing.
#
# ## The repair: somebody else to go to
#
# A child needs a choice. The smallest repair gives it two parents. With two, the softmax is a sigmoid of the difference:
#
# $$c_{i,\text{real}} = \frac{\exp b_{i1}}{\exp b_{i1}+\exp b_{i2}} = \sigma(b_{i1}-b_{i2})$$
#
# There are two ways to use the second one.
#
# - **Real and fake** (`capsgan-two`): two output capsules, as in any classifier. The margin loss asks the first to be long for real images and the second for made ones. The score that counts is the difference of both.
# - **Real, or none of them** (`capsgan-none`): only the first is ever read, and nothing is asked of the second. It is a place for children to go whose votes do not agree with "real".

# %%
torch.manual_seed(0)
judges = {
    "one": CapsuleDiscriminator(conv_channels=64, primary_types=8),
    "two": CapsuleDiscriminator(parents=2, conv_channels=64, primary_types=8),
    "none": CapsuleDiscriminator(parents=2, read=first_parent, conv_channels=64, primary_types=8),
}
for name, network in judges.items():
    poses, scores = network(real).poses, network(real).scores
    print(f"{name:5} capsules {list(poses.shape)!s:12} scores {list(scores.shape)!s:8}", end=" ")
    print(f"parameters {parameter_count(network):,}")

# %% [markdown]
# A new network divides its children evenly, and its votes are small, so the couplings begin near 1/2 and *stay* there until training has made the votes larger:

# %%
with torch.no_grad():
    capsules = judges["two"].capsules
    votes = capsules.class_capsules.votes(capsules.children_of(real))
    for scale in (1, 10, 30):
        *_, last = dynamic_routing_steps(scale * votes, 3)
        c = last.couplings[:, :, 0]
        print(
            f"weights x {scale:2}: couplings to the first parent from {c.min():.4f} to {c.max():.4f}"
        )
    assert_close(c, (last.logits[:, :, 0] - last.logits[:, :, 1]).sigmoid())

# %% [markdown]
# ## Training
#
# Here is a CapsGAN with two parents, trained now: margin loss for both networks, $\beta=0.005$ times the reconstruction error for the discriminator, and one batch for the discriminator alone at the beginning. The learner is that of chapter *DCGAN*.

# %% tags=["nbval-ignore-output"]
experiment = replace(EXPERIMENTS["capsgan-two"], data=test_set.name)
size = profile if profile in experiment.profiles else "quick"
folder = tempfile.TemporaryDirectory()  # gone when the notebook is
run = train(experiment, size, root=folder.name, progress=False)
print(f"{experiment.title}, profile {size}, {parameter_count(run.network):,} parameters")
for row in run.history:
    if "fid" in row:
        losses = " and ".join(f"{row[f'{who}_loss']:.3f}" for who in ("discriminator", "generator"))
        right = f"discriminator right {row['discriminator_accuracy']:.0%}"
        print(f"after {row['step']:4} batches: losses {losses}, {right}, FID {row['fid']:.1f}")

# %% tags=["nbval-ignore-output"]
kept = load_tensors(samples_path(run.folder))
sheet = {f"batch {step}": kept[step][:10].float() / 255 for step in sorted(kept, key=int)}
sheet["real"] = digits[:10]
ends = run.history[-1]
show(
    image_rows(sheet, [""] * 10),
    alt=f"What the generator makes of the same ten noises after {', '.join(sorted(kept, key=int))} "
    f"batches, one row each, and ten real digits below. At the end FID is {ends['fid']:.1f}, and "
    f"{ends['modes']:.0f} of the ten digits can be recognised among the samples.",
)

# %% [markdown]
# That is a short training of a narrow network. It is enough to ask what the routing has become. For a held-out digit and for a made one: which children, where in the image, give themselves to the parent "real"? Each cell of a map is the mean over the types of capsule at one place. Above, the same children with the paper's single parent.

# %% tags=["nbval-ignore-output"]
network = run.network.eval().to("cpu")
capsules = network.discriminator.capsules
made = 2 * sample_images(network.generator, 32, seed=1) - 1


def votes_on(images):
    """Votes of the trained discriminator's children, [b, i, 2, d]."""
    with torch.no_grad():
        return capsules.class_capsules.votes(capsules.children_of(images))


def couplings_of(votes):
    """Couplings to the first parent by iteration, [t, b, i]."""
    return torch.stack([step.couplings[:, :, 0] for step in dynamic_routing_steps(votes, 3)])


# %% tags=["nbval-ignore-output"]
cases = {
    "one parent,\na real digit": (real, votes_on(real)[:, :, :1]),
    "two parents,\na real digit": (real, votes_on(real)),
    "two parents,\na made digit": (made, votes_on(made)),
}
maps = {  # of the first image, averaged over the types
    name: ((images[0, 0] + 1) / 2, [c[0].view(-1, 8, 8).mean(dim=0) for c in couplings_of(votes)])
    for name, (images, votes) in cases.items()
}
show(
    coupling_maps(maps),
    alt="Three rows, each an image and three maps of the couplings to the parent real, iteration by "
    "iteration. In the first iteration all are even: 1 with one parent, 0.5 with two. In the third: "
    + "; ".join(
        f"{name.replace(chr(10), ' ')}, {found[-1].min():.3f} to {found[-1].max():.3f}"
        for name, (_, found) in maps.items()
    )
    + ".",
)

# %% tags=["nbval-ignore-output"]
alone, both, of_made = (couplings_of(votes)[-1] for _, votes in cases.values())
assert (alone == 1).all()
for name, c in {"real": both, "made": of_made}.items():
    low, high = c.flatten().quantile(torch.tensor([0.01, 0.99]))
    print(f"{name} images: 98 % of the couplings to “real” from {low:.3f} to {high:.3f}")
furthest = (torch.cat([both, of_made]) - 0.5).abs().max()
print(f"no coupling is further from one half than {furthest:.3f}")

# %% [markdown]
# The top row is the flat picture that was promised: a routing with nothing to decide. Below it children *can* decide. The numbers say how far they go, and the colours only show it because their scale is stretched. Do the decisions matter? The same trained weights can be read with other numbers of iterations:

# %% tags=["nbval-ignore-output"]
for iterations in (1, 2, 3, 10):
    capsules.class_capsules.iterations = iterations
    with torch.no_grad():
        ahead = [realness(network.discriminator(images).scores) for images in (real, made)]
    right = torch.cat([ahead[0] > 0, ahead[1] <= 0]).float().mean()
    means = " and of made ".join(f"{each.mean():+.2f}" for each in ahead)
    print(f"{iterations:2} iterations: right {right:.0%}, mean lead of “real” for real {means}")
capsules.class_capsules.iterations = 3

# %% [markdown]
# Where these lines hardly differ, the repaired routing *works* and says next to nothing. There is a reason for it, and it is not particular to this network. A logit grows by $\hat u \cdot v$ in each iteration, and no pose is longer than 1, so after two agreements **no logit is larger than twice the longest vote**. A parent, on the other hand, is filled by the sum of all votes. With hundreds of children it becomes long by votes that are very short, and then there is little to agree about:

# %% tags=["nbval-ignore-output"]
votes = votes_on(real)
*_, last = dynamic_routing_steps(votes, 3)
lengths, logit = votes.norm(dim=3), last.logits.abs().max()
assert logit <= 2 * lengths.max()
print(f"{votes.shape[1]} votes of length {lengths.mean():.3f}, at most {lengths.max():.2f}")
print(f"logits up to {logit:.3f}; poses of length {last.poses.norm(dim=2).mean():.2f}")

# %% [markdown]
# So there are two ways for routing to do nothing: one parent, which makes it impossible, and votes that are short, which leaves it undecided. The second can change while a network trains, and the first cannot. Whether a second parent makes a better *generator* is another question, and the answer to it is a comparison of generators.
#
# ## The records
#
# All that follows is read from records: trainings on MNIST with batches of 32 and images of 32x32, as in the paper. The profile `small` has the quarter width of above and goes on for 2,000 batches. `cpu` has the paper's width and stops at the 1,000 that the paper shows. FID and the rest are measured on 5,000 samples against 5,000 test images, on the features of the project's digit classifier, so **they cannot be compared with any paper's**, only with each other. And wherever there are several seeds, a table gives their mean, and their range in brackets. Sentences about outcomes are printed from the records too.
#
# ### Which of the three losses converge?
#
# "Using these loss functions did not allow the CapsGAN to converge", says the paper of cross-entropy and squared error; the margin loss "encouraged the model to converge without any mode collapse". It does not say what converging means. Let us say it, before looking: **at the end the samples show at least eight of the ten digits, and FID is at most a quarter above its lowest.**

# %% tags=["nbval-ignore-output"]
losses = ["capsgan", "capsgan-cross-entropy", "capsgan-squares"]
quality_table(losses, "small")

# %% tags=["nbval-ignore-output"]
progress_table(losses, "small")

# %% tags=["nbval-ignore-output"]
verdicts = [convergence(name, "small") for name in losses]
verdicts += [comparison("capsgan", name, "small") for name in losses[1:]]
listed(verdicts)

# %% [markdown]
# If cross-entropy converges here and did not there, one must look for the difference. In the paper's words the discriminator's output is a vector whose *length* is the probability. Put through a sigmoid once more, as a discriminator's output usually is, a length from 0 to 1 becomes a probability from 0.50 to 0.73, and nothing can ever be judged made. We do not know whether that happened. It is the kind of thing that "how the length becomes a probability" hides.
#
# ### The loss curves
#
# The paper's figures 3 and 4 show the losses of its two networks for digits that are upright, or rotated by up to 15 or 45 degrees. Its text says: the discriminator "rapidly converges at around 100 iterations", rotation does not seem to affect convergence, the fluctuations are largest with 45 degrees, and the generator's trend is "downward and decreasing". Ours:

# %% tags=["nbval-ignore-output"]
rotations = {"upright": "", "±15°": "-15", "±45°": "-45"}
found = {name: read_record(f"capsgan{suffix}", "small") for name, suffix in rotations.items()}
histories = {name: record.history for name, record in found.items() if record is not None}
facts = [f"{name}: {loss_facts(history)}" for name, history in histories.items()]
if histories:
    show(
        game_losses(histories),
        alt="Losses of discriminator (above) and generator (below) of CapsGAN over the batches, for "
        "digits that are upright or rotated. The pale line is a mean of 10 batches, the dark one of "
        f"100. {'. '.join(facts)}.",
    )
listed(facts or ["not run yet"])

# %% [markdown]
# What the words mean: a loss *has settled* at the first of the dark points from which on it stays within a quarter of its last value. It *fluctuates* by the standard deviation of the pale line about each stretch of the dark one, after batch 200. The generator's trend compares its mean from batch 200 to 600 with that of the last 400.
#
# A falling generator loss would be odd good news anyway. The two losses are those of a game: a generator's falls when it improves *or* when its opponent gets worse. FID looks at the samples instead. Both, at the milestones of the training on upright digits:

# %% tags=["nbval-ignore-output"]
rows = milestones(found["upright"]).values() if found["upright"] else []
for row in rows:
    print(
        f"batch {row['step']:5,}: generator loss {row['generator_loss']:.3f}, FID {row['fid']:5.1f}"
    )
if rows:
    best = {k: min(rows, key=lambda row: row[k])["step"] for k in ("generator_loss", "fid")}
    print(f"the loss is best at batch {best['generator_loss']:,}, the samples at {best['fid']:,}")

# %% [markdown]
# "Indicating improvement" is what the lower line of the figure was to do in the paper. Where the two do not agree here, it cannot.
#
# ### The samples
#
# The paper's tables 1 and 2, composed anew. Every cell shows what one generator makes of the same twelve noises.


# %% tags=["nbval-ignore-output"]
def side_by_side(suffix, size="small"):
    """CapsGAN's, its repaired version's and DCGAN's samples in one figure, as far as there are any."""
    names = {"CapsGAN": "capsgan", "two parents": "capsgan-two", "DCGAN": "dcgan"}
    records = {who: read_record(name + suffix, size) for who, name in names.items()}
    sheets = {who: sheet_images(record) if record else {} for who, record in records.items()}
    if not any(sheets.values()):
        print("not run yet")
        return
    fids = [
        f"{who} " + (", ".join(f"{v[0]:.0f}" for _, v in points([r])) if r else "not run yet")
        for who, r in records.items()
    ]
    show(
        milestone_sheets(sheets),
        alt=f"Twelve samples each of {', '.join(sheets)}, a row per milestone, on digits rotated by "
        f"{suffix[1:] or 0} degrees at most. FID from row to row: {'; '.join(fids)}.",
    )


side_by_side("")

# %% [markdown]
# Rotated by up to 15 degrees:

# %% tags=["nbval-ignore-output"]
side_by_side("-15")

# %% [markdown]
# And by up to 45 degrees, where the paper finds its baseline "unstable" at 1,000 iterations:

# %% tags=["nbval-ignore-output"]
side_by_side("-45")

# %% [markdown]
# Before reading on, decide by eye which column is best in each of the three. That was the paper's method: a few digits, looked at by the authors. Then compare with the numbers.
#
# ### The numbers that the paper lacks

# %% tags=["nbval-ignore-output"]
kinds = {
    "CapsGAN": "capsgan",
    "real and fake": "capsgan-two",
    "real and none": "capsgan-none",
    "DCGAN": "dcgan",
}
names = [kind + suffix for suffix in rotations.values() for kind in kinds.values()]
progress_table(names, "small")

# %% tags=["nbval-ignore-output"]
panels = {
    title: {who: points(read_seeds(name + suffix, "small")) for who, name in kinds.items()}
    for title, suffix in rotations.items()
}


def at_the_end(panels):
    """The last FID of every curve, in words, for the figure's description."""
    ends = {
        title: [f"{who} {fmean(curve[-1][1]):.1f}" for who, curve in curves.items() if curve]
        for title, curves in panels.items()
    }
    return "; ".join(f"{k}: {', '.join(found) or 'not run yet'}" for k, found in ends.items())


show(
    quality_curves(panels),
    alt="FID over the batches on a logarithmic scale, a panel per rotation, the seeds' mean with a "
    f"bar for their range. At the end: {at_the_end(panels)}.",
)

# %% tags=["nbval-ignore-output"]
quality_table(names, "small")

# %% [markdown]
# Two experiments are told apart here only if *every* seed of the one has a lower FID than *every* seed of the other. With two seeds each, that happens by chance in one of three comparisons of equals, so even then it is a hint and not a proof. First the paper's claim, CapsGAN against DCGAN:

# %% tags=["nbval-ignore-output"]
listed(comparison(f"capsgan{angle}", f"dcgan{angle}", "small") for angle in rotations.values())

# %% [markdown]
# "Larger angles result in divergence in the baseline at 1000 iterations":

# %% tags=["nbval-ignore-output"]
listed(convergence(name, "small") for name in ("capsgan-45", "dcgan-45"))

# %% [markdown]
# Then the repairs, each against the paper's single capsule. A repair changes two things at once, the second parent and the routing that it makes possible; what the routing alone is worth is exercise 6.

# %% tags=["nbval-ignore-output"]
listed(
    comparison(repaired + angle, f"capsgan{angle}", "small")
    for repaired in ("capsgan-two", "capsgan-none")
    for angle in rotations.values()
)

# %% [markdown]
# **At the paper's width.** The same experiments with 256 channels and 32 types of capsule, up to batch 1,000, as far as they were run:

# %% tags=["nbval-ignore-output"]
progress_table(names, "cpu")

# %% tags=["nbval-ignore-output"]
listed(
    comparison(one + angle, other + angle, "cpu")
    for one, other in (("capsgan", "dcgan"), ("capsgan-two", "capsgan"))
    for angle in rotations.values()
)

# %% [markdown]
# ## The stabilisers
#
# To steady its training, the paper added spectral normalisation, Wasserstein's loss with clipped weights or a gradient penalty, and combinations. "Unfortunately, these implementations did not appear to improve the results." The three in a line each: spectral normalisation divides every layer's weights by their largest singular value; clipping cuts every weight to ±0.01; the penalty asks the score's gradient to have length 1 between real and made images (it differentiates the capsule layers twice). All keep the score from growing steep, which Wasserstein's loss needs.
#
# With Wasserstein, five batches go to the discriminator for each generator step, so after 2,000 batches the generator has made 400 steps. On *equal batches*, as in the paper's tables, that is a handicap, and we keep it.

# %% tags=["nbval-ignore-output"]
stabilisers = ("", "-spectral", "-clip", "-gp", "-spectral-wasserstein")
stabilised = [base + suffix for base in ("capsgan", "dcgan") for suffix in stabilisers]
quality_table(stabilised, "small")

# %% tags=["nbval-ignore-output"]
listed(
    comparison(base + suffix, base, "small")
    for base in ("capsgan", "dcgan")
    for suffix in stabilisers[1:]
)

# %% [markdown]
# One thing to know about these rows. The score of a capsule is $2\log\lVert s\rVert$. That has no bottom, so the package cuts lengths at $10^{-6}$, a score of −13.8, and where it cuts there is no gradient. Whatever changes the size of the weights moves the score up or down before anything is learnt, which a DCGAN's linear output does not mind. So look where these trainings begin:

# %%
torch.manual_seed(0)
for change in (None, "spectral", "clip"):
    name = f"capsgan-{change}" if change else "capsgan"
    network = EXPERIMENTS[name].build(EXPERIMENTS[name].profile("quick"), (1, 32, 32), 10)
    if change == "clip":
        WeightClipping().constrain(network.discriminator)
    with torch.no_grad():
        scores = network.discriminator(real).scores
    print(f"{name:17} untrained: mean score {scores.mean():6.2f}, of −13.8 to 13.8")

# %% [markdown]
# ## "A third of the epochs"
#
# The slides say of CapsuleGAN: "Convergence within 1/3 number of the training epochs compared to DCGAN". They show digits after 1,000 and 10,000 "epochs" of each. Their generator climbs from 3x3 to 28x28 with 3x3 kernels, and their loss is cross-entropy. We test it twice, on their networks and on the paper's. First the slides' pair at the end:

# %% tags=["nbval-ignore-output"]
quality_table(["capsulegan", "slides-dcgan"], "small")

# %% tags=["nbval-ignore-output"]
pairs = [("capsulegan", "slides-dcgan"), ("capsgan", "dcgan"), ("capsgan-two", "dcgan")]
listed([comparison(*pairs[0], "small")])

# %% [markdown]
# Then the pace. For each of DCGAN's milestones: after how many batches has the capsule network the same FID (on a straight line between its own milestones), and what is that as a share of DCGAN's batches, and of its **seconds**?

# %% tags=["nbval-ignore-output"]
pace_table(pairs, "small")

# %% tags=["nbval-ignore-output"]
listed(third_of(*pair, "small") for pair in pairs)

# %% tags=["nbval-ignore-output"]
panels = {"equal batches": {}, "equal seconds": {}}
for name in ("capsulegan", "slides-dcgan", "capsgan", "dcgan"):
    records = read_seeds(name, "small")
    cost = fmean(map(seconds_per_batch, records)) if records else 0
    curve, title = points(records), EXPERIMENTS[name].title
    panels["equal batches"][title] = curve
    panels["equal seconds"][title] = [(cost * batches, fids) for batches, fids in curve]
show(
    quality_curves(panels, ["batches", "seconds of training"]),
    alt="FID of CapsuleGAN, the slides' DCGAN, CapsGAN and its DCGAN, left over the batches and right "
    f"over the seconds of training. At the end: {at_the_end(panels)}.",
)

# %% [markdown]
# The seconds are those of the records: training alone, without the measurements. Whether two of them can be compared depends on what else the machine was doing. So here are the same steps once more, on this machine, the networks in turn, and of each the fastest of a few: forward, backward, for both networks.


# %% tags=["nbval-ignore-output"]
def step_of(name):
    """A function that makes one batch's gradients, for both networks of an experiment."""
    task = EXPERIMENTS[name]
    shape = (1, task.train_transform.size, task.train_transform.size)
    gan, images = task.build(task.profile("small"), shape, 10), 2 * torch.rand(32, *shape) - 1
    noise, judge = torch.randn(32, gan.generator.noise_dim), gan.discriminator

    def step():
        made = gan.generator(noise)
        both = [Judged(x, judge(x)) for x in (images, made.detach())]
        loss = task.objective.discriminator_loss(*(each.judgement.scores for each in both))
        penalties = (r.penalty(judge, *both) for r in task.options.get("regularisers", ()))
        (loss + sum(penalties)).backward()
        task.objective.generator_loss(judge(made).scores).backward()

    return step


# %% tags=["nbval-ignore-output"]
steps = {name: step_of(name) for pair in pairs for name in pair}
fastest = dict.fromkeys(steps, float("inf"))
for _ in range(1 if profile == "smoke" else 4):
    for name, step in steps.items():
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            step()
        fastest[name] = min(fastest[name], time.perf_counter() - start)
for name, rival in pairs:
    records = [read_seeds(each, "small") for each in (name, rival)]
    known = [fmean(map(seconds_per_batch, found)) for found in records if found]
    recorded = f"{known[0] / known[1]:.2f}" if len(known) == 2 else "not run yet"
    here = f"{fastest[name] / fastest[rival]:.2f}"
    print(f"seconds of {name} / seconds of {rival}: here {here}, in the records {recorded}")

# %% [markdown]
# And at the paper's width, where a batch of capsules is the dearer one, as far as it was run:

# %% tags=["nbval-ignore-output"]
pace_table(pairs, "cpu")

# %% [markdown]
# Three cautions about "faster". The straight line between two milestones is a guess at where a curve goes. At a width where the rival does most of the work, seconds favour the capsules, and at the paper's width they do not (see the multiplications at the top). And an epoch of MNIST is 1,875 batches of 32: what the slides call 1,000 epochs, if they were epochs, would be a thousand times what is needed for digits like theirs.
#
# ## Exercises
#
# Write the functions, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** The score of one output capsule, given its *total input* $s$, `[b, 16]`: the logit of its length after squash. One line is enough.
#
# <details><summary>Hint</summary>
#
# Squash makes $p = \frac{n^2}{1+n^2}$ of a total of length $n$. What is $\frac{p}{1-p}$?
#
# </details>


# %%
def my_score(totals):
    return ...  # [b]


solved = check("09.score", my_score)

# %% [markdown]
# **2.** The discriminator's margin loss with one output capsule, from the lengths for real and for made images, `[b]` each, with $m^+=0.9$, $m^-=0.1$, $\lambda=0.5$. One number for the batch.
#
# <details><summary>Hint</summary>
#
# Real images should be long and made ones short, and each of the two has a margin beyond which nothing is paid. Three operations in the right order: maximum, square, mean.
#
# </details>


# %%
def my_margin(real_lengths, made_lengths):
    return ...  # a number


solved = check("09.margin", my_margin)

# %% [markdown]
# **3.** With two parents, how much of each child goes to the first? Write it with a sigmoid instead of a softmax. Then ask yourself what to subtract if there is only one parent.
#
# <details><summary>Hint</summary>
#
# Divide both parts of $\frac{e^{b_0}}{e^{b_0}+e^{b_1}}$ by $e^{b_0}$.
#
# </details>


# %%
def my_coupling(logits):
    return ...  # [b, i] from [b, i, 2]


solved = check("09.coupling", my_coupling)

# %% [markdown]
# **4.** The gradient penalty without its weight, given the gradient of the score at images between real and made, `[b, c, h, w]`.
#
# <details><summary>Hint</summary>
#
# An image's gradient is one long vector, whatever shape it is stored in. One length per image.
#
# </details>


# %%
def my_gradient_penalty(gradient):
    return ...  # a number


solved = check("09.gradient_penalty", my_gradient_penalty)

# %% [markdown]
# **5.** After how many batches is a FID reached for the first time, on straight lines between measurements? `curve` is a list of pairs (batches, FID) in the order of the batches. If the first is as low already, return its batches; if it is never reached, `float("inf")`.
#
# <details><summary>Hint</summary>
#
# Look at neighbouring pairs, `itertools.pairwise(curve)`: which is the first piece that *ends* at or below the target? What share of that piece lies before the crossing?
#
# </details>


# %%
def my_batches_to_reach(curve, target):
    return ...  # a number


solved = check("09.batches_to_reach", my_batches_to_reach)

# %% [markdown]
# **6.** (No check, an evening.) Is it the routing that a second parent is good for, or just the second parent? Leave everything as it is and iterate once:
#
# `replace(EXPERIMENTS["capsgan-two"], name="two-unrouted", network=capsgan(parents=2, iterations=1))`
#
# with `capsgan` from `capsedu.experiments.capsgan`. Train it and `capsgan-two` by `capsedu.runs.train` in the profile `small`, with three seeds each, and write down beforehand which difference in FID would convince you.
#
# <details><summary>Hint</summary>
#
# What are the couplings in the first iteration, with all logits 0? That is why one iteration is a fair control. The spread between the seeds of *one* network tells how large a difference must be to mean anything.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/09_capsgan.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/09_capsgan.md)).
#
# ## What the papers got wrong, or left open
#
# **The square that moved.** Equations 2 and 6 of the paper say $T\max(0,\, m^+ - \lVert v\rVert^2)$: the exponent stands inside, and in equation 6 a bracket is never closed. CapsNet's loss squares the whole maximum, as the paper's own second term does. As printed, a real image should be as long as $\sqrt{0.9}$, and the slope at the start is that of a straight line in $\lVert v\rVert^2$:

# %%
v = torch.tensor([0.0, 0.3, 0.6, 0.85, 0.92, 0.96])
meant, printed = (0.9 - v).clamp(min=0).square(), (0.9 - v**2).clamp(min=0)
for name, row in {"length": v, "meant": meant, "as printed": printed}.items():
    print(f"{name:10}", "  ".join(f"{x:.3f}" for x in row))
assert (printed == 0).nonzero()[0] == 5 and (meant == 0).nonzero()[0] == 4

# %% [markdown]
# **`max` for `min`.** Equations 3 and 4 choose the weights that *maximise* the losses. **The sign in line 16.** The algorithm says `total_loss ← real_loss − fake_loss`, which equation 3 adds. Let us do all that to a small capsule discriminator that sees real digits and the images of an untrained generator, for sixty steps, and look at the lengths: real images should be long, made ones short.

# %%
torch.manual_seed(0)
with torch.no_grad():
    made = CapsGanGenerator(width=4)(torch.randn(32, 128))


def lengths_after(loss, steps=60):
    """Mean lengths for real and made images once a discriminator has minimised `loss`."""
    torch.manual_seed(0)
    judge = CapsuleDiscriminator(conv_channels=8, primary_types=2, decoder=False)
    adam = torch.optim.Adam(judge.parameters(), lr=1e-3)
    for _ in range(steps):
        lengths = [judge(images).scores.sigmoid() for images in (real, made)]
        adam.zero_grad()
        loss(*lengths).backward()
        adam.step()
    return [each.mean().item() for each in lengths]


# %%
def should_be(lengths, target):  # the margin loss with T = 1 (real) or T = 0 (made)
    return margin_loss(lengths, torch.full_like(lengths, target))


readings = {
    "min, added (meant)": lambda r, m: should_be(r, 1) + should_be(m, 0),
    "max, added (equation 3)": lambda r, m: -should_be(r, 1) - should_be(m, 0),
    "subtracted, T = 0 for made": lambda r, m: should_be(r, 1) - should_be(m, 0),
    "subtracted, T = 1 for made": lambda r, m: should_be(r, 1) - should_be(m, 1),
}
for name, loss in readings.items():
    of_real, of_made = lengths_after(loss)
    print(f"{name:28} real {of_real:.5f}, made {of_made:.5f}")

# %% [markdown]
# Maximised, everything gets short: real images because the loss says so, and made ones because below $m^-$ nothing pulls at them. Subtracted with equation 3's $T=0$, everything is called real, since a made image that looks real is now a gain. There is one reading that works: if `fake_loss` is the *generator's* loss in both of its lines, with $T=1$, then subtracting it makes a game of two players with one value. But then $m^-$ and $\lambda$, which were found "through hyper-parameter search", never appear, and nothing keeps made images away from 0, where the generator is not pulled any more.
#
# **"Gradient clipping" is weight clipping.** Abstract and section 5.2.1 speak of gradient clipping for Wasserstein's loss (section 4.1 of "weight-clipping of gradients"). What Arjovsky et al. clip is weights. Clipping gradients bounds no weight, least of all with Adam, which divides by their size:

# %%
for name in ("nothing", "gradients", "weights"):
    torch.manual_seed(0)
    judge = CapsuleDiscriminator(conv_channels=8, primary_types=2, decoder=False)
    adam = torch.optim.Adam(judge.parameters(), lr=3e-3)
    for _ in range(30):
        adam.zero_grad()
        Wasserstein().discriminator_loss(judge(real).scores, judge(made).scores).backward()
        if name == "gradients":
            nn.utils.clip_grad_value_(judge.parameters(), 0.01)
        adam.step()
        if name == "weights":
            WeightClipping(0.01).constrain(judge)
    largest = max(part.abs().max().item() for part in judge.parameters())
    print(f"{name:9} clipped at 0.01: the largest weight is {largest:.3f}")

# %% [markdown]
# **"It is not possible to apply inception scores to the MNIST dataset."** Not with Inception. The score is $\exp$ of the mean $\mathrm{KL}(p(y\mid x)\,\Vert\,p(y))$, and any classifier of digits has a $p(y\mid x)$; its best value for ten classes is 10. With ours, for real digits, and for the samples of the short training above:

# %% tags=["nbval-ignore-output"]
suffix = "" if test_set.name == "mnist" else f"-{test_set.name}"
classifier = pretrained(EXPERIMENTS[f"digit-classifier{suffix}"], "small")
many = BatchStream(test_set, min(1000, len(test_set)), RotatedDigits(32, 0.0), shuffle=False)
sets = {"real": many.batch(0).images, "made": sample_images(run.network.generator, 1000, seed=2)}
for name, images in sets.items():
    with torch.no_grad():
        p = classifier(images).softmax(dim=1)
    kl = (p * (p.clamp(min=1e-9) / p.mean(dim=0)).log()).sum(dim=1)
    print(f"{name} digits: inception score {kl.mean().exp():.2f} of 10")

# %% [markdown]
# **A title without its subject.** "Using Dynamic Routing": with one output capsule there is none. See above.
#
# **Batch 2,000 that is not shown.** Section 4.1 says that the results are the first 1,000 iterations; section 5.1.2 finds CapsGAN better "at batch 2000".
#
# **"The efficacy and validity of using capsule networks in designing GAN architectures" has been shown** (conclusion). With no number and no repetition. The tables above are what such a claim needs, and they are still small: one data set and few seeds.
#
# **"Convergence within 1/3 number of the training epochs" (Karmakar).** The slides do not say what convergence is, and do not measure the samples. See the table above for what it comes to here.
#
# ## References
#
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. [arXiv:1806.03968](https://arxiv.org/abs/1806.03968); [code](https://github.com/raeidsaqur/CapsGAN).
# - A. Karmakar. *Improving Generative Adversarial Networks with CapsuleNET*. Slides of a course project, Indian Institute of Space Science and Technology, 2018.
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829).
# - A. Radford, L. Metz, S. Chintala. *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*. 2016. [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - M. Arjovsky, S. Chintala, L. Bottou. *Wasserstein GAN*. 2017. [arXiv:1701.07875](https://arxiv.org/abs/1701.07875).
# - I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville. *Improved Training of Wasserstein GANs*. 2017. [arXiv:1704.00028](https://arxiv.org/abs/1704.00028).
# - T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida. *Spectral Normalization for Generative Adversarial Networks*. 2018. [arXiv:1802.05957](https://arxiv.org/abs/1802.05957).
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter. *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*. 2017. [arXiv:1706.08500](https://arxiv.org/abs/1706.08500). FID.
# - T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford, X. Chen. *Improved Techniques for Training GANs*. 2016. [arXiv:1606.03498](https://arxiv.org/abs/1606.03498). The inception score.
