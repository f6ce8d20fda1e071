# The result of one tile: passes over its rows, and what is left to do with what they give. Part of reduce_run.pyx.
cdef void keys_to_values(Job* job, const char* keys, Py_ssize_t n, char* out) noexcept nogil:
    (<values_kernel> table[SLOT_VALUES + job.in_code])(keys, n, job.flip, out)


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
    cdef double values[STRIP_COLS]
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
            first_values(job, base, cols, found, out)
            if job.second != NULL:
                put(job, I64, <char*> found, cols, job.second + at * 8)
            return RUN_OK
        if job.col_out == 1:
            keys_to_values(job, v, cols, out)
            return RUN_OK
        keys_to_values(job, v, cols, v)
        move_short(out, job.col_out * job.item, job.item, v, job.item, job.item, cols, 1, job.item)
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
        keys_to_values(job, v, cols, v)
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
    keys_to_values(job, v, cols, v)
    (<load_kernel> table[SLOT_LOAD + job.in_code])(v, 1, 0, cols, job.item, centre)
    clean_centre(job.compute, <char*> centre, cols)
    t.kind, t.map = PASS_SUM, MAP_EXP
    status = tile_pass(&t, v, found) if status == RUN_OK else status
    finish(job, FINISH_LOG, v, cols, centre, 0)
    put(job, job.out_code, v, cols, out)
    return status


cdef void first_values(Job* job, const char* base, Py_ssize_t cols, const long long* found, char* out) noexcept nogil:
    """The values themselves: their zeros keep their signs."""
    cdef Py_ssize_t j, item = job.item, step = job.col_step, row = job.red_step[0], out_step = job.col_out * item
    cdef const char* x
    cdef long long r
    cdef int d
    if job.red == 1 and item == 1:
        for j in range(cols):
            (<ft_u8*> (out + j * out_step))[0] = (<const ft_u8*> (base + j * step + found[j] * row))[0]
        return
    if job.red == 1 and item == 2:
        for j in range(cols):
            (<ft_u16*> (out + j * out_step))[0] = (<const ft_u16*> (base + j * step + found[j] * row))[0]
        return
    if job.red == 1 and item == 4:
        for j in range(cols):
            (<ft_u32*> (out + j * out_step))[0] = (<const ft_u32*> (base + j * step + found[j] * row))[0]
        return
    if job.red == 1 and item == 8:
        for j in range(cols):
            (<ft_u64*> (out + j * out_step))[0] = (<const ft_u64*> (base + j * step + found[j] * row))[0]
        return
    for j in range(cols):
        x, r = base + j * step, found[j]
        for d in range(job.red - 1, -1, -1):
            x += (r % job.red_size[d]) * job.red_step[d]
            r = r // job.red_size[d]
        memcpy(out + j * out_step, x, item)
