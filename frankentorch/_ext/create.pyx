# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Making tensors: empty, filled, ranges, from nested Python data and from foreign buffers; and the way back to Python lists.
from libc.string cimport memcpy, memset
from cpython.buffer cimport PyObject_GetBuffer, PyBuffer_Release, Py_buffer, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBUF_STRIDES, PyBUF_FORMAT
from cpython.complex cimport PyComplex_FromDoubles
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_New, PyList_SET_ITEM
from cpython.long cimport PyLong_CheckExact
from cpython.ref cimport Py_INCREF
from frankentorch._ext.types cimport *
from frankentorch._ext.bitmath cimport fma_f64
from frankentorch._ext.dtype cimport dtype, dtype_of, ITEMSIZE, default_code, default_complex_code, device, memory_format, Format
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport check_fits, store_number, load_number, copy_into, is_number, scalar_name, number_code
from frankentorch._ext.views cimport read_sizes

_fill_uninitialized = False


def set_fill_uninitialized(bint value):
    """Fill fresh memory with NaN or the largest integer (deterministic mode)."""
    global _fill_uninitialized
    _fill_uninitialized = value


def empty(tuple size, dtype to, bint meta, int format):
    """Uninitialised tensor in a memory format (1 contiguous, 2 channels_last, 3 channels_last_3d)."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "empty")
    cdef Tensor out
    checked_numel(n, sizes)
    if format <= Format.CONTIGUOUS:
        out = new_tensor(to.code, meta, n, sizes)
    else:
        format_strides(format, n, sizes, strides)
        out = new_strided(to.code, meta, n, sizes, strides)
    return unwritten(out)


cdef Tensor unwritten(Tensor out):
    """Fresh memory, filled where deterministic mode asks for it."""
    if _fill_uninitialized and not is_meta(out):
        fill(out, float("nan") if out.code >= F16 else True if out.code == BOOL else (1 << (8 * ITEMSIZE[out.code] - (out.code <= I64 and out.code != U8))) - 1)
    return out


def empty_strided(tuple size, tuple stride, dtype to, bint meta):
    """Uninitialised tensor of given strides."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "empty_strided"), i
    if read_sizes(stride, strides, "empty_strided") != n:
        raise RuntimeError(f"dimensionality of sizes ({n}) must match dimensionality of strides ({len(stride)})")
    for i in range(n):
        if strides[i] < 0:
            raise RuntimeError(f"empty_strided: negative stride {strides[i]}")
    return unwritten(new_strided(to.code, meta, n, sizes, strides))


def empty_like(Tensor self, dtype to, bint meta, int format):
    """Uninitialised tensor of the same shape; format 0 keeps the order of strides."""
    cdef Py_ssize_t strides[64]
    cdef int code = self.code if to is None else to.code
    if format == Format.PRESERVE:
        if self.flags & DENSE and self.count == 0:
            return new_tensor(code, meta, self.rank, self.sizes)
        preserved_strides(self, strides)
    else:
        format_strides(format, self.rank, self.sizes, strides)
    return unwritten(new_strided(code, meta, self.rank, self.sizes, strides))


def fill(Tensor self, value):
    """Every element = value (a number), in place; no tape."""
    cdef Tensor cell
    cdef Py_ssize_t nbytes
    if is_meta(self):
        return self
    cell = new_tensor(self.code, False, 0, NULL)
    check_fits(value, self.code)
    store_number(value, self.code, cell.storage.data)
    # between the two bounds our stores are faster than memset's
    nbytes = self.count * ITEMSIZE[self.code]
    if self.flags & DENSE and nbytes and (ITEMSIZE[self.code] == 1 or is_zero(cell) and (nbytes <= 2048 or nbytes > 1 << 20)):
        memset(data_of(self), cell.storage.data[0], self.count * ITEMSIZE[self.code])
        return self
    copy_into(self, cell)
    return self


cdef bint is_zero(Tensor cell) noexcept:
    cdef int i
    for i in range(ITEMSIZE[cell.code]):
        if cell.storage.data[i] != 0:
            return False
    return True


def scalar_tensor(value, dtype to, bint meta):
    """0-d tensor of a number."""
    cdef Tensor out = new_tensor(number_code(value) if to is None else to.code, meta, 0, NULL)
    if not meta:
        check_fits(value, out.code)
        store_number(value, out.code, out.storage.data)
    return out


def copy(Tensor target, Tensor source):
    """target[...] = source, broadcast and cast; no tape."""
    copy_into(target, source)
    return target


def cast_copy(Tensor self, dtype to, int format):
    """A fresh copy in another dtype and memory format."""
    cdef Tensor out = empty_like(self, to, is_meta(self), format)
    copy_into(out, self)
    return out


cdef enum:
    RUN = 64

ctypedef fused real:
    float
    double


# Whole blocks have a count that the compiler knows, and a counter of 32 bits, which vectors turn into floating point.
cdef void ramp(real* to, Py_ssize_t count, double start, double step) noexcept nogil:
    """to[i] = start + i * step, computed in float64."""
    cdef Py_ssize_t at = 0
    cdef double base
    cdef int j
    while count - at >= RUN:
        base = <double> at
        for j in range(RUN):
            to[at + j] = <real> (start + (base + <double> j) * step)
        at += RUN
    while at < count:
        to[at] = <real> (start + <double> at * step)
        at += 1


cdef void line(real* to, Py_ssize_t count, real start, real step, Py_ssize_t first, Py_ssize_t way) noexcept nogil:
    """to[i] = start + (first + i * way) * step, computed in its own type; way is 1 or -1."""
    cdef Py_ssize_t at = 0
    cdef int j, base, turn = <int> way
    while count - at >= RUN and first + count < <Py_ssize_t> 0x7fffffff:
        base = <int> (first + at * way)
        for j in range(RUN):
            to[at + j] = start + <real> (base + j * turn) * step
        at += RUN
    while at < count:
        to[at] = start + <real> (first + at * way) * step
        at += 1


def fill_range(Tensor out, start, step, bint integer):
    """out[i] = start + i * step, in float64 (float32 results rounded once) or int64."""
    cdef Py_ssize_t i
    cdef double s, d
    cdef long long si, di
    cdef int code = (I32 if out.code == I32 else I64) if integer else F32 if out.code == F32 else F64
    cdef Tensor wide = out if out.code == code and out.flags & DENSE else new_tensor(code, False, 1, &out.count)
    cdef char* to = data_of(wide)
    if integer:
        si, di = start, step
        if code == I32:
            for i in range(out.count):
                (<ft_i32*> to)[i] = <ft_i32> (si + i * di)
        else:
            for i in range(out.count):
                (<long long*> to)[i] = si + i * di
    else:
        s, d = start, step
        if code == F32:
            ramp(<float*> to, out.count, s, d)
        else:
            ramp(<double*> to, out.count, s, d)
    if wide is not out:
        copy_into(out, wide)
    return out


def fill_linspace(Tensor out, start, end, Py_ssize_t steps):
    """steps points from start to end; the second half counts back from end, so both ends are exact."""
    cdef Py_ssize_t i
    cdef double a, b, d
    cdef float af, bf, df
    cdef Tensor wide
    if out.code == F32:
        af, bf = start, end
        df = (bf - af) / <float> (steps - 1) if steps > 1 else 0
        line(<float*> data_of(out), steps // 2, af, df, 0, 1)
        line(<float*> data_of(out) + steps // 2, steps - steps // 2, bf, -df, steps - steps // 2 - 1, -1)
        if steps == 1:
            (<float*> data_of(out))[0] = af
        return out
    wide = new_tensor(F64, False, 1, &out.count)
    a, b = start, end
    if BOOL < out.code < F16 or U16 <= out.code <= U64:     # integers: both ends are cut first, each point once, from one fused operation
        a, b = <double> <long long> int(start), <double> <long long> int(end)
        d = (b - a) / <double> (steps - 1) if steps > 1 else 0
        for i in range(steps):
            (<double*> wide.storage.data)[i] = fma_f64(d, <double> i, a) if i < steps // 2 or steps == 1 else fma_f64(-d, <double> (steps - i - 1), b)
        copy_into(out, wide)
        return out
    d = (b - a) / <double> (steps - 1) if steps > 1 else 0
    line(<double*> wide.storage.data, steps // 2, a, d, 0, 1)
    line(<double*> wide.storage.data + steps // 2, steps - steps // 2, b, -d, steps - steps // 2 - 1, -1)
    if steps == 1:
        (<double*> wide.storage.data)[0] = a
    copy_into(out, wide)
    return out


# ---- Python data ----
cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1


cdef enum:
    VARIED                              # what a flat list holds: anything
    FLOATS
    INTEGERS


cdef int flat_kind(object data):
    """Of a list whether all of it are Python's own floats, or integers."""
    cdef object item
    if not PyList_CheckExact(data) or not data:
        return VARIED
    if PyFloat_CheckExact((<list> data)[0]):
        for item in <list> data:
            if not PyFloat_CheckExact(item):
                return VARIED
        return FLOATS
    for item in <list> data:
        if not PyLong_CheckExact(item):
            return VARIED
    return INTEGERS


cdef bint store_flat(list data, int code, char* at) except -1:
    """Write a list of floats or of integers that fit; False where it is another or one does not, and all of it is to be written anew."""
    cdef int kind = flat_kind(data) if code == F32 or code == F64 or U8 <= code <= I64 else VARIED
    cdef Py_ssize_t i = 0
    cdef int overflow = 0
    cdef long long value, most = ((<long long> 1 << (8 * ITEMSIZE[code] - 2)) - 1) * 2 + 1 if kind == INTEGERS else 0, least = 0 if code == U8 else -most - 1
    cdef object item
    if kind == FLOATS and code == F32:
        for item in data:
            (<float*> at)[i] = <float> PyFloat_AS_DOUBLE(item)
            i += 1
    elif kind == FLOATS and code == F64:
        for item in data:
            (<double*> at)[i] = PyFloat_AS_DOUBLE(item)
            i += 1
    elif kind == INTEGERS and code <= I64:
        for item in data:
            value = PyLong_AsLongLongAndOverflow(item, &overflow)
            if overflow or not least <= value <= most:
                return False
            if code == I64:
                (<long long*> at)[i] = value
            elif code == I32:
                (<ft_i32*> at)[i] = <ft_i32> value
            elif code == I16:
                (<ft_i16*> at)[i] = <ft_i16> value
            else:
                at[i] = <char> value
            i += 1
    return kind != VARIED and i == len(data)


cdef int look(object data, int depth, list sizes, int* code, bint* has_tensor, bint infers) except -1:
    """Shape from the first element of each level, and the dtype that holds every element (`infers`: it will be the result's)."""
    cdef int found
    if isinstance(data, Tensor):
        has_tensor[0] = True
        t = <Tensor> data
        if (<Tensor> t).flags & BATCHED:
            raise RuntimeError(f"vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor: torch.tensor() of {describe(t)}; use torch.stack")
        if len(sizes) <= depth:
            for d in (<Tensor> t).shape:
                sizes.append(d)
        found = (<Tensor> t).code
    elif is_number(data):
        found = number_code(data)
    elif isinstance(data, (str, bytes)):
        if depth:
            raise ValueError(f"too many dimensions '{type(data).__name__}'")
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    else:
        if isinstance(data, (dict, set, frozenset)) or not hasattr(data, "__len__"):
            if infers:
                raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
            raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
        n = len(data)
        if depth >= 64:
            raise ValueError("excessive nesting: tensor(): more than 64 levels of sequences")
        if len(sizes) <= depth:
            sizes.append(n)
        if n and flat_kind(data) != VARIED:         # one of them stands for all
            return look(data[0], depth + 1, sizes, code, has_tensor, infers)
        for item in data:
            look(item, depth + 1, sizes, code, has_tensor, infers)
        return 0
    if code[0] < 0:
        code[0] = found
    elif found != code[0]:
        from frankentorch._ext.dtype import promote_types
        code[0] = (<dtype> promote_types(dtype_of(code[0]), dtype_of(found))).code
    return 0


cdef int store_nested(object data, int depth, tuple sizes, int code, char** at) except -1:
    """Write nested data row by row; ValueError where a row has another length."""
    cdef Tensor t
    cdef Tensor flat
    cdef Py_ssize_t n
    if isinstance(data, Tensor):
        t = <Tensor> data
        if tuple(t.shape) != sizes[depth:]:
            raise ValueError(f"expected sequence of shape {list(sizes[depth:])} at dim {depth} (got a tensor of shape {list(t.shape)})")
        flat = new_tensor(code, False, t.rank, t.sizes)
        copy_into(flat, t)
        n = flat.count * ITEMSIZE[code]
        memcpy(at[0], flat.storage.data, n)
        at[0] += n
        return 0
    if depth == len(sizes):
        if not is_number(data):
            raise TypeError(f"must be real number, not {type(data).__name__}")
        if isinstance(data, complex) and code < C64 and code != BOOL:
            raise TypeError("must be real number, not complex")
        check_range(data, code)
        store_number(data, code, at[0])
        at[0] += ITEMSIZE[code]
        return 0
    if is_number(data):
        raise TypeError(f"expected a sequence at dim {depth}, got {type(data).__name__}: not a sequence")
    n = len(data)
    if n != sizes[depth]:
        raise ValueError(f"expected sequence of length {sizes[depth]} at dim {depth} (got {n})")
    if depth + 1 == len(sizes) and PyList_CheckExact(data) and store_flat(<list> data, code, at[0]):
        at[0] += n * ITEMSIZE[code]
        return 0
    for item in data:
        store_nested(item, depth + 1, sizes, code, at)
    return 0


cdef int check_range(object value, int code) except -1:
    """Numbers that an integer dtype cannot hold are refused: ValueError beyond 64 bits, else RuntimeError."""
    if code == BOOL or code >= F16:
        return 0
    if isinstance(value, int) and not (-(<object> 1 << 63) <= value < (<object> 1 << (64 if code == U64 else 63))):
        raise ValueError(f"Overflow when unpacking long long: {value}")
    return check_fits(value, code)


def from_data(data, dtype to):
    """Fresh tensor of nested sequences of numbers (and 0-d or n-d tensors)."""
    cdef list sizes = []
    cdef int code = -1, i
    cdef bint has_tensor = False
    cdef Tensor out
    cdef char* at
    cdef Py_ssize_t dims[64]
    look(data, 0, sizes, &code, &has_tensor, to is None)
    if code < 0:
        code = default_code()
    if to is not None:
        code = to.code
    if len(sizes) > 64:
        raise ValueError(f"too many dims ({len(sizes)}); the most is 64")
    for i in range(len(sizes)):
        dims[i] = sizes[i]
    out = new_tensor(code, False, len(sizes), dims)
    at = out.storage.data
    if out.count:
        store_nested(data, 0, tuple(sizes), code, &at)
    return out


cdef inline object number_at(const char* at, int code):
    """load_number, the frequent ones first."""
    if code == F32:
        return <double> (<const float*> at)[0]
    if code == I64:
        return (<const long long*> at)[0]
    if code == F64:
        return (<const double*> at)[0]
    if code == C64:
        return PyComplex_FromDoubles((<const float*> at)[0], (<const float*> at)[1])
    if code == C128:
        return PyComplex_FromDoubles((<const double*> at)[0], (<const double*> at)[1])
    return load_number(at, code)


cdef object to_nested(const char* at, Tensor t, int dim):
    cdef Py_ssize_t i
    cdef list out
    cdef object item
    if dim == t.rank:
        return number_at(at, t.code)
    out = PyList_New(t.sizes[dim])
    if dim == t.rank - 1:
        for i in range(t.sizes[dim]):
            item = number_at(at + i * t.strides[dim] * ITEMSIZE[t.code], t.code)
            Py_INCREF(item)
            PyList_SET_ITEM(out, i, item)
        return out
    for i in range(t.sizes[dim]):
        item = to_nested(at + i * t.strides[dim] * ITEMSIZE[t.code], t, dim + 1)
        Py_INCREF(item)
        PyList_SET_ITEM(out, i, item)
    return out


def tolist(Tensor self):
    """Nested lists of Python numbers; the number itself for a 0-d tensor."""
    check_readable(self)
    if is_meta(self):
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    return to_nested(data_of(self), self, 0)


# ---- foreign memory ----
cdef class BufferHold:
    """Keeps a buffer exported as long as a storage looks into it."""
    cdef Py_buffer view
    cdef bint held

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


def from_buffer(buffer, dtype to, Py_ssize_t count, Py_ssize_t offset):
    """1-d tensor over a Python buffer, sharing its bytes. ValueError when the range does not fit."""
    cdef BufferHold hold = BufferHold.__new__(BufferHold)
    cdef bint read_only = False
    cdef Py_ssize_t n
    cdef Tensor out
    cdef int size = ITEMSIZE[to.code]
    try:
        PyObject_GetBuffer(buffer, &hold.view, PyBUF_WRITABLE)
    except (BufferError, ValueError, TypeError):
        try:
            PyObject_GetBuffer(buffer, &hold.view, PyBUF_SIMPLE)
        except (TypeError, BufferError):
            raise ValueError(f"object of type {type(buffer).__name__} does not implement buffer protocol.") from None
        read_only = True
        import warnings
        warnings.warn("The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can write to the underlying (supposedly non-writable) "
                      "buffer using the tensor. You may want to copy the buffer to protect its data or make it writable before converting it to a tensor.", UserWarning, stacklevel=3)
    hold.held = True
    if hold.view.len == 0 or count == 0:
        raise ValueError(f"both buffer length ({hold.view.len}) and count ({count}) must not be 0")
    if offset < 0 or offset >= hold.view.len:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({hold.view.len} bytes) minus 1")
    if count < 0:
        if (hold.view.len - offset) % size:
            raise ValueError(f"buffer length ({hold.view.len - offset} bytes) after offset ({offset} bytes) must be a multiple of element size ({size})")
        count = (hold.view.len - offset) // size
    if count > (hold.view.len - offset) // size:
        raise ValueError(f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be greater than actual buffer length ({hold.view.len} bytes)")
    n = count
    out = alloc_tensor(1)
    out.sizes[0] = n
    out.strides[0] = 1
    out.code = to.code
    finish(out)
    out.storage = wrap_storage(<char*> hold.view.buf + offset, n * size, hold, read_only)
    return out


cdef int code_of_format(const char* name) noexcept:
    """The dtype of one of the buffer protocol's native codes, -1 for others."""
    cdef const char* names = b"?Bbhil" b"qHILQefd"
    cdef const int* codes = [BOOL, U8, I8, I16, I32, I64, I64, U16, U32, U64, U64, F16, F32, F64]
    cdef int i
    if name == NULL or name[0] == 0:
        return -1
    if name[0] == b"Z":
        return C64 if name[1] == b"f" and name[2] == 0 else C128 if name[1] == b"d" and name[2] == 0 else -1
    for i in range(14):
        if names[i] == name[0] and name[1] == 0:
            return codes[i]
    return -1


def shared(array):
    """Tensor over a writable buffer of native numbers with strides that tensors have; None where that is not what it is."""
    cdef Py_buffer view
    cdef Tensor out = None
    cdef Py_ssize_t extent = 1
    cdef int code, i
    try:
        PyObject_GetBuffer(array, &view, PyBUF_STRIDES | PyBUF_FORMAT | PyBUF_WRITABLE)
    except (BufferError, ValueError, TypeError):
        return None
    code = code_of_format(view.format)
    if code >= 0 and view.len and view.itemsize == ITEMSIZE[code] and view.ndim <= 64:
        for i in range(view.ndim):
            if view.strides[i] < 0 or view.strides[i] % view.itemsize:
                code = -1
    else:
        code = -1
    if code >= 0:
        out = alloc_tensor(view.ndim)
        for i in range(view.ndim):
            out.sizes[i] = view.shape[i]
            out.strides[i] = view.strides[i] // view.itemsize
            extent += (view.shape[i] - 1) * out.strides[i]
        out.storage = wrap_storage(view.buf, extent * view.itemsize, array, False)
        out.code = code
        out.offset = 0
        finish(out)
    PyBuffer_Release(&view)
    return out


def from_address(size_t address, Py_ssize_t nbytes, owner, dtype to, tuple size, tuple stride, Py_ssize_t offset, bint read_only):
    """Tensor over foreign memory kept alive by `owner`; the geometry is checked against nbytes."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "from_address")
    cdef Tensor out = alloc_tensor(n)
    cdef Storage storage = wrap_storage(<void*> address, nbytes, owner, read_only)
    read_sizes(stride, strides, "from_address")
    check_view_fits(storage, to.code, n, sizes, strides, offset)
    memcpy(out.sizes, sizes, n * sizeof(Py_ssize_t))
    memcpy(out.strides, strides, n * sizeof(Py_ssize_t))
    out.code = to.code
    out.storage = storage
    out.offset = offset
    finish(out)
    return out


def storage_of(Tensor self):
    """The Storage object (owner of the bytes)."""
    return self.storage


def storage_facts(Storage storage):
    """(address, nbytes, kind, version)."""
    return <size_t> storage.data, storage.nbytes, storage.kind, storage.version


def storage_bytes(Tensor self):
    """A copy of all bytes of the storage."""
    if self.storage.data == NULL:
        return b""
    return self.storage.data[:self.storage.nbytes]


def tensor_bytes(Tensor self):
    """The elements in row-major order as bytes."""
    cdef Tensor flat = self
    if is_meta(self):
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    if not self.flags & DENSE:
        flat = new_tensor(self.code, False, self.rank, self.sizes)
        copy_into(flat, self)
    if flat.count == 0:
        return b""
    return data_of(flat)[:flat.count * ITEMSIZE[flat.code]]


def from_storage(Storage storage, dtype to, tuple size, tuple stride, Py_ssize_t offset):
    """Tensor over an existing storage, checked."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "set_")
    cdef Tensor out = alloc_tensor(n)
    if read_sizes(stride, strides, "set_") != n:
        raise RuntimeError(f"mismatch in length of strides and shape: {list(stride)} against {list(size)}")
    check_view_fits(storage, to.code, n, sizes, strides, offset)
    memcpy(out.sizes, sizes, n * sizeof(Py_ssize_t))
    memcpy(out.strides, strides, n * sizeof(Py_ssize_t))
    out.code = to.code
    out.storage = storage
    out.offset = offset
    if storage.kind == NO_DATA:
        out.flags |= META
    finish(out)
    return out


def new_storage_of_bytes(bytes data):
    """Storage holding a copy of `data`."""
    cdef Storage s = new_storage(len(data), False)
    if len(data):
        memcpy(s.data, <const char*> data, len(data))
    return s


def same_storage(Tensor a, Tensor b):
    """Whether two tensors look into the same bytes."""
    return a.storage is b.storage or (a.storage.data != NULL and a.storage.data == b.storage.data)


def to_meta(Tensor self):
    """Shape-only twin."""
    cdef Py_ssize_t strides[64]
    preserved_strides(self, strides)
    return new_strided(self.code, True, self.rank, self.sizes, strides)
