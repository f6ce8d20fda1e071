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
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_reduce_at

cdef enum:
    MAX_DIMS = 64
    GRAIN = 32768               # elements worth a thread
    SHORT_LINE = 64             # most values of a line that is copied before it is summed
    SHORT_COLUMN = 128          # rows up to here are worked in columns even if those lie farther apart
    LINES_ROOM = 64             # such lines at a time

cdef enum Pass:
    PASS_SUM
    PASS_PRODUCT
    PASS_COUNT
    PASS_MAX
    PASS_FIRST
    PASS_COMPLEX_PRODUCT

cdef void* table[REDUCE_SLOTS]
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
    cdef const char* x
    cdef double tile[4096]
    cdef int d, slot, c = job.compute, map = t.map
    cdef bint direct, native, totals, lined = False
    lanes = LANES_F32 if c == IN_F32 else LANES_WIDE
    x = t.base
    q = r
    for d in range(last, 0, -1):
        at[d] = q % job.red_size[d]
        q = q // job.red_size[d]
        x += at[d] * job.red_step[d]
    at[0] = q
    x += q * job.red_step[0]
    if t.kind <= PASS_PRODUCT:
        native = c != IN_I64 and job.in_code >= F32
        if last == 0 and c != IN_I64:
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
        cap = BLOCK
    while done < rows:
        run = job.red_size[last] - at[last]
        if run > rows - done:
            run = rows - done
        if direct:
            (<columns_kernel> table[(SLOT_COLUMNS if map == MAP_X else SLOT_COLUMNS_SQUARE) + c])(
                x, run, step, cols, t.centre, acc, done & (lanes - 1))
        elif totals:
            (<load_kernel> table[(SLOT_TOTAL if t.kind == PASS_SUM else SLOT_TIMES) + job.in_code])(x, run, step, cols, col_step, acc)
        elif t.kind == PASS_COUNT:
            (<count_kernel> table[SLOT_COUNT + job.in_code])(x, run, step, cols, col_step, <long long*> acc)
        elif t.kind == PASS_MAX:
            (<max_kernel> table[SLOT_MAX + job.in_code])(x, run, step, cols, col_step, acc, job.flip)
        elif t.kind == PASS_FIRST:
            (<first_kernel> table[SLOT_FIRST + job.in_code])(x, run, step, cols, col_step, acc, found, first + done,
                                                             job.flip)
        elif t.kind == PASS_COMPLEX_PRODUCT:
            (<load_kernel> table[SLOT_PRODUCT + job.in_code - C64])(x, run, step, cols, col_step, acc)
        else:
            if run > cap - fill:
                run = cap - fill
            (<load_kernel> table[SLOT_LOAD + job.in_code])(x, run, step, cols, col_step,
                                                           <char*> tile + fill * cols * job.width)
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
        at[last] += run
        x += run * step
        d = last
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
    elif t.job.item == 1:
        memset(acc, 0x80, n)
    else:                               # the least key
        for j in range(n):
            if t.job.item == 2:
                (<ft_i16*> acc)[j] = -32768
            elif t.job.item == 4:
                (<ft_i32*> acc)[j] = -2147483647 - 1
            else:
                (<ft_i64*> acc)[j] = -9223372036854775807 - 1


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
    job.split = False
    t.job, t.base, t.cols, t.kind, t.map, t.centre = &job, <const char*> x, cols, PASS_SUM, MAP_X, NULL
    tile_pass(&t, <char*> out, found)


# ---------------------------------------------------------------- one tile
cdef void keys_to_values(Job* job, char* keys, Py_ssize_t n) noexcept nogil:
    """Keys of reduce.pyx.in back to the values they stand for, in place."""
    cdef Py_ssize_t j
    cdef bint signed_bits = job.in_code >= F16
    cdef int flip = -(job.flip & 1), code = job.in_code
    cdef bint high = code == BOOL or code == U8 or code == U16 or code == U32 or code == U64
    cdef long long v
    for j in range(n):
        if job.item == 1:
            v = (<ft_i8*> keys)[j] ^ flip
            (<ft_u8*> keys)[j] = <ft_u8> (v ^ 0x80) if high else <ft_u8> v
        elif job.item == 2:
            v = (<ft_i16*> keys)[j] ^ flip
            if signed_bits:
                v ^= (v >> 15) & 0x7fff
            (<ft_u16*> keys)[j] = <ft_u16> (v ^ 0x8000) if high else <ft_u16> v
        elif job.item == 4:
            v = (<ft_i32*> keys)[j] ^ flip
            if signed_bits:
                v ^= (v >> 31) & 0x7fffffff
            (<ft_u32*> keys)[j] = <ft_u32> (v ^ 0x80000000u) if high else <ft_u32> v
        else:
            v = (<ft_i64*> keys)[j] ^ <long long> flip
            if signed_bits:
                v ^= (v >> 63) & 0x7fffffffffffffffll
            (<ft_u64*> keys)[j] = (<ft_u64> v) ^ 0x8000000000000000ull if high else <ft_u64> v


cdef void put(Job* job, int code, const char* values, Py_ssize_t n, char* out) noexcept nogil:
    (<store_kernel> table[SLOT_STORE + code])(values, 1, 0, n, job.col_out * SIZES[code], out)


cdef void finish(Job* job, int how, char* values, Py_ssize_t n, const void* centre, double p) noexcept nogil:
    (<finish_kernel> table[SLOT_FINISH + job.compute])(values, n, centre, how, p)


cdef void clean_centre(int compute, char* centre, Py_ssize_t n) noexcept nogil:
    """An infinite greatest exponent would give inf - inf; take 0 instead."""
    cdef Py_ssize_t j
    cdef double v
    for j in range(n):
        v = (<float*> centre)[j] if compute == IN_F32 else (<double*> centre)[j]
        if v == INFINITY or v == -INFINITY:
            if compute == IN_F32:
                (<float*> centre)[j] = 0
            else:
                (<double*> centre)[j] = 0


cdef int power_map(double p) noexcept nogil:
    if p == 0:
        return MAP_NONZERO
    if p == 1:
        return MAP_ABS
    if p == 2:
        return MAP_SQUARE
    if p == 3:
        return MAP_CUBE
    return MAP_POWER


cdef int reduce_tile(Job* job, const char* base, Py_ssize_t cols, Py_ssize_t at) noexcept nogil:
    """Outputs at, at + col_out, ... : cols of them, whose first rows start at base, col_step apart."""
    cdef Tile t
    cdef double values[2 * TILE_COLS]
    cdef double centre[TILE_COLS]
    cdef long long found[TILE_COLS]
    cdef char* v = <char*> values
    cdef char* out = job.out + at * job.out_item
    cdef Py_ssize_t j
    cdef int op = job.op, status
    t.job, t.base, t.cols, t.map, t.centre = job, base, cols, MAP_X, centre
    if op <= REDUCE_NANSUM:
        t.kind = PASS_PRODUCT if op == REDUCE_PROD else PASS_SUM
        if job.compute < 0:
            t.kind = PASS_COMPLEX_PRODUCT
            tile_pass(&t, v, found)
            for j in range(cols):
                memcpy(out + j * job.col_out * job.out_item, v + j * job.item, job.item)
            return RUN_OK
        if op == REDUCE_NANSUM:
            t.map = MAP_NOT_NAN
        status = tile_pass(&t, v, found)
        if op == REDUCE_MEAN:
            finish(job, FINISH_DIVIDE, v, cols, NULL, <double> job.count)
        put(job, job.out_code, v, cols, out)
        return status
    if op <= REDUCE_ARGMIN:
        t.kind = PASS_MAX if op <= REDUCE_AMIN else PASS_FIRST
        status = tile_pass(&t, v, found)
        if status != RUN_OK:
            return status
        if op >= REDUCE_ARGMAX:
            put(job, I64, <char*> found, cols, out)
            return RUN_OK
        if t.kind == PASS_FIRST:
            for j in range(cols):       # the value itself: its zero keeps its sign
                first_value(job, base + j * job.col_step, found[j], out + j * job.col_out * job.item)
            if job.second != NULL:
                put(job, I64, <char*> found, cols, job.second + at * 8)
            return RUN_OK
        keys_to_values(job, v, cols)
        for j in range(cols):
            memcpy(out + j * job.col_out * job.item, v + j * job.item, job.item)
        return RUN_OK
    if op <= REDUCE_COUNT:
        t.kind = PASS_COUNT
        status = tile_pass(&t, v, found)
        for j in range(cols):
            if op == REDUCE_ANY:
                (<long long*> v)[j] = (<long long*> v)[j] > 0
            elif op == REDUCE_ALL:
                (<long long*> v)[j] = (<long long*> v)[j] == job.count
        put(job, job.out_code, v, cols, out)
        return status
    t.kind = PASS_SUM
    if op <= REDUCE_STD:
        status = tile_pass(&t, <char*> centre, found)
        finish(job, FINISH_DIVIDE, <char*> centre, cols, NULL, <double> job.count)
        if job.second != NULL:
            put(job, job.out_code, <char*> centre, cols, job.second + at * job.out_item)
        t.map = MAP_SQUARE
        status = tile_pass(&t, v, found) if status == RUN_OK else status
        finish(job, FINISH_DIVIDE if op == REDUCE_VAR else FINISH_ROOT_DIVIDE, v, cols, NULL,
               job.count - job.p if job.count > job.p else 0)
        put(job, job.out_code, v, cols, out)
        return status
    if op == REDUCE_NORM and (job.p == INFINITY or job.p == -INFINITY):
        t.kind = PASS_MAX
        status = tile_pass(&t, v, found)
        keys_to_values(job, v, cols)
        (<load_kernel> table[SLOT_LOAD + job.in_code])(v, 1, 0, cols, job.item, centre)
        put(job, job.out_code, <char*> centre, cols, out)
        return status
    if op == REDUCE_NORM:
        memset(centre, 0, sizeof(centre))
        t.map = power_map(job.p)
        status = tile_pass(&t, v, found)
        if t.map == MAP_SQUARE:
            finish(job, FINISH_ROOT, v, cols, NULL, 0)
        elif t.map == MAP_POWER or t.map == MAP_CUBE:
            finish(job, FINISH_POWER, v, cols, NULL, job.p)
        put(job, job.out_code, v, cols, out)
        return status
    t.kind = PASS_MAX                   # logsumexp
    status = tile_pass(&t, v, found)
    keys_to_values(job, v, cols)
    (<load_kernel> table[SLOT_LOAD + job.in_code])(v, 1, 0, cols, job.item, centre)
    clean_centre(job.compute, <char*> centre, cols)
    t.kind, t.map = PASS_SUM, MAP_EXP
    status = tile_pass(&t, v, found) if status == RUN_OK else status
    finish(job, FINISH_LOG, v, cols, centre, 0)
    put(job, job.out_code, v, cols, out)
    return status


cdef void first_value(Job* job, const char* base, long long r, char* out) noexcept nogil:
    cdef int d
    for d in range(job.red - 1, -1, -1):
        base += (r % job.red_size[d]) * job.red_step[d]
        r = r // job.red_size[d]
    memcpy(out, base, job.item)


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
            if sizes[d] == 1:
                continue
            k = job.red - 1
            if k >= 0 and job.red_step[k] == sizes[d] * steps[d]:
                job.red_size[k] *= sizes[d]
                job.red_step[k] = steps[d]
                continue
            job.red_size[job.red], job.red_step[job.red] = sizes[d], steps[d]
            job.red += 1
        else:
            outputs *= sizes[d]
            if sizes[d] == 1:
                continue
            k = job.kept - 1
            if k >= 0 and job.kept_step[k] == sizes[d] * steps[d]:
                job.kept_size[k] *= sizes[d]
                job.kept_step[k] = steps[d]
                continue
            job.kept_size[job.kept], job.kept_step[job.kept] = sizes[d], steps[d]
            job.kept += 1
    if outputs == 0:
        return RUN_OK
    if job.count == 0:
        return identity_fill(&job, outputs)
    if job.red == 0:
        job.red, job.red_size[0], job.red_step[0] = 1, 1, job.item
    for d in range(job.kept - 1, -1, -1):
        job.kept_out[d] = stride
        stride *= job.kept_size[d]
    job.wide = (F64 if job.compute == IN_F64 else F32) - F16
    plain = F16 <= in_code <= F64 and job.red == 1 and job.count <= BLOCK
    native = plain and in_code >= F32
    summed = op <= REDUCE_NANSUM
    # contiguous lines of one block, evenly spaced; the greatest of short ones is better found in columns
    greatest = (op == REDUCE_AMAX or op == REDUCE_AMIN) and in_code <= F64
    job.lines = (job.red == 1 and job.count <= BLOCK and (plain and ((summed and (native or op != REDUCE_PROD)) or (op == REDUCE_NORM and p == 2)) or greatest
                                                          or (op <= REDUCE_PROD and in_code <= U64))
                 and job.kept == 1 and job.red_step[0] == job.item and job.kept_step[0] != job.item)
    # else columns along the kept dim of smallest step, if that is nearer than the rows or the rows are few
    col = -1
    best = 0
    for d in range(0 if job.lines else job.kept):
        away = job.kept_step[d] if job.kept_step[d] >= 0 else -job.kept_step[d]
        # a few columns side by side are worth it only where their rows follow each other
        if (job.kept_size[d] >= 8 or away * job.kept_size[d] == job.red_step[job.red - 1]) and (col < 0 or away <= best):
            col, best = d, away
    away = job.red_step[job.red - 1]
    if col >= 0 and not (best < (away if away >= 0 else -away) or job.count <= SHORT_COLUMN):
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
    job.strips = summed and plain and job.cols > 1 and job.col_step == job.item and job.col_out == 1
    # rows that follow each other are best summed whole; else narrow tiles serve threads better
    job.tile = STRIP_COLS if job.strips and job.cols <= STRIP_COLS and job.red_step[0] == job.cols * job.item else TILE_COLS
    job.tiles = (job.cols + job.tile - 1) // job.tile
    job.split = job.outer * job.tiles < 16 and job.count >= 8 * BLOCK
    grain = job.count * (job.tile if job.cols > job.tile else job.cols)
    grain = 1 if grain >= GRAIN else GRAIN // grain
    if job.split or job.outer * job.tiles <= grain:
        tiles_body(&job, 0, job.outer * job.tiles)
    else:
        parallel_for(tiles_body, &job, job.outer * job.tiles, grain)
    return job.status


reduce_use_level(cpu_level())
