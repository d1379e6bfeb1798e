"""One file per network of the papers, named after it."""

from capsedu.models.capsnet import CapsNet
from capsedu.models.cnn_baseline import CnnBaseline, PoolingCnnBaseline
from capsedu.models.matrix_capsnet import MatrixCapsNet

__all__ = ["CapsNet", "CnnBaseline", "MatrixCapsNet", "PoolingCnnBaseline"]
