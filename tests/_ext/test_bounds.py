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
    lambda: ft.ones(3).resize_(HUGE),
    lambda: ft.add(ft.ones(1, device="meta").expand(HUGE), 1, out=ft.empty(0, device="meta")),
    lambda: ft.nn.functional.max_pool2d(ft.ones(1, 4, 4), (1 << 63) - 1),
    lambda: ft.nn.functional.avg_pool2d(ft.ones(1, 4, 4), 2, HUGE),
], ids=lambda f: None)
def test_impossible_sizes_raise_runtime_error(make):
    with pytest.raises(RuntimeError):
        make()


@pytest.mark.parametrize("take", [lambda t: t[2], lambda t: t[-3], lambda t: t[0, 3], lambda t: t[0, 0, 0], lambda t: t.select(0, 5),
                                  lambda t: t.transpose(0, 2), lambda t: t.unsqueeze(5), lambda t: t[[0, 7]]])
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


@pytest.mark.parametrize("call", [
    lambda t: t[1 << 70], lambda t: t.sum(1 << 63), lambda t: t.select(0, 1 << 64), lambda t: t.size(-(1 << 63) - 1), lambda t: t.unfold(0, 1 << 63, 1),
    lambda t: ft.eye(1 << 64), lambda t: ft.tensor(1 << 63), lambda t: ft.tensor([1, 1 << 64]), lambda t: t.__setitem__(0, 1 << 63)])
def test_an_int_beyond_64_bits_is_a_value_error(call):
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        call(ft.ones(2, 3))


@pytest.mark.parametrize("call", [lambda t: t.reshape(1 << 80), lambda t: ft.empty(1 << 64), lambda t: t.view([1 << 63]), lambda t: t.repeat(1 << 63, 1)])
def test_a_size_beyond_64_bits_is_no_int(call):
    with pytest.raises(TypeError):
        call(ft.ones(2, 3))


@pytest.mark.parametrize("call", [lambda t: t + (1 << 64), lambda t: t.fill_(-(1 << 63) - 1), lambda t: ft.full((2,), 1 << 64), lambda t: t.add(1, alpha=1 << 70)])
def test_a_number_beyond_64_bits_is_an_overflow_error(call):
    with pytest.raises(OverflowError, match="too big to convert"):
        call(ft.ones(2, 3))


@pytest.mark.parametrize("call", [
    lambda t: t.sum(True), lambda t: ft.empty(True), lambda t: t.view(True, 6), lambda t: t.unsqueeze(True), lambda t: t.narrow(0, 0, True), lambda t: ft.topk(t, True),
    lambda t: t.size(True), lambda t: t.sum(1.0), lambda t: t.sum(float("nan")), lambda t: t.narrow(0, 1.5, 1), lambda t: t.sum("0"), lambda t: t.sum([1.5]),
    lambda t: t.view([True]), lambda t: t.unsqueeze(ft.tensor(1.0)), lambda t: t.unsqueeze(ft.tensor(True)), lambda t: t.requires_grad_(1), lambda t: t.sum(0, keepdim=1),
    lambda t: t.type(3), lambda t: t.resize_(True), lambda t: ft.full(2, 3), lambda t: t.__delitem__(0)])
def test_what_is_no_int_is_a_type_error(call):
    with pytest.raises(TypeError):
        call(ft.ones(2, 3))


def test_sizes_take_what_has_an_index_and_dims_take_integer_tensors():
    class Two:
        def __index__(self):
            return 2

    assert ft.empty(Two(), 3).shape == (2, 3)
    assert ft.ones(2, 3).sum(ft.tensor(1)).tolist() == [3.0, 3.0]
    with pytest.raises(TypeError):
        ft.ones(2, 3).sum(Two())
