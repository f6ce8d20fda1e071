# cython: cdivision=True
# The Hurwitz zeta function and the derivatives of log gamma, which are its values: polygamma(n, x) = (-1)^(n+1) n! zeta(n + 1, x).
# float32 runs the body of float64 and rounds once.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.special cimport *
from frankentorch._ext.vecmath64 cimport *


cdef inline double zeta_right(double s, double q) noexcept nogil:
    """sum of (q + k)^-s, s > 1, q > 0: twelve terms, the rest by Euler and Maclaurin (A & S 23.2.23) with B_2 to B_16."""
    cdef double total = 0.0
    cdef double low = 0.0
    cdef double a = q
    cdef double term, tail, z, factor, rest
    cdef int k
    if q > 1e8:                         # the series after one term
        return pow_f64(q, 1.0 - s) * (1.0 / (s - 1.0) + 0.5 / q + s / 12.0 / q / q)
    for k in range(12):
        term = pow_f64(a, -s)
        total = two_sum_f64(total, term, &tail)
        low += tail
        a += 1.0
        if term < 1e-18 * total and s > 30.0:
            return total + low
    term = pow_f64(a, -s)
    z = 1.0 / (a * a)
    # B_2j / (2j)! s (s + 1) ... (s + 2j - 2) a^(1 - s - 2j), each factor after the last
    factor = s / a
    rest = 0.5 + factor / 12.0
    factor = factor * (s + 1.0) * (s + 2.0) * z
    rest = rest - factor / 720.0
    factor = factor * (s + 3.0) * (s + 4.0) * z
    rest = rest + factor / 30240.0
    factor = factor * (s + 5.0) * (s + 6.0) * z
    rest = rest - factor / 1209600.0
    factor = factor * (s + 7.0) * (s + 8.0) * z
    rest = rest + factor / 47900160.0
    factor = factor * (s + 9.0) * (s + 10.0) * z
    rest = rest - factor * 691.0 / 1307674368000.0
    factor = factor * (s + 11.0) * (s + 12.0) * z
    rest = rest + factor / 74724249600.0
    factor = factor * (s + 13.0) * (s + 14.0) * z
    rest = rest - factor * 3617.0 / 10670622842880000.0
    return total + (low + term * (a / (s - 1.0) + rest))


cdef inline double zeta_f64(double s, double q) noexcept nogil:
    """Terms of a negative q are |q|, |q| - 1, ... up to its fraction, then 1 - fraction, ...: three sums of positive ones."""
    cdef double a, fraction, sign
    if s == 1.0:
        return INF_F64
    if s < 1.0:
        return NAN_F64
    if q <= 0.0:
        if q == floor_f64(q):
            return INF_F64
        if s != floor_f64(s):
            return NAN_F64
        if s == INF_F64:
            return INF_F64
        a = -q
        fraction = a - floor_f64(a)
        sign = 1.0 if rint_f64(0.5 * s) * 2.0 == s else -1.0
        if sign < 0.0 and fraction == 0.5:          # the terms cancel two by two
            return zeta_right(s, a + 1.0)
        return sign * (zeta_right(s, fraction) - zeta_right(s, a + 1.0)) + zeta_right(s, 1.0 - fraction)
    if s != s or q != q or q == INF_F64:
        return NAN_F64
    if s > 1e15:
        return INF_F64 if q < 1.0 else 1.0 if q == 1.0 else 0.0
    return zeta_right(s, q)


cdef inline double polygamma_f64(double x, double n) noexcept nogil:
    """n >= 1, whole."""
    cdef double factor = 1.0
    cdef double k = 2.0
    if x == INF_F64:
        return 0.0 if n == 1.0 else NAN_F64
    if n > 170.0:
        factor = INF_F64
    else:
        while k <= n:
            factor *= k
            k += 1.0
    k = zeta_f64(n + 1.0, x) * factor
    return k if rint_f64(0.5 * n) * 2.0 != n else -k


cdef inline float zeta_f32(float s, float q) noexcept nogil:
    return <float> zeta_f64(s, q)


cdef inline float polygamma_f32(float x, double n) noexcept nogil:
    return <float> polygamma_f64(x, n)
