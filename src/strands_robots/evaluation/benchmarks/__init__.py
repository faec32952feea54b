"""Benchmarks of other people, each in a Python environment of its own, with one process that speaks for it."""
