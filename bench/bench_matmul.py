"""Matrix products, linear layers and attention."""
GROUPS_HERE = ("matmul",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
