"""A generated corpus of hostile `.ftc` and `.rq` files: every digest in them is right, something else is not.

`cases()` yields (name, bytes, rules): the reader must refuse with one of the rules. `accepted()` yields what looks odd and
must be read, by a documented rule.
"""
import struct

import zstandard

from frankentorch import checkpoint, ops
from frankentorch.checkpoint import index, sidecar
from frankentorch._ext.state_values import limits
from frankentorch.checkpoint.geometry import NO_STORAGE, Record
from frankentorch.checkpoint.values import int_bytes, number
from frankentorch.checkpoint.writer import Content

U64 = (1 << 64) - 1


def state():
    return {"a": ops.arange(6, dtype=ops.float32), "b": ops.tensor([True, False, True]), "c": ops.arange(8, dtype=ops.int16).reshape(2, 4), "e": ops.zeros(0, 2),
            "n": [1, "x", None], "t": ops.arange(40, dtype=ops.float64)}


SMALL = object()


class Forge:
    """The parts of a small file, to be changed and sealed again with right digests."""

    def __init__(self, compression="stored", obj=SMALL):
        self.content = Content(state() if obj is SMALL else obj, compression)
        pieces = []
        self.content.write(lambda *more: pieces.extend(bytes(piece) for piece in more))
        self.original = b"".join(pieces)
        self.head = bytearray(self.original[:32])
        footer = index.Footer.unpack(self.original[-160:], len(self.original))
        both = index.Index(index.Header.unpack(self.original[:64]), footer, self.original[footer.state_at:footer.layout_at], self.original[footer.layout_at:-160])
        self.data = bytearray(self.original[64:footer.state_at])
        self.records = [both.record(place) for place in range(both.n_tensors)]
        self.storages = [both.storage(number)[:2] for number in range(both.n_storages)]
        self.digests = [bytes(both.state[both.digests_at + 32 * k:both.digests_at + 32 * k + 32]) for k in range(both.n_chunks)]
        self.tree = bytes(both.tree())
        self.filters = list(both.layout[:both.n_storages])
        self.chunks = [list(index.CHUNK.unpack_from(both.layout, both.chunks_at + 48 * k)) for k in range(both.n_chunks)]
        self.chunk_nbytes = both.chunk_nbytes
        self.state_edit = self.layout_edit = self.footer_edit = lambda content: content

    def seal(self):
        """The file, with every digest made anew."""
        state_section = self.state_edit(index.pack_state(self.records, self.storages, self.digests, self.tree, self.chunk_nbytes))
        layout = self.layout_edit(index.pack_layout(self.filters, self.chunks))
        at = 64 + len(self.data)
        fields = [at + len(state_section) + len(layout) + 160, at, len(state_section), at + len(state_section), len(layout), index.blake3(state_section), index.blake3(layout)]
        footer = self.footer_edit(index.FOOTER.pack(index.END_MAGIC, *fields, bytes(32))[:-32])
        head = bytes(self.head)
        return head + index.blake3(head) + bytes(self.data) + state_section + layout + footer + index.blake3(footer)

    def replace(self, target, **fields):
        self.records = [record._replace(**fields) if record.name == target else record for record in self.records]

    def chunk(self, number, content):
        """Put other bytes in the place of a chunk of the same length, digests and all."""
        offset, length, _ = self.chunks[number]
        self.data[offset - 64:offset - 64 + length] = content
        self.chunks[number][2] = index.blake3(content)


def forged(edit, compression="stored"):
    forge = Forge(compression)
    edit(forge)
    return forge.seal()


def set_at(at, content):
    """An edit of a section: overwrite bytes."""
    def edit(section):
        return section[:at] + content + section[at + len(content):]
    return edit


def cases():
    yield from header_cases()
    yield from footer_cases()
    yield from state_cases()
    yield from record_cases()
    yield from chunk_cases()
    yield from frame_cases()
    yield from value_cases()


def header_cases():
    good = Forge().original
    for name, content in {"empty": b"", "magic only": good[:8], "text": b"hello world, this is no checkpoint at all", "zip": b"PK\x03\x04" + bytes(300), "gzip": b"\x1f\x8b" + bytes(300),
                          "pickle": b"\x80\x02}q\0." + bytes(300), "tar": bytes(257) + b"ustar" + bytes(300), "zeros": bytes(5000), "prefix": b"#!/bin/sh\n" + good, "older": b"FTSTATE1" + good[8:]}.items():
        yield f"header {name}", content, {"magic", "length"}
    for at in range(8):
        yield f"header magic byte {at}", good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1:], {"magic"}
    for major, minor in ((0, 0), (2, 0), (1, 1), (65535, 0), (1, 65535)):
        yield f"version {major}.{minor}", forged(lambda f, v=(major, minor): f.head.__setitem__(slice(8, 12), struct.pack("<HH", *v))), {"version"}
    for name, at, value in [("codec 2", 12, 2), ("codec 255", 12, 255), ("level of stored", 13, 1), ("level 23", 13, 23), ("zero 14", 14, 1), ("zero 15", 15, 1), ("library of stored", 16, 1)] + [
            (f"zero {at}", at, 1) for at in range(20, 32)]:
        yield f"header {name}", forged(lambda f, at=at, value=value: f.head.__setitem__(at, value)), {"header"}
    yield "header stored called zstd", forged(lambda f: f.head.__setitem__(12, 1)), {"index", "frame", "digest"}
    yield "header zstd called stored", forged(lambda f: f.head.__setitem__(slice(12, 20), bytes(8)), "zstd"), {"index", "filter"}
    for name, content in {"without its digest": good[:32] + bytes(32) + good[64:], "twice": good[:64] + good}.items():
        yield f"header {name}", content, {"digest", "length"}


def footer_cases():
    good = Forge().original
    yield "footer missing", good[:-160], {"footer", "length"}
    yield "footer twice", good + good[-160:], {"length"}
    yield "footer of another file", good[:-160] + Forge(obj=[ops.ones(3)]).original[-160:], {"length", "digest", "footer", "index"}
    for name, tail in {"one byte more": b"\0", "newline": b"\n", "a zip after it": b"PK\x03\x04" + bytes(60), "a page more": bytes(4096)}.items():
        yield f"trailing {name}", good + tail, {"footer", "length"}
    values = (0, 1, 63, 64, 1 << 31, 1 << 32, 1 << 62, 1 << 63, U64)
    for field, at in (("file length", 8), ("state offset", 16), ("state length", 24), ("layout offset", 32), ("layout length", 40)):
        for value in values:
            content = forged(lambda f, at=at, value=value: setattr(f, "footer_edit", set_at(at, struct.pack("<Q", value))))
            if content != good:
                yield f"footer {field} {value:#x}", content, {"length", "footer", "digest", "range", "index"}
    for at in range(112, 128, 5):
        yield f"footer zero {at}", forged(lambda f, at=at: setattr(f, "footer_edit", set_at(at, b"\1"))), {"length"}
    for name, at in (("root", 48), ("layout digest", 80)):
        yield f"footer wrong {name}", forged(lambda f, at=at: setattr(f, "footer_edit", set_at(at, bytes(32)))), {"digest"}
    yield "footer magic", forged(lambda f: setattr(f, "footer_edit", set_at(0, b"FTCEND\n\n"))), {"footer"}


def state_cases():
    for field, at in (("chunk size", 8), ("tensors", 16), ("storages", 24), ("chunks", 32), ("records length", 40), ("values length", 48)):
        for value in (0, 1, 3, 1 << 24, (1 << 24) + 1, 1 << 40, 1 << 63, U64):
            if (field, value) == ("chunk size", 1 << 24):
                continue  # allowed: the file is another one, with another root
            yield f"state {field} {value:#x}", forged(lambda f, at=at, value=value: setattr(f, "state_edit", set_at(at, struct.pack("<Q", value)))), {"index", "tensor", "length", "order"}
    yield "state magic", forged(lambda f: setattr(f, "state_edit", set_at(0, b"FTCSTATA"))), {"index"}
    yield "state short", forged(lambda f: setattr(f, "state_edit", lambda content: content[:-1])), {"index"}
    yield "state long", forged(lambda f: setattr(f, "state_edit", lambda content: content + b"\0")), {"index"}
    for value in (1, 7, 1 << 20, U64):
        yield f"state first record at {value}", forged(lambda f, value=value: setattr(f, "state_edit", set_at(56, struct.pack("<Q", value)))), {"index"}
        yield f"state second record at {value}", forged(lambda f, value=value: setattr(f, "state_edit", set_at(64, struct.pack("<Q", value)))), {"index"}
    yield "layout short", forged(lambda f: setattr(f, "layout_edit", lambda content: content[:-1])), {"index"}
    yield "layout long", forged(lambda f: setattr(f, "layout_edit", lambda content: content + bytes(48))), {"index"}
    yield "layout padding", forged(lambda f: setattr(f, "layout_edit", set_at(5, b"\1"))), {"padding"}


def record_cases():
    def edit(name, rules, **fields):
        return f"record {name}", forged(lambda f: f.replace("a", **fields)), rules

    yield edit("dtype 15", {"dtype"}, dtype=15)
    yield edit("dtype 255", {"dtype"}, dtype=255)
    yield edit("flags 4", {"flags"}, flags=4)
    yield edit("flags 255", {"flags"}, flags=255)
    yield "record integer requires grad", forged(lambda f: f.replace("c", flags=1)), {"flags"}
    for storage in (1, 4, 1000, NO_STORAGE - 1, NO_STORAGE):
        yield edit(f"storage {storage}", {"index", "order", "layout", "alias"}, storage=storage)
    for offset in (1, 6, 1 << 31, 1 << 61, 1 << 62, 1 << 63, U64):
        yield edit(f"offset {offset:#x}", {"layout", "hull"}, offset=offset)
    for sizes, strides in [((7,), (1,)), ((5,), (1,)), ((1 << 62,), (0,)), ((U64,), (1,)), ((U64, U64), (0, 0)), ((6,), (2,)), ((6,), (U64,)), ((2,), (1 << 62,)), ((0,), (1,)), ((0, U64), (1, 1)),
                           ((1 << 31, 1 << 31, 1 << 31), (0, 0, 0)), ((1 << 30, 1 << 30), (0, 0)), ((), ()), ((3, 3), (3, 1)), ((2, 3), (4, 1))]:
        yield edit(f"sizes {sizes} strides {strides}", {"layout", "hull"}, sizes=sizes, strides=strides)
    yield edit("65 dims", {"index"}, sizes=(1,) * 65, strides=(1,) * 65)
    yield edit("255 dims", {"index"}, sizes=(1,) * 255, strides=(1,) * 255)
    for name in ("", "z", "b", "A", "a/b", "a\0", "e\u0301", "\u212b", "../../etc/passwd", "/abs", "a\\b", "x" * 5000):
        yield f"name {name[:20]!r}", forged(lambda f, name=name: f.replace("a", name=name)), {"order", "name", "tensor"}
    yield "name not UTF-8", forged(lambda f: setattr(f, "state_edit", lambda content: content.replace(b"\0\0\0\0\0\0\0\0a", b"\0\0\0\0\0\0\0\0\xff", 1))), {"name"}
    yield "names exchanged", forged(lambda f: f.records.reverse()), {"order"}
    yield "record twice", forged(lambda f: f.records.insert(0, f.records[0])), {"order"}
    yield "record too many", forged(lambda f: f.records.append(Record("zz", 11, 0, NO_STORAGE, 0, (0,), (1,)))), {"tensor"}
    yield "record missing", forged(lambda f: f.records.pop()), {"index"}
    yield "two dtypes of one storage", forged(lambda f: f.records.insert(1, Record("aa", 4, 0, 0, 0, (6,), (1,)))), {"alias"}
    yield "empty tensor with a storage", forged(lambda f: f.replace("e", storage=0)), {"layout"}
    yield "empty tensor with an offset", forged(lambda f: f.replace("e", offset=1)), {"layout"}
    yield "lengths of sizes and strides", forged(lambda f: setattr(f, "state_edit", lambda content: content.replace(b"\x01\0\x0b\0\x01", b"\x01\0\x0b\0\x02", 1))), {"index"}


def chunk_cases():
    def edit(name, change, rules):
        return f"chunk {name}", forged(change), rules

    for value in (0, 1, 63, 65, 128, 1 << 32, 1 << 63, U64):
        yield edit(f"offset {value:#x}", lambda f, value=value: f.chunks[1].__setitem__(0, value) if value != 128 else f.chunks[0].__setitem__(0, value), {"index", "digest"})
    for value in (0, 1, 25, 1 << 32, 1 << 63, U64):
        yield edit(f"length {value:#x}", lambda f, value=value: f.chunks[0].__setitem__(1, value), {"index", "digest"})
    yield edit("stored digest", lambda f: f.chunks[0].__setitem__(2, bytes(32)), {"index", "digest"})
    yield edit("content digest", lambda f: f.digests.__setitem__(0, bytes(32)), {"index", "digest"})
    yield edit("overlap", lambda f: f.chunks.__setitem__(1, [*f.chunks[0][:1], *f.chunks[1][1:]]), {"index", "digest"})
    yield edit("exchanged", lambda f: f.chunks.reverse(), {"index", "digest"})
    for value in (0, 23, 25, 1 << 40, 1 << 62, U64):
        yield edit(f"storage length {value:#x}", lambda f, value=value: f.storages.__setitem__(0, (value, 0)), {"index", "hull", "layout", "order"})
    for value in (1, 5, 1 << 24, U64):
        yield edit(f"storage first chunk {value:#x}", lambda f, value=value: f.storages.__setitem__(0, (24, value)), {"index", "order"})
    for value in (1, 2, 3, 4, 255):
        yield edit(f"filter {value} of a stored file", lambda f, value=value: f.filters.__setitem__(0, value), {"filter"})
    yield edit("too many", lambda f: (f.chunks.append(f.chunks[0]), f.digests.append(f.digests[0])), {"index"})
    yield edit("too few", lambda f: (f.chunks.pop(), f.digests.pop()), {"index"})
    yield edit("storage unused", lambda f: f.storages.append((8, 4)), {"index"})
    for at, mark in ((30, b"\1"), (60, b"x")):
        yield edit(f"padding {at}", lambda f, at=at, mark=mark: f.data.__setitem__(slice(at, at + 1), mark), {"padding", "digest"})
    yield edit("bytes more before the index", lambda f: f.data.extend(bytes(64)), {"index"})
    yield edit("bool 2", lambda f: _bool(f, b"\1\0\2"), {"bool"})
    yield edit("bool 255", lambda f: _bool(f, b"\xff\xff\xff"), {"bool"})
    yield edit("bytes changed", lambda f: f.data.__setitem__(0, f.data[0] ^ 1), {"digest"})


def _bool(forge, content):
    forge.chunk(1, content)
    forge.digests[1] = forge.chunks[1][2]


def frame_cases():
    """zstd frames; the stored digest is right, the frame is not one that a save writes."""
    content = Forge().data[:24]
    shuffled = b"".join(bytes(content[k::4]) for k in range(4))

    def pack(text, **options):
        return zstandard.ZstdCompressor(**{"level": 1, "write_checksum": True, "write_content_size": True, "write_dict_id": False, **options}).compress(text)

    words = [b"the quick brown fox %d" % k * 20 for k in range(200)]
    dictionary = zstandard.train_dictionary(1024, words)
    good = pack(shuffled)
    bad_checksum = good[:-1] + bytes([good[-1] ^ 1])
    stream = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj()
    frames = {
        "without checksum": pack(shuffled, write_checksum=False), "checksum wrong": bad_checksum, "without content size": stream.compress(shuffled) + stream.flush(),
        "two frames": good + good, "frame and a byte": good + b"\0", "skippable frame first": b"\x50\x2a\x4d\x18\4\0\0\0abcd" + good, "skippable frame after": good + b"\x50\x2a\x4d\x18\4\0\0\0abcd",
        "frame cut": good[:-6], "one byte": b"\x28", "magic only": b"\x28\xb5\x2f\xfd", "no zstd": b"this is not zstd", "content shorter": pack(shuffled[:23]), "content longer": pack(shuffled + b"\0"),
        "content empty": pack(b""), "dictionary": zstandard.ZstdCompressor(level=1, dict_data=dictionary, write_checksum=True).compress(shuffled),
        "reserved block type": good[:4] + bytes([good[4]]) + good[5:6] + b"\x07\xff\xff" + good[9:], "reserved bit of the descriptor": good[:4] + bytes([good[4] | 8]) + good[5:],
        "other content": pack(bytes(24)), "legacy magic": b"\x27\xb5\x2f\xfd" + good[4:],
        "giant window": b"\x28\xb5\x2f\xfd\x84\xa8" + struct.pack("<I", 24) + good[6:],
        "content size lies high": good[:5] + b"\xff" + good[6:], "content size lies low": good[:5] + b"\x01" + good[6:],
    }
    for name, frame in frames.items():
        yield f"frame {name}", forged(lambda f, frame=frame: first_frame(f, frame), "zstd"), {"frame", "digest"}
    for value in (1, 3, 5, 8, 16, 255):
        yield f"frame filter {value}", forged(lambda f, value=value: f.filters.__setitem__(0, value), "zstd"), {"filter"}
    yield "frame filter other", forged(lambda f: f.filters.__setitem__(0, 2), "zstd"), {"digest"}
    yield "frame length longer than it may be", forged(lambda f: first_frame(f, good + bytes(5000)), "zstd"), {"index"}
    bomb = Forge("zstd", {"w": ops.zeros(1 << 10)})
    size = 1 << 33
    bomb.records = [Record("w", 11, 0, 0, 0, (size // 4,), (1,))]
    frame = pack(bytes(1 << 20))
    count = size >> 20
    bomb.storages, bomb.filters = [(size, 0)], [0]
    bomb.digests = [index.blake3(bytes(1 << 20))] * count
    one = index.blake3(frame)
    bomb.chunks = [[64 + k * len(frame), len(frame), one] for k in range(count)]
    bomb.data = bytearray(frame * count)
    bomb.data += bytes(-len(bomb.data) % 64)
    yield "frame bomb of 8 GiB", bomb.seal(), {"ratio"}


def first_frame(forge, frame):
    """Another first frame; the ones after it move."""
    old = forge.chunks[0][1]
    end = forge.chunks[-1][0] + forge.chunks[-1][1] - 64
    forge.data = bytearray(frame + bytes(forge.data[old:end]))
    forge.chunks[0][1:] = [len(frame), index.blake3(frame)]
    for chunk in forge.chunks[1:]:
        chunk[0] += len(frame) - old
    forge.data += bytes(-len(forge.data) % 64)


def value_cases():
    trees = {"empty": b"", "unknown tag": b"?", "trailing": b"NN", "deep": b"l\x01" * 100 + b"N", "very deep": b"l\x01" * 100_000 + b"N", "wide": b"l" + b"\xff" * 8 + b"\x7f",
             "long length": b"s" + b"\xff" * 9 + b"\x01", "no UTF-8": b"s\x02\xc3\x28", "int long": b"i\x02\x05\x00", "int huge": b"i\x41" + b"\1" * 65, "float cut": b"f\0\0\0", "key None": b"d\x01NN",
             "key twice": b"d\x02s\x01qNs\x01qN", "keys unsorted": b"d\x02s\x01rNs\x01qN", "int after str": b"d\x02s\x01aNi\x01\x01N", "key NFD": b"d\x01s\x03e\xcc\x81N", "dtype 15": b"y\x0f",
             "device": b"v\x03gpu", "device index": b"v\x05cpu:0", "size cut": b"z\x09\x01", "tensor 99": b"x\x63", "tensor twice": b"l\x02x\x00x\x00", "tensors unused": b"N", "count lies": b"t\x05NNN",
             "pickle": b"\x80\x02cos\nsystem\n.", "bytes cut": b"b\x09abc"}
    for name, tree in trees.items():
        yield f"values {name}", forged(lambda f, tree=tree: setattr(f, "tree", tree)), {"tag", "length", "trailing", "depth", "range", "text", "canonical", "key", "dtype", "device", "tensor", "name"}


def accepted():
    """Odd, and read: what the document allows."""
    yield "wide view", checkpoint.dumps({"w": ops.ones(1).expand(1 << 40)}), frozenset()
    yield "many ties", checkpoint.dumps({f"t{k}": one for k, one in enumerate([ops.ones(3)] * 50)}), frozenset()
    yield "empty dict", checkpoint.dumps({}), frozenset()
    yield "zeros", checkpoint.dumps(ops.zeros(1 << 22)), frozenset()


def heavy():
    """Files that make a reader work for every byte: as many values or tensors as a file may hold, whole, and with something wrong at the very end;
    and files that would make it work for longer than their size allows. (name, bytes, rules, bytes of tensors); an empty set for what must be read."""
    values, tensors = limits["values"], index.MAX_TENSORS
    trees = {"None": b"N" * (values - 1), "ints": b"i\x02\x00\x7f" * (values - 1), "empty lists": b"l\0" * (values - 1), "empty dicts": b"d\0" * (values - 1), "empty OrderedDicts": b"o\0" * (values - 1),
             "empty Sizes": b"z\0" * (values - 1), "texts": b"s\x01a" * (values - 1), "devices": b"v\x03cpu" * (values - 1), "dtypes": b"y\x0b" * (values - 1), "floats": b"f01234567" * (values - 1)}
    plain = Forge(obj=None)
    for name, items in trees.items():
        tree = b"l" + number(values - 1) + items
        plain.tree = tree
        yield f"{values} values, {name}", plain.seal(), frozenset()
        plain.tree = tree[:-1] + b"?"
        yield f"{values} values, {name}, the last one wrong", plain.seal(), {"tag", "length", "canonical", "device", "dtype", "text", "key"} if name not in ("floats", "texts", "ints") else frozenset()
    plain.tree = b"l" + number(values) + b"N" * values
    yield "one value too many", plain.seal(), {"range"}
    keys = {"ints": [b"i" + number(len(content)) + content for content in (int_bytes(key, "") for key in range(values // 2 - 1))],
            "strings": sorted(b"s\x06%06d" % key for key in range(values // 2 - 1))}
    for name, found in keys.items():
        plain.tree = b"d" + number(len(found)) + b"".join(key + b"N" for key in found)
        yield f"a dict of {len(found)} {name}", plain.seal(), frozenset()
    modulus = (1 << 61) - 1
    found = [int_bytes(key * modulus, "") for key in range(50_000)]
    plain.tree = b"d" + number(len(found)) + b"".join(b"i" + number(len(content)) + content + b"N" for content in found)
    yield "50,000 keys of one hash", plain.seal(), {"key"}
    for name, one in {"tiny": lambda: ops.ones(1), "empty": lambda: ops.zeros(0), "64 dims": lambda: ops.ones((1,) * 64)}.items():
        for codec in ("stored", "zstd"):
            forge = Forge(codec, [one() for _ in range(tensors)])
            yield f"{tensors} tensors, {name}, {codec}", forge.original, frozenset()
            forge.tree = forge.tree[:-1] + b"N"
            yield f"{tensors} tensors, {name}, {codec}, wrong at the end", forge.seal(), {"length", "tensor", "canonical", "name", "trailing"}
    tied = ops.ones(1)
    forge = Forge(obj=[tied] * tensors)
    yield f"{tensors} tensors, tied", forge.original, frozenset()
    forge.records.append(Record("zz", 11, 0, NO_STORAGE, 0, (0,), (1,)))
    yield "one tensor too many", forge.seal(), {"index"}
    shrunk = Forge("zstd", ops.zeros(1 << 26))
    yield "256 MiB of zeros", shrunk.original, frozenset(), 256 << 20
    forge = Forge("zstd", ops.zeros(1 << 26))
    forge.digests[-1] = bytes(32)
    yield "256 MiB of zeros, the last digest wrong", forge.seal(), {"digest"}, 256 << 20


def sidecar_cases(content):
    """(name, bytes of the sidecar): with a damaged file beside it, repair must refuse or give the very file."""
    pieces = []
    view = memoryview(content)
    root = index.Footer.unpack(content[-160:], len(content)).root
    identity = sidecar.write_records(view, lambda *more: pieces.extend(more), 0.1, root)
    size = identity.symbol
    first = len(identity.plan.members(0))

    def record(esi=first, kind=0, number=0, payload=None, **changes):
        return identity._replace(**changes).pack(kind, number, esi, bytes(size) if payload is None else payload)

    yield "empty", b""
    yield "text", b"hello" * 100
    yield "magic flood", sidecar.MAGIC * 4000
    yield "heads without symbols", b"".join(piece[:sidecar.HEAD_NBYTES] for piece in pieces)
    for name, changes in {"length 0": {"nbytes": 0}, "length 2^62": {"nbytes": 1 << 62}, "length 2^64 - 1": {"nbytes": U64}, "objects": {"objects": 9}, "objects 2^32 - 1": {"objects": 0xFFFFFFFF},
                          "repair 0": {"repair": 0}, "repair 2^32 - 1": {"repair": 0xFFFFFFFF}, "longer file": {"nbytes": len(content) + size}, "shorter file": {"nbytes": len(content) // 2},
                          "file id": {"file_id": bytes(32)}, "root": {"root": b"\7" * 32}}.items():
        yield f"one record, {name}", record(**changes)
        yield f"all records, {name}", b"".join(record(esi, **changes) for esi in range(first, first + identity.repair))
        yield f"mixed in, {name}", b"".join(pieces) + record(**changes)
    for name, options in {"kind 2": {"kind": 2}, "object 7": {"number": 7}, "ESI of a source symbol": {"esi": 0}, "ESI 2^24": {"esi": 1 << 24}, "ESI past the last": {"esi": first + identity.repair}}.items():
        yield f"mixed in, {name}", b"".join(pieces) + record(**options)
    yield "same ESI, two contents", b"".join(pieces) + record(payload=b"\1" * size)
    yield "forged symbols", b"".join(pieces[:-identity.repair]) + b"".join(record(first + k, payload=bytes([k]) * size) for k in range(identity.repair))
    yield "trailing bytes", b"".join(pieces) + bytes(1000)
    yield "twice", b"".join(pieces) * 2
    other = []
    sidecar.write_records(memoryview(bytes(len(content))), lambda *more: other.extend(more), 0.1, bytes(32))
    yield "of another file", b"".join(other)
    yield "half of another file", b"".join(pieces[:len(pieces) // 2] + other[len(other) // 2:])
    yield "records exchanged", b"".join(reversed(pieces))
    table = identity.table_plan.symbols + identity.repair * identity.table_plan.objects
    yield "without its table", b"".join(pieces[table:])
    yield "without its symbols", b"".join(pieces[:table])
    yield "larger than the file", b"".join(pieces) + bytes(len(content) * 3)
