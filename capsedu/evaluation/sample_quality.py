"""How good a generator's samples are, in numbers.

They are measured on the features of a digit classifier, not on Inception's, so they can be
compared with one another and **not with the figures of papers**. Only FIDs of equally many
samples can be compared: the fewer there are, the larger it is, even for real images.
"""

import warnings

import torch
from torch import Tensor, nn

from capsedu.evaluation.precision_recall import neighbour_distances, shares_within
from capsedu.evaluation.robustness import frozen
from capsedu.evaluation.samples import prepared
from capsedu.models.digit_classifier import DigitClassifier

KID_SUBSETS, KID_SUBSET_SIZE = 20, 1000
CONFIDENCE = 0.9  # a sample shows a class if the classifier gives it at least this probability
MODE_SHARE = 0.01  # a class is a mode if at least this share of the samples show it


class SampleQuality:
    """Compares samples with real images, which are looked at once.

    Calling it on samples ``[n, c, h, w]`` in [0, 1] returns

    - ``"fid"``, Fréchet's distance: how far apart two normal distributions are, fitted to the
      features of the real images and of the samples. 0 is best.
    - ``"kid"``, the kernel distance: the same without the assumption of normal distributions
      and without FID's bias, so that it may fall slightly below 0. 0 is best.
    - ``"precision"``, the share of samples that look real, and ``"recall"``, the share of real
      images that the generator could have made: see :mod:`capsedu.evaluation.precision_recall`.
    - ``"modes"``, the number of classes to which at least 1 % of the samples belong with a
      probability of 0.9 or more, as the classifier sees it.

    The same samples give the same numbers every time.

    Args:
        images: real ones, ``[m, c, h, w]`` in [0, 1] or as 8-bit numbers; usually test images,
            moved as the training images were. They and the samples are brought to the size of
            the classifier's images.
        classifier: trained on such images.

    Raises:
        ValueError, TypeError: if there are fewer than four images, or their channels or numbers
            do not fit; so does a call.
        CapseduError: if images, or samples, hold NaN or an infinity.

    Source: FID: Heusel et al. (2017), arXiv:1706.08500; KID: Bińkowski et al.
    (2018), arXiv:1801.01401; precision and recall: Kynkäänniemi et al. (2019), arXiv:1904.06991;
    modes: in no paper in this form.
    """

    def __init__(self, images: Tensor, classifier: DigitClassifier) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance  # as in classification.py

        self.classifier = classifier
        self.real, _ = self._described("images", images)
        self.radii = neighbour_distances(self.real)
        self.fid = FrechetInceptionDistance(
            _AsTheyAre(classifier.num_features), reset_real_features=False
        )
        self.fid.update(self.real, real=True)

    def __call__(self, samples: Tensor) -> dict[str, float]:
        features, scores = self._described("samples", samples)
        precision, recall = shares_within(
            self.real, features, self.radii, neighbour_distances(features)
        )
        return {
            "fid": self._fid(features),
            "kid": self._kid(features),
            "precision": precision,
            "recall": recall,
            "modes": float(modes(scores.softmax(dim=1))),
        }

    @torch.no_grad()
    def _described(self, name: str, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[n, features]`` and scores ``[n, classes]``, on the CPU."""
        network, found = self.classifier, []
        device = next(network.parameters()).device
        with frozen(network):
            for batch in prepared(name, images, network.image_shape):
                features = network.features(batch.to(device))
                found.append((features.cpu(), network.scores(features).cpu()))
        features, scores = (torch.cat(parts) for parts in zip(*found, strict=True))
        if len(features) <= network.num_features:
            warnings.warn(
                f"FID needs more {name} than the {network.num_features} features that it is "
                f"measured on, got {len(features)}: their covariance is singular, and FID comes "
                "out too large",
                stacklevel=3,
            )
        return features, scores

    def _fid(self, features: Tensor) -> float:
        self.fid.update(features, real=False)
        distance = self.fid.compute().item()
        self.fid.reset()
        return distance

    def _kid(self, features: Tensor) -> float:
        from torchmetrics.image.kid import KernelInceptionDistance

        size = min(KID_SUBSET_SIZE, len(features), len(self.real))
        subsets = 1 if size == len(features) == len(self.real) else KID_SUBSETS
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it keeps all features: they are few
            kid = KernelInceptionDistance(_AsTheyAre(), subsets, size)
        kid.update(self.real, real=True)
        kid.update(features, real=False)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)  # of the subsets
            return kid.compute()[0].item()


def modes(probabilities: Tensor) -> int:
    """How many classes have their share of samples with these probabilities ``[n, classes]``.

    A class counts if at least 1 % of the samples belong to it with a probability of 0.9 or more.
    """
    shares = (probabilities >= CONFIDENCE).float().mean(dim=0)
    return int((shares >= MODE_SHARE).sum())


class _AsTheyAre(nn.Module):
    """For torchmetrics, in place of Inception: it is given features, so that they are made once."""

    def __init__(self, num_features: int = 0) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features
