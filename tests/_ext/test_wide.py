"""Elementwise functions over vectors: an element's result is its own, wherever it stands and whatever stands beside it, at every CPU level."""
import pytest

import frankentorch as ft
from frankentorch._ext import cpu
from tests.processes import run_python

F = ft.nn.functional
LEVELS = ["baseline", "avx2", "avx512"]
BITS = {ft.float32: ft.int32, ft.float64: ft.int64}
ONE = {name: getattr(ft, name) for name in ("tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "expm1", "log2", "log10", "log1p", "erfc", "erfinv")}
ONE.update(mish=F.mish, softplus=lambda x: F.softplus(x, 2.5, 7), logsigmoid=F.logsigmoid, elu=lambda x: F.elu(x, 1.5), hardswish=F.hardswish, hardsigmoid=F.hardsigmoid)
TWO = {name: getattr(ft, name) for name in ("pow", "atan2", "logaddexp", "logaddexp2", "xlogy")}
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1e-45, -1e-45, 1e-9, 1.2e-38, 0.75, 1e-6, 20.0, -20.0, 89.0, -104.5, 300.5, 5e4, 4294967296.0, -1e10, 3e38,
           float("inf"), -float("inf"), float("nan"))
PROGRAM = """
import frankentorch as ft
from tests._ext.test_wide import ONE, TWO, bits_of, numbers
for dtype in (ft.float32, ft.float64):
    x, y = numbers(dtype, 0), numbers(dtype, 1)
    for name in ONE:
        print(name, bits_of(ONE[name](x)).sum().item(), bits_of(ONE[name](x)).tolist()[::97])
    for name in TWO:
        print(name, bits_of(TWO[name](x, y)).sum().item())
"""


def bits_of(x):
    """The words of a tensor, all NaN as one."""
    return ft.where(x == x, x, ft.nan).view(BITS[x.dtype]).to(ft.int64)


def numbers(dtype, seed):
    """Special numbers beside plain ones, then bit patterns at random; 3001 numbers leave a tail at every width."""
    rng = ft.Generator().manual_seed(seed)
    special = ft.tensor(SPECIAL, dtype=dtype)
    plain = ft.randn(400, generator=rng, dtype=dtype)
    words = ft.randint(-2**31, 2**31, (3001 - 52 * 26 - 400,), generator=rng, dtype=ft.int64)
    words = words.to(ft.int32).view(ft.float32) if dtype == ft.float32 else (words * 4294967311).view(ft.float64)
    order = special[ft.randperm(52 * 26, generator=rng) % 26]
    return ft.cat((order, plain, words))


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_an_element_does_not_see_its_neighbours(name, dtype):
    operands = [numbers(dtype, seed) for seed in range(1 if name in ONE else 2)]
    function = ONE.get(name) or TWO[name]
    whole = bits_of(function(*operands))

    assert whole[5:].equal(bits_of(function(*[x[5:] for x in operands])))
    assert whole[::3].equal(bits_of(function(*[x[::3] for x in operands])))
    assert whole.flip(0).equal(bits_of(function(*[x.flip(0) for x in operands])))
    assert whole[:301].tolist() == [bits_of(function(*single)).item() for single in zip(*[x[:301] for x in operands], strict=True)]


@pytest.mark.parametrize(("shape", "dim"), [((3, 21), 1), ((21, 3), 0), ((19, 30), 0), ((19, 30), 1), ((40,), 0)])
@pytest.mark.parametrize("dtype", [ft.float32, ft.float64, ft.float16], ids=str)
def test_a_line_of_logcumsumexp_does_not_see_its_neighbours(shape, dim, dtype):
    x = ft.randn(*shape, generator=ft.Generator().manual_seed(0)).mul(9).to(dtype)
    x.view(-1)[3] = ft.inf
    x.view(-1)[12:15] = -ft.inf
    x.view(-1)[17] = ft.nan
    together = x.logcumsumexp(dim)
    apart = [line.logcumsumexp(0) for line in x.movedim(dim, -1).reshape(-1, shape[dim])]

    assert ft.stack(apart).nan_to_num(7.0).equal(together.movedim(dim, -1).reshape(-1, shape[dim]).nan_to_num(7.0))


def test_levels_agree():
    levels = LEVELS[:LEVELS.index(cpu.host_level_name()) + 1]
    texts = [run_python(PROGRAM, FRANKENTORCH_CPU=level) for level in levels]

    assert texts[0].stdout.count("\n") == 2 * (len(ONE) + len(TWO)), texts[0].stderr
    assert [texts[0].stdout] * len(levels) == [text.stdout for text in texts]
