"""Reductions and scans against values worked by hand."""
import math

import numpy as np
import pytest

import frankentorch as ft


@pytest.fixture
def matrix():
    return ft.tensor([[1.0, 5.0, 2.0], [4.0, 0.0, 4.0]], requires_grad=True)


def test_sum_forms(matrix):
    assert matrix.sum().item() == 16.0
    assert matrix.sum(0).tolist() == [5.0, 5.0, 6.0]
    assert matrix.sum((0, 1), keepdim=True).tolist() == [[16.0]]
    assert matrix.t().sum(0).tolist() == [8.0, 8.0]


@pytest.mark.parametrize("name", ["bool", "uint8", "int16", "int32", "int64"])
def test_integers_are_summed_in_int64(name):
    t = ft.ones(300, dtype=getattr(ft, name))
    assert t.sum().dtype is ft.int64 and t.sum().item() == 300
    assert t.prod().dtype is ft.int64 and t.cumsum(0)[-1].item() == 300


def test_dtype_casts_before_summing():
    assert ft.tensor([0.6, 0.6]).sum(dtype=ft.int32).item() == 0
    assert ft.tensor([1.0, 2.0]).sum(dtype=ft.float64).dtype is ft.float64


def test_extremes_give_first_index_and_nan_wins():
    t = ft.tensor([[1.0, 3.0, 3.0], [2.0, math.nan, 5.0]])
    values, indices = t.max(1)
    assert indices.tolist() == [1, 1] and values[0].item() == 3.0 and math.isnan(values[1].item())
    assert ft.argmin(ft.tensor([2, 1, 1])).item() == 1
    assert ft.max(ft.tensor([1, 5]), ft.tensor([2, 3])).tolist() == [2, 5]


def test_equals_share_the_gradient_of_max_but_not_of_max_dim():
    t = ft.tensor([2.0, 2.0, 1.0], requires_grad=True)
    t.max().backward()
    assert t.grad.tolist() == [0.5, 0.5, 0.0]
    t.grad = None
    t.max(0)[0].backward()
    assert t.grad.tolist() == [1.0, 0.0, 0.0]


def test_gradient_of_product_with_a_zero():
    t = ft.tensor([2.0, 0.0, 3.0], requires_grad=True)
    t.prod().backward()
    assert t.grad.tolist() == [0.0, 6.0, 0.0]


def test_variance_and_its_gradient():
    t = ft.tensor([1.0, 2.0, 3.0, 6.0], requires_grad=True)
    assert t.var(correction=0).item() == 3.5
    t.var().backward()
    assert t.grad.tolist() == pytest.approx([-4 / 3, -2 / 3, 0.0, 2.0])


def test_norms():
    t = ft.tensor([3.0, -4.0])
    assert t.norm().item() == 5.0 and t.norm(1).item() == 7.0
    assert t.norm(math.inf).item() == 4.0 and t.norm(0).item() == 2.0


def test_logsumexp_does_not_overflow():
    assert ft.logsumexp(ft.tensor([1000.0, 1000.0]), 0).item() == pytest.approx(1000 + math.log(2))
    assert ft.logsumexp(ft.tensor([-math.inf, -math.inf]), 0).item() == -math.inf


def test_scans():
    t = ft.tensor([1, 3, 2])
    assert t.cumsum(0).tolist() == [1, 4, 6] and t.cumprod(0).tolist() == [1, 3, 6]
    values, indices = t.cummax(0)
    assert values.tolist() == [1, 3, 3] and indices.tolist() == [0, 1, 1]
    assert ft.diff(t).tolist() == [2, -1]


def test_empty():
    empty = ft.zeros(0, 3)
    assert empty.sum().item() == 0.0 and empty.prod().item() == 1.0 and math.isnan(empty.mean().item())
    assert empty.sum(0).tolist() == [0.0, 0.0, 0.0]
    assert not empty.any().item() and empty.all().item()
    with pytest.raises(RuntimeError, match="Expected reduction dim to be specified"):
        empty.max()
    with pytest.raises(IndexError, match="to have non-zero size"):
        empty.max(0)


def test_refusals():
    with pytest.raises(IndexError, match="Dimension out of range"):
        ft.ones(2).sum(1)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        ft.ones(2, 2).sum((0, -2))
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        ft.ones(2, dtype=ft.int64).mean()


def test_closeness():
    a, b = ft.tensor([1.0, math.inf]), ft.tensor([1.0 + 1e-7, math.inf])
    assert ft.allclose(a, b) and not ft.equal(a, b)
    assert not ft.allclose(ft.tensor([math.nan]), ft.tensor([math.nan]))
    assert ft.allclose(ft.tensor([math.nan]), ft.tensor([math.nan]), equal_nan=True)


def test_meta_gives_shapes():
    t = ft.empty(2, 3, device="meta")
    assert tuple(t.sum(0).shape) == (3,) and t.sum(0).is_meta
    assert tuple(t.max(1, keepdim=True)[1].shape) == (2, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", (3, 31, 63, 64, 65, 100, 1000, 5000))
def test_greatest_of_special_values(n, dtype):
    """NaN of either sign wins, -0 < +0, wherever in the line they are; opposite infinities are not a NaN."""
    rng = np.random.default_rng(n)
    kinds = ("plain", "negative", "nan", "minus nan", "zeros", "minus zeros", "both zeros", "infinities", "huge")
    x = rng.standard_normal((len(kinds) * 4, n)).astype(dtype)
    least, greatest = np.empty(len(x), dtype), np.empty(len(x), dtype)
    for i, row in enumerate(x):
        kind, at, other = kinds[i % len(kinds)], *rng.choice(n, 2, replace=False)
        if kind == "negative":
            row[:] = -np.abs(row) - 1
        elif kind.endswith("nan"):
            row[at] = np.copysign(np.nan, -1 if kind[0] == "m" else 1)
        elif kind.endswith("zeros"):
            row[:] = -0.0 if kind != "zeros" else 0.0
            row[at] = 0.0 if kind == "both zeros" else row[at]
        elif kind == "infinities":
            row[at], row[other] = np.inf, -np.inf
        elif kind == "huge":                 # a sum of it would be infinite
            row[:] = np.abs(row) * (np.finfo(dtype).max / 8)
        order = sorted(row.tolist(), key=lambda v: (v, not np.signbit(v)))
        least[i], greatest[i] = (np.nan, np.nan) if np.isnan(row).any() else (order[0], order[-1])

    for t in (ft.from_numpy(x), ft.from_numpy(x.T.copy()).t()):
        for expected, found in ((least, t.amin(1)), (greatest, t.amax(1)), (greatest[2:], t[2:].amax(1))):
            found = found.numpy()
            assert np.array_equal(np.isnan(expected), np.isnan(found))
            assert np.array_equal(expected[~np.isnan(expected)].view(np.uint8), found[~np.isnan(found)].view(np.uint8))


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "uint8", "bool"])
@pytest.mark.parametrize("rows, cols", [(2, 65), (40, 8), (300, 70), (5000, 9)])
def test_first_greatest_of_columns(rows, cols, name):
    """The lowest row of equals, a NaN being the greatest, whatever tile or block it lies in."""
    rng = np.random.default_rng(rows)
    values = rng.integers(-6, 7, (rows, cols)).astype("float32")
    values[rng.random(values.shape) < 0.1] = -0.0
    if name.startswith(("f", "b")) and name != "bool":
        values[rng.random(values.shape) < 0.5 / rows] = np.nan
    t = ft.from_numpy(values).to(getattr(ft, name)) if name != "uint8" else ft.from_numpy(values + 6).to(ft.uint8)
    plain = t.double().numpy()
    first, last = np.argmax(plain, 0), np.argmin(plain, 0)

    for found, expected in ((t.max(0), first), (t.min(0), last)):
        assert np.array_equal(expected, found.indices.numpy())
        assert np.array_equal(np.take_along_axis(plain, expected[None], 0)[0], found.values.double().numpy(), equal_nan=True)
    if name != "bool":                       # refused, as by PyTorch
        assert np.array_equal(first, t.argmax(0).numpy()) and np.array_equal(last, t.argmin(0).numpy())


@pytest.mark.parametrize("dtype", [ft.bool, ft.uint8, ft.int8, ft.int16, ft.int32, ft.int64])
def test_sums_of_integers_of_any_layout(dtype):
    """Rows i hold i, i + 1, ... modulo 2 or 100: sums worked out with Python's integers, over lines, columns and what lies apart."""
    modulus = 2 if dtype is ft.bool else 100
    rows = [[(i + j) % modulus for j in range(70)] for i in range(130)]
    x = ft.tensor(rows, dtype=dtype)
    columns, lines = [sum(column) for column in zip(*rows)], [sum(row) for row in rows]
    for given in (x, ft.cat([x, x], 1)[:, :70], ft.stack([x, x], -1)[..., 0], ft.t(ft.t(x).contiguous())):
        assert ft.sum(given).item() == sum(lines)
        assert ft.sum(given, 0).tolist() == columns
        assert ft.sum(given, 1).tolist() == lines
    assert ft.sum(x[:3], 0).tolist() == [sum(column[:3]) for column in zip(*rows)]


def test_sums_of_integers_wrap():
    x = ft.full((6, 5), 2 ** 62, dtype=ft.int64)
    assert ft.sum(x, 0).tolist() == [-2 ** 63] * 5         # 6 * 2^62 = 2^64 + 2^63
    assert ft.sum(x).item() == -2 ** 63                    # 30 * 2^62 = 7 * 2^64 + 2^63


@pytest.mark.parametrize("dim", [0, 1])
def test_nansum_of_infinities(dim):
    """Infinities of both signs give NaN though no element is one; NaN alone counts as nothing."""
    inf, nan = float("inf"), float("nan")
    x = ft.ones((40, 40))
    x[3, 3], x[3, 4], x[4, 3] = inf, -inf, -inf
    x[5, 5], x[6, 6], x[6, 7] = nan, nan, inf
    found = ft.nansum(x, dim).tolist()
    assert found[:3] == [40.0] * 3 and found[5] == 39.0 and found[8] == 40.0
    assert found[3] != found[3] and found[4] == -inf
    assert found[6] == (39.0 if dim == 0 else inf) and found[7] == (inf if dim == 0 else 40.0)


@pytest.mark.parametrize("shape", [(300, 400), (1, 3, 70000), (200000,), (2, 1, 1, 150000)])
def test_equal_finds_one_difference_wherever_it_lies(shape):
    x = ft.arange(ft.Size(shape).numel(), dtype=ft.float32).view(shape)

    assert ft.equal(x, x.clone()) and ft.equal(x.transpose(0, -1), x.clone().transpose(0, -1))
    for place in (0, 65535, 65536, x.numel() - 1):
        other = x.clone()
        other.view(-1)[place] = -1
        assert not ft.equal(x, other) and not ft.equal(other.transpose(0, -1), x.transpose(0, -1))
