"""Slow reference of pooling and of its gradients, over planes of three axes (see frankentorch/_ext/pool.pxd)."""
import itertools

import numpy as np


def windows(size, kernel, stride, padding, dilation, out):
    """For each output of one axis the places that its window visits inside of the input, and its extent there and with padding."""
    found = []
    for o in range(out):
        start = o * stride - padding
        places = [start + k * dilation for k in range(kernel) if 0 <= start + k * dilation < size]
        found.append((places, len(places), min(start + kernel, size + padding) - start))
    return found


def adaptive_windows(size, out):
    """floor(o * size / out) to ceil((o + 1) * size / out)."""
    found = []
    for o in range(out):
        places = list(range(o * size // out, -(-(o + 1) * size // out)))
        found.append((places, len(places), len(places)))
    return found


def visits(axes):
    """(place of the output, places of its window in row-major order, extents, padded extents)."""
    for at in np.ndindex(*map(len, axes)):
        found = [axis[o] for axis, o in zip(axes, at, strict=True)]
        yield at, list(itertools.product(*(places for places, _, _ in found))), [f[1] for f in found], [f[2] for f in found]


def maximum(x, axes):
    """(values, flat places) of a plane: a later value wins if it is greater, or NaN."""
    out, index = (np.empty([len(axis) for axis in axes], dtype) for dtype in (x.dtype, np.int64))
    for at, places, _, _ in visits(axes):
        best = places[0]
        for place in places[1:]:
            if x[place] > x[best] or np.isnan(x[place]):
                best = place
        out[at], index[at] = x[best], np.ravel_multi_index(best, x.shape)
    return out, index


def maximum_backward(g, index, sizes):
    """g added at the places, outputs ascending."""
    out = np.zeros(np.prod(sizes), g.dtype)
    for value, place in zip(g.ravel(), index.ravel(), strict=True):
        out[place] += value
    return out.reshape(sizes)


def divisor_of(extents, padded, count_padding, divisor):
    return max(divisor or int(np.prod(padded if count_padding else extents)), 1)


def average(x, axes, count_padding=True, divisor=None):
    """Left to right from zero, one division."""
    kind, out = x.dtype.type, np.empty([len(axis) for axis in axes], x.dtype)
    for at, places, extents, padded in visits(axes):
        total = kind(0)
        for place in places:
            total = total + x[place]
        out[at] = total / kind(divisor_of(extents, padded, count_padding, divisor))
    return out


def average_backward(g, axes, sizes, count_padding=True, divisor=None):
    """A share of g added to each place of the window, outputs ascending."""
    out = np.zeros(sizes, g.dtype)
    for at, places, extents, padded in visits(axes):
        share = g[at] / g.dtype.type(divisor_of(extents, padded, count_padding, divisor))
        for place in places:
            out[place] += share
    return out


def adaptive_average(x, axes):
    """Left to right from zero, divided by the extents one after the other."""
    kind, out = x.dtype.type, np.empty([len(axis) for axis in axes], x.dtype)
    for at, places, extents, _ in visits(axes):
        total = kind(0)
        for place in places:
            total = total + x[place]
        for extent in extents:
            total = total / kind(extent)
        out[at] = total
    return out


def adaptive_average_backward(g, axes, sizes):
    out = np.zeros(sizes, g.dtype)
    for at, places, extents, _ in visits(axes):
        share = g[at]
        for extent in extents:
            share = share / g.dtype.type(extent)
        for place in places:
            out[place] += share
    return out
