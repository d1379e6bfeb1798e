# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # DCGAN: two networks in a game
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/08_dcgan.ipynb)
#
# One network draws digits and has never seen one. Another looks at drawings and at real digits and says which is which. The first learns only from what the second says. That is a generative adversarial network, a GAN. This chapter plays the game in the plane first, where every point can be seen, and then with images. It says what the losses of such a game mean, which is less than one would think, and how else to find out whether the drawings are any good.
#
# You will be able to
#
# - play a GAN by hand, one step of one network at a time;
# - write down the value of the game, derive its best discriminator, and check both with numbers;
# - say why every program flips the generator's loss;
# - write one step of training in ten lines, and say what `detach` is for;
# - read loss curves without believing them, and measure samples by FID, KID, precision and recall;
# - make a generator collapse, and cure it;
# - walk from one digit to another, along a line and along a sphere.
#
# **Before this chapter:** transposed convolutions (chapter *Transposed convolution*).
#
# **Time and hardware.** The profile `quick` trains a small GAN for 200 batches; the whole chapter takes less than two minutes on two CPU cores. What needs longer is read from records.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import logging
import tempfile
import warnings
from dataclasses import replace
from itertools import pairwise
from textwrap import fill

import lightning as L
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torchvision.transforms.functional import gaussian_blur

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream, RotatedDigits, first_available
from capsedu.evaluation.precision_recall import precision_and_recall
from capsedu.evaluation.sample_quality import SampleQuality
from capsedu.evaluation.samples import nearest_images, sample_images
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.adversarial import samples_path
from capsedu.explore import explorers, show, toy_gan
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.gan_figures import (
    ball_panels,
    best_discriminator_panels,
    generator_loss_panels,
    length_histogram,
    mode_curves,
    sheet_images,
    training_panels,
)
from capsedu.explore.toy_gan_figures import toy_gan_picture
from capsedu.files import load_tensors
from capsedu.functional import slerp
from capsedu.learning.adversarial import AdversarialLearner
from capsedu.learning.gan_objectives import LeastSquares, NonSaturating, Saturating
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import Gan
from capsedu.profiles import resolve_profile
from capsedu.records import read_record, record_path
from capsedu.runs import train

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# ## The game in the plane
#
# Here the "images" are points with two coordinates. Sixty real points lie in two blobs. The **generator** takes sixty points of noise and moves them; what comes out are the fakes. The **discriminator** gives every point of the plane a probability of being real: blue ground where it is sure of "real", orange where it is sure of "fake".
#
# Make the steps yourself. A discriminator step leaves all points where they are and repaints the ground. A generator step leaves the ground and moves the fakes along their arrows, which point to where the ground says "real".

# %%
explorers.toy_gan()

# %% [markdown]
# Three things to try, from the first step on. Press *Discriminator step* twenty times: the ground turns sharp. Then press *Generator step* twenty times, against a discriminator that cannot answer: the fakes run past the real points and keep running, because the ground is bluest somewhere behind them. Then some rounds: the discriminator paints the runaways orange, and they turn round. Neither network ever sees a distance between fakes and real points. Each only sees the other.
#
# The same in Python. A game is four things, real points, noise and two networks of one hidden layer each; `play` makes the moves that a text lists.

# %%
game = toy_gan.start("two")
says_of_real = toy_gan.probability(game, game.real)
says_of_fakes = toy_gan.probability(game, toy_gan.fakes(game))
loss = -says_of_real.log().mean() - (1 - says_of_fakes).log().mean()
assert_close(loss, toy_gan.discriminator_loss(game))
assert_close(-says_of_fakes.log().mean(), toy_gan.generator_loss(game))


# %%
def told_apart(game):
    """The share of real points and fakes that the discriminator takes for what they are."""
    real, fake = (
        toy_gan.probability(game, game.real),
        toy_gan.probability(game, toy_gan.fakes(game)),
    )
    return (torch.cat([real > 0.5, fake <= 0.5])).double().mean().item()


for moves in ("", 20 * "D", 20 * "D" + 20 * "G", 100 * "DG"):
    now = toy_gan.play(game, moves)[-1]
    losses = toy_gan.discriminator_loss(now), toy_gan.generator_loss(now)
    name = f"{moves.count('D'):3} D, {moves.count('G'):3} G"
    print(f"after {name}: losses {losses[0]:.3f} and {losses[1]:.3f}, right {told_apart(now):.0%}")

# %% [markdown]
# Two losses, and each is about *both* networks. A step of one changes the other's loss without any step of the other. No other training in this book is like that: there is no single number that goes down.
#
# ## The value of the game
#
# **Claim.** Both losses come from one formula. Let $p$ be the density of real points, $q$ that of the fakes, $D(x)$ the discriminator's probability. The value of the game is
#
# $$V(D, G) = \mathbb{E}_{x\sim p}\,\log D(x) + \mathbb{E}_{x\sim q}\,\log\bigl(1 - D(x)\bigr)$$
#
# The discriminator wants it large, the generator, who makes $q$, wants it small: $\min_G \max_D V(D, G)$ (Goodfellow et al., equation 1).
#
# For a given generator, which $D$ is best? The value is an integral of $p(x)\log D(x) + q(x)\log(1-D(x))$, and $D$ may choose its number at every $x$ by itself. The derivative by $D(x)$ is $p/D - q/(1-D)$. It is zero at
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)}$$
#
# Nobody knows $p$ and $q$ in practice. But a network that is trained on samples alone should come near this fraction. Here it does, on a line, with a $p$ of two humps and a $q$ of one.

# %%
x = torch.linspace(-8, 8, 1601, dtype=torch.float64)
step = x[1] - x[0]


def bell(centre, deviation):
    return torch.distributions.Normal(centre, deviation).log_prob(x).exp()


p = (bell(-1.2, 0.5) + bell(1.2, 0.5)) / 2
q = bell(0.4, 1.0)
best = p / (p + q)

# %%
torch.manual_seed(0)
judge = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(judge.parameters(), lr=0.005)
for _ in range(600):
    real = 0.5 * torch.randn(256, 1) + 1.2 * torch.randn(256, 1).sign()
    fake = torch.randn(256, 1) + 0.4
    optimizer.zero_grad()
    NonSaturating().discriminator_loss(judge(real), judge(fake)).backward()
    optimizer.step()

# %%
places = torch.linspace(-3, 3, 31)
with torch.no_grad():
    learnt = judge(places[:, None]).sigmoid()[:, 0]
    everywhere = judge(x.float()[:, None]).sigmoid()[:, 0].double()
off = (step * (p + q) / 2 * (everywhere - best).abs()).sum()
print(f"on average over the points the trained network is off by {off:.3f}")
assert off < 0.1
near = (x.abs() <= 3).nonzero()[:, 0]
show(
    best_discriminator_panels(
        x[near], p[near], q[near], {"p / (p + q)": best[near]}, (places, learnt)
    ),
    alt="Above, the density of the real points, with humps at -1.2 and 1.2, and that of the fakes, a "
    "wide hump at 0.4. Below, the best discriminator p/(p+q): two humps of its own, "
    f"{best[680]:.2f} at x = -1.2 and {best[920]:.2f} at 1.2, a valley of {best[800]:.2f} at 0. The dots "
    "of the trained network follow the line, except at the left edge.",
)

# %% [markdown]
# Look at the edges. At the right there are next to no real points and few fakes, and the best discriminator is sure all the same: it judges *shares*, not amounts. At the left the dots leave the line. There are hardly any points of either kind, so nobody has taught the network anything about that place.
#
# **What is the game worth, then?** Put $D^*$ into $V$. With the Jensen–Shannon divergence $\mathrm{JS}$, which is the mean of the two Kullback–Leibler divergences from $p$ and from $q$ to their average,
#
# $$V(D^*, G) = 2\,\mathrm{JS}(p, q) - \log 4$$
#
# So a generator that plays against ever best discriminators makes JS small, and the least value, $-\log 4$, is reached for $q = p$ alone. There $D^*$ is $\tfrac12$ everywhere.
#
# A discriminator is computed as a score $s$ with $D = \sigma(s)$. The best score is $\log p - \log q$, the log of the likelihood ratio, and with scores no logarithm of a rounded 0 is ever taken.


# %%
def value(score, p, q):
    return step * (p * F.logsigmoid(score) + q * F.logsigmoid(-score)).sum()


def jensen_shannon(p, q):
    middle = (p + q) / 2
    return step * (p * (p / middle).log() + q * (q / middle).log()).sum() / 2


log4 = torch.tensor(4.0, dtype=torch.float64).log()
best_score = p.log() - q.log()
assert_close(best_score.sigmoid(), best)
assert_close(value(best_score, p, q), 2 * jensen_shannon(p, q) - log4)
assert_close(value(torch.zeros_like(x), p, p), -log4)

# %%
torch.manual_seed(0)
for _ in range(200):  # no other discriminator does better
    other = best_score + 0.3 * torch.randn(x.shape, dtype=torch.float64)
    assert value(other, p, q) < value(best_score, p, q)
for apart in (0.0, 0.5, 1.0, 2.0, 4.0):
    one, two = bell(-apart / 2, 0.35), bell(apart / 2, 0.35)
    js, worth = jensen_shannon(one, two), value(one.log() - two.log(), one, two)
    print(f"two humps {apart:.1f} apart: JS {js:.4f}, value {worth + 0:.4f}")

# %% [markdown]
# The last two lines are the trouble with this theory. Once the humps no longer overlap, JS is $\log 2 = 0.6931$ and the value is 0, no matter how far they are apart: moving the generator a little changes nothing. Images made by a fresh generator and real digits overlap as little as these humps. A *perfect* discriminator would have nothing to teach. The game works because the discriminator is a network that changes slowly and is never perfect.
#
# The numbers to remember are those of a draw. With $D = \tfrac12$ everywhere the discriminator's loss, $-V$, is $\log 4 = 1.386$, and the generator's, as it is computed in practice, is $\log 2 = 0.693$.
#
# ## Why the generator's loss is flipped
#
# **Claim.** The generator should lower $\log(1 - D(G(z)))$. Nearly every program has it lower $-\log D(G(z))$ in its place, because the first has no slope where training begins.
#
# Let $s$ be the discriminator's score of a fake, $D = \sigma(s)$. Then
#
# $$\frac{d}{ds}\log\bigl(1-\sigma(s)\bigr) = -D \qquad\qquad \frac{d}{ds}\bigl(-\log \sigma(s)\bigr) = -(1-D)$$
#
# At the beginning the discriminator sees through every fake, $D$ is near 0, and the first slope is near 0 too: those who are worst get no help. The second is steepest there.

# %%
scores = torch.linspace(-7, 7, 281).requires_grad_()
both = {"log(1 − D), as in V": F.logsigmoid(-scores), "−log D, flipped": -F.logsigmoid(scores)}
slopes = {name: torch.autograd.grad(y.sum(), scores)[0] for name, y in both.items()}
D = scores.sigmoid().detach()
assert_close(slopes["log(1 − D), as in V"], -D)
assert_close(slopes["−log D, flipped"], -(1 - D))
show(
    generator_loss_panels(D, {name: y.detach() for name, y in both.items()}, slopes),
    alt="Left: two losses of the generator over D(G(z)). log(1-D) starts flat at 0 and falls to minus "
    "infinity at 1; the flipped one, -log D, comes from infinity at 0 and ends at 0. Right: their "
    "slopes by the score: -D, which is 0 at D = 0, and -(1-D), which is -1 there.",
)

# %%
for probability in (0.001, 0.01, 0.1, 0.5, 0.9):
    score = torch.tensor([[probability]]).logit().requires_grad_()
    found = [
        torch.autograd.grad(objective.generator_loss(score), score)[0].item()
        for objective in (Saturating(), NonSaturating())
    ]
    print(f"D(G(z)) = {probability:5}: slope as in V {found[0]:.3f}, flipped {found[1]:.3f}")

# %% [markdown]
# At one half both push equally. At one in a thousand the flipped loss pushes a thousand times harder. In the toy, after 100 discriminator steps at the start, this is what is left for the generator to go by:

# %%
ahead = toy_gan.play(toy_gan.start("one"), 100 * "D")[-1]
points = toy_gan.fakes(ahead).detach().requires_grad_()
score = ahead.discriminator(points)
pulls = [
    -torch.autograd.grad(objective.generator_loss(score), points, retain_graph=True)[0]
    for objective in (Saturating(), NonSaturating())
]
ratio = pulls[1].norm() / pulls[0].norm()
print(
    f"mean D of the fakes {score.sigmoid().mean():.4f}; flipped, the pull is {ratio:.0f} times as strong"
)
assert_close(torch.cosine_similarity(*pulls, dim=1), torch.ones(60, dtype=torch.float64))

# %% [markdown]
# The last line says what the flip does *not* change: every fake is pulled in the same direction by both losses. Only how much each counts differs. The price is that the two networks no longer play for the same number with opposite signs, so "the generator minimises JS" is no longer what the program does.
#
# **Other losses** replace the logarithm. Least squares (Mao et al.) asks for the score 1 for real and 0 for fake; its slope grows with the distance, also for fakes that are taken for real but score too high. Chapter *CapsGAN* has two more.

# %%
three = torch.tensor([-4.0, 0.0, 1.0, 3.0])
for score in three:
    s = score.view(1, 1).requires_grad_()
    (slope,) = torch.autograd.grad(LeastSquares().generator_loss(s), s)
    print(f"score {score:4.0f}: least squares' slope {slope.item():+.1f}")
assert_close(LeastSquares().generator_loss(three[:, None]), ((three - 1) ** 2).mean())

# %% [markdown]
# ## One-sided label smoothing
#
# **Claim.** If real images are labelled 0.9 in place of 1, the best discriminator becomes $0.9\,p/(p+q)$. It is never sure that something is real, and otherwise stays as it was.
#
# Fakes keep the label 0: that is why it is called one-sided (Salimans et al., section 3.4). With a label $\beta > 0$ for fakes the fraction would be $(0.9\,p + \beta q)/(p+q)$. Where real points are rare it is about $\beta$, and its score about $\operatorname{logit}\beta$: flat, whereas $\log(p/q)$ still rises towards the real points. A generator that is far off would see no slope. To check the fractions, try many scores at a few places and take the best.


# %%
def best_by_trying(p, q, real_label, fake_label):
    """The score that does best at a place with densities p and q."""
    tried = torch.linspace(-9, 9, 18_001, dtype=torch.float64)
    on_real = real_label * F.logsigmoid(tried) + (1 - real_label) * F.logsigmoid(-tried)
    on_fake = fake_label * F.logsigmoid(tried) + (1 - fake_label) * F.logsigmoid(-tried)
    return tried[(p * on_real + q * on_fake).argmax()]


labels = {"plain": (1, 0), "one-sided": (0.9, 0), "two-sided": (0.9, 0.1)}
for p_here, q_here in [(3, 1), (1, 3), (1, 100), (1, 1000)]:
    found = {name: best_by_trying(p_here, q_here, *pair) for name, pair in labels.items()}
    told = ", ".join(f"{name} {s:+.2f} (D = {s.sigmoid():.3f})" for name, s in found.items())
    print(f"p : q = {p_here} : {q_here:<5} {told}")
    for name, (label, beta) in labels.items():
        fraction = torch.tensor((label * p_here + beta * q_here) / (p_here + q_here))
        assert_close(found[name].sigmoid(), fraction.double(), atol=1e-3, rtol=0)

# %% [markdown]
# From the third line to the fourth the first two scores fall by 2.3, which is a slope to climb. The last hardly moves.
#
# In the package it is an argument, `NonSaturating(smoothing=0.9)`. The losses of a draw move with it, so curves with and without cannot be compared.
#
# ## DCGAN's two networks
#
# Radford, Metz and Chintala found by long search which convolutional networks can play this game without falling apart. Here are theirs for 64x64 images, with a layer per line. The generator is chapter 1's transposed convolution, four times doubled.


# %%
def layers_of(network, given):
    """What each layer with parameters puts out, with its parameter count."""
    for layer in network:
        given = layer(given)
        own = sum(parameter.numel() for parameter in layer.parameters())
        if own and not isinstance(layer, nn.BatchNorm2d):
            print(f"{type(layer).__name__:16}{own:>10,}  {list(given.shape[1:])}")
    print(f"{'all together':16}{parameter_count(network):>10,}")


torch.manual_seed(0)
paper = Gan(DcganGenerator((1, 64, 64)), DcganDiscriminator((1, 64, 64)))
layers_of(paper.generator, torch.randn(2, 100))
layers_of(paper.discriminator, torch.rand(2, 1, 64, 64))
assert parameter_count(paper.generator) == 12_654_337

# %% [markdown]
# Their guidelines (section 3), and what each is for:
#
# | guideline | what for |
# |---|---|
# | strides in place of pooling | the network learns how to shrink, and every pixel keeps a gradient; max-pooling gives none to three pixels in four |
# | no fully connected hidden layers | they would hold most of the weights, and know nothing about neighbourhood |
# | batch normalisation in both, except in the generator's last and the discriminator's first layer | keeps the signal's size through deep networks; in all layers, they report, it made the samples oscillate |
# | ReLU in the generator, tanh at its end | tanh bounds the pixels; that is why images live in [-1, 1] here and real ones must be moved there |
# | leaky ReLU in the discriminator | they "found [it] to work well"; the usual explanation is that the generator learns through the discriminator, and a unit that is shut passes no gradient on |
#
# Is the usual explanation visible? Here is a fresh discriminator with leaky and with ordinary ReLUs: how many of its units are shut, and how long the gradient is that arrives at the images.

# %%
judge = paper.discriminator
images = torch.rand(8, 1, 64, 64).mul(2).sub(1).requires_grad_()
for slope in (0.0, 0.2):
    shut, given = [], images
    for layer in judge:
        if isinstance(layer, nn.LeakyReLU):
            layer.negative_slope = slope
            shut.append((given < 0).float().mean().item())
        given = layer(given)
    (gradient,) = torch.autograd.grad(given.sum(), images)
    shares = ", ".join(f"{share:.0%}" for share in shut)
    size = gradient.flatten(1).norm(dim=1).mean()
    print(f"slope {slope} below zero: {shares} of the units below; gradient {size:.2f} long")

# %% [markdown]
# About half of the units are below zero, and a plain ReLU shuts them. The gradient arrives all the same, and is no shorter: normalisation sees to it that every unit is open for some images, and rescales what gets through. So at least for a fresh network with batch normalisation the explanation explains nothing. What happens to units later, in a long training, this does not test. "Found to work well" is the honest reason.

# %% [markdown]
# Batch normalisation has a side effect that *is* visible: it ties the images of a batch together. What the discriminator says of an image in training depends on the company it is in. So real images and fakes go through it in two batches here. Mixed into one, each would be normalised by the other.

# %%
images = images.detach()
with torch.no_grad():
    among = [
        judge.train()(torch.cat([images[:1], friends])).scores[0]
        for friends in (images[1:4], -images[1:4])
    ]
    alone = [
        judge.eval()(torch.cat([images[:1], friends])).scores[0]
        for friends in (images[1:4], -images[1:4])
    ]
print(f"training: the same image scores {among[0].item():+.3f} or {among[1].item():+.3f}")
print(f"evaluation:                     {alone[0].item():+.3f} or {alone[1].item():+.3f}")
assert_close(*alone)

# %% [markdown]
# ## One step by hand
#
# **Claim.** Training a GAN is ten lines. Both losses, each followed by a step of *one* network.


# %%
def one_step(gan, objective, optimizers, real, noise):
    """The discriminator's step, then the generator's; returns both losses."""
    made = gan.generator(noise)
    judged = gan.discriminator(real).scores, gan.discriminator(made.detach()).scores
    losses = [objective.discriminator_loss(*judged)]
    update(optimizers[0], losses[0])
    losses.append(objective.generator_loss(gan.discriminator(made).scores))
    update(optimizers[1], losses[1])
    return [loss.item() for loss in losses]


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# %% [markdown]
# The images are made once and judged twice: the second time by a discriminator that has just learnt. Is this what the package's learner does? Both start from the same weights, see the same three batches and the same noise.

# %% tags=["nbval-ignore-output"]
profile = resolve_profile(profile)
train_set = first_available("mnist", "digits", train=True)
test_set = first_available("mnist", "digits", train=False)
print(f"{train_set.name}: {len(train_set):,} images to train on, {len(test_set):,} to test on")
stream = BatchStream(train_set, 32, RotatedDigits(32, 0.0), seed=0, drop_last=True)


def small_gan(seed=0):
    torch.manual_seed(seed)
    return Gan(DcganGenerator((1, 32, 32), 16, width=8), DcganDiscriminator((1, 32, 32), width=8))


def adam(network):
    return torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999))


# %%
by_hand, by_learner = small_gan(), small_gan()
optimizers = adam(by_hand.discriminator), adam(by_hand.generator)
for n in range(3):
    torch.manual_seed(n)  # the learner's rule for seed 0
    noise = torch.randn(32, 16)
    losses = one_step(by_hand, NonSaturating(), optimizers, 2 * stream.batch(n).images - 1, noise)

# %%
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # Lightning is talkative
quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
learner = AdversarialLearner(by_learner, NonSaturating(), steps=3)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    L.Trainer(max_epochs=-1, accelerator="cpu", enable_progress_bar=False, **quiet).fit(
        learner, stream
    )
for mine, its in zip(by_hand.parameters(), by_learner.parameters(), strict=True):
    assert_close(mine, its, atol=1e-4, rtol=1e-3)
for mine, name in zip(losses, ("discriminator_loss", "generator_loss"), strict=True):
    assert_close(mine, learner.losses[name], atol=1e-3, rtol=1e-3)

# %% [markdown]
# **What `detach` is for.** The discriminator's loss contains the fakes, and the fakes come from the generator. Without `detach` the backward pass runs on through the image into the generator, and leaves gradients there. Here is what it leaves:

# %%
gan = small_gan()
real, noise = 2 * stream.batch(0).images - 1, torch.randn(32, 16)
weights = list(gan.generator.parameters())


def gradient_of(loss):
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return torch.cat([torch.zeros_like(w).flatten() if g is None else g.flatten()
                      for w, g in zip(weights, found, strict=True)])  # fmt: skip


def judged(objective, images):
    return objective.discriminator_loss(
        gan.discriminator(real).scores, gan.discriminator(images).scores
    )


# %%
made = gan.generator(noise)
with_detach = gradient_of(judged(NonSaturating(), made.detach()))
without = gradient_of(judged(NonSaturating(), made))
wanted = gradient_of(NonSaturating().generator_loss(gan.discriminator(made).scores))
print(
    f"with detach: {with_detach.norm():.4f}; without: {without.norm():.4f}; the generator's own: {wanted.norm():.4f}"
)
print(
    f"cosine between the leak and the generator's own: {torch.cosine_similarity(without, wanted, dim=0):.3f}"
)
assert with_detach.norm() == 0
assert without @ wanted < 0

# %% [markdown]
# The leak points *away* from what the generator wants, as it must: it would help the discriminator. A program that clears the generator's gradients before its step, as ours does, only wastes the time of computing it. One that does not, adds the two, and at a draw they cancel. With the unflipped loss they cancel exactly, always.

# %%
leak = gradient_of(judged(Saturating(), made))
own = gradient_of(Saturating().generator_loss(gan.discriminator(made).scores))
assert_close(leak, -own, atol=1e-6, rtol=1e-4)

# %% [markdown]
# ## Training on digits
#
# Now with real digits, 32x32 pixels, 32 to a batch. The experiment `dcgan` is the baseline of the CapsGAN paper, with which the next chapter compares: its discriminator is DCGAN's, in the width that has as many parameters as that paper's capsules; its generator is that paper's, which normalises *after* the ReLU, and starts from 128 normally distributed numbers. Beside it what Radford et al. wrote in section 4 and figure 1:

# %% tags=["nbval-ignore-output"]
experiment = EXPERIMENTS["dcgan"]
size = profile if profile in experiment.profiles else "quick"
here = replace(experiment, data=train_set.name)  # digits, where MNIST cannot be had
chosen = here.profile(size)
probe = here.learner(here.build(chosen, (1, 32, 32), 10), chosen.steps)
deviation = probe.network.generator[1].weight.std().item()
rows = {
    "images per batch": (128, chosen.batch_size),
    "learning rate": (0.0002, probe.learning_rate),
    "Adam's first beta": (0.5, probe.betas[0]),
    "deviation of the first weights": (0.02, round(deviation, 3)),
    "leaky slope": (0.2, probe.network.discriminator[1].negative_slope),
    "numbers of noise": ("100, uniform", f"{probe.network.generator.noise_dim}, normal"),
}
for name, (paper_says, ours) in rows.items():
    print(f"{name:32} paper {paper_says!s:14} here {ours}")

# %% tags=["nbval-ignore-output"]
folder = tempfile.TemporaryDirectory()  # gone when the notebook is
run = train(here, size, root=folder.name, progress=False)
for part in ("generator", "discriminator"):
    print(f"{part:14}{parameter_count(getattr(run.network, part)):>10,} parameters")
kept = load_tensors(samples_path(run.folder))
evolution = {f"{k}": kept[k].float() / 255 for k in sorted(kept, key=int)}
print(f"{chosen.steps} batches; images of one noise were kept after {', '.join(evolution)}")

# %% [markdown]
# **The same noise through training.** Sixteen noises were fixed before the first step. Each column is one of them; each row is what the generator made of it after so many batches.

# %% tags=["nbval-ignore-output"]
show(
    image_rows({f"batch {k}": images for k, images in evolution.items()}, [""] * 16),
    alt="Rows of sixteen generated images, one row per milestone, each column from the same noise: "
    f"after {', '.join(evolution)} batches.",
)

# %% [markdown]
# The book's record of a longer training, profile `small`, where there is one:

# %% tags=["nbval-ignore-output"]
record = read_record("dcgan", "small")
sheet = record_path("dcgan", "small").with_suffix(".png")
if record is None or not sheet.exists():
    print("not run yet")
else:
    steps = [row["step"] for row in record.history if "fid" in row]
    longer = dict(zip(steps, sheet_images(sheet), strict=True))
    show(
        image_rows({f"batch {k}": images for k, images in longer.items()}, [""] * 16),
        alt="Rows of sixteen generated digits from the same noises, after "
        f"{', '.join(map(str, steps))} batches.",
    )

# %% [markdown]
# Look along a column. A noise has no digit assigned to it; the generator finds one, and may change its mind on the way. What an image *should* be is nowhere written down, so there is no target to compare it with, and that is why the next section is needed.
#
# ## What the losses mean, and what they do not

# %% tags=["nbval-ignore-output"]
history = run.history if record is None else record.history
whose = "this chapter's training" if record is None else "the record, profile small"
ends = history[0], history[-1]
show(
    training_panels(history),
    alt=f"Losses, accuracy and FID of {whose}, over {ends[1]['step']} batches. The generator's loss "
    f"goes from {ends[0]['generator_loss']:.2f} to {ends[1]['generator_loss']:.2f}, the "
    f"discriminator's from {ends[0]['discriminator_loss']:.2f} to "
    f"{ends[1]['discriminator_loss']:.2f}, its accuracy from "
    f"{ends[0]['discriminator_accuracy']:.0%} to {ends[1]['discriminator_accuracy']:.0%}, FID ends "
    f"at {ends[1]['fid']:.1f}.",
)
print(f"{whose}; each point of a loss is the mean of ten batches")

# %% tags=["nbval-ignore-output"]
milestones = [row for row in history if "fid" in row]
for row in milestones:
    print(
        f"batch {row['step']:5}: losses {row['discriminator_loss']:.3f} (D) and "
        f"{row['generator_loss']:.3f} (G), D right {row['discriminator_accuracy']:.0%}, "
        f"spread {row['spread']:.2f}, FID {row['fid']:.1f}"
    )
pairs = list(pairwise(milestones))
better = sum(b["fid"] < a["fid"] for a, b in pairs)
agree = sum((b["fid"] < a["fid"]) == (b["generator_loss"] < a["generator_loss"]) for a, b in pairs)
print(f"between {len(pairs) + 1} milestones FID fell {better} times in {len(pairs)};")
print(f"the generator's loss went the same way as FID {agree} times in {len(pairs)}")

# %% [markdown]
# FID, explained in the next section, says how far the samples are from real digits: smaller is better. If the generator's loss measured quality, the two would move together.
#
# They need not, and here is why. A loss is what one network gets **from the other as it is at that moment**. Take the finished generator, and let it be judged by three discriminators: a fresh one, the one it was trained with, and that one after 20 further steps while the generator stood still. The images are the very same.

# %% tags=["nbval-ignore-output"]
generator = run.network.generator.cpu().float().eval()
trained = run.network.discriminator.cpu().float().train()
torch.manual_seed(0)
fresh = here.build(chosen, (1, 32, 32), 10).discriminator.train()
with torch.no_grad():
    made = generator(torch.randn(64, generator.noise_dim))


def loss_of_these_images(judge):
    with torch.no_grad():
        return NonSaturating().generator_loss(judge(made).scores).item()


# %% tags=["nbval-ignore-output"]
print(f"the generator's loss by a fresh discriminator:    {loss_of_these_images(fresh):.2f}")
print(f"by the one that it was trained with:              {loss_of_these_images(trained):.2f}")
optimizer = adam(trained)
images = here.train_batches(chosen, seed=1)
for n in range(2 if profile == "smoke" else 20):
    real = 2 * images.batch(n).images - 1
    with torch.no_grad():
        fakes = generator(torch.randn(len(real), generator.noise_dim))
    update(
        optimizer, NonSaturating().discriminator_loss(trained(real).scores, trained(fakes).scores)
    )
print(
    f"by the same one after {n + 1} more steps of its own:    {loss_of_these_images(trained):.2f}"
)

# %% [markdown]
# So, what the curves do say:
#
# - $D$'s loss near $\log 4 = 1.386$ and accuracy near 50 %: a draw, *between these two*. A blind discriminator gives a draw with any generator.
# - $D$'s loss near 0 and $G$'s growing: the discriminator is winning. The samples may improve all the same.
# - A sudden peak: one of them found something that the other had no answer to. The next rounds show whether it learns one.
# - The row `spread` of a history: how much the fakes of a batch differ from each other, as a share of how much real images do. Near 0 the generator has collapsed to one image. Of all the numbers that cost nothing, it is the one to watch.
#
# And what they never say: whether the images are good, whether they are varied, when to stop.
#
# ## Sample quality in numbers
#
# One cannot compare a generated image with "the right one". But one can compare *many* generated images with many real ones. For that, images are described by features in which likeness means something. For photographs these come from a network called Inception. For digits this book ships a small classifier, whose 64 features are used. Figures measured with it **cannot be compared with those in papers**, only with each other.

# %% tags=["nbval-ignore-output"]
judges = {"mnist": "digit-classifier", "digits": "digit-classifier-digits"}
classifier = pretrained(EXPERIMENTS[judges[train_set.name]])
print(f"its test error: {read_record(judges[train_set.name], 'small').figures['test_error']:.2%}")


def enlarged(image_set, n, seed):
    """`n` of the images, as the generator should draw them: [n, 1, 32, 32] in [0, 1]."""
    some = image_set.subset(min(n, len(image_set)), seed=seed)
    return BatchStream(some, len(some), RotatedDigits(32, 0.0), shuffle=False).batch(0).images


real = enlarged(test_set, 1000, seed=0)
count = len(real)
quality = SampleQuality(real, classifier)

# %% [markdown]
# **FID**, Fréchet's distance, takes the features of real images for one cloud, those of the samples for another, and describes each by its mean $\mu$ and covariance $\Sigma$ alone:
#
# $$\mathrm{FID} = \lVert \mu_1 - \mu_2\rVert^2 + \operatorname{tr}\bigl(\Sigma_1 + \Sigma_2 - 2\,(\Sigma_1 \Sigma_2)^{1/2}\bigr)$$
#
# The trace of the root of a matrix is the sum of the roots of its eigenvalues. In one dimension it is simply $(\mu_1-\mu_2)^2 + (\sigma_1 - \sigma_2)^2$.


# %%
def fid_by_hand(first, second):
    """Fréchet's distance of two sets of features [n, d]."""
    means = first.mean(dim=0), second.mean(dim=0)
    one, two = first.T.cov(), second.T.cov()
    roots = torch.linalg.eigvals(one @ two).real.clamp(min=0).sqrt()
    return (means[0] - means[1]).square().sum() + one.trace() + two.trace() - 2 * roots.sum()


others = enlarged(train_set, count, seed=1)
with torch.no_grad():
    features = [classifier.features(images).double() for images in (real, others)]
assert_close(fid_by_hand(*features).item(), quality(others)["fid"], rtol=1e-2, atol=1e-2)

# %% [markdown]
# **KID** compares the clouds without taking them for anything: is a sample on average as similar to real images as they are to each other? Similar means $(f\cdot g/64 + 1)^3$ for features $f$ and $g$. It may come out a little below 0, because nothing in it is biased upwards. FID is: of few samples the covariance is known badly, and that only ever adds to the distance. Real images against real images, fewer and fewer:

# %% tags=["nbval-ignore-output"]
few = {}
for n in (count, count // 2, count // 4):
    few[n] = quality(others[:n])
    print(f"{n:5} real images: FID {few[n]['fid']:6.2f}, KID {few[n]['kid']:+.3f}")
assert few[count]["fid"] < few[count // 4]["fid"]

# %% [markdown]
# So a FID means nothing without the number of samples, and **only FIDs of equally many samples can be compared**.
#
# **Precision and recall** ask two questions instead of one. Around every real image draw a ball that reaches to its third-nearest fellow. Precision: what share of the samples lies in such a ball, that is, looks real? Then draw balls around the samples. Recall: what share of the real images lies in one, that is, could have been made? Here with points in the plane:

# %%
ring = toy_gan.start("ring")
points = ring.real.float()
torch.manual_seed(0)
sets = {
    "as good as real": toy_gan.start("ring", seed=7).real.float(),
    "three blobs of six": points[[i for i in range(60) if i % 6 < 3]] + 0.1 * torch.randn(30, 2),
    "everywhere": 4 * torch.rand(60, 2) - 2,
}
found = {name: precision_and_recall(points, samples) for name, samples in sets.items()}
show(
    ball_panels(points, sets),
    alt="Three sets of samples beside a ring of six blobs of real points, with balls around the real "
    "points above and around the samples below. "
    + "; ".join(f"{k}: precision {a:.2f}, recall {b:.2f}" for k, (a, b) in found.items())
    + ".",
)

# %% [markdown]
# A generator that makes one perfect image has precision 1 and next to no recall. One that fills the plane has recall and no precision. FID gives both the same kind of number.
#
# Do the figures move the right way on images? Spoil real images, in ways that a generator might, and see what each notices. The first row is not spoilt at all: these are training images, and so it says what a generator would get that has learnt them *by heart*.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
pool = train_set.subset(min(3 * count, len(train_set)), seed=2)
few_classes = enlarged(pool.where(pool.targets < 5), count, seed=0)
spoilt = {
    "other real images": others,
    "noise added": (others + 0.3 * torch.randn(others.shape)).clamp(0, 1),
    "blurred": gaussian_blur(others, [7, 7], 2.0),
    "five classes only": few_classes,
    "one image, again and again": (others[:1] + 0.02 * torch.randn(others.shape)).clamp(0, 1),
    "this chapter's generator": sample_images(generator, count, seed=0),
}
figures = {name: quality(images) for name, images in spoilt.items()}
for name, found in figures.items():
    line = "  ".join(f"{key} {value:.2f}" for key, value in found.items())
    print(f"{name:27}{line}")

# %% tags=["nbval-ignore-output"]
good = figures["other real images"]
for name in ("noise added", "blurred", "five classes only", "one image, again and again"):
    assert figures[name]["fid"] > good["fid"]
    assert figures[name]["kid"] > good["kid"]
assert figures["five classes only"]["recall"] < good["recall"]
assert figures["five classes only"]["precision"] > figures["noise added"]["precision"]
assert figures["five classes only"]["modes"] == 5
show(
    image_rows({fill(name, 14): images[:8] for name, images in spoilt.items()}, [""] * 8),
    alt="Eight images of each kind. FID: "
    + ", ".join(f"{name} {found['fid']:.1f}" for name, found in figures.items())
    + ".",
)

# %% [markdown]
# `modes` counts the classes that at least one sample in a hundred shows clearly. Now the question that none of the figures answers. The first row got nearly the best figures that there are, by handing out training images. **Does the generator copy?** Find the nearest training image of a few samples, and compare the distances with those of *test* images, which are surely no copies.

# %% tags=["nbval-ignore-output"]
painter, origin = generator, f"trained here, profile {size}"
shipped = pretrained(experiment, "small") if profile != "full" else None
if shipped is not None:
    steps = experiment.profile("small").steps
    of_shipped = f"the one that ships with the book, trained on MNIST for {steps:,} batches"
    if train_set.name == experiment.data:
        painter, origin = shipped, of_shipped
known = train_set if profile != "smoke" else train_set.subset(500)
asked = {
    "samples": sample_images(painter, 100, seed=0),
    "test images": real[:100],
    "copies": enlarged(known, 100, seed=2),
}
distances, nearest = nearest_images(torch.cat(list(asked.values())), known.images)
print(f"the generator: {origin}")
for name, found in zip(asked, distances.split(100), strict=False):
    print(
        f"{name:12} nearest training image at {found.median():5.2f} (median), {found.min():5.2f} (least)"
    )

# %% tags=["nbval-ignore-output"]
twins = known.images[nearest[:8]].float() / 255
twins = F.interpolate(twins, (32, 32), mode="bilinear", antialias=True).clamp(0, 1)
show(
    image_rows(
        {"sample": asked["samples"][:8], "nearest": twins}, [f"{d:.1f}" for d in distances[:8]]
    ),
    alt="Eight generated images above, and below each the training image nearest to it. Distances: "
    + ", ".join(f"{d:.1f}" for d in distances[:8])
    + ".",
)

# %% [markdown]
# A copy is at distance 0. Where the samples are no nearer to the training images than test images are, the generator does not copy. (Where they are much *farther*, they are no digits yet.) Distances between pixels are a rough test: a copy moved by one pixel would pass it.
#
# ## Mode collapse, made and cured
#
# **Claim.** Nothing in the generator's loss asks for variety, nor for being *where the real points are*. It asks for a high $D$, and for a discriminator that stands still the best answer is one point: the one where $D$ is greatest. Only the discriminator's next move punishes that.
#
# Take a game on a ring of six blobs. Stop the discriminator, let the generator go on. A blob counts as hit if at least three fakes are near it.


# %%
def blobs_hit(game, reach=0.6, least=3):
    """How many of the ring's blobs have at least `least` fakes within `reach`."""
    centres = torch.tensor(toy_gan.CENTRES["ring"], dtype=torch.float64)
    near = torch.cdist(toy_gan.fakes(game).detach(), centres) < reach
    return int((near.sum(dim=0) >= least).sum())


alone = toy_gan.play(toy_gan.play(toy_gan.start("ring"), 150 * "DG")[-1], 1000 * "G")
for k in (0, 10, 100, 1000):
    loss, far = toy_gan.generator_loss(alone[k]), toy_gan.fakes(alone[k]).norm(dim=1).mean()
    print(
        f"{k:4} generator steps alone: loss {loss:.3f}, {blobs_hit(alone[k])} blobs hit, {far:.1f} from 0"
    )

# %% [markdown]
# (The blobs are 1.5 from the origin.) The loss falls, and that is all it was asked to do; the fakes leave blob after blob. So a generator that makes many steps for each of the discriminator's should run to wherever $D$ is high, all together, with the discriminator after it. Eight generator steps in a round, and two; the discriminator gets one in both.

# %%
rounds = 200
recipes = {"8 generator steps per round": "DGGGGGGGG", "2 generator steps per round": "DGG"}
played = {
    name: [
        toy_gan.play(toy_gan.start("ring", seed), rounds * moves)[:: len(moves)]
        for seed in (6, 0, 1)
    ]
    for name, moves in recipes.items()
}

# %%
counts = {
    name: torch.tensor([[blobs_hit(game) for game in games] for games in three]).double()
    for name, three in played.items()
}
late = {name: found[:, rounds // 2 :].mean(dim=1) for name, found in counts.items()}
for name, means in late.items():
    print(
        f"{name}: blobs hit in the second hundred, seed by seed {[round(m, 1) for m in means.tolist()]}"
    )
show(
    mode_curves({name: found.mean(dim=0).tolist() for name, found in counts.items()}, most=6),
    alt="How many of six blobs are hit, round by round, mean of three games. In the second hundred "
    "rounds: " + "; ".join(f"{name} {means.mean():.1f}" for name, means in late.items()) + ".",
)
assert late["8 generator steps per round"].mean() < late["2 generator steps per round"].mean()

# %%
collapsed, cured = (games[0] for games in played.values())
shown = (100, 140)
show(
    toy_gan_picture(
        {f"8 steps, round {k}": collapsed[k] for k in shown}
        | {f"2 steps, round {rounds}": cured[-1]}
    ),
    alt="Three moments on a ring of six blobs. With eight generator steps per round the fakes sit in "
    f"a few places, others each time: {', '.join(f'{blobs_hit(collapsed[k])} blobs in round {k}' for k in shown)}. "
    f"With two steps per round they are spread over {blobs_hit(cured[-1])} blobs in round {rounds}.",
)

# %% [markdown]
# That was one disease and one cure: balance. Others from the literature make variety *visible* to the discriminator, by letting it see several fakes at once (minibatch features; Salimans et al., section 3.2), or make the discriminator less steep, so that it does not chase (chapter *CapsGAN*, stabilisers).
#
# Do not conclude that a stronger discriminator is always better. The other extreme, in the same game:

# %%
for moves in ("DG", "DDDDG"):
    games = toy_gan.play(toy_gan.start("ring"), 1200 // len(moves) * moves)
    seen = [blobs_hit(games[k]) for k in (150, 300, 600, 1200)]
    print(f"{moves:6} blobs hit after 150, 300, 600 and 1,200 moves: {seen}")

# %% [markdown]
# With a discriminator that has had many steps on the same sixty points, the fakes end up away from most of the blobs. A game may be lost after it looked won. That is why trainings are measured on the way, and why the best moment need not be the last one.
#
# ## From one digit to another
#
# **Claim.** The generator is continuous, so on the way from one noise to another there is an image at every point. Which way should one take?
#
# The straight line $(1-t)\,a + t\,b$ seems natural. But 128 independent normal numbers are together $\sqrt{128} \approx 11.3$ long, nearly always. Two of them are nearly at right angles, so the middle of the line is only $11.3/\sqrt 2 = 8$ long: shorter than any noise that the generator has met. On a sphere the length is kept (White, section 2):
#
# $$\operatorname{slerp}(a, b, t) = \frac{\sin\bigl((1-t)\,\omega\bigr)}{\sin \omega}\,a + \frac{\sin(t\,\omega)}{\sin \omega}\,b$$
#
# with the angle $\omega$ between them.

# %%
torch.manual_seed(0)
first, second = torch.randn(2, 20_000, 128)
lengths = first.norm(dim=1)
middles = {
    "middle of the line": torch.lerp(first, second, 0.5),
    "middle of the arc": slerp(first, second, 0.5),
}
marks = {name: middle.norm(dim=1).mean().item() for name, middle in middles.items()}
print(
    f"20,000 noises: length {lengths.mean():.2f} ± {lengths.std():.2f}, the shortest {lengths.min():.2f}"
)
assert marks["middle of the line"] < lengths.min()
show(
    length_histogram(lengths, marks),
    alt=f"Histogram of the lengths of noises, {lengths.mean():.1f} with a deviation of "
    f"{lengths.std():.1f}. The middle of a line between two is {marks['middle of the line']:.1f} long, "
    f"left of all of them; the middle of an arc {marks['middle of the arc']:.1f}.",
)


# %% tags=["nbval-ignore-output"]
walker, told, judge = painter, origin, classifier
if shipped is not None:
    walker, told, judge = shipped, of_shipped, pretrained(EXPERIMENTS["digit-classifier"])


def drawn(noise):
    """What the generator makes, [n, 1, 32, 32] in [0, 1]."""
    with torch.no_grad():
        return ((walker.eval()(noise) + 1) / 2).clamp(0, 1)


def looks_like(images):
    """How sure the classifier is of its best guess, and the guess, [n] each."""
    with torch.no_grad():
        return judge(images).softmax(dim=1).max(dim=1)


noise = torch.randn(300, walker.noise_dim, generator=torch.Generator().manual_seed(3))
sure, kinds = looks_like(drawn(noise))
start = sure.argmax()
end = torch.where(kinds != kinds[start], sure, 0).argmax()
print(f"the generator: {told}; from a {kinds[start]} to a {kinds[end]}")

# %% tags=["nbval-ignore-output"]
shares = torch.linspace(0, 1, 11)
line = torch.stack([torch.lerp(noise[start], noise[end], float(t)) for t in shares])
sphere = torch.stack([slerp(noise[start], noise[end], float(t)) for t in shares])
explorers.morph(drawn(line)[:, 0], drawn(sphere)[:, 0], line.norm(dim=1), sphere.norm(dim=1))

# %% [markdown]
# Step through, and change the way. Does it matter? For 300 pairs of noises: how many of the images in the middle the classifier is sure of (at least 90 %), how bright they are, and the FID between them and other images that *this generator* made, so that "ends" is as small as it can be for so few. To compare: what one gets by mixing *pixels* instead of noises.

# %% tags=["nbval-ignore-output"]
usual = SampleQuality(sample_images(walker, 300, seed=1), judge)
partner = noise.roll(1, dims=0)
halfway = {
    "ends": drawn(noise),
    "middle of the line": drawn(torch.lerp(noise, partner, 0.5)),
    "middle of the arc": drawn(slerp(noise, partner, 0.5)),
    "pixels mixed": (drawn(noise) + drawn(partner)) / 2,
}
fids = {name: usual(images)["fid"] for name, images in halfway.items()}
for name, images in halfway.items():
    certain = (looks_like(images).values >= 0.9).float().mean()
    print(f"{name:20} sure of {certain:.0%}, brightness {images.mean():.3f}, FID {fids[name]:.1f}")

# %% [markdown]
# Where the two middles do about equally well, this generator does not mind short noise. Where the line does worse, one sees why: batch normalisation, once trained, subtracts and divides by fixed numbers, so shorter noise becomes less contrast, and images that no discriminator has ever judged. The advice to walk on the sphere costs nothing; how much it matters depends on the generator, and can be measured.
#
# Mixing *pixels* is what a morph is not: two digits shining through each other. The classifier may be quite sure of such an image. Sureness alone is no measure of quality.
#
# ## Exercises
#
# Write the function, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** The best discriminator's probability of "real", from the densities `p` and `q` at a few places, with real points labelled `label` (1, or 0.9 with one-sided smoothing) and fakes labelled 0.
#
# <details><summary>Hint</summary>
#
# At one place the discriminator gains $p\,(l\log D + (1-l)\log(1-D)) + q\log(1-D)$, with $l$ for the label. Where is the derivative by $D$ zero? Begin with $l = 1$.
#
# </details>


# %%
def my_best_discriminator(p, q, label):
    return ...  # [n]


solved = check("08.best_discriminator", my_best_discriminator)

# %% [markdown]
# **2.** The flipped loss of the generator, from the discriminator's scores of its images, `[b, 1]`. It must be right for scores of -200 too, where the probability is 0 in float32.
#
# <details><summary>Hint</summary>
#
# `F.logsigmoid` gives the logarithm of a probability from its score, without computing the probability. Which of the two probabilities does the generator want to be large?
#
# </details>


# %%
def my_generator_loss(scores):
    return ...  # a single number


solved = check("08.generator_loss", my_generator_loss)

# %% [markdown]
# **3.** The discriminator's loss, from the two networks, real images and noise. `discriminator(images)` returns scores `[b, 1]` here. When it is differentiated, nothing may arrive in the generator.
#
# <details><summary>Hint</summary>
#
# $\log(1-D)$ belongs to the score with the other sign. And to cut the graph between the two networks, is it the images that must be detached, or the scores?
#
# </details>


# %%
def my_discriminator_loss(generator, discriminator, real, noise):
    return ...  # a single number


solved = check("08.discriminator_loss", my_discriminator_loss)

# %% [markdown]
# **4.** Precision, from features of real images `[n, d]` and of samples `[m, d]`, with balls that reach to the third-nearest *other* real image.
#
# <details><summary>Hint</summary>
#
# `torch.cdist` gives all distances. What is the first entry in a sorted row of distances among the real images? A sample is good if *any* ball holds it.
#
# </details>


# %%
def my_precision(real, samples):
    return ...  # a single number


solved = check("08.precision", my_precision)

# %% [markdown]
# **5.** The way along the sphere: from `a` to `b`, both `[d]`, at the share `t`.
#
# <details><summary>Hint</summary>
#
# Find the angle between `a` and `b` from their scalar product. The weights of `a` and `b` are sines of parts of that angle: choose them so that $t=0$ gives `a` and $t=1$ gives `b`, and divide.
#
# </details>


# %%
def my_slerp(a, b, t):
    return ...  # [d]


solved = check("08.slerp", my_slerp)

# %% [markdown]
# **6.** (No check, an hour.) Cure the collapse in another way. Keep eight generator steps per round, and let the discriminator see *pairs* of fakes and pairs of real points beside each other, four coordinates instead of two, so that equal fakes give themselves away. You need a discriminator with four inputs; `capsedu/explore/toy_gan.py` is a hundred lines. Count the blobs for three seeds.
#
# <details><summary>Hint</summary>
#
# Put each point beside a partner drawn *at random* from its own kind, real with real and fake with fake, anew for each step: `torch.randperm`. The generator's loss goes through the pairs as well. Try more than one width of the discriminator before you announce a cure.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/08_dcgan.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/08_dcgan.md)).
#
# ## What the papers and slides got wrong
#
# The sources of the next chapter, a paper and a set of slides, also say things about GANs in general. Here are sentences of the slides (Karmakar), and one of the paper, tested.
#
# **"Discriminator accuracy starts from zero."** A fresh discriminator guesses. Twenty of them (small ones), each with a fresh generator, before the first step:

# %% tags=["nbval-ignore-output"]
guesses = []
for seed in range(20):
    gan = small_gan(seed)
    with torch.no_grad():
        of_real = gan.discriminator(2 * real[:64] - 1).scores
        of_made = gan.discriminator(gan.generator(torch.randn(64, 16))).scores
    guesses.append(torch.cat([of_real > 0, of_made <= 0]).float().mean().item())
average = sum(guesses) / len(guesses)
print(f"accuracy before training: {min(guesses):.0%} to {max(guesses):.0%}, mean {average:.0%}")
assert min(guesses) > 0 and 0.2 < average < 0.8

# %% [markdown]
# One half, give or take, and never zero. To start at zero a discriminator would have to get every single image wrong, which takes as much knowledge as getting all of them right.
#
# **"Discriminator accuracy never goes below 50 % due to the fact that each batch consists of equal number of generated as well as real world images."** Equal numbers make 50 % the result of *guessing*. They are no floor. In the game on the ring, two generator steps a round, the moment when the discriminator was most mistaken:

# %%
accuracies = [told_apart(game) for game in toy_gan.play(toy_gan.start("ring"), 200 * "DGG")]
low = min(range(len(accuracies)), key=accuracies.__getitem__)
print(f"after {low} moves it is right about {accuracies[low]:.0%} of the points;")
print(f"below one half in {sum(a < 0.5 for a in accuracies) / len(accuracies):.0%} of all moments")
assert accuracies[low] < 0.5

# %% [markdown]
# A discriminator that is right about yesterday's fakes can be wrong about today's, systematically. In the history of the digits' training, the lowest mean over ten batches:

# %% tags=["nbval-ignore-output"]
lowest = min(history, key=lambda row: row["discriminator_accuracy"])
print(f"{whose}: {lowest['discriminator_accuracy']:.0%} around batch {lowest['step']}")

# %% [markdown]
# **"Discriminator accuracy at standstill (50 %), reached convergence."** A draw is necessary, not sufficient: a discriminator that always says the same has 50 % as well. Let its last layer be zero, and the worst generator has "converged":

# %%
gan = small_gan()
nn.init.zeros_(gan.discriminator[-2].weight)
nn.init.zeros_(gan.discriminator[-2].bias)
with torch.no_grad():
    images = 2 * stream.batch(0).images - 1
    scores = (
        gan.discriminator(images).scores,
        gan.discriminator(gan.generator(torch.randn(32, 16))).scores,
    )
right = torch.cat([scores[0] > 0, scores[1] <= 0]).float().mean().item()
print(
    f"accuracy {right:.0%}, losses {NonSaturating().discriminator_loss(*scores):.3f} and {NonSaturating().generator_loss(scores[1]):.3f}"
)
assert right == 0.5

# %% [markdown]
# **"Generator loss keep on falling, learning better and better parameters to mimic actual data."** The loss and the quality are two things, as above. From the batches where the loss was lowest to the end:

# %% tags=["nbval-ignore-output"]
cheapest = min(history, key=lambda row: row["generator_loss"])
measured = [row for row in milestones if row["step"] <= cheapest["step"]] or milestones
rows = {row["step"]: row for row in (measured[-1], cheapest, milestones[-1])}
print(f"{whose}, lowest at batch {cheapest['step']}:")
for row in rows.values():
    fid = f", FID {row['fid']:.1f}" if "fid" in row else ""
    print(f"batch {row['step']:5}: the generator's loss {row['generator_loss']:.2f}{fid}")

# %% [markdown]
# **"1000 epochs", "10000 epochs".** An epoch is a pass over all training images. If the slides mean that, then with batches of 32 (they do not say how many) and at the speed of the training above, this would have taken

# %% tags=["nbval-ignore-output"]
per_batch = run.history[-1]["seconds"] / run.history[-1]["step"]
for epochs in (1_000, 10_000):
    batches = epochs * 60_000 // 32
    print(
        f"{epochs:6,} epochs of 60,000 images: {batches:>10,} batches, {batches * per_batch / 86_400:,.0f} days here"
    )

# %% [markdown]
# (Measured while this page was made, with evaluations, on a machine that had other things to do.) On a GPU the first is possible; the second, in a course project, is not likely. Much code that counts "epochs" draws *one batch* in each. We take the slides' epochs for batches; it is a guess, and chapter *CapsGAN* says so where it matters.
#
# **"It is not possible to apply inception scores to the MNIST dataset"** (Saqur and Vivona, section 4.1). Inception's classes are not digits, true. But the score's formula, $\exp \mathbb{E}\,\mathrm{KL}\bigl(p(y\mid x)\,\Vert\,p(y)\bigr)$ (Salimans et al., section 4), takes any classifier. With ours, the best possible value is 10, the number of classes:


# %% tags=["nbval-ignore-output"]
def class_score(images):
    with torch.no_grad():
        each = classifier(images).double().log_softmax(dim=1)
    overall = each.exp().mean(dim=0).log()
    return (each.exp() * (each - overall)).sum(dim=1).mean().exp().item()


for name in ("other real images", "five classes only", "one image, again and again"):
    print(f"{name:27} {class_score(spoilt[name]):5.2f}")
print(
    f"{'the generator':27} {class_score(sample_images(painter, count, seed=0)):5.2f}   ({origin})"
)
assert class_score(others) > class_score(few_classes) > class_score(others[:1].repeat(50, 1, 1, 1))

# %% [markdown]
# It counts sureness and variety of classes, never looks at a real image, and would give full marks to ten perfect drawings repeated for ever. That is why FID has replaced it. But "not possible" it is not, and the paper need not have compared by eye.
#
# ## References
#
# - I. J. Goodfellow et al. *Generative Adversarial Nets*. 2014. [arXiv:1406.2661](https://arxiv.org/abs/1406.2661). The game (equation 1, algorithm 1), the best discriminator (proposition 1), Jensen–Shannon (theorem 1), the flip (section 3).
# - A. Radford, L. Metz, S. Chintala. *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*. 2016. [arXiv:1511.06434](https://arxiv.org/abs/1511.06434). The guidelines (section 3), the settings (section 4).
# - T. Salimans et al. *Improved Techniques for Training GANs*. 2016. [arXiv:1606.03498](https://arxiv.org/abs/1606.03498). Minibatch features (3.2), one-sided smoothing (3.4), the Inception score (section 4).
# - X. Mao et al. *Least Squares Generative Adversarial Networks*. 2017. [arXiv:1611.04076](https://arxiv.org/abs/1611.04076).
# - M. Heusel et al. *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*. 2017. [arXiv:1706.08500](https://arxiv.org/abs/1706.08500). FID.
# - M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton. *Demystifying MMD GANs*. 2018. [arXiv:1801.01401](https://arxiv.org/abs/1801.01401). KID, and why FID is biased.
# - T. Kynkäänniemi et al. *Improved Precision and Recall Metric for Assessing Generative Models*. 2019. [arXiv:1904.06991](https://arxiv.org/abs/1904.06991).
# - T. White. *Sampling Generative Networks*. 2016. [arXiv:1609.04468](https://arxiv.org/abs/1609.04468). Walking on the sphere.
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. [arXiv:1806.03968](https://arxiv.org/abs/1806.03968).
# - A. Karmakar. *Improving Generative Adversarial Networks with CapsuleNET*. Slides, 2018.
