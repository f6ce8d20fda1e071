# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Counts of values between edges that ascend: a bin is guessed by division, right or next to it where edges are even, else searched for by halves.
# The edges decide.
# Weights are added to their bins in order of the values.
from libc.math cimport isfinite
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor

ctypedef fused real:
    ft_f32
    ft_f64


cdef bint ascending(const real* edges, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(1, n):
        if not edges[i - 1] <= edges[i]:
            return False
    return True


cdef Py_ssize_t last_below(const real* edges, real v, Py_ssize_t low, Py_ssize_t high) noexcept nogil:
    """Last place in [low, high) whose edge is not above v; that of low is not."""
    cdef Py_ssize_t middle
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle] <= v:
            low = middle
        else:
            high = middle
    return low


cdef bint count_run(const real* x, Py_ssize_t n, const real* edges, Py_ssize_t bins, const real* weight, real* out) noexcept nogil:
    """False where the edges do not serve."""
    cdef Py_ssize_t i, at
    cdef real low = edges[0], high = edges[bins], v, one = 1
    cdef double scale = bins / (<double> high - <double> low)
    if not ascending(edges, bins + 1) or not isfinite(scale) or not isfinite(<double> low) or not isfinite(<double> high):
        return False
    for i in range(bins):
        out[i] = 0
    for i in range(n):
        v = x[i]
        if not (low <= v <= high):
            continue
        at = min(<Py_ssize_t> ((<double> v - <double> low) * scale), bins - 1)
        if edges[at] > v:
            at = last_below(edges, v, 0 if edges[at - 1] > v else at - 1, at)
        elif at < bins - 1 and edges[at + 1] <= v:
            at = last_below(edges, v, at + 1, at + 2 if at + 2 < bins and edges[at + 2] > v else bins)
        out[at] = out[at] + (one if weight == NULL else weight[i])
    return True


def count(Tensor values, Tensor edges, Tensor weight):
    """Weights (or ones) of the values of each bin, closed below, the last bin on both sides; None where the edges do not ascend or are not finite.
    All of one dtype, float32 or float64."""
    cdef Tensor x = contiguous_tensor(values), e = contiguous_tensor(edges), w = None if weight is None else contiguous_tensor(weight), out
    cdef Py_ssize_t bins = e.count - 1, n = x.count
    cdef bint served
    cdef int code = x.code
    if bins < 1:
        return None
    out = new_tensor(code, False, 1, &bins)
    source, at, to = data_of(x), data_of(e), data_of(out)
    cdef const char* given = NULL if w is None else data_of(w)
    with nogil:
        if code == F32:
            served = count_run(<const ft_f32*> source, n, <const ft_f32*> at, bins, <const ft_f32*> given, <ft_f32*> to)
        else:
            served = count_run(<const ft_f64*> source, n, <const ft_f64*> at, bins, <const ft_f64*> given, <ft_f64*> to)
    return out if served else None
