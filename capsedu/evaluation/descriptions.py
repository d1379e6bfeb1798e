"""Descriptions of images that were learnt without labels: by capsules, by PCA, by nothing."""

from functools import partial

import torch
from torch import Tensor

from capsedu.evaluation.few_labels import Reader
from capsedu.models.transforming_autoencoder import TransformingAutoencoder

LENGTH = 10.0


@torch.no_grad()
def capsule_features(network: TransformingAutoencoder, images: Tensor) -> Tensor:
    """What the capsules say of each image: presences, and poses times presences.

    A pose counts as far as its capsule is present, as it does in the drawing.

    Args:
        network: on the CPU.
        images: ``[n, c, h, w]``.

    Returns:
        ``[n, capsules * (1 + numbers of a pose)]``.
    """
    seen = [network.look(part) for part in images.split(1_000)]
    presences = torch.cat([part.presences for part in seen])
    poses = torch.cat([part.poses.flatten(2) for part in seen])
    return torch.cat([presences, (poses * presences.unsqueeze(2)).flatten(1)], dim=1)


def rescaled(train: Tensor, *others: Tensor, each: bool = False) -> list[Tensor]:
    """Features about their mean, all multiplied alike so that their mean squared length is 100.

    Args:
        train: features without labels, ``[n, features]``, that mean and scale are taken from.
        others: features to treat in the same way.
        each: first bring every feature to a deviation of 1, where they have different units.
    """
    mean = train.mean(dim=0)
    deviation = train.std(dim=0).clamp(min=1e-6) if each else torch.ones_like(mean)
    moved = [(values - mean) / deviation for values in (train, *others)]
    scale = LENGTH / moved[0].square().sum(dim=1).mean().sqrt().clamp(min=1e-12)
    return [values * scale for values in moved]


def principal_components(train: Tensor, *others: Tensor, count: int) -> list[Tensor]:
    """The coordinates along the directions of largest variance, ``[n, count]`` each.

    Args:
        train: images or features without labels, flattened to ``[n, features]``.
        others: more of them, to be turned in the same way.
        count: how many; fewer if there are not so many images or features.
    """
    from sklearn.decomposition import PCA

    analysis = PCA(min(count, *train.shape), svd_solver="randomized", random_state=0)
    analysis.fit(train.numpy())
    return [torch.from_numpy(analysis.transform(x.numpy())).float() for x in (train, *others)]


def label_readers(
    network: TransformingAutoencoder, untrained: TransformingAutoencoder
) -> dict[str, Reader]:
    """Ways to describe images, all brought to one scale: by capsules, pixels, and PCA.

    Args:
        network: trained.
        untrained: of the same shape; what capsules say that have learnt nothing.

    Returns:
        By name; ``"pca"`` has as many numbers as the capsules have.
    """

    def capsules(network: TransformingAutoencoder, *images: Tensor) -> list[Tensor]:
        return rescaled(*(capsule_features(network, part) for part in images), each=True)

    def pixels(*images: Tensor) -> list[Tensor]:
        return rescaled(*(part.flatten(1) for part in images))

    def pca(*images: Tensor) -> list[Tensor]:
        count = capsule_features(network, images[0][:1]).shape[1]
        flat = (part.flatten(1) for part in images)
        return rescaled(*principal_components(*flat, count=count))

    trained, random = partial(capsules, network), partial(capsules, untrained)
    return {"capsules": trained, "untrained": random, "pixels": pixels, "pca": pca}
