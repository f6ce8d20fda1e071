# Thread pool. A driver cuts n items into chunks of a size constant, never by the number of threads, and calls
#     parallel_for(body, &context, n, grain)
# which calls body(context, i * grain, min(n, (i + 1) * grain)) once for each chunk i, in any order, on any thread, and
# returns when all are done. Results must be indexed by item or by chunk (begin // grain). The same chunks are cut when it
# runs on one thread: n <= grain, one thread set, inside another region, or the pool taken by another Python thread.
# The body runs without the GIL, must not raise and must not fork. Hold or drop the GIL as you like around the call.
ctypedef void (*region_body)(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil

cdef int parallel_for(region_body body, void* context, Py_ssize_t n, Py_ssize_t grain) noexcept nogil   # always 0
cdef int num_threads() noexcept nogil
cdef bint in_parallel() noexcept nogil                # true inside a body
