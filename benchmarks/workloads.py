"""What is measured: each workload prepares, for a contender, a function that runs one step."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.draw_workloads import DRAW_WORKLOADS
from benchmarks.em_workloads import EM_WORKLOADS
from benchmarks.floor import Floor
from benchmarks.gan_workloads import GAN_WORKLOADS
from benchmarks.textbook import TextbookCapsNet, route, with_weights_of
from benchmarks.workload import Step, Workload
from capsedu.data import Batch
from capsedu.functional import capsule_length, squash
from capsedu.learning.objectives import MarginObjective
from capsedu.models import CapsNet
from capsedu.routing.dynamic import dynamic_routing
from capsedu.routing.voteless import child_votes, route_children

BATCH = 128
NETWORKS = {"floor": Floor, "capsedu": CapsNet, "textbook": TextbookCapsNet}
# Each with the shape in which it wants the weights.
ROUTINGS = {
    "capsedu": (route_children, (10, 8, 1152, 16)),
    "votes kept": (lambda u, weight: dynamic_routing(child_votes(u, weight)), (10, 8, 1152, 16)),
    "textbook": (route, (1152, 10, 16, 8)),
}


def training(precision: str, contender: str) -> Step:
    """A training step of a whole network: forward, losses, backward, Adam."""
    network, batch = _network_and_batch(contender)
    objective = MarginObjective()
    optimizer = torch.optim.Adam(network.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with _autocast(precision):
            loss = objective(network, batch).loss
        loss.backward()
        optimizer.step()

    return step


def inference(precision: str, contender: str) -> Step:
    """Classification and reconstruction of a batch."""
    network, batch = _network_and_batch(contender)
    network.eval()

    @torch.inference_mode()
    def step() -> Tensor:
        with _autocast(precision):
            poses = network(batch.images)
            return network.decoder(poses, capsule_length(poses).argmax(dim=1))

    return step


def routing(contender: str) -> Step:
    """The routing layer alone, 1152 children to 10 parents, forwards and backwards."""
    torch.manual_seed(0)
    route_by, weight_shape = ROUTINGS[contender]
    # The children lie innermost in memory, as the primary capsules' convolution leaves them.
    children = squash(torch.randn(BATCH, 8, 1152), dim=1).transpose(1, 2).requires_grad_()
    weight = (0.01 * torch.randn(weight_shape)).requires_grad_()
    grad = torch.randn(BATCH, 10, 16)

    def step() -> None:
        children.grad = weight.grad = None
        route_by(children, weight).backward(grad)

    return step


WORKLOADS = {
    f"{title}, {precision}": Workload(
        f"{title}, {precision}", tuple(NETWORKS), partial(prepare, precision), BATCH
    )
    for title, prepare in (("training", training), ("inference", inference))
    for precision in ("fp32", "bf16")
}
WORKLOADS["routing"] = Workload("routing layer, fp32", tuple(ROUTINGS), routing, BATCH)
WORKLOADS |= EM_WORKLOADS | GAN_WORKLOADS | DRAW_WORKLOADS


def require_same_function() -> None:
    """Raise unless the textbook network gives CapsNet's numbers, forwards and backwards."""
    torch.manual_seed(0)
    ours, images, targets = CapsNet(), torch.rand(4, 1, 28, 28), torch.arange(4)
    textbook = with_weights_of(ours)
    found = []
    for network in (ours, textbook):
        outcome = MarginObjective()(network, Batch(images, targets))
        outcome.loss.backward()
        found.append((outcome.loss, outcome.scores, network.convolution.weight.grad))
    for value, expected in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-5)


def _network_and_batch(contender: str) -> tuple[nn.Module, Batch]:
    torch.manual_seed(0)
    network = NETWORKS[contender]()
    return network, Batch(torch.rand(BATCH, 1, 28, 28), torch.randint(10, (BATCH,)))


def _autocast(precision: str) -> AbstractContextManager:
    return torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
