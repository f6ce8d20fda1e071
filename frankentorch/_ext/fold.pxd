# cython: language_level=3
# The canonical sum, once, for every kernel that sums (DETERMINISM contract, order 2).
#
# Rows r of a tile are summed per column. r is cut in blocks of BLOCK; in a block lane l takes r = l (mod LANES) in
# ascending order, starting from +0; lanes are folded h = LANES/2 ... 1 by lane[l] += lane[l + h]; block sums are added as a
# binary tree of neighbours, an odd last one passing up. LANES is 64 for float, 32 for double and int64 (256 bytes).
# A lane that saw nothing is +0 and no lane is ever -0, so adding empty lanes changes no bit and short rows skip them.
# Products use the same tree, starting from 1.
cdef extern from *:
    """
    #ifndef FT_FOLD
    #define FT_FOLD
    #if defined(__AVX512F__)
    #define FT_VEC 64
    #elif defined(__AVX__)
    #define FT_VEC 32
    #else
    #define FT_VEC 16
    #endif
    #define FT_VCOUNT (256 / FT_VEC)
    typedef float ft_vf __attribute__((vector_size(FT_VEC), aligned(4), may_alias));
    typedef double ft_vd __attribute__((vector_size(FT_VEC), aligned(8), may_alias));
    typedef float ft_v4 __attribute__((vector_size(16), aligned(4), may_alias));
    typedef double ft_v2 __attribute__((vector_size(16), aligned(8), may_alias));
    /* Lanes 16, 8 -> 1 in registers: storing and reloading each level costs more than the adds. */
    static inline float ft_fold8_f32(ft_v4 a, ft_v4 b) {
        a += b;
        a += __builtin_shuffle(a, (__attribute__((vector_size(16))) int){2, 3, 0, 1});
        return a[0] + a[1];
    }
    static inline float ft_fold16_f32(const float *x) {
        const ft_v4 *v = (const ft_v4 *)x;
        return ft_fold8_f32(v[0] + v[2], v[1] + v[3]);
    }
    static inline double ft_fold8_f64(const double *x) {
        const ft_v2 *v = (const ft_v2 *)x;
        ft_v2 a = (v[0] + v[2]) + (v[1] + v[3]);
        return a[0] + a[1];
    }
    #define FT_ZERO_VF ((ft_vf){0})
    #define FT_ZERO_VD ((ft_vd){0})
    #define FT_LOAD_VF(p) (*(const ft_vf *)(p))
    #define FT_LOAD_VD(p) (*(const ft_vd *)(p))
    #define FT_STORE_VF(p, v) (*(ft_vf *)(p) = (v))
    #define FT_STORE_VD(p, v) (*(ft_vd *)(p) = (v))
    #endif
    """
    enum: FT_VCOUNT
    enum: FT_VEC
    ctypedef float vf "ft_vf"
    ctypedef double vd "ft_vd"
    vf zero_vf "FT_ZERO_VF"
    vd zero_vd "FT_ZERO_VD"
    vf load_vf "FT_LOAD_VF" (const float* x) noexcept nogil
    vd load_vd "FT_LOAD_VD" (const double* x) noexcept nogil
    void store_vf "FT_STORE_VF" (float* x, vf v) noexcept nogil
    void store_vd "FT_STORE_VD" (double* x, vd v) noexcept nogil
    float fold16_f32 "ft_fold16_f32" (const float* x) noexcept nogil
    double fold8_f64 "ft_fold8_f64" (const double* x) noexcept nogil

cdef enum:
    BLOCK = 4096        # rows in a block
    LANES_F32 = 64
    LANES_WIDE = 32     # double, int64
    TILE_COLS = 64      # most columns worked at once
    LEVELS = 52         # block-sum stack: 2**52 blocks

ctypedef fused real:
    float
    double

ctypedef fused lane_t:
    float
    double
    long long


cdef inline Py_ssize_t lane_count(Py_ssize_t lanes, Py_ssize_t rows) noexcept nogil:
    """Smallest power of two holding `rows` lanes, at most `lanes`."""
    cdef Py_ssize_t p = 1
    if rows >= lanes:
        return lanes
    while p < rows:
        p *= 2
    return p


cdef inline void fold_lanes(lane_t* acc, Py_ssize_t lanes, Py_ssize_t cols) noexcept nogil:
    """Sum tree over lanes of acc[lanes][cols]; the result is acc[0][:]."""
    cdef Py_ssize_t h = lanes // 2, i
    while h > 0:
        for i in range(h * cols):
            acc[i] += acc[i + h * cols]
        h //= 2


cdef inline void fold_lanes_product(lane_t* acc, Py_ssize_t lanes, Py_ssize_t cols) noexcept nogil:
    cdef Py_ssize_t h = lanes // 2, i
    while h > 0:
        for i in range(h * cols):
            acc[i] *= acc[i + h * cols]
        h //= 2


cdef inline float sum_line_f32(const float* x, Py_ssize_t n) noexcept nogil:
    """One block (n <= BLOCK) of a contiguous row."""
    cdef vf acc[FT_VCOUNT]
    cdef float lanes[64]
    cdef Py_ssize_t i = 0, k, p
    cdef Py_ssize_t width = FT_VEC // 4
    if n < 64:
        if n == 1:
            return x[0] + <float> 0
        p = lane_count(64, n)
        if p < 16:
            p = 16
        for k in range(p):
            lanes[k] = 0
        for k in range(n):
            lanes[k] = <float> 0 + x[k]
        if p == 64:
            for k in range(32):
                lanes[k] += lanes[k + 32]
            p = 32
        if p == 32:
            for k in range(16):
                lanes[k] += lanes[k + 16]
        return fold16_f32(lanes)
    for k in range(FT_VCOUNT):
        acc[k] = zero_vf
    while i + 64 <= n:
        for k in range(FT_VCOUNT):
            acc[k] = acc[k] + load_vf(x + i + k * width)
        i += 64
    for k in range(FT_VCOUNT):
        store_vf(lanes + k * width, acc[k])
    for k in range(n - i):
        lanes[k] += x[i + k]
    for k in range(32):
        lanes[k] += lanes[k + 32]
    for k in range(16):
        lanes[k] += lanes[k + 16]
    return fold16_f32(lanes)


cdef inline double sum_line_f64(const double* x, Py_ssize_t n) noexcept nogil:
    cdef vd acc[FT_VCOUNT]
    cdef double lanes[32]
    cdef Py_ssize_t i = 0, k, p
    cdef Py_ssize_t width = FT_VEC // 8
    if n < 32:
        if n == 1:
            return x[0] + <double> 0
        p = lane_count(32, n)
        if p < 8:
            p = 8
        for k in range(p):
            lanes[k] = 0
        for k in range(n):
            lanes[k] = <double> 0 + x[k]
        if p == 32:
            for k in range(16):
                lanes[k] += lanes[k + 16]
            p = 16
        if p == 16:
            for k in range(8):
                lanes[k] += lanes[k + 8]
        return fold8_f64(lanes)
    for k in range(FT_VCOUNT):
        acc[k] = zero_vd
    while i + 32 <= n:
        for k in range(FT_VCOUNT):
            acc[k] = acc[k] + load_vd(x + i + k * width)
        i += 32
    for k in range(FT_VCOUNT):
        store_vd(lanes + k * width, acc[k])
    for k in range(n - i):
        lanes[k] += x[i + k]
    for k in range(16):
        lanes[k] += lanes[k + 16]
    for k in range(8):
        lanes[k] += lanes[k + 8]
    return fold8_f64(lanes)


cdef inline void sum_block(const real* x, Py_ssize_t rows, Py_ssize_t cols, real* acc) noexcept nogil:
    """acc[0][:] = canonical sum of one block x[rows][cols]; acc holds LANES * cols values."""
    cdef Py_ssize_t lanes = LANES_F32 if real is float else LANES_WIDE
    cdef Py_ssize_t p, i, r, m
    if cols == 1:
        if real is float:
            acc[0] = sum_line_f32(x, rows)
        else:
            acc[0] = sum_line_f64(x, rows)
        return
    p = lane_count(lanes, rows)
    m = p if rows >= p else rows
    for i in range(m * cols):
        acc[i] = x[i] + <real> 0
    for i in range(m * cols, p * cols):
        acc[i] = 0
    r = m
    while r < rows:
        m = lanes if rows - r >= lanes else rows - r
        for i in range(m * cols):
            acc[i] += x[r * cols + i]
        r += m
    fold_lanes(acc, p, cols)


cdef inline void sum_tile(const real* x, Py_ssize_t rows, Py_ssize_t cols, real* acc, real* out) noexcept nogil:
    """out[cols] = canonical sum over the rows of x[rows][cols], cols <= TILE_COLS; acc holds LANES * cols values."""
    cdef real stack[64 * 28]        # 2**28 blocks of BLOCK rows
    cdef Py_ssize_t depth = 0, block = 0, b, j, n
    if rows <= BLOCK:
        if rows == 0:
            for j in range(cols):
                out[j] = 0
            return
        sum_block(x, rows, cols, acc)
        for j in range(cols):
            out[j] = acc[j]
        return
    while block * BLOCK < rows:
        n = rows - block * BLOCK
        sum_block(x + block * BLOCK * cols, BLOCK if n > BLOCK else n, cols, acc)
        b = block
        while b & 1:
            depth -= 1
            for j in range(cols):
                acc[j] = stack[depth * cols + j] + acc[j]
            b >>= 1
        for j in range(cols):
            stack[depth * cols + j] = acc[j]
        depth += 1
        block += 1
    while depth > 1:
        depth -= 1
        for j in range(cols):
            stack[(depth - 1) * cols + j] += stack[depth * cols + j]
    for j in range(cols):
        out[j] = stack[j]
