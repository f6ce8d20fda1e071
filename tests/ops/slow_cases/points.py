"""Sampling at the points of a grid, distances of pairs of rows."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, power, tensor
from tests.reference import grid, pairs

# ---- sampling at the points of a grid ----
SAMPLED = [((4, 5), 1, (3, 7)), ((1, 6), 3, (5, 27)), ((7, 1), 18, (13, 3)), ((8, 11), 5, (9, 33)), ((3, 4, 5), 2, (2, 3, 5)), ((1, 2, 1), 17, (2, 3, 9))]


def add_grid_sample(dtype, mode, padding, align):
    def inputs():
        several = [((6, 7), 2, (30, 41))] if padding == "reflection" and not align else []          # points for several threads
        for sizes, channels, out in SAMPLED + several:
            if mode == "bicubic" and len(sizes) == 3:
                continue
            rng = np.random.default_rng(channels)
            points = (rng.random((2, *out, len(sizes))) * 4 - 2).astype(dtype)
            points[0].flat[3], points[1].flat[5], points[1].flat[8] = np.nan, np.inf, 1e30
            points[1].flat[0], points[1].flat[1] = -1, 1
            yield numbers(rng, 2, channels, *sizes, dtype=dtype), points, numbers(rng, 2, channels, *out, dtype=dtype)

    def found(x, points, g):
        plain = F.grid_sample(tensor(x), tensor(points), mode, padding, align)
        leaves = leaf(x), leaf(points)
        out = F.grid_sample(*leaves, mode, padding, align)
        out.backward(tensor(g))
        return arrays(plain, out, *[t.grad for t in leaves])

    def expected(x, points, g):
        sizes, flat, to = x.shape[2:], points.reshape(2, -1, points.shape[-1]), g.reshape(*g.shape[:2], -1)
        out = grid.sample(x, flat, mode, padding, align).reshape(g.shape)
        return out, out, grid.input_gradient(to, flat, sizes, mode, padding, align), grid.grid_gradient(to, x, flat, mode, padding, align).reshape(points.shape)

    enter(f"grid_sample {mode} {padding} {'corners' if align else 'edges'} {dtype}", inputs, found, expected)


for dtype in DTYPES:
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for align in (False, True):
                add_grid_sample(dtype, mode, padding, align)


# ---- distances of pairs of rows ----
ROWS = [(2, 1), (5, 3), (9, 17), (33, 5), (66, 2), (4, 130)]


def add_distances(dtype, p):
    def inputs():
        for shape in ROWS:
            for special in (False, True) if shape[0] < 20 else (False,):
                rng = np.random.default_rng(shape[0])
                x = numbers(rng, *shape, dtype=dtype)
                if shape[0] > 4:                # a distance of 0, differences of 0, equally great ones
                    x[1], x[2, 0] = x[3], x[0, 0]
                    x[0], x[4] = x[0].round(), x[4].round()
                if special:
                    x.flat[1], x.flat[-1] = np.nan, np.inf
                y = np.concatenate([x[:3], x[::-1]])
                yield x, y, numbers(rng, shape[0] * (shape[0] - 1) // 2, dtype=dtype), numbers(rng, len(x), len(y), dtype=dtype)

    def found(x, y, g, square):
        one, left, right = leaf(x), leaf(x), leaf(y)
        among, between = F.pdist(one, float(p)), ft.cdist(left, right, float(p))
        made = arrays(among, between)
        for recorded in (False, True):
            made += arrays(*ft.autograd.grad(among, one, tensor(g), create_graph=recorded, retain_graph=True))
            made += arrays(*ft.autograd.grad(between, (left, right), tensor(square), create_graph=recorded, retain_graph=True))
        return made

    def expected(x, y, g, square):
        first, second = np.triu_indices(len(x), 1)
        gradients = [pairs.pdist_gradient(g, x, p, power), *pairs.cdist_gradients(square, x, y, p, power)]
        return pairs.distances(x[first] - x[second], p, power), pairs.distances(x[:, None] - y, p, power), *gradients, *gradients

    enter(f"distances {p} {dtype}", inputs, found, expected)


for dtype in DTYPES:
    for p in (0, 0.5, 1, 1.5, 2, 3, np.inf):
        add_distances(dtype, p)
