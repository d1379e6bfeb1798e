"""Exercises that answer at once."""

from capsedu.classroom.check import check

__all__ = ["check"]
