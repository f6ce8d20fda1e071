# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Filters of checkpoint chunks, over Python buffers.
from frankentorch._ext.levels cimport fill_shuffle
from frankentorch._ext.shuffle cimport shuffle_kernel

cdef void* table[6]
fill_shuffle(table)


cdef int move(const unsigned char[::1] source, unsigned char[::1] out, int width, int first) except -1:
    cdef Py_ssize_t n = source.shape[0]
    cdef int slot = {2: 0, 4: 1, 8: 2}[width] + first
    if out.shape[0] != n or n % width:
        raise ValueError(f"shuffle: {n} bytes into {out.shape[0]}, by {width}")
    if n:
        with nogil:
            (<shuffle_kernel> table[slot])(&source[0], &out[0], n // width)
    return 0


def split(source, out, int width):
    """Write the bytes of `source`, elements of `width` (2, 4 or 8) bytes, to `out`: all first bytes, then all second bytes, and so on."""
    move(source, out, width, 0)


def join(source, out, int width):
    """The inverse of `split`."""
    move(source, out, width, 3)
