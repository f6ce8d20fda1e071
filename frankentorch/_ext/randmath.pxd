# cython: language_level=3, cdivision=True
# Functions of the random distributions. Why not vecmath: the stream is PyTorch's, which calls the C library in double and
# a short Cephes polynomial in float, and the numbers should be its numbers. In double the result here is right to about
# 0.501 ulp (leading terms carried in two words), so it is the C library's in nearly all cases; in float the same operations
# as Cephes' logf, sinf and cosf (S. L. Moshier, Methods and Programs for Mathematical Functions, 1989) in the order of a
# fused evaluation give its very bits. Branch-free: the loops around these are vectorised by the compiler.
from frankentorch._ext.bitmath cimport bits_f32, bits_f64, make_f32, make_f64, fma_f32, fma_f64

cdef struct Pair:                                           # the unevaluated sum hi + lo
    double hi
    double lo


cdef inline Pair step(double c, double c_lo, Pair t, Pair q) noexcept nogil:
    """c + t q, a step of Horner's rule in two words, for |t q| < |c|."""
    cdef double v = t.hi * q.hi
    cdef double v_lo = fma_f64(t.hi, q.hi, -v) + (t.hi * q.lo + t.lo * q.hi)
    cdef Pair out
    out.hi = c + v
    out.lo = ((c - out.hi) + v) + (v_lo + c_lo)
    return out


cdef inline double choose(unsigned long long odd, double y, double z) noexcept nogil:
    """y if odd is 1, z if it is 0: by masks, since a conditional here keeps the loops around from being vectorised."""
    cdef unsigned long long mask = 0ULL - odd
    return make_f64((bits_f64(y) & mask) | (bits_f64(z) & ~mask))


cdef inline double log_unit(double x) noexcept nogil:
    """ln x for 2^-1022 <= x <= 1: x = 2^e m, ln m = 2 artanh s with s = (m - 1) / (m + 1) in two words."""
    # m in [sqrt(1/2), sqrt(2)): adding the distance from sqrt(1/2) to 1 to the bits carries into the exponent at sqrt(1/2)
    cdef unsigned long long bits = bits_f64(x)
    cdef unsigned long long e = (bits + 0x95f619980c433ULL) >> 52
    cdef double m = make_f64(bits - ((e - 1023) << 52))
    cdef double ed = make_f64(0x4330000000000000ULL | e) - 4503599627371519.0          # 2^52 + 1023
    cdef double f = m - 1.0
    cdef double d = m + 1.0
    cdef double d_lo = m - (d - 1.0)
    cdef double s = f / d
    cdef double s_lo = fma_f64(-s, d_lo, fma_f64(-s, d, f)) / d
    cdef Pair t, q, p
    cdef double u, u_lo, c, h, h_lo, low
    t.hi = s * s
    t.lo = fma_f64(s, s, -t.hi) + 2.0 * s * s_lo
    q.hi = 1.0 / 23.0
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 21.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 19.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 17.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 15.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 13.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 11.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 9.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 7.0)
    q.hi = fma_f64(q.hi, t.hi, 1.0 / 5.0)
    q.lo = 0.0
    p = step(0.3333333333333333, 1.850371707708594e-17, t, q)                              # 1/3 + t/5 + ...
    u = t.hi * p.hi
    u_lo = fma_f64(t.hi, p.hi, -u) + (t.hi * p.lo + t.lo * p.hi)
    s = s + s
    c = s * u
    h = fma_f64(ed, 6.93147180369123816490e-01, s)              # ln 2, high part: 32 bits, so its product with e is exact
    h_lo = fma_f64(ed, 6.93147180369123816490e-01, -h) + s
    low = fma_f64(s, u, -c) + fma_f64(s, u_lo, (s_lo + s_lo) * u)
    low = low + fma_f64(ed, 1.90821492927058770002e-10, s_lo + s_lo)
    s = h + c
    low = low + (((h - s) + c) + h_lo)
    return s + low


cdef inline Pair reduce_angle(double x, unsigned long long* quadrant) noexcept nogil:
    """x - k pi/2 in two words for |x| < 7, k the nearest integer; k mod 4 is the quadrant."""
    cdef double shifted = fma_f64(x, 0.6366197723675814, 6755399441055744.0)               # 1.5 * 2^52: k in the last bits
    cdef double k = shifted - 6755399441055744.0
    cdef double r = fma_f64(-k, 1.5707963267948966, x)                                     # exact
    cdef double w = k * 6.123233995736766e-17
    cdef Pair out
    cdef double b
    out.hi = r - w
    b = out.hi - r
    out.lo = (r - (out.hi - b)) - (w + b) + k * 1.4973849048591833e-33
    quadrant[0] = bits_f64(shifted) & 3
    return out


cdef inline Pair square(Pair r) noexcept nogil:
    cdef Pair out
    out.hi = r.hi * r.hi
    out.lo = fma_f64(r.hi, r.hi, -out.hi) + 2.0 * r.hi * r.lo
    return out


cdef inline Pair sin_small(Pair r) noexcept nogil:
    """sin on |r| <= pi/4: r + r t (-1/3! + t (1/5! - ...)), t = r^2, these steps in two words."""
    cdef Pair t = square(r)
    cdef Pair q, p, out
    cdef double u, u_lo, c, c_lo
    q.hi = -8.22063524662433e-18                                                       # 1/7! ... 1/19!, signs by turns
    q.hi = fma_f64(q.hi, t.hi, 2.8114572543455206e-15)
    q.hi = fma_f64(q.hi, t.hi, -7.647163731819816e-13)
    q.hi = fma_f64(q.hi, t.hi, 1.6059043836821613e-10)
    q.hi = fma_f64(q.hi, t.hi, -2.505210838544172e-08)
    q.hi = fma_f64(q.hi, t.hi, 2.7557319223985893e-06)
    q.hi = fma_f64(q.hi, t.hi, -0.0001984126984126984)
    q.lo = 0.0
    p = step(-0.16666666666666666, -9.25185853854297e-18, t, step(0.008333333333333333, 1.1564823173178714e-19, t, q))
    u = t.hi * p.hi
    u_lo = fma_f64(t.hi, p.hi, -u) + (t.hi * p.lo + t.lo * p.hi)
    c = r.hi * u
    c_lo = fma_f64(r.hi, u, -c) + (r.hi * u_lo + fma_f64(r.lo, u, r.lo))
    out.hi = r.hi + c
    out.lo = ((r.hi - out.hi) + c) + c_lo
    return out


cdef inline Pair cos_small(Pair r) noexcept nogil:
    """cos on |r| <= pi/4: 1 + t (-1/2! + t (1/4! - ...)), t = r^2, these steps in two words."""
    cdef Pair t = square(r)
    cdef Pair q
    q.hi = 4.110317623312165e-19                                                       # 1/6! ... 1/20!, signs by turns
    q.hi = fma_f64(q.hi, t.hi, -1.5619206968586225e-16)
    q.hi = fma_f64(q.hi, t.hi, 4.779477332387385e-14)
    q.hi = fma_f64(q.hi, t.hi, -1.1470745597729725e-11)
    q.hi = fma_f64(q.hi, t.hi, 2.08767569878681e-09)
    q.hi = fma_f64(q.hi, t.hi, -2.755731922398589e-07)
    q.hi = fma_f64(q.hi, t.hi, 2.48015873015873e-05)
    q.hi = fma_f64(q.hi, t.hi, -0.001388888888888889)
    q.lo = 0.0
    return step(1.0, 0.0, t, step(-0.5, 0.0, t, step(0.041666666666666664, 2.3129646346357427e-18, t, q)))


cdef inline Pair settle(Pair x) noexcept nogil:
    """The same sum with lo below half an ulp of hi, for |lo| <= |hi|: the two above leave their tails in lo."""
    cdef Pair out
    out.hi = x.hi + x.lo
    out.lo = (x.hi - out.hi) + x.lo
    return out


cdef inline double cos_angle(double x) noexcept nogil:
    cdef unsigned long long k
    cdef Pair r = reduce_angle(x, &k)
    cdef Pair s = sin_small(r)
    cdef Pair c = cos_small(r)
    cdef double y = choose(k & 1, s.hi + s.lo, c.hi + c.lo)
    return make_f64(bits_f64(y) ^ (((k + 1) & 2) << 62))                                 # minus in quadrants 1 and 2


cdef inline double sin_angle(double x) noexcept nogil:
    cdef unsigned long long k
    cdef Pair r = reduce_angle(x, &k)
    cdef Pair s = sin_small(r)
    cdef Pair c = cos_small(r)
    cdef double y = choose(k & 1, c.hi + c.lo, s.hi + s.lo)
    return make_f64(bits_f64(y) ^ ((k & 2) << 62))                                       # minus in quadrants 2 and 3


cdef inline double tan_angle(double x) noexcept nogil:
    cdef unsigned long long k
    cdef Pair r = reduce_angle(x, &k)
    cdef Pair s = settle(sin_small(r))
    cdef Pair c = settle(cos_small(r))
    cdef double top = choose(k & 1, -c.hi, s.hi)
    cdef double top_lo = choose(k & 1, -c.lo, s.lo)
    cdef double base = choose(k & 1, s.hi, c.hi)
    cdef double base_lo = choose(k & 1, s.lo, c.lo)
    cdef double q = top / base
    return q + (fma_f64(-q, base_lo, fma_f64(-q, base, top)) + top_lo) / base


cdef inline double exp_wide(double x) noexcept nogil:
    """e^x: x = k ln 2 + r, 1 + r + r^2/2 in two words, the rest in one; inf above 709.78, 0 below -745.13."""
    cdef double bounded = x if x < 800.0 else 800.0
    cdef double shifted, k, r, w, hi, b, lo, v, v_lo, q, s, s_lo, u, u_lo
    cdef long long n, half
    bounded = bounded if bounded > -800.0 else -800.0
    shifted = fma_f64(bounded, 1.4426950408889634, 6755399441055744.0)
    k = shifted - 6755399441055744.0
    n = <long long> (bits_f64(shifted) & 0xfffff) - (0x100000 if bits_f64(shifted) & 0x80000 else 0)
    r = fma_f64(-k, 6.93147180369123816490e-01, bounded)
    w = k * 1.90821492927058770002e-10
    hi = r - w
    b = hi - r
    lo = (r - (hi - b)) - (w + b)
    v = hi * hi
    v_lo = 0.5 * fma_f64(hi, hi, -v)
    v = 0.5 * v
    q = 1.1470745597729725e-11                                                         # 1/3! 1/4! ... 1/14!
    q = fma_f64(q, hi, 1.6059043836821613e-10)
    q = fma_f64(q, hi, 2.08767569878681e-09)
    q = fma_f64(q, hi, 2.505210838544172e-08)
    q = fma_f64(q, hi, 2.755731922398589e-07)
    q = fma_f64(q, hi, 2.7557319223985893e-06)
    q = fma_f64(q, hi, 2.48015873015873e-05)
    q = fma_f64(q, hi, 0.0001984126984126984)
    q = fma_f64(q, hi, 0.001388888888888889)
    q = fma_f64(q, hi, 0.008333333333333333)
    q = fma_f64(q, hi, 0.041666666666666664)
    q = fma_f64(q, hi, 0.16666666666666666)
    s = 1.0 + hi
    s_lo = (1.0 - s) + hi
    u = s + v
    u_lo = (s - u) + v
    u = u + (u_lo + (s_lo + (v_lo + fma_f64(lo, s, hi * hi * hi * q))))
    half = n >> 1                                           # twice, so that denormals are rounded once and 2^1024 is not met
    u = u * make_f64(<unsigned long long> (half + 1023) << 52) * make_f64(<unsigned long long> (n - half + 1023) << 52)
    return u if x == x else x


cdef inline float log_cephes(float x) noexcept nogil:
    """ln x for normal x > 0, as Cephes' logf: mantissa in [sqrt(1/2), sqrt(2)), a polynomial of degree 8."""
    cdef unsigned int bits = bits_f32(x)
    cdef float e = <float> (<int> (bits >> 23) - 126)
    cdef float m = make_f32((bits & 0x007fffffU) | 0x3f000000U)
    cdef float z, y
    cdef bint low = m < <float> 0.707106781186547524
    e = e - (<float> 1.0 if low else <float> 0.0)
    m = (m - <float> 1.0) + (m if low else <float> 0.0)
    z = m * m
    y = <float> 7.0376836292E-2
    y = fma_f32(y, m, <float> -1.1514610310E-1)
    y = fma_f32(y, m, <float> 1.1676998740E-1)
    y = fma_f32(y, m, <float> -1.2420140846E-1)
    y = fma_f32(y, m, <float> 1.4249322787E-1)
    y = fma_f32(y, m, <float> -1.6668057665E-1)
    y = fma_f32(y, m, <float> 2.0000714765E-1)
    y = fma_f32(y, m, <float> -2.4999993993E-1)
    y = fma_f32(y, m, <float> 3.3333331174E-1)
    y = y * m
    y = fma_f32(y, z, e * <float> -2.12194440e-4)
    y = fma_f32(z, <float> -0.5, y)
    return fma_f32(e, <float> 0.693359375, m + y)


cdef inline void turn_cephes(float x, float* sine, float* cosine) noexcept nogil:
    """sin x and cos x for 0 <= x < 8192, as Cephes' sinf and cosf: octants, pi/4 in three words."""
    cdef int j = (<int> (x * <float> 1.27323954473516) + 1) & ~1
    cdef float y = <float> j
    cdef float z, s, c
    cdef unsigned int minus_sine = <unsigned int> (j & 4) << 29
    cdef unsigned int minus_cosine = <unsigned int> (~(j - 2) & 4) << 29
    cdef bint swap = (j & 2) != 0
    x = fma_f32(y, <float> -0.78515625, x)
    x = fma_f32(y, <float> -2.4187564849853515625e-4, x)
    x = fma_f32(y, <float> -3.77489497744594108e-8, x)
    z = x * x
    c = <float> 2.443315711809948E-005
    c = fma_f32(c, z, <float> -1.388731625493765E-003)
    c = fma_f32(c, z, <float> 4.166664568298827E-002)
    c = fma_f32(c * z, z, z * <float> -0.5) + <float> 1.0
    s = <float> -1.9515295891E-4
    s = fma_f32(s, z, <float> 8.3321608736E-3)
    s = fma_f32(s, z, <float> -1.6666654611E-1)
    s = fma_f32(s * z, x, x)
    sine[0] = make_f32(bits_f32(c if swap else s) ^ minus_sine)
    cosine[0] = make_f32(bits_f32(s if swap else c) ^ minus_cosine)
