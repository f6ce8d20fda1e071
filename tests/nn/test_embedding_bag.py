"""Bags of embedding rows by hand: what is in a bag, what is left out, and who gets which gradient."""
import pytest

import frankentorch as ft
from frankentorch.nn.functional import embedding_bag

TABLE = [[1.0, -2.0], [3.0, 5.0], [-7.0, 0.5], [2.0, 2.0]]
INDEX = [0, 1, 3, 3, 2]
STARTS = [0, 2, 2]                       # bags {0, 1}, {}, {3, 3, 2}


def called(mode, **options):
    table = ft.tensor(TABLE, requires_grad=True)
    out = embedding_bag(ft.tensor(INDEX), table, ft.tensor(STARTS), mode=mode, **options)
    return table, out


@pytest.mark.parametrize(("mode", "expected"), [
    ("sum", [[4.0, 3.0], [0.0, 0.0], [-3.0, 4.5]]),
    ("mean", [[2.0, 1.5], [0.0, 0.0], [-1.0, 1.5]]),
    ("max", [[3.0, 5.0], [0.0, 0.0], [2.0, 2.0]]),
])
def test_bags(mode, expected):
    assert called(mode)[1].tolist() == expected


@pytest.mark.parametrize(("mode", "expected"), [
    ("sum", [[1.0, 1.0], [1.0, 1.0], [4.0, 4.0], [8.0, 8.0]]),
    ("mean", [[0.5, 0.5], [0.5, 0.5], [4 / 3, 4 / 3], [8 / 3, 8 / 3]]),
    ("max", [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [4.0, 4.0]]),
])
def test_gradients_of_bags(mode, expected):
    table, out = called(mode)
    out.backward(ft.tensor([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]))

    assert [pytest.approx(row, rel=1e-6) for row in expected] == table.grad.tolist()


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.float16, ft.bfloat16])
@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_wide_rows_have_the_bits_of_each_column_alone(mode, dtype):
    ft.manual_seed(0)
    table, index, starts = ft.randn(20, 333).to(dtype), ft.randint(0, 20, (60,)), ft.tensor([0, 0, 1, 8, 33])
    weights = ft.randn(60).to(dtype) if mode == "sum" else None

    def bags(rows):
        return embedding_bag(index, rows, starts, mode=mode, padding_idx=3, per_sample_weights=weights)
    columns = [bags(table[:, k:k + 1].contiguous()) for k in range(333)]

    assert ft.equal(ft.cat(columns, 1), bags(table))


def test_padding_is_in_no_bag():
    table, out = called("mean", padding_idx=3)
    out.sum().backward()

    assert out.tolist() == [[2.0, 1.5], [0.0, 0.0], [-7.0, 0.5]]
    assert table.grad.tolist() == [[0.5, 0.5], [0.5, 0.5], [1.0, 1.0], [0.0, 0.0]]


def test_weights_of_the_rows_and_their_gradient():
    weights = ft.tensor([1.0, 2.0, 0.5, 1.5, -1.0], requires_grad=True)
    table, out = called("sum", per_sample_weights=weights)
    out.backward(ft.tensor([[1.0, 1.0], [2.0, 2.0], [1.0, 0.0]]))

    assert out.tolist() == [[7.0, 8.0], [0.0, 0.0], [11.0, 3.5]]
    assert weights.grad.tolist() == [-1.0, 8.0, 2.0, 2.0, -7.0]
    assert table.grad.tolist() == [[1.0, 1.0], [2.0, 2.0], [-1.0, 0.0], [2.0, 0.0]]


def test_indices_after_the_last_bag_count_for_nothing():
    table = ft.tensor(TABLE, requires_grad=True)
    weights = ft.ones(5, requires_grad=True)
    out = embedding_bag(ft.tensor(INDEX), table, ft.tensor([0, 2]), mode="sum", include_last_offset=True, per_sample_weights=weights)
    out.sum().backward()

    assert out.tolist() == [[4.0, 3.0]]
    assert table.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    assert weights.grad.tolist() == [-1.0, 8.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("mode", "expected"), [("sum", [4.0, 4.0, 6.0, 12.0]), ("mean", [1.0, 1.0, 2 / 3, 4 / 3])])
def test_second_derivatives(mode, expected):
    """With out = A table, the gradient of the sum of squares is 2 A'A table; that of its sum is 2 A'A 1 in each column."""
    table, out = called(mode)
    (first,) = ft.autograd.grad((out * out).sum(), table, create_graph=True)
    first.sum().backward()

    assert [pytest.approx([value, value], rel=1e-6) for value in expected] == table.grad.tolist()


@pytest.mark.parametrize("starts", [[1, 2], [0, 9], [0, 3, 2]])
def test_starts_are_checked(starts):
    with pytest.raises(RuntimeError, match="offsets"):
        embedding_bag(ft.tensor(INDEX), ft.tensor(TABLE), ft.tensor(starts), mode="sum")


def test_index_out_of_the_table():
    with pytest.raises(IndexError, match="out of range"):
        embedding_bag(ft.tensor([[0, 4]]), ft.tensor(TABLE))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_wide_bags_agree_with_rows_added_one_by_one(dtype):
    """Widths beyond a tile of columns; a chain from zero in float (or double), rounded once."""
    ft.manual_seed(0)
    table = ft.randn(11, 600).to(getattr(ft, dtype))
    index = ft.randint(0, 11, (3, 7))
    wide = table.to(ft.float64 if dtype == "float64" else ft.float32)
    expected = ft.zeros(3, 600, dtype=wide.dtype)
    for k in range(7):
        expected = expected + wide[index[:, k]]

    assert embedding_bag(index, table, mode="sum").tolist() == expected.to(table.dtype).tolist()
