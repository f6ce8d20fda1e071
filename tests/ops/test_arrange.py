"""Splits, mirrors, scatters and copies: values worked out by hand."""
import numpy as np
import pytest

import frankentorch as ft


def grid(rows, columns):
    return ft.arange(rows * columns).view(rows, columns)


def test_mirrors_and_quarter_turns():
    x = grid(2, 3)

    assert ft.fliplr(x).tolist() == [[2, 1, 0], [5, 4, 3]]
    assert ft.flipud(x).tolist() == [[3, 4, 5], [0, 1, 2]]
    assert ft.rot90(x).tolist() == [[2, 5], [1, 4], [0, 3]]
    assert x.rot90(-1).tolist() == ft.rot90(x, 3).tolist() == [[3, 0], [4, 1], [5, 2]]
    assert ft.rot90(x, 2).tolist() == [[5, 4, 3], [2, 1, 0]]
    with pytest.raises(RuntimeError, match="Rotation dim1|different"):
        ft.rot90(x, 1, (0, 0))


@pytest.mark.parametrize("shift", [0, 1, -1, 3, 7, -20, 2 ** 40])
@pytest.mark.parametrize("dtype", [ft.float32, ft.bool, ft.complex128, ft.float16])
def test_roll_of_any_layout(shift, dtype):
    x = (ft.arange(7 * 5 * 6) % 23).reshape(7, 5, 6)
    for layout in (x, x.transpose(0, 2), x.flip(1), x[:, 1:4, ::2]):
        for dim in range(-3, 3):
            expected = np.roll(layout.numpy(), shift % layout.shape[dim], dim)

            assert ft.equal(ft.from_numpy(expected).to(dtype), layout.to(dtype).roll(shift, dim))


def test_roll_of_examples_and_of_its_slope():
    x = ft.arange(24.0).reshape(4, 6)

    assert ft.equal(x.roll(2, 1), ft.func.vmap(lambda row: row.roll(2, 0))(x))
    assert ft.equal(x.t().roll(2, 0), ft.func.vmap(lambda column: column.roll(2, 0), in_dims=1, out_dims=1)(x.t()))
    tangent = ft.func.jvp(lambda y: (y * y).roll(1, 0), (x,), (ft.ones_like(x),))[1]
    assert ft.equal((2 * x).roll(1, 0), tangent)


def test_splits():
    x = grid(4, 4)

    assert [p.tolist() for p in ft.vsplit(x, 2)] == [x[:2].tolist(), x[2:].tolist()]
    assert [p.shape[1] for p in x.hsplit([1, 3])] == [1, 2, 1]
    assert [p.shape for p in ft.dsplit(ft.zeros(1, 2, 4), 2)] == [(1, 2, 2)] * 2
    with pytest.raises(RuntimeError, match="not divisible"):
        ft.hsplit(x, 3)


def test_columns_choices_powers_and_places():
    assert ft.column_stack((ft.tensor([1, 2]), ft.tensor([[3], [4]]))).tolist() == [[1, 3], [2, 4]]
    assert ft.combinations(ft.tensor([5, 6, 7])).tolist() == [[5, 6], [5, 7], [6, 7]]
    assert ft.combinations(ft.tensor([5, 6]), 2, True).tolist() == [[5, 5], [5, 6], [6, 6]]
    assert ft.vander(ft.tensor([2, 3]), 3).tolist() == [[4, 2, 1], [9, 3, 1]]
    assert ft.vander(ft.tensor([2, 3]), 3, increasing=True).tolist() == [[1, 2, 4], [1, 3, 9]]
    assert [p.tolist() for p in ft.unravel_index(ft.tensor([0, 5, 11]), (3, 4))] == [[0, 1, 2], [0, 1, 3]]


def test_fill_diagonal_starts_again_when_wrapped():
    x = ft.zeros(5, 2)
    assert x.fill_diagonal_(1, wrap=True) is x
    assert x.tolist() == [[1, 0], [0, 1], [0, 0], [1, 0], [0, 1]]
    assert ft.zeros(5, 2).fill_diagonal_(1).tolist() == [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0]]


def test_scatter_through_strides_leaves_the_source_alone():
    x = ft.zeros(2, 2)
    out = ft.as_strided_scatter(x, ft.ones(2), (2,), (3,))

    assert out.tolist() == [[1, 0], [0, 1]] and x.sum() == 0


@pytest.mark.parametrize("name, args", [("permute", ((1, 0),)), ("select", (0, 1)), ("t", ()), ("unfold", (1, 2, 1)), ("diagonal", ()), ("expand", ((2, 3),))])
def test_a_copy_shows_what_the_view_shows_and_shares_nothing(name, args):
    x = ft.arange(6.0).view(2, 3).requires_grad_()
    copy = getattr(ft, name + "_copy")(x, *args)
    view = getattr(x, name)(*args)

    assert copy.tolist() == view.tolist() and copy.is_contiguous() and not copy._is_view()
    assert copy.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    copy.sum().backward()
    got, x.grad = x.grad, None
    view.sum().backward()
    assert got.tolist() == x.grad.tolist()


def test_nonzero_static_fills_up():
    assert ft.nonzero_static(ft.tensor([0, 3, 4]), size=3).tolist() == [[1], [2], [-1]]
    assert ft.nonzero_static(ft.tensor([0, 3, 4]), size=1).tolist() == [[1]]
