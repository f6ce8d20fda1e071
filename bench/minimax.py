"""Near-minimax polynomial coefficients used by frankentorch/_ext/vecmath*.pxd and special.pxd.

Each fit is a least-squares fit over Chebyshev nodes in 300-bit arithmetic. Coefficients are then rounded one by
one, lowest first, and the rest fitted again to what is left, so that rounding errors do not add up.
Run `python bench/minimax.py [NAME...]` (needs mpmath) to print tables, with `--write` to print polynomials.pxd, with `--wide`
to print widepoly.pxd, the same polynomials over vectors.
"""
import struct
import sys

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


def fit(function, low, high, count, rounding=float, relative=False):
    """Rounded coefficients c[0..count-1] and the largest absolute (or relative) error on a grid."""
    xs = nodes(low, high, 2 * count + 1)
    values = [function(x if abs(x) > mpf(10)**-20 else mpf(10)**-20) for x in xs]
    weights = [1 / abs(v) for v in values] if relative else [mpf(1)] * len(xs)
    fixed = []
    for k in range(count):
        fixed.append(mpf(rounding(least_squares(values, xs, range(k, count), weights)[0])))
        values = [v - fixed[k] * x**k for v, x in zip(values, xs)]
    grid = [low + (mpf(high) - low) * i / 201 + mpf(high - low) / 1300 for i in range(200)]
    error = max(abs(function(x) - mp.polyval(fixed[::-1], x)) / (abs(function(x)) if relative else 1) for x in grid)
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


def normal_tail(t):
    """exp(y^2 / 2) times the normal distribution's tail beyond y, with t = (y - 3)/(y + 3)."""
    y = 3 * (1 + t) / (1 - t)
    with mp.workprec(600):
        return mp.exp(y * y / 2) * mp.erfc(y / SQ) / 2


def stirling_tail(z):
    """x (log gamma(x) - (x - 1/2) log x + x - log(2 pi)/2) at z = 1/x^2."""
    x = 1 / root(z)
    return x * (mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2)


def digamma_tail(z):
    """x^2 (log x - 1/(2x) - digamma x) at z = 1/x^2."""
    x = 1 / root(z)
    return x * x * (mp.log(x) - 1 / (2 * x) - mp.digamma(x))


DIGAMMA_ROOT = mp.findroot(mp.digamma, mpf("1.4616321449683623"))


def erfinv_start(s):
    """erfinv(x) / x with s = sqrt(-log(1 - x^2))."""
    x = root(-mp.expm1(-s * s))
    if s > 3:  # solve erfc(y) = 1 - x in logarithms
        tail = mp.exp(-s * s) / (1 + x)
        y = s
        for _ in range(60):
            step = (mp.log(mp.erfc(y)) - mp.log(tail)) * mp.erfc(y) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
            y += step
            if abs(step) < mpf(10)**-40:
                break
        return y / x
    return mp.erfinv(x) / x


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
    "erfinv_start": (erfinv_start, 0, mpf("6.1"), 24),
    # float32, evaluated in float64 (about 2^-40)
    "exp_light": (series(lambda r: (mp.exp(r) - 1 - r) / r**2, 8), -LN2H, LN2H, 7),
    "log_light": (series(lambda z: (2 * mp.atanh(root(z)) / root(z) - 2) / z, 8), 0, ATANH_MAX, 5),
    "sin_light": (odd_over_cube(mp.sin), 0, (mp.pi / 4) ** 2 * mpf("1.0001"), 4),
    "cos_light": (series(lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2, 8), 0, (mp.pi / 4) ** 2 * mpf("1.0001"), 4),
    "atan_light": (odd_over_cube(mp.atan), 0, (SQ - 1) ** 2 * mpf("1.001"), 7),
    "asin_light": (odd_over_cube(mp.asin), 0, mpf("0.2501"), 8),
    "erfinv_light": (series(lambda z: mp.erfinv(root(z)) / root(z), 4), 0, mpf("0.0626"), 6),
    "erfcx_light": (erfcx_mapped, -1, mpf("0.9999"), 15),
    # float32
    "exp_f32": (series(lambda r: (mp.exp(r) - 1 - r) / r**2, 8), -LN2H, LN2H, 5, to_f32),
    "exp2_f32": (series(lambda r: (mpf(2)**r - 1) / r, 8), -0.5, 0.5, 6, to_f32),
    "log_f32": (series(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, 8), SQ / 2 - 1, SQ - 1, 9, to_f32),
    "tanh_f32": (odd_over_cube(mp.tanh), 0, 1, 8, to_f32),
    "erf_f32": (series(lambda z: mp.erf(root(z)) / root(z) - 1, 4), 0, 1, 7, to_f32),
    "erfc_log_f32": (lambda x: -mp.log(mp.erfc(x)), 1, 4, 9, to_f32),
    "normal_tail_f32": (normal_tail, -1, mpf(12) / 18, 10, to_f32, True),
    "sin_f32": (odd_over_cube(mp.sin), 0, (mp.pi / 4) ** 2 * mpf("1.001"), 3, to_f32),
    "cos_f32": (series(lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2, 8), 0, (mp.pi / 4) ** 2 * mpf("1.001"), 3, to_f32),
}

WIDE_FITS = ("exp_f32", "exp2_f32", "log_f32", "tanh_f32", "erf_f32", "erfc_log_f32", "sin_f32", "cos_f32", "normal_tail_f32",
             "exp_f64", "log_f64")


def turns(first, last, drop, scale, terms):
    """Tables of frankentorch/_ext/reduction.pxd: 2/pi without its bits from 2^drop(step) up, as a sum of doubles."""
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


def main(names):
    """Print tables, or with --write or --wide the whole of frankentorch/_ext/polynomials.pxd or widepoly.pxd."""
    if "--turns" in names:
        print_turns()
        return
    write = "--write" in names
    if write:
        print("# Written by `python bench/minimax.py --write`; do not edit. Each function is one Horner chain of fused")
        print("# multiply-adds. What a polynomial stands for is the row of FITS with its name; the error is absolute.")
        print("from frankentorch._ext.bitmath cimport fma_f32, fma_f64")
    wide = "--wide" in names
    if wide:
        print("# Written by `python bench/minimax.py --wide`; do not edit. The polynomials of polynomials.pxd over the vectors of")
        print("# vectors.pxd, in the same order of operations.")
        print("from frankentorch._ext.vectors cimport vf, vd, all_vf, all_vd, fma_vf, fma_vd")
    for name in [name for name in names if name in FITS] or (WIDE_FITS if wide else FITS):
        coefficients, error = fit(*FITS[name])
        if wide:
            kind = "vf" if to_f32 in FITS[name] else "vd"
            print(f"\n\ncdef inline {kind} poly_{name.removesuffix('_f32').removesuffix('_f64')}_{kind}({kind} x) noexcept nogil:")
            print(f"    cdef {kind} p = all_{kind}({float(coefficients[-1])!r})")
            for c in coefficients[-2::-1]:
                print(f"    p = fma_{kind}(p, x, all_{kind}({float(c)!r}))")
            print("    return p")
            continue
        if not write:
            print(f"{name}: error {mp.nstr(error, 3)} = 2^{mp.nstr(mp.log(error, 2), 4)}")
            print("\n".join(f"    {float(c)!r}" for c in coefficients))
            continue
        code = "f32" if to_f32 in FITS[name] else "f64"
        ctype = {"f32": "float", "f64": "double"}[code]
        print(f"\n\ncdef inline {ctype} poly_{name}({ctype} x) noexcept nogil:  # within {mp.nstr(error, 2)}")
        print(f"    cdef {ctype} p = {float(coefficients[-1])!r}")
        for c in coefficients[-2::-1]:
            print(f"    p = fma_{code}(p, x, {float(c)!r})")
        print("    return p")


if __name__ == "__main__":
    main(sys.argv[1:])
