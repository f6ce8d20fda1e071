"""Optimizer steps, and what surrounds them."""
GROUPS_HERE = ("optim",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
