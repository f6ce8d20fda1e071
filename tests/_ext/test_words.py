"""Signs and sizes of halves, worked out as words: all 65536 of them, as float32 has them; quotients of integers, worked out in floating point."""
import pytest

import frankentorch as ft

WORDS = ft.arange(-32768, 32768).to(ft.int16)
CASES = {"abs": lambda x, y: ft.abs(x), "neg": lambda x, y: ft.neg(x), "copysign": ft.copysign, "in place": lambda x, y: x.clone().neg_().abs_().copysign_(y),
         "strided": lambda x, y: ft.copysign(x[1::3], y[1::3]), "of a number": lambda x, y: ft.copysign(x, -2.0), "of a column": lambda x, y: ft.copysign(x.view(256, 256), y[:256, None])}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [ft.float16, ft.bfloat16], ids=str)
def test_every_half_has_the_sign_and_size_of_its_float(name, dtype):
    x, y = WORDS.view(dtype), WORDS.flip(0).roll(12345).view(dtype)
    half, single = CASES[name](x, y), CASES[name](x.float(), y.float())

    assert dtype is half.dtype
    assert ft.equal(half.isnan(), single.isnan())
    assert ft.equal(half.float().nan_to_num(7, ft.inf, -ft.inf).view(ft.int32), single.nan_to_num(7, ft.inf, -ft.inf).view(ft.int32))


def test_quotients_of_all_bytes_are_pythons():
    x, y = ft.arange(-128, 128).to(ft.int8)[:, None], ft.arange(-128, 128).to(ft.int8)
    y = y[y != 0]
    pairs = [(a, b) for a in range(-128, 128) for b in range(-128, 128) if b]

    assert [(a // b + 128) % 256 - 128 for a, b in pairs] == ft.floor_divide(x, y).flatten().tolist()
    assert [a % b for a, b in pairs] == ft.remainder(x, y).flatten().tolist()
    assert [a - b * int(a / b) for a, b in pairs] == ft.fmod(x, y).flatten().tolist()


@pytest.mark.parametrize("dtype", [ft.int16, ft.int32, ft.int64], ids=str)
def test_quotients_next_to_whole_numbers_are_pythons(dtype):
    """Products and what lies one beside them, of all sizes, and the ends of the range."""
    info = ft.iinfo(dtype)
    sides = [s * (2 ** k + d) for k in range(1, info.bits // 2) for d in (-1, 1) for s in (-1, 1)]
    pairs = [(a * b + d, b) for a in sides for b in sides for d in (-1, 0, 1)] + [(info.max, b) for b in sides] + [(info.min, b) for b in (*sides, -1, 1, info.min, info.max)]
    pairs = [(a, b) for a, b in pairs if info.min <= a <= info.max]
    x, y = ft.tensor(pairs, dtype=dtype).t()

    assert [a // b if (a, b) != (info.min, -1) else info.min for a, b in pairs] == ft.floor_divide(x, y).tolist()
    assert [a % b for a, b in pairs] == ft.remainder(x, y).tolist()
    assert [abs(a) % abs(b) * (-1 if a < 0 else 1) for a, b in pairs] == ft.fmod(x, y).tolist()
