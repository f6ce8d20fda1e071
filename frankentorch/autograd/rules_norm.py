"""Derivatives of softmax, the normalisations and embedding.

The first derivative of a normalisation runs in one kernel. Its own derivative composes the same mathematics of ops, from the
input alone, and differentiates that.
"""
from frankentorch import ops
from frankentorch._ext.tensor import batch_level


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
def wide(t):
    return t.to(ops.float32) if t is not None and t.dtype in (ops.float16, ops.bfloat16) else t


def composed(g, input, weight, dims, eps, wants, parameter_dims, expand, regroup=None):
    """(dx, dw, db). `expand` gives the weight the shape of the input; statistics go over dims of regroup(x)."""
    regroup = regroup or (lambda t: t)
    x, g32, w = regroup(wide(input)), wide(g), wide(weight)
    centred = x - ops.mean(x, dims, True)
    rstd = ops.rsqrt(ops.mean(centred * centred, dims, True) + eps)
    unit = centred * rstd
    dx = dw = db = None
    if wants[0]:
        gw = regroup(g32 if w is None else g32 * expand(w))
        dx = ops.reshape(rstd * (gw - ops.mean(gw, dims, True) - unit * ops.mean(gw * unit, dims, True)), tuple(input.shape))
    if wants[1]:
        dw = g32 * ops.reshape(unit, tuple(input.shape))
        dw = ops.sum(dw, parameter_dims) if parameter_dims else dw
    if wants[2]:
        db = ops.sum(g32, parameter_dims) if parameter_dims else g32
    return dx, dw, db


def differentiated(function, grad, input, weight, grads, wants):
    """Gradients of function(grad, input, weight) against `grads`, themselves recorded when a graph is asked for."""
    from frankentorch.autograd.backward import grad as gradients
    record = ops.is_grad_enabled()
    # aliases, not detached: forward mode may follow them, whether or not the tape does
    given = [t if t is None or not wanted or record and t.requires_grad else ops.alias(t).requires_grad_() for t, wanted in zip((grad, input, weight), wants)]
    with ops.enable_grad():
        outs = function(*given)
        pairs = [(out, g) for out, g in zip(outs, grads) if out is not None and g is not None and out.requires_grad]
    found = iter(gradients([out for out, _ in pairs], [t for t, wanted in zip(given, wants) if wanted], [g.to(out.dtype) for out, g in pairs],
                           create_graph=record, allow_unused=True) if pairs else [None] * 3)
    return tuple(next(found) if wanted else None for wanted in wants)


def layer_norm_backward(g, input, normalized_shape, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias):
    if g is None:
        return None, None, None
    return ops._layer_norm_backward(g, input, input.dim() - len(normalized_shape), mean, rstd, weight, bias, eps, want_input, want_weight, want_bias)


def layer_norm_twice(g0, g1, g2, grad, input, axis, weight, bias, eps, want_input, want_weight, want_bias, *wants):
    def first(grad, input, weight):
        return composed(grad, input, weight, tuple(range(axis, input.dim())), eps, (want_input, want_weight, want_bias), tuple(range(axis)), lambda w: w)
    return differentiated(first, grad, input, weight, (g0, g1, g2), wants)


def per_channel(input):
    return lambda w: ops.reshape(w, (1, -1, *[1] * (input.dim() - 2)))


def all_but_channels(input):
    return (0, *range(2, input.dim()))


def group_norm_backward(g, g_mean, g_rstd, input, groups, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias):
    found = (None, None, None)
    if g is not None:
        found = ops._group_norm_backward(g, input, groups, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias)
    if not want_input or (g_mean is None and g_rstd is None):
        return found
    # with n elements in a group: d mean = sum dx / n, d rstd = -rstd^3 sum (x - mean) dx / n
    n = input.numel() // max(input.size(0) * groups, 1)
    x = ops.reshape(input, (input.size(0), groups, n))
    extra = ops.zeros_like(x)
    if g_mean is not None:
        extra = extra + ops.unsqueeze(g_mean, -1) / n
    if g_rstd is not None:
        extra = extra - ops.unsqueeze(g_rstd * rstd * rstd * rstd, -1) * (x - ops.unsqueeze(mean, -1)) / n
    extra = ops.reshape(extra, tuple(input.shape))
    return (extra if found[0] is None else found[0] + extra), found[1], found[2]


def group_norm_twice(g0, g1, g2, grad, input, groups, weight, bias, eps, want_input, want_weight, want_bias, *wants):
    def first(grad, input, weight):
        return composed(grad, input, weight, (2,), eps, (want_input, want_weight, want_bias), all_but_channels(input), per_channel(input),
                        lambda t: ops.reshape(t, (t.size(0), groups, t.numel() // max(t.size(0) * groups, 1))))
    return differentiated(first, grad, input, weight, (g0, g1, g2), wants)


def batch_norm_backward(g, input, train, mean, rstd, eps, weight, bias, want_input, want_weight, want_bias):
    if g is None:
        return None, None, None
    return ops._batch_norm_backward(g, input, train, mean, rstd, weight, bias, eps, want_input, want_weight, want_bias)


def batch_norm_twice(g0, g1, g2, grad, input, train, mean, variance, weight, bias, eps, want_input, want_weight, want_bias, *wants):
    def first(grad, input, weight):
        expand, dims = per_channel(input), all_but_channels(input)
        if train:
            return composed(grad, input, weight, dims, eps, (want_input, want_weight, want_bias), dims, expand)
        x, g32 = wide(input), wide(grad)
        rstd = expand(ops.rsqrt(wide(variance) + eps))
        dx = g32 * rstd if weight is None else g32 * expand(wide(weight)) * rstd
        return dx, ops.sum(g32 * ((x - expand(wide(mean))) * rstd), dims) if want_weight else None, ops.sum(g32, dims) if want_bias else None
    return differentiated(first, grad, input, weight, (g0, g1, g2), wants)


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


def bags_backward(g, sizes, indices, starts, weights, mode, padding, by_frequency, chosen):
    """Each row of the table gets the gradients of the bags it is in; of a maximum, column by column."""
    if mode == 2:
        return ops.scatter_add(ops.zeros(sizes, dtype=g.dtype), 0, chosen, _without_empty(g, indices, starts, padding))
    owner, counts, indices, weights = _bagged(starts, indices, weights, padding)
    if mode == 1:
        g = g / ops.unsqueeze(ops.clamp(counts, min=1), 1).to(g.dtype)
    rows = ops.index_select(g, 0, owner)
    if weights is not None:
        rows = rows * ops.unsqueeze(weights, 1)
    return ops.embedding_dense_backward(rows, indices, sizes[0], padding, by_frequency)


def _without_empty(g, indices, starts, padding):
    """Gradients of bags that hold a row; nobody gets those of the others."""
    counts = ops._bag_of_each(starts, indices, padding)[1]
    return ops.masked_fill(g, ops.unsqueeze(ops.eq(counts, 0), 1), 0)


def _bagged(starts, indices, weights, padding):
    """Bag of each index, rows of each bag, and the indices and weights; without those after the last bag."""
    owner, counts = ops._bag_of_each(starts, indices, padding)
    last = indices.numel() if batch_level(starts) else int(starts[-1])
    if last == indices.numel():
        return owner, counts, indices, weights
    return owner[:last], counts, indices[:last], None if weights is None else weights[:last]


def bags_weights_backward(g, weight, indices, starts, padding):
    owner, _, bagged, _ = _bagged(starts, indices, None, padding)
    products = ops.sum(ops.index_select(g, 0, owner) * ops.index_select(weight, 0, bagged), (1,))
    products = ops.masked_fill(products, ops.eq(bagged, padding), 0)
    rest = indices.numel() - bagged.numel()
    return ops.cat((products, ops.zeros((rest,), dtype=g.dtype))) if rest else products


def glu_backward(g, self, dim):
    n = self.size(dim) // 2
    left, gate = ops.narrow(self, dim, 0, n), ops.narrow(self, dim, n, n)
    if ops.differentiated(g, self):
        return ops.cat([ops._glu(g, gate), ops._glu_backward_gate(g, left, gate)], dim)
    size = ops.sigmoid(gate)
    return ops.cat([g * size, ops._glu_gate(g, left, size)], dim)
