# cython: cdivision=True
# The normal distribution: its function, the logarithm and the inverse of it, and erfc without its exponential. float32 runs the
# body of float64 and rounds once. Pieces of erfc come from special.pxd; measured errors are in docs/accuracy.md.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.polynomials cimport poly_erfcx_f64
from frankentorch._ext.special cimport *
from frankentorch._ext.vecmath64 cimport *


cdef inline double erfcx_right(double x) noexcept nogil:
    """exp(x^2) erfc(x) for x >= 0.4: as erfc_parts does it, past 50 by the series at infinity (A & S 7.1.23)."""
    cdef double y = 50.0 if x > 50.0 else x
    cdef double p_low, d_low, q_low
    cdef double t = (y - 3.75) / (y + 3.75)
    cdef double p = fast_two_sum_f64(1.2375126308378275, t * poly_erfcx_f64(t), &p_low)
    cdef double d = two_sum_f64(1.0, 2.0 * y, &d_low)
    cdef double q = divide_pairs_f64(p, p_low + 1.0546160249725448e-16, d, d_low, &q_low)
    cdef double z = 1.0 / x
    z = 0.5 * z * z
    cdef double far = 0.5641895835477563 / x * (1.0 - z * (1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z * (1.0 - 9.0 * z)))))
    return far if x > 50.0 else q + q_low


cdef inline double erfcx_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double b = 30.0 if a > 30.0 else a
    cdef double low
    cdef double z = two_product_f64(b, b, &low)
    cdef double grown = exp_pair_f64(z, low)
    cdef double right = erfcx_right(0.4 if a < 0.4 else a)
    cdef double out = 2.0 * grown - right if x < 0.0 else right
    out = grown * (1.0 - erf_small_f64(x)) if a < 0.4 else out
    return INF_F64 if x < -28.0 else out


cdef inline double ndtr_f64(double x) noexcept nogil:
    cdef double y = abs_f64(x)
    y = 39.0 if y > 39.0 else y
    cdef double a_low, low, n
    cdef double a = two_product_f64(y, 0.7071067811865476, &a_low)
    cdef double high = erfc_parts_f64(a, fma_f64(y, -4.833646656726457e-17, a_low), &low, &n)
    cdef double left = scale_f64(fma_f64(0.5, high, 0.5 * low), n)
    cdef double out = left if x < 0.0 else 1.0 - left
    return fma_f64(0.5, erf_small_f64(copysign_f64(a, x)), 0.5) if y < 0.6 else out


cdef inline double log_ndtr_f64(double x) noexcept nogil:
    """log1p of the other tail, the logarithm, and left of -1 -x^2 / 2 + log(erfcx / 2)."""
    cdef double middle = log_f64(ndtr_f64(x)) if x < 0.0 else log1p_f64(-ndtr_f64(-x))
    cdef double y = -x if x < -1.0 else 1.0
    cdef double high = -0.5 * y * y
    cdef double low = fma_f64(-0.5 * y, y, -high) if y < 1e150 else 0.0
    cdef double far = high + (low + log_f64(0.5 * erfcx_right(y * 0.7071067811865476)))
    return far if x < -1.0 else middle


cdef inline double ndtri_step(double y, double log_p) noexcept nogil:
    """Halley's step towards the y >= 0 beyond which the tail is p, on logarithms, where the tail is almost a parabola."""
    cdef double g = log_ndtr_f64(-y) - log_p
    cdef double slope = 0.7978845608028654 / erfcx_f64(y * 0.7071067811865476)      # density over tail
    cdef double u = g / slope
    return y + u / (1.0 + 0.5 * u * (slope - y))


cdef inline double ndtri_f64(double p) noexcept nogil:
    """By erfinv in the middle; of the tails by two steps from t - (log t + log(2 pi) / 2) / t, t = sqrt(-2 log p)."""
    cdef double q = 1.0 - p if p > 0.5 else p
    cdef double tail = q if (q > 0.0) & (q < 0.26) else 0.25
    cdef double log_p = log_f64(tail)
    cdef double t = sqrt_f64(-2.0 * log_p)
    cdef double y = t - (log_f64(t) + 0.9189385332046727) / t
    y = 0.7 if y < 0.7 else y
    y = ndtri_step(ndtri_step(ndtri_step(y, log_p), log_p), log_p)
    cdef double out = y if p > 0.5 else -y
    out = 1.4142135623730951 * erfinv_f64(2.0 * (p - 0.5)) if q > 0.25 else out
    out = copysign_f64(INF_F64, p - 0.5) if q == 0.0 else out
    return out if q >= 0.0 else NAN_F64


cdef inline double entr_f64(double x) noexcept nogil:
    cdef double out = -x * log_f64(x)
    out = 0.0 if x == 0.0 else out
    return -INF_F64 if x < 0.0 else out


cdef inline double xlog1py_f64(double x, double y) noexcept nogil:
    cdef double out = x * log1p_f64(y)
    return 0.0 if (x == 0.0) & (y == y) else out


cdef inline float erfcx_f32(float x) noexcept nogil:
    return <float> erfcx_f64(x)


cdef inline float ndtr_f32(float x) noexcept nogil:
    return <float> ndtr_f64(x)


cdef inline float log_ndtr_f32(float x) noexcept nogil:
    return <float> log_ndtr_f64(x)


cdef inline float ndtri_f32(float x) noexcept nogil:
    return <float> ndtri_f64(x)


cdef inline float entr_f32(float x) noexcept nogil:
    return <float> entr_f64(x)


cdef inline float xlog1py_f32(float x, float y) noexcept nogil:
    return <float> xlog1py_f64(x, y)


# ---- mantissa in [1/2, 1) and exponent

cdef inline double frexp_exponent_f64(double x) noexcept nogil:
    cdef bint tiny = abs_f64(x) < 2.2250738585072014e-308
    cdef unsigned long long e = (bits_f64(x * 18014398509481984.0 if tiny else x) >> 52) & 2047
    cdef double out = <double> <long long> e - (1076.0 if tiny else 1022.0)
    return out if (x != 0.0) & (abs_f64(x) < INF_F64) else 0.0


cdef inline double frexp_mantissa_f64(double x) noexcept nogil:
    cdef double e = frexp_exponent_f64(x)
    return scale_f64(x, -e)


cdef inline float frexp_exponent_f32(float x) noexcept nogil:
    return <float> frexp_exponent_f64(x)


cdef inline float frexp_mantissa_f32(float x) noexcept nogil:
    return <float> frexp_mantissa_f64(x)
