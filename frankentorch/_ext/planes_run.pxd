# Group norm and batch norm, without the GIL; as rows_run.pxd has it.

cdef enum:
    FEW_PLACES = 64             # up to which planes of a batch norm are worked by rows,
    FEW_IN_GROUPS = 8          # and of a group norm, whose numbers change with each row

# x[batch][channels][space]; mean, rstd [batch * groups] in stat_code
cdef int group_norm_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t space,
                        Py_ssize_t groups, double eps, const char* input, const char* weight, const char* bias, char* out,
                        char* mean, char* rstd) noexcept nogil
# sums run over space, then (weights) over batch or (input) over the channels of the group
cdef int group_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, Py_ssize_t groups, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil

# Batch norm, x[batch][channels][space], or [batch][space][channels] if `last`. Statistics: reduce_run REDUCE_VAR, p = 0, over dims 0 and 2, second = means.
# mean, rstd [channels] in stat_code
cdef int batch_norm_apply(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                          Py_ssize_t space, bint last, const char* input, const char* mean, const char* rstd, const char* weight,
                          const char* bias, char* out) noexcept nogil
# train: mean and rstd came from this batch. Sums run over space, then over batch.
cdef int batch_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, bint last, bint train, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil
