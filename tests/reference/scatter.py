"""Slow reference of what is added to places that an index names, and of bags of rows: in ascending order of the source."""
import numpy as np

from .exact_fma import fma_float32, fma_float64


def add_rows(out, index, source):
    """out[index[i]] += source[i], i ascending; each sum is rounded to the dtype."""
    out = out.copy()
    for place, row in zip(index, source, strict=True):
        out[place] = out[place] + row
    return out


def combine_rows(out, index, source, function):
    out = out.copy()
    for place, row in zip(index, source, strict=True):
        out[place] = function(out[place], row)
    return out


def embedding_gradient(g, index, places, padding, by_frequency):
    """Rows of g (count, width) added to a table of `places` rows; of a row that is named n times each is divided by n, if asked for."""
    kind, out = g.dtype.type, np.zeros((places, g.shape[1]), g.dtype)
    for place, row in zip(index, g, strict=True):
        if place != padding:
            n = int((index == place).sum())
            out[place] = out[place] + (row / kind(n) if by_frequency and n > 1 else row)
    return out


def bags(table, index, offsets, mode, weights, padding):
    """Rows of each bag: one chain from zero, with weights of fused multiply-adds; a mean divides by how many there are; a maximum is the first of equals, or NaN."""
    kind, out = table.dtype.type, np.zeros((len(offsets), table.shape[1]), table.dtype)
    fma = fma_float32 if kind is np.float32 else fma_float64
    for bag, (begin, end) in enumerate(zip(offsets, [*offsets[1:], len(index)])):
        used = [i for i in range(begin, end) if index[i] != padding]
        for number, i in enumerate(used):
            row = table[index[i]]
            if mode == "max":
                out[bag] = row if number == 0 else np.where((row > out[bag]) | np.isnan(row), row, out[bag])
            else:
                out[bag] = out[bag] + row if weights is None else fma(row, weights[i], out[bag])
        if mode == "mean" and len(used) > 1:
            out[bag] = out[bag] / kind(len(used))
    return out


def bags_gradient(g, index, offsets, places, mode, weights, padding):
    """Of the table: what each row gives its bag, added in order."""
    kind, out = g.dtype.type, np.zeros((places, g.shape[1]), g.dtype)
    for bag, (begin, end) in enumerate(zip(offsets, [*offsets[1:], len(index)])):
        used = [i for i in range(begin, end) if index[i] != padding]
        for i in used:
            share = g[bag] * weights[i] if weights is not None else g[bag] / kind(len(used)) if mode == "mean" else g[bag]
            out[index[i]] = out[index[i]] + share
    return out


def count_into(x, low, high, bins, weight=None):
    """Counts, or sums of weights in order, of values in bins of even width from low to high, which is in the last one."""
    out = np.zeros(bins, x.dtype)
    for i, value in enumerate(x):
        if low <= value <= high:
            out[min(int((value - low) / (high - low) * bins), bins - 1)] += 1 if weight is None else weight[i]
    return out
