"""The layout tests' own instrument: every layout holds the values of the tensor it was made from."""
import pytest

import frankentorch as ft
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


@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("sizes", [(16, 65), (17, 130), (100, 129), (300, 70)])
def test_transposed_operands_beside_dense_ones(sizes, dtype):
    """They are turned tile by tile where there are rows and columns enough."""
    code = getattr(ft, dtype)
    x, y = (((ft.arange(2 * sizes[0] * sizes[1]) * 7) % 11).to(code).reshape(2, *sizes) for _ in range(2))
    columns = y.transpose(1, 2).contiguous().transpose(1, 2)
    threads = ft.get_num_threads()
    try:
        for count in (1, 3):
            ft.set_num_threads(count)
            for a, b in ((x, columns), (columns, x), (x[1], columns[1]), (x[:, :, 1:], columns[:, :, 1:]), (x[0].flip(1), columns[1])):
                dense = b.contiguous()

                assert ft.equal(a.contiguous() + dense, a + b) and ft.equal(ft.where(dense != 0, dense, a.contiguous()), ft.where(b != 0, b, a))
            target = x.clone()
            assert ft.equal(x * y, target.mul_(columns))
    finally:
        ft.set_num_threads(threads)
