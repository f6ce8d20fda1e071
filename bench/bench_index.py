"""Gathering, scattering, masks and copies."""
GROUPS_HERE = ("index",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
