# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # CapsGAN and the third dimension
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/11_capsgan_3d.ipynb)
#
# Digits are flat. What the CapsGAN paper is really after comes in its section 5.2: pictures of *toys*, each from 18 sides, from 9 heights and in 6 lights. A convolutional GAN, it says, "struggles" with so many viewpoints. A discriminator of matrix capsules, whose poses can turn with the toy, should do better. The paper draws that discriminator, shows two rows of pictures, and gives no number. In this chapter the network is built and trained beside its DCGANs, and then asked what nobody asked it: does it know from where a toy is seen? And does its generator make toys as they look from somewhere?
#
# You will be able to
#
# - build the discriminator of the paper's figure 5, and say what the figure does not;
# - say what one and what two class capsules compete for under EM routing, and write the score as a difference of two costs;
# - count the votes of a network before you wait for it;
# - compare generators of toys by category, in numbers;
# - test whether a pose knows the viewpoint, with three controls;
# - say how near a made toy is to a real viewpoint, and from which sides toys are made.
#
# **Before this chapter:** EM routing and matrix capsules (the chapters of these names), CapsGAN on digits (chapter *CapsGAN*).
#
# **Time and hardware.** The profile `quick` trains a narrow network on cars for less than a minute; the whole chapter takes less than two minutes on two CPU cores. What is compared was trained in **a small EM configuration, which a CPU can train** (see below), and is read from records. The profile `full` has the paper's widths and wants a GPU.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import tempfile

import torch
from torch.testing import assert_close

from capsedu.checkpoints import pretrained
from capsedu.data import LeftEye, load
from capsedu.data.smallnorb import POSE
from capsedu.data.sources import rendered_root
from capsedu.data.toys import is_rendered
from capsedu.data.toys.models import toy
from capsedu.data.toys.render import render
from capsedu.evaluation.poses import (
    Described,
    described,
    features_of,
    nearest_described,
    read_viewpoints,
    reading_errors,
    view_shares,
)
from capsedu.evaluation.samples import nearest_images, prepared, sample_images
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.adversarial import samples_path
from capsedu.experiments.capsgan_3d import em_discriminator, only
from capsedu.explore import explorers, show
from capsedu.explore.capsgan_figures import milestone_sheets, sheet_images
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.explorers.pose_reading import Sweep
from capsedu.explore.gan_findings import comparison
from capsedu.explore.gan_tables import listed, progress_table
from capsedu.explore.toys_gan_figures import (
    distance_curves,
    pose_maps,
    read_azimuths,
    reading_panels,
    share_panels,
)
from capsedu.explore.toys_gan_tables import (
    READERS,
    reading_sentences,
    reading_table,
    toys_table,
)
from capsedu.files import load_tensors
from capsedu.layers.matrix_capsules import BIAS_UNIT
from capsedu.models.capsgan_3d import MatrixCapsuleDiscriminator
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.dcgan import DcganDiscriminator
from capsedu.models.gan import realness
from capsedu.models.matrix_capsnet import cells
from capsedu.profiles import resolve_profile
from capsedu.records import read_record
from capsedu.routing.em import em_routing_steps, inverse_temperature
from capsedu.runs import train

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# ## Toys from all sides
#
# The paper uses smallNORB. Here the book's rendered toys stand in for it, which have the same classes, views and numbering, and **are not smallNORB** (chapter *Matrix capsules*). All 24,300 pairs of pictures of a half take some ten minutes to render; where that has been done, the chapter takes its toys from them, and elsewhere from `toys-small`, a fifty-fourth of it. A single toy can be rendered here and now. This car belongs to the test half:


# %% tags=["nbval-ignore-output"]
profile = resolve_profile(profile)
everywhere = profile != "smoke" and is_rendered("toys", rendered_root())
known, new = (load("toys" if everywhere else "toys-small", half) for half in (True, False))
sides = [10 * a for a in POSE["azimuth"]][:: 1 if profile != "smoke" else 3]
print(f"{known.name}: {len(known):,} pairs of known toys, {len(new):,} of new ones")


# %%
def turned(kind, instance, lights=(0,), elevation=50):
    """A toy from all sides, [lights, sides, 1, 48, 48] in [0, 1]: the left picture of each pair."""
    solid = toy(kind, instance)
    views = [render(solid, elevation, side, lights)[:, :1] for side in sides]
    return torch.stack(views, dim=1).float() / 255


saloon = turned("car", 0, lights=(0, 3))
few = range(0, len(sides), max(1, len(sides) // 6))
show(
    image_rows(
        {"light 0": saloon[0, [*few]], "light 3": saloon[1, [*few]]}, [f"{sides[k]}°" for k in few]
    ),
    alt="A grey car seen from half above, from six sides, once with the light from the left front and "
    "once from behind, where it throws its shadow forward.",
)

# %% [markdown]
# **One eye.** Each entry of smallNORB is a *pair* of pictures. The paper shows single ones and does not say what became of the other. We take the left picture. A generator of pairs would have to paint everything twice, alike but for the shift that depth makes: a fine experiment, and another one.
#
# **64 pixels.** The paper reduces smallNORB's 96x96 to 64x64. Our toys are rendered at 48x48, so they are *enlarged*. That gives the networks the paper's sizes and adds nothing to see: what was not in 48 pixels is not in 64.

# %%
small = saloon[0]
large = LeftEye(64).apply(small, {})
back = LeftEye(48).apply(large, {})
print(f"{list(small.shape[1:])} → {list(large.shape[1:])} → {list(back.shape[1:])}")
print(f"there and back, a pixel changes by {(back - small).square().mean().sqrt():.3f} (of 1)")

# %% [markdown]
# ## The discriminator of figure 5
#
# A 5x5 convolution with stride 2 and 32 channels; 32 types of primary matrix capsule; two 3x3 capsule layers with 32 types and strides 2 and 1; class capsules. That is the network of chapter *Matrix capsules*, but for one thing that the table below comes to, and as there it writes its own table.


# %%
def capsule_table(network):
    """The shape that each part of a capsule discriminator puts out for one image."""

    def note(name, layer, output):
        shapes = [list(x.shape) for x in (output if isinstance(output, tuple) else (output,))]
        own = sum(part.numel() for part in layer.parameters())
        print(f"{name:26}{own:>8,}  {' and '.join(map(str, shapes))}")

    parts = {
        "convolution": network.capsules.features,
        "primary capsules": network.capsules.primary_capsules,
        **{
            f"capsules, layer {k + 1}": x
            for k, x in enumerate(network.capsules.convolutional_capsules)
        },
        "class capsules": network.capsules.class_capsules,
    }
    for name, layer in parts.items():
        layer.register_forward_hook(lambda layer, _, out, name=name: note(name, layer, out))
    with torch.no_grad():
        network(2 * large[:1] - 1)


# %%
torch.manual_seed(0)
paper = MatrixCapsuleDiscriminator()  # the widths of figure 5
capsule_table(paper)
wide = DcganDiscriminator((1, 64, 64), 128)
print(f"{parameter_count(paper):,} parameters; DCGAN's discriminator has {parameter_count(wide):,}")
assert parameter_count(paper) == 314_852

# %% [markdown]
# Poses are `[b, types, 16, rows, columns]`, and beside them stand the activations. On 64 pixels the grids have 30, 14 and 12 cells a side. Every number of the paper's text is in that table. These are not in the text:
#
# | decision | the paper | here |
# |---|---|---|
# | which classes a discriminator has | "one capsule per output class" | two, real and fake |
# | routing | as in "the 'capsule routing matrix' structure" | EM, all of a child's parents compete |
# | iterations | | 2 in the profile `small`, 3 in `full` |
# | coordinate addition, temperatures, β | | as in chapter *Matrix capsules* |
# | loss | | cross-entropy on how far real is ahead of fake; margin loss as a variant |
# | generator | noise of 100 numbers, "similar to Figure 1" | DCGAN's, width 32 in `small` and 128 in `full` |
# | baseline | "similar to Figure 1" | DCGAN's discriminator, as wide as the generator; and one with as many parameters as the capsules |
# | batch | 8 and 64 | 16 in `small`, 64 in `full` |
# | "gradient clipping after each gradient update" | no value, no loss | a variant: Wasserstein, **weights** cut to ±0.01, five discriminator batches for one of the generator |
# | learning rate, Adam's β | | 0.0002; 0.5 and 0.999 (0 and 0.9 with Wasserstein). The *capsule discriminator* has 0.003, since capsules learn slowly at the generator's rate: two rates, as in Heusel et al. (2017) |
# | standardising each image first | | no, unlike chapter *Matrix capsules*: behind it a discriminator cannot see brightness and contrast, and the generator never learns them |
# | which picture of a pair | | the left one |
# | FID's real images | none measured | 5,000 views of the *training* toys: making other toys is no merit here |
#
# ### One capsule or two?
#
# Chapter *CapsGAN* found that dynamic routing to a single parent does nothing. Is it so with EM? In the E-step a child divides itself among its parents:
#
# $$R_{ij} = \frac{a_j\,p_{ij}}{\sum_k a_k\,p_{ik}}$$
#
# With one class capsule $R_{i1}=1$ again: it takes all votes, fits its Gaussian once, and no iteration changes it. (What would remain is the routing *below*, between the grids, where there are many parents.) With two, real and fake, children have a choice.

# %%
torch.manual_seed(0)
judge = MatrixCapsuleDiscriminator((1, 64, 64), 16, 4, (4, 4), iterations=2)
layer = judge.capsules.class_capsules
with torch.no_grad():
    children = judge.capsules.children_of(2 * large[:4] - 1)
    votes, active = layer.votes(children), children.activations.flatten(1)
for parents in (1, 2):
    biases = layer.description_bias[:parents], BIAS_UNIT * layer.activation_bias[:parents]
    steps = [*em_routing_steps(votes[:, :, :parents], active, *biases, 3, final_lambda=layer.final_lambda)]  # fmt: skip
    shares, moved = steps[-1].assignments[..., 0], (steps[-1].means - steps[0].means).abs().max()
    print(
        f"{parents} parent(s): shares of the first from {shares.min():.3f} to {shares.max():.3f}",
        end="; ",
    )
    print(f"from iteration 1 to 3 its pose moves by {moved:.4f}")
    assert (parents == 1) == bool((shares == 1).all())

# %% [markdown]
# ### The score is a difference of costs
#
# A parent under EM is active if describing its votes by one Gaussian costs less than it may: $a_j = \sigma\big(\lambda(\beta_j - \text{cost}_j)\big)$. So the logit that a GAN needs comes for free, and "by how much is real ahead of fake" is
#
# $$\text{score} = \lambda\,\big[(\beta_{\text{real}}-\text{cost}_{\text{real}})-(\beta_{\text{fake}}-\text{cost}_{\text{fake}})\big]$$
#
# Each child casts a vote for both, through matrices of their own, and each capsule pays for the share that it takes. So the score compares what two descriptions of the toy cost, in nats, times $\lambda$. It is *not* a ratio of likelihoods: the votes are not the same, and the shares are not fixed.

# %%
with torch.no_grad():
    judgement = judge(2 * large[:4] - 1)
biases = layer.description_bias, BIAS_UNIT * layer.activation_bias
*_, last = em_routing_steps(
    votes, active, *biases, layer.iterations, final_lambda=layer.final_lambda
)
temperature = inverse_temperature(layer.iterations - 1, layer.final_lambda)
saved = biases[1] - last.costs  # [b, 2], in nats
assert_close(
    temperature * (saved[:, 0] - saved[:, 1]), realness(judgement.scores), rtol=1e-3, atol=1e-4
)
print("ahead by", [round(x, 3) for x in realness(judgement.scores).tolist()], "logits, untrained")

# %% [markdown]
# That decides the loss as well. Cross-entropy is made for such a difference, and it pulls at the generator however sure the discriminator is; the margin loss of the paper's section 3.2, on the two activations, does not (chapter *CapsGAN*). And the DCGANs here have the same loss, so that only the discriminators differ. The margin loss is among the records below, as a row of its own.
#
# ### Count the votes before you train
#
# A matrix of 16 weights is used at every place of the grid, so parameters say nothing about the work. What takes time is the votes: 16 numbers for each child of each window, each type of parent, and each place, read anew in every iteration.

# %%
for name in ("full", "small"):
    size = EXPERIMENTS["capsgan-3d"].profile(name)
    b, (c, d) = size.primary_types, size.convolutional_types
    _, first, second, _ = cells((64, 64))
    numbers = 16 * 9 * (b * c * first + c * d * second)
    parameters = parameter_count(em_discriminator(size, (1, 64, 64)))
    print(f"{name:5} A, B, C, D = {size.conv_channels}, {b}, {c}, {d}: {parameters:>7,} parameters, "
          f"{numbers / 1e6:5.1f} million numbers in the votes of an image")  # fmt: skip

# %% [markdown]
# At the paper's width that is fifty million numbers for *one* picture, and a training batch shows three times its size to the discriminator: real images, made ones, and made ones once more for the generator. The paper looks at eleven thousand such batches. **Hence the small EM configuration**, which has the paper's layers, kernels, strides and sizes, and fewer types. Its records say what a small network does, and not what the paper's would do.
#
# ## Training
#
# Here is one, trained now; in the profile `quick` a narrow one, on the 90 views of known cars in `toys-small`. The learner is that of the chapters before; what is new is only the discriminator.

# %% tags=["nbval-ignore-output"]
experiment = EXPERIMENTS["capsgan-3d-cars"]
size = profile if profile in experiment.profiles else "quick"
folder = tempfile.TemporaryDirectory()  # gone when the notebook is
run = train(experiment, size, root=folder.name, progress=False)
print(f"{experiment.title}, profile {size}, {parameter_count(run.network):,} parameters")
for row in run.history:
    if "fid" in row:
        right = f"discriminator right {row['discriminator_accuracy']:.0%}"
        print(f"after {row['step']:4} batches: {right}, FID {row['fid']:.0f}")

# %% tags=["nbval-ignore-output"]
kept = load_tensors(samples_path(run.folder))
sheet = {f"batch {step}": kept[step][:8].float() / 255 for step in sorted(kept, key=int)}
cars = only("car")(known)
sheet["real"] = LeftEye(64).apply(cars.subset(8).images.float() / 255, {})
show(
    image_rows(sheet, [""] * 8),
    alt=f"What the generator makes of the same eight noises after {', '.join(sorted(kept, key=int))} "
    f"batches, one row each, and eight real cars below. At the end FID is {run.history[-1]['fid']:.0f}.",
)

# %% [markdown]
# In `quick` that is a training of seconds, and it shows. The paper's table 4 looks at batches 3,000 to 11,250.
#
# ## The records
#
# Trainings of the profile `small`: toys of all classes, and cars and planes alone, as far as they were run. FID, KID, precision and recall compare 5,000 samples with views of the training toys (all of them, where there are fewer), on the features of a classifier of toys; **they can be compared with each other and with no paper's**. That classifier was taught to tell classes and to *ignore* the side from which a toy is seen. So FID may not notice a generator that makes all its toys from one side. That question has a section of its own below.

# %% tags=["nbval-ignore-output"]
kinds = {"CapsGAN": "capsgan-3d", "DCGAN": "dcgan-3d", "clipped": "dcgan-3d-clip"}
names = [kind + category for category in ("", "-cars", "-planes") for kind in kinds.values()]
variants = ["dcgan-3d-matched", "capsgan-3d-margin", "capsgan-3d-1-iteration"]
toys_table([*names, *variants], "small")

# %% tags=["nbval-ignore-output"]
progress_table([*names, *variants], "small")

# %% [markdown]
# Is the capsule discriminator better? One seed each decides nothing about a close race (chapter *CapsGAN* has two DCGANs of different seeds to show how far they can be apart); it can show a wide gap.

# %% tags=["nbval-ignore-output"]
pairs = [(f"capsgan-3d{k}", f"dcgan-3d{k}") for k in ("", "-cars", "-planes")]
pairs += [(f"dcgan-3d-clip{k}", f"dcgan-3d{k}") for k in ("", "-cars", "-planes")]
pairs += [("capsgan-3d", other) for other in variants]
listed(comparison(*pair, "small") for pair in pairs)

# %% [markdown]
# Before you believe a winner, look at the column *s / batch*, and remember which DCGAN is which: `dcgan-3d` has a discriminator as wide as the generator and hence far *more* parameters than the capsules; `dcgan-3d-matched` has as many, and does far *less* work than the capsules do. There is no size at which the two are simply equal.
#
# The samples. Each cell holds what one generator makes of the same twelve noises.


# %% tags=["nbval-ignore-output"]
def side_by_side(category):
    """The samples of all that was trained on a category, a row per milestone."""
    records = {who: read_record(name + category, "small") for who, name in kinds.items()}
    sheets = {who: sheet_images(record) if record else {} for who, record in records.items()}
    if not any(sheets.values()):
        print("not run yet")
        return
    ends = [
        f"{who} {record.figures['fid']:.0f}" if record else f"{who} not run yet"
        for who, record in records.items()
    ]
    what = {"": "toys of all classes", "-cars": "cars", "-planes": "planes"}[category]
    show(
        milestone_sheets(sheets),
        alt=f"Twelve samples each of {', '.join(sheets)}, trained on {what}, a row per milestone. FID "
        f"at the end: {'; '.join(ends)}.",
    )


side_by_side("")

# %% [markdown]
# Cars, the paper's tables 4 and 5:

# %% tags=["nbval-ignore-output"]
side_by_side("-cars")

# %% [markdown]
# And planes:

# %% tags=["nbval-ignore-output"]
side_by_side("-planes")

# %% [markdown]
# ## Does the discriminator know the viewpoint?
#
# This is the reason for capsules in the paper: poses, "inverse graphics". A discriminator is never told a viewpoint. It is only asked "real or made?". Whether it learns viewpoints on the way can be looked at. From here on the chapter uses the discriminators of the profile `small`, where they ship with the book, and the one just trained where they do not.


# %% tags=["nbval-ignore-output"]
def shipped(name):
    """The network of the profile small, if it comes with the book."""
    return pretrained(EXPERIMENTS[name], "small") if profile != "smoke" else None


on_cars, on_all = shipped("capsgan-3d-cars"), shipped("capsgan-3d")
category = "" if on_all is not None and on_cars is None else "-cars"
capsule_gan = on_cars or on_all or run.network.eval().to("cpu")
ships = capsule_gan is not run.network
width = EXPERIMENTS["capsgan-3d"].profile("small" if ships else size)
rival = f"dcgan-3d{category}"
dcgan = shipped(rival) if ships else None
print(f"capsules: {f'capsgan-3d{category}' if ships else 'trained in this chapter'}", end="; ")
print(f"DCGAN: {rival if dcgan is not None else 'none to compare with'}")

# %% [markdown]
# **Turn a new car and watch the pose.** The class capsule "real" has a 4x4 pose. Each row of the maps is one of its sixteen numbers, each column a side; a number that is constant stays grey. Beside it the same for a network that was never trained.


# %% tags=["nbval-ignore-output"]
def numbers_of(discriminator):
    """A function that makes of images the class poses, and behind them those of the last grid."""

    @torch.no_grad()
    def describe(images):
        children = discriminator.capsules.children_of(2 * images - 1)
        poses, _ = discriminator.capsules.class_capsules(children)
        return torch.cat([poses.flatten(1), children.poses.flatten(1)], dim=1)

    return describe


torch.manual_seed(0)
fresh = em_discriminator(width, (1, 64, 64)).eval()
look = {"trained": numbers_of(capsule_gan.discriminator), "untrained": numbers_of(fresh)}
poses = {who: describe(large)[:, :16] for who, describe in look.items()}
show(
    pose_maps(poses, sides),
    alt="The sixteen numbers of the pose “real” while a car is turned once around, as distances from "
    "their means. The largest: "
    + ", ".join(f"{who} {(p - p.mean(0)).abs().max():.2f}" for who, p in poses.items())
    + ".",
)

# %% tags=["nbval-ignore-output"]
half, quarter = len(sides) // 2, len(sides) // 4
for who, p in poses.items():
    apart = [(p - p.roll(n, 0)).norm(dim=1).mean() for n in (half, quarter)]
    print(
        f"{who}: poses of opposite sides are {apart[0]:.4f} apart, of sides {sides[quarter]}° away {apart[1]:.4f}"
    )

# %% [markdown]
# Where opposite sides have nearly the same pose, a car's front and back are one thing to the network. And numbers that move are no proof. *Every* function of a picture moves when the picture does. The question is whether the side can be **read off**, for toys that nobody has seen before. So: a ridge regression, which is linear regression that distrusts large weights, from the numbers to the viewpoint; fitted on known cars, tested on new ones; the strength of the ridge chosen by leaving out one known car after the other. The azimuth is read as cosine and sine, since 350° is near 0°; the light, which has no order, as the largest of six scores.
#
# Three controls: the same network **untrained**; the **pixels**; and, where it ships, the **DCGAN**'s features. To be fair to those with few numbers, the others are cut down to their first 32 principal components.

# %% tags=["nbval-ignore-output"]
count = {"smoke": 40, "quick": 150}.get(profile, 400)
asked = [only("car")(toys) for toys in (known, new)]
asked = [toys.subset(min(n, len(toys))) for toys, n in zip(asked, (2 * count, count), strict=True)]
seen, fresh_cars = (
    {who: described(describe, toys, LeftEye(64)) for who, describe in look.items()}
    for toys in asked
)
parts = {"“real”": slice(0, 16), "both classes": slice(0, 32), "last grid": slice(32, None)}
readers = {}
for who in look:
    pair = seen[who], fresh_cars[who]
    for part, cut in parts.items():
        readers[f"capsules {who}: {part}"] = [d._replace(features=d.features[:, cut]) for d in pair]
readers["pixels"] = [described(lambda x: x, toys, LeftEye(64)) for toys in asked]
if dcgan is not None:
    plain = EXPERIMENTS[rival].build(width, (1, 64, 64), 5)
    for who, network in {"trained": dcgan, "untrained": plain}.items():
        describe = features_of(network.discriminator)
        readers[f"DCGAN {who}"] = [described(describe, toys, LeftEye(64)) for toys in asked]

# %% tags=["nbval-ignore-output"]
found, merit = {}, {}
print(f"{'read off':34} numbers  azimuth off  elevation off  lights named")
for who, (ours, theirs) in readers.items():
    found[who] = read_viewpoints(ours, theirs, components=32)
    merit[who] = reading_errors(found[who], theirs.pose)
    used = min(32, ours.features.shape[1])
    print(f"{who:34} {used:7}  {merit[who]['azimuth_error']:10.0f}°  {merit[who]['elevation_error']:12.1f}°"
          f"  {merit[who]['lighting_right']:12.0%}")  # fmt: skip
tilt, lamp = 5.0 * asked[1].pose["elevation"], asked[1].pose["lighting"]
off, named = (tilt - tilt.mean()).abs().mean(), lamp.bincount().max() / len(lamp)
print(f"{'(who says always the same)':34} {0:7}  {90:10}°  {off:12.1f}°  {named:12.0%}")

# %% tags=["nbval-ignore-output"]
shown = ["capsules trained: “real”", "capsules trained: last grid", "pixels"]
true = 10.0 * asked[1].pose["azimuth"]
show(
    read_azimuths({who: (found[who]["azimuth"], true) for who in shown}),
    alt="Azimuths of new cars as they were read, over the true ones. Off by "
    + ", ".join(f"{merit[who]['azimuth_error']:.0f} degrees from the {who}" for who in shown)
    + ".",
)

# %% [markdown]
# On the line is right. On the dotted lines is the *opposite* side: a car looks much the same from the front and from behind, so that is where a reader with little to go by ends up. Read the table row by row. If an untrained network does as well as the trained one, the discriminator has not *learnt* the viewpoint; it has not lost it either. If the last grid tells more than the class capsules, the viewpoint is in the network and does not get through to the pose that is named after it. And if the pixels do best, a linear map needs no network.
#
# Turn the toys yourself. The cars are new to the network *and* to the regression. Choose what the azimuth is read off: the pose "real", whose numbers are the bars, or the last grid below it. An arrow that hardly leaves the middle is a regression that would rather say nothing.

# %% tags=["nbval-ignore-output"]
sweeps = {}
for car, views, part in [
    ("a saloon, the pose “real”", saloon[0], "“real”"),
    ("a saloon, the last grid", saloon[0], "last grid"),
    ("a racer, the last grid", turned("car", 2)[0], "last grid"),
]:
    numbers = look["trained"](LeftEye(64).apply(views, {}))
    kind = torch.full((len(views),), known.classes.index("car"))
    ours, _ = readers[f"capsules trained: {part}"]
    theirs = Described(numbers[:, parts[part]], kind, {})
    read = read_viewpoints(ours, theirs, components=32)["azimuth"]
    sweeps[car] = Sweep(LeftEye(40).apply(views, {})[:, 0], numbers[:, :16], read)
explorers.pose_reading(sweeps, sides)

# %% [markdown]
# The same questions for the networks of the records, asked of toys of *all* their classes when their training ended (with a regression for each class):

# %% tags=["nbval-ignore-output"]
asked_names = ["capsgan-3d", "dcgan-3d", "capsgan-3d-cars", "dcgan-3d-cars"]
reading_table(asked_names, "small")

# %% tags=["nbval-ignore-output"]
listed(reading_sentences(asked_names, "small"))

# %% tags=["nbval-ignore-output"]
record = read_record("capsgan-3d", "small")
titles = {"azimuth_error": "azimuth, ° off", "elevation_error": "elevation, ° off", "lighting_right": "lights named, share"}  # fmt: skip
if record is not None and "pixels_azimuth_error" in record.curves:
    panels = {
        title: {READERS[who]: record.curves[f"{who}_{key}"] for who in READERS}
        for key, title in titles.items()
    }
    ends = "; ".join(
        f"{title} {', '.join(f'{who} {curve[-1][1]:.2f}' for who, curve in panel.items())}"
        for title, panel in panels.items()
    )
    show(
        reading_panels(panels, (90, 100 / 9, 1 / 6)),
        alt="How well azimuth, elevation and light are read off the first so many principal components, "
        f"for the trained and the untrained capsules and the pixels. From all of them: {ends}.",
    )
else:
    print("not run yet")

# %% [markdown]
# The dotted line is what one gets for knowing nothing. More numbers help the pixels to the right end, where there are 4,096 of them: compare at equal numbers.
#
# ## How near is a made toy to a real viewpoint?
#
# "Generating images in the 3D domain" is the paper's claim, and the weakest test of it is this: does a made picture look like *some* toy from *some* side? For each made toy, let us look for the nearest of all real views of the known toys, over every toy, side, height and light. Two distances: between pixels, and between the features of the classifier that FID is measured on.

# %% tags=["nbval-ignore-output"]
bank = only("car")(known) if category else known
makers = {"CapsGAN": capsule_gan} | ({"DCGAN": dcgan} if dcgan is not None else {})
number = 20 if profile == "smoke" else 200
made = {who: sample_images(gan.generator, number, seed=5) for who, gan in makers.items()}
fellows = only("car")(new) if category else new
fellows = fellows.subset(min(number, len(fellows)))
pictures = made | {"new real toys": LeftEye(64).apply(fellows.images.float() / 255, {})}
nearest = {who: nearest_images(images, bank.images[:, :1]) for who, images in pictures.items()}


def view(k):
    """Class, azimuth, elevation and light of a view in the bank, in words."""
    pose = {key: int(values[k]) for key, values in bank.pose.items()}
    kind = bank.classes[bank.targets[k]]
    return f"{kind} {pose['instance']}\n{10 * pose['azimuth']}°, {30 + 5 * pose['elevation']}°\nlight {pose['lighting']}"


# %% tags=["nbval-ignore-output"]
for who in makers:
    chosen = nearest[who][1][:7]
    real = LeftEye(64).apply(bank.images[chosen].float() / 255, {})
    show(
        image_rows(
            {f"{who}\nmade": made[who][:7], "nearest\nreal view": real}, [view(k) for k in chosen]
        ),
        alt=f"Seven toys made by {who}, and below each the nearest real view: "
        + "; ".join(view(k).replace("\n", ", ") for k in chosen)
        + ".",
    )

# %% [markdown]
# A distance in pixels means little by itself. So here are three measures to hold it against: how far is a *new* real toy from the nearest known view; how far apart are two neighbouring sides of one toy, 20° from each other; and two lights.

# %% tags=["nbval-ignore-output"]
front = LeftEye(64).apply(saloon[0], {})
steps = (front - front.roll(1, 0)).flatten(1).norm(dim=1)[1:].median()
lights = (front - LeftEye(64).apply(saloon[1], {})).flatten(1).norm(dim=1).median()
for who, (distances, _) in nearest.items():
    print(f"{who:14} half of them are nearer than {distances.median():.1f} to a known view")
print(
    f"for comparison: a car and itself {sides[1] - sides[0]}° further {steps:.1f}, in another light {lights:.1f}"
)

# %% tags=["nbval-ignore-output"]
quantiles = torch.linspace(0, 1, 11)
lines = {
    who: [*zip(quantiles.tolist(), distances.quantile(quantiles).tolist(), strict=True)]
    for who, (distances, _) in nearest.items()
}
show(
    distance_curves(lines, "distance in pixels to the nearest view"),
    alt="Distances to the nearest real view of a known toy, sorted. Medians: "
    + ", ".join(f"{who} {line[5][1]:.1f}" for who, line in lines.items())
    + ".",
)

# %% [markdown]
# A copy would lie at 0. A made toy that is *nearer* to the known views than new real toys are is either very good or learnt by heart; a blurred one can also be near to everything, since blurring moves a picture towards the mean. That is why a second distance is worth the trouble, on features that were trained to see shapes:

# %% tags=["nbval-ignore-output"]
classifier = pretrained(EXPERIMENTS["toy-classifier"], "small")


@torch.no_grad()
def features(name, images):
    """What the classifier knows of images, [n, 32]."""
    return torch.cat([classifier.features(x) for x in prepared(name, images, (1, 48, 48))])


if classifier is not None:
    of_bank = features("bank", bank.images[:, :1])
    for who, images in pictures.items():
        distances, where = nearest_described(features(who, images), of_bank)
        same = (bank.pose["azimuth"][where] == bank.pose["azimuth"][nearest[who][1]]).float().mean()
        print(f"{who:14} median {distances.median():.2f}; same side as by pixels: {same:.0%}")
else:
    print("toy-classifier: not run yet")

# %% [markdown]
# **From which sides are toys made?** If the nearest views were all from one side, the generator would have made its task easy. The shares of the sides, heights and lights of the nearest views, with the even share dotted:

# %% tags=["nbval-ignore-output"]
shares = {who: view_shares(bank, nearest[who][1]) for who in makers}
show(
    share_panels(shares),
    alt="From where the nearest real views of the made toys were taken. "
    + "; ".join(
        f"{who}: most often from {max(found['azimuth'], key=lambda x: x[1])[0]:.0f}° "
        f"({max(y for _, y in found['azimuth']):.0%}), from {sum(y > 0 for _, y in found['azimuth'])} "
        f"of {len(found['azimuth'])} sides in all"
        for who, found in shares.items()
    )
    + ".",
)

# %% [markdown]
# And of the records, 500 samples each against all training views:


# %% tags=["nbval-ignore-output"]
def sides_in_words(name):
    """How evenly a recorded generator's toys are spread over the sides."""
    title, record = EXPERIMENTS[name].title, read_record(name, "small")
    if record is None or "azimuth_share" not in record.curves:
        return f"{title}: not run yet"
    shares = [y for _, y in record.curves["azimuth_share"]]
    near = {who: dict(map(tuple, record.curves[f"nearest_to_{who}"])) for who in ("made", "new")}
    halves = [min(curve.items(), key=lambda x: abs(x[0] - 0.5))[1] for curve in near.values()]
    return (
        f"{title}: {sum(y > 0 for y in shares)} of {len(shares)} sides, the commonest with "
        f"{max(shares):.0%} (even: {1 / len(shares):.0%}); median distance to a known view "
        f"{halves[0]:.1f}, of new real toys {halves[1]:.1f}"
    )


listed(sides_in_words(name) for name in names)

# %% [markdown]
# ## Exercises
#
# Write the functions, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** How many cells a side have the three grids of capsules (primary, first and second layer) for square images of `size` pixels? The convolution is 5x5 with stride 2, the capsule layers are 3x3 with strides 2 and 1, and nothing is padded.
#
# <details><summary>Hint</summary>
#
# How many places does a window of `k` cells have on `n` cells with stride 1, if it must lie whole on them? And with stride 2? Three layers, three such formulas.
#
# </details>


# %%
def my_grids(size):
    return ...  # three whole numbers


solved = check("11.grids", my_grids)

# %% [markdown]
# **2.** How many numbers are the votes of one image in the two convolutional capsule layers, with B types of primary capsule and C and D types of parent?
#
# <details><summary>Hint</summary>
#
# At one place of the parents' grid: how many children are in the window, and for how many parents does each vote? How many numbers is a vote? Exercise 1 knows how many places there are.
#
# </details>


# %%
def my_votes(size, b, c, d):
    return ...  # a whole number


solved = check("11.votes", my_votes)

# %% [markdown]
# **3.** The score of an image, from the costs of the class capsules real and fake `[b, 2]`, what each may cost `[2]`, and the inverse temperature.
#
# <details><summary>Hint</summary>
#
# Under EM routing an activation is the sigmoid of something. Of what? The score is the difference of two of these, before the sigmoid.
#
# </details>


# %%
def my_lead(costs, bias, temperature):
    return ...  # [b]


solved = check("11.lead", my_lead)

# %% [markdown]
# **4.** How far are azimuths off, on average and in degrees? They were read as points `[n, 2]` (cosine, sine) of any length; the true ones are degrees `[n]`.
#
# <details><summary>Hint</summary>
#
# `torch.atan2` takes sine and cosine, in this order. What is left is to bring a difference of angles between −180 and 180: `%` does it, if you move the range first.
#
# </details>


# %%
def my_azimuth_error(read, degrees):
    return ...  # a number


solved = check("11.azimuth_error", my_azimuth_error)

# %% [markdown]
# **5.** $R^2$ of a reading `[n, k]` of true values `[n, k]`: the share of their variance that it explains, all components together.
#
# <details><summary>Hint</summary>
#
# Compare the squared errors with those of always saying the mean, and mind which mean that is when there are several components. Add up first, divide afterwards.
#
# </details>


# %%
def my_r2(read, true):
    return ...  # a number


solved = check("11.r2", my_r2)

# %% [markdown]
# **6.** (No check, an evening.) Make the discriminator *want* to know the viewpoint. Give it a head that reads cosine and sine of the azimuth off its features for real toys, in the manner of `AuxiliaryClassifier` in `capsedu.learning.heads`, whose `real_loss` is told the class. (You will have to carry the azimuth there; a transform may put it into the targets.) Train it beside one without, on cars, in the profile `small`. Does reading improve on *new* cars? Does the generator? Write down what you expect first.
#
# <details><summary>Hint</summary>
#
# Let the head read a *point*, cosine and sine, so that 350° and 10° are neighbours. Only real toys have a true azimuth. Choose the test before you train: toys of which set, and which rivals?
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/11_capsgan_3d.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/11_capsgan_3d.md)).
#
# ## What the paper got wrong, or left open
#
# **Table 5 and the sentence about future work.** Section 5.2.4 and table 5 show "results using CapsGAN": cars and planes, made with the architecture of figure 5. Section 6 then says: "As an immediate future work, *we will try and replicate the experiment using our proposed capsule based architecture*", and that results on smallNORB "*would* certainly reinforce the notion". Both cannot be. Either the capsules were trained, and then section 6 is wrong, or they were not, and then it is unclear what table 5 shows. Nobody should cite table 5 as evidence about capsules before that is cleared up.
#
# **Pictures of one or two categories, and no number.** "Similar trends in results were observed for all the other categories." The abstract speaks of generating images in the 3D domain; nothing about the third dimension is measured: not whether toys appear from all sides, not whether they are near to any real view, not whether the discriminator knows one. The sections above are one way to do it.
#
# **"The baseline generator struggles to pin-point, i.e. converge on specific features", which "elucidates the weakness of traditional convolutional architecture based GANs".** A DCGAN with clipped weights is shown, alone. That does not tell the convolution from the clipping. Above there is a row for each.
#
# **"Gradient clipping" for weight clipping.** As in the abstract: what its reference 1 clips is weights. Chapter *CapsGAN* shows what the difference comes to.
#
# **"One capsule per output class."** A discriminator has no classes but real and fake, and with a single one EM routing into it would do nothing: see above.
#
# **"A stride of 2", "strides of 2 and one".** Three strides, and no word about padding. With or without, the grids differ, and so do the betas and temperatures that fit them.
#
# **"Reconstruction."** Tables 4 and 5 are headed so. Their pictures are made from noise, and there is nothing that they reconstruct.
#
# **Figure 4 twice.** The text calls the table of smallNORB samples "Figure 4"; figure 4 is the loss curve of the generator on MNIST, and the samples are table 4.
#
# **24,300 stereo pairs, 64x64 pictures.** Which picture of a pair was used is not said. A discriminator that saw both would have two input channels, and 800 more parameters.

# %%
two_eyes = MatrixCapsuleDiscriminator((2, 64, 64))
print(f"with both pictures: {parameter_count(two_eyes) - parameter_count(paper):,} parameters more")
assert parameter_count(two_eyes) - parameter_count(paper) == 800

# %% [markdown]
# ## References
#
# - R. Saqur, S. Vivona. *CapsGAN: Using Dynamic Routing for Generative Adversarial Networks*. 2018. [arXiv:1806.03968](https://arxiv.org/abs/1806.03968). Section 5.2 and figure 5.
# - G. E. Hinton, S. Sabour, N. Frosst. *Matrix Capsules with EM Routing*. 2018. [openreview.net](https://openreview.net/forum?id=HJWLfGWRb).
# - Y. LeCun, F. J. Huang, L. Bottou. *Learning Methods for Generic Object Recognition with Invariance to Pose and Lighting*. 2004. [smallNORB](https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/).
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter. *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*. 2017. [arXiv:1706.08500](https://arxiv.org/abs/1706.08500).
# - A. Radford, L. Metz, S. Chintala. *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*. 2016. [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - M. Arjovsky, S. Chintala, L. Bottou. *Wasserstein GAN*. 2017. [arXiv:1701.07875](https://arxiv.org/abs/1701.07875).
# - A. E. Hoerl, R. W. Kennard. *Ridge Regression: Biased Estimation for Nonorthogonal Problems*. Technometrics 12, 1970.
