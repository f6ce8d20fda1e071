"""A second reader of `.ftc` files, from docs/checkpoint-format.md alone: plain Python, no part of the package.

`read(content)` gives nested values; a tensor is a Tensor tuple with its elements' bytes in row-major order.
"""
import re
import struct
import unicodedata
from collections import OrderedDict, namedtuple

import zstandard
from blake3 import blake3

Tensor = namedtuple("Tensor", "dtype sizes strides storage offset flags content")
DTYPES = "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128".split()
ITEMSIZE = dict(zip(DTYPES, (1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16)))


class Wrong(Exception):
    """The file breaks a rule of the document."""


def need(fact, rule):
    if not fact:
        raise Wrong(rule)


def hash_of(content):
    return blake3(bytes(content)).digest()


def read(f):
    """The state in the bytes of a file, and its content root."""
    f = bytes(f)
    need(len(f) >= 224 and f[:8] == b"\x89FTC\r\n\x1a\n" and hash_of(f[:32]) == f[32:64], "header")
    major, minor, codec, level, zero, library = struct.unpack_from("<HHBBHI", f, 8)
    need((major, minor, zero, f[20:32]) == (1, 0, 0, bytes(12)) and codec in (0, 1) and level <= 22 and (codec or not level and not library), "header")
    end = len(f) - 160
    need(f[end:end + 8] == b"FTCEND\r\n" and hash_of(f[end:-32]) == f[-32:] and f[end + 112:end + 128] == bytes(16), "footer")
    length, at, size, layout_at, layout_size = struct.unpack_from("<5Q", f, end + 8)
    need(length == len(f) and at % 64 == 0 and at >= 64 and size >= 56 and layout_at == at + size and layout_at + layout_size == end, "footer")
    state, layout = f[at:layout_at], f[layout_at:end]
    need(hash_of(state) == f[end + 48:end + 80] and hash_of(layout) == f[end + 80:end + 112], "index")
    records, storages, digests, values, chunk_size = tables(state)
    geometry(records, storages)
    contents = chunks(f, codec, at, storages, digests, layout, records, chunk_size)
    tensors = [tensor(record, contents) for record in records]
    values = Values(values, tensors)
    result = values.value("", 0)
    need(values.at == len(values.content) and all(values.used), "values")
    return result, hash_of(state).hex()


def tables(state):
    magic, chunk_size, n_tensors, n_storages, n_chunks, records_size, values_size = struct.unpack_from("<8s6Q", state)
    need(magic == b"FTCSTATE" and chunk_size in [1 << k for k in range(16, 25)] and n_tensors <= 1 << 16 and max(n_storages, n_chunks) <= 1 << 24, "state")
    need(56 + 8 * n_tensors + records_size + 16 * n_storages + 32 * n_chunks + values_size == len(state), "state")
    at = 56 + 8 * n_tensors
    starts = [*struct.unpack_from(f"<{n_tensors}Q", state, 56), records_size]
    need(starts[0] == 0 and all(starts[k] + 20 <= starts[k + 1] for k in range(n_tensors)), "records")
    records = [record(state[at + starts[k]:at + starts[k + 1]]) for k in range(n_tensors)]
    names = [one[0].encode() for one in records]
    need(all(a < b for a, b in zip(names, names[1:])), "order")
    at += records_size
    storages = [struct.unpack_from("<QQ", state, at + 16 * k) for k in range(n_storages)]
    at += 16 * n_storages
    digests = [state[at + 32 * k:at + 32 * k + 32] for k in range(n_chunks)]
    return records, storages, digests, state[at + 32 * n_chunks:], chunk_size


def record(piece):
    length, dtype, flags, ndim, zero, storage, offset = struct.unpack_from("<HBBB3sIQ", piece)
    need(dtype < 15 and flags < 4 and ndim <= 64 and zero == bytes(3) and len(piece) == 20 + length + 16 * ndim, "record")
    need(not flags & 1 or dtype >= 9, "flags")
    try:
        name = piece[20:20 + length].decode()
    except UnicodeDecodeError:
        raise Wrong("name") from None
    need(unicodedata.is_normalized("NFC", name), "name")
    numbers = struct.unpack_from(f"<{2 * ndim}Q", piece, 20 + length)
    return name, DTYPES[dtype], flags, storage, offset, numbers[:ndim], numbers[ndim:]


def geometry(records, storages):
    spans, dtypes = {}, {}
    for _, dtype, _, storage, offset, sizes, strides in records:
        extent = ITEMSIZE[dtype]
        for size in sizes:
            extent *= max(size, 1)
        need(extent < 1 << 62 and all(stride < 1 << 62 for stride in strides), "layout")
        if 0 in sizes:
            need(storage == 0xFFFFFFFF and offset == 0, "layout")
            continue
        need(storage in spans or storage == len(spans), "order")
        need(storage < len(storages) and dtypes.setdefault(storage, dtype) == dtype, "alias")
        last = offset + sum((n - 1) * s for n, s in zip(sizes, strides)) + 1
        low, high = spans.get(storage, (offset, 0))
        spans[storage] = min(low, offset), max(high, last)
    need(len(spans) == len(storages), "storages")
    for number, (nbytes, _) in enumerate(storages):
        need(nbytes and spans[number][0] == 0 and spans[number][1] * ITEMSIZE[dtypes[number]] == nbytes, "hull")


def chunks(f, codec, end, storages, digests, layout, records, chunk_size):
    """Bytes of every storage."""
    n, at, number, contents = len(storages), 64, 0, []
    need(len(layout) == n + -n % 8 + 48 * len(digests) and not any(layout[n:n + -n % 8]), "layout section")
    need(sum(nbytes for nbytes, _ in storages) <= (256 << 20) + 8 * len(f), "ratio")
    dtypes = {storage: dtype for _, dtype, _, storage, *_ in records}
    for s, (nbytes, first) in enumerate(storages):
        width, parts = layout[s], []
        need(first == number and width in (0, 2, 4, 8) and width <= ITEMSIZE[dtypes[s]] and (codec or not width), "filter")
        if not codec:
            need(not any(f[at:at + -at % 64]), "padding")
            at += -at % 64
        for place in range(0, nbytes, chunk_size):
            wanted = min(chunk_size, nbytes - place)
            need(number < len(digests), "chunks")
            offset, length, stored = struct.unpack_from("<QQ32s", layout, n + -n % 8 + 48 * number)
            need(offset == at and 0 < length and offset + length <= end and (codec or length == wanted), "chunks")
            piece = f[offset:offset + length]
            need(hash_of(piece) == stored, "digest")
            piece = unshuffled(unpacked(piece, wanted), width) if codec else piece
            need(hash_of(piece) == digests[number], "digest")
            parts.append(piece)
            at, number = at + length, number + 1
        contents.append(b"".join(parts))
        need(dtypes[s] != "bool" or not contents[-1].translate(None, b"\0\1"), "bool")
    need(number == len(digests) and at + -at % 64 == end and not any(f[at:end]), "chunks")
    return contents


def unpacked(frame, wanted):
    try:
        facts = zstandard.get_frame_parameters(frame)
        need(facts.content_size == wanted and facts.has_checksum and not facts.dict_id and facts.window_size <= 1 << 24, "frame")
        return zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError:
        raise Wrong("frame") from None


def unshuffled(piece, width):
    if not width:
        return piece
    count, out = len(piece) // width, bytearray(len(piece))
    for k in range(width):
        out[k::width] = piece[k * count:(k + 1) * count]
    return bytes(out)


def tensor(record, contents):
    name, dtype, flags, storage, offset, sizes, strides = record
    places, itemsize = [offset], ITEMSIZE[dtype]
    for size, stride in zip(sizes, strides):
        places = [place + k * stride for place in places for k in range(size)]
    content = b"".join(contents[storage][itemsize * place:itemsize * (place + 1)] for place in places) if 0 not in sizes else b""
    return name, Tensor(dtype, sizes, strides, storage, offset, flags, content)


class Values:
    def __init__(self, content, tensors):
        self.content, self.at, self.tensors, self.used, self.seen, self.wide = content, 0, tensors, [False] * len(tensors), 0, 0

    def take(self, n):
        need(n <= len(self.content) - self.at, "length")
        self.at += n
        return self.content[self.at - n:self.at]

    def number(self):
        digits = [self.take(1)[0]]
        while digits[-1] & 128:
            need(len(digits) < 9, "range")
            digits.append(self.take(1)[0])
        need(digits[-1] or len(digits) == 1, "canonical")
        return sum((digit & 127) << 7 * k for k, digit in enumerate(digits))

    def text(self):
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError:
            raise Wrong("text") from None

    def value(self, name, depth):
        self.seen += 1
        need(depth <= 64 and self.seen <= 500000, "depth")
        tag = self.take(1)
        if tag in b"NTF":
            return {b"N": None, b"T": True, b"F": False}[tag]
        if tag == b"i":
            content = self.take(self.number())
            found = int.from_bytes(content, "little", signed=True)
            need(0 < len(content) <= 64 and len(content) == (found if found >= 0 else ~found).bit_length() // 8 + 1, "canonical")
            return found
        if tag in b"fc":
            parts = struct.unpack("<d" if tag == b"f" else "<dd", self.take(8 if tag == b"f" else 16))
            return parts[0] if tag == b"f" else complex(*parts)
        if tag in b"sbv":
            return self.take(self.number()) if tag == b"b" else self.text() if tag == b"s" else ("device", self.text())
        if tag == b"y":
            return "dtype", DTYPES[self.take(1)[0]]
        if tag == b"x":
            place = self.number()
            need(place < len(self.tensors) and not self.used[place] and self.tensors[place][0] == name, "tensor")
            self.used[place] = True
            return self.tensors[place][1]
        need(tag in b"ltzdo", "tag")
        count = self.number()
        need(count <= len(self.content), "count")
        if tag == b"z":
            self.seen += count
            need(self.seen <= 500000, "range")
            return "size", tuple(self.number() for _ in range(count))
        if tag in b"lt":
            return {b"l": list, b"t": tuple}[tag](self.value(self.step(name, k), depth + 1) for k in range(count))
        return self.mapping(tag, name, depth, count)

    def mapping(self, tag, name, depth, count):
        found, last = OrderedDict() if tag == b"o" else {}, None
        for _ in range(count):
            key = self.value(name, depth + 1)
            need(type(key) in (int, str) and key not in found and unicodedata.is_normalized("NFC", str(key)), "key")
            self.wide += type(key) is int and abs(key) >= 1 << 60
            need(self.wide <= 1000, "key")
            order = (0, key, b"") if type(key) is int else (1, 0, key.encode())
            need(tag == b"o" or last is None or last < order, "canonical")
            found[key], last = self.value(self.step(name, key), depth + 1), order
        return found

    @staticmethod
    def step(name, key):
        if isinstance(key, str):
            key = key.replace("~", "~0").replace("/", "~1")
            key = "~2" + key if re.fullmatch(r"-?[0-9]+", key) else key
        return f"{name}/{key}" if name else str(key) or "~3"
