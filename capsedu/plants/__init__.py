"""Mistakes that public capsule code really makes, planted one at a time.

A :class:`~capsedu.plants.plant.Plant` holds a piece as it should be, the same piece with the
mistake, and the one-line test that tells them apart. The appendix *Wrong capsules* shows what
each does, the experiments ``wrong-capsules-…`` train with it, and the classroom asks students
for tests that catch it. Nothing else in the package uses these pieces.
"""

from capsedu.plants.catalogue import PLANTS
from capsedu.plants.plant import Plant, changed_lines

__all__ = ["PLANTS", "Plant", "changed_lines"]
