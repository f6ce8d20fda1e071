"""Padding, interpolation and patches: which places each output place reads, as `Taps` for one loop."""
import math
from functools import lru_cache

from frankentorch import ops
from frankentorch._ext import create, views
from frankentorch._ext.resample_run import Taps, nearest_places, resample, resample_backward, resample_bytes


def last_format(self):
    """The format of an image in channels_last, else None."""
    format = {4: ops.channels_last, 5: ops.channels_last_3d}.get(self.dim())
    return format if format is not None and self.is_contiguous(memory_format=format) and not self.is_contiguous() else None


def kept_format(self, out):
    """`out` in channels_last strides when self has them."""
    format = last_format(self)
    return out if format is None else ops.clone(out, memory_format=format)


# ---- padding ----
def constant_pad_nd(self, pad, value):
    n = self.dim()
    if len(pad) % 2:
        raise RuntimeError("Length of pad must be even")
    if len(pad) // 2 > n:
        raise RuntimeError(f"Length of pad should be no more than twice the number of dimensions of the input. Pad length is {len(pad)} while the input has {n} dimensions.")
    widths = [(0, 0)] * (n - len(pad) // 2) + [(pad[2 * i], pad[2 * i + 1]) for i in range(len(pad) // 2 - 1, -1, -1)]
    sizes = [size + low + high for size, (low, high) in zip(self.shape, widths)]
    for d, size in enumerate(sizes):
        if size < 0:
            raise RuntimeError(f"The input size {self.shape[d]}, plus negative padding {widths[d][0]} and {widths[d][1]} resulted in a negative output size, "
                               f"which is invalid. Check dimension {d} of your input.")
    format = 1
    for tag, (kind, rank) in ((2, (ops.channels_last, 4)), (3, (ops.channels_last_3d, 5))):
        if n == rank and self.is_contiguous(memory_format=kind) and not self.is_contiguous():
            format = tag
    out = create.fill(create.empty(tuple(sizes), self.dtype, self.is_meta, format), value)
    inside, source = out, self
    for d, (low, high) in enumerate(widths):
        if low == high == 0 and sizes[d]:
            continue
        length = self.shape[d] + min(low, 0) + min(high, 0)
        if length <= 0:
            return out
        source = views.narrow(source, d, max(-low, 0), length)
        inside = views.narrow(inside, d, max(low, 0), length)
    create.copy(inside, source)
    return out


@lru_cache(512)
def _edge_taps(n, low, high, mode):
    places = []
    for i in range(-low, n + high):
        if mode == "reflect":
            i = abs(i)
            i = 2 * (n - 1) - i if i >= n else i
        elif mode == "replicate":
            i = min(max(i, 0), n - 1)
        else:                           # what negative widths cut away is gone before the rest is wrapped around
            start, length = max(-low, 0), n + min(low, 0) + min(high, 0)
            i = start + (i - start) % length
        places.append(i)
    return Taps(n, places)


def _check_edges(self, spatial, pad, name):
    if len(pad) != 2 * spatial:
        raise RuntimeError(f"padding size is expected to be {2 * spatial}, but got: {len(pad)}")
    n = self.dim()
    if n not in (spatial + 1, spatial + 2) or any(size == 0 for size in self.shape[n - spatial - 1:]):
        raise RuntimeError(f"{name}: Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: {list(self.shape)}")


def _edge_passes(self, pad, mode, name):
    passes = []
    for i in range(len(pad) // 2):
        d = self.dim() - 1 - i
        n, low, high = self.shape[d], pad[2 * i], pad[2 * i + 1]
        if mode == "reflect" and (low >= n or high >= n):
            raise RuntimeError(f"{name}: Argument #4: Padding size should be less than the corresponding input dimension, but got: padding ({low}, {high}) at dimension {d} of input {list(self.shape)}")
        if mode == "circular" and (low > n or high > n):
            raise RuntimeError(f"Padding value causes wrapping around more than once: ({low}, {high}) at dimension {d} of input {list(self.shape)}")
        if n + low + high < (0 if mode == "circular" else 1):
            raise RuntimeError(f"input (W: {n}) is too small. Calculated output W: {n + low + high} ({name}, dimension {d} of input {list(self.shape)})")
        if low or high:
            passes.append((d, _edge_taps(n, low, high, mode)))
    return tuple(passes)


def _edge(mode, name, spatial):
    name = f"{name}_pad{spatial}d"

    def padded(self, padding):
        _check_edges(self, spatial, padding, name)
        passes = _edge_passes(self, padding, mode, name)
        return resample(self, passes) if passes else ops.clone(self)

    def backward(grad, self, padding):
        passes = _edge_passes(self, padding, mode, name)
        return resample_backward(grad, passes) if passes else ops.clone(grad)
    return padded, backward


(reflection_pad1d, reflection_pad1d_backward), (reflection_pad2d, reflection_pad2d_backward), (reflection_pad3d, reflection_pad3d_backward) = (
    _edge("reflect", "reflection", n) for n in (1, 2, 3))
(replication_pad1d, replication_pad1d_backward), (replication_pad2d, replication_pad2d_backward), (replication_pad3d, replication_pad3d_backward) = (
    _edge("replicate", "replication", n) for n in (1, 2, 3))


def pad_circular(self, pad):
    passes = _edge_passes(self, pad, "circular", "pad")
    return ops._resample(self, passes) if passes else ops.clone(self)


def pad(self, pad, mode, value):
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if mode == "constant":
        return ops.constant_pad_nd(self, pad, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    spatial = len(pad) // 2
    if spatial not in (1, 2, 3) or self.dim() not in (spatial + 1, spatial + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now; "
                                  f"got {len(pad)} widths for input {list(self.shape)}")
    if mode == "circular":
        return pad_circular(self, pad)
    return getattr(ops, f"{'reflection' if mode == 'reflect' else 'replication'}_pad{spatial}d")(self, pad)


# ---- interpolation ----
def _check_grid(self, output_size, name):
    n = len(output_size)
    if self.dim() != n + 2:
        raise RuntimeError(f"{name}: It is expected input_size equals to {n + 2}, but got size {self.dim()}")
    if any(s <= 0 for s in output_size) or any(s <= 0 for s in self.shape[2:]):
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got input {list(self.shape[2:])} and output {list(output_size)}")
    if any(s == 0 for s in self.shape[1:]):
        raise RuntimeError(f"Non-empty {n + 2}D data tensor expected but got a tensor with sizes {list(self.shape)}")


def _along_all(self, output_size, scales, make, *more):
    """One pass per spatial dim, the last first."""
    passes = tuple((2 + i, make(self.shape[2 + i], output_size[i], scales[i], *more)) for i in range(len(output_size) - 1, -1, -1))
    if self.dtype is ops.uint8 and make is not _nearest_taps:
        if len(output_size) != 2:
            raise NotImplementedError("\"compute_indices_weights_linear\" not implemented for 'Byte': bytes are interpolated in images only")
        return kept_format(self, resample_bytes(self, passes))
    return ops._resample(self, passes)


@lru_cache(512)
def _nearest_taps(n_in, n_out, scale, exact):
    return Taps(n_in, list(range(n_in)) if n_in == n_out else nearest_places(n_in, n_out, scale, exact))


def upsample_nearest(self, output_size, *scales):
    _check_grid(self, output_size, "upsample_nearest")
    return _along_all(self, output_size, scales, _nearest_taps, False)


def upsample_nearest_exact(self, output_size, *scales):
    _check_grid(self, output_size, "upsample_nearest_exact")
    return _along_all(self, output_size, scales, _nearest_taps, True)


def _step(n_in, n_out, scale, align_corners):
    if align_corners:
        return (n_in - 1) / (n_out - 1) if n_out > 1 else 0.0
    return 1 / scale if scale is not None and scale > 0 else n_in / n_out


@lru_cache(512)
def _linear_taps(n_in, n_out, scale, align_corners):
    if n_in == n_out:
        return Taps(n_in, list(range(n_in)))
    step = _step(n_in, n_out, scale, align_corners)
    index, weight = [], []
    for o in range(n_out):
        place = o * step if align_corners else max((o + 0.5) * step - 0.5, 0.0)
        low = min(int(place), n_in - 1)
        part = min(max(place - low, 0.0), 1.0)
        index.append((low, min(low + 1, n_in - 1)))
        weight.append((1 - part, part))
    return Taps(n_in, index, weight)


def _interpolated(self, output_size, align_corners, scales, taps, name):
    _check_grid(self, output_size, name)
    return _along_all(self, output_size, scales, taps, align_corners)


def upsample_linear(self, output_size, align_corners, *scales):
    return _interpolated(self, output_size, align_corners, scales, _linear_taps, "upsample_linear")


def _cubic(x, a):
    # Keys 1981: the cubic convolution kernel
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


@lru_cache(512)
def _cubic_taps(n_in, n_out, scale, align_corners):
    if n_in == n_out:
        return Taps(n_in, list(range(n_in)))
    step = _step(n_in, n_out, scale, align_corners)
    index, weight = [], []
    for o in range(n_out):
        place = o * step if align_corners else (o + 0.5) * step - 0.5
        low = math.floor(place)
        index.append(tuple(min(max(low + k, 0), n_in - 1) for k in (-1, 0, 1, 2)))
        weight.append(tuple(_cubic(place - low - k, -0.75) for k in (-1, 0, 1, 2)))
    return Taps(n_in, index, weight)


def upsample_bicubic(self, output_size, align_corners, *scales):
    return _interpolated(self, output_size, align_corners, scales, _cubic_taps, "upsample_bicubic2d")


def _triangle(x):
    return max(1 - abs(x), 0.0)


def _keys(x):
    return _cubic(x, -0.5)


def _lanczos(x):
    if x == 0:
        return 1.0
    return math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * math.pi * x * x / 3) if abs(x) < 3 else 0.0


def _smooth(filter, reach):
    """Taps of a filter widened by the scale, normalised at the edges."""
    @lru_cache(512)
    def taps(n_in, n_out, scale, align_corners):
        step = _step(n_in, n_out, scale, align_corners)
        wide = max(step, 1.0)
        index, weight = [], []
        for o in range(n_out):
            center = step * (o + 0.5)
            low, high = max(int(center - reach * wide + 0.5), 0), min(int(center + reach * wide + 0.5), n_in)
            row = [filter((j - center + 0.5) / wide) for j in range(low, high)]
            total = sum(row)
            index.append(tuple(range(low, high)))
            weight.append(tuple(w / total if total else w for w in row))
        return Taps(n_in, index, weight)
    return taps


_TRIANGLES, _KEYS, _LANCZOS = _smooth(_triangle, 1), _smooth(_keys, 2), _smooth(_lanczos, 3)


def upsample_bilinear_aa(self, output_size, align_corners, *scales):
    return _interpolated(self, output_size, align_corners, scales, _TRIANGLES, "_upsample_bilinear2d_aa")


def upsample_bicubic_aa(self, output_size, align_corners, *scales):
    return _interpolated(self, output_size, align_corners, scales, _KEYS, "_upsample_bicubic2d_aa")


def upsample_lanczos_aa(self, output_size, align_corners, *scales):
    return _interpolated(self, output_size, align_corners, scales, _LANCZOS, "_upsample_lanczos2d_aa")


# ---- channels and pixels ----
def pixel_shuffle(self, upscale_factor):
    r = upscale_factor
    if self.dim() < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {self.dim()} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, c, h, w = self.shape
    if c % (r * r):
        raise RuntimeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")
    n = len(batch)
    parts = ops.reshape(self, (*batch, c // (r * r), r, r, h, w))
    parts = ops.permute(parts, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return kept_format(self, ops.reshape(ops.clone(parts, memory_format=ops.contiguous_format), (*batch, c // (r * r), h * r, w * r)))


def pixel_unshuffle(self, downscale_factor):
    r = downscale_factor
    if self.dim() < 3:
        raise RuntimeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {self.dim()} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, c, h, w = self.shape
    for name, size in (("height", h), ("width", w)):
        if size % r:
            raise RuntimeError(f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but {size} is not divisible by {r}")
    n = len(batch)
    parts = ops.reshape(self, (*batch, c, h // r, r, w // r, r))
    parts = ops.permute(parts, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return kept_format(self, ops.reshape(ops.clone(parts, memory_format=ops.contiguous_format), (*batch, c * r * r, h // r, w // r)))


def channel_shuffle(self, groups):
    if self.dim() < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(self.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    b, c, *rest = self.shape
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    if last_format(self) is not None:       # (b, *rest, c) as memory has it: one copy
        last = ops.movedim(self, 1, -1)
        parts = ops.transpose(ops.reshape(last, (b, *rest, groups, c // groups)), -1, -2)
        return ops.movedim(ops.reshape(ops.clone(parts, memory_format=ops.contiguous_format), last.shape), -1, 1)
    parts = ops.transpose(ops.reshape(self, (b, groups, c // groups, *rest)), 1, 2)
    return kept_format(self, ops.reshape(ops.clone(parts, memory_format=ops.contiguous_format), (b, c, *rest)))
