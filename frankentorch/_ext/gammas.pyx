# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Gamma and Dirichlet numbers in PyTorch's CPU stream, found by experiment on PyTorch 2.13, and how they move with their parameters.
#
# gamma      G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000. A shape below 1 is drawn as
#            one more, times a uniform number to the power of 1 / shape, which is drawn first. Normals in pairs, uniforms of 53 bits; a third is
#            the float's in every dtype, and of float32 tensors 1 / shape, shape + 1 and shape - 1/3 are rounded to float.
# Dirichlet  gammas of a row in double, over their sum from left to right, kept between the least normal number and the last below 1.
# slopes     with the distribution's function F and density f of x at parameter a, -(dF/da) / f (Figurnov, Mohamed and Mnih, "Implicit
#            reparameterization gradients", 2018), exactly, from the derivatives of series, of a continued fraction or of Temme's expansion
#            term by term; PyTorch has approximations, which differ from these by up to 0.1 %.
from frankentorch._ext.types cimport *
from frankentorch._ext.bitmath cimport NAN_F64, sqrt_f64
from frankentorch._ext.incomplete cimport height_f64
from frankentorch._ext.special cimport digamma_f64
from frankentorch._ext.vecmath64 cimport log_f64, log1p_f64, pow_f64
from frankentorch._ext.tensor cimport *
from frankentorch._ext.counts cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor, scalar_name
from frankentorch._ext.random cimport *
from frankentorch._ext.randstream cimport *


cdef double least_normal(int code) noexcept nogil:
    return 2.2250738585072014e-308 if code == F64 else 1.1754943508222875e-38


cdef double gamma_number(Engine* rng, double a, bint single) noexcept nogil:
    cdef double scale = 1.0
    cdef double c, d, u, v, x, y, square
    if a < 1.0:
        if a == 0.0:
            return 0.0
        scale = pow_f64(1.0 - uniform(rng), rounded(1.0 / a, single))
        a = rounded(a + 1.0, single)
    d = rounded(a - 0.3333333432674408, single)
    c = 1.0 / sqrt_f64(9.0 * d)
    while True:
        draw_normals(rng, &x, 1)
        y = 1.0 + c * x
        if y <= 0.0:
            continue
        v = y * y * y
        u = 1.0 - uniform(rng)
        square = x * x
        if u < 1.0 - 0.0331 * square * square or log_f64(u) < 0.5 * square + d * (1.0 - v + log_f64(v)):
            return scale * d * v


cdef double gamma_asymptotic(double a, double x) noexcept nogil:
    """The slope for a of 1000 or more and x / a not far from 1, from Temme's expansion (DLMF 8.12.3) by a: within 1e-8."""
    cdef double* first = [-0.3333333333333333, 0.08333333333333333, -0.014814814814814815, 0.0011574074074074073, 0.0003527336860670194, -0.0001787551440329218,
                          3.919263178522438e-05, -2.185448510679992e-06, -1.85406221071516e-06, 8.296711340953087e-07, -1.7665952736826078e-07]
    cdef double* second = [-0.001851851851851852, -0.003472222222222222, 0.0026455026455026454, -0.0009902263374485596, 0.00020576131687242798,
                           -4.018775720164609e-07, -1.8098550334489977e-05]
    cdef double low, ratio = 1.0
    cdef double m = (x - a) / a
    cdef double height = height_f64(a, x, &low)
    cdef double eta = sqrt_f64(2.0 * height)
    cdef double s = first[10], slope = 0.0, more = second[6], more_slope = 0.0
    cdef int k
    if height > 0.0:
        eta = -eta if m < 0.0 else eta
        ratio = m / eta
    for k in range(9, -1, -1):
        slope = slope * eta + s
        s = s * eta + first[k]
    for k in range(5, -1, -1):
        more_slope = more_slope * eta + more
        more = more * eta + second[k]
    slope += more_slope / a
    s += more / a
    return (1.0 + m) * (1.0 + (1.0 / 12.0 + 1.0 / 288.0 / a) / a) * (ratio - 0.5 * eta + s * log1p_f64(m) - (ratio * slope + 0.5 * s + more / a) / a)


cdef double gamma_slope(double a, double x) noexcept nogil:
    """How a gamma number x moves with its shape a."""
    cdef double term = 1.0, rises = 0.0, total = 1.0, moved = 0.0, k = 0.0
    cdef double w, slope, top
    if not (a > 0.0 and x >= 0.0 and a - a == 0.0 and x - x == 0.0):
        return NAN_F64
    if x == 0.0:
        return 0.0
    if a >= 1000.0 and 0.6 * a < x < 1.6 * a:
        return gamma_asymptotic(a, x)
    if x < a + 1.0:                         # A & S 6.5.29
        while term * rises >= 1e-17 * moved:
            k += 1.0
            term *= x / (a + k)
            rises += 1.0 / (a + k)
            total += term
            moved += term * rises
            if term == 0.0:
                break
        return x / a * (total * (digamma_f64(a + 1.0) - log_f64(x)) + moved)
    k = <double> <long long> (20.0 + 75.0 / x + 6.0 * sqrt_f64(a if a < 1000.0 else 1000.0))     # A & S 6.5.31 from its end
    w = k + sqrt_f64(k * x) + 0.5 * (x - a) + 0.25
    slope = -0.5
    while k > 0.0:
        top = k * (k - a) / w
        slope = (k + top * slope) / w - 1.0
        w = x + (1.0 - a) + (2.0 * k - 2.0) - top
        k -= 1.0
    return x / w * (log_f64(x) - digamma_f64(a) - slope / w)


cdef double dirichlet_slope(double x, double a, double total) noexcept nogil:
    """How a number x of the beta distribution of a and total - a moves with a, over 1 - x: by the series of DLMF 8.17.8 from the nearer end."""
    cdef double b = total - a
    cdef bint left = x < (a + 1.0) / (total + 2.0)
    cdef double p = a if left else b
    cdef double y = x if left else 1.0 - x
    cdef double term = 1.0, rises = 0.0, sum = 1.0, moved = 0.0, k = 0.0
    if not (a > 0.0 and b > 0.0 and 0.0 <= x <= 1.0 and total - total == 0.0):
        return NAN_F64
    if x == 0.0:
        return 0.0
    while term > 1e-17 * sum and k < 1e7:
        term *= y * (total + k) / (p + k + 1.0)
        rises += (1.0 - b) / ((total + k) * (a + k + 1.0)) if left else 1.0 / (total + k)
        k += 1.0
        sum += term
        moved += term * rises
    if left:
        return -x / a * (sum * (log_f64(x) - digamma_f64(a + 1.0) + digamma_f64(total)) + moved)
    return x / b * (sum * (log_f64(x) - digamma_f64(a) + digamma_f64(total)) + moved)


cdef Tensor checked(Tensor self, str name):
    if self.code != F32 and self.code != F64:
        raise NotImplementedError(f'"{name}" not implemented for {scalar_name(self.code)}')
    return new_tensor(self.code, is_meta(self), self.rank, self.sizes)


def standard_gamma(Tensor self, generator):
    """A number of the gamma distribution of scale 1 for the shape at each place."""
    cdef Generator source = default_generator_object() if generator is None else <Generator?> generator
    cdef Engine* rng = &source.engine
    cdef Tensor out = checked(self, "gamma_cpu")
    cdef Tensor given
    cdef Py_ssize_t i, n = self.count
    cdef char* shapes
    cdef char* numbers
    cdef double least = least_normal(self.code), number
    if is_meta(self):
        return out
    given = contiguous_tensor(self)
    shapes, numbers = data_of(given), data_of(out)
    with nogil:
        hold_engine(rng)
        for i in range(n):
            number = gamma_number(rng, value_at(given, shapes, i), given.code == F32)
            store_at(given.code, numbers, i, number if number > least else least)
        release_engine(rng)
    return out


def sample_dirichlet(Tensor self, generator):
    """Shares that add up to 1 in each row, from the Dirichlet distribution of the row's concentrations."""
    cdef Generator source = default_generator_object() if generator is None else <Generator?> generator
    cdef Engine* rng = &source.engine
    cdef Tensor out = checked(self, "dirichlet")
    cdef Tensor given, draws
    cdef Py_ssize_t i, k, row, n = self.count
    cdef Py_ssize_t columns = self.sizes[self.rank - 1] if self.rank else 1
    cdef char* given_at
    cdef char* out_at
    cdef double* numbers
    cdef double least = least_normal(self.code), last = 0.9999999999999999 if self.code == F64 else 0.9999999403953552, sum, share
    if is_meta(self) or n == 0:
        return out
    given = contiguous_tensor(self)
    draws = new_tensor(F64, False, 1, &columns)
    given_at, out_at, numbers = data_of(given), data_of(out), <double*> data_of(draws)
    with nogil:
        hold_engine(rng)
        for row in range(n // columns):
            i = row * columns
            sum = 0.0
            for k in range(columns):
                share = gamma_number(rng, value_at(given, given_at, i + k), False)
                numbers[k] = share if share > 2.2250738585072014e-308 else 2.2250738585072014e-308
                sum += numbers[k]
            for k in range(columns):
                share = numbers[k] / sum
                share = share if share > least else least
                store_at(given.code, out_at, i + k, share if share < last else last)
        release_engine(rng)
    return out


def slopes(Tensor x, Tensor y, Tensor z):
    """_standard_gamma_grad of x and y, or, with z, _dirichlet_grad; of one shape and dtype (float32 or float64)."""
    cdef Tensor out = checked(x, "_standard_gamma_grad_cpu" if z is None else "_dirichlet_grad_cpu")
    cdef Tensor a, b, c
    cdef Py_ssize_t i, n = x.count
    cdef char* first
    cdef char* second
    cdef char* third
    cdef char* outs
    cdef bint two = z is None
    if is_meta(x):
        return out
    a, b, c = contiguous_tensor(x), contiguous_tensor(y), contiguous_tensor(x if two else z)
    first, second, third, outs = data_of(a), data_of(b), data_of(c), data_of(out)
    with nogil:
        for i in range(n):
            store_at(a.code, outs, i, gamma_slope(value_at(a, first, i), value_at(b, second, i)) if two
                     else dirichlet_slope(value_at(a, first, i), value_at(b, second, i), value_at(c, third, i)))
    return out
