"""Every elementwise function of the op table."""
GROUPS_HERE = ("functions",)


def test_speed(benchmark, library, maker):
    benchmark(maker(library))
