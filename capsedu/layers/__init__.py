"""Modules built from the equations and the routing algorithms."""

from capsedu.layers.capsules import DenseCapsules, PrimaryCapsules
from capsedu.layers.decoder import CapsuleDecoder

__all__ = ["CapsuleDecoder", "DenseCapsules", "PrimaryCapsules"]
