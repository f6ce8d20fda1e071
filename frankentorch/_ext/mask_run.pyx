# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Drivers of masks and nonzero: merge dims, walk rows, hand pieces to the kernels. Packing runs on one thread: each piece
# starts where the one before it ended.
from frankentorch._ext.types cimport *
from frankentorch._ext.mask cimport *
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_ARGUMENT
from frankentorch._ext.levels cimport fill_mask
from frankentorch._ext.threads cimport parallel_for

cdef enum:
    MAX_DIMS = 64
    GRAIN = 65536

cdef void* table[MASK_SLOTS]
fill_mask(table)

cdef enum:                   # what a walk does
    FILL = 0
    PACK = 1
    UNPACK = 2

cdef struct Fill:
    mask_fill kernel
    int item
    char* self
    const char* mask
    const void* value


cdef inline int log_of(int item) noexcept nogil:
    cdef int log = 0
    while item > 1 << log:
        log += 1
    return log


cdef void fill_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Fill* f = <Fill*> context
    f.kernel(f.self + begin * f.item, f.mask + begin, end - begin, f.value)


cdef int walk(int work, int item, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
              const char* mask, const Py_ssize_t* mask_steps, char* packed) noexcept nogil:
    cdef Py_ssize_t at[MAX_DIMS]
    cdef Py_ssize_t size[MAX_DIMS]
    cdef Py_ssize_t a[MAX_DIMS]
    cdef Py_ssize_t b[MAX_DIMS]
    cdef unsigned short places[MASK_PIECE + 1]
    cdef int d, k = 0, last, log = log_of(item)
    cdef Py_ssize_t i, n, m, found
    cdef Fill f
    if ndim > MAX_DIMS:
        return RUN_ARGUMENT
    for d in range(ndim):               # dims that step as one become one
        if sizes[d] == 0:
            return RUN_OK
        if sizes[d] == 1:
            continue
        if k > 0 and a[k - 1] == sizes[d] * self_steps[d] and b[k - 1] == sizes[d] * mask_steps[d]:
            k -= 1
            size[k] *= sizes[d]
        else:
            size[k] = sizes[d]
        a[k], b[k], at[k] = self_steps[d], mask_steps[d], 0
        k += 1
    if k == 0:
        size[0], a[0], b[0], at[0], k = 1, item, 1, 0, 1
    last = k - 1
    if work == FILL and k == 1 and a[0] == item and b[0] == 1:
        f.kernel, f.item, f.self, f.mask, f.value = <mask_fill> table[MASK_FILL + log], item, self, mask, packed
        parallel_for(fill_body, &f, size[0], GRAIN)
        return RUN_OK
    while True:
        i, n = 0, size[last]
        if work == FILL and a[last] == item and b[last] == 1:
            (<mask_fill> table[MASK_FILL + log])(self, mask, n, packed)
            i = n
        while i < n:
            m = MASK_PIECE if n - i > MASK_PIECE else n - i
            found = (<mask_places> table[MASK_PLACES])(mask + i * b[last], b[last], m, places)
            if work == PACK:
                (<mask_pack> table[MASK_PACK + log])(self + i * a[last], a[last], places, found, packed)
            else:
                (<mask_unpack> table[MASK_UNPACK + log])(self + i * a[last], a[last], places, found, packed, item if work == UNPACK else 0)
            if work != FILL:
                packed += found * item
            i += m
        d = last - 1
        while d >= 0:
            at[d] += 1
            self += a[d]
            mask += b[d]
            if at[d] < size[d]:
                break
            self -= at[d] * a[d]
            mask -= at[d] * b[d]
            at[d] = 0
            d -= 1
        if d < 0:
            return RUN_OK


cdef int masked_fill(int item, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
                     const char* mask, const Py_ssize_t* mask_steps, const void* value) noexcept nogil:
    return walk(FILL, item, ndim, sizes, self, self_steps, mask, mask_steps, <char*> value)


cdef int masked_select(int item, int ndim, const Py_ssize_t* sizes, const char* self, const Py_ssize_t* self_steps,
                       const char* mask, const Py_ssize_t* mask_steps, char* out) noexcept nogil:
    return walk(PACK, item, ndim, sizes, <char*> self, self_steps, mask, mask_steps, out)


cdef int masked_scatter(int item, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
                        const char* mask, const Py_ssize_t* mask_steps, const char* source) noexcept nogil:
    return walk(UNPACK, item, ndim, sizes, self, self_steps, mask, mask_steps, <char*> source)


cdef Py_ssize_t nonzero_walk(int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, const char* input, long long* out,
                             Py_ssize_t total) noexcept nogil:
    """Counts; with out, writes the coordinates too. Dims keep apart, for their coordinates are wanted."""
    cdef Py_ssize_t at[MAX_DIMS]
    cdef char bits[MASK_PIECE]
    cdef unsigned short places[MASK_PIECE + 1]
    cdef int d, last = ndim - 1
    cdef Py_ssize_t i, j, n, m, step, number = 0, found, bit_step
    cdef bint bytes_ = code <= I8
    cdef const char* x
    for d in range(ndim):
        at[d] = 0
        if sizes[d] == 0:
            return 0
    n = sizes[last] if ndim else 1
    step = steps[last] if ndim else 0
    while True:
        i = 0
        while i < n:
            m = n - i if bytes_ and out == NULL else MASK_PIECE if n - i > MASK_PIECE else n - i
            x, bit_step = input + i * step, step
            if not bytes_:
                (<mask_nonzero> table[MASK_NONZERO + code])(x, step, m, bits)
                x, bit_step = bits, 1
            if out == NULL:
                number += (<mask_count> table[MASK_COUNT])(x, bit_step, m)
                i += m
                continue
            found = (<mask_places> table[MASK_PLACES])(x, bit_step, m, places)
            if ndim:
                for j in range(found):
                    out[last * total + number + j] = i + places[j]
            for d in range(last):
                for j in range(found):
                    out[d * total + number + j] = at[d]
            number += found
            i += m
        d = last - 1
        while d >= 0:
            at[d] += 1
            input += steps[d]
            if at[d] < sizes[d]:
                break
            input -= at[d] * steps[d]
            at[d] = 0
            d -= 1
        if d < 0:
            return number


cdef Py_ssize_t count_nonzero(int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, const char* input) noexcept nogil:
    cdef Py_ssize_t size[MAX_DIMS]
    cdef Py_ssize_t step[MAX_DIMS]
    cdef int d, k = 0
    for d in range(ndim):               # dims that step as one become one
        if sizes[d] == 1:
            continue
        if k > 0 and step[k - 1] == sizes[d] * steps[d]:
            k -= 1
            size[k] *= sizes[d]
        else:
            size[k] = sizes[d]
        step[k] = steps[d]
        k += 1
    return nonzero_walk(code, k, size, step, input, NULL, 0)


cdef int nonzero_run(int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, const char* input, long long* out,
                     Py_ssize_t n) noexcept nogil:
    nonzero_walk(code, ndim, sizes, steps, input, out, n)
    return RUN_OK
