"""The interactive figures, one function each; the value of a cell shows itself."""

from capsedu.explore.explorers.codes import codes
from capsedu.explore.explorers.drawing import drawing
from capsedu.explore.explorers.em_routing import em_routing
from capsedu.explore.explorers.filling import filling
from capsedu.explore.explorers.filling_search import filling_search
from capsedu.explore.explorers.morph import morph
from capsedu.explore.explorers.pose_reading import pose_reading
from capsedu.explore.explorers.pose_sweep import pose_sweep
from capsedu.explore.explorers.routing import routing
from capsedu.explore.explorers.squashing import squashing
from capsedu.explore.explorers.told_transform import told_transform
from capsedu.explore.explorers.toy_gan import toy_gan
from capsedu.explore.explorers.trained_routing import trained_routing
from capsedu.explore.explorers.transposed_convolution import transposed_convolution

__all__ = [
    "codes",
    "drawing",
    "em_routing",
    "filling",
    "filling_search",
    "morph",
    "pose_reading",
    "pose_sweep",
    "routing",
    "squashing",
    "told_transform",
    "toy_gan",
    "trained_routing",
    "transposed_convolution",
]
