"""Modules built from the equations and the routing algorithms."""

from capsedu.layers.capsules import DenseCapsules, PrimaryCapsules
from capsedu.layers.decoder import CapsuleDecoder
from capsedu.layers.matrix_capsules import (
    ClassMatrixCapsules,
    ConvolutionalCapsules,
    MatrixCapsules,
    PrimaryMatrixCapsules,
)

__all__ = [
    "CapsuleDecoder",
    "ClassMatrixCapsules",
    "ConvolutionalCapsules",
    "DenseCapsules",
    "MatrixCapsules",
    "PrimaryCapsules",
    "PrimaryMatrixCapsules",
]
