# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 5: train a GAN, and say what ails it
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/assignments/05_train_a_gan.ipynb)
#
# A GAN is ten lines of training code, and each of them can be wrong in a way that raises no error. You write these lines, one after the other. Then you learn to examine the result: by the history of a training, by counting what was covered, and by a distance between clouds. At the end your own code trains two GANs, one on a ring of points, where everything can be seen, and one on handwritten digits.
#
# You will be able to
#
# - compute the losses of both networks from scores, safely, whatever the scores and their shapes are;
# - write a step of each network that moves that network and nothing else;
# - build a block of a generator with the batch normalisation that you mean;
# - tell a collapsed training from a healthy one, and both from two other diseases, by a program;
# - measure which modes are covered, and compute Fréchet's distance without a library;
# - write a gradient penalty that the critic really learns from.
#
# **Read first:** chapter 8, and of chapter 9 the parts on the gradient penalty. **Time:** three to four hours. **Hardware:** any CPU. **Points:** 100, of which 70 are for code and 30 for four written questions.
#
# Every answer cell holds a function with its description. Replace the line that raises `NotImplementedError`, run the cell, then the check below it, which answers at once. The cells marked *Tested when graded* look empty to you; leave them where they are. Everything else you may change, and add cells as you like. The notebook runs from top to bottom at any time; parts that are not written yet are waited for.

# %% given="setup"
try:
    from capsedu.classroom import check, waits
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check, waits

import math

import torch
import torch.nn.functional as F
from torch import nn

from capsedu.classroom.patients import ward
from capsedu.data import first_available
from capsedu.explore import show
from capsedu.explore.assignment_gan_figures import point_panels, ward_panels
from capsedu.explore.capsnet_figures import image_rows
from capsedu.learning.gan_objectives import NonSaturating
from capsedu.profiles import resolve_profile

profile = resolve_profile("auto")

# %% given="variant"
variant = 0

# %% [markdown]
# The numbers below are yours: they depend on the variant. Written questions ask about them. Your ring has so many blobs of points, with their centres on a circle; you will meet it in part 5.

# %% given="numbers"
dice = torch.Generator().manual_seed(500 + variant)
MODES = int(torch.randint(7, 10, (), generator=dice))
DEVIATION = 0.1 + 0.04 * torch.rand((), generator=dice).item()  # of each blob
turned = 2 * math.pi * (torch.arange(MODES) + torch.rand((), generator=dice)) / MODES
centres = 2 * torch.stack([turned.cos(), turned.sin()], dim=1)  # [modes, 2]


def ring_points(n):
    """Real points, [n, 2]."""
    return centres[torch.randint(MODES, (n,))] + DEVIATION * torch.randn(n, 2)


def ring_networks(seed):
    """A generator from 8 numbers to a point, and a discriminator with one score per point."""
    torch.manual_seed(seed)
    generator = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
    judge = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2))
    return generator.append(nn.Linear(64, 2)), judge.append(nn.Linear(64, 1))


def adam(network, rate=1e-3):
    return torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.999))


print(f"{MODES} blobs, with a deviation of {DEVIATION:.3f}")

# %% [markdown]
# ## Part 1: two losses, from scores (9 points)
#
# A discriminator says one number per image, a *score* $s$; the probability of "real" is $\sigma(s)$. With a label $y$, 1 for real and 0 for made (or anything between, when labels are smoothed), the loss of one image is
#
# $$\ell(s, y) = -y \log \sigma(s) - (1-y) \log\bigl(1-\sigma(s)\bigr)$$
#
# Two things go wrong here, silently. A network with one output returns scores of shape `[b, 1]`, while labels come as `[b]`: in an arithmetic expression PyTorch makes `[b, b]` of the two, every score against every label, and the mean of that is a number like any other. And at a score of −200 the probability is 0 in 32 bits, its logarithm minus infinity.
#
# **1a (6 points).** Write the mean of $\ell$ over the batch, from scores `[b, 1]` (or `[b]`) and labels `[b]`. At a score of −1000 with label 1 it is 1000, with the slope −1. Write it with `F.softplus`, where $\operatorname{softplus}(x) = \log(1+e^x)$; which softplus is $-\log\sigma(s)$, and which is $-\log(1-\sigma(s))$?


# %% answer="score_loss"
def score_loss(scores, labels):
    """Mean binary cross-entropy of scores [b, 1] or [b] with labels [b]: a single number."""
    ### BEGIN SOLUTION
    scores = scores.flatten()
    return (labels * F.softplus(-scores) + (1 - labels) * F.softplus(scores)).mean()
    ### END SOLUTION


# %%
solved = check("a5.score_loss", score_loss)

# %% test="loss_pairs" points=3
# Tested when graded, 3 points: each score meets its own label.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

for _b in (2, 5, 64):
    _scores, _labels = 3 * _torch.randn(_b, 1).double(), _torch.rand(_b).double()
    _labels[0], _labels[1] = 0, 1
    _scores[0], _scores[1] = 3, -2  # so that pairs and all combinations surely differ
    _wanted = _F.binary_cross_entropy_with_logits(_scores[:, 0], _labels)
    for _given in (_scores, _scores[:, 0]):
        _found = score_loss(_given.clone(), _labels.clone())
        assert _found.shape == (), f"the loss has shape {list(_found.shape)}; one number is wanted"
        _square = _F.softplus(_scores) - _labels * _scores
        assert _torch.isclose(_wanted, _square.mean()) or not _torch.isclose(
            _found, _square.mean()
        ), "scores [b, 1] against labels [b] became [b, b]: every score met every label"
        assert _torch.isclose(_found, _wanted), (
            f"scores {list(_given.shape)}: the loss is {_found:.4f} and should be {_wanted:.4f}"
        )
### END HIDDEN TESTS

# %% test="loss_large" points=3
# Tested when graded, 3 points: very large and very small scores, values and slopes.
### BEGIN HIDDEN TESTS
import torch as _torch

for _label in (0.0, 1.0):
    for _size in (50.0, 1000.0):
        _score = _torch.full((4, 1), _size if _label == 0 else -_size, requires_grad=True)
        _found = score_loss(_score, _torch.full((4,), _label))
        assert _torch.isfinite(_found), f"at a score of {_score[0].item():g} the loss is {_found}"
        assert _torch.isclose(_found, _torch.tensor(_size)), (
            f"at a score of {_score[0].item():g} with label {_label:g} the loss should be {_size:g}"
        )
        (_slope,) = _torch.autograd.grad(_found, _score)
        assert _torch.allclose(4 * _slope.abs(), _torch.ones(4, 1)), (
            f"at a score of {_score[0].item():g} with label {_label:g} the slope is lost"
        )
        _good = score_loss(-_score.detach(), _torch.full((4,), _label))
        assert 0 <= _good < 1e-6, f"a score that is right by {_size:g} should cost nothing"
### END HIDDEN TESTS

# %% [markdown]
# **1b (3 points).** Some discriminators have two outputs, "real" and "made", and so has the capsule discriminator of the next assignment. Their loss is cross-entropy between two classes, 0 for real and 1 for made. `F.cross_entropy` takes *scores*. It has a softmax inside, so a network that ends in a softmax of its own gets two, and can never be surer than 73 %. Write both networks' losses; the generator's is the one that does not saturate: it wants its images to be classified as real.


# %% answer="two_score_losses"
def two_score_losses(real, made):
    """The losses of the discriminator and of the generator, from scores [b, 2] of each kind.

    The discriminator's is the mean over real images plus the mean over made ones.
    """
    ### BEGIN SOLUTION
    is_real, is_made = real.new_zeros(len(real)).long(), made.new_ones(len(made)).long()
    judge = F.cross_entropy(real, is_real) + F.cross_entropy(made, is_made)
    return judge, F.cross_entropy(made, is_made - 1)
    ### END SOLUTION


# %%
solved = check("a5.two_score_losses", two_score_losses)

# %% test="two_scores" points=3
# Tested when graded, 3 points: both losses, for batches of different sizes.
### BEGIN HIDDEN TESTS
import torch as _torch
import torch.nn.functional as _F

_real, _made = 2 * _torch.randn(5, 2) + _torch.tensor([1.0, 0.0]), 2 * _torch.randn(8, 2)
_judge, _maker = two_score_losses(_real.clone(), _made.clone())
_log = [_x.log_softmax(dim=1) for _x in (_real, _made)]
_twice = (
    -_real.softmax(1).log_softmax(1)[:, 0].mean() - _made.softmax(1).log_softmax(1)[:, 1].mean()
)
assert not _torch.isclose(_judge, _twice), (
    "the scores went through a softmax before cross_entropy, which has one of its own"
)
_wanted = -_log[0][:, 0].mean() - _log[1][:, 1].mean()
assert _torch.isclose(_judge, _wanted), (
    f"the discriminator's loss is {_judge:.4f} and should be {_wanted:.4f}"
)
assert not _torch.isclose(_maker, _log[1][:, 1].mean()), (
    "the generator's loss saturates: it is minus the discriminator's; the flipped one is wanted"
)
_wanted = -_log[1][:, 0].mean()
assert _torch.isclose(_maker, _wanted), (
    f"the generator's loss is {_maker:.4f} and should be {_wanted:.4f}"
)
### END HIDDEN TESTS

# %% [markdown]
# How much it costs to have the softmax twice: a discriminator that is as sure as it can be about a real image.

# %%
with waits("the doubled softmax"):
    for size in (1.0, 5.0, 50.0):
        scores = torch.tensor([[size, -size]])
        once, _ = two_score_losses(scores, -scores)
        twice, _ = two_score_losses(scores.softmax(dim=1), (-scores).softmax(dim=1))
        print(f"right by {2 * size:3.0f}: loss {once:.3f}, with two softmaxes {twice:.3f}")

# %% [markdown]
# ## Part 2: a step for each network (20 points of code, 7 written)
#
# From here on, use `NonSaturating()` of the package for the losses: `.discriminator_loss(real_scores, made_scores)` and `.generator_loss(made_scores)`, with scores `[b, 1]`. Both networks are functions of a batch: `generator(noise)` makes points or images, `discriminator(points)` returns scores.
#
# **2a (9 points).** One step of the discriminator. It must start from clean gradients, whatever was left there by the step before. Nothing may arrive in the generator. And real and made points are judged in two separate calls: with batch normalisation in the discriminator, what is said of a point depends on the company it is in.


# %% answer="discriminator_step"
def discriminator_step(generator, discriminator, optimizer, real, noise):
    """Makes points of the noise, moves the discriminator once, and returns its loss as a float.

    The optimizer holds the discriminator's parameters.
    """
    ### BEGIN SOLUTION
    made = generator(noise).detach()
    loss = NonSaturating().discriminator_loss(discriminator(real), discriminator(made))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %%
solved = check("a5.discriminator_step", discriminator_step)

# %% test="step_updates" points=3
# Tested when graded, 3 points: where the discriminator stands after two steps.
### BEGIN HIDDEN TESTS
import copy as _copy

import torch as _torch
import torch.nn.functional as _F

_torch.manual_seed(1)
_g, _d = (
    _torch.nn.Linear(3, 2),
    _torch.nn.Sequential(_torch.nn.Linear(2, 6), _torch.nn.Tanh(), _torch.nn.Linear(6, 1)),
)
_twin = _copy.deepcopy(_d)
for _p in _d.parameters():
    _p.grad = _torch.ones_like(_p)  # what an earlier step left behind
_optimizer = _torch.optim.SGD(_d.parameters(), lr=0.3)
for _ in range(2):
    _real, _noise = _torch.randn(8, 2) + 1, _torch.randn(8, 3)
    _loss = _F.softplus(-_twin(_real)).mean() + _F.softplus(_twin(_g(_noise).detach())).mean()
    _slopes = _torch.autograd.grad(_loss, list(_twin.parameters()))
    with _torch.no_grad():
        for _p, _s in zip(_twin.parameters(), _slopes, strict=True):
            _p -= 0.3 * _s
    _found = discriminator_step(_g, _d, _optimizer, _real, _noise)
    assert abs(float(_found) - _loss.item()) < 1e-4, (
        f"the loss returned is {float(_found):.4f} and should be {_loss.item():.4f}"
    )
    for _p, _q in zip(_d.parameters(), _twin.parameters(), strict=True):
        assert _torch.allclose(_p, _q, atol=1e-5), (
            "the discriminator does not stand where one step of this loss leads; were the "
            "gradients of the step before cleared?"
        )
### END HIDDEN TESTS

# %% test="step_detached" points=3
# Tested when graded, 3 points: nothing arrives in the generator.
### BEGIN HIDDEN TESTS
import torch as _torch

_g, _d = _torch.nn.Linear(3, 2), _torch.nn.Linear(2, 1)
_before = [_p.clone() for _p in _g.parameters()]
_optimizer = _torch.optim.SGD(_d.parameters(), lr=0.1)
discriminator_step(_g, _d, _optimizer, _torch.randn(8, 2), _torch.randn(8, 3))
for _p, _q in zip(_g.parameters(), _before, strict=True):
    assert _torch.equal(_p, _q), "the discriminator's step changes the generator's weights"
    assert _p.grad is None or not _p.grad.any(), (
        "gradients of the discriminator's loss run on into the generator: detach is missing"
    )
    assert _p.requires_grad, "after the step the generator can no longer be trained"
### END HIDDEN TESTS

# %% test="step_apart" points=3
# Tested when graded, 3 points: real and made points are normalised apart.
### BEGIN HIDDEN TESTS
import copy as _copy

import torch as _torch
import torch.nn.functional as _F

_torch.manual_seed(2)
_g = _torch.nn.Linear(3, 2)
_d = _torch.nn.Sequential(_torch.nn.BatchNorm1d(2), _torch.nn.Tanh(), _torch.nn.Linear(2, 1))
_real, _noise = 3 + _torch.randn(8, 2), _torch.randn(8, 3)
_twin = _copy.deepcopy(_d)
_wanted = _F.softplus(-_twin(_real)).mean() + _F.softplus(_twin(_g(_noise))).mean()
_found = discriminator_step(_g, _d, _torch.optim.SGD(_d.parameters(), lr=0.1), _real, _noise)
assert abs(float(_found) - _wanted.item()) < 1e-4, (
    "with batch normalisation the loss is another one: real and made points must be judged in two "
    "calls, not in one batch"
)
### END HIDDEN TESTS

# %% [markdown]
# **2b (6 points).** One step of the generator: its points are made anew from the noise, judged, and the generator is moved so that they look more real. The discriminator must be the same afterwards, and as ready to learn as before.


# %% answer="generator_step"
def generator_step(generator, discriminator, optimizer, noise):
    """Moves the generator once, and returns its loss as a float.

    The optimizer holds the generator's parameters.
    """
    ### BEGIN SOLUTION
    loss = NonSaturating().generator_loss(discriminator(generator(noise)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %%
solved = check("a5.generator_step", generator_step)

# %% test="generator_moves" points=3
# Tested when graded, 3 points: where the generator stands after two steps.
### BEGIN HIDDEN TESTS
import copy as _copy

import torch as _torch
import torch.nn.functional as _F

_torch.manual_seed(3)
_d = _torch.nn.Sequential(_torch.nn.Linear(2, 6), _torch.nn.Tanh(), _torch.nn.Linear(6, 1))
_g = _torch.nn.Linear(3, 2)
_twin = _copy.deepcopy(_g)
for _p in _g.parameters():
    _p.grad = _torch.ones_like(_p)
_optimizer = _torch.optim.SGD(_g.parameters(), lr=0.5)
for _ in range(2):
    _noise = _torch.randn(8, 3)
    _loss = _F.softplus(-_d(_twin(_noise))).mean()
    _slopes = _torch.autograd.grad(_loss, list(_twin.parameters()))
    with _torch.no_grad():
        for _p, _s in zip(_twin.parameters(), _slopes, strict=True):
            _p -= 0.5 * _s
    _found = generator_step(_g, _d, _optimizer, _noise)
    assert abs(float(_found) - _loss.item()) < 1e-4, (
        f"the loss returned is {float(_found):.4f} and should be {_loss.item():.4f}"
    )
    for _p, _q in zip(_g.parameters(), _twin.parameters(), strict=True):
        assert _torch.allclose(_p, _q, atol=1e-5), (
            "the generator does not stand where one step of its loss leads"
        )
### END HIDDEN TESTS

# %% test="generator_leaves" points=3
# Tested when graded, 3 points: the discriminator afterwards.
### BEGIN HIDDEN TESTS
import torch as _torch

_g, _d = _torch.nn.Linear(3, 2), _torch.nn.Linear(2, 1)
_before = [_p.clone() for _p in _d.parameters()]
generator_step(_g, _d, _torch.optim.SGD(_g.parameters(), lr=0.1), _torch.randn(8, 3))
for _p, _q in zip(_d.parameters(), _before, strict=True):
    assert _torch.equal(_p, _q), "the generator's step changes the discriminator's weights"
    assert _p.requires_grad, "after the generator's step the discriminator cannot learn any more"
assert _d.training, "after the generator's step the discriminator is no longer in training mode"
### END HIDDEN TESTS

# %% [markdown]
# **2c (5 points).** One round: the discriminator goes first, once for each batch of real points that it is given, and each time it meets points from *fresh* noise. Then the generator makes one step, with fresh noise again, judged by the discriminator that has just learnt. The two steps come as functions, `discriminator_step(real, noise)` and `generator_step(noise)`, which return a loss each; `draw_noise(n)` returns noise for `n` points.


# %% answer="one_round"
def one_round(discriminator_step, generator_step, batches, draw_noise):
    """Plays a round; returns the mean loss of the discriminator's steps, and the generator's.

    All noises are for as many points as there are in a batch; `batches` is a list of them.
    """
    ### BEGIN SOLUTION
    losses = [discriminator_step(real, draw_noise(len(real))) for real in batches]
    return sum(losses) / len(losses), generator_step(draw_noise(len(batches[-1])))
    ### END SOLUTION


# %%
solved = check("a5.one_round", one_round)

# %% test="round_order" points=3
# Tested when graded, 3 points: who moves when, and what is returned.
### BEGIN HIDDEN TESTS
import torch as _torch

for _n in (1, 3, 5):
    _moves, _batches = [], [_torch.full((4, 2), float(_k)) for _k in range(_n)]

    def _judge(real, noise, moves=_moves):
        moves.append(("D", real[0, 0].item()))
        return real[0, 0].item()

    def _maker(noise, moves=_moves):
        moves.append(("G", len(noise)))
        return 7.0

    _found = one_round(_judge, _maker, _batches, lambda n: _torch.randn(n, 3))
    _order = "".join(_who for _who, _ in _moves)
    assert _order == "D" * _n + "G", f"{_n} batches: the moves were {_order}, not {'D' * _n}G"
    assert [_x for _w, _x in _moves[:-1]] == list(range(_n)), (
        "the batches did not all have their turn"
    )
    assert abs(float(_found[0]) - (_n - 1) / 2) < 1e-6, (
        f"losses 0 to {_n - 1} of the discriminator have the mean {(_n - 1) / 2}, not {_found[0]}"
    )
    assert float(_found[1]) == 7.0, "the second number should be the generator's loss"
### END HIDDEN TESTS

# %% test="round_noise" points=2
# Tested when graded, 2 points: no noise is used twice.
### BEGIN HIDDEN TESTS
import torch as _torch

_used = []


def _keep(*inputs):
    _used.append(inputs[-1].clone())
    return 0.0


one_round(_keep, _keep, [_torch.randn(4, 2) for _ in range(3)], lambda n: _torch.randn(n, 3))
assert all(_noise.shape == (4, 3) for _noise in _used), "each noise should be for four points"
for _k, _noise in enumerate(_used):
    assert not any(_torch.equal(_noise, _other) for _other in _used[:_k]), (
        "a noise is used twice: the discriminator should meet points it has not seen"
    )
### END HIDDEN TESTS

# %% [markdown]
# What would happen without `detach`? Below, the discriminator's loss is differentiated *through* the generator, in one network at the beginning and in one after a few rounds of your own training. Compared with it is the gradient that the generator is to follow.

# %%
with waits("the leak"):
    generator, discriminator = ring_networks(variant)
    optimizers = adam(discriminator), adam(generator)
    objective, weights = NonSaturating(), list(generator.parameters())

    def flat(loss):
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])

    for rounds in (0, 30):
        for _ in range(rounds):
            discriminator_step(
                generator, discriminator, optimizers[0], ring_points(128), torch.randn(128, 8)
            )
            generator_step(generator, discriminator, optimizers[1], torch.randn(128, 8))
        made = generator(torch.randn(1000, 8))
        leak = flat(
            objective.discriminator_loss(discriminator(ring_points(1000)), discriminator(made))
        )
        own = flat(objective.generator_loss(discriminator(generator(torch.randn(1000, 8)))))
        print(
            f"after {rounds:2} rounds: leak {leak.norm():.3f}, the generator's own {own.norm():.3f}, "
            f"both added {(leak + own).norm():.3f}, cosine {F.cosine_similarity(leak, own, dim=0):+.2f}"
        )

# %% [markdown] written="why_detach" points=7
# **2d (7 points, written).** Somebody forgets `detach`, and, to save a line, clears gradients only once per round, before the discriminator's step. With the numbers that your cell above printed: what does the generator's optimizer see in such a program, and what will the training look like? What changes if the generator's gradients are cleared before its own step? And what does the forgotten `detach` cost even then?
#
# ### BEGIN SOLUTION
# Without `detach`, the discriminator's backward pass leaves its gradient in the generator's weights. That gradient points where made points are *easier* to unmask: against what the generator wants, so the cosine is near −1. If nothing clears it, the generator's optimizer sees the sum of both. At the beginning, where both scores are near 0 and both slopes near one half, the two nearly cancel: the sum is a small part of the generator's own gradient (the printed numbers: "both added" against "own"). The generator hardly moves, and the discriminator wins, with no error message. Later the two slopes, $D$ and $1-D$, differ, so that less is cancelled and the effect depends on who is ahead: where the discriminator is sure ($D$ small) the leak is small, too.
#
# If the generator's gradients are cleared before its own step, its step is right. What is left is wasted work: the backward pass runs through the generator once more in every step of the discriminator, and the graph of the generator is kept in memory for it.
#
# Rubric: 2 points for "the leak points against the generator's own gradient", with the cosine; 2 points for the sum of both and what it does, with the printed lengths; 1 point for a training in which the discriminator wins or the generator stands still; 1 point for "cleared: the step is right"; 1 point for the wasted time or memory.
# ### END SOLUTION

# %% [markdown]
# ## Part 3: a generator's block, and 0.8 in the wrong place (7 points)
#
# Many GANs on the web have the line `nn.BatchNorm2d(c, 0.8)`. It was translated from Keras, where `BatchNormalization(momentum=0.8)` *keeps* 0.8 of the running mean with each batch. PyTorch's second argument is `eps`, the number that is added to the variance before the root; so a value that was to guard against division by zero has become 0.8, and whatever varies little stays small. And PyTorch's `momentum` is the share of the *new* batch, one minus what Keras means.
#
# **3a (7 points).** Write the block of a DCGAN generator that doubles an image: a transposed convolution with 4×4 kernels, stride 2 and padding 1 and without bias, batch normalisation, ReLU. `keep` is the share of the old running mean and variance that stays with each batch. Leave `eps` as PyTorch has it.


# %% answer="painting_block"
def painting_block(c_in, c_out, keep):
    """A module from [b, c_in, h, w] to [b, c_out, 2h, 2w]."""
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False),
        nn.BatchNorm2d(c_out, momentum=1 - keep),
        nn.ReLU(),
    )
    ### END SOLUTION


# %%
solved = check("a5.painting_block", painting_block)

# %% test="block_size" points=2
# Tested when graded, 2 points: the size, the ReLU, the number of parameters.
### BEGIN HIDDEN TESTS
import torch as _torch

_block = painting_block(3, 5, 0.8)
_out = _block(_torch.randn(2, 3, 6, 9))
assert _out.shape == (2, 5, 12, 18), f"[2, 3, 6, 9] becomes {list(_out.shape)}, not [2, 5, 12, 18]"
assert _out.min() >= 0 and _out.max() > 0, "there should be a ReLU at the end"
_count = sum(_p.numel() for _p in _block.parameters())
assert _count == 3 * 5 * 16 + 10, (
    f"the block has {_count} parameters and should have 250: 3·5 kernels of 4×4, without bias, and "
    "a gain and a shift for each of 5 channels"
)
### END HIDDEN TESTS

# %% test="block_momentum" points=2
# Tested when graded, 2 points: how fast the running mean follows.
### BEGIN HIDDEN TESTS
import torch as _torch

for _keep in (0.8, 0.95):
    _block = painting_block(3, 5, _keep)
    _norms = [_m for _m in _block.modules() if isinstance(_m, _torch.nn.BatchNorm2d)]
    assert len(_norms) == 1, f"the block has {len(_norms)} batch normalisations, not 1"
    _seen = []
    _norms[0].register_forward_hook(lambda m, inputs, out, seen=_seen: seen.append(inputs[0]))
    _block.train()(_torch.randn(4, 3, 6, 6) + 1)
    _wanted = (1 - _keep) * _seen[0].mean(dim=(0, 2, 3))
    assert _torch.allclose(_norms[0].running_mean, _wanted, atol=1e-5), (
        f"keep={_keep}: after one batch the running mean should be {1 - _keep:.2f} of the batch's"
    )
### END HIDDEN TESTS

# %% test="block_eps" points=3
# Tested when graded, 3 points: channels that vary little.
### BEGIN HIDDEN TESTS
import torch as _torch

_block = painting_block(3, 5, 0.8).train()
_norms = [_m for _m in _block.modules() if isinstance(_m, _torch.nn.BatchNorm2d)]
_seen = []
_norms[0].register_forward_hook(lambda m, inputs, out: _seen.append((inputs[0], out)))
_images = _torch.randn(8, 3, 6, 6)
_block(_images)
_block(_images * 0.1 / _seen[0][0].std())
_deviations = [_x.transpose(0, 1).flatten(1).std(dim=1) for _x in _seen[1]]
assert (_deviations[1] > 0.9).all() and (_deviations[1] < 1.1).all(), (
    f"channels with a deviation of {_deviations[0].mean():.2f} leave batch normalisation with "
    f"{_deviations[1].mean():.2f} in place of 1: eps is too large"
)
### END HIDDEN TESTS

# %% [markdown]
# What `eps` does to a weak signal: your normalisation and one with 0.8 in the second place, for channels of smaller and smaller deviation. DCGAN's weights start with a deviation of 0.02, so the small numbers are the usual ones.

# %%
with waits("the weak signal"):
    block = painting_block(4, 4, 0.8)
    yours = next(m for m in block.modules() if isinstance(m, nn.BatchNorm2d))
    for deviation in (1.0, 0.3, 0.1, 0.03):
        images = deviation * torch.randn(64, 4, 8, 8)
        both = yours(images).std().item(), nn.BatchNorm2d(4, 0.8)(images).std().item()
        print(f"deviation {deviation:4}: after yours {both[0]:.3f}, with eps = 0.8 {both[1]:.3f}")

# %% [markdown]
# ## Part 4: the ward (9 points of code, 8 written)
#
# Four trainings, four conditions. Each history has a row for every ten batches with the losses of both networks, the discriminator's accuracy, and the *spread*: how much the made images differ from each other, as a share of how much real images do. (These histories are made up, so that each shows one thing only; the numbers of real trainings look like them.) One of the four is
#
# - `"healthy"`: a fair game, in which neither side is sure;
# - `"collapsed"`: the generator makes one image, or nearly, and now and then another one;
# - `"overpowered"`: the discriminator is right about everything, and the generator's loss grows and grows;
# - `"diverged"`: the losses run away, or are no numbers any more, whatever the other columns say then.

# %% given="ward"
patients = ward(variant)
show(
    ward_panels({f"patient {letter}": rows for letter, rows in patients.items()}),
    alt="Four histories of 2,000 batches: losses above, on a logarithmic scale, accuracy and spread "
    "below. "
    + "; ".join(
        f"patient {letter} ends with losses {rows[-1]['discriminator_loss']:.3g} (discriminator) and "
        f"{rows[-1]['generator_loss']:.3g} (generator), accuracy "
        f"{rows[-1]['discriminator_accuracy']:.2f}, spread {rows[-1]['spread']:.2f}"
        for letter, rows in patients.items()
    )
    + ".",
)
for letter, rows in patients.items():
    for row in (rows[4], rows[99], rows[179], rows[-1]):
        told = ", ".join(f"{name} {value:.3f}" for name, value in row.items() if name != "step")
        print(f"{letter}, batch {row['step']:4}: {told}")

# %% [markdown]
# **4a (9 points).** Write the diagnosis as a program: a history in, one of the four words out. It will see other histories than yours. Things to think of: all of these trainings *begin* with a discriminator that is far ahead and images that are all alike; single rows have peaks, and a collapsed generator jumps, so look at many rows; a comparison with NaN is never true.


# %% answer="diagnose"
def diagnose(history):
    """One of "healthy", "collapsed", "overpowered", "diverged".

    `history` is a list of rows (dictionaries) with the keys "step", "discriminator_loss",
    "generator_loss", "discriminator_accuracy", "spread".
    """
    ### BEGIN SOLUTION
    end = history[-len(history) // 5 :]

    def middle(key):
        return torch.tensor([row[key] for row in end]).median().item()

    losses = [row[key] for row in end for key in ("discriminator_loss", "generator_loss")]
    if not all(math.isfinite(loss) for loss in losses) or max(losses) > 100:
        return "diverged"
    if middle("discriminator_accuracy") > 0.97 and middle("discriminator_loss") < 0.1:
        return "overpowered"
    return "collapsed" if middle("spread") < 0.25 else "healthy"
    ### END SOLUTION


# %%
solved = check("a5.diagnose", diagnose)

# %% test="sees_collapse" points=3
# Tested when graded, 3 points: collapsed trainings.
### BEGIN HIDDEN TESTS
from capsedu.classroom.patients import made_up_history as _made_up

for _seed in range(900, 912):
    _word = diagnose(_made_up("collapsed", _seed))
    assert _word == "collapsed", (
        f"a collapsed generator is called {_word!r}; the losses do not show it, and single rows mislead"
    )
### END HIDDEN TESTS

# %% test="sees_health" points=2
# Tested when graded, 2 points: healthy trainings.
### BEGIN HIDDEN TESTS
from capsedu.classroom.patients import made_up_history as _made_up

for _seed in range(920, 932):
    _word = diagnose(_made_up("healthy", _seed))
    assert _word == "healthy", (
        f"a healthy training is called {_word!r}: every training begins like that, and has peaks"
    )
### END HIDDEN TESTS

# %% test="sees_overpowered" points=2
# Tested when graded, 2 points: discriminators that are too strong.
### BEGIN HIDDEN TESTS
from capsedu.classroom.patients import made_up_history as _made_up

for _seed in range(940, 952):
    _word = diagnose(_made_up("overpowered", _seed))
    assert _word == "overpowered", f"a discriminator that is right about everything: {_word!r}"
### END HIDDEN TESTS

# %% test="sees_divergence" points=2
# Tested when graded, 2 points: losses that run away, and losses that are NaN.
### BEGIN HIDDEN TESTS
import math as _math

from capsedu.classroom.patients import made_up_history as _made_up

for _seed in range(960, 984):
    _rows = _made_up("diverged", _seed)
    _end = _rows[-1]["generator_loss"]
    _word = diagnose(_rows)
    _what = "is NaN" if _math.isnan(_end) else f"is {_end:.0f}"
    assert _word == "diverged", f"a generator's loss that {_what} at last is called {_word!r}"
### END HIDDEN TESTS

# %%
with waits("the round through the ward"):
    for letter, rows in patients.items():
        print(f"patient {letter}: {diagnose(rows)}")

# %% [markdown] written="four_patients" points=8
# **4b (8 points, written).** Your four patients: which is which, and by which *numbers* do you know? Quote them, with the batch. Which two could not be told apart by their losses alone? Propose one treatment for each of the three ill ones, and say what you would expect to see in the history if it works.
#
# ### BEGIN SOLUTION
# (The letters depend on the variant; `diagnose` above prints them.) *Healthy*: losses around 1.15 and 1.0, not far from the draw of 1.386 and 0.693, an accuracy of about 0.7, and a spread of about 0.9 at the end. *Collapsed*: the same losses and accuracy, but the spread falls from about 0.8 to about 0.06 between the batches 700 and 1,100, with single rows of 0.5 where it jumps; the last row is such a jump. *Overpowered*: accuracy above 0.99, the discriminator's loss around 0.02, the generator's growing to about 8. *Diverged*: losses that grow a hundredfold and more, or NaN.
#
# The healthy and the collapsed one cannot be told apart by their losses: the discriminator keeps playing for a draw against one image at a time.
#
# Treatments, for example: collapsed: fewer generator steps or more discriminator steps per round, or a discriminator that sees several images at once; the spread should rise again towards 0.9. Overpowered: a smaller or slower discriminator, label smoothing, a gradient penalty; accuracy should fall below 0.9 and the generator's loss should stop growing. Diverged: a smaller learning rate, the gradient penalty, going back to a checkpoint before it began; the losses should stay bounded.
#
# Rubric: 3 points for the four diagnoses with the numbers that decide them; 1 point for batches or places in the history, not only the last row; 1 point for "healthy and collapsed have the same losses"; 3 points, one each, for a treatment with the change that it should bring.
# ### END SOLUTION

# %% [markdown]
# ## Part 5: what has been covered, and how far is it? (16 points)
#
# For a ring of blobs one can count. A sample is **good** if it is within three deviations of its *nearest* centre. A blob is **covered** if at least `least` good samples belong to it.
#
# **5a (6 points).** Write both: the number of covered blobs, and the share of good samples.


# %% answer="coverage"
def coverage(samples, centres, deviation, least):
    """The number of covered blobs (int) and the share of good samples (float).

    `samples` is [n, 2], `centres` [modes, 2].
    """
    ### BEGIN SOLUTION
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    good = distance < 3 * deviation
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= least).sum()), good.float().mean().item()
    ### END SOLUTION


# %%
solved = check("a5.coverage", coverage)

# %% test="covered_modes" points=3
# Tested when graded, 3 points: how many blobs are covered.
### BEGIN HIDDEN TESTS
import torch as _torch

_centres = _torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0], [9.0, 9.0]])
_near = 0.02 * _torch.randn(40, 2)
_samples = _torch.cat(
    [_near[:20] + _centres[0], _near[20:24] + _centres[1], _near[24:27] + _centres[2]]
)
_far = _centres[3] + 0.5 + 0.02 * _torch.randn(30, 2)
for _least, _wanted in ((1, 3), (4, 2), (5, 1), (21, 0)):
    _found = coverage(_torch.cat([_samples, _far]), _centres, 0.1, _least)[0]
    assert int(_found) == _wanted, (
        f"20, 4 and 3 good samples at three blobs, 30 far from the fourth, and {_least} are needed: "
        f"{_wanted} blobs are covered, not {int(_found)}"
    )
assert int(coverage(_far, _centres, 0.1, 1)[0]) == 0, "no sample is good, so nothing is covered"
### END HIDDEN TESTS

# %% test="covered_share" points=3
# Tested when graded, 3 points: the share of good samples.
### BEGIN HIDDEN TESTS
import torch as _torch

_centres = _torch.tensor([[0.0, 0.0], [0.5, 0.0], [5.0, 5.0]])
_samples = _torch.tensor([[0.25, 0.0], [0.0, 0.29], [0.5, 0.31], [5.0, 5.2], [3.0, 3.0]])
for _copies in (1, 10):
    _found = float(coverage(_samples.repeat(_copies, 1), _centres, 0.1, 1)[1])
    assert abs(_found - 3 / 5) < 1e-5, (
        f"three of five samples are within 3 · 0.1 of their nearest centre; the share is {_found:.3f}"
    )
assert abs(float(coverage(_samples, _centres, 0.001, 1)[1])) < 1e-6, "here no sample is good"
### END HIDDEN TESTS

# %% [markdown]
# For images there are no centres. **Fréchet's distance** treats both clouds as normal distributions and compares these, by their means $\mu$ and covariances $\Sigma$ (of features, for images: that is FID):
#
# $$d = \lVert \mu_1-\mu_2\rVert^2 + \operatorname{tr}\Sigma_1 + \operatorname{tr}\Sigma_2 - 2\operatorname{tr}\bigl(\Sigma_1^{1/2}\,\Sigma_2\,\Sigma_1^{1/2}\bigr)^{1/2}$$
#
# The root $R$ of a symmetric matrix with no negative eigenvalue is the symmetric matrix with $RR = \Sigma$. It is *not* the root of each entry: with $\Sigma = Q\,\mathrm{diag}(\lambda)\,Q^T$, from `torch.linalg.eigh`, it is $Q\,\mathrm{diag}(\sqrt\lambda)\,Q^T$. The matrix inside the second root is symmetric too, so only the roots of its eigenvalues have to be added up. Two traps: $\Sigma_1^{1/2}\Sigma_2^{1/2}$ looks simpler and is right only if both matrices are stretched along the same axes; and an eigenvalue of 0 may come out as $-10^{-8}$, whose root is NaN.
#
# **5b (10 points).** Write it, for two sets of points. Divide by $n-1$ in the covariance (`torch.cov` does, and wants one *column* per point).


# %% answer="frechet_distance"
def frechet_distance(first, second):
    """Fréchet's distance between two sets of points, [n, d] and [m, d]: a single number."""
    ### BEGIN SOLUTION

    def root(matrix):
        values, vectors = torch.linalg.eigh(matrix)
        return vectors * values.clamp(min=0).sqrt() @ vectors.T

    one, two = (points.T.cov() for points in (first, second))
    half = root(one)
    values = torch.linalg.eigvalsh(half @ two @ half)
    between = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    return between + one.trace() + two.trace() - 2 * values.clamp(min=0).sqrt().sum()
    ### END SOLUTION


# %%
solved = check("a5.frechet_distance", frechet_distance)

# %% test="frechet_axes" points=4
# Tested when graded, 4 points: clouds that are stretched along the axes.
### BEGIN HIDDEN TESTS
import torch as _torch


def _cloud(n, mean, factor):
    """Points with exactly this mean and the covariance factor' factor."""
    points = _torch.randn(n, len(mean), dtype=_torch.float64)
    points = points - points.mean(dim=0)
    points = points @ _torch.linalg.inv(_torch.linalg.cholesky(points.T.cov())).T
    return points @ factor + mean


_means = _torch.randn(2, 4).double()
_scales = 0.2 + 2 * _torch.rand(2, 4).double()
_clouds = [_cloud(_n, _m, _s.diag()) for _n, _m, _s in zip((50, 80), _means, _scales, strict=True)]
_wanted = (_means[0] - _means[1]).square().sum() + (_scales[0] - _scales[1]).square().sum()
for _pair in (_clouds, _clouds[::-1]):
    _found = float(frechet_distance(*(_c.clone() for _c in _pair)))
    assert abs(_found - _wanted) < 1e-3 * _wanted, (
        f"along the axes it is the squared distance of the means plus that of the deviations: "
        f"{_wanted:.4f}, not {_found:.4f}"
    )
_same = float(frechet_distance(_clouds[0], _clouds[0]))
assert abs(_same) < 1e-6, f"a cloud is at distance {_same:.4f} from itself"
### END HIDDEN TESTS

# %% test="frechet_turned" points=4
# Tested when graded, 4 points: clouds that are stretched along different directions.
### BEGIN HIDDEN TESTS
import torch as _torch

for _d in (2, 5):
    _first = _torch.randn(60, _d).double() @ (2 * _torch.randn(_d, _d).double())
    _second = _torch.randn(90, _d).double() @ (2 * _torch.randn(_d, _d).double()) + 1
    _one, _two = _first.T.cov(), _second.T.cov()
    _roots = _torch.linalg.eigvals(_one @ _two).real.clamp(min=0).sqrt().sum()
    _between = (_first.mean(0) - _second.mean(0)).square().sum()
    _wanted = (_between + _one.trace() + _two.trace() - 2 * _roots).item()
    _found = float(frechet_distance(_first.clone(), _second.clone()))
    assert abs(_found - _wanted) < 1e-3 * max(1, abs(_wanted)), (
        f"clouds stretched along different directions: {_found:.4f} in place of {_wanted:.4f}; "
        "their roots may not be multiplied with each other"
    )
### END HIDDEN TESTS

# %% test="frechet_flat" points=2
# Tested when graded, 2 points: clouds that are flat, in float32.
### BEGIN HIDDEN TESTS
import torch as _torch

for _seed in range(20):
    _torch.manual_seed(_seed)
    _plane = _torch.linalg.qr(_torch.randn(6, 6)).Q[:2]
    _flat = _torch.randn(40, 2) @ _plane
    _found = float(frechet_distance(_flat, _flat + 1))
    assert _found == _found, (
        "six numbers that only vary in a plane: NaN, from the root of an eigenvalue just below 0"
    )
    assert abs(_found - 6) < 0.05, f"moved by 1 along six axes: 6 is right, not {_found:.3f}"
### END HIDDEN TESTS

# %% [markdown]
# How blind is it? Here is your ring, and one single blob with *the same mean and covariance as the ring*. Look at both measures.

# %%
with waits("the blind spot"):
    torch.manual_seed(variant)
    real, others = ring_points(2000), ring_points(2000)
    disguise = torch.randn(2000, 2) @ torch.linalg.cholesky(real.T.cov()).T + real.mean(dim=0)
    sets = {
        "other real points": others,
        "one wide blob": disguise,
        "half of the ring": real[(real @ centres[0]) > 0],
        "all a little off": others + 0.3,
    }
    for name, points in sets.items():
        modes, good = coverage(points, centres, DEVIATION, 20)
        print(
            f"{name:18} Fréchet {float(frechet_distance(real, points)):6.3f}, "
            f"{modes} of {MODES} blobs, {good:4.0%} good"
        )
    show(
        point_panels(real, sets),
        alt=f"Four sets of points over a ring of {MODES} blobs: other real points, one wide blob that "
        "has the ring's mean and covariance, the blobs of one half, and real points moved by 0.3.",
    )

# %% [markdown]
# ## Part 6: the gradient penalty, whole (9 points)
#
# A Wasserstein critic must not be steep. The penalty takes points *between* real and made ones, one for each pair,
#
# $$\tilde x_b = x_b + \varepsilon_b\,(g_b - x_b), \qquad \text{penalty} = \frac1B \sum_b \bigl(\lVert\nabla_{\tilde x}\, s(\tilde x_b)\rVert - 1\bigr)^2$$
#
# with a random share $\varepsilon_b$ for each pair. In chapter 9 you were given the gradients; here you compute them. The penalty is a function of a gradient, and the critic has to be trained on it: so this gradient must stay differentiable itself (`create_graph`).
#
# **6a (9 points).** Write the penalty, without its weight. `real` and `made` may be points `[b, 2]` or images `[b, c, h, w]`; `shares` is `[b]`, the $\varepsilon_b$; the length of a gradient is over all numbers of its image.


# %% answer="gradient_penalty"
def gradient_penalty(critic, real, made, shares):
    """A single number, through which the critic can be trained. `critic(x)` returns [b, 1]."""
    ### BEGIN SOLUTION
    shares = shares.view(-1, *[1] * (real.dim() - 1))
    between = torch.lerp(real, made, shares).detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    ### END SOLUTION


# %%
solved = check("a5.gradient_penalty", gradient_penalty)

# %% test="penalty_value" points=5
# Tested when graded, 5 points: the number, for points and for images.
### BEGIN HIDDEN TESTS
import torch as _torch


class _Bowl(_torch.nn.Module):
    """Half the squared distance to the origin: its slope at x is x, of the length of x."""

    def forward(self, x):
        return x.flatten(1).square().sum(dim=1, keepdim=True) / 2


for _shape in ((7, 2), (5, 2, 3, 3)):
    _real, _made, _shares = _torch.randn(_shape), _torch.randn(_shape) + 2, _torch.rand(_shape[0])
    _between = [_r + _e * (_m - _r) for _r, _m, _e in zip(_real, _made, _shares, strict=True)]
    _wanted = _torch.stack([(_x.norm() - 1) ** 2 for _x in _between]).mean()
    _found = gradient_penalty(_Bowl(), _real.clone(), _made.clone(), _shares.clone())
    assert _torch.isclose(_found.detach(), _wanted, rtol=1e-3), (
        f"{list(_shape)}: the penalty is {_found.item():.4f} and should be {_wanted:.4f}"
    )
### END HIDDEN TESTS

# %% test="penalty_trains" points=4
# Tested when graded, 4 points: the critic's gradient.
### BEGIN HIDDEN TESTS
import torch as _torch

_torch.manual_seed(4)
_critic = _torch.nn.Sequential(
    _torch.nn.Linear(3, 5), _torch.nn.Tanh(), _torch.nn.Linear(5, 1)
).double()
_real, _made = _torch.randn(2, 6, 3).double()
_shares = _torch.rand(6).double()
_found = gradient_penalty(_critic, _real, _made, _shares)
assert _found.requires_grad, (
    "the penalty cannot be differentiated: the gradient inside it was made without create_graph"
)
_x = (_real + _shares[:, None] * (_made - _real)).requires_grad_()
(_slopes,) = _torch.autograd.grad(_critic(_x).sum(), _x, create_graph=True)
_wanted = (_slopes.norm(dim=1) - 1).square().mean()
_pairs = [
    _torch.autograd.grad(_value, [_critic[0].weight, _critic[2].weight])
    for _value in (_found, _wanted)
]
for _a, _b in zip(*_pairs, strict=True):
    assert _torch.allclose(_a, _b, atol=1e-6), "a part of the critic's gradient is lost"
### END HIDDEN TESTS

# %% [markdown]
# ## A GAN on the ring
#
# Now everything of yours plays together. Three recipes differ in who moves how often; the fourth has the first one's, with a critic, Wasserstein's loss and your penalty. All have the same budget, counted in steps of either network.

# %%
budget = {"smoke": 40}.get(profile, 2400)


def draw_noise(n):
    return torch.randn(n, 8)


def play(judges, makers, seed):
    """A generator, after a training in which rounds have so many steps of each network."""
    generator, discriminator = ring_networks(seed)
    of_judge, of_maker = adam(discriminator), adam(generator)

    def judge(real, noise):
        return discriminator_step(generator, discriminator, of_judge, real, noise)

    def maker(noise):
        return generator_step(generator, discriminator, of_maker, noise)

    for _ in range(budget // (judges + makers)):
        one_round(judge, maker, [ring_points(128) for _ in range(judges)], draw_noise)
        for _ in range(makers - 1):
            maker(draw_noise(128))
    return generator


def play_with_penalty(seed):
    """The same with Wasserstein's loss: five steps of the critic, one of the generator."""
    generator, critic = ring_networks(seed)
    of_critic, of_maker = adam(critic), adam(generator)
    for _ in range(budget // 6):
        for _ in range(5):
            real, made = ring_points(128), generator(draw_noise(128)).detach()
            penalty = gradient_penalty(critic, real, made, torch.rand(128))
            loss = critic(made).mean() - critic(real).mean() + penalty
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
        of_maker.zero_grad()
        (-critic(generator(draw_noise(128))).mean()).backward()
        of_maker.step()
    return generator


# %%
with waits("the GAN on the ring"):
    recipes = {
        "1 : 1": lambda seed: play(1, 1, seed),
        "5 : 1": lambda seed: play(5, 1, seed),
        "1 : 5": lambda seed: play(1, 5, seed),
        "5 : 1, penalty": play_with_penalty,
    }
    made, real = {}, ring_points(2000)
    for name, recipe in recipes.items():
        generator = recipe(seed=variant)
        with torch.no_grad():
            made[name] = generator(draw_noise(2000))
        modes, good = coverage(made[name], centres, DEVIATION, 20)
        distance = float(frechet_distance(real, made[name]))
        print(
            f"D : G = {name:15} {modes} of {MODES} blobs, {good:4.0%} good, Fréchet {distance:.3f}"
        )
    show(
        point_panels(real, made),
        alt="Made points over the ring, by recipe: "
        + "; ".join(
            f"{name}, {coverage(points, centres, DEVIATION, 20)[0]} of {MODES} blobs covered"
            for name, points in made.items()
        )
        + ".",
    )

# %% [markdown] written="blind_distance" points=8
# **Written question (8 points).** Look at the table of the blind spot (end of part 5) and at that of your four recipes. (1) By Fréchet's distance alone, which of the sets in the *first* table would you have taken for the best copy of the ring after the real points themselves, and why is it wrong? Explain with the formula what the distance cannot see. (2) Order your four recipes by each of the three measures. Do they agree? Name one pair of recipes on which they disagree, or say why they could not on your numbers. (3) FID has the same formula. Why is the blind spot less of a trouble there, and when would it come back?
#
# ### BEGIN SOLUTION
# (1) The one wide blob: its distance is next to 0, as small as that of other real points, though only a small share of its points is good. The formula reads nothing of a cloud but its mean and its covariance, and these two are the ring's own; two clouds with equal first and second moments are at distance 0, whatever they look like. (2) The order depends on the variant and on chance. Usually "1 : 5" is the worst by all three (one or no blob covered, hence a small covariance and a large distance). Among the others the share of good points and Fréchet's distance may well disagree: a recipe that lays its points evenly around the ring, many of them between the blobs, has the right mean and covariance and few good points, and one that serves half of the blobs well has more good points at a far larger distance. A single run of each does not settle the order of close ones. (3) FID is computed on features of a network that was trained to tell images apart. An image that is between two digits has features that are unlike either, so that it moves mean or covariance; and in 64 or 2,048 dimensions far more has to be matched. It comes back whenever the features do not show what is wrong, or when their distribution has several humps, as the ring's has: two generators with the same mean and covariance of features are the same to FID.
#
# Rubric: 3 points for (1): the wide blob, with its numbers, and "mean and covariance only"; 3 points for (2): both orders from one's own numbers, and a disagreement that is named or explained, 1 of them for saying that one run of each is little; 2 points for (3).
# ### END SOLUTION

# %% [markdown]
# ## Digits
#
# The same steps, with images of 28×28. The generator's two doublings are your blocks (the last one without batch normalisation, as always); the discriminator is two convolutions and a linear layer.

# %%
digits = first_available("mnist", "digits", train=True)
batches = {"smoke": 6}.get(profile, 500)


def real_digits(n):
    """Digits at random, [n, 1, 28, 28] in [-1, 1]."""
    chosen = digits.images[torch.randint(len(digits), (n,))]
    return chosen.float() / 127.5 - 1


def digit_networks(seed):
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(32, 64 * 7 * 7),
        nn.Unflatten(1, (64, 7, 7)),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        painting_block(64, 32, 0.9),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 1),
    )
    return generator, discriminator


# %%
history, sheets, fixed = [], {}, torch.randn(10, 32)
with waits("the GAN on digits"):
    generator, discriminator = digit_networks(variant)
    of_judge, of_maker = adam(discriminator, 2e-4), adam(generator, 1e-3)

    def judge(real, noise):
        return discriminator_step(generator, discriminator, of_judge, real, noise)

    def maker(noise):
        return generator_step(generator, discriminator, of_maker, noise)

    def examine(step, losses):
        """A row of the history, like those of the ward."""
        real = real_digits(64)
        with torch.no_grad():
            made = generator(torch.randn(64, 32))
            right = torch.cat([discriminator(real) > 0, discriminator(made) <= 0]).float().mean()
        spread = made.std(dim=0).mean() / real.std(dim=0).mean()
        row = {"step": step, "discriminator_loss": losses[0], "generator_loss": losses[1]}
        return row | {"discriminator_accuracy": right.item(), "spread": spread.item()}

    for step in range(1, batches + 1):
        losses = one_round(judge, maker, [real_digits(64)], lambda n: torch.randn(n, 32))
        if step % max(1, batches // 50) == 0:
            history.append(examine(step, losses))
        if step in (1, batches // 5, batches // 2, batches):
            with torch.no_grad():
                sheets[f"batch {step}"] = (generator.eval()(fixed) + 1) / 2
            generator.train()

# %%
if history:
    show(
        ward_panels({"your training on digits": history}),
        alt=f"Losses, accuracy and spread over {batches} batches; at the end the losses are "
        f"{history[-1]['discriminator_loss']:.2f} and {history[-1]['generator_loss']:.2f}, the "
        f"accuracy {history[-1]['discriminator_accuracy']:.2f}, the spread {history[-1]['spread']:.2f}.",
    )
    show(
        image_rows(sheets | {"real": (real_digits(10) + 1) / 2}, [""] * 10),
        alt=f"What the generator makes of the same ten noises after {', '.join(sheets)}, one row "
        "each, and ten real digits in the last row.",
    )
    for row in history[:: max(1, len(history) // 5)]:
        told = ", ".join(f"{name} {value:.2f}" for name, value in row.items() if name != "step")
        print(f"batch {row['step']:4}: {told}")
    with waits("the diagnosis"):
        print(f"your own diagnosis: {diagnose(history)}")

# %% [markdown] written="what_losses_say" points=7
# **Written question (7 points).** Give the two losses, the accuracy and the spread of your training on digits at two batches, an early and a late one, and say what you *see* in the images of both times. (1) Which of the four numbers went the way of the images, and which did not? (2) What would the losses be if the game were a draw, and why is a draw no proof of good images? (3) Your program gave this training a diagnosis. Do you agree with it? If you could measure one more thing before going on for a night, what would it be?
#
# ### BEGIN SOLUTION
# (1) With the numbers of the student's own table. Typically the images go from grey noise to one woven blot for every noise, then to strokes and to some digits. The spread follows in its own way: it starts high, since noise differs from image to image as well, falls to a few tenths or less while all images are the same blot, and comes back to 0.8 to 1 with the strokes. So from the blot on it goes the way of the images, but it cannot tell noise from digits. The losses hardly say anything: the generator's is often *higher* at the end than at the beginning, while the images are much better, since the discriminator has learnt as well, and both wander about a draw. (2) With $D = 1/2$ everywhere, $2\log 2 = 1.386$ for the discriminator and $\log 2 = 0.693$ for the generator. A discriminator that is blind gives a draw with every generator; and a collapsed generator can play for a draw, too. (3) Any reasoned agreement or disagreement: for example "healthy" is right, since accuracy is well below 1 and the spread is high; or "overpowered", since the accuracy is near 1 for much of the training, which at a few hundred batches is no disease yet. One more measurement: FID or precision and recall on features of a digit classifier, with the number of samples; or the classes that occur among the samples; or the distance to the nearest training image.
#
# Rubric: 2 points for the numbers at two times with a description of the images; 2 points for (1), judged by these numbers; 1 point for both losses of a draw and 1 for why it proves nothing; 1 point for (3) with a reason.
# ### END SOLUTION
