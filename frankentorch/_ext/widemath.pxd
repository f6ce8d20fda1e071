# cython: cdivision=True
# Elementary functions over the vectors of vectors.pxd, for the loops and rows where they count. The operations are those of
# vecmath32.pxd and vecmath64.pxd, in their order, unless said otherwise; vectors let us clamp in one instruction and branch
# around what is rare (subnormals, infinities, large angles). No element depends on its neighbours: where a branch is taken for the sake of
# one, the others come out the same. Errors: docs/accuracy.md.
from frankentorch._ext.vectors cimport *
from frankentorch._ext.widepoly cimport *
from frankentorch._ext.bitmath cimport INF_F32, NAN_F32
from frankentorch._ext.vecmath32 cimport sin_f32, cos_f32


# ---- float32

cdef inline vf exp_vf(vf x) noexcept nogil:
    cdef float magic = 12582912.0
    cdef vf y = greatest_vf(all_vf(-104.5), least_vf(all_vf(89.0), x))
    cdef vf t = fma_vf(y, all_vf(1.4426950216293335), all_vf(magic))
    cdef vf n = t - magic
    cdef vf r = fnma_vf(n, all_vf(0.693145751953125), y)
    r = fnma_vf(n, all_vf(1.428606765330187e-06), r)
    cdef vf p = fma_vf(fma_vf(poly_exp_vf(r), r, all_vf(1)), r, all_vf(1))
    return scale_vf(p, n, t)


cdef inline vf exp2_vf(vf x) noexcept nogil:
    cdef float magic = 12582912.0
    cdef vf y = greatest_vf(all_vf(-151.0), least_vf(all_vf(129.0), x))
    cdef vf t = y + magic
    cdef vf n = t - magic
    cdef vf r = y - n
    return scale_vf(fma_vf(r, poly_exp2_vf(r), all_vf(1)), n, t)


cdef inline vf exp_parts_vf(vf x, vf* low, vf* n, vf* t) noexcept nogil:
    """exp(x) = (1 + high + low) 2^n, |x| < 150."""
    cdef float magic = 12582912.0
    t[0] = fma_vf(x, all_vf(1.4426950216293335), all_vf(magic))
    n[0] = t[0] - magic
    cdef vf r = fnma_vf(n[0], all_vf(0.693145751953125), x)
    r = fnma_vf(n[0], all_vf(1.428606765330187e-06), r)
    cdef vf q = r * r * poly_exp_vf(r)
    cdef vf a = r + q
    low[0] = (r - a) + q
    return a


cdef inline vf power_of_two_vf(vf t) noexcept nogil:
    """2^n for integral -126 <= n <= 127, t = n + 1.5 * 2^23."""
    return make_vf((bits_vf(t) << 23) + 0x3f800000)


cdef inline vf log_vf(vf x) noexcept nogil:
    cdef float one = 1.0
    cdef float half = 0.5
    cdef vf bias = all_vf(127.0)
    cdef vf y = x
    cdef mask_f tiny
    cdef bint odd = any_from_vu(bits_vf(x) - 0x00800000U, 0x7f000000U)       # not positive and normal
    if odd:
        tiny = mask_lt_vf(x, all_vf(1.1754943508222875e-38))
        y = pick_vf(tiny, x * <float> 8388608.0, x)
        bias = pick_vf(tiny, all_vf(150.0), bias)
    cdef vu u = bits_vf(y) + 0x004afb0dU
    cdef vf k = floats_vu(u >> 23) - bias
    cdef vf f = make_vf((u & 0x007fffffU) + 0x3f3504f3U) - one
    cdef vf z = f * f
    cdef vf rest = fma_vf(f * z, poly_log_vf(f), z * -half)
    cdef vf head = k * <float> 0.693145751953125
    cdef vf high = head + f
    cdef vf low = (head - high) + f
    cdef vf out = high + (fma_vf(k, all_vf(1.428606765330187e-06), rest) + low)
    if odd:
        out = pick_vf(mask_lt_vf(x, all_vf(INF_F32)), out, x)
        out = pick_vf(mask_eq_vf(x, zero_vf), all_vf(-INF_F32), out)
        out = pick_vf(mask_lt_vf(x, zero_vf), all_vf(NAN_F32), out)
    return out


cdef inline vf tanh_vf(vf x) noexcept nogil:
    cdef vf low, n, t
    cdef float one = 1.0
    cdef float two = 2.0
    cdef vf z = x * x
    cdef vf small = fma_vf(x * z, poly_tanh_vf(z), x)
    cdef vf y = least_vf(all_vf(10.0), abs_vf(x))
    cdef vf a = exp_parts_vf(y * two, &low, &n, &t)
    cdef vf e = (a + one) * power_of_two_vf(t)
    cdef vf large = one - all_vf(two) / (e + one)
    return copysign_vf(pick_vf(mask_lt_vf(abs_vf(x), all_vf(one)), small, large), x)


cdef inline vf sigmoid_vf(vf x) noexcept nogil:
    cdef vf low, n, t
    cdef float one = 1.0
    cdef mask_f below = mask_lt_vf(x, zero_vf)
    cdef vf y = greatest_vf(all_vf(-104.5), -abs_vf(x))
    cdef vf a = exp_parts_vf(y, &low, &n, &t)
    cdef vf p = a + one
    low = scale_vf(((one - p) + a) + low, n, t)
    cdef vf e = scale_vf(p, n, t)
    cdef vf d = e + one
    cdef vf d_low = ((one - d) + e) + low
    cdef vf r = all_vf(one) / d
    cdef vf top = pick_vf(below, e, all_vf(one))
    cdef vf q = top * r
    cdef vf rest = fnma_vf(q, d, top) + (pick_vf(below, low, zero_vf) - q * d_low)
    return fma_vf(rest, r, q)


cdef inline vf erf_vf(vf x) noexcept nogil:
    cdef vf low, n, t
    cdef float one = 1.0
    cdef vf z = x * x
    cdef vf small = fma_vf(x, poly_erf_vf(z), x)
    cdef vf y = greatest_vf(all_vf(one), least_vf(all_vf(4.0), abs_vf(x)))
    cdef vf a = exp_parts_vf(-poly_erfc_log_vf(y), &low, &n, &t)
    cdef vf large = copysign_vf(one - (a + one) * power_of_two_vf(t), x)
    return pick_vf(mask_lt_vf(abs_vf(x), all_vf(one)), small, large)


cdef inline vf near_turn_vf(vf x, vf* low, vu* quadrant) noexcept nogil:
    """r + low = x - n pi/2 for |x| <= 32768: three parts of pi/2, the first subtraction being exact (Cody & Waite 1980)."""
    cdef float magic = 12582912.0
    cdef vf t = fma_vf(x, all_vf(0.6366197466850281), all_vf(magic))
    cdef vf n = t - magic
    cdef vf first = fnma_vf(n, all_vf(1.5707963705062866), x)
    cdef vf p = n * <float> 4.371138828673793e-08
    cdef vf r = first + p                           # either may be the greater: Knuth's sum
    cdef vf back = r - first
    cdef vf error = (first - (r - back)) + (p - back)
    low[0] = fma_vf(n, all_vf(1.7151245100058819e-15), error + fma_vf(n, all_vf(4.371138828673793e-08), -p))
    quadrant[0] = bits_vf(t)
    return r


cdef inline vf turned_vf(vf x, unsigned int turn) noexcept nogil:
    """sin(x + turn pi/2), |x| <= 32768."""
    cdef vf low
    cdef vu n
    cdef float half = 0.5
    cdef float one = 1.0
    cdef vf r = near_turn_vf(x, &low, &n)
    n = n + turn
    cdef vf z = r * r
    cdef vf s = r + fma_vf(r * z, poly_sin_vf(z), low)
    cdef vf h = z * half
    cdef vf w = one - h
    cdef vf c = w + (((one - w) - h) + fnma_vf(r, low, z * z * poly_cos_vf(z)))
    cdef vf out = pick_vf(mask_eq_vf(make_vf((n & 1U) << 23), zero_vf), s, c)
    return make_vf(bits_vf(out) ^ ((n & 2U) << 30))


cdef inline vf sin_vf(vf x) noexcept nogil:
    cdef float part[FT_WIDTH_VF]
    cdef Py_ssize_t i
    cdef vf size = abs_vf(x)
    cdef mask_f near = mask_lt_vf(size, all_vf(32768.0))
    cdef vf out = pick_vf(mask_lt_vf(size, all_vf(1e-4)), x, turned_vf(x, 0))
    if not every_mf(near):
        store_vf(part, x)
        for i in range(FT_WIDTH_VF):
            part[i] = sin_f32(part[i])
        out = pick_vf(near, out, load_vf(part))
    return out


cdef inline vf cos_vf(vf x) noexcept nogil:
    cdef float part[FT_WIDTH_VF]
    cdef Py_ssize_t i
    cdef mask_f near = mask_lt_vf(abs_vf(x), all_vf(32768.0))
    cdef vf out = turned_vf(x, 1)
    if not every_mf(near):
        store_vf(part, x)
        for i in range(FT_WIDTH_VF):
            part[i] = cos_f32(part[i])
        out = pick_vf(near, out, load_vf(part))
    return out



cdef inline vf infinite_vf(vf x, vf out) noexcept nogil:
    """out, but where x is infinite the product of x and a limit of 1 or 0, the latter NaN."""
    cdef mask_f far = mask_eq_vf(abs_vf(x), all_vf(INF_F32))
    if not some_mf(far):
        return out
    return pick_vf(far, pick_vf(mask_lt_vf(x, zero_vf), all_vf(NAN_F32), x), out)


cdef inline vf logistic_vf(vf x, vf size, vf size_low) noexcept nogil:
    """x / (1 + exp(-y)), y of the sign of x and |y| = size + size_low < 170. The power of two comes last, so that a result
    above the least float is not lost to an exponential below it."""
    cdef vf low, n, t
    cdef float one = 1.0
    cdef mask_f below = mask_lt_vf(x, zero_vf)
    cdef vf a = exp_parts_vf(-size, &low, &n, &t)
    cdef vf p = a + one
    cdef vf p_low = fnma_vf(p, size_low, ((one - p) + a) + low)
    cdef vf e = scale_vf(p, n, t)
    cdef vf d = e + one
    cdef vf d_low = (one - d) + e
    cdef vf r = all_vf(one) / d
    cdef vf y = greatest_vf(all_vf(-130.0), x)
    cdef vf top = pick_vf(below, p, all_vf(one))
    cdef vf u = y * top
    cdef vf u_low = fma_vf(y, pick_vf(below, p_low, zero_vf), fma_vf(y, top, -u))
    cdef vf q = u * r
    q = fma_vf(fnma_vf(q, d, u) + fnma_vf(q, d_low, u_low), r, q)
    return infinite_vf(x, copysign_vf(pick_vf(below, scale_vf(q, n, t), q), x))


cdef inline vf silu_vf(vf x) noexcept nogil:
    return logistic_vf(x, least_vf(all_vf(130.0), abs_vf(x)), zero_vf)


cdef inline vf gelu_tanh_vf(vf x) noexcept nogil:
    """x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3))): the exponent as a pair, for its error is the result's."""
    cdef vf y = least_vf(all_vf(11.0), abs_vf(x))
    cdef vf z = y * y
    cdef vf z_low = fma_vf(y, y, -z)
    cdef vf p = z * <float> 0.07135481387376785
    cdef vf p_low = fma_vf(z, all_vf(0.07135481387376785), -p)
    cdef vf w = p + <float> 1.5957691669464111
    cdef vf back = w - p
    cdef vf w_low = (p - (w - back)) + (<float> 1.5957691669464111 - back)
    w_low = w_low + (p_low + fma_vf(z, all_vf(2.3988324659995897e-09), fma_vf(z_low, all_vf(0.07135481387376785), all_vf(-4.534068054340423e-08))))
    cdef vf v = y * w
    return logistic_vf(x, v, fma_vf(y, w_low, fma_vf(y, w, -v)))


cdef inline vf gelu_vf(vf x) noexcept nogil:
    """x times the normal distribution, from its tail exp(-y^2 / 2) G(y), y = |x|; y^2 as a pair."""
    cdef vf low, n, t
    cdef float one = 1.0
    cdef float half = 0.5
    cdef float three = 3.0
    cdef mask_f below = mask_lt_vf(x, zero_vf)
    cdef vf y = least_vf(all_vf(15.0), abs_vf(x))
    cdef vf h = y * y
    cdef vf h_low = fma_vf(y, y, -h)
    cdef vf a = exp_parts_vf(h * -half, &low, &n, &t)
    cdef vf p = a + one
    low = fnma_vf(h_low * half, p, ((one - p) + a) + low)
    cdef vf g = poly_normal_tail_vf((y - three) / (y + three))
    cdef vf q = fma_vf(p, g, low * g)
    cdef vf out = pick_vf(below, scale_vf(greatest_vf(all_vf(-15.0), x) * q, n, t), fnma_vf(scale_vf(q, n, t), x, x))
    return infinite_vf(x, copysign_vf(out, x))


cdef inline vf minimum_vf(vf x, vf y) noexcept nogil:
    """x where equal; NaN of either."""
    return pick_vf(mask_eq_vf(y, y), least_vf(y, x), y)


cdef inline vf maximum_vf(vf x, vf y) noexcept nogil:
    return pick_vf(mask_eq_vf(y, y), greatest_vf(y, x), y)


# ---- float64

cdef inline vd exp_vd(vd x) noexcept nogil:
    cdef double magic = 6755399441055744.0
    cdef vd y = greatest_vd(all_vd(-746.0), least_vd(all_vd(710.5), x))
    cdef vd t = fma_vd(y, all_vd(1.4426950408889634), all_vd(magic))
    cdef vd n = t - magic
    cdef vd big = fnma_vd(n, all_vd(0.693147180559663), y)
    cdef vd small = n * <double> 2.8235290563031577e-13
    cdef vd r = big - small
    cdef vd r_low = (big - r) - small
    return scale_vd(<double> 1.0 + (r + fma_vd(r * r, poly_exp_vd(r), r_low)), n, t)


cdef inline vd minimum_vd(vd x, vd y) noexcept nogil:
    return pick_vd(mask_eq_vd(y, y), least_vd(y, x), y)


cdef inline vd maximum_vd(vd x, vd y) noexcept nogil:
    return pick_vd(mask_eq_vd(y, y), greatest_vd(y, x), y)
