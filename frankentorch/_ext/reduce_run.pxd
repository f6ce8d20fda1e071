# Reductions over any set of dims of any strided tensor, without the GIL.
#     status = reduce_run(op, in_code, out_code, ndim, sizes, steps, reduced, input, out, second, p)
# sizes, steps: of the input, steps in bytes (0 and negative allowed), ndim <= 64. reduced: bit d set = dim d is reduced.
# out: contiguous over the kept dims, in order. second: int64 indices (MAX, MIN) or the means in out_code (VAR, STD), same
# shape, may be NULL. An index counts the reduced dims in row-major order; for one dim it is the position along it.
#
# op          p            in -> out
# SUM, PROD                bool and integers -> I64; F16, BF16, F32 -> any of these three; F64, C64, C128 -> same
# MEAN, NANSUM             F16, BF16, F32 -> any of these; F64 -> same; MEAN also C64, C128
# AMAX, AMIN               all but complex -> same. NaN wins, -0 < +0
# MAX, MIN                 the same with indices: NaN wins, lowest index of equals, -0 == +0
# ARGMAX, ARGMIN           all but complex -> I64, out is the index
# ANY, ALL                 all -> BOOL or U8
# COUNT                    non-zeros: all -> I64
# VAR, STD    correction   F16, BF16, F32 -> any of these; F64 -> same. Mean, then squared deviations, both canonical sums
# NORM        p            as VAR. p = 0, 1, 2, inf, -inf, other
# LOGSUMEXP                as VAR. max + log(sum(exp(x - max)))
# Integers wrap. Order of sums: fold.pxd. A complex sum is the sums of its parts; a complex product goes left to right.
cdef enum ReduceOp:
    REDUCE_SUM = 0
    REDUCE_PROD = 1
    REDUCE_MEAN = 2
    REDUCE_NANSUM = 3
    REDUCE_AMAX = 4
    REDUCE_AMIN = 5
    REDUCE_MAX = 6
    REDUCE_MIN = 7
    REDUCE_ARGMAX = 8
    REDUCE_ARGMIN = 9
    REDUCE_ANY = 10
    REDUCE_ALL = 11
    REDUCE_COUNT = 12
    REDUCE_VAR = 13
    REDUCE_STD = 14
    REDUCE_NORM = 15
    REDUCE_LOGSUMEXP = 16

# Shared by every driver of this family.
cdef enum RunStatus:
    RUN_OK = 0
    RUN_DTYPE = -1              # this (op, in, out) is not offered
    RUN_EMPTY = -2              # nothing to take the greatest of
    RUN_MEMORY = -3
    RUN_INDEX = -4              # an index is out of bounds; the fault record says which
    RUN_ARGUMENT = -5

cdef int reduce_run(int op, int in_code, int out_code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps,
                    unsigned long long reduced, const char* input, char* out, void* second, double p) noexcept nogil

# Canonical sum of each column of x[rows][cols] of compute type 0 float, 1 double, rows `step` values apart; any rows, cols <= 64.
cdef void sum_columns(int compute, const void* x, Py_ssize_t rows, Py_ssize_t step, Py_ssize_t cols, void* out) noexcept nogil

cdef int code_size(int code) noexcept nogil
cdef int reduce_use_level(int level) noexcept nogil          # cpu.pxd levels; called at import, and by tests
cdef void** reduce_table() noexcept nogil                    # slots of reduce.pxd
