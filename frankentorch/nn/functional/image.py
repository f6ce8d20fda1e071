"""Resampling of grids: padding, interpolation, sampling, and unfolding into patches."""
import math
import warnings

from frankentorch import ops
from frankentorch.nn.modules.utils import _ntuple

_INTERPOLATION_MODES = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"
_ALIGNABLE_MODES = ("linear", "bilinear", "bicubic", "trilinear")
# mode -> {number of spatial dims: name of the op}
_UPSAMPLE_OPS = {
    "nearest": {1: "upsample_nearest1d", 2: "upsample_nearest2d", 3: "upsample_nearest3d"},
    "nearest-exact": {1: "_upsample_nearest_exact1d", 2: "_upsample_nearest_exact2d", 3: "_upsample_nearest_exact3d"},
    "linear": {1: "upsample_linear1d"},
    "bilinear": {2: "upsample_bilinear2d"},
    "bicubic": {2: "upsample_bicubic2d"},
    "trilinear": {3: "upsample_trilinear3d"},
    "lanczos": {2: "_upsample_lanczos2d_aa"},
}
_ANTIALIAS_OPS = {"bilinear": "_upsample_bilinear2d_aa", "bicubic": "_upsample_bicubic2d_aa",
                  "lanczos": "_upsample_lanczos2d_aa"}
_GRID_MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
_GRID_PADDINGS = {"zeros": 0, "border": 1, "reflection": 2}


def pad(input, pad, mode="constant", value=None):
    """Widen the last dims.

    Parameters
    ----------
    input : Tensor, any shape
    pad : sequence of int
        (left, right) of the last dim, then of the one before, and so on. Negative numbers cut away (mode "constant").
    mode : {"constant", "reflect", "replicate", "circular"}
    value : float, optional
        For "constant", 0 if not given.
    """
    return ops.pad(input, pad, mode, value)


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
                antialias=False):
    """Resize the spatial dims of (N, C, ...).

    Parameters
    ----------
    input : Tensor, shape (N, C, L), (N, C, H, W) or (N, C, D, H, W)
    size : int or sequence of int, optional
        Output size; or else
    scale_factor : float or sequence of float
        sizes are multiplied by it and rounded down.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "lanczos", "area"}
    align_corners : bool, optional
        Corner pixels of input and output coincide; only for the linear and cubic modes.
    recompute_scale_factor : bool, optional
        Take the scale from the rounded output size.
    antialias : bool
        Widen the filter when shrinking; "bilinear", "bicubic" and "lanczos".

    Raises
    ------
    ValueError, NotImplementedError
        The arguments contradict each other, or the mode does not fit the number of dims.
    """
    if mode in ("nearest", "area", "nearest-exact", "lanczos"):
        if align_corners is not None:
            raise ValueError("align_corners option can only be set with the interpolating modes: "
                             "linear | bilinear | bicubic | trilinear")
    elif align_corners is None:
        align_corners = False
    ndim = input.dim() - 2
    spatial = list(input.shape[2:])
    size, scales = _interpolation_sizes(ndim, spatial, size, scale_factor)
    if recompute_scale_factor is not None and recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if antialias and not (mode in _ANTIALIAS_OPS and ndim == 2):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
                         "tensor as input")
    if size is None:
        size = [math.floor(float(old) * scale) for old, scale in zip(spatial, scales)]
        if mode == "area" or recompute_scale_factor:
            scales = None
    if mode == "area" and 1 <= ndim <= 3:
        return (ops.adaptive_avg_pool1d, ops.adaptive_avg_pool2d, ops.adaptive_avg_pool3d)[ndim - 1](input, size)
    by_ndim = _UPSAMPLE_OPS.get(mode)
    if by_ndim is None or not 1 <= ndim <= 3:
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the "
                                  f"modes: {_INTERPOLATION_MODES} (got {mode})")
    if ndim not in by_ndim:
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {next(iter(by_ndim)) + 2}D input")
    op = getattr(ops, _ANTIALIAS_OPS[mode] if antialias else by_ndim[ndim])
    scales = [None] * ndim if scales is None else scales
    if mode in _ALIGNABLE_MODES or mode == "lanczos":
        return op(input, size, bool(align_corners), *scales)
    return op(input, size, *scales)


def _interpolation_sizes(ndim, spatial, size, scale_factor):
    """`size` or `scale_factor` as lists of `ndim` numbers; the other is None."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if not isinstance(size, (list, tuple)):
            size = [size] * ndim
        elif len(size) != ndim:
            raise ValueError(f"Input and output must have the same number of spatial dimensions, but got input with "
                             f"spatial dimensions of {spatial} and output size of {size}.")
        for each in size:
            if not hasattr(type(each), "__index__"):
                raise TypeError(f"expected size to be one of int or tuple of ints, but got {size}")
        return list(size), None
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if not isinstance(scale_factor, (list, tuple)):
        return None, [float(scale_factor)] * ndim
    if len(scale_factor) != ndim:
        raise ValueError("Input and scale_factor must have the same number of spatial dimensions, but got input with "
                         f"spatial dimensions of {spatial} and scale_factor of shape {scale_factor}.")
    return None, [float(each) for each in scale_factor]


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """Deprecated name of `interpolate`."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """Deprecated: `interpolate` with mode "nearest"."""
    warnings.warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """Deprecated: `interpolate` with mode "bilinear" and aligned corners."""
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _warn_of_alignment():
    warnings.warn("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
                  "specify align_corners=True if the old behavior is desired.", stacklevel=3)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """Values of (N, C, H, W) at the points of (N, h, w, 2), whose x and y run from -1 to 1; also in 3-d."""
    if mode not in _GRID_MODES:
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
                         f"'{mode}'")
    if padding_mode not in _GRID_PADDINGS:
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
                         f"but got: '{padding_mode}'")
    if align_corners is None:
        _warn_of_alignment()
        align_corners = False
    return ops.grid_sampler(input, grid, _GRID_MODES[mode], _GRID_PADDINGS[padding_mode], align_corners)


def affine_grid(theta, size, align_corners=None):
    """Grid for `grid_sample` of affine maps.

    Parameters
    ----------
    theta : Tensor, shape (N, 2, 3) or (N, 3, 4)
    size : sequence of int
        (N, C, H, W) or (N, C, D, H, W) of the output wanted from `grid_sample`.
    """
    if align_corners is None:
        _warn_of_alignment()
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    ndim = len(size) - 2
    if ndim not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {size}.")
    if theta.dim() != 3 or tuple(theta.shape[-2:]) != (ndim, ndim + 1):
        raise ValueError(f"Expected a batch of {ndim}D affine matrices of shape Nx{ndim}x{ndim + 1} for size {size}. Got "
                         f"{theta.shape}.")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    return ops.affine_grid_generator(theta, size, align_corners)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Patches of (N, C, H, W) as columns: (N, C * kernel, positions)."""
    pair = _ntuple(2)
    return ops.im2col(input, pair(kernel_size), pair(dilation), pair(padding), pair(stride))


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Sum columns of patches back into (N, C, *output_size); the adjoint of `unfold`."""
    pair = _ntuple(2)
    return ops.col2im(input, pair(output_size), pair(kernel_size), pair(dilation), pair(padding), pair(stride))
