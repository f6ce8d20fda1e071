# Slots of the row kernel table (levelled, see rows.pyx.in). A tile is dense, x[n][cols] in the compute type; the line is along
# n, the columns are independent lines. + 0 float, + 1 double.
cdef enum RowSlot:
    SLOT_SOFTMAX = 0
    SLOT_SOFTMAX_BACKWARD = 2
    SLOT_NORM = 4
    SLOT_NORM_BACKWARD = 6
    SLOT_NORM_PRODUCT = 8
    SLOT_AFFINE = 10
    SLOT_AFFINE_BACKWARD = 12
    SLOT_DOTS = 14
    ROW_SLOTS = 16

# x becomes softmax or (log) log-softmax; room: n * cols more, acc: LANES * cols
ctypedef void (*softmax_kernel)(void* x, void* room, Py_ssize_t n, Py_ssize_t cols, bint log, void* acc) noexcept nogil
# g becomes the gradient of the input; y is the output, overwritten
ctypedef void (*softmax_back)(void* g, void* y, Py_ssize_t n, Py_ssize_t cols, bint log, void* acc) noexcept nogil
# x becomes the normalised line; weight and bias [n] or NULL; mean[cols], rstd[cols] are written
ctypedef void (*norm_kernel)(void* x, void* room, Py_ssize_t n, Py_ssize_t cols, double eps, const void* weight,
                             const void* bias, void* mean, void* rstd, void* acc) noexcept nogil
# g becomes the gradient of x, x is overwritten
ctypedef void (*norm_back)(void* g, void* x, void* room, Py_ssize_t n, Py_ssize_t cols, const void* weight,
                           const void* mean, const void* rstd, void* acc) noexcept nogil
# x[r][j] = g[r][j] * (x[r][j] - mean[r]) * rstd[r]
ctypedef void (*norm_product)(const void* g, void* x, Py_ssize_t rows, Py_ssize_t cols, const void* mean,
                              const void* rstd) noexcept nogil
# x = (x - mean) * rstd * weight + bias, all scalars
ctypedef void (*affine_kernel)(void* x, Py_ssize_t n, double mean, double rstd, double weight, double bias) noexcept nogil
# g = p * g - q - (x - mean) * r
ctypedef void (*affine_back)(void* g, const void* x, Py_ssize_t n, double mean, double p, double q, double r) noexcept nogil
# x = g * (x - mean); sums of g and of that into out[0], out[1]
ctypedef void (*dots_kernel)(const void* g, void* x, Py_ssize_t n, double mean, void* out) noexcept nogil
