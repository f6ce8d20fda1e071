"""Slow reference of the optimizers' steps (see frankentorch/_ext/optim.pyx.in): one rounded operation after the other, a product and the sum it enters fused.

Numbers of a step are made in float64 and rounded to the type that is worked in. float16 works in float32 and is rounded after each operation; `alpha` rounds to
float16 too the numbers that enter an addition as its factor or as its term.
"""
import math
from fractions import Fraction

import numpy as np

from .exact_fma import fma_float32, fma_float64


def power(base, exponent):
    """base ** exponent, rounded once for whole exponents."""
    return float(Fraction(base) ** int(exponent)) if exponent == int(exponent) else base ** exponent


class Arithmetic:
    """Operations in the type that a dtype is worked in."""

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)
        self.wide = np.float64 if self.dtype == np.float64 else np.float32
        self.exact = fma_float64 if self.wide is np.float64 else fma_float32

    def round(self, x):
        return np.asarray(x, self.wide).astype(self.dtype).astype(self.wide)

    def number(self, x):
        return self.wide(x)

    def alpha(self, x):
        return self.round(self.wide(x))

    def fma(self, a, b, c):
        return self.round(self.exact(a, b, c))

    def mean(self, m, g, lean):
        """m + lean (g - m), from the nearer end."""
        lean = self.number(lean)
        return self.fma(lean, g - m, m) if lean < 0.5 else self.fma(lean - self.wide(1), g - m, g)

    def square(self, s, x, keep):
        return self.fma(self.number(1 - keep) * x, x, self.round(self.number(keep) * s))

    def penalty(self, g, p, decay):
        return self.fma(self.alpha(decay), p, g) if decay else g


def sgd(a, p, g, state, *, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False):
    g = a.penalty(g, p, weight_decay)
    if momentum:
        m = state.get("m")
        m = state["m"] = g if m is None else a.fma(a.alpha(1 - dampening), g, a.round(a.number(momentum) * m))
        g = a.fma(a.alpha(momentum), m, g) if nesterov else m
    return a.fma(a.alpha(-lr), g, p)


def shrunk(a, p, g, lr, decay, decoupled):
    """The parameter and the gradient after the decay of either."""
    return (a.round(p * a.number(1 - lr * decay)), g) if decoupled and decay else (p, a.penalty(g, p, decay))


def adam(a, p, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, decoupled=False):
    t = state["t"] = state.get("t", 0) + 1
    p, g = shrunk(a, p, g, lr, weight_decay, decoupled)
    m = state["m"] = a.mean(state.get("m", np.zeros_like(p)), g, 1 - betas[0])
    s = state["s"] = a.square(state.get("s", np.zeros_like(p)), g, betas[1])
    if amsgrad:
        s = state["most"] = np.maximum(state.get("most", np.zeros_like(p)), s)
    d = a.round(a.round(np.sqrt(s)) / a.number(math.sqrt(1 - power(betas[1], t))))
    return a.round(p + a.number(-(lr / (1 - power(betas[0], t)))) * m / a.round(d + a.alpha(eps)))


def adamw(a, p, g, state, **options):
    return adam(a, p, g, state, decoupled=True, **options)


def rmsprop(a, p, g, state, *, lr, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
    g = a.penalty(g, p, weight_decay)
    d = s = state["s"] = a.square(state.get("s", np.zeros_like(p)), g, alpha)
    if centered:
        m = state["m"] = a.mean(state.get("m", np.zeros_like(p)), g, 1 - alpha)
        d = a.fma(-m, m, s)
    d = a.round(a.round(np.sqrt(d)) + a.alpha(eps))
    if momentum:
        b = state["b"] = a.round(a.round(a.number(momentum) * state.get("b", np.zeros_like(p))) + g / d)
        return a.fma(a.alpha(-lr), b, p)
    return a.round(p + a.number(-lr) * g / d)


def adagrad(a, p, g, state, *, lr, lr_decay=0, weight_decay=0, eps=1e-10):
    t = state["t"] = state.get("t", 0) + 1
    g = a.penalty(g, p, weight_decay)
    s = state["s"] = a.fma(g, g, state.get("s", np.zeros_like(p)))
    return a.round(p + a.number(-(lr / (1 + (t - 1) * lr_decay))) * g / a.round(a.round(np.sqrt(s)) + a.alpha(eps)))


def adadelta(a, p, g, state, *, lr, rho=0.9, eps=1e-6, weight_decay=0):
    g = a.penalty(g, p, weight_decay)
    s = state["s"] = a.square(state.get("s", np.zeros_like(p)), g, rho)
    old = state.get("d", np.zeros_like(p))
    step = a.round(a.round(a.round(np.sqrt(a.round(old + a.alpha(eps)))) / a.round(np.sqrt(a.round(s + a.alpha(eps))))) * g)
    state["d"] = a.square(old, step, rho)
    return a.fma(a.alpha(-lr), step, p)


def adamax(a, p, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
    t = state["t"] = state.get("t", 0) + 1
    g = a.penalty(g, p, weight_decay)
    m = state["m"] = a.mean(state.get("m", np.zeros_like(p)), g, 1 - betas[0])
    s = state["s"] = np.maximum(a.round(a.number(betas[1]) * state.get("s", np.zeros_like(p))), a.round(abs(g) + a.alpha(eps)))
    return a.round(p + a.number(-(lr / (1 - power(betas[0], t)))) * m / s)


def nadam(a, p, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3, decoupled=False):
    t = state["t"] = state.get("t", 0) + 1
    now, after = (betas[0] * (1.0 - 0.5 * power(0.96, k * momentum_decay)) for k in (t, t + 1))
    product = state["product"] = np.float32(state.get("product", 1)) * np.float32(now)         # a state, of the default dtype
    product = float(product)
    p, g = shrunk(a, p, g, lr, weight_decay, decoupled)
    m = state["m"] = a.mean(state.get("m", np.zeros_like(p)), g, 1 - betas[0])
    s = state["s"] = a.square(state.get("s", np.zeros_like(p)), g, betas[1])
    d = a.round(a.round(np.sqrt(a.round(s / a.number(1 - power(betas[1], t))))) + a.alpha(eps))
    p = a.round(p + a.number(-lr * (1.0 - now) / (1.0 - product)) * g / d)
    return a.round(p + a.number(-lr * after / (1.0 - product * after)) * m / d)


def radam(a, p, g, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled=False):
    t = state["t"] = state.get("t", 0) + 1
    p, g = shrunk(a, p, g, lr, weight_decay, decoupled)
    m = state["m"] = a.mean(state.get("m", np.zeros_like(p)), g, 1 - betas[0])
    s = state["s"] = a.square(state.get("s", np.zeros_like(p)), g, betas[1])
    rest, longest = 1 - power(betas[1], t), 2 / (1 - betas[1]) - 1
    length = longest - 2 * t * power(betas[1], t) / rest
    m = a.round(a.round(m / a.number(1 - power(betas[0], t))) * a.number(lr))
    if length > 5:
        d = a.round(a.number(1) / a.round(a.round(np.sqrt(s)) + a.alpha(eps)))
        m = a.round(m * a.round(d * a.number(math.sqrt(rest))))
        m = a.round(m * a.number(math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))))
    return a.round(p - m)


def rprop(a, p, g, state, *, lr, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    sign = a.round(g * state.get("g", np.zeros_like(p)))
    factor = a.round(np.where(sign < 0, a.number(etas[0]), np.where(sign > 0, a.number(etas[1]), a.number(1))))
    d = a.round(state.get("d", a.round(np.full_like(p, lr))) * factor)
    d = state["d"] = a.round(np.minimum(np.maximum(d, a.number(step_sizes[0])), a.number(step_sizes[1])))
    g = state["g"] = np.where(sign < 0, a.number(0), g)
    return a.fma(-np.sign(g), d, p)
