# cython: cdivision=True
# Elementary functions over the vectors of vectors.pxd, for the loops and rows where they count. The operations are those of
# vecmath32.pxd and vecmath64.pxd.in, in their order, unless said otherwise; vectors let us clamp in one instruction and branch
# around what is rare (subnormals, infinities, large angles). No element depends on its neighbours: where a branch is taken for the sake of
# one, the others come out the same. What rounds to zero is never computed: an underflow costs a hundred operations. Errors:
# docs/accuracy.md.
from frankentorch._ext.vectors cimport *
from frankentorch._ext.polynomials cimport *
from frankentorch._ext.bitmath cimport INF_F32, NAN_F32
from frankentorch._ext.lightmath cimport sin_f32, cos_f32


# ---- float32

cdef inline vf exp_vf(vf x) noexcept nogil:
    cdef float magic = 12582912.0
    cdef mask_f vanishes = mask_lt_vf(x, all_vf(-104.0))
    cdef vf y = pick_vf(vanishes, zero_vf, least_vf(all_vf(89.0), x))
    cdef vf t = fma_vf(y, all_vf(1.4426950216293335), all_vf(magic))
    cdef vf n = t - magic
    cdef vf r = fnma_vf(n, all_vf(0.693145751953125), y)
    r = fnma_vf(n, all_vf(1.428606765330187e-06), r)
    cdef vf p = fma_vf(fma_vf(poly_exp_vf(r), r, all_vf(1)), r, all_vf(1))
    return pick_vf(vanishes, zero_vf, scale_vf(p, n, t))


cdef inline void exp_four_vf(vf* x) noexcept nogil:
    """exp of four vectors of numbers of at most 88, a step of each after the other: a core that meets whole chains sees too few at once."""
    cdef float magic = 12582912.0
    cdef vf[4] t
    cdef vf[4] n
    cdef vf[4] p
    cdef mask_f[4] vanishes
    cdef int q
    for q in range(4):
        vanishes[q] = mask_lt_vf(x[q], all_vf(-104.0))
    for q in range(4):
        x[q] = pick_vf(vanishes[q], zero_vf, x[q])
    for q in range(4):
        t[q] = fma_vf(x[q], all_vf(1.4426950216293335), all_vf(magic))
    for q in range(4):
        n[q] = t[q] - magic
    for q in range(4):
        x[q] = fnma_vf(n[q], all_vf(0.693145751953125), x[q])
    for q in range(4):
        x[q] = fnma_vf(n[q], all_vf(1.428606765330187e-06), x[q])
    poly_exp_four_vf(x, p)
    for q in range(4):
        p[q] = fma_vf(p[q], x[q], all_vf(1))
    for q in range(4):
        p[q] = fma_vf(p[q], x[q], all_vf(1))
    for q in range(4):
        x[q] = pick_vf(vanishes[q], zero_vf, scale_vf(p[q], n[q], t[q]))


cdef inline vf exp2_vf(vf x) noexcept nogil:
    cdef float magic = 12582912.0
    cdef vf y = greatest_vf(all_vf(-151.0), least_vf(all_vf(129.0), x))
    cdef vf t = y + magic
    cdef vf n = t - magic
    cdef vf r = y - n
    return scale_vf(fma_vf(r, poly_exp2_vf(r), all_vf(1)), n, t)


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


cdef inline vf table_vf(const float* row, vu piece, bint sixteen) noexcept nogil:
    return entry_16_vf(row, piece) if sixteen else entry_vf(row, piece)


cdef inline vf chain_vf(const float* rows, Py_ssize_t terms, bint sixteen, vu piece, vf x) noexcept nogil:
    """c[1] + c[2] x + ... of a table of pieces."""
    cdef vf p = table_vf(rows + 16 * (terms + 1), piece, sixteen)
    cdef Py_ssize_t k
    for k in range(terms, 1, -1):
        p = fma_vf(p, x, table_vf(rows + 16 * k, piece, sixteen))
    return p


cdef inline vf piece_vf(vf y, const float* rows, Py_ssize_t terms, bint sixteen, vu piece) noexcept nogil:
    """A function by pieces, from the value at the centre of y's piece."""
    cdef vf t = y - table_vf(rows, piece, sixteen)
    return fma_vf(t, chain_vf(rows, terms, sixteen, piece, t), table_vf(rows + 16, piece, sixteen))


cdef inline vf odd_vf(vf x, const float* rows, Py_ssize_t terms, bint sixteen, float slope, float last) noexcept nogil:
    """An odd function that is constant from `last` on. Its first piece is told as the difference from x."""
    cdef float end = 1.25 if sixteen else 1.5
    cdef vf y = least_vf(all_vf(last), abs_vf(x))
    cdef vf u = fma_vf(y, all_vf(slope), all_vf(1))
    cdef vu piece = bits_vf(u) >> (21 if sixteen else 22)
    cdef vf t = y - table_vf(rows, piece, sixteen)
    cdef vf base = pick_vf(mask_lt_vf(u, all_vf(end)), y, table_vf(rows + 16, piece, sixteen))
    return copysign_vf(fma_vf(t, chain_vf(rows, terms, sixteen, piece, t), base), x)


cdef inline vf tanh_vf(vf x) noexcept nogil:
    return odd_vf(x, tanh_rows, 5, True, tanh_slope, tanh_last)


cdef inline vf erf_vf(vf x) noexcept nogil:
    return odd_vf(x, erf_rows, 7, False, erf_slope, erf_last)


cdef inline vf turned_exp_vf(vf x, vf* t) noexcept nogil:
    """-x - n ln 2 but for a part n 1.43e-6, where exp(-x) is near 2^n, 0 <= x < 133; t as in scale_vf. No rounding."""
    cdef float magic = 12582912.0
    t[0] = fma_vf(x, all_vf(-1.4426950216293335), all_vf(magic))
    return fnma_vf(t[0] - magic, all_vf(0.693145751953125), -x)


cdef inline vf exp_pair_vf(vf r, vf* low) noexcept nogil:
    """exp(r) as a pair, |r| < 0.35."""
    cdef float one = 1.0
    cdef vf z = r * r
    cdef vf q = poly_exp_vf(r)
    cdef vf p = fma_vf(z, q, r) + one
    low[0] = fma_vf(z, q, (one - p) + r)
    return p


cdef inline vf lessened_vf(vf x, vf t) noexcept nogil:
    """lower_vf for -160 < n <= 0, by the one instruction where there is one."""
    cdef float magic = 12582912.0
    return scale_vf(x, t - magic, t) if FT_WIDTH_VF == 16 else lower_vf(x, t)


cdef inline vf far_logistic_vf(vf y, vf* t) noexcept nogil:
    """1 / (1 + exp(y)) without its power of two, which t holds, for y > 10: exp(-y) (1 - exp(-y))."""
    cdef float magic = 12582912.0
    cdef vf low
    cdef vf r = turned_exp_vf(y, t)
    cdef vf p = exp_pair_vf(fnma_vf(t[0] - magic, all_vf(1.428606765330187e-06), r), &low)
    return p + fnma_vf(p, lessened_vf(p, t[0]), low)


cdef inline vf sigmoid_vf(vf x) noexcept nogil:
    """1 / (1 + exp(|x|)) by pieces, or what it lacks of 1; far out by the exponential."""
    cdef float magic = 12582912.0
    cdef float one = 1.0
    cdef vf t, tail
    cdef vf y = abs_vf(x)
    cdef vf left = piece_vf(y, logistic_left_rows, 6, True, bits_vf(fma_vf(y, all_vf(logistic_left_slope), all_vf(magic))))
    cdef mask_f far = mask_lt_vf(all_vf(logistic_left_last), y)
    cdef mask_f vanishes
    if some_mf(far):
        vanishes = mask_lt_vf(all_vf(104.0), y)
        tail = far_logistic_vf(pick_vf(vanishes, all_vf(logistic_left_last), y), &t)
        left = pick_vf(far, pick_vf(vanishes, zero_vf, lessened_vf(tail, t)), left)
    return pick_vf(mask_lt_vf(x, zero_vf), left, one - left)


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


cdef inline vf beyond_vf(vf x, vf left) noexcept nogil:
    """max(x, 0) - left; NaN of -infinity, which times 0 is no number."""
    cdef float one = 1.0
    return fma_vf(x, pick_vf(mask_lt_vf(x, zero_vf), zero_vf, all_vf(one)), -left)


cdef inline vf silu_vf(vf x) noexcept nogil:
    """max(x, -0) less |x| / (1 + exp(|x|)), which goes by pieces. Far out the power of two comes last, so that a result above the
    least float is not lost to an exponential below it."""
    cdef float magic = 12582912.0
    cdef vf t, tail
    cdef mask_f vanishes
    cdef vf y = abs_vf(x)
    cdef vf left = piece_vf(y, silu_left_rows, 6, True, bits_vf(fma_vf(y, all_vf(silu_left_slope), all_vf(magic))))
    cdef vf out = greatest_vf(all_vf(-0.0), x) - left
    cdef mask_f far = mask_lt_vf(all_vf(silu_left_last), y)
    if some_mf(far):
        vanishes = mask_lt_vf(all_vf(109.0), y)
        y = pick_vf(vanishes, all_vf(silu_left_last), y)
        tail = far_logistic_vf(y, &t)
        out = pick_vf(far, beyond_vf(x, pick_vf(vanishes, zero_vf, lower_vf(y * tail, t))), out)
    return out


cdef inline vf gelu_vf(vf x) noexcept nogil:
    """max(x, -0) less |x| times the normal distribution's tail beyond |x|: by pieces; far on the left exp(-y^2 / 2) P(1 / y^2), y^2 as a pair."""
    cdef float magic = 12582912.0
    cdef float half = 0.5
    cdef float top = 0.3989422917366028             # 1 / sqrt(2 pi); the rest is the polynomial's
    cdef vf t, low, z, h_low, r, p, rest
    cdef vf y = least_vf(all_vf(gelu_left_last), abs_vf(x))
    cdef vf u = fma_vf(y, fma_vf(y, all_vf(gelu_left_curve), all_vf(gelu_left_slope)), all_vf(magic))
    cdef vf out = greatest_vf(all_vf(-0.0), x) - piece_vf(y, gelu_left_rows, 7, True, bits_vf(u))
    cdef mask_f far = mask_lt_vf(x, all_vf(-gelu_left_last))
    cdef mask_f vanishes
    if some_mf(far):
        vanishes = mask_lt_vf(x, all_vf(-14.4))
        y = pick_vf(far, pick_vf(vanishes, y, abs_vf(x)), y)
        z = y * y
        h_low = fma_vf(y, y, -z) * half
        r = turned_exp_vf(z * half, &t)
        p = exp_pair_vf(r + fnma_vf(t - magic, all_vf(1.428606765330187e-06), -h_low), &low)
        rest = poly_normal_tail_vf(all_vf(1) / z)
        rest = lessened_vf(fma_vf(p, all_vf(top), fma_vf(p, rest, low * top)), t)
        out = pick_vf(far, beyond_vf(x, pick_vf(vanishes, zero_vf, rest)), out)
    return out


cdef inline vf weighted_vf(vf x, vf y, vf y_low) noexcept nogil:
    """x / (1 + exp(-s)), s = y + y_low >= 0 with the sign of x: a table for 1 / (1 + exp(-|s|)), times exp(-|s|) on the left. The power
    of two comes last, as in silu_vf, and makes NaN of -infinity."""
    cdef float magic = 12582912.0
    cdef vf t, low
    cdef mask_f below = mask_lt_vf(x, zero_vf)
    y = least_vf(all_vf(132.4), y)
    cdef vf r = turned_exp_vf(y, &t)
    r = r + fnma_vf(t - magic, all_vf(1.428606765330187e-06), -y_low)
    cdef vf p = exp_pair_vf(r, &low)
    cdef vf z = least_vf(all_vf(logistic_last), y)
    cdef vu piece = bits_vf(fma_vf(z, all_vf(logistic_slope), all_vf(1))) >> 22
    cdef vf d = (z - entry_vf(logistic_rows, piece)) + y_low
    cdef vf base = entry_vf(logistic_rows + 16, piece)
    cdef vf rest = d * chain_vf(logistic_rows, 7, False, piece, d)
    cdef vf left = fma_vf(p, base, fma_vf(p, rest, low * base))
    return pick_vf(below, lower_vf(x * left, t), fma_vf(x, base, x * rest))


cdef inline vf gelu_tanh_vf(vf x) noexcept nogil:
    """x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3))): the exponent as a pair, for its error is the result's."""
    cdef vf y = least_vf(all_vf(12.0), abs_vf(x))
    cdef vf z = y * y
    cdef vf z_low = fma_vf(y, y, -z)
    cdef vf p = z * <float> 0.07135481387376785
    cdef vf p_low = fma_vf(z, all_vf(0.07135481387376785), -p)
    cdef vf w = p + <float> 1.5957691669464111
    cdef vf back = w - p
    cdef vf w_low = (p - (w - back)) + (<float> 1.5957691669464111 - back)
    w_low = w_low + (p_low + fma_vf(z, all_vf(2.3988324659995897e-09), fma_vf(z_low, all_vf(0.07135481387376785), all_vf(-4.534068054340423e-08))))
    cdef vf v = y * w
    return weighted_vf(x, v, fma_vf(y, w_low, fma_vf(y, w, -v)))


cdef inline vf minimum_vf(vf x, vf y) noexcept nogil:
    """x where equal; NaN of either."""
    return pick_vf(mask_eq_vf(y, y), least_vf(y, x), y)


cdef inline vf maximum_vf(vf x, vf y) noexcept nogil:
    return pick_vf(mask_eq_vf(y, y), greatest_vf(y, x), y)


# ---- float64

cdef inline vd exp_vd(vd x) noexcept nogil:
    cdef double magic = 6755399441055744.0
    cdef mask_d vanishes = mask_lt_vd(x, all_vd(-746.0))
    cdef vd y = pick_vd(vanishes, zero_vd, least_vd(all_vd(710.5), x))
    cdef vd t = fma_vd(y, all_vd(1.4426950408889634), all_vd(magic))
    cdef vd n = t - magic
    cdef vd big = fnma_vd(n, all_vd(0.693147180559663), y)
    cdef vd small = n * <double> 2.8235290563031577e-13
    cdef vd r = big - small
    cdef vd r_low = (big - r) - small
    return pick_vd(vanishes, zero_vd, scale_vd(<double> 1.0 + (r + fma_vd(r * r, poly_exp_vd(r), r_low)), n, t))


cdef inline void exp_four_vd(vd* x) noexcept nogil:
    """The same in double, of at most 709."""
    cdef double magic = 6755399441055744.0
    cdef vd[4] t
    cdef vd[4] n
    cdef vd[4] r
    cdef vd[4] low
    cdef vd[4] p
    cdef mask_d[4] vanishes
    cdef int q
    for q in range(4):
        vanishes[q] = mask_lt_vd(x[q], all_vd(-746.0))
    for q in range(4):
        x[q] = pick_vd(vanishes[q], zero_vd, x[q])
    for q in range(4):
        t[q] = fma_vd(x[q], all_vd(1.4426950408889634), all_vd(magic))
    for q in range(4):
        n[q] = t[q] - magic
    for q in range(4):
        x[q] = fnma_vd(n[q], all_vd(0.693147180559663), x[q])
    for q in range(4):
        low[q] = n[q] * <double> 2.8235290563031577e-13
    for q in range(4):
        r[q] = x[q] - low[q]
    for q in range(4):
        low[q] = (x[q] - r[q]) - low[q]
    poly_exp_four_vd(r, p)
    for q in range(4):
        p[q] = r[q] + fma_vd(r[q] * r[q], p[q], low[q])
    for q in range(4):
        x[q] = pick_vd(vanishes[q], zero_vd, scale_vd(<double> 1.0 + p[q], n[q], t[q]))


cdef inline vd minimum_vd(vd x, vd y) noexcept nogil:
    return pick_vd(mask_eq_vd(y, y), least_vd(y, x), y)


cdef inline vd maximum_vd(vd x, vd y) noexcept nogil:
    return pick_vd(mask_eq_vd(y, y), greatest_vd(y, x), y)
