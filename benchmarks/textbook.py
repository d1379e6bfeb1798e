"""CapsNet as tutorials write it: every tensor of the paper exists, autograd does the rest.

It is clear, and it is what the package's fast version is compared with. Its votes are a
broadcast matrix product over ``[b, i, j, d, e]``, and routing is the paper's loop.
"""

import torch
from torch import Tensor, nn

from capsedu.layers import CapsuleDecoder
from capsedu.models import CapsNet


def squash(s: Tensor) -> Tensor:
    """Equation 1 of Sabour, Frosst & Hinton (2017), as printed (0/0 for a zero vector).

    Args:
        s: total inputs ``[..., d]``.
    """
    length = s.norm(dim=-1, keepdim=True)
    return length**2 / (1 + length**2) * (s / length)


def route(children: Tensor, weight: Tensor, iterations: int = 3) -> Tensor:
    """Votes and dynamic routing, procedure 1 of Sabour, Frosst & Hinton (2017).

    Args:
        children: child poses ``[b, i, e]``.
        weight: one matrix per pair of child and parent, ``[i, j, d, e]``.
        iterations: how many times to couple, sum and squash.

    Returns:
        Parent poses ``[b, j, d]``.
    """
    votes = weight @ children[:, :, None, :, None]  # [b, i, j, d, 1]
    logits = votes.new_zeros(*votes.shape[:3], 1, 1)  # [b, i, j, 1, 1]
    for _ in range(iterations):
        couplings = logits.softmax(dim=2)
        totals = (couplings * votes).sum(dim=1, keepdim=True)  # [b, 1, j, d, 1]
        poses = squash(totals.squeeze(-1)).unsqueeze(-1)
        logits = logits + poses.transpose(3, 4) @ votes
    return poses[:, 0, :, :, 0]


class TextbookCapsNet(nn.Module):
    """The paper's network for 1x28x28 images and 10 classes, from the parts above."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 256, 9)
        self.primary = nn.Conv2d(256, 8 * 32, 9, stride=2)
        self.weight = nn.Parameter(0.01 * torch.randn(1152, 10, 16, 8))
        self.decoder = CapsuleDecoder(10, 16, (1, 28, 28))

    def forward(self, images: Tensor) -> Tensor:
        """Class capsules ``[b, 10, 16]`` of ``images`` ``[b, 1, 28, 28]``."""
        features = self.primary(self.convolution(images).relu())  # [b, 8 * 32, 6, 6]
        children = features.reshape(-1, 8, 32 * 6 * 6).transpose(1, 2)
        # Only convolutions and linear layers run in bfloat16 under autocast, as in capsedu.
        with torch.autocast(images.device.type, enabled=False):
            return route(squash(children.float()), self.weight)


def with_weights_of(capsnet: CapsNet) -> TextbookCapsNet:
    """A textbook network that computes the same function as ``capsnet``."""
    network = TextbookCapsNet()
    network.convolution.load_state_dict(capsnet.convolution.state_dict())
    network.primary.load_state_dict(capsnet.primary_capsules.convolution.state_dict())
    network.decoder.load_state_dict(capsnet.decoder.state_dict())
    with torch.no_grad():  # [j, e, i, d] to [i, j, d, e]
        network.weight.copy_(capsnet.class_capsules.weight.permute(2, 0, 3, 1))
    return network
