"""Elementwise functions at the ends of their range."""
import math

import pytest

import frankentorch as ft


@pytest.mark.parametrize("name", ["sinh", "cosh", "exp", "expm1", "exp2"])
@pytest.mark.parametrize("x", [129.0, 299.99, 300.007, 3e38, math.inf])
def test_what_is_beyond_float32_is_infinite(name, x):
    assert [math.inf] * 17 == getattr(ft, name)(ft.full((17,), x)).tolist()


def test_sinh_is_odd_far_out():
    assert [-math.inf, -math.inf] == ft.sinh(ft.tensor([-300.007, -math.inf])).tolist()


@pytest.mark.parametrize("function", [ft.nn.functional.gelu, ft.nn.functional.silu])
def test_a_negative_result_that_vanishes_is_negative_zero(function):
    found = function(ft.tensor([-0.0, -1e-45, -150.0, 0.0])).tolist()

    assert [0.0] * 4 == [abs(x) for x in found]
    assert [-1, -1, -1, 1] == [math.copysign(1, x) for x in found]


@pytest.mark.parametrize(("name", "last"), [("sigmoid", 10.78), ("silu", 10.78), ("gelu", 6.35)])
def test_pieces_and_what_lies_beyond_them_meet(name, last):
    """Over 8000 neighbours in float32 on both sides of the end no step is out of line."""
    function = getattr(ft, name, None) or getattr(ft.nn.functional, name)
    x = ft.arange(-4000, 4000, dtype=ft.int32) + ft.tensor([-last]).view(ft.int32)
    steps = function(x.view(ft.float32)).view(ft.int32).diff()

    assert steps.max().item() - steps.min().item() <= 4
