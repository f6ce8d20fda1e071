# Softmax and normalisations, without the GIL. All tensors contiguous. Codes: F16, BF16, F32, F64.
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

# x[batch][channels][space]; mean, rstd [batch * groups] in stat_code
cdef int group_norm_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t space,
                        Py_ssize_t groups, double eps, const char* input, const char* weight, const char* bias, char* out,
                        char* mean, char* rstd) noexcept nogil
# sums run over space, then (weights) over batch or (input) over the channels of the group
cdef int group_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, Py_ssize_t groups, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil

# Batch norm, x[batch][channels][space]. Statistics: reduce_run REDUCE_VAR, p = 0, over dims 0 and 2, second = means.
# mean, rstd [channels] in stat_code
cdef int batch_norm_apply(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                          Py_ssize_t space, const char* input, const char* mean, const char* rstd, const char* weight,
                          const char* bias, char* out) noexcept nogil
# train: mean and rstd came from this batch. Sums run over space, then over batch.
cdef int batch_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, bint train, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil

cdef int rows_use_level(int level) noexcept nogil
