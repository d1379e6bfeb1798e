# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # RCN: capsules that draw
#
# [Open in Colab](https://colab.research.google.com/github/capsedu/capsedu/blob/main/notebooks/12_rcn.ipynb)
#
# A person who draws a digit does not put down all of it at once: a stroke, a look, another stroke. The *Recurrent Capsule Network* (Sastry) wants to draw like that, and to know what it draws: capsules read the image, a recurrent network tells a second one what is still missing, and that one paints. The paper is short, comes without code, and says itself that "RCN is hard to implement by code". We get there in three steps, each of which adds one idea:
#
# | | draws | what is new |
# |---|---|---|
# | variational auto-encoder (VAE) | at once | an image is told in *latents*, random numbers with a price in nats |
# | DRAW | in steps, through a window | a canvas, two recurrent networks, and a place to look at |
# | RCN | in steps, through a window | capsules before both recurrent networks, and a class |
#
# You will be able to
#
# - derive the bound that all three are trained on, and check it where the truth is known;
# - write a VAE's loss in ten lines, and say what each of its two parts costs and buys;
# - compute DRAW's window by hand: filters, reading, writing, and what goes wrong with them elsewhere;
# - say what RCN's paper leaves open, and why its printed loss cannot teach it a class;
# - read a table of bounds, likelihoods and sample quality, and test a claim such as "it will not suffer from mode collapse".
#
# **Before this chapter:** squash, routing and the margin loss (chapters *Squash* to *CapsNet*); how samples are measured (chapter *DCGAN*).
#
# **Time and hardware.** The profile `quick` trains a VAE, a small DRAW and a narrow RCN for a few hundred batches; the chapter takes less than two minutes on two CPU cores. Everything that is compared is read from records. The profile `full` trains the paper's network and wants a GPU.

# %%
try:
    from capsedu.classroom import check
except ImportError:  # on Colab: install the package, and nothing that is there already
    # %pip install -q git+https://github.com/capsedu/capsedu
    from capsedu.classroom import check

import inspect
import tempfile
import time
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from capsedu.checkpoints import pretrained
from capsedu.data import BatchStream, Binarised, affine_images, first_available, shift_images
from capsedu.data.cifar10 import CIFAR10
from capsedu.data.pairs import in_pixels, rotation
from capsedu.evaluation.likelihood import importance_weighted, log_likelihood
from capsedu.evaluation.samples import nearest_images
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.drawing import samples_of
from capsedu.experiments.variational import drawing, rcn
from capsedu.explore import explorers, show
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.drawing_figures import (
    bound_panels,
    class_shares,
    filter_panels,
    followed_moves,
    framed_images,
    likelihood_curve,
    nats_by_step,
)
from capsedu.explore.drawing_tables import (
    bound_table,
    bound_verdict,
    class_table,
    copy_verdict,
    error_verdict,
    made_table,
    mode_verdict,
    overlap_verdict,
    price,
    published_bound,
    silent_steps,
)
from capsedu.explore.explorers.drawing import box
from capsedu.explore.gan_tables import listed
from capsedu.explore.layers import print_layers
from capsedu.explore.widgets import live
from capsedu.functional import (
    bernoulli_cost,
    capsule_length,
    gaussian_kl,
    margin_loss,
    squash,
)
from capsedu.layers.attention import Window, filter_banks, read_window, window, write_window
from capsedu.learning.variational import Bound
from capsedu.models.cnn_baseline import parameter_count
from capsedu.models.draw import attentive_draw
from capsedu.models.rcn import Rcn
from capsedu.models.vae import Vae
from capsedu.profiles import resolve_profile
from capsedu.records import read_record
from capsedu.runs import train

# %% tags=["parameters"]
profile = "auto"

# %% [markdown]
# The digits are MNIST where it is on the disk or can be downloaded, and scikit-learn's smaller set otherwise. Networks that draw speak of probabilities, so a pixel is black or white: each is drawn once, with its grey level as the probability of white.

# %% tags=["nbval-ignore-output"]
profile = resolve_profile(profile)
size = profile if profile in EXPERIMENTS["rcn-mnist"].profiles else "quick"
test_set = first_available("mnist", "digits", train=False)
batch = BatchStream(test_set, 100, Binarised(), shuffle=False).batch(0)
images, targets = batch.images, batch.targets
print(f"{test_set.name}: {list(images.shape)}, values {images.unique().tolist()}")

# %% [markdown]
# ## What an image costs
#
# **Claim.** To know images is to be able to tell one in few words.
#
# Two people share a model, which gives each possible image $x$ a probability $p(x)$. Then the first can tell the second which image it is in $-\log p(x)$ *nats* (with the logarithm to base 2 it would be bits). A good model is one under which real images are cheap. Two prices to begin with: of somebody who knows nothing, and pays $\log 2$ for each of the 784 pixels; and of somebody who knows how often each pixel is white.

# %% tags=["nbval-ignore-output"]
seen = first_available("mnist", "digits", train=True).images
seen = seen[:500] if size == "smoke" else seen
often = (seen.sum(dim=0, keepdim=True) / (255 * len(seen))).clamp(1e-3, 1 - 1e-3)
for name, chances in {"nothing": torch.full_like(often, 0.5), "frequencies": often}.items():
    cost = bernoulli_cost(chances.logit().expand_as(images), images).mean()
    print(f"who knows {name} pays {cost:.1f} nats per image")

# %% [markdown]
# A network should do better. It describes an image by a few numbers $z$, the **latents**, and says with which probability each pixel is white if the latents are $z$. Before anything is told, $z$ is standard normal: $p(z) = N(0, 1)$. The price of an image is then an integral over everything that the latents might have been,
#
# $$p(x) = \int p(x \mid z)\,p(z)\,dz,$$
#
# and nobody can compute it for a network. Three lines lead to something that one can. Take any distribution $q(z\mid x)$, for example one that a second network, the **encoder**, guesses from the image:
#
# $$\log p(x) = \log \int q(z\mid x)\,\frac{p(x\mid z)\,p(z)}{q(z\mid x)}\,dz = \log \Big\langle \frac{p(x\mid z)\,p(z)}{q(z\mid x)} \Big\rangle_{z\sim q}$$
#
# $$\ge \Big\langle \log \frac{p(x\mid z)\,p(z)}{q(z\mid x)} \Big\rangle_{z\sim q} \qquad\text{(the logarithm of a mean is at least the mean of the logarithms)}$$
#
# $$= \underbrace{\big\langle \log p(x\mid z) \big\rangle_{z\sim q}}_{-L^x} \; - \; \underbrace{KL\big(q(z\mid x)\,\Vert\,p(z)\big)}_{L^z}$$
#
# So the image costs at most $L^x + L^z$: the latents' price, $L^z$, and what remains to be told once they are known, $L^x$. Training makes the sum small. What is lost in the second line is $KL(q(z\mid x)\Vert p(z\mid x))$, how far the encoder's guess is from the right answer.
#
# **Check.** Let us take a model whose integral *is* known. One latent, three "pixels": $x = a z + \varepsilon$ with normal noise. Then $x$ is normal too, and so is $p(z\mid x)$.

# %%
torch.manual_seed(0)
a, deviation = torch.tensor([1.0, -2.0, 0.5]).double(), 0.5
x = torch.randn(500, 1).double() * a + deviation * torch.randn(500, 3).double()
covariance = a.outer(a) + deviation**2 * torch.eye(3).double()
log_p = MultivariateNormal(torch.zeros(3).double(), covariance).log_prob(x)
precision = 1 + a @ a / deviation**2  # of z, once x is known
right = Normal((x @ a / deviation**2 / precision).unsqueeze(1), precision**-0.5)


def log_weights(q, k):  # log of p(x|z) p(z) / q(z|x), for k draws from q: [b, k]
    z = q.sample((k,)).squeeze(2).T
    made = Normal(z.unsqueeze(2) * a, deviation).log_prob(x.unsqueeze(1)).sum(dim=2)
    return made + Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)


# %% [markdown]
# If $q$ is right, every single draw gives $\log p(x)$, and the bound is exact. If $q$ is wrong, the bound lies below by just the divergence between the two:

# %%
assert_close(log_weights(right, 5), log_p.unsqueeze(1).expand(-1, 5))
wrong = Normal(right.loc + 0.15, 1.3 * right.scale)
gap = kl_divergence(wrong, right).mean()
bound = log_weights(wrong, 1000).mean()
print(f"log p(x) {log_p.mean():.3f}, bound {bound:.3f}, gap {log_p.mean() - bound:.3f}", end=", ")
print(f"divergence {gap:.3f}")
assert_close(log_p.mean() - bound, gap, atol=5e-3, rtol=0)

# %% [markdown]
# **A better estimate, for measuring.** The gap came from swapping logarithm and mean. Draw $k$ times, take the mean first and the logarithm afterwards, and less is lost (Burda, Grosse & Salakhutdinov, 2016):
#
# $$\log \frac1k \sum_{n=1}^k \frac{p(x\mid z_n)\,p(z_n)}{q(z_n\mid x)}, \qquad z_n \sim q$$
#
# In expectation it rises with $k$ and never exceeds $\log p(x)$ (a single run may, by chance). It costs $k$ drawings, so one trains on the bound and *measures* with this, as far as one can afford it.

# %%
found = [(k, importance_weighted(log_weights(wrong, k)).mean().item()) for k in (1, 3, 10, 100)]
assert found[0][1] < found[1][1] < found[2][1] < log_p.mean() + 0.01
show(
    likelihood_curve(found, log_p.mean().item()),
    alt="The importance-weighted estimate with a wrong posterior by the number of draws: "
    + ", ".join(f"{k}: {nats:.3f}" for k, nats in found)
    + f". It rises towards the true mean of log p(x), {log_p.mean():.3f} nats.",
)

# %% [markdown]
# ## The price of the latents
#
# The encoder's guess is a normal distribution of its own for each number: mean $\mu$ and deviation $\sigma$. Its divergence from the standard normal distribution needs no draws:
#
# $$KL = \int q \log\frac{q}{p} = \Big\langle \tfrac12 z^2 - \tfrac12\Big(\frac{z-\mu}{\sigma}\Big)^2 - \log\sigma \Big\rangle_q = \tfrac12\big(\mu^2 + \sigma^2 - 1\big) - \log\sigma$$
#
# since $\langle z^2\rangle = \mu^2+\sigma^2$ and $\langle (z-\mu)^2\rangle = \sigma^2$. Each number of the latents has this price, the $-\tfrac12$ included. Remember that for later.

# %%
mean, log_deviation = torch.randn(2, 6, 100, dtype=torch.float64)
each = (mean**2 + (2 * log_deviation).exp() - 1) / 2 - log_deviation
assert_close(each.sum(dim=1), gaussian_kl(mean, log_deviation))
z = torch.linspace(-12, 12, 20_001).double()  # and once as an integral, for one number
q, p = Normal(0.8, 0.3), Normal(0.0, 1.0)
integral = torch.trapezoid(q.log_prob(z).exp() * (q.log_prob(z) - p.log_prob(z)), z)
by_hand = gaussian_kl(torch.tensor([0.8]).double(), torch.tensor([0.3]).double().log())
assert_close(integral, by_hand, atol=1e-5, rtol=0)
print(f"mean 0.8, deviation 0.3: {by_hand:.3f} nats")

# %% [markdown]
# To tell more, a number has to leave 0 or become more exact, and pays for both. Saying nothing, $\mu=0$ and $\sigma=1$, is free.
#
# **Learning through a draw.** $L^x$ is a mean over draws from $q$, and the encoder should learn from it. How does a gradient pass through a random draw? Write it as $z = \mu + \sigma\varepsilon$ with $\varepsilon\sim N(0,1)$: then the chance is in $\varepsilon$, which nobody trains, and $z$ is an ordinary function of $\mu$ and $\sigma$. This is called *reparameterisation*. Compare it with the way that needs no such trick, the derivative of $q$'s logarithm, for $\langle z^2\rangle$, whose slope by $\mu$ is $2\mu$:

# %%
torch.manual_seed(0)
mu, sigma, noise = 1.0, 0.5, torch.randn(100_000)
z = mu + sigma * noise
slopes = {"through z": 2 * z, "through log q": z**2 * (z - mu) / sigma**2}
for name, draws in slopes.items():
    print(f"{name:14} mean {draws.mean():.3f} (right: {2 * mu}), deviation {draws.std():.2f}")
    assert abs(draws.mean() - 2 * mu) < 0.05

# %% [markdown]
# Both are right on average. The first needs far fewer draws; one per image is enough in practice.
#
# ## Step one: the VAE
#
# The encoder gives $\mu$ and $\log\sigma$ of 50 numbers, the decoder the logit of every pixel. That is all of a variational auto-encoder (Kingma & Welling, 2013), and its loss fits in ten lines:

# %%
torch.manual_seed(0)
vae = Vae()  # 784 to 400 to 400 to 2 x 50, and back


def vae_bound(x, noise):  # [b, 1, 28, 28], [b, 50]
    mean, log_deviation = vae.encoder(x).chunk(2, dim=1)
    z = mean + log_deviation.exp() * noise
    logits = vae.decoder(z)
    left = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(1, 2, 3))
    told = (mean**2 + (2 * log_deviation).exp() - 1) / 2 - log_deviation
    return (left + told.sum(dim=1)).mean()


noise = vae.noise(len(images))  # [b, 1, 50]: one step
assert_close(vae_bound(images, noise[:, 0]), Bound()(vae, batch, noise=noise).loss)

# %% [markdown]
# Train it. All networks of this chapter share one learner: Adam on this bound, gradients no longer than 10.

# %% tags=["nbval-ignore-output"]
folder = tempfile.TemporaryDirectory()  # gone when the notebook is


def sized(name, network=None, **short):
    """An experiment on the images that are here; in the profile quick smaller and shorter."""
    task = replace(EXPERIMENTS[name], data=test_set.name)
    if size != "quick":
        return task
    quick = replace(task.profiles["quick"], milestones=(), **short)
    return replace(task, network=network or task.network, profiles={"quick": quick})


vae_run = train(sized("vae-mnist"), size, root=folder.name, progress=False)
last = vae_run.history[-1]
parts = f"told {last['test_kl']:.1f}, left to tell {last['test_reconstruction']:.1f}"
print(f"VAE, profile {size}, {last['step']} batches: bound {last['test_bound']:.1f} ({parts})")

# %% [markdown]
# For everything that is looked at below, a network that was trained for longer is better. The one that ships with the book is taken where there is one, and the one just trained otherwise.


# %% tags=["nbval-ignore-output"]
def ready(name, fallback):
    """The network that ships with the book, or what `fallback` makes."""
    fits = profile != "smoke" and test_set.name == "mnist"
    shipped = pretrained(EXPERIMENTS[name], "small") if fits else None
    print(f"{name}: " + ("trained here; rough" if shipped is None else "ships with the book"))
    network = fallback() if shipped is None else shipped
    return network.cpu().eval().requires_grad_(False)


vae = ready("vae-mnist", lambda: vae_run.network)
drawn = vae(images[:10], vae.noise(10, torch.Generator().manual_seed(0)))
cost = bernoulli_cost(drawn.canvas, images[:10])
show(
    image_rows(
        {"image": images[:10], "drawn": drawn.canvas.sigmoid(), "samples": samples_of(vae, 10)},
        [f"{nats:.0f}" for nats in cost],
    ),
    alt="Ten test digits, the VAE's drawings of them, and ten samples whose latents are noise. What "
    f"remains to be told of the images once the latents are known: {', '.join(f'{c:.0f}' for c in cost)} "
    "nats.",
)

# %% [markdown]
# The number above each column is $L^x$ of that digit. Below: the same price by the bound and by the better estimate. The first line is an estimate of the bound itself, the others are nearer to $\log p(x)$.

# %% tags=["nbval-ignore-output"]
few = images[: 10 if size == "smoke" else 50]
for k in (1, 10, 100):
    print(f"VAE, {k:3} draws: {-log_likelihood(vae, few, k).mean():.1f} nats per image")

# %% [markdown]
# ## Step two: a canvas
#
# **Idea.** Do not draw at once. Start from an empty canvas $c_0$, and add to it at each step (Gregor et al., 2015):
#
# $$c_t = c_{t-1} + \mathrm{write}(h_t^{dec}), \qquad \hat x_t = \sigma(c_t)$$
#
# Each step has latents of its own, $z_t$. The encoder, a recurrent network (an LSTM), knows at each step what the decoder did last, so it can tell what is still missing; the decoder, another one, turns $z_t$ into paint. The canvas holds logits: adding is all that painting takes, and a later step can take back what an earlier one did. In ten lines:

# %%
torch.manual_seed(0)
small_draw = attentive_draw(hidden=32, latent=8, steps=4)


def draw_by_hand(x, noise):  # [b, 1, 28, 28], [b, t, z]
    encoder, decoder = (c.first_state(len(x)) for c in (small_draw.encoder, small_draw.decoder))
    canvas, told = small_draw.canvas.expand_as(x), 0
    for epsilon in noise.unbind(dim=1):
        glimpse, _ = small_draw.read(x, canvas, decoder[0])
        encoder = small_draw.encoder([glimpse, decoder[0]], encoder)
        mean, log_deviation = small_draw.posterior(encoder[0]).chunk(2, dim=1)
        decoder = small_draw.decoder([mean + log_deviation.exp() * epsilon], decoder)
        canvas = canvas + small_draw.write(decoder[0])[0]
        told = told + gaussian_kl(mean, log_deviation)
    return (bernoulli_cost(canvas, x) + told).mean()


noise = small_draw.noise(len(images))
assert_close(draw_by_hand(images, noise), Bound()(small_draw, batch, noise=noise).loss)

# %% [markdown]
# The price of the latents is now a sum over the steps, $L^z = \sum_t KL(q(z_t\mid\dots)\,\Vert\,N(0,1))$. It is the same bound as before with $z = (z_1, \dots, z_T)$: both $q$ and $p$ are products over the steps, so the logarithm of their ratio is a sum.
#
# ## A place to look at
#
# **Idea.** Neither read nor write the whole image, but a small grid of $N\times N$ places. Where the grid stands, how wide it is and how sharp, five numbers of the decoder's state say. It has to be learnt by gradients, so nothing is cut out: each place of the grid is a Gaussian *filter*, a soft mean over pixels. Along one axis, with the grid's middle $g$ and the stride $\delta$, filter $i$ of $N$ stands at
#
# $$\mu_i = g + (i - N/2 - \tfrac12)\,\delta, \qquad F[i, a] = \frac{1}{Z_i}\exp\Big(-\frac{(a-\mu_i)^2}{2\sigma^2}\Big), \qquad i = 1\dots N$$
#
# with $Z_i$ such that each row of $F$ sums to 1. On one row of pixels, by hand:

# %%
N, g, delta, variance = 5, 12.0, 3.0, 1.5
i, pixel = torch.arange(1.0, N + 1), torch.arange(28.0)
centres = g + (i - N / 2 - 0.5) * delta
F_hand = (-((pixel - centres[:, None]) ** 2) / (2 * variance)).exp()
F_hand = F_hand / F_hand.sum(dim=1, keepdim=True)
numbers = torch.tensor([[g, g]]), torch.tensor([delta]), torch.tensor([variance]), torch.ones(1)
here = Window(*numbers)
assert_close(F_hand, filter_banks(here, N, 28)[0, 0])
print("filters stand at", centres.tolist())
assert_close(F_hand.sum(dim=1), torch.ones(N))
assert_close(F_hand @ pixel, centres, atol=1e-3, rtol=0)  # where each filter looks, on average

# %% tags=["nbval-ignore-output"]
row = images[0, 0, images[0, 0].sum(dim=1).argmax()]  # the one with the most ink
seen_by = F_hand @ row
show(
    filter_panels(row, {"variance 1.5": F_hand, "variance 0.1": filter_banks(
        here._replace(variance=torch.tensor([0.1])), N, 28)[0, 0]}),
    alt="Five Gaussian filters at pixels 6, 9, 12, 15 and 18 of a row of 28, above with variance 1.5, "
    "where they overlap, below with variance 0.1, where each sees little more than one pixel. On "
    f"this row the broad ones see {', '.join(f'{s:.2f}' for s in seen_by)}.",
)  # fmt: skip

# %% [markdown]
# An image has two axes, so there are two such matrices, $F_Y$ for rows and $F_X$ for columns. Reading is two matrix products, and so is writing, with both matrices transposed:
#
# $$\mathrm{read}(x) = \gamma\,F_Y\,x\,F_X^T \quad [N\times N], \qquad \mathrm{write}(w) = \tfrac1\gamma\,F_Y^T\,w\,F_X \quad [28\times28]$$
#
# The two are each other's transpose (apart from $\gamma$, the strength): for any image $x$ and patch $w$, $\langle \mathrm{read}(x), w\rangle = \langle x, \mathrm{write}(w)\rangle$. They are not each other's inverse. What is read and written back is blurred, and nothing outside the window comes back.

# %%
banks = filter_banks(here, N, 28)
F_x, F_y = banks[0]
patch = torch.randn(1, 1, N, N)
glimpse, painted = read_window(images[:1], banks), write_window(patch, banks)
assert_close(glimpse[0, 0], F_y @ images[0, 0] @ F_x.T)
assert_close(painted[0, 0], F_y.T @ patch[0, 0] @ F_x)
assert_close((glimpse * patch).sum(), (images[:1] * painted).sum())

# %% tags=["nbval-ignore-output"]
wide = window(torch.zeros(1, 5), N, 28)  # all five numbers 0: how a network begins
panels = {}
for name, where in {"whole": wide, "near": here}.items():
    banks = filter_banks(where, N, 28)
    glimpse = read_window(images[:1], banks)
    panels[f"{name} window"] = (images[0, 0], box(where, N, 28))
    panels[f"glimpse, {name}"] = (glimpse[0, 0], None)
    panels[f"written, {name}"] = (write_window(glimpse, banks)[0, 0], None)
show(
    framed_images(panels),
    alt="Twice a digit with the red frame of a window of 5x5 filters, the 5x5 glimpse, and what the "
    "glimpse looks like when it is written back. First a window over the whole image, stride "
    f"{wide.stride[0]:.2f} pixels: the digit comes back as separate dots. Then one with stride 3 "
    "around pixel 12: a blurred piece of the digit comes back.",
)

# %% [markdown]
# The five numbers $\tilde g_X, \tilde g_Y, \log\sigma^2, \log\tilde\delta, \log\gamma$ come from one linear layer on the decoder's state, and $g = \frac{A+1}{2}(\tilde g + 1)$ and $\delta = \frac{A-1}{N-1}\tilde\delta$ scale them to an image of $A$ pixels. In a fresh network they are nearly 0, and the outermost filters stand on the outermost pixels. The paper reads through 2x2 filters. Then all four stand in the corners:

# %% tags=["nbval-ignore-output"]
for cells in (2, 5):
    banks = filter_banks(window(torch.zeros(1, 5), cells, 28), cells, 28)
    glimpses = read_window(images, banks.expand(100, -1, -1, -1)).flatten(1)
    blind = (glimpses.amax(dim=1) < 0.01).float().mean()
    print(f"{cells}x{cells} filters over the whole image: {blind:.0%} of the digits are not seen")

# %% [markdown]
# An encoder that sees nothing can tell nothing, and until the window has left the corners there is hardly a gradient that says where to go. That is why the package's DRAW reads through 5x5 filters.
#
# ### What many public versions get wrong
#
# DRAW has been written anew many times, and three mistakes were copied from one to the next. None of them stops the training, which is why they live on.
#
# **The exponent.** $\big(\frac{a-\mu}{2\sigma^2}\big)^2$ in place of $\frac{(a-\mu)^2}{2\sigma^2}$. It is a Gaussian too, with the deviation $\sqrt2\,\sigma^2$ in place of $\sigma$. The network can learn around it. But when $\sigma$ doubles, the blur grows fourfold, and what is called $\sigma$ is not the filter's width.

# %%
away = torch.arange(-200.0, 201)
for sigma2 in (0.25, 1.0, 4.0, 16.0):
    meant = (-(away**2) / (2 * sigma2)).softmax(dim=0)
    found = (-((away / (2 * sigma2)) ** 2)).softmax(dim=0)
    widths = [(each @ away**2).sqrt() for each in (meant, found)]
    print(f"σ = {sigma2**0.5:4}: measured {widths[0]:.2f}, with the wrong exponent {widths[1]:.2f}")

# %% [markdown]
# (At σ = 0.5 pixels are too coarse for a Gaussian: both are measured narrower than their formulas say, √2 σ² = 0.35 for the second.)
#
# **One cell off.** The formula counts filters from 1, a program counts from 0. Left as it is, the whole grid stands one stride too far to the left and up. (The paper counts pixels from 1 as well; who forgets that is off by one pixel more.) In a fresh network the first row of filters then stands outside the image:

# %%
delta = 27 / 4
for name, i in {"from 1": torch.arange(1, 6), "from 0": torch.arange(5)}.items():
    places = 13.5 + (i - 5 / 2 - 0.5) * delta
    print(f"counted {name}: filters at", " ".join(f"{place:6.2f}" for place in places))

# %% [markdown]
# And a filter outside sees nothing, and divides by nothing. $Z_i$ is then rounded to 0, and $0/0$ is not a number; so a small $\epsilon$ is added and the row sums to 0 instead of 1: no glimpse, no paint, no gradient that would bring the window back. As a softmax over the pixels, which it is, the row always sums to 1: a filter that has left the image looks at its border.

# %%
exponent = -((pixel + 40) ** 2) / (2 * 0.1)  # a sharp filter, 40 pixels outside
weights = exponent.exp()
ways = {"plain": weights / weights.sum(), "with ε": weights / (weights.sum() + 1e-8)}
for name, bank in (ways | {"softmax": exponent.softmax(dim=0)}).items():
    print(f"{name:8} sum {bank.sum():.1f}, weight of the pixel at the border {bank[0]:.1f}")

# %% [markdown]
# **The constant.** The divergence of one number has the constant $-\tfrac12$. Equation 11 of DRAW's paper subtracts $T/2$ for all $T$ steps, right if the latents of a step are one number, and they are 100. Read as $\tfrac12$ for every step it makes the reported price too high. Many programs subtract $T/2$ at *every step*, $T^2/2$ in all. Gradients do not see a constant, so the drawings are none the worse. But what is reported is not the bound: too high in the first way, and in the second too low wherever $T > z$, so that it bounds nothing. Here is what latents cost that say nothing at all; the right price is 0:

# %%
for steps, latent in ((10, 10), (10, 100), (64, 10), (64, 100)):
    squares = steps * latent / 2  # half the sum of σ² = 1, where μ and log σ are 0
    per_step, t_per_step = squares - steps / 2, squares - steps * steps / 2
    right = gaussian_kl(torch.zeros(steps, latent), torch.zeros(steps, latent)).sum()
    print(f"T = {steps}, z = {latent:3}: {right:.0f} nats; ½ per step: {per_step:5.0f}", end="; ")
    print(f"T/2 per step: {t_per_step:6.0f}")

# %% [markdown]
# With ten steps and ten numbers, a popular choice, two mistakes cancel. With 64 steps of ten numbers an image would be told for less than nothing.
#
# ## Why the error image
#
# The encoder reads two things through its window: the image, and the *error image* $x - \sigma(c_{t-1})$, what the canvas still lacks. Of the canvas itself it knows nothing else: it has only the decoder's last state. Without the error image it would have to remember all strokes to know what is missing. So here is a DRAW, and what it sees. (The network is small and trained for a moment where none ships with the book.)

# %% tags=["nbval-ignore-output"]
tiny = drawing(attentive_draw, hidden=64, latent=16, steps=6)


def trained_draw():
    return train(
        sized("draw-mnist", tiny, steps=300), size, root=folder.name, progress=False
    ).network


draw = ready("draw-mnist", trained_draw)
digit = images[targets == 3][:1]
noise = draw.noise(1, torch.Generator().manual_seed(0))
strokes = list(draw.steps(digit, noise))
canvases = torch.cat([draw.canvas[None], *(stroke.canvas for stroke in strokes)]).sigmoid()
shown = torch.linspace(0, len(strokes), min(7, len(strokes) + 1)).round().long()
lacks = (1 + digit - canvases) / 2  # grey: nothing is missing
show(
    image_rows(
        {"canvas": canvases[shown], "error\nimage": lacks[shown]},
        ["at first" if t == 0 else f"step {t}" for t in shown.tolist()],
    ),
    alt=f"The canvas of a digit 3 in the course of {len(strokes)} steps, and below what it lacks: white "
    "where ink is missing, black where there is too much, grey where nothing is. The sum of all "
    f"distances goes from {(digit - canvases[0]).abs().sum():.0f} at first to "
    f"{(digit - canvases[-1]).abs().sum():.0f} in the end.",
)

# %% [markdown]
# Watch it draw. Red are the windows: on the image where it reads, on the canvas where it writes. Choose another digit, or *nothing* to see the decoder alone, with noise for latents. At which step can you tell which digit it will be?

# %% tags=["nbval-ignore-output"]
chosen = {f"a test digit, {k}": images[targets == k][0] for k in (3, 0, 4, 8)}
explorers.drawing(draw, chosen)

# %% [markdown]
# ## Step three: capsules
#
# **Idea.** RCN keeps all that and puts a capsule network in front of each of the two recurrent ones.
#
# - *The encoder's.* The image goes through two convolutions (256 and 128 channels, 5x5, stride 1), primary capsules, and, by routing, one capsule for each class. These class capsules are what the encoder's LSTM hears of the image, beside the decoder's last state and its own. Their lengths say which digit it is.
# - *The decoder's.* The latents of a step go through two transposed convolutions (128 and 256 channels), primary capsules, and a second layer of capsules. These are what the decoder's LSTM hears.
#
# As in the chapters before, the network writes its own table.


# %%
torch.manual_seed(0)
paper = Rcn().eval()
print_layers(paper.image_capsules, lambda: paper.image_capsules(images[:1]))
print(f"the encoder's capsules: {parameter_count(paper.image_capsules):,} parameters\n")
print_layers(paper.latent_capsules, lambda: paper.latent_capsules(torch.randn(1, 100)))
print(f"the decoder's capsules: {parameter_count(paper.latent_capsules):,} parameters\n")
others = ("encoder", "posterior", "decoder", "write")
print(", ".join(f"{name} {parameter_count(getattr(paper, name)):,}" for name in others))
assert parameter_count(paper) == 9_278_966
print(f"in all {parameter_count(paper):,} parameters; DRAW {parameter_count(attentive_draw()):,}")

# %% [markdown]
# Follow the sizes. $28 - 4 - 4 = 20$: the grid that CapsNet's first convolution leaves, so that the capsules stand where CapsNet's do, $6\times6$ places of 32 types, 1152 in all. On the other side a $1\times1$ grid of 100 channels becomes $5\times5$ and $9\times9$, and windows of 5, two apart, leave $3\times3$ places.
#
# Nearly nine tenths of the parameters are in the capsule networks. How much of the work? The image does not change while it is drawn. So its capsules do not change either, and are computed once for all steps:

# %%
paper.requires_grad_(False)
drawn_by = list(paper.steps(images[:2]))
assert all(stroke.capsules is drawn_by[0].capsules for stroke in drawn_by)
without_capsules = attentive_draw().requires_grad_(False)
works = {
    "image's capsules, once": lambda: paper.image_capsules(images[:1]),
    "latents' capsules, one step": lambda: paper.latent_capsules(torch.randn(1, 100)),
    "all of RCN, ten steps": lambda: paper(images[:1]),
    "all of DRAW, ten steps": lambda: without_capsules(images[:1]),
}
for name, call in works.items():
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    print(f"{name:28} {counter.get_total_flops() / 2e6:7.1f} million multiplications")

# %% [markdown]
# ### What the paper leaves open
#
# The paper is so short because most decisions are missing. Here they are in one place. In the package each is an argument of `Rcn`, with our choice as its default.
#
# | what the paper leaves open | here | because |
# |---|---|---|
# | size of the image's capsules | `primary_types` 32, `primary_dim` 8, `class_dim` 16 | CapsNet's, on which the paper builds; the grid has the same size too |
# | iterations of routing | `iterations` 3 | likewise |
# | where the error image goes | `read`: nowhere | the encoder "will receive 3 inputs", and no such is among them; so the image's capsules are computed once |
# | length of the states | `hidden` 256 | DRAW's |
# | numbers of a latent | `latent` 100 | DRAW's |
# | steps | `steps` 10 | DRAW's 64 cost six times as much |
# | how latents become a grid | their own channels, 1x1 | nothing else is needed |
# | classes of the second capsule network | `parts` 10: none | no label belongs to a step; the margin loss is the encoder's |
# | size of its capsules | `part_dim` 16 | as in the encoder |
# | how it begins to learn | `weight_std` 0.3 | at CapsNet's 0.01 the latents are squashed to nothing |
# | how a state becomes paint | `write`: 5x5 filters | the "red rectangle" of figure 2; DRAW's size |
# | how capsules are told to the LSTMs | times the square root of their components | as squash leaves them, recurrent networks hardly hear them |
# | what recurs | `cell` LSTM | the paper's; GRU is its further work |
# | margin loss beside the bound | `Bound(margin_weight=100)` | the paper's total leaves it out, see below |
#
# A table in a text can be wrong. Here is the part of it that the package can be asked about:

# %%
defaults = {name: p.default for name, p in inspect.signature(Rcn).parameters.items()}
table = {"primary_types": 32, "primary_dim": 8, "class_dim": 16, "iterations": 3, "hidden": 256}
table |= {"latent": 100, "steps": 10, "parts": 10, "part_dim": 16, "weight_std": 0.3}
table |= {"read": None, "cell": "lstm"}
assert {name: defaults[name] for name in table} == table
assert paper.read.features == 0 and paper.write.cells == 5 and Bound().margin_weight == 100
seen_capsules, capsules = paper.see(images[:4])
assert_close(seen_capsules, 16**0.5 * capsules.flatten(1))

# %% [markdown]
# Two of these were found by trying, and deserve a look. A capsule of length 1 has 16 components of about ¼, while an LSTM expects inputs of about 1; hence the square root. And the second capsule network stands *between* the latents and the canvas, so what squash shortens there is lost. How much of two different latents arrives?

# %%
torch.manual_seed(0)
latents = torch.randn(64, 100)
for weight_std in (0.01, 0.3):
    network = Rcn(weight_std=weight_std).requires_grad_(False)
    length = capsule_length(network.latent_capsules(latents)).mean()
    spread = network.describe(latents).std(dim=0).mean()
    print(f"weight_std {weight_std}: mean length {length:.4f}", end=", ")
    print(f"inputs of the decoder differ by {spread:.4f} between latents (the latents by 1)")

# %% [markdown]
# ### Two losses, and how they are weighed
#
# RCN minimises the bound *and* the margin loss on the lengths of the class capsules:
#
# $$L = L^x + L^z + \lambda \sum_k L_k, \qquad L_k = T_k \max(0, m^+ - \lVert v_k\rVert)^2 + \tfrac12 (1 - T_k)\max(0, \lVert v_k\rVert - m^-)^2$$
#
# The paper's total is $L = \langle L^x + L^z\rangle$: the margin loss has its own equation, and never enters the sum. As printed, no label would ever be used. Exchange all labels: with $\lambda=0$ nothing changes.

# %%
torch.manual_seed(0)
narrow = Rcn(conv_channels=16, primary_types=4, steps=4, hidden=64, latent=16)
with torch.no_grad():  # a fresh network's class capsules are too short to be told apart
    narrow.image_capsules[-1].weight.mul_(30)
noise = narrow.noise(len(images))
mixed = batch._replace(targets=targets.roll(1))


def losses(weight):
    """The losses with the right labels and with those of the images beside them."""
    return [Bound(margin_weight=weight)(narrow, each, noise=noise) for each in (batch, mixed)]


as_printed, relabelled = losses(0)
assert_close(as_printed.loss, relabelled.loss)
with_margin, relabelled = losses(100)
assert with_margin.parts["margin"] != relabelled.parts["margin"]
print({name: round(value.item(), 3) for name, value in with_margin.parts.items()})

# %% [markdown]
# So $\lambda$ has to be invented. One loss is hundreds of nats, the other is less than 1. But training does not see sizes, it sees slopes: what matters is how hard both pull at the weights that they share, those of the image's capsules. In this network, which has not learnt anything yet:


# %%
def pull(loss):
    """The length of a loss's gradient on the image's capsule network."""
    weights = list(narrow.image_capsules.parameters())
    found = torch.autograd.grad(loss, weights, retain_graph=True)
    return torch.cat([part.flatten() for part in found]).norm().item()


parts = with_margin.parts
by_bound, by_margin = pull(parts["bound"]), pull(parts["margin"])
for weight in (1, 100):
    share = weight * by_margin / (weight * by_margin + by_bound)
    print(f"λ = {weight:3}: the margin loss pulls with {share:.0%} of both gradients' lengths")
unused = torch.autograd.grad(parts["margin"], narrow.decoder.gates.weight, allow_unused=True)
assert unused == (None,)  # and at the decoder it does not pull at all

# %% [markdown]
# As training goes on, the margin loss lets go by itself, whatever $\lambda$ is: of an image whose lengths keep their margins it wants nothing more. The bound never stops pulling.
#
# ## Training
#
# A narrow RCN, now, for a short while.

# %% tags=["nbval-ignore-output"]
few_steps = rcn(hidden=128, latent=32, steps=5)
task = sized("rcn-mnist", few_steps, steps=250, batch_size=50)
run = train(task, size, root=folder.name, progress=False)
last = run.history[-1]
print(f"RCN, profile {size}, {parameter_count(run.network):,} parameters, {last['step']} batches")
print({name: round(value, 3) for name, value in last.items() if name.startswith("test")})
if "margin" in last and len(run.history) > 1:
    show(
        bound_panels(run.history),
        alt=f"Bound, its two parts and the margin loss over {last['step']} batches: the bound goes from "
        f"{run.history[0]['bound']:.0f} to {last['bound']:.0f} nats, of which the latents tell "
        f"{last['kl']:.1f} at the end; the margin loss from {run.history[0]['margin']:.2f} to "
        f"{last['margin']:.2f}.",
    )

# %% tags=["nbval-ignore-output"]
network = ready("rcn-mnist", lambda: run.network)
noise = network.noise(len(images), torch.Generator().manual_seed(0))
drawn = network(images, noise)
guess = capsule_length(drawn.capsules).argmax(dim=1)
show(
    image_rows(
        {
            "image": images[:10],
            "drawn": drawn.canvas[:10].sigmoid(),
            "samples": samples_of(network, 10),
        },
        [f"read: {digit}" for digit in guess[:10].tolist()],
    ),
    alt="Ten test digits, RCN's drawings of them, and ten samples. Above each column the class of the "
    f"longest capsule: {', '.join(map(str, guess[:10].tolist()))}; right: "
    f"{', '.join(map(str, targets[:10].tolist()))}.",
)

# %% [markdown]
# Look at `test_kl` above before you look at drawings. Where it is near 0, the latents tell nothing yet, and the network draws one and the same blurred digit for every image and every noise: RCN learns its classes long before it learns to draw. It takes a longer training than this chapter's.
#
# And the canvas, step by step. RCN has one red window, that for writing: it reads no window, it has capsules. With a kernel, the controls below choose another digit and other noise.


# %% tags=["widget", "nbval-ignore-output"]
from ipywidgets import IntSlider


def growing(digit, seed):
    return explorers.drawing(network, {f"test digit {digit}": images[digit]} | chosen, seed)


live(
    growing,
    digit=IntSlider(2, 0, 99, description="digit"),
    seed=IntSlider(0, 0, 20, description="noise"),
)

# %% [markdown]
# ## The records: what an image costs
#
# Now networks of one profile, `small`, one training each. In it VAE and DRAW have the sizes from above, and RCN is narrower than the paper's. Bounds are on test digits whose pixels were drawn once. The papers train on pixels that were drawn once, too, ours are drawn anew in every epoch; so bounds of theirs and ours stand beside each other and not in one another's place. DRAW's is for 64 steps and 2x2 filters.

# %% tags=["nbval-ignore-output"]
for name in ("rcn-mnist", "draw-mnist"):
    small = EXPERIMENTS[name].profile("small")
    print(f"{name}: {small.steps:,} batches of {small.batch_size}", end="; ")
print(f"RCN: {small.conv_channels} channels and {small.primary_types} types of capsule")
rcns = ["rcn-mnist", "rcn-mnist-glimpse", "rcn-mnist-gru"]
drawers = ["vae-mnist", "draw-mnist-no-attention", "draw-mnist", *rcns]
bound_table(drawers, "small")

# %% tags=["nbval-ignore-output"]
listed(
    [
        bound_verdict("draw-mnist", "vae-mnist", "small"),
        bound_verdict("draw-mnist", "draw-mnist-no-attention", "small"),
        bound_verdict("rcn-mnist", "draw-mnist", "small"),
        bound_verdict("rcn-mnist", "vae-mnist", "small"),
        bound_verdict("rcn-mnist-glimpse", "rcn-mnist", "small"),
        bound_verdict("rcn-mnist-gru", "rcn-mnist", "small"),
        published_bound("draw-mnist", "small"),
    ]
)

# %% [markdown]
# The row "with DRAW's glimpses" is the decision about the error image, taken the other way. One training each is one training each: small differences between rows mean nothing.
#
# And a short training favours what learns fast. Were the bounds still falling when it ended?

# %% tags=["nbval-ignore-output"]
for name in drawers:
    record = read_record(name, "small")
    rows = [row for row in record.history if "test_bound" in row] if record else []
    if rows:
        fallen = ", ".join(f"{row['test_bound']:.1f} after {row['step']:,} batches" for row in rows)
        print(f"{EXPERIMENTS[name].title}: {fallen}")

# %% [markdown]
# So read a row as "this far, after this long". DRAW's paper drew in 64 steps, this one in ten; and a network that must learn where to look and how to take turns has more to learn before it is ahead of one that paints at once.
#
# Do all steps tell something? The divergence of each step's latents, on a hundred test digits:

# %% tags=["nbval-ignore-output"]
told = {}
for name in ("draw-mnist", "rcn-mnist", "rcn-mnist-glimpse"):
    record = read_record(name, "small")
    if record is not None:
        told[EXPERIMENTS[name].title] = record.curves["kl_by_step"]
if told:
    said = {name: ", ".join(f"{nats:.1f}" for _, nats in points) for name, points in told.items()}
    show(
        nats_by_step(told),
        alt="Nats that the latents of each step tell. "
        + "; ".join(f"{name}: {numbers}" for name, numbers in said.items())
        + ".",
    )
listed(silent_steps(name, "small") for name in ("draw-mnist", "rcn-mnist", "rcn-mnist-glimpse"))

# %% [markdown]
# ## The claims
#
# ### "A test error of 3.12 %", and of 13.1 % on CIFAR-10
#
# The second is measured on a subset of CIFAR-10 here, which is smaller than CIFAR-10 and hence harder to learn from. Beside RCN stands CapsNet, whose capsules the encoder has, without anything that draws in steps.

# %% tags=["nbval-ignore-output"]
class_table([*rcns, "rcn-cifar-10-subset", "capsnet-mnist"], "small")

# %% tags=["nbval-ignore-output"]
listed(error_verdict(name, "small") for name in ("rcn-mnist", "rcn-cifar-10-subset"))

# %% [markdown]
# For scale, look at CapsNet's row: the paper from which RCN has its capsules reports less than a tenth of RCN's error on the same digits, and RCN's paper does not mention it. If it was the drawing that cost so much, it was a high price.
#
# ### "It will not suffer from mode collapse"
#
# A generator suffers from it if some kinds of image are never made. A classifier of digits looks at as many samples as there are test digits, and counts. The rest of the table is known from chapter *DCGAN*: FID and KID on that classifier's features. Samples are the pixels' probabilities.

# %% tags=["nbval-ignore-output"]
made_table(drawers, "small")

# %% tags=["nbval-ignore-output"]
shares = {}
for name in ("vae-mnist", "draw-mnist", "rcn-mnist"):
    record = read_record(name, "small")
    if record is not None:
        shares[EXPERIMENTS[name].title] = record.curves["class_share"]
if shares:
    least = {name: min(points, key=lambda each: each[1]) for name, points in shares.items()}
    show(
        class_shares(shares),
        alt="The share of each digit among the samples; a grey line at a tenth. The rarest: "
        + "; ".join(
            f"{name}, {digit:.0f} with {share:.1%}" for name, (digit, share) in least.items()
        )
        + ".",
    )
listed(mode_verdict(name, "small") for name in ("vae-mnist", "draw-mnist", "rcn-mnist"))

# %% [markdown]
# There is a reason to expect it, and it is one for all three. The bound makes every *training image* pay if the model finds it very unlikely, so no kind of image can be left out altogether, as a GAN's generator may. This has nothing to do with capsules, and a VAE has it too.
#
# But it promises less than it seems to. Where the latents tell little, most of an image is left to the probabilities of single pixels, and a sample is a blur between several digits. A classifier files such blurs under a few classes. So read the number of classes beside the nats that the latents tell, in the table of bounds above: who tells little also draws few kinds of digit.
#
# ### "Images which are not present in the dataset", with a small L2
#
# The paper shows generated digits and says of them that the L2 norm of the difference to real data "is quite small as expected". Here are samples, the nearest training image of each, and the L2 norm.

# %% tags=["nbval-ignore-output"]
made = samples_of(network, 10)
distances, nearest = nearest_images(made, seen)
show(
    image_rows(
        {"made": made, "nearest\nseen": seen[nearest].float() / 255},
        [f"L2 {distance:.1f}" for distance in distances],
    ),
    alt="Ten samples of RCN and below each the training image that is nearest to it; L2 norms: "
    + ", ".join(f"{distance:.1f}" for distance in distances)
    + ".",
)

# %% [markdown]
# Is that small? A copy would be at 0; so small is no praise for a network that claims not to copy. And what is the distance of images of which we know what they are?

# %% tags=["nbval-ignore-output"]
grey = test_set.images[:100].float() / 255
compared = {
    "copies": seen[:100].float() / 255,
    "test digits": grey,
    "test digits, one pixel to the right": shift_images(grey, torch.tensor([0, 1]).expand(100, 2)),
    "black images": torch.zeros(1, 1, 28, 28),
    "samples": samples_of(network, 100),
}
for name, these in compared.items():
    found, _ = nearest_images(these, seen)
    print(f"{name:36} L2 to the nearest training image, median {found.median():.2f}")

# %% [markdown]
# Compare black images with test digits. The training image that is nearest to black is the one with the least ink, so an empty canvas can be "nearer to real data" than a real digit is. L2 rewards little ink, and blur. What it is good for is to find copies; for that, compare with test digits, which are none:

# %% tags=["nbval-ignore-output"]
listed(copy_verdict(name, "small") for name in ("vae-mnist", "draw-mnist", "rcn-mnist"))

# %% [markdown]
# ### "The inclusion of capsules makes the network learn spatial location and orientation"
#
# That is a claim about codes: shift a digit, turn a digit, and the capsules or the latents should say by how much. Test it with the weakest reader there is. For 120 test digits, each moved by seven amounts, take a code, and fit a *linear* map from the code to the amount on half of the digits. Then read off the amount for the other half. $R^2$ is 1 if all are right, and 0 or less if the code knows nothing that a linear map can see.


# %% tags=["nbval-ignore-output"]
count = 20 if size == "smoke" else 120
some = test_set.images[:count].float() / 255
amounts = {
    "shift to the right, pixels": torch.arange(-3.0, 4),
    "turn, degrees": 10 * torch.arange(-3.0, 4),
}


def moved(kind, amount):
    """The digits after a move, black and white."""
    if "shift" in kind:
        out = shift_images(some, torch.tensor([0, int(amount)]).expand(count, 2))
    else:
        out = affine_images(some, in_pixels(rotation(amount[None]), 28).expand(count, 2, 3))
    return Binarised()(out, test_set.targets[:count], torch.Generator().manual_seed(0)).images


def codes_of(network, images):
    """Class capsules and the means of all latents, flat."""
    noise = network.noise(len(images), torch.Generator().manual_seed(0))
    drawn = network(images, noise)
    capsules = images if drawn.capsules is None else drawn.capsules
    return {"capsules": capsules.flatten(1), "latents": drawn.mean.flatten(1)}


# %%
def read_off(code, amounts):
    """What a linear map reads off a code [n, images, d], for the second half of the images."""
    half, n = code.shape[1] // 2, len(amounts)
    first, second = code[:, :half].flatten(0, 1), code[:, half:].flatten(0, 1)
    mean, deviation = first.mean(dim=0), first.std(dim=0).clamp(min=1e-8)
    first, second = (first - mean) / deviation, (second - mean) / deviation
    due = amounts[:, None].expand(n, half).flatten()
    ridge = first.T @ first + 0.1 * len(first) * torch.eye(first.shape[1])
    return (second @ torch.linalg.solve(ridge, first.T @ due)).unflatten(0, (n, -1))


def r_squared(read, amounts):
    due = amounts[:, None].expand_as(read)
    return 1 - (read - due).square().sum() / due.square().sum()


# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
task = EXPERIMENTS["rcn-mnist"]
untrained = task.build(task.profile("quick"), (1, 28, 28), 10).eval().requires_grad_(False)
networks = {"RCN": network, "VAE": vae, "untrained RCN": untrained}
readings, table = {}, []
for kind, steps in amounts.items():
    digits_moved = [moved(kind, amount) for amount in steps]
    pixels = torch.stack([each.flatten(1) for each in digits_moved])
    found = {"pixels": pixels}
    for name, each in networks.items():
        codes = [codes_of(each, images) for images in digits_moved]
        for what in ("capsules", "latents") if name != "VAE" else ("latents",):
            found[f"{name}, {what}"] = torch.stack([code[what] for code in codes])
    read = {name: read_off(code, steps) for name, code in found.items()}
    scores = {name: r_squared(r, steps).item() for name, r in read.items()}
    table.append(f"{kind}: " + ", ".join(f"{name} {score:.2f}" for name, score in scores.items()))
    drawn_codes = ("RCN, capsules", "RCN, latents", "VAE, latents")
    readings[kind] = {name: (steps, read[name]) for name in drawn_codes}
listed(f"R² of a linear map, {line}" for line in table)

# %% tags=["nbval-ignore-output"]
show(
    followed_moves(readings),
    alt="What a linear map reads off RCN's class capsules, RCN's latents and a VAE's latents, over the "
    "amount by which digits were shifted (left) and turned (right). " + "; ".join(table) + ".",
)

# %% [markdown]
# Read it with three questions. Is RCN above the *untrained* RCN? What a fresh network passes on, training did not put there. Is it above the VAE, which has no capsules? And is it above the *pixels*, from which everything comes? (A shift is nearly linear in pixels: the centre of ink is.) Only the difference to all three would be to the capsules' credit. And remember what training asks for: MNIST's digits all stand in the middle, so nobody ever had to learn where one is.
#
# The paper's reason is another one: what is *drawn* should stand in the right place. That can be measured without any map. Shift the digit, let it be drawn, and compare the centres of ink.


# %% tags=["nbval-ignore-output"]
def centre(images):
    """The centre of ink along x, in pixels."""
    ink = images.flatten(0, 1).sum(dim=1)
    return ink @ torch.arange(28.0) / ink.sum(dim=1).clamp(min=1e-6)


shifted = torch.stack([moved("shift", amount) for amount in torch.arange(-3.0, 4)])
where = torch.stack([centre(each) for each in shifted])
for name, each in networks.items():
    noise = each.noise(count, torch.Generator().manual_seed(0))
    found = torch.stack([centre(each(some, noise).canvas.sigmoid()) for some in shifted])
    due, moves = where - where[3], found - found[3]
    slope = (due * moves).sum() / due.square().sum()
    print(f"{name}: when a digit moves by one pixel, its drawing moves by {slope:.2f}")

# %% [markdown]
# ### Overlapping digits, "considerably better than convolutional networks"
#
# The abstract's strongest claim has no experiment in the paper. Here is one: two digits on top of each other (chapter *CapsNet*), right only if both are found. The three differ in more than the capsules: RCN sees black-and-white pixels and the others grey ones, and the numbers of images shown are in the table.

# %% tags=["nbval-ignore-output"]
class_table(["rcn-multimnist", "capsnet-multimnist", "cnn-multimnist"], "small")

# %% tags=["nbval-ignore-output"]
listed(
    overlap_verdict("rcn-multimnist", f"{rival}-multimnist", "small")
    for rival in ("cnn", "capsnet")
)

# %% [markdown]
# ### "Computationally expensive due to minimising two losses"
#
# Is it the two losses? A training step, forward and backward, with everything of equal size but what is named, on this machine, in turn, and of each the fastest:


# %% tags=["nbval-ignore-output"]
def bound_step(network, **options):
    return lambda: Bound(**options)(network, batch).loss.backward()


def class_step(capsules):
    return lambda: margin_loss(capsule_length(capsules(images)), targets).backward()


wide = {"conv_channels": 16, "primary_types": 4}
subjects = {
    "DRAW, the bound": bound_step(attentive_draw()),
    "RCN, the bound alone": bound_step(Rcn(**wide), margin_weight=0),
    "RCN, both losses": bound_step(Rcn(**wide)),
    "RCN's image capsules, margin loss alone": class_step(Rcn(**wide).image_capsules),
}
fastest = dict.fromkeys(subjects, float("inf"))
for _ in range(1 if size == "smoke" else 3):
    for name, step in subjects.items():
        start = time.perf_counter()
        step()
        fastest[name] = min(fastest[name], time.perf_counter() - start)
unit = fastest["DRAW, the bound"]
for name, seconds in fastest.items():
    print(f"{name:40} {seconds / unit:5.2f} of DRAW's time")

# %% [markdown]
# The margin loss is a few thousand sums on numbers that are there anyway. What costs is what both losses are computed *of*: a capsule network at every one of ten steps, and an LSTM that waits for the one before. In the records, at the width of `small`:

# %% tags=["nbval-ignore-output"]
listed([price("rcn-mnist", "draw-mnist", "small"), price("rcn-mnist-gru", "rcn-mnist", "small")])

# %% [markdown]
# ## Exercises
#
# Write the functions, then run the cell. The answer comes at once, with new random numbers each time. A stub is allowed to stay a stub.
#
# **1.** The price of the latents: the divergence of $N(\mu,\sigma)$ from $N(0,1)$ in nats, from `mean` and `log_deviation`, `[b, t, z]` each. One number for each image: sum over steps and over the numbers of a step.
#
# <details><summary>Hint</summary>
#
# It is a sum over all numbers of a formula with $\mu^2$, $\sigma^2$, a constant and $\log\sigma$. What must the price be for $\mu=0$ and $\sigma=1$? That fixes the constant, and it is paid once per number.
#
# </details>


# %%
def my_kl(mean, log_deviation):
    return ...  # [b]


solved = check("12.kl", my_kl)

# %% [markdown]
# **2.** Latents from noise, so that a gradient can pass: `mean`, `log_deviation` and standard normal `noise`, all `[b, z]`.
#
# <details><summary>Hint</summary>
#
# Stretch the noise and move it. You are given $\log\sigma$. Leave everything in the graph.
#
# </details>


# %%
def my_latents(mean, log_deviation, noise):
    return ...  # [b, z]


solved = check("12.latents", my_latents)

# %% [markdown]
# **3.** The filters of a grid along one axis: `centre`, `stride` and `variance` are numbers, pixel 0 has its middle at 0, and there are `cells` filters over `size` pixels. Each row sums to 1, even for a filter that has left the image.
#
# <details><summary>Hint</summary>
#
# The grid's middle is the centre: with four filters, they stand at −1.5, −0.5, 0.5 and 1.5 strides from it. A row of exponentials divided by its sum has a name, and that function does not underflow.
#
# </details>


# %%
def my_filters(centre, stride, variance, cells, size):
    return ...  # [cells, size]


solved = check("12.filters", my_filters)

# %% [markdown]
# **4.** A step of painting: the canvas `[h, w]` after a patch `[n, n]` was painted through the filters $F_X$ `[n, w]` and $F_Y$ `[n, h]` with strength `intensity`.
#
# <details><summary>Hint</summary>
#
# Write down the three shapes and put the matrices in the only order in which `[n, n]` can become `[h, w]`. Reading and writing should undo each other's strength.
#
# </details>


# %%
def my_canvas(canvas, patch, filters_x, filters_y, intensity):
    return ...  # [h, w]


solved = check("12.canvas", my_canvas)

# %% [markdown]
# **5.** The importance-weighted estimate of $\log p(x)$ from the logarithms of the weights, `[b, k]`. They are numbers like −90: their exponentials are 0 in float32 all too soon.
#
# <details><summary>Hint</summary>
#
# The *mean* of the weights is wanted, and then its logarithm. `torch.logsumexp` has the sum. What does dividing by $k$ become in logarithms?
#
# </details>


# %%
def my_estimate(log_weights):
    return ...  # [b]


solved = check("12.estimate", my_estimate)

# %% [markdown]
# **6.** (No check, an evening.) The paper's further work: "Gated Recurrent Units may be used instead of LSTM". It is one argument, `Rcn(cell="gru")`, and an experiment, `rcn-mnist-gru`. Count the parameters first: what is saved, as a share of all? Then train both in the profile `quick` with three seeds each by `capsedu.runs.train`, and say beforehand which difference in the bound would convince you.
#
# <details><summary>Hint</summary>
#
# An LSTM has four gates' worth of weights, a GRU three. That is a quarter of the recurrent networks: what share of all parameters do these have?
#
# </details>
#
# Solved, or stuck? The [worked solutions](../book/solutions/12_rcn.md) have a page of their own (in Colab, read them [on GitHub](https://github.com/capsedu/capsedu/blob/main/book/solutions/12_rcn.md)).
#
# ## What the paper got wrong, or left open
#
# **The square below.** The paper prints $v = \frac{\lVert s\rVert^2}{1+\lVert s\rVert^2}\,\frac{s}{\lVert s\rVert^2}$. CapsNet's squash divides by $\lVert s\rVert$, not by its square. As printed, the length is $n/(1+n^2)$ for an input of length $n$:

# %%
n = torch.tensor([0.1, 0.5, 1.0, 2.0, 10.0, 100.0])
s = n[:, None] * F.normalize(torch.randn(6, 16), dim=1)
misprint = (n**2 / (1 + n**2))[:, None] * s / (n**2)[:, None]
for name, row in {
    "input": n,
    "squash": squash(s).norm(dim=1),
    "printed": misprint.norm(dim=1),
}.items():
    print(f"{name:8}", "  ".join(f"{value:7.3f}" for value in row))
assert_close(misprint.norm(dim=1), n / (1 + n**2))
best = torch.tensor([[0.5] + [0.0] * 9])  # no capsule can be longer than ½
print(
    f"least margin loss of a right answer: {margin_loss(best, torch.tensor([0])):.2f} instead of 0"
)

# %% [markdown]
# No capsule can be longer than ½, where $m^+ = 0.9$ is wanted; and beyond $n=1$ a *larger* input makes a *shorter* capsule: what is surely there would be called absent.
#
# **A total without the margin loss.** See *Two losses*: as printed, $L = \langle L^x + L^z\rangle_{z\sim Q}$ does not contain a label, so "a test error of 3.12 %" could not have come from it: which capsule stands for which digit would be left to chance. Section 8 speaks of "minimising two losses". With which weight, it does not say.
#
# **"The Cifar-10 dataset consists of handwritten digits."** It has ten classes of photographs, of things and animals. The sentence is MNIST's, and so are the next ones, kernel for kernel.

# %%
print(", ".join(CIFAR10.classes))
thing = torch.rand(2, 3, 32, 32)  # of the size and the channels of its images
colour = Rcn((3, 32, 32), conv_channels=16, primary_types=4, steps=2)
print(
    "RCN on 3x32x32:", list(colour(thing).canvas.shape), f"{parameter_count(colour):,} parameters"
)

# %% [markdown]
# One thing does change with colours: $L^x$, the cost of pixels that are black or white, has no meaning as a probability for a pixel with 256 levels. Our record of photographs reports it as a loss, and makes no claim of likelihood; the paper does not mention it.
#
# **"Capsules that lie between 0 and 1."** "We need the output *vector* to lie between 0 and 1." Its *length* does. Components of a pose are negative half of the time, and should be.

# %%
print(
    f"negative components of squashed vectors: {(squash(torch.randn(1000, 16)) < 0).float().mean():.0%}"
)

# %% [markdown]
# **"$Q(Z\mid h^{enc})$ can be calculated using prior latent distribution."** $Q$ is what the encoder says, from its own state; the prior is what it is compared with, and knows nothing of the image. If $Q$ were the prior, $L^z$ would be 0 and the latents would say nothing.
#
# **"L2 norm […] is quite small as expected"**, beside "images which are not present in the real data". See above: the two pull in opposite directions, and L2 to the nearest image measures neither realism nor novelty.
#
# **"All these architectures fail to learn object location and pose"**, said of GANs, VAEs and DRAW, without a measurement. Above is one.
#
# ## References
#
# - S. Sastry. *Recurrent Capsule Network for Image Generation*. Manuscript, DA-IICT, Gandhinagar.
# - K. Gregor, I. Danihelka, A. Graves, D. J. Rezende, D. Wierstra. *DRAW: A Recurrent Neural Network For Image Generation*. 2015. [arXiv:1502.04623](https://arxiv.org/abs/1502.04623).
# - D. P. Kingma, M. Welling. *Auto-Encoding Variational Bayes*. 2013. [arXiv:1312.6114](https://arxiv.org/abs/1312.6114).
# - Y. Burda, R. Grosse, R. Salakhutdinov. *Importance Weighted Autoencoders*. 2016. [arXiv:1509.00519](https://arxiv.org/abs/1509.00519).
# - S. Sabour, N. Frosst, G. E. Hinton. *Dynamic Routing Between Capsules*. 2017. [arXiv:1710.09829](https://arxiv.org/abs/1710.09829).
# - S. Hochreiter, J. Schmidhuber. *Long Short-Term Memory*. 1997. [doi:10.1162/neco.1997.9.8.1735](https://doi.org/10.1162/neco.1997.9.8.1735).
# - K. Cho et al. *Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation*. 2014. [arXiv:1406.1078](https://arxiv.org/abs/1406.1078). The GRU.
# - R. Salakhutdinov, I. Murray. *On the Quantitative Analysis of Deep Belief Networks*. 2008. [doi:10.1145/1390156.1390266](https://doi.org/10.1145/1390156.1390266). Digits in black and white.
# - S. R. Bowman et al. *Generating Sentences from a Continuous Space*. 2016. [arXiv:1511.06349](https://arxiv.org/abs/1511.06349). Latents that give up, and how to keep them from it.
