# Repair symbols by a matrix over GF(256). Slot 0 of the levelled table; NULL where the CPU level has no shuffle of bytes.
cdef enum:
    ERASURE_SLOTS = 1
    ERASURE_BLOCK = 1024         # bytes of a symbol worked on at a time: those of all repair symbols stay in the cache

# out[row][k] ^= coefficients[row * step] * source[k] for `rows` rows of ERASURE_BLOCK bytes each, n of them used. `tables` has 32 bytes for each
# of the 256 factors: its products with 0..15, then with 0x00, 0x10, .. 0xf0.
ctypedef void (*erasure_kernel)(const unsigned char* source, Py_ssize_t n, unsigned char* out, const unsigned char* coefficients, Py_ssize_t step, Py_ssize_t rows,
                                const unsigned char* tables) noexcept nogil
