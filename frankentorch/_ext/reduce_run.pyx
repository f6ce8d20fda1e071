# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Reduction driver. The input is seen as outputs x rows: kept dims give outputs, reduced dims give the row number r in
# row-major order. Outputs are worked in tiles of up to TILE_COLS columns along the kept dim of smallest step (or one by one
# when rows lie closer), rows in blocks of BLOCK. Tiles go to threads; few tiles of many rows go to threads by block.
# Neither choice shows in the bits: lanes, blocks and trees depend on r alone (fold.pxd).
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy
from libc.math cimport INFINITY, NAN
from frankentorch._ext.types cimport *
from frankentorch._ext.fold cimport BLOCK, LANES_F32, LANES_WIDE, TILE_COLS, STRIP_COLS, LEVELS, lane_count
from frankentorch._ext.reduce cimport *
from frankentorch._ext.iterate cimport move_short
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_reduce_at

cdef enum:
    MAX_DIMS = 64
    GRAIN = 32768               # elements worth a thread
    SHORT_LINE = 64             # most values of a line that is copied before it is summed
    SHORT_COLUMN = 128          # rows up to here are worked in columns even if those lie farther apart
    LINES_ROOM = 64             # such lines at a time
    FEW_ROWS = 16               # that strips fold in registers
    TURNED = 32768              # bytes of a tile that is turned
    SHORT_RUN = 512             # bytes of a run that is put beside others

cdef enum Pass:
    PASS_SUM
    PASS_PRODUCT
    PASS_COUNT
    PASS_MAX
    PASS_FIRST
    PASS_COMPLEX_PRODUCT

cdef void* table[REDUCE_SLOTS]
cdef char least[16 * STRIP_COLS]        # the least key, STRIP_COLS times, from item * STRIP_COLS on for each size of items
cdef int[NCODES] SIZES = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Job:
    int op, in_code, out_code, compute, item, out_item, width    # width: bytes of one value of the compute type
    int wide                            # a compute type of floats as an offset of kernels by code
    int kept, red
    Py_ssize_t kept_size[MAX_DIMS]      # without the column dim
    Py_ssize_t kept_step[MAX_DIMS]
    Py_ssize_t kept_out[MAX_DIMS]       # out elements per step of the dim
    Py_ssize_t red_size[MAX_DIMS]
    Py_ssize_t red_step[MAX_DIMS]
    Py_ssize_t count                    # rows
    Py_ssize_t outer, cols, col_step, col_out, tile, tiles      # tile: most columns of one
    const char* input
    char* out
    char* second
    double p
    int flip
    bint split                          # threads take blocks, not tiles
    bint lines                          # contiguous lines of one block, evenly spaced: one call for all
    bint turned                         # short contiguous lines, turned into columns
    bint strips                         # sums of contiguous columns of one block: straight into the output
    int status

cdef struct Tile:
    Job* job
    const char* base
    Py_ssize_t cols
    int kind, map
    const void* centre
    char* parts                         # block results when split
    long long* parts_found


cdef int code_size(int code) noexcept nogil:
    return SIZES[code]


cdef int reduce_use_level(int level) noexcept nogil:
    fill_reduce_at(level, table)
    return 0


cdef void** reduce_table() noexcept nogil:
    return table


# ---------------------------------------------------------------- one block
cdef inline int line_slot(Job* job, int kind, int map) noexcept nogil:
    """The kernel of one contiguous line, or -1."""
    if kind == PASS_PRODUCT:
        return SLOT_LINE_PRODUCT + job.in_code - F16
    if map > MAP_SQUARE and map != MAP_NOT_NAN:
        return -1
    return (SLOT_LINE if map == MAP_X else SLOT_LINE_SQUARE if map == MAP_SQUARE else SLOT_LINE_NUMBERS) + job.in_code - F16


cdef inline int strips_slot(Job* job, int kind, int map) noexcept nogil:
    """The kernel of contiguous columns, or -1."""
    if kind == PASS_PRODUCT:
        return SLOT_STRIPS_PRODUCT + job.in_code - F16
    if map > MAP_SQUARE and map != MAP_NOT_NAN:
        return -1
    return (SLOT_STRIPS_NUMBERS if map == MAP_NOT_NAN else SLOT_STRIPS) + job.in_code - F16


cdef void block_pass(Tile* t, Py_ssize_t first, Py_ssize_t rows, char* acc, long long* found) noexcept nogil:
    """Rows first .. first + rows of the tile (at most BLOCK) into acc[0][:]."""
    cdef Job* job = t.job
    cdef Py_ssize_t cols = t.cols, last = job.red - 1, at[MAX_DIMS]
    cdef Py_ssize_t r = first, q, run, done = 0, cap, fill = 0, lanes, p, j
    cdef Py_ssize_t step = job.red_step[last], col_step = job.col_step
    cdef Py_ssize_t outer, near
    cdef const char* x
    cdef char* source
    cdef char* to
    cdef double tile[4096]
    cdef double room[4096]
    cdef int d, slot, c = job.compute, map = t.map
    cdef bint direct, native = False, totals, loaded, lined = False
    lanes = LANES_F32 if c == IN_F32 else LANES_WIDE
    x = t.base
    q = r
    for d in range(last, 0, -1):
        at[d] = q % job.red_size[d]
        q = q // job.red_size[d]
        x += at[d] * job.red_step[d]
    at[0] = q
    x += q * job.red_step[0]
    if job.turned:
        move_short(<char*> tile, cols * job.item, job.item, x, step, col_step, rows, cols, job.item)
        x, step, col_step = <const char*> tile, cols * job.item, job.item
    if t.kind <= PASS_PRODUCT:
        native = c != IN_I64 and job.in_code >= F32
        if c != IN_I64 and at[last] + rows <= job.red_size[last]:
            slot = -1
            if cols == 1 and step == job.item:
                slot = line_slot(job, t.kind, map)
            elif cols > 1 and col_step == job.item:
                slot = strips_slot(job, t.kind, map)
            if slot >= 0 and cols == 1:
                (<line_kernel> table[slot])(x, rows, t.centre, acc)
                return
            if slot >= 0:
                (<strips_kernel> table[slot])(x, rows, step, cols, NULL if map == MAP_X else t.centre, acc)
                return
        totals = c == IN_I64 and map == MAP_X
        direct = t.kind == PASS_SUM and map <= MAP_SQUARE and native and cols > 1 and col_step == job.item
        lined = cols == 1 and t.kind == PASS_SUM and c != IN_I64        # the tile is the block: one line, mapped
        p = 1 if totals else lane_count(lanes, rows)
        if t.kind == PASS_SUM:
            memset(acc, 0, p * cols * job.width)
        elif c == IN_F32:
            for j in range(p * cols):
                (<float*> acc)[j] = 1
        elif c == IN_F64:
            for j in range(p * cols):
                (<double*> acc)[j] = 1
        else:
            for j in range(p * cols):
                (<long long*> acc)[j] = 1
        cap = (4096 // cols) // lanes * lanes
    else:
        direct = totals = False
        cap = min(BLOCK, TURNED // job.item)
    loaded = t.kind <= PASS_PRODUCT and not direct and not totals
    while done < rows:
        run = job.red_size[last] - at[last]
        if run > rows - done:
            run = rows - done
        source, near, outer = <char*> x, step, 1
        if cols == 1 and last > 0 and run == job.red_size[last] and (loaded or run * job.item <= SHORT_RUN):    # as many whole runs as there are
            outer = min(job.red_size[last - 1] - at[last - 1], min(rows - done, cap - fill) // run)
            if outer > 1:
                source = <char*> tile + fill * job.width if loaded and native else <char*> room
                move_short(source, run * job.item, job.item, x, job.red_step[last - 1], step, outer, run, job.item)
                near = job.item
                run *= outer
        if direct:
            (<columns_kernel> table[(SLOT_COLUMNS if map == MAP_X else SLOT_COLUMNS_SQUARE) + c])(
                source, run, near, cols, t.centre, acc, done & (lanes - 1))
        elif totals:
            (<load_kernel> table[(SLOT_TOTAL if t.kind == PASS_SUM else SLOT_TIMES) + job.in_code])(source, run, near, cols, col_step, acc)
        elif t.kind == PASS_COUNT:
            (<count_kernel> table[SLOT_COUNT + job.in_code])(source, run, near, cols, col_step, <long long*> acc)
        elif t.kind == PASS_MAX:
            (<max_kernel> table[SLOT_MAX + job.in_code])(source, run, near, cols, col_step, acc, job.flip)
        elif t.kind == PASS_FIRST:
            (<first_kernel> table[SLOT_FIRST + job.in_code])(source, run, near, cols, col_step, acc, found, first + done,
                                                             job.flip)
        elif t.kind == PASS_COMPLEX_PRODUCT:
            (<load_kernel> table[SLOT_PRODUCT + job.in_code - C64])(source, run, near, cols, col_step, acc)
        else:
            if run > cap - fill:
                run = cap - fill
            to = <char*> tile + fill * cols * job.width
            if to != source:
                (<load_kernel> table[SLOT_LOAD + job.in_code])(source, run, near, cols, col_step, to)
            fill += run
            if fill == cap or done + run == rows:
                if map != MAP_X:
                    (<map_kernel> table[SLOT_MAP + 8 * c + map])(tile, fill, cols, t.centre, job.p)
                if lined:
                    (<line_kernel> table[SLOT_LINE + job.wide])(tile, fill, NULL, acc)
                    return
                (<lanes_kernel> table[(SLOT_ADD if t.kind == PASS_SUM else SLOT_MULTIPLY) + c])(acc, tile, fill, cols)
                fill = 0
        done += run
        d = last
        if outer > 1:
            d = last - 1
            run = outer
        at[d] += run
        x += run * job.red_step[d]
        while at[d] == job.red_size[d] and d > 0:
            x += job.red_step[d - 1] - at[d] * job.red_step[d]
            at[d] = 0
            d -= 1
            at[d] += 1
    if t.kind <= PASS_PRODUCT and p > 1:
        (<fold_kernel> table[(SLOT_FOLD if t.kind == PASS_SUM else SLOT_FOLD_PRODUCT) + c])(acc, p, cols)


cdef void start_running(Tile* t, char* acc) noexcept nogil:
    """acc before the first row, for passes that carry it from block to block."""
    cdef Py_ssize_t j, n = t.cols
    if t.kind == PASS_COUNT:
        memset(acc, 0, n * 8)
    elif t.kind == PASS_COMPLEX_PRODUCT:
        for j in range(n):
            if t.job.in_code == C64:
                (<ft_c64*> acc)[j].re, (<ft_c64*> acc)[j].im = 1, 0
            else:
                (<ft_c128*> acc)[j].re, (<ft_c128*> acc)[j].im = 1, 0
    else:
        memcpy(acc, least + t.job.item * STRIP_COLS, n * t.job.item)


cdef inline void combine(int compute, bint product, char* left, const char* right, Py_ssize_t cols) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(cols):
        if compute == IN_F32:
            if product:
                (<float*> left)[j] *= (<float*> right)[j]
            else:
                (<float*> left)[j] += (<float*> right)[j]
        elif compute == IN_F64:
            if product:
                (<double*> left)[j] *= (<double*> right)[j]
            else:
                (<double*> left)[j] += (<double*> right)[j]
        elif product:
            (<long long*> left)[j] *= (<long long*> right)[j]
        else:
            (<long long*> left)[j] += (<long long*> right)[j]


cdef inline bint greater(int item, const char* a, const char* b) noexcept nogil:
    if item == 1:
        return (<ft_i8*> a)[0] > (<ft_i8*> b)[0]
    if item == 2:
        return (<ft_i16*> a)[0] > (<ft_i16*> b)[0]
    if item == 4:
        return (<ft_i32*> a)[0] > (<ft_i32*> b)[0]
    return (<ft_i64*> a)[0] > (<ft_i64*> b)[0]


cdef void blocks_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Tile* t = <Tile*> context
    cdef Py_ssize_t b, n, j
    cdef double acc[2048]
    cdef long long found[TILE_COLS]
    if t.kind == PASS_MAX:              # needs no blocks: their greatest is that of each
        n = t.job.count - begin * BLOCK
        start_running(t, <char*> acc)
        block_pass(t, begin * BLOCK, n if end * BLOCK > t.job.count else (end - begin) * BLOCK, <char*> acc, found)
        for b in range(begin, end):
            memcpy(t.parts + b * t.cols * 8, acc, t.cols * 8)
        return
    for b in range(begin, end):
        n = t.job.count - b * BLOCK
        if t.kind > PASS_PRODUCT:
            start_running(t, <char*> acc)
            for j in range(t.cols):
                found[j] = b * BLOCK
        block_pass(t, b * BLOCK, BLOCK if n > BLOCK else n, <char*> acc, found)
        memcpy(t.parts + b * t.cols * 8, acc, t.cols * 8)
        if t.kind == PASS_FIRST:
            memcpy(t.parts_found + b * t.cols, found, t.cols * 8)


cdef int tile_pass(Tile* t, char* result, long long* found) noexcept nogil:
    """All rows of a tile into result[cols] (compute type, key or count) and found[cols]."""
    cdef Job* job = t.job
    cdef Py_ssize_t cols = t.cols, blocks = (job.count + BLOCK - 1) // BLOCK, b, n, bits, depth = 0, grain, j, stride
    cdef Py_ssize_t piece = cols * job.width
    cdef double acc[2048]               # LANES x TILE_COLS x width, 16 KiB for each compute type
    cdef double stack[LEVELS * TILE_COLS]
    cdef char* levels = <char*> stack
    if job.split and t.kind != PASS_COMPLEX_PRODUCT and blocks >= 8:
        t.parts = <char*> malloc(blocks * cols * 16)
        if t.parts == NULL:
            return RUN_MEMORY
        t.parts_found = <long long*> (t.parts + blocks * cols * 8)
        grain = GRAIN // (BLOCK * cols)
        parallel_for(blocks_body, t, blocks, grain if grain > 1 else 1)
        if t.kind <= PASS_PRODUCT:
            stride = 1
            while stride < blocks:
                b = 0
                while b < blocks - stride:
                    combine(job.compute, t.kind == PASS_PRODUCT, t.parts + b * cols * 8,
                            t.parts + (b + stride) * cols * 8, cols)
                    b += 2 * stride
                stride *= 2
            memcpy(result, t.parts, piece)
        elif t.kind == PASS_COUNT:
            memset(result, 0, cols * 8)
            for b in range(blocks):
                combine(IN_I64, False, result, t.parts + b * cols * 8, cols)
        else:
            memcpy(result, t.parts, cols * job.item)
            if t.kind == PASS_FIRST:
                memcpy(found, t.parts_found, cols * 8)
            for b in range(1, blocks):
                for j in range(cols):
                    if greater(job.item, t.parts + b * cols * 8 + j * job.item, result + j * job.item):
                        memcpy(result + j * job.item, t.parts + b * cols * 8 + j * job.item, job.item)
                        if t.kind == PASS_FIRST:
                            found[j] = t.parts_found[b * cols + j]
        free(t.parts)
        return RUN_OK
    if t.kind > PASS_PRODUCT:
        start_running(t, result)
        if t.kind == PASS_FIRST:
            memset(found, 0, cols * 8)
        for b in range(blocks):
            n = job.count - b * BLOCK
            block_pass(t, b * BLOCK, BLOCK if n > BLOCK else n, result, found)
            if cols == 1 and t.kind == PASS_COUNT:      # nothing more to learn
                if job.op == REDUCE_ANY and (<long long*> result)[0] > 0:
                    break
                if job.op == REDUCE_ALL and (<long long*> result)[0] < (b + 1) * BLOCK and b + 1 < blocks:
                    break
        return RUN_OK
    for b in range(blocks):
        n = job.count - b * BLOCK
        block_pass(t, b * BLOCK, BLOCK if n > BLOCK else n, <char*> acc, found)
        if blocks == 1:
            break
        bits = b
        while bits & 1:                 # binary counter: the tree of neighbours
            depth -= 1
            combine(job.compute, t.kind == PASS_PRODUCT, levels + depth * piece, <char*> acc, cols)
            memcpy(acc, levels + depth * piece, piece)
            bits >>= 1
        memcpy(levels + depth * piece, acc, piece)
        depth += 1
    if blocks <= 1:
        memcpy(result, acc, piece)
        return RUN_OK
    while depth > 1:
        depth -= 1
        combine(job.compute, t.kind == PASS_PRODUCT, levels + (depth - 1) * piece, levels + depth * piece, cols)
    memcpy(result, levels, piece)
    return RUN_OK


cdef void sum_columns(int compute, const void* x, Py_ssize_t rows, Py_ssize_t step, Py_ssize_t cols, void* out) noexcept nogil:
    cdef Job job
    cdef Tile t
    cdef long long found[1]
    if rows == 0:
        memset(out, 0, cols * (4 if compute == IN_F32 else 8))
        return
    job.op = REDUCE_SUM
    job.in_code = F32 if compute == IN_F32 else F64
    job.compute = compute
    job.wide = job.in_code - F16
    job.item = job.width = 4 if compute == IN_F32 else 8
    job.red = 1
    job.red_size[0] = job.count = rows
    job.red_step[0] = step * job.item
    job.col_step = job.item
    job.split = job.turned = False
    t.job, t.base, t.cols, t.kind, t.map, t.centre = &job, <const char*> x, cols, PASS_SUM, MAP_X, NULL
    tile_pass(&t, <char*> out, found)


# ---------------------------------------------------------------- tiles
include "reduce_tile.pxi"
include "reduce_lines.pxi"


cdef void tiles_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef Py_ssize_t u, q, k, at, n
    cdef const char* base
    cdef char* out
    cdef char* to
    cdef Py_ssize_t index[MAX_DIMS]
    cdef int d, status, slot = strips_slot(job, PASS_PRODUCT if job.op == REDUCE_PROD else PASS_SUM, MAP_NOT_NAN if job.op == REDUCE_NANSUM else MAP_X)
    cdef bint native = job.in_code >= F32 and job.out_code == job.in_code
    cdef float sums[STRIP_COLS]
    if job.lines:
        lines_pass(job, begin, end)
        return
    q, k = begin // job.tiles, begin % job.tiles
    base, at = job.input, 0
    for d in range(job.kept - 1, -1, -1):
        index[d] = q % job.kept_size[d]
        base += index[d] * job.kept_step[d]
        at += index[d] * job.kept_out[d]
        q = q // job.kept_size[d]
    for u in range(begin, end):
        n = job.cols - k * job.tile
        if n > job.tile:
            n = job.tile
        if job.strips:
            out = job.out + (at + k * job.tile) * job.out_item
            to = out if native else <char*> sums
            (<strips_kernel> table[slot])(base + k * job.tile * job.item, job.count, job.red_step[0], n, NULL, to)
            if job.op == REDUCE_MEAN:
                finish(job, FINISH_DIVIDE, to, n, NULL, <double> job.count)
            if not native:
                put(job, job.out_code, to, n, out)
        else:
            status = reduce_tile(job, base + k * job.tile * job.col_step, n, at + k * job.tile * job.col_out)
            if status != RUN_OK:
                job.status = status     # only one value is possible: out of memory
        k += 1
        if k < job.tiles:
            continue
        k = 0
        d = job.kept - 1
        while d >= 0:                   # counting up costs less than a division for every output
            index[d] += 1
            base += job.kept_step[d]
            at += job.kept_out[d]
            if index[d] < job.kept_size[d]:
                break
            base -= index[d] * job.kept_step[d]
            at -= index[d] * job.kept_out[d]
            index[d] = 0
            d -= 1


# ---------------------------------------------------------------- the door
cdef int identity_fill(Job* job, Py_ssize_t outputs) noexcept nogil:
    """Results over no rows at all."""
    cdef double v = 0
    cdef float w
    cdef long long k = 0
    cdef Py_ssize_t i
    cdef int op = job.op
    if REDUCE_AMAX <= op <= REDUCE_ARGMIN or (op == REDUCE_NORM and (job.p == INFINITY or job.p < 0)):
        return RUN_EMPTY if outputs > 0 else RUN_OK
    if op == REDUCE_PROD or op == REDUCE_ALL:
        v, k = 1, 1
    elif op == REDUCE_MEAN or op == REDUCE_VAR or op == REDUCE_STD:
        v = NAN
    elif op == REDUCE_LOGSUMEXP:
        v = -INFINITY
    w = <float> v
    for i in range(outputs):
        if job.compute < 0:
            memset(job.out + i * job.item, 0, job.item)
            if job.in_code == C64:
                (<float*> (job.out + i * job.item))[0] = 1
            else:
                (<double*> (job.out + i * job.item))[0] = 1
            continue
        (<store_kernel> table[SLOT_STORE + job.out_code])(
            &k if job.out_code <= U64 else <void*> &w if job.out_code < F64 else <void*> &v, 1, 0, 1, 0,
            job.out + i * job.out_item)
        if job.second != NULL:
            (<store_kernel> table[SLOT_STORE + job.out_code])(
                <void*> &w if job.out_code < F64 else <void*> &v, 1, 0, 1, 0, job.second + i * job.out_item)
    return RUN_OK


cdef int check_codes(Job* job) noexcept nogil:
    """Set the compute type; RUN_DTYPE if the pair is not offered."""
    cdef int op = job.op, i = job.in_code, o = job.out_code
    job.compute = IN_I64 if i <= U64 else IN_F32 if i < F64 else IN_F64
    if i >= C64 and op == REDUCE_PROD:
        job.compute = -1                # its own pass
        return RUN_OK if o == i else RUN_DTYPE
    if REDUCE_ANY <= op <= REDUCE_COUNT:
        job.compute = IN_I64
        return RUN_OK if o == I64 or (op != REDUCE_COUNT and o <= U8) else RUN_DTYPE
    if i >= C64:
        return RUN_DTYPE
    if op == REDUCE_ARGMAX or op == REDUCE_ARGMIN:
        return RUN_OK if o == I64 else RUN_DTYPE
    if REDUCE_AMAX <= op <= REDUCE_MIN:
        return RUN_OK if o == i else RUN_DTYPE
    if i <= U64:
        return RUN_OK if o == I64 and op <= REDUCE_PROD else RUN_DTYPE
    return RUN_OK if (i == F64) == (o == F64) and F16 <= o <= F64 else RUN_DTYPE


cdef int reduce_complex(int op, int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps,
                        unsigned long long reduced, const char* input, char* out) noexcept nogil:
    """A complex sum as a real one with one more kept dim, of two."""
    cdef Py_ssize_t more_sizes[MAX_DIMS]
    cdef Py_ssize_t more_steps[MAX_DIMS]
    cdef int real = F32 if code == C64 else F64
    if ndim >= MAX_DIMS:
        return RUN_ARGUMENT
    memcpy(more_sizes, sizes, ndim * sizeof(Py_ssize_t))
    memcpy(more_steps, steps, ndim * sizeof(Py_ssize_t))
    more_sizes[ndim], more_steps[ndim] = 2, SIZES[real]
    return reduce_run(op, real, real, ndim + 1, more_sizes, more_steps, reduced, input, out, NULL, 0)


cdef bint sum_little(int op, int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps,
                     unsigned long long reduced, const char* input, char* out) noexcept nogil:
    """A whole contiguous tensor of one block, without setting up a job; False if it is not that."""
    cdef Py_ssize_t n = 1, item = SIZES[code]
    cdef int d
    for d in range(ndim - 1, -1, -1):
        if not (reduced >> d & 1) or (sizes[d] != 1 and steps[d] != n * item):
            return False
        n *= sizes[d]
    if n == 0 or n > BLOCK:
        return False
    (<line_kernel> table[SLOT_LINE + code - F16])(input, n, NULL, out)
    if op == REDUCE_MEAN:
        if code == F32:
            (<float*> out)[0] = (<float*> out)[0] / <float> n
        else:
            (<double*> out)[0] = (<double*> out)[0] / <double> n
    return True


cdef inline Py_ssize_t distance(Py_ssize_t step) noexcept nogil:
    return step if step >= 0 else -step


cdef void add_dim(Py_ssize_t* sizes, Py_ssize_t* steps, int* n, Py_ssize_t size, Py_ssize_t step) noexcept nogil:
    cdef int last = n[0] - 1
    if size == 1:
        return
    if last >= 0 and steps[last] == size * step:
        sizes[last] *= size
        steps[last] = step
        return
    sizes[n[0]], steps[n[0]] = size, step
    n[0] += 1


cdef void far_first(Job* job) noexcept nogil:
    """The reduced dims from the farthest rows to the nearest."""
    cdef Py_ssize_t size, step
    cdef int n = job.red, d, k
    job.red = 0
    for d in range(n):
        for k in range(d + 1, n):
            if distance(job.red_step[k]) > distance(job.red_step[d]):
                job.red_size[d], job.red_size[k] = job.red_size[k], job.red_size[d]
                job.red_step[d], job.red_step[k] = job.red_step[k], job.red_step[d]
        size, step = job.red_size[d], job.red_step[d]
        add_dim(job.red_size, job.red_step, &job.red, size, step)


cdef Py_ssize_t longest_turned(Job* job) noexcept nogil:
    """The most rows for which lines that lie together are better worked as columns."""
    if job.op == REDUCE_AMAX or job.op == REDUCE_AMIN:
        return 7 if job.in_code >= F32 else 127 // job.item
    if REDUCE_MAX <= job.op <= REDUCE_ARGMIN:
        return 7 if job.in_code >= F32 else 63
    return 0


cdef int reduce_run(int op, int in_code, int out_code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps,
                    unsigned long long reduced, const char* input, char* out, void* second, double p) noexcept nogil:
    cdef Job job
    cdef Py_ssize_t outputs = 1, stride = 1, best, away, grain
    cdef int d, k, col, status
    cdef bint plain, native, summed, greatest
    if (op == REDUCE_SUM or op == REDUCE_MEAN) and in_code == out_code and (in_code == F32 or in_code == F64):
        if sum_little(op, in_code, ndim, sizes, steps, reduced, input, out):
            return RUN_OK
    if in_code >= C64 and (op == REDUCE_SUM or op == REDUCE_MEAN):
        if out_code != in_code:
            return RUN_DTYPE
        if ndim == 0:                # the parts of one number: a dim of one
            return reduce_complex(op, in_code, 1, &outputs, &stride, 1, input, out)
        return reduce_complex(op, in_code, ndim, sizes, steps, reduced, input, out)
    job.op, job.in_code, job.out_code, job.p = op, in_code, out_code, p
    status = check_codes(&job)
    if status != RUN_OK:
        return status
    job.item, job.out_item = SIZES[in_code], SIZES[out_code]
    job.width = 4 if job.compute == IN_F32 else job.item if job.compute < 0 else 8
    job.input, job.out, job.second, job.status = input, out, <char*> second, RUN_OK
    job.flip = op == REDUCE_AMIN or op == REDUCE_MIN or op == REDUCE_ARGMIN
    if op == REDUCE_NORM:
        job.flip = 2 | (p < 0)          # keys of |x|
    # dims of size 1 go; neighbours that step as one dim become one
    job.kept, job.red, job.count = 0, 0, 1
    for d in range(ndim):
        if reduced >> d & 1:
            job.count *= sizes[d]
            add_dim(job.red_size, job.red_step, &job.red, sizes[d], steps[d])
        else:
            outputs *= sizes[d]
            add_dim(job.kept_size, job.kept_step, &job.kept, sizes[d], steps[d])
    if outputs == 0:
        return RUN_OK
    if job.count == 0:
        return identity_fill(&job, outputs)
    if job.red == 0:
        job.red, job.red_size[0], job.red_step[0] = 1, 1, job.item
    # the greatest and sums that wrap take rows in any order: that of memory
    if job.red > 1 and (op == REDUCE_AMAX or op == REDUCE_AMIN or REDUCE_ANY <= op <= REDUCE_COUNT or (op <= REDUCE_PROD and in_code <= U64)):
        far_first(&job)
    for d in range(job.kept - 1, -1, -1):
        job.kept_out[d] = stride
        stride *= job.kept_size[d]
    job.wide = (F64 if job.compute == IN_F64 else F32) - F16
    plain = F16 <= in_code <= F64 and job.red == 1 and job.count <= BLOCK
    native = plain and in_code >= F32
    # lines of one block, evenly spaced, and contiguous but for sums; the greatest of short ones is better found in columns
    greatest = (op == REDUCE_AMAX or op == REDUCE_AMIN) and in_code <= F64
    summed = plain and ((op <= REDUCE_NANSUM and (native or op != REDUCE_PROD)) or (op == REDUCE_NORM and p == 2))
    job.lines = (job.red == 1 and job.count <= BLOCK and job.kept == 1 and job.kept_step[0] != job.item
                 and (summed if job.red_step[0] != job.item and distance(job.red_step[0]) < distance(job.kept_step[0])
                      else job.red_step[0] == job.item and (summed or greatest or (op <= REDUCE_PROD and in_code <= U64))))
    job.turned = (job.red == 1 and job.count > 1 and job.red_step[0] == job.item and job.count <= longest_turned(&job)
                  and job.count * job.item * TILE_COLS <= TURNED and job.kept > 0 and job.kept_size[job.kept - 1] >= 8)
    job.lines = job.lines and not job.turned
    # else columns along the kept dim of smallest step, if that is nearer than the rows or the rows are few
    col = -1
    best = 0
    for d in range(0 if job.lines else job.kept):
        away = distance(job.kept_step[d])
        # a few columns side by side are worth it only where their rows follow each other
        if (job.kept_size[d] >= 8 or away * job.kept_size[d] == job.red_step[job.red - 1]) and (col < 0 or away <= best):
            col, best = d, away
    if col >= 0 and not (best < distance(job.red_step[job.red - 1]) or job.count <= SHORT_COLUMN):
        col = -1
    job.cols, job.col_step, job.col_out = 1, job.item, 1
    if col >= 0:
        job.cols, job.col_step, job.col_out = job.kept_size[col], job.kept_step[col], job.kept_out[col]
        for d in range(col, job.kept - 1):
            job.kept_size[d] = job.kept_size[d + 1]
            job.kept_step[d] = job.kept_step[d + 1]
            job.kept_out[d] = job.kept_out[d + 1]
        job.kept -= 1
    job.outer = outputs // job.cols
    job.turned = job.turned and job.cols > 1 and job.col_step % job.item == 0 and job.col_step > job.item
    job.strips = op <= REDUCE_NANSUM and plain and job.cols > 1 and job.col_step == job.item and job.col_out == 1
    # few rows, and rows that follow each other, are best summed whole; else narrow tiles serve threads better
    job.tile = TILE_COLS
    if job.strips and (job.count <= FEW_ROWS or (job.cols <= STRIP_COLS and job.red_step[0] == job.cols * job.item)):
        job.tile = STRIP_COLS
    if (op == REDUCE_AMAX or op == REDUCE_AMIN) and (job.turned or job.col_step == job.item) and (not job.turned or job.count * job.item * STRIP_COLS <= TURNED):
        job.tile = STRIP_COLS
    job.tiles = (job.cols + job.tile - 1) // job.tile
    job.split = job.outer * job.tiles < 16 and job.count >= 8 * BLOCK
    grain = job.count * (job.tile if job.cols > job.tile else job.cols)
    grain = 1 if grain >= GRAIN else GRAIN // grain
    if job.split or job.outer * job.tiles <= grain:
        tiles_body(&job, 0, job.outer * job.tiles)
    else:
        parallel_for(tiles_body, &job, job.outer * job.tiles, grain)
    return job.status


cdef void fill_least() noexcept nogil:
    cdef Py_ssize_t i, item = 1
    memset(least, 0, 16 * STRIP_COLS)
    while item <= 8:
        for i in range(STRIP_COLS):
            least[item * STRIP_COLS + (i + 1) * item - 1] = <char> 0x80
        item *= 2


fill_least()
reduce_use_level(cpu_level())
