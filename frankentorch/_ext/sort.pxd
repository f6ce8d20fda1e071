# Sort family along one dim of any strided tensor, without the GIL. Statuses are RunStatus of reduce_run.pxd. No complex.
# Order: NaN is the greatest, -0 == +0, equals keep the order of their indices, ascending or descending.
#     sort_run(op, code, ndim, sizes, steps, dim, descending, k, sorted, input, values, indices)
# values and indices are contiguous, of input's shape with sizes[dim] replaced by n (SORT), k (TOPK) or 1 (the rest); either
# may be NULL.
#   SORT       stable.
#   TOPK       the k greatest (descending) or least; always in order, equals by lowest index.
#   KTHVALUE   k counts from 1; the place the stable sort would put at k - 1.
#   MEDIAN     the lower of the two middle ones; the first NaN if there is one. NANMEDIAN leaves NaN out.
#   MODE       the most frequent, the least of equals, its last index; each NaN is a value of its own.
cdef enum SortOp:
    SORT_SORT = 0
    SORT_TOPK = 1
    SORT_KTHVALUE = 2
    SORT_MEDIAN = 3
    SORT_NANMEDIAN = 4
    SORT_MODE = 5

cdef int sort_run(int op, int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, int dim, bint descending,
                  Py_ssize_t k, bint sorted, const char* input, char* values, long long* indices) noexcept nogil

# Distinct values of n contiguous ones, ascending (sort) or run by run (not sort: unique_consecutive). values (not NULL) and counts
# have room for n or for as many as there are runs; inverse has n; the last two may be NULL. Returns how many, or < 0. Each NaN is distinct.
cdef Py_ssize_t unique_run(int code, const char* input, Py_ssize_t n, bint sort, char* values, long long* inverse,
                           long long* counts) noexcept nogil
# Distinct rows, as unique_run finds values, of n contiguous rows of `width` values, in lexicographic order; first[g] is the first row of group g.
cdef Py_ssize_t unique_rows_run(int code, const char* input, Py_ssize_t n, Py_ssize_t width, bint sort, long long* first,
                                long long* inverse, long long* counts) noexcept nogil
