"""The floor: what CapsNet would cost if capsules cost nothing."""

from torch import Tensor, nn

from capsedu.layers import CapsuleDecoder


class Floor(nn.Module):
    """CapsNet's two convolutions and its decoder, with nothing between them.

    The first 160 numbers behind the second convolution stand for the 10 class capsules of
    16 components, so that the same losses and the same decoder can follow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 256, 9), nn.ReLU(True), nn.Conv2d(256, 256, 9, stride=2), nn.ReLU(True)
        )
        self.decoder = CapsuleDecoder(10, 16, (1, 28, 28))

    def forward(self, images: Tensor) -> Tensor:
        """Stand-ins for class capsules, ``[b, 10, 16]``, of ``images`` ``[b, 1, 28, 28]``."""
        return self.convolutions(images).flatten(1)[:, :160].unflatten(1, (10, 16)).float()
