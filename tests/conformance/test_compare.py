"""Rules of comparison, by numbers worked out by hand. Needs NumPy only."""
import struct

import pytest

from conformance.carrier import Sequence
from conformance.compare import Comparison, Seen, brief, same_exception, ulp_distance

numpy = pytest.importorskip("numpy")


def seen(*values, dtype="float32", sizes=None, strides=None, **changes):
    raw = numpy.array(values, dtype).tobytes()
    fields = {"requires_grad": False, "alias": None, **changes}
    return Seen(dtype, sizes or (len(values),), strides or (1,), raw=raw, **fields)


def checks(expected, actual, **options):
    return [check for check, _ in Comparison(**options).trees(expected, actual)]


def test_next_float_is_one_ulp_away_on_both_sides_of_zero():
    one, next_one = struct.pack("<f", 1.0), struct.pack("<I", 0x3F800001)
    low, high = struct.pack("<I", 0x80000001), struct.pack("<I", 0x00000001)   # -denormal, +denormal

    assert ulp_distance(one, next_one, "float32").tolist() == [1.0]
    assert ulp_distance(low, high, "float32").tolist() == [2.0]


def test_bfloat16_distance_counts_its_own_last_place():
    assert ulp_distance(b"\x80\x3f", b"\x82\x3f", "bfloat16").tolist() == [2.0]


def test_exact_comparison_refuses_one_ulp():
    assert checks(seen(1.0), seen(1.0000001192092896), exact=True) == ["value"]
    assert checks(seen(1.0), seen(1.0000001192092896)) == []


def test_nan_agrees_with_any_nan():
    other = Seen("float32", (1,), (1,), False, None, struct.pack("<I", 0xFFC00001))

    assert checks(seen(float("nan")), other, exact=True) == []


def test_infinity_is_not_near_anything():
    assert checks(seen(float("inf")), seen(3.4e38)) == ["value"]
    assert checks(seen(float("inf")), seen(float("-inf"))) == ["value"]


def test_a_known_difference_passes_and_is_counted():
    comparison = Comparison(known=lambda ours, theirs: abs(ours - theirs) < 1e-3)
    comparison.trees(seen(1.0, 2.0), seen(1.0005, 2.0))
    assert (comparison.differences, comparison.known_used) == ([], 1)

    comparison.trees(seen(1.0, 2.0), seen(1.0005, 3.0))
    assert [check for check, _ in comparison.differences] == ["value"]


def test_negative_zero_differs_where_bits_count():
    assert checks(seen(0.0), seen(-0.0), exact=True) == ["value"]
    assert checks(seen(0.0), seen(-0.0)) == []


def test_integers_always_bitwise():
    assert checks(seen(1000000, dtype="int64"), seen(1000001, dtype="int64")) == ["value"]


def test_strides_of_single_elements_do_not_count():
    one = seen(1, 2, sizes=(1, 2), strides=(2, 1))
    other = seen(1, 2, sizes=(1, 2), strides=(77, 1))
    transposed = seen(1, 2, 3, 4, sizes=(2, 2), strides=(1, 2))

    assert checks(one, other) == []
    assert checks(seen(1, 2, 3, 4, sizes=(2, 2), strides=(2, 1)), transposed) == ["strides"]


@pytest.mark.parametrize("field, value", [("requires_grad", True), ("alias", (0, 4))])
def test_other_observations_are_compared(field, value):
    assert checks(seen(1), seen(1, **{field: value})) == [field]


def test_kind_and_length_of_sequences():
    pair = Sequence("tuple", [seen(1), seen(2)])

    assert checks(pair, Sequence("list", [seen(1), seen(2)])) == ["structure"]
    assert checks(pair, Sequence("tuple", [seen(1)])) == ["structure"]
    assert checks(pair, Sequence("tuple", [seen(1), seen(3)])) == ["value"]


def test_python_numbers_differ_by_type():
    assert checks(1, 1.0) == ["structure"]
    assert checks(True, 1) == ["structure"]
    assert checks(float("nan"), float("nan")) == []


def arbitrated(oracle, ours, true, **fields):
    return checks(seen(*oracle, **fields), seen(*ours, **fields), truth=lambda: [numpy.array(true)])


def test_truth_excuses_an_error_like_the_oracles_own():
    assert arbitrated([1.001], [1.0001], [1.0]) == []
    assert arbitrated([1.001], [0.998], [1.0]) == []
    assert arbitrated([1.001], [1.01], [1.0]) == ["value"]


def test_truth_excuses_a_few_last_places_where_the_oracle_is_exact():
    """Halves at 1 are 2^-10 apart; the tolerance alone covers 2 places, the truth 4."""
    one, ulp = 1.0, 2.0 ** -10

    assert checks(seen(one, dtype="float16"), seen(one + 4 * ulp, dtype="float16")) == ["value"]
    assert arbitrated([one], [one + 4 * ulp], [one], dtype="float16") == []
    assert arbitrated([one], [one + 5 * ulp], [one], dtype="float16") == ["value"]


def test_truth_convicts_one_wrong_element_among_right_ones():
    """The other elements' errors are those of the oracle; one planted value is a thousandth off."""
    assert arbitrated([10.0, 3.0, 5.0001], [10.0, 3.003, 5.0001], [10.0, 3.0, 5.0]) == ["value"]
    assert arbitrated([10.0, 3.0, 5.0001], [10.0, 3.0002, 5.0001], [10.0, 3.0, 5.0]) == []


def test_truth_excuses_no_infinity_and_no_nan():
    assert arbitrated([1.001], [float("nan")], [1.0]) == ["value"]
    assert arbitrated([float("inf"), 1.0], [3e38, 1.0], [4e38, 1.0]) == ["value"]


def test_truth_of_another_shape_decides_nothing():
    assert arbitrated([1.001], [1.0001], [1.0, 1.0]) == ["value"]


def test_not_implemented_does_not_pass_for_runtime_error():
    assert not same_exception(RuntimeError("size"), NotImplementedError("not yet"))
    assert same_exception(RuntimeError("a"), RuntimeError("b"))


def test_library_exceptions_agree_by_builtin_base_and_name():
    def made(name):
        return type(name, (RuntimeError,), {"__module__": "lib"})("text")

    assert same_exception(made("LinAlgError"), made("LinAlgError"))
    assert not same_exception(made("LinAlgError"), RuntimeError("text"))


def test_brief_is_one_line():
    assert brief(ValueError("first\nsecond")) == "ValueError: first"
