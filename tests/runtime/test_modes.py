"""Each gate in both modes; the page says what the registry says."""

from pathlib import Path

import pytest

import frankentorch as ft
from frankentorch.runtime import get_mode, modes, set_mode
from tests.processes import run_python

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=["strict", "hardened"])
def mode(request):
    with set_mode(request.param):
        yield request.param
    assert get_mode() == "strict"


def test_a_write_through_an_alias_into_a_saved_tensor(mode):
    x = ft.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    loss = (y * y).sum()
    y.detach().numpy()[0] = 100.0
    if mode == "hardened":
        with pytest.raises(RuntimeError, match="modified"):
            loss.backward()
        assert x.grad is None
    else:
        loss.backward()
        assert x.grad[0].item() == 2 * 100.0 * 100.0


def test_a_saved_leaf_written_by_numpy(mode):
    x, w = ft.ones(3), ft.ones(3, requires_grad=True)
    loss = (x * w).sum()
    x.numpy()[1] = 7
    if mode == "hardened":
        with pytest.raises(RuntimeError, match="alias"):
            loss.backward()
    else:
        loss.backward()
        assert w.grad.tolist() == [1, 7, 1]


def test_views_that_overlap(mode):
    x = ft.arange(6.0)
    if mode == "hardened":
        with pytest.raises(RuntimeError, match="overlapping"):
            x.as_strided((3, 3), (1, 1))
    else:
        assert x.as_strided((3, 3), (1, 1))[2].tolist() == [2, 3, 4]
    assert x.as_strided((3, 2), (2, 1)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert x.as_strided((2, 3), (1, 2)).tolist() == [[0, 2, 4], [1, 3, 5]]
    assert x[:1].expand(3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("choice", ["accept", "refuse"])
@pytest.mark.parametrize("mode", ["strict", "hardened"])
def test_gradients_that_are_not_finite(mode, choice):
    x = ft.zeros(2, requires_grad=True)
    with set_mode(mode, nonfinite_gradients=choice):
        if (mode, choice) == ("hardened", "refuse"):
            with pytest.raises(RuntimeError, match="not finite"):
                x.log().sum().backward()
            assert x.grad is None
        else:
            x.log().sum().backward()
            assert x.grad.tolist() == [float("inf")] * 2


def test_valid_programs_give_the_same_bits(mode):
    ft.manual_seed(0)
    model = ft.nn.Sequential(ft.nn.Linear(4, 8), ft.nn.Tanh(), ft.nn.Linear(8, 2))
    updater = ft.optim.Adam(model.parameters())
    for _ in range(3):
        updater.zero_grad()
        model(ft.ones(3, 4)).softmax(1).pow(2).sum().backward()
        updater.step()
    test_valid_programs_give_the_same_bits.seen.setdefault("first", [p.tolist() for p in model.parameters()])

    assert [p.tolist() for p in model.parameters()] == test_valid_programs_give_the_same_bits.seen["first"]


test_valid_programs_give_the_same_bits.seen = {}


def test_the_switch_is_at_once_and_can_be_undone():
    switch = set_mode("hardened")
    inside = get_mode()
    switch.__exit__(None, None, None)

    assert (inside, get_mode()) == ("hardened", "strict")
    with pytest.raises(ValueError, match="strict, hardened"):
        set_mode("lenient")


def test_the_environment_sets_the_first_mode():
    program = "import frankentorch as ft; from frankentorch.runtime import get_mode; print(get_mode())\ntry: ft.ones(4).as_strided((2, 2), (1, 1))\nexcept RuntimeError: print('refused')"

    assert run_python(program, FRANKENTORCH_MODE="hardened").stdout.split() == ["hardened", "refused"]
    assert run_python(program).stdout.split() == ["strict"]


def test_the_page_is_printed_from_the_registry():
    assert (ROOT / "docs" / "modes.md").read_text() == modes.page()
