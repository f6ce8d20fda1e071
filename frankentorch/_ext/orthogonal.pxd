# cython: cdivision=True
# Orthogonal polynomials by their recurrences (A & S 22.7); Chebyshev's of higher degrees inside (-1, 1) by angles. The degree comes as
# a number, cut to a whole one; below 0, and from 2^63 on, the value is 0, as PyTorch has it. float32 runs the body of float64 and rounds once.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.special cimport *
from frankentorch._ext.vecmath64 cimport *


cdef enum:
    SLOW = 1000000000       # degrees of a recurrence that would take seconds for each element: NaN


cdef inline double degree_f64(double n) noexcept nogil:
    return trunc_f64(n) if n < 9223372036854775808.0 else -1.0


cdef inline bint is_even(double n) noexcept nogil:
    return rint_f64(0.5 * n) * 2.0 == n


cdef inline double climb_doubled(double x, double n, double q) noexcept nogil:
    """r(n) of r(0) = 1, r(1) = q, r(k + 1) = 2 x r(k) - r(k - 1); n >= 1."""
    cdef double p = 1.0
    cdef double r
    cdef double k = 1.0
    while k < n and q == q:
        r = 2.0 * x * q - p
        p = q
        q = r
        k += 1.0
    return q


cdef inline double chebyshev_t_f64(double x, double degree) noexcept nogil:
    cdef double n = degree_f64(degree)
    if n < 0.0:
        return 0.0
    if abs_f64(x) == 1.0:
        return 1.0 if (x > 0.0) | is_even(n) else -1.0
    if (n > 6.0) & (abs_f64(x) < 1.0):
        return cos_f64(n * acos_f64(x))
    return 1.0 if n == 0.0 else climb_doubled(x, n, x)


cdef inline double chebyshev_u_f64(double x, double degree) noexcept nogil:
    cdef double n = degree_f64(degree)
    cdef double angle, s
    if n < 0.0:
        return 0.0
    if abs_f64(x) == 1.0:
        return n + 1.0 if (x > 0.0) | is_even(n) else -(n + 1.0)
    if (n > 8.0) & (abs_f64(x) < 1.0):
        angle = acos_f64(x)
        return sin_f64((n + 1.0) * angle) / sin_f64(angle)
    return 1.0 if n == 0.0 else climb_doubled(x, n, x + x)


cdef inline double chebyshev_v_f64(double x, double degree) noexcept nogil:
    cdef double n = degree_f64(degree)
    cdef double angle
    if n < 0.0:
        return 0.0
    if abs_f64(x) == 1.0:
        return 1.0 if x > 0.0 else (n + n + 1.0 if is_even(n) else -(n + n + 1.0))
    if (n > 8.0) & (abs_f64(x) < 1.0):
        angle = acos_f64(x)
        return cos_f64((n + 0.5) * angle) / cos_f64(0.5 * angle)
    return 1.0 if n == 0.0 else climb_doubled(x, n, x + x - 1.0)


cdef inline double chebyshev_w_f64(double x, double degree) noexcept nogil:
    cdef double n = degree_f64(degree)
    cdef double angle
    if n < 0.0:
        return 0.0
    if abs_f64(x) == 1.0:
        return n + n + 1.0 if x > 0.0 else (1.0 if is_even(n) else -1.0)
    if (n > 8.0) & (abs_f64(x) < 1.0):
        angle = acos_f64(x)
        return sin_f64((n + 0.5) * angle) / sin_f64(0.5 * angle)
    return 1.0 if n == 0.0 else climb_doubled(x, n, x + x + 1.0)


cdef inline double hermite_f64(double x, double degree, double scale, double last) noexcept nogil:
    """r(k + 1) = scale (x r(k) - k r(k - 1) scale / 2 ...): of scale 2 the physicists', of 1 the probabilists'; NaN past the degree `last`."""
    cdef double n = degree_f64(degree)
    cdef double p = 1.0
    cdef double q = scale * x
    cdef double k = 1.0
    cdef double r
    if n < 0.0:
        return 0.0
    if n == 0.0:
        return 1.0
    if n > last:
        return NAN_F64
    while k < n and q == q:
        r = scale * (x * q - k * p)
        p = q
        q = r
        k += 1.0
    return q


cdef inline double hermite_h_f64(double x, double n) noexcept nogil:
    return hermite_f64(x, n, 2.0, 512.0)


cdef inline double hermite_he_f64(double x, double n) noexcept nogil:
    return hermite_f64(x, n, 1.0, 1e300)


cdef inline double laguerre_l_f64(double x, double degree) noexcept nogil:
    cdef double n = degree_f64(degree)
    cdef double p = 1.0
    cdef double q = 1.0 - x
    cdef double k = 1.0
    cdef double r
    if n < 0.0:
        return 0.0
    if (x == 0.0) | (n == 0.0):
        return 1.0
    if n > SLOW:
        return NAN_F64
    while k < n and q == q:
        r = ((k + k + 1.0 - x) * q - k * p) / (k + 1.0)
        p = q
        q = r
        k += 1.0
    return q


cdef inline double legendre_p_f64(double x, double degree) noexcept nogil:
    cdef double n = degree_f64(degree)
    cdef double p = 1.0
    cdef double q = x
    cdef double k = 1.0
    cdef double r
    if n < 0.0:
        return 0.0
    if abs_f64(x) == 1.0:
        return 1.0 if (x > 0.0) | is_even(n) else -1.0
    if n == 0.0:
        return 1.0
    if n > SLOW:
        return NAN_F64
    while k < n and q == q:
        r = ((k + k + 1.0) * x * q - k * p) / (k + 1.0)
        p = q
        q = r
        k += 1.0
    return q


cdef inline float chebyshev_t_f32(float x, float n) noexcept nogil:
    return <float> chebyshev_t_f64(x, n)


cdef inline float chebyshev_u_f32(float x, float n) noexcept nogil:
    return <float> chebyshev_u_f64(x, n)


cdef inline float chebyshev_v_f32(float x, float n) noexcept nogil:
    return <float> chebyshev_v_f64(x, n)


cdef inline float chebyshev_w_f32(float x, float n) noexcept nogil:
    return <float> chebyshev_w_f64(x, n)


cdef inline float hermite_he_f32(float x, float n) noexcept nogil:
    return <float> hermite_he_f64(x, n)


cdef inline float laguerre_l_f32(float x, float n) noexcept nogil:
    return <float> laguerre_l_f64(x, n)


cdef inline float legendre_p_f32(float x, float n) noexcept nogil:
    return <float> legendre_p_f64(x, n)


cdef inline float hermite_h_f32(float x, float n) noexcept nogil:
    return <float> hermite_f64(x, n, 2.0, 128.0)
