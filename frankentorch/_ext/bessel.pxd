# cython: cdivision=True
# Bessel functions of orders 0 and 1. Modified: the power series (A & S 9.6.10, 9.6.13) near 0, fits of what the exponential leaves further out.
# Others: fits divided by their zeros up to 8, then the sums of Hankel's expansion (A & S 9.2.5) with sine and cosine. Fits come
# from bench/minimax_bessel.py. float32 runs the body of float64 and rounds once.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.besselfits cimport *
from frankentorch._ext.special cimport *
from frankentorch._ext.vecmath64 cimport *


cdef inline double rising_series(double z, int order) noexcept nogil:
    """sum of z^k / (k! (k + order)!), 0 <= z <= 16; from the last term to the first."""
    cdef double p = 1.0
    cdef double k = 23.0
    while k > 0.0:
        p = fma_f64(p, z / (k * (k + order)), 1.0)
        k -= 1.0
    return p


cdef inline double i0_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double half
    if a <= 8.0:
        return rising_series(0.25 * a * a, 0)
    if a == INF_F64:
        return NAN_F64                                              # as PyTorch has it
    half = exp_f64(0.5 * a)
    return poly_i0_far(16.0 / a - 1.0) / sqrt_f64(a) * half * half


cdef inline double i0e_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    if a <= 8.0:
        return rising_series(0.25 * a * a, 0) * exp_f64(-a)
    return poly_i0_far(16.0 / a - 1.0) / sqrt_f64(a)


cdef inline double i1_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double out, half
    if a <= 8.0:
        out = 0.5 * a * rising_series(0.25 * a * a, 1)
    elif a == INF_F64:
        return NAN_F64
    else:
        half = exp_f64(0.5 * a)
        out = poly_i1_far(16.0 / a - 1.0) / sqrt_f64(a) * half * half
    return -out if x < 0.0 else out


cdef inline double i1e_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double out
    if a <= 8.0:
        out = 0.5 * a * rising_series(0.25 * a * a, 1) * exp_f64(-a)
    else:
        out = poly_i1_far(16.0 / a - 1.0) / sqrt_f64(a)
    return -out if x < 0.0 else out


cdef inline double k0_near(double x) noexcept nogil:
    """0 < x <= 1: -(log(x / 2) + gamma) I0 + sum of z^k / k!^2 (1 + 1/2 + ... + 1/k)."""
    cdef double z = 0.25 * x * x
    cdef double term = 1.0
    cdef double sum = 0.0
    cdef double harmonic = 0.0
    cdef double k = 1.0
    while k < 12.0:
        term *= z / (k * k)
        harmonic += 1.0 / k
        sum += term * harmonic
        k += 1.0
    return -(log_f64(0.5 * x) + 0.5772156649015329) * rising_series(z, 0) + sum


cdef inline double k1_near(double x) noexcept nogil:
    """0 < x <= 1: 1/x + log(x / 2) I1 - x/4 sum of z^k / (k! (k + 1)!) (digamma(k + 1) + digamma(k + 2))."""
    cdef double z = 0.25 * x * x
    cdef double term = 1.0
    cdef double weight = 1.0 - 2.0 * 0.5772156649015329
    cdef double sum = weight
    cdef double k = 1.0
    while k < 12.0:
        term *= z / (k * (k + 1.0))
        weight += 1.0 / k + 1.0 / (k + 1.0)
        sum += term * weight
        k += 1.0
    return 1.0 / x + 0.5 * x * (log_f64(0.5 * x) * rising_series(z, 1) - 0.5 * sum)


cdef inline double right_of_zero(double x, double value) noexcept nogil:
    return INF_F64 if x == 0.0 else value if x > 0.0 else NAN_F64


cdef inline double k0_f64(double x) noexcept nogil:
    return right_of_zero(x, k0_near(x) if x <= 1.0 else poly_k0_far(2.0 / x - 1.0) / sqrt_f64(x) * exp_f64(-x))


cdef inline double k0e_f64(double x) noexcept nogil:
    return right_of_zero(x, k0_near(x) * exp_f64(x) if x <= 1.0 else poly_k0_far(2.0 / x - 1.0) / sqrt_f64(x))


cdef inline double k1_f64(double x) noexcept nogil:
    return right_of_zero(x, k1_near(x) if x <= 1.0 else poly_k1_far(2.0 / x - 1.0) / sqrt_f64(x) * exp_f64(-x))


cdef inline double k1e_f64(double x) noexcept nogil:
    return right_of_zero(x, k1_near(x) * exp_f64(x) if x <= 1.0 else poly_k1_far(2.0 / x - 1.0) / sqrt_f64(x))


cdef inline double apart(double x, double r, double r_low) noexcept nogil:
    """x^2 - (r + r_low)^2, exact to the last bits where x is near r."""
    return ((x - r) - r_low) * (x + r)


cdef inline double near_j0(double x) noexcept nogil:
    """0 <= x <= 8."""
    return (apart(x, 2.404825557695773, -1.176691651530894e-16) * apart(x, 5.520078110286311, 8.088597146146722e-17)
            * poly_j0_near(x * x * 0.03125 - 1.0))


cdef inline double near_j1(double x) noexcept nogil:
    return x * (apart(x, 3.8317059702075125, -1.5269184090088067e-16) * apart(x, 7.015586669815619, -9.414165653410389e-17)
                * poly_j1_near(x * x * 0.03125 - 1.0))


cdef inline double wave0(double x, bint second) noexcept nogil:
    """x > 8: J0, or Y0; the angle x - pi/4 by cos x +- sin x."""
    cdef double s = sin_f64(x)
    cdef double c = cos_f64(x)
    cdef double y = 8.0 / x
    cdef double u = 2.0 * y * y - 1.0
    cdef double even = poly_wave0_even(u)
    cdef double odd = poly_wave0_odd(u) / x
    cdef double out = even * (s - c) + odd * (c + s) if second else even * (c + s) - odd * (s - c)
    return out * (0.5641895835477563 / sqrt_f64(x))


cdef inline double wave1(double x, bint second) noexcept nogil:
    """x > 8: J1, or Y1; the angle is x - 3 pi/4."""
    cdef double s = sin_f64(x)
    cdef double c = cos_f64(x)
    cdef double y = 8.0 / x
    cdef double u = 2.0 * y * y - 1.0
    cdef double even = poly_wave1_even(u)
    cdef double odd = poly_wave1_odd(u) / x
    cdef double out = odd * (s - c) - even * (s + c) if second else even * (s - c) + odd * (s + c)
    return out * (0.5641895835477563 / sqrt_f64(x))


cdef inline double j0_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    return near_j0(a) if a <= 8.0 else wave0(a, False)


cdef inline double j1_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double out = near_j1(a) if a <= 8.0 else wave1(a, False)
    return -out if (x < 0.0) | (x == 0.0) & (copysign_f64(1.0, x) < 0.0) else out


cdef inline double y0_f64(double x) noexcept nogil:
    if x == 0.0:
        return -INF_F64
    if not x > 0.0:
        return NAN_F64
    return fma_f64(0.6366197723675814 * log_f64(x), near_j0(x), poly_y0_near(x * x * 0.03125 - 1.0)) if x <= 8.0 else wave0(x, True)


cdef inline double y1_f64(double x) noexcept nogil:
    if x == 0.0:
        return -INF_F64
    if not x > 0.0:
        return NAN_F64
    if x > 8.0:
        return wave1(x, True)
    return 0.6366197723675814 * (log_f64(x) * near_j1(x) - 1.0 / x) + x * poly_y1_near(x * x * 0.03125 - 1.0)


cdef inline double spherical_j0_f64(double x) noexcept nogil:
    cdef double out = sin_f64(x) / x
    out = 1.0 if abs_f64(x) < 1e-8 else out
    return 0.0 if abs_f64(x) == INF_F64 else out


cdef inline float i0_f32(float x) noexcept nogil:
    return <float> i0_f64(x)


cdef inline float i0e_f32(float x) noexcept nogil:
    return <float> i0e_f64(x)


cdef inline float i1_f32(float x) noexcept nogil:
    return <float> i1_f64(x)


cdef inline float i1e_f32(float x) noexcept nogil:
    return <float> i1e_f64(x)


cdef inline float k0_f32(float x) noexcept nogil:
    return <float> k0_f64(x)


cdef inline float k0e_f32(float x) noexcept nogil:
    return <float> k0e_f64(x)


cdef inline float k1_f32(float x) noexcept nogil:
    return <float> k1_f64(x)


cdef inline float k1e_f32(float x) noexcept nogil:
    return <float> k1e_f64(x)


cdef inline float j0_f32(float x) noexcept nogil:
    return <float> j0_f64(x)


cdef inline float j1_f32(float x) noexcept nogil:
    return <float> j1_f64(x)


cdef inline float y0_f32(float x) noexcept nogil:
    return <float> y0_f64(x)


cdef inline float y1_f32(float x) noexcept nogil:
    return <float> y1_f64(x)


cdef inline float spherical_j0_f32(float x) noexcept nogil:
    return <float> spherical_j0_f64(x)
