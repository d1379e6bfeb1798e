"""Checks of assignment 2: squash and its Jacobian, the margin loss, a classifier of lengths."""

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


@exercise("a2.squash")
def squashing(attempt: Attempt, random: Generator) -> None:
    for dim in (-1, 1, 0):
        s = 2 * torch.randn(4, 3, 5, generator=random)
        found = expect_tensor(attempt(s, dim), [4, 3, 5], "")
        squares = s.square()
        n2 = squares.sum(dim, keepdim=True)
        if is_close(found, squash(s, dim)):
            continue
        if is_close(found, s.sign() * squares / (1 + squares)) or is_close(
            found, s / (1 + squares)
        ):
            raise Finding("each component is squashed by itself; it is the length that is squashed")
        if is_close(found, s / (1 + n2)):
            raise Finding("this is the misprint: the length is n/(1+n²) and falls when n grows")
        if dim != -1 and is_close(found, squash(s)):
            raise Finding(f"dim={dim} is not used; the components lie along that axis")
        if any(is_close(found, squash(s, other)) for other in range(3)):
            raise Finding("the length is taken along the wrong axis")
        if not is_close(torch.cosine_similarity(s, found, dim), torch.ones_like(n2.squeeze(dim))):
            raise Finding("the direction has changed; the result must point where s points")
        expect_close(found, squash(s, dim))
    if attempt(torch.ones(2, 3, dtype=torch.float64)).dtype != torch.float64:
        raise Finding("right, except that float64 does not stay float64")
    in_company = torch.randn(3, 4, generator=random)
    in_company[1] = 0
    _survives(attempt, in_company, "at the zero vector")
    for size in (1e20, 1e-20):
        directions = F.normalize(torch.randn(3, 4, generator=random), dim=-1)
        _survives(attempt, size * directions, f"at a length of {size:g}")


def _survives(attempt: Attempt, s: Tensor, where: str) -> None:
    s.requires_grad_()
    found = attempt(s)
    if not found.isfinite().all():
        raise Finding(f"right, except {where}: the result is not finite")
    if not found.requires_grad:
        raise Finding("right, except that no gradient gets through")
    (gradient,) = torch.autograd.grad(found.sum(), s)
    if not gradient.isfinite().all():
        raise Finding(f"right, except {where}: the gradient is not finite")


@exercise("a2.jacobian")
def jacobian(attempt: Attempt, random: Generator) -> None:
    s = torch.randn(2, 4, generator=random)
    wanted = torch.stack([torch.autograd.functional.jacobian(squash, each) for each in s])
    found = expect_tensor(attempt(s), [2, 4, 4], "b d d")
    n = s.norm(dim=-1)[:, None, None]
    g, slope = n / (1 + n**2), (1 - n**2) / (1 + n**2) ** 2
    outer = s[:, :, None] * s[:, None, :]
    if is_close(found, g * torch.eye(4)):
        raise Finding("this is only the first term; g depends on s too")
    if is_close(found, slope / n * outer):
        raise Finding("this is only the second term; the product rule has two")
    if is_close(found, g * torch.eye(4) + slope * outer):
        raise Finding("the second term is off by a factor: the derivative of n is s/n")
    if is_close(found, g + slope / n * outer):
        raise Finding("the first term is added everywhere; it belongs on the diagonal")
    expect_close(found, wanted)
    expect_close(expect_tensor(attempt(s[0]), [4, 4], "d d"), wanted[0])
    if not attempt(torch.zeros(2, 3)).isfinite().all():
        raise Finding("right, except that the result at 0 is not finite")
    expect_close(attempt(torch.zeros(2, 3)), torch.zeros(2, 3, 3))


@exercise("a2.audit")
def audit(attempt: Attempt, random: Generator) -> None:
    s = torch.randn(30, 2, generator=random, dtype=torch.float64)
    turn = torch.tensor([[0.0, 1], [-1, 0]]).double()
    for bend, angle, rises in [
        (squash, 0, True),
        (lambda s: squash(s) @ turn, 90, True),
        (lambda s: -2 * squash(s), 180, True),
        (lambda s: s / (1 + s.square().sum(-1, keepdim=True)), 0, False),
    ]:
        found = attempt(bend, s)
        if not isinstance(found, tuple | list) or len(found) != 3:
            raise Finding("three things are wanted: a length, an angle, and whether it rises")
        longest = bend(s).norm(dim=-1).max().item()
        with in_case("the greatest length"):
            expect_number(found[0], longest)
        degrees = float(found[1])
        if angle and abs(degrees - angle * torch.pi / 180) < 0.01:
            raise Finding("the angle is in radians; degrees are wanted")
        if not abs(degrees - angle) < 0.1:
            raise Finding(f"the greatest angle is {degrees:.1f} and should be {angle} degrees")
        if bool(found[2]) != rises:
            raise Finding(
                "the third value should be True: every vector came out longer"
                if rises
                else "the third value should be False: some came out shorter when made longer"
            )


@exercise("a2.read_out")
def read_out(attempt: Attempt, random: Generator) -> None:
    lengths = torch.rand(6, 4, generator=random)
    lengths[0], lengths[1] = 0.2, 0.8  # none present, and all
    poses = lengths[..., None] * F.normalize(torch.randn(6, 4, 3, generator=random), dim=-1)
    for threshold in (0.5, 0.7):
        found = attempt(poses, threshold)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise Finding("two tensors are wanted: the lengths, and what is present")
        first = expect_tensor(found[0], [6, 4], "b classes")
        if is_close(first, poses.square().sum(-1)):
            raise Finding("these are the squares of the lengths")
        expect_close(first, lengths)
        present = expect_tensor(found[1], [6, 4], "b classes")
        if present.dtype == torch.bool:
            raise Finding("present should hold zeros and ones in the dtype of the lengths")
        if is_close(present.float(), F.one_hot(lengths.argmax(1), 4).float()):
            raise Finding("only the longest is present; it may be several classes, or none")
        expect_close(present, (lengths > threshold).float())
    poses[0, 0] = 0
    poses.requires_grad_()
    (gradient,) = torch.autograd.grad(attempt(poses)[0].sum(), poses)
    if not gradient.isfinite().all():
        raise Finding("right, except that the gradient at a pose of zeros is not finite")


@exercise("a2.margin_loss")
def loss(attempt: Attempt, random: Generator) -> None:
    lengths = torch.rand(8, 5, generator=random)
    several = torch.randint(0, 2, (8, 5), generator=random).float()
    several[0], several[1, :3] = 0, 1
    lengths[2], lengths[3] = 0.03, 0.97
    one = F.one_hot(torch.randint(0, 5, (8,), generator=random), 5).float()
    for present in (one, several):
        wanted = margin_loss(lengths, present)
        found = expect_tensor(attempt(lengths, present), [], "")
        if is_close(found, wanted):
            continue
        missing, excess = (0.9 - lengths).relu(), (lengths - 0.1).relu()
        absent = 1 - present
        slips = {
            "the squares are missing": present * missing + 0.5 * absent * excess,
            "the square has slipped inside the maximum": (
                present * (0.9 - lengths**2).relu() + 0.5 * absent * excess**2
            ),
            "the absent classes are not weighted": present * missing**2 + absent * excess**2,
            "the present classes are weighted; it is the absent ones": (
                0.5 * present * missing**2 + absent * excess**2
            ),
            "the maximum with 0 is missing": (
                present * (0.9 - lengths) ** 2 + 0.5 * absent * (lengths - 0.1) ** 2
            ),
        }
        for sentence, each in slips.items():
            if is_close(found, each.sum(dim=1).mean()):
                raise Finding(sentence)
        if is_close(found, wanted / 5):
            raise Finding("averaged over the classes; over them it is a sum")
        if is_close(found, wanted * 8):
            raise Finding("summed over the batch; over the images it is a mean")
        if is_close(found, margin_loss(lengths, present.argmax(dim=1))):
            raise Finding("only one class of each image counts; there may be none or several")
        expect_close(found, wanted)
    constants = {"positive": 0.8, "negative": 0.3, "down_weight": 0.2}
    for name, value in constants.items():
        inputs = [constants[n] if n == name else d for n, d in _DEFAULTS.items()]
        if not is_close(attempt(lengths, one, *inputs), margin_loss(lengths, one, *inputs)):
            raise Finding(f"right with the usual constants, but not for {name}={value}")


_DEFAULTS = {"positive": 0.9, "negative": 0.1, "down_weight": 0.5}


@exercise("a2.margin_gradient")
def margin_gradient(attempt: Attempt, random: Generator) -> None:
    for down_weight in (0.5, 0.2):
        lengths = torch.rand(6, 4, generator=random, requires_grad=True)
        present = torch.randint(0, 2, (6, 4), generator=random).float()
        value = margin_loss(lengths, present, down_weight=down_weight)
        (wanted,) = torch.autograd.grad(value, lengths)
        found = expect_tensor(attempt(lengths.detach(), present, down_weight), [6, 4], "b classes")
        if is_close(found, -wanted):
            raise Finding("the sign is turned: this is the way down, not the derivative")
        if is_close(found, 6 * wanted):
            raise Finding("the loss is a mean over the images; so is its derivative")
        if is_close(found, wanted / 2):
            raise Finding("half of it: the derivative of a square has a factor")
        expect_close(found, wanted)


@exercise("a2.resting_length")
def resting_length(attempt: Attempt, random: Generator) -> None:
    for _ in range(5):
        classes, present = whole(3, 30, random), whole(1, 3, random)
        down_weight = 0.1 + torch.rand((), generator=random).item()
        found = attempt(classes, present, down_weight)
        push = down_weight * (classes - present)
        wanted = (0.9 * present + 0.1 * push) / (present + push)
        push = down_weight * classes
        slip = (0.9 * present + 0.1 * push) / (present + push)
        if isinstance(found, int | float) and abs(found - slip) < 1e-6:
            raise Finding("only the absent classes push; not all of them are absent")
        try:
            expect_number(found, wanted)
        except Finding as finding:
            raise Finding(
                f"{present} of {classes} classes, down-weight {down_weight:.2f}: {finding}"
            ) from None


@exercise("a2.reconstruction_loss")
def reconstruction_loss(attempt: Attempt, random: Generator) -> None:
    drawn, images = torch.rand(2, 3, 2, 6, 5, generator=random)
    found = expect_tensor(attempt(drawn, images), [], "")
    squares = (drawn - images).square()
    if is_close(found, squares.mean()):
        raise Finding("this is the mean over the pixels; over them it is a sum")
    if is_close(found, squares.sum()):
        raise Finding("summed over the images as well; over the batch it is a mean")
    if is_close(found, squares.sum(dim=(2, 3)).mean()):
        raise Finding("averaged over the channels; over them it is a sum")
    expect_close(found, squares.sum() / 3)


@exercise("a2.shown")
def shown(attempt: Attempt, random: Generator) -> None:
    poses = 0.1 + torch.rand(6, 4, 3, generator=random)
    longest, targets = torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([0, 2, 1, 0, 3, 1])
    poses[range(6), longest] += 2
    by_target, by_length = (poses * F.one_hot(c, 4).unsqueeze(2) for c in (targets, longest))
    found = expect_tensor(attempt(poses, targets, True), [6, 4, 3], "b classes d")
    if is_close(found, by_length):
        raise Finding("while it trains, the decoder is shown the target's capsule, not the longest")
    if is_close(found, poses):
        raise Finding("all capsules are shown; those of the other classes should be zero")
    expect_close(found, by_target)
    found = expect_tensor(attempt(poses, targets, False), [6, 4, 3], "b classes d")
    if is_close(found, by_target):
        raise Finding("when the network is tested, nobody tells it the target")
    expect_close(found, by_length)


@exercise("a2.capsule_classifier")
def capsule_classifier(attempt: Attempt, random: Generator) -> None:
    network = attempt(36, 5, 3)
    if not isinstance(network, nn.Module):
        raise Finding("CapsuleClassifier(36, 5, 3) should be a torch module")
    read = Attempt(network)
    images = torch.rand(4, 1, 6, 6, generator=random)
    found = expect_tensor(read(images), [4, 5, 3], "b classes d")
    if not any(weight.requires_grad for weight in network.parameters()):
        raise Finding("there are no weights to train")
    if is_close(capsule_length(found).sum(dim=1), torch.ones(4)):
        raise Finding("the lengths add up to 1 over the classes; there is no softmax here")
    contrasts = capsule_length(read(1e4 * (images - 0.5)))
    if contrasts.max() > 1.001:
        raise Finding("some poses are longer than 1")
    if contrasts.min() < 0.9:
        raise Finding(
            "with enormous contrast every pose should be nearly 1 long, and some are not: "
            "along which axis do you squash?"
        )
