"""Copies between layouts, joins and rows by index, against plain Python: sizes around the pieces the kernels move at once."""
import pytest

DTYPES = ("bool", "float16", "float32", "float64", "complex128")


def counted(ft, *sizes, dtype="float32"):
    count = 1
    for size in sizes:
        count *= size
    t = ft.arange(count).reshape(sizes)
    return (t % 2 == 0) if dtype == "bool" else (t % 2039).to(getattr(ft, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(1, 1), (3, 5), (63, 65), (64, 64), (130, 67), (2, 300), (300, 2), (16, 1024), (129, 65), (33, 16), (200, 17)])
def test_transposes(ft, sizes, dtype):
    t = counted(ft, *sizes, dtype=dtype)
    values = t.flatten().tolist()
    rows, columns = sizes

    assert t.t().contiguous().flatten().tolist() == [values[r * columns + c] for c in range(columns) for r in range(rows)]
    assert t.t().clone(memory_format=ft.contiguous_format).t().tolist() == t.tolist()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 257, 300])
@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "complex128"])
def test_short_rows_of_wider_ones(ft, width, dtype):
    t = counted(ft, 5, width + 3, dtype=dtype)
    expected = [row[2:2 + width] for row in t.tolist()]

    assert t[:, 2:2 + width].contiguous().tolist() == expected
    into = ft.zeros(5, width + 3, dtype=t.dtype)
    into[:, 1:1 + width].copy_(t[:, 2:2 + width])
    assert [row[1:1 + width] for row in into.tolist()] == expected
    assert not any(row[0] or row[-1] for row in into.tolist())


def test_steps_reversals_and_broadcasts(ft):
    t = counted(ft, 40, 90)
    values = t.tolist()

    assert t[::3, 1::2].contiguous().tolist() == [row[1::2] for row in values[::3]]
    assert t.flip(1).tolist() == [row[::-1] for row in values]
    assert t.flip(0, 1).tolist() == [row[::-1] for row in values[::-1]]
    assert t[:, 5:6].expand(40, 7).contiguous().tolist() == [[row[5]] * 7 for row in values]
    assert t[3].expand(6, 90).contiguous().tolist() == [values[3]] * 6
    assert t.reshape(4, 10, 9, 10).permute(2, 0, 3, 1).contiguous().flatten().tolist() == [
        values[a * 10 + b][c * 10 + d] for c in range(9) for a in range(4) for d in range(10) for b in range(10)]


@pytest.mark.parametrize("threads", [1, 3])
def test_large_copies_are_cut_among_threads(ft, threads):
    ft.set_num_threads(threads)
    t = ft.arange(700 * 611).reshape(700, 611)
    columns = t.t().contiguous()

    assert bool((columns[5] == ft.arange(700) * 611 + 5).all())
    assert bool((columns.t().contiguous() == t).all())
    assert bool((t.flip(0).flip(0) == t).all())
    assert bool((ft.cat([t, t], 1)[:, 611:] == t).all())
    assert bool((ft.cat([t, t])[700:] == t).all())
    assert bool((t.reshape(-1).contiguous()[::1] == t.flatten()).all())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_joins(ft, dim, dtype):
    a = counted(ft, 3, 4, 5, dtype=dtype)
    sizes = [3, 4, 5]
    sizes[dim] = 2
    b = counted(ft, *sizes, dtype=dtype)
    joined, stacked = ft.cat([a, b, a], dim), ft.stack([a, a, a], dim)
    parts = joined.split([a.shape[dim], 2, a.shape[dim]], dim)

    assert [a.tolist(), b.tolist(), a.tolist()] == [part.tolist() for part in parts]
    assert [a.tolist()] * 3 == [part.tolist() for part in stacked.unbind(dim)]
    assert joined.is_contiguous() and stacked.is_contiguous()


def test_joins_of_unlike_parts(ft):
    """Casts, views, empty tensors and scalars: the general path."""
    whole, view = ft.tensor([[1, 2], [3, 4]]), ft.tensor([[5.5, 6.5], [7.5, 8.5]]).t()

    assert ft.cat([whole, view]).tolist() == [[1, 2], [3, 4], [5.5, 7.5], [6.5, 8.5]]
    assert ft.stack([view, view], 2).tolist() == [[[5.5, 5.5], [7.5, 7.5]], [[6.5, 6.5], [8.5, 8.5]]]
    for dim in (0, 1, 2, -1):
        assert ft.stack([view.contiguous()] * 2, dim).tolist() == ft.stack([view, view.contiguous()], dim).tolist()
    chunks = ft.arange(24).reshape(2, 12).chunk(3, 1)
    assert ft.stack(chunks).is_contiguous() and [part.tolist() for part in ft.stack(chunks).unbind()] == [chunk.tolist() for chunk in chunks]
    assert ft.cat([ft.ones(0), ft.ones(2)]).tolist() == [1, 1]
    assert ft.cat([ft.ones(0, 3), ft.ones(2, 3)]).shape == (2, 3)
    assert ft.stack([ft.tensor(1), ft.tensor(2)]).tolist() == [1, 2]
    assert ft.cat([ft.ones(2, 2, device="meta")] * 2).shape == (4, 2)
    with pytest.raises(RuntimeError, match="zero-dimensional tensor"):
        ft.cat([ft.tensor(1), ft.tensor(2)])
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        ft.cat([ft.ones(2, 3), ft.ones(2, 4)])
    with pytest.raises(IndexError, match="Dimension out of range"):
        ft.stack([ft.ones(2)], 3)


@pytest.mark.parametrize("width", [1, 3, 8, 16, 17, 65, 400])
@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "float64", "complex128"])
def test_rows_by_index(ft, width, dtype):
    table = counted(ft, 7, width, dtype=dtype)
    places = [3, 0, 6, 6, 1]
    index = ft.tensor(places)
    rows = table.tolist()
    expected = [rows[i] for i in places]
    written = [list(row) for row in rows]
    for k, i in enumerate(places):
        written[i] = rows[k]
    filled = [[1] * width if i in places else row for i, row in enumerate(rows)]

    assert table[index].tolist() == expected
    assert table[index - 7].tolist() == expected
    assert table.index_select(0, index).tolist() == expected
    assert table.t().contiguous().index_select(1, index).t().tolist() == expected
    assert table.index_copy(0, index, table[:5]).tolist() == written
    assert table.index_fill(0, index, 1).tolist() == ft.tensor(filled).to(table.dtype).tolist()
    with pytest.raises(IndexError, match="out of (range|bounds)"):
        table.index_select(0, ft.tensor([7]))
