"""What bench.accuracy measures of functions of several arguments, and of those whose ranges are their own: inputs, and exact values by mpmath.

Where a function crosses zero its error is counted against the size it has around there, SCALES, in units in the last place of that size.
"""
import hashlib
import math
import sys

import numpy as np

COUNT = 300     # random inputs of each range
BITS = 400      # of mpmath: tails of the incomplete gamma functions are differences from 1; FEW_BITS for Bessel functions, which take it long
FEW_BITS = 150
DTYPES = ("float32", "float64")


class Exact:
    """Exact values in the working precision. Arguments are mpmath's numbers, orders integers."""

    def __init__(self, mp):
        self.mp = mp

    def ndtr(self, x):
        return self.mp.erfc(-x / self.mp.sqrt(2)) / 2

    def log_ndtr(self, x):
        return self.mp.log1p(-self.ndtr(-x)) if x > 5 else self.mp.log(self.ndtr(x))

    def ndtri(self, p):
        """By Newton's iteration for the logarithm of the smaller tail, from the size of its exponent."""
        mp, tail = self.mp, min(p, 1 - p)
        x, goal = -mp.sqrt(-2 * mp.log(2 * tail)), mp.log(tail)
        for _ in range(100):
            below = self.ndtr(x)
            step = (mp.log(below) - goal) * below * mp.sqrt(2 * mp.pi) * mp.exp(x * x / 2)
            x -= step
            if abs(step) <= abs(x) * mp.eps * 2**20:
                break
        return x if p < 0.5 else -x

    def erfcx(self, x):
        return self.mp.exp(x * x) * self.mp.erfc(x)

    def entr(self, x):
        return -x * self.mp.log(x)

    def softplus(self, x):
        return self.mp.log1p(self.mp.exp(x))

    def logsigmoid(self, x):
        return -self.softplus(-x)

    def mish(self, x):
        return x * self.mp.tanh(self.softplus(x))

    def logit(self, x):
        return self.mp.log(x / (1 - x))

    def sinc(self, x):
        return self.mp.sincpi(x)

    def lgamma(self, x):
        return self.mp.log(abs(self.mp.gamma(x)))

    def polygamma(self, n, x):
        return self.mp.polygamma(n, x)

    def igamma(self, a, x):
        return self.incomplete(a, x, False)

    def igammac(self, a, x):
        return self.incomplete(a, x, True)

    def incomplete(self, a, x, upper):
        """Up to a + 1 the series of the lower one, beyond it the continued fraction of the upper one (DLMF 8.11.4, 8.9.2), by Lentz."""
        mp = self.mp
        before = mp.exp(a * mp.log(x) - x - mp.loggamma(a))
        if x <= a + 1:
            term = total = 1 / a
            k = 0
            while term > total * mp.eps:
                k += 1
                term *= x / (a + k)
                total += term
            return 1 - before * total if upper else before * total
        b = x + 1 - a
        c, d = mp.inf, 1 / b
        h, k, change = d, 0, mp.mpf(0)
        while abs(change - 1) > mp.eps * 4:
            k += 1
            part = -k * (k - a)
            b += 2
            d, c = 1 / (part * d + b), b + part / c
            change = c * d
            h *= change
        return before * h if upper else 1 - before * h

    def xlog1py(self, x, y):
        return x * self.mp.log1p(y)

    def xlogy(self, x, y):
        return x * self.mp.log(y)

    def logaddexp(self, x, y):
        return max(x, y) + self.mp.log1p(self.mp.exp(-abs(x - y)))

    def pow(self, x, y):
        return x ** y

    def atan2(self, y, x):
        return self.mp.atan2(y, x)

    def hypot(self, x, y):
        return self.mp.hypot(x, y)

    def bessel(self, kind, n, x):
        return {"j": self.mp.besselj, "y": self.mp.bessely, "i": self.mp.besseli, "k": self.mp.besselk}[kind](n, x)


def between(*ends):
    return lambda rng, count: rng.uniform(*ends, count)


def decades(*ends):
    """Numbers whose logarithm is uniform; `ends` are powers of ten."""
    return lambda rng, count: 10.0 ** rng.uniform(*ends, count)


def below_one(*ends):
    return lambda rng, count: 1 - 10.0 ** rng.uniform(*ends, count)


def pairs(first, second):
    return lambda rng, count: (first(rng, count), second(rng, count))


def powers(bases):
    """Bases, and exponents for which the power is a finite number."""
    def draw(rng, count):
        x = bases(rng, count)
        return x, rng.uniform(-86, 88, count) / np.log(x)
    return draw


def around(sizes, low, high):
    """(a, a times a factor between low and high)."""
    def draw(rng, count):
        a = sizes(rng, count)
        return a, a * rng.uniform(low, high, count)
    return draw


def deviations(sizes, low, high):
    """(a, x) with x so many standard deviations, the square roots of a, from a."""
    def draw(rng, count):
        a = sizes(rng, count)
        return a, np.maximum(a + np.sqrt(a) * rng.uniform(low, high, count), a / 100)
    return draw


def of_order(n):
    return lambda exact, x: exact.polygamma(n, x)


def bessel(kind, n, scaled=0):
    return lambda exact, x: exact.bessel(kind, n, x) * (exact.mp.exp(scaled * x) if scaled else 1)


def wave(x):
    return np.sqrt(2 / (np.pi * x))


# name: (op, exact function or None for Exact's own of that name, ranges)
CASES = {
    "pow": ("pow", None, [powers(decades(-30, 30)), powers(between(0.9, 1.1))]),
    "atan2": ("atan2", None, [pairs(between(-2, 2), between(-2, 2)), pairs(decades(-9, 9), decades(-9, 9))]),
    "hypot": ("hypot", None, [pairs(between(-2, 2), between(-2, 2)), pairs(decades(-15, 15), decades(-15, 15))]),
    "logaddexp": ("logaddexp", None, [pairs(between(1, 30), between(1, 30)), pairs(between(-90, 0), between(1, 9))]),
    "xlogy": ("xlogy", None, [pairs(between(-9, 9), decades(-30, 30))]),
    "xlog1py": ("special.xlog1py", None, [pairs(between(-9, 9), between(-0.99, 3)), pairs(between(-9, 9), decades(-30, 30))]),
    "logit": ("logit", None, [decades(-30, -1), between(0, 1)]),
    "softplus": ("nn.functional.softplus", None, [between(-80, 19), between(-3, 3)]),
    "logsigmoid": ("nn.functional.logsigmoid", None, [between(-80, 80), between(-3, 3)]),
    "elu": ("nn.functional.elu", lambda exact, x: x if x > 0 else exact.mp.expm1(x), [between(-30, 3), decades(-9, 0)]),
    "rsqrt": ("rsqrt", lambda exact, x: 1 / exact.mp.sqrt(x), [decades(-30, 30)]),
    "mish": ("nn.functional.mish", None, [between(-80, 80), between(-3, 3)]),
    "sinc": ("sinc", None, [between(-0.9, 0.9), between(-30, 30)]),
    "lgamma, negative": ("lgamma", "lgamma", [between(-30, 0), between(-3, 0)]),
    "digamma, negative": ("digamma", lambda exact, x: exact.mp.digamma(x), [between(-30, 0), between(-3, 0)]),
    "entr": ("special.entr", None, [between(0, 10), decades(-30, 0)]),
    "ndtr": ("special.ndtr", None, [between(-13, 6), between(-1, 1)]),
    "log_ndtr": ("special.log_ndtr", None, [between(-1000, 6), between(-30, 6)]),
    "ndtri": ("special.ndtri", None, [between(0, 1), decades(-37, -1), below_one(-7, -1)]),
    "erfcx": ("special.erfcx", None, [between(-9, 9), between(0, 100), decades(-9, 9)]),
    "zeta": ("special.zeta", lambda exact, s, q: exact.mp.zeta(s, q), [pairs(between(1, 30), between(0.01, 30)), pairs(between(1, 4), decades(0, 5))]),
    **{f"polygamma({n})": ("polygamma", of_order(n), [between(0, 30), decades(-3, 3)]) for n in (1, 2, 3, 9)},
    **{f"polygamma({n}), negative": ("polygamma", of_order(n), [between(-10, 0)]) for n in (1, 3)},
    "igamma": ("special.gammainc", "igamma", [around(decades(-8, 3), 0, 1), deviations(decades(0, 6), -8, 4), pairs(between(0, 20), between(0, 20))]),
    "igammac": ("special.gammaincc", "igammac", [around(decades(-8, 3), 1, 3), deviations(decades(0, 6), -4, 8), pairs(between(0, 20), between(0, 20)), pairs(between(0, 2), between(1, 2))]),
    **{f"i{n}": (f"special.i{n}", bessel("i", n), [between(0, 80), between(0, 9)]) for n in (0, 1)},
    **{f"i{n}e": (f"special.i{n}e", bessel("i", n, -1), [between(0, 3000), between(0, 9)]) for n in (0, 1)},
    **{f"k{n}": (f"special.modified_bessel_k{n}", bessel("k", n), [between(0, 80), decades(-5, 1)]) for n in (0, 1)},
    **{f"scaled k{n}": (f"special.scaled_modified_bessel_k{n}", bessel("k", n, 1), [between(0, 3000), decades(-5, 1)]) for n in (0, 1)},
    **{f"j{n}": (f"special.bessel_j{n}", bessel("j", n), [between(0, 8), decades(-5, 0)]) for n in (0, 1)},
    **{f"{kind}{n}, waves": (f"special.bessel_{kind}{n}", bessel(kind, n), [between(8, 100), decades(1, 5)]) for kind in "jy" for n in (0, 1)},
    **{f"y{n}": (f"special.bessel_y{n}", bessel("y", n), [between(0, 8), decades(-5, 0)]) for n in (0, 1)},
    "airy": ("special.airy_ai", lambda exact, x: exact.mp.airyai(x), [between(0, 20), between(-4, 2)]),
    "airy, waves": ("special.airy_ai", lambda exact, x: exact.mp.airyai(x), [between(-100, -4), between(-10, 0)]),
    "spherical j0": ("special.spherical_bessel_j0", lambda exact, x: exact.mp.sinc(x), [between(0, 100), decades(-5, 0)]),
}
# name: what a function's size is at its arguments, at least
SCALES = {
    **{f"{kind}{n}, waves": wave for kind in "jy" for n in (0, 1)}, "y0": wave, "y1": wave, "spherical j0": lambda x: 1 / x,
    **dict.fromkeys(("airy", "airy, waves"), lambda x: np.where(x < 0, 1 / np.sqrt(np.pi * np.sqrt(1 + np.abs(x))), 0)), "sinc": lambda x: 1 / np.abs(np.pi * x), "logit": np.ones_like, "lgamma, negative": np.ones_like,
    "digamma, negative": np.ones_like, "logaddexp": lambda x, y: np.maximum(np.abs(x), np.abs(y)),
}
ORDERS = {f"polygamma({n}){side}": n for n in (1, 2, 3, 9) for side in ("", ", negative")}


def arguments_of(name, dtype):
    """Arrays of the arguments of a function, the same at each call."""
    rng = np.random.Generator(np.random.PCG64(sum(map(ord, name))))
    drawn = [draw(rng, COUNT) for draw in CASES[name][2]]
    drawn = [found if isinstance(found, tuple) else (found,) for found in drawn]
    return [np.concatenate(parts).astype(dtype) for parts in zip(*drawn)]


def evaluate(name, arrays):
    import frankentorch

    op = frankentorch
    for part in CASES[name][0].split("."):
        op = getattr(op, part)
    tensors = [frankentorch.from_numpy(x) for x in arrays]
    return (op(ORDERS[name], *tensors) if name in ORDERS else op(*tensors)).numpy()


def digest(name, dtype):
    y = evaluate(name, arguments_of(name, dtype))
    return hashlib.sha256(np.where(np.isnan(y), np.array(np.nan, y.dtype), y).tobytes()).hexdigest()[:16]


def measured(name, dtype):
    """Worst error against mpmath: (ulp, arguments, count). What is too small or too large for the dtype is left out."""
    from mpmath import mp

    exact = Exact(mp)
    reference = CASES[name][1] or name
    arrays = arguments_of(name, dtype)
    limits = np.finfo(dtype)
    least_exponent = math.frexp(float(limits.smallest_normal))[1]
    worst, count = (0.0, [0.0]), 0
    for *values, got in zip(*arrays, evaluate(name, arrays)):
        values = [float(x) for x in values]
        with mp.workprec(FEW_BITS if "bessel" in CASES[name][0] else BITS):
            terms = [mp.mpf(x) for x in values]
            value = getattr(exact, reference)(*terms) if isinstance(reference, str) else reference(exact, *terms)
            value = mp.re(value)
            if not limits.smallest_normal <= abs(value) <= limits.max:
                continue
            size = abs(value)
            if name in SCALES:
                size = max(size, mp.mpf(float(np.min(SCALES[name](*map(np.float64, values))))))
            ulp = mp.ldexp(1, max(mp.frexp(size)[1], least_exponent) - limits.nmant - 1)
            error = float(abs(mp.mpf(float(got)) - value) / ulp) if math.isfinite(got) else sys.float_info.max
        count += 1
        if not error <= worst[0]:
            worst = (error, values)
    return (*worst, count)
