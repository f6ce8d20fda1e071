# Images in channels_last: (images, channels, places) whose values lie as (images, places, channels).
from frankentorch._ext.tensor cimport Tensor

cdef bint channels_last(Tensor t) noexcept
cdef Tensor new_image(int code, bint is_meta, int rank, const Py_ssize_t* sizes, bint last)      # uninitialised, in either format
cdef Tensor in_format(Tensor t, bint last)                                                       # t, or a copy that has the format
cdef int working_code(Tensor t, str name) except -1                                              # what sums of t's values are made in
