# One pass of a resampling along the middle of (outer, n, inner) values: out[b, o, i] = sum over taps t ascending of
# weight[t * n_out + o] * x[b, index[t * n_out + o], i]; each product and each sum is rounded, taps after the first of weight 0 are left out.
ctypedef void (*resample_function)(Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t width, const Py_ssize_t* index, const void* weight,
                                   const void* x, void* out, Py_ssize_t outer, Py_ssize_t inner) noexcept nogil

# out[i * step] += x[i] for i < n, each of `lanes` values side by side
ctypedef void (*add_function)(Py_ssize_t n, Py_ssize_t lanes, Py_ssize_t step, const void* x, void* out) noexcept nogil

cdef enum:
    RESAMPLE_F32 = 0
    RESAMPLE_F64 = 1
    RESAMPLE_ADD = 2            # + which of the two
    RESAMPLE_SLOTS = 4
