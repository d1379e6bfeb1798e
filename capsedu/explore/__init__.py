"""What a chapter shows: figures that say in words what they show, and explorers to play with.

``from capsedu.explore import explorers`` imports them, which takes seconds; they are not needed for
a figure.
"""

from capsedu.explore.display import show
from capsedu.explore.widgets import live

__all__ = ["live", "show"]
