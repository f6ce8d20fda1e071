"""Matrix products, linear layers and attention."""
GROUPS_HERE = ("attention",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
