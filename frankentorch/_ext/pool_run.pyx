# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Driver of pooling: a chunk of planes goes to a thread, or of images in channels_last some channels; neither is cut, so no order depends on the cut.
from libc.stdint cimport uintptr_t
from frankentorch._ext.types cimport *
from frankentorch._ext.pool cimport *
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.tiles cimport load, store
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_pool_at

cdef enum:
    GRAIN = 16384               # window visits worth a thread
    LANES = 64                  # channels side by side

cdef void* table[POOL_SLOTS]
cdef int[NCODES] SIZES = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Job:
    const PoolShape* shape
    void* loop
    int kind, code, status
    Py_ssize_t ins, outs
    const char* input
    char* out
    long long* index


cdef int pool_use_level(int level) noexcept nogil:
    fill_pool_at(level, table)
    return 0


cdef inline Py_ssize_t parts_of(const PoolShape* shape) noexcept nogil:
    """How many pieces the channels of an image in channels_last are cut into."""
    return (shape.pitch + LANES - 1) // LANES if shape.pitch else 1


cdef void work(const Job* job, PoolShape* shape, Py_ssize_t part, const char* input, char* out, long long* index, Py_ssize_t item) noexcept nogil:
    """A plane, or some channels of an image."""
    cdef Py_ssize_t first = part * LANES
    shape.lanes = min(LANES, shape.pitch - first)
    if job.kind >= POOL_MAX_BACKWARD:
        (<pool_backward> job.loop)(shape, input + first * item, NULL if index == NULL else index + first, out + first * item)
    else:
        (<pool_forward> job.loop)(shape, input + first * item, out + first * item, NULL if index == NULL else index + first)


cdef void planes_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef PoolShape shape = job.shape[0]
    cdef Py_ssize_t p, item = SIZES[job.code], parts = parts_of(&shape), each = max(shape.pitch, 1)
    cdef Py_ssize_t plane = job.ins * each, result = job.outs * each
    for p in range(begin, end):
        if job.kind >= POOL_MAX_BACKWARD:
            work(job, &shape, p % parts, job.input + p // parts * result * item, job.out + p // parts * plane * item,
                 NULL if job.index == NULL else job.index + p // parts * result, item)
        else:
            work(job, &shape, p % parts, job.input + p // parts * plane * item, job.out + p // parts * result * item,
                 NULL if job.index == NULL else job.index + p // parts * result, item)


cdef void halves_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Whole planes or images, widened to float32 and rounded at the end."""
    cdef Job* job = <Job*> context
    cdef PoolShape shape = job.shape[0]
    cdef Py_ssize_t p, part, each = max(shape.pitch, 1), read = job.ins * each, written = job.outs * each, results = written
    cdef char* room
    if job.kind >= POOL_MAX_BACKWARD:
        read, written = written, read
    room = <char*> ft_alloc(4 * (read + written))
    if room == NULL:
        job.status = POOL_MEMORY
        return
    for p in range(begin, end):
        load(job.code, job.input + p * read * 2, read, 2, 1, 0, room)
        for part in range(parts_of(&shape)):
            work(job, &shape, part, room, room + 4 * read, NULL if job.index == NULL else job.index + p * results, 4)
        store(job.code, room + 4 * read, written, 2, 1, 0, job.out + p * written * 2)
    ft_free(room, 4 * (read + written))


cdef int pool_run(int kind, int code, const PoolShape* shape, Py_ssize_t planes, const char* input, char* out,
                  long long* index) noexcept nogil:
    cdef Job job
    cdef Py_ssize_t visits
    cdef bint half = code == F16 or code == BF16
    job.loop = table[kind + (<int> F32 if half else code)]
    if job.loop == NULL:
        return POOL_DTYPE
    job.shape, job.kind, job.code, job.status = shape, kind, code, POOL_OK
    job.ins = shape.size[0] * shape.size[1] * shape.size[2]
    job.outs = shape.out[0] * shape.out[1] * shape.out[2]
    job.input, job.out, job.index = input, out, index
    visits = job.ins + job.outs
    if not shape.adaptive and kind != POOL_MAX_BACKWARD:
        visits = job.outs * shape.kernel[0] * shape.kernel[1] * shape.kernel[2]
    if half:
        parallel_for(halves_body, &job, planes, max(GRAIN // max(visits * max(shape.pitch, 1), 1), 1))
    else:
        visits *= min(shape.pitch, LANES) if shape.pitch else 1
        parallel_for(planes_body, &job, planes * parts_of(shape), max(GRAIN // max(visits, 1), 1))
    return job.status


pool_use_level(cpu_level())


def pool_at(int kind, int code, tuple axes, Py_ssize_t divisor, bint count_padding, bint adaptive, Py_ssize_t planes, input, out,
            index=0, int level=-1):
    """One pooling on raw addresses, for tests and measurements.

    Parameters
    ----------
    kind : int
        0 max, 15 average, 30 and 45 their backward passes.
    axes : tuple of three (size, kernel, stride, padding, dilation, out)
    divisor, count_padding, adaptive
        See pool.pxd.
    planes : int
        Images times channels.
    input, out, index : int
        Addresses; index 0 for none.
    level : int
        CPU level of this call and all later ones; -1 keeps the present one.

    Returns
    -------
    int
        0, or a PoolStatus.
    """
    cdef PoolShape shape
    cdef int d
    if level >= 0:
        pool_use_level(level)
    for d in range(3):
        shape.size[d], shape.kernel[d], shape.stride[d], shape.padding[d], shape.dilation[d], shape.out[d] = axes[d]
    shape.divisor, shape.count_padding, shape.adaptive, shape.pitch = divisor, count_padding, adaptive, 0
    return pool_run(kind, code, &shape, planes, <const char*> <uintptr_t> input, <char*> <uintptr_t> out,
                    <long long*> <uintptr_t> index)
