"""What works row by row: softmax, normalisation, losses, sorting."""
GROUPS_HERE = ("rows",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
