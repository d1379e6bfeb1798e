"""Routing: how children's votes become parents' poses.

Each algorithm is a readable generator ``*_steps`` that yields every iteration, and a fast
function that gives the same numbers.
"""
