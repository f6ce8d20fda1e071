"""Derivatives that are special functions themselves."""
import math

from frankentorch import ops

_STEPS = 12
# B_2k of x^-(2k+1), k = 1..7 (Abramowitz and Stegun 6.4.12); from 12.5 on the next term is below 1e-17 of the sum
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def trigamma(x):
    """Derivative of digamma, made of ops that can be differentiated again. The series at infinity after steps up; reflection left of 1/2."""
    dtype = x.dtype
    if dtype in (ops.float16, ops.bfloat16):
        x = x.to(ops.float32)
    left = x < 0.5
    y = ops.where(left, 1 - x, x)
    total = ops.zeros_like(x)
    for step in range(_STEPS):
        total = total + 1 / ((y + step) * (y + step))
    z = 1 / (y + _STEPS)
    square = z * z
    tail = _BERNOULLI[-1] * square
    for number in _BERNOULLI[-2::-1]:
        tail = (tail + number) * square
    total = total + z * (1 + tail + z / 2)
    turn = ops.sin(math.pi * (x - ops.round(x)))       # exactly 0 at the poles
    turn = ops.where(left, turn, ops.ones_like(turn))
    return ops.where(left, math.pi ** 2 / (turn * turn) - total, total).to(dtype)


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
