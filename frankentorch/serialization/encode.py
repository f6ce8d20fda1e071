"""One byte string for each state: nested None, bool, int, float, str, bytes, list, tuple, dict and Tensor.

    None, True, False   tag
    int                 tag, length, two's complement, little end first, shortest
    float               tag, 8 bytes IEEE 754
    str, bytes          tag, length, content (UTF-8)
    list, tuple, dict   tag, count, the items (a dict: key, value, in the order of the dict; keys are str or int)
    Tensor              tag, dtype id, number of dimensions, sizes, the elements in row-major order

Lengths, counts and sizes are LEB128 numbers in their shortest form. There is one way to write a value, and the reader
refuses any other, so equal bytes mean equal states and the digest of the bytes names the state. What a tensor is besides
its values (strides, shared storage, requires_grad) is not part of it; subclasses of dict, list and tuple come back plain.
"""

import hashlib
import struct

from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError

# Position = dtype id in the file. Never reorder.
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
MAX_DEPTH = 64
MAX_NDIM = 64
MAX_INT_NBYTES = 64
NONE, TRUE, FALSE, INT, FLOAT, STR, BYTES, LIST, TUPLE, DICT, TENSOR = (tag.encode() for tag in "NTFifsbltdx")
_SEQUENCES = {LIST: list, TUPLE: tuple}
_SMALLEST_ITEM = {LIST: 1, TUPLE: 1, DICT: 3}  # bytes; bounds a count before anything is made for it


def state_digest(state):
    """SHA-256 of a state's canonical bytes, as 64 hexadecimal digits.

    Raises
    ------
    CheckpointError
        The state holds a value of another type.
    """
    found = hashlib.sha256()
    for piece in encode(state):
        found.update(piece)
    return found.hexdigest()


def encode(value, record="state", depth=0):
    """Yield the canonical bytes of `value` in pieces; a tensor's elements are a view of its memory, not a copy."""
    if depth > MAX_DEPTH:
        raise CheckpointError("depth", f"state is nested more than {MAX_DEPTH} deep, or holds itself", record=record)
    if value is None:
        yield NONE
    elif value is True or value is False:
        yield TRUE if value else FALSE
    elif isinstance(value, int):
        yield from _sized(INT, _int_bytes(value, record))
    elif isinstance(value, float):
        yield FLOAT + struct.pack("<d", value)
    elif isinstance(value, str):
        yield from _sized(STR, _str_bytes(value, record))
    elif isinstance(value, (bytes, bytearray)):
        yield from _sized(BYTES, bytes(value))
    elif isinstance(value, Tensor):
        yield from _encode_tensor(value, record)
    elif isinstance(value, dict):
        yield DICT + _number(len(value))
        for key, item in value.items():
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise CheckpointError("type", f"a key of a saved dict must be str or int, not {type(key).__name__}", record=record)
            yield from encode(key, record, depth + 1)
            yield from encode(item, f"{record}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        yield (LIST if isinstance(value, list) else TUPLE) + _number(len(value))
        for position, item in enumerate(value):
            yield from encode(item, f"{record}.{position}", depth + 1)
    else:
        raise CheckpointError("type", f"cannot save a value of type {type(value).__module__}.{type(value).__qualname__}\n"
                              "  allowed: None, bool, int, float, str, bytes, list, tuple, dict, Tensor", record=record)


def decode(content):
    """The state whose canonical bytes are `content`.

    Raises
    ------
    CheckpointError
        `content` is not the canonical form of any state. Nothing larger than `content` is made before that is known.
    """
    reader = _Reader(content)
    state = reader.value("state", 0)
    if reader.at != len(content):
        raise reader.bad("trailing", f"{len(content) - reader.at} bytes follow the end of the state", "state")
    return state


def _sized(tag, content):
    yield tag + _number(len(content))
    yield content


def _number(n):
    """LEB128: seven bits per byte, low end first."""
    found = bytearray()
    while n >= 128:
        found.append(n & 127 | 128)
        n >>= 7
    found.append(n)
    return bytes(found)


def _int_bytes(value, record):
    nbytes = _int_nbytes(value)
    if nbytes > MAX_INT_NBYTES:
        raise CheckpointError("range", f"cannot save an int of more than {8 * MAX_INT_NBYTES} bits", record=record)
    return int(value).to_bytes(nbytes, "little", signed=True)


def _int_nbytes(value):
    """Bytes of the shortest two's complement; one for 0. The sign takes a bit, and -128 needs no more than 127."""
    return (value if value >= 0 else ~value).bit_length() // 8 + 1


def _str_bytes(value, record):
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise CheckpointError("text", "cannot save a str with lone surrogates", record=record) from None


def _encode_tensor(tensor, record):
    name = str(tensor.dtype).rpartition(".")[2]
    if name not in DTYPES or tensor.device.type != "cpu":
        raise CheckpointError("type", f"cannot save a tensor of dtype {name} on device {tensor.device}", record=record)
    sizes = tuple(tensor.shape)
    yield TENSOR + bytes([DTYPES.index(name), len(sizes)]) + b"".join(map(_number, sizes))
    if tensor.numel():
        yield _elements(tensor)


def _elements(tensor):
    """Bytes of the elements in row-major order, without a copy when the tensor is laid out like that."""
    return memoryview(tensor.detach().contiguous().reshape(-1).view(ops.uint8))


class _Reader:
    """A position in canonical bytes. Every length is checked against what is left before it is used."""

    def __init__(self, content):
        self.content, self.at = memoryview(content), 0

    def bad(self, rule, message, record):
        return CheckpointError(rule, message, record=record, offset=self.at)

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
        tag = bytes(self.take(1, record))
        if tag in (NONE, TRUE, FALSE):
            return {NONE: None, TRUE: True, FALSE: False}[tag]
        if tag == INT:
            return self.integer(record)
        if tag == FLOAT:
            return struct.unpack("<d", self.take(8, record))[0]
        if tag == STR:
            return self.text(record)
        if tag == BYTES:
            return bytes(self.take(self.number(record), record))
        if tag in _SEQUENCES:
            return _SEQUENCES[tag]([self.value(f"{record}.{n}", depth + 1) for n in range(self.count(tag, record))])
        if tag == DICT:
            return self.mapping(record, depth)
        if tag == TENSOR:
            return self.tensor(record)
        raise self.bad("tag", f"unknown tag {tag!r}", record)

    def count(self, tag, record):
        count = self.number(record)
        if count * _SMALLEST_ITEM[tag] > len(self.content) - self.at:
            raise self.bad("length", f"{count} items are announced, {len(self.content) - self.at} bytes are left", record)
        return count

    def integer(self, record):
        content = self.take(self.number(record), record)
        value = int.from_bytes(content[:MAX_INT_NBYTES], "little", signed=True)
        if len(content) != _int_nbytes(value):
            raise self.bad("canonical", "an int is too long or not in its shortest form", record)
        return value

    def text(self, record):
        try:
            return str(self.take(self.number(record), record), "utf-8")
        except UnicodeDecodeError:
            raise self.bad("text", "a str is not UTF-8", record) from None

    def mapping(self, record, depth):
        found = {}
        for _ in range(self.count(DICT, record)):
            key = self.value(record, depth + 1)
            if type(key) not in (str, int) or key in found:
                raise self.bad("key", f"a key is repeated or neither str nor int: {key!r:.80}", record)
            found[key] = self.value(f"{record}.{key}", depth + 1)
        return found

    def tensor(self, record):
        dtype_id, ndim = self.take(2, record)
        if dtype_id >= len(DTYPES) or ndim > MAX_NDIM:
            raise self.bad("tensor", f"dtype id {dtype_id}, {ndim} dimensions: the last ones known are {len(DTYPES) - 1} and {MAX_NDIM}", record)
        sizes = [self.number(record) for _ in range(ndim)]
        dtype = getattr(ops, DTYPES[dtype_id])
        extent = 1
        for size in sizes:  # an empty tensor's other sizes must not overflow either: its strides are made of them
            extent *= max(size, 1)
        if extent * dtype.itemsize >= 1 << 63:
            raise self.bad("tensor", f"sizes {sizes} of {DTYPES[dtype_id]} overflow", record)
        if 0 in sizes:
            return ops.empty(sizes, dtype=dtype)
        content = self.take(extent * dtype.itemsize, record)
        if dtype is ops.bool and bytes(content).translate(None, b"\0\1"):
            raise self.bad("tensor", "a bool tensor holds a byte other than 0 and 1", record)
        return ops.frombuffer(bytearray(content), dtype=dtype).reshape(sizes)
