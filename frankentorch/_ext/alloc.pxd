# Memory of tensors: blocks aligned to 64 bytes, kept for reuse when freed. Both functions may be called from any thread,
# with or without the GIL. The one who frees must state the size asked for: no header stands before a block.
cdef void* ft_alloc(Py_ssize_t nbytes) noexcept nogil           # contents undefined; NULL if there is no memory, or nbytes < 0
cdef void* ft_alloc_zeroed(Py_ssize_t nbytes) noexcept nogil    # all bytes 0; fresh pages are not written again
cdef void ft_free(void* block, Py_ssize_t nbytes) noexcept nogil     # NULL is ignored
# A request of 0 bytes yields the address of a common 64-byte cell, which must not be written; freeing it does nothing.

cdef Py_ssize_t ft_in_use() noexcept nogil                       # bytes handed out now, by class size
cdef int raise_no_memory(Py_ssize_t nbytes) except -1           # the error for a NULL: RuntimeError with the size asked for
