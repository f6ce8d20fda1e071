"""Derivatives of pooling."""
from frankentorch import ops


def _each(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


def avg_pool_gradient(g, sizes, n, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return ops._avg_pool_backward(g, sizes, n, _each(kernel_size, n), _each(stride, n), _each(padding, n), ceil_mode, count_include_pad, divisor_override)


def max_pool_pick(g, indices, spatial):
    """g at the places that won, per plane."""
    flat = ops.flatten(g, -spatial, -1) if spatial > 1 else g
    places = ops.flatten(indices, -spatial, -1) if spatial > 1 else indices
    return ops.reshape(ops.gather(flat, -1, places), indices.shape)


def constant_pad_gradient(g, pad):
    return ops.constant_pad_nd(g, tuple(-p for p in pad), 0)
