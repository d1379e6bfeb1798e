"""Speed and memory against textbook networks and the floor: ``python -m benchmarks``."""
