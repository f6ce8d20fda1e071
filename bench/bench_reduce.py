"""Reductions and running sums in every direction."""
GROUPS_HERE = ("reduce",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
