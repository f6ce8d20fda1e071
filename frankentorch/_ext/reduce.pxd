# Slots of the reduction kernel table (levelled, see reduce.pyx.in) and their signatures. A tile is `rows` (logical index r)
# by `cols` (outputs). Steps are bytes. Compute types: halves and float in float, double, all integers and bool in int64.
cdef enum Compute:
    IN_F32 = 0
    IN_F64 = 1
    IN_I64 = 2

cdef enum Map:                  # what is summed; c is the column's centre
    MAP_X = 0
    MAP_SQUARE = 1              # (x - c)^2
    MAP_ABS = 2                 # |x|
    MAP_NOT_NAN = 3             # x, or 0 for NaN
    MAP_EXP = 4                 # exp(x - c)
    MAP_POWER = 5               # |x|^p
    MAP_NONZERO = 6             # x != 0
    MAP_CUBE = 7                # |x|^3
    MAPS = 7

cdef enum ReduceSlot:
    SLOT_LOAD = 0               # + code: copy a strided tile into a dense one of the compute type
    SLOT_STORE = 16             # + code: the way back, rounding once
    SLOT_COUNT = 32             # + code: add the number of non-zeros of each column to int64 counts
    SLOT_MAX = 48               # + code: greatest key of each column
    SLOT_FIRST = 64             # + code: first greatest key of each column and its row
    SLOT_MAP = 80               # + 8 * compute + map: map a dense tile in place
    SLOT_ADD = 104              # + compute: accumulate a dense tile on its lanes
    SLOT_MULTIPLY = 108
    SLOT_FOLD = 112             # + compute: fold lanes by addition
    SLOT_FOLD_PRODUCT = 116
    SLOT_LINE = 120             # + (code - F16): one block of one contiguous row, summed
    SLOT_LINE_SQUARE = 124      # + (code - F16)
    SLOT_COLUMNS = 128          # + compute: accumulate rows of contiguous columns on lanes
    SLOT_COLUMNS_SQUARE = 132
    SLOT_PRODUCT = 136          # + (code - C64): complex product, left to right
    SLOT_FINISH = 140           # + compute: the last step of a reduction, in place
    SLOT_LINE_PRODUCT = 144     # + (code - F16): as SLOT_LINE, multiplied
    SLOT_STRIPS = 148           # + (code - F16): a block of up to STRIP_COLS contiguous columns, summed
    SLOT_LINE_NUMBERS = 152     # + (code - F16): as SLOT_LINE, NaN being 0
    SLOT_LINES = 156            # + (code - F16): many lines of one block each, summed and divided by p
    SLOT_LINES_PRODUCT = 160    # + compute: many lines of one block each, multiplied; p = 1
    SLOT_LINES_GREATEST = 164   # + compute: the greatest of each of many lines, or the least if p
    SLOT_LINES_NORM = 168       # + (code - F16): the Euclidean norm of each of many lines of one block
    SLOT_TOTAL = 172            # + code: integers of each column added to int64 totals, in any order
    SLOT_DOT = 184              # + compute: one block of products of two contiguous rows, summed
    SLOT_STRIPS_PRODUCT = 188   # + (code - F16): as SLOT_STRIPS, multiplied
    SLOT_STRIPS_NUMBERS = 192   # + (code - F16): as SLOT_STRIPS, NaN being 0
    SLOT_LINES_NUMBERS = 196    # + (code - F16): as SLOT_LINES, NaN being 0; p = 1
    SLOT_TIMES = 200            # + code: as SLOT_TOTAL, multiplied
    SLOT_VALUES = 212           # + code: keys back to values
    REDUCE_SLOTS = 228

cdef enum Finish:
    FINISH_NOTHING = 0
    FINISH_DIVIDE = 1           # x / p
    FINISH_ROOT_DIVIDE = 2      # sqrt(x / p)
    FINISH_ROOT = 3             # sqrt(x)
    FINISH_LOG = 4              # log(x) + c
    FINISH_POWER = 5            # x^(1/p)

ctypedef void (*load_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                             Py_ssize_t col_step, void* tile) noexcept nogil
ctypedef void (*store_kernel)(const void* tile, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                              Py_ssize_t col_step, char* base) noexcept nogil
ctypedef void (*count_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                              Py_ssize_t col_step, long long* counts) noexcept nogil
# keys[cols] hold the greatest so far; flip: bit 0 set for least instead of greatest, bit 1 for |x| (floats)
ctypedef void (*max_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                            Py_ssize_t col_step, void* keys, long long flip) noexcept nogil
ctypedef void (*values_kernel)(const void* keys, Py_ssize_t n, long long flip, void* out) noexcept nogil
# the same with rows[cols]: the row of the first greatest, `start` being the number of the tile's first row
ctypedef void (*first_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                              Py_ssize_t col_step, void* keys, long long* found, long long start,
                              long long flip) noexcept nogil
ctypedef void (*map_kernel)(void* tile, Py_ssize_t rows, Py_ssize_t cols, const void* centre, double p) noexcept nogil
ctypedef void (*lanes_kernel)(void* acc, const void* tile, Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
ctypedef void (*fold_kernel)(void* acc, Py_ssize_t lanes, Py_ssize_t cols) noexcept nogil
ctypedef void (*line_kernel)(const void* x, Py_ssize_t n, const void* centre, void* out) noexcept nogil
ctypedef void (*dot_kernel)(const void* x, const void* y, Py_ssize_t n, void* out) noexcept nogil
# phase: the lane of the first row
ctypedef void (*columns_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                                const void* centre, void* acc, Py_ssize_t phase) noexcept nogil
ctypedef void (*lines_kernel)(const char* x, Py_ssize_t lines, Py_ssize_t step, Py_ssize_t n, double p, void* out) noexcept nogil
# centre NULL: the values, else the squares of their distance from it
ctypedef void (*strips_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols, const void* centre,
                               void* out) noexcept nogil
ctypedef void (*finish_kernel)(void* x, Py_ssize_t n, const void* centre, int finish, double p) noexcept nogil
