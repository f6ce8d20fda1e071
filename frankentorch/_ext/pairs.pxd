# What goes into the distance of two rows: out[k][j] of one row x[k] against PAIR_COLS others, y[k][j], in `rows` lines of PAIR_COLS values.
# Squares and absolute values are to be summed down each column, in the canonical order; the greatest is found here, NaN above all.
ctypedef void (*pair_tile)(Py_ssize_t rows, const void* x, const void* y, void* out) noexcept nogil
# out[i] = x[i + 1] + x[i], i < n
ctypedef void (*neighbour_sums)(Py_ssize_t n, const void* x, void* out) noexcept nogil

cdef enum:
    PAIR_SQUARES = 0            # + 0 for float32, + 1 for float64
    PAIR_SIZES = 2
    PAIR_GREATEST = 4
    PAIR_ROOTS = 6              # (1, NULL, NULL, out): square roots of one line, in place
    NEIGHBOUR_SUMS = 8
    PAIR_FOLD = 10              # (rows, NULL, lines, out): the canonical sum of up to PAIR_FEW lines, each in a lane of its own (fold.pxd)
    PAIR_SLOTS = 12
    PAIR_COLS = 64
    PAIR_FEW = 16
