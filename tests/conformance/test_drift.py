"""What the oracle leaves open is accepted exactly when it is a valid answer; each known difference still shows."""
import json

import pytest

from conformance import drift, ties
from conformance.carrier import Packer, Sequence
from conformance.compare import Seen, decode, observe

numpy = pytest.importorskip("numpy")


@pytest.fixture
def oracle():
    from tests.oracle import require

    return require()


def aligned(oracle, name, source, expected, actual, **kwargs):
    """The index values that the harness reads from `actual`, an index list."""
    packed = Sequence("tuple", [Packer(oracle).pack(oracle.tensor(source))])
    trees = [observe(oracle, oracle.tensor(places)) for places in (expected, actual)]
    found = ties.Ties(name, oracle).align(*trees, packed, kwargs)
    return decode(found.raw, found.dtype).tolist()


def test_equal_values_may_come_in_any_order(oracle):
    assert aligned(oracle, "argsort", [5, 5, 3], [2, 1, 0], [2, 0, 1]) == [2, 1, 0]


@pytest.mark.parametrize("wrong", [[0, 2, 1], [2, 0, 0], [2, 0, 3], [2, 0, -1]])
def test_wrong_value_repeated_or_foreign_place_is_no_valid_order(oracle, wrong):
    assert aligned(oracle, "argsort", [5, 5, 3], [2, 1, 0], wrong) == wrong


def test_stable_leaves_no_choice(oracle):
    assert aligned(oracle, "argsort", [5, 5, 3], [2, 1, 0], [2, 0, 1], stable=True) == [2, 0, 1]


def test_nan_equals_nan(oracle):
    nan = float("nan")

    assert aligned(oracle, "argsort", [nan, 1.0, nan], [1, 2, 0], [1, 0, 2]) == [1, 2, 0]


def test_gradient_is_expected_at_our_places(oracle):
    judge = ties.Ties("kthvalue", oracle)
    packed = Sequence("tuple", [Packer(oracle).pack(oracle.tensor([7.0, 7.0, 1.0])), 2])
    trees = [Sequence("tuple", [observe(oracle, oracle.tensor(7.0)), observe(oracle, oracle.tensor(place))]) for place in (1, 0)]
    judge.align(*trees, packed, {})

    moved = judge.expected_gradient(observe(oracle, oracle.tensor([0.0, 2.0, 0.0])))

    assert decode(moved.raw, "float32").tolist() == [2.0, 0.0, 0.0]


def test_other_ops_have_no_freedom(oracle):
    assert aligned(oracle, "argmax", [5, 5, 3], [0, 0, 0], [1, 1, 1]) == [1, 1, 1]


def test_bfloat16_encodes_back():
    raw = b"\x80\x3f\x82\xbf"

    assert ties.encode(decode(raw, "bfloat16"), "bfloat16") == raw


def test_ledger_names_case_reason_and_evidence():
    records = json.loads(drift.PATH.read_text())["records"]

    assert [record["name"] for record in records] == [record["name"] for record in drift.RECORDS]
    for record in records:
        assert record["reason"] and record["case"] and record["evidence"]["oracle"] != record["evidence"]["ours"]


def test_our_answers_are_those_of_the_ledger():
    import frankentorch

    for record in json.loads(drift.PATH.read_text())["records"]:
        assert drift.evaluate(frankentorch, record["case"]) == record["evidence"]["ours"]


def test_each_case_still_differs(oracle):
    import frankentorch

    for record in drift.RECORDS:
        drift.examine(record, oracle, frankentorch)


def test_a_record_without_a_difference_is_refused(oracle):
    stale = {**drift.RECORDS[0], "case": "lib.sort(lib.tensor([3, 1, 2]))"}

    with pytest.raises(ValueError, match="no longer differs"):
        drift.examine(stale, oracle, oracle)


def test_parity_names_only_known_records():
    from conformance import report

    known = {record["name"] for record in drift.RECORDS}
    for entry in report.load()["entries"].values():
        assert set(entry.get("drift", ())) <= known


def test_seen_without_indices_is_left_alone(oracle):
    seen = Seen("float32", (1,), (1,), False, None, b"\0\0\0\0")

    assert ties.Ties("sort", oracle).align(seen, seen, Sequence("tuple", [1]), {}) is seen
