"""Derivatives of convolution. y = x * w is linear in both: dx is the convolution of g transposed, dw correlates g and x."""
from frankentorch import ops


def _each(value, n):
    return tuple(value) * n if len(value) == 1 and n > 1 else tuple(value)


def _padding_of_output(start, target, kernel, stride, padding, dilation):
    # a transposed convolution reaches (start - 1) stride - 2 padding + dilation (kernel - 1) + 1; the rest is padding of the output
    return tuple(t - ((s - 1) * st - 2 * p + d * (k - 1) + 1) for s, t, k, st, p, d in zip(start, target, kernel, stride, padding, dilation))


def conv_again(x, weight, sizes, stride, padding, dilation, transposed, groups):
    """The convolution of x whose result has the size `sizes`."""
    n = weight.dim() - 2
    stride, padding, dilation = _each(stride, n), _each(padding, n), _each(dilation, n)
    extra = _padding_of_output(x.shape[-n:], sizes[-n:], weight.shape[2:], stride, padding, dilation) if transposed else (0,) * n
    out = ops.convolution(x, weight, None, stride, padding, dilation, transposed, extra, groups)
    for d in range(-n, 0):              # padding of an output by a stride or more (dilated kernels) reaches places that are not there
        if out.shape[d] > sizes[d]:
            out = ops.slice(out, d, 0, sizes[d])
    return out


def conv_input_gradient(g, weight, sizes, stride, padding, dilation, transposed, groups):
    return conv_again(g, ops.conj(weight), sizes, stride, padding, dilation, not transposed, groups)


def conv_bias_gradient(g, weight_ndim):
    n = weight_ndim - 2
    return ops.sum(g, tuple(d for d in range(g.dim()) if d != g.dim() - n - 1))
