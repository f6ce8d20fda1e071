"""Slow reference of the float32 functions by pieces: NumPy, one operation at a time, exact fma; tables as the kernels have them."""
import pathlib
import re

import numpy as np

from .exact_fma import fma_float32

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "frankentorch" / "_ext" / "polynomials.pxd.in"
F = np.float32


def from_template(name):
    """A list named in the first block of the template."""
    block = re.search(r"\{\{py:\n(.*?)\ndef text", TEMPLATE.read_text(), re.S)[1]
    scope = {}
    exec(block, scope)
    return scope[name]


PIECES = {name: (F(slope), F(last), np.array(rows, F)) for name, slope, last, rows in from_template("pieces")}
EXP = [F(c) for c in from_template("polynomials")["exp_f32"]]


def bits(x):
    return np.asarray(x, F).view(np.uint32)


def power(n):
    return np.ldexp(F(1), n.astype(int)).astype(F)


def chain(columns, x):
    """columns[0] + columns[1] x + ... by Horner's rule, one rounding each."""
    p = columns[-1]
    for column in columns[-2::-1]:
        p = fma_float32(p, x, column)
    return p


def placed(name, y):
    """Piece, distance to its centre, value there and the chain of the rest."""
    slope, last, rows = PIECES[name]
    u = fma_float32(y, slope, F(1))
    piece = bits(u) >> 22 & 7
    t = y - rows[0][piece]
    return u, t, rows[1][piece], chain([row[piece] for row in rows[2:]], t)


def odd(name, x):
    y = np.minimum(np.abs(x), PIECES[name][1])
    u, t, value, rest = placed(name, y)
    return np.copysign(fma_float32(t, rest, np.where(u < F(1.5), y, value)), x)


def tanh(x):
    return odd("tanh", x)


def erf(x):
    return odd("erf", x)


def decay(y, y_low=None):
    """exp(-y - y_low) as (high, low, n)."""
    t = fma_float32(y, F(-1.4426950216293335), F(12582912.0))
    n = t - F(12582912.0)
    r = fma_float32(-n, F(0.693145751953125), -y)
    if y_low is None:
        r = fma_float32(-n, F(1.428606765330187e-06), r)
    else:
        r = r + fma_float32(-n, F(1.428606765330187e-06), -y_low)
    z, q = r * r, chain(EXP, r)
    p = fma_float32(z, q, r) + F(1)
    return p, fma_float32(z, q, (F(1) - p) + r), n


def lower(x, n):
    """x 2^n, rounded once."""
    return x * power(n + 64) * F(2.0**-64)


def product(p, low, base, rest):
    return fma_float32(p, base, fma_float32(p, rest, low * base))


def sigmoid(x):
    y = np.minimum(np.abs(x), F(104.5))
    p, low, n = decay(y)
    _, t, base, rest = placed("logistic", np.minimum(y, PIECES["logistic"][1]))
    rest = t * rest
    return np.where(x < 0, lower(product(p, low, base, rest), n), base + rest)


def silu(x):
    y = np.minimum(np.abs(x), F(132.4))
    p, low, n = decay(y, np.zeros_like(y))
    _, t, base, rest = placed("logistic", np.minimum(y, PIECES["logistic"][1]))
    rest = t * rest
    left = lower(x * product(p, low, base, rest), np.maximum(n, -190))
    return np.where(x < 0, left, fma_float32(x, base, x * rest))


def gelu(x):
    y = np.minimum(np.abs(x), PIECES["normal_tail"][1])
    z = y * y
    p, low, n = decay(z * F(0.5), fma_float32(y, y, -z) * F(0.5))
    _, t, base, rest = placed("normal_tail", y)
    q = product(p, low, base, t * rest)
    return fma_float32(x, np.where(x < 0, F(0), F(1)), -lower(y * q, n))
