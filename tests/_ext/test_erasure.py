"""Products over GF(256), modulo x^8 + x^4 + x^3 + x^2 + 1 (RFC 6330, section 5.7)."""
import random

import pytest

from frankentorch._ext import erasure_run

pytestmark = pytest.mark.skipif(not erasure_run.available, reason="this CPU level has no shuffle of bytes")


def product(a, b):
    """Shift and add."""
    found = 0
    for bit in range(8):
        found ^= (a << bit) * (b >> bit & 1)
    for bit in range(14, 7, -1):
        found ^= (0x11D << bit - 8) * (found >> bit & 1)
    return found


def test_products_worked_out_by_hand():
    """2 · 0x80 = x^8 = x^4 + x^3 + x^2 + 1; 3 · 7 = (x + 1)(x^2 + x + 1) = x^3 + 1; their sum."""
    assert b"\x1d\x09\x14" == erasure_run.combine(b"\x80\x07", 0, 1, 2, 1, b"\2\0" b"\0\3" b"\2\3", 3)
    assert (0x1D, 9) == (product(2, 0x80), product(3, 7))


def test_every_product():
    """One source symbol of all bytes, times every factor."""
    every = bytes(range(256))
    rows = erasure_run.combine(every, 0, 256, 1, 256, every, 256)

    assert bytes(product(factor, byte) for factor in range(256) for byte in range(256)) == rows


@pytest.mark.parametrize("symbol", [1, 31, 64, 100, 1024, 1500, 4096])
@pytest.mark.parametrize("count, rows, objects", [(1, 1, 1), (3, 2, 2), (5, 7, 3)])
def test_sums_of_products(symbol, count, rows, objects):
    """Symbols of several objects lie in turn; the last one is short, and what lacks counts as zeros."""
    rng = random.Random(symbol)
    view, matrix = rng.randbytes(symbol * count * objects - symbol // 3), rng.randbytes(rows * count)
    whole = view + bytes(symbol // 3)
    for number in range(objects):
        sources = [whole[(number + at * objects) * symbol:][:symbol] for at in range(count)]
        expected = b"".join(bytes(xor(product(matrix[row * count + at], source[k]) for at, source in enumerate(sources)) for k in range(symbol)) for row in range(rows))

        assert expected == erasure_run.combine(view, number * symbol, objects * symbol, count, symbol, matrix, rows)


def xor(numbers):
    found = 0
    for number in numbers:
        found ^= number
    return found


@pytest.mark.parametrize("start, step, count, symbol, matrix, rows", [(-1, 1, 1, 1, b"a", 1), (0, 0, 1, 1, b"a", 1), (0, 1, 0, 1, b"", 1), (0, 1, 1, 0, b"a", 1), (0, 1, 2, 1, b"a", 1), (0, 1, 1, 1, b"", 0)])
def test_sizes_that_do_not_fit(start, step, count, symbol, matrix, rows):
    with pytest.raises(ValueError, match="combine"):
        erasure_run.combine(b"abc", start, step, count, symbol, matrix, rows)
