# Spans of a profiled run: what ran when, on which thread, and how much memory it took. Asked only while BIT_PROFILE is on.
cdef enum:
    BIT_PROFILE = 256                     # of tensor.special_bits

cdef class Span:
    cdef long long start, memory

cdef Span begin()
cdef int end(Span span, object name, int kind, object shapes, object given) except -1
cdef bint wants_shapes() noexcept
