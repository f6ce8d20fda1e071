# Masks (BOOL or U8) and non-zeros, without the GIL. Steps are bytes; the mask is broadcast by steps of 0.
# self[mask] = value; out = self[mask] packed; self[mask] = packed source, in row-major order.
cdef int masked_fill(int item, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
                     const char* mask, const Py_ssize_t* mask_steps, const void* value) noexcept nogil
cdef int masked_select(int item, int ndim, const Py_ssize_t* sizes, const char* self, const Py_ssize_t* self_steps,
                       const char* mask, const Py_ssize_t* mask_steps, char* out) noexcept nogil
cdef int masked_scatter(int item, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
                        const char* mask, const Py_ssize_t* mask_steps, const char* source) noexcept nogil

# How many elements are not zero, and their coordinates in row-major order as columns: long long out[ndim][n].
cdef Py_ssize_t count_nonzero(int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, const char* input) noexcept nogil
cdef int nonzero_run(int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, const char* input, long long* out,
                     Py_ssize_t n) noexcept nogil
