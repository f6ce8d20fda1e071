"""Fits of Bessel functions, used by frankentorch/_ext/bessel.pxd.in; the method is that of minimax.py.

Run `python bench/minimax_bessel.py > frankentorch/_ext/besselfits.pxd.in` (needs mpmath).
"""
from minimax import fit, wrapped
from mpmath import mp, mpf

mp.prec = 400
FAR = mpf(10) ** 6      # beyond this 1 / x the asymptotic series (A & S 9.2, 9.7) is exact enough


def zeros(function, guesses):
    return [mp.findroot(function, mpf(guess)) for guess in guesses]


J0_ZEROS = zeros(lambda x: mp.besselj(0, x), (2.4, 5.5))
J1_ZEROS = zeros(lambda x: mp.besselj(1, x), (3.8, 7.0))


def hankel(order, x, sign):
    """1 + sum of sign^k ((m - 1)(m - 9)... ) / (k! (8 x)^k), m = 4 order^2, complex for Hankel's function."""
    term = total = mpf(1)
    for k in range(1, 12):
        term = term * sign * (4 * order * order - (2 * k - 1) ** 2) / (k * 8 * x)
        total += term
    return total


def modified(order, edge):
    def value(u):
        x = 2 * edge / (1 + u)
        return hankel(order, x, -1) / mp.sqrt(2 * mp.pi) if x > FAR else mp.sqrt(x) * mp.exp(-x) * mp.besseli(order, x)
    return value


def falling(order, edge):
    def value(u):
        x = 2 * edge / (1 + u)
        return hankel(order, x, 1) * mp.sqrt(mp.pi / 2) if x > FAR else mp.sqrt(x) * mp.exp(x) * mp.besselk(order, x)
    return value


def wave(order, part):
    """Of Hankel's expansion (A & S 9.2.5) the even sum, or x times the odd one, at u = 2 (8 / x)^2 - 1."""
    def value(u):
        x = 8 * mp.sqrt(2 / (1 + u))
        if x > FAR:
            found = hankel(order, x, mp.j)
        else:
            found = mp.sqrt(mp.pi * x / 2) * mp.hankel1(order, x) * mp.exp(-mp.j * (x - (order + mpf(1) / 2) * mp.pi / 2))
        return found.imag * x if part else found.real
    return value


def airy_angle(x):
    return 2 * x * mp.sqrt(x) / 3


def airy_falling(u):
    """x^(1/4) exp(zeta) Ai(x), zeta = 2/3 x^(3/2), at u = 2 zeta(1) / zeta - 1; zeta from its series (A & S 10.4.59) where it is large."""
    v = (1 + u) / 2 / airy_angle(mpf(1))
    if v < mpf(10) ** -7:
        return (1 - 5 * v / 72 + 385 * v * v / 10368) / (2 * mp.sqrt(mp.pi))
    x = (3 / (2 * v)) ** (mpf(2) / 3)
    return mp.airyai(x) * mp.exp(1 / v) * mp.root(x, 4)


def airy_wave(part):
    """Of Ai(-x) x^(1/4) (A & S 10.4.60) the factor of cos(zeta - pi/4), or zeta times that of the sine, at u = 2 (zeta(4) / zeta)^2 - 1."""
    def value(u):
        w = (1 + u) / 2 / airy_angle(mpf(4)) ** 2
        if w < mpf(10) ** -14:
            return (mpf(5) / 72 if part else 1 - 385 * w / 10368) / mp.sqrt(mp.pi)
        zeta = 1 / mp.sqrt(w)
        x = (3 * zeta / 2) ** (mpf(2) / 3)
        a, b = mp.root(x, 4) * mp.airyai(-x), mp.root(x, 4) * mp.airybi(-x)
        c, s = mp.cos(zeta - mp.pi / 4), mp.sin(zeta - mp.pi / 4)
        return (a * s + b * c) * zeta if part else a * c - b * s
    return value


def over_zeros(function, roots):
    """At t = 64 - x^2. Zeros beyond 8 are all that is left, so no coefficient is negative and no digit cancels."""
    return lambda t: function(mp.sqrt(64 - t)) / mp.fprod(64 - t - r * r for r in roots)


def near_y(function):
    """What is left of y0 and y1 / x without their logarithms, at u = x^2 / 32 - 1."""
    return lambda u: function(mp.sqrt(32 * (1 + u)))


def rest_of_y0(x):
    return mp.bessely(0, x) - 2 / mp.pi * mp.log(x) * mp.besselj(0, x)


def rising(order):
    """I0, or I1 / x, at z = x^2."""
    return lambda z: mp.hyp0f1(order + 1, z / 4) / 2**order


def beside_logarithm(order):
    """K0 + log(x) I0, or (K1 - 1 / x - log(x) I1) / x, at z = x^2."""
    def value(z):
        x = mp.sqrt(z)
        if order == 0:
            return mp.besselk(0, x) + mp.log(x) * mp.besseli(0, x)
        return (mp.besselk(1, x) - 1 / x - mp.log(x) * mp.besseli(1, x)) / x
    return value


def relative(function):
    return {"weight": lambda x: 1 / function(x)}


U, NEAR, UNIT = (-1, 1), (0, 64), (0, 1)
# name: function, interval, coefficients for float64, and those for float32 if it has its own
FITS = {
    "i0_near": (rising(0), NEAR, 16, 12), "i1_near": (rising(1), NEAR, 16, 12), "i0_far": (modified(0, 8), U, 24, 11), "i1_far": (modified(1, 8), U, 24, 11),
    "i0_unit": (rising(0), UNIT, 8, 6), "i1_unit": (rising(1), UNIT, 8, 6), "k0_unit": (beside_logarithm(0), UNIT, 8, 6), "k1_unit": (beside_logarithm(1), UNIT, 8, 6),
    "k0_far": (falling(0, 1), U, 31, 18), "k1_far": (falling(1, 1), U, 31, 18),
    "j0_near": (over_zeros(lambda x: mp.besselj(0, x), J0_ZEROS), NEAR, 15, 0), "j1_near": (over_zeros(lambda x: mp.besselj(1, x) / x, J1_ZEROS), NEAR, 14, 0),
    "y0_near": (near_y(rest_of_y0), U, 21, 0), "y0_unit": (lambda z: rest_of_y0(mp.sqrt(z)), (0, 4), 10, 0),
    "y1_near": (near_y(lambda x: (mp.bessely(1, x) - 2 / mp.pi * (mp.log(x) * mp.besselj(1, x) - 1 / x)) / x), U, 21, 0),
    "wave0_even": (wave(0, 0), U, 14, 0), "wave0_odd": (wave(0, 1), U, 14, 0), "wave1_even": (wave(1, 0), U, 14, 0), "wave1_odd": (wave(1, 1), U, 14, 0),
    "airy_far": (airy_falling, U, 35, 0), "airy_even": (airy_wave(0), U, 17, 0), "airy_odd": (airy_wave(1), U, 18, 0),
    "airy_near": (lambda u: mp.airyai(2 * u - 2), U, 26, 0), "airy_unit": (mp.airyai, UNIT, 15, 0),
}
TEMPLATE = '''# Written by `python bench/minimax_bessel.py`; do not edit. Each function is one Horner chain of fused multiply-adds over a double or a
# vector of them; of y0_near, y1_near and airy_near, where terms cancel, the last three steps are in pairs. What a polynomial stands for is the row of
# FITS with its name; <name>_light is shorter, for float32.
# {zeros}
{{{{py:
polynomials = {{
{polynomials}}}
}}}}
from frankentorch._ext.lanes cimport *
{{{{for name, numbers in polynomials.items()}}}}
{{{{py: paired = 3 if name in ("airy_near", "y0_near", "y1_near") else 0}}}}
{{{{for v, T in (("f64", "double"), ("vd", "vd"))}}}}


cdef inline {{{{T}}}} poly_{{{{name}}}}_{{{{v}}}}({{{{T}}}} x) noexcept nogil:
    cdef {{{{T}}}} p = all_{{{{v}}}}({{{{repr(numbers[-1])}}}})
{{{{for c in numbers[-2:paired - 1 if paired else None:-1]}}}}
    p = fma_{{{{v}}}}(p, x, all_{{{{v}}}}({{{{repr(c)}}}}))
{{{{endfor}}}}
{{{{if paired}}}}
    cdef {{{{T}}}} low = all_{{{{v}}}}(0.0)
    cdef {{{{T}}}} tail, last
{{{{for c in numbers[paired - 1::-1]}}}}
    p = two_product_{{{{v}}}}(p, x, &tail)
    p = two_sum_{{{{v}}}}(p, all_{{{{v}}}}({{{{repr(c)}}}}), &last)
    low = fma_{{{{v}}}}(low, x, tail + last)
{{{{endfor}}}}
    p = p + low
{{{{endif}}}}
    return p
{{{{endfor}}}}
{{{{endfor}}}}
'''


def main():
    polynomials = ""
    for name, (function, (low, high), *counts) in FITS.items():
        weight = relative(function) if (low, high) == NEAR else {}
        for full, count in zip((name, name + "_light"), counts, strict=True):
            if count:
                coefficients, error = fit(function, mpf(low), mpf(high), count, **weight)
                polynomials += f"    # within {mp.nstr(error, 2)}\n    {full!r}: {wrapped(map(float, coefficients))},\n"
    zeros_text = "\n# ".join(f"Squares of the zeros of {name}: " + ", ".join(f"{float(r * r)!r} + {float(r * r - mpf(float(r * r)))!r}" for r in roots)
                           for name, roots in (("j0", J0_ZEROS), ("j1", J1_ZEROS)))
    print(TEMPLATE.format(polynomials=polynomials, zeros=zeros_text), end="")


if __name__ == "__main__":
    main()
