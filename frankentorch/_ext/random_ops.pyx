# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Random fills of tensors. Numbers are drawn in memory order (descending strides): a tensor whose elements lie one against the
# other is filled where it is; one with gaps or overlaps is filled through a dense tensor of the same order of strides.
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE, is_complex_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport copy_into, contiguous_tensor, cast_tensor, scalar_name, check_no_internal_overlap
from frankentorch._ext.random cimport *
from frankentorch._ext.randstream cimport *

cdef enum Fill:
    UNIFORM, NORMAL, INTEGERS, RANDOM, BERNOULLI, EXPONENTIAL, CAUCHY, GEOMETRIC, LOG_NORMAL


cdef Generator chosen(object generator):
    return default_generator_object() if generator is None else <Generator?> generator


cdef Tensor draw(str name, int fill, Tensor self, object generator, double a, double b, long long first, unsigned long long count):
    """Fill `self` and return it. Meta tensors draw nothing."""
    cdef Generator source = chosen(generator)
    cdef Engine* rng = &source.engine
    cdef Tensor target = self
    cdef bint blocks
    cdef int status = -1, code = self.code
    cdef char* at
    cdef Py_ssize_t n = self.count
    if is_meta(self):
        return self
    check_no_internal_overlap(self, name)
    if not non_overlapping_and_dense(self):
        target = new_like(self, code)
    blocks = (self.flags & DENSE) != 0
    at = data_of(target)
    with nogil:
        if fill == UNIFORM:
            status = fill_uniform(rng, code, at, n, a, b)
        elif fill == NORMAL:
            status = fill_normal(rng, code, at, n, a, b, blocks)
        elif fill == INTEGERS:
            status = fill_integers(rng, code, at, n, first, count)
        elif fill == RANDOM:
            status = fill_random(rng, code, at, n)
        elif fill == BERNOULLI:
            status = fill_bernoulli(rng, code, at, n, a)
        elif fill == EXPONENTIAL:
            status = fill_exponential(rng, code, at, n, a)
        elif fill == CAUCHY:
            status = fill_cauchy(rng, code, at, n, a, b)
        elif fill == GEOMETRIC:
            status = fill_geometric(rng, code, at, n, a)
        elif fill == LOG_NORMAL:
            status = fill_log_normal(rng, code, at, n, a, b)
    if status != 0:
        raise NotImplementedError(f'"{name}" not implemented for {scalar_name(code)}')
    if target is not self:
        copy_into(self, target)
    return self


def uniform(Tensor self, double low, double high, generator):
    """self filled with uniform numbers of [low, high)."""
    check_uniform(self.code, low, high)
    return draw("uniform_", UNIFORM, self, generator, low, high, 0, 0)


def normal(Tensor self, double mean, double std, generator):
    """self filled with normal numbers."""
    check_normal(std)
    if self.code < F16:
        raise NotImplementedError(f'"normal_kernel_cpu" not implemented for {scalar_name(self.code)}')
    if is_complex_code(self.code):                    # two real parts of half the variance each
        std *= 0.7071067811865475                        # 1 / 2 ** 0.5, rounded as the oracle rounds it
    return draw("normal_", NORMAL, self, generator, mean, std, 0, 0)


def integers(Tensor self, low, high, generator):
    """self filled with integers of [low, high); `high` None reaches the dtype's largest."""
    cdef long long first
    cdef unsigned long long count
    integer_range(self.code, low, high, &first, &count)
    return draw("random_", INTEGERS, self, generator, 0, 0, first, count)


def integers_below(Tensor self, high, generator):
    """self filled with integers of [0, high)."""
    return integers(self, 0, high, generator)


def random(Tensor self, generator):
    """self filled with integers of the dtype's whole range of non-negative values."""
    return draw("random_", RANDOM, self, generator, 0, 0, 0, 0)


def bernoulli(Tensor self, double p, generator):
    """self filled with 1 with probability p, else 0."""
    check_bernoulli(p)
    return draw("bernoulli_", BERNOULLI, self, generator, p, 0, 0, 0)


def bernoulli_each(Tensor self, Tensor p, generator):
    """self filled with 1 with the probability at the same place of p (broadcast to self), else 0."""
    cdef Generator source = chosen(generator)
    cdef Tensor target = self, given
    cdef int status = -1
    cdef bint inside = True
    cdef Py_ssize_t i, n = self.count
    cdef char* at
    cdef char* chances
    if is_meta(self):
        return self
    if not F16 <= p.code <= F64:
        raise RuntimeError(f"bernoulli_: expected floating probabilities, p dtype {scalar_name(p.code)}")
    check_no_internal_overlap(self, "bernoulli_")
    if not non_overlapping_and_dense(self):
        target = new_like(self, self.code)
    given = new_like(target, p.code)          # the same order of strides, so the same order in memory
    copy_into(given, p)
    at, chances = data_of(target), data_of(given)
    for i in range(n):
        inside &= 0 <= ((<double*> chances)[i] if p.code == F64 else load_single(p.code, chances, i)) <= 1
    if not inside:
        raise RuntimeError("bernoulli_: Expected p_in >= 0 && p_in <= 1 to be true for every probability")
    with nogil:
        status = fill_bernoulli_each(&source.engine, target.code, at, n, given.code, chances)
    if status != 0:
        raise NotImplementedError(f'"bernoulli_tensor" not implemented for {scalar_name(self.code)}')
    if target is not self:
        copy_into(self, target)
    return self


def exponential(Tensor self, double lambd, generator):
    """self filled with exponential numbers of rate lambd."""
    check_exponential(self.code, lambd)
    return draw("exponential_", EXPONENTIAL, self, generator, lambd, 0, 0, 0)


def cauchy(Tensor self, double median, double sigma, generator):
    """self filled with Cauchy numbers."""
    check_cauchy(self.code, sigma)
    return draw("cauchy_", CAUCHY, self, generator, median, sigma, 0, 0)


def geometric(Tensor self, double p, generator):
    """self filled with the number of trials up to the first success."""
    check_geometric(p)
    return draw("geometric_", GEOMETRIC, self, generator, p, 0, 0, 0)


def log_normal(Tensor self, double mean, double std, generator):
    """self filled with numbers whose logarithms are normal."""
    check_log_normal(self.code, std)
    return draw("log_normal_", LOG_NORMAL, self, generator, mean, std, 0, 0)


def permutation(Tensor self, generator):
    """1-d `self` (contiguous) filled with a permutation of 0 .. n - 1."""
    cdef Generator source = chosen(generator)
    cdef int status
    cdef char* at
    if is_meta(self):
        return self
    at = data_of(self)
    with nogil:
        status = fill_permutation(&source.engine, self.code, at, self.count)
    if status != 0:
        raise NotImplementedError(f'"randperm" not implemented for {scalar_name(self.code)}')
    return self


def choices(Tensor weights, Py_ssize_t n, generator):
    """int64 [n] or [rows, n]: indices drawn with replacement, row by row, from 1-d or 2-d weights."""
    cdef Generator source = chosen(generator)
    cdef Tensor dense = contiguous_tensor(weights), out, scratch
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t rows = 1, categories = weights.sizes[weights.rank - 1], row
    cdef int status
    sizes[weights.rank - 1] = n
    if weights.rank == 2:
        rows = sizes[0] = weights.sizes[0]
    out = new_tensor(I64, is_meta(weights), weights.rank, sizes)
    if is_meta(weights):
        return out
    scratch = new_tensor(F64, False, 1, &categories)
    for row in range(rows):
        status = fill_choices(&source.engine, dense.code, data_of(dense) + row * categories * ITEMSIZE[dense.code], categories,
                              <long long*> data_of(out) + row * n, n, data_of(scratch))
        if status == -2:
            raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
        if status == -3:
            raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
        if status != 0:
            raise NotImplementedError(f'"multinomial" not implemented for {scalar_name(weights.code)}')
    return out
