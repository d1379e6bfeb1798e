"""Small networks put together from right pieces and a wrong one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from capsedu.data import Batch
from capsedu.functional import capsule_length
from capsedu.layers import CapsuleDecoder
from capsedu.layers.matrix_capsules import MATRIX, PoseShape
from capsedu.learning.objectives import Outcome
from capsedu.models.capsnet import CapsNet
from capsedu.models.matrix_capsnet import MatrixCapsNet
from capsedu.plants import capsules, em, losses, routings, squashes
from capsedu.plants.plant import Plant
from capsedu.routing.voteless import child_votes


@dataclass(frozen=True)
class Parts:
    """The pieces of a CapsNet and of what it minimises; as it stands, all right."""

    cut: Callable[[Tensor], Tensor] = capsules.cut
    weight: Callable[[Sequence[int]], Tensor] = capsules.small_weights
    squash: Callable[[Tensor], Tensor] = squashes.squash
    routing: Callable = routings.routing
    margin: Callable[[Tensor, Tensor], Tensor] = losses.margin
    drawing: Callable[[Tensor, Tensor], Tensor] = losses.drawing
    shown: Callable[[Tensor, Tensor], Tensor] = losses.shown_target


class CutCapsules(nn.Module):
    """Primary capsules: a convolution, cut into poses and squashed.

    Args:
        convolution: whose output is cut.
        parts: how.
    """

    def __init__(self, convolution: nn.Conv2d, parts: Parts) -> None:
        super().__init__()
        self.convolution = convolution
        self.parts = parts

    def forward(self, features: Tensor) -> Tensor:
        return self.parts.squash(self.parts.cut(self.convolution(features)))


class RoutedCapsules(nn.Module):
    """Class capsules: votes, and a routing that yields its steps.

    Args:
        weight: ``[j, e, i, d]``.
        parts: how it is routed.
    """

    def __init__(self, weight: Tensor, parts: Parts) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.parts = parts

    def forward(self, children: Tensor) -> Tensor:
        *_, last = self.steps(children)
        return last.poses

    def steps(self, children: Tensor):
        """Every iteration, with its couplings."""
        return self.parts.routing(child_votes(children, self.weight), squash=self.parts.squash)


def capsnet(
    parts: Parts, image_shape: tuple[int, int, int], classes: int, channels: int, types: int
) -> CapsNet:
    """A small CapsNet with these parts and a small decoder."""
    network = CapsNet(image_shape, classes, channels, types, decoder=False)
    weight = parts.weight(network.class_capsules.weight.shape)
    network.primary_capsules = CutCapsules(network.primary_capsules.convolution, parts)
    network.class_capsules = RoutedCapsules(weight, parts)
    network.decoder = CapsuleDecoder(classes, weight.shape[3], image_shape, hidden=(64, 128))
    return network


@dataclass(frozen=True)
class GalleryObjective:
    """Margin loss and drawing, from pieces.

    What is reported as the terms of the loss is measured by the right pieces, whatever is
    minimised, so that trainings can be compared.
    """

    parts: Parts = Parts()
    drawing_weight: float = 0.0005

    def __call__(self, network: nn.Module, batch: Batch, progress: float = 1.0) -> Outcome:
        lengths = capsule_length(poses := network(batch.images))
        training = self.parts.shown if network.training else losses.shown_prediction
        drawn = network.decoder(poses, training(lengths, batch.targets))
        loss = self.parts.margin(lengths, batch.targets)
        loss = loss + self.drawing_weight * self.parts.drawing(drawn, batch.images)
        terms = {
            "margin": losses.margin(lengths, batch.targets),
            "reconstruction": losses.drawing(drawn, batch.images),
        }
        return Outcome(loss, lengths, terms)


@dataclass(frozen=True)
class EMParts:
    """The pieces of a network of matrix capsules; as it stands, all right."""

    routing: em.EM = em.EM()  # noqa: RUF009 (frozen)
    pose: type[PoseShape] = PoseShape


def em_parts(plant: Plant) -> EMParts:
    """All right but for the planted piece."""
    if plant.role == "pose":
        return EMParts(pose=plant.wrong)
    return EMParts(em.EM(**{plant.role: plant.wrong}))


def matrix_capsnet(
    parts: EMParts, image_shape: tuple[int, int, int], classes: int, channels: int, types: int
) -> MatrixCapsNet:
    """A small network of matrix capsules with these parts, routed twice."""
    network = MatrixCapsNet(image_shape, classes, channels, types, (types, types), iterations=2)
    for layer in network.convolutional_capsules:
        layer.routing = parts.routing.between_grids
    network.class_capsules.routing = parts.routing.to_classes
    network.class_capsules.pose = parts.pose(*MATRIX)
    return network
