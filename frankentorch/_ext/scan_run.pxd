# Scans along one dim of any strided tensor (dim 0 of a 0-d tensor is refused by the caller), without the GIL.
#     status = scan_run(op, in_code, out_code, ndim, sizes, steps, dim, input, out, second)
# Statuses are RunStatus of reduce_run.pxd. out (and second, int64 indices, for CUMMAX and CUMMIN) are contiguous, of input's
# shape. out_code: I64 for bool and integers in CUMSUM and CUMPROD, else in_code.
# LOGCUMSUMEXP takes floats only, CUMMAX and CUMMIN anything but complex.
cdef enum ScanOp:
    SCAN_CUMSUM = 0
    SCAN_CUMPROD = 1
    SCAN_CUMMAX = 2
    SCAN_CUMMIN = 3
    SCAN_LOGCUMSUMEXP = 4

cdef int scan_run(int op, int in_code, int out_code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, int dim,
                  const char* input, char* out, long long* second) noexcept nogil
cdef int scan_use_level(int level) noexcept nogil
