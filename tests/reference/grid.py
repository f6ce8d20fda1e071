"""Slow reference of sampling at the points of a grid and of its gradients (frankentorch/ops/grid.py), NumPy, one rounded operation at a time.

A point has taps in each dim: whole places and their weights. A corner is one tap of each dim, the last dim's fastest; its weight is the product of
theirs, from the first dim on, its value 0 where one of them lies outside. An output adds the corners ascending, from the first. The gradient of the input adds
points ascending, in each corners ascending, from +0. A corner's weight has as gradient the canonical sum over the channels (reference/reduce.py);
from there the tape is walked backwards, each value gathering first what the last of its uses gives.
"""
from itertools import product

import numpy as np

from .reduce import fold


def placed(x, size, align):
    """Where a coordinate from -1 to 1 lies among `size` places."""
    return (x + 1) / 2 * (size - 1) if align else ((x + 1) * size - 1) / 2


def placed_backward(g, size, align):
    return g * (size - 1) / 2 if align else g / 2 * size


def reflection(x, size, align):
    """Distance from the first edge on the way there and back, whether that turns back an even number of times, the edge, and the way between the edges."""
    least, span = (0.0, size - 1) if align else (-0.5, size)
    away = np.abs(x - least)
    turns = np.floor(away / span)
    return away - turns * span, np.fmod(turns, 2) == 0, least, span


def inside(x, size, padding, align):
    if padding == "zeros":
        return x
    if padding == "reflection":
        if align and size == 1:
            return np.zeros_like(x)
        rest, even, least, span = reflection(x, size, align)
        x = np.where(even, rest + least, span - rest + least)
    return np.where(x > 0, np.where(x < size - 1, x, x.dtype.type(size - 1)), x.dtype.type(0))


def inside_backward(g, x, size, padding, align):
    if padding == "zeros":
        return g
    turned, zero = x, g.dtype.type(0)
    if padding == "reflection":
        if align and size == 1:
            turned = x * 0
        else:
            rest, even, least, span = reflection(x, size, align)
            turned = np.where(even, rest + least, span - rest + least)
    g = np.where(turned > 0, g, zero)
    g = np.where(turned < size - 1, g, zero)
    if padding == "border":
        return g
    if align and size == 1:
        return g * 0
    side = (x > least).astype(g.dtype) - (x < least).astype(g.dtype)            # 0 for what is no number
    return (-np.where(even, zero, g) + np.where(even, g, zero)) * side


def near(t):
    """Keys 1981 with a = -3/4: the weight of a place t <= 1 away."""
    return (t * 1.25 - 2.25) * t * t + 1


def near_backward(g, t):
    """What t gathers, in order."""
    outer, line = g * t, t * 1.25 - 2.25
    return g * (line * t), outer * line, outer * t * 1.25


def far(t):
    """That of a place 1 < t < 2 away."""
    return ((t * -0.75 + 3.75) * t - 6) * t + 3


def far_backward(g, t):
    line = t * -0.75 + 3.75
    inner = g * t
    return g * (line * t - 6), inner * line, inner * t * -0.75


def gather(first, *others):
    for other in others:
        first = first + other
    return first


def taps(x, size, mode, padding, align):
    """[(place, -1 outside, weight)] of coordinates of one dim."""
    at = placed(x, size, align)
    if mode != "bicubic":
        at = inside(at, size, padding, align)
    low = np.floor(at)
    if mode == "nearest":
        found = [(np.rint(at), np.ones_like(at))]
    elif mode == "bilinear":
        found = [(low, low + 1 - at), (low + 1, at - low)]
    else:
        t = at - low
        found = [(inside(low + k, size, padding, align), weight) for k, weight in zip((-1, 0, 1, 2), (far(t + 1), near(t), near(1 - t), far(2 - t)))]
    return [(np.where((place >= 0) & (place <= size - 1), place, -1).astype(int), weight) for place, weight in found]


def taps_backward(to, x, size, mode, padding, align):
    """Gradient of the coordinates by those of the weights."""
    at = placed(x, size, align)
    if mode == "bilinear":
        return placed_backward(inside_backward(to[1] + -to[0], at, size, padding, align), size, align)
    t = at - np.floor(at)
    uses = [-gather(*far_backward(to[3], 2 - t)), -gather(*near_backward(to[2], 1 - t)), *near_backward(to[1], t), gather(*far_backward(to[0], t + 1))]
    return placed_backward(gather(*uses), size, align)


def corners(grid, sizes, mode, padding, align):
    """Taps of each dim, and [(numbers of the taps, flat place, weight)] of points (N, points, dims)."""
    dims = [taps(grid[..., len(sizes) - 1 - d], size, mode, padding, align) for d, size in enumerate(sizes)]
    found = []
    for numbers in product(*(range(len(dim)) for dim in dims)):
        flat, weight = dims[0][numbers[0]]
        for (place, factor), size in zip((dim[k] for dim, k in zip(dims[1:], numbers[1:])), sizes[1:]):
            flat, weight = np.where((flat < 0) | (place < 0), -1, flat * size + place), weight * factor
        found.append((numbers, flat, np.where(np.isfinite(weight), weight, weight.dtype.type(0)) if mode == "bilinear" else weight))
    return dims, found


def values(x, flat):
    """Of x (N, C, places) at flat places (N, points): (C, N, points)."""
    taken = np.take_along_axis(x, np.broadcast_to(np.maximum(flat, 0)[:, None], (*x.shape[:2], flat.shape[1])), 2)
    return np.where(flat[:, None] < 0, x.dtype.type(0), taken).swapaxes(0, 1)


def sample(x, grid, mode, padding, align):
    """Values of x (N, C, *sizes) at the points of grid (N, points, dims): (N, C, points)."""
    lines = x.reshape(*x.shape[:2], -1)
    with np.errstate(all="ignore"):
        _, found = corners(grid, x.shape[2:], mode, padding, align)
        if mode == "nearest":
            return values(lines, found[0][1]).swapaxes(0, 1)
        return gather(*(weight * values(lines, flat) for _, flat, weight in found)).swapaxes(0, 1)


def input_gradient(g, grid, sizes, mode, padding, align):
    """g (N, C, points) added to the places of images of `sizes`."""
    out = np.zeros((*g.shape[:2], np.prod(sizes)), g.dtype)
    with np.errstate(all="ignore"):
        _, found = corners(grid, sizes, mode, padding, align)
        for image, i in np.ndindex(g.shape[0], g.shape[2]):
            for _, flat, weight in found:
                if flat[image, i] >= 0:
                    out[image, :, flat[image, i]] += weight[image, i] * g[image, :, i]
    return out.reshape(*g.shape[:2], *sizes)


def grid_gradient(g, x, grid, mode, padding, align):
    """(N, points, dims); that of the nearest is 0."""
    sizes, lines, out = x.shape[2:], x.reshape(*x.shape[:2], -1), np.zeros_like(grid)
    if mode == "nearest":
        return out
    with np.errstate(all="ignore"):
        dims, found = corners(grid, sizes, mode, padding, align)
        to = [[None] * len(dim) for dim in dims]
        for numbers, flat, _ in reversed(found):
            part = fold(g.swapaxes(0, 1) * values(lines, flat), g.dtype.type)
            factors = [dim[k][1] for dim, k in zip(dims, numbers)]
            if mode == "bilinear":
                part = np.where(np.isfinite(np.prod(factors, 0)), part, g.dtype.type(0))
            for d in reversed(range(len(dims))):                # weight = (first * second) * third
                before = np.multiply.reduce(factors[:d], 0) if d else None
                mine = part * before if d else part
                part = part * factors[d] if d else part
                to[d][numbers[d]] = mine if to[d][numbers[d]] is None else to[d][numbers[d]] + mine
        for d, size in enumerate(sizes):
            out[..., len(sizes) - 1 - d] += taps_backward(to[d], grid[..., len(sizes) - 1 - d], size, mode, padding, align)
    return out
