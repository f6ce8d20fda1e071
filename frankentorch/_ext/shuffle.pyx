# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# The byte shuffle filter: byte k of every element stands together, all first bytes before all second bytes. Floats of
# similar size have similar exponents, which a compressor then sees as one run (Masui et al. 2015, "bitshuffle", section 2).
from frankentorch._ext.types cimport *
from frankentorch._ext.shuffle cimport *

cdef extern from *:
    """
    #define FT_FILL_SHUFFLE FT_SYMBOL(fill_shuffle)
    """


cdef void split2(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = source[2 * i]
        out[n + i] = source[2 * i + 1]


cdef void split4(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = source[4 * i]
        out[n + i] = source[4 * i + 1]
        out[2 * n + i] = source[4 * i + 2]
        out[3 * n + i] = source[4 * i + 3]


cdef void split8(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int k
    for k in range(8):
        for i in range(n):
            out[k * n + i] = source[8 * i + k]


cdef void join2(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[2 * i] = source[i]
        out[2 * i + 1] = source[n + i]


cdef void join4(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[4 * i] = source[i]
        out[4 * i + 1] = source[n + i]
        out[4 * i + 2] = source[2 * n + i]
        out[4 * i + 3] = source[3 * n + i]


cdef void join8(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int k
    for k in range(8):
        for i in range(n):
            out[8 * i + k] = source[k * n + i]


cdef public void fill_shuffle "FT_FILL_SHUFFLE" (void** table) noexcept nogil:
    table[0], table[1], table[2] = <void*> split2, <void*> split4, <void*> split8
    table[3], table[4], table[5] = <void*> join2, <void*> join4, <void*> join8
