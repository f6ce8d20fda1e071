"""Slow references of the canonical reductions, one value at a time, in the order the contract fixes.

The order of every sum: rows r in row-major order of the reduced dims; blocks of BLOCK rows; in a block, lane l takes
r = l (mod lanes) in ascending order from +0; lanes fold h = lanes/2 ... 1 by lane[l] += lane[l + h]; block sums fold as a tree
of neighbours, an odd last one passing up. float32 has 64 lanes, float64 has 32; float16 and bfloat16 sum as float32.
NumPy scalars do the arithmetic, so each operation rounds once in its own type.
"""
import numpy as np

from .exact_fma import fma_float64

BLOCK = 4096
LANES = {np.dtype(np.float32): 64, np.dtype(np.float64): 32, np.dtype(np.int64): 32}


def fold_tree(values, combine):
    """Tree of neighbours: pairs (0, 1), (2, 3), ...; an odd last one passes up."""
    values = list(values)
    while len(values) > 1:
        pairs = [combine(values[i], values[i + 1]) for i in range(0, len(values) - 1, 2)]
        values = pairs + values[len(values) - len(values) % 2:]
    return values[0]


def fold_block(terms, kind, start, combine):
    """One block of at most BLOCK terms."""
    lanes = LANES[np.dtype(kind)]
    acc = [kind(start)] * lanes
    for r, term in enumerate(terms):
        acc[r % lanes] = combine(acc[r % lanes], kind(term))
    while lanes > 1:
        lanes //= 2
        acc = [combine(acc[i], acc[i + lanes]) for i in range(lanes)]
    return acc[0]


def fold(terms, kind, start=0, combine=lambda a, b: a + b):
    """Canonical fold of a sequence of terms of a NumPy scalar type."""
    terms = list(terms)
    if not terms:
        return kind(start)
    with np.errstate(all="ignore"):
        blocks = [fold_block(terms[i:i + BLOCK], kind, start, combine) for i in range(0, len(terms), BLOCK)]
        return fold_tree(blocks, combine)


def rows_of(array, dims):
    """Yield (kept index, the reduced values in row-major order)."""
    kept = [d for d in range(array.ndim) if d not in dims]
    for index in np.ndindex(*[array.shape[d] for d in kept]):
        place = [slice(None)] * array.ndim
        for d, i in zip(kept, index):
            place[d] = i
        yield index, array[tuple(place)].reshape(-1)


def reduce_rows(array, dims, function):
    """Apply a function of the reduced values to every output."""
    kept = [array.shape[d] for d in range(array.ndim) if d not in dims]
    values = [function(row) for _, row in rows_of(array, dims)]
    return np.array(values, dtype=array.dtype).reshape(kept)


def sum_(array, dims):
    return reduce_rows(array, dims, lambda row: fold(row, array.dtype.type))


def prod(array, dims):
    return reduce_rows(array, dims, lambda row: fold(row, array.dtype.type, 1, lambda a, b: a * b))


def mean(array, dims):
    kind = array.dtype.type
    return reduce_rows(array, dims, lambda row: fold(row, kind) / kind(len(row)))


def var_of_row(row, correction):
    """Mean first, then the squared deviations from it; both folds canonical."""
    kind = row.dtype.type
    centre = fold(row, kind) / kind(len(row))
    return fold(((x - centre) * (x - centre) for x in row), kind) / kind(max(len(row) - correction, 0))


def var(array, dims, correction=1):
    return reduce_rows(array, dims, lambda row: var_of_row(row, correction))


def cubed(x):
    """|x|^3 from two products in float64; of a float64 that is not too large the first is a pair."""
    a = np.abs(x, dtype=np.float64)
    if x.dtype == np.float32 or a > 1e150:
        return x.dtype.type(a * a * a)
    return fma_float64(a * a, a, fma_float64(a, a, -(a * a)) * a)[()]


def norm(array, dims, p, power=None):
    """p of 0, 1 and 2: non-zeros, absolute values, root of squares. Others: power of a sum of powers, by the library's own `power`; for 3 of cubes."""
    kind = array.dtype.type
    terms = {0: lambda x: kind(x != 0), 1: abs, 2: lambda x: x * x, 3: cubed}.get(p, lambda x: power(abs(x), p))
    last = {0: kind, 1: kind, 2: np.sqrt}.get(p, lambda total: power(total, 1 / p))
    return reduce_rows(array, dims, lambda row: last(fold((terms(x) for x in row), kind)))


def greatest(row, least=False, signed_zero=True):
    """(value, index): NaN first of all, -0 < +0 if signed_zero, else the lowest index of equals."""
    best = 0
    for i, x in enumerate(row):
        y = row[best]
        if np.isnan(y):
            break
        more = x < y if least else x > y
        tie = signed_zero and x == y == 0 and np.signbit(x) != np.signbit(y) and bool(np.signbit(x)) == least
        if np.isnan(x) or more or tie:
            best = i
    return row[best], best


def scan(row, kind, wide, combine):
    """Left to right in the wider type, each output rounded once: cumsum and cumprod."""
    out, acc = [], None
    with np.errstate(all="ignore"):
        for x in row:
            acc = wide(x) if acc is None else combine(acc, wide(x))
            out.append(kind(acc))
    return np.array(out, dtype=kind)
