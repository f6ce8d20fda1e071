"""The cost of a call: operations on ten numbers, with and without gradients, and a tiny network."""
GROUPS_HERE = ("tiny", "calls", "tiny_mlp")


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
