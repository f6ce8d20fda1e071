# Driver of matrix products: batches, threads, scratch. No Python objects; call with or without the GIL.
# Batch dims are given outermost first; every stride counts elements and may be 0 on an operand. C must not overlap A or B.
from frankentorch._ext.gemm cimport gemm_function

cdef enum MatmulStatus:
    MATMUL_OK = 0
    MATMUL_MEMORY = -1
    MATMUL_DTYPE = -2          # bool, or no such code
    MATMUL_DIMS = -3           # more than 64 batch dims

cdef enum:
    MATMUL_WIDE = 32           # beside the code of a half type: C is float32, not rounded

cdef int matmul_run(int code, int batch_ndim, const Py_ssize_t* batch_sizes, const Py_ssize_t* a_batch,
                    const Py_ssize_t* b_batch, const Py_ssize_t* c_batch, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                    const char* a, Py_ssize_t a_row, Py_ssize_t a_col, const char* b, Py_ssize_t b_row, Py_ssize_t b_col,
                    char* c, Py_ssize_t c_row, Py_ssize_t c_col) noexcept nogil
cdef gemm_function find_gemm(int code, bint add) noexcept nogil         # NULL if the code has no product
cdef void* gemm_slot(int slot) noexcept nogil                           # any slot of gemm.pxd
cdef int matmul_use_level(int level) noexcept nogil                     # cpu.pxd levels; called at import, and by tests
