"""What a chapter shows: figures that say in words what they show."""

from capsedu.explore.display import show

__all__ = ["show"]
