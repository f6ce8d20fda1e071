# One bag: n rows of a table with contiguous rows, chosen by `index`; a row equal to `padding` is left out.
cdef struct Bag:
    const char* table
    const long long* index
    const char* weights          # one for each row, or NULL
    Py_ssize_t n, width
    Py_ssize_t row               # bytes from row to row of the table
    long long padding
    bint mean

cdef enum:
    BAG_SUM = 0                  # + code - F16: void (const Bag* b, char* out, long long* unused)
    BAG_MAX = 4                  # + code - F16: void (const Bag* b, char* out, long long* chosen)      index of each maximum
    BAG_SLOTS = 8

ctypedef void (*bag_kernel)(const Bag* b, char* out, long long* chosen) noexcept nogil
