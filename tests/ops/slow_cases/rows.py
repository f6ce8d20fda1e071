"""Softmaxes, norms and the loss of classes."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor, unary
from tests.reference import reduce, rows

exp, log = unary("exp"), unary("log")
WIDTHS = [(5, 1), (9, 3), (7, 16), (3, 33), (4, 65), (2, 130), (2, 4100)]


def lines(dtype):
    for count, n in WIDTHS:
        rng = np.random.default_rng(n)
        x, g = numbers(rng, count, n, dtype=dtype) / 16, numbers(rng, count, n, dtype=dtype)
        if count > 4:
            x[2], x[3, 0], x[4, -1], x[0, :n // 2] = -np.inf, np.nan, np.inf, -np.inf
        yield x, g


def add_softmax(dtype, name):
    def found(x, g):
        made = []
        for layout in (lambda t: t, lambda t: t.t().contiguous().t()):
            t = layout(tensor(x)).requires_grad_()
            out = getattr(t, name)(1)
            out.backward(layout(tensor(g)))
            made += arrays(out, t.grad)
        return [np.ascontiguousarray(a) for a in made]

    def expected(x, g):
        y = getattr(rows, name)(x, exp) if name == "softmax" else rows.log_softmax(x, exp, log)
        return 2 * [y, rows.softmax_backward(g, y) if name == "softmax" else rows.log_softmax_backward(g, y, exp)]

    enter(f"{name} {dtype}", lambda: lines(dtype), found, expected)


def add_logsumexp(dtype):
    def found(x, g):
        t = leaf(x)
        out = t.logsumexp(1)
        out.backward(tensor(g[:, 0]))
        return [*arrays(out, t.grad), ft.logsumexp(tensor(x.T), 0).numpy()]

    def expected(x, g):
        y = rows.logsumexp(x, exp, log)
        return y, g[:, :1] * exp(x - np.where(y == -np.inf, 0, y).astype(dtype)[:, None]), y

    enter(f"logsumexp {dtype}", lambda: lines(dtype), found, expected)


def add_cross_entropy(dtype, weighted):
    def inputs():
        for batch, classes, space in ((1, 3, 1), (9, 5, 1), (70, 33, 1), (4, 7, 9), (2, 3, 50)):
            rng = np.random.default_rng(classes)
            target = rng.integers(0, classes, (batch, space))
            target[0, -1] = -100 if batch > 1 else 0
            yield numbers(rng, batch, classes, space, dtype=dtype), target, rng.random(classes).astype(dtype) if weighted else None, np.array(rng.standard_normal(), dtype)

    def found(x, target, weight, g):
        t = leaf(x[:, :, 0] if x.shape[2] == 1 else x)
        loss = F.cross_entropy(t, tensor(target[:, 0] if x.shape[2] == 1 else target), None if weight is None else tensor(weight))
        loss.backward(tensor(g))
        return arrays(loss, t.grad.reshape(x.shape))

    def expected(x, target, weight, g):
        columns = x.swapaxes(1, 2).reshape(-1, x.shape[1])
        y = rows.log_softmax(columns, exp, log)
        planes = y.reshape(x.shape[0], x.shape[2], x.shape[1]).swapaxes(1, 2)
        loss, total = rows.nll_loss(planes, target, weight, -100)
        grad = rows.nll_loss_backward(g, planes, target, weight, -100, total).swapaxes(1, 2).reshape(columns.shape)
        return loss, rows.log_softmax_backward(grad, y, exp).reshape(x.shape[0], x.shape[2], x.shape[1]).swapaxes(1, 2)

    enter(f"cross_entropy {'weighted ' if weighted else ''}{dtype}", inputs, found, expected)


def add_norms(dtype):
    def inputs():
        for batch, channels, space in ((2, 4, 1), (3, 8, 5), (2, 4, 64), (2, 12, 65), (5, 36, 9), (1, 4, 2100)):
            rng = np.random.default_rng(space)
            yield [numbers(rng, *shape, dtype=dtype) for shape in ((batch, channels, space), (channels,), (channels,), (channels,))]

    def groups(x, weight, bias, mean):
        made = [F.group_norm(tensor(x), count, tensor(weight), tensor(bias)).numpy() for count in (1, 2, 4)]
        return [*made, F.batch_norm(tensor(x), tensor(mean), tensor(abs(bias)), tensor(weight), tensor(bias)).numpy()]

    def slow_groups(x, weight, bias, mean):
        made = [rows.group_norm(x, count, weight, bias, 1e-5) for count in (1, 2, 4)]
        return [*made, rows.batch_norm_apply(x, mean, rows.batch_norm_root(abs(bias), 1e-5), weight, bias)]

    def roots(x, weight, bias, mean):
        lines, scale, g = np.ascontiguousarray(x.swapaxes(1, 2)), weight, x.swapaxes(1, 2) * x.dtype.type(0.75)
        t, w = leaf(lines), leaf(scale)
        out = F.rms_norm(t, (x.shape[1],), w, 1e-5)
        out.backward(tensor(g))
        return arrays(out, t.grad, w.grad)

    def slow_roots(x, weight, bias, mean):
        lines, g = x.swapaxes(1, 2).reshape(-1, x.shape[1]), (x.swapaxes(1, 2) * x.dtype.type(0.75)).reshape(-1, x.shape[1])
        shape = (x.shape[0], x.shape[2], x.shape[1])
        out, grad, grad_weight = rows.rms_norm(lines, weight, 1e-5), *rows.rms_norm_backward(g, lines, weight, 1e-5)
        return out.reshape(shape), grad.reshape(shape), grad_weight

    enter(f"group_norm, batch_norm of running statistics {dtype}", inputs, groups, slow_groups)
    enter(f"rms_norm {dtype}", inputs, roots, slow_roots)


def add_losses(dtype):
    """Terms one by one, then their mean; each gradient is one expression of an element."""
    def inputs():
        for n in (1, 7, 33, 100, 5000):
            rng = np.random.default_rng(n)
            yield numbers(rng, n, dtype=dtype), numbers(rng, n, dtype=dtype)

    def found(x, y):
        made = []
        for name in ("mse_loss", "l1_loss"):
            t = leaf(x)
            loss = getattr(F, name)(t, tensor(y))
            loss.backward()
            made += arrays(loss, t.grad)
        return made

    def expected(x, y):
        kind, n = x.dtype.type, x.dtype.type(len(x))
        d = x - y
        return (reduce.fold(d * d, kind) / n, kind(1) / n * (d * 2), reduce.fold(abs(d), kind) / n, kind(1) / n * np.sign(d))

    enter(f"mse_loss, l1_loss {dtype}", inputs, found, expected)


for dtype in DTYPES:
    add_softmax(dtype, "softmax")
    add_softmax(dtype, "log_softmax")
    add_logsumexp(dtype)
    add_cross_entropy(dtype, False)
    add_cross_entropy(dtype, True)
    add_norms(dtype)
    add_losses(dtype)
