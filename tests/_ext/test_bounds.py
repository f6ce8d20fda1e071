"""Sizes and views that cannot be are refused before any allocation, with the oracle's exception type."""
import pytest

import frankentorch as ft

HUGE = 1 << 62


@pytest.mark.parametrize("make", [
    lambda: ft.empty(HUGE, 4),
    lambda: ft.empty((1 << 40, 1 << 40)),
    lambda: ft.zeros(HUGE, dtype=ft.complex128),
    lambda: ft.empty(-1),
    lambda: ft.empty(2, -3),
    lambda: ft.empty([1] * 65),
    lambda: ft.empty_strided((2, 3), (HUGE, 1)),
    lambda: ft.empty_strided((2,), (-1,)),
    lambda: ft.empty_strided((2, 3), (1,)),
    lambda: ft.ones(2, 3).as_strided((5, 5), (3, 1)),
    lambda: ft.ones(2, 3).as_strided((2,), (1,), -1),
    lambda: ft.ones(2, 3).as_strided((2,), (1,), 6),
    lambda: ft.ones(2, 3).as_strided((2,), (-1,)),
    lambda: ft.ones(2, 3).as_strided((HUGE, HUGE), (1, 1)),
    lambda: ft.ones(2, 3).view(7),
    lambda: ft.ones(2, 3).view(-1, -1),
    lambda: ft.ones(2, 3).view(HUGE, HUGE, 4),
    lambda: ft.ones(2, 3).expand(HUGE, HUGE, 2, 3),
    lambda: ft.ones(2, 3).expand(4, 4),
    lambda: ft.ones(2, 3).reshape(1 << 80),
], ids=lambda f: None)
def test_impossible_sizes_raise_runtime_error(make):
    with pytest.raises(RuntimeError):
        make()


@pytest.mark.parametrize("take", [lambda t: t[2], lambda t: t[-3], lambda t: t[0, 3], lambda t: t[0, 0, 0], lambda t: t.select(0, 5), lambda t: t[1 << 70],
                                  lambda t: t.transpose(0, 2), lambda t: t.unsqueeze(5), lambda t: t[..., ...], lambda t: t[[0, 7]]])
def test_places_outside_raise_index_error(take):
    with pytest.raises(IndexError):
        take(ft.ones(2, 3))


def test_slices_are_clamped_like_a_list():
    t = ft.arange(5)

    assert t[1 << 70:].tolist() == [] and t[-(1 << 70):2].tolist() == [0, 1] and t[3:1].tolist() == []


def test_a_step_of_zero_or_less_is_refused():
    with pytest.raises(ValueError, match="step must be greater than zero"):
        ft.arange(5)[::-1]


def test_an_error_names_op_dtype_and_shape():
    with pytest.raises(RuntimeError, match=r"size of tensor a \(3\) must match the size of tensor b \(4\)[\s\S]*float32\[2, 3\]"):
        ft.ones(2, 3) + ft.ones(2, 4)
