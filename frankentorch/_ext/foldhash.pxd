# Folding of bytes into sixteen 64-bit lanes, at the speed of memory. Slots of the table that the levelled part fills.
cdef enum:
    LANES = 16
    ROWS = 8                     # words of a lane in one block
    FOLD_BLOCK = 1024            # LANES * ROWS * 8 bytes
    FOLD_SLOT = 0
    SQUARES_SLOT = 1
    FOLD_SLOTS = 2

cdef struct NanRule:
    # A word holds a NaN if ((word & mask) + add) & top is not 0; all 0 for dtypes without NaN.
    unsigned long long mask
    unsigned long long add
    unsigned long long top

# Folds `blocks` whole blocks into `lanes`; returns whether any word holds a NaN.
ctypedef bint (*fold_kernel)(unsigned long long* lanes, const unsigned long long* keys, const char* data, Py_ssize_t blocks, const NanRule* rule) noexcept nogil
# Adds the squares of n floats in double to eight sums by position.
ctypedef void (*squares_kernel)(double* sums, const float* data, Py_ssize_t n) noexcept nogil
