"""The smallest routing problem that shows something: 3 children, 2 parents, flat poses.

Children 0 and 1 predict nearly the same pose for parent 0 and contradict each other about
parent 1; child 2 does the opposite of them about parent 0. Chapter 3 routes it by hand.
"""

import torch
from torch import Tensor


def toy_children() -> Tensor:
    """Child poses ``[b=1, i=3, e=2]``."""
    return torch.tensor([[[0.5, 0.0], [0.0, 0.5], [0.5, 0.5]]])


def toy_weight() -> Tensor:
    """Transformation matrices ``[j=2, e=2, i=3, d=2]``; each turns and stretches the plane."""
    matrices = torch.tensor(
        [
            [[[3.0, 1.0], [-1.0, 3.0]], [[2.0, 0.0], [0.0, 2.0]]],
            [[[-1.0, -3.0], [3.0, -1.0]], [[-1.0, 2.0], [-2.0, -1.0]]],
            [[[-1.0, 1.0], [-1.0, -1.0]], [[1.5, 1.5], [-1.5, 1.5]]],
        ]
    )  # [i, j, e, d], as one would write them down
    return matrices.permute(1, 2, 0, 3).contiguous()
