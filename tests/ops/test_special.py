"""Special functions: the values PyTorch 2.13 gives at the ends of their ranges, identities, derivatives and refusals."""
import math

import pytest

import frankentorch as ft

inf, nan = math.inf, math.nan
PLACES = [0.0, -0.0, inf, -inf, nan, 1.0, -1.0, 2.5, -800.0]
VALUES = {
    "entr": [0.0, 0.0, -inf, -inf, nan, -0.0, -inf, -2.2907268296853878, -inf],
    "ndtr": [0.5, 0.5, 1.0, 0.0, nan, 0.841344746068543, 0.15865525393145702, 0.9937903346742238, 0.0],
    "ndtri": [-inf, -inf, nan, nan, nan, inf, nan, nan, nan],
    "log_ndtr": [-0.6931471805599453, -0.6931471805599453, -0.0, -inf, nan, -0.17275377902344985, -1.841021645009264,
        -0.006229025485860001, -320007.60355182335],
    "erfcx": [1.0, 1.0, 0.0, inf, nan, 0.427583576155807, 5.008980080762283, 0.2108063640611436, inf],
    "i0": [1.0, 1.0, nan, nan, nan, 1.2660658777520082, 1.2660658777520082, 3.289839144050123, inf],
    "i0e": [1.0, 1.0, 0.0, 0.0, nan, 0.46575960759364043, 0.46575960759364043, 0.27004644161220276, 0.014106945005869183],
    "i1": [0.0, 0.0, nan, nan, nan, 0.5651591039924851, -0.5651591039924851, 2.5167162452886984, -inf],
    "i1e": [0.0, 0.0, 0.0, -0.0, nan, 0.2079104153497085, -0.2079104153497085, 0.20658464953126654, -0.014098125406526996],
    "bessel_j0": [1.0, 1.0, nan, nan, nan, 0.7651976865579665, 0.7651976865579665, -0.048383776468256645, 0.008897445883815304],
    "bessel_j1": [0.0, -0.0, nan, nan, nan, 0.44005058574493355, -0.44005058574493355, 0.4970941024644698, -0.026775138722323014],
    "bessel_y0": [-inf, -inf, nan, nan, nan, 0.08825696421567697, nan, 0.49807035961592067, nan],
    "bessel_y1": [-inf, -inf, nan, nan, nan, -0.7812128213002888, nan, 0.14591813796695813, nan],
    "modified_bessel_i0": [1.0, 1.0, nan, nan, nan, 1.2660658777520082, 1.2660658777520082, 3.289839144050123, inf],
    "modified_bessel_i1": [0.0, 0.0, nan, nan, nan, 0.5651591039924851, -0.5651591039924851, 2.5167162452886984, -inf],
    "modified_bessel_k0": [inf, inf, 0.0, nan, nan, 0.4210244382407082, nan, 0.062347553200366196, nan],
    "modified_bessel_k1": [inf, inf, 0.0, nan, nan, 0.6019072301972346, nan, 0.07389081634774705, nan],
    "scaled_modified_bessel_k0": [inf, inf, 0.0, nan, nan, 1.1444630798068944, nan, 0.7595486903280996, nan],
    "scaled_modified_bessel_k1": [inf, inf, 0.0, nan, nan, 1.636153486263258, nan, 0.9001744239078779, nan],
    "airy_ai": [0.3550280538878172, 0.3550280538878172, nan, nan, nan, 0.13529241631288141, 0.5355608832923521, 0.01572592338047049, -0.02085360465110275],
    "spherical_bessel_j0": [1.0, 1.0, 0.0, 0.0, nan, 0.8414709848078965, 0.8414709848078965, 0.23938885764158263, 0.0011174620602462768],
}
MODIFIED = ("i0", "i1", "mo", "sc")
DEGREES = [-1.0, 0.0, 1.0, 2.7, 9.0]
POLYNOMIALS = {         # at 0.3, by degree
    "chebyshev_polynomial_t": [0.0, 1.0, 0.3, -0.82, 0.388827648], "chebyshev_polynomial_u": [0.0, 1.0, 0.6, -0.64, 0.099088896],
    "chebyshev_polynomial_v": [0.0, 1.0, -0.4, -1.24, 1.064884736], "chebyshev_polynomial_w": [0.0, 1.0, 1.6, -0.04, -0.866706944],
    "hermite_polynomial_h": [0.0, 1.0, 0.6, -1.64, 7010.287658496], "hermite_polynomial_he": [0.0, 1.0, 0.3, -0.91, 250.390686483],
    "laguerre_polynomial_l": [0.0, 1.0, 0.7, 0.445, -0.41794299755200853], "legendre_polynomial_p": [0.0, 1.0, 0.3, -0.365, 0.0637003817578125],
}


def doubles(values):
    return ft.tensor(values, dtype=ft.float64)


def assert_same(actual, expected, rel=4e-15):
    for a, e in zip(actual.tolist(), expected, strict=True):
        assert a == pytest.approx(e, rel=rel, abs=0, nan_ok=True)
        assert e != 0 or math.copysign(1, a) == math.copysign(1, e)


@pytest.mark.parametrize("name", VALUES)
def test_values_at_the_ends(name):
    # PyTorch's J and Y are right to 11 digits or less
    assert_same(getattr(ft.special, name)(doubles(PLACES)), VALUES[name], 1e-11 if name.startswith("bessel") else 4e-15)


@pytest.mark.parametrize("name", VALUES)
def test_float32_is_float64_rounded(name):
    """To the last bit but for the modified Bessel functions, whose float32 has shorter fits: in one of ten thousand they differ in it."""
    x = ft.linspace(-3, 3, 401)
    actual, expected = getattr(ft.special, name)(x).nan_to_num(7), getattr(ft.special, name)(x.double()).float().nan_to_num(7)

    assert (actual.view(ft.int32) - expected.view(ft.int32)).abs().max().item() <= (name[:2] in MODIFIED)


@pytest.mark.parametrize("name", [name for name in VALUES if name[:2] in MODIFIED])
def test_modified_bessel_functions_of_float32_are_right_to_the_last_bit_everywhere(name):
    x = ft.cat((ft.linspace(-90, 90, 3001), ft.logspace(-44, 38, 2001), ft.tensor([8.0, 1.0, 3e38, 1e-45, inf, -inf, nan])))
    actual, expected = getattr(ft.special, name)(x).nan_to_num(7), getattr(ft.special, name)(x.double()).float().nan_to_num(7)

    assert (actual.view(ft.int32) - expected.view(ft.int32)).abs().max().item() <= 1


def test_airys_function_is_right_next_to_its_zeros_and_far_out():
    """mpmath's values; the oracle's are off by up to 3e-6 between -5 and 0."""
    x = doubles([-2.338107410459767, -4.5, -4.0, -2.0, 1.5, 9.0, -1000.25, -123456.5])
    expected = [2.743319340666283e-17, 0.2921527810559595, -0.07026553294928951, 0.22740742820168558, 0.07174949700810541, 2.47116843087249e-09,
                -0.08606652655320733, -0.02018172445429957]

    assert ft.special.airy_ai(x).tolist() == pytest.approx(expected, rel=0, abs=2e-16)


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
def test_modified_bessel_functions_far_out(dtype):
    sizes = ft.tensor([715.0, 1400.0, 1e10, 3e38], dtype=dtype)
    sizes = ft.cat((sizes, doubles([1e200, 1.7e308]))) if dtype == ft.float64 else sizes

    assert ft.i0(sizes).isposinf().all() and ft.special.i1(-sizes).isneginf().all()
    assert not ft.special.modified_bessel_k0(sizes[1:]).any() and not ft.special.modified_bessel_k1(sizes[1:]).any()
    assert ft.special.i0e(sizes).tolist() == pytest.approx(((1 + 0.125 / sizes) / (2 * math.pi * sizes).sqrt()).tolist(), rel=1e-6)
    assert ft.special.scaled_modified_bessel_k1(sizes).tolist() == pytest.approx(((1 + 0.375 / sizes) * (math.pi / 2 / sizes).sqrt()).tolist(), rel=1e-6)


def test_bessel_functions_have_their_wronskians():
    """A & S 9.1.16 and 9.6.15; the second without their exponentials."""
    x = ft.cat((ft.logspace(-300, -1, 300, dtype=ft.float64), ft.linspace(0.1, 30, 2000, dtype=ft.float64), ft.logspace(2, 15, 300, dtype=ft.float64)))
    special = ft.special
    waves = (special.bessel_j1(x) * special.bessel_y0(x) - special.bessel_j0(x) * special.bessel_y1(x)) * x * (math.pi / 2)
    modified = (special.i0e(x) * special.scaled_modified_bessel_k1(x) + special.i1e(x) * special.scaled_modified_bessel_k0(x)) * x

    assert (waves - 1).abs().max().item() < 2e-15
    assert (modified - 1).abs().max().item() < 2e-15


@pytest.mark.parametrize(("name", "zero", "low", "slope"), [
    ("bessel_j0", 2.404825557695773, -1.176691651530894e-16, -0.5191474972894669), ("bessel_j0", 5.520078110286311, 8.088597146146722e-17, 0.3402648065583682),
    ("bessel_j1", 3.8317059702075125, -1.5269184090088067e-16, -0.4027593957025529), ("bessel_j1", 7.015586669815619, -9.414165653410389e-17, 0.3001157525261326)])
def test_bessel_functions_are_right_next_to_their_zeros(name, zero, low, slope):
    """The zero is zero + low."""
    assert getattr(ft.special, name)(doubles(zero)).item() == pytest.approx(-low * slope, rel=1e-14)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_by_degree(name):
    actual = getattr(ft.special, name)(doubles(0.3), doubles(DEGREES))
    assert actual.tolist() == pytest.approx(POLYNOMIALS[name], rel=1e-14)
    assert getattr(ft.special, name)(0.3, doubles(DEGREES)).tolist() == actual.tolist()


@pytest.mark.parametrize("name", POLYNOMIALS)
@pytest.mark.parametrize("degree", [inf, 1e300, 2.0**63, -inf, nan])
def test_degrees_beyond_whole_numbers_give_zero(name, degree):
    """And an answer at all: what PyTorch 2.13 gives, where a recurrence would never end."""
    assert getattr(ft.special, name)(doubles([0.5, 1.0, -1.0, 0.0, 3.0]), degree).tolist() == [0.0] * 5


@pytest.mark.parametrize("name", ["laguerre_polynomial_l", "legendre_polynomial_p"])
def test_a_degree_that_would_take_forever_is_refused_by_nan(name):
    assert math.isnan(getattr(ft.special, name)(doubles(0.5), 1e18).item())


def test_shifted_polynomials_are_those_of_2_x_less_1():
    x = doubles([0.1, 0.4, 0.9])
    for letter in "tuvw":
        shifted, plain = (getattr(ft.special, prefix + "chebyshev_polynomial_" + letter) for prefix in ("shifted_", ""))
        assert shifted(x, 3).tolist() == plain(2 * x - 1, 3).tolist()


def test_incomplete_gamma_functions():
    a = doubles([0, 0, 1, 2, inf, 1, inf, -1, nan, 30, 200, 0.5])
    x = doubles([0, 1, 0, inf, 1, -1, inf, 1, 1, 25, 220, 0.1])
    lower = [nan, 1.0, 0.0, 1.0, 0.0, nan, nan, nan, nan, 0.18210391597745511, 0.9181943116110617, 0.345279153981423]
    upper = [nan, 0.0, 1.0, 0.0, 1.0, nan, nan, nan, nan, 0.8178960840225449, 0.0818056883889383, 0.6547208460185769]
    assert ft.igamma(a, x).tolist() == pytest.approx(lower, rel=1e-13, nan_ok=True)
    assert ft.special.gammaincc(a, x).tolist() == pytest.approx(upper, rel=1e-13, nan_ok=True)


def test_incomplete_gamma_functions_keep_their_digits_in_tails_and_for_small_parameters():
    # mpmath's values at 40 digits
    a = doubles([1e-3, 1e-8, 0.3, 15, 25, 300, 1e5, 1e30, 5e-324])
    x = doubles([1.5, 0.5, 1.2, 60, 20, 700, 5e-324, 1e-300, 0.5])
    lower = [0.999899847040342986, 0.999999994402264023, 0.936605280430740895, 0.999999999998979724, 0.156772621826237726, 1.0, 0.0, 0.0, 1.0]
    upper = [0.000100152959657014385, 5.5977359770995871e-9, 0.0633947195692591048, 1.02027585414700408e-12, 0.843227378173762274, 8.14045384048253101e-66, 1.0, 1.0]
    assert ft.igamma(a, x).tolist() == pytest.approx(lower, rel=2e-15, abs=0)
    assert ft.igammac(a, x).tolist()[:-1] == pytest.approx(upper, rel=2e-15, abs=0)


@pytest.mark.parametrize(("a", "x", "lower", "upper"), [
    (0.412317061, 1.5592199, 0.9406509286619734, 0.0593490713380266), (1e-06, 1.28522, 0.9999998614094618, 1.3859053817174638e-07),
    (0.0908645, 1.24639, 0.9851835151851518, 0.014816484814848188), (1.30419, 1.82705, 0.7565415684290389, 0.24345843157096114),
    (18.7302, 23.921, 0.8808285193700746, 0.11917148062992548), (0.35, 2.51, 0.9854112108023112, 0.014588789197688775),
    (5.9905, 5.4393, 0.46225207460900286, 0.5377479253909971), (150.0, 310.0, 1.0, 1.918245195359658e-24)])
def test_incomplete_gamma_functions_are_right_to_four_units(a, x, lower, upper):
    """Values by mpmath where a continued fraction from its beginning would have lost most."""
    a, x = ft.tensor([a, x], dtype=ft.float64)
    assert ft.igamma(a, x).item() == pytest.approx(lower, rel=0, abs=4 * math.ulp(lower))
    assert ft.igammac(a, x).item() == pytest.approx(upper, rel=0, abs=4 * math.ulp(upper))


def test_zeta_and_polygamma():
    zeta = ft.special.zeta
    places = doubles([1, 0.5, -0.5, -2.5, 0, -1])
    assert zeta(2.0, places).tolist() == pytest.approx([1.6449340668482264, 4.934802200544679, 8.934802200544679, 9.539246644989124, inf, inf])
    assert zeta(doubles([1, 0.5, 2.5, inf, inf]), doubles([2, 2, -0.5, 1, 0.5])).tolist() == pytest.approx([inf, nan, nan, 1, inf], nan_ok=True)
    assert zeta(doubles([2, 3, 33, 2.5]), doubles([1e-300, 1e-200, -2.5, 1e9])).tolist() == pytest.approx([inf, inf, 1.1113818876303040e-18, 2.1081851083600584e-14], rel=2e-15, abs=0)
    assert ft.polygamma(1, ft.tensor([0, -1, 2], dtype=ft.int8)).tolist() == pytest.approx([inf, inf, 0.6449340668482264])
    x = doubles([0.3, 2.5, -1.5])
    assert x.polygamma(0).tolist() == x.digamma().tolist()
    assert x.polygamma(2).tolist() == pytest.approx([-75.27253658872604, -0.2362040516417274, -0.2362040516417274], rel=4e-15)
    assert x.clone().polygamma_(1).tolist() == ft.special.polygamma(1, x).tolist()
    with pytest.raises(RuntimeError, match="negative n"):
        ft.polygamma(-1, x)
    with pytest.raises(RuntimeError, match="can't be cast"):
        ft.tensor([1]).polygamma_(1)


def test_frexp_takes_numbers_apart_exactly():
    x = doubles([0.0, -0.0, inf, 1.0, -2.5, 1e-300, 5e-324, 1e300])
    mantissa, exponent = ft.frexp(x)
    assert exponent.dtype is ft.int32
    assert exponent.tolist() == [0, 0, 0, 1, 2, -996, -1073, 997]
    assert mantissa.tolist() == [math.frexp(v)[0] for v in x.tolist()]
    with pytest.raises(RuntimeError, match="floating-point"):
        ft.frexp(ft.tensor([1]))


def test_mvlgamma_sums_lgammas():
    assert ft.mvlgamma(doubles([5.0]), 2).item() == pytest.approx(math.lgamma(5) + math.lgamma(4.5) + math.log(math.pi) / 2)
    with pytest.raises(RuntimeError, match="greater than or equal to 1"):
        ft.mvlgamma(doubles([5.0]), 0)


@pytest.mark.parametrize("name", ["entr", "ndtr", "ndtri", "log_ndtr", "erfcx", "i0", "i0e", "i1", "i1e"])
def test_derivatives_are_those_of_differences(name):
    x = doubles([0.2, 0.45, 0.9]).requires_grad_()
    assert ft.autograd.gradcheck(getattr(ft.special, name), (x,))


def test_derivatives_of_two_arguments():
    x, y = doubles([0.7, 1.5]).requires_grad_(), doubles([0.4, 2.5]).requires_grad_()
    assert ft.autograd.gradcheck(ft.special.xlog1py, (x, y))
    assert ft.autograd.gradcheck(lambda y: ft.special.zeta(2.5, y), (y,))
    assert ft.autograd.gradcheck(lambda y: ft.igammac(x.detach(), y), (y,))
    assert ft.autograd.gradcheck(lambda x: ft.polygamma(2, x), (x,))
    assert ft.autograd.gradcheck(lambda x: ft.frexp(x)[0], (x,))
    with pytest.raises(NotImplementedError, match="derivative for 'zeta'"):
        ft.special.zeta(x, y).sum().backward()
