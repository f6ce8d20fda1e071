"""Collation: stacking of tensors, numbers and nested structures."""

import collections

import pytest

import frankentorch as ft
from frankentorch.utils.data import default_collate, default_convert

Point = collections.namedtuple("Point", "x y")


def test_numbers_and_tensors_become_tensors():
    whole, real, flags = default_collate([1, 2]), default_collate([1.5, 2.5]), default_collate([True, False])
    assert (whole.dtype, whole.tolist()) == (ft.int64, [1, 2])
    assert (real.dtype, real.tolist()) == (ft.float64, [1.5, 2.5])
    assert (flags.dtype, flags.tolist()) == (ft.bool, [True, False])
    assert default_collate([ft.tensor([1, 2]), ft.tensor([3, 4])]).tolist() == [[1, 2], [3, 4]]


def test_structures_are_transposed():
    pairs = default_collate([(1, "a"), (2, "b")])
    assert pairs[0].tolist() == [1, 2]
    assert pairs[1] == ("a", "b")
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert (type(point), point.x.tolist(), point.y.tolist()) == (Point, [1, 3], [2, 4])
    batch = default_collate([{"a": {"b": [1]}}, {"a": {"b": [2]}}])
    assert batch["a"]["b"][0].tolist() == [1, 2]


def test_mapping_keeps_its_type():
    ordered = default_collate([collections.OrderedDict(a=1)] * 2)
    counted = default_collate([collections.defaultdict(int, a=1)] * 2)
    assert (type(ordered), type(counted)) == (collections.OrderedDict, collections.defaultdict)


def test_texts_stay():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a"]) == [b"a"]


@pytest.mark.parametrize("batch", [[None], [{1, 2}], [object()], [1 + 2j]])
def test_unknown_types_are_refused(batch):
    with pytest.raises(TypeError, match="must contain tensors"):
        default_collate(batch)


def test_ragged_sequences_are_refused():
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([(1, 2), (1,)])
    with pytest.raises(RuntimeError):
        default_collate([ft.ones(1), ft.ones(2)])


def test_numpy_values_become_tensors():
    np = pytest.importorskip("numpy")
    arrays = default_collate([np.arange(2, dtype=np.int16)] * 2)
    assert (arrays.dtype, arrays.tolist()) == (ft.int16, [[0, 1], [0, 1]])
    assert default_collate([np.float32(1.5), np.float32(2)]).dtype == ft.float32
    with pytest.raises(TypeError):
        default_collate([np.array(["a"])])
    converted = default_convert({"a": np.arange(2), "b": [1, np.float32(2)], "c": np.array(["x"]), "d": (1, "s")})
    assert converted["a"].tolist() == [0, 1]
    assert converted["b"][0] == 1
    assert converted["b"][1].item() == 2.0
    assert isinstance(converted["c"], np.ndarray)
    assert converted["d"] == [1, "s"]
