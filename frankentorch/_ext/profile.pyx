# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# The profiler's ear: a list of spans in the order in which they end. One run is profiled at a time, over all threads.
# A span is (name, kind, thread, begin, end, bytes before, bytes after, shapes of
# the arguments and of the result, stack); times in ns of the monotonic clock.
from frankentorch._ext.alloc cimport ft_in_use
from frankentorch._ext.tensor import set_special_bit

cdef extern from *:
    """
    #include <time.h>
    static long long ft_monotonic(void) {
        struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec;
    }
    """
    long long ft_monotonic() noexcept nogil

cdef extern from "Python.h":
    unsigned long current_thread "PyThread_get_thread_ident" ()

cdef list _spans = None
cdef bint _shapes = False
cdef object _stack_of = None

OP, NODE, USER, PYTHON = range(4)         # kinds of span


cdef class Span:
    """Begin of a span."""


cdef Span begin():
    cdef Span span = Span.__new__(Span)
    span.memory = ft_in_use()
    span.start = ft_monotonic()
    return span


cdef int end(Span span, object name, int kind, object shapes, object given) except -1:
    cdef long long now = ft_monotonic()
    if _spans is not None:
        _spans.append((name, kind, current_thread(), span.start, now, span.memory, ft_in_use(), shapes, given, _stack_of() if _stack_of is not None else None))
    return 0


cdef bint wants_shapes() noexcept:
    return _shapes


def start(bint shapes=False, stack_of=None):
    """Begin to listen. RuntimeError when a profiler is on already."""
    global _spans, _shapes, _stack_of
    if _spans is not None:
        raise RuntimeError("a profiler is already enabled on this process")
    _spans, _shapes, _stack_of = [], shapes, stack_of
    set_special_bit(BIT_PROFILE, True)


def stop():
    """End; the spans heard, in the order in which they ended."""
    global _spans, _shapes, _stack_of
    set_special_bit(BIT_PROFILE, False)
    cdef list heard = _spans
    _spans, _shapes, _stack_of = None, False, None
    return heard or []


def is_on():
    return _spans is not None


def now():
    """Nanoseconds of the clock that spans are told in."""
    return ft_monotonic()


def mark():
    """Begin of a span of the user's, to be given to `close`; None while nobody listens."""
    return begin() if _spans is not None else None


def close(Span span, name, int kind=2):
    if span is not None:
        end(span, name, kind, None, None)
