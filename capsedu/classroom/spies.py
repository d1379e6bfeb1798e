"""Stand-ins that hidden tests hand to a student's function, to see what it does with them.

Their numbers are made up, so that a test of the order of things depends on nothing else.
"""

from collections.abc import Callable

import torch
from torch import Tensor


class RoutingSpy:
    """The four parts of EM routing with made-up numbers; they note what they are given.

    The n-th M-step finds means of 0.1 n everywhere, and the logits after it in iteration t are
    n + t − 1.5.

    Attributes:
        activations: of the children, ``[b, i]``, drawn anew for each spy.
        connected: ``[i, j]``; child 0 votes for nobody.
        log: in order ``("m_step", assignments, activations)`` and ``("e_step", assignments)``.
        asked: the ``(t, final)`` of every call of ``activity``.
        scored: the logits that every E-step was given.
    """

    def __init__(self) -> None:
        self.activations = torch.rand(2, 6)
        self.connected = torch.rand(6, 4) < 0.5
        self.connected[0], self.connected[1:, 0] = False, True
        self.log: list[tuple] = []
        self.asked: list[tuple[int, float]] = []
        self.scored: list[Tensor] = []

    def run(self, route: Callable, iterations: int, final: float = 0.7) -> tuple:
        """What ``route`` returns, with this spy's parts and random votes."""
        votes, biases = torch.randn(2, 6, 4, 3), torch.randn(2, 4)
        parts = self.log_density, self.m_step, self.activity, self.e_step
        children = self.activations.clone()
        return route(votes, children, *biases, iterations, final, self.connected.clone(), parts)

    def steps(self, name: str) -> list[tuple]:
        """The log's entries of this name."""
        return [entry for entry in self.log if entry[0] == name]

    def log_density(self, votes: Tensor, means: Tensor, variances: Tensor) -> Tensor:
        return torch.einsum("bijd,bjd->bij", votes, means)

    def m_step(
        self, votes: Tensor, assignments: Tensor, activations: Tensor, floor: float = 5e-4
    ) -> tuple[Tensor, Tensor, Tensor]:
        self.log.append(("m_step", assignments.clone(), activations.clone()))
        n = float(len(self.steps("m_step")))
        found = torch.ones_like(votes[:, 0])
        return 0.1 * n * found, (1 + n) * found, n * found[..., 0]

    def activity(
        self,
        received: Tensor,
        variances: Tensor,
        beta_u: Tensor,
        beta_a: Tensor,
        t: int,
        final: float,
    ) -> Tensor:
        self.asked.append((t, final))
        return received + t - 1.5

    def e_step(self, log_densities: Tensor, logits: Tensor, connected: Tensor) -> Tensor:
        self.scored.append(logits.clone())
        scores = torch.rand(log_densities.shape) * connected
        assignments = scores / scores.sum(dim=2, keepdim=True).clamp(min=1e-8)
        self.log.append(("e_step", assignments.clone()))
        return assignments


class DrawingSpy:
    """The parts of one step of DRAW with made-up numbers; ``given`` notes what each is given."""

    def __init__(self) -> None:
        self.images, self.canvas, self.paint = torch.rand(3, 2, 5, 5)
        self.code, self.noise, self.glimpse = torch.randn(2, 2, 3), torch.randn(2, 3), torch.rand(2)
        states = torch.rand(8, 2, 4)
        self.encoder, self.decoder, self.new_encoder, self.new_decoder = (
            (states[2 * k], states[2 * k + 1]) for k in range(4)
        )
        self.given: dict[str, tuple] = {}

    def run(self, one_step: Callable) -> tuple:
        """What ``one_step`` returns with this spy as the network."""
        states = self.encoder, self.decoder
        return one_step(self, self.images.clone(), self.canvas.clone(), *states, self.noise.clone())

    def read(self, images: Tensor, canvas: Tensor, output: Tensor) -> Tensor:
        self.given["read"] = images.clone(), canvas.clone(), output
        return self.glimpse

    def encode(self, glimpse: Tensor, output: Tensor, state: tuple) -> tuple[Tensor, Tensor]:
        self.given["encode"] = glimpse, output, state
        return self.new_encoder

    def posterior(self, output: Tensor) -> tuple[Tensor, Tensor]:
        self.given["posterior"] = (output,)
        return self.code[0], self.code[1]

    def decode(self, latents: Tensor, state: tuple) -> tuple[Tensor, Tensor]:
        self.given["decode"] = latents, state
        return self.new_decoder

    def write(self, output: Tensor) -> Tensor:
        self.given["write"] = (output,)
        return self.paint
