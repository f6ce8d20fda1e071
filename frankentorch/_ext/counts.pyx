# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Counts drawn for each element: Poisson and binomial numbers in PyTorch's CPU stream, found by experiment on PyTorch 2.13. Uniforms have
# 53 bits of two words; how many a draw takes depends on what it draws. Elements are drawn in row-major order, one after the other.
#
# poisson    rate below 10: uniforms are multiplied until the product is not above exp(-rate) (Knuth, TAOCP 3.4.1.F);
#            else PTRS, W. Hoermann, "The transformed rejection method for generating Poisson random variables", 1993.
# binomial   p above 1/2: n less a draw of 1 - p. n p below 10: waiting times, geometric, are added until they pass n (Devroye,
#            "Non-uniform random variate generation", 1986, X.4.3); else BTRS, W. Hoermann, "The generation of binomial random variates", 1993.
from frankentorch._ext.types cimport *
from frankentorch._ext.bitmath cimport abs_f64, ceil_f64, floor_f64, sqrt_f64
from frankentorch._ext.half cimport store_f16, store_bf16
from frankentorch._ext.special cimport lgamma_f64
from frankentorch._ext.vecmath64 cimport exp_f64, log_f64, log1p_f64
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor, scalar_name
from frankentorch._ext.random cimport *
from frankentorch._ext.randstream cimport *


cdef double uniform(Engine* rng) noexcept nogil:
    cdef unsigned int words[2]
    draw_words(rng, words, 2)
    return <double> (((<unsigned long long> words[0] << 32) | words[1]) & 0x1fffffffffffffULL) * 1.1102230246251565e-16


cdef double whole(double x) noexcept nogil:
    """x cut to int64, as the x86 conversion does it: what is out of range becomes the least."""
    return <double> <long long> x if abs_f64(x) < 9.2e18 else -9223372036854775808.0


cdef double poisson_small(Engine* rng, double rate) noexcept nogil:
    cdef double limit = exp_f64(-rate)
    cdef double product = uniform(rng)
    cdef double count = 0.0
    while product > limit:
        count += 1.0
        product *= uniform(rng)
    return count


cdef double poisson_large(Engine* rng, double rate) noexcept nogil:
    cdef double root = sqrt_f64(rate)
    cdef double log_rate = log_f64(rate)
    cdef double b = 0.931 + 2.53 * root
    cdef double a = -0.059 + 0.02483 * b
    cdef double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    cdef double v_limit = 0.9277 - 3.6224 / (b - 2.0)
    cdef double u, v, edge, k
    while True:
        u = uniform(rng) - 0.5
        v = uniform(rng)
        edge = 0.5 - abs_f64(u)
        k = whole(floor_f64((2.0 * a / edge + b) * u + rate + 0.43))
        if edge >= 0.07 and v <= v_limit:
            return k
        if k < 0.0 or (edge < 0.013 and v > edge):
            continue
        if log_f64(v) + log_f64(inverse_alpha) - log_f64(a / (edge * edge) + b) <= -rate + k * log_rate - lgamma_f64(k + 1.0):
            return k


cdef double poisson_count(Engine* rng, double rate) noexcept nogil:
    if rate == 0.0:
        return 0.0
    return poisson_large(rng, rate) if rate >= 10.0 else poisson_small(rng, rate)


cdef double binomial_small(Engine* rng, double n, double p) noexcept nogil:
    cdef double log_miss = log1p_f64(-p)
    cdef double trials = 0.0
    cdef double count = 0.0
    while True:
        trials += ceil_f64(log_f64(uniform(rng)) / log_miss)
        if not trials <= n:
            return count
        count += 1.0


cdef double rounded(double x, bint single) noexcept nogil:
    return <double> <float> x if single else x


cdef double stirling_rest(double k) noexcept nogil:
    """log k! less Stirling's formula at k + 1/2, as the paper tables and expands it."""
    cdef double* first = [0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
                          0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287]
    cdef double square
    if 0.0 <= k <= 9.0:
        return first[<int> k]
    square = (k + 1.0) * (k + 1.0)
    return (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / (k + 1.0)


cdef double binomial_large(Engine* rng, double n, double p, bint single) noexcept nogil:
    """`single`: the constants of the distribution are rounded to float one by one, as they are where n and p are floats."""
    cdef double variance = rounded(rounded(n * p, single) * rounded(1.0 - p, single), single)
    cdef double root = rounded(sqrt_f64(variance), single)
    cdef double b = rounded(1.15 + 2.53 * root, single)
    cdef double a = rounded(-0.0873 + 0.0248 * b + 0.01 * p, single)
    cdef double c = rounded(rounded(n * p, single) + 0.5, single)
    cdef double v_limit = rounded(0.92 - 4.2 / b, single)
    cdef double odds = rounded(p / rounded(1.0 - p, single), single)
    cdef double alpha = rounded((2.83 + 5.1 / b) * root, single)
    cdef double mode = floor_f64(rounded(rounded(n + 1.0, single) * p, single))
    cdef double u, v, edge, k, bound
    while True:
        u = uniform(rng) - 0.5
        v = uniform(rng)
        edge = 0.5 - abs_f64(u)
        k = floor_f64((2.0 * a / edge + b) * u + c)
        if edge >= 0.07 and v <= v_limit:
            return k
        if k < 0.0 or k > n:
            continue
        bound = ((mode + 0.5) * log_f64((mode + 1.0) / (odds * (n - mode + 1.0))) + (n + 1.0) * log_f64((n - mode + 1.0) / (n - k + 1.0))
                 + (k + 0.5) * log_f64(odds * (n - k + 1.0) / (k + 1.0))
                 + stirling_rest(mode) + stirling_rest(n - mode) - stirling_rest(k) - stirling_rest(n - k))
        if log_f64(v * alpha / (a / (edge * edge) + b)) <= bound:
            return k


cdef double binomial_count(Engine* rng, double n, double p, bint single) noexcept nogil:
    cdef bint turned = p > 0.5
    cdef double q = 1.0 - p if turned else p
    cdef double mean = n * q
    cdef double count
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if n - n != 0.0 or p != p:
        return n + p                    # NaN or infinite: PyTorch gives NaN by chance, or never comes back
    count = binomial_large(rng, n, q, single) if mean >= 10.0 else binomial_small(rng, n, q)
    return n - count if turned else count


cdef double value_at(Tensor x, const char* items, Py_ssize_t i) noexcept nogil:
    return (<const double*> items)[i] if x.code == F64 else load_single(x.code, items, i)


cdef void store_at(int code, char* items, Py_ssize_t i, double value) noexcept nogil:
    if code == F64:
        (<double*> items)[i] = value
    elif code == F32:
        (<float*> items)[i] = <float> value
    elif code == F16:
        (<unsigned short*> items)[i] = store_f16(<float> value)
    else:
        (<unsigned short*> items)[i] = store_bf16(<float> value)


def poisson(Tensor self, generator):
    """A number of the Poisson distribution for the rate at each place."""
    cdef Generator source = default_generator_object() if generator is None else <Generator?> generator
    cdef Engine* rng = &source.engine
    cdef Tensor given, out
    cdef Py_ssize_t i, n = self.count
    cdef char* rates
    cdef char* counts
    if not F16 <= self.code <= F64:
        raise NotImplementedError(f'"poisson_cpu" not implemented for {scalar_name(self.code)}')
    out = new_tensor(self.code, is_meta(self), self.rank, self.sizes)
    if is_meta(self):
        return out
    given = contiguous_tensor(self)
    rates, counts = data_of(given), data_of(out)
    for i in range(n):
        if not value_at(given, rates, i) >= 0.0:
            raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    with nogil:
        hold_engine(rng)
        for i in range(n):
            store_at(given.code, counts, i, poisson_count(rng, value_at(given, rates, i)))
        release_engine(rng)
    return out


def binomial(Tensor count, Tensor prob, generator):
    """A number of the binomial distribution for each pair of `count` and `prob`, of one shape and dtype (float32 or float64)."""
    cdef Generator source = default_generator_object() if generator is None else <Generator?> generator
    cdef Engine* rng = &source.engine
    cdef Tensor trials = contiguous_tensor(count), chances = contiguous_tensor(prob)
    cdef Tensor out = new_tensor(trials.code, False, trials.rank, trials.sizes)
    cdef Py_ssize_t i, n = trials.count
    cdef char* ns = data_of(trials)
    cdef char* ps = data_of(chances)
    cdef char* counts = data_of(out)
    with nogil:
        hold_engine(rng)
        for i in range(n):
            store_at(trials.code, counts, i, binomial_count(rng, value_at(trials, ns, i), value_at(chances, ps, i), trials.code == F32))
        release_engine(rng)
    return out
