"""Signs and sizes of halves, worked out as words: all 65536 of them, as float32 has them."""
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
