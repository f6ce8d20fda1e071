# cython: cdivision=True
# Elementary functions in float32. exp, exp2, log, tanh, sigmoid and erf stay in float32 (full vector width), the last three by
# tables of pieces (bench/minimax.py); the others run a short polynomial in float64 (*_light, error about 2^-36) and round once.
# Branch-free; errors: docs/accuracy.md.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.polynomials cimport *
from frankentorch._ext.reduction cimport reduce_f32


# ---- float32 throughout

cdef inline float exp_f32(float x) noexcept nogil:
    cdef float magic = 12582912.0
    cdef float top = 89.0
    cdef float bottom = -104.5
    cdef float y = top if x > top else x
    y = bottom if y < bottom else y
    cdef float n = fma_f32(y, 1.4426950216293335, magic) - magic
    cdef float r = fma_f32(-n, 0.693145751953125, y)
    r = fma_f32(-n, 1.428606765330187e-06, r)
    cdef float p = fma_f32(fma_f32(poly_exp_f32(r), r, 1.0), r, 1.0)
    return scale_f32(p, n)


cdef inline float exp2_f32(float x) noexcept nogil:
    cdef float one = 1.0
    cdef float top = 129.0
    cdef float bottom = -151.0
    cdef float y = top if x > top else x
    y = bottom if y < bottom else y
    cdef float n = rint_f32(y)
    cdef float r = y - n
    return scale_f32(fma_f32(r, poly_exp2_f32(r), one), n)


cdef inline float log_f32(float x) noexcept nogil:
    cdef float lift = 8388608.0
    cdef float one = 1.0
    cdef float half = 0.5
    cdef float zero = 0.0
    cdef bint tiny = x < <float>1.1754943508222875e-38
    cdef float y = x * lift if tiny else x
    cdef unsigned int u = bits_f32(y) + 0x004afb0dU
    cdef float k = <float>(<int>(u >> 23)) - (<float>150.0 if tiny else <float>127.0)
    cdef float m = make_f32((u & 0x007fffffU) + 0x3f3504f3U)
    cdef float f = m - one
    cdef float z = f * f
    cdef float rest = fma_f32(f * z, poly_log_f32(f), -half * z)
    cdef float head = k * <float>0.693145751953125
    cdef float high = head + f
    cdef float low = (head - high) + f
    cdef float out = high + (fma_f32(k, 1.428606765330187e-06, rest) + low)
    out = out if x < INF_F32 else x
    out = -INF_F32 if x == zero else out
    return NAN_F32 if x < zero else out


cdef inline float chain_f32(const float* rows, Py_ssize_t terms, unsigned int piece, float x) noexcept nogil:
    """c[1] + c[2] x + ... of a table of pieces."""
    cdef float p = rows[16 * (terms + 1) + piece]
    cdef Py_ssize_t k
    for k in range(terms, 1, -1):
        p = fma_f32(p, x, rows[16 * k + piece])
    return p


cdef inline float odd_f32(float x, const float* rows, Py_ssize_t terms, bint sixteen, float slope, float last) noexcept nogil:
    """An odd function that is constant from `last` on. Its first piece is told as the difference from x."""
    cdef float end = 1.25 if sixteen else 1.5
    cdef float one = 1.0
    cdef float y = abs_f32(x)
    y = last if y > last else y
    cdef float u = fma_f32(y, slope, one)
    cdef unsigned int piece = (bits_f32(u) >> 21) & 15U if sixteen else (bits_f32(u) >> 22) & 7U
    cdef float t = y - rows[piece]
    cdef float base = y if u < end else rows[16 + piece]
    return copysign_f32(fma_f32(t, chain_f32(rows, terms, piece, t), base), x)


cdef inline float tanh_f32(float x) noexcept nogil:
    return odd_f32(x, tanh_rows, 5, True, tanh_slope, tanh_last)


cdef inline float erf_f32(float x) noexcept nogil:
    return odd_f32(x, erf_rows, 7, False, erf_slope, erf_last)


cdef inline float sigmoid_f32(float x) noexcept nogil:
    """1 / (1 + exp(|x|)) by pieces, or what it lacks of 1; far out exp(-|x|) (1 - exp(-|x|))."""
    cdef float magic = 12582912.0
    cdef float one = 1.0
    cdef float zero = 0.0
    cdef float limit = 104.5
    cdef float least = 5.421010862427522e-20
    cdef float y = abs_f32(x)
    cdef unsigned int piece = bits_f32(fma_f32(y, logistic_left_slope, magic)) & 15U
    cdef float d = y - logistic_left_rows[piece]
    cdef float left = fma_f32(d, chain_f32(logistic_left_rows, 6, piece, d), logistic_left_rows[16 + piece])
    cdef bint far = y > logistic_left_last
    y = limit if y > limit else y
    cdef float t = fma_f32(y, -1.4426950216293335, magic)
    cdef float n = t - magic
    cdef float r = fma_f32(-n, 1.428606765330187e-06, fma_f32(-n, 0.693145751953125, -y))
    cdef float z = r * r
    cdef float q = poly_exp_f32(r)
    cdef float p = fma_f32(z, q, r) + one
    cdef float low = fma_f32(z, q, (one - p) + r)
    cdef float power = make_f32((bits_f32(t) << 23) + 0x5f800000U)
    left = (p + fma_f32(-p, p * power * least, low)) * power * least if far else left
    return left if x < zero else one - left


# ---- float64 inside

cdef inline double exp_light(double x) noexcept nogil:
    """exp within 2^-36; +-300 and beyond count as infinite."""
    x = 300.0 if x > 300.0 else x
    x = -300.0 if x < -300.0 else x
    cdef double k = fma_f64(x, 1.4426950408889634, 6755399441055744.0) - 6755399441055744.0
    cdef double r = fma_f64(-k, 0.6931471805599453, x)
    return fma_f64(r * r, poly_exp_light_f64(r), r + 1.0) * power_of_two_f64(k)


cdef inline double expm1_light(double x) noexcept nogil:
    x = 300.0 if x > 300.0 else x
    x = -300.0 if x < -300.0 else x
    cdef double k = fma_f64(x, 1.4426950408889634, 6755399441055744.0) - 6755399441055744.0
    cdef double r = fma_f64(-k, 0.6931471805599453, x)
    cdef double s = power_of_two_f64(k)
    return fma_f64(s, fma_f64(r * r, poly_exp_light_f64(r), r), s - 1.0)


cdef inline double log_light(double x, double x_low) noexcept nogil:
    """log(x + x_low) for positive normal x; absolute error 2^-44, relative 2^-40 near 1."""
    cdef unsigned long long u = bits_f64(x) + 0x00095f619980c433ULL
    cdef unsigned long long e = u >> 52
    cdef double k = make_f64(e | 0x4330000000000000ULL) - 4503599627371519.0
    cdef double f = make_f64((u & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL) - 1.0
    f = fma_f64(x_low, make_f64((2046ULL - e) << 52), f)
    cdef double s = f / (2.0 + f)
    cdef double z = s * s
    return fma_f64(k, 0.6931471805599453, fma_f64(s * z, poly_log_light_f64(z), 2.0 * s))


cdef inline double log_light_specials(double x, double out) noexcept nogil:
    out = out if x < INF_F64 else x
    out = -INF_F64 if x == 0.0 else out
    return NAN_F64 if x < 0.0 else out


cdef inline float expm1_f32(float x) noexcept nogil:
    cdef double out = expm1_light(x)
    return x if abs_f32(x) < <float>1e-9 else <float> out


cdef inline float log2_f32(float x) noexcept nogil:
    return <float> log_light_specials(x, 1.4426950408889634 * log_light(x, 0.0))


cdef inline float log10_f32(float x) noexcept nogil:
    return <float> log_light_specials(x, 0.4342944819032518 * log_light(x, 0.0))


cdef inline double log1p_light(double x) noexcept nogil:
    """log(1 + x), relative error 2^-36 also near 0."""
    cdef double z = 1.0 + x
    cdef double out = log_light_specials(z, log_light(z, x - (z - 1.0)))
    return out if abs_f64(x) > 1e-14 else x


cdef inline float log1p_f32(float x) noexcept nogil:
    cdef double out = log1p_light(x)
    return x if abs_f32(x) < <float>1e-9 else <float> out


cdef inline float sinh_f32(float x) noexcept nogil:
    cdef double y = abs_f64(x)
    cdef double t = expm1_light(y)
    cdef double out = 0.5 * (t + t / (t + 1.0))
    return x if abs_f32(x) < <float>1e-6 else copysign_f32(<float> out, x)


cdef inline float cosh_f32(float x) noexcept nogil:
    cdef double e = exp_light(abs_f64(x))
    return <float> (0.5 * (e + 1.0 / e))


cdef inline float asinh_f32(float x) noexcept nogil:
    cdef double y = abs_f64(x)
    cdef double out = log1p_light(y + y * y / (1.0 + sqrt_f64(fma_f64(y, y, 1.0))))
    out = out if y < INF_F64 else y
    return x if abs_f32(x) < <float>1e-6 else copysign_f32(<float> out, x)


cdef inline float acosh_f32(float x) noexcept nogil:
    cdef double t = <double> x - 1.0
    cdef double out = log1p_light(t + sqrt_f64(t * (t + 2.0)))
    return <float> out if t >= 0.0 else NAN_F32


cdef inline float atanh_f32(float x) noexcept nogil:
    cdef double y = abs_f64(x)
    cdef double out = 0.5 * log1p_light(2.0 * y / (1.0 - y))
    out = out if y <= 1.0 else NAN_F64
    return x if abs_f32(x) < <float>1e-6 else copysign_f32(<float> out, x)


cdef inline float pow_f32(float x, float y) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double p = <double> y * log_light_specials(a, log_light(a, 0.0))
    cdef float out = <float> exp_light(p)
    # C99 F.9.4.4
    cdef float one = 1.0
    cdef float half = y * <float>0.5
    cdef bint whole = rint_f32(y) == y
    cdef bint odd = whole & (rint_f32(half) != half)
    out = copysign_f32(out, x) if odd else out
    out = NAN_F32 if (x < <float>0.0) & (not whole) & (a < INF_F64) else out
    out = one if (a == 1.0) & (abs_f32(y) == INF_F32) else out
    return one if (x == one) | (y == <float>0.0) else out


cdef inline double sin_light(double r) noexcept nogil:
    cdef double z = r * r
    return fma_f64(r * z, poly_sin_light_f64(z), r)


cdef inline double cos_light(double r) noexcept nogil:
    cdef double z = r * r
    return fma_f64(z * z, poly_cos_light_f64(z), fma_f64(-0.5, z, 1.0))


cdef inline float sin_f32(float x) noexcept nogil:
    cdef unsigned long long n
    cdef double r = reduce_f32(x, &n)
    cdef double s = sin_light(r)
    cdef double c = cos_light(r)
    cdef double out = c if n & 1ULL else s
    out = make_f64(bits_f64(out) ^ ((n & 2ULL) << 62))
    return x if abs_f32(x) < <float>1e-4 else <float> out


cdef inline float cos_f32(float x) noexcept nogil:
    cdef unsigned long long n
    cdef double r = reduce_f32(x, &n)
    cdef double s = sin_light(r)
    cdef double c = cos_light(r)
    cdef double out = s if n & 1ULL else c
    return <float> make_f64(bits_f64(out) ^ (((n + 1ULL) & 2ULL) << 62))


cdef inline float tan_f32(float x) noexcept nogil:
    cdef unsigned long long n
    cdef double r = reduce_f32(x, &n)
    cdef double s = sin_light(r)
    cdef double c = cos_light(r)
    cdef double out = (-c if n & 1ULL else s) / (s if n & 1ULL else c)
    return x if abs_f32(x) < <float>1e-4 else <float> out


cdef inline double atan_light_ratio(double top, double bottom) noexcept nogil:
    """atan(top / bottom), 0 <= top <= bottom."""
    cdef bint turn = top > 0.4142135623730951 * bottom
    cdef double t = (top - bottom if turn else top) / (bottom + top if turn else bottom)
    cdef double z = t * t
    return fma_f64(t * z, poly_atan_light_f64(z), t) + (0.7853981633974483 if turn else 0.0)


cdef inline float atan_f32(float x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef bint flip = a > 1.0
    cdef double out = atan_light_ratio(1.0 if flip else a, a if flip else 1.0)
    out = 1.5707963267948966 if a > 1e30 else (1.5707963267948966 - out if flip else out)
    return copysign_f32(<float> out, x)


cdef inline float atan2_f32(float y, float x) noexcept nogil:
    cdef double a = abs_f64(y)
    cdef double b = abs_f64(x)
    cdef bint flip = a > b
    cdef double top = b if flip else a
    cdef double bottom = a if flip else b
    top = 1.0 if top == INF_F64 else (0.0 if bottom == INF_F64 else top)
    bottom = 1.0 if (bottom == INF_F64) | (bottom == 0.0) else bottom
    cdef double out = atan_light_ratio(top, bottom)
    out = 1.5707963267948966 - out if flip else out
    out = 3.141592653589793 - out if copysign_f32(1.0, x) < <float>0.0 else out
    out = out if (a == a) & (b == b) else NAN_F64
    return copysign_f32(<float> out, y)


cdef inline double asin_light(double a, bint large) noexcept nogil:
    """asin(a), or asin(sqrt((1 - a) / 2)) where large."""
    cdef double half = 0.5 * (1.0 - a)
    cdef double r = sqrt_f64(half) if large else a
    cdef double z = half if large else a * a
    return fma_f64(r * z, poly_asin_light_f64(z), r)


cdef inline float asin_f32(float x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef bint large = a > 0.5
    cdef double out = asin_light(a, large)
    out = 1.5707963267948966 - 2.0 * out if large else out
    return copysign_f32(<float> out, x)


cdef inline float acos_f32(float x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef bint large = a > 0.5
    cdef double out = asin_light(a, large)
    cdef bint negative = x < <float>0.0
    cdef double two = 2.0 * out
    cdef double inner = 1.5707963267948966 + out if negative else 1.5707963267948966 - out
    cdef double outer = 3.141592653589793 - two if negative else two
    return <float> (outer if large else inner)
