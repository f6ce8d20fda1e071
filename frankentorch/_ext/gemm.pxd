# Matrix products: C = A B on raw pointers, one function per dtype code, strides in elements (any sign-free strides, 0 included).
# C is overwritten and must not overlap A or B; k == 0 writes zeros. `workspace` needs gemm_workspace(code, m, n, k) bytes, no
# alignment. The table is indexed by dtype code (types.Code); BOOL has no product and its slot stays NULL.
#
# Canonical order: see tests/reference/gemm.py. Each output element is one chain of fma over k ascending inside a block of 256
# steps, started from zero; block sums are added in ascending order. Half types: inputs widened to f32, one rounding at the end
# (bfloat16 two steps at a time where that gives the same bits: gemm_dots.pxi.in).
# Complex: the real problem of twice the depth (steps 2k and 2k+1 are the real and the imaginary part of a[., k]).
# Integers wrap, so their order is free.
from frankentorch._ext.types cimport *

ctypedef void (*gemm_function)(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const char* a, Py_ssize_t a_row, Py_ssize_t a_col,
                               const char* b, Py_ssize_t b_row, Py_ssize_t b_col,
                               char* c, Py_ssize_t c_row, Py_ssize_t c_col, char* workspace) noexcept nogil

cdef enum:
    GEMM_ADD = 15          # slots GEMM_ADD + code: block sums are added to C in place (not for half types)
    GEMM_BAND = 30         # F32, F64: band_function; BF16: of float32 numbers that are bfloat16, where GEMM_LEAST allows it
    GEMM_THIN = 45         # F32, F64: the same for THIN_ROWS outputs or fewer
    GEMM_TAPS = 60         # F32, F64: taps_function; BF16 as GEMM_BAND
    GEMM_ROW = 75          # F32, F64: row_function
    GEMM_TOTAL = 90        # F32, F64: total_function
    GEMM_PACK = 105        # F32, F64: pack_function
    GEMM_PACKED = 120      # F32, F64: packed_function
    GEMM_WIDE = 135        # F16, BF16: the product without its last rounding; c and its strides are float32
    GEMM_LEAST = 150       # BF16: least_function, NULL where there is no dot product of pairs
    GEMM_DOTS = 165        # F16, BF16, F32, F64: dots_function
    GEMM_SLOTS = 180
    GEMM_LEAST_SUM = 142   # of the least exponents of both factors where pairs serve: a bfloat16 of biased exponent e is a multiple of 2^(e - 134),
                           # so all products and sums are multiples of 2^(sum - 268), which must not lie below 2^-126
    GEMM_KC = 256          # fixed by the contract: steps of one chain
    GEMM_RB = 48           # rows of A copied at a time when they are not contiguous
    A_ROW = GEMM_KC + 16   # distance of such rows: not a power of two, for those share cache sets
    GEMM_HALF_ROWS = 512   # most rows of the float32 buffer under a half-typed C
    GEMM_HALF_AREA = 512 * 384
    GEMM_FLAT_AREA = 512 * 96       # its area under products of few steps
    GEMM_FLAT = 64

# the least biased exponent of n float32 numbers that are bfloat16, zeros apart; 255 if there is none, -255 where one is subnormal or not finite
ctypedef int (*least_function)(Py_ssize_t n, const char* x) noexcept nogil
# `count` products of one row by one column, k > 0; rows of a and columns of b are contiguous, a_row and b_row apart
ctypedef void (*dots_function)(Py_ssize_t count, Py_ssize_t k, const char* a, Py_ssize_t a_row, const char* b, Py_ssize_t b_row, char* c,
                               Py_ssize_t c_step) noexcept nogil
# c (rows x n, dense) += one row
ctypedef void (*row_function)(Py_ssize_t rows, Py_ssize_t n, const char* row, char* c) noexcept nogil
# out[n] = rows of g added in order to +0
ctypedef void (*total_function)(Py_ssize_t rows, Py_ssize_t n, const char* g, Py_ssize_t g_row, char* out) noexcept nogil

# Convolution as a product whose right factor is read from a padded image ("band"): column (row r, x), step k is
# band[starts[r] + offsets[k] + x], for rows of row_len outputs; same order of sums as the product. The band must be readable for
# BAND_SLACK bytes past its last value. `panel`: band_workspace bytes.
ctypedef void (*band_function)(Py_ssize_t m, Py_ssize_t k, const char* weight, const char* band, const Py_ssize_t* offsets,
                               const Py_ssize_t* starts, Py_ssize_t rows, Py_ssize_t row_len,
                               char* c, Py_ssize_t c_row, char* panel) noexcept nogil

# Gradient of the weight, one block of kb <= GEMM_KC steps: c (m x n) = or += g (m x kb, rows g_row apart) times the taps, where
# step k, column j is band[at_k + offsets[j]]; the steps are `runs` pairs (at, length) of neighbouring positions.
ctypedef void (*taps_function)(Py_ssize_t m, Py_ssize_t n, Py_ssize_t kb, const char* g, Py_ssize_t g_row, const char* band,
                               const Py_ssize_t* offsets, const Py_ssize_t* runs, Py_ssize_t count,
                               char* c, Py_ssize_t c_row, bint first, char* workspace) noexcept nogil

# A right factor that several products meet is packed once, k x n into packed_nbytes bytes at a multiple of 64; packed_function
# multiplies m rows by the first n of its `total` columns.
ctypedef void (*pack_function)(Py_ssize_t n, Py_ssize_t k, const char* b, Py_ssize_t b_row, Py_ssize_t b_col, char* packed) noexcept nogil
ctypedef void (*packed_function)(Py_ssize_t m, Py_ssize_t n, Py_ssize_t total, Py_ssize_t k, const char* a, Py_ssize_t a_row, Py_ssize_t a_col,
                                 const char* packed, char* c, Py_ssize_t c_row, Py_ssize_t c_col) noexcept nogil

cdef inline Py_ssize_t packed_nbytes(Py_ssize_t n, Py_ssize_t k, int item) noexcept nogil:
    return ((n + 64) * k * item + 63) & ~<Py_ssize_t> 63

cdef enum:
    THIN_ROWS = 2
    BAND_SLACK = 512

cdef inline Py_ssize_t band_workspace(int code, Py_ssize_t m, Py_ssize_t k) noexcept nogil:
    """Bytes of one panel, for taps too; as pairs, with the m rows that meet it."""
    if code == BF16:
        return 4 * (72 * GEMM_KC + m * (GEMM_KC // 2 + 16)) + 512
    return (min(k, GEMM_KC) + 2) * 64 * (8 if code == F64 else 4) + 256

cdef inline Py_ssize_t gemm_workspace(int code, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Bytes of scratch that any kernel of any CPU level needs for this product, or for its transpose."""
    cdef Py_ssize_t size = 4, most = max(m, n), depth
    if code == F64 or code == C128 or code == I64 or code == U64:
        size = 8
    depth = min(2 * k if code == C64 or code == C128 else k, GEMM_KC)
    size *= min(most, GEMM_RB) * A_ROW + (min(2 * most if code == C64 or code == C128 else most, 2112 // size) + 192) * depth + 256
    if code == F16 or code == BF16:
        size += 4 * min(m * n, GEMM_HALF_AREA)
    if code == BF16:            # packed pairs: rows of A and a panel of B
        size += 4 * (max(min(most, GEMM_HALF_ROWS) * (GEMM_KC // 2 + 16), 8 * (2 * GEMM_KC + 16)) + 24 * GEMM_KC + 48)
    return size + 512
