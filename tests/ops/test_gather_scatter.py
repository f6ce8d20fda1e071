"""Reading and writing along a dim and by mask, against values worked by hand."""
import pytest

import frankentorch as ft


def test_gather_and_its_gradient():
    t = ft.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    out = t.gather(1, ft.tensor([[0, 0], [1, 0]]))
    assert out.tolist() == [[1.0, 1.0], [4.0, 3.0]]
    out.sum().backward()
    assert t.grad.tolist() == [[2.0, 0.0], [1.0, 1.0]]


def test_scatter_forms():
    zeros, index = ft.zeros(3), ft.tensor([0, 2, 0])
    assert zeros.scatter(0, index, 1.0).tolist() == [1.0, 0.0, 1.0]
    assert zeros.scatter(0, index, ft.tensor([1.0, 2.0, 3.0])).tolist() == [3.0, 0.0, 2.0]
    assert zeros.scatter_add(0, index, ft.tensor([1.0, 2.0, 3.0])).tolist() == [4.0, 0.0, 2.0]
    assert zeros.tolist() == [0.0, 0.0, 0.0]
    assert zeros.scatter_(0, index, 5.0) is zeros and zeros.tolist() == [5.0, 0.0, 5.0]


@pytest.mark.parametrize("reduce, included, alone", [("sum", [14, 10, 12], [4, 10, 2]), ("prod", [30, 10, 20], [3, 10, 2]), ("amax", [10, 10, 10], [3, 10, 2]),
                                                     ("amin", [1, 10, 2], [1, 10, 2]), ("mean", [4, 10, 6], [2, 10, 2])])
def test_scatter_reduce(reduce, included, alone):
    base, index, source = ft.full((3,), 10), ft.tensor([0, 2, 0]), ft.tensor([1, 2, 3])
    assert base.scatter_reduce(0, index, source, reduce).tolist() == included
    assert base.scatter_reduce(0, index, source, reduce, include_self=False).tolist() == alone


def test_slices_by_index():
    t = ft.tensor([[1, 2], [3, 4], [5, 6]])
    assert t.index_select(0, ft.tensor([2, 0])).tolist() == [[5, 6], [1, 2]]
    assert t.index_add(0, ft.tensor([0, 0]), ft.tensor([[1, 1], [2, 2]])).tolist() == [[4, 5], [3, 4], [5, 6]]
    assert t.index_copy(1, ft.tensor([0]), ft.tensor([[7], [8], [9]])).tolist() == [[7, 2], [8, 4], [9, 6]]
    assert t.index_fill(0, ft.tensor([-1]), 0).tolist() == [[1, 2], [3, 4], [0, 0]]


def test_bounds():
    t = ft.ones(2, 2)
    with pytest.raises(RuntimeError, match="index 2 is out of bounds for dimension 0 with size 2"):
        t.gather(0, ft.tensor([[2, 0]]))
    with pytest.raises(IndexError, match="index out of range in self"):
        t.index_select(0, ft.tensor([2]))
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        t.gather(0, ft.tensor([0]))


def test_masks():
    t, mask = ft.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), ft.tensor([[True, False], [False, True]])
    assert t.masked_select(mask).tolist() == [1.0, 4.0]
    assert t.masked_fill(mask, -1.0).tolist() == [[-1.0, 2.0], [3.0, -1.0]]
    assert t.masked_scatter(mask, ft.tensor([8.0, 9.0])).tolist() == [[8.0, 2.0], [3.0, 9.0]]
    t.masked_fill(mask, 0.0).sum().backward()
    assert t.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(RuntimeError, match="boolean masks"):
        t.masked_fill(ft.tensor([1, 0]), 0.0)


def test_nonzero():
    t = ft.tensor([[0, 1], [2, 0]])
    assert t.nonzero().tolist() == [[0, 1], [1, 0]]
    rows, columns = t.nonzero(as_tuple=True)
    assert rows.tolist() == [0, 1] and columns.tolist() == [1, 0]


def test_triangles_diagonals_and_repeats():
    assert ft.tril_indices(2, 2).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert ft.diag(ft.tensor([1, 2])).tolist() == [[1, 0], [0, 2]]
    assert ft.trace(ft.tensor([[1, 2], [3, 4]])).item() == 5
    assert ft.repeat_interleave(ft.tensor([5, 6]), ft.tensor([1, 2])).tolist() == [5, 6, 6]
    assert ft.nn.functional.one_hot(ft.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
