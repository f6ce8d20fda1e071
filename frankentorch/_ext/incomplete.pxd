# cython: cdivision=True
# The incomplete gamma functions P(a, x) and Q(a, x) = 1 - P: the series of P left of a, the continued fraction of Q right of it, a series of its
# own for Q of small x, and Temme's uniform expansion for a from 1e5 on (N. M. Temme, "The asymptotic expansion of the incomplete gamma
# functions", SIAM J. Math. Anal. 10, 1979). float32 runs the body of float64 and rounds once.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.polynomials cimport poly_stirling_f64
from frankentorch._ext.normal cimport *
from frankentorch._ext.special cimport *
from frankentorch._ext.vecmath64 cimport *


cdef inline double height(double a, double x) noexcept nogil:
    """m - log(1 + m), m = x / a - 1, without its cancellation."""
    cdef double d_low, m_low, log_low
    cdef double d = two_sum_f64(x, -a, &d_low)
    cdef double m = divide_pairs_f64(d, d_low, a, 0.0, &m_low)
    cdef double high = log1p_pair_f64(m, m_low, &log_low)
    return (m - high) + (m_low - log_low)


cdef inline double gamma_weight(double a, double x) noexcept nogil:
    """x^a exp(-x) / gamma(a + 1), a > 0, 0 < x < infinity."""
    cdef double z
    if a < 10.0:
        return pow_f64(x, a) * exp_f64(-x) * exp_f64(-lgamma_f64(a + 1.0)) if x < 800.0 else 0.0
    z = 1.0 / a
    return exp_f64(-a * height(a, x) - z * poly_stirling_f64(z * z)) / sqrt_f64(6.283185307179586 * a)


cdef inline double gamma_series(double a, double x) noexcept nogil:
    """P, A & S 6.5.29."""
    cdef double total = 1.0
    cdef double term = 1.0
    cdef double n = a
    while term > 1e-17 * total:
        n += 1.0
        term *= x / n
        total += term
    return total * gamma_weight(a, x)


cdef inline double gamma_fraction(double a, double x) noexcept nogil:
    """Q, A & S 6.5.31 in its even form, by Lentz's method."""
    cdef double b = x + 1.0 - a
    cdef double c = 1e300
    cdef double d = 1.0 / b
    cdef double h = d
    cdef double k = 0.0
    cdef double step = 0.0
    cdef double term
    while abs_f64(step - 1.0) > 2.3e-16 and k < 20000.0:
        k += 1.0
        term = -k * (k - a)
        b += 2.0
        d = 1.0 / (term * d + b)
        c = b + term / c
        step = c * d
        h *= step
    return h * a * gamma_weight(a, x)


cdef inline double gamma_small(double a, double x) noexcept nogil:
    """Q for x < 1, a < 1: 1 - x^a / gamma(a + 1) (1 + a sum of (-x)^n / (n! (a + n))) with the ones taken together."""
    cdef double exponent = a * log_f64(x) - lgamma_f64(a + 1.0)
    cdef double term = 1.0
    cdef double total = 0.0
    cdef double n = 0.0
    while abs_f64(term) > 1e-18:
        n += 1.0
        term *= -x / n
        total += term / (a + n)
    return -expm1_f64(exponent) - exp_f64(exponent) * a * total


cdef inline double gamma_uniform(double a, double x, double sign) noexcept nogil:
    """Q (sign 1) or P (-1) for large a: erfc of the height, and the first corrections."""
    cdef double h = height(a, x)
    cdef double eta = copysign_f64(sqrt_f64(2.0 * (h if h > 0.0 else 0.0)), x - a)
    cdef double c = -2.18e-6
    c = fma_f64(c, eta, 3.919263178522438e-05)
    c = fma_f64(c, eta, -0.0001787551440329218)
    c = fma_f64(c, eta, 0.0003527336860670194)
    c = fma_f64(c, eta, 0.0011574074074074073)
    c = fma_f64(c, eta, -0.014814814814814815)
    c = fma_f64(c, eta, 0.08333333333333333)
    c = fma_f64(c, eta, -0.3333333333333333)
    c += (-0.001851851851851852 - eta / 288.0) / a
    return 0.5 * erfc_f64(sign * eta * sqrt_f64(0.5 * a)) + sign * exp_f64(-a * h) / sqrt_f64(6.283185307179586 * a) * c


cdef inline double gammainc_f64(double a, double x) noexcept nogil:
    if (a < 0.0) | (x < 0.0) | (a != a) | (x != x):
        return NAN_F64
    if a == 0.0:
        return 1.0 if x > 0.0 else NAN_F64
    if x == 0.0:
        return 0.0
    if a == INF_F64:
        return NAN_F64 if x == INF_F64 else 0.0
    if x == INF_F64:
        return 1.0
    if a >= 1e5:
        return gamma_uniform(a, x, -1.0)
    return gamma_series(a, x) if x < a + 1.0 else 1.0 - gamma_fraction(a, x)


cdef inline double gammaincc_f64(double a, double x) noexcept nogil:
    if (a < 0.0) | (x < 0.0) | (a != a) | (x != x):
        return NAN_F64
    if a == 0.0:
        return 0.0 if x > 0.0 else NAN_F64
    if x == 0.0:
        return 1.0
    if a == INF_F64:
        return NAN_F64 if x == INF_F64 else 1.0
    if x == INF_F64:
        return 0.0
    if a >= 1e5:
        return gamma_uniform(a, x, 1.0)
    if x < 1.0 and a < 1.0:
        return gamma_small(a, x)
    return 1.0 - gamma_series(a, x) if x < a + 1.0 else gamma_fraction(a, x)


cdef inline float gammainc_f32(float a, float x) noexcept nogil:
    return <float> gammainc_f64(a, x)


cdef inline float gammaincc_f32(float a, float x) noexcept nogil:
    return <float> gammaincc_f64(a, x)
