# Images in channels_last: (images, channels, places) whose values lie as (images, places, channels).
from frankentorch._ext.tensor cimport Tensor

cdef bint channels_last(Tensor t) noexcept
cdef Tensor new_image(int code, bint is_meta, int rank, const Py_ssize_t* sizes, bint last)      # uninitialised, in either format
cdef Tensor in_format(Tensor t, bint last)                                                       # t, or a copy that has the format
cdef int working_code(Tensor t, str name) except -1                                              # what sums of t's values are made in


cdef inline int place_of(int d, int rank, bint last) noexcept nogil:
    """Where a dim stands in the order of memory."""
    return d if not last or d == 0 else rank - 1 if d == 1 else d - 1
