"""PyTorch's switches: they keep what they are told, and fill fresh memory."""

import pytest

import frankentorch as ft


@pytest.fixture(autouse=True)
def restored():
    yield
    ft.use_deterministic_algorithms(False)
    ft.utils.deterministic.fill_uninitialized_memory = True


def test_state_is_kept():
    assert not ft.are_deterministic_algorithms_enabled()
    ft.use_deterministic_algorithms(True, warn_only=True)

    assert ft.are_deterministic_algorithms_enabled()
    assert ft.is_deterministic_algorithms_warn_only_enabled()
    assert ft.get_deterministic_debug_mode() == 1


@pytest.mark.parametrize("given, number, enabled, warn_only", [("default", 0, False, False), ("warn", 1, True, True), ("error", 2, True, False), (2, 2, True, False)])
def test_debug_modes(given, number, enabled, warn_only):
    ft.set_deterministic_debug_mode(given)

    assert ft.get_deterministic_debug_mode() == number
    assert ft.are_deterministic_algorithms_enabled() == enabled
    assert ft.is_deterministic_algorithms_warn_only_enabled() == warn_only


def test_fresh_memory_is_filled():
    ft.use_deterministic_algorithms(True)

    assert ft.empty(5).isnan().all()
    assert ft.empty(3, dtype=ft.int16).tolist() == [32767] * 3
    assert ft.empty_like(ft.ones(2)).isnan().all()


def test_filling_can_be_switched_off():
    from frankentorch.utils import deterministic

    assert deterministic.fill_uninitialized_memory is True
    deterministic.fill_uninitialized_memory = False
    ft.use_deterministic_algorithms(True)

    assert deterministic.fill_uninitialized_memory is False
    with pytest.raises(RuntimeError, match="bool"):
        deterministic.fill_uninitialized_memory = 1


def test_wrong_words_are_refused():
    with pytest.raises(RuntimeError, match="debug_mode"):
        ft.set_deterministic_debug_mode("loud")
    with pytest.raises(RuntimeError, match="0, 1, or 2"):
        ft.set_deterministic_debug_mode(3)
    with pytest.raises(TypeError):
        ft.set_deterministic_debug_mode(None)
