# Every elementwise loop is driven from here: broadcasting, coalescing, gathering, casting, cutting and threads.
from frankentorch._ext.types cimport *

cdef extern from *:
    """
    #ifndef FT_BYTES
    #define FT_BYTES
    typedef char *__restrict bytes_out;
    typedef const char *__restrict bytes_in;
    #endif
    """
    ctypedef char* bytes_out
    ctypedef const char* bytes_in

# out and operands are dense; params holds 16-byte cells in the compute type
ctypedef void (*loop_fn)(bytes_out out, bytes_in a, bytes_in b, bytes_in c, Py_ssize_t n, bytes_in params) noexcept nogil
ctypedef void (*cast_fn)(bytes_out out, bytes_in source, Py_ssize_t n) noexcept nogil

cdef enum:
    MAX_OPERANDS = 4          # out, x, y, z
    BLOCK = 512               # elements gathered at a time: four blocks of 16 bytes fit the first-level cache
    GRAIN = 32768             # elements per chunk of parallel work

cdef struct Operand:
    char* data
    int code                  # what is in memory
    int loop_code             # what the loop wants
    Py_ssize_t steps[64]      # bytes per dim

cdef struct Walk:
    loop_fn loop
    loop_fn repeated          # where all operands but the first are single numbers; NULL if there is none
    loop_fn led               # where the first of two is
    loop_fn ended             # where the last of three is
    cast_fn cast              # a walk that only casts: from dense to dense, straight; else NULL
    int ndim
    int n_operands            # with the output, which is operand 0
    Py_ssize_t count
    Py_ssize_t grain
    Py_ssize_t sizes[64]
    Operand operands[4]
    char params[96]

cdef void coalesce(Walk* walk) noexcept nogil
cdef int run_walk(Walk* walk) noexcept nogil
cdef int run_dense(loop_fn loop, char* out, const char* a, const char* b, const char* c, Py_ssize_t n, const char* params,
                   int out_size, int a_size, int b_size, int c_size) noexcept nogil
cdef int copy_strided(char* out, int out_code, const Py_ssize_t* out_steps, const char* source, int code, const Py_ssize_t* steps,
                      int ndim, const Py_ssize_t* sizes) noexcept nogil
# rows x n items between two layouts, by moves.pxd
cdef void move_short(char* out, Py_ssize_t out_row, Py_ssize_t out_step, const char* source, Py_ssize_t row, Py_ssize_t step,
                     Py_ssize_t rows, Py_ssize_t n, int itemsize) noexcept nogil
cdef cast_fn cast_of(int source, int target) noexcept nogil
cdef void cast_one(void* out, int out_code, const void* source, int code) noexcept nogil
