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
