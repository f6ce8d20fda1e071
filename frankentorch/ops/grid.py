"""Sampling at the points of a grid (Jaderberg et al. 2015), grids of affine maps, pooling by random steps (Graham 2014).

Sampling is a sum of gathers with weights that are functions of the points, so derivatives of any order come from the parts. The gradient of
the input adds points ascending, in each of them corners ascending, the last dim's fastest (tests/reference/grid.py).
"""
import math
from itertools import product

from frankentorch import ops
from frankentorch._ext.image_ops import gather_sum
from frankentorch._ext.pool_ops import fractional_max

BILINEAR, NEAREST, BICUBIC = 0, 1, 2
ZEROS, BORDER, REFLECTION = 0, 1, 2


def _centers(steps, align_corners, like):
    if steps <= 1:
        return ops.zeros((steps,), dtype=like.dtype, device=like.device)
    points = ops.linspace(-1, 1, steps, dtype=like.dtype, device=like.device)
    return points if align_corners else points * ((steps - 1) / steps)


def affine_grid_generator(theta, size, align_corners):
    """Points (x, y) or (x, y, z) of an output of `size`, each moved by its image's matrix: (N, h, w, 2) or (N, d, h, w, 3)."""
    n, spatial = size[0], tuple(size[2:])
    if theta.dim() != 3 or len(spatial) not in (2, 3):
        raise RuntimeError(f"affine_grid_generator needs 4d (spatial) or 5d (volumetric) inputs; got size {list(size)} and theta {list(theta.shape)}")
    axes = [_centers(steps, align_corners, theta) for steps in spatial]
    grids = [ops.expand(ops.view(axis, (-1,) + (1,) * (len(spatial) - 1 - d)), spatial) for d, axis in enumerate(axes)]
    base = ops.stack((*reversed(grids), ops.ones(spatial, dtype=theta.dtype, device=theta.device)), -1)
    base = ops.expand(ops.view(base, (1, math.prod(spatial), len(spatial) + 1)), (n, math.prod(spatial), len(spatial) + 1))
    return ops.view(ops.bmm(base, ops.transpose(theta, 1, 2)), (n, *spatial, len(spatial)))


def _check(input, grid, mode, name):
    n = input.dim() - 2
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"{name}(): expected input and grid to have same dtype, but input has {input.dtype} and grid has {grid.dtype}")
    if n not in (2, 3) or input.dim() != grid.dim():
        raise RuntimeError(f"{name}(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}")
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(f"{name}(): expected grid and input to have same batch size, but got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}")
    if grid.shape[-1] != n:
        raise RuntimeError(f"{name}(): expected grid to have size {n} in last dimension, but got grid with sizes {list(grid.shape)}")
    if any(size <= 0 for size in input.shape[2:]):
        raise RuntimeError(f"{name}(): expected input to have non-empty spatial dimensions, but input has sizes {list(input.shape)}")
    if n == 3 and mode == BICUBIC:
        raise RuntimeError(f"{name}(): bicubic interpolation only supports 4D input")
    return n


def _reflected(x, low, high):
    """x turned back at low / 2 and high / 2 as often as needed."""
    if low == high:
        return x * 0
    least, span = low / 2, (high - low) / 2
    away = ops.abs(x - least)
    turns = ops.floor(away / span).detach()
    rest = away - turns * span
    return ops.where(ops.fmod(turns, 2) == 0, rest + least, span - rest + least)


def _inside(x, size, padding, align_corners):
    """Places of the input for unbounded places; the derivative is 0 where the border holds them."""
    if padding == ZEROS:
        return x
    if padding == REFLECTION:
        x = _reflected(x, 0, 2 * (size - 1)) if align_corners else _reflected(x, -1, 2 * size - 1)
    zero = ops.zeros((), dtype=x.dtype, device=x.device)
    return ops.where(x > 0, ops.where(x < size - 1, x, zero + (size - 1)), zero)


def _held(place, size):
    """Whole places as int64, -1 outside."""
    return ops.where(ops.logical_and(place >= 0, place <= size - 1), place, ops.full((), -1, dtype=place.dtype, device=place.device)).to(ops.int64)


def _values(flat, places, sizes):
    """Input values (N, C, points) at whole places, one tensor (N, points) per dim; 0 outside."""
    within = index = None
    for place, size in zip(places, sizes):
        held = _held(place, size)
        here = held >= 0
        within = here if within is None else ops.logical_and(within, here)
        index = held if index is None else index * size + held
    index = ops.unsqueeze(ops.where(within, index, ops.zeros_like(index)), 1)
    taken = ops.gather(flat, 2, ops.expand(index, (index.shape[0], flat.shape[1], index.shape[2])))
    return ops.where(ops.unsqueeze(within, 1), taken, ops.zeros((), dtype=flat.dtype, device=flat.device))


def _cubic_weights(t):
    # Keys 1981 with a = -3/4: weights of the places -1, 0, 1, 2
    a = -0.75

    def near(x):
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x):
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return far(t + 1), near(t), near(1 - t), far(2 - t)


def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """Values of (N, C, *sizes) at the points of (N, *out, n), x first, -1 to 1 across the input."""
    mode = interpolation_mode
    n = _check(input, grid, mode, "grid_sampler")
    sizes, out_sizes = tuple(input.shape[2:]), tuple(grid.shape[1:-1])
    narrow = input.dtype in (ops.float16, ops.bfloat16)
    wide, points = (input.to(ops.float32), grid.to(ops.float32)) if narrow else (input, grid)
    points = ops.reshape(points, (grid.shape[0], math.prod(out_sizes), n))
    taps = (2, 1, 4)[mode]
    kernel = wide.dtype in (ops.float32, ops.float64) and not wide.is_meta and math.prod(sizes) < 2 ** 31
    if kernel and mode == NEAREST:
        return _shaped(ops._sample_nearest(wide, points, padding_mode, align_corners), input, out_sizes)
    if kernel and not ops.differentiated(wide, points):
        return _shaped(gather_sum(wide, points, taps, padding_mode, align_corners), input, out_sizes)
    places = []
    for d, size in enumerate(sizes):                    # the last coordinate is of the first dim
        x = ops.select(points, -1, n - 1 - d)
        places.append((x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2)
    if mode != BICUBIC:
        places = [_inside(x, size, padding_mode, align_corners) for x, size in zip(places, sizes)]
    if mode == NEAREST:
        out = _values(ops.flatten(wide, 2), [ops.round(x).detach() for x in places], sizes)
        held = sum(ops.where(ops.isfinite(x), x - x.detach(), ops.zeros_like(x)) for x in places)
        out = out + ops.unsqueeze(held, 1) * 0 if ops.differentiated(grid) else out      # the slope is 0, not missing
        return _shaped(out, input, out_sizes)
    lows = [ops.floor(x).detach() for x in places]
    if mode == BILINEAR:
        dims = [((low, low + 1 - x), (low + 1, x - low)) for low, x in zip(lows, places)]
    else:
        dims = [tuple(zip((-1, 0, 1, 2), _cubic_weights(x - low))) for low, x in zip(lows, places)]
    weights = []
    for corner in product(*dims):
        weight = corner[0][1]
        for _, factor in corner[1:]:
            weight = weight * factor
        weights.append(ops.where(ops.isfinite(weight), weight, ops.zeros_like(weight)) if mode == BILINEAR else weight)
    if kernel:
        index = ops._corner_places(points, sizes, taps, padding_mode, align_corners)
        return _shaped(ops._gather_corners(wide, index, ops.stack(weights, 1)), input, out_sizes)
    if mode == BICUBIC:
        dims = [[(_inside(low + k, size, padding_mode, align_corners), None) for k in (-1, 0, 1, 2)] for low, size in zip(lows, sizes)]
    out = None
    for corner, weight in zip(product(*dims), weights):
        part = _values(ops.flatten(wide, 2), [place for place, _ in corner], sizes) * ops.unsqueeze(weight, 1)
        out = part if out is None else out + part
    return _shaped(out, input, out_sizes)


def _shaped(out, input, out_sizes):
    return ops.reshape(out.to(input.dtype), (*input.shape[:2], *out_sizes))


def _sampler(n):
    def sample(input, grid, interpolation_mode, padding_mode, align_corners):
        if input.dim() != n + 2:
            raise RuntimeError(f"grid_sampler_{n}d(): expected {n + 2}D input and grid with same number of dimensions, but got input with sizes {list(input.shape)} "
                               f"and grid with sizes {list(grid.shape)}")
        return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)
    return sample


grid_sampler_2d, grid_sampler_3d = _sampler(2), _sampler(3)


def _starts(samples, size, kernel, count):
    """First places of `count` windows per plane: steps of (size - kernel) / (count - 1), cut after adding the plane's sample."""
    if count == 1:
        return ops.full((*samples.shape, 1), size - kernel, dtype=ops.int64, device=samples.device)
    step = ops.full((), size - kernel, dtype=samples.dtype, device=samples.device) / (count - 1)
    steps = ops.arange(count - 1, dtype=samples.dtype, device=samples.device)
    samples = ops.unsqueeze(samples, -1)
    places = ((steps + samples) * step).to(ops.int64) - (samples * step).to(ops.int64)
    last = ops.full((*samples.shape[:-1], 1), size - kernel, dtype=ops.int64, device=samples.device)
    return ops.cat((places, last), -1)


def _fractional(n):
    name = f"fractional_max_pool{n}d"

    def pooled(self, kernel_size, output_size, random_samples):
        if self.dim() not in (n + 1, n + 2) or any(size == 0 for size in self.shape[-n - 1:]):
            raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor with non-zero dimensions for input (the batch may be empty), but got {list(self.shape)}")
        for what, given in (("kernel_size", kernel_size), ("output_size", output_size)):
            if len(given) != n:
                raise RuntimeError(f"{name}(): {what} must either be a single int or a tuple of {n} ints, got {list(given)}")
        lead, sizes = tuple(self.shape[:-n]), tuple(self.shape[-n:])
        for d in range(n):
            if output_size[d] + kernel_size[d] - 1 > sizes[d]:
                raise RuntimeError(f"{name}(): pool size ({kernel_size[d]}) too large relative to input size ({sizes[d]}) for {output_size[d]} outputs in spatial dim {d}")
        if random_samples.dtype is not self.dtype:
            raise RuntimeError(f"{name}(): Expect _random_samples to have the same dtype as input, got {random_samples.dtype} and {self.dtype}")
        if random_samples.dim() != 3 or random_samples.shape[-1] < n or random_samples.shape[1] < lead[-1] or (len(lead) == 2 and random_samples.shape[0] < lead[0]):
            raise RuntimeError(f"{name}(): Expect _random_samples of shape (batch, channels, {n}), got {list(random_samples.shape)} for input {list(self.shape)}")
        samples = ops.narrow(random_samples, 1, 0, lead[-1])
        samples = ops.narrow(samples, 0, 0, lead[0]) if len(lead) == 2 else ops.select(samples, 0, 0)
        starts = []
        for d in range(n):                              # of an image the first sample moves the columns, of a volume the slices
            starts.append(_starts(ops.select(samples, -1, n - 1 - d if n == 2 else d), sizes[d], kernel_size[d], output_size[d]))
        if self.is_complex():
            raise RuntimeError("max(): does not support complex input")
        narrow = self.dtype in (ops.float16, ops.bfloat16)
        best, index = fractional_max(self.to(ops.float32) if narrow else self, tuple(starts), tuple(kernel_size))
        return best.to(self.dtype) if narrow else best, index
    return pooled


fractional_max_pool2d, fractional_max_pool3d = _fractional(2), _fractional(3)
