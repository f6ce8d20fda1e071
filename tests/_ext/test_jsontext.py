"""Record texts are the bytes of the standard library's encoder."""
import enum
import json
import random

import pytest

from frankentorch._ext.jsontext import text_of

PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


class Colour(enum.IntEnum):
    RED = 3


@pytest.mark.parametrize("value", [
    None, True, False, 0, -1, 2**63 - 1, -2**63, 2**63, -2**200, 0.0, -0.0, 1e-320, 0.1, 1e22, 1.5e300, "", "plain", 'a"b\\c', "\x00\x1f\x7f", "é\u2028𝄞", "\ud800",
    [], (), {}, [[], {}, ()], {"t": 4, "ü": [None, True]}, [1, [2, (3, "x")], {"l": [0.5]}], Colour.RED, "x" * 5000, list(range(3000))])
def test_same_bytes(value):
    assert text_of(value) == PLAIN(value).encode()


def test_random_records():
    draw = random.Random(4)

    def value(depth):
        kind = draw.randrange(7 if depth else 5)
        if kind == 0:
            return draw.choice((None, True, False))
        if kind == 1:
            return draw.randrange(-10**draw.randrange(1, 25), 10**20)
        if kind == 2:
            return draw.uniform(-1, 1) * 10.0**draw.randrange(-300, 300)
        if kind < 5:
            return "".join(chr(draw.randrange(0x20, 0x250)) for _ in range(draw.randrange(9)))
        items = [value(depth - 1) for _ in range(draw.randrange(5))]
        return items if kind == 5 else {str(i): item for i, item in enumerate(items)}

    for _ in range(500):
        record = value(4)
        assert text_of(record) == PLAIN(record).encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, float("-inf")]])
def test_not_finite(value):
    with pytest.raises(ValueError, match="no word for"):
        text_of(value)


@pytest.mark.parametrize("value", [b"x", {1, 2}, object, {1: 2}, [complex(1, 2)]])
def test_no_form(value):
    with pytest.raises(TypeError):
        text_of(value)
