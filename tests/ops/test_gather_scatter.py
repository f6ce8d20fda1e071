"""Reading and writing along a dim and by mask, against values worked by hand."""
import math

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


COMBINED = {"sum": ft.add, "prod": ft.mul, "amax": ft.maximum, "amin": ft.minimum}


def numbers(dtype, *shape):
    """Of few bits and of many, with zeros of both signs, infinities and, in every third row, a NaN."""
    x = ft.randint(1, 100, shape) if not dtype.is_floating_point else ft.randn(shape) * 2.0 ** ft.randint(-9, 9, shape)
    x = x.to(dtype)
    if dtype.is_floating_point:
        for at, special in ((3, -0.0), (5, 0.0), (7, math.inf)):
            x[..., at % shape[-1]] = special
        x[::3, -1] = math.nan
    return x


def equal(x, y):
    return ft.equal(x.isnan(), y.isnan()) and ft.equal(ft.where(x.isnan(), ft.zeros_like(x), x), ft.where(y.isnan(), ft.zeros_like(y), y))


@pytest.mark.parametrize("reduce", COMBINED)
@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16, ft.float32, ft.float64, ft.uint8, ft.int8, ft.int16, ft.int32, ft.int64])
@pytest.mark.parametrize("width", [3, 40, 333])
def test_rows_and_places_take_what_is_added_one_by_one(width, dtype, reduce):
    """Each contribution is rounded to the dtype before the next comes."""
    ft.manual_seed(width)
    start, source, index = numbers(dtype, 6, width), numbers(dtype, 50, width), ft.randint(0, 6, (50,))
    expected = start.clone()
    for i, row in zip(index.tolist(), source):
        expected[i] = COMBINED[reduce](expected[i], row)

    for out in (start.index_add(0, index, source), start.index_put((index,), source, accumulate=True), start.t().index_add(1, index, source.t()).t(),
                start.t().contiguous().index_add(1, index, source.t().contiguous()).t(),
                start.t().contiguous().scatter_add(1, index.expand(width, 50).contiguous(), source.t().contiguous()).t()) if reduce == "sum" else ():
        assert equal(expected, out)
    assert equal(expected, start.scatter_reduce(0, index[:, None].expand(50, width), source, reduce))
    assert equal(expected, start.t().contiguous().scatter_reduce(1, index.expand(width, 50).contiguous(), source.t().contiguous(), reduce).t())


def test_what_no_index_names_keeps_its_bits():
    """A NaN among halves is not made the quiet one."""
    for dtype in (ft.float16, ft.bfloat16):
        start = ft.tensor([[0x7fff, 0x3c00, -1, 0x0001] * 10], dtype=ft.int16).view(dtype)
        index = ft.tensor([[1, 5] * 15])

        out = start.scatter_add(1, index, ft.zeros(1, 30, dtype=dtype))
        assert start.view(ft.int16).tolist() == out.view(ft.int16).tolist()


@pytest.mark.parametrize("special", [{}, {700: math.inf}, {3: -math.inf, 600: math.inf}, {1500: math.nan, 1600: 1.0}, {i: 3e4 for i in range(1700)}])
@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16])
def test_long_sums_of_halves(dtype, special):
    """Overflow, infinities and NaN that come late."""
    ft.manual_seed(4)
    source, index = ft.randn(1, 1700).to(dtype), ft.randint(0, 6, (1, 1700))
    for i, value in special.items():
        source[0, i] = value
    expected = ft.ones(6, dtype=dtype)
    for place, value in zip(index[0].tolist(), source[0]):
        expected[place] = expected[place] + value

    assert equal(expected, ft.ones(1, 6, dtype=dtype).scatter_add(1, index, source)[0])


@pytest.mark.parametrize("dtype", [ft.bool, ft.int8, ft.float16, ft.bfloat16, ft.float32, ft.float64])
def test_places_of_short_rows_are_checked_as_they_are_read(dtype):
    x = ft.arange(40).view(2, 20).remainder(2).to(dtype)
    index = ft.arange(19, -1, -1).expand(2, 20).contiguous()

    assert ft.equal(x.flip(1), x.gather(1, index))
    for bad in (-1, 20, -20, 2**62, -2**63):
        index[1, 19] = bad
        with pytest.raises(RuntimeError, match=f"index {bad} is out of bounds for dimension 1 with size 20"):
            x.gather(1, index)


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
