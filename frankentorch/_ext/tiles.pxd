# Small shared tools of the drivers: tiles in the compute type (float, or double for F64) and scalars of it.
from libc.stdlib cimport malloc
from frankentorch._ext.types cimport F16, F32, F64
from frankentorch._ext.reduce cimport SLOT_LOAD, SLOT_STORE, IN_F32, IN_F64, load_kernel, store_kernel
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_MEMORY, code_size, reduce_table


cdef inline void load(int code, const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                      Py_ssize_t col_step, void* tile) noexcept nogil:
    (<load_kernel> reduce_table()[SLOT_LOAD + code])(base, rows, row_step, cols, col_step, tile)


cdef inline void store(int code, const void* tile, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols,
                       Py_ssize_t col_step, char* base) noexcept nogil:
    (<store_kernel> reduce_table()[SLOT_STORE + code])(tile, rows, row_step, cols, col_step, base)


cdef inline bint is_float(int code) noexcept nogil:
    return F16 <= code <= F64


cdef inline int compute_of(int code) noexcept nogil:
    return IN_F64 if code == F64 else IN_F32


cdef inline double value_at(int compute, const void* x, Py_ssize_t i) noexcept nogil:
    return (<const double*> x)[i] if compute == IN_F64 else (<const float*> x)[i]


cdef inline void set_value(int compute, void* x, Py_ssize_t i, double v) noexcept nogil:
    if compute == IN_F64:
        (<double*> x)[i] = v
    else:
        (<float*> x)[i] = <float> v


cdef inline char* loaded(int code, const char* x, Py_ssize_t n, int* status) noexcept nogil:
    """x[n] in the compute type, malloc'ed; NULL stays NULL."""
    cdef char* y
    if x == NULL or status[0] != RUN_OK:
        return NULL
    y = <char*> malloc(n * 8 if n else 8)
    if y == NULL:
        status[0] = RUN_MEMORY
        return NULL
    load(code, x, n, code_size(code), 1, 0, y)
    return y


cdef inline double scaled(int compute, double a, double b) noexcept nogil:
    return a * b if compute == IN_F64 else <double> ((<float> a) * (<float> b))
