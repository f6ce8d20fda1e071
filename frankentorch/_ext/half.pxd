# cython: cdivision=True
# float16 and bfloat16 <-> float32 by integer arithmetic on whole words, which vectorises at every CPU level.
# Stores round to nearest, ties to even; a double goes through float first, as PyTorch does. NaN becomes the quiet NaN.
from frankentorch._ext.bitmath cimport bits_f32, make_f32


cdef inline float load_f16(unsigned short h) noexcept nogil:
    cdef unsigned int w = <unsigned int> h
    cdef unsigned int m = (w & 0x7fffU) << 13
    cdef unsigned int sign = (w & 0x8000U) << 16
    cdef float normal = make_f32(m + 0x38000000U)
    cdef float special = make_f32(m + 0x70000000U)
    # A subnormal's bits in the mantissa of 2^-14: subtracting 2^-14 is exact and never meets a float32 subnormal.
    cdef float small = make_f32(m + 0x38800000U) - make_f32(0x38800000U)
    cdef float a = special if m >= 0x0f800000U else normal
    a = small if m < 0x00800000U else a
    return make_f32(bits_f32(a) | sign)


cdef inline unsigned short store_f16(float x) noexcept nogil:
    cdef unsigned int b = bits_f32(x)
    cdef unsigned int a = b & 0x7fffffffU
    cdef unsigned int sign = (b >> 16) & 0x8000U
    cdef unsigned int normal = ((a + 0xfffU + ((a >> 13) & 1U)) >> 13) - 0x1c000U
    # Below 2^-14 adding 1/2 puts the rounding where float16 rounds: one unit of 1/2 is 2^-24.
    cdef unsigned int small = bits_f32(make_f32(a) + make_f32(0x3f000000U)) - 0x3f000000U
    cdef unsigned int out = small if a < 0x38800000U else normal
    out = 0x7c00U if a >= 0x47800000U else out
    out = 0x7e00U if a > 0x7f800000U else out
    return <unsigned short> (out | sign)


cdef inline float load_bf16(unsigned short h) noexcept nogil:
    return make_f32((<unsigned int> h) << 16)


cdef inline unsigned short store_bf16(float x) noexcept nogil:
    cdef unsigned int b = bits_f32(x)
    cdef unsigned int rounded = (b + 0x7fffU + ((b >> 16) & 1U)) >> 16
    return <unsigned short> (0x7fc0U if (b & 0x7fffffffU) > 0x7f800000U else rounded)


cdef inline unsigned short store_f16_f64(double x) noexcept nogil:
    return store_f16(<float> x)


cdef inline unsigned short store_bf16_f64(double x) noexcept nogil:
    return store_bf16(<float> x)
