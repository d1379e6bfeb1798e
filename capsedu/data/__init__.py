"""Image sets by name, and batches of them with the pose of every image."""

from capsedu.data.binarised import Binarised
from capsedu.data.clutter import Cluttered
from capsedu.data.geometry import affine_images, affine_matrix, shift_images
from capsedu.data.images import Batch, ImageSet
from capsedu.data.left_eye import LeftEye
from capsedu.data.pairs import AffinePairs, FarPairs, ShiftedPairs, TurnedPairs
from capsedu.data.sources import available, data_root, first_available, load
from capsedu.data.stream import BatchStream
from capsedu.data.transforms import (
    AffineDigits,
    CentreCrop,
    Framed,
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
    "AffinePairs",
    "Batch",
    "BatchStream",
    "Binarised",
    "CentreCrop",
    "Cluttered",
    "FarPairs",
    "Framed",
    "Identity",
    "ImageSet",
    "LeftEye",
    "OverlappingPairs",
    "Pad",
    "PadAndPlace",
    "RandomCrop",
    "RotatedDigits",
    "Shift",
    "ShiftedPairs",
    "TurnedPairs",
    "affine_images",
    "affine_matrix",
    "available",
    "data_root",
    "first_available",
    "load",
    "shift_images",
]
