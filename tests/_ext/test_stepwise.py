"""Functions whose recurrences and series run as long as any lane of a vector needs them: a lane sees neither its neighbours nor the CPU level."""
import hashlib
import math

import pytest

import frankentorch as ft
from frankentorch._ext import cpu
from tests.processes import run_python

inf, nan = math.inf, math.nan
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1.0 + 2.0**-23, -1.0000001, 0.999999, 1e-200, 5e-324, -1e-310, 1e200, 37.25, -6.5, inf, -inf, nan]
DEGREES = [-1.0, 0.0, 1.0, 2.0, 2.7, 3.0, 6.0, 7.0, 8.0, 9.0, 50.0, 128.0, 129.0, 300.0, 512.0, 513.0, 1e4, 1e18, 2.0**63, -2.0**63, inf, -inf, nan]
POLYNOMIALS = [prefix + name for prefix, names in (
    ("", ["chebyshev_polynomial_" + letter for letter in "tuvw"] + ["hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p"]),
    ("shifted_", ["chebyshev_polynomial_" + letter for letter in "tuvw"])) for name in names]


def polynomial_operands(count, rng):
    return ft.randn(count, generator=rng, dtype=ft.float64), ft.randint(-2, 40, (count,), generator=rng).double()


def zeta_operands(count, rng):
    """Powers, every third whole, and places of every size, of which some are negative."""
    s = 1 + 10 * ft.rand(count, generator=rng, dtype=ft.float64).square()
    s[::3] = s[::3].ceil()
    return s, 10 ** (8 * ft.rand(count, generator=rng, dtype=ft.float64) - 2) * ft.where(ft.rand(count, generator=rng) < 0.3, -1.0, 1.0)


def gamma_operands(count, rng):
    """Parameters of every size, and places: near them, in the tails, and anywhere."""
    a = 10 ** (9 * ft.rand(count, generator=rng, dtype=ft.float64) - 3)
    x = a + a.sqrt() * ft.randn(count, generator=rng, dtype=ft.float64) * 4
    x[::3] = 10 ** (7 * ft.rand(len(x[::3]), generator=rng, dtype=ft.float64) - 3)
    x[1::3] = a[1::3] * (0.3 + 2 * ft.rand(len(x[1::3]), generator=rng, dtype=ft.float64))
    return a, x.abs()


FUNCTIONS = {name: (getattr(ft.special, name), polynomial_operands, SPECIAL, DEGREES) for name in POLYNOMIALS}
POWERS = [1.0, 0.5, -2.0, 1.0 + 2.0**-23, 1.5, 2.0, 3.0, 4.25, 33.0, 200.0, 1e4, 1e15, 1e16, inf, -inf, nan]
PLACES = [0.0, -0.0, 1.0, -1.0, -0.5, -2.5, -3.25, 0.3, 2.0, 11.5, 5e-324, 1e-300, 1e-30, 1e8, 1e19, 1e300, -1e-20, -1e17, inf, -inf, nan]
FUNCTIONS["zeta"] = ft.special.zeta, zeta_operands, POWERS, PLACES
FUNCTIONS |= {f"polygamma {n}": (lambda s, x, n=n: ft.polygamma(n, x), zeta_operands, POWERS[:2], PLACES) for n in (1, 2, 20, 171)}
GAMMAS = [0.0, -0.0, -1.0, 5e-324, 1e-300, 1e-3, 0.25, 0.5, 1.0, 2.0, 9.999, 10.0, 19.99, 20.0, 40.0, 9.6, 200.0, 99999.0, 1e5, 1e6, 1e15, 1e30, 1e300, inf, -inf, nan]
FUNCTIONS |= {name: (getattr(ft, name), gamma_operands, GAMMAS, GAMMAS) for name in ("igamma", "igammac")}


def operands(name, dtype, count):
    """All pairs of special numbers among `count` plain ones, in an order by chance."""
    _, plain, xs, ys = FUNCTIONS[name]
    rng = ft.Generator().manual_seed(0)
    x, y = (ft.tensor(numbers, dtype=ft.float64) for numbers in (xs, ys))
    pairs = x.repeat_interleave(len(y)), y.repeat(len(x))
    order = ft.randperm(len(x) * len(y) + count, generator=rng)
    return [ft.cat((special, number))[order].to(dtype) for special, number in zip(pairs, plain(count, rng), strict=True)]


def words(x):
    """The words of a tensor, all NaN as one."""
    return ft.where(x == x, x, nan).contiguous().view(ft.int64 if x.dtype == ft.float64 else ft.int32)


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_neighbours_do_not_matter(name, dtype):
    function = FUNCTIONS[name][0]
    x, y = operands(name, dtype, 301)
    whole = words(function(x, y))
    alone = ft.cat([words(function(x[i:i + 1], y[i:i + 1])) for i in range(len(x))])

    assert whole.equal(alone)
    assert whole[5:].equal(words(function(x[5:], y[5:])))
    assert whole[::3].equal(words(function(x[::3], y[::3])))
    assert whole.flip(0).equal(words(function(x.flip(0), y.flip(0))))


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_a_lane_of_a_degree_beyond_all_ends_beside_plain_ones(name):
    """Degrees beyond the guards are answered without a step, whatever their neighbours need."""
    degrees = ft.tensor([3.0, 1e12, 4.0, 1e18, 2.0**63, inf, nan, 5.0] * 3, dtype=ft.float64)
    x = ft.full((24,), 1.0 + 2.0**-52, dtype=ft.float64)
    out = getattr(ft.special, name)(x, degrees)

    assert out[[0, 2, 7]].isfinite().all()
    assert out[[4, 5, 6]].tolist() == [0.0] * 3
    assert words(out).equal(words(out[:8]).repeat(3))


@pytest.mark.parametrize("name", ["zeta", "polygamma 1", "polygamma 20", "igamma", "igammac"])
def test_float32_is_within_one_place_of_float64(name):
    """Its shorter forms are good to a thousandth of a place."""
    x, y = (x.abs() for x in operands(name, ft.float32, 5000))
    single, double = FUNCTIONS[name][0](x, y), FUNCTIONS[name][0](x.double(), y.double())
    rounded = double.float()
    place = ft.nextafter(rounded.abs(), ft.tensor(inf)).double() - rounded.abs().double()
    plain = rounded.isfinite() & single.isfinite() & (place > 0)

    assert (single.isfinite() == rounded.isfinite()).all()
    assert ((single.double() - double).abs() <= 0.51 * place)[plain].all()


def digests():
    """[line] of the digests of all functions on special numbers and plain ones."""
    return [" ".join([name, *(hashlib.blake2b(words(FUNCTIONS[name][0](*operands(name, dtype, 5000))).numpy().tobytes(), digest_size=8).hexdigest()
                              for dtype in (ft.float32, ft.float64))]) for name in FUNCTIONS]


def test_levels_agree():
    levels = ["baseline", "avx2", "avx512"]
    texts = [run_python("from tests._ext.test_stepwise import digests; print(*digests(), sep='\\n')", FRANKENTORCH_CPU=level)
             for level in levels[:levels.index(cpu.host_level_name()) + 1]]

    assert texts[0].stdout.count("\n") == len(FUNCTIONS), texts[0].stderr
    assert {text.stdout for text in texts} == {texts[0].stdout}
