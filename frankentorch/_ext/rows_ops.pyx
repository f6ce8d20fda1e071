# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Softmax, normalisations, nll_loss and embedding as kernels of the op table: checks, shapes and layouts; the rows themselves
# are rows_run's business. Batch norms work channels_last where it is; other results are computed contiguous, and a channels_last input gets
# its layout back by one copy.
from libc.string cimport memcpy, memset
from libc.math cimport sqrt
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype, ITEMSIZE, is_float_code, Format
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, copy_into, scalar_name
from frankentorch._ext.formats cimport channels_last, new_image, in_format
from frankentorch._ext.views cimport wrap
from frankentorch._ext.reduce_run cimport reduce_run, REDUCE_VAR, RUN_OK, RUN_INDEX, RUN_MEMORY
from frankentorch._ext.index_run cimport IndexFault
from frankentorch._ext.planes_run cimport *
from frankentorch._ext.rows_run cimport *
from frankentorch._ext.loss_run cimport *


cdef int check_status(int status, str name, int code) except -1:
    if status == RUN_OK:
        return 0
    if status == RUN_MEMORY:
        raise MemoryError(name)
    raise NotImplementedError(f'"{name}" not implemented for {scalar_name(code)}')


cdef int check_floating(Tensor t, str name) except -1:
    if not is_float_code(t.code):
        raise NotImplementedError(f'"{name}" not implemented for {scalar_name(t.code)}')
    return 0


cdef Tensor laid_out_like(Tensor out, Tensor model):
    """`out` (contiguous) in channels_last when the model is."""
    cdef Tensor copy
    if model.flags & DENSE or model.rank < 4 or not (strides_are(model, Format.CHANNELS_LAST) or strides_are(model, Format.CHANNELS_LAST_3D)):
        return out
    copy = new_like(model, out.code)
    if not is_meta(out):
        copy_into(copy, out)
    return copy


cdef char* data_or_null(Tensor t) noexcept:
    return NULL if t is None else data_of(t)


cdef int statistics_code(Tensor input, Tensor weight) noexcept:
    """Mean and rstd come in the input's dtype, in float32 when half inputs meet float32 parameters."""
    return F32 if weight is not None and weight.code != input.code else input.code


# ---- softmax ----
cdef int split_at(Tensor t, int dim, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner) except -1:
    cdef int d
    outer[0] = n[0] = inner[0] = 1
    if t.rank == 0:
        return 0
    for d in range(dim):
        outer[0] *= t.sizes[d]
    n[0] = t.sizes[dim]
    for d in range(dim + 1, t.rank):
        inner[0] *= t.sizes[d]
    return 0


cdef Tensor run_softmax(Tensor self, dim, dtype to, bint log):
    cdef Py_ssize_t outer, n, inner
    cdef int status, at = wrap(dim, self.rank, "log_softmax" if log else "softmax")
    cdef str name = "log_softmax_lastdim_kernel_impl" if log else "softmax_lastdim_kernel_impl"
    cdef Tensor dense, out
    if to is not None and to.code != self.code:
        self = cast_tensor(self, to.code)
    check_floating(self, name)
    out = new_tensor(self.code, is_meta(self), self.rank, self.sizes)
    if not is_meta(self) and out.count:
        dense = contiguous_tensor(self)
        split_at(self, at, &outer, &n, &inner)
        source, target = <size_t> data_of(dense), <size_t> data_of(out)
        status = softmax_run(self.code, self.code, outer, n, inner, log, <const char*> <size_t> source, <char*> <size_t> target)
        check_status(status, name, self.code)
    return out


def softmax(Tensor self, dim, to):
    """exp(self) over its sum along dim."""
    return run_softmax(self, dim, to, False)


def log_softmax(Tensor self, dim, to):
    """self minus the logarithm of the sum of its exponentials along dim."""
    return run_softmax(self, dim, to, True)


cdef Tensor run_softmax_backward(Tensor grad, Tensor output, dim, bint log):
    cdef Py_ssize_t outer, n, inner
    cdef int at = wrap(dim, output.rank, "softmax_backward")
    cdef Tensor dense_grad, dense_output, out = new_tensor(output.code, is_meta(output), output.rank, output.sizes)
    if not is_meta(output) and out.count:
        dense_grad, dense_output = contiguous_tensor(cast_tensor(grad, output.code)), contiguous_tensor(output)
        split_at(output, at, &outer, &n, &inner)
        check_status(softmax_backward_run(output.code, output.code, outer, n, inner, log, data_of(dense_grad), data_of(dense_output), data_of(out)),
                     "softmax_backward", output.code)
    return out


def softmax_backward(Tensor grad, Tensor output, dim):
    """Gradient of softmax: output * (grad - sum(grad * output))."""
    return run_softmax_backward(grad, output, dim, False)


def log_softmax_backward(Tensor grad, Tensor output, dim):
    """Gradient of log_softmax: grad - exp(output) * sum(grad)."""
    return run_softmax_backward(grad, output, dim, True)


# ---- layer_norm ----
cdef Tensor plain_parameter(Tensor t, int code):
    return None if t is None else contiguous_tensor(cast_tensor(t, code))


cdef int parameter_code(Tensor input, Tensor weight, Tensor bias, str name) except -1:
    """Parameters share the input's dtype, or are float32 beside half inputs."""
    cdef Tensor given = weight if weight is not None else bias
    if given is None:
        return input.code
    if weight is not None and bias is not None and weight.code != bias.code:
        raise RuntimeError(f"{name}: expected weight and bias of one dtype, got {describe(weight)} and {describe(bias)}")
    if given.code != input.code and not (given.code == F32 and (input.code == F16 or input.code == BF16)):
        raise RuntimeError(f"expected scalar type {scalar_name(input.code)} but found {scalar_name(given.code)} in {name}: parameters {describe(given)} beside input {describe(input)}; mixed dtype (CPU): "
                           "expect parameter to have scalar type of Float")
    return given.code


def layer_norm(Tensor input, tuple normalized_shape, Tensor weight, Tensor bias, double eps):
    """(out, mean, rstd) over the trailing dims of normalized_shape."""
    cdef int k = len(normalized_shape), code, stat, d
    cdef Py_ssize_t rows = 1, n = 1
    cdef Py_ssize_t sizes[64]
    cdef Tensor out, mean, rstd, dense, w, b
    if k < 1:
        raise RuntimeError(f"Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = {list(normalized_shape)}")
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and sizes_tuple(<Tensor> given) != normalized_shape:
            raise RuntimeError(f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(sizes_tuple(<Tensor> given))} and normalized_shape = {list(normalized_shape)}")
    if input.rank < k or sizes_tuple(input)[input.rank - k:] != normalized_shape:
        raise RuntimeError(f"Given normalized_shape={list(normalized_shape)}, expected input with shape [*, {', '.join(map(str, normalized_shape))}], but got input of size {list(sizes_tuple(input))}")
    check_floating(input, "LayerNormKernelImpl")
    code = parameter_code(input, weight, bias, "layer_norm")
    stat = F32 if code != input.code else input.code
    for d in range(input.rank):
        sizes[d] = input.sizes[d] if d < input.rank - k else 1
        if d < input.rank - k:
            rows *= input.sizes[d]
        else:
            n *= input.sizes[d]
    out = new_tensor(input.code, is_meta(input), input.rank, input.sizes)
    mean, rstd = new_tensor(stat, is_meta(input), input.rank, sizes), new_tensor(stat, is_meta(input), input.rank, sizes)
    if is_meta(input) or rows == 0:
        return out, mean, rstd
    dense, w, b = contiguous_tensor(input), plain_parameter(weight, code), plain_parameter(bias, code)
    check_status(layer_norm_run(input.code, code, stat, rows, n, eps, data_of(dense), data_or_null(w), data_or_null(b), data_of(out), data_of(mean), data_of(rstd)),
                 "LayerNormKernelImpl", input.code)
    return out, mean, rstd


def layer_norm_backward(Tensor grad, Tensor input, int axis, Tensor mean, Tensor rstd, Tensor weight, Tensor bias, double eps, bint want_input, bint want_weight, bint want_bias):
    """Gradients of input, weight and bias (None where not wanted); axis is the number of leading dims."""
    cdef Py_ssize_t rows = 1, n = 1
    cdef int d, code = weight.code if weight is not None else bias.code if bias is not None else input.code
    cdef Tensor dense, dense_grad, w, m, r, gi = None, gw = None, gb = None
    for d in range(input.rank):
        if d < axis:
            rows *= input.sizes[d]
        else:
            n *= input.sizes[d]
    if want_input:
        gi = new_tensor(input.code, is_meta(input), input.rank, input.sizes)
    if want_weight:
        gw = new_tensor(code, is_meta(input), input.rank - axis, input.sizes + axis)
    if want_bias:
        gb = new_tensor(code, is_meta(input), input.rank - axis, input.sizes + axis)
    if is_meta(input):
        return gi, gw, gb
    if rows == 0:
        zero(gw)
        zero(gb)
        return gi, gw, gb
    dense, dense_grad, w = contiguous_tensor(input), contiguous_tensor(cast_tensor(grad, input.code)), plain_parameter(weight, code)
    m, r = contiguous_tensor(mean), contiguous_tensor(rstd)
    check_status(layer_norm_backward_run(input.code, code, mean.code, rows, n, data_of(dense_grad), data_of(dense), data_of(m), data_of(r), data_or_null(w),
                                         data_or_null(gi), data_or_null(gw), data_or_null(gb)), "LayerNormBackwardKernelImpl", input.code)
    return gi, gw, gb


cdef int zero(Tensor t) except -1:
    if t is not None and t.count:
        memset(data_of(t), 0, t.count * ITEMSIZE[t.code])
    return 0


# ---- group_norm ----
cdef int image(Tensor input, Py_ssize_t* batch, Py_ssize_t* channels, Py_ssize_t* space) except -1:
    """Any (batch, channels, ...) tensor as three sizes."""
    cdef int d
    batch[0] = input.sizes[0] if input.rank else 1
    channels[0] = input.sizes[1] if input.rank > 1 else 1
    space[0] = 1
    for d in range(2, input.rank):
        space[0] *= input.sizes[d]
    return 0


def group_norm(Tensor input, Py_ssize_t groups, Tensor weight, Tensor bias, double eps):
    """(out, mean, rstd); statistics over each of `groups` equal parts of the channels."""
    cdef Py_ssize_t batch, channels, space
    cdef Py_ssize_t sizes[2]
    cdef int code, stat
    cdef Tensor out, mean, rstd, dense, w, b
    check_floating(input, "GroupNormKernelImpl")
    code = parameter_code(input, weight, bias, "group_norm")
    stat = F32 if code != input.code else input.code
    image(input, &batch, &channels, &space)
    sizes[0], sizes[1] = batch, groups
    out = new_tensor(input.code, is_meta(input), input.rank, input.sizes)
    mean, rstd = new_tensor(stat, is_meta(input), 2, sizes), new_tensor(stat, is_meta(input), 2, sizes)
    if not is_meta(input) and input.count:
        dense, w, b = contiguous_tensor(input), plain_parameter(weight, code), plain_parameter(bias, code)
        check_status(group_norm_run(input.code, code, stat, batch, channels, space, groups, eps, data_of(dense), data_or_null(w), data_or_null(b), data_of(out),
                                    data_of(mean), data_of(rstd)), "GroupNormKernelImpl", input.code)
    return laid_out_like(out, input), mean, rstd


def group_norm_backward(Tensor grad, Tensor input, Py_ssize_t groups, Tensor mean, Tensor rstd, Tensor weight, Tensor bias, double eps, bint want_input, bint want_weight, bint want_bias):
    """Gradients of input, weight and bias (None where not wanted)."""
    cdef Py_ssize_t batch, channels, space
    cdef int code = weight.code if weight is not None else bias.code if bias is not None else input.code
    cdef Tensor dense, dense_grad, w, gi = None, gw = None, gb = None
    image(input, &batch, &channels, &space)
    if want_input:
        gi = new_tensor(input.code, is_meta(input), input.rank, input.sizes)
    if want_weight:
        gw = new_tensor(code, is_meta(input), 1, &channels)
    if want_bias:
        gb = new_tensor(code, is_meta(input), 1, &channels)
    if is_meta(input):
        return gi, gw, gb
    if input.count == 0:
        zero(gw)
        zero(gb)
        return gi, gw, gb
    dense, dense_grad, w = contiguous_tensor(input), contiguous_tensor(cast_tensor(grad, input.code)), plain_parameter(weight, code)
    check_status(group_norm_backward_run(input.code, code, mean.code, batch, channels, space, groups, data_of(dense_grad), data_of(dense), data_of(mean), data_of(rstd),
                                         data_or_null(w), data_or_null(gi), data_or_null(gw), data_or_null(gb)), "GroupNormBackwardKernelImpl", input.code)
    return laid_out_like(gi, grad) if gi is not None else None, gw, gb


# ---- batch_norm ----
cdef int channel_moments(Tensor dense, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t space, bint last, Tensor mean, Tensor var) except -1:
    """Means and biased variances of each channel: canonical sums."""
    cdef Py_ssize_t sizes[3]
    cdef Py_ssize_t steps[3]
    cdef int item = ITEMSIZE[dense.code]
    cdef Tensor x = dense
    if last or batch > 1 and space <= FEW_PLACES:       # as a matrix of channels, whose rows are met one after the other
        if space > 1 and not last:
            sizes[0], sizes[1], sizes[2] = batch, space, channels
            steps[0], steps[1], steps[2] = channels * space, 1, space
            x = contiguous_tensor(new_view(dense, 3, sizes, steps, dense.offset))
        sizes[0], sizes[1], steps[0], steps[1] = batch * space, channels, channels * item, item
        return check_status(reduce_run(REDUCE_VAR, x.code, var.code, 2, sizes, steps, 1, data_of(x), data_of(var), data_of(mean), 0.0), "batch_norm", x.code)
    sizes[0], sizes[1], sizes[2] = batch, channels, space
    steps[0], steps[1], steps[2] = channels * space * item, space * item, item
    return check_status(reduce_run(REDUCE_VAR, dense.code, var.code, 3, sizes, steps, 5, data_of(dense), data_of(var), data_of(mean), 0.0), "batch_norm", dense.code)


def batch_norm_train(Tensor input, Tensor weight, Tensor bias, Tensor running_mean, Tensor running_var, double momentum, double eps):
    """(out, mean, rstd) by the statistics of this batch; running statistics move towards them in place."""
    cdef Py_ssize_t batch, channels, space, c, count
    cdef bint last
    cdef int code = parameter_code(input, weight, bias, "batch_norm")
    cdef int stat = F64 if input.code == F64 else F32
    cdef Tensor out, mean, rstd, dense, w, b, wide_mean, wide_var, kept
    cdef double scale
    check_floating(input, "batch_norm")
    image(input, &batch, &channels, &space)
    last = channels_last(input)
    out = new_image(input.code, is_meta(input), input.rank, input.sizes, last)
    mean, rstd = new_tensor(stat, is_meta(input), 1, &channels), new_tensor(stat, is_meta(input), 1, &channels)
    if is_meta(input):
        return out, mean, rstd
    dense, w, b = in_format(input, last), plain_parameter(weight, code), plain_parameter(bias, code)
    channel_moments(dense, batch, channels, space, last, mean, rstd)
    wide_mean, wide_var = cast_tensor(mean, F64), cast_tensor(rstd, F64)
    count = batch * space
    if running_mean is not None and count:
        kept = contiguous_tensor(cast_tensor(running_mean, F64))
        for c in range(channels):
            (<double*> data_of(kept))[c] = momentum * (<double*> data_of(wide_mean))[c] + (1 - momentum) * (<double*> data_of(kept))[c]
        store_back(running_mean, kept)
    if running_var is not None and count:
        kept = contiguous_tensor(cast_tensor(running_var, F64))
        scale = <double> count / <double> (count - 1) if count > 1 else float("nan")
        for c in range(channels):
            (<double*> data_of(kept))[c] = momentum * scale * (<double*> data_of(wide_var))[c] + (1 - momentum) * (<double*> data_of(kept))[c]
        store_back(running_var, kept)
    for c in range(channels):
        scale = 1 / sqrt((<double*> data_of(wide_var))[c] + eps)
        if stat == F64:
            (<double*> data_of(rstd))[c] = scale
        else:
            (<float*> data_of(rstd))[c] = <float> scale
    if out.count:
        check_status(batch_norm_apply(input.code, code, stat, batch, channels, space, last, data_of(dense), data_of(mean), data_of(rstd), data_or_null(w), data_or_null(b), data_of(out)),
                     "batch_norm", input.code)
    return out, mean, rstd


cdef int store_back(Tensor target, Tensor wide) except -1:
    copy_into(target, wide)
    target.storage.version += 1
    return 0


cdef tuple running_statistics(Tensor running_mean, Tensor running_var, int stat, double eps):
    """(mean, rstd) of running statistics in the compute type."""
    cdef Tensor mean = contiguous_tensor(cast_tensor(running_mean, stat)), var = contiguous_tensor(cast_tensor(running_var, F64))
    cdef Tensor rstd = new_tensor(stat, False, 1, var.sizes)
    cdef Py_ssize_t c
    for c in range(var.count):
        if stat == F64:
            (<double*> data_of(rstd))[c] = 1 / sqrt((<double*> data_of(var))[c] + eps)
        else:
            (<float*> data_of(rstd))[c] = <float> (1 / sqrt((<double*> data_of(var))[c] + eps))
    return mean, rstd


def batch_norm_eval(Tensor input, Tensor weight, Tensor bias, Tensor running_mean, Tensor running_var, double eps):
    """input scaled by running statistics, which stay as they are."""
    cdef Py_ssize_t batch, channels, space
    cdef bint last
    cdef int code = parameter_code(input, weight, bias, "batch_norm")
    cdef int stat = F64 if input.code == F64 else F32
    cdef Tensor out, mean, rstd, dense, w, b
    check_floating(input, "batch_norm")
    image(input, &batch, &channels, &space)
    last = channels_last(input)
    out = new_image(input.code, is_meta(input), input.rank, input.sizes, last)
    if not is_meta(input) and out.count:
        mean, rstd = running_statistics(running_mean, running_var, stat, eps)
        dense, w, b = in_format(input, last), plain_parameter(weight, code), plain_parameter(bias, code)
        check_status(batch_norm_apply(input.code, code, stat, batch, channels, space, last, data_of(dense), data_of(mean), data_of(rstd), data_or_null(w), data_or_null(b), data_of(out)),
                     "batch_norm", input.code)
    return out


def batch_norm_backward(Tensor grad, Tensor input, bint train, Tensor mean, Tensor rstd, Tensor weight, Tensor bias, double eps, bint want_input, bint want_weight, bint want_bias):
    """Gradients of input, weight and bias (None where not wanted). In eval, mean and rstd are running mean and variance."""
    cdef Py_ssize_t batch, channels, space
    cdef bint last
    cdef int stat = F64 if input.code == F64 else F32
    cdef int code = weight.code if weight is not None else bias.code if bias is not None else input.code
    cdef Tensor dense, dense_grad, w, gi = None, gw = None, gb = None
    image(input, &batch, &channels, &space)
    last = channels_last(input)
    if want_input:
        gi = new_image(input.code, is_meta(input), input.rank, input.sizes, last)
    if want_weight:
        gw = new_tensor(code, is_meta(input), 1, &channels)
    if want_bias:
        gb = new_tensor(code, is_meta(input), 1, &channels)
    if is_meta(input):
        return gi, gw, gb
    if input.count == 0:
        zero(gw)
        zero(gb)
        return gi, gw, gb
    if not train:
        mean, rstd = running_statistics(mean, rstd, stat, eps)
    dense, dense_grad, w = in_format(input, last), in_format(cast_tensor(grad, input.code), last), plain_parameter(weight, code)
    check_status(batch_norm_backward_run(input.code, code, stat, batch, channels, space, last, train, data_of(dense_grad), data_of(dense), data_of(mean), data_of(rstd),
                                         data_or_null(w), data_or_null(gi), data_or_null(gw), data_or_null(gb)), "batch_norm_backward", input.code)
    return gi, gw, gb


# ---- nll_loss ----
cdef int classes_at(Tensor self, Tensor target, Py_ssize_t* batch, Py_ssize_t* classes, Py_ssize_t* space) except -1:
    """self is (C), (N, C) or (N, C, ...); target the same without C."""
    cdef int d
    if self.rank == 0 or self.rank > 5:
        raise RuntimeError(f"nll_loss: input tensor should be 1D or 2D, or (N, C, ...); got {describe(self)}")
    if sizes_tuple(target) != (sizes_tuple(self)[1:] if self.rank == 1 else sizes_tuple(self)[:1] + sizes_tuple(self)[2:]):
        if self.rank == 1 and target.rank == 1 and target.count == 1:
            pass
        elif self.rank <= 2 and target.rank > 1:
            raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported: nll_loss of self {describe(self)}, target {describe(target)}")
        else:
            raise RuntimeError(f"size mismatch (got input: {list(sizes_tuple(self))}, target: {list(sizes_tuple(target))}) in nll_loss")
    batch[0] = self.sizes[0] if self.rank > 1 else 1
    classes[0] = self.sizes[1] if self.rank > 1 else self.sizes[0]
    space[0] = 1
    for d in range(2, self.rank):
        space[0] *= self.sizes[d]
    return 0


cdef Tensor class_indices(Tensor target):
    if target.code != I64 and target.code != U8:
        raise RuntimeError(f"expected scalar type Long or Byte but found {scalar_name(target.code)}: nll_loss target {describe(target)}")
    return contiguous_tensor(cast_tensor(target, I64))


cdef Tensor class_weights(Tensor self, Tensor weight, Py_ssize_t classes):
    if weight is None:
        return None
    if weight.rank != 1 or weight.count != classes:
        raise RuntimeError(f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of shape: {list(sizes_tuple(weight))}")
    if weight.code != self.code:
        raise RuntimeError(f"expected scalar type {scalar_name(self.code)} but found {scalar_name(weight.code)}: nll_loss weight {describe(weight)}")
    return contiguous_tensor(weight)


cdef int check_target(int status, IndexFault* fault, int code) except -1:
    if status == RUN_INDEX:
        raise IndexError(f"Target {fault.value} is out of bounds: nll_loss has {fault.size} classes.")
    return check_status(status, "nll_loss_out_frame", code)


def nll_loss(Tensor self, Tensor target, Tensor weight, int reduction, long long ignore_index):
    """(loss, total_weight): minus the picked elements of self, weighted; reduction 0 none, 1 mean, 2 sum."""
    cdef Py_ssize_t batch, classes, space
    cdef Tensor dense, picks, w, out, total
    cdef IndexFault fault
    cdef int status
    check_floating(self, "nll_loss_out_frame")
    if is_meta(target) != is_meta(self):
        raise RuntimeError("nll_loss: Expected all tensors to be on the same device")
    classes_at(self, target, &batch, &classes, &space)
    w = class_weights(self, weight, classes)
    if reduction == 0:
        out = new_tensor(self.code, is_meta(self), target.rank if self.rank > 1 else 0, target.sizes)
    else:
        out = new_tensor(self.code, is_meta(self), 0, NULL)
    total = new_tensor(self.code, is_meta(self), 0, NULL)
    if target.code != I64 and target.code != U8:
        class_indices(target)
    if is_meta(self):
        return out, total
    dense, picks = contiguous_tensor(self), class_indices(target)
    status = nll_loss_run(self.code, batch, classes, space, data_of(dense), <const long long*> data_of(picks), data_or_null(w), ignore_index, reduction, data_of(out),
                          data_of(total), &fault)
    check_target(status, &fault, self.code)
    return out, total


def nll_loss_backward(Tensor grad, Tensor self, Tensor target, Tensor weight, int reduction, long long ignore_index, Tensor total_weight):
    """Gradient of nll_loss with respect to self, whose values do not matter."""
    cdef Py_ssize_t batch, classes, space
    cdef Tensor dense, picks, w, out = new_tensor(self.code, is_meta(self), self.rank, self.sizes)
    cdef IndexFault fault
    classes_at(self, target, &batch, &classes, &space)
    if is_meta(self):
        return out
    dense, picks, w = contiguous_tensor(cast_tensor(grad, self.code)), class_indices(target), class_weights(self, weight, classes)
    check_target(nll_loss_backward_run(self.code, batch, classes, space, data_of(dense), <const long long*> data_of(picks), data_or_null(w), ignore_index, reduction,
                                       data_of(total_weight), data_of(out), &fault), &fault, self.code)
    return out


def multilabel_terms(Tensor self, Tensor target):
    """Hinges of every label (N, C) against every class: (N, C, C), zero where the class is a label itself or the label comes after the first negative."""
    cdef Py_ssize_t sizes[3]
    cdef Tensor out, dense = contiguous_tensor(self), picks = contiguous_tensor(target)
    cdef int status
    sizes[0], sizes[1], sizes[2] = self.sizes[0], self.sizes[1], self.sizes[1]
    out = new_tensor(self.code, False, 3, sizes)
    status = multilabel_terms_run(self.code, sizes[0], sizes[1], data_of(dense), <const long long*> data_of(picks), data_of(out))
    if status == RUN_INDEX:
        raise IndexError(f"multilabel_margin_loss: a label is none of the {sizes[1]} classes: {describe(target)}")
    check_status(status, "multilabel_margin_loss_forward_out_frame", self.code)
    return out


# ---- embedding ----
def embedding(Tensor weight, Tensor indices):
    """Rows of weight (vocabulary, ...) at each index."""
    cdef Tensor dense, at, out
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t i, k, width = 1, nbytes
    cdef int d
    if weight.rank != 2:
        raise RuntimeError(f"'weight' must be 2-D: embedding got {describe(weight)}")
    if indices.code != I64 and indices.code != I32:
        raise RuntimeError(f"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got {scalar_name(indices.code)} instead (while checking arguments for embedding)")
    for d in range(indices.rank):
        sizes[d] = indices.sizes[d]
    sizes[indices.rank] = weight.sizes[1]
    width = weight.sizes[1]
    out = new_tensor(weight.code, is_meta(weight), indices.rank + 1, sizes)
    if is_meta(weight) or is_meta(indices):
        return out
    dense, at = contiguous_tensor(weight), contiguous_tensor(cast_tensor(indices, I64))
    nbytes = width * ITEMSIZE[weight.code]
    for i in range(at.count):
        k = (<long long*> data_of(at))[i]
        if k < 0 or k >= weight.sizes[0]:
            raise IndexError(f"index out of range in self: embedding index {k} with {weight.sizes[0]} rows")
        memcpy(data_of(out) + i * nbytes, data_of(dense) + k * nbytes, nbytes)
    return out


def embedding_backward(Tensor grad, Tensor indices, Py_ssize_t vocabulary, long long padding, bint by_frequency):
    """Gradient of weight: rows of grad added at their indices, in ascending order of position."""
    cdef Py_ssize_t sizes[2]
    cdef Tensor dense, at, out
    cdef IndexFault fault
    cdef int status
    sizes[0], sizes[1] = vocabulary, grad.sizes[grad.rank - 1]
    out = new_tensor(grad.code, is_meta(grad), 2, sizes)
    if is_meta(grad):
        return out
    dense, at = contiguous_tensor(grad), contiguous_tensor(indices)
    status = embedding_backward_run(grad.code, at.code, at.count, sizes[1], vocabulary, data_of(dense), data_of(at), padding, by_frequency, data_of(out), &fault)
    if status == RUN_INDEX:
        raise IndexError(f"index out of range in self: embedding index {fault.value} with {vocabulary} rows")
    check_status(status, "embedding_backward", grad.code)
    return out
