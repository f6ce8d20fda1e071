# Softmax and layer norm, without the GIL. All tensors contiguous. Codes: F16, BF16, F32, F64.
# Statuses are RunStatus of reduce_run.pxd. Half types compute in float and round once. "stats" are in the compute type: float
# for F16, BF16, F32, double for F64. Optional pointers may be NULL.

# x[outer][n][inner] along n. out_code: code, or F32 for halves.
cdef int softmax_run(int code, int out_code, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner, bint log,
                     const char* input, char* out) noexcept nogil
# grad and output in code, grad_input in out_code
cdef int softmax_backward_run(int code, int out_code, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner, bint log,
                              const char* grad, const char* output, char* grad_input) noexcept nogil

# x[rows][n]; weight, bias [n] in param_code; mean, rstd [rows] in stat_code
cdef int layer_norm_run(int code, int param_code, int stat_code, Py_ssize_t rows, Py_ssize_t n, double eps,
                        const char* input, const char* weight, const char* bias, char* out, char* mean,
                        char* rstd) noexcept nogil
# any of the three results may be NULL; grad_weight, grad_bias in param_code, canonical sums over the rows
cdef int layer_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t rows, Py_ssize_t n,
                                 const char* grad, const char* input, const char* mean, const char* rstd,
                                 const char* weight, char* grad_input, char* grad_weight, char* grad_bias) noexcept nogil

# whether the dtypes of a normalisation go together
cdef bint codes_fit(int code, int param_code, int stat_code) noexcept nogil

cdef int rows_use_level(int level) noexcept nogil
