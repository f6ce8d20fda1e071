# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# From operands to one walk. The common case (dense tensors of one dtype and shape, or a tensor and a number) goes straight to
# the loop; everything else is described as a Walk. Promotion has three tiers, as in PyTorch: tensors with dims, 0-d
# tensors, Python numbers; a lower tier changes the result only when it is of a higher kind.
from cpython.ref cimport PyObject
from cpython.bool cimport PyBool_Check
from cpython.long cimport PyLong_Check
from cpython.float cimport PyFloat_Check, PyFloat_AS_DOUBLE
from cpython.complex cimport PyComplex_Check
from libc.string cimport memcpy, memset, memchr
from frankentorch._ext.types cimport *
from frankentorch._ext.half cimport load_f16, load_bf16, store_f16, store_bf16
from frankentorch._ext.dtype cimport (dtype_of, PROMOTE, ITEMSIZE, default_code, default_complex_code, is_float_code, is_complex_code,
                                      is_integral_code, to_complex_code, to_real_code, can_cast_codes)
from frankentorch._ext.tensor cimport *
from frankentorch._ext.iterate cimport *
from frankentorch._ext.looptable cimport N_LOOPS, N_MORE, fill_loops, power_loop

cdef enum:
    KEEP_LOCK = 4096          # below this many elements the interpreter lock is kept
    MORE_F16 = 0              # kinds of further loops, as in optable/expand.py
    MORE_BF16 = 1
    MORE_REPEATED = 2
    MORE_REPEATED_F64 = 3
    MORE_LED = 4
    MORE_LED_F64 = 5
    MORE_ENDED = 6
    MORE_ENDED_F64 = 7

cdef void* LOOPS[N_LOOPS * (15 + N_MORE)]
fill_loops(LOOPS)

cdef tuple SCALAR_NAMES = ("Bool", "Byte", "Char", "Short", "Int", "Long", "UInt16", "UInt32", "UInt64", "Half", "BFloat16", "Float", "Double",
                           "ComplexFloat", "ComplexDouble")


cdef str scalar_name(int code):
    """PyTorch's name of a dtype in its messages."""
    return SCALAR_NAMES[code]


# ---- numbers ----
cdef bint is_number(object value):
    if PyFloat_Check(value) or PyLong_Check(value) or PyComplex_Check(value):
        return True
    if isinstance(value, (Tensor, str, bytes, list, tuple, dict)) or value is None:
        return False
    return (hasattr(value, "__float__") or hasattr(value, "__index__")) and not hasattr(type(value), "__len__")     # arrays are no numbers


cdef object plain_number(object value):
    """A Python bool, int, float or complex for any number-like object (NumPy scalars among them)."""
    if PyFloat_Check(value) or PyLong_Check(value) or PyComplex_Check(value):
        return value
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    if hasattr(value, "__index__"):
        return value.__index__()
    if hasattr(value, "dtype") and getattr(value.dtype, "kind", "") == "c":
        return complex(value)
    return float(value)


cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int*)


cdef int check_64_bits(object value) except -1:
    """OverflowError for an int that neither 64 signed nor 64 unsigned bits hold."""
    cdef int over = 0
    PyLong_AsLongLongAndOverflow(value, &over)
    if over < 0 or (over > 0 and value >= 1 << 64):
        raise OverflowError(f"int too big to convert: {value} needs more than 64 bits")
    return 0


cdef int number_code(object value) except -1:
    if PyFloat_Check(value):
        return default_code()
    if PyBool_Check(value):
        return BOOL
    if PyLong_Check(value):
        return I64
    if PyComplex_Check(value):
        return default_complex_code()
    return number_code(plain_number(value))


cdef int check_fits(object value, int code) except -1:
    """RuntimeError for a number that a dtype cannot hold: fills and parameters are refused where arithmetic would wrap.

    As in the oracle, unsigned dtypes take the negatives of what they hold, halves overflow to infinity, bool holds everything.
    """
    cdef object top, low, bits          # Python ints: 1 << 64 must not wrap
    cdef bint over
    value = plain_number(value)
    if PyLong_Check(value):
        check_64_bits(value)
    if code == BOOL or is_complex_code(code) and not is_over_f32(value, code):
        return 0
    over = is_over_f32(value, code)
    if PyComplex_Check(value) and not over:
        over = value.imag != 0
        value = value.real
    if not over and is_integral_code(code):
        bits = 8 * ITEMSIZE[code]
        top, low = (1 << bits) - 1, 0
        if code != U8 and code < U16:
            top = top >> 1
            low = -top - 1
        elif PyLong_Check(value):
            low = -top
        over = value != value or value < low or value > top
    if over:
        raise RuntimeError(f"value cannot be converted to type {dtype_of(code).name} without overflow: {value}")
    return 0


cdef bint is_over_f32(object value, int code):
    """A finite number beyond the range of float32, for the dtypes made of it."""
    cdef double real
    if code != F32 and code != C64 or PyLong_Check(value):
        return False
    if PyComplex_Check(value):
        return is_over_f32(value.real, F32) or is_over_f32(value.imag, F32)
    real = abs(<double> value)
    return 3.4028234663852886e38 < real < 1e400


cdef int store_number(object value, int code, char* cell) except -1:
    """Write a number in the given dtype. Integers wrap to narrower types; OverflowError beyond 64 bits."""
    cdef double real = 0, imag = 0
    cdef long long integer = 0
    cdef ft_c128 wide
    value = plain_number(value)
    if code == BOOL:
        cell[0] = value != 0
        return 0
    if is_integral_code(code) and not PyComplex_Check(value):
        if PyLong_Check(value):
            try:
                integer = value
            except OverflowError:
                check_64_bits(value)
                integer = <long long> <unsigned long long> value
        else:
            real = value
            cast_one(cell, code, &real, F64)
            return 0
        cast_one(cell, code, &integer, I64)
        return 0
    if PyComplex_Check(value):
        wide.re = value.real
        wide.im = value.imag
        cast_one(cell, code, &wide, C128)
        return 0
    if PyLong_Check(value) and code != F64:
        try:
            integer = value
            cast_one(cell, code, &integer, I64)
            return 0
        except OverflowError:
            pass
    try:
        real = value
    except OverflowError:
        raise RuntimeError(f"value cannot be converted to type double without overflow: {value}") from None
    cast_one(cell, code, &real, F64)
    return 0


cdef object load_number(const char* cell, int code):
    """The Python number in a cell."""
    cdef double real
    cdef ft_c128 wide
    cdef long long integer
    if code == BOOL:
        return cell[0] != 0
    if is_complex_code(code):
        cast_one(&wide, C128, cell, code)
        return complex(wide.re, wide.im)
    if is_float_code(code):
        cast_one(&real, F64, cell, code)
        return real
    if code == U64:
        return (<const ft_u64*> cell)[0]
    cast_one(&integer, I64, cell, code)
    return integer


# ---- promotion ----
cdef void kinds_start(Kinds* k) noexcept:
    k.dim = k.zero = k.wrapped = -1


cdef int promote_or_raise(int a, int b) except -2:
    if a < 0:
        return b
    if b < 0:
        return a
    if PROMOTE[a][b] < 0:
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {scalar_name(a)} and {scalar_name(b)}")
    return PROMOTE[a][b]


cdef int kinds_add(Kinds* k, object operand) except -1:
    cdef Tensor t
    if isinstance(operand, Tensor):
        t = <Tensor> operand
        if t.rank:
            k.dim = promote_or_raise(k.dim, t.code)
        else:
            k.zero = promote_or_raise(k.zero, t.code)
    else:
        if PyLong_Check(operand):
            check_64_bits(operand)
        k.wrapped = promote_or_raise(k.wrapped, number_code(operand))
    return 0


cdef int combine(int higher, int lower) except -2:
    if higher < 0:
        return lower
    if lower < 0 or is_complex_code(higher):
        return higher
    if is_float_code(higher):
        return to_complex_code(higher) if is_complex_code(lower) else higher
    if is_complex_code(lower):
        return lower
    if higher == BOOL or not is_integral_code(lower):
        return promote_or_raise(higher, lower)
    return higher


cdef int kinds_result(Kinds* k) except -2:
    """-1 when nothing was added."""
    return combine(k.dim, combine(k.zero, k.wrapped))


# ---- shapes ----
cdef int broadcast_sizes(int n, PyObject** tensors, Py_ssize_t* sizes) except -1:
    """Common shape into `sizes`; returns its ndim. RuntimeError naming the two sizes that clash."""
    cdef int ndim = 0, i, d, shift
    cdef Py_ssize_t s
    for i in range(n):
        if (<Tensor> tensors[i]).rank > ndim:
            ndim = (<Tensor> tensors[i]).rank
    for d in range(ndim):
        sizes[d] = 1
    for i in range(n):
        shift = ndim - (<Tensor> tensors[i]).rank
        for d in range((<Tensor> tensors[i]).rank):
            s = (<Tensor> tensors[i]).sizes[d]
            if s == 1 or s == sizes[d + shift]:
                continue
            if sizes[d + shift] == 1:
                sizes[d + shift] = s
                continue
            raise RuntimeError(f"The size of tensor a ({sizes[d + shift]}) must match the size of tensor b ({s}) at non-singleton dimension {d + shift}: "
                               + " and ".join([describe(<object> tensors[j]) for j in range(n)]))
    return ndim


cdef void output_strides(int ndim, const Py_ssize_t* sizes, int n, PyObject** inputs, Py_ssize_t* strides) noexcept:
    """Strides of a fresh output: those of the inputs when all are dense alike, else dims ordered as the inputs order them."""
    cdef int i, d, j, order[64]
    cdef Tensor t
    cdef bint same = True
    cdef Py_ssize_t step = 1
    cdef Py_ssize_t steps[3][64]
    cdef int shift, m = 0
    for i in range(n):
        t = <Tensor> inputs[i]
        if t.rank == 0:
            continue
        shift = ndim - t.rank
        for d in range(shift):
            steps[m][d] = 0
        for d in range(t.rank):
            steps[m][d + shift] = 0 if t.sizes[d] == 1 and sizes[d + shift] != 1 else t.strides[d] * ITEMSIZE[t.code]
        m += 1
    # insertion sort, fastest first, starting from row-major order
    for i in range(ndim):
        d = ndim - 1 - i
        j = i
        while j > 0 and faster(m, steps, sizes, d, order[j - 1]):
            order[j] = order[j - 1]
            j -= 1
        order[j] = d
    for j in range(ndim):
        strides[order[j]] = step
        step *= sizes[order[j]] if sizes[order[j]] > 1 else 1


cdef bint faster(int n, Py_ssize_t[3][64] steps, const Py_ssize_t* sizes, int a, int b) noexcept:
    """Dim a (the slower in row-major order) should come before dim b: by the first input that tells."""
    cdef int k
    for k in range(n):
        if steps[k][a] == 0 or steps[k][b] == 0:
            continue
        if steps[k][a] != steps[k][b]:
            return steps[k][a] < steps[k][b]
        if sizes[a] < sizes[b]:
            return True
    return False


cdef bint same_sizes(Tensor a, Tensor b) noexcept:
    cdef int d
    if a.rank != b.rank:
        return False
    for d in range(a.rank):
        if a.sizes[d] != b.sizes[d]:
            return False
    return True


cdef bint same_strides(Tensor a, Tensor b) noexcept:
    cdef int d
    for d in range(a.rank):
        if a.strides[d] != b.strides[d] and a.sizes[d] > 1:
            return False
    return True


cdef int overlap_of(Tensor a, Tensor b) noexcept:
    cdef char* a0
    cdef char* b0
    if a is b:
        return OVERLAP_FULL
    if a.count == 0 or b.count == 0 or a.storage.data == NULL or b.storage.data == NULL:
        return OVERLAP_NONE
    a0 = data_of(a)
    b0 = data_of(b)
    if a.storage is not b.storage and (a.storage.data + a.storage.nbytes <= b.storage.data or b.storage.data + b.storage.nbytes <= a.storage.data):
        return OVERLAP_NONE
    if not non_overlapping_and_dense(a) or not non_overlapping_and_dense(b):
        return OVERLAP_UNKNOWN
    if a0 + a.count * ITEMSIZE[a.code] <= b0 or b0 + b.count * ITEMSIZE[b.code] <= a0:
        return OVERLAP_NONE
    if a0 == b0 and a.count * ITEMSIZE[a.code] == b.count * ITEMSIZE[b.code] and same_sizes(a, b) and same_strides(a, b):
        return OVERLAP_FULL
    return OVERLAP_PARTIAL


cdef int check_no_internal_overlap(Tensor t, str name) except -1:
    cdef int d
    if t.flags & DENSE:
        return 0
    for d in range(t.rank):
        if t.sizes[d] > 1 and t.strides[d] == 0:
            raise RuntimeError(f"{name}: unsupported operation: more than one element of the written-to tensor refers to a single memory location: "
                               f"{describe(t)}. Please clone() the tensor before performing the operation.")
    return 0


cdef int resize_storage(Tensor t, int ndim, const Py_ssize_t* sizes) except -1:
    """Make `t` contiguous of a new shape in place; the storage grows when it must."""
    cdef Py_ssize_t n = checked_numel(ndim, sizes), need
    cdef Storage s = t.storage
    cdef Storage bigger
    if n > (<Py_ssize_t> 1 << 62) // ITEMSIZE[t.code] - t.offset:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={[sizes[i] for i in range(ndim)]}")
    set_dims(t, ndim)
    memcpy(t.sizes, sizes, ndim * sizeof(Py_ssize_t))
    contiguous_strides(ndim, sizes, t.strides)
    finish(t)
    need = (t.offset + n) * ITEMSIZE[t.code]
    if need > s.nbytes:
        if s.kind == FOREIGN or not s.resizable:
            raise RuntimeError("Trying to resize storage that is not resizable")
        bigger = new_storage(need, s.kind == NO_DATA)
        if s.data != NULL and s.nbytes:
            memcpy(bigger.data, s.data, s.nbytes)
        # every alias sees the new bytes: the two objects trade blocks
        s.data, bigger.data = bigger.data, s.data
        s.nbytes, bigger.nbytes = bigger.nbytes, s.nbytes
    return 0


# ---- copies ----
cdef int copy_into(Tensor target, Tensor source) except -1:
    """target[...] = source (broadcast, cast); no autograd, no version bump."""
    cdef Py_ssize_t target_steps[64]
    cdef Py_ssize_t steps[64]
    cdef int d, shift, overlap
    cdef char* to
    cdef char* start
    cdef Tensor apart
    shift = target.rank - source.rank
    if shift < 0:
        for d in range(-shift):
            if source.sizes[d] != 1:
                raise RuntimeError(f"copy_: expected a source that broadcasts to {describe(target)}, got {describe(source)}")
    for d in range(target.rank):
        target_steps[d] = target.strides[d] * ITEMSIZE[target.code]
        if d < shift:
            steps[d] = 0
        elif source.sizes[d - shift] == target.sizes[d]:
            steps[d] = source.strides[d - shift] * ITEMSIZE[source.code]
        elif source.sizes[d - shift] == 1:
            steps[d] = 0
        else:
            raise RuntimeError(f"The size of tensor a ({target.sizes[d]}) must match the size of tensor b ({source.sizes[d - shift]}) at non-singleton dimension {d}: "
                               f"copy_ into {describe(target)} from {describe(source)}")
    if is_meta(target) or is_meta(source):
        if is_meta(source) and not is_meta(target):
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        return 0
    if target.count == 0:
        return 0
    overlap = overlap_of(target, source)
    if overlap == OVERLAP_FULL and target.code == source.code:
        return 0
    if overlap == OVERLAP_PARTIAL or overlap == OVERLAP_UNKNOWN or (overlap == OVERLAP_FULL and target.code != source.code):
        apart = new_like(source, source.code)
        copy_into(apart, source)
        return copy_into(target, apart)
    to = data_of(target)
    start = data_of(source)
    if target.count < KEEP_LOCK:
        copy_strided(to, target.code, target_steps, start, source.code, steps, target.rank, target.sizes)
    else:
        with nogil:
            copy_strided(to, target.code, target_steps, start, source.code, steps, target.rank, target.sizes)
    return 0


cdef Tensor cast_tensor(Tensor t, int code):
    """A copy in another dtype, preserve_format; the tensor itself when it has that dtype."""
    cdef Tensor out
    if t.code == code:
        return t
    out = new_like(t, code)
    copy_into(out, t)
    return out


cdef Tensor contiguous_tensor(Tensor t):
    """The tensor itself when C-contiguous, else a contiguous copy."""
    cdef Tensor out
    if t.flags & DENSE:
        return t
    out = new_tensor(t.code, is_meta(t), t.rank, t.sizes)
    copy_into(out, t)
    return out


# ---- the loop call ----
cdef int loop_codes(str name, const LoopSpec* spec, int common, int* compute, int* out_code) except -1:
    """Code to compute in and code of the result, from the common dtype."""
    if spec.promote == PROMOTE_INT_TO_FLOAT and is_integral_code(common):
        common = default_code()
    compute[0] = common
    if spec.result == RESULT_SAME:
        out_code[0] = common
    elif spec.result == RESULT_BOOL:
        out_code[0] = BOOL
    elif spec.result == RESULT_I64:
        out_code[0] = I64
    else:
        out_code[0] = to_real_code(common)
    if common == BOOL and name in BOOL_REFUSALS:
        raise RuntimeError(BOOL_REFUSALS[name])
    if LOOPS[spec.number * NCODES + common] == NULL:
        raise NotImplementedError(f'"{name}" not implemented for \'{scalar_name(common)}\'')
    return 0


# where the oracle says more about bool than "not implemented"
cdef dict BOOL_REFUSALS = {
    "neg": "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
    "sub": "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
    "rsub": "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."}


cdef int fill_params(const LoopSpec* spec, PyObject** params, int compute, char* cells) except -1:
    cdef int i, code = F32 if compute == F16 or compute == BF16 else compute
    for i in range(spec.n_params):
        if spec.guard & GUARD_ALPHA:
            check_alpha(<object> params[i], compute)
        check_fits(<object> params[i], compute)
        store_number(<object> params[i], code, cells + 16 * i)
        if spec.guard & GUARD_ALPHA:
            narrow(<float*> (cells + 16 * i), compute)
    return 0


cdef void narrow(float* cell, int code) noexcept:
    """Round a number to the half type the result has: add and sub take their numbers as tensors, other rows in full."""
    if code == F16:
        cell[0] = load_f16(store_f16(cell[0]))
    elif code == BF16:
        cell[0] = load_bf16(store_bf16(cell[0]))


cdef int check_alpha(object value, int code) except -1:
    """The multiplier of add and sub is of a kind that the result has."""
    if PyBool_Check(value) and code != BOOL:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if PyComplex_Check(value) and not is_complex_code(code):
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
    if PyFloat_Check(value) and is_integral_code(code):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return 0


cdef bint has_zero(Tensor t) except -1:
    """Whether an integer tensor holds a zero."""
    cdef Tensor flat = contiguous_tensor(t)
    cdef const char* at = data_of(flat)
    cdef Py_ssize_t i, n = flat.count
    cdef int size = ITEMSIZE[flat.code]
    if size == 1:
        return memchr(at, 0, n) != NULL
    for i in range(n):
        if (size == 2 and (<const short*> at)[i] == 0) or (size == 4 and (<const int*> at)[i] == 0) or (size == 8 and (<const long long*> at)[i] == 0):
            return True
    return False


cdef int guard_integers(str name, const LoopSpec* spec, PyObject** operands, int compute, Py_ssize_t count) except -1:
    """What loops over integers cannot say themselves: division by zero, a negative exponent, a number that the dtype cannot hold."""
    cdef int k
    cdef object value
    if spec.guard & GUARD_ZERO and count:
        value = <object> operands[1]
        if has_zero(<Tensor> value) if isinstance(value, Tensor) and not is_meta(<Tensor> value) else not isinstance(value, Tensor) and value == 0:
            raise RuntimeError(f"ZeroDivisionError: {name} of integers by zero")
    if spec.guard & GUARD_EXPONENT:
        value = <object> operands[1]
        if not isinstance(value, Tensor) and value < 0:
            raise RuntimeError(f"Integers to negative integer powers are not allowed: exponent {value}")
    if spec.guard & GUARD_FIT:
        for k in range(spec.n_operands):
            if not isinstance(<object> operands[k], Tensor) and (k or not spec.guard & GUARD_EXPONENT):
                check_fits(<object> operands[k], compute)
    return 0


cdef Tensor run_loop(str name, const LoopSpec* spec, PyObject** operands, PyObject** params, Tensor target, bint resize_target):
    """Run one elementwise op. `target` (in-place or out=) is written and returned; else a fresh tensor.

    Operands are tensors or numbers. RuntimeError on shapes that do not broadcast or a result that cannot be cast to the target.
    """
    cdef Tensor first, second = None, out
    cdef int compute = 0, out_code = 0, n = spec.n_operands
    cdef char cells[96]
    cdef loop_fn loop
    if target is None and isinstance(<object> operands[0], Tensor):
        first = <Tensor> <object> operands[0]
        if first.flags & DENSE and not first.flags & META and first.count <= KEEP_LOCK:
            if n == 1:
                loop_codes(name, spec, first.code, &compute, &out_code)
                if compute == first.code and compute != F16 and compute != BF16:
                    fill_params(spec, params, compute, cells)
                    loop = <loop_fn> LOOPS[spec.number * NCODES + compute]
                    out = like_dense(first, out_code)
                    loop(out.storage.data, data_of(first), NULL, NULL, first.count, cells)
                    return out
            elif n == 2 and isinstance(<object> operands[1], Tensor):
                second = <Tensor> <object> operands[1]
                if second.flags & DENSE and not second.flags & META and second.code == first.code and same_sizes(first, second) \
                        and same_strides(first, second):
                    loop_codes(name, spec, first.code, &compute, &out_code)
                    if compute == first.code and compute != F16 and compute != BF16:
                        if spec.guard and is_integral_code(compute):
                            guard_integers(name, spec, operands, compute, first.count)
                        fill_params(spec, params, compute, cells)
                        loop = <loop_fn> LOOPS[spec.number * NCODES + compute]
                        out = like_dense(first, out_code)
                        loop(out.storage.data, data_of(first), data_of(second), NULL, first.count, cells)
                        return out
    return run_general(name, spec, operands, params, target, resize_target)


cdef inline Tensor like_dense(Tensor t, int code):
    """Fresh tensor of a dense tensor's shape; strides of size-1 dims are kept, as PyTorch keeps them."""
    if t.rank <= 1:
        return new_tensor(code, False, t.rank, t.sizes)
    return new_strided(code, False, t.rank, t.sizes, t.strides) if t.count else new_tensor(code, False, t.rank, t.sizes)


cdef bint all_alike(int n, PyObject** tensors, int ndim) noexcept:
    """All of the full shape, non-overlapping, dense and of the same strides: the result takes those strides."""
    cdef int i
    cdef Tensor first = <Tensor> tensors[0]
    if first.rank != ndim or not non_overlapping_and_dense(first):
        return False
    for i in range(1, n):
        if not same_sizes(first, <Tensor> tensors[i]) or not same_strides(first, <Tensor> tensors[i]):
            return False
    return True


cdef Py_ssize_t numel_of(int ndim, const Py_ssize_t* sizes) noexcept:
    cdef Py_ssize_t n = 1
    cdef int d
    for d in range(ndim):
        n *= sizes[d]
    return n


cdef int loop_number(const LoopSpec* spec, PyObject** operands, int compute) except -1:
    """The loop to run: the row's, or a plainer one for a power by 2, 3, 0.5, -0.5, -1 or -2, which then walks over the base alone."""
    cdef object exponent
    cdef int number
    if not spec.guard & GUARD_EXPONENT:
        return spec.number
    exponent = <object> operands[1]
    if not PyFloat_Check(exponent) and not PyLong_Check(exponent) or isinstance(exponent, bool) or not -2 <= exponent <= 3:
        return spec.number
    if compute == F16 and exponent in (0.5, -0.5, -2):      # PyTorch's float16 takes pow there: sqrt(-0) is -0, (-0)^0.5 is 0
        return spec.number
    number = power_loop(exponent)
    return spec.number if number < 0 or LOOPS[number * NCODES + compute] == NULL else number


cdef Tensor run_general(str name, const LoopSpec* spec, PyObject** operands, PyObject** params, Tensor target, bint resize_target):
    cdef PyObject* tensors[3]
    cdef Tensor held0 = None, held1 = None, held2 = None
    cdef char scalars[3][16]
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef Walk w
    cdef Kinds kinds
    cdef loop_fn half_loop
    cdef int n_tensors = 0, n = spec.n_operands, k, d, shift, ndim, compute = 0, out_code = 0, common, overlap, loop_code, number
    cdef Tensor t, out, apart
    cdef bint meta = False, same = True
    kinds_start(&kinds)
    for k in range(n):
        if k or spec.promote != PROMOTE_SKIP_FIRST:
            kinds_add(&kinds, <object> operands[k])
        if isinstance(<object> operands[k], Tensor):
            t = <Tensor> <object> operands[k]
            tensors[n_tensors] = <PyObject*> t
            n_tensors += 1
            meta = meta or is_meta(t)
    if n_tensors == 0:
        raise TypeError(f"{name}() received an invalid combination of arguments - got only numbers, but expected at least one Tensor")
    common = kinds_result(&kinds)
    loop_codes(name, spec, common, &compute, &out_code)
    fill_params(spec, params, compute, w.params)
    ndim = broadcast_sizes(n_tensors, tensors, sizes)
    if spec.guard and is_integral_code(compute):
        guard_integers(name, spec, operands, compute, numel_of(ndim, sizes))
    if target is None:
        if n_tensors and all_alike(n_tensors, tensors, ndim):
            t = <Tensor> tensors[0]
            out = new_strided(out_code, meta, ndim, sizes, t.strides) if t.count else new_tensor(out_code, meta, ndim, sizes)
        else:
            output_strides(ndim, sizes, n_tensors, tensors, strides)
            out = new_strided(out_code, meta, ndim, sizes, strides)
    else:
        out = target
        if is_meta(out) != meta:
            raise RuntimeError(f"{name}: Expected all tensors to be on the same device, but the operands are on {'meta' if meta else 'cpu'} and the output is on {'cpu' if meta else 'meta'}")
        if resize_target and spec.exact_out and out_code != out.code:
            raise RuntimeError(f"{name}: Found dtype {scalar_name(out.code)} but expected {scalar_name(out_code)}")
        if not can_cast_codes(out_code, out.code):
            raise RuntimeError(f"{name}: result type {scalar_name(out_code)} can't be cast to the desired output type {scalar_name(out.code)}")
        same = out.rank == ndim
        for d in range(ndim if same else 0):
            same = same and out.sizes[d] == sizes[d]
        if not same:
            if not resize_target:
                raise RuntimeError(f"{name}: output with shape {list(sizes_tuple(out))} doesn't match the broadcast shape {[sizes[d] for d in range(ndim)]}")
            resize_output(out, ndim, sizes)
        check_no_internal_overlap(out, name)
    if meta:
        return out
    w.count = out.count
    if w.count == 0:
        return out
    number = loop_number(spec, operands, compute)
    if number != spec.number:
        n = 1
    w.loop = <loop_fn> LOOPS[number * NCODES + compute]
    w.ndim = ndim
    w.n_operands = n + 1
    w.grain = GRAIN
    for d in range(ndim):
        w.sizes[d] = sizes[d]
        w.operands[0].steps[d] = out.strides[d] * ITEMSIZE[out.code]
    w.operands[0].data = data_of(out)
    w.operands[0].code = out.code
    # halves are computed by the float32 loop on cast blocks and rounded once, or so by a loop of their own
    loop_code = F32 if compute == F16 or compute == BF16 else compute
    w.operands[0].loop_code = F32 if (out_code == F16 or out_code == BF16) else out_code
    w.cast = NULL
    w.repeated = w.led = w.ended = NULL
    if out.code == compute and (compute == F32 or compute == F64):
        w.repeated = more_loop(number, MORE_REPEATED if compute == F32 else MORE_REPEATED_F64)
        w.led = more_loop(number, MORE_LED if compute == F32 else MORE_LED_F64)
        w.ended = more_loop(number, MORE_ENDED if compute == F32 else MORE_ENDED_F64)
    if loop_code != compute and n_tensors == n and out.code == compute and all_of(n, tensors, compute):
        half_loop = more_loop(number, MORE_F16 if compute == F16 else MORE_BF16)
        if half_loop != NULL:
            w.loop = half_loop
            w.operands[0].loop_code = loop_code = compute
    for k in range(n):
        if not isinstance(<object> operands[k], Tensor):
            store_number(<object> operands[k], loop_code, scalars[k])
            if spec.guard & GUARD_ALPHA:
                narrow(<float*> scalars[k], compute)
            w.operands[k + 1].data = scalars[k]
            w.operands[k + 1].code = w.operands[k + 1].loop_code = loop_code
            for d in range(ndim):
                w.operands[k + 1].steps[d] = 0
            continue
        t = <Tensor> <object> operands[k]
        if target is not None:
            overlap = overlap_of(out, t)
            if overlap == OVERLAP_PARTIAL:
                raise RuntimeError(f"{name}: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location: "
                                   f"{describe(t)} and {describe(out)}. Please clone() the tensor before performing the operation.")
            if overlap == OVERLAP_UNKNOWN or (overlap == OVERLAP_FULL and t.code != out.code):
                apart = new_like(t, t.code)
                copy_into(apart, t)
                t = apart
                if k == 0:
                    held0 = t
                elif k == 1:
                    held1 = t
                else:
                    held2 = t
        shift = ndim - t.rank
        for d in range(ndim):
            w.operands[k + 1].steps[d] = 0 if d < shift or t.sizes[d - shift] == 1 else t.strides[d - shift] * ITEMSIZE[t.code]
        w.operands[k + 1].data = data_of(t)
        w.operands[k + 1].code = t.code
        w.operands[k + 1].loop_code = loop_code
    if w.count <= KEEP_LOCK:
        run_walk(&w)
    else:
        with nogil:
            run_walk(&w)
    return out


cdef inline loop_fn more_loop(int number, int kind) noexcept:
    """A further loop of a row, or NULL; they follow the loops by dtype."""
    return <loop_fn> LOOPS[N_LOOPS * NCODES + N_MORE * number + kind]


cdef inline bint all_of(int n, PyObject** tensors, int code) noexcept:
    cdef int k
    for k in range(n):
        if (<Tensor> tensors[k]).code != code:
            return False
    return True


cdef int resize_output(Tensor out, int ndim, const Py_ssize_t* sizes) except -1:
    """Resize an out= tensor, warning when it held something."""
    if out.count:
        import warnings
        warnings.warn(f"An output with one or more elements was resized since it had shape {list(sizes_tuple(out))}, which does not match the required output shape "
                      f"{[sizes[d] for d in range(ndim)]}. This behavior is deprecated; resize out to 0 elements first.", UserWarning, stacklevel=3)
    resize_storage(out, ndim, sizes)
    return 0


def result_type_of(tuple operands):
    """dtype that ops over these tensors and numbers compute in."""
    cdef Kinds kinds
    kinds_start(&kinds)
    for operand in operands:
        kinds_add(&kinds, operand)
    return dtype_of(kinds_result(&kinds))
