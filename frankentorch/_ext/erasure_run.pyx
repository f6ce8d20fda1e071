# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Repair symbols of an erasure code as products of a matrix over GF(256) with the source symbols. The matrix is the caller's; the field is that
# of RFC 6330, section 5.7.2: polynomials modulo x^8 + x^4 + x^3 + x^2 + 1.
from libc.string cimport memcpy, memset
from frankentorch._ext.erasure cimport *
from frankentorch._ext.levels cimport fill_erasure

cdef void* table[ERASURE_SLOTS]
fill_erasure(table)
cdef unsigned char products[256 * 32]


cdef int multiply(int a, int b) noexcept:
    cdef int found = 0
    while b:
        if b & 1:
            found ^= a
        a = a << 1 ^ (0x11D if a & 128 else 0)
        b >>= 1
    return found


cdef void fill_products() noexcept:
    cdef int factor, k
    for factor in range(256):
        for k in range(16):
            products[32 * factor + k] = multiply(factor, k)
            products[32 * factor + 16 + k] = multiply(factor, k << 4)


fill_products()
available = table[0] != NULL


def combine(const unsigned char[::1] view, Py_ssize_t start, Py_ssize_t step, Py_ssize_t count, Py_ssize_t symbol, const unsigned char[::1] matrix, Py_ssize_t rows):
    """`rows` repair symbols, one behind the other, of `count` source symbols that begin at start, start + step, ... in `view`.

    Row r of the matrix has the factors of all source symbols. What a symbol lacks at the end of `view` counts as zeros.
    """
    cdef Py_ssize_t i, at = 0, n, r, begin, end = view.shape[0], length
    if rows < 1 or count < 1 or symbol < 1 or start < 0 or step < 1 or matrix.shape[0] != rows * count or not available:
        raise ValueError(f"combine: {rows} rows of {count} symbols of {symbol} bytes with a matrix of {matrix.shape[0]}")
    out = bytearray(rows * symbol)
    work = bytearray(rows * ERASURE_BLOCK)
    cdef unsigned char[::1] out_view = out, work_view = work
    cdef unsigned char* target = &out_view[0]
    cdef unsigned char* block = &work_view[0]
    cdef erasure_kernel kernel = <erasure_kernel> table[0]
    with nogil:
        while at < symbol:
            length = min(<Py_ssize_t> ERASURE_BLOCK, symbol - at)
            memset(block, 0, rows * ERASURE_BLOCK)
            for i in range(count):
                begin = start + i * step + at
                n = min(length, end - begin)
                if n > 0:
                    kernel(&view[begin], n, block, &matrix[i], count, rows, products)
            for r in range(rows):
                memcpy(target + r * symbol + at, block + r * ERASURE_BLOCK, length)
            at += length
    return out
