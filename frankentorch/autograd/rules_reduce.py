"""Derivative helpers of reductions and scans. `g` is the incoming gradient of the result."""
from frankentorch import ops
from frankentorch._ext.tensor import batch_level


def max_of(a, b):
    return a if a > b else b


def dims_of(dim, ndim):
    """The reduced dims, ascending; None and () are all."""
    if dim is None:
        return tuple(range(ndim))
    if isinstance(dim, int):
        dim = (dim,)
    return tuple(sorted(d % max(ndim, 1) for d in dim)) or tuple(range(ndim))


def put_back(x, ndim, dim, keepdim):
    """The reduced dims again, of size 1."""
    if keepdim or ndim == 0:
        return x
    for d in dims_of(dim, ndim):
        x = ops.unsqueeze(x, d)
    return x


def count_over(sizes, dim):
    n = 1
    for d in dims_of(dim, len(sizes)) if len(sizes) else ():
        n *= sizes[d]
    return n


def spread_back(g, sizes, dim, keepdim):
    return put_back(g, len(sizes), dim, keepdim).expand(sizes)


def mean_backward(g, sizes, dim, keepdim):
    return spread_back(g, sizes, dim, keepdim) / max(count_over(sizes, dim), 1)


def nansum_backward(g, self, dim, keepdim):
    return spread_back(g, self.shape, dim, keepdim) * ops.logical_not(ops.isnan(self))


def prod_backward(g, self, out):
    # d prod / d x_i = product of the others
    if self.dim() == 0:
        return g
    flat = ops.reshape(self, (-1,))
    return ops.reshape(g * conj(others(flat, 0)), self.shape)


def prod_dim_backward(g, self, out, dim, keepdim):
    if self.dim() == 0:
        return g
    return put_back(g, self.dim(), dim, keepdim) * conj(others(self, dim))


def conj(x):
    return ops.conj(x) if x.is_complex() else x


def others(x, dim):
    """Product of all elements along dim but each one itself: no division, so zeros are exact."""
    n = x.size(dim)
    if n == 0:
        return ops.ones_like(x)
    edge = ops.ones_like(ops.narrow(x, dim, 0, 1))
    before = ops.cumprod(ops.cat((edge, ops.narrow(x, dim, 0, n - 1)), dim), dim)
    after = ops.flip(ops.cumprod(ops.cat((edge, ops.flip(ops.narrow(x, dim, 1, n - 1), (dim,))), dim), dim), (dim,))
    return before * after


def winners(self, out):
    """Where self holds the extreme; NaN equals NaN."""
    if self.is_floating_point():
        return ops.logical_or(ops.eq(self, out), ops.logical_and(ops.isnan(self), ops.isnan(out)))
    return ops.eq(self, out)


def extreme_all_backward(g, self, out):
    # equals share the gradient evenly
    keep = winners(self, out)
    return keep * (g / ops.sum(keep))


def extreme_dims_backward(g, self, out, dim, keepdim):
    n = self.dim()
    keep = winners(self, put_back(out, n, dim, keepdim))
    shares = ops.sum(keep, dims_of(dim, n), True) if n else ops.sum(keep)
    return keep * (put_back(g, n, dim, keepdim) / shares)


def at_index_backward(g, sizes, dim, keepdim, indices):
    """Gradient to the chosen positions along dim."""
    if g is None:
        return None
    n = len(sizes)
    if n == 0:
        return g
    zeros = ops.zeros(sizes, dtype=g.dtype, device=g.device)
    return ops.scatter(zeros, dim, put_back(indices, n, dim, keepdim), put_back(g, n, dim, keepdim))


def spread_backward(g, self, out, dim, correction, keepdim, root):
    # d var = 2 (x - mean) / (n - c); d std = d var / (2 std), 0 where std is 0
    n = self.dim()
    free = max(count_over(self.shape, dim) - correction, 0)
    if root:
        slope = g / (out * 2)
        g = ops.where(ops.eq(out, 0), ops.zeros_like(slope), slope)
    g = put_back(g, n, dim, keepdim)
    apart = self - ops.mean(self, dims_of(dim, n), True) if n else self - self
    if free == 0:
        return g * (apart * float("nan") if not n or count_over(self.shape, dim) <= 1 else apart * float("inf"))
    return g * (apart * (2.0 / free))


def vector_norm_backward(g, self, out, ord, dim, keepdim):
    # d |x|_p = sgn(x) |x|^(p-1) / |x|_p^(p-1), 0 at 0
    n = self.dim()
    g, out = put_back(g, n, dim, keepdim), put_back(out, n, dim, keepdim)
    if ord == 0:
        return None                     # a count has no slope
    if ord == 1:
        return g * ops.sgn(self)
    if ord == 2:
        ratio = self / out
        return g * ops.where(ops.eq(out, 0), ops.zeros_like(ratio), ratio)
    size = ops.abs(self)
    if abs(ord) == float("inf"):
        keep = winners(size, out)
        shares = ops.sum(keep, dims_of(dim, n), True) if n else ops.sum(keep)
        return ops.sgn(self) * (keep * (g / shares))
    slope = ops.sgn(self) * ops.pow(size, ord - 1) / ops.pow(out, ord - 1)
    empty = ops.eq(size, 0) if ord < 2 else ops.eq(out, 0)
    return g * ops.where(empty, ops.zeros_like(slope), slope)


def logsumexp_backward(g, self, out, dim, keepdim):
    n = self.dim()
    g, out = put_back(g, n, dim, keepdim), put_back(out, n, dim, keepdim)
    return g * ops.exp(self - ops.where(ops.eq(out, float("-inf")), ops.zeros_like(out), out))


def reverse_cumsum(g, dim):
    if g.dim() == 0:
        return g
    return ops.flip(ops.cumsum(ops.flip(g, (dim,)), dim), (dim,))


def cumprod_backward(g, self, out, dim):
    # sum over k >= i of g_k * prod of x_j, j <= k, j != i
    if self.dim() == 0:
        return g
    if self.numel() and not batch_level(self) and not bool(ops.eq(self, 0).any().item()):
        return reverse_cumsum(g * conj(out), dim) / conj(self)
    n = self.size(dim)
    parts = []
    for i in range(n):
        one = ops.ones_like(ops.narrow(self, dim, 0, 1))
        rest = ops.cumprod(ops.cat((one, ops.narrow(self, dim, i + 1, n - i - 1)), dim), dim)
        if i:
            rest = rest * ops.prod(ops.narrow(self, dim, 0, i), dim, True)
        parts.append(ops.sum(ops.narrow(g, dim, i, n - i) * conj(rest), dim, True))
    return ops.cat(tuple(parts), dim) if parts else ops.zeros_like(self)


def cumulative_extreme_backward(g, sizes, dim, indices):
    if g is None:
        return None
    if not sizes:
        return g
    return ops.scatter_add(ops.zeros(sizes, dtype=g.dtype, device=g.device), dim, indices, g)


def logcumsumexp_twice(h, g, self, out, dim, want_g, want_self):
    """Of b_i = sum over k >= i of g_k p_ik, p_ik = exp(x_i - out_k): with m_k = sum over i <= k of h_i p_ik, the derivative by g_k is m_k,
    by x_i it is h_i b_i - sum over k >= i of g_k m_k p_ik. What depends on `out` is counted here, so out itself gets nothing."""
    if self.dim() == 0:
        return h, None
    m = ops._logcumsumexp_average(h, self, out, dim)
    by_self = h * ops._logcumsumexp_backward(g, self, out, dim) - ops._logcumsumexp_backward(g * m, self, out, dim) if want_self else None
    return m if want_g else None, by_self


def logcumsumexp_average_backward(g, values, self, out, dim, want_values, want_self):
    b = ops._logcumsumexp_backward(g, self, out, dim)
    m = ops._logcumsumexp_average(values, self, out, dim)
    return b if want_values else None, values * b - ops._logcumsumexp_backward(g * m, self, out, dim) if want_self else None
