"""Slow references of exp, exp2 and log: one operation at a time, exact fma; polynomials as the kernels have them (see frankentorch/_ext/vecmath32.pxd, vecmath64.pxd.in)."""
import numpy as np

from .exact_fma import fma_float32, fma_float64
from .pieces import from_template

POLYNOMIALS = from_template("polynomials")
LN2_HIGH, LN2_LOW, MAGIC = 0.693147180559663, 2.8235290563031577e-13, 6755399441055744.0
F = np.float32


def chain(name, x, kind, fma):
    """c[0] + c[1] x + ... by Horner's rule."""
    coefficients = [kind(c) for c in POLYNOMIALS[name]]
    p = coefficients[-1]
    for c in coefficients[-2::-1]:
        p = fma(p, x, c)
    return p


def scaled(x, n):
    """x 2^n, rounded once."""
    return np.ldexp(x.astype(np.float64), n.astype(int)).astype(x.dtype)


def finite(function):
    """The exact fma knows no NaN: what is one stays one."""
    def run(x):
        return np.where(np.isnan(x), x, function(np.where(np.isnan(x), x.dtype.type(0), x)))
    return run


@finite
def exp(x):
    if x.dtype == np.float64:
        y = np.clip(x, -746.0, 710.5)
        n = fma_float64(y, 1.4426950408889634, MAGIC) - MAGIC
        big, small = fma_float64(-n, LN2_HIGH, y), n * LN2_LOW
        r = big - small
        low = (big - r) - small
        return scaled(1.0 + (r + fma_float64(r * r, chain("exp_f64", r, np.float64, fma_float64), low)), n)
    y = np.clip(x, F(-104.5), F(89))
    n = fma_float32(y, F(1.4426950216293335), F(12582912)) - F(12582912)
    r = fma_float32(-n, F(0.693145751953125), y)
    r = fma_float32(-n, F(1.428606765330187e-06), r)
    return scaled(fma_float32(fma_float32(chain("exp_f32", r, F, fma_float32), r, F(1)), r, F(1)), n)


@finite
def exp2(x):
    wide = x.dtype == np.float64
    y = np.clip(x, *((-1080.0, 1025.0) if wide else (F(-151), F(129))))
    n, fma = np.rint(y), fma_float64 if wide else fma_float32
    r = y - n
    return scaled(fma(r, chain("exp2_f64" if wide else "exp2_f32", r, x.dtype.type, fma), x.dtype.type(1)), n)


def parts(x, word, offset, bits, bias, root):
    """x = m 2^k with m from sqrt(1/2) to sqrt 2."""
    lift = 54 if bits == 52 else 23
    tiny = x < np.finfo(x.dtype).tiny
    u = np.where(tiny, x * x.dtype.type(2.0**lift), x).view(word) + word(offset)
    k = (u >> word(bits)).astype(x.dtype) - np.where(tiny, bias + lift, bias).astype(x.dtype)
    return ((u & word((1 << bits) - 1)) + word(root)).view(x.dtype), k


def log(x):
    inside = (x > 0) & (x < np.inf)
    y = np.where(inside, x, x.dtype.type(1))
    if x.dtype == np.float64:
        m, k = parts(y, np.uint64, 0x00095F619980C433, 52, 1023, 0x3FE6A09E667F3BCD)
        f = m - 1.0
        s = f / (2.0 + f)
        square = 0.5 * f * f
        inner = fma_float64(s * s, chain("log_f64", s * s, np.float64, fma_float64), square)
        rest = fma_float64(s, inner, k * LN2_LOW) - square
        head = k * LN2_HIGH
        high = head + f
        out = high + (((head - high) + f) + rest)
    else:
        m, k = parts(y, np.uint32, 0x004AFB0D, 23, 127, 0x3F3504F3)
        f = m - F(1)
        z = f * f
        rest = fma_float32(f * z, chain("log_f32", f, F, fma_float32), F(-0.5) * z)
        head = k * F(0.693145751953125)
        high = head + f
        out = high + (fma_float32(k, F(1.428606765330187e-06), rest) + ((head - high) + f))
    special = np.where(x == 0, -np.inf, np.where(x < 0, np.nan, x)).astype(x.dtype)
    return np.where(inside, out, special)
