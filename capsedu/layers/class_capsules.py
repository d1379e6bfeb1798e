"""Class capsules that are routed in other ways than dynamic routing, and none at all.

Each has the weights of :class:`~capsedu.layers.capsules.DenseCapsules` and the same shapes, so that
one can stand in another's place and nothing else changes.
"""

import torch
from torch import Tensor, nn

from capsedu.functional import capsule_length
from capsedu.routing.em import em_routing
from capsedu.routing.self_attention import self_attention_routing
from capsedu.routing.voteless import child_votes

WEIGHT_STD = 0.04  # of the authors' code, for 16 children of 8 components and 10 parents


class SelfAttentionCapsules(nn.Module):
    """Capsules that attend to their children's votes once.

    Args:
        children: number of child capsules.
        child_dim: components of a child's pose.
        parents: number of parent capsules.
        parent_dim: components of a parent's pose.
        weight_std: standard deviation of the initial weights.

    Shapes:
        input ``[b, i, e]``; output ``[b, j, d]``; :attr:`weight` ``[j, e, i, d]``, :attr:`priors`
        ``[i, j]``.

    Source: Mazzia, Salvetti & Chiaberge (2021), section 3.2.
    """

    def __init__(
        self,
        children: int,
        child_dim: int,
        parents: int,
        parent_dim: int,
        weight_std: float = WEIGHT_STD,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            weight_std * torch.randn(parents, child_dim, children, parent_dim)
        )
        self.priors = nn.Parameter(torch.zeros(children, parents))

    def forward(self, children: Tensor) -> Tensor:
        return self_attention_routing(child_votes(children, self.weight), self.priors)


class EmCapsules(nn.Module):
    """Capsules of vectors that are routed by EM, and whose length is their activation.

    EM routing keeps pose and activation apart. Here, so that the margin loss can be used, the
    direction of the mean is the pose, and its length is replaced by the activation; in no paper.

    Args:
        children, child_dim, parents, parent_dim, weight_std: as in
            :class:`SelfAttentionCapsules`.
        iterations: of EM routing.

    Shapes:
        input ``[b, i, e]``, whose lengths are the children's activations; output ``[b, j, d]``.

    Source of the routing: Hinton, Sabour & Frosst (2018), procedure 1.
    """

    def __init__(
        self,
        children: int,
        child_dim: int,
        parents: int,
        parent_dim: int,
        weight_std: float = WEIGHT_STD,
        iterations: int = 3,
    ) -> None:
        super().__init__()
        self.iterations = iterations
        self.weight = nn.Parameter(
            weight_std * torch.randn(parents, child_dim, children, parent_dim)
        )
        self.description_bias = nn.Parameter(torch.zeros(parents))
        self.activation_bias = nn.Parameter(torch.zeros(parents))

    def forward(self, children: Tensor) -> Tensor:
        means, activations = em_routing(
            child_votes(children, self.weight),
            capsule_length(children).clamp(max=1),
            self.description_bias,
            self.activation_bias,
            self.iterations,
        )
        return nn.functional.normalize(means, dim=2) * activations.unsqueeze(2)
