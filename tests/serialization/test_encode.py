"""Canonical bytes: each value has one form, and the reader takes no other."""

import pathlib
import re
import struct

import pytest

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization import encode, state_digest

PLAIN = [None, True, False, 0, 1, -1, 127, 128, -128, -129, 2 ** 62, -2 ** 63, 2 ** 200, 0.0, -0.0, 1.5, float("inf"), "", "weight", "é\0", b"", b"\0\xff",
         [], [1, [2]], (), (1, (None, "x")), {}, {"b": 1, "a": {3: [], -1: ()}}]
DTYPES = encode.DTYPES


def content_of(value):
    return b"".join(encode.encode(value))


def same(left, right):
    """Equal in value, type and order, with -0.0 told from 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return struct.pack("d", left) == struct.pack("d", right) if isinstance(left, float) else left == right


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_value_comes_back(value):
    assert same(value, encode.decode(content_of(value)))


def test_bytes_worked_out_by_hand():
    assert b"d\x02" b"s\x01a" b"i\x01\x05" b"s\x01b" b"l\x03" b"NTf" + struct.pack("<d", 1.5) == content_of({"a": 5, "b": [None, True, 1.5]})
    assert b"x" b"\x04\x02\x02\x01" + struct.pack("<ii", 1, -2) == content_of(ops.tensor([[1], [-2]], dtype=ops.int32))


@pytest.mark.parametrize("name", DTYPES)
def test_tensor_of_every_dtype_comes_back(name):
    tensor = ops.tensor([[0, 1, 1], [1, 0, 1]], dtype=getattr(ops, name))
    back = encode.decode(content_of(tensor))

    assert (tensor.dtype, (2, 3)) == (back.dtype, tuple(back.shape))
    assert tensor.tolist() == back.tolist()


@pytest.mark.parametrize("sizes", [(), (0,), (3, 0, 2), (1, 1, 1)])
def test_shape_comes_back(sizes):
    assert sizes == tuple(encode.decode(content_of(ops.ones(sizes))).shape)


def test_layout_does_not_show():
    tensor = ops.arange(24).reshape(4, 6)

    assert state_digest(tensor.t().contiguous()) == state_digest(tensor.t())
    assert state_digest(tensor[:, ::2].contiguous()) == state_digest(tensor[:, ::2])
    assert state_digest(tensor[1:].clone()) == state_digest(tensor[1:])


def test_tensor_that_requires_grad_is_saved_by_value():
    assert not encode.decode(content_of(ops.ones(2, requires_grad=True))).requires_grad


def test_digest_tells_every_difference():
    values = [0, 0.0, -0.0, False, None, "", b"", [], (), {}, "0", [0], (0,), {"a": 0}, {"a": 0, "b": 1}, {"b": 1, "a": 0}, ops.zeros(1), ops.zeros(1, 1),
              ops.zeros(1, dtype=ops.float64), -ops.zeros(1), ops.zeros(0)]

    assert len(values) == len({state_digest(value) for value in values})


def test_subclasses_come_back_plain():
    from collections import OrderedDict

    assert same({"b": (2, 3), "a": 1}, encode.decode(content_of(OrderedDict(b=ops.ones(2, 3).shape, a=1))))


@pytest.mark.parametrize("value, record", [({"a": [object()]}, "state.a.0"), ({"a": {1.5: 2}}, "state.a"), ({True: 1}, "state"), ({1}, "state"),
                                           ({"x": 1 << 600}, "state.x"), (["\ud800"], "state.0"), ([lambda: 0], "state.0"), (1j, "state")])
def test_value_that_cannot_be_saved_is_named(value, record):
    with pytest.raises(CheckpointError) as caught:
        content_of(value)

    assert record == caught.value.record


def test_state_that_holds_itself_is_refused():
    state = []
    state.append(state)

    with pytest.raises(CheckpointError, match="deep"):
        content_of(state)


@pytest.mark.parametrize("content, rule", [
    (b"", "length"), (b"?", "tag"), (b"NN", "trailing"), (b"f\0\0", "length"), (b"s\x02a", "length"), (b"s\x01\xff", "text"),
    (b"s\x80\x00", "canonical"), (b"i\x02\x05\x00", "canonical"), (b"i\x00", "canonical"), (b"i\x41" + b"\x01" * 65, "canonical"),
    (b"l" + b"\xff" * 8 + b"\x7f", "length"), (b"l" + b"\xff" * 12, "range"),
    (b"d\x02s\x01aNs\x01aN", "key"), (b"d\x01NN" + b"N", "key"), (b"d\x01TN" + b"N", "key"),
    (b"l\x01" * 80 + b"N", "depth"), (b"d\x01N", "length"),
    (b"x\x0f\x00", "tensor"), (b"x\x0b\x41" + b"\x01" * 65, "tensor"), (b"x\x0b\x01\x02" + b"\0" * 7, "length"), (b"x\x00\x01\x02\x00\x02", "tensor"),
    (b"x\x0b\x02" + b"\x80\x80\x80\x80\x80\x80\x80\x80\x40" * 2, "tensor"), (b"x\x0b\x02\x00" + b"\xff" * 8 + b"\x7f", "tensor"),
    (b"x\x0b\x01" + b"\x80\x80\x80\x80\x80\x80\x01", "length"),
])
def test_hostile_content_is_refused_by_the_right_check(content, rule):
    with pytest.raises(CheckpointError) as caught:
        encode.decode(content)

    assert rule == caught.value.rule
    assert 0 <= caught.value.offset <= len(content)


def test_accepted_content_is_canonical():
    """Any change of one byte is refused, or it is the canonical form of another state."""
    content = content_of({"model": {"w": ops.tensor([[1.5, -2.0]]), "b": ops.tensor([True])}, "steps": [1, -300, None], "name": "é"})
    for at in range(len(content)):
        for byte in range(256):
            changed = content[:at] + bytes([byte]) + content[at + 1:]
            try:
                state = encode.decode(changed)
            except CheckpointError:
                continue

            assert changed == content_of(state)


def test_example_of_the_document_is_what_is_written():
    document = pathlib.Path(__file__).parents[2] / "docs" / "state-file.md"
    (example,) = re.findall(r"^`(64 02[^`]*)`", document.read_text(), re.M)

    assert bytes.fromhex(example.replace("|", "")) == content_of({"a": 5, "w": ops.tensor([[1], [-2]], dtype=ops.int32)})
