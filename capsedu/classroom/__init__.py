"""Exercises that answer at once."""

from capsedu.classroom.check import check
from capsedu.classroom.waiting import waits

__all__ = ["check", "waits"]
