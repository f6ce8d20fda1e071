"""The package's own checkpoints."""
GROUPS_HERE = ("checkpoint",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
