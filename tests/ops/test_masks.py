"""Masks and nonzero against plain Python, on sizes around the pieces the kernels work in, for every item size and layout."""
import random

import pytest

SIZES = (0, 1, 7, 8, 9, 127, 128, 129, 511, 512, 513, 1030)
DTYPES = ("bool", "int8", "int16", "float32", "int64", "float64", "complex128", "bfloat16")


def drawn(ft, n, dtype, seed):
    """n small whole numbers of a dtype, about a third of them zero, and as a list."""
    rng = random.Random(seed)
    values = [rng.choice((0, 0, 1, 2, 3, -1)) for _ in range(n)]
    t = ft.tensor(values, dtype=ft.int64).to(getattr(ft, dtype))
    return t, t.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_nonzero_lists_places_in_order(ft, n, dtype):
    t, values = drawn(ft, n, dtype, n)

    assert t.nonzero().tolist() == [[i] for i, value in enumerate(values) if value]
    assert ft.count_nonzero(t).item() == sum(bool(value) for value in values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step", [1, 2])
def test_nonzero_of_a_matrix_and_its_transpose(ft, dtype, step):
    t, _ = drawn(ft, 40 * 26, dtype, 5)
    t = t.reshape(40, 26)[:, ::step]
    rows = t.tolist()

    assert t.nonzero().tolist() == [[r, c] for r, row in enumerate(rows) for c, value in enumerate(row) if value]
    assert t.t().nonzero().tolist() == [[c, r] for c in range(len(rows[0])) for r in range(40) if rows[r][c]]


def test_negative_zero_is_zero(ft):
    for dtype in (ft.float16, ft.bfloat16, ft.float32, ft.float64):
        assert ft.tensor([-0.0, 0.0, float("nan")], dtype=dtype).nonzero().tolist() == [[2]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_select_fill_and_scatter(ft, n, dtype):
    t, values = drawn(ft, n, dtype, n + 1)
    mask, bits = drawn(ft, n, "bool", n + 2)
    places = [i for i, bit in enumerate(bits) if bit]
    source, given = drawn(ft, n, dtype, n + 3)
    scattered, filled = list(values), list(values)
    for k, i in enumerate(places):
        scattered[i], filled[i] = given[k], ft.tensor(1).to(t.dtype).item()

    assert ft.masked_select(t, mask).tolist() == [values[i] for i in places]
    assert t[mask].tolist() == [values[i] for i in places]
    assert t.masked_fill(mask, 1).tolist() == filled
    assert t.masked_scatter(mask, source).tolist() == scattered
    changed = t.clone()
    changed[mask] = source[:len(places)]
    assert changed.tolist() == scattered
    changed = t.clone()
    changed[mask] = 1
    assert changed.tolist() == filled


@pytest.mark.parametrize("layout", ["transposed", "spread", "broadcast mask"])
def test_layouts_of_mask_and_target(ft, layout):
    t = ft.arange(60 * 35, dtype=ft.float32).reshape(60, 35)
    mask = (ft.arange(60 * 35).reshape(60, 35) * 7) % 3 == 0
    if layout == "transposed":
        t, mask = t.t().contiguous().t(), mask
    elif layout == "spread":
        wide = ft.zeros(60, 70)
        wide[:, ::2] = t
        t, mask = wide[:, ::2], ft.stack([mask, mask], 2)[:, :, 1]
    else:
        mask = mask[:1].expand(60, 35)
    pairs = [(value, bit) for row, bits in zip(t.tolist(), mask.tolist(), strict=True) for value, bit in zip(row, bits, strict=True)]

    assert ft.masked_select(t, mask).tolist() == [value for value, bit in pairs if bit]
    assert t[mask].tolist() == [value for value, bit in pairs if bit]
    filled = t.clone(memory_format=ft.preserve_format).masked_fill_(mask, -1)
    assert filled.flatten().tolist() == [-1 if bit else value for value, bit in pairs]


def test_a_value_for_each_place_or_an_error(ft):
    t = ft.zeros(4)
    mask = ft.tensor([True, False, True, True])

    with pytest.raises((RuntimeError, IndexError), match="shape mismatch"):
        t[mask] = ft.ones(2)
    assert t.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
@pytest.mark.parametrize("bad", [-1, 50])
def test_index_out_of_bounds_is_found_before_anything_is_written(ft, subject_name, name, bad):
    if subject_name != "frankentorch":
        pytest.skip("a promise of ours")
    target, source = ft.zeros(300, 50), ft.ones(300, 400)
    index = ft.zeros(300, 400, dtype=ft.int64)
    index[299, 399] = bad
    for threads in (1, 2):
        ft.set_num_threads(threads)
        with pytest.raises((RuntimeError, IndexError), match=f"index {bad} is out of bounds"):
            getattr(target, name + "_")(1, index, source)
        assert target.sum().item() == 0


@pytest.mark.parametrize("dtype", ["int64", "float32", "bfloat16", "complex64", "bool"])
@pytest.mark.parametrize("dim", [0, 1])
def test_gather_and_scatter_add_by_hand(ft, dtype, dim):
    rng = random.Random(3)
    rows, columns = 13, 9
    t, _ = drawn(ft, rows * columns, dtype, 1)
    t = t.reshape(rows, columns)
    high = (rows, columns)[dim]
    index = [[rng.randrange(high) for _ in range(columns)] for _ in range(rows)]
    values = t.tolist()
    places = ft.tensor(index)
    source = lambda r, c: (index[r][c], c) if dim == 0 else (r, index[r][c])  # noqa: E731
    expected = [[values[source(r, c)[0]][source(r, c)[1]] for c in range(columns)] for r in range(rows)]
    summed = [[0] * columns for _ in range(rows)]
    for r in range(rows):
        for c in range(columns):
            i, j = source(r, c)
            summed[i][j] = (summed[i][j] or values[r][c]) if dtype == "bool" else summed[i][j] + values[r][c]
    total = ft.zeros(rows, columns, dtype=t.dtype).scatter_add_(dim, places, t)

    assert t.gather(dim, places).tolist() == expected
    assert t.t().gather(1 - dim, places.t()).t().tolist() == expected
    assert total.tolist() == [[bool(x) if dtype == "bool" else x for x in row] for row in summed]


def test_negative_indices_count_from_the_end(ft):
    t = ft.arange(12.0).reshape(3, 4)

    assert t.take(ft.tensor([[-1, 0], [-12, 5]])).tolist() == [[11.0, 0.0], [0.0, 5.0]]
    assert t.flatten()[ft.tensor([-1, -2, 0])].tolist() == [11.0, 10.0, 0.0]
    with pytest.raises((RuntimeError, IndexError), match="out of bounds"):
        t.gather(1, ft.tensor([[-1]]))
