"""Bytes of the values around the tensors: nested None, bool, int, float, complex, str, bytes, list, tuple, dict,
OrderedDict, dtype, device and Size, with a number in place of each tensor.

    None, True, False   tag
    int                 tag, length, two's complement, little end first, shortest
    float, complex      tag, 8 or 16 bytes IEEE 754
    str, bytes, device  tag, length, content (UTF-8)
    list, tuple         tag, count, the items
    dict                tag, count, pairs of key and value: ints by value, then strs by their UTF-8 bytes
    OrderedDict         tag, count, pairs in their own order, which is part of what it is equal to
    dtype               tag, dtype id
    Size                tag, count, the sizes
    tensor              tag, number of its record in the tensor table

Lengths, counts and numbers are LEB128 in their shortest form. There is one way to write a value and the reader
(`frankentorch/_ext/state_values.pyx`) refuses any other. At most 64 levels, 500,000 values, keys and the numbers of Sizes
included, and 1,000 integer keys beyond 2^60, which could all have one hash. Subclasses of dict and list come back plain; a container held in two places comes back as two.
"""

import struct
import unicodedata
from collections import OrderedDict

from frankentorch._ext.state_values import WIDE, ValueReader, limits
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch._size import Size
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.names import check_key, key_order, step

# Position = dtype id in the file. Never reorder.
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
MAX_DEPTH, MAX_INT_NBYTES, MAX_VALUES, MAX_WIDE_KEYS = (limits[name] for name in ("depth", "int_nbytes", "values", "wide_keys"))
MAX_NBYTES = 1 << 28


class Flattener:
    """Turns a state into bytes; `tensors` gathers (name, tensor) in the order met, `places` where each number is due.

    Tensor numbers are known only when all names are (records are sorted by name), so they are joined in by `finish`.
    """

    def __init__(self):
        self.pieces, self.tensors, self.values, self.wide_keys = [], [], 0, 0

    def add(self, value, name="", depth=0):
        put = self.pieces.append
        if depth > MAX_DEPTH:
            raise CheckpointError("depth", f"the state is nested more than {MAX_DEPTH} deep, or holds itself", record=name)
        self.values += 1 + (len(value) if isinstance(value, Size) else 0)
        if self.values > MAX_VALUES:
            raise CheckpointError("range", f"the state holds more than {MAX_VALUES} values (keys included); save large data as tensors", record=name)
        if value is None:
            put(b"N")
        elif value is True or value is False:
            put(b"T" if value else b"F")
        elif isinstance(value, Tensor):
            self.tensors.append((name, value))
            put(len(self.tensors) - 1)
        elif isinstance(value, int):
            content = int_bytes(value, name)
            put(b"i" + number(len(content)) + content)
        elif isinstance(value, float):
            put(b"f" + struct.pack("<d", value))
        elif isinstance(value, complex):
            put(b"c" + struct.pack("<dd", value.real, value.imag))
        elif isinstance(value, str):
            put(self.text(b"s", value, name))
        elif isinstance(value, (bytes, bytearray)):
            put(b"b" + number(len(value)) + value)
        elif isinstance(value, dict):
            self.add_mapping(value, name, depth)
        elif isinstance(value, Size):
            put(b"z" + number(len(value)) + b"".join(number(size) for size in value))
        elif isinstance(value, list) or type(value) is tuple:
            put((b"l" if isinstance(value, list) else b"t") + number(len(value)))
            for position, item in enumerate(value):
                self.add(item, step(name, position), depth + 1)
        elif isinstance(value, ops.dtype):
            put(b"y" + bytes([DTYPES.index(dtype_name(value, name))]))
        elif isinstance(value, ops.device):
            put(self.text(b"v", str(value), name))
        else:
            raise CheckpointError("type", f"cannot save a value of type {type(value).__module__}.{type(value).__qualname__}\n"
                                  "  allowed: None, bool, int, float, complex, str, bytes, list, tuple, dict, OrderedDict, dtype, device, Size, Tensor",
                                  record=name)

    def add_mapping(self, value, name, depth):
        for key in value:
            check_key(key, name)
            self.wide_keys += isinstance(key, int) and not -WIDE < key < WIDE
        if self.wide_keys > MAX_WIDE_KEYS:
            raise CheckpointError("key", f"more than {MAX_WIDE_KEYS} integer keys beyond 2^60", record=name)
        ordered = isinstance(value, OrderedDict)
        self.pieces.append((b"o" if ordered else b"d") + number(len(value)))
        for key in value if ordered else sorted(value, key=key_order):
            below = step(name, key)
            self.add(key, below, depth + 1)
            self.add(value[key], below, depth + 1)

    @staticmethod
    def text(tag, value, name):
        try:
            content = value.encode()
        except UnicodeEncodeError:
            raise CheckpointError("text", "cannot save a str with lone surrogates", record=name) from None
        return tag + number(len(content)) + content

    def finish(self):
        """(bytes of the tree, [(name, tensor)] sorted by the UTF-8 bytes of their names)."""
        order = sorted(range(len(self.tensors)), key=lambda at: self.tensors[at][0].encode())
        places = {at: place for place, at in enumerate(order)}
        tree = b"".join(b"x" + number(places[piece]) if isinstance(piece, int) else piece for piece in self.pieces)
        if len(tree) > MAX_NBYTES:
            raise CheckpointError("range", f"the values of the state need {len(tree)} bytes, more than {MAX_NBYTES}; save large data as tensors")
        return tree, [self.tensors[at] for at in order]


def decode(content, tensors, names, start=0):
    """The state whose bytes are `content`.

    Parameters
    ----------
    content : bytes-like
    tensors : sequence
        What stands for each tensor number; all are used, once each.
    names : sequence of str
        Name of each; a tensor's place in the tree must have it.
    start : int
        Offset of `content` in the file, for errors.

    Raises
    ------
    CheckpointError
        `content` is not the canonical form of any state. Nothing larger than `content` is made before that is known.
    """
    return ValueReader(content, list(tensors), list(names), _Policy(start)).read()


class _Policy:
    """What the compiled reader asks of the layers above it."""

    dtypes, device, size, step = [getattr(ops, name) for name in DTYPES], staticmethod(ops.device), Size, staticmethod(step)

    def __init__(self, start):
        self.start = start

    @staticmethod
    def is_normal(text):
        return unicodedata.is_normalized("NFC", text)

    def bad(self, rule, message, at, record):
        return CheckpointError(rule, message, record=record, offset=self.start + at)


def dtype_name(dtype, record):
    name = str(dtype).rpartition(".")[2]
    if name not in DTYPES:
        raise CheckpointError("type", f"cannot save dtype {name}", record=record)
    return name


def number(n):
    """LEB128: seven bits per byte, low end first."""
    if n < 128:
        return bytes((n,))
    found = bytearray()
    while n >= 128:
        found.append(n & 127 | 128)
        n >>= 7
    found.append(n)
    return bytes(found)


def int_bytes(value, record):
    nbytes = _int_nbytes(value)
    if nbytes > MAX_INT_NBYTES:
        raise CheckpointError("range", f"cannot save an int of more than {8 * MAX_INT_NBYTES} bits", record=record)
    return int(value).to_bytes(nbytes, "little", signed=True)


def _int_nbytes(value):
    """Bytes of the shortest two's complement; one for 0. The sign takes a bit, and -128 needs no more than 127."""
    return (value if value >= 0 else ~value).bit_length() // 8 + 1
