"""Elementwise operations: small and large, broadcast, transposed, half types."""
GROUPS_HERE = ("elementwise",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
