# Kernels for one int64 index tensor that varies along the innermost dim: gather, scatter, take, put, self[i] of a vector.
# A plane is `rows` x `n` positions; at each, base + row * self_row + i * self_step + index * step meets other + row * other_row
# + i * other_step. Negative indices count from the end. Rows are walked in order, so that equal indices meet in order.
cdef struct IndexPlane:
    Py_ssize_t rows, n
    Py_ssize_t self_row, self_step, other_row, other_step, index_row, index_step      # bytes
    Py_ssize_t low, size, step          # indices lie in [low, size); bytes of self per unit
    bint wraps                          # some index may be negative

ctypedef int (*plane_kernel)(const IndexPlane* p, char* base, char* other, const char* index) noexcept nogil

cdef enum:
    PLANE_CHECK = 0              # 2 if some index lies outside, else 1 if some is negative
    PLANE_READ = 1               # + log2 of the item size
    PLANE_WRITE = 6              # + log2 of the item size
    PLANE_ADD = 11               # + code; and so on, in the order of IndexOp
    PLANE_MULTIPLY = 26
    PLANE_GREATEST = 41
    PLANE_LEAST = 56
    PLANE_ROW_READ = 71          # one index for each row of n contiguous items; + log2 of the item size
    PLANE_ROW_WRITE = 76
    PLANE_ROW_FILL = 81          # other is one item
    PLANE_ROW_ADD = 86           # + code; and so on: a row of contiguous items, not of bool or complex
    PLANE_NEAR_READ = 146        # + log2 of the item size, 1 or 2; of contiguous rows with indices of their own, which are checked on the way: 2 if one lies outside
    PLANE_SLOTS = 148
