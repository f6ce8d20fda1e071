"""The layout tests' own instrument: every layout holds the values of the tensor it was made from."""
import pytest

from conformance import layouts
from conformance.carrier import StorageSpec, TensorSpec, row_major
from tests.ops import cases


def spec(sizes, dtype="int16"):
    count = TensorSpec(dtype, sizes, (), 0, None).numel
    raw = b"".join(k.to_bytes(2, "little") for k in range(count))
    return TensorSpec(dtype, sizes, row_major(sizes), 0, StorageSpec(raw))


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (4,), (2, 3), (3, 0, 2), (2, 3, 4)])
@pytest.mark.parametrize("name", sorted(cases.LAYOUTS))
def test_layout_keeps_the_values(name, sizes):
    original = spec(sizes)

    assert layouts.elements(cases.LAYOUTS[name](original) or original) == layouts.elements(original)


def test_layouts_differ_from_contiguous():
    original = spec((2, 3))

    assert layouts.transposed(original).strides == (1, 2)
    assert layouts.stepped(original).strides == (6, 2)
    assert layouts.offset(original).offset == 3
    assert layouts.padded_rows(original).strides == (6, 1)


def test_expanded_pair_has_equal_values():
    expanded, full = cases.first_rows_expanded(spec((3, 2)))

    assert expanded.strides == (0, 1)
    assert layouts.elements(expanded) == layouts.elements(full)
    assert [int.from_bytes(item, "little") for item in layouts.elements(full)] == [0, 1, 0, 1, 0, 1]
