"""What differs, in units in the last place."""

import pytest

from frankentorch import checkpoint, ops


def only(first, second):
    (row,) = checkpoint.diff({"w": first}, {"w": second})
    return row


@pytest.mark.parametrize("dtype, step", [("float16", 2.0 ** -10), ("bfloat16", 2.0 ** -7), ("float32", 2.0 ** -23), ("float64", 2.0 ** -52)])
def test_three_ulp_at_one(dtype, step):
    dtype = getattr(ops, dtype)
    row = only(ops.ones(4, dtype=dtype), ops.tensor([1.0, 1 + 3 * step, 1.0, 1 + step], dtype=dtype))

    assert ("values", 2, 3, 3 * step) == (row.status, row.count, row.max_ulp, row.max_abs)


def test_zero_is_one_value_with_two_signs_and_distance_crosses_it():
    smallest = ops.tensor([1, 1 - 2 ** 31], dtype=ops.int64).to(ops.int32).view(ops.float32)  # the smallest denormal, and minus it

    assert (1, 0, 0.0) == only(ops.tensor([0.0]), ops.tensor([-0.0]))[4:]
    assert 2 == only(smallest[:1], smallest[1:]).max_ulp


def test_nan_against_a_number_has_no_distance():
    assert only(ops.tensor([float("nan"), 1.0]), ops.tensor([0.0, 1.0])).max_ulp is None
    assert 1 == only(ops.tensor([float("nan"), 1.0]), ops.tensor([float("nan"), 1 + 2.0 ** -23])).max_ulp


def test_integers_and_complex():
    assert (1, None, 5.0) == only(ops.tensor([1, 2]), ops.tensor([1, 7]))[4:]
    assert (1, 1, 2.0 ** -23) == only(ops.tensor([1 + 1j]), ops.tensor([1 + (1 + 2.0 ** -23) * 1j]))[4:]
    assert 1 == only(ops.tensor([True]), ops.tensor([False])).count


def test_other_statuses():
    first = {"a": 1, "b": ops.ones(2), "c": ops.ones(2), "d": 1, "e": 0.0, "f": [1, 2], "g": "x"}
    second = {"a": 1.0, "b": ops.ones(3), "c": ops.ones(2, dtype=ops.float64), "e": -0.0, "f": [1, 3, 4], "g": "x"}
    found = {row.name: row.status for row in checkpoint.diff(first, second)}

    assert {"a": "type", "b": "shape", "c": "dtype", "d": "only in first", "e": "values", "f/1": "values", "f/2": "only in second"} == found
    assert ["equal"] == [row.status for row in checkpoint.diff(first, second, equal=True) if row.name == "g"]
    assert [] == checkpoint.diff(first, first)
