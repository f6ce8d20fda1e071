"""How cost grows: the lines through made-up times, and one short training in a process of its own."""
import sys

import pytest

from bench import growth


def test_slope_and_exponent_worked_out_by_hand():
    """Through (1, 3), (2, 5), (3, 7): 2 for each unit. 5 n^1.5 has the exponent 1.5."""
    assert growth.line([1, 2, 3], [3, 5, 7]) == pytest.approx(2.0)
    assert growth.marginal([1, 2, 3], [3, 5, 7]) == pytest.approx(2.0)
    assert growth.exponent([1, 4, 16], [5.0, 40.0, 320.0]) == pytest.approx(1.5)


def test_large_times_do_not_hide_the_others():
    """Ten per cent more at the largest size moves the slope by less than ten per cent."""
    exact = growth.marginal([1, 10, 100], [1.0, 10.0, 100.0])

    assert exact == pytest.approx(1.0)
    assert 1.0 < growth.marginal([1, 10, 100], [1.0, 10.0, 110.0]) < 1.1


def test_a_case_for_each_op_of_the_goal():
    assert {"GEMM", "add", "sum", "sort", "training step"} == set(growth.SLOPES)
    assert all(len(sizes) >= 5 and sizes[-1] >= 6 * sizes[0] for _, sizes, _ in growth.SLOPES.values())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_training_in_a_process_of_its_own():
    found = growth.train("MLP", "frankentorch", 150, 60.0)

    assert 150 == found["steps"]
    assert 784 * 256 * 4 * 3 < found["peak"] < 64 << 20, "weights, gradients and both moments at least"
    assert found["growth"] < 8 << 20
