"""Near-minimax polynomial coefficients used by frankentorch/_ext/vecmath*.pxd, lightmath.pxd.in, widemath.pxd and special.pxd.in.

Each fit is a least-squares fit over Chebyshev nodes in 300-bit arithmetic. Coefficients are then rounded one by
one, lowest first, and the rest fitted again to what is left, so that rounding errors do not add up.
PIECES are functions cut into eight or sixteen pieces, each a polynomial around a centre where the function is almost a float32: the
value there is exact, and what is added to it is small.
Run `python bench/minimax.py [NAME...]` (needs mpmath) to print tables, with `--write` to print polynomials.pxd.in.
"""
import struct
import sys
import textwrap

from mpmath import mp, mpf

mp.prec = 300


def to_f32(value):
    """Nearest float32, as a Python float (double rounding through float64 is harmless for a fit)."""
    return struct.unpack("f", struct.pack("f", float(value)))[0]


def nodes(low, high, count):
    """Chebyshev nodes of [low, high]."""
    mid, half = (mpf(low) + high) / 2, (mpf(high) - low) / 2
    return [mid + half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def least_squares(values, xs, powers, weights):
    """Coefficients of sum c[k] x^k, k in powers, closest to values at xs (normal equations; 300 bits are plenty)."""
    rows = [[w * x**k for k in powers] for x, w in zip(xs, weights)]
    values = [w * v for v, w in zip(values, weights)]
    size = len(powers)
    gram = mp.matrix(size, size)
    right = mp.matrix(size, 1)
    for i in range(size):
        right[i] = mp.fsum(row[i] * v for row, v in zip(rows, values))
        for j in range(i, size):
            gram[i, j] = gram[j, i] = mp.fsum(row[i] * row[j] for row in rows)
    return list(mp.lu_solve(gram, right))


def fit(function, low, high, count, rounding=float, weight=None):
    """Rounded coefficients c[0..count-1] and the largest (weighted) error on a grid."""
    xs = nodes(low, high, 2 * count + 1)
    values = [function(x if abs(x) > mpf(10)**-20 else mpf(10)**-20) for x in xs]
    weights = [abs(weight(x)) for x in xs] if weight else [mpf(1)] * len(xs)
    fixed = []
    for k in range(count):
        fixed.append(mpf(rounding(least_squares(values, xs, range(k, count), weights)[0])))
        values = [v - fixed[k] * x**k for v, x in zip(values, xs)]
    grid = [low + (mpf(high) - low) * i / 201 + mpf(high - low) / 1300 for i in range(200)]
    error = max(abs(function(x) - mp.polyval(fixed[::-1], x)) * (abs(weight(x)) if weight else 1) for x in grid)
    return fixed, error


def series(function, terms):
    """Wrap a quotient that loses digits near 0 so that it is evaluated with more of them."""
    def safe(x):
        with mp.workprec(300 + 40 * terms):
            return function(x)
    return safe


LN2H = mp.log(2) / 2 * mpf("1.0001")
SQ = mp.sqrt(2)
ATANH_MAX = ((SQ - 1) / (SQ + 1)) ** 2 * mpf("1.001")
root = mp.sqrt


def odd_over_cube(f):
    """x^2 -> (f(x) - x) / x^3."""
    return series(lambda z: (f(root(z)) - root(z)) / (z * root(z)), 8)


K_ERFCX = mpf("3.75")


def erfcx_mapped(t):
    """(1 + 2x) exp(x^2) erfc(x) with t = (x - k)/(x + k): Shepherd & Laframboise, Math. Comp. 36 (1981)."""
    x = K_ERFCX * (1 + t) / (1 - t)
    with mp.workprec(900):
        if x > 400:
            s = sum((-1)**n * mp.fac2(2 * n - 1) / (2 * x * x)**n for n in range(12))
            return (1 + 2 * x) * s / (x * mp.sqrt(mp.pi))
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


TOP = mpf(to_f32(1 / mp.sqrt(2 * mp.pi)))


def normal_tail(v):
    """y exp(y^2 / 2) times the normal distribution's tail beyond y = v^(-1/2), without its limit for large y."""
    y = 1 / root(v)
    with mp.workprec(600):
        return y * mp.exp(y * y / 2) * mp.erfc(y / SQ) / 2 - TOP


def stirling_tail(z):
    """x (log gamma(x) - (x - 1/2) log x + x - log(2 pi)/2) at z = 1/x^2."""
    x = 1 / root(z)
    return x * (mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2)


def digamma_tail(z):
    """x^2 (log x - 1/(2x) - digamma x) at z = 1/x^2."""
    x = 1 / root(z)
    return x * x * (mp.log(x) - 1 / (2 * x) - mp.digamma(x))


DIGAMMA_ROOT = mp.findroot(mp.digamma, mpf("1.4616321449683623"))


def erfinv_of_log(w):
    """erfinv(x) of 1 - x^2 = exp(-w), and x: by Newton's method on the logarithm of 1 - x."""
    x = root(-mp.expm1(-w))
    if w < 4:
        return mp.erfinv(x), x
    goal = -w - mp.log1p(x)
    y = root(w)
    for _ in range(60):
        tail = mp.erfc(y)
        step = (mp.log(tail) - goal) * tail * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        y += step
        if abs(step) < mpf(10)**-60:
            break
    return y, x


def erfinv_middle(u):
    """erfinv(x) / x at w = u + 5/2."""
    y, x = erfinv_of_log(u + mpf(5) / 2)
    return y / x


ERFINV_SLOPE = mp.sqrt(mp.pi) / 2


def erfinv_rest(u):
    """What erfinv(x) / x has over its value at 0, over w = u + 5/2."""
    w = u + mpf(5) / 2
    if w < mpf(10)**-9:
        return ERFINV_SLOPE * mp.pi / 12
    return (erfinv_middle(u) - ERFINV_SLOPE) / w


def erfinv_tail(centre):
    """erfinv(x) / sqrt(w) - 1 at 1 / sqrt(w) = u + centre."""
    def value(u):
        v = u + mpf(centre)
        return erfinv_of_log(1 / (v * v))[0] * v - 1
    return value


def tail_fit(low, high, centre, count):
    value = erfinv_tail(centre)
    return value, 1 / mpf(high) - mpf(centre), 1 / mpf(low) - mpf(centre), count, float, lambda u: 1 / (1 + value(u))


def temme_rows(terms=120, orders=11):
    """Coefficients of c_k(eta), k < orders, in Temme's uniform expansion of the incomplete gamma functions (DLMF 8.12.8 to 8.12.13)."""
    alpha = [mpf(0), mpf(1)]
    for n in range(2, terms + 3):
        alpha.append((alpha[n - 1] - mp.fsum(j * alpha[j] * alpha[n - j + 1] for j in range(2, n))) / (n + 1))
    logs = [mp.bernoulli(j + 1) / (j * (j + 1)) if j % 2 else mpf(0) for j in range(1, orders)]
    stirling = [mpf(1)]
    for k in range(1, orders):
        stirling.append(mp.fsum((j + 1) * logs[j] * stirling[k - j - 1] for j in range(k)) / k)
    rows = [[mpf(-1) / 3] + [(n + 2) * alpha[n + 2] for n in range(1, terms)]]
    for k in range(1, orders):
        last = rows[-1]
        rows.append([(-1)**k * stirling[k] * rows[0][n] + (n + 2) * last[n + 2] for n in range(len(last) - 2)])
    return rows


TEMME = temme_rows()


def temme_fits(counts, middle):
    """So many terms of each row, |eta| < 0.7."""
    return {f"temme_{k}{middle}_f64": (lambda eta, k=k: mp.polyval(TEMME[k][::-1], eta), mpf("-0.7"), mpf("0.7"), count) for k, count in enumerate(counts)}


GAMMA_UNIT = series(lambda a: ((mp.rgamma(1 + a) - 1) / a - mp.euler) / a, 8)
HEIGHT = series(lambda m: ((m - mp.log1p(m)) / m**2 - mpf(1) / 2) / m, 10)


FITS = {
    # float64
    "exp_f64": (series(lambda r: (mp.exp(r) - 1 - r) / r**2, 8), -LN2H, LN2H, 11),
    "exp2_f64": (series(lambda r: (mpf(2)**r - 1) / r, 8), -0.5, 0.5, 13),
    "log_f64": (series(lambda z: (2 * mp.atanh(root(z)) / root(z) - 2) / z, 8), 0, ATANH_MAX, 8),
    "logdd_f64": (series(lambda z: (2 * mp.atanh(root(z)) / root(z) - 2 - 2 * z / 3) / z**2, 8), 0, ATANH_MAX, 9),
    "sin_f64": (odd_over_cube(mp.sin), 0, (mp.pi / 4) ** 2 * mpf("1.0001"), 7),
    "cos_f64": (series(lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2, 8), 0, (mp.pi / 4) ** 2 * mpf("1.0001"), 7),
    "atan_f64": (odd_over_cube(mp.atan), 0, (SQ - 1) ** 2 * mpf("1.001"), 13),
    "asin_f64": (odd_over_cube(mp.asin), 0, mpf("0.2501"), 15),
    "sinh_f64": (odd_over_cube(mp.sinh), 0, 1, 9),
    "erf_f64": (series(lambda z: mp.erf(root(z)) / root(z) - 1, 4), 0, 1, 16),
    "erfcx_f64": (series(lambda t: (erfcx_mapped(t) - erfcx_mapped(mpf(0))) / t, 8), mpf("-0.8"), mpf("0.9"), 24),
    "lgamma1_f64": (series(lambda d: mp.loggamma(1 + d) / d, 8), -0.25, 0.25, 18),
    "lgamma2_f64": (series(lambda d: mp.loggamma(2 + d) / d, 8), -0.25, 0.25, 16),
    "stirling_f64": (stirling_tail, mpf(10)**-6, mpf("0.0101"), 7),
    "digamma_tail_f64": (digamma_tail, mpf(10)**-6, mpf("0.0101"), 7),
    "digamma_root_f64": (lambda d: mp.digamma(DIGAMMA_ROOT + d) / d, -0.28, 0.3, 21),
    "erfinv_f64": (erfinv_rest, mpf(-2.5), mpf(2.5), 22),
    "erfinv_tail_1_f64": tail_fit("2.236", 4, 0.348, 22),
    "erfinv_tail_2_f64": tail_fit(4, 8, 0.1875, 20),
    "erfinv_tail_3_f64": tail_fit(8, "27.5", 0.08, 21),
    "gamma_unit_f64": (GAMMA_UNIT, 0, 1, 15),
    "height_f64": (HEIGHT, -mpf(1) / 63, mpf(1) / 63, 7),
    **temme_fits((16, 15, 14, 12, 11, 11, 9, 8, 6, 5, 3), ""),
    # float32, evaluated in float64 (about 2^-40)
    "exp_light_f64": (series(lambda r: (mp.exp(r) - 1 - r) / r**2, 8), -LN2H, LN2H, 7),
    "log_light_f64": (series(lambda z: (2 * mp.atanh(root(z)) / root(z) - 2) / z, 8), 0, ATANH_MAX, 5),
    "sin_light_f64": (odd_over_cube(mp.sin), 0, (mp.pi / 4) ** 2 * mpf("1.0001"), 4),
    "cos_light_f64": (series(lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2, 8), 0, (mp.pi / 4) ** 2 * mpf("1.0001"), 4),
    "atan_light_f64": (odd_over_cube(mp.atan), 0, (SQ - 1) ** 2 * mpf("1.001"), 7),
    "asin_light_f64": (odd_over_cube(mp.asin), 0, mpf("0.2501"), 8),
    "erfinv_light_f64": (erfinv_middle, mpf(-2.5), mpf(2.5), 14, float, lambda u: 1 / erfinv_middle(u)),
    "erfinv_light_tail_1_f64": tail_fit("2.236", 4, 0.348, 13),
    "erfinv_light_tail_2_f64": tail_fit(4, "10.3", 0.175, 11),
    "erfcx_light_f64": (erfcx_mapped, -1, mpf("0.9999"), 15),
    "gamma_unit_light_f64": (GAMMA_UNIT, 0, 1, 11),
    "height_light_f64": (HEIGHT, -mpf(1) / 63, mpf(1) / 63, 4),
    **temme_fits((11, 9, 7, 6, 5, 4, 2), "_light"),
    # float32
    "exp_f32": (series(lambda r: (mp.exp(r) - 1 - r) / r**2, 8), -LN2H, LN2H, 5, to_f32),
    "exp2_f32": (series(lambda r: (mpf(2)**r - 1) / r, 8), -0.5, 0.5, 6, to_f32),
    "log_f32": (series(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, 8), SQ / 2 - 1, SQ - 1, 9, to_f32),
    "sin_f32": (odd_over_cube(mp.sin), 0, (mp.pi / 4) ** 2 * mpf("1.001"), 3, to_f32),
    "cos_f32": (series(lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2, 8), 0, (mp.pi / 4) ** 2 * mpf("1.001"), 3, to_f32),
    "normal_tail_f32": (normal_tail, mpf("0.0047"), mpf("0.0252"), 5, to_f32),
}

SIDEWAYS = ("exp_f64",)                     # of an odd count: by pairs of terms too, which wait for one another less (after Estrin 1960)
FOURS = ("exp_f32", "exp_f64")              # over four vectors beside each other too
VECTORS = ("exp_f32", "exp2_f32", "log_f32", "sin_f32", "cos_f32", "normal_tail_f32")        # wanted over vectors too, as all in double are


def by_octaves(slope, last, parts):
    """Piece k by the bits of u = slope x + 1: `parts` pieces in each of the octaves from 1 to 16. (constants, {k: (low, high)})"""
    rows = {}
    for octave in range(4):
        for part in range(parts):
            low, high = ((2.0**octave * (1 + (part + more) / parts) - 1) / slope for more in (0, 1))
            word = struct.unpack("I", struct.pack("f", slope * (low + high) / 2 + 1))[0]
            if low < last:
                rows[word * parts >> 23 & 4 * parts - 1] = low, min(high, last)
    return {"slope": slope, "last": last}, rows


def by_rounding(slope, curve, count):
    """Piece k where (curve x + slope) x rounds to k; the last x is a little before the end of the last."""
    ends = [0.0] + [(2 * k + 1) / (slope + (slope * slope + 2 * curve * (2 * k + 1)) ** 0.5) for k in range(count)]
    constants = {"slope": slope, **({"curve": curve} if curve else {}), "last": to_f32(ends[-1] * (1 - 2.0**-20))}
    return constants, dict(enumerate(zip(ends, ends[1:])))


# name: function, (constants, pieces), coefficients after the value, the first piece without its factor x (of an odd function: less 1), and,
# where the error counts relative to the function, the place of a centre in its piece (0 to 1): towards the end where the function is small
# if it falls steeply, so that nothing cancels there
PIECES = {
    "tanh": (mp.tanh, by_octaves(1.6625, 9.02, 4), 5, series(lambda y: (mp.tanh(y) - y) / y, 8), 0.5),
    "erf": (mp.erf, by_octaves(0.5 / 0.15, 4.0, 2), 7, series(lambda y: (mp.erf(y) - y) / y, 8), None),
    "logistic": (lambda y: 1 / (1 + mp.exp(-y)), by_octaves(0.5 / 0.6875, 20.6, 2), 7, None, None),
    "logistic_left": (lambda y: 1 / (1 + mp.exp(y)), by_rounding(1.4375, 0.0, 16), 6, None, 0.5),
    "silu_left": (lambda y: y / (1 + mp.exp(y)), by_rounding(1.4375, 0.0, 16), 6, lambda y: 1 / (1 + mp.exp(y)), 0.5),
    "gelu_left": (lambda y: y * mp.erfc(y / SQ) / 2, by_rounding(1.25, 0.1875, 16), 7, lambda y: mp.erfc(y / SQ) / 2, 0.7),
}


def centre(function, low, high, place):
    """The float32 nearest to its place in the piece where the function is a float32 but for 2^-32 (or as near as can be)."""
    def miss(c):
        return abs(function(mpf(c)) / to_f32(function(mpf(c))) - 1)

    wanted = low + (high - low) * place
    candidates = sorted((to_f32(wanted + (high - low) * k / 4000) for k in range(-1400, 1401)), key=lambda c: abs(c - wanted))
    candidates = [c for c in candidates if low <= c <= high]
    return next((c for c in candidates if miss(c) < mpf(2) ** -32), None) or min(candidates, key=miss)


def pieces(function, spans, count, first, place):
    """Rows (centre, value, c[1], ..., c[count]) by the number of the piece."""
    rows = {}
    for k, (low, high) in spans.items():
        near = first if first and low == 0 else None
        c = 0.0 if near else centre(function, low, high, place or 0.5)
        with mp.workprec(400):
            quotient = near or (lambda t, c=c: (function(c + t) - function(mpf(c))) / t)
            weight = (lambda t, c=c: t / function(c + t)) if place else None
            coefficients, _ = fit(quotient, mpf(low) - c, mpf(high) - c, count, to_f32, weight=weight)
        rows[k] = [c, 0.0 if near else to_f32(function(mpf(c))), *map(float, coefficients)]
    return [rows.get(k, [0.0] * (count + 2)) for k in range(8 if len(spans) <= 8 else 16)]


def turns(first, last, drop, scale, terms):
    """Tables of frankentorch/_ext/reduction.pxd.in: 2/pi without its bits from 2^drop(step) up, as a sum of doubles."""
    rows = []
    for step in range(first, last):
        with mp.workprec(3000):
            rest = 2 / mp.pi
            if step > 0:
                unit = mpf(2) ** min(drop(step), 8)
                rest -= unit * mp.floor(rest / unit)
            rest *= mpf(2) ** scale(step)
            row = []
            for _ in range(terms):
                row.append(float(rest))
                rest -= mpf(row[-1])
        rows.append(row)
    return rows


def print_turns():
    for code, rows in [("f64", turns(-66, 63, lambda j: 22 - 16 * j, lambda j: 400 if j >= 30 else 0, 4)),
                       ("f32", turns(-1, 8, lambda j: 9 - 16 * j, lambda j: 0, 2))]:
        for k, column in enumerate(zip(*rows)):
            print(f"ft_turns_{k}_{code}", " ".join(value.hex() for value in column))


TEMPLATE = '''# Written by `python bench/minimax.py --write`; do not edit. Each function is one Horner chain of fused multiply-adds over
# scalars, those in double and some others over vectors too, in the same order (of those named sideways, pairs of terms first). What a polynomial stands for is the row of FITS with its name.
# Tables of pieces (PIECES) have a row for centres, one for values there and one for each coefficient; rows of eight repeat once for the widest vector.
{{{{py:
polynomials = {{
{polynomials}}}
vectors = {vectors}
fours = {fours}
sideways = {sideways}
pieces = [
{pieces}]
def text(numbers):
    return ", ".join(repr(x) + "f" for x in numbers * (16 // len(numbers)))
}}}}
from frankentorch._ext.bitmath cimport fma_f32, fma_f64
from frankentorch._ext.vectors cimport vf, vd, all_vf, all_vd, fma_vf, fma_vd

cdef extern from *:
    """
{{{{for name, constants, rows in pieces}}}}
    static const float ft_{{{{name}}}}_rows[{{{{len(rows)}}}}][16] __attribute__((aligned(64))) = {{
{{{{for row in rows}}}}
        {{ {{{{text(row)}}}} }},
{{{{endfor}}}}
    }};
{{{{for key, value in constants.items()}}}}
    #define ft_{{{{name}}}}_{{{{key}}}} {{{{value}}}}f
{{{{endfor}}}}
{{{{endfor}}}}
    """
{{{{for name, constants, rows in pieces}}}}
    const float* {{{{name}}}}_rows "((const float*) ft_{{{{name}}}}_rows)"
{{{{for key in constants}}}}
    const float {{{{name}}}}_{{{{key}}}} "ft_{{{{name}}}}_{{{{key}}}}"
{{{{endfor}}}}
{{{{endfor}}}}
{{{{for name, numbers in polynomials.items()}}}}
{{{{py: kinds = [(name, name[-3:], "float" if name.endswith("_f32") else "double", "")]}}}}
{{{{if name in vectors or name.endswith("_f64")}}}}
{{{{py: kind = {{"f32": "vf", "f64": "vd"}}[name[-3:]]; kinds.append((name[:-3] + kind, kind, kind, "all_" + kind))}}}}
{{{{endif}}}}
{{{{for full, code, kind, make in kinds}}}}


cdef inline {{{{kind}}}} poly_{{{{full}}}}({{{{kind}}}} x) noexcept nogil:
    cdef {{{{kind}}}} p = {{{{make}}}}({{{{repr(numbers[-1])}}}})
{{{{for c in numbers[-2::-1]}}}}
    p = fma_{{{{code}}}}(p, x, {{{{make}}}}({{{{repr(c)}}}}))
{{{{endfor}}}}
    return p
{{{{if name in sideways}}}}


cdef inline {{{{kind}}}} poly_{{{{full[:-len(code)]}}}}sideways_{{{{code}}}}({{{{kind}}}} x) noexcept nogil:
    cdef {{{{kind}}}} x_2 = x * x
    cdef {{{{kind}}}} p = {{{{make}}}}({{{{repr(numbers[-1])}}}})
{{{{for k in range(len(numbers) - 3, 3, -2)}}}}
    p = fma_{{{{code}}}}(p, x_2, fma_{{{{code}}}}({{{{make}}}}({{{{repr(numbers[k + 1])}}}}), x, {{{{make}}}}({{{{repr(numbers[k])}}}})))
{{{{endfor}}}}
    cdef {{{{kind}}}} first = fma_{{{{code}}}}({{{{make}}}}({{{{repr(numbers[1])}}}}), x, {{{{make}}}}({{{{repr(numbers[0])}}}}))
    return fma_{{{{code}}}}(p, x_2 * x_2, fma_{{{{code}}}}(fma_{{{{code}}}}({{{{make}}}}({{{{repr(numbers[3])}}}}), x, {{{{make}}}}({{{{repr(numbers[2])}}}})), x_2, first))
{{{{endif}}}}
{{{{endfor}}}}
{{{{if name in fours}}}}


cdef inline void poly_{{{{name[:-3]}}}}four_{{{{kind}}}}(const {{{{kind}}}}* x, {{{{kind}}}}* p) noexcept nogil:
    cdef int q
    for q in range(4):
        p[q] = {{{{make}}}}({{{{repr(numbers[-1])}}}})
{{{{for c in numbers[-2::-1]}}}}
    for q in range(4):
        p[q] = fma_{{{{code}}}}(p[q], x[q], {{{{make}}}}({{{{repr(c)}}}}))
{{{{endfor}}}}
{{{{endif}}}}
{{{{endfor}}}}
'''


def written():
    """Text of frankentorch/_ext/polynomials.pxd.in."""
    polynomials, tables = "", ""
    for name, row in FITS.items():
        coefficients, error = fit(*row)
        polynomials += f"    # within {mp.nstr(error, 2)}\n    {name!r}: {wrapped(map(float, coefficients))},\n"
    for name, (function, (constants, spans), *rest) in PIECES.items():
        columns = zip(*pieces(function, spans, *rest))
        tables += f"    ({name!r}, {constants!r}, [\n" + "".join(f"        {list(column)},\n" for column in columns) + "    ]),\n"
    return TEMPLATE.format(polynomials=polynomials, vectors=VECTORS, fours=FOURS, sideways=SIDEWAYS, pieces=tables)


def wrapped(numbers, width=120):
    """A tuple's text, folded into lines."""
    return "\n        ".join(textwrap.wrap(f"({', '.join(map(repr, numbers))})", width))


def main(names):
    """Print tables, or with --write the whole of frankentorch/_ext/polynomials.pxd.in."""
    if "--turns" in names:
        print_turns()
    elif "--write" in names:
        print(written(), end="")
    else:
        for name in names or FITS:
            coefficients, error = fit(*FITS[name])
            print(f"{name}: error {mp.nstr(error, 3)} = 2^{mp.nstr(mp.log(error, 2), 4)}")
            print("\n".join(f"    {float(c)!r}" for c in coefficients))


if __name__ == "__main__":
    main(sys.argv[1:])
