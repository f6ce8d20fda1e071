# Slots of the row kernel table (levelled, see rows.pyx.in). A tile is dense, x[n][cols] in the compute type; the line is along
# n, the columns are independent lines. That of a softmax may have a step between rows, in values. + 0 float, + 1 double.
cdef enum RowSlot:
    SLOT_SOFTMAX_BEGIN = 0      # between a beginning and an end the driver sums the columns of what the beginning wrote
    SLOT_SOFTMAX_END = 2
    SLOT_NORM = 4
    SLOT_NORM_BACKWARD = 6
    SLOT_NORM_COLUMNS = 8
    SLOT_DOTS = 10
    SLOT_SOFTMAX_LINES = 12     # the same four for lines that are contiguous, any number in a call
    SLOT_SOFTMAX_BACKWARD_LINES = 14
    SLOT_NORM_LINES = 16
    SLOT_NORM_BACKWARD_LINES = 18
    SLOT_SOFTMAX_BACKWARD_BEGIN = 20
    SLOT_SOFTMAX_BACKWARD_END = 22
    SLOT_PRODUCT_ROW = 24
    SLOT_AFFINE = 26            # these four also + 2 float16, + 3 bfloat16 in and out, numbers in float
    SLOT_AFFINE_BACKWARD = 30
    SLOT_AFFINE_ROW = 34        # one place of each channel, n channels
    SLOT_AFFINE_ROW_BACKWARD = 38
    ROW_SLOTS = 42

# In and out do not overlap. acc: LANES * cols values of room.
ctypedef void (*softmax_begin)(const void* x, void* y, Py_ssize_t n, Py_ssize_t step, Py_ssize_t cols, void* greatest) noexcept nogil
ctypedef void (*softmax_end)(const void* x, void* y, Py_ssize_t n, Py_ssize_t step, Py_ssize_t cols, bint log,
                             const void* greatest, const void* sums) noexcept nogil
ctypedef void (*softmax_lines)(const void* x, void* y, Py_ssize_t lines, Py_ssize_t n, bint log) noexcept nogil
# y is the forward output, d becomes the gradient of its input
ctypedef void (*softmax_back_begin)(const void* g, const void* y, void* d, Py_ssize_t n, Py_ssize_t step, Py_ssize_t cols,
                                    bint log) noexcept nogil
ctypedef void (*softmax_back_end)(const void* g, const void* y, void* d, Py_ssize_t n, Py_ssize_t step, Py_ssize_t cols,
                                  bint log, const void* sums) noexcept nogil
ctypedef void (*softmax_back_lines)(const void* g, const void* y, void* d, Py_ssize_t lines, Py_ssize_t n, bint log) noexcept nogil
# weight and bias [n] or NULL; mean[cols], rstd[cols] are written
ctypedef void (*norm_kernel)(const void* x, void* y, Py_ssize_t n, Py_ssize_t cols, double eps, const void* weight,
                             const void* bias, void* mean, void* rstd, void* acc) noexcept nogil
ctypedef void (*norm_back)(const void* g, const void* x, void* d, Py_ssize_t n, Py_ssize_t cols, const void* weight,
                           const void* mean, const void* rstd, void* acc) noexcept nogil
ctypedef void (*norm_lines)(const void* x, void* y, Py_ssize_t lines, Py_ssize_t n, double eps, const void* weight,
                            const void* bias, void* mean, void* rstd) noexcept nogil
ctypedef void (*norm_back_lines)(const void* g, const void* x, void* d, Py_ssize_t lines, Py_ssize_t n, const void* weight,
                                 const void* mean, const void* rstd) noexcept nogil
# at most LANES rows, row r on lane r: bias_acc += g, weight_acc += g * ((x - mean[r]) * rstd[r]); step in values
ctypedef void (*norm_columns)(const void* g, const void* x, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t cols,
                              const void* mean, const void* rstd, void* weight_acc, void* bias_acc) noexcept nogil
# y = (x - mean) * rstd * weight + bias, all scalars; y may be x
ctypedef void (*affine_kernel)(const void* x, void* y, Py_ssize_t n, double mean, double rstd, double weight,
                               double bias) noexcept nogil
# d = p * g - q - (x - mean) * r; d may be g or x
ctypedef void (*affine_back)(const void* g, const void* x, void* d, Py_ssize_t n, double mean, double p, double q,
                             double r) noexcept nogil
# sums of g and of g * (x - mean) into out[0], out[1]
ctypedef void (*dots_kernel)(const void* g, const void* x, Py_ssize_t n, double mean, void* out) noexcept nogil
# the same with a number of each kind for each of the n values, none NULL; product_row: y = g * (x - mean)
ctypedef void (*affine_row)(const void* x, void* y, Py_ssize_t n, const void* mean, const void* rstd, const void* weight, const void* bias) noexcept nogil
ctypedef void (*affine_row_back)(const void* g, const void* x, void* d, Py_ssize_t n, const void* mean, const void* p, const void* q, const void* r) noexcept nogil
ctypedef void (*product_row)(const void* g, const void* x, void* y, Py_ssize_t n, const void* mean) noexcept nogil
