"""arange and linspace are their formulas, element by element, whatever the length: blocks leave no seam."""
import numpy as np
import pytest

ft = pytest.importorskip("frankentorch")

LENGTHS = [1, 2, 63, 64, 65, 127, 128, 129, 200, 1000]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_range_is_computed_in_double_and_rounded_once(n, dtype):
    expected = (-1.5 + np.arange(n) * 0.37).astype(dtype)

    assert np.array_equal(expected, ft.arange(-1.5, -1.5 + (n - 0.5) * 0.37, 0.37, dtype=getattr(ft, dtype)).numpy())


@pytest.mark.parametrize("n", LENGTHS[1:])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_line_counts_from_both_ends_in_its_own_type(n, dtype):
    number = np.dtype(dtype).type
    start, end = number(-3.7), number(12.25)
    step, half = (end - start) / number(n - 1), n // 2
    expected = np.concatenate([start + step * np.arange(half).astype(dtype), end - step * np.arange(n - half)[::-1].astype(dtype)])

    assert np.array_equal(expected, ft.linspace(float(start), float(end), n, dtype=getattr(ft, dtype)).numpy())
