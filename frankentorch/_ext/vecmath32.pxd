# cython: cdivision=True
# Elementary functions that stay in float32 (full vector width): exp, exp2, log, tanh, sigmoid and erf, the last three by tables of pieces
# (bench/minimax.py). The others: lightmath.pxd.in. Branch-free; errors: docs/accuracy.md.
from frankentorch._ext.lanes cimport *
from frankentorch._ext.polynomials cimport *


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
