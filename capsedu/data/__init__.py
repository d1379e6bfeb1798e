"""Image sets by name, and batches of them with the pose of every image."""

from capsedu.data.geometry import affine_images, affine_matrix, shift_images
from capsedu.data.images import Batch, ImageSet
from capsedu.data.sources import available, data_root, first_available, load
from capsedu.data.stream import BatchStream
from capsedu.data.transforms import (
    AffineDigits,
    CentreCrop,
    Identity,
    OverlappingPairs,
    Pad,
    PadAndPlace,
    RandomCrop,
    RotatedDigits,
    Shift,
)

__all__ = [
    "AffineDigits",
    "Batch",
    "BatchStream",
    "CentreCrop",
    "Identity",
    "ImageSet",
    "OverlappingPairs",
    "Pad",
    "PadAndPlace",
    "RandomCrop",
    "RotatedDigits",
    "Shift",
    "affine_images",
    "affine_matrix",
    "available",
    "data_root",
    "first_available",
    "load",
    "shift_images",
]
