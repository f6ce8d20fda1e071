# cython: cdivision=True
# Error functions, gamma functions and relatives in float64; the float32 forms of the gamma functions run the same body, those of erfc and
# erfinv are in lightmath.pxd.in. Branch-free like vecmath64.pxd.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.polynomials cimport *
from frankentorch._ext.lightmath cimport erfinv_guess_f64
from frankentorch._ext.vecmath64 cimport *


# ---- error function

cdef inline double erfc_parts(double x, double x_low, double* low, double* n) noexcept nogil:
    """erfc(x + x_low) = (high + low) 2^n, x >= 0.3: exp(-x^2) / (1 + 2x) times a polynomial in (x - k)/(x + k) (Shepherd &
    Laframboise 1981)."""
    cdef double p_low, d_low, q_low, z_low, tail, e_low, out_low
    cdef double z = two_product_f64(x, x, &z_low)
    cdef double t = (x - 3.75) / (x + 3.75)
    cdef double p = fast_two_sum_f64(1.2375126308378275, t * poly_erfcx_f64(t), &p_low)
    cdef double d = two_sum_f64(1.0, 2.0 * x, &d_low)
    cdef double q = divide_pairs_f64(p, p_low + 1.0546160249725448e-16, d, d_low, &q_low)
    cdef double e = exp_parts(-z, -fma_f64(2.0 * x, x_low, z_low), &e_low, n)
    e = fast_two_sum_f64(1.0, e, &tail)
    cdef double out = two_product_f64(e, q, &out_low)
    low[0] = out_low + fma_f64(e, q_low, (tail + e_low) * q)
    return out


cdef inline double erfc_positive(double x) noexcept nogil:
    """erfc for x >= 0.4."""
    cdef double low, n
    cdef double high = erfc_parts(28.0 if x > 28.0 else x, 0.0, &low, &n)
    return scale_f64(high + low, n)


cdef inline double erf_small(double x) noexcept nogil:
    """erf for |x| <= 1."""
    return fma_f64(x, poly_erf_f64(x * x), x)


cdef inline double erf_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double large = copysign_f64(1.0 - erfc_positive(a), x)
    return large if a > 1.0 else erf_small(x)


cdef inline double erfc_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double tail = erfc_positive(a)
    cdef double out = 2.0 - tail if x < 0.0 else tail
    return out if a > 0.5 else 1.0 - erf_small(x)


cdef inline double erfinv_f64(double x) noexcept nogil:
    """A guess and one step of Halley's method, on erf below 1/2 and on erfc above."""
    cdef double a = abs_f64(x)
    cdef double b = 0.5 if a >= 1.0 else a
    cdef double y = erfinv_guess_f64(b)
    cdef double tail = erfc_positive(y)
    cdef double residue = (1.0 - b) - tail if b > 0.5 else erf_small(y) - b
    cdef double u = residue * 0.886226925452758 * exp_f64(y * y)
    y = y - u / (1.0 + u * y)
    y = b * 0.886226925452758 if b < 1e-9 else y
    y = INF_F64 if a == 1.0 else y
    return copysign_f64(y if a <= 1.0 else NAN_F64, x)


# ---- sines of multiples of pi

cdef inline double sin_pi_pair(double x, double* low, double* cosine, double* cosine_low) noexcept nogil:
    """sin(pi x) and cos(pi x) as pairs, |x| < 2^51."""
    cdef double n = rint_f64(2.0 * x)
    cdef double t = x - 0.5 * n
    cdef double r_low, s_low, c_low
    cdef double r = two_product_f64(t, 3.141592653589793, &r_low)
    r_low = fma_f64(t, 1.2246467991473532e-16, r_low)
    cdef double s = sin_series(r, r_low, &s_low)
    cdef double c = cos_series(r, r_low, &c_low)
    s = fast_two_sum_f64(s, s_low, &s_low)
    c = fast_two_sum_f64(c, c_low, &c_low)
    cdef unsigned long long q = bits_f64(n + 6755399441055744.0)
    cdef bint swap = q & 1ULL
    cdef double sign = -1.0 if q & 2ULL else 1.0
    cdef double c_sign = -1.0 if (q + 1ULL) & 2ULL else 1.0
    low[0] = sign * (c_low if swap else s_low)
    cosine[0] = c_sign * (s if swap else c)
    cosine_low[0] = c_sign * (s_low if swap else c_low)
    return sign * (c if swap else s)


cdef inline double sinc_f64(double x) noexcept nogil:
    cdef double y = 0.0 if abs_f64(x) > 1e15 else x
    cdef double low, c, c_low
    cdef double s = sin_pi_pair(y, &low, &c, &c_low)
    cdef double out = (s + low) / (3.141592653589793 * x)
    return out if abs_f64(x) > 1e-9 else 1.0


cdef inline float sinc_f32(float x) noexcept nogil:
    return <float> sinc_f64(x)


# ---- gamma functions

cdef inline double rising_step(double p, double x, double i, double* p_low) noexcept nogil:
    """(p + p_low) (x + i), low part in place. Written out by the callers: a loop would keep theirs from vectorising."""
    cdef double f_low, q_low
    cdef double f = two_sum_f64(x, i, &f_low)
    cdef double q = two_product_f64(p, f, &q_low)
    p_low[0] = q_low + fma_f64(p, f_low, p_low[0] * f)
    return q


cdef inline double harmonic_step(double total, double x, double i, double* low) noexcept nogil:
    """total + low + 1 / (x + i), low part in place."""
    cdef double f_low, q_low, tail
    cdef double f = two_sum_f64(x, i, &f_low)
    cdef double q = divide_pairs_f64(1.0, 0.0, f, f_low, &q_low)
    total = two_sum_f64(total, q, &tail)
    low[0] = low[0] + (tail + q_low)
    return total


cdef inline double lgamma_pair(double x, double* low) noexcept nogil:
    """log gamma of x > 0 as a pair: Stirling's series from 10 on, moved there by a product of ten factors."""
    cdef bint shift = x < 10.0
    cdef double base = x if shift else 1.0
    cdef double p = base
    cdef double p_low = 0.0
    cdef double y_low, low_log, tail
    p = rising_step(p, base, 1.0, &p_low)
    p = rising_step(p, base, 2.0, &p_low)
    p = rising_step(p, base, 3.0, &p_low)
    p = rising_step(p, base, 4.0, &p_low)
    p = rising_step(p, base, 5.0, &p_low)
    p = rising_step(p, base, 6.0, &p_low)
    p = rising_step(p, base, 7.0, &p_low)
    p = rising_step(p, base, 8.0, &p_low)
    p = rising_step(p, base, 9.0, &p_low)
    cdef double y = two_sum_f64(x, 10.0 if shift else 0.0, &y_low)
    p = p if shift else 1.0
    p_low = p_low if shift else 0.0
    cdef double log_low
    cdef double log_y = log_pair_long(y, y_low, &log_low)
    log_y = fast_two_sum_f64(log_y - 1.0, log_low, &log_low)
    cdef double h_low
    cdef double h = two_sum_f64(y, -0.5, &h_low)
    h_low = h_low + y_low
    cdef double a_low
    cdef double a = two_product_f64(h, log_y, &a_low)
    a_low = a_low + fma_f64(h, log_low, h_low * log_y)
    cdef double inverse = 1.0 / y
    cdef double series = poly_stirling_f64(inverse * inverse) * inverse
    a = two_sum_f64(a, 0.4189385332046727, &tail)
    a_low = a_low + tail + series + 1.6728209650585413e-17
    cdef double log_p = log_pair_long(p, p_low, &low_log)
    a = two_sum_f64(a, -log_p, &tail)
    low[0] = a_low + (tail - low_log)
    return a


cdef inline double lgamma_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double y = a if a < 1e305 else 1e305
    y = 1.0 if a == 0.0 else y
    cdef double low, s_low, c, c_low, tail, d_low, q_low, log_low
    cdef double high = lgamma_pair(y, &low)
    # gamma(-a) = pi / (-a sin(pi a) gamma(a))
    cdef double whole = 4503599627370496.0
    cdef double t = y if y < whole else 0.0
    cdef double s = sin_pi_pair(t - 2.0 * trunc_f64(t * 0.5), &s_low, &c, &c_low)
    cdef double sign = -1.0 if s < 0.0 else 1.0
    cdef double d = two_product_f64(y, sign * s, &d_low)
    d_low = fma_f64(y, sign * s_low, d_low)
    cdef bint pole = d == 0.0
    cdef double q = divide_pairs_f64(3.141592653589793, 1.2246467991473532e-16, 1.0 if pole else d, d_low, &q_low)
    cdef double log_q = log_pair_long(q, q_low, &log_low)
    cdef double r = two_sum_f64(log_q, -high, &tail)
    cdef double negative = r + (tail + (log_low - low))
    negative = INF_F64 if pole else negative
    cdef double out = high + low
    cdef double near = y - 1.0
    out = fma_f64(near, poly_lgamma1_f64(near), 0.0) if abs_f64(near) <= 0.25 else out
    near = y - 2.0
    out = near * poly_lgamma2_f64(near) if abs_f64(near) <= 0.25 else out
    out = x * (log_f64(a) - 1.0) if a >= 1e305 else out
    out = negative if x < 0.0 else out
    out = -log_f64(a) if a < 1e-17 else out
    out = INF_F64 if (a == INF_F64) | (a == 0.0) else out
    return out if x == x else x


cdef inline float lgamma_f32(float x) noexcept nogil:
    return <float> lgamma_f64(x)


cdef inline double digamma_positive(double x, double* low) noexcept nogil:
    """digamma of x > 0 as a pair: asymptotic series from 10 on, recurrence below."""
    cdef bint shift = x < 10.0
    cdef double base = x if shift else 1.0
    cdef double total = 0.0
    cdef double total_low = 0.0
    cdef double tail, y_low, log_low
    total = harmonic_step(total, base, 0.0, &total_low)
    total = harmonic_step(total, base, 1.0, &total_low)
    total = harmonic_step(total, base, 2.0, &total_low)
    total = harmonic_step(total, base, 3.0, &total_low)
    total = harmonic_step(total, base, 4.0, &total_low)
    total = harmonic_step(total, base, 5.0, &total_low)
    total = harmonic_step(total, base, 6.0, &total_low)
    total = harmonic_step(total, base, 7.0, &total_low)
    total = harmonic_step(total, base, 8.0, &total_low)
    total = harmonic_step(total, base, 9.0, &total_low)
    total = total if shift else 0.0
    total_low = total_low if shift else 0.0
    cdef double y = two_sum_f64(x, 10.0 if shift else 0.0, &y_low)
    cdef double log_y = log_pair(y, y_low, &log_low)
    cdef double inverse = 1.0 / y
    cdef double series = fma_f64(inverse * inverse, poly_digamma_tail_f64(inverse * inverse), 0.5 * inverse)
    cdef double s = two_sum_f64(log_y, -total, &tail)
    low[0] = tail + ((log_low - series) - total_low)
    return s


cdef inline double digamma_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double y = 1.0 if a < 1e-300 else (1.0 if a == INF_F64 else a)
    cdef double low, s_low, c, c_low, q_low, tail
    cdef double s = digamma_positive(y, &low)
    # digamma(-a) = digamma(a) + 1/a + pi cot(pi a)
    cdef double whole = 4503599627370496.0
    cdef double t = y if y < whole else 0.0
    cdef double sine = sin_pi_pair(t - 2.0 * trunc_f64(t * 0.5), &s_low, &c, &c_low)
    cdef double q = divide_pairs_f64(c, c_low, 1.0 if sine == 0.0 else sine, s_low, &q_low)
    cdef double p_low
    cdef double p = two_product_f64(q, 3.141592653589793, &p_low)
    p_low = p_low + fma_f64(q, 1.2246467991473532e-16, 3.141592653589793 * q_low)
    cdef double r = two_sum_f64(s, 1.0 / y, &tail)
    p_low = p_low + tail + low
    r = two_sum_f64(r, p, &tail)
    cdef double negative = r + (tail + p_low)
    negative = NAN_F64 if sine == 0.0 else negative
    cdef double near = (y - 1.4616321449683622) - 9.549995429965697e-17
    cdef double out = near * poly_digamma_root_f64(near) if abs_f64(y - 1.475) < 0.275 else s + low
    out = negative if x < 0.0 else out
    out = -1.0 / x if a < 1e-300 else out
    out = x if x == INF_F64 else out
    out = NAN_F64 if x == -INF_F64 else out
    return out if x == x else x


cdef inline float digamma_f32(float x) noexcept nogil:
    return <float> digamma_f64(x)


# ---- the normal distribution and its kin (float32: widemath.pxd)

cdef inline double gelu_f64(double x) noexcept nogil:
    """x erfc(-x / sqrt 2) / 2, the argument as a pair; in the middle by erf. -infinity times 0 is NaN."""
    cdef double y = abs_f64(x)
    y = 39.0 if y > 39.0 else y
    cdef double a_low, low, n
    cdef double a = two_product_f64(y, 0.7071067811865476, &a_low)
    cdef double high = erfc_parts(a, fma_f64(y, -4.833646656726457e-17, a_low), &low, &n)
    cdef double factor = -0.5 * y
    cdef double left = scale_f64(fma_f64(factor, high, factor * low), n)
    cdef double out = left if x < 0.0 else x + left
    out = fma_f64(0.5 * x, erf_small(copysign_f64(a, x)), 0.5 * x) if y < 0.6 else out
    return copysign_f64(NAN_F64 if x == -INF_F64 else out, x)


cdef inline double weighted_f64(double x, double y, double y_low) noexcept nogil:
    """x / (1 + exp(-s)), s = y + y_low with the sign of x, 0 <= y < 1000; the power of two last."""
    cdef double low, n, tail, d_low, q_low, top_low
    cdef double a = exp_parts(-y, -y_low, &low, &n)
    cdef double p = fast_two_sum_f64(1.0, a, &tail)
    low = low + tail
    cdef double d = fast_two_sum_f64(1.0, scale_f64(p, n), &d_low)
    d_low = d_low + scale_f64(low, n)
    cdef double bounded = -1000.0 if x < -1000.0 else x
    cdef double top = two_product_f64(bounded, p, &top_low)
    top_low = fma_f64(bounded, low, top_low)
    top = top if x < 0.0 else x
    top_low = top_low if x < 0.0 else 0.0
    cdef double q = divide_pairs_f64(top, top_low, d, d_low, &q_low)
    q = q + q_low
    cdef double left = NAN_F64 if x == -INF_F64 else scale_f64(q, n)
    q = x if x > 1e300 else q
    return copysign_f64(left if x < 0.0 else q, x)


cdef inline double silu_f64(double x) noexcept nogil:
    cdef double y = abs_f64(x)
    return weighted_f64(x, 800.0 if y > 800.0 else y, 0.0)


cdef inline double gelu_tanh_f64(double x) noexcept nogil:
    """0.5 x (1 + tanh(u)) = x / (1 + exp(-2 u)): u as a pair, for its error is the result's."""
    cdef double y = abs_f64(x)
    y = 22.0 if y > 22.0 else y
    cdef double z_low, p_low, w_low, v_low
    cdef double z = two_product_f64(y, y, &z_low)
    cdef double p = two_product_f64(z, 0.07135481627260025, &p_low)
    cdef double w = two_sum_f64(1.5957691216057308, p, &w_low)
    w_low = w_low + (p_low + fma_f64(z_low, 0.07135481627260025, fma_f64(z, -6.175149918155315e-19, -9.96930880911092e-17)))
    cdef double v = two_product_f64(y, w, &v_low)
    return weighted_f64(x, v, fma_f64(y, w_low, v_low))
