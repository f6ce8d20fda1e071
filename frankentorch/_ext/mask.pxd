# Kernels of masks and nonzero, over pieces of at most MASK_PIECE elements: a piece becomes the list of the places that are
# set, found without branches (a random mask cannot be guessed), and the work is done from the list.
cdef enum:
    MASK_PIECE = 512
    MASK_COUNT = 0          # Py_ssize_t (const char* mask, step, n)                              bytes that are not 0
    MASK_PLACES = 1         # Py_ssize_t (const char* mask, step, n, unsigned short* places)      their places, ascending
    MASK_PACK = 2           # + log2 item: void (const char* x, step, places, n, char* out)       out[k] = x[places[k]]
    MASK_UNPACK = 7         # + log2 item: void (char* x, step, places, n, const char* source, source_step)    x[places[k]] = source[k]
    MASK_FILL = 12          # + log2 item: void (char* x, const char* mask, n, const void* value) contiguous, every n
    MASK_NONZERO = 17       # + code: void (const char* x, step, n, char* mask)                   mask[i] = x[i] != 0, every n
    MASK_SLOTS = 32

ctypedef Py_ssize_t (*mask_count)(const char* mask, Py_ssize_t step, Py_ssize_t n) noexcept nogil
ctypedef Py_ssize_t (*mask_places)(const char* mask, Py_ssize_t step, Py_ssize_t n, unsigned short* places) noexcept nogil
ctypedef void (*mask_pack)(const char* x, Py_ssize_t step, const unsigned short* places, Py_ssize_t n, char* out) noexcept nogil
ctypedef void (*mask_unpack)(char* x, Py_ssize_t step, const unsigned short* places, Py_ssize_t n, const char* source,
                             Py_ssize_t source_step) noexcept nogil
ctypedef void (*mask_fill)(char* x, const char* mask, Py_ssize_t n, const void* value) noexcept nogil
ctypedef void (*mask_nonzero)(const char* x, Py_ssize_t step, Py_ssize_t n, char* mask) noexcept nogil
