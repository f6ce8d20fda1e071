"""float16 works in float32 and is rounded once, at the end."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.images import axes_of, out_of, planes, stacked
from tests.ops.slow_cases.registry import arrays, enter, numbers, tensor, unary
from tests.reference import pool, reduce, resample, rows

exp, log = unary("exp"), unary("log")


def lines():
    for count, n in ((5, 3), (9, 33), (3, 65), (2, 300), (40, 8)):
        rng = np.random.default_rng(n)
        yield [(numbers(rng, *shape) / 16).astype("float16") for shape in ((count, n), (n,), (n,))]


def found_lines(x, weight, bias):
    t, n = tensor(x), x.shape[1]
    norms = F.layer_norm(t, (n,), tensor(weight), tensor(bias)), F.rms_norm(t, (n,), eps=1e-5)
    return arrays(t.softmax(1), t.log_softmax(1), *norms, t.sum(1), t.mean(1), ft.var(t, 1), t.logsumexp(1))


def expected_lines(*given):
    x, weight, bias = (a.astype("float32") for a in given)
    made = [rows.softmax(x, exp), rows.log_softmax(x, exp, log), rows.layer_norm(x, weight, bias, 1e-5)[0], rows.rms_norm(x, np.float32(1), 1e-5)]
    made += [reduce.sum_(x, (1,)), reduce.mean(x, (1,)), reduce.var(x, (1,)), rows.logsumexp(x, exp, log)]
    return [a.astype("float16") for a in made]


def images():
    for sizes in ((8, 36), (7, 11)):
        yield ((numbers(np.random.default_rng(sizes[0]), 2, 3, *sizes) / 16).astype("float16"),)


def found_images(x):
    t = tensor(x)
    return arrays(F.avg_pool2d(t, 3, 2, 1), F.max_pool2d(t, 3, 2, 1), F.interpolate(t, (9, 13), mode="bicubic", align_corners=False), F.adaptive_avg_pool2d(t, (3, 4)))


def expected_images(x):
    wide = x.astype("float32")
    axes = axes_of(x.shape[2:], 3, 2, 1, 1, False)
    assert [out_of(size, 3, 2, 1, 1, False) for size in x.shape[2:]] == [len(axis) for axis in axes[1:]]
    adaptive = [pool.adaptive_windows(1, 1), *(pool.adaptive_windows(size, out) for size, out in zip(x.shape[2:], (3, 4)))]
    made = [stacked([pool.average(plane, axes) for plane in planes(wide)], x), stacked([pool.maximum(plane, axes)[0] for plane in planes(wide)], x)]
    made += [resample.forward(wide, (9, 13), resample.cubic), stacked([pool.adaptive_average(plane, adaptive) for plane in planes(wide)], x)]
    return [a.astype("float16") for a in made]


enter("softmax, norms and sums float16", lines, found_lines, expected_lines)
enter("pools and interpolation float16", images, found_images, expected_images)
