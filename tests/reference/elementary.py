"""Slow references of elementary functions: exp, exp2 and log of both widths, and of float32 those by a short polynomial in float64, sin and cos below 32768. One operation at a time, exact fma; polynomials as the kernels have
them (see frankentorch/_ext/vecmath32.pxd,
vecmath64.pxd.in, lightmath.pxd.in, widemath.pxd)."""
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


# ---- float32, worked in float64 and rounded once ----
def light(function):
    """Of float32 values that are numbers; what is none stays none."""
    def run(*arguments):
        missing = np.logical_or.reduce([np.isnan(x) for x in arguments])
        wide = function(*(np.where(missing, 1.0, x).astype(np.float64) for x in arguments))
        return np.where(missing, np.nan, wide).astype(F)
    return run


def chain64(name, x):
    return chain(name + "_light_f64", x, np.float64, fma_float64)


def decay_light(x):
    """x clamped, as k log 2 + r."""
    y = np.clip(x, -300.0, 300.0)
    k = fma_float64(y, 1.4426950408889634, MAGIC) - MAGIC
    return fma_float64(-k, 0.6931471805599453, y), np.ldexp(1.0, k.astype(int))


def exp_light(x):
    r, power = decay_light(x)
    return fma_float64(r * r, chain64("exp", r), r + 1.0) * power


def expm1_light(x):
    r, power = decay_light(x)
    return np.where(abs(x) < F(1e-9), x, fma_float64(power, fma_float64(r * r, chain64("exp", r), r), power - 1.0))


def log_light(x, low=0.0):
    inside = (x > 0) & (x < np.inf)
    m, k = parts(np.where(inside, x, 1.0), np.uint64, 0x00095F619980C433, 52, 1023, 0x3FE6A09E667F3BCD)
    f = fma_float64(np.where(inside, low, 0.0), np.ldexp(1.0, -k.astype(int)), m - 1.0)
    s = f / (f + 2.0)
    z = s * s
    out = fma_float64(k, 0.6931471805599453, fma_float64(s * z, chain64("log", z), s * 2.0))
    return np.where(inside, out, np.where(x == 0, -np.inf, np.where(x < 0, np.nan, x)))


def log1p_light(x):
    z = x + 1.0
    return np.where(abs(x) <= F(1e-9), x, log_light(z, x - (z - 1.0)))


def pow_light(x, y):
    """Of positive finite x other than 1, finite y other than 0."""
    return exp_light(y * log_light(x))


expm1 = light(expm1_light)
log1p = light(log1p_light)
log2 = light(lambda x: log_light(x) * 1.4426950408889634)
log10 = light(lambda x: log_light(x) * 0.4342944819032518)
power = light(pow_light)


@light
def sinh(x):
    t = expm1_light(abs(x))
    return np.where(abs(x) < F(1e-6), x, np.copysign((t + t / (t + 1.0)) * 0.5, x))


@light
def cosh(x):
    e = exp_light(abs(x))
    return (e + 1.0 / e) * 0.5


@light
def atan(x):
    a = abs(x)
    top, bottom = np.where(a > 1, 1.0, a), np.where(a > 1, a, 1.0)
    turn = bottom * 0.4142135623730951 < top
    t = np.where(turn, top - bottom, top) / np.where(turn, bottom + top, bottom)
    t = np.where(np.isnan(t) | np.isinf(t), 0.0, t)
    z = t * t
    out = fma_float64(t * z, chain64("atan", z), t) + np.where(turn, 0.7853981633974483, 0.0)
    out = np.where(a > 1, 1.5707963267948966 - out, out)
    return np.copysign(np.where(a > 1e30, 1.5707963267948966, out), x)


# ---- float32 in float32 ----
def turned(x, turn):
    """sin(x + turn pi/2) for |x| < 32768."""
    t = fma_float32(x, F(0.6366197466850281), F(12582912))
    n = t - F(12582912)
    first, p = fma_float32(-n, F(1.5707963705062866), x), n * F(4.371138828673793e-08)
    r = first + p
    back = r - first
    error = (first - (r - back)) + (p - back)
    low = fma_float32(n, F(1.7151245100058819e-15), error + fma_float32(n, F(4.371138828673793e-08), -p))
    z = r * r
    s = r + fma_float32(r * z, chain("sin_f32", z, F, fma_float32), low)
    h = z * F(0.5)
    w = F(1) - h
    c = w + (((F(1) - w) - h) + fma_float32(-r, low, z * z * chain("cos_f32", z, F, fma_float32)))
    quadrant = (t.view(np.uint32) + np.uint32(turn)) & 3
    out = np.where(quadrant & 1, c, s)
    return np.where(quadrant & 2, -out, out)


def sin(x):
    return np.where(abs(x) < F(1e-4), x, turned(x, 0))


def cos(x):
    return turned(x, 1)
