"""Saving and loading `.pt` files."""
GROUPS_HERE = ("serialization",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
