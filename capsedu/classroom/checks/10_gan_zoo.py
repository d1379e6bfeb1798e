"""The checks of chapter 10, a zoo of GANs."""

import math

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Generator, Tensor

from capsedu.classroom.attempt import (
    Attempt,
    Finding,
    exercise,
    expect_close,
    expect_number,
    expect_tensor,
    in_case,
    is_close,
)


@exercise("10.class_loss")
def class_loss(attempt: Attempt, random: Generator) -> None:
    """ACGAN's cross-entropy, of real and of made images."""
    real, made = 2 * torch.randn(2, 6, 10, generator=random)
    targets, asked = torch.randint(10, (2, 6), generator=random)
    made[range(6), asked] += 4  # so that the two terms are never alike by chance
    found = attempt(real, targets, made, asked)
    of_real, of_made = F.cross_entropy(real, targets), F.cross_entropy(made, asked)
    twice = F.cross_entropy(real.softmax(dim=1), targets)
    twice = twice + F.cross_entropy(made.softmax(dim=1), asked)
    for mistake, sentence in [
        (of_real, "the made images are missing"),
        (of_made, "the real images are missing"),
        (-of_real - of_made, "the sign is turned: this is to be minimised"),
        (of_real - of_made, "the two networks do not fight about the class: the terms are added"),
        ((of_real + of_made) / 2, "that is half of it: two means are added, not averaged"),
        (6 * (of_real + of_made), "that is the sum over the batch, not the mean"),
        (twice, "cross_entropy takes scores, and has a softmax of its own"),
    ]:
        _refuse(found, mistake.item(), sentence)
    expect_number(found, (of_real + of_made).item())


@exercise("10.information")
def information(attempt: Attempt, random: Generator) -> None:
    """The lower bound on the mutual information of a category and an image."""
    k = int(torch.randint(3, 8, (), generator=random))
    categories = torch.randint(k, (12,), generator=random)
    scores = torch.randn(12, k, generator=random)
    scores[range(12), categories] += 2
    found = attempt(scores, categories)
    log_q = -F.cross_entropy(scores, categories).item()
    bound = log_q + math.log(k)
    for mistake, sentence in [
        (log_q, "the entropy of the category is missing"),
        (-log_q, "that is the cross-entropy: the bound has it with the other sign, and H(c)"),
        (-bound, "the sign is turned: what can be read well is larger"),
        (math.log(k) - log_q, "log Q has the wrong sign: a bad guess makes the bound smaller"),
        (bound / math.log(2), "those are bits; nats are wanted"),
        (12 * log_q + math.log(k), "that is the sum of log Q over the images, not the mean"),
        (log_q + math.log2(k), "the entropy is in bits; nats are wanted"),
    ]:
        _refuse(found, mistake, sentence)
    expect_number(found, bound)


@exercise("10.conditioned")
def conditioned(attempt: Attempt, random: Generator) -> None:
    """The two inputs of a conditional GAN."""
    k = 5
    classes = torch.randint(1, k, (4,), generator=random)
    noise = torch.randn(4, 3, generator=random)
    images = torch.randn(4, 2, 6, 6, generator=random)
    found = attempt(noise, images, classes, k)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Finding("two things are wanted: the generator's input and the discriminator's")
    one_hot = F.one_hot(classes, k).float()
    if isinstance(found[0], Tensor) and found[0].shape == (4, 4):
        raise Finding("the class is one number in the noise; one-hot it is k of them")
    told = _named("the noise", found[0], [4, 3 + k], "b z+k")
    if torch.equal(told, torch.cat([one_hot, noise], dim=1)):
        raise Finding("in the noise the class stands in front; it is to stand behind")
    _compare("the noise", told, torch.cat([noise, one_hot], dim=1))
    seen = _named("the images", found[1], [4, 2 + k, 6, 6], "b c+k h w")
    planes = one_hot.view(4, k, 1, 1).expand(-1, -1, 6, 6)
    if torch.equal(seen, torch.cat([planes, images], dim=1)):
        raise Finding("the class's channels stand in front of the image; they are to stand behind")
    if (
        torch.equal(seen[:, :2], images)
        and (seen[:, 2:].amax((2, 3)) > seen[:, 2:].amin((2, 3))).any()
    ):
        raise Finding(
            "a class's channel must be the same everywhere: a convolution sees only a part"
        )
    _compare("the images", seen, torch.cat([images, planes], dim=1))


@exercise("10.weights")
def weights(attempt: Attempt, random: Generator) -> None:
    """How much each known pixel counts when a hole is filled in."""
    for window in (3, 5):
        hole = torch.rand(8, 9, generator=random) < 0.3
        hole[0, 0], hole[0, 1], hole[4, 4] = False, True, True
        found = expect_tensor(attempt(hole.clone(), window), [8, 9], "h w")
        missing = hole.float()[None, None]
        right, padded = (
            F.avg_pool2d(missing, window, 1, window // 2, count_include_pad=padded)[0, 0]
            for padded in (False, True)
        )
        for mistake, sentence in [
            (right, "missing pixels get a weight too; nothing is known of them"),
            (right * hole, "the known pixels are to count, not the missing ones"),
            ((1 - right) * ~hole, "that is the share of known pixels; those beside many missing "
             "ones are to count most"),
            (padded * ~hole, "at the rim the window holds fewer pixels, and the share is of those"),
            (padded * ~hole * window**2, "that is the number of missing pixels, not their share"),
            ((~hole).float(), "all known pixels count alike here"),
        ]:  # fmt: skip
            if is_close(found.float(), mistake.float()):
                raise Finding(f"{sentence} (window {window})")
        expect_close(found.float(), right * ~hole)


@exercise("10.agreement")
def agreement(attempt: Attempt, random: Generator) -> None:
    """The share that is right under the best one-to-one naming of categories."""
    table = torch.randint(0, 12, (5, 5), generator=random)
    table[0, :2] = torch.tensor([40, 38])  # both want class 0, and only one has a good second:
    table[1, :2] = torch.tensor([39, 1])  # taking the largest first is not what is best overall
    table[2, 3], table[3, 2], table[4, 4] = 30, 25, 20
    table = table[torch.randperm(5, generator=random)]
    while table.trace() > 100:  # category i may be class i by chance; here it must not
        table = table[torch.randperm(5, generator=random)]
    found = attempt(table)
    rows, columns = linear_sum_assignment(table.numpy(), maximize=True)
    total = table.sum().item()
    best = table[rows, columns].sum().item()
    for mistake, sentence in [
        (best, "that is a count; its share of all images is wanted"),
        (
            table.max(dim=1).values.sum().item() / total,
            "two categories have been given the same class",
        ),
        (table.max(dim=0).values.sum().item() / total, "a category has been given two classes"),
        (table.trace().item() / total, "nobody has said that category i is class i"),
    ]:
        if not math.isclose(best / total, mistake):
            _refuse(found, mistake, sentence)
    expect_number(found, best / total)


def _refuse(found: object, mistake: float, sentence: str) -> None:
    """Say what a number is, if it is a known mistake."""
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    plain = isinstance(found, int | float) and not isinstance(found, bool)
    if plain and math.isclose(found, mistake, rel_tol=1e-4, abs_tol=1e-7):
        raise Finding(sentence)


def _named(name: str, found: object, shape: list[int], letters: str) -> Tensor:
    with in_case(name):
        return expect_tensor(found, shape, letters)


def _compare(name: str, found: Tensor, expected: Tensor) -> None:
    with in_case(name):
        expect_close(found, expected)
