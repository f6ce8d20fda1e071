"""Slow references of elementary functions of float64 whose hard sums are kept as pairs (see frankentorch/_ext/vecmath64.pxd.in, reduction.pxd.in).

Of ordinary arguments: neither NaN nor infinite, results that are normal; sin and cos below 2^48.
"""
import numpy as np

from .elementary import LN2_HIGH, LN2_LOW, MAGIC, POLYNOMIALS, chain, parts, scaled
from .exact_fma import fma_float64 as fma

LOG2_E, LOG2_E_LOW = 1.4426950408889634, 2.0355273740931033e-17
TURNS = [float.fromhex(text) for text in ("0x1.45f306dc9c883p-1", "-0x1.6b01ec5417056p-55", "-0x1.6447e493ad4cep-109", "0x1.e21c820ff28b2p-163")]


def polynomial(name, x):
    return chain(name + "_f64", x, np.float64, fma)


def polynomial_sideways(name, x):
    """Pairs of terms first, then by the square of x; the last two pairs by its fourth power."""
    c, z = POLYNOMIALS[name + "_f64"], x * x
    p = np.full_like(x, c[-1])
    for k in range(len(c) - 3, 3, -2):
        p = fma(p, z, fma(c[k + 1], x, c[k]))
    return fma(p, z * z, fma(fma(c[3], x, c[2]), z, fma(c[1], x, c[0])))


# ---- pairs ----
def fast_two_sum(x, y):
    s = x + y
    return s, (x - s) + y


def two_sum(x, y):
    s = x + y
    t = s - x
    return s, (x - (s - t)) + (y - t)


def two_product(x, y):
    return x * y, fma(x, y, -(x * y))


def divide_pairs(x, x_low, y, y_low):
    r = 1.0 / y
    q = x * r
    return q, (fma(-q, y, x) + (x_low - q * y_low)) * r


# ---- exponentials ----
def exp_parts(x, x_low):
    """exp(x + x_low) = (1 + high + low) 2^n."""
    n = fma(x, LOG2_E, MAGIC) - MAGIC
    big, small = fma(-n, LN2_HIGH, x), n * LN2_LOW
    r = big - small
    r_low = ((big - r) - small) + x_low
    a, tail = fast_two_sum(r, r * r * polynomial("exp", r))
    return a, tail + fma(r_low, a, r_low), n


def exp_pair(x, x_low):
    a, low, n = exp_parts(np.clip(x, -746.0, 710.5), x_low)
    a, tail = fast_two_sum(np.ones_like(a), a)
    return scaled(a + (tail + low), n)


def expm1_parts(x):
    """Half of it as a pair."""
    a, a_low, n = exp_parts(x, 0.0)
    s = np.ldexp(1.0, n.astype(int) - 1)
    high, tail = fast_two_sum(s - 0.5, s * a)
    return high, fma(s, a_low, tail)


def expm1(x):
    high, low = expm1_parts(np.clip(x, -60.0, 710.0))
    return np.where(abs(x) < 5e-17, x, 2.0 * (high + low))


def half_exp(x):
    a, low, n = exp_parts(np.minimum(x, 711.0), 0.0)
    a, tail = fast_two_sum(np.ones_like(a), a)
    return scaled(a, n - 1), scaled(tail + low, n - 1)


def sinh(x):
    y = abs(x)
    high, low = half_exp(y)
    b = 0.25 / high
    b = fma(-4.0 * b * b, low, b)
    s, tail = fast_two_sum(high, -b)
    large = np.where(s > 1e300, s, s + (tail + low))
    near = np.where(y < 1, x, 0.0)
    z = near * near
    return np.where(y < 1, fma(near * z, polynomial("sinh", z), near), np.copysign(large, x))


def cosh(x):
    high, low = half_exp(abs(x))
    b = 0.25 / high
    b = fma(-4.0 * b * b, low, b)
    s, tail = fast_two_sum(high, b)
    return np.where(s > 1e300, s, s + (tail + low))


def tanh(x):
    y = np.minimum(abs(x), 20.0)
    high, low = expm1_parts(2.0 * y)
    d, d_low = two_sum(high, 1.0)
    q, q_low = divide_pairs(high, low, d, d_low + low)
    return np.where(y > 1e-200, np.copysign(q + q_low, x), x)


def sigmoid(x):
    y = np.clip(x, -700.0, 700.0)
    t = fma(y, -LOG2_E, MAGIC + 1023.0)
    n = t - (MAGIC + 1023.0)
    r, s = fma(-n, LN2_HIGH, -y), np.ldexp(1.0, n.astype(int))
    a, h = fma(r * r, polynomial_sideways("exp", r), r), 1.0 + s
    d = fma(s, a, h)
    d_low = fma(s, a, h - d) + (1.0 - (h - s))
    q = 1.0 / d
    rest = fma(n * LN2_LOW, 1.0 - q, fma(-q, d_low, fma(-q, d, 1.0)))
    return np.where(x < -700, exp_pair(x, 0.0), fma(q, rest, q))


# ---- logarithms ----
def split(z):
    m, k = parts(z, np.uint64, 0x00095F619980C433, 52, 1023, 0x3FE6A09E667F3BCD)
    return m, k, np.ldexp(1.0, -k.astype(int))


def log_series(m, m_low):
    f, f_low = fast_two_sum(m - 1.0, m_low)
    d, d_low = fast_two_sum(np.full_like(f, 2.0), f)
    s, s_low = divide_pairs(f, f_low, d, d_low + f_low)
    z = s * s
    return 2.0 * s, fma(s * z, polynomial("log", z), 2.0 * s_low)


def log_series_long(m):
    f, f_low = fast_two_sum(m - 1.0, 0.0)
    d, d_low = fast_two_sum(np.full_like(f, 2.0), f)
    s, s_low = fast_two_sum(*divide_pairs(f, f_low, d, d_low + f_low))
    z, z_low = two_product(s, s)
    z_low = fma(2.0 * s, s_low, z_low)
    c, c_low = two_product(z, 0.6666666666666666)
    c_low = c_low + fma(z_low, 0.6666666666666666, z * 3.700743415417188e-17)
    c, tail = fast_two_sum(c, z * z * polynomial("logdd", z))
    c_low = c_low + tail
    u, u_low = two_product(s, c)
    u_low = u_low + fma(s, c_low, s_low * c)
    high, tail = fast_two_sum(2.0 * s, u)
    return high, tail + fma(2.0, s_low, u_low)


def with_exponent(k, high, low):
    high, tail = fast_two_sum(k * LN2_HIGH, high)
    return high, low + tail + k * LN2_LOW


def log1p(x):
    z, tail = two_sum(1.0, x)
    m, k, scale = split(z)
    high, low = with_exponent(k, *log_series(m, tail * scale))
    return np.where(abs(x) < 5e-17, x, high + low)


def log_to(x, factor, factor_low):
    """The exponent, and the logarithm of the rest times a factor, as a pair."""
    m, k, _ = split(x)
    high, low = fast_two_sum(*log_series(m, 0.0))
    p, p_low = two_product(high, factor)
    return k, p, p_low + fma(low, factor, high * factor_low)


def log2(x):
    k, p, low = log_to(x, LOG2_E, LOG2_E_LOW)
    p, tail = fast_two_sum(k, p)
    return p + (tail + low)


def log10(x):
    k, p, low = log_to(x, 0.4342944819032518, 1.098319650216765e-17)
    p, tail = fast_two_sum(k * 0.30102999566383914, p)
    return p + (tail + fma(k, 1.42050232272661e-13, low))


def power(x, y):
    """Of positive x other than 1, y other than 0."""
    m, k, _ = split(x)
    high, low = fast_two_sum(*with_exponent(k, *log_series_long(m)))
    p, p_low = two_product(y, high)
    return exp_pair(p, np.where(abs(p) < 2000, fma(y, low, p_low), 0.0))


# ---- angles ----
def mod4(x):
    return x - 4.0 * np.rint(x * 0.25)


def reduced(x):
    """r + low = x - n pi/2, and n."""
    (p0, e0), (p1, e1), (p2, e2) = (two_product(x, c) for c in TURNS[:3])
    s, a = two_sum(mod4(p0), mod4(e0))
    s, b = two_sum(s, mod4(p1))
    n = np.rint(s)
    f, tail = s - n, 0.0
    for more in (a, b, p2):
        f, t = two_sum(f, more)
        tail = tail + t
    f, t = two_sum(f, e1)
    tail = tail + t + (e2 + x * TURNS[3])
    f, tail = fast_two_sum(f, tail)
    r, t = two_product(f, 1.5707963267948966)
    return r, t + (f * 6.123233995736766e-17 + tail * 1.5707963267948966), n.astype(int)


def turned(x, turn):
    r, r_low, n = reduced(x)
    z = r * r
    s = r + fma(r * z, polynomial("sin", z), r_low * fma(z, -0.5, 1.0))
    z, z_low = two_product(r, r)
    w, tail = fast_two_sum(np.ones_like(z), -0.5 * z)
    c = w + (tail + fma(z * z, polynomial("cos", z), -fma(r, r_low, 0.5 * z_low)))
    out = np.where((n + turn) & 1, c, s)
    return np.where((n + turn) & 2, -out, out)


def sin(x):
    return np.where(abs(x) < 7e-9, x, turned(x, 0))


def cos(x):
    return np.where(abs(x) < 7e-9, 1.0, turned(x, 1))


def atan(x):
    a = abs(x)
    flip = a > 1
    top, bottom = np.where(flip, 1.0, a), np.minimum(np.where(flip, a, 1.0), 1e300)
    turn = 0.4142135623730951 * bottom < top
    other = np.where(turn, top, 0.0)
    n, n_low = fast_two_sum(np.where(turn, -bottom, top), other)
    d, d_low = fast_two_sum(bottom, other)
    t, t_low = divide_pairs(n, n_low, d, d_low)
    z = t * t
    t_low = fma(t * z, polynomial("atan", z), t_low)
    high, tail = fast_two_sum(np.where(turn, 0.7853981633974483, 0.0), t)
    low = tail + (t_low + np.where(turn, 3.061616997868383e-17, 0.0))
    high, tail = fast_two_sum(np.where(flip, 1.5707963267948966, 0.0), np.where(flip, -high, high))
    low = np.where(flip, (6.123233995736766e-17 - low) + tail, low + tail)
    return np.where(a > 7e-9, np.copysign(high + low, x), x)
