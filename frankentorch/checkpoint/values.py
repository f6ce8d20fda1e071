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

Lengths, counts and numbers are LEB128 in their shortest form. There is one way to write a value and the reader refuses
any other. Subclasses of dict and list come back plain; a container held in two places comes back as two.
"""

import struct
from collections import OrderedDict

from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch._size import Size
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.names import check_key, key_order, step

# Position = dtype id in the file. Never reorder.
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
MAX_DEPTH = 64
MAX_INT_NBYTES = 64
MAX_NBYTES = 1 << 28
(NONE, TRUE, FALSE, INT, FLOAT, COMPLEX, STR, BYTES, DEVICE, LIST, TUPLE, DICT, ORDERED, DTYPE, SIZE, TENSOR) = b"NTFifcsbvltdoyzx"
_LITERALS = {NONE: None, TRUE: True, FALSE: False}
_SMALLEST_ITEM = {LIST: 1, TUPLE: 1, DICT: 3, ORDERED: 3, SIZE: 1}  # bytes; bounds a count before anything is made for it


class Flattener:
    """Turns a state into bytes; `tensors` gathers (name, tensor) in the order met, `places` where each number is due.

    Tensor numbers are known only when all names are (records are sorted by name), so they are joined in by `finish`.
    """

    def __init__(self):
        self.pieces, self.tensors, self._objects = [], [], 0

    def add(self, value, name="", depth=0):
        put = self.pieces.append
        if depth > MAX_DEPTH:
            raise CheckpointError("depth", f"the state is nested more than {MAX_DEPTH} deep, or holds itself", record=name)
        self._objects += 1
        if self._objects > MAX_NBYTES:
            raise CheckpointError("range", f"the state holds more than {MAX_NBYTES} values", record=name)
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
    reader = _Reader(content, tensors, names, start)
    state = reader.value("", 0)
    if reader.at != len(reader.content):
        raise reader.bad("trailing", f"{len(reader.content) - reader.at} bytes follow the end of the values", "")
    if reader.used != len(tensors):
        raise reader.bad("tensor", f"{len(tensors)} tensors are in the file, {reader.used} in its values", "")
    return state


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


class _Reader:
    """A position in canonical bytes. Every length is checked against what is left before it is used."""

    def __init__(self, content, tensors, names, start):
        self.content, self.at, self.start = bytes(content), 0, start
        self.tensors, self.names, self.used = tensors, names, 0
        self.seen = bytearray(len(tensors))

    def bad(self, rule, message, record):
        return CheckpointError(rule, message, record=record, offset=self.start + self.at)

    def take(self, nbytes, record):
        if nbytes > len(self.content) - self.at:
            raise self.bad("length", f"{nbytes} bytes are announced, {len(self.content) - self.at} are left", record)
        self.at += nbytes
        return self.content[self.at - nbytes:self.at]

    def number(self, record):
        n = 0
        for shift in range(0, 63, 7):
            byte = self.take(1, record)[0]
            n |= (byte & 127) << shift
            if byte < 128:
                if byte == 0 and shift:
                    raise self.bad("canonical", "a length is not in its shortest form", record)
                return n
        raise self.bad("range", "a length above 2^63", record)

    def value(self, record, depth):
        if depth > MAX_DEPTH:
            raise self.bad("depth", f"nested more than {MAX_DEPTH} deep", record)
        tag = self.take(1, record)[0]
        if tag in _LITERALS:
            return _LITERALS[tag]
        if tag == TENSOR:
            return self.tensor(record)
        if tag == INT:
            return self.integer(record)
        if tag == FLOAT:
            return struct.unpack("<d", self.take(8, record))[0]
        if tag == COMPLEX:
            return complex(*struct.unpack("<dd", self.take(16, record)))
        if tag == STR:
            return self.text(record)
        if tag == BYTES:
            return self.take(self.number(record), record)
        if tag in (LIST, TUPLE):
            found = [self.value(step(record, n), depth + 1) for n in range(self.count(tag, record))]
            return found if tag == LIST else tuple(found)
        if tag in (DICT, ORDERED):
            return self.mapping(tag, record, depth)
        if tag == DTYPE:
            return self.dtype(record)
        if tag == DEVICE:
            return self.device(record)
        if tag == SIZE:
            return Size([self.number(record) for _ in range(self.count(tag, record))])
        raise self.bad("tag", f"unknown tag {bytes([tag])!r}", record)

    def count(self, tag, record):
        count = self.number(record)
        if count * _SMALLEST_ITEM[tag] > len(self.content) - self.at:
            raise self.bad("length", f"{count} items are announced, {len(self.content) - self.at} bytes are left", record)
        return count

    def integer(self, record):
        nbytes = self.number(record)
        content = self.take(nbytes, record)
        value = int.from_bytes(content[:MAX_INT_NBYTES], "little", signed=True)
        if nbytes != _int_nbytes(value):
            raise self.bad("canonical", "an int is too long or not in its shortest form", record)
        return value

    def text(self, record):
        try:
            return str(self.take(self.number(record), record), "utf-8")
        except UnicodeDecodeError:
            raise self.bad("text", "a str is not UTF-8", record) from None

    def mapping(self, tag, record, depth):
        found, last = (OrderedDict() if tag == ORDERED else {}), None
        for _ in range(self.count(tag, record)):
            if self.at < len(self.content) and self.content[self.at] not in (INT, STR):
                raise self.bad("key", "a key is neither str nor int", record)
            key = self.value(record, depth + 1)
            check_key(key, record)
            if key in found:
                raise self.bad("key", f"a key is repeated: {key!r:.80}", record)
            if tag == DICT:
                order = key_order(key)
                if last is not None and order <= last:
                    raise self.bad("canonical", f"the keys of a dict are not in order at {key!r:.80}", record)
                last = order
            found[key] = self.value(step(record, key), depth + 1)
        return found

    def tensor(self, record):
        place = self.number(record)
        if place >= len(self.tensors) or self.seen[place]:
            raise self.bad("tensor", f"tensor number {place} is used twice or not in the file", record)
        if self.names[place] != record:
            raise self.bad("name", f"the tensor recorded as {self.names[place]!r:.80} stands at another place", record)
        self.seen[place] = 1
        self.used += 1
        return self.tensors[place]

    def dtype(self, record):
        code = self.take(1, record)[0]
        if code >= len(DTYPES):
            raise self.bad("dtype", f"dtype id {code}; the last one known is {len(DTYPES) - 1}", record)
        return getattr(ops, DTYPES[code])

    def device(self, record):
        text = self.text(record)
        try:
            device = ops.device(text)
        except (RuntimeError, ValueError, TypeError):
            raise self.bad("device", f"no such device: {text!r:.80}", record) from None
        if str(device) != text:
            raise self.bad("canonical", f"a device is not written in its one form: {text!r:.80}", record)
        return device
