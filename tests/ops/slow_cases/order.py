"""Sorting and choosing by order; sums of neighbours, other norms, complex sums, patches added back."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor
from tests.reference import conv, order, reduce


def raised(x, exponent):
    """One power, of the function itself: ft.pow takes a root for an exponent of a half that is a number."""
    return ft.pow(tensor(x), ft.full((), exponent, dtype=getattr(ft, str(x.dtype)))).numpy()[()]


def add_order(dtype):
    def inputs():
        for lines, n in ((3, 1), (7, 5), (9, 16), (4, 65), (2, 300), (1, 3000)):
            rng = np.random.default_rng(n)
            x = rng.integers(0 if dtype == "uint8" else -9, 9, (lines, n)).astype(dtype)
            if dtype[0] == "f":
                x = np.where(rng.random((lines, n)) < 0.5, x, numbers(rng, lines, n)).astype(dtype)
                x[rng.random((lines, n)) < 0.1] *= -0.0
                x[0, n // 2], x[-1, 0] = np.nan, np.inf
            yield (x,)

    def found(x):
        k, made = (x.shape[1] + 2) // 3, []
        for t, dim in ((tensor(x), 1), (tensor(x.T), 0)):
            results = [*ft.sort(t, dim), *ft.sort(t, dim, True), *ft.topk(t, k, dim), *ft.topk(t, k, dim, False)]
            made += [np.ascontiguousarray(a if dim else a.T) for a in arrays(*results)]
            made += arrays(*ft.kthvalue(t, k, dim), *ft.median(t, dim))
        return made + arrays(*ft.unique(tensor(x[-1]), return_inverse=True, return_counts=True))

    def expected(x):
        k, rows = (x.shape[1] + 2) // 3, np.arange(len(x))
        up, down = (np.array([order.sort_places(row, descending) for row in x]) for descending in (False, True))
        made = [a for places in (up, down, down[:, :k], up[:, :k]) for a in (np.take_along_axis(x, places, 1), places)]
        for function in (lambda row: order.kth_place(row, k), order.median_place):
            places = np.array([function(row) for row in x], np.int64)
            made += [x[rows, places], places]
        return 2 * made + list(order.distinct(x[-1]))

    enter(f"sort, topk, kthvalue, median, unique {dtype}", inputs, found, expected)


def add_sums(dtype):
    def inputs():
        for lines, n in ((1, 2), (3, 9), (70, 33), (5, 70), (2, 4100)):
            rng = np.random.default_rng(n)
            yield numbers(rng, lines, n, dtype=dtype), numbers(rng, lines, n, dtype=dtype)

    def found(x, y):
        t, pairs = tensor(x), ft.complex(tensor(x), tensor(y))
        return arrays(ft.trapezoid(t, dx=0.3), t.std(1), *[ft.linalg.vector_norm(t[:, :300], p, 1) for p in (3, 0.5)], *[ft.linalg.vector_norm(t, p, 1) for p in (np.inf, -np.inf)],
                      ft.view_as_real(pairs.sum(1)), ft.view_as_real(pairs.mean(1)))

    def expected(x, y):
        kind, n = x.dtype.type, x.dtype.type(x.shape[1])
        panels = np.array([reduce.fold(row[1:] + row[:-1], kind) for row in x])
        norms = [reduce.norm(x[:, :300], (1,), p, raised) for p in (3, 0.5)]
        sums = np.stack([reduce.sum_(x, (1,)), reduce.sum_(y, (1,))], 1)
        return panels * kind(0.3) / kind(2), np.sqrt(reduce.var(x, (1,))), *norms, abs(x).max(1), abs(x).min(1), sums, sums / n

    enter(f"trapezoid, std, norms, complex sums {dtype}", inputs, found, expected)


def add_patches(dtype):
    def inputs():
        for sizes, kernel, stride, padding, dilation in (((5, 7), (2, 3), 1, 0, 1), ((9, 8), (3, 3), 2, 1, 1), ((12, 11), (2, 3), 1, 2, 2), ((6, 40), (3, 1), 3, 0, 1)):
            rng = np.random.default_rng(sizes[0])
            outs = tuple((size + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for size, k in zip(sizes, kernel))
            yield numbers(rng, 2, 3, *sizes, dtype=dtype), numbers(rng, 2, 3 * kernel[0] * kernel[1], outs[0] * outs[1], dtype=dtype), outs, (kernel, stride, padding, dilation)

    def found(x, g, outs, options):
        kernel, stride, padding, dilation = options
        t = leaf(x)
        columns = F.unfold(t, kernel, dilation, padding, stride)
        columns.backward(tensor(g))
        return arrays(columns, t.grad, F.fold(tensor(g), x.shape[2:], kernel, dilation, padding, stride))

    def expected(x, g, outs, options):
        kernel, *rest = options
        axes = [(1, *kernel), *((1, v, v) if name != "padding" else (0, v, v) for name, v in zip(("stride", "padding", "dilation"), rest)), (1, *outs)]
        columns = np.array([conv.unfold(image[:, None], *axes) for image in x])
        image = np.array([conv.fold(part, x.shape[1], (1, *x.shape[2:]), *axes)[:, 0] for part in g])
        return columns, image, image

    enter(f"unfold, fold {dtype}", inputs, found, expected)


for dtype in (*DTYPES, "int32", "int64", "uint8"):
    add_order(dtype)
for dtype in DTYPES:
    add_sums(dtype)
    add_patches(dtype)
