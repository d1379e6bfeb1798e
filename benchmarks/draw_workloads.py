"""DRAW's training step beside a textbook loop, and RCN's beside DRAW's."""

import torch

from benchmarks.textbook_draw import TextbookDraw
from benchmarks.workload import Step, Workload
from capsedu.compiling import compile_where_possible
from capsedu.data import Batch
from capsedu.learning.variational import Bound
from capsedu.models.draw import attentive_draw
from capsedu.models.rcn import Rcn

DRAW_BATCH = 64
STEPS = 10
SHAPE = (1, 28, 28)
# A latent of 10 numbers keeps a step's cost in windows and cells; the rest are our defaults.
SIZES = {"read_cells": 5, "write_cells": 5, "hidden": 256, "latent": 10, "steps": STEPS}


def draw_training(contender: str) -> Step:
    """A training step: forward, bound, backward, clipping, Adam; ours is compiled, if it can be."""
    torch.manual_seed(0)
    network = attentive_draw(SHAPE, **SIZES)
    batch = _batch()
    if contender == "textbook":
        textbook = TextbookDraw(network)
        return _step(textbook, lambda: textbook(batch.images, network.noise(DRAW_BATCH)))
    if contender == "capsedu":
        compile_where_possible(network)
    objective = Bound()
    return _step(network, lambda: objective(network, batch, noise=network.noise(DRAW_BATCH)).loss)


def rcn_training(contender: str) -> Step:
    """A training step of RCN at a quarter of the paper's width, and of DRAW with as many steps."""
    torch.manual_seed(0)
    networks = {
        "capsedu": lambda: Rcn(SHAPE, conv_channels=64, primary_types=8, steps=STEPS),
        "DRAW": lambda: attentive_draw(SHAPE, steps=STEPS),
    }
    network, batch, objective = networks[contender](), _batch(), Bound()
    return _step(network, lambda: objective(network, batch).loss)


def _batch() -> Batch:
    return Batch((torch.rand(DRAW_BATCH, *SHAPE) < 0.2).float(), torch.randint(10, (DRAW_BATCH,)))


def _step(network: torch.nn.Module, loss) -> Step:
    optimizer = torch.optim.Adam(network.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()

    return step


DRAW_WORKLOADS = {
    "DRAW, training": Workload(
        "DRAW, training",
        ("capsedu", "uncompiled", "textbook"),
        draw_training,
        DRAW_BATCH,
        compiles=True,
    ),
    "RCN, training": Workload(
        "RCN, training, beside DRAW", ("capsedu", "DRAW"), rcn_training, DRAW_BATCH
    ),
}


def require_same_draw() -> None:
    """Raise unless the textbook network gives our bound, forwards and backwards."""
    torch.manual_seed(0)
    few = {**SIZES, "steps": 3}
    ours = attentive_draw(SHAPE, **few).double()  # so that only real differences show
    images, noise = _batch().images[:4].double(), ours.noise(4).double()
    textbook = TextbookDraw(ours)
    bound = Bound()(ours, Batch(images, torch.zeros(4).long()), noise=noise).loss
    found = bound, textbook(images, noise)
    for loss in found:
        loss.backward()
    torch.testing.assert_close(*found)
    torch.testing.assert_close(ours.read.window.weight.grad, textbook.read_parameters.weight.grad)
    torch.testing.assert_close(ours.canvas.grad[0], textbook.canvas.grad)
