"""Convolutions, pooling and work on images, with the shapes of known networks."""
GROUPS_HERE = ("conv", "image")


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
