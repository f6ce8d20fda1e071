"""Derivatives of softmax, the normalisations and embedding.

The first derivative runs in one kernel; while a graph of it is recorded (create_graph), the same mathematics is composed of
ops, from the input alone, so that it can be differentiated again.
"""
from frankentorch import ops


# ---- softmax ----
def softmax_backward_grad(g, output, dim):
    # the Jacobian of softmax is symmetric
    return ops._softmax_backward(g, output, dim)


def log_softmax_backward_grad(g, output, dim):
    # that of log_softmax is not: u - exp(y) sum(u) turns into g - sum(g exp(y))
    return g - ops.sum(g * ops.exp(output), (dim,), True)


def softmax_backward_output(g, grad, output, dim):
    # of y (u - sum(u y)) with respect to y, against g: g (u - sum(u y)) - u sum(g y)
    inner = ops.sum(grad * output, (dim,), True)
    return g * (grad - inner) - grad * ops.sum(g * output, (dim,), True)


def log_softmax_backward_output(g, grad, output, dim):
    # of u - exp(y) sum(u): -g exp(y) sum(u)
    return -(g * ops.exp(output) * ops.sum(grad, (dim,), True))


# ---- normalisations: y = (x - m) r w + b,  m = mean x, r = (var x + eps)^(-1/2) ----
def recorded(*tensors):
    return ops.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def wide(t):
    return t.to(ops.float32) if t is not None and t.dtype in (ops.float16, ops.bfloat16) else t


def composed(g, input, weight, dims, eps, wants, parameter_dims, expand, regroup=None):
    """(dx, dw, db). `expand` gives the weight the shape of the input; statistics go over dims of regroup(x)."""
    regroup = regroup or (lambda t: t)
    x, g32, w = regroup(wide(input)), wide(g), wide(weight)
    mean = ops.mean(x, dims, True)
    centred = x - mean
    rstd = ops.rsqrt(ops.mean(centred * centred, dims, True) + eps)
    unit = centred * rstd
    dx = dw = db = None
    if wants[0]:
        gw = regroup(g32 if w is None else g32 * expand(w))
        dx = ops.reshape(rstd * (gw - ops.mean(gw, dims, True) - unit * ops.mean(gw * unit, dims, True)), tuple(input.shape)).to(input.dtype)
    if wants[1]:
        dw = ops.sum(g32 * ops.reshape(unit, tuple(input.shape)), parameter_dims)
        dw = ops.reshape(dw, tuple(weight.shape)).to(weight.dtype)
    if wants[2]:
        db = ops.sum(g32, parameter_dims) if parameter_dims else g32
    return dx, dw, db


def layer_norm_backward(g, input, normalized_shape, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias):
    if g is None:
        return None, None, None
    axis = input.dim() - len(normalized_shape)
    if recorded(g, input, weight):
        dims = tuple(range(axis, input.dim()))
        lead = tuple(range(axis))
        if not lead:
            dx, _, _ = composed(g, input, weight, dims, eps, (want_input, False, False), lead, lambda w: w)
            unit = (wide(input) - ops.mean(wide(input), dims, True))
            unit = unit * ops.rsqrt(ops.mean(unit * unit, dims, True) + eps)
            return dx, (wide(g) * unit).to(weight.dtype) if want_weight else None, g if want_bias else None
        return composed(g, input, weight, dims, eps, (want_input, want_weight, want_bias), lead, lambda w: w)
    return ops._layer_norm_backward(g, input, axis, mean, rstd, weight, bias, want_input, want_weight, want_bias)


def per_channel(input):
    return lambda w: ops.reshape(w, (1, -1, *[1] * (input.dim() - 2)))


def all_but_channels(input):
    return (0, *range(2, input.dim()))


def group_norm_backward(g, input, groups, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias):
    if g is None:
        return None, None, None
    if recorded(g, input, weight):
        return composed(g, input, weight, (2,), eps, (want_input, want_weight, want_bias), all_but_channels(input), per_channel(input),
                        lambda t: ops.reshape(t, (t.size(0), groups, t.numel() // max(t.size(0) * groups, 1))))
    return ops._group_norm_backward(g, input, groups, mean, rstd, weight, bias, want_input, want_weight, want_bias)


def batch_norm_backward(g, input, train, mean, rstd, eps, weight, bias, want_input, want_weight, want_bias):
    if g is None:
        return None, None, None
    if not recorded(g, input, weight):
        return ops._batch_norm_backward(g, input, train, mean, rstd, eps, weight, bias, want_input, want_weight, want_bias)
    expand, dims = per_channel(input), all_but_channels(input)
    if train:
        return composed(g, input, weight, dims, eps, (want_input, want_weight, want_bias), dims, expand)
    x, g32 = wide(input), wide(g)
    rstd = expand(ops.rsqrt(wide(rstd) + eps))
    unit = (x - expand(wide(mean))) * rstd
    dx = ((g32 * rstd) if weight is None else g32 * expand(wide(weight)) * rstd).to(input.dtype) if want_input else None
    return dx, ops.sum(g32 * unit, dims) if want_weight else None, ops.sum(g32, dims) if want_bias else None


# ---- embedding ----
def embedding_vocabulary(sizes):
    return sizes[0]


def embedding_twice(g, indices, padding_idx, scale_grad_by_freq):
    # the backward adds rows of its argument: its derivative reads them back; padded places gave nothing
    if scale_grad_by_freq:
        raise RuntimeError("embedding_dense_backward: double backward is not supported with scale_grad_by_freq=True")
    out = ops._embedding(g, indices, -1, False)
    if padding_idx >= 0:
        out = ops.where(ops.unsqueeze(indices == padding_idx, -1), ops.zeros_like(out), out)
    return out
