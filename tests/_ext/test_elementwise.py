"""Loops for what is common have the bits of the general ones: operands of one half type, one number against a row, turned operands."""
import pytest

import frankentorch as ft

OPS = {"add": ft.add, "add alpha": lambda x, y: ft.add(x, y, alpha=0.3), "sub": ft.sub, "sub alpha": lambda x, y: ft.sub(x, y, alpha=-1.75),
       "mul": ft.mul, "div": ft.div}
SPECIAL = [0.0, -0.0, 1e-40, -3e38, 7e4, 6e-8, float("inf"), float("-inf"), float("nan")]


def numbers(count, seed):
    ft.manual_seed(seed)
    return ft.cat([ft.tensor(SPECIAL), 100 * ft.randn(count)])[ft.randperm(count + len(SPECIAL))[:count]]


def words(x):
    """Bits, but one for all NaN."""
    return ft.where(x.isnan(), ft.full_like(x, 123.0), x).view({2: ft.int16, 4: ft.int32, 8: ft.int64}[x.itemsize]).tolist()


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16])
@pytest.mark.parametrize("count", [1, 15, 16, 17, 40, 2000])
def test_halves_are_rounded_once(op, dtype, count):
    x, y = numbers(count, 0).to(dtype), numbers(count, 1).to(dtype)
    alpha = {"add": 1.0, "add alpha": 0.3, "sub": -1.0, "sub alpha": 1.75}.get(op)
    exact = OPS[op](x.double(), y.double()) if alpha is None else x.double() + y.double() * ft.tensor(alpha, dtype=dtype).double()
    found = OPS[op](x, y)

    assert words(exact.float().to(dtype)) == words(found)
    assert words(found) == words(OPS[op](x.clone(), y[None].expand(3, count))[1])


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("count", [1, 3, 16, 37, 3000])
def test_a_column_is_as_good_as_a_matrix(op, count):
    x, y = numbers(5 * count, 0).view(5, count), numbers(5, 1).view(5, 1)
    whole = OPS[op](x, y.expand(5, count).contiguous())

    assert words(whole) == words(OPS[op](x, y))
    assert words(whole) == words(OPS[op](x.t().contiguous().t(), y))
    assert words(whole[0]) == words(OPS[op](x[0], y[0].item()))


THREE = {"clamp": ft.clamp, "lerp": ft.lerp, "addcmul": lambda x, y, z: ft.addcmul(x, y, z, value=0.3), "addcdiv": lambda x, y, z: ft.addcdiv(x, y, z, value=-1.75),
         "add": lambda x, y, z: ft.add(x, y, alpha=0.3), "sub": lambda x, y, z: x - y, "mul": lambda x, y, z: x * y, "div": lambda x, y, z: x / y,
         "maximum": lambda x, y, z: ft.maximum(x, y), "minimum": lambda x, y, z: ft.minimum(x, y)}


@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16, ft.float32, ft.float64], ids=str)
@pytest.mark.parametrize("op", THREE)
@pytest.mark.parametrize("count", [1, 3, 16, 37, 700])
def test_columns_for_any_operands(op, count, dtype):
    """One number in a row of x, of y, of z, of several: as if each stood in a matrix, and the same in rows so many that they are gathered."""
    matrices = [numbers(5 * count, seed).to(dtype).view(5, count) for seed in (0, 1, 2)]
    columns = [numbers(5, seed).to(dtype).view(5, 1) for seed in (3, 4, 5)]
    for which in range(1, 8):
        chosen = [columns[k] if which >> k & 1 else matrices[k] for k in range(3)]
        whole = THREE[op](*(x.expand(5, count).contiguous() for x in chosen))

        assert words(THREE[op](*chosen).expand(5, count)) == words(whole)


def test_fused_steps_of_halves_round_once():
    x, y, z = (numbers(3000, seed).bfloat16() for seed in (0, 1, 2))
    exact = ft.addcmul(x.double(), y.double(), z.double())          # 8-bit factors: exact but for the sum

    assert words(ft.addcmul(x, y, z)) == words(exact.float().bfloat16())
    assert words(ft.clamp(x, y, z)) == words(ft.minimum(ft.maximum(x.float(), y.float()), z.float()).bfloat16())
    assert words(x * x) == words(x.square()) and words(x.relu()) == words(x.float().relu().bfloat16())


def test_decimals_of_rounding():
    x = ft.tensor([0.125, -2.675, 1234.5678, 5e-3, float("inf"), float("nan")], dtype=ft.float64)

    assert x.round(decimals=2).tolist()[:5] == [0.12, -2.68, 1234.57, 0.0, float("inf")]
    assert x.round(decimals=-2).tolist()[:5] == [0.0, -0.0, 1200.0, 0.0, float("inf")]


@pytest.mark.parametrize(("decimals", "expected"), [(40, [1.5, 0.0, 1e30]), (-40, [0.0, 0.0, 0.0]), (400, None), (-400, None)])
def test_decimals_beyond_a_dtype(decimals, expected):
    """As PyTorch has it: what a power of ten makes of infinities."""
    assert ft.tensor([1.5, 0.0, 1e30]).round(decimals=decimals).isnan().all()
    y = ft.tensor([1.5, 0.0, 1e30], dtype=ft.float64).round(decimals=decimals)
    assert y.isnan().all() if expected is None else y.tolist() == expected


@pytest.mark.parametrize("dtype", [ft.uint8, ft.bfloat16, ft.float32, ft.float64, ft.complex128], ids=str)
@pytest.mark.parametrize("sizes", [(1, 1), (5, 3), (5, 65), (70, 200)])
def test_columns_are_spread(sizes, dtype):
    column = (ft.arange(sizes[0]) * 3 % 101).to(dtype)[:, None]

    assert column.expand(sizes).contiguous().tolist() == [sizes[1] * [value] for value, in column.tolist()]
    assert ft.stack([column[:, 0], column[:, 0] + 1], 1).tolist() == [[value, value + 1] for value, in column.tolist()]


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


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64])
def test_mish_far_out(dtype):
    """Itself from 20 on, nothing at 0 times minus infinity; the products are x exp(x) far on the left."""
    inf, nan = float("inf"), float("nan")
    x = ft.tensor([inf, -inf, nan, 0.0, 1e30, 100.0, 20.0, -1e30, -80.0], dtype=dtype)
    y = ft.nn.functional.mish(x)

    assert ft.equal(y.isnan(), ft.tensor([False, True, True] + 6 * [False]))
    assert ft.equal(y[3:7], x[3:7]) and y[0] == inf and y[7] == 0 and y[7].signbit()
    assert y[8].item() == pytest.approx(-80 * ft.tensor(-80.0, dtype=ft.float64).exp().item(), rel=1e-6)
