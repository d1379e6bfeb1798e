"""Every planted mistake is caught by its one-line test, and nothing else is changed."""

import pytest
import torch
from torch.testing import assert_close

from capsedu.data import Batch
from capsedu.experiments import EXPERIMENTS
from capsedu.functional import margin_loss, reconstruction_loss, squash
from capsedu.layers import PrimaryCapsules
from capsedu.models.matrix_capsnet import MatrixCapsNet
from capsedu.plants import PLANTS, changed_lines, losses, routings, squashes
from capsedu.plants.networks import EMParts, Parts, capsnet, matrix_capsnet
from capsedu.routing.dynamic import dynamic_routing

EVERY = pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
TRAINED = [plant for plant in PLANTS.values() if plant.experiment]


@EVERY
def test_the_property_holds_for_the_right_piece_and_catches_the_wrong_one(plant) -> None:
    assert plant.holds(plant.right)
    assert not plant.holds(plant.wrong)


@EVERY
def test_a_plant_changes_one_line_or_adds_one(plant) -> None:
    signs = [line[0] for line in changed_lines(plant).splitlines()]
    assert signs.count("+") == 1 and signs.count("-") <= 1


def test_the_right_pieces_are_the_packages() -> None:
    votes, lengths = torch.randn(2, 5, 3, 4), torch.rand(6, 10)
    targets, images = torch.randint(10, (6,)), torch.rand(2, 6, 1, 8, 8)
    *_, last = routings.routing(votes)
    assert_close(last.poses, dynamic_routing(votes))
    assert_close(squashes.squash(votes), squash(votes))
    assert_close(losses.margin(lengths, targets), margin_loss(lengths, targets))
    assert_close(losses.drawing(*images), reconstruction_loss(*images))
    torch.manual_seed(1)
    primary = PrimaryCapsules(3, types=2, kernel_size=3)
    features = torch.rand(2, 3, 9, 9)
    assert_close(squash(Parts().cut(primary.convolution(features))), primary(features))


def test_matrix_capsules_from_right_pieces_are_the_packages() -> None:
    images = torch.rand(3, 1, 24, 24)
    torch.manual_seed(2)
    network = MatrixCapsNet((1, 24, 24), 10, 4, 2, (2, 2), iterations=2)
    torch.manual_seed(2)
    gallery = matrix_capsnet(EMParts(), (1, 24, 24), 10, 4, 2)
    assert_close(gallery(images), network(images))


@pytest.mark.parametrize("plant", TRAINED, ids=lambda plant: plant.name)
def test_a_plant_is_really_in_the_network(plant) -> None:
    found = []
    base = "wrong-capsules-em-none" if plant.is_em else "wrong-capsules-none"
    images, targets = torch.rand(4, 1, 24, 24), torch.tensor([3, 1, 4, 1])
    for name in (base, plant.experiment):
        chosen = EXPERIMENTS[name]
        torch.manual_seed(0)
        network = chosen.build(chosen.profile("smoke"), (1, 24, 24), 10).double()
        outcome = chosen.objective(network, Batch(images.double(), targets, {}), 0.5)
        outcome.loss.backward()
        found.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    if plant.name == "squash-root":  # the same numbers, as long as no capsule is zero
        assert_close(*found)
    else:
        assert not torch.equal(*found)


def test_the_gradient_at_zero_is_why_a_root_is_no_norm() -> None:
    torch.manual_seed(0)
    broken = capsnet(Parts(squash=squashes.root_of_squares), (1, 24, 24), 10, 4, 2)
    for convolution in (broken.convolution, broken.primary_capsules.convolution):
        torch.nn.init.zeros_(convolution.bias)  # as some frameworks begin
    broken(torch.zeros(1, 1, 24, 24)).sum().backward()
    assert broken.primary_capsules.convolution.weight.grad.isnan().any()
