# nll_loss and the gradient of embedding, without the GIL. All tensors contiguous. Codes: F16, BF16, F32, F64; halves compute in
# float and round once, but embedding adds in its own type, rounding after each contribution. Statuses: reduce_run.pxd.
from frankentorch._ext.index_run cimport IndexFault

cdef enum LossReduction:        # torch's numbers
    LOSS_NONE = 0
    LOSS_MEAN = 1
    LOSS_SUM = 2

# x[batch][classes][space], target int64 [batch][space], weight [classes] or NULL. out: [batch][space] or one value;
# total_weight: one value (MEAN, SUM). Targets outside [0, classes) other than ignore_index give RUN_INDEX. The sum over
# (batch, space) is canonical, an ignored place counting as 0.
cdef int nll_loss_run(int code, Py_ssize_t batch, Py_ssize_t classes, Py_ssize_t space, const char* input,
                      const long long* target, const char* weight, long long ignore_index, int reduction, char* out,
                      char* total_weight, IndexFault* fault) noexcept nogil
cdef int nll_loss_backward_run(int code, Py_ssize_t batch, Py_ssize_t classes, Py_ssize_t space, const char* grad,
                               const long long* target, const char* weight, long long ignore_index, int reduction,
                               const char* total_weight, char* grad_input, IndexFault* fault) noexcept nogil

# out[vocabulary][width] = 0, then += grad[i] at index[i], i ascending; rows of padding (or -1) skipped; by_frequency divides
# each contribution by the number of times its index occurs. index_code I64 or I32.
cdef int embedding_backward_run(int code, int index_code, Py_ssize_t count, Py_ssize_t width, Py_ssize_t vocabulary,
                                const char* grad, const char* index, long long padding, bint by_frequency, char* out,
                                IndexFault* fault) noexcept nogil
cdef int multilabel_terms_run(int code, Py_ssize_t batch, Py_ssize_t classes, const char* input, const long long* target, char* out) noexcept nogil
