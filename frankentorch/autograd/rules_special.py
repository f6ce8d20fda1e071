"""Derivatives that are special functions themselves."""
import math

from frankentorch import ops

def no_derivative(name):
    raise NotImplementedError(f"the derivative for '{name}' is not implemented.")


def entr_slope(x):
    return ops.where(x > 0, -(ops.log(x) + 1), ops.where(x == 0, ops.full_like(x, math.inf), ops.full_like(x, math.nan)))


def xlog1py_backward_self(g, self, other):
    """As of xlogy: 0 where self is 0 and other at or below -1."""
    slope = ops.log1p(other if isinstance(other, ops.Tensor) else ops.scalar_tensor(other, dtype=g.dtype))
    return g * ops.where(ops.logical_and(self == 0, other <= -1), ops.zeros_like(slope), slope)


def frexp_backward(g, exponent):
    return None if g is None else g / exponent.to(g.dtype).exp2()


def normal_density(x):
    return (-(x * x) / 2).exp() * 0.3989422804014327


def log_ndtr_slope(x):
    """Density over ndtr: without their common exponential."""
    return 0.7978845608028654 / ops.special_erfcx(x * -0.7071067811865476)


def gamma_density(a, x):
    """Derivative of P(a, x) in x."""
    return (ops.xlogy(a - 1, x) - x - ops.lgamma(a)).exp()


def i1_backward(g, x, out):
    """i0 - i1 / x, 1/2 at 0."""
    safe = ops.where(x == 0, ops.ones_like(x), x)
    return g * ops.where(x == 0, ops.full_like(x, 0.5), ops.i0(x) - out / safe)


def i1e_backward(g, x, out):
    safe = ops.where(x == 0, ops.ones_like(x), x)
    return g * ops.where(x == 0, ops.full_like(x, 0.5), ops.special_i0e(x) - out * (ops.sgn(x) + 1 / safe))
