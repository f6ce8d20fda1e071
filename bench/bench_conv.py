"""Convolutions and pooling, with the shapes of known networks."""
GROUPS_HERE = ("conv",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
