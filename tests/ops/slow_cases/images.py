"""Pools and interpolation."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor
from tests.reference import pool, reduce, resample


# ---- pools ----
POOLED = [  # sizes, kernel, stride, padding, dilation of a maximum, ceil_mode
    ((23,), 2, 2, 0, 1, False), ((40,), 5, 3, 2, 2, True), ((8, 36), 2, 2, 0, 1, False), ((9, 17), 3, 2, 1, 1, False), ((7, 40), 3, 1, 1, 1, False),
    ((10, 11), 3, 2, 0, 1, True), ((9, 9), 2, 3, 1, 3, False), ((4, 5, 6), 2, 2, 1, 1, True), ((5, 6, 7), 3, 1, 1, 2, False),
]
FORMATS = {4: ft.channels_last, 5: ft.channels_last_3d}


def out_of(size, kernel, stride, padding, dilation, ceil):
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    out = (room + (stride - 1 if ceil else 0)) // stride + 1
    return out - (ceil and (out - 1) * stride >= size + padding)


def axes_of(sizes, kernel, stride, padding, dilation, ceil):
    """Three of them, those in front of one place."""
    return (3 - len(sizes)) * [pool.windows(1, 1, 1, 0, 1, 1)] + [pool.windows(size, kernel, stride, padding, dilation, out_of(size, kernel, stride, padding, dilation, ceil)) for size in sizes]


def planes(x):
    """Each (image, channel) as three axes."""
    return [plane.reshape((1,) * (5 - x.ndim) + plane.shape) for image in x for plane in image]


def stacked(found, x):
    """Planes as the result of x."""
    sizes = found[0].shape[5 - x.ndim:]
    return np.array(found).reshape(*x.shape[:2], *sizes)


def both_formats(run, x, *rest):
    """Contiguous and, of two axes and more, in channels_last."""
    made = run(leaf(x), *rest)
    if x.ndim > 3:
        made += run(tensor(x).contiguous(memory_format=FORMATS[x.ndim]).requires_grad_(), *rest)
    return [np.ascontiguousarray(a) for a in made]


def pooled(dtype):
    for sizes, *rest in POOLED:
        rng = np.random.default_rng(sum(sizes))
        x = numbers(rng, 2, 3, *sizes, dtype=dtype)
        x.reshape(-1)[[5, 6]] = np.nan
        x.reshape(-1)[-3:] = -np.inf
        outs = [out_of(size, *rest) for size in sizes]
        yield x, numbers(rng, 2, 3, *outs, dtype=dtype), sizes, rest


def add_max_pool(dtype):
    def run(t, g, n, kernel, stride, padding, dilation, ceil):
        out, index = getattr(F, f"max_pool{n}d")(t, kernel, stride, padding, dilation, ceil, return_indices=True)
        plain = getattr(F, f"max_pool{n}d")(t.detach(), kernel, stride, padding, dilation, ceil)
        out.backward(tensor(g))
        return arrays(out, index, plain, t.grad)

    def found(x, g, sizes, rest):
        return both_formats(run, x, g, len(sizes), *rest)

    def expected(x, g, sizes, rest):
        made = [pool.maximum(plane, axes_of(sizes, *rest)) for plane in planes(x)]
        grad = stacked([pool.maximum_backward(to, index, plane.shape) for to, (_, index), plane in zip(planes(g), made, planes(x))], x)
        out, index = (stacked(list(part), x) for part in zip(*made))
        return (2 if x.ndim > 3 else 1) * [out, index, out, grad]

    enter(f"max_pool {dtype}", lambda: pooled(dtype), found, expected)


def add_average_pool(dtype, count_padding, divisor):
    def inputs():
        for sizes, kernel, stride, padding, _, ceil in POOLED:
            rng = np.random.default_rng(sum(sizes))
            rest = kernel, stride, padding, 1, ceil
            yield numbers(rng, 2, 3, *sizes, dtype=dtype), numbers(rng, 2, 3, *[out_of(size, *rest) for size in sizes], dtype=dtype), sizes, rest

    def run(t, g, n, kernel, stride, padding, _, ceil):
        more = (divisor,) if n > 1 else ()
        out = getattr(F, f"avg_pool{n}d")(t, kernel, stride, padding, ceil, count_padding, *more)
        out.backward(tensor(g))
        return arrays(out, t.grad)

    def found(x, g, sizes, rest):
        return both_formats(run, x, g, len(sizes), *rest)

    def expected(x, g, sizes, rest):
        axes, options = axes_of(sizes, *rest), (count_padding, divisor if len(sizes) > 1 else None)
        out = stacked([pool.average(plane, axes, *options) for plane in planes(x)], x)
        grad = stacked([pool.average_backward(to, axes, plane.shape, *options) for to, plane in zip(planes(g), planes(x))], x)
        return (2 if x.ndim > 3 else 1) * [out, grad]

    enter(f"avg_pool {'padded ' if count_padding else ''}{divisor or ''} {dtype}", inputs, found, expected)


def add_adaptive_pools(dtype):
    def inputs():
        for sizes, outs in (((23,), (5,)), ((9, 17), (4, 3)), ((7, 40), (7, 11)), ((6, 5, 9), (2, 3, 4)), ((3, 4), (5, 9)), ((5, 13), (1, 1))):
            rng = np.random.default_rng(sum(sizes))
            yield numbers(rng, 2, 3, *sizes, dtype=dtype), numbers(rng, 2, 3, *outs, dtype=dtype), outs

    def run(t, g, outs):
        n, first = len(outs), t.detach().clone().requires_grad_()
        average = getattr(F, f"adaptive_avg_pool{n}d")(t, outs)
        most, index = getattr(F, f"adaptive_max_pool{n}d")(first, outs, return_indices=True)
        average.backward(tensor(g))
        most.backward(tensor(g))
        return arrays(average, t.grad, most, index, first.grad)

    def found(x, g, outs):
        return both_formats(run, x, g, outs)

    def expected(x, g, outs):
        axes = [pool.adaptive_windows(size, out) for size, out in zip(planes(x)[0].shape, (1,) * (3 - len(outs)) + outs)]
        if max(outs) == 1:                          # one window is a plain mean
            n, dims = x.dtype.type(np.prod(x.shape[2:])), tuple(range(2, x.ndim))
            average, grad = reduce.mean(x, dims).reshape(g.shape), np.broadcast_to(g / n, x.shape)
        else:
            average = stacked([pool.adaptive_average(plane, axes) for plane in planes(x)], x)
            grad = stacked([pool.adaptive_average_backward(to, axes, plane.shape) for to, plane in zip(planes(g), planes(x))], x)
        made = [pool.maximum(plane, axes) for plane in planes(x)]
        to_most = stacked([pool.maximum_backward(to, index, plane.shape) for to, (_, index), plane in zip(planes(g), made, planes(x))], x)
        return (2 if x.ndim > 3 else 1) * [average, grad, *(stacked(list(part), x) for part in zip(*made)), to_most]

    enter(f"adaptive pools {dtype}", inputs, found, expected)


# ---- interpolation ----
RESIZED = {  # mode of the library -> taps, sizes and those of the result
    "nearest": (resample.nearest, [((9,), (20,)), ((7, 11), (5, 30)), ((3, 4, 5), (6, 3, 5))]),
    "linear": (resample.linear, [((9,), (20,)), ((33,), (7,)), ((5,), (1,))]),
    "bilinear": (resample.linear, [((7, 11), (5, 30)), ((12, 9), (24, 9)), ((1, 4), (3, 9))]),
    "trilinear": (resample.linear, [((3, 4, 5), (6, 3, 7))]),
    "bicubic": (resample.cubic, [((7, 11), (5, 30)), ((12, 9), (24, 9)), ((1, 4), (3, 9))]),
    "bilinear antialias": (resample.triangle, [((17, 11), (5, 30)), ((12, 40), (5, 9))]),
    "bicubic antialias": (resample.smooth_cubic, [((17, 11), (5, 30)), ((12, 40), (5, 9))]),
}


def add_interpolation(dtype, name, align):
    taps, shapes = RESIZED[name]
    mode, *antialias = name.split()

    def inputs():
        for sizes, outs in shapes:
            for channels in (2, 17):
                rng = np.random.default_rng(channels)
                x = numbers(rng, 2, channels, *sizes, dtype=dtype)
                x[0, 1].flat[2] = np.inf
                yield x, numbers(rng, 2, channels, *outs, dtype=dtype), sizes, outs

    def run(t, g, outs):
        out = F.interpolate(t, outs, mode=mode, align_corners=None if mode == "nearest" else align, antialias=bool(antialias))
        out.backward(tensor(g))
        return arrays(out, t.grad)

    def found(x, g, sizes, outs):
        return both_formats(run, x, g, outs)

    def expected(x, g, sizes, outs):
        return (2 if x.ndim > 3 else 1) * [resample.forward(x, outs, taps, align), resample.backward(g, sizes, taps, align)]

    enter(f"interpolate {name} {'corners ' if align else ''}{dtype}", inputs, found, expected)


for dtype in DTYPES:
    add_max_pool(dtype)
    for count_padding, divisor in ((True, None), (False, None), (True, 5)):
        add_average_pool(dtype, count_padding, divisor)
    add_adaptive_pools(dtype)
    for name in RESIZED:
        for align in (False, True):
            if not align or name != "nearest":
                add_interpolation(dtype, name, align)
