"""Pooling with the arguments of PyTorch: `stride=None`, `return_indices`, output sizes with None."""
import math

from frankentorch import ops
from frankentorch.nn.modules.utils import _list_with_default, _ntuple


def _or_empty(stride):
    return [] if stride is None else stride


def max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Largest value of each window of (..., C, L), and where it is."""
    return ops.max_pool1d_with_indices(input, kernel_size, _or_empty(stride), padding, dilation, ceil_mode)


def max_pool2d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Largest value of each window of (..., C, H, W), and where it is: ``row * W + column``."""
    return ops.max_pool2d_with_indices(input, kernel_size, _or_empty(stride), padding, dilation, ceil_mode)


def max_pool3d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Largest value of each window of (..., C, D, H, W), and where it is."""
    return ops.max_pool3d_with_indices(input, kernel_size, _or_empty(stride), padding, dilation, ceil_mode)


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Largest value of each window of (..., C, L)."""
    if return_indices:
        return max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return ops.max_pool1d(input, kernel_size, _or_empty(stride), padding, dilation, ceil_mode)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Largest value of each window of (..., C, H, W).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size, padding, dilation : int or pair
    stride : int or pair, optional
        `kernel_size` if not given.
    ceil_mode : bool
        Round the output size up: windows may hang over the end, but must begin inside.
    return_indices : bool
        Also give the flat position of each maximum, for `max_unpool2d`.
    """
    if return_indices:
        return max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return ops.max_pool2d(input, kernel_size, _or_empty(stride), padding, dilation, ceil_mode)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """Largest value of each window of (..., C, D, H, W)."""
    if return_indices:
        return max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return ops.max_pool3d(input, kernel_size, _or_empty(stride), padding, dilation, ceil_mode)


def adaptive_max_pool1d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool1d` and the positions."""
    return ops.adaptive_max_pool1d(input, output_size)


def adaptive_max_pool2d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool2d` and the positions."""
    return ops.adaptive_max_pool2d(input, _list_with_default(output_size, input.size()))


def adaptive_max_pool3d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool3d` and the positions."""
    return ops.adaptive_max_pool3d(input, _list_with_default(output_size, input.size()))


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maximum of `output_size` windows that cover (..., C, L)."""
    out = adaptive_max_pool1d_with_indices(input, output_size)
    return out if return_indices else out[0]


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maximum of windows that cover (..., C, H, W); None in `output_size` keeps that size."""
    out = adaptive_max_pool2d_with_indices(input, output_size)
    return out if return_indices else out[0]


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """Maximum of windows that cover (..., C, D, H, W)."""
    out = adaptive_max_pool3d_with_indices(input, output_size)
    return out if return_indices else out[0]


def adaptive_avg_pool2d(input, output_size):
    """Mean of windows that cover (..., C, H, W); None in `output_size` keeps that size."""
    return ops.adaptive_avg_pool2d(input, _list_with_default(output_size, input.size()))


def adaptive_avg_pool3d(input, output_size):
    """Mean of windows that cover (..., C, D, H, W)."""
    return ops.adaptive_avg_pool3d(input, _list_with_default(output_size, input.size()))


def _lp_pool(average, input, norm_type, kernel_size, stride, ceil_mode, count):
    stride = kernel_size if stride is None else stride
    mean = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    # relu(|m|) * sign(m) is m itself; through relu its gradient at 0 is 0 and not nan
    return (ops.sign(mean) * ops.relu(ops.abs(mean))).mul(count).pow(1.0 / norm_type)


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x ** norm_type over each window) ** (1 / norm_type) of (..., C, L)."""
    return _lp_pool(ops.avg_pool1d, input, norm_type, kernel_size, stride, ceil_mode, math.prod(_ntuple(1)(kernel_size)))


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x ** norm_type over each window) ** (1 / norm_type) of (..., C, H, W)."""
    return _lp_pool(ops.avg_pool2d, input, norm_type, kernel_size, stride, ceil_mode, math.prod(_ntuple(2)(kernel_size)))


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x ** norm_type over each window) ** (1 / norm_type) of (..., C, D, H, W)."""
    return _lp_pool(ops.avg_pool3d, input, norm_type, kernel_size, stride, ceil_mode, math.prod(_ntuple(3)(kernel_size)))


def _unpool_output_size(input, kernel_size, stride, padding, output_size):
    spatial = list(input.size())[-len(kernel_size):]
    default = [(size - 1) * stride[d] + kernel_size[d] - 2 * padding[d] for d, size in enumerate(spatial)]
    if output_size is None:
        return default
    ndim = len(kernel_size)
    if len(output_size) == ndim + 2:
        output_size = output_size[2:]
    if len(output_size) != ndim:
        raise ValueError(f"output_size should be a sequence containing {ndim} or {ndim + 2} elements, but it has a length "
                         f"of '{len(output_size)}'")
    for d in range(ndim):
        low, high = default[d] - stride[d], default[d] + stride[d]
        if not low < output_size[d] < high:
            raise ValueError(f'invalid output_size "{output_size}" (dim {d} must be between {low} and {high})')
    return output_size


def _unpool_arguments(ndim, input, kernel_size, stride, padding, output_size):
    fill = _ntuple(ndim)
    kernel_size = fill(kernel_size)
    stride = kernel_size if stride is None else fill(stride)
    padding = fill(padding)
    return stride, padding, _unpool_output_size(input, kernel_size, stride, padding, output_size)


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Put each value back where `max_pool1d` found it, zeros elsewhere."""
    _, _, size = _unpool_arguments(1, input, kernel_size, stride, padding, output_size)
    size = [*size, 1]
    return ops.max_unpool2d(input.unsqueeze(-1), indices.unsqueeze(-1), size).squeeze(-1)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Put each value back where `max_pool2d` found it, zeros elsewhere."""
    _, _, size = _unpool_arguments(2, input, kernel_size, stride, padding, output_size)
    return ops.max_unpool2d(input, indices, size)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Put each value back where `max_pool3d` found it, zeros elsewhere."""
    stride, padding, size = _unpool_arguments(3, input, kernel_size, stride, padding, output_size)
    return ops.max_unpool3d(input, indices, size, stride, padding)


def _fractional(ndim, op, input, kernel_size, output_size, output_ratio, random_samples):
    fill = _ntuple(ndim)
    name = f"fractional_max_pool{ndim}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if output_size is None:
        ratio = fill(output_ratio)
        output_size = [int(size * ratio[d]) for d, size in enumerate(input.size()[-ndim:])]
    if random_samples is None:
        batch = 1 if input.dim() == ndim + 1 else input.size(0)
        random_samples = ops.rand(batch, input.size(-ndim - 1), ndim, dtype=input.dtype, device=input.device)
    return op(input, kernel_size, output_size, random_samples)


def fractional_max_pool2d_with_indices(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                                       _random_samples=None):
    """`fractional_max_pool2d` and the positions."""
    return _fractional(2, ops.fractional_max_pool2d, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                                       _random_samples=None):
    """`fractional_max_pool3d` and the positions."""
    return _fractional(3, ops.fractional_max_pool3d, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                          _random_samples=None):
    """Maximum of windows at random steps (Graham 2014)."""
    out = fractional_max_pool2d_with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
    return out if return_indices else out[0]


def fractional_max_pool3d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                          _random_samples=None):
    """Maximum of windows at random steps (Graham 2014)."""
    out = fractional_max_pool3d_with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
    return out if return_indices else out[0]
