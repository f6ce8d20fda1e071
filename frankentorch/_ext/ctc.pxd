# Steps of ctc_loss over the labels, whose states lie apart: even[k] is the blank before label k, odd[k] is label k. Arrays hold `n` values,
# a whole number of vectors; what stands past the labels is of no account, and never reaches those before it.
ctypedef void (*ctc_step)(Py_ssize_t n, const double* even, const double* odd, const double* skip, double blank, const double* label, double* next_even,
                          double* next_odd) noexcept nogil
# acc[symbol] = log of the sum of exp(acc[symbol]) and exp(a[s] + b[s]), states in order
ctypedef void (*ctc_gather)(Py_ssize_t states, const long long* labels, long long blank, const double* a, const double* b, double* acc) noexcept nogil
# out = (exp(p) - exp(acc + nll - p)) * scale
ctypedef void (*ctc_slope)(Py_ssize_t classes, const double* p, const double* acc, double nll, double scale, double* out) noexcept nogil

cdef enum:
    CTC_FORWARD = 0
    CTC_BACKWARD = 1
    CTC_GATHER = 2
    CTC_SLOPE = 3
    CTC_ADD = 4                 # double (*)(double, double) noexcept nogil: log(exp a + exp b)
    CTC_SLOTS = 5
    CTC_LANES = 8               # n is a multiple of it
