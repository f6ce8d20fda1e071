"""Fits of Bessel functions, used by frankentorch/_ext/bessel.pxd; the method is that of minimax.py.

Run `python bench/minimax_bessel.py > frankentorch/_ext/besselfits.pxd` (needs mpmath).
"""
from minimax import fit
from mpmath import mp, mpf

mp.prec = 220
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


def over_zeros(function, roots):
    def value(u):
        z = 32 * (1 + u)
        x = mp.sqrt(z)
        return function(x) / mp.fprod(z - r * r for r in roots)
    return value


def near_y(function):
    """What is left of y0 and y1 / x without their logarithms, at u = x^2 / 32 - 1."""
    return lambda u: function(mp.sqrt(32 * (1 + u)))


FITS = {
    "i0_far": (modified(0, 8), 24), "i1_far": (modified(1, 8), 24),
    "k0_far": (falling(0, 1), 28), "k1_far": (falling(1, 1), 28),
    "j0_near": (over_zeros(lambda x: mp.besselj(0, x), J0_ZEROS), 18), "j1_near": (over_zeros(lambda x: mp.besselj(1, x) / x, J1_ZEROS), 18),
    "y0_near": (near_y(lambda x: mp.bessely(0, x) - 2 / mp.pi * mp.log(x) * mp.besselj(0, x)), 21),
    "y1_near": (near_y(lambda x: (mp.bessely(1, x) - 2 / mp.pi * (mp.log(x) * mp.besselj(1, x) - 1 / x)) / x), 21),
    "wave0_even": (wave(0, 0), 14), "wave0_odd": (wave(0, 1), 14), "wave1_even": (wave(1, 0), 14), "wave1_odd": (wave(1, 1), 14),
}


def main():
    print("# Written by `python bench/minimax_bessel.py`; do not edit. Horner chains of fused multiply-adds for u in [-1, 1].")
    print("from frankentorch._ext.bitmath cimport fma_f64")
    for name, (function, count) in FITS.items():
        coefficients, error = fit(function, mpf(-1), mpf(1), count)
        print(f"\n\ncdef inline double poly_{name}(double u) noexcept nogil:\n    # within {mp.nstr(error, 2)}")
        print(f"    cdef double p = {float(coefficients[-1])!r}")
        for c in coefficients[-2::-1]:
            print(f"    p = fma_f64(p, u, {float(c)!r})")
        print("    return p")
    for name, roots in (("j0", J0_ZEROS), ("j1", J1_ZEROS)):
        print(f"# zeros of {name}: " + ", ".join(f"{float(r)!r} + {float(r - mpf(float(r)))!r}" for r in roots))


if __name__ == "__main__":
    main()
