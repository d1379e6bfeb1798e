"""Chapter 8: usual mistakes, with what is said about each; other right answers."""

import torch
import torch.nn.functional as F
from worked_solutions import solution

discriminator_loss = solution("08.discriminator_loss")
slerp = solution("08.slerp")


def leaking(generator, discriminator, real, noise):
    fake = discriminator(generator(noise))
    return -F.logsigmoid(discriminator(real)).mean() - F.logsigmoid(-fake).mean()


def losing_a_part(generator, discriminator, real, noise):
    fake = discriminator(generator(noise)).detach()
    return -F.logsigmoid(discriminator(real)).mean() - F.logsigmoid(-fake).mean()


def without_gradient(*networks_and_images):
    with torch.no_grad():
        return leaking(*networks_and_images)


def exchanged(generator, discriminator, real, noise):
    fake = discriminator(generator(noise).detach())
    return -F.logsigmoid(-discriminator(real)).mean() - F.logsigmoid(fake).mean()


def precision(real, samples, neighbour=3):
    radii = torch.cdist(real, real).sort(dim=1).values[:, neighbour]
    return (torch.cdist(samples, real) <= radii).any(dim=1).float().mean()


def to_unit_length(a, b, t):
    return F.normalize(slerp(a, b, t), dim=0)


def stretched(a, b, t):
    return F.normalize(torch.lerp(a, b, t), dim=0) * torch.lerp(a.norm(), b.norm(), t)


ALSO_RIGHT = [
    ("08.precision", lambda real, samples: precision(real, samples).item()),
]

WRONG = [
    ("08.best_discriminator", lambda p, q, label: label * q / (p + q), "of being fake"),
    ("08.best_discriminator", lambda p, q, label: p / q, "odds"),
    ("08.best_discriminator", lambda p, q, label: p / (p + q), "for the label 1 only"),
    ("08.best_discriminator", lambda p, q, label: label * p / (label * p + q), "below the line"),
    ("08.best_discriminator", lambda p, q, label: p * q * label, "entry"),
    ("08.generator_loss", lambda s: -s.sigmoid().log().mean(), "scores of -200"),
    ("08.generator_loss", lambda s: F.logsigmoid(-s).mean(), "as it stands in V"),
    ("08.generator_loss", lambda s: -F.logsigmoid(-s).mean(), "to be called fake"),
    ("08.generator_loss", lambda s: F.logsigmoid(s).mean(), "the sign"),
    ("08.generator_loss", lambda s: -F.logsigmoid(s).sum(), "summed over the batch"),
    ("08.generator_loss", lambda s: -s.mean(), "raises the score itself"),
    ("08.generator_loss", lambda s: (1 - s.sigmoid()).mean(), "logarithm is missing"),
    ("08.generator_loss", lambda s: -F.logsigmoid(s.detach()).mean(), "no gradient"),
    ("08.generator_loss", lambda s: -(s.sigmoid() + 1e-30).log().mean(), "should be 200"),
    ("08.generator_loss", lambda s: -F.logsigmoid(s), "shape"),
    ("08.discriminator_loss", leaking, "run on into the generator"),
    ("08.discriminator_loss", losing_a_part, "is lost"),
    ("08.discriminator_loss", without_gradient, "gets no gradient"),
    ("08.discriminator_loss", exchanged, "changed places"),
    ("08.discriminator_loss", lambda *x: -discriminator_loss(*x), "the sign"),
    ("08.discriminator_loss", lambda *x: 6 * discriminator_loss(*x), "summed over the batch"),
    ("08.discriminator_loss", lambda *x: discriminator_loss(*x) / 2, "half of it"),
    ("08.discriminator_loss", lambda g, d, x, z: -F.logsigmoid(d(x)).mean(), "only the real"),
    ("08.discriminator_loss", lambda g, d, x, z: -F.logsigmoid(-d(g(z))).mean(), "only the fakes"),
    ("08.precision", lambda real, samples: 400 * precision(real, samples), "counts the samples"),
    ("08.precision", lambda real, samples: precision(samples, real), "this is recall"),
    ("08.precision", lambda real, samples: precision(real, samples, 2), "its own nearest"),
    ("08.precision", lambda real, samples: precision(real, samples, 4), "fourth-nearest"),
    ("08.precision", lambda real, samples: precision(real, samples, 1), "the result is"),
    ("08.precision", lambda real, samples: "many", "a str"),
    ("08.slerp", torch.lerp, "straight line"),
    ("08.slerp", lambda a, b, t: slerp(b, a, t), "from b to a"),
    ("08.slerp", to_unit_length, "length 1"),
    ("08.slerp", stretched, "even pace"),
    ("08.slerp", lambda a, b, t: 2 * slerp(a, b, t), "entry"),
]
