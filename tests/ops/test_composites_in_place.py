"""Composites that write where they read: the function's values, one write, its derivative; where nothing can be written, nothing is."""
import pytest

import frankentorch as ft

NUMBERS = (1.5, -2.0, float("nan"), float("inf"), -float("inf"), 0.25)
FORMS = {"square": (), "clamp": (-1, 0.5), "clip": (0.5,), "nan_to_num": (7.0,), "deg2rad": (), "rad2deg": ()}


def words(x):
    return x.double().view(ft.int64).tolist()


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.bfloat16], ids=str)
@pytest.mark.parametrize("name", FORMS)
def test_in_place_is_the_function_written_once(name, dtype):
    x = ft.tensor(NUMBERS, dtype=dtype)
    made, version = getattr(x, name)(*FORMS[name]), x._version

    assert getattr(x, name + "_")(*FORMS[name]) is x
    assert words(made) == words(x)
    assert version + 1 == x._version


@pytest.mark.parametrize("name", FORMS)
def test_in_place_has_the_functions_derivative(name):
    leaves = [ft.tensor(NUMBERS, requires_grad=True) for _ in range(2)]
    getattr(leaves[0], name)(*FORMS[name]).sum().backward()
    getattr(ft, name + "_")(leaves[1] * 1, *FORMS[name]).sum().backward()

    assert words(leaves[0].grad) == words(leaves[1].grad)


def test_a_result_of_another_dtype_is_refused_and_nothing_written():
    whole, single = ft.tensor([1, 2]), ft.tensor([4.0])

    for refused in (lambda: whole.clamp_(0.5), lambda: whole.deg2rad_(), lambda: whole.float_power_(2), lambda: single.float_power_(0.5)):
        with pytest.raises(RuntimeError, match="desired output type|requires dtype"):
            refused()
    assert ([1, 2], [4.0]) == (whole.tolist(), single.tolist())
    assert [2.0] == ft.tensor([4.0], dtype=ft.float64).float_power_(0.5).tolist()
    assert [1, 2] == whole.nan_to_num_().tolist()


@pytest.mark.parametrize("bounded", [lambda x: x.clamp(0), lambda x: x.clamp_min(ft.zeros(3)), lambda x: x.clamp(max=2), lambda x: x.clamp_max(2)])
def test_nan_lies_in_no_bounds(bounded):
    """PyTorch's rule: no gradient where self is NaN, and none is left of an infinite one that a bound stops."""
    x = ft.tensor([float("nan"), 1.0, -1.0], requires_grad=True)
    bounded(x).backward(ft.tensor([1.0, 2.0, 3.0]))
    stopped = ft.tensor([-3.0, 3.0], requires_grad=True)
    ft.clamp(stopped, 0).backward(ft.full((2,), float("inf")))

    assert x.grad[0].item() == 0 and x.grad[1].item() == 2
    assert [0.0, float("inf")] == stopped.grad.tolist()
