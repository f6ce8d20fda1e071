# The k-th least (from 1) of n > 0 values, NaN being the greatest, and its place: of equals, the one the stable sort puts at k - 1. k = 0: the
# median, the lower of the two middle ones; it is the first NaN if there is one, unless skip_nan leaves them out. room: 16 n bytes for items
# of 8 bytes, else 8 n. value and index may be NULL.
cdef void kth_line(int code, const char* base, Py_ssize_t step, Py_ssize_t n, Py_ssize_t k, bint skip_nan, void* room, char* value,
                   long long* index) noexcept nogil
