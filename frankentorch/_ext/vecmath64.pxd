# cython: cdivision=True
# Elementary functions in float64, branch-free so that plain loops over them vectorise. Hard sums are kept as pairs
# high + low (Dekker 1971); polynomials come from bench/minimax.py; measured errors are in docs/accuracy.md.
# Functions named *_parts return such pairs and are shared by the functions below and by special.pxd.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.polynomials cimport *
from frankentorch._ext.reduction cimport reduce_f64


# ---- exponential family

cdef inline double exp_parts(double x, double x_low, double* low, double* n) noexcept nogil:
    """exp(x + x_low) = (1 + high + low) 2^n, |x| < 1100."""
    cdef double k = fma_f64(x, 1.4426950408889634, 6755399441055744.0) - 6755399441055744.0
    cdef double big = fma_f64(-k, 0.693147180559663, x)  # exact: the head of ln 2 has 41 bits
    cdef double small = k * 2.8235290563031577e-13
    cdef double r = big - small
    cdef double r_low = ((big - r) - small) + x_low
    cdef double tail
    cdef double a = fast_two_sum_f64(r, r * r * poly_exp_f64(r), &tail)
    low[0] = tail + fma_f64(r_low, a, r_low)
    n[0] = k
    return a


cdef inline double clamp_exponent(double x) noexcept nogil:
    """Limit x to where exp is neither 0 nor inf; nan passes."""
    x = 710.5 if x > 710.5 else x
    return -746.0 if x < -746.0 else x


cdef inline double exp_pair(double x, double x_low) noexcept nogil:
    cdef double low, n, tail
    cdef double a = exp_parts(clamp_exponent(x), x_low, &low, &n)
    a = fast_two_sum_f64(1.0, a, &tail)
    return scale_f64(a + (tail + low), n)


cdef inline double exp_f64(double x) noexcept nogil:
    cdef double y = clamp_exponent(x)
    cdef double n = fma_f64(y, 1.4426950408889634, 6755399441055744.0) - 6755399441055744.0
    cdef double big = fma_f64(-n, 0.693147180559663, y)
    cdef double small = n * 2.8235290563031577e-13
    cdef double r = big - small
    cdef double r_low = (big - r) - small
    return scale_f64(1.0 + (r + fma_f64(r * r, poly_exp_f64(r), r_low)), n)


cdef inline double exp2_f64(double x) noexcept nogil:
    cdef double y = 1025.0 if x > 1025.0 else x
    y = -1080.0 if y < -1080.0 else y
    cdef double n = rint_f64(y)
    cdef double r = y - n
    return scale_f64(fma_f64(r, poly_exp2_f64(r), 1.0), n)


cdef inline double expm1_parts(double x, double* low) noexcept nogil:
    """(exp(x) - 1) / 2 as a pair, -60 < x < 710.5."""
    cdef double a_low, n
    cdef double a = exp_parts(x, 0.0, &a_low, &n)
    cdef double s = power_of_two_f64(n - 1.0)
    cdef double tail
    cdef double high = fast_two_sum_f64(s - 0.5, s * a, &tail)
    low[0] = fma_f64(s, a_low, tail)
    return high


cdef inline double expm1_f64(double x) noexcept nogil:
    cdef double y = 710.0 if x > 710.0 else x
    y = -60.0 if y < -60.0 else y
    cdef double low
    cdef double high = expm1_parts(y, &low)
    cdef double out = 2.0 * (high + low)
    return x if abs_f64(x) < 5e-17 else out


cdef inline double half_exp_parts(double x, double* low) noexcept nogil:
    """exp(x) / 2 as a pair for 0 <= x <= 711; inf + 0 past the range."""
    cdef double a_low, n, tail
    x = 711.0 if x > 711.0 else x
    cdef double a = exp_parts(x, 0.0, &a_low, &n)
    a = fast_two_sum_f64(1.0, a, &tail)
    low[0] = scale_f64(tail + a_low, n - 1.0)
    return scale_f64(a, n - 1.0)


cdef inline double sinh_f64(double x) noexcept nogil:
    cdef double y = abs_f64(x)
    cdef double z = x * x
    cdef double low
    cdef double high = half_exp_parts(y, &low)
    cdef double b = 0.25 / high
    b = fma_f64(-4.0 * b * b, low, b)
    cdef double tail
    cdef double s = fast_two_sum_f64(high, -b, &tail)
    cdef double large = s + (tail + low)
    large = s if s > 1e300 else large
    cdef double small = fma_f64(x * z, poly_sinh_f64(z), x)
    return small if y < 1.0 else copysign_f64(large, x)


cdef inline double cosh_f64(double x) noexcept nogil:
    cdef double low
    cdef double high = half_exp_parts(abs_f64(x), &low)
    cdef double b = 0.25 / high
    b = fma_f64(-4.0 * b * b, low, b)
    cdef double tail
    cdef double s = fast_two_sum_f64(high, b, &tail)
    return s if s > 1e300 else s + (tail + low)


cdef inline double tanh_f64(double x) noexcept nogil:
    cdef double y = abs_f64(x)
    y = 20.0 if y > 20.0 else y
    cdef double low, d_low, q_low
    cdef double high = expm1_parts(2.0 * y, &low)
    cdef double d = two_sum_f64(high, 1.0, &d_low)
    cdef double q = divide_pairs_f64(high, low, d, d_low + low, &q_low)
    return copysign_f64(q + q_low, x) if y > 1e-200 else x


cdef inline double sigmoid_f64(double x) noexcept nogil:
    cdef double y = -abs_f64(x)
    cdef double low, n, tail, d_low, q_low
    y = -746.0 if y < -746.0 else y
    cdef double a = exp_parts(y, 0.0, &low, &n)
    a = fast_two_sum_f64(1.0, a, &tail)
    low = scale_f64(tail + low, n)
    cdef double e = scale_f64(a, n)
    cdef double d = fast_two_sum_f64(1.0, e, &d_low)
    cdef double top = e if x < 0.0 else 1.0
    cdef double q = divide_pairs_f64(top, low if x < 0.0 else 0.0, d, d_low + low, &q_low)
    q = q + q_low
    return e if x < -708.0 else q


# ---- logarithms

cdef inline double log_split(double z, double* k, double* scale) noexcept nogil:
    """z = m 2^k with m in [sqrt(1/2), sqrt 2), z > 0; scale = 2^-k for normal z (0 at the top of the range)."""
    cdef double lift = 54.0 if z < 2.2250738585072014e-308 else 0.0
    cdef double y = z * 18014398509481984.0 if z < 2.2250738585072014e-308 else z
    cdef unsigned long long u = bits_f64(y) + 0x00095f619980c433ULL
    cdef unsigned long long e = u >> 52
    k[0] = make_f64(e | 0x4330000000000000ULL) - 4503599627371519.0 - lift
    scale[0] = make_f64((2047ULL - e) << 52) * 0.5
    return make_f64((u & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL)


cdef inline double log_series(double m, double m_low, double* low) noexcept nogil:
    """log(m + m_low) for m in [0.7, 1.42): 2 atanh(f / (2 + f)); low has about 5 more bits."""
    cdef double f_low, d_low, s_low
    cdef double f = fast_two_sum_f64(m - 1.0, m_low, &f_low)
    cdef double d = fast_two_sum_f64(2.0, f, &d_low)
    cdef double s = divide_pairs_f64(f, f_low, d, d_low + f_low, &s_low)
    cdef double z = s * s
    low[0] = fma_f64(s * z, poly_log_f64(z), 2.0 * s_low)
    return 2.0 * s


cdef inline double log_series_long(double m, double m_low, double* low) noexcept nogil:
    """The same to about 2^-66, for pow."""
    cdef double f_low, d_low, s_low, z_low, c_low, u_low, tail
    cdef double f = fast_two_sum_f64(m - 1.0, m_low, &f_low)
    cdef double d = fast_two_sum_f64(2.0, f, &d_low)
    cdef double s = divide_pairs_f64(f, f_low, d, d_low + f_low, &s_low)
    s = fast_two_sum_f64(s, s_low, &s_low)
    cdef double z = two_product_f64(s, s, &z_low)
    z_low = fma_f64(2.0 * s, s_low, z_low)
    cdef double c = two_product_f64(z, 0.6666666666666666, &c_low)
    c_low = c_low + fma_f64(z_low, 0.6666666666666666, z * 3.700743415417188e-17)
    c = fast_two_sum_f64(c, z * z * poly_logdd_f64(z), &tail)
    c_low = c_low + tail
    cdef double u = two_product_f64(s, c, &u_low)
    u_low = u_low + fma_f64(s, c_low, s_low * c)
    cdef double high = fast_two_sum_f64(2.0 * s, u, &tail)
    low[0] = tail + fma_f64(2.0, s_low, u_low)
    return high


cdef inline double log_pair(double z, double z_low, double* low) noexcept nogil:
    """log(z + z_low) for positive finite z."""
    cdef double k, scale, tail
    cdef double m = log_split(z, &k, &scale)
    cdef double high = log_series(m, z_low * scale, low)
    high = fast_two_sum_f64(k * 0.693147180559663, high, &tail)
    low[0] = low[0] + tail + k * 2.8235290563031577e-13
    return high


cdef inline double log_pair_long(double z, double z_low, double* low) noexcept nogil:
    cdef double k, scale, tail
    cdef double m = log_split(z, &k, &scale)
    cdef double high = log_series_long(m, z_low * scale, low)
    high = fast_two_sum_f64(k * 0.693147180559663, high, &tail)
    low[0] = low[0] + tail + k * 2.8235290563031577e-13
    return high


cdef inline double log_specials(double x, double out) noexcept nogil:
    """0 -> -inf, negative -> nan, inf and nan pass."""
    out = out if x < INF_F64 else x
    out = -INF_F64 if x == 0.0 else out
    return NAN_F64 if x < 0.0 else out


cdef inline double log_f64(double x) noexcept nogil:
    # log(1 + f) = f - (f^2/2 - s (f^2/2 + R)), s = f / (2 + f): s enters only in small terms and needs no low part.
    cdef double k, scale, tail
    cdef double f = log_split(x, &k, &scale) - 1.0
    cdef double s = f / (2.0 + f)
    cdef double z = s * s
    cdef double square = 0.5 * f * f
    cdef double rest = fma_f64(s, fma_f64(z, poly_log_f64(z), square), k * 2.8235290563031577e-13) - square
    cdef double high = fast_two_sum_f64(k * 0.693147180559663, f, &tail)
    return log_specials(x, high + (tail + rest))


cdef inline double log2_f64(double x) noexcept nogil:
    cdef double k, scale, low, p_low, tail
    cdef double high = log_series(log_split(x, &k, &scale), 0.0, &low)
    high = fast_two_sum_f64(high, low, &low)
    cdef double p = two_product_f64(high, 1.4426950408889634, &p_low)
    p_low = p_low + fma_f64(low, 1.4426950408889634, high * 2.0355273740931033e-17)
    p = fast_two_sum_f64(k, p, &tail)
    return log_specials(x, p + (tail + p_low))


cdef inline double log10_f64(double x) noexcept nogil:
    cdef double k, scale, low, p_low, tail
    cdef double high = log_series(log_split(x, &k, &scale), 0.0, &low)
    high = fast_two_sum_f64(high, low, &low)
    cdef double p = two_product_f64(high, 0.4342944819032518, &p_low)
    p_low = p_low + fma_f64(low, 0.4342944819032518, high * 1.098319650216765e-17)
    p = fast_two_sum_f64(k * 0.30102999566383914, p, &tail)
    return log_specials(x, p + (tail + fma_f64(k, 1.42050232272661e-13, p_low)))


cdef inline double log1p_pair(double x, double x_low, double* low) noexcept nogil:
    """log(1 + x + x_low) for finite x > -1."""
    cdef double tail
    cdef double z = two_sum_f64(1.0, x, &tail)
    return log_pair(z, tail + x_low, low)


cdef inline double log1p_f64(double x) noexcept nogil:
    cdef double low
    cdef double high = log1p_pair(x, 0.0, &low)
    cdef double out = high + low
    out = out if x < INF_F64 else x
    out = -INF_F64 if x == -1.0 else out
    out = NAN_F64 if x < -1.0 else out
    return x if abs_f64(x) < 5e-17 else out


cdef inline double asinh_f64(double x) noexcept nogil:
    # log1p(w), w = y + y^2 / (1 + sqrt(1 + y^2)), in pairs; past 2^28 log(2 y).
    cdef double a = abs_f64(x)
    cdef double y = 1.0 if a > 268435456.0 else a
    cdef double z_low, t_low, q_low, w_low, low, tail
    cdef double z = two_product_f64(y, y, &z_low)
    cdef double t = two_sum_f64(1.0, z, &t_low)
    t_low = t_low + z_low
    cdef double root = sqrt_f64(t)
    cdef double root_low = (fma_f64(-root, root, t) + t_low) / (2.0 * root)
    cdef double d = fast_two_sum_f64(root, 1.0, &tail)
    cdef double q = divide_pairs_f64(z, z_low, d, tail + root_low, &q_low)
    cdef double w = two_sum_f64(y, q, &w_low)
    w_low = w_low + q_low
    z = two_sum_f64(1.0, w, &tail)
    cdef double big = a if a > 268435456.0 else z
    tail = 0.0 if a > 268435456.0 else tail + w_low
    cdef double high = log_pair(big, tail, &low)
    high = fast_two_sum_f64(high, 0.6931471805599453 if a > 268435456.0 else 0.0, &tail)
    cdef double out = high + (tail + low)
    out = out if a < INF_F64 else a
    return x if a < 1e-9 else copysign_f64(out, x)


cdef inline double acosh_f64(double x) noexcept nogil:
    # log1p(t + sqrt(t (t + 2))), t = x - 1 exact for x < 2.
    cdef double y = 1.0 if x > 268435456.0 else x
    cdef double t_low, u_low, p_low, w_low, tail, low
    cdef double t = two_sum_f64(y, -1.0, &t_low)
    cdef double u = two_sum_f64(t, 2.0, &u_low)
    cdef double p = two_product_f64(t, u, &p_low)
    p_low = p_low + fma_f64(t, u_low + t_low, t_low * u)
    cdef double root = sqrt_f64(p)
    cdef double root_low = (fma_f64(-root, root, p) + p_low) / (2.0 * root) if p > 0.0 else 0.0
    cdef double w = two_sum_f64(root, t, &w_low)
    cdef double z = two_sum_f64(1.0, w, &tail)
    cdef double big = x if x > 268435456.0 else z
    tail = 0.0 if x > 268435456.0 else tail + (w_low + (root_low + t_low))
    cdef double high = log_pair(big, tail, &low)
    high = fast_two_sum_f64(high, 0.6931471805599453 if x > 268435456.0 else 0.0, &tail)
    cdef double out = high + (tail + low)
    out = out if x < INF_F64 else x
    return NAN_F64 if x < 1.0 else out


cdef inline double atanh_f64(double x) noexcept nogil:
    # log((1 + a) / (1 - a)) / 2 as log1p of a pair.
    cdef double a = abs_f64(x)
    cdef double d_low, q_low, low
    cdef double y = 0.5 if a >= 1.0 else a
    cdef double d = fast_two_sum_f64(1.0, -y, &d_low)
    cdef double q = divide_pairs_f64(2.0 * y, 0.0, d, d_low, &q_low)
    q = fast_two_sum_f64(q, q_low, &q_low)
    cdef double high = log1p_pair(q, q_low, &low)
    cdef double out = 0.5 * (high + low)
    out = INF_F64 if a == 1.0 else out
    out = out if a <= 1.0 else NAN_F64
    return x if a < 1e-9 else copysign_f64(out, x)


cdef inline double pow_f64(double x, double y) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double low, p_low, out
    cdef double high = log_pair_long(a, 0.0, &low)
    high = fast_two_sum_f64(high, low, &low)
    high = -INF_F64 if a == 0.0 else high
    high = high if a < INF_F64 else a
    cdef double p = two_product_f64(y, high, &p_low)
    p_low = fma_f64(y, low, p_low)
    p_low = p_low if abs_f64(p) < 2000.0 else 0.0
    out = exp_pair(p, p_low)
    # C99 F.9.4.4
    cdef bint whole = rint_f64(y) == y
    cdef double half = y * 0.5
    cdef bint odd = whole & (rint_f64(half) != half)
    out = copysign_f64(out, x) if odd else out
    out = NAN_F64 if (x < 0.0) & (not whole) & (a < INF_F64) else out
    out = 1.0 if (a == 1.0) & (abs_f64(y) == INF_F64) else out
    return 1.0 if (x == 1.0) | (y == 0.0) else out


# ---- trigonometry

cdef inline double sin_series(double r, double r_low, double* low) noexcept nogil:
    cdef double z = r * r
    low[0] = fma_f64(r * z, poly_sin_f64(z), r_low * fma_f64(z, -0.5, 1.0))
    return r


cdef inline double cos_series(double r, double r_low, double* low) noexcept nogil:
    cdef double z_low, tail
    cdef double z = two_product_f64(r, r, &z_low)
    cdef double w = fast_two_sum_f64(1.0, -0.5 * z, &tail)
    low[0] = tail + fma_f64(z * z, poly_cos_f64(z), -fma_f64(r, r_low, 0.5 * z_low))
    return w


cdef inline double sin_f64(double x) noexcept nogil:
    cdef double r_low, s_low, c_low
    cdef unsigned long long n
    cdef double r = reduce_f64(x, &r_low, &n)
    cdef double s = sin_series(r, r_low, &s_low)
    cdef double c = cos_series(r, r_low, &c_low)
    cdef double out = c + c_low if n & 1ULL else s + s_low
    out = make_f64(bits_f64(out) ^ ((n & 2ULL) << 62))
    return x if abs_f64(x) < 7e-9 else out


cdef inline double cos_f64(double x) noexcept nogil:
    cdef double r_low, s_low, c_low
    cdef unsigned long long n
    cdef double r = reduce_f64(x, &r_low, &n)
    cdef double s = sin_series(r, r_low, &s_low)
    cdef double c = cos_series(r, r_low, &c_low)
    cdef double out = s + s_low if n & 1ULL else c + c_low
    out = make_f64(bits_f64(out) ^ (((n + 1ULL) & 2ULL) << 62))
    return 1.0 if abs_f64(x) < 7e-9 else out


cdef inline double tan_f64(double x) noexcept nogil:
    cdef double r_low, s_low, c_low, q_low
    cdef unsigned long long n
    cdef double r = reduce_f64(x, &r_low, &n)
    cdef double s = sin_series(r, r_low, &s_low)
    cdef double c = cos_series(r, r_low, &c_low)
    s = fast_two_sum_f64(s, s_low, &s_low)
    c = fast_two_sum_f64(c, c_low, &c_low)
    cdef double q = divide_pairs_f64(c if n & 1ULL else s, c_low if n & 1ULL else s_low,
                                 s if n & 1ULL else c, s_low if n & 1ULL else c_low, &q_low)
    cdef double out = q + q_low
    out = make_f64(bits_f64(out) ^ ((n & 1ULL) << 63))
    return x if abs_f64(x) < 7e-9 else out


cdef inline double atan_ratio(double top, double bottom, double* low) noexcept nogil:
    """atan(top / bottom) for 0 <= top <= bottom as a pair: the middle octant is turned by pi/4."""
    cdef bint turn = top > 0.4142135623730951 * bottom
    cdef double n_low, d_low, t_low, tail
    cdef double n = fast_two_sum_f64(-bottom if turn else top, top if turn else 0.0, &n_low)
    cdef double d = fast_two_sum_f64(bottom, top if turn else 0.0, &d_low)
    cdef double t = divide_pairs_f64(n, n_low, d, d_low, &t_low)
    cdef double z = t * t
    t_low = fma_f64(t * z, poly_atan_f64(z), t_low)
    cdef double high = fast_two_sum_f64(0.7853981633974483 if turn else 0.0, t, &tail)
    low[0] = tail + (t_low + (3.061616997868383e-17 if turn else 0.0))
    return high


cdef inline double atan_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef bint flip = a > 1.0
    cdef double top = 1.0 if flip else a
    cdef double bottom = a if flip else 1.0
    cdef double low, tail
    bottom = 1e300 if bottom > 1e300 else bottom
    cdef double high = atan_ratio(top, bottom, &low)
    high = fast_two_sum_f64(1.5707963267948966 if flip else 0.0, -high if flip else high, &tail)
    low = (6.123233995736766e-17 - low) + tail if flip else low + tail
    return copysign_f64(high + low, x) if a > 7e-9 else x


cdef inline double atan2_f64(double y, double x) noexcept nogil:
    cdef double a = abs_f64(y)
    cdef double b = abs_f64(x)
    cdef bint flip = a > b
    cdef double top = b if flip else a
    cdef double bottom = a if flip else b
    cdef double low, tail
    cdef double scale = 8.636168555094445e-78 if bottom > 1e200 else 1.0
    scale = 1.157920892373162e+77 if bottom < 1e-200 else scale
    # inf / inf counts as 1, finite / inf and 0 / 0 as 0.
    top = 1.0 if top == INF_F64 else (0.0 if bottom == INF_F64 else top * scale)
    bottom = 1.0 if bottom == INF_F64 else (1.0 if bottom == 0.0 else bottom * scale)
    cdef double high = atan_ratio(top, bottom, &low)
    high = fast_two_sum_f64(1.5707963267948966 if flip else 0.0, -high if flip else high, &tail)
    low = (6.123233995736766e-17 - low) + tail if flip else low + tail
    cdef bint left = copysign_f64(1.0, x) < 0.0
    high = fast_two_sum_f64(3.141592653589793 if left else 0.0, -high if left else high, &tail)
    low = (1.2246467991473532e-16 - low) + tail if left else low + tail
    cdef double out = copysign_f64(high + low, y)
    cdef double direct = y / x  # a tiny quotient: the pair would lose bits below the normal range
    direct = direct if abs_f64(direct) < 1e-9 else out
    out = direct if x > 0.0 else out
    out = out if a == a else NAN_F64
    return out if b == b else NAN_F64


cdef inline double asin_core(double x, double x_low, double z, double* low) noexcept nogil:
    """asin(x + x_low) for 0 <= x <= 0.51, z = x * x."""
    low[0] = fma_f64(x * z, poly_asin_f64(z), x_low)
    return x


cdef inline double asin_half(double a, bint large, double* low) noexcept nogil:
    """asin(a), or asin(sqrt((1 - a) / 2)) where large, as a pair."""
    cdef double half = 0.5 * (1.0 - a)  # exact for a >= 0.5
    cdef double root = sqrt_f64(half)
    cdef double root_low = fma_f64(-root, root, half) / (2.0 * root) if half > 0.0 else 0.0
    return asin_core(root if large else a, root_low if large else 0.0, half if large else a * a, low)


cdef inline double asin_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef bint large = a > 0.5
    cdef double low, tail
    cdef double high = asin_half(a, large, &low)
    cdef double t = fast_two_sum_f64(1.5707963267948966, -2.0 * high, &tail)
    cdef double out = t + (tail + fma_f64(-2.0, low, 6.123233995736766e-17)) if large else high + low
    return copysign_f64(out, x) if a > 1e-200 else x


cdef inline double acos_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef bint large = a > 0.5
    cdef double low, tail
    cdef double high = asin_half(a, large, &low)
    cdef bint negative = x < 0.0
    # |x| <= 1/2: pi/2 - asin x; x > 1/2: 2 asin(sqrt((1-x)/2)); x < -1/2: pi minus that of -x.
    cdef double base = 3.141592653589793 if negative else 0.0
    cdef double base_low = 1.2246467991473532e-16 if negative else 0.0
    base = base if large else 1.5707963267948966
    base_low = base_low if large else 6.123233995736766e-17
    cdef double factor = 2.0 if large else 1.0
    factor = -factor if negative == large else factor
    high = fast_two_sum_f64(base, factor * high, &tail)
    return high + (tail + fma_f64(factor, low, base_low))
