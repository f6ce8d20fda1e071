"""Powers by plain numbers are products and roots, quotients are exact wherever the vectors end, neighbours of floats are told by their words."""
import math
from fractions import Fraction

import pytest

import frankentorch as ft

INF, NAN = math.inf, math.nan
SPECIAL = [0.0, -0.0, INF, -INF, NAN, 1e-30, -1e-30, 1e25, -2.0, 3.0, 0.3, 1e-45]
PLAIN = {2: lambda x: x * x, 3: lambda x: x * x * x, 0.5: ft.sqrt, -0.5: ft.rsqrt, -1: ft.reciprocal, -2: lambda x: 1 / (x * x)}


def same(expected, found):
    """Equal bits, any NaN being as good as another."""
    assert expected.dtype is found.dtype
    assert [repr(v) for v in expected.reshape(-1).tolist()] == [repr(v) for v in found.reshape(-1).tolist()]


@pytest.mark.parametrize("exponent", PLAIN)
@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.complex64])
def test_power_by_a_number_is_the_plain_expression(exponent, dtype):
    x = ft.tensor(SPECIAL[5:] if dtype.is_complex else SPECIAL * 5, dtype=dtype)
    expected = PLAIN[exponent](x)
    if dtype.is_complex and exponent == -2:
        expected = ft.reciprocal(x * x)

    same(expected, x ** exponent)
    same(expected, ft.pow(x, float(exponent)))
    same(expected, x.clone().pow_(exponent))
    same(expected.reshape(-1, 1).t(), ft.pow(x.reshape(-1, 1).t(), exponent, out=ft.empty(1, x.numel(), dtype=dtype)))


def test_power_of_integers_wraps():
    assert [4, 9, 25] == (ft.tensor([-2, 3, 5]) ** 2).tolist()
    assert [-8, 27, 87] == (ft.tensor([-2, 3, 7], dtype=ft.int8) ** 3).tolist()
    assert ft.int64 is ft.square(ft.tensor([True])).dtype
    assert [2.0] == (ft.tensor([4]) ** 0.5).tolist()
    with pytest.raises(RuntimeError, match="negative integer powers"):
        ft.tensor([2]) ** -1


def test_float16_keeps_the_zero_of_its_root():
    assert "0.0" == repr((ft.tensor([-0.0], dtype=ft.float16) ** 0.5).item())
    assert "-0.0" == repr((ft.tensor([-0.0]) ** 0.5).item())


def test_gradient_of_a_square():
    x = ft.tensor([1.5, -2.0, 0.0], requires_grad=True)
    slope, = ft.autograd.grad((x ** 2).sum(), x, create_graph=True)
    curve, = ft.autograd.grad(slope.sum(), x)

    assert [3.0, -4.0, 0.0] == slope.tolist()
    assert [2.0, 2.0, 2.0] == curve.tolist()


def sizes(dtype):
    """Numbers of all magnitudes: quotients far below and far beyond what a vector takes."""
    top, low = (3e38, 1e-45) if dtype is ft.float32 else (1.7e308, 5e-324)
    values = [1.0, 2.5, 7.0, 0.1, 1 / 3, 3e7, 1e12, 1e-12, top, low, 1e-38, 12345.678]
    return ft.tensor([sign * v for v in values for sign in (1, -1)], dtype=dtype)


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64])
def test_remainders_are_exact(dtype):
    x = sizes(dtype)
    table = ft.fmod(x.unsqueeze(1), x)
    for a, row in zip(x.tolist(), table.tolist()):
        for b, found in zip(x.tolist(), row):
            quotient = Fraction(a) / Fraction(b)
            assert Fraction(a) - math.trunc(quotient) * Fraction(b) == Fraction(found), (a, b)


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64])
def test_small_quotients_are_floored_exactly(dtype):
    x = sizes(dtype)
    found, moved = ft.floor_divide(x.unsqueeze(1), x).tolist(), ft.remainder(x.unsqueeze(1), x).tolist()
    for i, a in enumerate(x.tolist()):
        for k, b in enumerate(x.tolist()):
            quotient = Fraction(a) / Fraction(b)
            if abs(quotient) < 2 ** 20:
                assert math.floor(quotient) == found[i][k], (a, b)
                rest = Fraction(a) - math.floor(quotient) * Fraction(b)
                assert ft.tensor(float(rest), dtype=dtype).item() == moved[i][k], (a, b)


def test_quotients_beside_special_ones():
    """A slow lane leaves its neighbours alone; zeros keep their signs."""
    x, y = ft.tensor([5.0, NAN, -0.0, INF, 5.0, -5.0, 3.0] * 5), ft.tensor([3.0, 1.0, 2.0, 2.0, INF, INF, 0.0] * 5)

    same(ft.tensor([2.0, NAN, -0.0, NAN, 5.0, -5.0, NAN] * 5), ft.fmod(x, y))
    same(ft.tensor([2.0, NAN, -0.0, NAN, 5.0, INF, NAN] * 5), ft.remainder(x, y))
    assert ["1.0", "nan", "-0.0"] == [repr(v) for v in ft.floor_divide(x, y).tolist()[:3]]


def test_gradient_of_a_numbers_remainder():
    y = ft.tensor([0.75, -0.4], requires_grad=True)
    ft.remainder(2.0, y).sum().backward()

    assert [-2.0, 5.0] == y.grad.tolist()


def test_next_floats():
    x = ft.tensor([0.0, -0.0, 1.0, 1.0, -1.0, INF, 1.0, NAN, 0.0])
    to = ft.tensor([1.0, -1.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0, -0.0])
    tiny = 2.0 ** -149

    same(ft.tensor([tiny, -tiny, 1 + 2.0 ** -23, 1 - 2.0 ** -24, -1 + 2.0 ** -24, 3.4028234663852886e38, 1.0, NAN, -0.0]), ft.nextafter(x, to))
    assert math.nextafter(0.1, 1) == ft.nextafter(ft.tensor(0.1, dtype=ft.float64), ft.tensor(1.0, dtype=ft.float64)).item()


def test_numbers_for_nan_and_infinities():
    x = ft.tensor([NAN, INF, -INF, -0.0, 2.0], requires_grad=True)
    out = ft.nan_to_num(x, 7.0, 1e39, -3.0)
    out.sum().backward()

    assert [7.0, INF, -3.0, -0.0, 2.0] == out.tolist()
    assert [0.0, 0.0, 0.0, 1.0, 1.0] == x.grad.tolist()
    assert [0.0, 65504.0, -65504.0] == ft.nan_to_num(x.detach()[:3].half()).tolist()


def test_norm_of_cubes():
    x = ft.tensor([[3.0, -4.0, 5.0], [NAN, 0.0, 0.0]])

    assert [pytest.approx(6.0), pytest.approx(NAN, nan_ok=True)] == x.norm(p=3, dim=1).tolist()
    assert pytest.approx(6e99) == (x[0].double() * 1e99).norm(p=3).item()
    assert INF == ft.tensor([1e200], dtype=ft.float64).norm(p=3).item()


def test_signs_of_complex_numbers():
    x = ft.tensor([3 - 4j, 0j, 1e38 + 1e38j, 1e-45j])

    assert [pytest.approx(0.6 - 0.8j), 0, pytest.approx((1 + 1j) / math.sqrt(2)), 1j] == ft.sgn(x).tolist()


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
def test_the_gradient_of_a_reciprocal_root_is_made_of_products(dtype):
    x = (ft.rand(1003, dtype=dtype, generator=ft.Generator().manual_seed(0)) + 0.01).requires_grad_()
    out = x.rsqrt()
    found = ft.autograd.grad(out, x, ft.ones_like(out))[0]

    assert found.equal(-0.5 * (out * out * out))
