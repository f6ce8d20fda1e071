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


@pytest.mark.parametrize("dtype", [ft.float32, ft.float64], ids=str)
def test_remainders_of_far_quotients_are_exact(dtype):
    """Of numbers as far apart as the dtype has them, subnormal ones too: Python's integers say what is left."""
    info, words = ft.finfo(dtype), range(1, 40)
    least = info.smallest_normal * info.eps
    pairs = [(info.max / w, least * (3 * w + 1)) for w in words] + [(info.max / (w * w), info.smallest_normal * w / 3) for w in words]
    pairs += [(3.0 ** w * 2.0 ** w, 7.0 ** -w) for w in words] + [(info.max, info.max / w) for w in words]
    x, y = ft.tensor(pairs, dtype=dtype).t()
    wanted = []
    for a, b in zip(x.tolist(), y.tolist()):
        top, low = a.as_integer_ratio(), b.as_integer_ratio()
        denominator = max(top[1], low[1])
        wanted.append((top[0] * (denominator // top[1]) % (low[0] * (denominator // low[1])), denominator))

    for signed, sign in ((x, 1), (-x, -1)):
        got = ft.fmod(signed, y).tolist()
        assert all(sign * r.as_integer_ratio()[0] * denominator == left * r.as_integer_ratio()[1] for r, (left, denominator) in zip(got, wanted))
    assert ft.fmod(x, y).tolist() == [ft.fmod(a, b).item() for a, b in zip(x, y)]
    assert ft.floor_divide(x, y).tolist() == [ft.floor_divide(a, b).item() for a, b in zip(x, y)]
