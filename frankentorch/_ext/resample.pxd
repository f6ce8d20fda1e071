# One pass of a resampling along the middle of (outer, n, inner) values: out[b, o, i] = sum over taps t ascending of
# weight[t * n_out + o] * x[b, index[t * n_out + o], i]; each product and each sum is rounded, taps after the first of weight 0 are left out.
ctypedef void (*resample_function)(Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t width, const Py_ssize_t* index, const void* weight,
                                   const void* x, void* out, Py_ssize_t outer, Py_ssize_t inner) noexcept nogil

# out[i * step] += x[i] for i < n, each of `lanes` values side by side
ctypedef void (*add_function)(Py_ssize_t n, Py_ssize_t lanes, Py_ssize_t step, const void* x, void* out) noexcept nogil
# Values between places: out[c, i] = sum over taps t ascending of weight[t * step + i] * x[c, index[t * step + i]], a value that no tap
# reads (index below 0) counting as 0; c goes over channels of `size` values, outputs of `step`. Without weights (NULL) there is one tap.
ctypedef void (*gather_sum_function)(Py_ssize_t channels, Py_ssize_t size, Py_ssize_t step, Py_ssize_t n, Py_ssize_t taps, Py_ssize_t taps_step,
                                     const long long* index, const void* weight, const void* x, void* out) noexcept nogil

cdef enum:
    RESAMPLE_F32 = 0
    RESAMPLE_F64 = 1
    RESAMPLE_ADD = 2            # + which of the two
    RESAMPLE_GATHER = 4
    RESAMPLE_SLOTS = 6
