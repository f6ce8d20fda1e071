# Distances of pairs of rows: up to PAIR_ROWS rows x, `step` values apart, against up to PAIR_COLS others. These lie turned, as PAIR_COLUMNS
# leaves them: in panels of one vector's width, `panel` values apart, a line for each feature.
# out[row * PAIR_COLS + col] is the canonical sum (fold.pxd) of the squares or absolute values of at most FEATURES differences, or the greatest
# absolute value, NaN above all. Whole panels are written.
ctypedef void (*pair_tile)(Py_ssize_t features, Py_ssize_t rows, Py_ssize_t cols, const void* x, Py_ssize_t step, const void* y, Py_ssize_t panel,
                           void* out) noexcept nogil
ctypedef Py_ssize_t (*pair_columns)(Py_ssize_t features, Py_ssize_t n, const void* y, void* out) noexcept nogil     # returns the width of a panel
ctypedef void (*pair_roots)(Py_ssize_t n, void* x) noexcept nogil       # square roots, in place
# out[i] = x[i + 1] + x[i], i < n
ctypedef void (*neighbour_sums)(Py_ssize_t n, const void* x, void* out) noexcept nogil
# out[f] = the canonical sum over the m rows of y, each `features` long, of weights[j] times x - y[j], or times its sign, or times its sign where its
# absolute value is far[j], 0 elsewhere
ctypedef void (*pair_pulls)(Py_ssize_t features, Py_ssize_t m, const void* weights, const void* far, const void* x, const void* y, void* out) noexcept nogil
# out[j] = g[j] divided by how many absolute values of x - y[j] are far[j]
ctypedef void (*pair_shares)(Py_ssize_t features, Py_ssize_t m, const void* g, const void* far, const void* x, const void* y, void* out) noexcept nogil

cdef enum:
    PAIR_SQUARES = 0            # + 0 for float32, + 1 for float64
    PAIR_SIZES = 2
    PAIR_GREATEST = 4
    PAIR_ROOTS = 6
    NEIGHBOUR_SUMS = 8
    PAIR_COLUMNS = 10
    PAIR_PULLS = 12             # by differences
    PAIR_SIGNS = 14             # by their signs
    PAIR_PEAKS = 16             # by signs of the greatest ones
    PAIR_SHARES = 18
    PAIR_SLOTS = 20
    PULLED = 4                  # vectors of features at a time
    PAIR_ROWS = 4
    PAIR_COLS = 64
    FEATURES = 4096             # of a canonical block, or rows
