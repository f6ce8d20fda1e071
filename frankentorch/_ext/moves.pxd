# Moving items of one size between two layouts: `rows` x `n` items at out + row * out_row + i * out_step from
# source + row * source_row + i * source_step; steps in bytes, multiples of the item, of any sign.
from libc.string cimport memcpy

cdef enum:
    MOVE_PLANE = 0          # + log2 of the item size
    MOVE_SPREAD = 5         # + log2 of the item size
    MOVE_PAIRS = 10         # + log2 of the item size
    MOVE_SLOTS = 15
    SPREAD = 16

ctypedef void (*move_plane)(char* out, Py_ssize_t out_row, Py_ssize_t out_step, const char* source, Py_ssize_t source_row,
                            Py_ssize_t source_step, Py_ssize_t rows, Py_ssize_t n) noexcept nogil
# out[r * n + i] = source at r * source_row, for i < n; whole SPREADs are written, so up to SPREAD - 1 items past the end
ctypedef void (*move_spread)(char* out, const char* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t n) noexcept nogil

# out[2 i] = first[i], out[2 i + 1] = second[i]
ctypedef void (*move_pairs)(char* out, const char* first, const char* second, Py_ssize_t n) noexcept nogil


cdef inline void move_row(char* out, const char* source, Py_ssize_t nbytes) noexcept nogil:
    """memcpy for short rows: pieces of fixed size, the last one overlapping; a call would cost more than they do."""
    cdef char a[64]
    cdef char b[64]
    cdef Py_ssize_t i = 0
    if nbytes > 1024:
        memcpy(out, source, nbytes)
    elif nbytes >= 64:
        while i < nbytes - 64:
            memcpy(a, source + i, 64)
            memcpy(out + i, a, 64)
            i += 64
        memcpy(b, source + nbytes - 64, 64)
        memcpy(out + nbytes - 64, b, 64)
    elif nbytes >= 32:
        memcpy(a, source, 32)
        memcpy(b, source + nbytes - 32, 32)
        memcpy(out, a, 32)
        memcpy(out + nbytes - 32, b, 32)
    elif nbytes >= 16:
        memcpy(a, source, 16)
        memcpy(b, source + nbytes - 16, 16)
        memcpy(out, a, 16)
        memcpy(out + nbytes - 16, b, 16)
    elif nbytes >= 8:
        memcpy(a, source, 8)
        memcpy(b, source + nbytes - 8, 8)
        memcpy(out, a, 8)
        memcpy(out + nbytes - 8, b, 8)
    elif nbytes >= 4:
        memcpy(a, source, 4)
        memcpy(b, source + nbytes - 4, 4)
        memcpy(out, a, 4)
        memcpy(out + nbytes - 4, b, 4)
    else:
        while i < nbytes:
            out[i] = source[i]
            i += 1
