# Slots of the shuffle table (levelled): split by 2, 4, 8 bytes, then join. A kernel takes the number of elements.
ctypedef void (*shuffle_kernel)(const unsigned char* source, unsigned char* out, Py_ssize_t n) noexcept nogil
