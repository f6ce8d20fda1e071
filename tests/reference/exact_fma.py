"""Fused multiply-add on NumPy arrays with one correct rounding, in any element size."""
from fractions import Fraction

import numpy as np


def fma_float32(a, b, c):
    """a * b + c rounded once to float32.

    The product of two float32 is exact in float64. The sum is rounded to odd there (Boldo and Melquiond, "Emulation of FMA
    and correctly rounded sums: proved algorithms using rounding to odd", IEEE Trans. Computers 57(4), 2008), which makes
    the final rounding to float32 the only one that shows.
    """
    a, b, c = (np.asarray(x, np.float32).astype(np.float64) for x in (a, b, c))
    with np.errstate(all="ignore"):
        product = a * b
        total = product + c
        back = total - product
        error = (product - (total - back)) + (c - back)
        bits = np.atleast_1d(total).view(np.int64)
        error, shape = np.broadcast_to(np.atleast_1d(error), bits.shape), total.shape
        inexact = np.isfinite(np.atleast_1d(total)) & (error != 0) & (bits & 1 == 0)
        away = (error > 0) == (bits >= 0)             # the exact sum is larger in size than the rounded one
        odd = np.where(inexact, np.where(away, bits + 1, bits - 1), bits)
        return odd.view(np.float64).reshape(shape).astype(np.float32)


def fma_float64(a, b, c):
    """a * b + c rounded once to float64, by rational arithmetic; finite values only."""
    def one(x, y, z):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        if exact == 0:                                # the sign of a zero is IEEE's: product and addend decide
            return float(x) * float(y) + float(z)
        return exact.numerator / exact.denominator    # int / int is correctly rounded
    a, b, c = np.broadcast_arrays(np.float64(a), np.float64(b), np.float64(c))
    flat = [one(x, y, z) for x, y, z in zip(a.ravel(), b.ravel(), c.ravel(), strict=True)]
    return np.array(flat, np.float64).reshape(a.shape)
