"""Gathering, scattering, masks, copies, sorting."""
GROUPS_HERE = ("index", "sort")


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
