# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Wrong capsules
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/appendix_wrong_capsules.ipynb)
#
# Capsule networks have been written anew hundreds of times, and certain mistakes have been made again and again. Few of them stop a program. The loss falls, the digits are read, and nobody looks further. This appendix plants the usual mistakes in a small network, one at a time, and looks at three things: what happens to the couplings, what happens to the gradient, and what a short training makes of it. For each there is a test of one line that would have caught it.
#
# You will be able to
#
# - recognise some twenty mistakes of public capsule code by what they do;
# - say which of them cost accuracy, which cost meaning, and which cost nothing that a test error shows;
# - write a test that asks for a property and not for a number that somebody once got;
# - check a repository from the internet before you build on it.
#
# **Before this appendix:** the chapters *Squash*, *Dynamic routing* and *CapsNet*; for the second half *EM routing* and *Matrix capsules*.
#
# **Time and hardware.** About a minute on a laptop's CPU: two short trainings on small digits. The other trainings are read from records.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import tempfile
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from capsedu import runs
from capsedu.data import BatchStream, CentreCrop, load
from capsedu.experiments import EXPERIMENTS
from capsedu.explore import show
from capsedu.explore.figures import curves
from capsedu.explore.plant_figures import coupling_panels, error_bars, length_bars
from capsedu.explore.plant_tables import (
    baseline,
    chance,
    errors,
    plants_table,
    trainings_table,
    verdict,
)
from capsedu.functional import capsule_length, gaussian_kl
from capsedu.models.dcgan import DcganDiscriminator, DcganGenerator
from capsedu.models.gan import Gan
from capsedu.plants import PLANTS, capsules, changed_lines, em, gan, routings, squashes
from capsedu.plants.networks import GalleryObjective, Parts, capsnet
from capsedu.plants.samples import FAINT, GRID_VOTES, em_step, given_away
from capsedu.profiles import resolve_profile
from capsedu.records import read_record

# %% tags=["parameters"]
profile = "auto"

# %%
profile = resolve_profile(profile)
vectors = [plant for plant in PLANTS.values() if plant.experiment and not plant.is_em]
matrices = [plant for plant in PLANTS.values() if plant.is_em]
print(f"{len(PLANTS)} mistakes: {len(vectors)} in CapsNet, {len(matrices)} in matrix capsules, "
      f"{len(PLANTS) - len(vectors) - len(matrices)} in a GAN")  # fmt: skip

# %% [markdown]
# ## The gallery
#
# A plant is a small piece of code, twice: as it should be and as it is often found. Here are the lines that differ, `-` for right and `+` for planted. Cover the titles and see how many you would have passed in a review.

# %%
for plant in PLANTS.values():
    print(f"{plant.title}\n{changed_lines(plant)}\n")

# %% [markdown]
# And where each comes from, as far as one can tell from outside, with the name of the property that catches it:

# %%
plants_table(list(PLANTS.values()))

# %% [markdown]
# ## One line each
#
# A property is something that holds for *every* right implementation, in whatever layout or style. "A child gives itself away once" is one: couplings sum to 1 over the parents. "The output for this input is 0.3712" is none; it is a memory, of a program that may have been wrong. All the tests stand in `capsedu/plants/properties.py`, a line each. They pass what is right and catch what is not:

# %%
for plant in PLANTS.values():
    right, wrong = plant.holds(plant.right), plant.holds(plant.wrong)
    print(f"{plant.claim:42} right: {right!s:5}  planted: {wrong}")
    assert right and not wrong

# %% [markdown]
# Two of them by hand. For the first, give every channel of a convolution a constant of its own and look into one capsule. If all its components come from one place, they come from eight channels, and eight different numbers must be in it:

# %%
channels = torch.arange(16.0).view(1, 16, 1, 1).expand(1, 16, 4, 4)  # [b, c, h, w]
print("as it should be:     ", capsules.cut(channels)[0, 0].int().tolist())
print("cut across positions:", capsules.across_positions(channels)[0, 0].int().tolist())

# %% [markdown]
# The second cut has made a "pose" of eight places in a row that all know one thing. It comes from a habit: with channels *last*, as in another framework, the same reshape is right.
#
# For the other, take the same image once alone and once in company. Whoever sits beside it must not change what it shows:

# %%
torch.manual_seed(0)
votes = 2 * torch.randn(3, 6, 3, 4)  # [b, i, j, d]: three images
for name, steps in {"right": routings.routing, "logits shared": routings.shared_logits}.items():
    *_, alone = steps(votes[:1])
    *_, together = steps(votes)
    change = (together.poses[0] - alone.poses[0]).norm()
    print(f"{name:14} the poses of image 0 move by {change:.3f} when two images join it")

# %% [markdown]
# ## The couplings
#
# The same votes through right and wrong routing: what the six children of image 0 give to three parents in the last iteration.


# %%
def couplings_of(steps, votes, **options):
    *_, step = steps(votes, **options)
    return step.couplings[0]


found = {
    "as it should be": couplings_of(routings.routing, votes),
    "softmax over children": couplings_of(routings.over_children, votes),
    "logits shared": couplings_of(routings.shared_logits, votes),
    "an iteration too many": couplings_of(routings.extra_pass, votes),
    "votes a hundred times longer": couplings_of(routings.routing, 100 * votes),
    "squash of each component": couplings_of(
        routings.routing, votes, squash=squashes.per_component
    ),
    "square too many": couplings_of(routings.routing, votes, squash=squashes.square_too_many),
    "squash over the capsules": couplings_of(routings.routing, votes, squash=squashes.wrong_axis),
    "no gradient through it": couplings_of(routings.detached, votes),
}
show(
    coupling_panels(found),
    alt="Nine heat maps of the couplings of six children and three parents. "
    + "; ".join(
        f"{name}: the largest coupling is {c.max():.2f}, and the children give away "
        f"{c.sum(dim=1).min():.2f} to {c.sum(dim=1).max():.2f}"
        for name, c in found.items()
    )
    + ".",
)

# %%
for name, couplings in found.items():
    given = couplings.sum(dim=1)
    print(f"{name:29} a child gives away {given.min():.2f} to {given.max():.2f}; "
          f"differs from right by at most {(couplings - found['as it should be']).abs().max():.2f}")  # fmt: skip

# %% [markdown]
# Only one of these is visible in the sums: the softmax over the children. A hundredfold votes are visible as decisions: every coupling is 0 or 1 after the first iteration, as if a child were never unsure. Couplings without a gradient are the right couplings, to the last digit. What is wrong with them is in the next section. And shared logits have to be looked for with two images in the batch: with one, nothing is wrong.
#
# ## The gradient
#
# A network that begins with the same weights and sees the same 64 digits, with one mistake at a time. How long is the gradient of the first convolution, and how far does it point away from where it should?

# %%
digits = load("digits", train=True)
stream = BatchStream(digits, 64, CentreCrop(24, 28), seed=0)
batch = stream.batch(0)


def first_gradient(parts):
    """The gradient of the first convolution in a fresh network."""
    torch.manual_seed(0)
    network = capsnet(parts, (1, 24, 24), 10, channels=16, types=4)
    GalleryObjective(parts)(network, batch).loss.backward()
    return network.convolution.weight.grad.flatten()


right = first_gradient(Parts())
gradients = {p.title: first_gradient(Parts(**{p.role: p.wrong})) for p in vectors}
for name, wrong in gradients.items():
    angle = F.cosine_similarity(right, wrong, dim=0).clamp(-1, 1).acos().rad2deg()
    print(f"{name:44} length × {wrong.norm() / right.norm():8.3g}, turned by {angle:5.1f}°")

# %% tags=["nbval-ignore-output"]
lengths = {name: g.norm().item() for name, g in gradients.items()}
times = {name: length / right.norm().item() for name, length in lengths.items()}
largest, smallest = max(times, key=times.get), min(times, key=times.get)
show(
    length_bars(right.norm().item(), lengths, "length of the first gradient"),
    alt="The length of the first convolution's gradient at the start, one bar per mistake on a "
    f"logarithmic scale. Longest: {largest}, {times[largest]:.3g} times the right one; shortest: "
    f"{smallest}, {times[smallest]:.3g} times.",
)

# %% [markdown]
# The lengths look alarming and mean less than they seem to: Adam divides by them. What Adam cannot repair is a wrong direction, and a length that changes on the way.
#
# A right direction at the start is not the end of it either. Without a gradient through the couplings, the beginning looks nearly right, because all couplings begin alike. Let the votes be longer, as they are after training, and compare again:

# %%
for scale in (0.1, 1.0, 3.0):
    both = []
    for steps in (routings.routing, routings.detached):
        longer = (scale * votes).requires_grad_()
        *_, last = steps(longer)
        both.append(torch.autograd.grad(capsule_length(last.poses)[:, 0].sum(), longer)[0])
    gap = (both[0] - both[1]).norm() / both[0].norm()
    print(f"votes × {scale}: the gradient without couplings is off by {gap:.0%}")

# %% [markdown]
# **Not a number.** The squash with a root in it has the right gradient above, to the last digit. It fails at exactly one vector, and whether a network ever meets it depends on something else. Put the digits into the corner of a canvas of 40 pixels, so that some capsules see nothing but black. PyTorch begins with random biases, and what sees black is short but not zero. Other frameworks begin with biases of zero:


# %%
def gradient_on_a_canvas(squash, zero_biases):
    torch.manual_seed(0)
    network = capsnet(Parts(squash=squash), (1, 40, 40), 10, channels=16, types=4)
    for part in (network.convolution, network.primary_capsules.convolution):
        if zero_biases:
            nn.init.zeros_(part.bias)
    images = F.pad(batch.images[:8], (0, 16, 0, 16))
    capsule_length(network(images)).sum().backward()
    return network.primary_capsules.convolution.weight.grad.norm().item()


for name, piece in {"norm": squashes.squash, "root": squashes.root_of_squares}.items():
    for zero in (False, True):
        bias = "zero biases" if zero else "random biases"
        print(f"{name}, {bias:13}: the gradient has length {gradient_on_a_canvas(piece, zero):.4f}")

# %% [markdown]
# A mistake can sleep in a program for years and wake up when somebody changes an initialisation, crops the images differently, or feeds a black image. That is the case for testing properties, and not just outcomes.
#
# ## The error
#
# Now the trainings. The network is small, the images are scikit-learn's digits in windows of 24 pixels, and a training takes seconds. Each differs from the first row in one piece. "Margin loss" and "drawing" (squared error of the decoder's images, summed over pixels) are measured by the right formulas, whatever was minimised.

# %% tags=["nbval-ignore-output"]
trainings_table(vectors, "small")

# %% tags=["nbval-ignore-output"]
as_it_should = errors("wrong-capsules-none", "small")
wrong = {p.title: errors(p.experiment, "small") for p in vectors}
wrong = {title: values for title, values in wrong.items() if values}
if as_it_should and wrong:
    worst = sorted(wrong, key=lambda title: -fmean(wrong[title]))
    show(
        error_bars(as_it_should, wrong, "test error, %"),
        alt=f"Test errors. As it should be: {fmean(as_it_should):.1f} %, between "
        f"{min(as_it_should):.1f} and {max(as_it_should):.1f}. "
        + ", ".join(f"{title}: {fmean(wrong[title]):.1f} %" for title in worst)
        + ".",
    )
else:
    print("not run yet")

# %% tags=["nbval-ignore-output"]
for plant in vectors:
    print(f"{plant.title:44} {verdict(plant, 'small')}")
tested = len(load("digits", train=False))
print(f"(at 8 %, two errors on {tested} images may differ by {chance(0.08, tested):.1%} by chance)")

# %% [markdown]
# The verdict is "cannot be told" where the difference could be chance, counted generously: two standard deviations of the difference of two shares of so many images. An error at the end also does not tell how it was come by. The three that end worst, epoch by epoch:

# %% tags=["nbval-ignore-output"]
if as_it_should and wrong:
    names = {"as it should be": "wrong-capsules-none"}
    names |= {p.title: p.experiment for p in vectors if p.title in worst[:3]}
    histories = {title: read_record(name, "small").history for title, name in names.items()}
    ways = {t: torch.tensor([100 * row["test_error"] for row in h]) for t, h in histories.items()}
    epochs = torch.arange(1, 1 + len(next(iter(ways.values()))))
    show(
        curves(epochs, ways, "epoch", "test error, %"),
        alt="Test error by epoch. "
        + "; ".join(f"{t}: from {way[0]:.0f} to {way[-1]:.0f} %" for t, way in ways.items())
        + ".",
    )

# %% [markdown]
# ## Matrix capsules
#
# The same with EM routing. The network is smaller still and its images are the same.

# %% tags=["nbval-ignore-output"]
trainings_table(matrices, "small")

# %% tags=["nbval-ignore-output"]
for plant in matrices:
    print(f"{plant.title:52} {verdict(plant, 'small')}")

# %% [markdown]
# What the pieces do can be seen without training. On a grid of 3×3 cells with windows of 2×2, the cell in the middle is in four windows, those at the edges in two. Routed window by window, a child gives itself away once *per window*. The last number is a child whose activation falls from 1 to 0.1: how far does it move its parents?

# %%
windows = {"as it should be": em.EM(), "each window by itself": em.EM(divide=em.divide_in_window)}
for name, routing in windows.items():
    print(f"{name:22} cells give away {[round(x, 2) for x in given_away(routing).tolist()]}")
for name, weigh in {"right": em.weigh, "activations cancel": em.weigh_and_normalise}.items():
    routing = em.EM(weigh=weigh)
    moved = em_step(routing, activations=FAINT).means - em_step(routing).means
    print(f"{name:22} parents move by {moved.norm():.3f} when a child fades")

# %% [markdown]
# **The temperature.** With the schedule, λ is small in the first iterations, and no parent is sure of anything before the votes have been sorted. With a constant 1 every nat counts in full, at once. For votes of 16 components:

# %%
for name, temperature in {"schedule": em.temperature, "constant": em.constant_temperature}.items():
    steps = [em_step(em.EM(temperature=temperature), iterations=n) for n in (1, 2, 3)]
    sure = [(step.activations - 0.5).abs().mean().item() + 0.5 for step in steps]
    print(f"{name:9} mean sureness after 1, 2, 3 iterations: {[f'{x:.3f}' for x in sure]}")

# %% [markdown]
# An activation of exactly 1 has no slope left: whatever made it cannot learn from it.
#
# **The epsilon.** A variance of 0 needs votes that are all the same. A parent with one child has them always, and so has every parent of a network that sees a black image. The logarithm of 0 is −∞, and the next iteration divides by it:

# %%
for name, variance in {"with epsilon": em.variance, "without": em.bare_variance}.items():
    step = em_step(em.EM(variance=variance), 0 * GRID_VOTES, iterations=2)
    print(f"{name:13} the parents' first components: {step.means[:, 0, 0, 0].tolist()}")

# %% [markdown]
# **The place of the coordinates** is a mistake of another kind. To the loss, sixteen components are sixteen components, and two others would do. But then the right-hand column of the class pose is no position, and whoever reads it as one is misled: the mistake is in what the network *means*.
#
# ## A generator that hears too much
#
# The last plant is a GAN's. In the discriminator's step, the made images should be cut off from the generator by `detach()`. If they are not, the discriminator's loss goes on into the generator, whose gradient says how to be *caught* more easily. What comes of it depends on the next line. If gradients are set to zero before the generator's own step, nothing but time is lost. If they are set to zero once per round, at the top of the loop, the generator is pulled both ways:


# %%
def game(step, zero_before_generator, rounds=40):
    """Mean probability that a judge of its own believes the generator after some rounds."""
    torch.manual_seed(0)
    networks = Gan(DcganGenerator((1, 16, 16), 8, 8), DcganDiscriminator((1, 16, 16), 8))
    parts = networks.discriminator, networks.generator
    adams = [torch.optim.Adam(part.parameters(), 2e-3, betas=(0.5, 0.999)) for part in parts]
    for n in range(rounds):
        real = 2 * F.interpolate(stream.batch(n).images[:32], (16, 16), mode="area") - 1
        noise = torch.randn(32, 8)
        for adam in adams:
            adam.zero_grad()
        step(networks, real, noise)
        heard = gan.heard(networks).item()
        adams[0].step()
        if zero_before_generator:
            adams[1].zero_grad()
        own = F.softplus(-networks.discriminator(networks.generator(noise)).scores).mean()
        own.backward()
        adams[1].step()
    return heard, own.item()


rounds = 5 if profile == "smoke" else 40
for name, step in {"detached": gan.judge, "not detached": gan.judge_and_tell}.items():
    for zero in (True, False):
        heard, own = game(step, zero, rounds)
        when = "before each step" if zero else "once per round"
        print(f"{name:13} zeroed {when:17} the generator hears {heard:6.3f}; its loss is {own:.2f}")

# %% [markdown]
# The first number is the length of the gradient that the discriminator's step leaves in the generator, in the last round; 0 is right. Compare the losses of the two rows that are zeroed once per round.
#
# ## It trains anyway
#
# Look at the tables of trainings once more. A few mistakes are plain to see: they start late, or end far behind. These are the harmless ones, since somebody will look for them. Of most others one *cannot tell* from the error that they are there, and some come out ahead. That is the finding, and it has four sides.
#
# - **A network learns around a mistake.** Primary capsules that are cut wrongly are still eight numbers from the image. An iteration more is just another network, as good as the one that was meant. A child that gives itself away in four windows has four parents, and none of them minds.
# - **The error measures one thing.** A reconstruction that is 24 · 24 = 576 times too weak does not hurt the digits; the column of drawings is where to look. Lengths that are squashed wrongly keep their order, and stop being probabilities: that is in the margin loss. The plainest case is the square too many. Near 0 it is steeper than the squash, $n$ in place of $n^2$, which a short training likes; compare its error with the first row's. And no capsule of that network can ever be longer than one half: compare its margin loss. Logits that a batch shares are good for the batch, and an image's answer depends on its neighbours.
# - **What it costs is time.** With the softmax over the children, a parent gets an average of its votes in place of a sum of shares. An average of hundreds of small votes is short, the squash makes it shorter still, and the gradient shrinks with it: we saw its length. Training begins with waiting until the weights have grown. In our short trainings that shows; whether it still would after a hundred epochs, when only the last error is reported, is exercise 5.
# - **Some mistakes wait.** The slope at 0, the missing epsilon: nothing at all, until a black image comes.
#
# So a good error is no evidence that routing routes, and a claim such as "capsules give …" cannot rest on a program whose couplings nobody has added up. If you take one habit from this book, take this: before the first training, write down what must hold, and ask.
#
# ## Plant one yourself
#
# One right training and one with a mistake of your choice, in the profile of this notebook. Any name from the gallery will do.

# %% tags=["nbval-ignore-output"]
mine = "softmax-over-children"
with tempfile.TemporaryDirectory() as folder:
    for name in (baseline(PLANTS[mine]), PLANTS[mine].experiment):
        size = profile if profile in EXPERIMENTS[name].profiles else "small"
        run = runs.train(EXPERIMENTS[name], size, root=Path(folder), progress=False)
        last = run.history[-1]
        print(f"{name:38} after epoch {last['epoch']}: error {last['test_error']:.1%}")

# %% [markdown]
# ## Exercises
#
# Here the answers are tests. Write a function that gets a piece and returns True if it is right and False if it is not. Each is shown several right pieces and at least one wrong one; a test that has memorised the package's numbers or layout will reject a right piece.
#
# **1.** A test for a squash, which gets `s` of `[b, i, d]`. It should notice a squash of each component, two wrong lengths, and a gradient at 0 that is not a number.
#
# <details><summary>Hint</summary>
#
# A few vectors whose squash you know, one of them longer than 1 and not along an axis; and for the slope, `torch.autograd.grad` at a zero vector that requires a gradient.
#
# </details>


# %%
def my_squash_test(squash):
    return ...  # True or False


solved = check("w.squash", my_squash_test)

# %% [markdown]
# **2.** A test for cutting primary capsules: `cut(features)` turns `[b, c, h, w]` into `[b, i, 8]`, for any `c` that 8 divides. There are several right orders of the capsules, and of the components in them.
#
# <details><summary>Hint</summary>
#
# Give every place of the grid, or every channel, a mark of its own, and look at the marks in one capsule. Which of the two must be one and the same in it, and which must all differ?
#
# </details>


# %%
def my_place_test(cut):
    return ...  # True or False


solved = check("w.one_place", my_place_test)

# %% [markdown]
# **3.** A test that finds a softmax over the children when all you can see is what goes in and what comes out: `routing(votes, iterations)` turns `[b, i, j, d]` into poses `[b, j, d]`.
#
# <details><summary>Hint</summary>
#
# What does a parent learn of the others? Take one away and see who notices. Short votes hide the difference.
#
# </details>


# %%
def my_share_test(routing):
    return ...  # True or False


solved = check("w.share", my_share_test)

# %% [markdown]
# **4.** With the same `routing(votes, iterations)`: a test that finds logits shared by the batch.
#
# <details><summary>Hint</summary>
#
# The same image twice, in two companies. How many iterations does it take until the neighbours matter?
#
# </details>


# %%
def my_company_test(routing):
    return ...  # True or False


solved = check("w.company", my_company_test)

# %% [markdown]
# **5.** (No check, a coffee.) Train `wrong-capsules-none` and `wrong-capsules-softmax-over-children` five times as long: `dataclasses.replace` makes a profile with more epochs, and an experiment with that profile. How much of the gap is left?
#
# <details><summary>Hint</summary>
#
# `EXPERIMENTS[name].profile("small")` is the profile; both it and the experiment are frozen dataclasses, and `runs.train` takes an experiment. The learning rate falls over the whole training, however long that is.
#
# </details>
#
# **6.** (No check, an evening.) Take a capsule network from the internet, any will do. Cut out its squash, its routing and its loss, and put them through the tests of this page. What do you find, and does its README report an error rate?
#
# <details><summary>Hint</summary>
#
# Its functions will want other shapes. Write a thin function around each, with the signature that the test expects, and change nothing inside.
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/appendix_wrong_capsules.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/appendix_wrong_capsules.md)).
#
# ## Misprints that no chapter runs
#
# The page *What the papers got wrong* collects the slips of this book's sources and leads to the chapters that run them. Three had no place in a chapter.
#
# **"CNNs lack translational equivariance"** (Saqur and Vivona, section 1). Move the input of a convolution by its stride, and the output moves by one:

# %%
torch.manual_seed(0)
image = F.pad(torch.rand(1, 1, 12, 12), (6, 6, 6, 6))  # black around it
for stride in (1, 2):
    convolution = nn.Conv2d(1, 4, 3, stride=stride, padding=1)
    shifted = convolution(image.roll(stride, dims=3))
    assert_close(shifted[..., 1:], convolution(image)[..., :-1])
turned = convolution(image.rot90(dims=(2, 3)))
off = (turned - convolution(image).rot90(dims=(2, 3))).norm() / turned.norm()
print(f"a shift of the input is a shift of the output; a quarter turn is not: off by {off:.0%}")

# %% [markdown]
# So it has translational equivariance, and lacks the rotational one. (With stride 2, an odd shift is no shift of the output.)
#
# **$L^z = \sum_{t=1}^T KL\big(Q(Z\mid h^{enc})\,\Vert\,P(Z_t)\big)$** (Sastry, section 6). $P$ has the index of the step, and $Q$ has none. In DRAW, from which the equation comes, each step has a $Q$ of its own, $Q(Z_t\mid h_t^{enc})$. Read as printed, with one $Q$ for all steps, the price is wrong by whatever the steps differ:

# %%
torch.manual_seed(0)
means, log_deviations = torch.randn(8, 10), 0.1 * torch.randn(8, 10)  # [t, z]
each = gaussian_kl(means, log_deviations)
print(f"each step its own: {each.sum():.1f} nats; T times the last one: {8 * each[-1]:.1f}; "
      f"T times the first: {8 * each[0]:.1f}")  # fmt: skip

# %% [markdown]
# **"10 physical instances of each toy … per training and test set. Total of 48,600 images each"** (Mintun, on smallNORB). Count:

# %%
per_instance = 18 * 9 * 6  # azimuths, elevations, lightings
print(f"five classes of ten instances: {5 * 10 * per_instance:,} pairs of pictures in all")
print(f"five instances in each of the two sets: {5 * 5 * per_instance:,} pairs, or "
      f"{2 * 5 * 5 * per_instance:,} single pictures")  # fmt: skip
assert 5 * 10 * per_instance == 2 * 24_300 == 48_600

# %% [markdown]
# Ten instances make 48,600 *pairs* in both sets together. Each set has five, which no network has seen in training: the test is on new toys. Its 48,600 pictures are 24,300 pairs.
#
# ## References
#
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829)
# - G. E. Hinton, S. Sabour, N. Frosst. *Matrix capsules with EM routing*. 2018. [openreview.net](https://openreview.net/forum?id=HJWLfGWRb)
# - K. Gregor et al. *DRAW: A Recurrent Neural Network For Image Generation*. 2015. [arXiv:1502.04623](https://arxiv.org/abs/1502.04623)
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018.
# - S. Sastry. *Recurrent Capsule Network for Image Generation*.
# - E. Mintun. *Capsule Networks*. Slides.
