"""Slow reference of the distances of pairs of rows and of their gradients (frankentorch/_ext/pairs_run.pyx, frankentorch/ops/linalg.py).

Sums are the canonical ones (reference/reduce.py): of a distance over the features, ascending; of a gradient over all rows, ascending, for p of 1, 2 and
infinity, the row itself among them with weight 0. Another p is a norm written as elementwise operations; the gradient of the rows that come second in a pair
and that of those that come first are each added from +0 in the order of the pairs, then to each other; those of two sets of rows are canonical sums
over the other set. `power` is the library's own.
"""
import numpy as np

from .reduce import fold


def signs(x):
    return np.where(x > 0, x.dtype.type(1), np.where(x < 0, x.dtype.type(-1), x))


def greatest(x):
    """Along the last dim; the first NaN above all."""
    return np.max(x, -1, initial=0)


def terms_of(d, p, power):
    size = np.abs(d)
    if p == 0:
        return np.where(np.isnan(d), d.dtype.type(0), np.abs(signs(d)))
    if p == 1:
        return size
    if p == 2:
        return d * d
    same = size == 0
    return np.where(same, d.dtype.type(0), power(np.where(same, d.dtype.type(1), size), p))


def distances(d, p, power=None):
    """Norms of differences d[...][features]."""
    kind = d.dtype.type
    with np.errstate(all="ignore"):
        if p == np.inf:
            return greatest(np.abs(d))
        total = np.asarray(fold(np.moveaxis(terms_of(d, p, power), -1, 0), kind), d.dtype)
        if p == 0:
            return np.where(np.isnan(d).any(-1), kind(np.nan), total)
        if p == 1:
            return total
        if p == 2:
            return np.sqrt(total)
        return np.where(total == 0, kind(0), power(np.where(total == 0, kind(1), total), 1 / p))


def pulls(g, far, x, y, p):
    """Gradient of x (n, features) by that of its distances `far` (n, m) to the rows of y, for p of 1, 2 and infinity."""
    kind, out = x.dtype.type, np.empty_like(x)
    with np.errstate(all="ignore"):
        for i, row in enumerate(x):
            terms = []
            for j, other in enumerate(y):
                d, weight = row - other, g[i, j]
                if p == 2:
                    terms.append((weight / far[i, j] if far[i, j] != 0 else kind(0)) * d)
                    continue
                if p == np.inf:
                    peaks = np.abs(d) == far[i, j]
                    weight = weight / kind(peaks.sum() if far[i, j] == far[i, j] else 1)
                    weight = np.where(peaks, weight, weight * kind(0))
                terms.append(weight * signs(d))
            out[i] = fold(terms, kind)
    return out


def slopes(g, d, p, power):
    """Gradient of differences d[...][features] by that of their distances, for p that is none of 1, 2 and infinity."""
    kind = d.dtype.type
    size, zero = np.abs(d), d.dtype.type(0)
    if p == 0:
        return np.where(np.isnan(d).any(-1), zero, g)[..., None] * np.zeros_like(d)
    total = fold(np.moveaxis(terms_of(d, p, power), -1, 0), kind)
    held = np.where(total == 0, kind(1), total)
    to_total = np.where(total == 0, zero, np.where(total == 0, zero, g) * (kind(1 / p) * power(held, 1 / p - 1)))
    same = (size == 0) & (p < 1)
    base = np.where(same, kind(1), size)
    to_size = np.where(same, zero, np.where(same, zero, to_total[..., None]) * (kind(p) * power(base, p - 1)))
    return to_size * ((d > 0).astype(d.dtype) - (d < 0).astype(d.dtype))


def pdist_gradient(g, x, p, power=None):
    """Of x (n, features) by g of its pairs (0, 1), (0, 2), ... (1, 2), ..."""
    first, second = np.triu_indices(len(x), 1)
    to_first, to_second = np.zeros_like(x), np.zeros_like(x)
    with np.errstate(all="ignore"):
        if p in (1, 2, np.inf):
            weights, far = np.zeros((2, len(x), len(x)), x.dtype)
            far[first, second] = far[second, first] = distances(x[first] - x[second], p)
            weights[first, second] = weights[second, first] = g
            return pulls(weights, far, x, x, p)
        for i, j, slope in zip(first, second, slopes(g, x[first] - x[second], p, power)):
            to_first[i] += slope
            to_second[j] += -slope
        return to_second + to_first


def cdist_gradients(g, x, y, p, power=None):
    """Of x (n, features) and y (m, features) by g (n, m)."""
    with np.errstate(all="ignore"):
        d = x[:, None] - y
        if p in (1, 2, np.inf):
            far = distances(d, p)
            return pulls(g, far, x, y, p), pulls(g.T, far.T, y, x, p)
        slope = slopes(g, d, p, power)
        return fold(slope.swapaxes(0, 1), x.dtype.type), fold(-slope, x.dtype.type)
