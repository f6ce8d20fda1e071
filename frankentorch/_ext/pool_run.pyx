# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Driver of pooling: a chunk of planes goes to a thread; a plane is never cut, so no order depends on the cut.
from libc.stdint cimport uintptr_t
from frankentorch._ext.types cimport *
from frankentorch._ext.pool cimport *
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_pool_at

cdef enum:
    GRAIN = 16384               # window visits worth a thread

cdef void* table[POOL_SLOTS]
cdef int[NCODES] SIZES = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Job:
    const PoolShape* shape
    void* loop
    int kind, code, status
    Py_ssize_t in_bytes, out_bytes, ins, outs
    const char* input
    char* out
    long long* index


cdef int pool_use_level(int level) noexcept nogil:
    fill_pool_at(level, table)
    return 0


cdef void planes_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef Py_ssize_t p, scratch = 0
    cdef char* workspace = NULL
    cdef long long* index
    if job.kind >= POOL_MAX_BACKWARD and job.code <= BF16:
        scratch = 4 * job.ins
        workspace = <char*> ft_alloc(scratch)
        if workspace == NULL:
            job.status = POOL_MEMORY
            return
    for p in range(begin, end):
        index = NULL if job.index == NULL else job.index + p * job.outs
        if job.kind >= POOL_MAX_BACKWARD:
            (<pool_backward> job.loop)(job.shape, job.input + p * job.out_bytes, index, job.out + p * job.in_bytes, workspace)
        else:
            (<pool_forward> job.loop)(job.shape, job.input + p * job.in_bytes, job.out + p * job.out_bytes, index)
    if workspace != NULL:
        ft_free(workspace, scratch)


cdef int pool_run(int kind, int code, const PoolShape* shape, Py_ssize_t planes, const char* input, char* out,
                  long long* index) noexcept nogil:
    cdef Job job
    cdef Py_ssize_t visits
    job.loop = table[kind + code]
    if job.loop == NULL:
        return POOL_DTYPE
    job.shape, job.kind, job.code, job.status = shape, kind, code, POOL_OK
    job.ins = shape.size[0] * shape.size[1] * shape.size[2]
    job.outs = shape.out[0] * shape.out[1] * shape.out[2]
    job.in_bytes, job.out_bytes = job.ins * SIZES[code], job.outs * SIZES[code]
    job.input, job.out, job.index = input, out, index
    visits = job.ins + job.outs
    if not shape.adaptive and kind != POOL_MAX_BACKWARD:
        visits = job.outs * shape.kernel[0] * shape.kernel[1] * shape.kernel[2]
    parallel_for(planes_body, &job, planes, max(GRAIN / max(visits, 1), 1))
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
    shape.divisor, shape.count_padding, shape.adaptive = divisor, count_padding, adaptive
    return pool_run(kind, code, &shape, planes, <const char*> <uintptr_t> input, <char*> <uintptr_t> out,
                    <long long*> <uintptr_t> index)
