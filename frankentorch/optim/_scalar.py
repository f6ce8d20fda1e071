"""Scalar arithmetic of the optimizers, in plain Python floats.

Bias corrections need beta ** step. The C library's ``pow`` picks its code by CPU and differs in the last bit between
versions, so whole powers are formed here by repeated squaring in double-double arithmetic (T. J. Dekker, "A
floating-point technique for extending the available precision", Numer. Math. 18, 1971): additions and products only,
the same bits everywhere, error below half an ulp plus 2^-80.
"""

import functools
import math

from frankentorch._tensor import Tensor

_SPLITTER = 134217729.0  # 2^27 + 1 cuts a double into two halves of 26 bits


def _exact_product(a, b):
    """a * b as an unevaluated sum (high, low) without error."""
    high = a * b
    scaled_a, scaled_b = _SPLITTER * a, _SPLITTER * b
    a_high = scaled_a - (scaled_a - a)
    b_high = scaled_b - (scaled_b - b)
    a_low, b_low = a - a_high, b - b_high
    return high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low


def _double_product(x, y):
    """Product of two (high, low) pairs, normalised."""
    high, low = _exact_product(x[0], y[0])
    low += x[0] * y[1] + x[1] * y[0]
    total = high + low
    return total, low - (total - high)


@functools.lru_cache(maxsize=1024)
def _whole_power(base, exponent):
    result, factor = (1.0, 0.0), (base, 0.0)
    while exponent:
        if exponent & 1:
            result = _double_product(result, factor)
        exponent >>= 1
        if exponent:
            factor = _double_product(factor, factor)
    return result[0]


def power(base, exponent):
    """base ** exponent; correctly rounded but for rare ties when 0 <= base <= 1 and the exponent is whole.

    Parameters
    ----------
    base : float or Tensor of one element
    exponent : float or Tensor of one element

    Returns
    -------
    float, or Tensor when an argument is one
    """
    if isinstance(base, Tensor) or isinstance(exponent, Tensor):
        return base**exponent
    # Below 2^-450 the halves of a product underflow and the correction would be wrong.
    if 0.0 <= base <= 1.0 and exponent >= 0 and exponent == int(exponent):
        result = _whole_power(float(base), int(exponent))
        return result if result > 1e-130 else math.pow(base, exponent)
    return base**exponent


def number(value):
    """The Python number in a one-element tensor, or `value` itself."""
    return value.item() if isinstance(value, Tensor) else value


def root(value):
    """Square root, correctly rounded, of a float or a tensor."""
    return value.sqrt() if isinstance(value, Tensor) else math.sqrt(value)
