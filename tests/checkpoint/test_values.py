"""Canonical bytes of values: each has one form, and the reader takes no other."""

from collections import OrderedDict

import pytest

from frankentorch import ops
from frankentorch._size import Size
from frankentorch.checkpoint import CheckpointError
from frankentorch.checkpoint.names import step
from frankentorch.checkpoint.values import MAX_VALUES, MAX_WIDE_KEYS, Flattener, decode, int_bytes, number
from tests.checkpoint.states import same

PLAIN = [None, True, False, 0, 1, -1, 127, 128, -128, -129, 2 ** 62, -2 ** 63, 2 ** 200, 0.0, -0.0, 1.5, float("inf"), "", "weight", "é\0", b"", b"\0\xff",
         [], [1, [2]], (), (1, (None, "x")), {}, {"b": 1, "a": {3: [], -1: ()}}, OrderedDict([("b", 1), ("a", 2)]), 1 - 2j, ops.float32, ops.device("cpu"),
         Size([2, 3]), Size([])]


def content_of(value):
    flat = Flattener()
    flat.add(value)
    return flat.finish()[0]


def read(content, count=0):
    return decode(content, [None] * count, ["w"] * count)


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_value_comes_back(value):
    assert same(value, read(content_of(value)))


def test_bytes_worked_out_by_hand():
    """The dict is sorted: a before b."""
    assert b"d\x02" b"s\x01a" b"i\x01\x05" b"s\x01b" b"l\x03" b"NTf" + bytes(6) + b"\xf8\x3f" == content_of({"b": [None, True, 1.5], "a": 5})
    assert b"d\x01s\x01wx\x00" == content_of({"w": ops.ones(2)})
    assert b"o\x02s\x01bi\x01\x01s\x01ai\x01\x00" == content_of(OrderedDict(b=1, a=0))


def test_dict_order_does_not_show():
    assert content_of({"a": 1, 2: 0, "b": 2, -1: 5}) == content_of({"b": 2, -1: 5, "a": 1, 2: 0})


def test_names_tell_all_places_apart():
    keys = [3, "3", "a/b", "a~b", "a~1b", "~3", "", -3, "-3", "~23", "x"]

    assert len(keys) == len({step("", key) for key in keys}) == len({step("top", key) for key in keys})
    assert ["top/3", "top/~23", "top/a~1b", "~3"] == [step("top", 3), step("top", "3"), step("top", "a/b"), step("", "")]


@pytest.mark.parametrize("value, record", [({"a": [object()]}, "a/0"), ({"a": {1.5: 2}}, "a"), ({True: 1}, ""), ({1}, ""), ({"x": 1 << 600}, "x"),
                                           (["\ud800"], "0"), ([lambda: 0], "0"), ({"e\u0301": 1}, "")])
def test_value_that_cannot_be_saved_is_named(value, record):
    with pytest.raises(CheckpointError) as caught:
        content_of(value)

    assert record == caught.value.record


def test_state_that_holds_itself_is_refused():
    state = []
    state.append(state)

    with pytest.raises(CheckpointError, match="deep"):
        content_of(state)


HOSTILE = [
    (b"", "length"), (b"?", "tag"), (b"NN", "trailing"), (b"f\0\0", "length"), (b"s\x02a", "length"), (b"s\x01\xff", "text"), (b"c\0", "length"),
    (b"s\x80\x00", "canonical"), (b"i\x02\x05\x00", "canonical"), (b"i\x00", "canonical"), (b"i\x41" + b"\x01" * 65, "canonical"),
    (b"l" + b"\xff" * 8 + b"\x7f", "length"), (b"l" + b"\xff" * 12, "range"), (b"z\x05\x01", "length"),
    (b"o\x02s\x01aNs\x01aN", "key"), (b"d\x02s\x01bNs\x01aN", "canonical"), (b"d\x02s\x01aNi\x01\x01N", "canonical"), (b"d\x01NN" + b"N", "key"), (b"d\x01TN" + b"N", "key"),
    (b"d\x01s\x03e\xcc\x81N", "name"), (b"l\x01" * 80 + b"N", "depth"), (b"d\x01N", "length"), (b"x\x00", "tensor"), (b"y\x0f", "dtype"), (b"y", "length"),
    (b"v\x03gpu", "device"), (b"v\x00", "device"), (b"d\x01l\x00N", "key"),
]


@pytest.mark.parametrize("content, rule", HOSTILE, ids=repr)
def test_hostile_values_are_refused_by_the_right_check(content, rule):
    with pytest.raises(CheckpointError) as caught:
        read(content)

    assert rule == caught.value.rule
    assert 0 <= caught.value.offset <= len(content) if caught.value.offset is not None else rule == "name"


@pytest.mark.parametrize("content, rule", [(b"d\x02s\x01wx\x00s\x01xx\x00", "tensor"), (b"d\x01s\x01wx\x01", "tensor"), (b"d\x01s\x01vx\x00", "name"), (b"N", "tensor"), (b"x\x80\x00", "canonical")])
def test_every_tensor_is_used_once_under_its_name(content, rule):
    with pytest.raises(CheckpointError) as caught:
        read(content, 1)

    assert rule == caught.value.rule


def test_accepted_content_is_canonical():
    """Any change of one byte is refused, or it is the canonical form of another state."""
    content = content_of({"b": [1, -300, None, 2.5], "name": "é", "o": OrderedDict(z=1, a=(True, b"x")), "d": ops.float16, "s": Size([3, 200])})
    accepted = 0
    for at in range(len(content)):
        for byte in range(256):
            changed = content[:at] + bytes([byte]) + content[at + 1:]
            try:
                state = read(changed)
            except CheckpointError:
                continue
            accepted += 1

            assert changed == content_of(state)
    assert accepted > len(content)


def test_as_many_values_as_there_may_be():
    """The list is one of them."""
    most = b"l" + number(MAX_VALUES - 1) + b"N" * (MAX_VALUES - 1)

    assert [None] * (MAX_VALUES - 1) == read(most) and most == content_of([None] * (MAX_VALUES - 1))
    with pytest.raises(CheckpointError, match="values"):
        content_of([None] * MAX_VALUES)
    for more in (b"l" + number(MAX_VALUES) + b"N" * MAX_VALUES, b"z" + number(MAX_VALUES) + b"\1" * MAX_VALUES):
        with pytest.raises(CheckpointError) as caught:
            read(more)

        assert "range" == caught.value.rule


def test_keys_of_one_hash_are_few():
    """Multiples of 2^61 - 1 all have the hash 0; beyond a thousand of them a dict takes quadratic time."""
    keys = [key * ((1 << 61) - 1) for key in range(1, MAX_WIDE_KEYS + 2)]
    few = dict.fromkeys(keys[1:])

    assert few == read(content_of(few))
    with pytest.raises(CheckpointError, match="2\\^60"):
        content_of(dict.fromkeys(keys))
    for tag in (b"d", b"o"):
        with pytest.raises(CheckpointError) as caught:
            read(tag + number(len(keys)) + b"".join(b"i" + number(len(content)) + content + b"N" for content in (int_bytes(key, "") for key in keys)))

        assert "key" == caught.value.rule


@pytest.mark.parametrize("content, name", [(b"l\x02Nd\x01s\x01a?", "1/a"), (b"d\x01s\x01at\x02Nl\x01o\x01s\x033/4?", "a/1/0/3~14"), (b"d\x01i\x01\x05d\x01s\x015?", "5/~25"),
                                           (b"l\x02l\x01l\x00l\x01?", "1/0"), (b"?", "")], ids=repr)
def test_errors_name_the_place(content, name):
    with pytest.raises(CheckpointError) as caught:
        read(content)

    assert ("tag", name, len(content)) == (caught.value.rule, caught.value.record, caught.value.offset)
