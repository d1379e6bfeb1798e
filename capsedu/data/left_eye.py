"""One picture of a stereo pair, in the size that a generator paints."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Generator, Tensor

from capsedu.data.transforms import Transform
from capsedu.errors import require_count


@dataclass(frozen=True)
class LeftEye(Transform):
    """The first picture of each pair, enlarged or reduced to ``size`` by ``size``. Pose: empty.

    Bilinear; where it reduces, each pixel is a mean over the area that it covers. smallNORB's
    96x96 pixels are reduced to 64x64, as in the paper. The rendered toys' 48x48 are enlarged:
    what the picture did not hold before, it does not hold afterwards.

    The paper shows single pictures and does not say which of the two it took. A pair would have
    to be painted twice, alike but for the shift that depth makes.

    Source: Saqur & Vivona (2018), section 5.2.1.
    """

    size: int = 64

    def __post_init__(self) -> None:
        require_count("size", self.size)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        return {}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        size = (self.size, self.size)
        left = images[:, :1]
        if left.shape[2:] == size:
            return left
        return F.interpolate(left, size, mode="bilinear", antialias=True).clamp(0, 1)
