"""Bodies and kernels of optable/reduce.py that are not one driver call."""
import math

from frankentorch import ops

INFINITY = math.inf


def max_other(self, other):
    return ops.maximum(self, other)


def min_other(self, other):
    return ops.minimum(self, other)


def aminmax(self, dim, keepdim):
    if dim is None:
        if self.numel() == 0:
            raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
        return ops.amin(self, (), keepdim), ops.amax(self, (), keepdim)
    if self.dim() and self.size(dim) == 0:
        raise IndexError(f"aminmax: Expected reduction dim {dim % self.dim()} to have non-zero size.")
    return ops.amin(self, (dim,), keepdim), ops.amax(self, (dim,), keepdim)


def nanmean(self, dim, keepdim, dtype):
    if not (self.is_floating_point() or self.is_complex()):
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {self.dtype}")
    kept = ops.sum(ops.logical_not(ops.isnan(self)), dim, keepdim)
    return ops.nansum(self, dim, keepdim, dtype=dtype) / kept


def isclose(self, other, rtol, atol, equal_nan):
    if self.dtype is not other.dtype:
        raise RuntimeError(f"{self.dtype} did not match {other.dtype}")
    if rtol < 0:
        raise RuntimeError(f"rtol must be greater than or equal to zero, but got {rtol}")
    if atol < 0:
        raise RuntimeError(f"atol must be greater than or equal to zero, but got {atol}")
    close = ops.eq(self, other)
    inexact = self.is_floating_point() or self.is_complex()
    if equal_nan and inexact:
        close = ops.logical_or(close, ops.logical_and(ops.isnan(self), ops.isnan(other)))
    if rtol == 0 and atol == 0:
        return close
    if not inexact:
        self, other = self.to(ops.float64 if self.dtype is ops.int64 else ops.get_default_dtype()), other.to(ops.float64 if other.dtype is ops.int64 else ops.get_default_dtype())
    near = ops.le(ops.abs(self - other), atol + ops.abs(other * rtol))
    if inexact:
        near = ops.logical_and(near, ops.isfinite(self - other))
    return ops.logical_or(close, near)


def allclose(self, other, rtol, atol, equal_nan):
    return bool(isclose(self, other, rtol, atol, equal_nan).all().item())


# ---- spreads ----
def _spread(self, dim, correction, keepdim, root, name):
    if not (self.is_floating_point() or self.is_complex()):
        raise RuntimeError(f"{name}: std and var only support floating point and complex dtypes")
    correction = 1.0 if correction is None else float(correction)
    if self.is_complex():
        out = ops._spread(ops.real(self), dim, correction, keepdim, False) + ops._spread(ops.imag(self), dim, correction, keepdim, False)
        return ops.sqrt(out) if root else out
    return ops._spread(self, dim, correction, keepdim, root)


def var_all(self, unbiased):
    return _spread(self, None, float(unbiased), False, False, "var")


def var_dim(self, dim, unbiased, keepdim):
    return _spread(self, dim, float(unbiased), keepdim, False, "var")


def var_correction(self, dim, correction, keepdim):
    return _spread(self, dim, correction, keepdim, False, "var")


def std_all(self, unbiased):
    return _spread(self, None, float(unbiased), False, True, "std")


def std_dim(self, dim, unbiased, keepdim):
    return _spread(self, dim, float(unbiased), keepdim, True, "std")


def std_correction(self, dim, correction, keepdim):
    return _spread(self, dim, correction, keepdim, True, "std")


def var_mean_all(self, unbiased):
    return var_all(self, unbiased), ops.mean(self)


def var_mean_dim(self, dim, unbiased, keepdim):
    return var_dim(self, dim, unbiased, keepdim), ops.mean(self, dim, keepdim)


def var_mean_correction(self, dim, correction, keepdim):
    return var_correction(self, dim, correction, keepdim), ops.mean(self, dim, keepdim)


def std_mean_all(self, unbiased):
    return std_all(self, unbiased), ops.mean(self)


def std_mean_dim(self, dim, unbiased, keepdim):
    return std_dim(self, dim, unbiased, keepdim), ops.mean(self, dim, keepdim)


def std_mean_correction(self, dim, correction, keepdim):
    return std_correction(self, dim, correction, keepdim), ops.mean(self, dim, keepdim)


# ---- norms ----
def vector_norm(x, ord, dim, keepdim, dtype):
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {x.dtype}")
    if isinstance(ord, complex):
        raise RuntimeError("linalg.vector_norm: Expected a non-complex scalar as the order of norm.")
    if dtype is not None:
        if not (dtype.is_floating_point or dtype.is_complex):
            raise RuntimeError(f"linalg.vector_norm: dtype should be floating point or complex. Got {dtype}")
        if dtype.is_complex != x.is_complex():
            kind = "complex" if x.is_complex() else "real"
            raise RuntimeError(f"linalg.vector_norm: dtype should be {kind} for {kind} inputs, but got {dtype}")
        if not ops.can_cast(x.dtype, dtype) or ops.promote_types(x.dtype, dtype) is not dtype:
            raise RuntimeError(f"linalg.vector_norm: the dtype of the input ({x.dtype}) should be convertible without narrowing to the specified dtype ({dtype})")
    if x.is_complex():
        x = ops.abs(x if dtype is None else x.to(dtype))
        dtype = None
    if (ord < 0 or ord == INFINITY) and x.numel() == 0:
        sizes = x.shape
        if dim is None or not dim:
            raise RuntimeError(f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does not have an identity")
        if any(sizes[d] == 0 for d in dim):
            raise RuntimeError(f"linalg.vector_norm cannot compute the {ord} norm on the dimension {dim} because this dimension is empty and the operation does not have an identity")
    return ops._vector_norm(x, float(ord), dim, keepdim, dtype)


def norm(self, p, dim, keepdim, dtype):
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if p == "fro" or p is None:
        return vector_norm(self, 2.0, dims, keepdim, dtype)
    if p == "nuc":
        return ops.linalg_matrix_norm(self, "nuc", dims if dims is not None else (0, 1), keepdim, dtype=dtype)
    if isinstance(p, str):
        raise RuntimeError(f"only valid string values are 'fro' and 'nuc', found {p}")
    if not dims:
        out = vector_norm(self, p, None, keepdim, dtype)
        return out
    return vector_norm(self, p, dims, keepdim, dtype)


def logsumexp(self, dim, keepdim):
    if not (self.is_floating_point() or self.is_complex()):
        self = self.to(ops.get_default_dtype())
    if self.is_complex():
        top = ops.amax(ops.real(self), dim, True)
        top = ops.where(ops.isinf(top), ops.zeros_like(top), top).detach()
        total = ops.log(ops.sum(ops.exp(self - top), dim, True)) + top
        if keepdim:
            return total
        return ops.squeeze(total, tuple(dim) if dim else tuple(range(self.dim()))) if self.dim() else total
    return ops._logsumexp(self, dim, keepdim)




# ---- scans ----
def logcumsumexp(self, dim):
    if self.is_complex():
        top = ops.amax(ops.real(self), (dim,), True).detach() if self.numel() else ops.real(self)
        return ops.log(ops.cumsum(ops.exp(self - top), dim)) + top
    if not self.is_floating_point():
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for {self.dtype}")
    return ops._logcumsumexp(self, dim)


def _by_sign(values, part):
    """A sum whose positive and negative terms are added in logarithms, apart."""
    low = ops.full_like(values, float("-inf"))
    sides = []
    for side in (values, -values):
        cut = side > 0
        sides.append(ops.exp(part(ops.where(cut, ops.log(ops.where(cut, side, ops.ones_like(side))), low))))
    return sides[0] - sides[1]


def logcumsumexp_backward(grad, self, result, dim):
    """Sum over k >= i of grad_k exp(self_i - result_k)."""
    if self.dim() == 0:
        return grad.clone()
    return _by_sign(grad, lambda log: ops.flip(ops.logcumsumexp(ops.flip(log - result, (dim,)), dim), (dim,)) + self)


def logcumsumexp_average(values, self, result, dim):
    """Sum over i <= k of values_i exp(self_i - result_k)."""
    if self.dim() == 0:
        return values.clone()
    return _by_sign(values, lambda log: ops.logcumsumexp(log + self, dim) - result)


def diff(self, n, dim, prepend, append):
    if self.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return ops.clone(self)
    if prepend is not None or append is not None:
        self = ops.cat(tuple(part for part in (prepend, self, append) if part is not None), dim)
    size = self.size(dim)
    for _ in range(min(n, size)):
        length = self.size(dim)
        later, earlier = ops.narrow(self, dim, 1, length - 1), ops.narrow(self, dim, 0, length - 1)
        self = ops.logical_xor(later, earlier) if self.dtype is ops.bool else later - earlier
    return self
