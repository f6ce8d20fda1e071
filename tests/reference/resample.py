"""Slow reference of interpolation and of its gradients (see frankentorch/_ext/resample_run.pyx).

Dim by dim, the last first: an output place is the sum of its taps' products, taps ascending, from the first product; taps of weight 0 after the first are
left out. Backwards the dims go the other way round, and a place adds from +0 what those that read it give, readers ascending, none of weight 0. Weights
are made in float64 and rounded to the dtype. A dim whose size stays is left out.
"""
import math

import numpy as np


def step_of(n_in, n_out, align):
    return ((n_in - 1) / (n_out - 1) if n_out > 1 else 0.0) if align else n_in / n_out


def keys(x, a):
    """The cubic convolution kernel of Keys 1981."""
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def linear(n_in, n_out, align):
    """[[(place, weight)]] of each output."""
    step, found = step_of(n_in, n_out, align), []
    for o in range(n_out):
        at = o * step if align else max((o + 0.5) * step - 0.5, 0.0)
        low = min(int(at), n_in - 1)
        part = min(max(at - low, 0.0), 1.0)
        found.append([(low, 1 - part), (min(low + 1, n_in - 1), part)])
    return found


def cubic(n_in, n_out, align):
    step, found = step_of(n_in, n_out, align), []
    for o in range(n_out):
        at = o * step if align else (o + 0.5) * step - 0.5
        low = math.floor(at)
        found.append([(min(max(low + k, 0), n_in - 1), keys(at - low - k, -0.75)) for k in (-1, 0, 1, 2)])
    return found


def smooth(reach, filter):
    """A filter widened by the scale, its weights divided by their sum."""
    def taps(n_in, n_out, align):
        step, found = step_of(n_in, n_out, align), []
        wide = max(step, 1.0)
        for o in range(n_out):
            centre = step * (o + 0.5)
            places = range(max(int(centre - reach * wide + 0.5), 0), min(int(centre + reach * wide + 0.5), n_in))
            weights = [filter((j - centre + 0.5) / wide) for j in places]
            total = sum(weights)
            found.append([(j, w / total if total else w) for j, w in zip(places, weights)])
        return found
    return taps


def nearest(n_in, n_out, align):
    step = np.float32(n_in) / np.float32(n_out)
    return [[(min(int(np.float32(o) * step), n_in - 1), 1.0)] for o in range(n_out)]


triangle, smooth_cubic = smooth(1, lambda x: max(1 - abs(x), 0.0)), smooth(2, lambda x: keys(x, -0.5))


def passes(sizes, out_sizes, taps, align):
    """(dim, taps) of the last dims that change, the last first."""
    dims = range(len(sizes))
    return [(d - len(sizes), taps(sizes[d], out_sizes[d], align)) for d in reversed(dims) if sizes[d] != out_sizes[d]]


def forward(x, out_sizes, taps, align=False):
    for dim, rows in passes(x.shape[2:], out_sizes, taps, align):
        kind, lines, found = x.dtype.type, np.moveaxis(x, dim, 0), []
        for row in rows:
            total = kind(row[0][1]) * lines[row[0][0]]
            for place, weight in row[1:]:
                if weight != 0:
                    total = total + kind(weight) * lines[place]
            found.append(total)
        x = np.moveaxis(np.array(found), 0, dim)
    return x


def backward(g, sizes, taps, align=False):
    for dim, rows in reversed(passes(sizes, g.shape[2:], taps, align)):
        lines = np.moveaxis(g, dim, 0)
        found = np.zeros((sizes[dim], *lines.shape[1:]), g.dtype)
        for o, row in enumerate(rows):
            for place, weight in row:
                if weight != 0:
                    found[place] = found[place] + g.dtype.type(weight) * lines[o]
        g = np.moveaxis(found, 0, dim)
    return g
