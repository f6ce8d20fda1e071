"""Generators."""
GROUPS_HERE = ("random",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
