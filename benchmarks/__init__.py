"""Speed and memory against a textbook CapsNet and the floor: ``python -m benchmarks``."""
