"""Reductions and scans: along the last dim, the first, one in the middle, several, all; short rows and long."""
from bench.sweep.case import FLOATS, INTEGERS, Input, case

DTYPES = (*FLOATS, *INTEGERS, "bool")
REDUCTIONS = {               # over x and dim
    **{name: f"x.{name}(dim)" for name in ("sum", "mean", "prod", "amax", "amin", "argmax", "argmin", "max", "min", "any", "all", "var", "std", "logsumexp", "nansum", "nanmean",
                                           "count_nonzero")},
    "aminmax": "x.aminmax(dim=dim)", "var_mean": "torch.var_mean(x, dim)", "norm": "x.norm(dim=dim)", "norm 1": "x.norm(1, dim)", "norm 3": "x.norm(3, dim)", "norm 0": "x.norm(0, dim)",
    "norm inf": "x.norm(float('inf'), dim)", "sum of comparisons": "(x > 1).sum(dim)",
}
PLACES = (                   # (shape, dim, layouts)
    ((1000, 1000), 0, ("contiguous",)), ((1000, 1000), 1, ("contiguous", "strided", "transposed")), ((100, 10_000), 1, ("contiguous",)), ((10_000, 9), 1, ("contiguous",)),
    ((10_000, 33), 1, ("contiguous",)), ((64, 100, 100), 1, ("contiguous",)), ((9, 10_000), 0, ("contiguous",)), ((30, 40), 1, ("contiguous",)),
    ((8, 32, 28, 28), (0, 2, 3), ("contiguous", "channels_last")), ((8, 32, 28, 28), (2, 3), ("contiguous", "channels_last")), ((8, 32, 28, 28), 1, ("contiguous", "channels_last")),
)
WHOLE = {                    # to one number
    **{name: f"x.{name}()" for name in ("sum", "mean", "prod", "amax", "argmax", "max", "min", "aminmax", "any", "all", "var", "norm", "nansum", "count_nonzero")},
}
LENGTHS = ((100,), (10_000,), (1_000_000,))
SCANS = {
    **{name: f"x.{name}(dim)" for name in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")},
    "diff": "x.diff(dim=dim)", "trapezoid": "torch.trapezoid(x, dim=dim)", "cumulative_trapezoid": "torch.cumulative_trapezoid(x, dim=dim)",
}
SCANNED = (((1000, 1000), 0, "contiguous"), ((1000, 1000), 1, "contiguous"), ((1000, 1000), 1, "transposed"), ((10_000, 3), 1, "contiguous"), ((10_000, 9), 1, "contiguous"),
           ((10_000, 100), 1, "contiguous"), ((100, 10_000), 1, "contiguous"), ((64, 100, 100), 1, "contiguous"), ((1_000_000,), 0, "contiguous"), ((1000,), 0, "contiguous"),
           ((30, 40), 1, "contiguous"))


def along(dim):
    return f"dim {dim}".replace("(", "").replace(")", "")


def reductions():
    for label, expression in REDUCTIONS.items():
        for dtype in DTYPES:
            for shape, dim, layouts in PLACES:
                for layout in layouts:
                    yield case(label, expression, dtype, shape, along(dim), layout, x=Input(shape, dtype, layout), dim=repr(dim))
    for label, expression in WHOLE.items():
        for dtype in DTYPES:
            for shape in LENGTHS:
                yield case(f"{label} of all", expression, dtype, shape, x=Input(shape, dtype))
            yield case(f"{label} of all", expression, dtype, (1000, 1000), "strided", x=Input((1000, 1000), dtype, "strided"))


def scans():
    for label, expression in SCANS.items():
        for dtype in (*FLOATS, *INTEGERS):
            for shape, dim, layout in SCANNED:
                yield case(label, expression, dtype, shape, along(dim), layout, x=Input(shape, dtype, layout), dim=repr(dim))
