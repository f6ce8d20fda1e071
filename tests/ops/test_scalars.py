"""Numbers that meet integer tensors: what wraps, what is refused, division by zero."""
import pytest

import frankentorch as ft

I8, U8 = ft.int8, ft.uint8


def ones(dtype=I8):
    return ft.ones(2, dtype=dtype)


def test_arithmetic_with_a_number_wraps():
    assert (ones() + 300).tolist() == [45, 45]
    assert (ones(U8) - 300).tolist() == [213, 213]


@pytest.mark.parametrize("call", [
    lambda x: x.fill_(300), lambda x: ft.full((2,), 128, dtype=I8), lambda x: x.masked_fill(x > 0, 300), lambda x: x.scatter(0, ft.tensor([0]), 300),
    lambda x: x.index_fill(0, ft.tensor([0]), -129), lambda x: x.clamp(300), lambda x: ft.where(x > 0, x, 300), lambda x: x.add(x, alpha=300), lambda x: x.pow(300),
    lambda x: x.fill_(float("nan")), lambda x: x.fill_(float("inf")), lambda x: x.fill_(1j), lambda x: ft.full((2,), 1e39, dtype=ft.float32),
    lambda x: ft.full((2,), -256, dtype=U8), lambda x: ft.full((2,), -0.5, dtype=U8), lambda x: ft.tensor(300.7, dtype=I8), lambda x: ft.tensor(float("nan"), dtype=I8)])
def test_a_number_that_the_dtype_cannot_hold_is_refused(call):
    with pytest.raises(RuntimeError, match="without overflow"):
        call(ones())


def test_unsigned_dtypes_take_the_negatives_of_what_they_hold():
    assert ft.full((1,), -255, dtype=U8).tolist() == [1]
    assert ft.tensor([-1], dtype=U8).tolist() == [255]


def test_halves_overflow_to_infinity_and_bool_takes_everything():
    assert ft.full((1,), 70000, dtype=ft.float16).tolist() == [float("inf")]
    assert ft.full((3,), 1j, dtype=ft.bool).all()


@pytest.mark.parametrize("call", [
    lambda x: x // 0, lambda x: x % 0, lambda x: x.fmod(0), lambda x: ft.div(x, 0, rounding_mode="trunc"), lambda x: ft.div(x, 0, rounding_mode="floor"),
    lambda x: x // ft.tensor([1, 0]), lambda x: x % ft.tensor([0, 1], dtype=I8), lambda x: x.fmod(ft.tensor(0)), lambda x: x.remainder_(0), lambda x: 5 % (x - 1)])
def test_integer_division_by_zero_is_refused(call):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        call(ones())


def test_division_by_zero_of_nothing_or_of_floats_is_fine():
    assert (ones()[:0] // 0).tolist() == []
    assert (ft.ones(1) // 0).tolist() == [float("inf")]
    assert ft.remainder(ft.ones(1), 0).isnan().all()


def test_an_integer_to_a_negative_number_is_refused_but_not_to_a_tensor():
    with pytest.raises(RuntimeError, match="negative integer powers"):
        ones() ** -1
    assert (ones() ** ft.tensor([-1, 2])).tolist() == [1, 1]
    assert (2 ** -ones()).tolist() == [0, 0]


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ones().add(1, alpha=1.5), "floating point"), (lambda: ones().add(1, alpha=True), "Boolean alpha"), (lambda: ft.ones(2).sub(1, alpha=1j), "complex")])
def test_alpha_is_of_a_kind_that_the_result_has(call, words):
    with pytest.raises(RuntimeError, match=words):
        call()


@pytest.mark.parametrize(("data", "kind", "words"), [
    (None, RuntimeError, "Could not infer dtype of NoneType"), ([None], RuntimeError, "Could not infer dtype of NoneType"), ({}, RuntimeError, "Could not infer dtype of dict"),
    ({1}, RuntimeError, "Could not infer dtype of set"), ((i for i in (1,)), RuntimeError, "Could not infer dtype of generator"), (["a"], ValueError, "too many dimensions 'str'"),
    ("a", TypeError, "invalid data type 'str'")])
def test_data_that_is_no_number_is_refused(data, kind, words):
    with pytest.raises(kind, match=words):
        ft.tensor(data)


def test_a_number_over_a_tensor_is_rounded_twice_as_in_the_oracle():
    x = ft.tensor([49.0])

    assert (3 / x).item() == (x.reciprocal() * 3).item()
    with pytest.raises(AttributeError, match="reciprocal"):
        ft.Tensor.__rdiv__(1, x)
