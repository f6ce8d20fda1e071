"""Additions to places that an index names, embeddings and their bags."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor
from tests.reference import scatter

PLACES = [(3, 20, 1), (7, 40, 5), (50, 300, 17), (2, 700, 33), (5, 0, 3)]               # places, sources, width


def named(dtype):
    for places, count, width in PLACES:
        rng = np.random.default_rng(width)
        x, source = numbers(rng, places, width) / 8, numbers(rng, count, width) / 8
        yield x.astype(dtype), rng.integers(0, places, count), source.astype(dtype), rng.integers(0, places, (count, width))


def columns(function, x, index, source, *rest):
    """Each column has an index of its own."""
    return np.stack([function(x[:, j:j + 1], index[:, j], source[:, j:j + 1], *rest)[:, 0] for j in range(x.shape[1])], 1)


def add_sums(dtype):
    def found(x, index, source, own):
        places, t, s = tensor(index), tensor(x), tensor(source)
        made = [t.index_add(0, places, s), t.index_put((places,), s, accumulate=True), t.t().contiguous().index_add(1, places, s.t()).t(), t.scatter_add(0, tensor(own), s)]
        if dtype != "float16":
            data = leaf(x)
            data[places].backward(s)
            other = leaf(x)
            other.gather(0, tensor(own)).backward(s)
            third = leaf(x)
            third.index_select(0, places).backward(s)
            made += [data.grad, other.grad, third.grad]
        return [np.ascontiguousarray(a) for a in arrays(*made)]

    def expected(x, index, source, own):
        sums, zeros = scatter.add_rows(x, index, source), np.zeros_like(x)
        made = [sums, sums, sums, columns(scatter.add_rows, x, own, source)]
        if dtype != "float16":
            rows = scatter.add_rows(zeros, index, source)
            made += [rows, columns(scatter.add_rows, zeros, own, source), rows]
        return made

    enter(f"index_add, index_put, scatter_add {dtype}", lambda: named(dtype), found, expected)


def add_combinations(dtype):
    def found(x, index, source, own):
        made = []
        for name in ("prod", "amax", "amin"):
            made += arrays(tensor(x).scatter_reduce(0, tensor(own), tensor(source), name), tensor(x).index_reduce(0, tensor(index), tensor(source), name))
        return made

    def expected(x, index, source, own):
        made = []
        for function in (np.multiply, np.maximum, np.minimum):
            made += [columns(scatter.combine_rows, x, own, source, function), scatter.combine_rows(x, index, source, function)]
        return made

    enter(f"scatter_reduce, index_reduce {dtype}", lambda: named(dtype), found, expected)


def add_embeddings(dtype):
    def found(x, index, source, own):
        made = []
        for padding in (None, 1):
            for by_frequency in (False, True):
                table = leaf(x)
                F.embedding(tensor(index), table, padding, scale_grad_by_freq=by_frequency).backward(tensor(source))
                made += arrays(table.grad)
        return made

    def expected(x, index, source, own):
        return [scatter.embedding_gradient(source, index, len(x), padding, by_frequency) for padding in (-1, 1) for by_frequency in (False, True)]

    enter(f"embedding {dtype}", lambda: named(dtype), found, expected)


def add_bags(dtype):
    def inputs():
        for x, index, source, _ in named(dtype):
            count = len(index)
            offsets = np.minimum([0, count // 5, count // 3, count // 3, count // 3 + 1, count // 2], count)         # one is empty
            rng = np.random.default_rng(count)
            yield x, index, offsets, numbers(rng, count, dtype=dtype), numbers(rng, len(offsets), x.shape[1], dtype=dtype)

    def found(x, index, offsets, weights, g):
        made = []
        for padding in (None, 1):
            for mode, factor in (("sum", None), ("mean", None), ("sum", weights), ("max", None)):
                table = leaf(x)
                out = F.embedding_bag(tensor(index), table, tensor(offsets), mode=mode, per_sample_weights=None if factor is None else tensor(factor), padding_idx=padding)
                made += arrays(out)
                if mode != "max":
                    out.backward(tensor(g))
                    made += arrays(table.grad)
        return made

    def expected(x, index, offsets, weights, g):
        made = []
        for padding in (-1, 1):
            for mode, factor in (("sum", None), ("mean", None), ("sum", weights), ("max", None)):
                made.append(scatter.bags(x, index, offsets, mode, factor, padding))
                if mode != "max":
                    made.append(scatter.bags_gradient(g, index, offsets, len(x), mode, factor, padding))
        return made

    enter(f"embedding_bag {dtype}", inputs, found, expected)


def add_histograms(dtype):
    def inputs():
        for n in (1, 50, 1000):
            rng = np.random.default_rng(n)
            yield (rng.integers(-8, 80, n) / 8).astype(dtype), rng.standard_normal(n).astype(dtype)

    def found(x, weight):
        counts = ft.histc(tensor(x), 7, -0.5, 6.5)
        sums = ft.histogram(tensor(x), 7, range=(-0.5, 6.5), weight=tensor(weight))[0]
        places = np.abs(x).astype(np.int64)
        return arrays(counts, sums, ft.bincount(tensor(places), tensor(weight)))

    def expected(x, weight):
        places = np.abs(x).astype(np.int64)
        sums = scatter.add_rows(np.zeros((places.max() + 1, 1), dtype), places, weight[:, None])[:, 0]
        return scatter.count_into(x, -0.5, 6.5, 7), scatter.count_into(x, -0.5, 6.5, 7, weight), sums

    enter(f"histc, histogram, bincount {dtype}", inputs, found, expected)


for dtype in DTYPES:
    add_combinations(dtype)
    add_embeddings(dtype)
    add_bags(dtype)
    add_histograms(dtype)
for dtype in (*DTYPES, "float16"):
    add_sums(dtype)
