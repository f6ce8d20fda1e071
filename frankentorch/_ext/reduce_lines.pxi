# Outputs of one line each, evenly spaced, of at most one block; contiguous, or loaded so. Part of reduce_run.pyx.
cdef int lines_slot(int op) noexcept nogil:
    if op == REDUCE_PROD:
        return SLOT_LINES_PRODUCT
    if op <= REDUCE_MEAN:
        return SLOT_LINES
    return SLOT_LINES_NUMBERS if op == REDUCE_NANSUM else SLOT_LINES_NORM if op == REDUCE_NORM else SLOT_LINES_GREATEST


cdef void lines_in_columns(Job* job, const char* x, Py_ssize_t n, char* out) noexcept nogil:
    """n sums, products or extremes of one line each, by the kernel of a tile."""
    cdef Tile t
    cdef double room[LINES_ROOM]
    cdef long long* totals = <long long*> room
    cdef char* to = <char*> room
    cdef Py_ssize_t i
    if job.op <= REDUCE_PROD:
        for i in range(n):
            totals[i] = job.op == REDUCE_PROD
        (<load_kernel> table[(SLOT_TOTAL if job.op == REDUCE_SUM else SLOT_TIMES) + job.in_code])(
            x, job.count, job.item, n, job.kept_step[0], to)
        memcpy(out, to, n * 8)
        return
    t.job, t.cols, t.kind = job, n, PASS_MAX
    start_running(&t, to)
    (<max_kernel> table[SLOT_MAX + job.in_code])(x, job.count, job.item, n, job.kept_step[0], to, job.flip)
    keys_to_values(job, to, n, out)


cdef void lines_pass(Job* job, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Outputs begin .. end, each of one line."""
    cdef bint native = job.in_code >= F32 and job.out_code == job.in_code
    cdef bint numbers = job.op == REDUCE_NANSUM
    cdef bint near = job.red_step[0] == job.item
    cdef bint loaded = not near or (job.count <= SHORT_LINE and (numbers or job.in_code < F32))     # many at a time
    cdef Py_ssize_t n, most = end - begin if native and not loaded else min(LINES_ROOM, BLOCK // job.count), step = job.kept_step[0]
    cdef double tile[LINES_ROOM * SHORT_LINE]
    cdef double totals[LINES_ROOM]
    cdef char* to
    cdef int slot = lines_slot(job.op), by_code = slot == SLOT_LINES or slot == SLOT_LINES_NUMBERS or slot == SLOT_LINES_NORM
    cdef double p = job.flip if slot == SLOT_LINES_GREATEST else <double> job.count if job.op == REDUCE_MEAN else 1
    cdef const char* x = job.input + begin * step
    cdef load_kernel load = <load_kernel> table[SLOT_LOAD + job.in_code]
    if job.in_code <= U64 or (slot == SLOT_LINES_GREATEST and job.in_code < F32):
        while begin < end:
            n = min(end - begin, LINES_ROOM)
            lines_in_columns(job, x, n, job.out + begin * job.out_item)
            x += n * step
            begin += n
        return
    if loaded:
        slot = (SLOT_LINES if numbers else slot) + (job.wide if by_code else job.compute)
    else:
        slot += job.in_code - F16 if by_code else job.compute
    while begin < end:
        n = min(end - begin, most)
        to = job.out + begin * job.out_item if native else <char*> totals
        if loaded:
            if near and step == job.count * job.item:
                load(x, 1, 0, n * job.count, job.item, tile)
            else:
                load(x, n, step, job.count, job.red_step[0], tile)
            if numbers:
                (<map_kernel> table[SLOT_MAP + 8 * job.compute + MAP_NOT_NAN])(tile, 1, n * job.count, NULL, 0)
            (<lines_kernel> table[slot])(<const char*> tile, n, job.count * job.width, job.count, p, to)
        else:
            (<lines_kernel> table[slot])(x, n, step, job.count, p, to)
        if not native:
            put(job, job.out_code, to, n, job.out + begin * job.out_item)
        x += n * step
        begin += n
