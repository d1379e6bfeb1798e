"""The interactive figures, one function each; the value of a cell shows itself."""

from capsedu.explore.explorers.em_routing import em_routing
from capsedu.explore.explorers.morph import morph
from capsedu.explore.explorers.pose_sweep import pose_sweep
from capsedu.explore.explorers.routing import routing
from capsedu.explore.explorers.squashing import squashing
from capsedu.explore.explorers.toy_gan import toy_gan
from capsedu.explore.explorers.trained_routing import trained_routing
from capsedu.explore.explorers.transposed_convolution import transposed_convolution

__all__ = [
    "em_routing",
    "morph",
    "pose_sweep",
    "routing",
    "squashing",
    "toy_gan",
    "trained_routing",
    "transposed_convolution",
]
