# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A zoo of GANs, with and without capsules
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/10_gan_zoo.ipynb)
#
# In 2018 three students wrote a report, *Image Regeneration with Generative Models* (Abhijith, Dhanya & Shashank). They took four GANs, DCGAN, ACGAN, InfoGAN and WGAN, and replaced the discriminator of each by capsules. They propose that capsules need little data, and conclude that these "reduce the training overhead considerably" and give similar results. The report prints every layer with its parameters, and the code. That is more than most papers do, and it makes the report a good thing to learn from: one can build exactly what was built, and look. This chapter does. On the way you meet the four GANs, which differ from each other by a head or a loss, and not by a program.
#
# You will be able to
#
# - count a network's parameters against a printed table, and find out where a wrong number comes from;
# - tell routing from something that is called routing, by experiments that only one of them passes;
# - ask a generator for a class (ACGAN), and let it find classes and codes by itself (InfoGAN), and measure whether it does;
# - say what a Wasserstein critic's loss means, what it needs, and why its "accuracy" means nothing;
# - test "needs less data", "as good" and "less overhead" with records;
# - fill in missing pieces of an image by a search in a generator, and say what it is worth beside two methods that have learned nothing;
# - recognise four mistakes of GAN code by what they do to the images.
#
# **Before this chapter:** chapters *DCGAN* and *CapsGAN*, and dynamic routing.
#
# **Time and hardware.** The profile `quick` trains one or two small GANs for 200 batches; the chapter takes less than two minutes on two CPU cores. The trainings that are compared are read from records.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import tempfile
import time
from copy import deepcopy
from dataclasses import replace
from itertools import repeat
from statistics import fmean

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_sample_image
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream, RotatedDigits, first_available
from capsedu.evaluation.codes import naming_agreement
from capsedu.evaluation.filling import biharmonic_filling, inpainting_error, nearest_filling
from capsedu.evaluation.inpainting import (
    context_weights,
    fill_in,
    fill_in_steps,
    holes,
    typical_noise,
)
from capsedu.evaluation.samples import prepared, sample_images
from capsedu.experiments import EXPERIMENTS
from capsedu.explore import explorers, live, show
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.filling_tables import filling_table, filling_verdict
from capsedu.explore.gan_findings import comparison, convergence, points
from capsedu.explore.gan_tables import listed, progress_table, quality_table
from capsedu.explore.zoo_figures import (
    code_sheet,
    data_curves,
    game_grid,
    pixel_panels,
    share_panels,
)
from capsedu.explore.zoo_tables import calming, cost_table, loss_shift, overhead
from capsedu.functional import capsule_length, slerp
from capsedu.learning.gan_objectives import NonSaturating, Wasserstein
from capsedu.learning.heads import AuxiliaryClassifier
from capsedu.learning.regularisers import GradientPenalty, Judged, Regulariser, WeightClipping
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.dcgan import DcganDiscriminator
from capsedu.models.gan import Gan, Judgement, realness
from capsedu.models.regeneration import (
    DenseRouting,
    RegenerationDiscriminator,
    RegenerationGenerator,
)
from capsedu.profiles import resolve_profile
from capsedu.records import read_record, read_seeds
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps
from capsedu.routing.voteless import route_children
from capsedu.runs import train

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# The report's "preliminary training" is on MNIST, and so is ours. Where it is neither on the disk nor to be downloaded, scikit-learn's smaller set of handwritten digits takes its place.

# %% tags=["nbval-ignore-output"]
profile = resolve_profile(profile)
test_set = first_available("mnist", "digits", train=False)
count = min(1000, len(test_set))
held_out = BatchStream(test_set, count, RotatedDigits(28, 0.0), shuffle=False).batch(0)
real = 2 * held_out.images - 1
print(f"{test_set.name}: {list(real.shape)}, from {real.min():.0f} to {real.max():.0f}")

# %% [markdown]
# ## Two networks, number by number
#
# The report prints two tables, one per network, for colour images of 64x64. Here they are as data. A layer of batch normalisation has four numbers per channel: a gain and a bias that are trained, a mean and a variance that are not.

# %%
REPORT = {  # sections 6.1.1 and 6.1.2: layer, what it puts out, its numbers
    "generator": [
        ("dense_5", "8192", 827_392),
        ("batch_normalization_3", "8, 8, 128", 512),
        ("conv2d_1", "16, 16, 128", 147_584),
        ("batch_normalization_4", "16, 16, 128", 512),
        ("conv2d_2", "32, 32, 64", 73_792),
        ("batch_normalization_5", "32, 32, 64", 256),
        ("conv2d_3", "64, 64, 32", 18_464),
        ("batch_normalization_6", "64, 64, 32", 128),
        ("conv2d_4", "64, 64, 3", 867),
    ],
    "discriminator": [
        ("conv1", "56, 56, 256", 62_464),
        ("batch_normalization_1", "56, 56, 256", 1_024),
        ("primarycap_conv2", "24, 24, 256", 5_308_672),
        ("batch_normalization_2", "18432, 8", 32),
        ("uhat_digitcaps", "160", 23_593_120),
        ("dense_1", "160", 25_760),
        ("dense_2", "160", 25_760),
        ("dense_3", "160", 25_760),
        ("dense_4", "1", 161),
    ],
}
TOTALS = {"generator": 1_069_507, "discriminator": 29_042_753}


# %%
def layers_of(network, given):
    """Each layer with numbers of its own: its name, what it puts out, how many numbers."""
    found = []

    def note(layer, _, output):
        own = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
        if numbers := sum(part.numel() for part in own if part.dim()):  # not the batch counter
            found.append((type(layer).__name__, list(output.shape[1:]), numbers))

    hooks = [layer.register_forward_hook(note) for layer in network.modules()]
    network(given)
    for hook in hooks:
        hook.remove()
    return found


# %%
with torch.device("meta"):  # shapes without memory: nothing is computed
    networks = {"generator": RegenerationGenerator(), "discriminator": RegenerationDiscriminator()}
    inputs = {"generator": torch.empty(1, 100), "discriminator": torch.empty(1, 3, 64, 64)}
for name, network in networks.items():
    ours = layers_of(network, inputs[name])
    for (layer, shape, numbers), (kind, own, mine) in zip(REPORT[name], ours, strict=True):
        print(f"{layer:22}{shape:>13}{numbers:>12,}   {kind:12}{own!s:>17}{mine:>12,}")
        assert mine == numbers
    assert sum(numbers for *_, numbers in ours) == TOTALS[name]
    trained = parameter_count(network)
    print(f"the {name}: {TOTALS[name]:,}, of which {trained:,} are trained\n")

# %% [markdown]
# They agree in every line: the left half is the report's, the right half ours (PyTorch puts the channels first). The generator repeats pixels and convolves, three times, where DCGAN has transposed convolutions. The discriminator is CapsNet's beginning, and then dense layers.
#
# MNIST's digits are smaller. The same networks for 28x28 pixels, as in all that follows:

# %%
with torch.device("meta"):
    small = RegenerationGenerator((1, 28, 28)), RegenerationDiscriminator((1, 28, 28))
for name, network in zip(TOTALS, small, strict=True):
    print(f"the {name} at 28x28: {parameter_count(network):,} trained parameters")

# %% [markdown]
# **Where the numbers in the text come from.** Section 5.2.3 says "Number of parameters: 1497600" of the last part, "DigitCaps", and a few lines below counts 23,593,120 in the first of its layers alone. Section 5.2 says that the output "is a 10-dimensional vector"; the table ends in 1. Both have one explanation. MNIST's CapsNet has 1,152 children, ten parents, and a matrix of 8x16 for each pair; explanations of it on the web also count the logit and the coupling of each pair:

# %%
children, parents = 1152, 10
assert parents * children * (8 * 16 + 1 + 1) == 1_497_600
digitcaps = 23_593_120 + 3 * 25_760 + 161
print(f"the report's own last part: {digitcaps:,}, {digitcaps / 1_497_600:.1f} times as many")

# %% [markdown]
# The text describes another network, a classifier of digits, and the table describes the one that was built. (Couplings are no parameters either: they are computed anew for every image.) When a text and a table disagree, believe the one that a program printed.
#
# ## The routing that is none
#
# The comments in the report's code say "Dynamic Routing", "prediction vector", "squash". This is what is computed. All capsules are laid out in one vector $x$, and
#
# $$\hat u = Wx + b,\qquad s_0 = \hat u,\qquad s_{t+1} = \mathrm{LeakyReLU}\bigl(\hat u\circ(V_t\,\mathrm{softmax}(s_t) + b_t)\bigr)$$
#
# three times, with 160 numbers in $\hat u$. The names are those of routing, and four things that make it routing are not there:
#
# | | dynamic routing | the report's |
# |---|---|---|
# | votes | one vector for each pair of child and parent, $\hat u_{j\mid i}$ | none: $W$ adds up all children before anything is compared |
# | agreement | $\hat u_{j\mid i}\cdot v_j$, how well a vote fits what the others say | none: no vote is left to compare |
# | coupling | a softmax over the parents, for each child | one softmax over the 160 units of one vector |
# | weights | none of its own; one can iterate as often as one likes | three dense layers, one per round |
#
# A table of words is no proof, so let us do what routing would notice. **First: who voted what?** The matrix $W$ has fewer rows than columns, so there are directions in which the capsules can change without changing $\hat u$. A small layer, six capsules of two numbers:

# %%
torch.manual_seed(0)
layer = DenseRouting(features=12, units=4).double()
capsules = torch.randn(1, 12, dtype=torch.float64)
*_, directions = torch.linalg.svd(layer.prediction.weight)
others = capsules + 5 * directions[4:].sum(dim=0)  # into the null space of W
assert_close(layer(capsules), layer(others))
moved = (others - capsules).view(6, 2).norm(dim=1)
print(f"six capsules moved by {moved.min():.1f} to {moved.max():.1f}: the same output")

# %% [markdown]
# Six entirely different capsules, and the layer cannot see it, since only a sum arrives. Now routing: two sets of votes for two parents, **with the same sums**. In the first all children agree about both parents, in the second they do not about parent 0.

# %%
agreeing = 0.4 * torch.eye(2, 3, dtype=torch.float64).expand(1, 6, 2, 3)
spread = torch.randn(6, 3, dtype=torch.float64)
torn = agreeing.clone()
torn[0, :, 0] += spread - spread.mean(dim=0)
assert_close(agreeing.sum(dim=1), torn.sum(dim=1))
for iterations in (1, 3):
    lengths = [capsule_length(dynamic_routing(votes, iterations)) for votes in (agreeing, torn)]
    told = ", disagreeing: ".join(f"{each[0, 0]:.3f}" for each in lengths)
    print(f"{iterations} iteration(s): parent 0 has length {told}")

# %% [markdown]
# With one iteration nothing is routed yet, and the two cannot be told apart either. From the second on they can: whose vote fits the parent gives it more, and whose does not goes to the other. That difference *is* routing. (Parent 0 even gets *longer* where its votes are torn: the long votes that fit it count more now. The number shows that votes were compared, not that disagreement pays.) **Second: the couplings, and the order of votes.** A vote may come from any child:

# %%
*_, last = dynamic_routing_steps(torn, 3)
order = torch.randperm(6)
*_, permuted = dynamic_routing_steps(torn[:, order], 3)
assert_close(permuted.poses, last.poses)
assert_close(permuted.couplings, last.couplings[:, order])
assert_close(last.couplings.sum(dim=2), torch.ones(1, 6, dtype=torch.float64))
shares = layer.prediction(capsules).softmax(dim=1)
print(f"couplings {list(last.couplings.shape)}: they sum to 1 over the parents, for each child")
print(f"the report's softmax {list(shares.shape)}: it sums to {shares.sum():.0f} for each image")

# %% [markdown]
# There is no axis for children in the second line, and none for parents. **Third: lengths.** A capsule's length is a probability, by squash. The report puts batch normalisation behind it:

# %%
torch.manual_seed(0)
judge = RegenerationDiscriminator((1, 28, 28), conv_channels=32, primary_types=4)
with torch.no_grad():
    features = judge.normalisation(F.leaky_relu(judge.convolution(real[:64]), 0.3))
    squashed = judge.primary_capsules(features)
    behind = judge.capsule_normalisation(squashed.mT).mT
for name, poses in {"squashed": squashed, "normalised": behind}.items():
    lengths = capsule_length(poses)
    print(f"{name:11} lengths from {lengths.min():.3f} to {lengths.max():.2f}")

# %% [markdown]
# After it a length is no probability any more. That does no harm here, because nothing reads lengths any more.
#
# ## What the gate does
#
# So what is it? The factor $V_t\,\mathrm{softmax}(s_t) + b_t$ is a *gate*: 160 numbers with which $\hat u$ is multiplied. A gate is worth something if it depends on the image. The softmax over 160 units gives each $1/160$ on average; if it gave exactly that, the gate would be the same 160 numbers for every image, and three rounds would be one dense layer.
#
# That has to be looked at in a network that has been trained, too. So here is one, trained now: the report's CapsInfoGAN, whose additional head is the subject of a later section.

# %% tags=["nbval-ignore-output"]
experiment = replace(EXPERIMENTS["report-caps-infogan"], data=test_set.name)
size = profile if profile in experiment.profiles else "quick"
folder = tempfile.TemporaryDirectory()  # gone when the notebook is
run = train(experiment, size, root=folder.name, progress=False)
print(f"{experiment.title}, profile {size}, {parameter_count(run.network):,} parameters")
for row in run.history:
    if "fid" in row:
        losses = " and ".join(f"{row[f'{who}_loss']:.2f}" for who in ("discriminator", "generator"))
        print(f"after {row['step']:4} batches: losses {losses}, FID {row['fid']:.1f}")


# %% [markdown]
# The rounds again, so that one can look inside, and how even a softmax is: the number of units among which an *even* softmax would have the same entropy, $\exp H$.


# %%
def rounds(routing, features):
    """The softmax and the gate of every round, [b, 160] each."""
    predicted = state = routing.prediction(features)
    for gate in routing.gates:
        shares = state.softmax(dim=1)
        weights = gate(shares)
        yield shares, weights
        state = F.leaky_relu(predicted * weights, 0.3)


def evenness(shares):
    """Among how many units an even softmax would be as even, on average over the images."""
    return torch.special.entr(shares).sum(dim=1).exp().mean().item()


# %% [markdown]
# Three networks of one size: fresh; fresh with what Keras would have put into the gates (biases 0, and weights by Glorot's rule, where PyTorch draws both from ±0.08); and trained. They see 64 real digits and 64 made ones, with batch normalisation as in training.

# %% tags=["nbval-ignore-output"]
shape = (1, 28, 28)
trained = deepcopy(run.network.discriminator).cpu().train()  # its statistics move when it looks
fresh, keras = (experiment.build(experiment.profile(size), shape, 10).discriminator for _ in "12")
for gate in keras.routing.gates:
    nn.init.xavier_uniform_(gate.weight)
    nn.init.zeros_(gate.bias)
judges = {"fresh": fresh, "fresh, as Keras": keras, "trained": trained}
codes_of_made = run.network.noise(64, torch.Generator().manual_seed(1))
made = 2 * sample_images(run.network.generator.cpu(), 64, 0, noise=codes_of_made) - 1

# %% tags=["nbval-ignore-output"]
arrived = {}  # by name, what arrives at the routing, and the scores
for name, judge in judges.items():
    given = []
    hook = judge.routing.register_forward_pre_hook(
        lambda _, inputs, kept=given: kept.append(inputs[0])
    )
    with torch.no_grad():
        scores = [judge(images).scores[:, 0] for images in (real[:64], made)]
    hook.remove()
    arrived[name] = torch.cat(given), torch.cat(scores)

# %% tags=["nbval-ignore-output"]
softmaxes, stories = {}, []
for name, judge in judges.items():
    with torch.no_grad():
        softmaxes[name], gates = map(
            list, zip(*rounds(judge.routing, arrived[name][0]), strict=True)
        )
    even = ", ".join(f"{evenness(shares):.1f}" for shares in softmaxes[name])
    depends = gates[-1].var(dim=0).mean() / gates[-1].var()
    stories.append(f"{name}: as even as over {even} units of 160")
    print(f"{stories[-1]};\n    {depends:.2%} of the last gate's variance is between images")

# %% tags=["nbval-ignore-output"]
show(
    share_panels(softmaxes),
    alt="The shares that each softmax gives to the 160 units, the largest first, on a logarithmic "
    "scale, one line per round, beside the even share 1/160 = 0.00625. " + ". ".join(stories) + ".",
)

# %% [markdown]
# The first softmax sees $\hat u$ itself. The next two see $\hat u$ after a gate of small numbers, and are nearly flat as long as those are small. And the result is read from the *last* gate only: the first two rounds act on it through the softmax and in no other way. So the test is to take the softmax away: feed every last gate $1/160$ from each unit, whatever the image, and compare the scores.


# %%
def with_a_constant_gate(judge, features):
    """The scores if the last softmax were exactly even for every image."""
    routing = judge.routing
    constant = routing.gates[-1](torch.full((1, 160), 1 / 160))
    return judge.score(F.leaky_relu(routing.prediction(features) * constant, 0.3))[:, 0]


# %% tags=["nbval-ignore-output"]
for name, judge in judges.items():
    features, scores = arrived[name]
    with torch.no_grad():
        without = with_a_constant_gate(judge, features)
    alike = torch.corrcoef(torch.stack([scores, without]))[0, 1]
    turned = ((scores > 0) != (without > 0)).float().mean()
    off = (scores - without).std() / scores.std()
    print(f"{name:16} correlation {alike:.4f}, off by {off:.1%}, {turned:.1%} decided otherwise")

# %% [markdown]
# Where the correlation is near 1, "dynamic routing" is a fixed number per unit, and the discriminator is two convolutions, a squash and **two dense layers**. Where training has moved it away from 1, the gate does something: the layer is then a small network that multiplies, as in gated units, which is a respectable thing to be. It still compares no votes. (Trained here means for as long as the profile trains; whoever trains longer should ask again.)
#
# ## Three capsule discriminators side by side
#
# There are two others in this book for the same job: CapsGAN's, one capsule by dynamic routing (chapter *CapsGAN*: with one parent there is no choice), and matrix capsules, one for real and one for fake, by EM routing. All three against the same generator, on the same digits. Beside them two plain DCGANs: one as narrow as the profile, and one in the width that has as many parameters as the report's capsules, since a discriminator may simply be better because it is larger. In the profile of the records:

# %%
zoo = {
    "DCGAN": "report-dcgan",
    "DCGAN, matched": "report-matched-dcgan",
    "dense routing": "report-caps-dcgan",
    "one capsule": "report-one-capsule",
    "EM routing": "report-em-capsules",
}
torch.manual_seed(0)
panel = {}
for name, task in zoo.items():
    chosen = EXPERIMENTS[task]
    panel[name] = chosen.build(chosen.profile("small"), shape, 10).discriminator
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        scores = panel[name](real[:1].repeat(2, 1, 1, 1)).scores
    print(f"{name:15}{parameter_count(panel[name]):>9,} parameters,", end=" ")
    print(f"{counter.get_total_flops() / 4e6:5.1f} M multiplications, {scores.shape[1]} score(s)")

# %% [markdown]
# (Of EM routing the counter sees the convolutions and matrix products, and not the sums over votes.) Which of them *routes*? In a network that does, the number of iterations matters. The dense one cannot be asked: its rounds have weights, so it has exactly three.

# %%
for name, judge in panel.items():
    routed = [layer for layer in judge.modules() if hasattr(layer, "iterations")]
    found = []
    for iterations in (1, 3):
        for layer in routed:
            layer.iterations = iterations
        with torch.no_grad():
            found.append(judge.eval()(real[:16]).scores)
    difference = (found[0] - found[1]).abs().max()
    told = f"scores differ by up to {difference:.2g}" if routed else "cannot iterate"
    print(f"{name:15} 1 or 3 iterations: {told}")

# %% [markdown]
# What they are worth as teachers of a generator, after 2,000 batches. FID and the rest are measured on 5,000 samples against 5,000 test images, on the features of the project's digit classifier: **they can be compared with each other and with no paper's**. "Converged" is meant as in chapter *CapsGAN*: at least eight digits are shown at the end, and FID is then at most a quarter above its lowest.

# %% tags=["nbval-ignore-output"]
quality_table(list(zoo.values()), "small")

# %% tags=["nbval-ignore-output"]
progress_table(list(zoo.values()), "small")

# %% tags=["nbval-ignore-output"]
listed(
    comparison(name, rival, "small")
    for rival in ("report-dcgan", "report-matched-dcgan")
    for name in ("report-caps-dcgan", "report-one-capsule", "report-em-capsules")
)

# %% [markdown]
# ## ACGAN: ask for a class
#
# **Claim.** If the discriminator must also say which digit it sees, and the generator is told which digit to make, the generator can be asked for a class.
#
# The first ten numbers of the noise are the class, one-hot. A second output of the discriminator, a linear layer on its features, has ten scores. With the class $c$ of a real image, or the class that was asked for,
#
# $$L_C = -\mathbb{E}\,\log P(c \mid x_\text{real}) - \mathbb{E}\,\log P(c \mid x_\text{made})$$
#
# is added to the loss of *both* networks (Odena et al., equations 2 and 3). This is the one part of the game in which the two do not fight.

# %%
torch.manual_seed(0)
head = AuxiliaryClassifier(features=160)
asked = head.draw(64)  # one-hot
of_real, of_made = (Judgement(torch.zeros(64, 1), features=torch.randn(64, 160)) for _ in "12")
targets = held_out.targets[:64]
log_p = [head.scores(each.features).log_softmax(dim=1) for each in (of_real, of_made)]
by_hand = -log_p[0][range(64), targets].mean() - (log_p[1] * asked).sum(dim=1).mean()
assert_close(head.real_loss(of_real, targets) + head.made_loss(of_made, asked), by_hand)
print(
    f"untrained, L_C is {by_hand:.2f}; guessing costs 2 log 10 = {2 * torch.tensor(10.0).log():.2f}"
)


# %% tags=["nbval-ignore-output"]
def generator_of(name):
    """The generator of an experiment, shipped with the book or else trained here; and which."""
    shipped = pretrained(EXPERIMENTS[name], "small") if test_set.name == "mnist" else None
    if shipped is not None:
        return shipped, "trained for the book, profile small"
    trained_here = train(
        replace(EXPERIMENTS[name], data=test_set.name), size, root=folder.name, progress=False
    )
    return trained_here.network.generator.cpu().eval(), f"trained here, profile {size}"


acgan, told = generator_of("report-acgan")
suffix = "" if test_set.name == "mnist" else f"-{test_set.name}"
classifier = pretrained(EXPERIMENTS[f"digit-classifier{suffix}"], "small")


# %% tags=["nbval-ignore-output"]
def read(images):
    """How probable the digit classifier finds each class, [n, 10]."""
    with torch.no_grad():
        batches = prepared("images", images, classifier.image_shape)
        return torch.cat([classifier(batch).softmax(dim=1) for batch in batches])


def drawn(generator, code, noise):
    """What a generator makes of codes [n, k] and the rest of its noise [n, 100 - k]."""
    return sample_images(generator, len(code), 0, noise=torch.cat([code, noise], dim=1))


# %% [markdown]
# Ten digits, each from the same ten noises: a row per class that was asked for. Where the digit classifier, which had no part in the training, sees another digit, there is a cross in the corner.

# %% tags=["nbval-ignore-output"]
each = torch.eye(10).repeat_interleave(10, dim=0)  # ten times 0, ten times 1, ...
noise = torch.randn(10, 90, generator=torch.Generator().manual_seed(3)).repeat(10, 1)
images = drawn(acgan, each, noise)
wrong = read(images).argmax(dim=1) != each.argmax(dim=1)
show(
    code_sheet(images.view(10, 10, 28, 28), [str(k) for k in range(10)], marked=wrong.view(10, 10)),
    alt=f"A hundred digits made by ACGAN ({told}): a row for each class that was asked for, the same "
    f"ten noises in each. {int(wrong.sum())} have a cross, since the classifier takes them for "
    "another digit.",
)

# %% tags=["nbval-ignore-output"]
wanted = torch.arange(10).repeat(100)
fresh_noise = torch.randn(1000, 90, generator=torch.Generator().manual_seed(4))
confirmed = read(drawn(acgan, F.one_hot(wanted, 10).float(), fresh_noise)).argmax(dim=1) == wanted
of_real = (read(held_out.images).argmax(dim=1) == held_out.targets).float().mean()
print(f"ACGAN, {told}: {confirmed.float().mean():.1%} of 1,000 samples are what was asked for;")
print(f"of real test digits the classifier confirms {of_real:.1%}")
for digit in range(10):
    print(f"{digit}: {confirmed[wanted == digit].float().mean():.0%}", end="   ")

# %% [markdown]
# A high share says that the classes are *recognisable*. It does not say that they are varied: one perfect 3, made a hundred times, would be confirmed a hundred times. For that, look along the rows, and at recall in the tables below.
#
# Choose a digit, and move along an arc from one noise to another.

# %% tags=["nbval-ignore-output"]
first, second = torch.randn(2, 90, generator=torch.Generator().manual_seed(5))
arc = torch.stack([slerp(first, second, t / 6) for t in range(7)])
images = drawn(acgan, torch.eye(10).repeat_interleave(7, dim=0), arc.repeat(10, 1))
explorers.codes(
    f"ACGAN ({told}): a digit by choice, on the way from one noise to another",
    images.view(10, 7, 28, 28),
    read(images).view(10, 7, 10),
    [f"a {digit}" for digit in range(10)],
    [f"{t / 6:.2f} of the way" for t in range(7)],
    choice="asked for",
)

# %% [markdown]
# Stay at one place and change the digit: slant and width of the stroke go along, as far as the generator has learnt to keep them apart from the class. Nobody has told it what slant is.
#
# ## InfoGAN: codes without labels
#
# **Claim.** If the discriminator must read from an image the *code* that it was made from, the generator has to make the code visible, and classes can appear without a single label.
#
# The code is a category, one of ten, and two numbers between −1 and 1. Its mutual information with the image is to be large. The discriminator's head gives a guess $Q(c\mid x)$, and for any guess
#
# $$I(c;\,G(z, c)) \;\ge\; \mathbb{E}\,\log Q(c\mid G(z, c)) + H(c)$$
#
# with equality for the best one (Chen et al., section 5). So both networks minimise the cross-entropy of the guess (for the two numbers, minus the logarithm of a normal density, with a tenth of the weight). For ten categories $H(c) = \log 10$, so the bound is at most 2.303 nats, 0 for a guess that knows nothing, and below 0 for one that is sure and wrong. In the capsule InfoGAN that was trained above:

# %% tags=["nbval-ignore-output"]
(reader,) = run.network.heads.cpu()
n = 500
noise = run.network.noise(n, torch.Generator().manual_seed(2))
(code,) = run.network.codes(noise)
made = 2 * sample_images(run.network.generator, n, 0, noise=noise) - 1
with torch.no_grad():
    discriminator = run.network.discriminator.cpu().eval()
    hidden = reader.hidden(discriminator(made).features)
    cost = F.cross_entropy(reader.category(hidden), code[:, :10].argmax(dim=1))
bound = torch.tensor(10.0).log() - cost
print(f"the category tells at least {bound:.3f} of {torch.tensor(10.0).log():.3f} nats")

# %% [markdown]
# And what *is* a category? Nobody has said that it should be a digit. The head can read real images as well, so we can ask what it calls which digit. Count how often each category goes with each true class, give every category one class so that the sum is as large as possible (one to one, by an algorithm for such assignments), and see how often they agree. Ten categories at random agree too, by luck; that is the mark to compare with.


# %%
def agreement(categories, targets):
    """The share of images that are right under the best one-to-one naming of the categories."""
    table = torch.zeros(10, 10)
    table.index_put_((categories, targets), torch.ones(len(targets)), accumulate=True)
    rows, columns = linear_sum_assignment(table.numpy(), maximize=True)
    return table[rows, columns].sum().item() / len(targets)


# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
with torch.no_grad():
    named = reader.category(reader.hidden(discriminator(real).features)).argmax(dim=1)
luck = agreement(torch.randint(10, (len(named),)), held_out.targets)
assert_close(agreement(named, held_out.targets), naming_agreement(named, held_out.targets))
print(f"{experiment.title}, profile {size}, on {len(named)} real digits: ", end="")
print(f"{agreement(named, held_out.targets):.1%}; by luck {luck:.1%}")
for name in ("report-infogan", "report-caps-infogan"):
    record = read_record(name, "small")
    found = record.curves.get("category_agreement") if record else None
    print(f"{name}, 2,000 batches: {f'{found[0][1]:.1%}' if found else 'not run yet'}")
infogan, told = run.network.generator.eval(), f"with capsules, trained here, profile {size}"
if test_set.name == "mnist" and pretrained(EXPERIMENTS["report-infogan"], "small") is not None:
    infogan, told = generator_of("report-infogan")

# %% [markdown]
# The paper names its categories in the same way and finds 5 % errors on MNIST, after a long training.
#
# The other way round, for the generator that is looked at from here on: what does the classifier see in an image that was made from a category?

# %% tags=["nbval-ignore-output"]
categories = torch.arange(10).repeat(100)
rng = torch.Generator().manual_seed(6)
numbers, rest = 2 * torch.rand(1000, 2, generator=rng) - 1, torch.randn(1000, 88, generator=rng)
code = torch.cat([F.one_hot(categories, 10), numbers], dim=1)
seen = read(drawn(infogan, code, rest)).argmax(dim=1)
print(f"InfoGAN {told}: {agreement(categories, seen):.1%} of 1,000 made digits agree")
for k in range(10):
    share, digit = (seen[categories == k].bincount(minlength=10) / 100).max(dim=0)
    print(f"category {k}: a {digit} in {share:.0%}", end="\n" if k % 5 == 4 else ";  ")

# %% [markdown]
# Where the agreement is little above luck, the category has come to mean something else, or nothing: nobody has asked for digits, and 2,000 batches are few.
#
# Now sweep the codes: a column for each category, and from top to bottom the first of the two numbers, from −1 to 1. Everything else is the same in all images.

# %% tags=["nbval-ignore-output"]
values = torch.linspace(-1, 1, 5)
rest = torch.randn(1, 88, generator=torch.Generator().manual_seed(7))


def swept(which):
    """For each category, the images with one of the two numbers moved, [10, 5, 28, 28]."""
    numbers = torch.zeros(5, 2)
    numbers[:, which] = values
    code = torch.cat([torch.eye(10).repeat_interleave(5, dim=0), numbers.repeat(10, 1)], dim=1)
    return drawn(infogan, code, rest.expand(50, -1)).view(10, 5, 28, 28)


# %% tags=["nbval-ignore-output"]
sweeps = torch.stack([swept(0), swept(1)])
show(
    code_sheet(
        sweeps[0].transpose(0, 1),
        [f"{value:+.2f}" for value in values.tolist()],
        [str(k) for k in range(10)],
        xlabel="category",
    ),
    alt=f"Digits made by InfoGAN ({told}): a column for each of ten categories, and in each the first "
    "continuous code from -1 at the top to 1 at the bottom; all other noise is the same.",
)

# %% [markdown]
# Does a code do more than any other number of the noise? The squared change of the pixels when one number goes from −1 to 1, on average over categories and noises:


# %% tags=["nbval-ignore-output"]
def change(place):
    """How much images change when the number at this place of the noise goes from −1 to 1."""
    rest = torch.randn(100, 88, generator=torch.Generator().manual_seed(8))
    low = torch.cat([code[::10], rest], dim=1)
    high = low.clone()
    low[:, place], high[:, place] = -1, 1
    before, after = (sample_images(infogan, 100, 0, noise=each) for each in (low, high))
    return (after - before).square().sum(dim=(1, 2, 3)).mean().item()


ordinary = fmean(change(place) for place in (20, 50, 80))
for name, place in {"first code": 10, "second code": 11}.items():
    print(f"the {name} changes {change(place):.2f}, an ordinary number of the noise {ordinary:.2f}")

# %% tags=["nbval-ignore-output"]
both = sweeps.flatten(0, 1)  # the first code for each category, then the second
explorers.codes(
    f"InfoGAN ({told}): a category by choice, and one of its two codes moved",
    both,
    read(both.flatten(0, 1).unsqueeze(1)).view(20, 5, 10),
    [f"category {k}, {which} code" for which in ("first", "second") for k in range(10)],
    [f"{value:+.2f}".replace("-", "−") for value in values.tolist()],
    choice="what is moved",
)

# %% [markdown]
# ## WGAN: a loss that means something
#
# In chapter *DCGAN* the value of the game stood still once real and made points no longer overlapped, no matter how far apart they were. The Wasserstein distance does not stand still: it is the least work for moving one heap onto the other. It also is
#
# $$W(p, q) = \max_{f}\; \mathbb{E}_{p}\,f(x) - \mathbb{E}_{q}\,f(x)$$
#
# over all functions whose slope is nowhere above 1. A discriminator that is trained to be such an $f$ is called a critic, and minus its loss is the distance. Everything is in the side condition. *Clipping* cuts each weight to ±0.01: then the slope is below *some* number, and nobody knows which. The *penalty* asks for slope 1 between real and made points. Try both on points of the plane, where the distance of two equal heaps is how far one was moved:


# %%
class Critic(nn.Sequential):
    """A score for a point of the plane, kept in an image of two pixels."""

    def __init__(self):
        bent = nn.LeakyReLU(0.2)
        layers = [nn.Linear(2, 32), bent, nn.Linear(32, 32), bent, nn.Linear(32, 1)]
        super().__init__(nn.Flatten(), *layers)

    def forward(self, images):
        return Judgement(super().forward(images))


def estimate(apart, regulariser, steps):
    """Minus the loss of a critic that was trained on two heaps, this far apart."""
    torch.manual_seed(0)
    critic, estimates = Critic(), []
    adam = torch.optim.Adam(critic.parameters(), 0.005, betas=(0.0, 0.9))
    for _ in range(steps):
        real, made = 0.3 * torch.randn(2, 128, 1, 1, 2)
        made[..., 0] += apart
        both = [Judged(x, critic(x)) for x in (real, made)]
        loss = Wasserstein().discriminator_loss(*(each.judgement.scores for each in both))
        adam.zero_grad()
        (loss + regulariser.penalty(critic, *both)).backward()
        adam.step()
        regulariser.constrain(critic)
        estimates.append(-loss.item())
    return fmean(estimates[-20:])


# %%
steps = 20 if profile == "smoke" else 300
kinds = {
    "nothing": Regulariser(),
    "weights clipped": WeightClipping(0.01),
    "penalty": GradientPenalty(),
}
for name, regulariser in kinds.items():
    found = [estimate(apart, regulariser, steps) for apart in (1.0, 2.0, 4.0)]
    told_here = ", ".join(f"{value:.3g}" for value in found)
    print(f"{name:16} heaps 1, 2 and 4 apart: {told_here}")

# %% [markdown]
# With the penalty the loss is a distance and a little more. A slope $g$ gains $W g$ and costs $\lambda (g-1)^2$ with $\lambda = 10$, so the best slope is $1 + W/2\lambda$: for heaps 1, 2 and 4 apart that makes 1.05, 2.2 and 4.8, if the critic has learnt it well. Clipped, it grows with the distance, in units that nobody knows. Without either it grows for as long as one trains. So a WGAN's losses may be compared with themselves over time, and not with another network's: a capsule critic that is clipped has another unit than a plain one. The report "had to zoom-in to notice the difference between the metrics" of WGAN. Clipped weights would explain it; the report does not say what it did.
#
# What else a WGAN needs: a critic that is nearly the best $f$ all the time, hence **five steps of it per generator step**. And what it cannot have: an accuracy. Add a constant to every score: both losses stay as they are, and the "accuracy", which counts scores above 0, does not.

# %%
of_real, of_made = torch.randn(100, 1) + 1, torch.randn(100, 1)
for constant in (-3.0, 0.0, 3.0):
    a, b = of_real + constant, of_made + constant
    loss = Wasserstein().discriminator_loss(a, b)
    right = torch.cat([realness(a) > 0, realness(b) <= 0]).float().mean()
    print(f"all scores {constant:+.0f}: the critic's loss {loss:.4f}, its accuracy {right:.0%}")
options = EXPERIMENTS["report-wgan"].options
batches = EXPERIMENTS["report-wgan"].profile("small").steps
turns = batches // options["n_discriminator_steps"]
print(f"in {batches:,} batches a generator has {turns} steps with Wasserstein, {batches:,} without")

# %% [markdown]
# Clipping hits the two kinds of discriminator differently. *Every* parameter is cut, the gains of batch normalisation too, which begin at about 1. Scores of 64 digits, from the untrained discriminators of the records' size, before and after the first cut:

# %%
torch.manual_seed(0)
for name in ("report-wgan", "report-caps-wgan"):
    task = EXPERIMENTS[name]
    judge = task.build(task.profile("small"), shape, 10).discriminator
    spreads = []
    for _ in range(2):
        with torch.no_grad():
            spreads.append(judge(real[:64]).scores.std().item())
        WeightClipping().constrain(judge)
    print(f"{name:17} deviation of the scores {spreads[0]:.3g}, clipped {spreads[1]:.3g}")

# %% [markdown]
# ## The report's figures, in one grid
#
# Figures 8.1 to 8.5 of the report show three curves for each GAN: the generator's loss, the discriminator's loss, the accuracy. Here they are for our trainings: MNIST at 28x28, batches of 32, 2,000 batches, in a quarter of the width. (The losses are those of the game alone. Keras adds the class loss of ACGAN and the code loss of InfoGAN to what it prints.)

# %% tags=["nbval-ignore-output"]
kinds = {"ACGAN": "acgan", "DCGAN": "dcgan", "InfoGAN": "infogan", "WGAN": "wgan"}
kinds["WGAN-GP"] = "wgan-gp"
records = {
    title: {
        "classical": read_record(f"report-{kind}", "small"),
        "capsules": read_record(f"report-caps-{kind}", "small"),
    }
    for title, kind in kinds.items()
}
pairs = [(f"report-caps-{kind}", f"report-{kind}") for kind in kinds.values()]
shifts = [loss_shift(*pair, "small") for pair in pairs]
show(
    game_grid(records),
    alt="A row each for ACGAN, DCGAN, InfoGAN, WGAN and WGAN-GP; in each the generator's loss, the "
    "discriminator's loss and its accuracy over the batches, for the classical discriminator and "
    "the report's capsules. In the second half of the training: " + "; ".join(shifts) + ".",
)

# %% [markdown]
# What the report reads off its own figures, beside ours. Means over the second half of each training, first with capsules, then without ("DCGAN and InfoGAN […] show a remarkable shift in the GLoss metric", "accuracy and DLoss follow their classical counterpart closely"):

# %% tags=["nbval-ignore-output"]
listed(shifts)

# %% [markdown]
# "CapsACGAN starts off with very high variance in GLoss and DLoss", which "gradually reduces to match":

# %% tags=["nbval-ignore-output"]
listed(calming(name, "small") for name in ("report-caps-acgan", "report-acgan"))

# %% [markdown]
# None of these curves says whether the images are good. A generator's loss is high where its opponent is strong, and another discriminator is another opponent; so a shift between two networks is "odd" only if one takes the loss for a measure of the images. Of a WGAN's accuracy you know what to think. These are measures:

# %% tags=["nbval-ignore-output"]
quality_table([name for pair in pairs for name in pair[::-1]], "small")

# %% [markdown]
# ## The claims
#
# **"Perform comparably with the classical architectures."** Two experiments are told apart only if every seed of the one beats every seed of the other; with one seed each that is a hint and no more.

# %% tags=["nbval-ignore-output"]
listed(comparison(*pair, "small") for pair in pairs)

# %% [markdown]
# The report says nothing about the size of its classical discriminators. Ours in the same profile has 16 channels in its first layer and a small fraction of the parameters, so this is the comparison to look at before capsules are praised.

# %% tags=["nbval-ignore-output"]
listed([comparison("report-caps-dcgan", "report-matched-dcgan", "small")])

# %% tags=["nbval-ignore-output"]
listed(convergence(name, "small") for pair in pairs for name in pair[::-1])

# %% [markdown]
# **"The CapsNet helped to reduce the training overhead considerably."** Which overhead, it does not say. What a training takes in our records, and the ratios:

# %% tags=["nbval-ignore-output"]
cost_table([*(name for pair in pairs for name in pair[::-1]), "report-matched-dcgan"], "small")

# %% tags=["nbval-ignore-output"]
rivals = [*pairs, ("report-caps-dcgan", "report-matched-dcgan")]
listed(overhead(*pair, "small") for pair in rivals)

# %% [markdown]
# The seconds are those of the records, and depend on how busy the machine was. So here are the same steps once more, on this machine, the networks in turn, and of each the fastest of a few: forward and backward, for both networks.


# %% tags=["nbval-ignore-output"]
def step_of(name):
    """A function that makes one batch's gradients, for both networks of an experiment."""
    task = EXPERIMENTS[name]
    gan, images = task.build(task.profile("small"), shape, 10), real[:32]

    def both():
        made = gan.generator(torch.randn(32, 100))
        scores = [gan.discriminator(x).scores for x in (images, made.detach())]
        task.objective.discriminator_loss(*scores).backward()
        task.objective.generator_loss(gan.discriminator(made).scores).backward()

    return both


# %% tags=["nbval-ignore-output"]
steps = {name: step_of(name) for name in zoo.values()}
fastest = dict.fromkeys(steps, float("inf"))
for _ in range(1 if profile == "smoke" else 4):
    for name, both in steps.items():
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            both()
        fastest[name] = min(fastest[name], time.perf_counter() - start)
for name, seconds in fastest.items():
    print(f"{name:20} {seconds / fastest['report-dcgan']:.2f} times the seconds of report-dcgan")

# %% [markdown]
# And at the report's own size, colour images of 64x64 and full width, by counting. It does not print its classical discriminators; here it is DCGAN's with 64 channels in the first layer.

# %%
with torch.device("meta"):
    full_size = {
        "DCGAN's discriminator": DcganDiscriminator((3, 64, 64), width=64),
        "the report's capsules": RegenerationDiscriminator(),
    }
    image = torch.empty(2, 3, 64, 64)
for name, network in full_size.items():
    with FlopCounterMode(display=False) as counter:
        network(image)
    million = counter.get_total_flops() / 4e6
    print(f"{name}: {parameter_count(network):>10,} parameters, {million:5,.0f} M multiplications")

# %% [markdown]
# More parameters and more work for each image can only pay if fewer images, or fewer batches, are needed. That is the third claim.
#
# **"The amount of data required to train a comparable model is very small."** The abstract *proposes* it, and the report shows no training on less data. The test: 600, 6,000 and all 60,000 training images, for as many batches.

# %% tags=["nbval-ignore-output"]
shares = {"-1-percent": "1 %", "-10-percent": "10 %", "": "all"}
curves = {
    name: [
        (seeds[0].data["train"], points(seeds)[-1][1])
        for share in shares
        if (seeds := read_seeds(f"report-{prefix}dcgan{share}", "small"))
    ]
    for name, prefix in {"DCGAN": "", "the report's capsules": "caps-"}.items()
}
ends = [f"{name} {n:,} images FID {fmean(fids):.1f}" for name, c in curves.items() for n, fids in c]
show(
    data_curves(curves),
    alt="FID at the end of the training over the number of training images, on logarithmic scales. "
    f"{'; '.join(ends) or 'not run yet'}.",
)

# %% tags=["nbval-ignore-output"]
progress_table(
    [f"report-{prefix}dcgan{share}" for prefix in ("", "caps-") for share in shares], "small"
)

# %% [markdown]
# If capsules need less data, two things should be seen: on few images they should be ahead of DCGAN, and a tenth of the images should bring them to where DCGAN is with all.

# %% tags=["nbval-ignore-output"]
few = [(f"report-caps-dcgan{s}", f"report-dcgan{s}") for s in ("-1-percent", "-10-percent")]
few += [(f"report-caps-dcgan{s}", "report-dcgan") for s in ("-1-percent", "-10-percent")]
listed(comparison(*pair, "small") for pair in few)

# %% [markdown]
# A warning about this test, whichever way it ends. FID asks whether samples look like *test* images. A generator that never sees an image, only a discriminator's opinion, takes long to learn 600 images by heart, and in 2,000 batches a small set may do about as well as a large one. How far that went can be asked of the records: for each generator, the median distance of its samples to the nearest of all images that the training showed, beside that of test images, which are no copies.

# %% tags=["nbval-ignore-output"]
for prefix in ("", "caps-"):
    for share in shares:
        record = read_record(f"report-{prefix}dcgan{share}", "small")
        title = f"report-{prefix}dcgan{share}"
        if record is None:
            print(f"{title}: not run yet")
            continue
        made, test = (dict(map(tuple, record.curves[f"nearest_to_{x}"])) for x in ("made", "test"))
        middle = min(made, key=lambda q: abs(q - 0.5))
        print(f"{title}: made {made[middle]:.2f}, test {test[middle]:.2f}")

# %% [markdown]
# ## What it was for: filling in missing pieces
#
# The report is called *Image Regeneration*, and its introduction says what that means: "to complete images of faces by generating the missing pieces using a GAN". Then it never comes back to it. There is no mask in its code and no completed image among its results. How would it be done?
#
# A generator has learned from whole images and makes whole images. It has no input for a damaged one. But it can be *searched*: look for the noise whose image agrees with what is left of the damaged one, and take the missing pieces from that image (Yeh et al., *Semantic Image Inpainting with Deep Generative Models*, 2017). With $y$ the damaged image and $M$ its mask, 1 where a pixel is known:
#
# $$\hat z = \arg\min_z \underbrace{\frac{\sum_i W_i\,\lvert G(z)_i - y_i\rvert}{\sum_i W_i}}_{\text{context}} + \lambda \underbrace{L_p(z)}_{\text{prior}}, \qquad \hat x = M \odot y + (1 - M) \odot G(\hat z)$$
#
# $W_i$ is 0 where nothing is known. Elsewhere it is the share of missing pixels in a window of 7x7 around pixel $i$, so that the rim of the hole counts most. The prior keeps the search among images that are likely: in the paper it is the discriminator's opinion. The discriminator does not ship with this book, the generator does, so here the prior is what the noise was drawn from: $L_p = \lVert z\rVert^2 / 2n$, which is $-\log$ of a normal density for each of the $n$ numbers, but for a constant. The networks are not trained any more. What learns is the noise, and it learns one image.

# %% tags=["nbval-ignore-output"]
painter = pretrained(EXPERIMENTS["dcgan"], "small")
if painter is None:  # it was not kept: an untrained one shows how it works, and nothing else
    task = EXPERIMENTS["dcgan"]
    painter = task.build(task.profile("smoke"), (1, 32, 32), 10).generator.eval()
some = test_set.subset(min(120, len(test_set)), seed=1)
digits = BatchStream(some, len(some), RotatedDigits(32, 0.0), shuffle=False).batch(0).images
gaps = holes(32)
print({name: f"{gap.float().mean():.0%} missing" for name, gap in gaps.items()})


# %% [markdown]
# The search in ten lines. The gradient goes through the generator into the noise.


# %%
def searched(noise, images, weights, steps, strength=0.02):
    noise = noise.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([noise], 0.05)
    for _ in range(steps + 1):  # the last image is made and not improved any more
        made = (painter(noise) + 1) / 2
        context = (weights * (made - images).abs()).sum(dim=(1, 2, 3)) / weights.sum()
        loss = context + strength * noise.square().mean(dim=1) / 2
        (noise.grad,) = torch.autograd.grad(loss.sum(), noise)
        optimizer.step()
    return made.detach()


# %% [markdown]
# The package's search begins with the best two of 500 random noises and improves both. With a single one, chosen from one, it is the search above. And of an image that the generator made itself we know that some noise fits. Is it found?


# %% tags=["nbval-ignore-output"]
def seed():
    return torch.Generator().manual_seed(5)


one = {"restarts": 1, "candidates": 1, "steps": 5}
by_hand = searched(
    torch.randn(1, painter.noise_dim, generator=seed()),
    digits[:1],
    context_weights(gaps["half"]),
    steps=5,
)
*_, last = fill_in_steps(painter, typical_noise, digits[:1], gaps["half"], **one, rng=seed())
assert_close(by_hand, last.made[0], rtol=1e-3, atol=1e-4)

own = sample_images(painter, 3, seed=7)
steps = 5 if profile == "smoke" else 60
for name, gap in gaps.items():
    filled = fill_in(painter, typical_noise, own, gap, weight=0.0, steps=steps, rng=seed())
    assert torch.equal(filled[..., ~gap], own[..., ~gap])  # what is known stays as it is
    off, grey = (
        inpainting_error(guess, own, gap)["mae"] for guess in (filled, torch.full_like(own, 0.5))
    )
    print(f"its own images, {name:6}: off by {off:.3f} in the hole; plain grey by {grey:.3f}")

# %% [markdown]
# Where much of one piece is missing it is not always found: the search fits the rim and stops at another image.

# %% [markdown]
# Now digits that nobody has trained on. Beside the search stand two ways that need no generator: the hole of the *nearest* training image, compared by its known pixels, and a *biharmonic* sheet, the smoothest surface through the known pixels, from scikit-image. A method that cannot beat the two has not learned anything that is of use here.

# %% tags=["nbval-ignore-output"]
seen = first_available("mnist", "digits", train=True).images
seen = seen[:500] if profile == "smoke" else seen
four, rows = digits[:4], {"whole": [], "damaged": [], "search": [], "nearest": [], "biharmonic": []}
for gap in gaps.values():
    rows["whole"].append(four)
    rows["damaged"].append(torch.where(gap, 0.5, four))
    rows["search"].append(fill_in(painter, typical_noise, four, gap, steps=steps, rng=seed()))
    rows["nearest"].append(nearest_filling(four, gap, seen))
    rows["biharmonic"].append(biharmonic_filling(four, gap))
told = []
for way in ("search", "nearest", "biharmonic"):
    pairs_of = zip(rows[way], gaps.items(), strict=True)
    off = [
        f"{name} {inpainting_error(guess, four, gap)['mae']:.2f}" for guess, (name, gap) in pairs_of
    ]
    told.append(f"{way}: {', '.join(off)}")
show(
    image_rows(
        {name: torch.cat(images) for name, images in rows.items()},
        [name if k == 0 else "" for name in gaps for k in range(4)],
    ),
    alt="Four held-out digits with three holes, a square in the middle, the lower half, and 80 % of "
    "all pixels; whole, damaged, and filled by the search, by the nearest training image and by a "
    f"biharmonic sheet. Mean absolute error in the hole: {'; '.join(told)}.",
)

# %% [markdown]
# Step through a search. Its start is already the best of 500 images. Of the two numbers in the caption the search knows only the first; compare when the one still falls and the other does not any more.

# %% tags=["nbval-ignore-output"]
strength, long = 0.02, 5 if profile == "smoke" else 100
searches = {
    name: list(
        fill_in_steps(painter, typical_noise, digits[:1], gap, long, weight=strength, rng=seed())
    )
    for name, gap in gaps.items()
}
explorers.filling_search(digits[0], gaps, searches, strength)

# %% [markdown]
# And now a hole of your own. Draw it with the mouse or a finger (a stroke takes blocks away, or gives them back if it begins on a missing one), or with the arrow keys and space. No kernel is needed: 110 samples of the generator and 110 training digits travel in the page, in 16 shades of grey. What you see is the first step of the search alone, the best sample by its context, beside the nearest training digit. When is the sample's guess the better one? Take away what tells a 4 from a 9, or a 3 from an 8.

# %% tags=["nbval-ignore-output"]
train_set = first_available("mnist", "digits", train=True).subset(110, seed=3)
known = next(prepared("images", train_set.images, (1, 32, 32)))
explorers.filling(digits[:8], sample_images(painter, 110, seed=4), known)

# %% [markdown]
# With a kernel, the whole search runs for a hole of your choice.


# %% tags=["widget", "nbval-ignore-output"]
from ipywidgets import IntSlider


def search_for(digit, row, column, side):
    gap = torch.zeros(32, 32, dtype=torch.bool)
    gap[row : row + side, column : column + side] = True
    found = fill_in_steps(painter, typical_noise, digits[digit, None], gap, steps, rng=seed())
    return explorers.filling_search(digits[digit], {"here": gap}, {"here": list(found)}, 0.02)


live(
    search_for,
    digit=IntSlider(4, 0, 50, description="digit"),
    row=IntSlider(8, 0, 24, description="row"),
    column=IntSlider(4, 0, 24, description="column"),
    side=IntSlider(14, 4, 20, description="side"),
)

# %% [markdown]
# Four digits prove nothing. The record has 64 held-out ones and both priors, the discriminator's opinion and likely noise, with 60 steps. In each cell: mean absolute error in the hole (of 1), peak signal-to-noise ratio in dB, and the share of digits that the classifier still takes for the same digit.

# %% tags=["nbval-ignore-output"]
filling_table("dcgan", "small")

# %% tags=["nbval-ignore-output"]
listed(filling_verdict("dcgan", "small"))

# %% [markdown]
# Read the table with three cautions. An error in pixels is no measure of sense: half a digit can be completed to more than one, and a sharp wrong guess costs more than a grey blur, though the blur is surely wrong. A share of 64 digits has a standard error of up to 6 %, so small differences mean nothing. And a search that does badly may have a bad generator, or may have stopped in a bad place; its own images, above, tell the two apart.
#
# Does a capsule discriminator help? In two places it could: as the prior, and as what taught the generator. The report's two DCGANs have generators of one shape, taught by different opponents, and their records hold the same table. In the rows with likely noise only the teaching can show.

# %% tags=["nbval-ignore-output"]
filling_table("report-dcgan", "small")

# %% tags=["nbval-ignore-output"]
filling_table("report-caps-dcgan", "small")

# %% [markdown]
# And faces, which the report set out for? They need a generator of 64x64 faces, hence a GPU for some hours: not run yet. All functions above take colour images of any size; the transform `Framed(64)` makes squares of a folder of faces, and `folder:PATH` or `celeba` loads them.

# %% [markdown]
# ## Exercises
#
# Write the functions, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** ACGAN's class loss, from the class scores `[b, 10]` for real images and their classes `[b]`, and those for made images and the classes that were asked for. One number, to be *minimised*.
#
# <details><summary>Hint</summary>
#
# `F.cross_entropy` takes scores and class numbers. Do the two networks want different things about the class, so that a minus is needed?
#
# </details>


# %%
def my_class_loss(real_scores, targets, made_scores, asked):
    return ...  # a number


solved = check("10.class_loss", my_class_loss)

# %% [markdown]
# **2.** InfoGAN's lower bound on the mutual information between the category and the image, in nats, from the head's scores `[b, k]` and the categories `[b]` that the images were made from. All $k$ categories are equally frequent.
#
# <details><summary>Hint</summary>
#
# The bound is $H(c) + \mathbb{E}\log Q(c\mid x)$. What is $H(c)$ for $k$ equally frequent categories? For the second part, think of what a cross-entropy is the mean of.
#
# </details>


# %%
def my_information(scores, categories):
    return ...  # a number


solved = check("10.information", my_information)

# %% [markdown]
# **3.** The conditional GAN, which the report mentions and does not build: "simply feeding the data, y, we wish to condition on to both the generator and discriminator". Return both inputs: the noise `[b, z]` with the class behind it, one-hot, `[b, z + k]`, and the images `[b, c, h, w]` with $k$ more channels behind theirs, of which the class's is 1 everywhere and the others 0, `[b, c + k, h, w]`. (Compare with ACGAN: here the discriminator is *told* the class.)
#
# <details><summary>Hint</summary>
#
# `F.one_hot` makes whole numbers; noise is floating point. For the images, give the one-hot vector two axes of length 1 and `expand` it over the grid.
#
# </details>


# %%
def my_conditioned(noise, images, classes, k):
    return ...  # two tensors: [b, z + k] and [b, c + k, h, w]


solved = check("10.conditioned", my_conditioned)

# %% [markdown]
# **4.** How well do categories agree with classes? `table[i, j]` counts the images of category $i$ and class $j$. Give each category *another* class, so that as many images as possible are right, and return their share. `scipy.optimize.linear_sum_assignment` finds the assignment.
#
# <details><summary>Hint</summary>
#
# The function returns rows and columns of the table's cells that are chosen, and it *minimises* unless told otherwise. It takes numpy arrays.
#
# </details>


# %%
def my_agreement(table):
    return ...  # a share


solved = check("10.agreement", my_agreement)

# %% [markdown]
# **5.** The weights of the context loss. `hole` `[h, w]` is True where a pixel is missing, `window` is an odd number. Each known pixel gets the share of missing ones among the pixels of the window around it, as far as the window lies in the image; a missing pixel gets 0.
#
# <details><summary>Hint</summary>
#
# The mean of zeros and ones is a share, and an average pooling with stride 1 takes it around every pixel. Look up what `F.avg_pool2d` does at the border.
#
# </details>


# %%
def my_weights(hole, window):
    return ...  # [h, w]


solved = check("10.weights", my_weights)

# %% [markdown]
# **6.** (No check, an evening.) Make the report's layer a routing. Replace `DenseRouting` by `DenseCapsules` from `capsedu.layers` with *two* parents, drop the batch normalisation behind squash, and read the score as chapter *CapsGAN* does. Count the parameters before you train: what has become of the 23 million, and why?
#
# <details><summary>Hint</summary>
#
# The report's 23 million are one matrix: how many numbers come in, and how many go out? Then count what goes out of two parents with 16 components each.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/10_gan_zoo.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/10_gan_zoo.md)).
#
# ## What the report got wrong
#
# **Images from 0 to 1 beside a tanh.** The report's `train` reads its images with `rescale=1./255`, so they lie in [0, 1]. Its generator ends in tanh and reaches from −1 to 1. Let us train both ways for a few batches, with the report's generator against a small DCGAN discriminator, on digits of half the size, to be quick.

# %% tags=["nbval-ignore-output"]
batches = 3 if profile == "smoke" else 100
train_set = first_available("mnist", "digits", train=True)
stream = BatchStream(train_set, 16, RotatedDigits(28, 0.0), seed=0, drop_last=True)
wide, narrow = (lambda x: 2 * x - 1), (lambda x: x)  # [-1, 1], and the report's [0, 1]
shown = F.avg_pool2d(held_out.images[:64], 2)


def one_step(gan, adams, images, noise):
    """A step of the discriminator, then one of the generator."""
    game, made = NonSaturating(), gan.generator(noise)
    judged = gan.discriminator(images).scores, gan.discriminator(made.detach()).scores
    adams[0].zero_grad()
    game.discriminator_loss(*judged).backward()
    adams[0].step()
    adams[1].zero_grad()
    game.generator_loss(gan.discriminator(made).scores).backward()
    adams[1].step()


def pixels_of(scale):
    """What a generator makes before, and after a few batches of images that `scale` moved."""
    torch.manual_seed(0)
    size = (1, 14, 14)
    gan = Gan(RegenerationGenerator(size), DcganDiscriminator(size, width=16))
    parts = gan.discriminator, gan.generator
    adams = [torch.optim.Adam(part.parameters(), 5e-4, betas=(0.5, 0.999)) for part in parts]
    before = gan.generator(torch.randn(64, 100)).detach()
    for n in range(batches):
        images = F.avg_pool2d(stream.batch(n).images, 2)
        one_step(gan, adams, scale(images), torch.randn(16, 100))
    return before, gan.generator(torch.randn(64, 100)).detach()


# %% tags=["nbval-ignore-output"]
ranges = {"[−1, 1], as it should be": wide, "[0, 1], as in the report": narrow}
grown = {name: pixels_of(scale) for name, scale in ranges.items()}
show(
    pixel_panels(
        {name: {"real": scale(shown), "made": grown[name][1]} for name, scale in ranges.items()}
    ),
    alt=f"Histograms of the pixels of real and made images after {batches} batches, on a logarithmic "
    "scale. Left, trained on images from -1 to 1: both reach over the whole range. Right, from 0 to "
    "1: the real ones have nothing below 0, and of the made pixels "
    f"{(grown['[0, 1], as in the report'][1] < 0).float().mean():.0%} lie there.",
)

# %% [markdown]
# What can a discriminator use? It need not know what a digit looks like. "Has a pixel below −0.02" is enough, one number of an image:

# %% tags=["nbval-ignore-output"]
for name, scale in ranges.items():
    for when, images in zip(("before", f"after {batches} batches"), grown[name], strict=True):
        right = (scale(shown).amin((1, 2, 3)) >= -0.02).float().mean()
        right = (right + (images.amin((1, 2, 3)) < -0.02).float().mean()) / 2
        below = (images < 0).float().mean()
        print(
            f"{name}, {when}: {below:.0%} of made pixels below 0, the rule is right in {right:.0%}"
        )

# %% [markdown]
# With the right scale the rule is worth a coin. With the report's it gives away nearly every made image, and the generator has to learn first what it could have been spared. And it cannot quite: black is now in the *middle* of tanh, where the slope is largest, so that every bit of noise shows, while at −1 tanh is flat. The outermost pixels of digits are always black. How far from black are the made ones?

# %% tags=["nbval-ignore-output"]
for (name, (_, images)), black in zip(grown.items(), (-1, 0), strict=True):
    rim = torch.cat([images[..., 0, :], images[..., -1, :]])
    print(f"{name}: {(rim - black).abs().mean():.4f} from black, on a scale of length {1 - black}")

# %% [markdown]
# The report's `save_imgs` then does what belongs to the right scale, `0.5 * gen_imgs + 0.5`. A generator that has learnt [0, 1] is saved in grey and white. It goes unnoticed, because `imshow` stretches whatever it is given over the whole range of its colours.
#
# **Only the first channel is saved.** `imshow(gen_imgs[cnt, :, :, 0], cmap='gray')`: of an image in colours, its red. On MNIST, which has one channel, nobody would notice; so here is a flower, from scikit-learn.

# %%
flower = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1).float() / 255
flower = F.interpolate(flower[None, :, :, 100:527], (64, 64), mode="bilinear", antialias=True)
swapped = flower[:, [0, 2, 1]]  # green and blue exchanged
saved = [picture[:, :1].expand(-1, 3, -1, -1) for picture in (flower, swapped)]
assert torch.equal(*saved) and not torch.equal(flower, swapped)
show(
    image_rows(
        {"": torch.cat([flower, saved[0], swapped, saved[1]])},
        ["made", "saved", "made, green and\nblue exchanged", "saved"],
    ),
    alt="A photograph of an orange flower, and what the report's program would save of it, its first "
    "channel in grey; then the same with green and blue exchanged, a pink flower, and what would be "
    "saved of that: the same grey picture.",
)

# %% [markdown]
# **"20,000 epochs."** In `train` the epochs are the outer loop, and the inner one runs over `flow_from_directory`. Keras says of it that it loops indefinitely. The two loops, with everything left out but the counting:


# %%
def epoch_after(batches, endless):
    """The epoch that the report's train() is in after so many batches."""
    done = 0
    for epoch in range(20_000):
        for _ in endless:
            done += 1
            if done == batches:
                return epoch


for batches_done in (1_000, 1_000_000):
    print(f"after {batches_done:,} batches: epoch {epoch_after(batches_done, repeat('images'))}")
per_epoch = 60_000 / 64
for what, number in {"epochs": 20_000 * per_epoch, "batches": 20_000}.items():
    print(f"20,000 {what} in three hours: {number / (3 * 3600):,.1f} batches per second")

# %% [markdown]
# There is no second epoch. ACGAN took "roughly three hours to complete 20,000 epochs". On the report's GPU the second line of the rates is what one expects, and the first is not; so the "epochs" were batches in all likelihood, about 21 passes over MNIST.
#
# **"Back-propagation in the discriminator […] is not possible to replicate in the generator"**, hence no capsule generator. It is not clear what is meant. If it is meant that gradients cannot pass through capsules, then there would be no training of any generator here, since everything a generator learns comes through the discriminator. Routing is made of products, sums and exponentials. One line compares its gradient with differences, for capsules of noise and for the weights:

# %%
torch.manual_seed(0)
noise = torch.randn(2, 6, 4, dtype=torch.float64, requires_grad=True)
weight = torch.randn(3, 4, 6, 5, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda n, w: route_children(n, w, 3), (noise, weight))

# %% [markdown]
# A generator of capsules can be trained like any other. Whether it would be any good is another question: routing goes from many parts to few wholes, and a generator goes the other way.
#
# **"This results in invariance of information to the position and orientation of features"** (chapter 5, of dynamic routing). Chapter 1 of the report has it right: not invariance but *equivariance*. Small capsules *know* position and orientation, and pass them on.
#
# **Kernels and layers.** Section 5.2.1 has kernels of "9x9x1" for images with three channels, and counts them as 9x9x3 in the same paragraph; ReLU in the text is leaky in the code. Section 5.2.3 counts two layers of 25,760, and the table has three.
#
# **And what only looks wrong.** Half a batch of real images and half a batch of made ones, in two steps: that is as usual, and for batch normalisation it is right (chapter *DCGAN*). `discriminator.trainable = False` after the discriminator was compiled: Keras had collected its weights by then, so it is trained by its own steps and left alone by the generator's, as it should be.
#
# ## References
#
# - C. Abhijith, R. G. Dhanya, S. Shashank. *Image Regeneration with Generative Models*. Project report, Visvesvaraya Technological University, 2018.
# - A. Odena, C. Olah, J. Shlens. *Conditional Image Synthesis with Auxiliary Classifier GANs*. 2017. [arXiv:1610.09585](https://arxiv.org/abs/1610.09585).
# - X. Chen, Y. Duan, R. Houthooft, J. Schulman, I. Sutskever, P. Abbeel. *InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets*. 2016. [arXiv:1606.03657](https://arxiv.org/abs/1606.03657).
# - M. Mirza, S. Osindero. *Conditional Generative Adversarial Nets*. 2014. [arXiv:1411.1784](https://arxiv.org/abs/1411.1784).
# - M. Arjovsky, S. Chintala, L. Bottou. *Wasserstein GAN*. 2017. [arXiv:1701.07875](https://arxiv.org/abs/1701.07875).
# - I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville. *Improved Training of Wasserstein GANs*. 2017. [arXiv:1704.00028](https://arxiv.org/abs/1704.00028).
# - A. Radford, L. Metz, S. Chintala. *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*. 2016. [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - R. A. Yeh, C. Chen, T. Y. Lim, A. G. Schwing, M. Hasegawa-Johnson, M. N. Do. *Semantic Image Inpainting with Deep Generative Models*. 2017. [arXiv:1607.07539](https://arxiv.org/abs/1607.07539).
# - S. B. Damelin, N. S. Hoang. *On Surface Completion and Image Inpainting by Biharmonic Functions: Numerical Aspects*. 2018. [doi:10.1155/2018/3950312](https://doi.org/10.1155/2018/3950312).
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829).
# - G. E. Hinton, S. Sabour, N. Frosst. *Matrix Capsules with EM Routing*. 2018. [OpenReview](https://openreview.net/forum?id=HJWLfGWRb).
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. [arXiv:1806.03968](https://arxiv.org/abs/1806.03968).
