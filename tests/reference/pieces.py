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


PIECES = {name: ({key: F(value) for key, value in constants.items()}, np.array(rows, F)) for name, constants, rows in from_template("pieces")}
EXP, NORMAL_TAIL = ([F(c) for c in from_template("polynomials")[name]] for name in ("exp_f32", "normal_tail_f32"))
MAGIC = F(12582912.0)


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


def placed(rows, piece, y):
    """Distance to the centre of the piece, value there and the chain of the rest."""
    piece = piece & rows.shape[1] - 1
    t = y - rows[0][piece]
    return t, rows[1][piece], chain([row[piece] for row in rows[2:]], t)


def odd(name, x, parts):
    constants, rows = PIECES[name]
    y = np.minimum(np.abs(x), constants["last"])
    u = fma_float32(y, constants["slope"], F(1))
    t, value, rest = placed(rows, bits(u) >> (21 if parts == 4 else 22), y)
    return np.copysign(fma_float32(t, rest, np.where(u < F(1 + 1 / parts), y, value)), x)


def tanh(x):
    return odd("tanh", x, 4)


def erf(x):
    return odd("erf", x, 2)


def rounded(name, y):
    """A function by pieces whose number is rounded, and where it ends."""
    constants, rows = PIECES[name]
    factor = fma_float32(y, constants["curve"], constants["slope"]) if "curve" in constants else constants["slope"]
    t, value, rest = placed(rows, bits(fma_float32(y, factor, MAGIC)), y)
    return fma_float32(t, rest, value), y > constants["last"]


def decay(y, y_low=None):
    """exp(-y - y_low) as (high, low, n)."""
    t = fma_float32(y, F(-1.4426950216293335), MAGIC)
    n = t - MAGIC
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


def far_logistic(y):
    """1 / (1 + exp(y)) for large y, and its power of two apart."""
    p, low, n = decay(y)
    return p + fma_float32(-p, lower(p, n), low), n


def sigmoid(x):
    y = np.abs(x)
    left, far = rounded("logistic_left", y)
    left = np.where(far, lower(*far_logistic(np.minimum(y, F(104.5)))), left)
    return np.where(x < 0, left, F(1) - left)


def lessened(x, near, far, tail):
    """max(x, 0) less a function of |x|: `near` by pieces, `tail` where far."""
    return np.where(far, fma_float32(x, np.where(x < 0, F(0), F(1)), -tail), np.where(x > 0, x, x * 0) - near)


def silu(x):
    y = np.abs(x)
    cut = np.minimum(y, F(132.4))
    tail, n = far_logistic(cut)
    return lessened(x, *rounded("silu_left", y), lower(cut * tail, np.maximum(n, -190)))


def gelu(x):
    y = np.minimum(np.abs(x), PIECES["gelu_left"][0]["last"])
    cut = np.minimum(np.abs(x), F(14.5))
    z = cut * cut
    p, low, n = decay(z * F(0.5), fma_float32(cut, cut, -z) * F(0.5))
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = chain(NORMAL_TAIL, F(1) / np.where(z > 0, z, F(1)))
    top = F(0.3989422917366028)
    tail = fma_float32(p, top, fma_float32(p, rest, low * top))
    near, _ = rounded("gelu_left", y)
    return lessened(x, near, x < -y, lower(tail, n))
