"""The checks of assignment 6, build a capsule discriminator."""

import math
from collections.abc import Callable

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
from capsedu.functional import capsule_length, margin_loss, squash
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps


@exercise("a6.cut")
def cut(attempt: Attempt, random: Generator) -> None:
    """Capsules of channels, in the book's order."""
    types, h, w = whole(2, 5, random), whole(2, 4, random), whole(5, 6, random)
    features = torch.randn(2, 8 * types, h, w, generator=random)
    right = features.unflatten(1, (8, types)).flatten(2).mT
    found = expect_tensor(attempt(features, 8), list(right.shape), "b i e")
    other = features.unflatten(1, (types, 8)).transpose(2, 3).flatten(3).flatten(1, 2)
    for mistake, sentence in [
        (features.reshape(2, -1, 8), "a capsule holds eight places of one channel; it is to hold "
         "eight channels at one place"),
        (squash(right), "not squashed yet"),
        (features.unflatten(1, (types, 8)).permute(0, 1, 3, 4, 2).flatten(1, 3), "channel e·T + t "
         "is component e of type t; here it is the other way round"),
        (features.unflatten(1, (8, types)).permute(0, 3, 4, 2, 1).flatten(1, 3), "right inside, "
         "but the capsules stand in the order type, row, column"),
        (other.reshape(right.shape), "the axes are mixed by a reshape; move them first"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, right)


@exercise("a6.count_parameters")
def count_parameters(attempt: Attempt, random: Generator) -> None:
    """By hand what PyTorch counts."""
    size, kernel = 2 * whole(16, 22, random), whole(4, 8, random)
    channels, types, dim, parents = (whole(2, 9, random) for _ in range(4))
    with torch.device("meta"):
        layers = nn.Conv2d(1, channels, kernel, 2), nn.Conv2d(channels, dim * types, kernel, 2)
        grid = layers[1](layers[0](torch.empty(1, 1, size, size))).shape[2]
    wanted = [sum(p.numel() for p in layer.parameters()) for layer in layers]
    wanted.append(types * grid**2 * parents * dim * 16)
    found = attempt(size, channels, kernel, types, dim, parents, 16)
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Finding("three whole numbers are wanted: two convolutions and the votes")
    names = ("first convolution", "second convolution", "votes")
    biases = (channels, dim * types, types * grid**2 * parents * 16)
    for name, one, number, bias in zip(names, found, wanted, biases, strict=True):
        case = f"size {size}, kernel {kernel}, {channels} channels, {types} types, the {name}"
        if name == "votes" and one == number + bias:
            raise Finding(f"{case}: the votes have no bias")
        if name != "votes" and one == number - bias:
            raise Finding(f"{case}: the bias is missing")
        if name == "votes" and one == types * parents * dim * 16:
            raise Finding(f"{case}: children at different places do not share their matrices")
        with in_case(case):
            expect_number(one, number, tolerance=0.0)


@exercise("a6.routing_effect")
def routing_effect(attempt: Attempt, random: Generator) -> None:
    """How far iterating moves the parents."""
    for parents in (1, 3):
        votes = 0.8 * torch.randn(5, 12, parents, 4, generator=random)
        moved = dynamic_routing(votes, 3) - dynamic_routing(votes, 1)
        found = expect_tensor(attempt(votes, 3), [5], "b")
        wanted = moved.norm(dim=2).amax(dim=1)
        for mistake, sentence in [
            (moved.norm(dim=2).mean(dim=1), "the mean over the parents; the largest is wanted"),
            (moved.flatten(1).norm(dim=1), "one distance for all parents; each has its own"),
            (moved.abs().amax(dim=(1, 2)), "the largest component; the distance is a length"),
        ]:
            if is_close(found, mistake) and not is_close(found, wanted):
                raise Finding(sentence)
        expect_close(found, wanted)


@exercise("a6.route_or_none")
def route_or_none(attempt: Attempt, random: Generator) -> None:
    """Routing to one capsule, or to none of them."""
    votes = torch.randn(3, 9, 4, generator=random)
    for iterations in (1, 3):
        pose, couplings = _pair("the capsule and the couplings", attempt(votes, iterations))
        couplings = _named("the couplings", couplings, [3, 9], "b i")
        if (couplings == 1).all():
            raise Finding("every coupling is 1: a child has nowhere else to go")
        if is_close(couplings.sum(dim=1), torch.ones(3)):
            raise Finding("the couplings sum to 1 over the children; each child decides for itself")
        both = torch.stack([votes, torch.zeros_like(votes)], dim=2)
        *_, last = dynamic_routing_steps(both, iterations)
        *_, late = dynamic_routing_steps(both, iterations + 1)
        if is_close(couplings, late.couplings[:, :, 0]):
            raise Finding("these couplings are those of one iteration more")
        if iterations > 1:
            _by_itself(attempt, votes, couplings)
        _named("the capsule", pose, [3, 4], "b d")
        _told("the couplings", couplings, last.couplings[:, :, 0])
        if is_close(pose, last.totals[:, 0]):
            raise Finding("the capsule is not squashed")
        _told("the capsule", pose, last.poses[:, 0])


def _by_itself(attempt: Attempt, votes: Tensor, together: Tensor) -> None:
    alone = torch.cat([attempt(vote, 3)[1] for vote in votes.split(1)])
    if not is_close(alone, together):
        raise Finding("an image has other couplings alone than in a batch: logits are shared")


@exercise("a6.softmax_ceiling")
def softmax_ceiling(attempt: Attempt, random: Generator) -> None:
    """What a softmax over lengths can reach."""
    for classes in (2, whole(3, 8, random), whole(10, 14, random)):
        _reaches(attempt, classes)


def _reaches(attempt: Attempt, classes: int) -> None:
    entries = torch.eye(1, classes, dtype=torch.float64).softmax(dim=1)
    found = _pair("the largest entry and the loss", attempt(classes))
    largest = entries[0, 0].item()
    if isinstance(found[0], float | int):
        if math.isclose(found[0], math.e / (math.e + classes), rel_tol=1e-6):
            raise Finding(f"with {classes} capsules, there are {classes - 1} others")
        if found[0] == 1:
            raise Finding("a softmax only reaches 1 for scores without end; lengths end at 1")
    expect_number(found[0], largest, tolerance=1e-5)
    loss = margin_loss(entries, torch.tensor([0])).item()
    for mistake, sentence in [
        ((0.9 - largest) ** 2 + 0.5 * (classes - 1) * (entries[0, 1].item() - 0.1) ** 2,
         "an entry below 0.1 costs nothing: a maximum with 0 is missing"),
        ((0.9 - largest) ** 2 + (classes - 1) * max(0, entries[0, 1].item() - 0.1) ** 2,
         "the factor 0.5 is missing"),
        (0.9 - largest, "the square is missing"),
    ]:  # fmt: skip
        other = not math.isclose(mistake, loss, rel_tol=1e-4)
        if other and math.isclose(float(found[1]), mistake, rel_tol=1e-6):
            raise Finding(f"the loss: {sentence}")
    expect_number(found[1], loss, tolerance=1e-5)


@exercise("a6.length_loss")
def length_loss(attempt: Attempt, random: Generator) -> None:
    """Cross-entropy of a length, from what is squashed."""
    totals = torch.randn(6, 8, generator=random) * torch.rand(6, 1, generator=random)
    lengths, n = capsule_length(squash(totals)), totals.norm(dim=1)
    for label in (1, 0):
        wanted = -(lengths if label else 1 - lengths).log().mean()
        other = -(1 - lengths if label else lengths).log().mean()
        sign = -1 if label else 1
        found = expect_tensor(attempt(totals, label), [], "")
        for mistake, sentence in [
            (other, "the labels have changed places: 1 is real, which should be long"),
            (-wanted, "the sign: a loss is something to make small"),
            (6 * wanted, "summed over the batch; the mean is wanted"),
            (F.softplus(sign * n.log()).mean(), "squash squares the length: a factor 2 is missing"),
            (F.softplus(sign * lengths).mean(), "the length is taken for a score; it is a "
             "probability already"),
        ]:  # fmt: skip
            if is_close(found, mistake) and not is_close(found, wanted):
                raise Finding(f"label {label}: {sentence}")
        _told(f"label {label}", found, wanted)
    large = torch.full((2, 4), 5e3, requires_grad=True)
    found = attempt(large, 0)
    if not is_close(found, torch.tensor(2 * math.log(1e4))):
        raise Finding(f"right, except for a total input of length 10,000, label 0: {found:g}")
    if not torch.autograd.grad(found, large)[0].all():
        raise Finding("right, except that the slope is lost for a total input of length 10,000")
    nothing = torch.zeros(2, 4, requires_grad=True)
    found = attempt(nothing, 1)
    if not found.isfinite() or not torch.autograd.grad(found, nothing)[0].isfinite().all():
        raise Finding("right, except that a total input of 0 makes the loss or its slope no number")


@exercise("a6.margin_losses")
def margin_losses(attempt: Attempt, random: Generator) -> None:
    """Both players' margin losses, for two capsules."""
    real, made = torch.rand(6, 2, generator=random), torch.rand(8, 2, generator=random)
    real[:2] = torch.tensor([[0.96, 0.04], [0.3, 0.7]])
    made[:2] = torch.tensor([[0.05, 0.97], [0.8, 0.2]])
    judge, maker = _pair("the two losses", attempt(real, made))

    def loss(lengths: Tensor, present: int, inside: int = 1, power: int = 2) -> Tensor:
        missing = F.relu(0.9 - lengths[:, present].pow(inside)).pow(power if inside == 1 else 1)
        excess = F.relu(lengths[:, 1 - present] - 0.1).pow(power)
        return (missing + 0.5 * excess).mean()

    shares = {"made": loss(made, 1), "taken for real": loss(made, 0)}
    _among(
        "the discriminator's",
        judge,
        loss(real, 0) + shares["made"],
        {
            "the first square sits inside the maximum": loss(real, 0, 2) + loss(made, 1, 2),
            "the squares are missing": loss(real, 0, power=1) + loss(made, 1, power=1),
            "the columns have changed places": loss(real, 1) + shares["taken for real"],
            "made images are told that they are real": loss(real, 0) + shares["taken for real"],
            "half of it: two means are added, not averaged": (loss(real, 0) + shares["made"]) / 2,
        },
    )
    _among(
        "the generator's",
        maker,
        shares["taken for real"],
        {
            "this is minus the discriminator's, which is not what it wants": -shares["made"],
            "this rewards images for being found out": shares["made"],
            "the capsule “made” should be short, too": (F.relu(0.9 - made[:, 0]).square().mean()),
            "the square sits inside the maximum": loss(made, 0, 2),
            "the squares are missing": loss(made, 0, power=1),
        },
    )


@exercise("a6.capsule_judge")
def capsule_judge(attempt: Attempt, random: Generator) -> None:
    """The module, against its own parts."""
    channels, types = whole(3, 6, random), whole(2, 4, random)
    judge = attempt(channels, types, 0.5)
    kinds = {"convolution": nn.Conv2d, "primary": nn.Conv2d, "weight": nn.Parameter}
    for name, kind in kinds.items():
        if not isinstance(getattr(judge, name, None), kind):
            raise Finding(f"self.{name} should be a {kind.__name__}")
    _named("the weight", judge.weight, [16 * types, 2, 8, 16], "i j e d")
    if not 0.4 < judge.weight.std().item() < 0.6:
        raise Finding(
            f"with deviation=0.5 the votes' weights vary by {judge.weight.std().item():.2f}"
        )
    with torch.no_grad():
        judge.weight.normal_(0.3, 1.0, generator=random)  # long votes: now routing matters
        images = 2 * torch.rand(3, 1, 28, 28, generator=random) - 1
        found = expect_tensor(Attempt(judge)(images), [3, 2], "b j")
        features = judge.primary(F.relu(judge.convolution(images)))
        bare = judge.primary(judge.convolution(images))
        if list(features.shape) != [3, 8 * types, 4, 4]:
            raise Finding(f"the second convolution makes {list(features.shape[1:])} of an image")

        def lengths(children: Tensor, iterations: int = 3) -> Tensor:
            votes = torch.einsum("bie,ijed->bijd", children, judge.weight)
            return dynamic_routing(votes, iterations).norm(dim=2)

        capsules = features.unflatten(1, (8, -1)).flatten(2).mT
        wanted = lengths(squash(capsules))
        for mistake, sentence in [
            (lengths(squash(features.reshape(3, -1, 8))), "the capsules are cut across places"),
            (lengths(capsules), "the primary capsules are not squashed"),
            (lengths(squash(bare.unflatten(1, (8, -1)).flatten(2).mT)), "the ReLU is missing"),
            (lengths(squash(capsules), 1), "one iteration only; self.iterations is 3"),
            (lengths(squash(F.relu(capsules))), "a ReLU cuts the poses: only the first "
             "convolution has one"),
            (wanted.softmax(dim=1), "a softmax over lengths; see 3a"),
        ]:  # fmt: skip
            if is_close(found, mistake) and not is_close(found, wanted):
                raise Finding(sentence)
        _told("the lengths", found, wanted)


@exercise("a6.pull")
def pull(attempt: Attempt, random: Generator) -> None:
    """The gradient at each image, and nothing left behind."""
    judge = nn.Sequential(nn.Flatten(), nn.Linear(8, 2), nn.Sigmoid())
    for weight in judge.parameters():
        nn.init.normal_(weight, generator=random)
    images = torch.randn(5, 2, 2, 2, generator=random)
    moving = images.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(_first(judge(moving)), moving)
    lengths = slopes.flatten(1).norm(dim=1)
    found = expect_tensor(attempt(judge, _first, images), [5], "b")
    for mistake, sentence in [
        (lengths, "the loss is a mean: each image has only a fifth of it here. An image's own pull "
         "does not depend on how many there are"),
        (5 * slopes.flatten(1).abs().sum(dim=1), "the length of a gradient is Euclid's"),
        (lengths.square() * 25, "that is the squared length"),
    ]:  # fmt: skip
        if is_close(found, mistake):
            raise Finding(sentence)
    expect_close(found, 5 * lengths)
    if any(weight.grad is not None for weight in judge.parameters()):
        raise Finding("right, except that gradients are left in the discriminator's weights")
    if not all(weight.requires_grad for weight in judge.parameters()):
        raise Finding("right, except that the discriminator cannot learn any more")


@exercise("a6.matched_width")
def matched_width(attempt: Attempt, random: Generator) -> None:
    """The nearest count, found quickly."""
    slope, bend = whole(2, 9, random), whole(1, 4, random)
    width = whole(3, 3000, random)
    asked = []

    def count(w: int) -> int:
        asked.append(w)
        if w < 1:
            raise ValueError(f"the count was asked for a width of {w}; widths begin at 1")
        if len(asked) > 300:
            raise ValueError("more than 300 counts: double first, then halve")
        return bend * w * w + slope * w

    step = count(width + 1) - count(width)
    cases = {count(width) + step // 5: width, count(width + 1) - step // 5: width + 1, 1: 1}
    for wanted, right in cases.items():
        asked.clear()
        found = attempt(wanted, count)
        if found == right:
            continue
        if found == width + 1:
            raise Finding("that is the first width with enough parameters; the one below is nearer")
        if found == width and right == width + 1:
            raise Finding("that is the last width with too few parameters; the one above is nearer")
        expect_number(found, right, tolerance=0.0)


def _first(lengths: Tensor) -> Tensor:
    return lengths[:, 0].square().mean()


def _pair(what: str, found: object) -> tuple:
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Finding(f"two things are wanted: {what}")
    return tuple(found)


def _named(name: str, found: object, shape: list[int], letters: str) -> Tensor:
    return _under(name, lambda: expect_tensor(found, shape, letters))


def _told(name: str, found: Tensor, wanted: Tensor) -> None:
    _under(name, lambda: expect_close(found, wanted))


def _under(name: str, ask: Callable) -> object:
    with in_case(name):
        return ask()


def _among(name: str, found: object, wanted: Tensor, mistakes: dict[str, Tensor]) -> None:
    """Name a known mistake, or the difference."""
    found = _named(name, found, [], "")
    if not is_close(found, wanted):
        for sentence, mistake in mistakes.items():
            if is_close(found, mistake):
                raise Finding(f"{name}: {sentence}")
    _told(name, found, wanted)
