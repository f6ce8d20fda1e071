# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Pooling of tensors: window arithmetic and errors here, the loops in pool_run.pyx. One function serves 1 to 3 spatial dims, with or
# without a batch dim. Images in channels_last are worked where they are if they have many channels; other operands are made contiguous.
# Results take channels_last strides when the input has them.
from libc.string cimport memset
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor, scalar_name
from frankentorch._ext.formats cimport channels_last, new_image, in_format
from frankentorch._ext.pool cimport PoolShape, POOL_MAX, POOL_AVERAGE, POOL_MAX_BACKWARD, POOL_AVERAGE_BACKWARD
from frankentorch._ext.pool_run cimport pool_run, POOL_OK, POOL_DTYPE

cdef enum:
    LOCKED_VALUES = 4096        # smaller problems keep the interpreter lock
    FEW = 8                     # channels not worth a loop over them


cdef bint side_by_side(Tensor t, Tensor other, int n, PoolShape* s) noexcept:
    """Whether an image in channels_last, or two of a size of which one is, has channels enough to be worked where it is. The shape is told."""
    s.pitch = t.sizes[1] if t.rank == n + 2 and t.sizes[1] >= FEW and (channels_last(t) or channels_last(other)) and s.size[0] * s.size[1] * s.size[2] < 1 << 31 else 0
    return s.pitch > 0


cdef tuple filled(object value, int n, str op, str name):
    if isinstance(value, int):
        value = (value,)
    for one in value:
        if not -(1 << 31) <= one < 1 << 31:            # so that no sum of them overflows
            raise RuntimeError(f"{op}: {name} {one}: integer out of range")
    if len(value) == 1:
        return tuple(value) * n
    if len(value) != n:
        raise RuntimeError(f"{op}: {name} must either be a single int, or a tuple of {n} ints, got {list(value)}")
    return tuple(value)


cdef int check_input(Tensor t, int n, str op) except -1:
    cdef int d, lead = t.rank - n
    if lead != 1 and lead != 2:
        raise RuntimeError(f"{op}: Expected {n + 1}D or {n + 2}D (batch mode) tensor for input, but got {describe(t)}")
    for d in range(lead - 1, t.rank):
        if t.sizes[d] == 0:
            raise RuntimeError(f"{op}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, but got: {list(sizes_tuple(t))}")
    return 0


cdef Py_ssize_t planes_of(Tensor t, int n):
    cdef Py_ssize_t planes = t.sizes[0]
    return planes * t.sizes[1] if t.rank == n + 2 else planes


cdef int window(PoolShape* s, int n, str op, tuple kernel, tuple stride, tuple padding, tuple dilation, bint ceil_mode, tuple size) except -1:
    """Fill a shape and work out the number of windows per dim (a last one may hang over with ceil_mode, but begins inside)."""
    cdef Py_ssize_t span, reach, k, st, p, dil, extent, count
    cdef int d, at
    for d in range(3):
        s.size[d] = s.kernel[d] = s.stride[d] = s.dilation[d] = s.out[d] = 1
        s.padding[d] = 0
    s.divisor, s.count_padding, s.adaptive = 0, True, False
    for d in range(n):
        k, st, p, dil, extent = kernel[d], stride[d], padding[d], dilation[d], size[d]
        at = 3 - n + d
        if k <= 0:
            raise RuntimeError(f"{op}: kernel size should be greater than zero, but got {list(kernel)}")
        if st <= 0:
            raise RuntimeError(f"{op}: stride should be greater than zero (stride should not be zero), but got {list(stride)}")
        if dil <= 0:
            raise RuntimeError(f"{op}: dilation should be greater than zero, but got {list(dilation)}")
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        reach = (k - 1) * dil + 1
        if p > reach // 2:
            raise RuntimeError(f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and dilation={dil}")
        span = extent + 2 * p - reach
        if span < 0 and ceil_mode:
            count = -((-span) // st)
        else:
            count = -((-span + st - 1) // st) if span < 0 else (span + (st - 1 if ceil_mode else 0)) // st
        count += 1
        if ceil_mode and (count - 1) * st >= extent + p:
            count -= 1
        if count < 1:
            raise RuntimeError(f"Given input size: {list(size)}. Calculated output size per dim: {count}. Output size is too small ({op})")
        s.size[at], s.kernel[at], s.stride[at], s.padding[at], s.dilation[at], s.out[at] = extent, k, st, p, dil, count
    return 0


cdef int run_planes(int kind, PoolShape* s, Py_ssize_t planes, Tensor source, Tensor out, Tensor index, str op) except -1:
    cdef int status, code = source.code
    cdef const char* at = data_of(source)
    cdef char* to = data_of(out)
    cdef long long* where = NULL if index is None else <long long*> data_of(index)
    if planes == 0:
        return 0
    if source.count + out.count < LOCKED_VALUES:
        status = pool_run(kind, code, s, planes, at, to, where)
    else:
        with nogil:
            status = pool_run(kind, code, s, planes, at, to, where)
    if status == POOL_DTYPE:
        raise NotImplementedError(f"\"{op}\" not implemented for '{scalar_name(code)}'")
    if status != POOL_OK:
        raise MemoryError(f"{op}: no memory for scratch")
    return 0


cdef object forward(Tensor self, int n, int kind, PoolShape* s, bint wants_index, str op):
    cdef Py_ssize_t sizes[5]
    cdef int d, lead = self.rank - n
    cdef Tensor out, index = None
    cdef bint last = channels_last(self), direct = side_by_side(self, self, n, s)
    for d in range(lead):
        sizes[d] = self.sizes[d]
    for d in range(n):
        sizes[lead + d] = s.out[3 - n + d]
    out = new_image(self.code, is_meta(self), self.rank, sizes, direct)
    if wants_index:
        index = new_image(I64, is_meta(self), self.rank, sizes, direct)
    if not is_meta(self):
        run_planes(kind, s, self.sizes[0] if direct else planes_of(self, n), self if direct else contiguous_tensor(self), out, index, op)
    if last and not direct:
        out = in_format(out, True)
        index = None if index is None else in_format(index, True)
    return (out, index) if wants_index else out


cdef object max_pool(Tensor self, int n, kernel_size, stride, padding, dilation, bint ceil_mode, bint wants_index):
    cdef PoolShape s
    cdef str op = f"max_pool{n}d"
    kernel = filled(kernel_size, n, op, "kernel_size")
    steps = kernel if isinstance(stride, tuple) and len(stride) == 0 else filled(stride, n, op, "stride")
    check_input(self, n, op)
    window(&s, n, op, kernel, steps, filled(padding, n, op, "padding"), filled(dilation, n, op, "dilation"), ceil_mode, sizes_tuple(self)[self.rank - n:])
    return forward(self, n, POOL_MAX, &s, wants_index, op)


def max_pool_values(Tensor self, int n, kernel_size, stride, padding, dilation, bint ceil_mode):
    """Largest values alone, for callers that record nothing."""
    return max_pool(self, n, kernel_size, stride, padding, dilation, ceil_mode, False)


def max_pool1d_with_indices(Tensor self, kernel_size, stride, padding, dilation, bint ceil_mode):
    return max_pool(self, 1, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(Tensor self, kernel_size, stride, padding, dilation, bint ceil_mode):
    return max_pool(self, 2, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool3d_with_indices(Tensor self, kernel_size, stride, padding, dilation, bint ceil_mode):
    return max_pool(self, 3, kernel_size, stride, padding, dilation, ceil_mode, True)


cdef object backward(int kind, Tensor g, Tensor index, Tensor self, int n, PoolShape* s, str op):
    cdef bint direct = side_by_side(self, g, n, s)
    cdef Tensor out = new_image(g.code, is_meta(g), g.rank, self.sizes, direct)
    if not is_meta(g):
        run_planes(kind, s, g.sizes[0] if direct else planes_of(g, n), in_format(g, direct), out, None if index is None else in_format(index, direct), op)
    return out


cdef object max_pool_backward(Tensor g, Tensor self, Tensor indices, int n):
    """g put to where the largest values were; equal places add up in order of the windows."""
    cdef PoolShape s
    cdef int d
    s.adaptive, s.divisor, s.count_padding = False, 0, False
    for d in range(3):
        s.size[d] = s.out[d] = s.kernel[d] = s.stride[d] = s.dilation[d] = 1
        s.padding[d] = 0
    for d in range(n):
        s.size[3 - n + d], s.out[3 - n + d] = self.sizes[self.rank - n + d], g.sizes[g.rank - n + d]
    return backward(POOL_MAX_BACKWARD, g, indices, self, n, &s, "max_pool_backward")


def max_pool1d_backward(Tensor g, Tensor self, Tensor indices):
    return max_pool_backward(g, self, indices, 1)


def max_pool2d_backward(Tensor g, Tensor self, Tensor indices):
    return max_pool_backward(g, self, indices, 2)


def max_pool3d_backward(Tensor g, Tensor self, Tensor indices):
    return max_pool_backward(g, self, indices, 3)


cdef int average_window(PoolShape* s, int n, tuple size, kernel_size, stride, padding, bint ceil_mode, bint count_include_pad, divisor_override) except -1:
    cdef str op = f"avg_pool{n}d"
    kernel = filled(kernel_size, n, op, "kernel_size")
    steps = kernel if isinstance(stride, tuple) and len(stride) == 0 else filled(stride, n, op, "stride")
    if divisor_override is not None and divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    window(s, n, op, kernel, steps, filled(padding, n, op, "padding"), (1,) * n, ceil_mode, size[len(size) - n:])
    s.count_padding = count_include_pad
    if divisor_override is not None:
        s.divisor = divisor_override
    return 0


cdef object avg_pool(Tensor self, int n, kernel_size, stride, padding, bint ceil_mode, bint count_include_pad, divisor_override):
    """Mean of each window."""
    cdef PoolShape s
    check_input(self, n, f"avg_pool{n}d")
    average_window(&s, n, sizes_tuple(self), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return forward(self, n, POOL_AVERAGE, &s, False, f"avg_pool{n}d")


def avg_pool1d(Tensor self, kernel_size, stride, padding, ceil_mode, count_include_pad):
    return avg_pool(self, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(Tensor self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return avg_pool(self, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(Tensor self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return avg_pool(self, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


cdef object avg_pool_backward(Tensor g, Tensor self, int n, kernel_size, stride, padding, bint ceil_mode, bint count_include_pad, divisor_override):
    """g shared out over each window."""
    cdef PoolShape s
    average_window(&s, n, sizes_tuple(self), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return backward(POOL_AVERAGE_BACKWARD, g, None, self, n, &s, "avg_pool_backward")


def avg_pool1d_backward(Tensor g, Tensor self, kernel_size, stride, padding, ceil_mode, count_include_pad):
    return avg_pool_backward(g, self, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d_backward(Tensor g, Tensor self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return avg_pool_backward(g, self, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d_backward(Tensor g, Tensor self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return avg_pool_backward(g, self, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


cdef int adaptive_shape(PoolShape* s, int n, tuple size, tuple out, str op) except -1:
    cdef int d
    if len(out) != n:
        raise RuntimeError(f"{op}: output_size must be {n}, got {list(out)}")
    s.adaptive, s.divisor, s.count_padding = True, 0, False
    for d in range(3):
        s.size[d] = s.out[d] = s.kernel[d] = s.stride[d] = s.dilation[d] = 1
        s.padding[d] = 0
    for d in range(n):
        if out[d] < 0:
            raise RuntimeError(f"{op}: elements of output_size must be greater than or equal to 0 but received {list(out)}")
        s.size[3 - n + d], s.out[3 - n + d] = size[len(size) - n + d], out[d]
    return 0


cdef object adaptive_pool(Tensor self, int n, output_size, bint average):
    """Windows that cover the input: floor(o size / out) to ceil((o + 1) size / out)."""
    cdef PoolShape s
    cdef str op = f"adaptive_{'avg' if average else 'max'}_pool{n}d"
    check_input(self, n, op)
    if average and self.code < F16:
        raise NotImplementedError(f"\"{op}\" not implemented for '{scalar_name(self.code)}'")
    adaptive_shape(&s, n, sizes_tuple(self), filled(output_size, n, op, "output_size"), op)
    return forward(self, n, POOL_AVERAGE if average else POOL_MAX, &s, not average, op)


def adaptive_avg_pool1d(Tensor self, output_size):
    return adaptive_pool(self, 1, output_size, True)


def adaptive_avg_pool2d(Tensor self, output_size):
    return adaptive_pool(self, 2, output_size, True)


def adaptive_avg_pool3d(Tensor self, output_size):
    return adaptive_pool(self, 3, output_size, True)


def adaptive_max_pool1d(Tensor self, output_size):
    return adaptive_pool(self, 1, output_size, False)


def adaptive_max_pool2d(Tensor self, output_size):
    return adaptive_pool(self, 2, output_size, False)


def adaptive_max_pool3d(Tensor self, output_size):
    return adaptive_pool(self, 3, output_size, False)


cdef object adaptive_avg_pool_backward(Tensor g, Tensor self, int n):
    """g shared out over each covering window."""
    cdef PoolShape s
    adaptive_shape(&s, n, sizes_tuple(self), sizes_tuple(g)[g.rank - n:], "adaptive_avg_pool_backward")
    return backward(POOL_AVERAGE_BACKWARD, g, None, self, n, &s, "adaptive_avg_pool_backward")


def adaptive_avg_pool1d_backward(Tensor g, Tensor self):
    return adaptive_avg_pool_backward(g, self, 1)


def adaptive_avg_pool2d_backward(Tensor g, Tensor self):
    return adaptive_avg_pool_backward(g, self, 2)


def adaptive_avg_pool3d_backward(Tensor g, Tensor self):
    return adaptive_avg_pool_backward(g, self, 3)


# ---- windows that start where they are told ----
ctypedef fused value:
    ft_u8
    ft_u16
    ft_u32
    ft_u64
    ft_i8
    ft_i16
    ft_i32
    ft_i64
    ft_f32
    ft_f64


cdef void fractional_run(const value* x, const Py_ssize_t* size, const Py_ssize_t* count, const Py_ssize_t* kernel, const long long* const* starts, Py_ssize_t planes,
                         value* out, long long* index) noexcept nogil:
    """The greatest of each window, the first of equals; NaN is the greatest of all."""
    cdef Py_ssize_t p, oz, oy, ox, z, y, i, row, at
    cdef const long long* columns
    cdef value v, best
    for p in range(planes):
        columns = starts[2] + p * count[2]
        for oz in range(count[0]):
            for oy in range(count[1]):
                for ox in range(count[2]):
                    at = ((starts[0][p * count[0] + oz]) * size[1] + starts[1][p * count[1] + oy]) * size[2] + columns[ox]
                    best = x[at]
                    for z in range(kernel[0]):
                        for y in range(kernel[1]):
                            row = ((starts[0][p * count[0] + oz] + z) * size[1] + starts[1][p * count[1] + oy] + y) * size[2] + columns[ox]
                            for i in range(row, row + kernel[2]):
                                v = x[i]
                                at ^= (at ^ i) & -<Py_ssize_t> ((v > best) | ((v != v) & (best == best)))       # no branch: it could not be guessed
                                best = x[at]
                    out[0], index[0] = best, at
                    out += 1
                    index += 1
        x += size[0] * size[1] * size[2]


def fractional_max(Tensor self, tuple starts, tuple kernel):
    """(values, flat places) of windows that start at starts[d][..., o], one int64 tensor (*lead, outputs) per spatial dim; all windows are inside."""
    cdef int n = len(starts), d, lead = self.rank - n, code = self.code
    cdef Py_ssize_t sizes[5]
    cdef Py_ssize_t size[3]
    cdef Py_ssize_t count[3]
    cdef Py_ssize_t reach[3]
    cdef const long long* at[3]
    cdef Py_ssize_t planes = 1
    cdef Tensor x, out, index, zeros
    cdef list held = [contiguous_tensor(t) for t in starts]
    for d in range(lead):
        sizes[d] = self.sizes[d]
        planes *= self.sizes[d]
    for d in range(3):
        size[d] = count[d] = reach[d] = 1
    for d in range(n):
        size[3 - n + d], reach[3 - n + d] = self.sizes[lead + d], kernel[d]
        sizes[lead + d] = count[3 - n + d] = (<Tensor> held[d]).sizes[lead]
    out, index = new_tensor(code, is_meta(self), self.rank, sizes), new_tensor(I64, is_meta(self), self.rank, sizes)
    if is_meta(self) or out.count == 0:
        return out, index
    x = contiguous_tensor(self)
    for d in range(n):
        at[3 - n + d] = <const long long*> data_of(<Tensor> held[d])
    if n == 2:                                      # one slice, which starts at 0 in every plane
        zeros = new_tensor(I64, False, 1, &planes)
        memset(data_of(zeros), 0, planes * sizeof(long long))
        at[0] = <const long long*> data_of(zeros)
    source, to, where = data_of(x), data_of(out), <long long*> data_of(index)
    with nogil:
        if code == F32:
            fractional_run(<const ft_f32*> source, size, count, reach, at, planes, <ft_f32*> to, where)
        elif code == F64:
            fractional_run(<const ft_f64*> source, size, count, reach, at, planes, <ft_f64*> to, where)
        elif code == I64:
            fractional_run(<const ft_i64*> source, size, count, reach, at, planes, <ft_i64*> to, where)
        elif code == I32:
            fractional_run(<const ft_i32*> source, size, count, reach, at, planes, <ft_i32*> to, where)
        elif code == I16:
            fractional_run(<const ft_i16*> source, size, count, reach, at, planes, <ft_i16*> to, where)
        elif code == I8:
            fractional_run(<const ft_i8*> source, size, count, reach, at, planes, <ft_i8*> to, where)
        elif code == U16:
            fractional_run(<const ft_u16*> source, size, count, reach, at, planes, <ft_u16*> to, where)
        elif code == U32:
            fractional_run(<const ft_u32*> source, size, count, reach, at, planes, <ft_u32*> to, where)
        elif code == U64:
            fractional_run(<const ft_u64*> source, size, count, reach, at, planes, <ft_u64*> to, where)
        else:
            fractional_run(<const ft_u8*> source, size, count, reach, at, planes, <ft_u8*> to, where)
    return out, index
