# Element kernels of the index family (one build, no levels: no float order depends on vectors here).
# An indexed side is base + offsets[i]; with offsets NULL it is base + i * base_step. The plain side is other + i * step.
cdef enum IndexOp:
    INDEX_READ = 0              # other = self[index]
    INDEX_WRITE = 1             # self[index] = other; of equal indices the last one stays
    INDEX_ADD = 2               # self[index] += other, in ascending order of positions; bool: or
    INDEX_MULTIPLY = 3          # bool: and
    INDEX_GREATEST = 4          # NaN wins; not complex
    INDEX_LEAST = 5

ctypedef void (*element_kernel)(char* base, const Py_ssize_t* offsets, Py_ssize_t base_step, char* other,
                                Py_ssize_t step, Py_ssize_t n) noexcept nogil

cdef element_kernel index_kernel(int op, int code) noexcept nogil     # NULL if not offered
