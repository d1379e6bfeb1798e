"""The checks of assignment 5, train a GAN."""

import math
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    in_case,
    is_close,
    whole,
)
from capsedu.classroom.patients import CONDITIONS, made_up_history

LEARNING_RATE = 0.3


@exercise("a5.score_loss")
def score_loss(attempt: Attempt, random: Generator) -> None:
    """Cross-entropy of scores with labels, each with its own."""
    scores, labels = 3 * torch.randn(6, 1, generator=random), torch.rand(6, generator=random)
    scores[:2, 0], labels[:2] = torch.tensor([3.0, -2.0]), torch.tensor([0.0, 1.0])
    wanted = F.binary_cross_entropy_with_logits(scores[:, 0], labels)
    for given in (scores, scores[:, 0]):
        found = expect_tensor(attempt(given, labels), [], "")
        if not is_close(found, wanted):
            for mistake, sentence in [
                ((F.softplus(scores) - labels * scores).mean(), "scores [b, 1] against labels [b] "
                 "make [b, b]: every score meets every label"),
                (6 * wanted, "summed over the batch; the mean is wanted"),
                (-wanted, "the sign: a loss is something to make small"),
                (F.binary_cross_entropy_with_logits(scores[:, 0], 1 - labels), "the labels "
                 "have changed places: 1 is real"),
                (F.binary_cross_entropy_with_logits(scores[:, 0].sigmoid(), labels), "two "
                 "sigmoids: what takes scores has one inside"),
            ]:  # fmt: skip
                if is_close(found, mistake):
                    raise Finding(sentence)
        expect_close(found, wanted)
    large = torch.full((3, 1), -1000.0, requires_grad=True)
    found = attempt(large, torch.ones(3))
    if not is_close(found, torch.tensor(1000.0)):
        raise Finding(f"right, except that scores of -1000 with label 1 give {found:g}, not 1000")
    (slope,) = torch.autograd.grad(found, large)
    if not is_close(slope, torch.full((3, 1), -1 / 3)):
        raise Finding("right, except that the slope is lost at scores of -1000")


@exercise("a5.two_score_losses")
def two_score_losses(attempt: Attempt, random: Generator) -> None:
    """Both networks' cross-entropies from two scores."""
    real, made = torch.randn(5, 2, generator=random), torch.randn(7, 2, generator=random)
    real[:, 0] += 2
    judge, maker = _two("the two losses", attempt(real, made))
    logs = [x.log_softmax(dim=1) for x in (real, made)]
    twice = [x.softmax(dim=1).log_softmax(dim=1) for x in (real, made)]
    _compare(
        "the discriminator's",
        judge,
        -logs[0][:, 0].mean() - logs[1][:, 1].mean(),
        {
            "a softmax stands before cross_entropy, which has one of its own": (
                -twice[0][:, 0].mean() - twice[1][:, 1].mean()
            ),
            "class 0 is real and class 1 is made": -logs[0][:, 1].mean() - logs[1][:, 0].mean(),
            "this is half of it: the mean over real images plus the mean over made ones": (
                (-logs[0][:, 0].mean() - logs[1][:, 1].mean()) / 2
            ),
            "one mean over all images; each kind has a mean of its own, and these are added": (
                -torch.cat([logs[0][:, 0], logs[1][:, 1]]).mean()
            ),
        },
    )
    _compare(
        "the generator's",
        maker,
        -logs[1][:, 0].mean(),
        {
            "this one saturates: minus the discriminator's; the flipped one is wanted": (
                logs[1][:, 1].mean()
            ),
            "this teaches the generator to be found out": -logs[1][:, 1].mean(),
            "a softmax stands before cross_entropy, which has one of its own": (
                -twice[1][:, 0].mean()
            ),
        },
    )


@exercise("a5.discriminator_step")
def discriminator_step(attempt: Attempt, random: Generator) -> None:
    """One step of the discriminator, and of nothing else."""
    generator, discriminator, real, noise = _two_players(random)
    twin, optimizer = deepcopy(discriminator), _descent(discriminator)
    for weight in discriminator.parameters():
        weight.grad = torch.ones_like(weight)  # left behind by an earlier step
    made = generator(noise).detach()
    loss = F.softplus(-twin(real)).mean() + F.softplus(twin(made)).mean()
    stands, without = _after_step(twin, loss), [w.clone() for w in generator.parameters()]
    found = _expect_loss(attempt(generator, discriminator, optimizer, real, noise))
    together = F.softplus(-twin(torch.cat([real, made]))[: len(real)]).mean()
    together += F.softplus(twin(torch.cat([real, made]))[len(real) :]).mean()
    if math.isclose(found, together.item(), rel_tol=1e-4):
        raise Finding("real and made points are judged in one batch: normalisation mixes them")
    expect_number(found, loss.item())
    if any(w.grad is not None and w.grad.any() for w in generator.parameters()):
        raise Finding("right, except that gradients run on into the generator")
    if not all(map(torch.equal, generator.parameters(), without)):
        raise Finding("the generator's weights are changed")
    _expect_weights(discriminator, stands, twin)


@exercise("a5.generator_step")
def generator_step(attempt: Attempt, random: Generator) -> None:
    """One step of the generator, and of nothing else."""
    generator, discriminator, _, noise = _two_players(random)
    twin, optimizer = deepcopy(generator), _descent(generator)
    for weight in generator.parameters():
        weight.grad = torch.ones_like(weight)
    before = [w.clone() for w in discriminator.parameters()]
    scores = discriminator(twin(noise))
    loss = F.softplus(-scores).mean()
    stands = _after_step(twin, loss)
    found = _expect_loss(attempt(generator, discriminator, optimizer, noise))
    if math.isclose(found, -F.softplus(scores).mean().item(), rel_tol=1e-4):
        raise Finding("this loss saturates; NonSaturating().generator_loss is the other one")
    expect_number(found, loss.item())
    if not all(map(torch.equal, discriminator.parameters(), before)):
        raise Finding("the discriminator's weights are changed")
    if not all(w.requires_grad for w in discriminator.parameters()):
        raise Finding("after the step the discriminator cannot learn any more")
    if all(map(torch.equal, generator.parameters(), twin.parameters())):
        raise Finding("the generator does not move: no gradient arrives in it")
    _expect_weights(generator, stands, twin)


@exercise("a5.one_round")
def one_round(attempt: Attempt, random: Generator) -> None:
    """Who moves when, with which noise."""
    n = whole(2, 5, random)
    batches = [torch.randn(4, 2, generator=random) for _ in range(n)]
    moves, noises = [], []

    def note(who: str, loss: float, noise: Tensor) -> float:
        moves.append(who)
        noises.append(noise.clone())
        return loss

    found = _two(
        "the two losses",
        attempt(
            lambda real, noise: note("D", float(len(moves)), noise),
            lambda noise: note("G", 7.5, noise),
            batches,
            lambda n: torch.randn(n, 3, generator=random),
        ),
    )
    if "".join(moves) != "D" * n + "G":
        raise Finding(f"for {n} batches the moves were {''.join(moves)}, not {'D' * n}G")
    if any(torch.equal(a, b) for k, a in enumerate(noises) for b in noises[:k]):
        raise Finding("a noise is used twice; every step draws its own")
    if any(noise.shape != (4, 3) for noise in noises):
        raise Finding("each noise should be for as many points as a batch has")
    if math.isclose(float(found[0]), n * (n - 1) / 2):
        raise Finding("the discriminator's losses are added; their mean is wanted")
    for value, wanted in zip(found, ((n - 1) / 2, 7.5), strict=True):
        expect_number(value, wanted)


@exercise("a5.painting_block")
def painting_block(attempt: Attempt, random: Generator) -> None:
    """Doubled, normalised as it was meant, and cut off at 0."""
    keep = 0.6 + 0.3 * torch.rand((), generator=random).item()
    block = attempt(3, 5, keep)
    if not isinstance(block, nn.Module):
        raise Finding(f"a torch module is wanted, not {type(block).__name__}")
    out = expect_tensor(block(torch.randn(2, 3, 4, 7, generator=random)), [2, 5, 8, 14], "b c h w")
    if out.min() < 0:
        raise Finding("there are numbers below 0: the ReLU stands at the end")
    norms = [part for part in block.modules() if isinstance(part, nn.BatchNorm2d)]
    if len(norms) != 1:
        raise Finding(f"one nn.BatchNorm2d is wanted; there are {len(norms)}")
    if norms[0].eps > 0.01:
        raise Finding(f"eps is {norms[0].eps:g}: what varies little is not normalised any more")
    momentum = norms[0].momentum
    if momentum is not None and math.isclose(momentum, keep, rel_tol=1e-4):
        raise Finding("PyTorch's momentum is the share of the new batch, not of what is kept")
    if momentum is None or not math.isclose(momentum, 1 - keep, rel_tol=1e-4):
        raise Finding(f"of the running mean {keep:.2f} should stay with each batch")
    count = sum(weight.numel() for weight in block.parameters())
    if count == 255:
        raise Finding("the convolution has a bias, which batch normalisation takes away at once")
    if count != 250:
        raise Finding(f"the block has {count} parameters; from 3 to 5 channels 250 are wanted")


@exercise("a5.diagnose")
def diagnose(attempt: Attempt, random: Generator) -> None:
    """Fresh patients, some with each condition."""
    why = {
        "healthy": "remember how every training begins, and that single rows have peaks",
        "collapsed": "its losses look fine; another column tells, and not by its last row alone",
        "overpowered": "it is right about everything, and its loss is next to 0",
        "diverged": "its losses are huge at last, or NaN, which no comparison notices",
    }
    for condition in CONDITIONS:
        for _ in range(6):
            seed = whole(0, 10**6, random)
            word = attempt(made_up_history(condition, seed))
            if word not in CONDITIONS:
                raise Finding(f"the answer is {word!r}; it should be one of {list(CONDITIONS)}")
            if word != condition:
                raise Finding(f"a training that is {condition} is called {word}: {why[condition]}")


@exercise("a5.coverage")
def coverage(attempt: Attempt, random: Generator) -> None:
    """Good samples, and the blobs that have enough of them."""
    centres = 5 * torch.eye(4, 2).cumsum(dim=0) + torch.arange(4.0)[:, None]
    near = [
        centre + 0.02 * torch.randn(n, 2, generator=random)
        for centre, n in zip(centres, (9, 6, 2, 0), strict=True)
    ]
    far = centres[3] + torch.tensor([0.0, 0.8]) + 0.02 * torch.randn(8, 2, generator=random)
    modes, good = _two(
        "the two results", attempt(torch.cat([*near, far]), centres, torch.tensor(0.1).item(), 3)
    )
    modes, good = float(modes), float(good)
    for mistake, sentence in [
        (3, "samples that are far from every centre count for the nearest one; only good ones may"),
        (4, "a blob needs `least` good samples"),
    ]:
        if modes == mistake:
            raise Finding(sentence)
    if modes != 2:
        raise Finding(f"9, 6, 2 and 0 good samples, 3 are needed: 2 blobs, not {modes:g}")
    if math.isclose(good, 15 / 25, rel_tol=1e-4):
        raise Finding("good samples of uncovered blobs are good as well")
    if math.isclose(good, 17):
        raise Finding("the second result is a share, not a count")
    expect_number(good, 17 / 25)
    expect_number(_two("the two results", attempt(far - 0.55, centres, 0.1, 1))[1], 0.0)


@exercise("a5.frechet_distance")
def frechet_distance(attempt: Attempt, random: Generator) -> None:
    """Clouds that are stretched in different directions."""
    first, second = (
        torch.randn(n, 4, generator=random).double() @ torch.randn(4, 4, generator=random).double()
        + shift
        for n, shift in ((40, 0), (60, 1))
    )
    one, two = first.T.cov(), second.T.cov()
    between = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    traces = one.trace() + two.trace()
    half = [_root(matrix) for matrix in (one, two)]
    inner = torch.linalg.eigvals(one @ two).real.clamp(min=0).sqrt().sum()
    wanted = (between + traces - 2 * inner).item()
    found = attempt(first, second)
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    for mistake, sentence in [
        (traces - 2 * inner, "the distance of the means is missing"),
        (between.sqrt() + traces - 2 * inner, "the distance of the means is squared"),
        (between + traces - inner, "the last term counts twice"),
        (between + traces - 2 * (half[0] @ half[1]).trace(), "the roots of both matrices are "
         "multiplied: right only if both are stretched along the same axes"),
        (between + traces - 2 * (one @ two).abs().sqrt().trace(), "a root of each entry is not the "
         "root of the matrix"),
        (between + traces - 2 * (one.abs().sqrt() @ two.abs().sqrt()).trace(), "a root of each "
         "entry is not the root of the matrix"),
    ]:  # fmt: skip
        plain = isinstance(found, int | float)
        if plain and math.isclose(found, mistake.item(), rel_tol=1e-5) and found != wanted:
            raise Finding(sentence)
    expect_number(found, wanted)
    for _ in range(5):
        plane = torch.linalg.qr(torch.randn(6, 6, generator=random)).Q[:2]
        flat = torch.randn(40, 2, generator=random) @ plane
        found = attempt(flat, flat + 1)
        if math.isnan(float(found)):
            raise Finding("right, except that a flat cloud gives NaN: an eigenvalue just below 0")
        expect_number(found, 6.0, tolerance=1e-2)


@exercise("a5.gradient_penalty")
def gradient_penalty(attempt: Attempt, random: Generator) -> None:
    """Between each pair of images, through a critic that is to learn from it."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 1))
    for weight in critic.parameters():
        nn.init.normal_(weight, generator=random)
    real, made = torch.randn(2, 5, 2, 2, 2, generator=random)
    shares = torch.linspace(0.1, 0.9, 5)[torch.randperm(5, generator=random)]
    lengths = {}
    for name, share in {"pairs": shares, "one": shares[:1], "turned": 1 - shares}.items():
        x = torch.lerp(real, made, share.view(-1, 1, 1, 1)).requires_grad_()
        (slopes,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        lengths[name] = slopes.flatten(1).norm(dim=1)
    length = lengths["pairs"]
    wanted = (length - 1).square().mean()
    found = attempt(critic, real, made, shares)
    _compare(
        "the penalty",
        found,
        wanted,
        {
            "all pairs have the same share": (lengths["one"] - 1).square().mean(),
            "the share counts from the real image to the made one": (
                (lengths["turned"] - 1).square().mean()
            ),
            "one length for the whole batch; each image has a gradient of its own": (
                (length.square().sum().sqrt() - 1).square()
            ),
            "the gradient is that of the mean score, five times too small": (
                (length / 5 - 1).square().mean()
            ),
            "that is the squared length": (length.square() - 1).square().mean(),
        },
    )
    if not found.requires_grad:
        raise Finding("right, except that nothing can be learnt from it: create_graph is missing")
    weights = [critic[1].weight, critic[3].weight]
    pairs = zip(*(torch.autograd.grad(x, weights) for x in (found, wanted)), strict=True)
    if not all(is_close(one, other) for one, other in pairs):
        raise Finding("right, except that a part of the critic's gradient is lost")


def _two_players(random: Generator) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """Networks that tell real from made a little, with normalisation in the discriminator."""
    generator = nn.Linear(3, 2)
    discriminator = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
    for weight in (*generator.parameters(), *discriminator.parameters()):
        nn.init.uniform_(weight, 0.3, 1.0, generator=random)
    return (
        generator,
        discriminator,
        3 + torch.randn(8, 2, generator=random),
        torch.randn(8, 3, generator=random),
    )


def _descent(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)


def _after_step(network: nn.Module, loss: Tensor) -> list[Tensor]:
    """Where one step of plain descent leads."""
    weights = list(network.parameters())
    slopes = torch.autograd.grad(loss, weights)
    return [w.detach() - LEARNING_RATE * s for w, s in zip(weights, slopes, strict=True)]


def _expect_weights(network: nn.Module, stands: list[Tensor], start: nn.Module) -> None:
    unclean = [
        right - LEARNING_RATE
        for right in stands  # with the ones that had been left behind
    ]
    for found, right, wrong, before in zip(
        network.parameters(), stands, unclean, start.parameters(), strict=True
    ):
        if is_close(found, wrong):
            raise Finding("gradients of an earlier step are still there when this one begins")
        if torch.equal(found, before) and not is_close(found, right):
            raise Finding("the weights stay where they were")
        if not is_close(found, right):
            raise Finding("the weights are not where one step of this loss leads")


def _expect_loss(found: object) -> float:
    if isinstance(found, Tensor):
        raise Finding("the loss is returned as a tensor; a float does not keep the graph alive")
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Finding(f"the loss should be returned as a float, not {type(found).__name__}")
    return found


def _two(what: str, found: object) -> tuple:
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Finding(f"two things are wanted: {what}")
    return tuple(found)


def _compare(name: str, found: object, wanted: Tensor, mistakes: dict[str, Tensor]) -> None:
    """Name a known mistake, or the difference."""
    with in_case(name):
        found = expect_tensor(found, [], "")
        if not is_close(found, wanted):
            for sentence, mistake in mistakes.items():
                if is_close(found, mistake):
                    raise Finding(sentence)
        expect_close(found, wanted)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
