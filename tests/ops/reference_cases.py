"""Ops beside their slow references: what each of the two finds, as arrays, from the same inputs. One entry of CASES per order of operations."""
import hashlib

import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.reference import grid, pairs

CASES = {}                      # name -> (function of the library, function of the reference); both without arguments, lists of arrays
DTYPES = ("float32", "float64")


def numbers(rng, *shape, dtype="float32"):
    """Normal numbers of mixed size, some of them zeros of either sign."""
    x = (rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 3, shape)).astype(dtype)
    x[rng.random(shape) < 0.03] = -0.0
    return x


def leaf(x):
    return ft.from_numpy(x.copy()).requires_grad_()


def arrays(*tensors):
    return [t.detach().numpy() for t in tensors]


def power(x, exponent):
    return ft.pow(ft.from_numpy(np.ascontiguousarray(x)), exponent).numpy()


def digest(found):
    """Of shapes, dtypes and bits; any NaN is one NaN."""
    state = hashlib.sha256()
    for x in found:
        x = np.array(x)
        x[x != x] = np.nan if x.dtype.kind == "f" else x[x != x]
        state.update(repr((x.shape, x.dtype.str)).encode() + x.tobytes())
    return state.hexdigest()


# ---- sampling at the points of a grid ----
SAMPLED = [((4, 5), 1, (3, 7)), ((1, 6), 3, (5, 27)), ((7, 1), 18, (13, 3)), ((8, 11), 5, (9, 33)), ((3, 4, 5), 2, (2, 3, 5)), ((1, 2, 1), 17, (2, 3, 9))]


def add_grid_sample(dtype, mode, padding, align):
    def inputs():
        for sizes, channels, out in SAMPLED:
            if mode == "bicubic" and len(sizes) == 3:
                continue
            rng = np.random.default_rng(channels)
            points = (rng.random((2, *out, len(sizes))) * 4 - 2).astype(dtype)
            points[0].flat[3], points[1].flat[5], points[1].flat[8] = np.nan, np.inf, 1e30
            points[1].flat[0], points[1].flat[1] = -1, 1
            yield numbers(rng, 2, channels, *sizes, dtype=dtype), points, numbers(rng, 2, channels, *out, dtype=dtype)

    def found():
        made = []
        for x, points, g in inputs():
            plain = F.grid_sample(ft.from_numpy(x), ft.from_numpy(points), mode, padding, align)
            leaves = leaf(x), leaf(points)
            out = F.grid_sample(*leaves, mode, padding, align)
            out.backward(ft.from_numpy(g))
            made += arrays(plain, out, *[t.grad for t in leaves])
        return made

    def expected():
        made = []
        for x, points, g in inputs():
            sizes, flat, to = x.shape[2:], points.reshape(2, -1, points.shape[-1]), g.reshape(*g.shape[:2], -1)
            out = grid.sample(x, flat, mode, padding, align).reshape(g.shape)
            made += [out, out, grid.input_gradient(to, flat, sizes, mode, padding, align), grid.grid_gradient(to, x, flat, mode, padding, align).reshape(points.shape)]
        return made

    CASES[f"grid_sample {mode} {padding} {'corners' if align else 'edges'} {dtype}"] = found, expected


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
            for special in (False, True):
                rng = np.random.default_rng(shape[0])
                x = numbers(rng, *shape, dtype=dtype)
                if shape[0] > 4:                # a distance of 0, differences of 0, equally great ones
                    x[1], x[2, 0] = x[3], x[0, 0]
                    x[0], x[4] = x[0].round(), x[4].round()
                if special:
                    x.flat[1], x.flat[-1] = np.nan, np.inf
                y = np.concatenate([x[:3], x[::-1]])
                yield x, y, numbers(rng, shape[0] * (shape[0] - 1) // 2, dtype=dtype), numbers(rng, len(x), len(y), dtype=dtype)

    def found():
        made = []
        for x, y, g, square in inputs():
            one, left, right = leaf(x), leaf(x), leaf(y)
            among, between = F.pdist(one, float(p)), ft.cdist(left, right, float(p))
            for recorded in (False, True):
                made += arrays(among, *ft.autograd.grad(among, one, ft.from_numpy(g), create_graph=recorded, retain_graph=True))
                made += arrays(between, *ft.autograd.grad(between, (left, right), ft.from_numpy(square), create_graph=recorded, retain_graph=True))
        return made

    def expected():
        made = []
        for x, y, g, square in inputs():
            first, second = np.triu_indices(len(x), 1)
            with np.errstate(invalid="ignore"):
                among, between = x[first] - x[second], x[:, None] - y
            one = [pairs.distances(among, p, power), pairs.pdist_gradient(g, x, p, power)]
            both = [pairs.distances(between, p, power), *pairs.cdist_gradients(square, x, y, p, power)]
            made += 2 * [*one, *both]
        return made

    CASES[f"distances {p} {dtype}"] = found, expected


for dtype in DTYPES:
    for p in (0, 0.5, 1, 1.5, 2, 3, np.inf):
        add_distances(dtype, p)
