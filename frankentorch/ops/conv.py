"""Convolutions by their public names: arguments are checked, filled up and handed to `convolution`."""
from frankentorch import ops
from frankentorch._ext import conv_ops


def _each(value, n, name):
    if isinstance(value, int):
        return (value,) * n
    if len(value) == 1:
        return tuple(value) * n
    if len(value) != n:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, but got {name}={list(value)}")
    return value


def _check_rank(n, input, weight, name):
    if weight.dim() != n + 2:
        raise RuntimeError(f"Expected {n + 2}-dimensional weight for {name}{n}d, but got weight of size {list(weight.shape)}")
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}{n}d, but got input of size: {list(input.shape)}")


def _conv(n, input, weight, bias, stride, padding, dilation, groups):
    _check_rank(n, input, weight, "conv")
    return ops.convolution(input, weight, bias, _each(stride, n, "stride"), _each(padding, n, "padding"), _each(dilation, n, "dilation"), False, (0,) * n, groups)


def _conv_named(n, input, weight, bias, stride, padding, dilation, groups):
    _check_rank(n, input, weight, "conv")
    stride, dilation = _each(stride, n, "stride"), _each(dilation, n, "dilation")
    if padding == "valid":
        return ops.convolution(input, weight, bias, stride, (0,) * n, dilation, False, (0,) * n, groups)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:])]
    halves = tuple(t // 2 for t in totals)
    if any(t % 2 for t in totals):          # the odd column goes to the back
        widths = [w for t in reversed(totals) for w in (0, t % 2)]
        input = ops.constant_pad_nd(input, widths, 0)
    return ops.convolution(input, weight, bias, stride, halves, dilation, False, (0,) * n, groups)


def _conv_transpose(n, input, weight, bias, stride, padding, output_padding, groups, dilation):
    _check_rank(n, input, weight, "conv_transpose")
    return ops.convolution(input, weight, bias, _each(stride, n, "stride"), _each(padding, n, "padding"), _each(dilation, n, "dilation"), True,
                           _each(output_padding, n, "output_padding"), groups)


def conv1d(*arguments):
    return _conv(1, *arguments)


def conv2d(*arguments):
    return _conv(2, *arguments)


def conv3d(*arguments):
    return _conv(3, *arguments)


def conv1d_named(*arguments):
    return _conv_named(1, *arguments)


def conv2d_named(*arguments):
    return _conv_named(2, *arguments)


def conv3d_named(*arguments):
    return _conv_named(3, *arguments)


def conv_transpose1d(*arguments):
    return _conv_transpose(1, *arguments)


def conv_transpose2d(*arguments):
    return _conv_transpose(2, *arguments)


def conv_transpose3d(*arguments):
    return _conv_transpose(3, *arguments)


def conv_tbc(self, weight, bias, pad):
    if self.dim() != 3 or weight.dim() != 3:
        raise RuntimeError(f"Input must have 3 dims: time, batch, in_channel, got {list(self.shape)} and weight {list(weight.shape)}")
    out = ops.convolution(ops.permute(self, (1, 2, 0)), ops.permute(weight, (2, 1, 0)), bias, (1,), (pad,), (1,), False, (0,), 1)
    return ops.permute(out, (2, 0, 1))


def _padding_of_output(start, target, kernel, stride, padding, dilation):
    # a transposed convolution reaches (start - 1) stride - 2 padding + dilation (kernel - 1) + 1; the rest is padding of the output
    return tuple(t - ((s - 1) * st - 2 * p + d * (k - 1) + 1) for s, t, k, st, p, d in zip(start, target, kernel, stride, padding, dilation))


def _input_gradient(g, weight, sizes, stride, padding, dilation, transposed, groups):
    """The convolution of g, transposed the other way, whose result has the size `sizes`."""
    n = weight.dim() - 2
    extra = (0,) * n if transposed else _padding_of_output(g.shape[-n:], sizes[-n:], weight.shape[2:], stride, padding, dilation)
    out = conv_ops.convolution(g, ops.conj(weight), None, stride, padding, dilation, not transposed, extra, groups)
    for d in range(-n, 0):              # padding of an output by a stride or more (dilated kernels) reaches places that are not there
        if out.shape[d] > sizes[d]:
            out = ops.slice(out, d, 0, sizes[d])
    return out


def convolution_backward(grad_output, input, weight, bias_sizes, stride, padding, dilation, transposed, output_padding, groups, output_mask):
    """Gradients of `convolution` for input, weight and bias, None where the mask says so."""
    n = weight.dim() - 2
    axes = tuple(tuple(value) * n if len(value) == 1 and n > 1 else tuple(value) for value in (stride, padding, dilation))
    others = tuple(d for d in range(grad_output.dim()) if d != grad_output.dim() - n - 1)
    return (_input_gradient(grad_output, weight, tuple(input.shape), *axes, transposed, groups) if output_mask[0] else None,
            conv_ops.weight_gradient(grad_output, ops.conj(input), tuple(weight.shape), *axes, transposed, groups) if output_mask[1] else None,
            ops.sum(grad_output, others) if output_mask[2] else None)
