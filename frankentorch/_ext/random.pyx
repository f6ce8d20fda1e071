# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Generator, the argument checks of the random fills, and their Python door. What is drawn is randstream's business.
import os
from cpython.buffer cimport PyObject_GetBuffer, PyBuffer_Release, PyBUF_SIMPLE, PyBUF_WRITABLE
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.half cimport load_f16, load_bf16, store_f16, store_bf16
from frankentorch._ext.randstream cimport *

cdef enum:
    STATE_BYTES = 5056
    WORDS = 624
cdef unsigned long long DEFAULT_SEED = 67280421310721      # torch.Generator() starts from it


# ---- arguments: what PyTorch refuses, in its order -------------------------------------------------------------------

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16",
         "float32", "float64", "complex64", "complex128")
cdef object LARGEST_FINITE = {F16: 65504.0, BF16: 3.3895313892515355e+38, F32: 3.4028234663852886e+38,
                              F64: 1.7976931348623157e+308}
cdef object WHOLE_BOUNDS = {BOOL: (0, 1), U8: (0, 255), I8: (-128, 127), I16: (-(1 << 15), (1 << 15) - 1),
                            I32: (-(1 << 31), (1 << 31) - 1), I64: (-(1 << 63), (1 << 63) - 1), U16: (0, (1 << 16) - 1),
                            U32: (0, (1 << 32) - 1), U64: (0, (1 << 64) - 1)}


cdef int check_uniform(int code, double low, double high) except -1:
    code = F32 if code == C64 else F64 if code == C128 else code
    if code not in LARGEST_FINITE:
        raise NotImplementedError(f'uniform_: "check_uniform_bounds" not implemented for {NAMES[code]}')
    limit = LARGEST_FINITE[code]
    for name, value in (("from", low), ("to", high)):
        if not -limit <= value <= limit:
            raise RuntimeError(f"uniform_: {name} is out of bounds for {NAMES[code]}, got {value}; the largest is {limit}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > limit:
        raise RuntimeError(f"uniform_ expects to-from <= {limit} for {NAMES[code]}, but found to={high:g} and from={low:g}")
    return 0


cdef int check_normal(double std) except -1:
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return 0


cdef int check_bernoulli(double p) except -1:
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    return 0


cdef int check_float(str op, int code) except -1:
    if significand_bits(code) == 0:
        raise RuntimeError(f"{op}: a continuous probability distribution. dtype must be a floating point but you specified "
                           f"{NAMES[code]}")
    return 0


cdef int check_exponential(int code, double rate) except -1:
    check_float("exponential_", code)
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    return 0


cdef int check_cauchy(int code, double sigma) except -1:
    check_float("cauchy_", code)
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    return 0


cdef int check_geometric(double p) except -1:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return 0


cdef int check_log_normal(int code, double std) except -1:
    check_float("log_normal_", code)
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    return 0


def _as_dtype(int code, value):
    """The integer `value` rounded to a floating dtype, as an integer."""
    rounded = float(value)
    if code == F32:
        return int(<double> <float> <double> rounded)
    if code == F16:
        return int(load_f16(store_f16(<float> <double> rounded)))
    if code == BF16:
        return int(load_bf16(store_bf16(<float> <double> rounded)))
    return int(rounded)


cdef int integer_range(int code, object low, object high, long long* first, unsigned long long* count) except -1:
    cdef int bits = significand_bits(code) if 0 <= code < NCODES else 0
    for value in (low, high):
        if value is not None and not -(1 << 63) <= value < 1 << 63:
            raise ValueError(f"random_: Overflow when unpacking long, {value} does not fit 64 bits")
    if high is None and low == -(1 << 63):
        if code not in (I64, F64, F32, BF16):
            raise RuntimeError("random_: the full range of 64 bits handles only int64, double, float and bfloat16, "
                               f"got {NAMES[code]}")
        first[0] = 0                          # the words are taken as they are
        count[0] = 0
        return 0
    if bits:
        limit = int(LARGEST_FINITE[code])
        bounds = (-limit, limit)
        exact = 2 ** <object> bits
    elif code in WHOLE_BOUNDS:
        bounds = WHOLE_BOUNDS[code]
        exact = None
    else:
        raise NotImplementedError(f'random_: "random_from_to" not implemented for {NAMES[code]}')
    last = high - 1 if high is not None else exact if bits else bounds[1]
    if high is not None and low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    for name, value in (("from", low), ("to - 1", last)):
        if not bounds[0] <= value <= bounds[1]:
            raise RuntimeError(f"random_: {name} is out of bounds for {NAMES[code]}, got {value}; the dtype holds "
                               f"{bounds[0]} to {bounds[1]}")
    if bits:
        for name, value in (("from", low), ("to - 1", last)):
            if not -exact <= value <= exact:
                import warnings
                warnings.warn(f"random_: {name} is out of bounds [-(2^{bits}), 2^{bits}]: {NAMES[code]} holds not every integer "
                              f"beyond, so the distribution is not uniform (got {value})")
        # The ends move inside until they are representable, as far as PyTorch moves them.
        if _as_dtype(code, low + 1) < low:
            low = _as_dtype(code, low + 1) + 2 ** (abs(low + 1).bit_length() - bits)
        if high is not None and _as_dtype(code, last) > last:
            last = _as_dtype(code, last) - 2 ** (abs(last).bit_length() - bits) - 1
    if low > last:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={last + 1}")
    first[0] = low
    count[0] = last - low + 1
    return 0


# ---- the Python door: fills of any writable buffer -------------------------------------------------------------------

cdef Py_ssize_t open_target(object out, int code, Py_buffer* view) except -1:
    if not 0 <= code < NCODES:
        raise ValueError(f"dtype code {code}: expected 0 to {NCODES - 1}")
    PyObject_GetBuffer(out, view, PyBUF_WRITABLE)
    if view.len % item_bytes(code):
        PyBuffer_Release(view)
        raise ValueError(f"a buffer of {view.len} bytes does not hold whole elements of {NAMES[code]}")
    return view.len // item_bytes(code)


cdef int finish(Py_buffer* view, int status, str op, int code) except -1:
    PyBuffer_Release(view)
    if status != 0:
        raise NotImplementedError(f"{op}: not implemented for {NAMES[code]}")
    return 0


def uniform(Generator generator not None, int code, out, double low=0.0, double high=1.0):
    """Fill with uniform numbers of [low, high). Floating and complex dtypes.

    All fills of this module take a generator, a dtype code (see types.pxd), and a writable contiguous buffer, whose
    size says how many elements are drawn; they raise RuntimeError for arguments PyTorch refuses and
    NotImplementedError for a dtype without such a fill.
    """
    cdef Py_buffer view
    cdef int status
    check_uniform(code, low, high)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_uniform(&generator.engine, code, view.buf, n, low, high)
    finish(&view, status, "uniform_", code)


def normal(Generator generator not None, int code, out, double mean=0.0, double std=1.0, bint blocks=True):
    """Fill with normal numbers. `blocks` False is the path of a tensor that is not row-major. Complex: the real view."""
    cdef Py_buffer view
    cdef int status
    check_normal(std)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_normal(&generator.engine, code, view.buf, n, mean, std, blocks)
    finish(&view, status, "normal_", code)


def integers(Generator generator not None, int code, out, low, high):
    """Fill with integers of [low, high), or from `low` to the dtype's largest one if `high` is None."""
    cdef Py_buffer view
    cdef int status
    cdef long long first
    cdef unsigned long long count
    integer_range(code, low, high, &first, &count)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_integers(&generator.engine, code, view.buf, n, first, count)
    finish(&view, status, "random_", code)


def random(Generator generator not None, int code, out):
    """Fill with integers from 0 to the largest of an integer dtype, or to 2^digits of a floating one."""
    cdef Py_buffer view
    cdef int status
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_random(&generator.engine, code, view.buf, n)
    finish(&view, status, "random_", code)


def bernoulli(Generator generator not None, int code, out, double p=0.5):
    """Fill with 1 with probability p, else 0."""
    cdef Py_buffer view
    cdef int status
    check_bernoulli(p)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_bernoulli(&generator.engine, code, view.buf, n, p)
    finish(&view, status, "bernoulli_", code)


def bernoulli_each(Generator generator not None, int code, out, int p_code, probabilities):
    """Fill with 1 with the probability found at the same place of `probabilities` (a buffer of dtype `p_code`)."""
    cdef Py_buffer view, given
    cdef int status = -1
    cdef bint inside = True
    cdef Py_ssize_t i, n
    if significand_bits(p_code) == 0:
        raise RuntimeError(f"bernoulli_: expected floating probabilities, got {NAMES[p_code]}")
    PyObject_GetBuffer(probabilities, &given, PyBUF_SIMPLE)
    try:
        n = open_target(out, code, &view)
        if given.len // item_bytes(p_code) == n:
            for i in range(n):
                inside &= 0 <= ((<double*> given.buf)[i] if p_code == F64 else load_single(p_code, given.buf, i)) <= 1
            if inside:
                with nogil:
                    status = fill_bernoulli_each(&generator.engine, code, view.buf, n, p_code, given.buf)
        PyBuffer_Release(&view)
        if given.len // item_bytes(p_code) != n:
            raise ValueError(f"bernoulli_: {given.len // item_bytes(p_code)} probabilities for {n} elements")
    finally:
        PyBuffer_Release(&given)
    if not inside:
        raise RuntimeError("bernoulli_: Expected p_in >= 0 && p_in <= 1 to be true for every probability")
    if status != 0:
        raise NotImplementedError(f"bernoulli_: not implemented for {NAMES[code]}")


def exponential(Generator generator not None, int code, out, double rate=1.0):
    """Fill with exponential numbers of the given rate (PyTorch's `lambd`). Floating dtypes."""
    cdef Py_buffer view
    cdef int status
    check_exponential(code, rate)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_exponential(&generator.engine, code, view.buf, n, rate)
    finish(&view, status, "exponential_", code)


def cauchy(Generator generator not None, int code, out, double median=0.0, double sigma=1.0):
    """Fill with Cauchy numbers. Floating dtypes."""
    cdef Py_buffer view
    cdef int status
    check_cauchy(code, sigma)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_cauchy(&generator.engine, code, view.buf, n, median, sigma)
    finish(&view, status, "cauchy_", code)


def geometric(Generator generator not None, int code, out, double p):
    """Fill with the number of trials up to the first success. All real dtypes but bool."""
    cdef Py_buffer view
    cdef int status
    check_geometric(p)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_geometric(&generator.engine, code, view.buf, n, p)
    finish(&view, status, "geometric_", code)


def log_normal(Generator generator not None, int code, out, double mean=1.0, double std=2.0):
    """Fill with numbers whose logarithms are normal. Floating dtypes."""
    cdef Py_buffer view
    cdef int status
    check_log_normal(code, std)
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_log_normal(&generator.engine, code, view.buf, n, mean, std)
    finish(&view, status, "log_normal_", code)


def permutation(Generator generator not None, int code, out):
    """Fill with a permutation of 0 to n - 1."""
    cdef Py_buffer view
    cdef int status
    cdef Py_ssize_t n = open_target(out, code, &view)
    with nogil:
        status = fill_permutation(&generator.engine, code, view.buf, n)
    finish(&view, status, "randperm", code)


def choices(Generator generator not None, int code, weights, out):
    """Fill an int64 buffer with indices into one row of weights, drawn with replacement."""
    cdef Py_buffer view, given
    cdef int status
    cdef Py_ssize_t n, categories
    PyObject_GetBuffer(weights, &given, PyBUF_SIMPLE)
    try:
        n = open_target(out, I64, &view)
        categories = given.len // item_bytes(code)
        scratch = bytearray(8 * categories + 8)
        status = fill_choices(&generator.engine, code, given.buf, categories, <long long*> view.buf, n, <char*> scratch)
        PyBuffer_Release(&view)
    finally:
        PyBuffer_Release(&given)
    if status == -2:
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if status == -3:
        raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
    if status != 0:
        raise NotImplementedError(f"multinomial: not implemented for {NAMES[code]}")


# ---- generator --------------------------------------------------------------------------------------------------------

cdef class Generator:
    """A source of random numbers with its own state: PyTorch's CPU generator.

    Parameters
    ----------
    device : str
        ``"cpu"``; nothing else exists here.

    Notes
    -----
    States are bytes at this level, laid out as PyTorch's 5056-byte state, and may be exchanged with it both ways. Two
    threads may use one generator: each fill holds it as a whole.
    """

    def __cinit__(self, *args, **kwargs):
        seed_engine(&self.engine, DEFAULT_SEED)

    def __init__(self, device="cpu"):
        if device is not None and str(device).split(":")[0] != "cpu":
            raise RuntimeError(f"Generator: device {str(device)!r} does not exist here, expected 'cpu'")

    @property
    def device(self):
        return "cpu"

    def manual_seed(self, seed):
        """Start the stream of `seed`, any integer from -2^63 to 2^64 - 1; a negative one counts from 2^64 down.

        Returns
        -------
        Generator
            This one.
        """
        cdef unsigned long long value = _checked_seed("manual_seed", seed)
        hold_engine(&self.engine)
        seed_engine(&self.engine, value)
        release_engine(&self.engine)
        return self

    def seed(self):
        """Start a stream nobody can foresee; returns its seed, 64 bits of the system's randomness."""
        value = int.from_bytes(os.urandom(8), "little")
        Generator.manual_seed(self, value)
        return value

    def initial_seed(self):
        """The seed this stream was started from."""
        return self.engine.seed

    def get_state(self):
        """The whole state as 5056 bytes."""
        hold_engine(&self.engine)
        try:
            return pack_state(&self.engine)
        finally:
            release_engine(&self.engine)

    def set_state(self, state):
        """Go on from a state `get_state` gave, here or in PyTorch.

        Raises
        ------
        RuntimeError
            Wrong size, or not a state of this generator.
        """
        cdef Py_buffer view
        cdef Engine read
        PyObject_GetBuffer(state, &view, PyBUF_SIMPLE)
        try:
            if view.len != STATE_BYTES:
                raise RuntimeError(f"set_state: expected a state of size {STATE_BYTES} but found the input RNG state size to be "
                                   f"{view.len}")
            if not unpack_state(<const unsigned char*> view.buf, &read):
                raise RuntimeError("set_state: Invalid mt19937 state")
        finally:
            PyBuffer_Release(&view)
        hold_engine(&self.engine)
        read.lock = self.engine.lock
        self.engine = read
        release_engine(&self.engine)
        return self

    def clone_state(self):
        """A new generator in the same state."""
        clone = type(self)()
        Generator.set_state(clone, Generator.get_state(self))
        return clone

    def get_offset(self):
        """Refused: only counter-based generators have an offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset):
        """Refused: only counter-based generators have an offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def graphsafe_get_state(self):
        """Refused: there are no device graphs."""
        raise NotImplementedError("graphsafe_get_state is not supported in this Generator")

    def graphsafe_set_state(self, state):
        """Refused: there are no device graphs."""
        raise NotImplementedError("graphsafe_set_state is not supported in this Generator")

    def __reduce__(self):
        return type(self), ("cpu",), Generator.get_state(self)

    def __setstate__(self, state):
        Generator.set_state(self, state)


def _checked_seed(op, seed):
    if isinstance(seed, bool) or not (isinstance(seed, int) or type(seed).__module__ == "numpy" and hasattr(seed, "__index__")):
        raise RuntimeError(f"{op} expected a long, but got {type(seed).__name__}")
    seed = int(seed)
    if not -(1 << 63) <= seed < 1 << 64:
        raise ValueError(f"{op}: Overflow when unpacking long long, the seed {seed} does not fit 64 bits")
    return seed & 0xffffffffffffffff


cdef struct PackedState:              # PyTorch's layout; fields it no longer uses are written as 0
    unsigned long long seed
    int left
    int seeded
    unsigned long long next
    unsigned long long state[624]
    double unused_x
    double cached
    double unused_rho
    int has_cached
    int padding
    float cached_single
    unsigned char has_cached_single
    unsigned char padding_too[3]


cdef bytes pack_state(Engine* rng):
    cdef PackedState packed
    cdef int i
    memset(&packed, 0, sizeof(packed))
    packed.seed = rng.seed
    packed.left = rng.left
    packed.seeded = 1
    packed.next = rng.next
    for i in range(WORDS):
        packed.state[i] = rng.state[i]
    packed.cached = rng.cached
    packed.has_cached = rng.has_cached
    return (<char*> &packed)[:sizeof(packed)]


cdef bint unpack_state(const unsigned char* source, Engine* rng) noexcept:
    cdef PackedState packed
    cdef int i
    memcpy(&packed, source, sizeof(packed))
    if packed.seeded == 0 or not 1 <= packed.left <= WORDS or packed.next > WORDS:
        return False
    rng.seed = packed.seed
    rng.left = packed.left
    rng.next = <unsigned int> packed.next
    for i in range(WORDS):
        rng.state[i] = <unsigned int> packed.state[i]
    rng.cached = packed.cached
    rng.has_cached = packed.has_cached != 0
    return True


cdef Generator default_object


cdef Generator default_generator_object():
    return default_object


def set_default_generator(Generator generator not None):
    """What draws when a call names no generator."""
    global default_object
    default_object = generator


default_object = Generator()
default_generator = default_object
default_generator.seed()                      # as in PyTorch: a program that wants a fixed stream seeds it
