# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Drivers of the row kernels. A chunk of lines loads a tile into its own room (converting halves), works it, stores it. Lines
# along the last dim are taken one by one, short ones many together as columns; lines along another dim as columns, which a
# softmax of floats works where they are if there are enough side by side.
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.fold cimport TILE_COLS, BLOCK, LANES_F32, LANES_WIDE, lane_count
from frankentorch._ext.rows cimport *
from frankentorch._ext.tiles cimport load, store, is_float, compute_of, loaded
from frankentorch._ext.reduce cimport SLOT_FOLD, IN_F32, IN_F64, fold_kernel
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_DTYPE, RUN_MEMORY, code_size, reduce_table, sum_columns
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_rows_at

cdef enum:
    GRAIN = 16384
    SHORT = 12                  # lines up to here are worked many at once, in columns
    SHORT_BACK = 8              # the same for gradients of float64
    ROOM = 8192                 # bytes of a tile that need not be asked for

cdef void* table[ROW_SLOTS]


cdef int rows_use_level(int level) noexcept nogil:
    fill_rows_at(level, table)
    return 0


# ---------------------------------------------------------------- softmax and layer norm
cdef enum LineOp:
    LINE_SOFTMAX
    LINE_SOFTMAX_BACKWARD
    LINE_NORM
    LINE_NORM_BACKWARD

cdef struct LineJob:
    int op, code, out_code, compute
    bint log
    Py_ssize_t outer, n, inner, tiles, cols     # cols: width of a tile
    bint across                                 # columns are neighbouring lines of the last dim
    bint placed                                 # columns are worked where they are
    const char* input
    const char* other                           # the output (softmax) or the normalised input (norm), backward
    char* out
    double eps
    const void* weight
    const void* bias
    char* mean                                  # compute type
    char* rstd
    int status


cdef void work_lines(LineJob* s, const char* x, const char* y, char* z, Py_ssize_t first, Py_ssize_t lines) noexcept nogil:
    """Contiguous lines of the compute type; `first` is the number of the first, for its statistics."""
    cdef Py_ssize_t at = first * (4 if s.compute == IN_F32 else 8)
    if s.op == LINE_SOFTMAX:
        (<softmax_lines> table[SLOT_SOFTMAX_LINES + s.compute])(x, z, lines, s.n, s.log)
    elif s.op == LINE_SOFTMAX_BACKWARD:
        (<softmax_back_lines> table[SLOT_SOFTMAX_BACKWARD_LINES + s.compute])(x, y, z, lines, s.n, s.log)
    elif s.op == LINE_NORM:
        (<norm_lines> table[SLOT_NORM_LINES + s.compute])(x, z, lines, s.n, s.eps, s.weight, s.bias, s.mean + at, s.rstd + at)
    else:
        (<norm_back_lines> table[SLOT_NORM_BACKWARD_LINES + s.compute])(x, y, z, lines, s.n, s.weight, s.mean + at, s.rstd + at)


cdef void work_columns(LineJob* s, const char* x, const char* y, char* z, Py_ssize_t step, Py_ssize_t cols) noexcept nogil:
    """Softmax of lines side by side, of the compute type, their rows `step` values apart."""
    cdef double top[TILE_COLS]
    cdef double sums[TILE_COLS]
    cdef int c = s.compute
    if s.op == LINE_SOFTMAX:
        (<softmax_begin> table[SLOT_SOFTMAX_BEGIN + c])(x, z, s.n, step, cols, top)
        sum_columns(c, z, s.n, step, cols, sums)
        (<softmax_end> table[SLOT_SOFTMAX_END + c])(x, z, s.n, step, cols, s.log, top, sums)
    else:
        (<softmax_back_begin> table[SLOT_SOFTMAX_BACKWARD_BEGIN + c])(x, y, z, s.n, step, cols, s.log)
        sum_columns(c, x if s.log else z, s.n, step, cols, sums)
        (<softmax_back_end> table[SLOT_SOFTMAX_BACKWARD_END + c])(x, y, z, s.n, step, cols, s.log, sums)


cdef void converted_lines(LineJob* s, Py_ssize_t begin, Py_ssize_t end, bint backward) noexcept nogil:
    """Lines that follow each other, converted as many at a time as there is room for."""
    cdef Py_ssize_t n = s.n, at = begin, most = ROOM // (n * 4), step = max(n * 4, ROOM), k
    cdef int item = code_size(s.code), out_item = code_size(s.out_code)
    cdef char little[3 * ROOM]
    cdef char* x = little
    if most == 0:
        most = 1
        x = <char*> malloc(3 * step)
        if x == NULL:
            s.status = RUN_MEMORY
            return
    while at < end:
        k = min(end - at, most)
        load(s.code, s.input + at * n * item, 1, 0, k * n, item, x)
        if backward:
            load(s.code, s.other + at * n * item, 1, 0, k * n, item, x + step)
        work_lines(s, x, x + step, x + 2 * step, at, k)
        store(s.out_code, x + 2 * step, 1, 0, k * n, out_item, s.out + at * n * out_item)
        at += k
    if x != little:
        free(x)


cdef void line_tiles(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef LineJob* s = <LineJob*> context
    cdef int item = code_size(s.code), out_item = code_size(s.out_code), width = 4 if s.compute == IN_F32 else 8
    cdef Py_ssize_t n = s.n, u, k, cols, first, step, col_step, piece = n * s.cols * width
    cdef double acc[2048]
    cdef char little[4 * ROOM]
    cdef char* room = little
    cdef char* x
    cdef char* y
    cdef char* z
    cdef char* w
    cdef bint backward = s.op == LINE_SOFTMAX_BACKWARD or s.op == LINE_NORM_BACKWARD
    cdef bint runs = s.across and s.code < F32 and s.out_code < F32         # short lines of halves: widened as one, then turned
    # whole lines of the compute type are worked where they are, the rest in tiles
    cdef bint direct = s.cols == 1 and s.inner == 1 and s.code >= F32 and s.out_code == s.code
    if direct:
        k = begin * n
        work_lines(s, s.input + k * item, s.other + k * item, s.out + k * item, begin, end - begin)
        return
    if s.cols == 1 and s.inner == 1:
        converted_lines(s, begin, end, backward)
        return
    if piece > ROOM and not s.placed:
        room = <char*> malloc(4 * piece)
        if room == NULL:
            s.status = RUN_MEMORY
            return
    x, y, z, w = room, room + piece, room + 2 * piece, room + 3 * piece
    for u in range(begin, end):
        if s.across:                            # one dim of lines, each n long
            first = u * s.cols
            cols = s.outer - first if s.outer - first < s.cols else s.cols
            step, col_step = 1, n
            k = first * n
        else:
            k = u % s.tiles * s.cols
            cols = s.inner - k if s.inner - k < s.cols else s.cols
            step, col_step = s.inner, 1
            first = u // s.tiles
            k += first * n * s.inner
        if s.placed:
            work_columns(s, s.input + k * item, s.other + k * item if backward else NULL, s.out + k * item, s.inner, cols)
            continue
        if runs:
            load(s.code, s.input + k * item, 1, 0, cols * n, item, w)
            load(F32, w, n, 4, cols, n * 4, x)
            if backward:
                load(s.code, s.other + k * item, 1, 0, cols * n, item, w)
                load(F32, w, n, 4, cols, n * 4, y)
        else:
            load(s.code, s.input + k * item, n, step * item, cols, col_step * item, x)
            if backward:
                load(s.code, s.other + k * item, n, step * item, cols, col_step * item, y)
        if cols == 1:
            work_lines(s, x, y, z, first, 1)
        elif s.op == LINE_SOFTMAX or s.op == LINE_SOFTMAX_BACKWARD:
            work_columns(s, x, y, z, cols, cols)
        elif s.op == LINE_NORM:
            (<norm_kernel> table[SLOT_NORM + s.compute])(x, z, n, cols, s.eps, s.weight, s.bias, s.mean + first * width,
                                                         s.rstd + first * width, acc)
        else:
            (<norm_back> table[SLOT_NORM_BACKWARD + s.compute])(x, y, z, n, cols, s.weight, s.mean + first * width,
                                                                s.rstd + first * width, acc)
        if runs:
            store(F32, z, n, 4, cols, n * 4, w)
            store(s.out_code, w, 1, 0, cols * n, out_item, s.out + k * out_item)
        else:
            store(s.out_code, z, n, step * out_item, cols, col_step * out_item, s.out + k * out_item)
    if room != little:
        free(room)


cdef int run_lines(LineJob* s) noexcept nogil:
    cdef Py_ssize_t units, grain
    if s.outer * s.n * s.inner == 0:
        return RUN_OK
    s.compute, s.status = compute_of(s.code), RUN_OK
    s.across = s.inner == 1 and s.n <= (SHORT_BACK if s.compute == IN_F64 and s.other != NULL else SHORT) and s.outer >= 8
    s.placed = s.inner >= 16 and s.code >= F32 and s.out_code == s.code and (s.op == LINE_SOFTMAX or s.op == LINE_SOFTMAX_BACKWARD)
    if s.across:
        s.cols, s.tiles = TILE_COLS, 1
        units = (s.outer + s.cols - 1) // s.cols
    else:
        # side by side as many as let three tiles stay in a cache of the second level, but a cache line's worth
        s.cols = TILE_COLS if s.placed and s.n <= 1024 else 32 if (s.placed or s.code < F32) and s.n <= 2048 else 16
        if s.cols > s.inner:
            s.cols = s.inner
        s.tiles = (s.inner + s.cols - 1) // s.cols
        units = s.outer * s.tiles
    grain = GRAIN // (s.n * s.cols)
    parallel_for(line_tiles, s, units, grain if grain > 1 else 1)
    return s.status


cdef int softmax_run(int code, int out_code, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner, bint log,
                     const char* input, char* out) noexcept nogil:
    cdef LineJob s
    if not is_float(code) or (out_code != code and (out_code != F32 or code == F64)):
        return RUN_DTYPE
    s.op, s.code, s.out_code, s.log, s.outer, s.n, s.inner = LINE_SOFTMAX, code, out_code, log, outer, n, inner
    s.input, s.other, s.out = input, NULL, out
    return run_lines(&s)


cdef int softmax_backward_run(int code, int out_code, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner, bint log,
                              const char* grad, const char* output, char* grad_input) noexcept nogil:
    cdef LineJob s
    if not is_float(code) or (code == F64) != (out_code == F64) or not is_float(out_code):
        return RUN_DTYPE
    s.op, s.code, s.out_code, s.log, s.outer, s.n, s.inner = LINE_SOFTMAX_BACKWARD, code, out_code, log, outer, n, inner
    s.input, s.other, s.out = grad, output, grad_input
    return run_lines(&s)


cdef bint codes_fit(int code, int param_code, int stat_code) noexcept nogil:
    return (is_float(code) and is_float(param_code) and is_float(stat_code) and (code == F64) == (param_code == F64)
            and (code == F64) == (stat_code == F64))


cdef int layer_norm_run(int code, int param_code, int stat_code, Py_ssize_t rows, Py_ssize_t n, double eps,
                        const char* input, const char* weight, const char* bias, char* out, char* mean,
                        char* rstd) noexcept nogil:
    cdef LineJob s
    cdef int status = RUN_OK
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    s.op, s.code, s.out_code, s.outer, s.n, s.inner, s.eps = LINE_NORM, code, code, rows, n, 1, eps
    s.input, s.other, s.out = input, NULL, out
    s.mean = <char*> malloc(16 * rows + 16)
    if s.mean == NULL:
        return RUN_MEMORY
    s.rstd = s.mean + 8 * rows
    s.weight, s.bias = loaded(param_code, weight, n, &status), loaded(param_code, bias, n, &status)
    if status == RUN_OK:
        status = run_lines(&s)
    if status == RUN_OK and rows > 0:
        if n == 0:
            memset(s.mean, 0, 16 * rows)
        if mean != NULL:
            store(stat_code, s.mean, 1, 0, rows, code_size(stat_code), mean)
        if rstd != NULL:
            store(stat_code, s.rstd, 1, 0, rows, code_size(stat_code), rstd)
    free(s.mean)
    free(<void*> s.weight)
    free(<void*> s.bias)
    return status


cdef struct ParamJob:
    int code, param_code, compute
    Py_ssize_t rows, n
    const char* grad
    const char* input
    const char* mean
    const char* rstd
    char* grad_weight
    char* grad_bias
    int status


cdef void param_columns(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Weight and bias gradients of columns begin .. end (at most TILE_COLS): canonical sums over the rows, by blocks."""
    cdef ParamJob* s = <ParamJob*> context
    cdef int c = s.compute, item = code_size(s.code), param_item = code_size(s.param_code), width = 8 if c else 4
    cdef Py_ssize_t cols = end - begin, lanes = LANES_WIDE if c else LANES_F32, blocks = (s.rows + BLOCK - 1) // BLOCK
    cdef Py_ssize_t b, r, stop, m, used, piece = cols * width, step = s.n
    cdef double little[4 * 2048]            # two accumulators and two tiles of LANES x TILE_COLS
    cdef char* weight_acc = <char*> little
    cdef char* bias_acc = weight_acc + 16384
    cdef char* g
    cdef char* x
    cdef char* parts = <char*> malloc(2 * (blocks + 1) * piece)
    cdef fold_kernel fold = <fold_kernel> reduce_table()[SLOT_FOLD + c]
    if parts == NULL:
        s.status = RUN_MEMORY
        return
    for b in range(blocks):
        r = b * BLOCK
        stop = r + BLOCK if r + BLOCK < s.rows else s.rows
        used = lane_count(lanes, stop - r)
        memset(weight_acc, 0, used * piece)
        memset(bias_acc, 0, used * piece)
        while r < stop:
            m = stop - r if stop - r < lanes else lanes
            g, x = <char*> s.grad + (r * s.n + begin) * item, <char*> s.input + (r * s.n + begin) * item
            if s.code < F32:
                load(s.code, g, m, s.n * item, cols, item, bias_acc + 16384)
                load(s.code, x, m, s.n * item, cols, item, bias_acc + 32768)
                g, x, step = bias_acc + 16384, bias_acc + 32768, cols
            (<norm_columns> table[SLOT_NORM_COLUMNS + c])(g, x, step, m, cols, s.mean + r * width, s.rstd + r * width,
                                                          weight_acc, bias_acc)
            r += m
        fold(weight_acc, used, cols)
        fold(bias_acc, used, cols)
        memcpy(parts + 2 * b * piece, weight_acc, piece)
        memcpy(parts + (2 * b + 1) * piece, bias_acc, piece)
    if blocks == 0:
        memset(parts, 0, 2 * piece)
    m = 1
    while m < blocks:                       # the tree of neighbours; a lane fold of two lanes is one addition of it
        b = 0
        while b + m < blocks:
            memcpy(weight_acc, parts + 2 * b * piece, 2 * piece)
            memcpy(weight_acc + 2 * piece, parts + 2 * (b + m) * piece, 2 * piece)
            fold(weight_acc, 2, 2 * cols)
            memcpy(parts + 2 * b * piece, weight_acc, 2 * piece)
            b += 2 * m
        m *= 2
    if s.grad_weight != NULL:
        store(s.param_code, parts, 1, 0, cols, param_item, s.grad_weight + begin * param_item)
    if s.grad_bias != NULL:
        store(s.param_code, parts + piece, 1, 0, cols, param_item, s.grad_bias + begin * param_item)
    free(parts)


cdef int layer_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t rows, Py_ssize_t n,
                                 const char* grad, const char* input, const char* mean, const char* rstd,
                                 const char* weight, char* grad_input, char* grad_weight, char* grad_bias) noexcept nogil:
    cdef LineJob s
    cdef ParamJob q
    cdef int status = RUN_OK
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    s.op, s.code, s.out_code, s.outer, s.n, s.inner = LINE_NORM_BACKWARD, code, code, rows, n, 1
    s.input, s.other, s.out = grad, input, grad_input
    s.weight = loaded(param_code, weight, n, &status)
    s.mean, s.rstd = loaded(stat_code, mean, rows, &status), loaded(stat_code, rstd, rows, &status)
    if status == RUN_OK and grad_input != NULL:
        status = run_lines(&s)
    if status == RUN_OK and (grad_weight != NULL or grad_bias != NULL):
        q.code, q.param_code, q.compute, q.rows, q.n = code, param_code, compute_of(code), rows, n
        q.grad, q.input, q.mean, q.rstd = grad, input, s.mean, s.rstd
        q.grad_weight, q.grad_bias, q.status = grad_weight, grad_bias, RUN_OK
        parallel_for(param_columns, &q, n, TILE_COLS)
        status = q.status
    free(<void*> s.weight)
    free(s.mean)
    free(s.rstd)
    return status


rows_use_level(cpu_level())
