# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Index drivers. The walk gathers offsets for a run of positions of the innermost dim, then one kernel call moves or combines
# them; where the innermost dims share one index, the whole run is one strided (often contiguous) call.
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.index cimport *
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_DTYPE, RUN_ARGUMENT, RUN_MEMORY, RUN_INDEX, code_size, reduce_table
from frankentorch._ext.reduce cimport SLOT_LOAD, SLOT_STORE, load_kernel, store_kernel
from frankentorch._ext.gather cimport *
from frankentorch._ext.levels cimport fill_gather
from frankentorch._ext.threads cimport parallel_for

cdef void* planes[PLANE_SLOTS]
fill_gather(planes)

cdef enum:
    RUN = 256                   # positions worked at once
    BESIDE = 1024               # bins of which bincount keeps four counts
    GRAIN = 16384
    NEAR = 32768                # bytes of a row that stays in the first-level cache
    MAX_DIMS = 64
    MAX_INDEX = 64

cdef struct Walk:
    element_kernel kernel
    int ndim, n_index, cut      # cut: the dim threads divide, or -1
    bint shared                 # no index tensor varies along the last dim
    bint checks                 # planes: look at the indices
    plane_kernel plane          # planes: then move, or NULL
    bint outside, negative      # planes: there is an index out of bounds, a negative one
    Py_ssize_t* sizes
    Py_ssize_t* self_steps
    Py_ssize_t* other_steps
    char* base
    char* other
    IndexTensor* index
    Py_ssize_t* index_steps     # [n_index][MAX_DIMS]


cdef inline long long index_at(const char* p, int code) noexcept nogil:
    if code == I64:
        return (<const ft_i64*> p)[0]
    if code == I32:
        return (<const ft_i32*> p)[0]
    return (<const ft_u8*> p)[0]


cdef int check_index(int ndim, const Py_ssize_t* sizes, const IndexTensor* index, int which, IndexFault* fault) noexcept nogil:
    cdef Py_ssize_t at[MAX_DIMS]
    cdef Py_ssize_t size[MAX_DIMS]
    cdef Py_ssize_t step[MAX_DIMS]
    cdef int d, n = 0
    cdef Py_ssize_t i, low = -index.size if index.wrap else 0, inner, inner_step
    cdef const char* p = index.data
    cdef IndexPlane plane
    cdef long long v
    for d in range(ndim):
        if index.steps[d] != 0 and sizes[d] != 1:
            size[n], step[n], at[n] = sizes[d], index.steps[d], 0
            n += 1
    inner = size[n - 1] if n else 1
    inner_step = step[n - 1] if n else 0
    plane.rows, plane.n, plane.index_row, plane.index_step, plane.low, plane.size = 1, inner, 0, inner_step, low, index.size
    while True:
        for i in range(0 if index.code == I64 and (<plane_kernel> planes[PLANE_CHECK])(&plane, NULL, NULL, p) < 2 else inner):
            v = index_at(p + i * inner_step, index.code)
            if v < low or v >= index.size:
                fault.which, fault.value, fault.size = which, v, index.size
                return RUN_INDEX
        d = n - 2
        while d >= 0:
            at[d] += 1
            p += step[d]
            if at[d] < size[d]:
                break
            p -= at[d] * step[d]
            at[d] = 0
            d -= 1
        if d < 0:
            return RUN_OK


cdef void walk_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Walk* w = <Walk*> context
    cdef Py_ssize_t at[MAX_DIMS]
    cdef Py_ssize_t offsets[RUN]
    cdef const char* index[MAX_INDEX]
    cdef char* base = w.base
    cdef char* other = w.other
    cdef int d, k, last = w.ndim - 1
    cdef Py_ssize_t i, n, r, size, step, start = 0, fixed
    cdef Py_ssize_t self_step = w.self_steps[last], other_step = w.other_steps[last]
    cdef long long v
    cdef const char* p
    for k in range(w.n_index):
        index[k] = w.index[k].data
        if w.cut >= 0:
            index[k] += begin * w.index_steps[k * MAX_DIMS + w.cut]
    if w.cut >= 0:
        base += begin * w.self_steps[w.cut]
        other += begin * w.other_steps[w.cut]
    for d in range(w.ndim):
        at[d] = 0
    n = end - begin if w.cut == last else w.sizes[last]
    while True:
        if w.shared:
            fixed = 0
            for k in range(w.n_index):
                v = index_at(index[k], w.index[k].code)
                fixed += (v + w.index[k].size if v < 0 else v) * w.index[k].step
            w.kernel(base + fixed, NULL, self_step, other, other_step, n)
        else:
            start = 0
            while start < n:
                r = RUN if n - start > RUN else n - start
                if w.n_index == 1 and w.index[0].code == I64:
                    step, size = w.index_steps[last], w.index[0].size
                    p = index[0] + start * step
                    for i in range(r):
                        v = (<const ft_i64*> (p + i * step))[0]
                        offsets[i] = (start + i) * self_step + (v + size if v < 0 else v) * w.index[0].step
                    w.kernel(base, offsets, 0, other + start * other_step, other_step, r)
                    start += r
                    continue
                for i in range(r):
                    offsets[i] = (start + i) * self_step
                for k in range(w.n_index):
                    step = w.index_steps[k * MAX_DIMS + last]
                    p = index[k] + start * step
                    size = w.index[k].size
                    if w.index[k].code == I64:
                        for i in range(r):
                            v = (<const ft_i64*> (p + i * step))[0]
                            offsets[i] += (v + size if v < 0 else v) * w.index[k].step
                    else:
                        for i in range(r):
                            v = index_at(p + i * step, w.index[k].code)
                            offsets[i] += (v + size if v < 0 else v) * w.index[k].step
                w.kernel(base, offsets, 0, other + start * other_step, other_step, r)
                start += r
        d = last - 1
        while d >= 0:
            at[d] += 1
            base += w.self_steps[d]
            other += w.other_steps[d]
            for k in range(w.n_index):
                index[k] += w.index_steps[k * MAX_DIMS + d]
            size = end - begin if w.cut == d else w.sizes[d]
            if at[d] < size:
                break
            base -= at[d] * w.self_steps[d]
            other -= at[d] * w.other_steps[d]
            for k in range(w.n_index):
                index[k] -= at[d] * w.index_steps[k * MAX_DIMS + d]
            at[d] = 0
            d -= 1
        if d < 0:
            return


cdef bint is_near(const Walk* w, int op, int code) noexcept nogil:
    """Whether short contiguous rows of small items are read by indices of their own. Larger items are gathered by vectors, and rows that lie far
    away by more loads at once, where no check stands between."""
    cdef int item = code_size(code), last = w.ndim - 1
    return (op == INDEX_READ and not w.shared and last > 0 and item <= 2 and w.self_steps[last] == 0 and w.index[0].step == item
            and w.index[0].size * item <= NEAR and w.other_steps[last] == item and w.index_steps[last] == 8 and w.index_steps[last - 1] != 0)


cdef plane_kernel plane_of(Walk* w, int op, int code) noexcept nogil:
    """The kernel of a plane; one that takes whole rows where a row has one index. NULL if there is none."""
    cdef int item = code_size(code), log = 0, last = w.ndim - 1
    if w.shared:
        if last < 1 or w.self_steps[last] != item:
            return NULL
        if op > INDEX_WRITE:
            return <plane_kernel> planes[PLANE_ROW_ADD + 15 * (op - INDEX_ADD) + code] if w.other_steps[last] == item else NULL
        while item > 1 << log:
            log += 1
        if w.other_steps[last] == 0 and op == INDEX_WRITE:
            return <plane_kernel> planes[PLANE_ROW_FILL + log]
        if w.other_steps[last] != item:
            return NULL
        return <plane_kernel> planes[(PLANE_ROW_READ if op == INDEX_READ else PLANE_ROW_WRITE) + log]
    if op > INDEX_WRITE:
        return <plane_kernel> planes[PLANE_ADD + 15 * (op - INDEX_ADD) + code]
    while item > 1 << log:
        log += 1
    if is_near(w, op, code):
        return <plane_kernel> planes[PLANE_NEAR_READ + log]
    return <plane_kernel> planes[(PLANE_READ if op == INDEX_READ else PLANE_WRITE) + log]


cdef void plane_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The two innermost dims at a time; the cut dim from begin to end."""
    cdef Walk* w = <Walk*> context
    cdef IndexPlane p, row
    cdef Py_ssize_t at[MAX_DIMS]
    cdef Py_ssize_t size[MAX_DIMS]
    cdef Py_ssize_t* steps = w.index_steps
    cdef const char* index = w.index[0].data
    cdef char* base = w.base
    cdef char* other = w.other
    cdef int d, last = w.ndim - 1, found
    for d in range(w.ndim):
        at[d], size[d] = 0, w.sizes[d]
    if w.cut >= 0:
        size[w.cut] = end - begin
        base += begin * w.self_steps[w.cut]
        other += begin * w.other_steps[w.cut]
        index += begin * steps[w.cut]
    p.low, p.size, p.step = -w.index[0].size if w.index[0].wrap else 0, w.index[0].size, w.index[0].step
    p.n, p.self_step, p.other_step, p.index_step = size[last], w.self_steps[last], w.other_steps[last], steps[last]
    p.rows, p.self_row, p.other_row, p.index_row, p.wraps = 1, 0, 0, 0, w.negative
    if last > 0:
        p.rows, p.self_row, p.other_row, p.index_row = size[last - 1], w.self_steps[last - 1], w.other_steps[last - 1], steps[last - 1]
    while True:
        if w.checks:
            row = p
            if w.shared:
                row.rows, row.n, row.index_step = 1, p.rows, p.index_row
            elif p.index_row == 0:
                row.rows = 1
            found = (<plane_kernel> planes[PLANE_CHECK])(&row, base, other, index)
            if found == 2:
                w.outside = 1
                return
            if found:
                w.negative = 1
            p.wraps = found
        if w.plane != NULL and w.plane(&p, base, other, index) != 0:
            w.outside = 1
            return
        d = last - 2
        while d >= 0:
            at[d] += 1
            base += w.self_steps[d]
            other += w.other_steps[d]
            index += steps[d]
            if at[d] < size[d]:
                break
            base -= at[d] * w.self_steps[d]
            other -= at[d] * w.other_steps[d]
            index -= at[d] * steps[d]
            at[d] = 0
            d -= 1
        if d < 0:
            return


cdef int index_run(int op, int code, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
                   char* other, const Py_ssize_t* other_steps, int n_index, const IndexTensor* index,
                   IndexFault* fault) noexcept nogil:
    cdef Walk w
    cdef Py_ssize_t size[MAX_DIMS]
    cdef Py_ssize_t a[MAX_DIMS]
    cdef Py_ssize_t b[MAX_DIMS]
    cdef Py_ssize_t* steps
    cdef IndexTensor* copies
    cdef Py_ssize_t total = 1, grain
    cdef int d, k, n = 0, status
    cdef bint mergeable
    if ndim > MAX_DIMS or n_index > MAX_INDEX or n_index < 1:
        return RUN_ARGUMENT
    w.kernel = index_kernel(op, code)
    if w.kernel == NULL:
        return RUN_DTYPE
    for d in range(ndim):
        total *= sizes[d]
    if total == 0:
        return RUN_OK
    steps = <Py_ssize_t*> malloc(n_index * MAX_DIMS * sizeof(Py_ssize_t))
    if steps == NULL:
        return RUN_MEMORY
    for d in range(ndim):               # dims that step as one become one
        if sizes[d] == 1:
            continue
        mergeable = n > 0 and a[n - 1] == sizes[d] * self_steps[d] and b[n - 1] == sizes[d] * other_steps[d]
        for k in range(n_index):
            if mergeable:
                mergeable = steps[k * MAX_DIMS + n - 1] == sizes[d] * index[k].steps[d]
        if mergeable:
            n -= 1
            size[n] *= sizes[d]
        else:
            size[n] = sizes[d]
        a[n], b[n] = self_steps[d], other_steps[d]
        for k in range(n_index):
            steps[k * MAX_DIMS + n] = index[k].steps[d]
        n += 1
    if n == 0:
        n, size[0], a[0], b[0] = 1, 1, 0, 0
        for k in range(n_index):
            steps[k * MAX_DIMS] = 0
    w.ndim, w.n_index, w.sizes, w.self_steps, w.other_steps = n, n_index, size, a, b
    w.base, w.other, w.index, w.index_steps = self, other, <IndexTensor*> index, steps
    w.shared = True
    for k in range(n_index):
        if steps[k * MAX_DIMS + n - 1] != 0:
            w.shared = False
    w.cut = -1
    if total >= 2 * GRAIN:
        for d in range(n):              # the longest dim along which threads cannot write the same place
            if (op == INDEX_READ or a[d] != 0) and (w.cut < 0 or size[d] > size[w.cut]):
                w.cut = d
    grain = 1
    if w.cut >= 0:
        grain = GRAIN * size[w.cut] // total
        if w.cut == n - 1 and grain < 1024:
            grain = 1024                 # shorter runs cost more than they share out
        if grain < 1:
            grain = 1
    if n_index == 1 and index[0].code == I64 and plane_of(&w, op, code) != NULL:
        status = run_planes(&w, op, code, size[w.cut] if w.cut >= 0 else 1, grain, ndim, sizes, index, fault)
        free(steps)
        return status
    for k in range(n_index):
        status = check_index(ndim, sizes, &index[k], k, fault)
        if status != RUN_OK:
            free(steps)
            return status
    if w.cut < 0:
        walk_body(&w, 0, size[n - 1])
    else:
        parallel_for(walk_body, &w, size[w.cut], grain)
    free(steps)
    return RUN_OK


cdef int run_planes(Walk* w, int op, int code, Py_ssize_t length, Py_ssize_t grain, int ndim, const Py_ssize_t* sizes,
                    const IndexTensor* index, IndexFault* fault) noexcept nogil:
    """A read checks each plane just before it, or each index; a write is preceded by a look at all indices."""
    cdef int turn
    w.outside = w.negative = False
    for turn in range(1 if op == INDEX_READ else 2):
        w.checks = turn == 0 and not is_near(w, op, code)
        w.plane = plane_of(w, op, code) if op == INDEX_READ or turn else NULL
        if w.cut < 0:
            plane_body(w, 0, length)
        else:
            parallel_for(plane_body, w, length, grain)
        if w.outside:
            return check_index(ndim, sizes, index, 0, fault)
    return RUN_OK


# ---------------------------------------------------------------- counting
cdef long long union_run(int code, const char* values, Py_ssize_t n) noexcept nogil:
    cdef long long room[RUN]
    cdef const long long* v
    cdef long long all_bits = 0
    cdef Py_ssize_t start = 0, i, m
    while start < n:
        m = RUN if n - start > RUN else n - start
        v = whole_numbers(code, values, start, m, room)
        for i in range(m):
            all_bits |= v[i]
        start += m
    return all_bits


cdef long long greatest_run(int code, const char* values, Py_ssize_t n) noexcept nogil:
    cdef long long room[RUN]
    cdef const long long* v
    cdef long long a = 0, b = 0
    cdef Py_ssize_t start = 0, i, m
    while start < n:
        m = RUN if n - start > RUN else n - start
        v = whole_numbers(code, values, start, m, room)
        for i in range(0, m - 1, 2):
            a = v[i] if v[i] > a else a
            b = v[i + 1] if v[i + 1] > b else b
        b = v[m - 1] if v[m - 1] > b else b
        start += m
    return a if a > b else b


cdef inline const long long* whole_numbers(int code, const char* values, Py_ssize_t start, Py_ssize_t m, long long* room) noexcept nogil:
    """The m values from `start` on as int64, where they are or in `room`."""
    if code == I64:
        return <const long long*> values + start
    (<load_kernel> reduce_table()[SLOT_LOAD + code])(values + start * code_size(code), m, code_size(code), 1, 0, room)
    return room


cdef int bincount_run(int code, const char* values, Py_ssize_t n, int weight_code, const char* weights, Py_ssize_t bins,
                      char* counts) noexcept nogil:
    cdef long long room[RUN]
    cdef const long long* v
    cdef long long beside[3 * BESIDE]           # counts of every fourth value: equal neighbours need not wait for each other
    cdef Py_ssize_t start = 0, i, m
    cdef bint split = bins <= BESIDE
    cdef long long* out = <long long*> counts
    if code > U64 or (weights != NULL and weight_code != F32 and weight_code != F64):
        return RUN_DTYPE
    memset(counts, 0, bins * (4 if weights != NULL and weight_code == F32 else 8))
    if split:
        memset(beside, 0, 3 * BESIDE * 8)
    while start < n:
        m = RUN if n - start > RUN else n - start
        v = whole_numbers(code, values, start, m, room)
        i = 0
        if weights == NULL:
            if split:
                while i + 4 <= m:
                    out[v[i]] += 1
                    beside[v[i + 1]] += 1
                    beside[BESIDE + v[i + 2]] += 1
                    beside[2 * BESIDE + v[i + 3]] += 1
                    i += 4
            while i < m:
                out[v[i]] += 1
                i += 1
        elif weight_code == F32:
            for i in range(m):
                (<float*> counts)[v[i]] += (<const float*> weights)[start + i]
        else:
            for i in range(m):
                (<double*> counts)[v[i]] += (<const double*> weights)[start + i]
        start += m
    if split and weights == NULL:
        for i in range(bins):
            out[i] += beside[i] + beside[BESIDE + i] + beside[2 * BESIDE + i]
    return RUN_OK


cdef int histc_run(int code, const char* values, Py_ssize_t n, Py_ssize_t bins, double low, double high,
                   char* out) noexcept nogil:
    cdef double buffer[RUN]
    cdef Py_ssize_t start = 0, i, m, at
    cdef int item = code_size(code)
    cdef bint single = code != F64
    cdef load_kernel load = <load_kernel> reduce_table()[SLOT_LOAD + code]
    cdef float low_f = <float> low, high_f = <float> high, x
    cdef double y
    cdef double* counts
    if code < F16 or code > F64:
        return RUN_DTYPE
    if bins < 1:
        return RUN_ARGUMENT
    counts = <double*> malloc(bins * 8)
    if counts == NULL:
        return RUN_MEMORY
    memset(counts, 0, bins * 8)
    while start < n:
        m = RUN if n - start > RUN else n - start
        load(values + start * item, m, item, 1, 0, buffer)
        for i in range(m):
            if single:
                x = (<float*> buffer)[i]
                if not (x >= low_f and x <= high_f):
                    continue
                at = <Py_ssize_t> ((x - low_f) / (high_f - low_f) * <float> bins)
            else:
                y = buffer[i]
                if not (y >= low and y <= high):
                    continue
                at = <Py_ssize_t> ((y - low) / (high - low) * <double> bins)
            counts[bins - 1 if at >= bins else at] += 1
        start += m
    if single:
        for i in range(bins):
            (<float*> counts)[i] = <float> counts[i]
    (<store_kernel> reduce_table()[SLOT_STORE + code])(counts, 1, 0, bins, item, out)
    free(counts)
    return RUN_OK
