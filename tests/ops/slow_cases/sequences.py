"""Elementary functions; what runs along a dim step by step."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor, unary
from tests.reference import elementary, elementary64, sequences

exp, log1p = unary("exp"), unary("log1p")


def add_elementary(dtype):
    def inputs():
        rng = np.random.default_rng(0)
        limits = np.finfo(dtype)
        special = [0.0, -0.0, 1.0, limits.tiny, limits.smallest_subnormal, limits.max, np.inf, -np.inf, np.nan, -1.0]
        top = 110 if dtype == "float32" else 760
        yield (np.concatenate([rng.uniform(-top, top, 150), rng.standard_normal(100), special]).astype(dtype),
               np.concatenate([np.exp2(rng.uniform(limits.minexp - 20, limits.maxexp, 150)), 1 + rng.standard_normal(100) / 8, special]).astype(dtype))

    def found(x, y):
        return [a for f in (ft.exp, ft.exp2) for a in arrays(f(tensor(x)), f(tensor(np.stack([x, x], 1))[:, 1]))] + arrays(ft.log(tensor(y)))

    def expected(x, y):
        return [a for f in (elementary.exp, elementary.exp2) for a in 2 * [f(x)]] + [elementary.log(y)]

    enter(f"exp, exp2, log {dtype}", inputs, found, expected)


def add_light():
    def inputs():
        rng = np.random.default_rng(1)
        limits, sizes = np.finfo("float32"), np.exp2(rng.uniform(-40, 30, 150))
        special = [0.0, -0.0, 1.0, limits.tiny, limits.smallest_subnormal, limits.max, np.inf, -np.inf, np.nan, -1.0]
        anywhere = np.concatenate([sizes * rng.choice((-1, 1), 150), rng.uniform(-90, 90, 100), special])
        above = np.concatenate([sizes, 1 + rng.standard_normal(100) / 8, special])
        near = np.concatenate([rng.uniform(-32767, 32767, 100), rng.standard_normal(100) * 3, np.arange(-20, 20) * np.pi / 2, [0.0, -0.0, 1e-5, limits.tiny]])
        yield [x.astype("float32") for x in (anywhere, above, near, sizes, rng.uniform(-3, 3, 150))]

    def found(anywhere, above, near, base, exponent):
        made = []
        for layout in (lambda x: tensor(x), lambda x: tensor(np.stack([x, x], 1))[:, 1]):
            made += [getattr(ft, name)(layout(anywhere)) for name in ("expm1", "sinh", "cosh", "atan")]
            made += [getattr(ft, name)(layout(above)) for name in ("log2", "log10")] + [ft.log1p(layout(above - 1)), ft.pow(layout(base), layout(exponent))]
            made += [ft.sin(layout(near)), ft.cos(layout(near))]
        return arrays(*made)

    def expected(anywhere, above, near, base, exponent):
        made = [getattr(elementary, name)(anywhere) for name in ("expm1", "sinh", "cosh", "atan")]
        made += [elementary.log2(above), elementary.log10(above), elementary.log1p(above - np.float32(1)), elementary.power(base, exponent)]
        return 2 * [*made, elementary.sin(near), elementary.cos(near)]

    enter("expm1, log1p, pow, sin and others float32", inputs, found, expected)


def add_pairs():
    names = "expm1", "sinh", "cosh", "tanh", "sigmoid", "atan"

    def inputs():
        rng = np.random.default_rng(2)
        sizes = np.exp2(rng.uniform(-60, 30, 60))
        anywhere = np.concatenate([sizes * rng.choice((-1, 1), 60), rng.uniform(-90, 90, 50), rng.standard_normal(50), rng.uniform(-705, 705, 40)])
        above = np.concatenate([sizes, 1 + rng.standard_normal(60) / 8, np.exp2(rng.uniform(-1000, 1000, 40))])
        angles = np.concatenate([rng.uniform(-1e6, 1e6, 60), rng.standard_normal(60) * 3, np.exp2(rng.uniform(-40, 47, 40)), np.arange(-20, 20) * np.pi / 2])
        yield np.clip(anywhere, -705, 705), above, np.clip(angles, -2.0**47, 2.0**47), rng.uniform(-3, 3, len(above))

    def found(anywhere, above, angles, exponent):
        made = []
        for layout in (lambda x: tensor(x), lambda x: tensor(np.stack([x, x], 1))[:, 1]):
            made += [getattr(ft, name)(layout(anywhere)) for name in names]
            made += [ft.log2(layout(above)), ft.log10(layout(above)), ft.log1p(layout(np.maximum(above, 1e-9) - 1)), ft.sin(layout(angles)), ft.cos(layout(angles))]
            made += [ft.pow(layout(above), layout(exponent / 20))]
        return arrays(*made)

    def expected(anywhere, above, angles, exponent):
        made = [getattr(elementary64, name)(anywhere) for name in names]
        made += [elementary64.log2(above), elementary64.log10(above), elementary64.log1p(np.maximum(above, 1e-9) - 1), elementary64.sin(angles), elementary64.cos(angles)]
        return 2 * [*made, elementary64.power(above, exponent / 20)]

    enter("expm1, log1p, pow, sin and others float64", inputs, found, expected)


def add_scans(dtype):
    def inputs():
        for lines, n in ((1, 1), (3, 9), (9, 33), (23, 70)):
            rng = np.random.default_rng(lines)
            x = numbers(rng, lines, n, dtype=dtype)
            x[:, n // 2:] = x[:, n // 2:].round()
            if lines > 3:
                x[1, 2], x[2, :3], x[0, 5] = np.nan, -np.inf, np.inf
            yield (x,)

    def found(x):
        made = []
        for t, dim in ((tensor(x), 1), (tensor(x.T), 0)):
            results = [*ft.cummax(t, dim), *ft.cummin(t, dim), ft.logcumsumexp(t, dim)]
            made += [np.ascontiguousarray(a if dim else a.T) for a in arrays(*results)]
        return made

    def expected(x):
        made = []
        for least in (False, True):
            made += [np.array(part) for part in zip(*(sequences.extremes(line, least) for line in x))]
        return 2 * [*made, sequences.log_sums(x, exp, log1p)]

    enter(f"cummax, cummin, logcumsumexp {dtype}", inputs, found, expected)


def add_ctc(dtype):
    def inputs():
        for classes, steps, lengths, labels in ((4, 6, (6, 5, 6), (2, 0, 3)), (3, 12, (12, 9), (5, 4)), (20, 30, (30, 27, 30, 8), (9, 11, 1, 2))):
            rng = np.random.default_rng(classes)
            logits = numbers(rng, steps, len(lengths), classes) / 32
            yield F.log_softmax(tensor(logits).to(getattr(ft, dtype)), -1).numpy(), [rng.integers(1, classes, n) for n in labels], lengths

    def found(probs, labels, lengths):
        t = leaf(probs)
        targets = np.concatenate(labels)
        loss = F.ctc_loss(t, tensor(targets), lengths, tuple(map(len, labels)), reduction="sum")
        each = F.ctc_loss(tensor(probs), tensor(targets), lengths, tuple(map(len, labels)), reduction="none")
        (loss * 0.75).backward()
        return arrays(each, t.grad)

    def expected(probs, labels, lengths):
        grad, losses = np.zeros(probs.shape), []
        for i, (target, n) in enumerate(zip(labels, lengths)):
            loss, grad[:n, i] = sequences.ctc(probs[:n, i].astype(np.float64), target, 0, exp, log1p, 0.75)
            losses.append(loss)
        return np.array(losses).astype(dtype), grad.astype(dtype)

    enter(f"ctc_loss {dtype}", inputs, found, expected)


for dtype in DTYPES:
    add_elementary(dtype)
    add_scans(dtype)
    add_ctc(dtype)
add_light()
add_pairs()
