"""Bodies of optable/signal.py."""
import math

from frankentorch import ops


def _window(name, length, periodic, dtype, layout, requires_grad, shape):
    """Window of `length` samples: `shape` maps positions 0..n and the period to values in float64, rounded once."""
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if layout is not None and layout is not ops.strided:
        raise RuntimeError(f"{name} is not implemented for sparse types, got: {layout}")
    dtype = dtype or ops.get_default_dtype()
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length <= 1:
        return ops.ones(length, dtype=dtype, requires_grad=requires_grad)
    n = length if periodic else length - 1
    out = shape(ops.arange(length, dtype=ops.float64), n).to(dtype)
    return out.requires_grad_() if requires_grad else out


def _cosines(*weights):
    def shape(position, n):
        return sum((-1) ** k * w * ops.cos(position * (2 * math.pi * k / n)) for k, w in enumerate(weights))
    return shape


def bartlett_window(window_length, periodic, dtype, layout, device, pin_memory, requires_grad):
    return _window("bartlett_window", window_length, periodic, dtype, layout, requires_grad, lambda position, n: 1 - ops.abs(position * (2 / n) - 1))


def blackman_window(window_length, periodic, dtype, layout, device, pin_memory, requires_grad):
    return _window("blackman_window", window_length, periodic, dtype, layout, requires_grad, _cosines(0.42, 0.5, 0.08))


def hann_window(window_length, periodic, dtype, layout, device, pin_memory, requires_grad):
    return _window("hann_window", window_length, periodic, dtype, layout, requires_grad, _cosines(0.5, 0.5))


def hamming_window(window_length, periodic, alpha, beta, dtype, layout, device, pin_memory, requires_grad):
    return _window("hamming_window", window_length, periodic, dtype, layout, requires_grad, _cosines(alpha, beta))


def bessel_i0(x):
    """I0 of float64 values by its power series (Abramowitz and Stegun 9.6.12); for |x| up to some hundreds."""
    quarter = x * x / 4
    term = total = ops.ones_like(x)
    for k in range(1, 500):
        term = term * quarter / (k * k)
        total = total + term
        if bool((term <= total * 1e-18).all()):
            break
    return total


def kaiser_window(window_length, periodic, beta, dtype, layout, device, pin_memory, requires_grad):
    def shape(position, n):
        ratio = position * (2 / n) - 1
        return bessel_i0(beta * ops.sqrt((1 - ratio * ratio).clamp(min=0))) / bessel_i0(ops.tensor(float(beta), dtype=ops.float64))
    return _window("kaiser_window", window_length, periodic, dtype, layout, requires_grad, shape)
