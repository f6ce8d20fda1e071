# Index family, without the GIL. Statuses are RunStatus of reduce_run.pxd. Bounds are checked before anything is written: on
# RUN_INDEX the fault says which index tensor, which value, and the size it had to fit.
#
# ONE engine serves gather, scatter, scatter_add, scatter_reduce, index_select, index_add, index_copy, index_fill, indexing
# with tensors, index_put, take and put. It walks `sizes` in row-major order and, at each position, does `op` between
#     self  + sum(position[d] * self_steps[d]) + sum over index tensors k of value_k(position) * index[k].step
#     other + sum(position[d] * other_steps[d])
#   gather, scatter    sizes = index.sizes; self_steps = self's with 0 at dim; one index tensor, step and size of self's dim
#   index_select, index_add, index_copy     sizes = other.sizes; self_steps likewise; index steps 0 but at dim
#   index_fill, scatter(value)              the same with other_steps all 0
#   self[i, :, j], index_put       sizes = shape of the result; self_steps 0 on the dims the indices give, index steps 0 on the rest
#   take, put_         self contiguous; self_steps all 0; size = numel, step = item size
# wrap: negative values count from the end (indexing with tensors, take, put_), else they are out of bounds.
# Writes by several threads never meet: work is cut along a dim with self_steps != 0 only.
# scatter_reduce: sum ADD, prod MULTIPLY, amax GREATEST, amin LEAST; include_self=False: WRITE the identity first.
#     mean: ADD, then divide by counts made with ADD of ones into ones (or, without self, into zeros written first).
from frankentorch._ext.index cimport IndexOp

cdef struct IndexTensor:
    const char* data
    int code                    # I64 or I32, or U8
    bint wrap
    Py_ssize_t size             # of the dim it indexes
    Py_ssize_t step             # bytes of self per unit
    const Py_ssize_t* steps     # of the index tensor in bytes, over `sizes`

cdef struct IndexFault:
    int which
    long long value
    Py_ssize_t size

cdef int index_run(int op, int code, int ndim, const Py_ssize_t* sizes, char* self, const Py_ssize_t* self_steps,
                   char* other, const Py_ssize_t* other_steps, int n_index, const IndexTensor* index,
                   IndexFault* fault) noexcept nogil

# The bits that any of n contiguous values of an integer code has (negative if one is), and the greatest of them, none being negative.
cdef long long union_run(int code, const char* values, Py_ssize_t n) noexcept nogil
cdef long long greatest_run(int code, const char* values, Py_ssize_t n) noexcept nogil
# counts[v] += 1, or weight (F32 or F64) in order, over n values (any integer code, contiguous), all in [0, bins); counts is zeroed here.
cdef int bincount_run(int code, const char* values, Py_ssize_t n, int weight_code, const char* weights, Py_ssize_t bins,
                      char* counts) noexcept nogil
# Counts of n contiguous F16, BF16, F32 or F64 values in `bins` equal bins of [low, high], in the input's code; values outside
# and NaN are skipped, high itself counts in the last bin.
cdef int histc_run(int code, const char* values, Py_ssize_t n, Py_ssize_t bins, double low, double high,
                   char* out) noexcept nogil
