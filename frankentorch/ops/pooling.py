"""Pooling by its public names where that is more than one kernel call."""
from frankentorch import ops
from frankentorch._ext import pool_ops


def adaptive_avg_pool(self, spatial, size):
    return pool_ops.adaptive_pool(self, spatial, tuple(size)[-spatial:], True)


def _max_pool(n, self, kernel_size, stride, padding, dilation, ceil_mode):
    if self.requires_grad and ops.is_grad_enabled():
        return getattr(ops, f"max_pool{n}d_with_indices")(self, kernel_size, stride, padding, dilation, ceil_mode)[0]
    return pool_ops.max_pool_values(self, n, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(*arguments):
    return _max_pool(1, *arguments)


def max_pool2d(*arguments):
    return _max_pool(2, *arguments)


def max_pool3d(*arguments):
    return _max_pool(3, *arguments)
