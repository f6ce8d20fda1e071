# cython: cdivision=True
# Building blocks of the vecmath files: bit casts, the exact libm operations, error-free sums, powers of two.
# (Every .pxd here says cdivision=True: without it one division puts a Python exception into each loop.)
# fma is always spelled fma_f32 / fma_f64 (one rounding, at every CPU level); nothing else is ever contracted.
cdef extern from *:
    """
    #ifndef FT_BITMATH
    #define FT_BITMATH
    #include <stdint.h>
    #include <string.h>
    #include <math.h>
    /* A loop vectorises only if all it calls is inlined; gcc's size limits would leave the longer functions out. */
    #undef CYTHON_INLINE
    #ifdef FT_PLAIN_INLINE                       /* parts that do not vectorise anyway: smaller and much faster to compile */
    #define CYTHON_INLINE __inline__
    #else
    #define CYTHON_INLINE __inline__ __attribute__((always_inline))
    #endif
    static inline uint32_t ft_bits_f32(float x) { uint32_t b; memcpy(&b, &x, 4); return b; }
    static inline uint64_t ft_bits_f64(double x) { uint64_t b; memcpy(&b, &x, 8); return b; }
    static inline float ft_make_f32(uint32_t b) { float x; memcpy(&x, &b, 4); return x; }
    static inline double ft_make_f64(uint64_t b) { double x; memcpy(&x, &b, 8); return x; }
    /* a mod b for 0 <= a < inf and 0 < b < inf, fifty bits of the quotient at a time: what is left after a truncated quotient, off by
       at most one, of a and b 2^n is a multiple of the last bit of b 2^n and so has no rounding. */
    static __attribute__((noinline, unused)) double ft_far_fmod(double a, double b) {
        double back = 1;
        if (b < 0x1p-1022) { a = ft_far_fmod(a, b * 0x1p54) * 0x1p54; b *= 0x1p54; back = 0x1p-54; }
        while (a >= b * 0x1p50) {
            int n = (int)(ft_bits_f64(a) >> 52) - (int)(ft_bits_f64(b) >> 52) - 49, half = n / 2;
            double step = b * ft_make_f64((uint64_t)(1023 + half) << 52) * ft_make_f64((uint64_t)(1023 + n - half) << 52);
            a = __builtin_fma(-__builtin_trunc(a / step), step, a);
            if (a < 0) a += step;
        }
        a = __builtin_fma(-__builtin_trunc(a / b), b, a);
        return (a < 0 ? a + b : a) * back;
    }
    /* gcc 12 turns a pair of results a*b - c*d, a*b + c*d into fmaddsub even under -ffp-contract=off. A product written
       as fma(x, y, -0) has the same value and cannot be fused; without FMA instructions there is nothing to fuse. */
    #ifdef __FMA__
    static inline float ft_product_f32(float x, float y) { return __builtin_fmaf(x, y, -0.0f); }
    static inline double ft_product_f64(double x, double y) { return __builtin_fma(x, y, -0.0); }
    #else
    static inline float ft_product_f32(float x, float y) { return x * y; }
    static inline double ft_product_f64(double x, double y) { return x * y; }
    #endif
    #endif
    """
    float product_f32 "ft_product_f32"(float x, float y) nogil
    double product_f64 "ft_product_f64"(double x, double y) nogil
    unsigned int bits_f32 "ft_bits_f32"(float x) nogil
    unsigned long long bits_f64 "ft_bits_f64"(double x) nogil
    float make_f32 "ft_make_f32"(unsigned int bits) nogil
    double make_f64 "ft_make_f64"(unsigned long long bits) nogil
    # Exact or correctly rounded by IEEE 754, so libm may be called for them.
    float fma_f32 "__builtin_fmaf"(float x, float y, float z) nogil
    double fma_f64 "__builtin_fma"(double x, double y, double z) nogil
    float sqrt_f32 "__builtin_sqrtf"(float x) nogil
    double sqrt_f64 "__builtin_sqrt"(double x) nogil
    float rint_f32 "__builtin_rintf"(float x) nogil
    double rint_f64 "__builtin_rint"(double x) nogil
    float floor_f32 "__builtin_floorf"(float x) nogil
    double floor_f64 "__builtin_floor"(double x) nogil
    float ceil_f32 "__builtin_ceilf"(float x) nogil
    double ceil_f64 "__builtin_ceil"(double x) nogil
    float trunc_f32 "__builtin_truncf"(float x) nogil
    double trunc_f64 "__builtin_trunc"(double x) nogil
    float abs_f32 "__builtin_fabsf"(float x) nogil
    double abs_f64 "__builtin_fabs"(double x) nogil
    float copysign_f32 "__builtin_copysignf"(float x, float y) nogil
    double copysign_f64 "__builtin_copysign"(double x, double y) nogil
    double far_fmod "ft_far_fmod"(double a, double b) nogil
    const float INF_F32 "(__builtin_inff())"
    const double INF_F64 "(__builtin_inf())"
    const float NAN_F32 "(__builtin_nanf(\"\"))"
    const double NAN_F64 "(__builtin_nan(\"\"))"


# Finite floats of one sign follow each other as their words do; bits and signs only, so that a loop over it vectorises.
cdef inline float nextafter_f32(float x, float y) noexcept nogil:
    cdef unsigned int word = bits_f32(x)
    cdef float zero = 0.0
    cdef float out = make_f32(word + 1 if (x < y) == (x > zero) else word - 1)
    out = copysign_f32(make_f32(1), y) if x == zero else out
    out = y if x == y else out
    return x + y if (x != x) | (y != y) else out


cdef inline double nextafter_f64(double x, double y) noexcept nogil:
    cdef unsigned long long word = bits_f64(x)
    cdef double out = make_f64(word + 1 if (x < y) == (x > 0.0) else word - 1)
    out = copysign_f64(make_f64(1), y) if x == 0.0 else out
    out = y if x == y else out
    return x + y if (x != x) | (y != y) else out


# |x|^3 as a power would round it, but for a rare last bit: two products of doubles, in double of a pair.
cdef inline float size_cubed_f32(float x) noexcept nogil:
    cdef double a = abs_f64(x)
    return <float> (a * a * a)


cdef inline double size_cubed_f64(double x) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double square = a * a
    cdef double out = fma_f64(square, a, fma_f64(a, a, -square) * a)
    return square * a if a > 1e150 else out


# Adding 1.5 * 2^52 leaves round(x) in the low bits of the word, in two's complement: a conversion SSE2
# and AVX2 can do. 1023 more and it is a biased exponent.
cdef inline double scale_f64(double x, double n) noexcept nogil:
    """x * 2^n for integral |n| <= 2000, in two steps so that overflow and subnormals come out right."""
    cdef double t = fma_f64(n, 0.5, 6755399441056767.0)
    cdef double rest = (n - (t - 6755399441056767.0)) + 6755399441056767.0
    return x * make_f64(bits_f64(t) << 52) * make_f64(bits_f64(rest) << 52)


cdef inline float scale_f32(float x, float n) noexcept nogil:
    """x * 2^n for integral |n| <= 250; the exponent's bias of 127 rides on the rounding constant."""
    cdef float magic = 12583039.0
    cdef float t = fma_f32(n, 0.5, magic)
    cdef float rest = (n - (t - magic)) + magic
    return x * make_f32(bits_f32(t) << 23) * make_f32(bits_f32(rest) << 23)


cdef inline float power_of_two_f32(float n) noexcept nogil:
    """2^n for integral -126 <= n <= 127."""
    cdef float magic = 12583039.0
    return make_f32(bits_f32(n + magic) << 23)


# fmod is exact whatever way it is computed. Quotients below 2^52 take one division and one fma, see far_fmod.
cdef inline double fmod_f64(double x, double y) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double b = abs_f64(y)
    cdef double r
    if (a < b * 4503599627370496.0) & (b < 1e290) & (b > 1e-290):
        r = fma_f64(-trunc_f64(a / b), b, a)
        return copysign_f64(r + b if r < 0.0 else r, x)
    if a < b:
        return x
    return copysign_f64(far_fmod(a, b), x) if (a < INF_F64) & (b > 0.0) else (x * y) / (x * y)


cdef inline float fmod_f32(float x, float y) noexcept nogil:
    cdef double a = abs_f64(x)
    cdef double b = abs_f64(y)
    cdef double r
    if (a < b * 4503599627370496.0) & (b < INF_F64):
        r = fma_f64(-trunc_f64(a / b), b, a)
        return copysign_f32(<float> (r + b if r < 0.0 else r), x)
    if a < b:
        return x
    return copysign_f32(<float> far_fmod(a, b), x) if (a < INF_F64) & (b > 0.0) else (x * y) / (x * y)
