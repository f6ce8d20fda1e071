"""Reductions and row ops against the slow references, bit by bit: any shape and layout gives the one order of the contract."""
import numpy as np
import pytest

import frankentorch as ft
from tests.processes import run_python
from tests.reference import reduce as reference
from tests.reference import rows as row_reference

LENGTHS = (1, 2, 7, 16, 31, 33, 63, 64, 65, 100, 129, 257, 300, 4095, 4097, 9000)


def numbers(*shape, dtype="float32", seed=0):
    """Normal numbers of mixed size, with zeros of both signs."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)).astype(dtype)
    x[rng.random(shape) < 0.05] = -0.0
    return x


def same_bits(expected, actual):
    actual = np.asarray(actual)
    assert expected.dtype == actual.dtype and expected.shape == actual.shape
    assert np.array_equal(expected.view(np.uint8), actual.view(np.uint8))


def layouts(x):
    """The same values in memory three ways."""
    t = ft.from_numpy(x)
    yield t
    yield t.t().contiguous().t()
    wide = ft.zeros(x.shape[0], 2 * x.shape[1] + 1, dtype=t.dtype)[:, 1::2]
    wide.copy_(t)
    yield wide


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", LENGTHS)
def test_sum_and_product_of_a_line(n, dtype):
    x = numbers(7, n, dtype=dtype)         # four lines are folded at once, three alone

    for t in layouts(x):
        same_bits(reference.sum_(x, (1,)), t.sum(1).numpy())
    factors = (1 + x * np.dtype(dtype).type(1e-5)).astype(dtype)
    for t in layouts(factors):
        same_bits(reference.prod(factors, (1,)), t.prod(1).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", (1025, 4096, 4097, 9000, 20000, 90001))
def test_long_dot_is_the_sum_of_products(n, dtype):
    x, y = numbers(n, dtype=dtype), numbers(2 * n, dtype=dtype, seed=1)[::2]
    expected = reference.sum_((x * y)[None], (1,))
    a, b = ft.from_numpy(x), ft.from_numpy(np.repeat(y, 2))[::2]

    threads = ft.get_num_threads()
    try:
        for count in (1, 3):
            ft.set_num_threads(count)
            same_bits(expected, a.dot(b).reshape(1).numpy())
            same_bits(expected, b.contiguous().vdot(a).reshape(1).numpy())
    finally:
        ft.set_num_threads(threads)


def levels_of_this_host():
    """CPU levels that a process can be told to use here."""
    from frankentorch._ext import cpu

    levels = ["baseline", "avx2", "avx512"]
    return levels[:levels.index(cpu.host_level_name()) + 1]


@pytest.mark.parametrize("n", (1, 7, 16, 17, 64, 100, 1000, 4096))
def test_products_that_underflow(n, tmp_path):
    """Rows whose product lies around the least denormal number, of factors up to 1 or beyond, some with a zero, an infinity or a NaN."""
    rng = np.random.default_rng(n)
    x = rng.uniform(0.25, 1, (600, n))
    x *= np.exp2(-(rng.uniform(100, 200, (600, 1)) + np.log2(x).sum(1, keepdims=True)) / n)
    x = (x * rng.choice((-1, 1), x.shape)).astype("float32")
    for row, value in enumerate((0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, 2.0, 1e30)):
        x[row::40, rng.integers(n)] = value
    with np.errstate(invalid="ignore", under="ignore", over="ignore"):
        expected = reference.prod(x, (1,))
    assert 0 < np.count_nonzero(expected == 0) < 600 and np.isnan(expected).any()
    np.save(tmp_path / "x.npy", x)
    for level in levels_of_this_host():
        done = run_python("import numpy, frankentorch, sys\n"
                          f"product = frankentorch.from_numpy(numpy.load({str(tmp_path / 'x.npy')!r})).prod(1)\n"
                          f"numpy.save({str(tmp_path / 'found.npy')!r}, product.numpy())", FRANKENTORCH_CPU=level)
        assert done.returncode == 0, done.stderr
        found = np.load(tmp_path / "found.npy")
        same_bits(np.where(np.isnan(expected), np.float32(np.nan), expected), np.where(np.isnan(found), np.float32(np.nan), found))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", (1, 2, 5, 63, 64, 65, 100, 200, 300, 4100))
@pytest.mark.parametrize("cols", (1, 3, 9, 17, 70))
def test_sum_of_columns(rows, cols, dtype):
    if rows * cols > 80_000:
        pytest.skip("the reference takes a value at a time")
    x = numbers(rows, cols, dtype=dtype)

    for t in layouts(x):
        same_bits(reference.sum_(x, (0,)), t.sum(0).numpy())
    factors = (1 + x * np.dtype(dtype).type(1e-5)).astype(dtype)
    for t in layouts(factors):
        same_bits(reference.prod(factors, (0,)), t.prod(0).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(1, 5), (3, 9), (9, 70), (20, 33), (70, 65), (130, 100), (5000, 3), (3, 5000)])
def test_sums_without_nan(shape, dtype):
    """NaN counts as +0, wherever it lies, in lines and in columns."""
    x = numbers(*shape)
    x[np.random.default_rng(1).random(shape) < 0.2] = np.nan
    wide = np.float64 if dtype == "float64" else np.float32

    for t in layouts(x):
        t = t.to(getattr(ft, dtype))
        for dim in (0, 1):
            expected = reference.sum_(np.nan_to_num(t.to(getattr(ft, wide.__name__)).numpy()), (dim,))
            same_bits(ft.from_numpy(expected).to(t.dtype).float().numpy(), t.nansum(dim).float().numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", (1, 2, 3, 4, 5, 8, 9, 12, 15, 16, 17, 23, 31, 32, 33))
def test_short_lines_between_others(n, dtype):
    """Many lines at once, of a wider tensor whose other values are NaN; a sum of negative zeros is a positive one."""
    x = numbers(50, n, dtype=dtype)
    x[::7] = -0.0
    wide = ft.full((50, n + 3), float("nan"), dtype=getattr(ft, dtype))
    wide[:, :n] = ft.from_numpy(x)
    line = ft.from_numpy(numbers(n + 49, dtype=dtype))
    windows = np.lib.stride_tricks.sliding_window_view(line.numpy(), n)

    for t in (ft.from_numpy(x), wide[:, :n]):
        same_bits(reference.sum_(x, (1,)), t.sum(1).numpy())
        same_bits(reference.mean(x, (1,)), t.mean(1).numpy())
        same_bits(reference.prod(x, (1,)), t.prod(1).numpy())
    same_bits(reference.sum_(windows, (1,)), line.unfold(0, n, 1).sum(1).numpy())
    same_bits(reference.sum_(x[:1], (1,)), ft.from_numpy(x)[:1].expand(6, n).sum(1).numpy()[:1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", (3, 15, 16, 17, 48, 65, 130))
@pytest.mark.parametrize("cols", (100, 256, 257))
def test_columns_of_whole_and_of_wider_rows(rows, cols, dtype):
    """Rows that follow each other are summed as lines of many rows, up to 256 columns; others are not."""
    x = numbers(2, rows, cols, dtype=dtype)
    wide = ft.zeros(2, rows, cols + 5, dtype=getattr(ft, dtype))
    wide[..., 2:-3] = ft.from_numpy(x)

    for t in (ft.from_numpy(x), wide[..., 2:-3]):
        same_bits(reference.sum_(x, (1,)), t.sum(1).numpy())
        same_bits(reference.mean(x, (1,)), t.mean(1).numpy())
    same_bits(reference.var(x[0], (0,)), ft.from_numpy(x[0]).var(0).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape, dims", [((4, 100, 36), (1,)), ((5, 7, 19), (0, 2)), ((3, 70, 20), (0, 1)), ((6, 5, 40), (0,))])
def test_sum_and_variance_of_inner_dims(shape, dims, dtype):
    x = numbers(*shape, dtype=dtype)
    t = ft.from_numpy(x)

    same_bits(reference.sum_(x, dims), t.sum(dims).numpy())
    same_bits(reference.var(x, dims), t.var(dims).numpy())
    same_bits(reference.mean(x, dims), t.mean(dims).numpy())


@pytest.mark.parametrize("p", [0, 1, 2])
@pytest.mark.parametrize("dtype, shape", [("float32", (70, 37)), ("float64", (70, 37)), ("float32", (9, 5)), ("float64", (3, 4100))])
def test_norm_of_lines_and_columns(p, dtype, shape):
    x = numbers(*shape, dtype=dtype)

    for t in layouts(x):
        for dim in (0, 1):
            same_bits(reference.norm(x, (dim,), p), ft.linalg.vector_norm(t, p, dim).numpy())


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("n", (1, 2, 9, 15, 63, 64, 65, 100, 4099))
def test_halves_are_summed_as_floats(n, name):
    """Lines, columns that follow each other, columns of wider rows, and columns far from each other; rounded once at the end."""
    t = ft.from_numpy(numbers(70 if n < 4099 else 3, n)).to(getattr(ft, name))
    wide = t.float().numpy()
    padded = ft.zeros(n, 2 * len(t) + 5, dtype=t.dtype)[:, 2:2 + len(t)]
    padded.copy_(t.t())
    expected = reference.sum_(wide, (1,)), reference.mean(wide, (1,)), reference.norm(wide, (1,), 2)

    for each in (t, t.t().contiguous().t(), padded.t()):
        same_bits(expected[0], each.sum(1, dtype=ft.float32).numpy())
        for exact, rounded in zip(expected, (each.sum(1), each.mean(1), each.norm(dim=1))):
            same_bits(ft.from_numpy(exact).to(t.dtype).float().numpy(), rounded.float().numpy())
    near_one = (1 + t * 1e-5).clone()
    product = reference.prod(near_one.float().numpy(), (1,))
    for each in (near_one, near_one.t().contiguous().t()):
        same_bits(product, each.prod(1, dtype=ft.float32).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int32", "int64"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (40, 9), (20, 14), (20, 33), (12, 63), (5, 64), (9, 130), (1, 4200)])
def test_extremes_and_their_places(shape, dtype):
    """The first of equals, zeros of both signs being equal; NaN before all. amax and amin take -0 for less than +0."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 4, shape) * rng.choice((-1.0, 1.0), shape) if dtype[0] != "u" else rng.integers(0, 250, shape)
    x = x.astype(dtype)
    many = [x, -x[::-1]] if dtype[0] == "f" else [x]
    if dtype[0] == "f":
        x = np.where(rng.random(shape) < 0.5, -np.abs(x), x).astype(dtype)
        zeros, some_nan, infinite = x * 0, x.copy(), x.copy()
        some_nan[rng.random(shape) < 0.01] = np.nan
        infinite[rng.random(shape) < 0.1] = np.inf
        infinite[rng.random(shape) < 0.1] = -np.inf
        many += [zeros, some_nan, infinite]

    for x in many:
        for t in layouts(np.ascontiguousarray(x)):
            for dim in (0, 1):
                lines = x.T if dim == 0 else x
                for least, place, pair, value in ((False, t.argmax, t.max, t.amax), (True, t.argmin, t.min, t.amin)):
                    found = [reference.greatest(line, least, signed_zero=False) for line in lines]
                    at = np.array([where for _, where in found])
                    same_bits(at, place(dim).numpy())
                    same_bits(at, pair(dim)[1].numpy())
                    for expected, actual in (([number for number, _ in found], pair(dim)[0]), ([reference.greatest(line, least)[0] for line in lines], value(dim))):
                        actual = actual.numpy()
                        actual[actual != actual] = np.array(np.nan).astype(dtype)
                        same_bits(np.array(expected), actual)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float32", "float64", "float16"])
@pytest.mark.parametrize("shape", [(1, 3), (5, 9), (300, 63), (9, 64), (70, 131), (20, 90), (4100, 5), (2, 9001)])
def test_counts_of_what_is_not_zero(shape, dtype):
    x = np.random.default_rng(3).integers(-300, 300, shape) * (np.random.default_rng(4).random(shape) < 0.4)
    x = -x.astype(dtype) if dtype[0] == "f" else x.astype(dtype)        # -0 is zero

    for t in layouts(x):
        for dim in (0, 1):
            same_bits(np.count_nonzero(x, axis=dim), t.count_nonzero(dim).numpy())
            same_bits((x != 0).any(dim), t.any(dim).bool().numpy())
            same_bits((x != 0).all(dim), t.all(dim).bool().numpy())
    assert not (ft.from_numpy(x) * 0).any().item()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("shape", [(3, 1), (70, 4), (9, 13), (65, 33), (40, 300), (5000, 3), (3, 5000)])
def test_sums_and_products_of_integers_wrap(shape, dtype):
    x = np.random.default_rng(5).integers(0, 200, shape).astype(dtype)
    x[0, 0] = 1 if dtype == "bool" else np.iinfo(dtype).max

    for t in layouts(x):
        for dim in (0, 1):
            same_bits(x.astype(np.int64).sum(dim), t.sum(dim).numpy())
            same_bits(x.astype(np.int64).prod(dim), t.prod(dim).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", (1, 5, 33, 65, 200))
def test_layer_norm_both_ways(n, dtype):
    x, g, weight, bias = numbers(9, n, dtype=dtype), numbers(9, n, dtype=dtype, seed=1), numbers(n, dtype=dtype), numbers(n, dtype=dtype, seed=2)
    out, mean, rstd = row_reference.layer_norm(x, weight, bias, 1e-5)
    leaves = [ft.from_numpy(a.copy()).requires_grad_() for a in (x, weight, bias)]

    y = ft.nn.functional.layer_norm(leaves[0], (n,), leaves[1], leaves[2])
    same_bits(out, y.detach().numpy())
    y.backward(ft.from_numpy(g))
    for expected, leaf in zip(row_reference.layer_norm_backward(g, x, mean, rstd, weight), leaves):
        same_bits(expected, leaf.grad.numpy())


PLANES = [(5, 8, 1), (40, 36, 1), (3, 8, 2), (70, 4, 3), (2, 8, 8), (3, 4, 9), (2, 4, 64), (2, 4, 65), (34, 12, 4)]


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("shape", PLANES)
def test_batch_norm_both_ways(shape, dtype):
    """Planes of one place, of few and of many; 65 places and more are worked one plane at a time."""
    x, g, weight, bias = numbers(*shape, dtype=dtype), numbers(*shape, dtype=dtype, seed=1), numbers(shape[1], dtype=dtype), numbers(shape[1], dtype=dtype, seed=2)
    columns = np.ascontiguousarray(x.transpose(1, 0, 2).reshape(shape[1], -1))
    _, mean, rstd = row_reference.layer_norm(columns, None, None, 1e-5)
    rstd = (1 / np.sqrt(np.array([reference.fold(((a - m) * (a - m) for a in column), x.dtype.type) / x.dtype.type(column.size) for column, m in zip(columns, mean)], float) + 1e-5)).astype(dtype)
    leaves = [ft.from_numpy(a.copy()).requires_grad_() for a in (x, weight, bias)]

    y = ft.nn.functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], True)
    same_bits(row_reference.batch_norm_apply(x, mean, rstd, weight, bias), y.detach().numpy())
    y.backward(ft.from_numpy(g))
    for expected, leaf in zip(row_reference.batch_norm_backward(g, x, mean, rstd, weight), leaves):
        same_bits(expected, leaf.grad.numpy())


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("groups", (1, 2, 4))
@pytest.mark.parametrize("shape", PLANES)
def test_group_norm_backward(shape, groups, dtype):
    x, g, weight = numbers(*shape, dtype=dtype), numbers(*shape, dtype=dtype, seed=1), numbers(shape[1], dtype=dtype)
    _, mean, rstd = row_reference.layer_norm(x.reshape(shape[0] * groups, -1), None, None, 1e-5)
    leaves = [ft.from_numpy(a.copy()).requires_grad_() for a in (x, weight, weight)]

    ft.nn.functional.group_norm(leaves[0], groups, leaves[1], leaves[2]).backward(ft.from_numpy(g))
    for expected, leaf in zip(row_reference.group_norm_backward(g, x, mean.reshape(-1, groups), rstd.reshape(-1, groups), weight, groups), leaves):
        same_bits(expected, leaf.grad.numpy())


@pytest.mark.parametrize("n", (1, 3, 16, 33, 65, 200))
def test_softmax_backward(n):
    g, x = numbers(20, n, seed=1), numbers(20, n)
    leaf = ft.from_numpy(x).requires_grad_()
    y = leaf.softmax(1)
    y.backward(ft.from_numpy(g))

    same_bits(row_reference.softmax_backward(g, y.detach().numpy()), leaf.grad.numpy())


@pytest.mark.parametrize("n", (1, 3, 16, 17, 33, 65, 130, 300))
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_row_does_not_depend_on_its_neighbours_or_layout(n, name):
    x = ft.from_numpy(numbers(37, n) * np.float32(1e-2))
    together = getattr(x, name)(1)

    alone = ft.stack([getattr(row.clone(), name)(0) for row in x])
    same_bits(together.numpy(), alone.numpy())
    same_bits(together.numpy(), getattr(x.t().contiguous().t(), name)(1).contiguous().numpy())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("n", (1, 3, 8, 9, 12, 13, 40, 3000))
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "layer_norm"])
def test_many_lines_and_one_alone(n, name, dtype):
    """Short lines are worked in columns, others of halves many at a time, both ways; halves are rounded once."""
    def run(x, g):
        leaf = x.clone().requires_grad_()
        out = ft.nn.functional.layer_norm(leaf, (n,)) if name == "layer_norm" else getattr(leaf, name)(1)
        out.backward(g)
        return out.detach(), leaf.grad

    count = 70 if n < 3000 else 5
    x = ft.from_numpy(numbers(count, n) * np.float32(1e-2)).to(getattr(ft, dtype))
    g = ft.from_numpy(numbers(count, n, seed=1)).to(x.dtype)
    together = run(x, g)
    alone = [run(x[i:i + 1], g[i:i + 1]) for i in range(count)]

    for k in range(2):
        same_bits(ft.cat([each[k] for each in alone]).double().numpy(), together[k].double().numpy())
    if "16" in dtype:
        same_bits(run(x.float(), g.float())[0].to(x.dtype).float().numpy(), together[0].float().numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("shape", [(2, 5, 3), (1, 7, 16), (2, 40, 17), (3, 70, 64), (1, 33, 150), (1, 1030, 40), (1, 2050, 33), (1, 4100, 20)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_columns_are_rows_of_the_transposed(shape, name, dtype):
    """Worked where they are or in tiles, forward and backward; a NaN stays in its column."""
    x = ft.from_numpy(numbers(*shape) * np.float32(1e-2)).to(getattr(ft, dtype))
    x[0, 2, 1] = float("nan")
    g = ft.from_numpy(numbers(*shape, seed=1)).to(x.dtype)
    down, along = x.clone().requires_grad_(), x.mT.contiguous().requires_grad_()
    outputs = getattr(down, name)(1), getattr(along, name)(2)
    outputs[0].backward(g)
    outputs[1].backward(g.mT.contiguous())

    assert outputs[0][0].isnan().sum().item() == shape[1]
    for columns, rows in ((outputs[0].detach(), outputs[1].detach()), (down.grad, along.grad)):
        same_bits(rows.mT.contiguous().nan_to_num(7).numpy(), columns.nan_to_num(7).numpy())


@pytest.mark.parametrize("lines", (1, 3, 4, 5, 9, 23, 70, 135))
@pytest.mark.parametrize("name", ["float32", "float64", "float16", "int32", "int64", "uint8"])
def test_running_sums_of_lines_side_by_side(lines, name):
    """Each line left to right in the wider type, rounded at each step, however many run at once."""
    dtype = getattr(ft, name)
    t = ft.from_numpy(numbers(lines, 33) * np.float32(1e-2)).to(dtype)
    x = t.numpy()
    wide = {"float32": np.float64, "float64": np.float64, "float16": np.float32}.get(name, np.int64)
    expected, product = np.empty((lines, 33), wide), np.empty((lines, 33), wide)
    for i in range(lines):
        total, factor = wide(0), wide(1)
        for r in range(33):
            total, factor = total + wide(x[i, r]), factor * wide(x[i, r])
            expected[i, r], product[i, r] = total, factor
    kind = x.dtype if x.dtype.kind == "f" else np.int64

    for each in (t, t.t().contiguous().t()):
        same_bits(expected.astype(kind), each.cumsum(1).numpy())
        same_bits(product.astype(kind), each.cumprod(1).numpy())
    same_bits(expected.astype(kind), np.ascontiguousarray(t.t().contiguous().cumsum(0).numpy().T))
    same_bits(product.astype(kind), np.ascontiguousarray(t.t().contiguous().cumprod(0).numpy().T))
