# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Connectionist temporal classification, levelled: one time step over all labels at once. Definition: ctc.pxd.
from libc.math cimport INFINITY
from frankentorch._ext.types cimport *
from frankentorch._ext.vecmath cimport exp_f64, log1p_f64
from frankentorch._ext.ctc cimport *

cdef extern from *:
    """
    #define FT_FILL_CTC FT_SYMBOL(fill_ctc)
    """


cdef inline double add_logs(double a, double b) noexcept nogil:
    """log(exp a + exp b)."""
    cdef double high = b if a < b else a
    cdef double low = a if a < b else b
    cdef double out = high + log1p_f64(exp_f64(low - high))
    return high if low == -INFINITY else out


cdef void forward(Py_ssize_t n, f64_in even, f64_in odd, f64_in skip, double blank, f64_in label, f64_out next_even, f64_out next_odd) noexcept nogil:
    # odd[-1] is readable; skip is 0 where a label follows another one and may do so without a blank, else -inf
    cdef Py_ssize_t k
    cdef double before
    for k in range(n):
        next_even[k] = add_logs(even[k], odd[k - 1]) + blank
    for k in range(n):
        before = odd[k - 1]
        before = before if skip[k] == 0 else -INFINITY
        next_odd[k] = add_logs(add_logs(odd[k], even[k]), before) + label[k]


cdef void backward(Py_ssize_t n, f64_in even, f64_in odd, f64_in skip, double blank, f64_in label, f64_out next_even, f64_out next_odd) noexcept nogil:
    # even[n], odd[n] and skip[n] are readable
    cdef Py_ssize_t k
    cdef double after
    for k in range(n):
        next_even[k] = add_logs(even[k], odd[k]) + blank
    for k in range(n):
        after = odd[k + 1]
        after = after if skip[k + 1] == 0 else -INFINITY
        next_odd[k] = add_logs(add_logs(odd[k], even[k + 1]), after) + label[k]


cdef void gather(Py_ssize_t states, const long long* labels, long long blank, const double* a, const double* b, double* acc) noexcept nogil:
    cdef Py_ssize_t s
    cdef long long symbol
    for s in range(states):
        symbol = labels[s // 2] if s & 1 else blank
        acc[symbol] = add_logs(acc[symbol], a[s] + b[s])


cdef void slope(Py_ssize_t classes, f64_in p, f64_in acc, double nll, double scale, f64_out out) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(classes):
        out[c] = (exp_f64(p[c]) - exp_f64(acc[c] + nll - p[c])) * scale


cdef double add_two(double a, double b) noexcept nogil:
    return add_logs(a, b)


cdef public void fill_ctc "FT_FILL_CTC" (void** table) noexcept nogil:
    table[CTC_FORWARD] = <void*> forward
    table[CTC_BACKWARD] = <void*> backward
    table[CTC_GATHER] = <void*> gather
    table[CTC_SLOPE] = <void*> slope
    table[CTC_ADD] = <void*> add_two
