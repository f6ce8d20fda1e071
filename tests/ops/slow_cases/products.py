"""Linear layers with a bias, products with an addend, fused steps between them; gradients of a value that is used several times."""
import numpy as np

import frankentorch as ft
import frankentorch.nn.functional as F
from tests.ops.slow_cases.registry import DTYPES, arrays, enter, leaf, numbers, tensor, unary
from tests.reference import exact_fma, gemm, reduce


def add_linear(dtype):
    def inputs():
        for rows, depth, width in ((1, 5, 3), (4, 40, 33), (17, 9, 1), (64, 3, 18), (65, 7, 18), (130, 2, 9), (3, 300, 5)):
            if dtype == "float64" and rows * depth * width > 5000:
                continue                    # exact sums of float64 take their time
            rng = np.random.default_rng(depth)
            yield [numbers(rng, *shape, dtype=dtype) for shape in ((rows, depth), (width, depth), (width,), (rows, width))]

    def found(x, weight, bias, g):
        leaves = [leaf(a) for a in (x, weight, bias)]
        out = F.linear(*leaves)
        out.backward(tensor(g))
        added = ft.addmm(tensor(bias), tensor(x), tensor(weight).t())
        scaled = ft.addmm(tensor(g), tensor(x), tensor(weight).t(), beta=0.3, alpha=0.7)
        return arrays(out, F.linear(tensor(x), tensor(weight)), added, scaled, *[t.grad for t in leaves])

    def expected(x, weight, bias, g):
        kind = x.dtype.type
        fma = exact_fma.fma_float32 if dtype == "float32" else exact_fma.fma_float64
        product = gemm.matmul(x, np.ascontiguousarray(weight.T))
        if len(g) > 64:
            to_bias = reduce.sum_(g, (0,))
        else:                               # few rows are added in order
            to_bias = np.zeros_like(bias)
            for row in g:
                to_bias = to_bias + row
        blend = fma(kind(0.3), g, kind(0.7) * product)
        return product + bias, product, product + bias, blend, gemm.matmul(g, weight), gemm.matmul(np.ascontiguousarray(g.T), x), to_bias

    enter(f"linear, addmm {dtype}", inputs, found, expected)


def add_fused(dtype):
    def inputs():
        for n in (1, 7, 33, 200):
            rng = np.random.default_rng(n)
            yield [numbers(rng, n, dtype=dtype) for _ in range(3)]

    def found(x, y, z):
        a, b, c = tensor(x), tensor(y), tensor(z)
        return arrays(ft.lerp(a, b, 0.3), ft.lerp(a, b, 0.8), ft.addcmul(a, b, c, value=0.3), ft.addcdiv(a, b, c + 1000, value=0.3), ft.add(a, b, alpha=0.3), ft.sub(a, b, alpha=0.3))

    def expected(x, y, z):
        kind = x.dtype.type
        fma = exact_fma.fma_float32 if dtype == "float32" else exact_fma.fma_float64
        near, far, value = kind(0.3), kind(0.8) - kind(1), kind(0.3)
        return (fma(near, y - x, x), fma(far, y - x, y), fma(value * y, z, x), x + value * y / (z + kind(1000)), fma(value, y, x), fma(-value, y, x))

    enter(f"lerp, addcmul, addcdiv, add of a multiple {dtype}", inputs, found, expected)


def add_uses(dtype):
    """The last use gives first; each gradient is added as it comes, whole or spread over the dims that were broadcast."""
    def inputs():
        for rows, n in ((1, 5), (9, 33), (70, 4)):
            rng = np.random.default_rng(rows)
            yield [numbers(rng, *shape, dtype=dtype) for shape in ((n,), (rows, n), (rows, n), (n,), (rows, n))]

    def found(x, a, b, c, g):
        t = leaf(x)
        first = t * tensor(a)
        second = tensor(b) * t
        third = t * tensor(c)
        (third + (second + first)).backward(tensor(g))
        once = t.grad.clone()
        (t * tensor(a)).backward(tensor(g))             # a second call adds to what is there
        return arrays(once, t.grad)

    def expected(x, a, b, c, g):
        def summed(terms):
            return reduce.sum_(terms, (0,))
        once = (summed(g) * c + summed(g * b)) + summed(g * a)
        return once, once + summed(g * a)

    enter(f"uses of one value {dtype}", inputs, found, expected)


def add_losses(dtype):
    """Terms that are one expression, then their mean."""
    exp, log1p, sigmoid = unary("exp"), unary("log1p"), unary("sigmoid")

    def inputs():
        for n in (1, 7, 33, 100, 5000):
            rng = np.random.default_rng(n)
            yield numbers(rng, n, dtype=dtype) / 16, rng.random(n).astype(dtype)

    def found(x, y):
        made = []
        for loss in (F.binary_cross_entropy_with_logits, F.smooth_l1_loss, lambda a, b: F.huber_loss(a, b, delta=0.5), lambda a, b: F.kl_div(a, b, reduction="sum", log_target=True)):
            t = leaf(x)
            value = loss(t, tensor(y))
            value.backward()
            made += arrays(value, t.grad)
        return made

    def expected(x, y):
        kind, n = x.dtype.type, x.dtype.type(len(x))
        one, half, share = kind(1), kind(0.5), kind(1) / kind(len(x))
        d, sign = x - y, np.sign(x - y)
        terms = (one - y) * x - (np.minimum(x, kind(0)) - log1p(exp(-abs(x))))
        smooth, inside = np.where(abs(d) < 1, half * d * d, abs(d) - half), abs(d) < 1
        huber = np.where(abs(d) <= half, half * d * d, half * (abs(d) - half * half))
        return (reduce.fold(terms, kind) / n, share * (one - y) - share * sigmoid(-x),
                reduce.fold(smooth, kind) / n, np.where(inside, share * d, share * sign),
                reduce.fold(huber, kind) / n, np.where(abs(d) <= half, share * d, share * half * sign),
                reduce.fold(exp(y) * (y - x), kind), -(one * exp(y)))

    enter(f"losses of one expression {dtype}", inputs, found, expected)


for dtype in DTYPES:
    add_linear(dtype)
    add_fused(dtype)
    add_uses(dtype)
    add_losses(dtype)
