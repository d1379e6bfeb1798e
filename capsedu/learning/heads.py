"""What a discriminator reads of an image besides real or made: classes and codes.

A generator of such a GAN is given a code in the first places of its noise. A head draws the
codes, and reads them again from the discriminator's features: both networks are rewarded when it
reads them rightly.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from capsedu.errors import require_count
from capsedu.models.gan import Judgement


class AuxiliaryClassifier(nn.Module):
    """The class of an image, real or made: ACGAN.

    Args:
        features: length of the discriminator's features.
        classes: number of classes; the generator is given one of them, one-hot.

    Source: Odena, Olah & Shlens, *Conditional Image Synthesis with Auxiliary Classifier GANs*
    (2017), equations 2 and 3.
    """

    loss_name = "class_loss"

    def __init__(self, features: int, classes: int = 10) -> None:
        super().__init__()
        require_count("classes", classes, least=2)
        self.code_width = classes
        self.scores = nn.Linear(features, classes)

    def draw(self, n: int, rng: Generator | None = None) -> Tensor:
        """Random classes, one-hot ``[n, classes]``."""
        return F.one_hot(
            torch.randint(self.code_width, (n,), generator=rng), self.code_width
        ).float()

    def made_loss(self, judgement: Judgement, code: Tensor) -> Tensor:
        """How badly the class is read that a made image was asked to have."""
        return F.cross_entropy(self.scores(judgement.features), code.argmax(dim=1))

    def real_loss(self, judgement: Judgement, targets: Tensor) -> Tensor:
        """How badly the class of a real image is read."""
        return F.cross_entropy(self.scores(judgement.features), targets)


class MutualInformation(nn.Module):
    r"""One category and a few continuous numbers, found without labels: InfoGAN.

    The bound on the mutual information is :math:`E[\log Q(c \mid x)] + H(c)`; the entropy is
    constant. :math:`Q` is a softmax for the category and a normal distribution, with a learnt
    deviation, for each number.

    Args:
        features: length of the discriminator's features.
        categories: values of the category.
        continuous: how many numbers, uniform in [-1, 1].
        weight: of the continuous part (0.1 in the paper's appendix for MNIST).

    Source: Chen et al., *InfoGAN* (2016), equation 5 and section 7.
    """

    loss_name = "code_loss"

    def __init__(
        self, features: int, categories: int = 10, continuous: int = 2, weight: float = 0.1
    ) -> None:
        super().__init__()
        require_count("categories", categories, least=2)
        require_count("continuous", continuous, least=0)
        self.categories = categories
        self.continuous = continuous
        self.weight = weight
        self.code_width = categories + continuous
        self.hidden = nn.Sequential(nn.Linear(features, 128), nn.LeakyReLU(0.1))
        self.category = nn.Linear(128, categories)
        self.numbers = nn.Linear(128, 2 * continuous)  # means, and logs of the variances

    def draw(self, n: int, rng: Generator | None = None) -> Tensor:
        """A random category, one-hot, and random numbers, ``[n, categories + continuous]``."""
        category = torch.randint(self.categories, (n,), generator=rng)
        numbers = 2 * torch.rand(n, self.continuous, generator=rng) - 1
        return torch.cat([F.one_hot(category, self.categories), numbers], dim=1)

    def made_loss(self, judgement: Judgement, code: Tensor) -> Tensor:
        """How badly the code of made images is read: the bound, with its sign turned."""
        hidden = self.hidden(judgement.features)
        category, numbers = code.split([self.categories, self.continuous], dim=1)
        mean, log_variance = self.numbers(hidden).float().chunk(2, dim=1)
        unlikely = F.gaussian_nll_loss(mean, numbers, log_variance.clamp(-6, 6).exp())
        return F.cross_entropy(self.category(hidden), category.argmax(1)) + self.weight * unlikely

    def real_loss(self, judgement: Judgement, targets: Tensor) -> Tensor:
        """Nothing: real images have no code."""
        return judgement.scores.new_zeros(())
