"""Chapter 10: usual mistakes, with what is said about each; other right answers."""

import math

import torch
import torch.nn.functional as F
from worked_solutions import solution

information = solution("10.information")
conditioned = solution("10.conditioned")
agreement = solution("10.agreement")
weights = solution("10.weights")


def class_loss(real, targets, made, asked, weight=1.0):
    rows = range(len(real))
    of_real = -real.log_softmax(dim=1)[rows, targets].mean()
    return of_real - weight * made.log_softmax(dim=1)[rows, asked].mean()


def softmax_twice(real, targets, made, asked):
    return class_loss(real.softmax(1), targets, made.softmax(1), asked)


def guess(scores, categories):
    return scores.log_softmax(dim=1).gather(1, categories[:, None]).mean().item()


def one_hot(classes, k):
    return (classes[:, None] == torch.arange(k)).float()


def planes(images, classes, k):
    return one_hot(classes, k)[:, :, None, None] * torch.ones_like(images[:, :1])


def in_front(noise, images, classes, k):
    first, _ = conditioned(noise, images, classes, k)
    return first, torch.cat([planes(images, classes, k), images], dim=1)


def in_a_corner(noise, images, classes, k):
    first, second = conditioned(noise, images, classes, k)
    second[:, images.shape[1] :, 1:] = 0
    return first, second


def as_a_number(noise, images, classes, k):
    return torch.cat([noise, classes[:, None].float()], dim=1), images


def greedy(table):
    left, right = table.clone(), 0
    for _ in range(len(table)):
        i, j = divmod(int(left.argmax()), len(table))
        right += int(table[i, j])
        left[i], left[:, j] = -1, -1
    return right / table.sum().item()


def shares(hole, window, padded=False):
    missing = hole.float()[None, None]
    pooled = F.avg_pool2d(missing, window, 1, window // 2, count_include_pad=padded)
    return pooled[0, 0]


ALSO_RIGHT = [
    ("10.class_loss", lambda *given: class_loss(*given).item()),
    ("10.agreement", lambda table: agreement(table).item()),
    ("10.information", lambda scores, categories: information(scores, categories).item()),
    ("10.weights", lambda hole, n: weights(hole, n).double()),
]

WRONG = [
    ("10.class_loss", lambda r, t, m, a: F.cross_entropy(r, t), "made images are missing"),
    ("10.class_loss", lambda r, t, m, a: F.cross_entropy(m, a), "real images are missing"),
    ("10.class_loss", lambda *given: -class_loss(*given), "sign is turned"),
    ("10.class_loss", lambda *given: class_loss(*given, weight=-1), "do not fight"),
    ("10.class_loss", lambda *given: class_loss(*given) / 2, "not averaged"),
    ("10.class_loss", lambda *given: 6 * class_loss(*given), "not the mean"),
    ("10.class_loss", softmax_twice, "softmax of its own"),
    ("10.class_loss", lambda *given: 0.0, "too small"),
    ("10.information", guess, "entropy of the category is missing"),
    ("10.information", lambda s, c: -guess(s, c), "cross-entropy"),
    ("10.information", lambda s, c: -information(s, c), "sign is turned"),
    ("10.information", lambda s, c: math.log(s.shape[1]) - guess(s, c), "wrong sign"),
    ("10.information", lambda s, c: information(s, c) / math.log(2), "those are bits"),
    ("10.information", lambda s, c: 12 * guess(s, c) + math.log(s.shape[1]), "not the mean"),
    ("10.information", lambda s, c: guess(s, c) + math.log2(s.shape[1]), "entropy is in bits"),
    ("10.information", lambda s, c: s.argmax(dim=1), "a number is wanted"),
    ("10.conditioned", lambda n, i, c, k: conditioned(n, i, c, k)[0], "two things"),
    ("10.conditioned", as_a_number, "one-hot it is k of them"),
    ("10.conditioned", lambda n, i, c, k: (n, i), "the noise: the shape is"),
    (
        "10.conditioned",
        lambda n, i, c, k: (torch.cat([one_hot(c, k), n], 1), conditioned(n, i, c, k)[1]),
        "in the noise the class stands in front",
    ),
    ("10.conditioned", lambda n, i, c, k: (conditioned(n, i, c, k)[0], i), "the images: the shape"),
    ("10.conditioned", in_front, "in front of the image"),
    ("10.conditioned", in_a_corner, "the same everywhere"),
    ("10.conditioned", lambda n, i, c, k: conditioned(n, i, 0 * c, k), "the noise: entry"),
    ("10.agreement", lambda t: t.sum().item() * agreement(t), "that is a count"),
    ("10.agreement", lambda t: t.max(dim=1).values.sum() / t.sum(), "the same class"),
    ("10.agreement", lambda t: t.max(dim=0).values.sum() / t.sum(), "two classes"),
    ("10.agreement", greedy, "too small"),
    ("10.weights", shares, "nothing is known of them"),
    ("10.weights", lambda h, n: shares(h, n) * h, "not the missing ones"),
    ("10.weights", lambda h, n: weights(~h, n), "entry"),
    ("10.weights", lambda h, n: (1 - shares(h, n)) * ~h, "share of known pixels"),
    ("10.weights", lambda h, n: shares(h, n, padded=True) * ~h, "at the rim"),
    ("10.weights", lambda h, n: n * n * shares(h, n, padded=True) * ~h, "not their share"),
    ("10.weights", lambda h, n: (~h).float(), "count alike"),
    ("10.weights", lambda h, n: weights(h, 3), "entry"),
]
