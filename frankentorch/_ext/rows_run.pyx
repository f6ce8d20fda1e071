# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Drivers of the row kernels. A chunk of lines loads a tile into its own room (converting halves), works it, stores it. Lines
# along the last dim are taken one by one, short ones many together as columns; lines along another dim as columns, which a
# softmax of floats works where they are if there are enough side by side.
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy
from libc.math cimport sqrt, sqrtf
from frankentorch._ext.types cimport *
from frankentorch._ext.fold cimport TILE_COLS, BLOCK, LANES_F32, LANES_WIDE, lane_count
from frankentorch._ext.rows cimport *
from frankentorch._ext.tiles cimport load, store, is_float, compute_of, value_at, set_value, loaded, scaled
from frankentorch._ext.reduce cimport SLOT_FOLD, IN_F32, IN_F64, fold_kernel
from frankentorch._ext.reduce_run cimport (RUN_OK, RUN_DTYPE, RUN_ARGUMENT, RUN_MEMORY, REDUCE_SUM, REDUCE_VAR, code_size,
                                           reduce_table, reduce_run, sum_columns)
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_rows_at

cdef enum:
    GRAIN = 16384
    SHORT = 12                  # lines up to here are worked many at once, in columns
    SHORT_BACK = 8              # the same for gradients of float64
    ROOM = 8192                 # bytes of a tile that need not be asked for
    SPLIT = 8 * BLOCK           # threads share the sums of one line from here on (reduce_run.pyx)

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


# ---------------------------------------------------------------- group norm and batch norm
cdef struct PlaneJob:
    int code, compute
    Py_ssize_t channels, space, groups          # groups 0: batch norm, statistics by channel
    const char* input
    const char* grad
    char* out
    const void* mean                            # all in the compute type
    const void* rstd
    const void* weight
    const void* bias
    char* dots                                  # [planes][2]
    char* first                                 # backward: q and r of affine_back, by statistic
    char* second
    double eps                                  # forward of a group norm
    int status


cdef inline Py_ssize_t stat_of(PlaneJob* s, Py_ssize_t plane) noexcept nogil:
    if s.groups == 0:
        return plane % s.channels
    return plane // (s.channels // s.groups)


cdef void planes_body(int mode, PlaneJob* s, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Planes (batch, channel) of `space` places. mode 0 normalise, 1 dots, 2 gradient."""
    cdef Py_ssize_t n = s.space, plane, k, i, m
    cdef int item = code_size(s.code), width = 8 if s.compute else 4
    cdef double buffers[2048]
    cdef char* room = <char*> buffers
    cdef char* x
    cdef char* g
    cdef char* out
    cdef double a
    cdef bint direct = s.code >= F32            # no conversion: worked in place
    cdef Py_ssize_t whole = n if mode == 1 or direct else (1024 if n > 1024 else n)
    if not direct and 16 * whole > <Py_ssize_t> sizeof(buffers):
        room = <char*> malloc(16 * whole)
        if room == NULL:
            s.status = RUN_MEMORY
            return
    for plane in range(begin, end):
        k = stat_of(s, plane)
        a = value_at(s.compute, s.weight, plane % s.channels) if s.weight != NULL else 1
        if mode == 2:
            a = scaled(s.compute, a, value_at(s.compute, s.rstd, k))
        i = 0
        while i < n:
            m = whole if n - i > whole else n - i
            x, g, out = <char*> s.input + (plane * n + i) * item, NULL, NULL
            if mode != 0:
                g = <char*> s.grad + (plane * n + i) * item
            if mode != 1:
                out = s.out + (plane * n + i) * item
            if not direct:
                load(s.code, x, m, item, 1, 0, room)
                x = room
                if mode != 0:
                    load(s.code, g, m, item, 1, 0, room + 8 * whole)
                    g = room + 8 * whole
                out = room
            if mode == 0:
                (<affine_kernel> table[SLOT_AFFINE + s.compute])(
                    x, out, m, value_at(s.compute, s.mean, k), value_at(s.compute, s.rstd, k), a,
                    value_at(s.compute, s.bias, plane % s.channels) if s.bias != NULL else 0)
            elif mode == 1:
                (<dots_kernel> table[SLOT_DOTS + s.compute])(g, x, m, value_at(s.compute, s.mean, k),
                                                             s.dots + plane * 2 * width)
            else:
                (<affine_back> table[SLOT_AFFINE_BACKWARD + s.compute])(
                    g, x, out, m, value_at(s.compute, s.mean, k), a, value_at(s.compute, s.first, k),
                    value_at(s.compute, s.second, k))
            if not direct and mode != 1:
                store(s.code, out, m, item, 1, 0, s.out + (plane * n + i) * item)
            i += m
    if room != <char*> buffers:
        free(room)


cdef void normalise_planes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    planes_body(0, <PlaneJob*> context, begin, end)


cdef void normalise_groups(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Statistics and then the planes of a few groups, while they are in a cache."""
    cdef PlaneJob* s = <PlaneJob*> context
    cdef Py_ssize_t each = s.channels // s.groups, n = each * s.space, few = GRAIN // n if n < GRAIN else 1, i = begin, past
    cdef int item = code_size(s.code), width = 8 if s.compute else 4, status
    while i < end:
        past = i + few if i + few < end else end
        status = group_stats(s.code, past - i, n, s.eps, s.input + i * n * item, <char*> s.mean + i * width, <char*> s.rstd + i * width)
        if status != RUN_OK:
            s.status = status
            return
        planes_body(0, s, i * each, past * each)
        i = past


cdef void dot_planes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    planes_body(1, <PlaneJob*> context, begin, end)


cdef void gradient_planes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    planes_body(2, <PlaneJob*> context, begin, end)


cdef Py_ssize_t plane_grain(Py_ssize_t space) noexcept nogil:
    return GRAIN // space if space < GRAIN else 1


cdef int group_norm_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t space,
                        Py_ssize_t groups, double eps, const char* input, const char* weight, const char* bias, char* out,
                        char* mean, char* rstd) noexcept nogil:
    cdef PlaneJob s
    cdef int status = RUN_OK
    cdef char* m
    cdef Py_ssize_t each
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    if groups < 1 or channels % groups:
        return RUN_ARGUMENT
    if batch * channels * space == 0:
        return RUN_OK
    m = <char*> malloc(batch * groups * 16)
    if m == NULL:
        return RUN_MEMORY
    s.code, s.compute, s.eps = code, compute_of(code), eps
    s.channels, s.space, s.groups = channels, space, groups
    s.input, s.out, s.mean, s.rstd, s.status = input, out, m, m + batch * groups * 8, RUN_OK
    s.weight, s.bias = loaded(param_code, weight, channels, &status), loaded(param_code, bias, channels, &status)
    if status == RUN_OK:
        each = channels // groups * space
        if each < SPLIT:
            parallel_for(normalise_groups, &s, batch * groups, GRAIN // each if each < GRAIN else 1)
        else:                                   # so long that threads share the sums of one
            s.status = group_stats(code, batch * groups, each, eps, input, m, m + batch * groups * 8)
            parallel_for(normalise_planes, &s, batch * channels, plane_grain(space))
        status = s.status
    if status == RUN_OK:
        if mean != NULL:
            store(stat_code, s.mean, 1, 0, batch * groups, code_size(stat_code), mean)
        if rstd != NULL:
            store(stat_code, s.rstd, 1, 0, batch * groups, code_size(stat_code), rstd)
    free(m)
    free(<void*> s.weight)
    free(<void*> s.bias)
    return status


cdef int group_stats(int code, Py_ssize_t lines, Py_ssize_t n, double eps, const char* input, char* mean,
                     char* rstd) noexcept nogil:
    """mean and 1 / sqrt(var + eps) of contiguous lines, in the compute type."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef Py_ssize_t i
    cdef int status, compute = compute_of(code)
    sizes[0], sizes[1] = lines, n
    steps[0], steps[1] = n * code_size(code), code_size(code)
    status = reduce_run(REDUCE_VAR, code, F32 if compute == IN_F32 else F64, 2, sizes, steps, 2, input, rstd, mean, 0)
    for i in range(lines):
        inverse_root(compute, rstd, i, eps)
    return status


cdef inline void inverse_root(int compute, void* x, Py_ssize_t i, double eps) noexcept nogil:
    if compute == IN_F64:
        (<double*> x)[i] = 1 / sqrt((<double*> x)[i] + eps)
    else:
        (<float*> x)[i] = <float> 1 / sqrtf((<float*> x)[i] + <float> eps)


cdef int sum_over(int compute, char* x, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t row_step, Py_ssize_t col_step,
                  char* out) noexcept nogil:
    """Canonical sum over rows of x[rows][cols] of the compute type; steps in values."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef int code = F32 if compute == IN_F32 else F64, item = 4 if compute == IN_F32 else 8
    sizes[0], sizes[1], steps[0], steps[1] = rows, cols, row_step * item, col_step * item
    return reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 1, x, out, NULL, 0)


cdef int plane_dots(PlaneJob* s, Py_ssize_t planes) noexcept nogil:
    s.dots = <char*> malloc(planes * 16 + 16)
    if s.dots == NULL:
        return RUN_MEMORY
    s.status = RUN_OK
    parallel_for(dot_planes, s, planes, plane_grain(s.space))
    return s.status


cdef int group_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, Py_ssize_t groups, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil:
    cdef PlaneJob s
    cdef int status = RUN_OK, c
    cdef int width
    cdef Py_ssize_t planes = batch * channels, i, each, stats = batch * groups
    cdef char* room
    cdef char* sums
    cdef double w, v
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    if groups < 1 or channels % groups:
        return RUN_ARGUMENT
    if planes * space == 0:
        return RUN_OK
    c = compute_of(code)
    width = 8 if c == IN_F64 else 4
    each = channels // groups
    s.code, s.compute, s.channels, s.space, s.groups = code, c, channels, space, groups
    s.input, s.grad, s.out, s.dots, s.bias = input, grad, grad_input, NULL, NULL
    s.mean, s.rstd = loaded(stat_code, mean, stats, &status), loaded(stat_code, rstd, stats, &status)
    s.weight = loaded(param_code, weight, channels, &status)
    room = <char*> malloc((2 * planes + 2 * stats + channels) * 8)
    if room == NULL:
        status = RUN_MEMORY
    if status == RUN_OK:
        status = plane_dots(&s, planes)
    if status == RUN_OK and grad_bias != NULL:
        sum_over(c, s.dots, batch, channels, 2 * channels, 2, room)
        store(param_code, room, 1, 0, channels, code_size(param_code), grad_bias)
    if status == RUN_OK and grad_weight != NULL:
        for i in range(planes):
            v = scaled(c, value_at(c, s.dots, 2 * i + 1), value_at(c, s.rstd, i // each))
            set_value(c, room, i, v)
        sums = room + planes * 8
        sum_over(c, room, batch, channels, channels, 1, sums)
        store(param_code, sums, 1, 0, channels, code_size(param_code), grad_weight)
    if status == RUN_OK and grad_input != NULL:
        for i in range(2 * planes):             # dots times the channel's weight
            w = value_at(c, s.weight, i // 2 % channels) if s.weight != NULL else 1
            set_value(c, room, i, scaled(c, value_at(c, s.dots, i), w))
        s.first = room + planes * 16
        s.second = s.first + stats * 8
        sum_groups(c, room, stats, each, s.first, s.second)
        for i in range(stats):
            plane_terms(c, s.first, s.second, s.rstd, i, <double> (each * space))
        parallel_for(gradient_planes, &s, planes, plane_grain(space))
        status = s.status
    free(<void*> s.mean)
    free(<void*> s.rstd)
    free(<void*> s.weight)
    free(s.dots)
    free(room)
    return status


cdef void sum_groups(int compute, char* dots, Py_ssize_t stats, Py_ssize_t each, char* first, char* second) noexcept nogil:
    """dots[stats][each][2] summed over the middle."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef int code = F32 if compute == IN_F32 else F64, item = 4 if compute == IN_F32 else 8
    sizes[0], sizes[1], steps[0], steps[1] = stats, each, each * 2 * item, 2 * item
    reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 2, dots, first, NULL, 0)
    reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 2, dots + item, second, NULL, 0)


cdef inline void plane_terms(int compute, char* first, char* second, const void* rstd, Py_ssize_t i, double n) noexcept nogil:
    """Sums of h and of h * (x - mean) become the q and r of affine_back."""
    cdef double s
    cdef float f
    if compute == IN_F64:
        s = (<const double*> rstd)[i]
        (<double*> first)[i] = s * ((<double*> first)[i] / n)
        (<double*> second)[i] = s * (s * s * ((<double*> second)[i] / n))
        return
    f = (<const float*> rstd)[i]
    (<float*> first)[i] = f * ((<float*> first)[i] / <float> n)
    (<float*> second)[i] = f * (f * f * ((<float*> second)[i] / <float> n))


cdef int batch_norm_apply(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                          Py_ssize_t space, const char* input, const char* mean, const char* rstd, const char* weight,
                          const char* bias, char* out) noexcept nogil:
    cdef PlaneJob s
    cdef int status = RUN_OK
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    if batch * channels * space == 0:
        return RUN_OK
    s.code, s.compute, s.channels, s.space, s.groups = code, compute_of(code), channels, space, 0
    s.input, s.out, s.status = input, out, RUN_OK
    s.mean, s.rstd = loaded(stat_code, mean, channels, &status), loaded(stat_code, rstd, channels, &status)
    s.weight, s.bias = loaded(param_code, weight, channels, &status), loaded(param_code, bias, channels, &status)
    if status == RUN_OK:
        parallel_for(normalise_planes, &s, batch * channels, plane_grain(space))
        status = s.status
    free(<void*> s.mean)
    free(<void*> s.rstd)
    free(<void*> s.weight)
    free(<void*> s.bias)
    return status


cdef int batch_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, bint train, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil:
    cdef PlaneJob s
    cdef int status = RUN_OK, c
    cdef int width
    cdef Py_ssize_t planes = batch * channels, i
    cdef char* sums
    cdef char* scaled_sums
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    if planes * space == 0:
        return RUN_OK
    c = compute_of(code)
    width = 8 if c == IN_F64 else 4
    s.code, s.compute, s.channels, s.space, s.groups = code, c, channels, space, 0
    s.input, s.grad, s.out, s.dots, s.bias = input, grad, grad_input, NULL, NULL
    s.mean, s.rstd = loaded(stat_code, mean, channels, &status), loaded(stat_code, rstd, channels, &status)
    s.weight = loaded(param_code, weight, channels, &status)
    sums = <char*> malloc(channels * 24)
    if sums == NULL:
        status = RUN_MEMORY
    if status == RUN_OK:
        status = plane_dots(&s, planes)
    if status == RUN_OK:
        s.first, s.second, scaled_sums = sums, sums + channels * 8, sums + channels * 16
        sum_over(c, s.dots, batch, channels, 2 * channels, 2, s.first)
        sum_over(c, s.dots + width, batch, channels, 2 * channels, 2, s.second)
        if grad_bias != NULL:
            store(param_code, s.first, 1, 0, channels, code_size(param_code), grad_bias)
        if grad_weight != NULL:
            for i in range(channels):
                set_value(c, scaled_sums, i, scaled(c, value_at(c, s.second, i), value_at(c, s.rstd, i)))
            store(param_code, scaled_sums, 1, 0, channels, code_size(param_code), grad_weight)
        if grad_input != NULL:
            if train:
                for i in range(channels):
                    if s.weight != NULL:
                        set_value(c, s.first, i, scaled(c, value_at(c, s.first, i), value_at(c, s.weight, i)))
                        set_value(c, s.second, i, scaled(c, value_at(c, s.second, i), value_at(c, s.weight, i)))
                    plane_terms(c, s.first, s.second, s.rstd, i, <double> (batch * space))
            else:
                memset(sums, 0, channels * 16)
            parallel_for(gradient_planes, &s, planes, plane_grain(space))
            status = s.status
    free(<void*> s.mean)
    free(<void*> s.rstd)
    free(<void*> s.weight)
    free(s.dots)
    free(sums)
    return status


rows_use_level(cpu_level())
