"""Elementwise functions over vectors: an element's result is its own, wherever it stands and whatever stands beside it, at every CPU level."""
import pytest

import frankentorch as ft
from frankentorch import optable
from frankentorch._ext import cpu
from frankentorch.optable.schema import REQUIRED
from tests.processes import run_python

F = ft.nn.functional
LEVELS = ["baseline", "avx2", "avx512"]
BITS = {ft.float32: ft.int32, ft.float64: ft.int64}


def elementwise():
    """{name: (function, number of operands)} of the public functions of the op table that run one loop over one or two tensors of floats."""
    found = {}
    for row in optable.rows():
        plain = row.loop is not None and not row.overload and not row.name.startswith("_") and "internal" not in row.forms and 1 <= len(row.operand_args) <= 2
        if plain and any("f32" in codes for codes in row.loop) and all(arg in row.operand_args or arg.default is not REQUIRED for arg in row.args):
            owners = (ft.special,) if row.name.startswith("special_") else (ft, F, ft.Tensor)
            name = row.name.removeprefix("special_")
            found[row.name] = next(getattr(owner, name) for owner in owners if hasattr(owner, name)), len(row.operand_args)
    return found


FUNCTIONS = elementwise()
FUNCTIONS |= {"softplus 2.5 7": (lambda x: F.softplus(x, 2.5, 7), 1), "elu 1.5": (lambda x: F.elu(x, 1.5), 1), "polygamma 2": (lambda x: ft.polygamma(2, x), 1)}
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1e-45, -1e-45, 1e-9, 1.2e-38, 0.75, 1e-6, 20.0, -20.0, 89.0, -104.5, 300.5, 5e4, 4294967296.0, -1e10, 3e38,
           float("inf"), -float("inf"), float("nan"))
PROGRAM = """
import hashlib
import frankentorch as ft
from tests._ext.test_wide import FUNCTIONS, bits_of, operands
for dtype in (ft.float32, ft.float64):
    for name, (function, _) in FUNCTIONS.items():
        print(name, hashlib.blake2b(bits_of(function(*operands(name, dtype))).numpy().tobytes(), digest_size=8).hexdigest())
"""


def bits_of(x):
    """The words of a tensor, all NaN as one."""
    if not x.dtype.is_floating_point:
        return x.to(ft.int64)
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


def operands(name, dtype):
    """Numbers for each operand; the degree of a polynomial is not so large that its recurrence takes long."""
    xs = [numbers(dtype, seed) for seed in range(FUNCTIONS[name][1])]
    return [xs[0], xs[1].fmod(300)] if "polynomial" in name else xs


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_element_does_not_see_its_neighbours(name, dtype):
    function, _ = FUNCTIONS[name]
    xs = operands(name, dtype)
    whole = bits_of(function(*xs))

    assert whole[5:].equal(bits_of(function(*[x[5:] for x in xs])))
    assert whole[::3].equal(bits_of(function(*[x[::3] for x in xs])))
    assert whole.flip(0).equal(bits_of(function(*[x.flip(0) for x in xs])))
    assert whole[:301].tolist() == [bits_of(function(*single)).item() for single in zip(*[x[:301] for x in xs], strict=True)]


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

    assert texts[0].stdout.count("\n") == 2 * len(FUNCTIONS), texts[0].stderr
    assert [texts[0].stdout] * len(levels) == [text.stdout for text in texts]
