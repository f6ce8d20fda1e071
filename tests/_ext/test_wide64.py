"""float64 functions, and float32's that run them, over vectors: a lane depends neither on its neighbours nor its place, nor on the CPU level."""
import hashlib
import math

import pytest

import frankentorch as ft
from frankentorch import ops
from frankentorch._ext import cpu
from tests.processes import run_python

F = ft.nn.functional
ONE = {name: getattr(ft, name) for name in (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sinh", "cosh", "tanh", "sigmoid", "asinh", "acosh", "atanh", "sin", "cos", "tan",
    "asin", "acos", "atan", "erf", "erfc", "erfinv", "sinc", "lgamma", "digamma")}
ONE |= {"gelu": F.gelu, "gelu tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "silu backward": lambda x: ops._silu_backward(x, x)}
TWO = {"pow": ft.pow, "atan2": ft.atan2}
FLOAT32 = ("lgamma", "digamma", "sinc")         # which run the float64 body
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.25, 9.999999999999998, 10.0, 39.5, 171.3, -0.1, -2.5, -3.0, -100.5, 709.5, -709.5, 1e-9, 5e-17, -1e-17,
           1e-200, 1e-310, -5e-324, 268435457.0, 2.0 ** 48, -(2.0 ** 48) + 0.5, 2.0 ** 52, 1e154, -1e200, 1e305, math.inf, -math.inf, math.nan]


def numbers(count, seed):
    """Specials among numbers of every size: bit patterns, and what lies near one."""
    ft.manual_seed(seed)
    pattern = ft.randint(-2 ** 63, 2 ** 63 - 1, (count,)).view(ft.float64)
    x = ft.where(ft.rand(count) < 0.3, pattern, 3 * ft.randn(count, dtype=ft.float64))
    places = ft.randperm(count)[:len(SPECIAL)]
    x[places] = ft.tensor(SPECIAL, dtype=ft.float64)[:len(places)]
    return x


def words(x):
    return x.contiguous().view(ft.int64 if x.dtype == ft.float64 else ft.int32).tolist()


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_neighbours_do_not_matter(name):
    """Where a vector leaves out what none of its lanes needs, lanes come out as they do alone."""
    function = ONE.get(name) or TWO[name]
    operands = [numbers(300, seed) for seed in range(1 if name in ONE else 2)]
    whole = function(*operands)
    strided = function(*[x.repeat_interleave(3)[1::3] for x in operands])
    alone = ft.cat([function(*[x[i:i + 1] for x in operands]) for i in range(300)])

    assert words(whole) == words(strided)
    assert words(whole) == words(alone)
    for count in (2, 3, 7, 15, 17, 31, 33):
        assert words(whole[5:5 + count]) == words(function(*[x[5:5 + count] for x in operands])), count


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
def test_sinc_of_nan_is_nan(dtype):
    assert ft.sinc(ft.tensor([ft.nan, 0.0], dtype=dtype)).isnan().tolist() == [True, False]


@pytest.mark.parametrize("name", FLOAT32)
def test_float32_is_float64_rounded(name):
    x = ft.cat((numbers(3000, 0).float(), ft.arange(-40, 40, 1 / 64)))

    assert words(ONE[name](x.double()).float()) == words(ONE[name](x))


@pytest.mark.parametrize("name", TWO)
def test_every_pair_of_specials_comes_out_alone_as_in_a_row(name):
    x = ft.tensor(SPECIAL, dtype=ft.float64)
    whole = TWO[name](x[:, None], x)

    assert words(whole.flatten()) == [word for a in x for b in x for word in words(TWO[name](a[None], b[None]))]


def digests():
    """[line] of the digests of all functions on numbers of every size, all NaN as one: its sign may depend on the level."""
    lines = []
    for name in (*ONE, *TWO):
        function = ONE.get(name) or TWO[name]
        outs = [function(*[numbers(20_000, seed) for seed in range(1 if name in ONE else 2)])]
        if name in FLOAT32:
            outs.append(function(numbers(20_000, 2).float()))
        lines.append(name + " " + " ".join(hashlib.blake2b(ft.where(out == out, out, ft.nan).numpy().tobytes(), digest_size=8).hexdigest() for out in outs))
    return lines


def test_levels_agree():
    levels = ["baseline", "avx2", "avx512"]
    texts = [run_python("from tests._ext.test_wide64 import digests; print(*digests(), sep='\\n')", FRANKENTORCH_CPU=level)
             for level in levels[:levels.index(cpu.host_level_name()) + 1]]

    assert texts[0].stdout.count("\n") == len(ONE) + len(TWO), texts[0].stderr
    assert {text.stdout for text in texts} == {texts[0].stdout}
