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


@pytest.mark.parametrize("dtype", [ft.uint8, ft.bfloat16, ft.float32, ft.float64, ft.complex64], ids=str)
@pytest.mark.parametrize("sizes", [(70, 130), (17, 100), (130, 70), (3, 16, 97), (33, 2, 65)])
def test_elements_of_turned_operands_meet_those_of_plain_ones(dtype, sizes):
    ft.manual_seed(0)
    x = ft.randint(0, 100, sizes[::-1]).to(dtype).permute(*range(len(sizes))[::-1])
    y = ft.randint(0, 100, sizes).to(ft.float32 if dtype == ft.uint8 else dtype)
    expected = (x.contiguous() + y).tolist()
    total = y.clone()
    total += x

    assert (y + x).tolist() == (x + y).tolist() == total.tolist() == expected
    assert ft.where(x == y, x, y).tolist() == y.tolist()
