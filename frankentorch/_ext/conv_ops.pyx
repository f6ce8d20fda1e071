# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Convolution of tensors: shapes and errors here, the arithmetic in conv_run.pyx. One op serves 1 to 3 spatial dims, with or without
# a batch dim; a transposed convolution is the input gradient of a plain one. Operands are made contiguous; the result takes
# channels_last strides when an operand has them.
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport is_complex_code, Format
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, copy_into, scalar_name
from frankentorch._ext.conv cimport ConvShape
from frankentorch._ext.conv_run cimport conv_forward, conv_input_gradient, conv_weight_gradient, CONV_OK, CONV_DTYPE

cdef enum:
    LOCKED_VALUES = 1024        # smaller problems keep the interpreter lock


cdef bint suggests_channels_last(Tensor t) noexcept:
    """Strides of channels innermost. Where sizes of 1 leave it open, plain order wins."""
    cdef int n = t.rank, i, d
    cdef Py_ssize_t least = 0
    if n != 4 and n != 5:
        return False
    if t.strides[1] == 0:
        return False
    for i in range(n):                      # channel, then spatial dims from the last, then batch
        d = 1 if i == 0 else 0 if i == n - 1 else n - i
        if t.sizes[d] == 0 or t.strides[d] < least:
            return False
        if d == 0 and least == t.strides[1]:
            return False
        least = t.strides[d]
        if t.sizes[d] > 1:
            least *= t.sizes[d]
    return True


cdef Tensor in_format(Tensor t):
    """A copy with channels_last strides."""
    cdef Py_ssize_t strides[64]
    cdef Tensor out
    format_strides(Format.CHANNELS_LAST if t.rank == 4 else Format.CHANNELS_LAST_3D, t.rank, t.sizes, strides)
    out = new_strided(t.code, is_meta(t), t.rank, t.sizes, strides)
    if not is_meta(t):
        copy_into(out, t)
    return out


cdef str by(tuple sizes):
    return "(" + " x ".join([str(s) for s in sizes]) + ")"


cdef tuple filled(object value, int n, str name):
    """One number for all spatial dims, or one each."""
    if isinstance(value, int):
        value = (value,) * n
    for one in value:
        if not -(1 << 31) <= one < 1 << 31 and name != "stride":            # so that no sum of them overflows
            raise RuntimeError(f"{name} {one}: integer out of range")
    if len(value) == 1 and n > 1:
        return tuple(value) * n
    if len(value) != n:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, but got {name}={list(value)}")
    return tuple([min(one, (1 << 31) - 1) for one in value])     # no input is as long as such a stride


cdef object check(Tensor input, Tensor weight, Tensor bias, tuple stride, tuple padding, tuple dilation, bint transposed, tuple output_padding, Py_ssize_t groups):
    """Everything the oracle refuses, in its order."""
    cdef int n = weight.rank - 2, lead = input.rank - n, d
    cdef tuple w = sizes_tuple(weight), x = sizes_tuple(input)
    if min(padding) < 0:
        raise RuntimeError(f"negative padding is not supported, got {list(padding)}")
    if min(output_padding) < 0:
        raise RuntimeError(f"negative output_padding is not supported, got {list(output_padding)}")
    if min(stride) <= 0:
        raise RuntimeError(f"non-positive stride is not supported, got {list(stride)}")
    if min(dilation) <= 0:
        raise RuntimeError(f"dilation should be greater than zero, got {list(dilation)}")
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported, got {groups}")
    if w[0] < groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size {list(w)} instead")
    if w[0] % groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size {list(w)} instead")
    if input.code != weight.code:
        raise RuntimeError(f"Input type ({scalar_name(input.code)}) and weight type ({scalar_name(weight.code)}) should be the same: {describe(input)}, {describe(weight)}")
    if bias is not None and bias.code != input.code:
        raise RuntimeError(f"Input type ({scalar_name(input.code)}) and bias type ({scalar_name(bias.code)}) should be the same: {describe(input)}, {describe(bias)}")
    if transposed:
        if x[lead - 1] != w[0]:
            raise RuntimeError(f"Given transposed=1, weight of size {list(w)}, expected input{list(x)} to have {w[0]} channels, but got {x[lead - 1]} channels instead")
        if bias is not None and (bias.rank != 1 or bias.sizes[0] != w[1] * groups):
            raise RuntimeError(f"Given transposed=1, weight of size {list(w)}, expected bias to be 1-dimensional with {w[1] * groups} elements, but got bias of size {list(sizes_tuple(bias))} instead")
        for d in range(n):
            if output_padding[d] >= stride[d] and output_padding[d] >= dilation[d]:
                raise RuntimeError(f"output padding must be smaller than either stride or dilation, but got output_padding={list(output_padding)}, stride={list(stride)}, dilation={list(dilation)}")
    else:
        if x[lead - 1] != w[1] * groups:
            raise RuntimeError(f"Given groups={groups}, weight of size {list(w)}, expected input{list(x)} to have {w[1] * groups} channels, but got {x[lead - 1]} channels instead")
        if bias is not None and (bias.rank != 1 or bias.sizes[0] != w[0]):
            raise RuntimeError(f"Given weight of size {list(w)}, expected bias to be 1-dimensional with {w[0]} elements, but got bias of size {list(sizes_tuple(bias))} instead")
        padded = tuple([x[lead + d] + 2 * padding[d] for d in range(n)])
        reach = tuple([dilation[d] * (w[2 + d] - 1) + 1 for d in range(n)])
        for d in range(n):
            if padded[d] < reach[d]:
                raise RuntimeError(f"Calculated padded input size per channel: {by(padded)}. Kernel size: {by(reach)}. Kernel size can't be greater than actual input size")
    return None


cdef int fill_axes(ConvShape* s, int n, tuple kernel, tuple stride, tuple padding, tuple dilation) except -1:
    cdef int d
    for d in range(3):
        s.kernel[d] = s.stride[d] = s.dilation[d] = s.size[d] = s.out[d] = 1
        s.padding[d] = 0
    for d in range(n):
        s.kernel[3 - n + d], s.stride[3 - n + d] = kernel[d], stride[d]
        s.padding[3 - n + d], s.dilation[3 - n + d] = padding[d], dilation[d]
    return 0


cdef int refuse(int status, int code) except -1:
    if status == CONV_DTYPE:
        raise NotImplementedError(f"\"convolution\" not implemented for '{scalar_name(code)}'")
    raise MemoryError("convolution: no memory for scratch")


cdef Tensor run_shape(ConvShape* s, Tensor x, Tensor weight, Tensor bias, Tensor out, bint transposed, bint halves):
    """Fill `out`; transposed takes the roles of input and output the other way round; halves: what is float32 was bfloat16."""
    cdef int status
    cdef const char* x_data = data_of(x)
    cdef const char* w_data = data_of(weight)
    cdef const char* b_data = NULL if bias is None else data_of(bias)
    cdef char* to = data_of(out)
    cdef int code = x.code
    if x.count + out.count < LOCKED_VALUES:
        status = conv_input_gradient(code, s, x_data, w_data, to, halves) if transposed else conv_forward(code, s, x_data, w_data, b_data, to, halves)
    else:
        with nogil:
            status = conv_input_gradient(code, s, x_data, w_data, to, halves) if transposed else conv_forward(code, s, x_data, w_data, b_data, to, halves)
    if status != CONV_OK:
        refuse(status, code)
    return out


def convolution(Tensor input, Tensor weight, Tensor bias, stride, padding, dilation, bint transposed, output_padding, Py_ssize_t groups):
    """Plain or transposed convolution; input with or without a batch dim."""
    cdef int n = weight.rank - 2, d, lead, code = input.code, work
    cdef ConvShape s
    cdef Py_ssize_t sizes[5]
    cdef Py_ssize_t extent
    cdef Tensor out, x, w, b
    cdef bint last
    if n < 1 or n > 3:
        raise RuntimeError(f"convolution: weight should have at least three dimensions and at most five, got {describe(weight)}")
    lead = input.rank - n
    if lead != 1 and lead != 2:
        raise RuntimeError(f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to conv{'_transpose' if transposed else ''}{n}d, but got input of size: {list(sizes_tuple(input))}")
    stride_, padding_, dilation_ = filled(stride, n, "stride"), filled(padding, n, "padding"), filled(dilation, n, "dilation")
    output_padding_ = filled(output_padding, n, "output_padding")
    check(input, weight, bias, stride_, padding_, dilation_, transposed, output_padding_, groups)
    if code == BOOL or U16 <= code <= U64:
        refuse(CONV_DTYPE, code)
    fill_axes(&s, n, sizes_tuple(weight)[2:], stride_, padding_, dilation_)
    s.images, s.groups = (input.sizes[0] if lead == 2 else 1), groups
    sizes[0] = s.images
    sizes[lead - 1] = weight.sizes[1] * groups if transposed else weight.sizes[0]
    for d in range(n):
        if transposed:
            extent = (input.sizes[lead + d] - 1) * <Py_ssize_t> stride_[d] - 2 * <Py_ssize_t> padding_[d] + <Py_ssize_t> dilation_[d] * (weight.sizes[2 + d] - 1) + <Py_ssize_t> output_padding_[d] + 1
            s.out[3 - n + d], s.size[3 - n + d] = input.sizes[lead + d], extent
            if extent < 0 or (extent == 0 and input.sizes[lead + d]):
                raise RuntimeError(f"Given input size per channel: {by(sizes_tuple(input)[lead:])}. Calculated output size per channel has {extent} in dim {d}. Output size is too small")
        else:
            extent = (input.sizes[lead + d] + 2 * <Py_ssize_t> padding_[d] - <Py_ssize_t> dilation_[d] * (weight.sizes[2 + d] - 1) - 1) // <Py_ssize_t> stride_[d] + 1
            s.size[3 - n + d], s.out[3 - n + d] = input.sizes[lead + d], extent
        sizes[lead + d] = extent
    s.in_channels = sizes[lead - 1] if transposed else input.sizes[lead - 1]
    s.out_channels = input.sizes[lead - 1] if transposed else sizes[lead - 1]
    last = suggests_channels_last(input) or (lead == 2 and suggests_channels_last(weight))
    out = new_tensor(code, is_meta(input) or is_meta(weight), input.rank, sizes)
    if not is_meta(out) and out.count:
        work = code                 # halves work in float32, but for products of pixels as they lie
        if (code == F16 or code == BF16) and (bias is not None or transposed or weight.count != weight.sizes[0] * weight.sizes[1]):
            work = F32
        x, w = contiguous_tensor(cast_tensor(input, work)), contiguous_tensor(cast_tensor(weight, work))
        b = None if bias is None else contiguous_tensor(cast_tensor(bias, work))
        if work != code:
            out = new_tensor(work, False, input.rank, sizes)
        run_shape(&s, x, w, b, out, transposed, code == BF16 and work == F32)
        if transposed and bias is not None:
            from frankentorch import ops
            out = ops.add(out, ops.view(b, (-1,) + (1,) * n))
        out = cast_tensor(out, code)
    return in_format(out) if last and out.rank >= 4 else out


def weight_gradient(Tensor g, Tensor input, tuple weight_size, stride, padding, dilation, bint transposed, Py_ssize_t groups):
    """Gradient of a convolution's weight, of size `weight_size`."""
    cdef int n = len(weight_size) - 2, d, lead = input.rank - n, code = input.code, work, status
    cdef ConvShape s
    cdef Py_ssize_t sizes[5]
    cdef Tensor out, x, y, swap
    cdef const char* x_data
    cdef const char* y_data
    cdef char* to
    for d in range(n + 2):
        sizes[d] = weight_size[d]
    if is_meta(g) or is_meta(input):
        return new_tensor(code, True, n + 2, sizes)
    work = F32 if code == F16 or code == BF16 else code
    fill_axes(&s, n, weight_size[2:], filled(stride, n, "stride"), filled(padding, n, "padding"), filled(dilation, n, "dilation"))
    x, y = contiguous_tensor(cast_tensor(input, work)), contiguous_tensor(cast_tensor(g, work))
    if transposed:
        swap = x
        x = y
        y = swap
    s.images, s.groups = (x.sizes[0] if lead == 2 else 1), groups
    s.in_channels, s.out_channels = x.sizes[lead - 1], y.sizes[lead - 1]
    for d in range(n):
        s.size[3 - n + d], s.out[3 - n + d] = x.sizes[lead + d], y.sizes[lead + d]
    out = new_tensor(work, False, n + 2, sizes)
    x_data, y_data, to = data_of(x), data_of(y), data_of(out)
    if x.count + y.count < LOCKED_VALUES:
        status = conv_weight_gradient(work, &s, y_data, x_data, to, code == BF16)
    else:
        with nogil:
            status = conv_weight_gradient(work, &s, y_data, x_data, to, code == BF16)
    if status != CONV_OK:
        refuse(status, code)
    return cast_tensor(out, code)


def last_channels(Tensor t):
    """Whether a tensor's strides have the channels innermost."""
    return suggests_channels_last(t)
